//! The Check files of the shop.

/// A Check file: anybody with these metrics in a Prometheus could use it as it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct CheckFile {
    /// What it is called.
    pub name: &'static str,
    /// What it says.
    pub text: &'static str,
}

/// What the others extend, and a file for each service.
const FILES: [CheckFile; 7] = [
    CheckFile { name: "shop.yaml", text: include_str!("checks/shop.yaml") },
    CheckFile { name: "checkout.yaml", text: include_str!("checks/checkout.yaml") },
    CheckFile { name: "search.yaml", text: include_str!("checks/search.yaml") },
    CheckFile { name: "payments.yaml", text: include_str!("checks/payments.yaml") },
    CheckFile { name: "cart.yaml", text: include_str!("checks/cart.yaml") },
    CheckFile { name: "recommendations.yaml", text: include_str!("checks/recommendations.yaml") },
    CheckFile { name: "gift-cards.yaml", text: include_str!("checks/gift-cards.yaml") },
];

/// Returns every Check file of the shop: what the others extend first, then one for each service.
#[must_use]
pub fn check_files() -> &'static [CheckFile] {
    &FILES
}

/// Returns the Check file of a service, and the one that it extends.
pub(crate) fn of_service(name: &str) -> Vec<CheckFile> {
    let [shared, own @ ..] = &FILES;
    let own = own.iter().find(|file| file.name.strip_suffix(".yaml") == Some(name));
    own.into_iter().chain([shared]).copied().collect()
}
