//! How one version of the service behaves.

use clap::Args;

/// The knobs of one version of the service.
///
/// They are both the flags of `serve` and what a scenario is made of, so a
/// behaviour can always be handed to a replica on its command line.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct Behaviour {
    /// Median of the time that a request waits, in milliseconds, before the
    /// latency factor
    #[arg(long, value_name = "MS", default_value_t = 40.0, value_parser = parse_amount)]
    pub median_ms: f64,

    /// Times by which every request is slower than that
    #[arg(long, value_name = "TIMES", default_value_t = 1.0, value_parser = parse_amount)]
    pub latency_factor: f64,

    /// Share of requests answered with 500, from 0 to 1
    #[arg(long, value_name = "SHARE", default_value_t = 0.002, value_parser = parse_share)]
    pub error_rate: f64,

    /// Memory that is taken and never given back, in megabytes a minute
    #[arg(long, value_name = "MB", default_value_t = 0.0, value_parser = parse_amount)]
    pub leak_mb_per_minute: f64,

    /// Rounds of hashing for each request; 100 000 take a core a millisecond
    /// or two
    #[arg(long, value_name = "ROUNDS", default_value_t = 200)]
    pub hash_rounds: u32,

    /// Serve traffic but never answer on /metrics
    #[arg(long)]
    pub silent: bool,
}

impl Behaviour {
    /// What a healthy version does; scenarios say what differs from it.
    pub const HEALTHY: Self = Self {
        median_ms: 40.0,
        latency_factor: 1.0,
        error_rate: 0.002,
        leak_mb_per_minute: 0.0,
        hash_rounds: 200,
        silent: false,
    };

    /// The flags of `serve` that make a replica behave like this.
    #[must_use]
    pub fn to_flags(&self) -> Vec<String> {
        let mut flags = vec![
            format!("--median-ms={}", self.median_ms),
            format!("--latency-factor={}", self.latency_factor),
            format!("--error-rate={}", self.error_rate),
            format!("--leak-mb-per-minute={}", self.leak_mb_per_minute),
            format!("--hash-rounds={}", self.hash_rounds),
        ];
        if self.silent {
            flags.push("--silent".to_owned());
        }
        flags
    }
}

/// Reads a share: a number from 0 to 1.
///
/// # Errors
///
/// A sentence for the command line.
pub fn parse_share(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
        _ => Err(format!("`{text}` is not a share from 0 to 1; write 0.04 for 4 %")),
    }
}

/// Reads an amount: a number from 0 to 10 000.
///
/// # Errors
///
/// A sentence for the command line.
pub fn parse_amount(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(amount) if (0.0..=10_000.0).contains(&amount) => Ok(amount),
        _ => Err(format!("`{text}` is not a number from 0 to 10000")),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Serve {
        #[command(flatten)]
        behaviour: Behaviour,
    }

    fn from_flags(flags: Vec<String>) -> Behaviour {
        Serve::try_parse_from(["serve".to_owned()].into_iter().chain(flags)).unwrap().behaviour
    }

    #[test]
    fn a_replica_without_flags_is_healthy() {
        assert_eq!(from_flags(Vec::new()), Behaviour::HEALTHY);
    }

    #[test]
    fn a_replica_does_what_the_scenario_says() {
        let told = Behaviour {
            median_ms: 12.5,
            latency_factor: 1.4,
            error_rate: 0.04,
            leak_mb_per_minute: 6.0,
            hash_rounds: 9,
            silent: true,
        };
        assert_eq!(from_flags(told.to_flags()), told);
    }

    #[test]
    fn a_share_is_not_a_percentage() {
        assert_eq!(
            parse_share("4"),
            Err("`4` is not a share from 0 to 1; write 0.04 for 4 %".to_owned())
        );
    }
}
