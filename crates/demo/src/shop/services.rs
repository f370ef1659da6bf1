//! What runs in the shop.

/// A service of the shop.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Service {
    /// Its name.
    pub name: &'static str,
    /// Requests a minute at an average hour, to both arms together.
    pub traffic: f64,
    /// Which share of its requests fails when all is well.
    pub errors: f64,
    /// How long half of its requests take at most, in seconds.
    pub median: f64,
    /// Processor time of a request, in seconds.
    pub work: f64,
    /// Memory of a replica, in bytes.
    pub memory: f64,
    /// Who looks after it.
    pub owner: &'static str,
}

/// Every service of the shop.
pub const SERVICES: [Service; 6] = [
    Service {
        name: "checkout",
        traffic: 9_000.0,
        errors: 0.000_6,
        median: 0.070,
        work: 0.008,
        memory: 310e6,
        owner: "ana",
    },
    Service {
        name: "search",
        traffic: 30_000.0,
        errors: 0.000_3,
        median: 0.040,
        work: 0.012,
        memory: 820e6,
        owner: "ben",
    },
    Service {
        name: "payments",
        traffic: 6_000.0,
        errors: 0.000_4,
        median: 0.120,
        work: 0.005,
        memory: 260e6,
        owner: "ana",
    },
    Service {
        name: "cart",
        traffic: 14_000.0,
        errors: 0.000_5,
        median: 0.020,
        work: 0.003,
        memory: 190e6,
        owner: "chidi",
    },
    Service {
        name: "recommendations",
        traffic: 20_000.0,
        errors: 0.001,
        median: 0.055,
        work: 0.015,
        memory: 1_400e6,
        owner: "dana",
    },
    Service {
        name: "gift-cards",
        traffic: 4.0,
        errors: 0.001,
        median: 0.080,
        work: 0.006,
        memory: 140e6,
        owner: "chidi",
    },
];

/// Returns the service of a name.
#[must_use]
pub fn service_named(name: &str) -> Option<&'static Service> {
    SERVICES.iter().find(|service| service.name == name)
}
