//! The scenarios by name: what differs between the two arms.

use crate::behaviour::Behaviour;
use crate::neighbour::Neighbour;

/// One experiment: two versions and the weather they run in.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// What it is called on the command line, and its recording's file name.
    pub name: &'static str,
    /// One sentence for `--list`: what happens to the canary.
    pub summary: &'static str,
    /// The version that is already in production.
    pub stable: Behaviour,
    /// The version on trial.
    pub canary: Behaviour,
    /// Who else uses the machine, if anybody.
    pub neighbour: Option<Neighbour>,
}

/// Every scenario there is.
pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "good",
        summary: "The canary is the same program with the same knobs.",
        stable: Behaviour::HEALTHY,
        canary: Behaviour::HEALTHY,
        neighbour: None,
    },
    Scenario {
        name: "slow",
        summary: "Every request to the canary takes 40 % longer; no more of them fail.",
        stable: Behaviour::HEALTHY,
        canary: Behaviour { latency_factor: 1.4, ..Behaviour::HEALTHY },
        neighbour: None,
    },
    Scenario {
        name: "failing",
        summary: "The canary fails 4 % of its requests instead of 0.2 %, as fast as before.",
        stable: Behaviour::HEALTHY,
        canary: Behaviour { error_rate: 0.04, ..Behaviour::HEALTHY },
        neighbour: None,
    },
    Scenario {
        name: "silent",
        summary: "The canary serves its traffic and never answers on /metrics.",
        stable: Behaviour::HEALTHY,
        canary: Behaviour { silent: true, ..Behaviour::HEALTHY },
        neighbour: None,
    },
    Scenario {
        name: "leaking",
        summary: "The canary keeps 20 MB more memory with every minute; nothing else changes.",
        stable: Behaviour::HEALTHY,
        canary: Behaviour { leak_mb_per_minute: 20.0, ..Behaviour::HEALTHY },
        neighbour: None,
    },
    Scenario {
        name: "noisy",
        summary: "Both arms are the same, and a neighbour takes the processor from both for a \
                  while.",
        stable: Behaviour { hash_rounds: 400_000, ..Behaviour::HEALTHY },
        canary: Behaviour { hash_rounds: 400_000, ..Behaviour::HEALTHY },
        neighbour: Some(Neighbour::IN_THE_MIDDLE),
    },
];

/// Finds a scenario by its name.
///
/// # Errors
///
/// A sentence for the command line that lists the names there are.
pub fn find(name: &str) -> Result<Scenario, String> {
    SCENARIOS.iter().find(|scenario| scenario.name == name).cloned().ok_or_else(|| {
        let known: Vec<_> = SCENARIOS.iter().map(|scenario| scenario.name).collect();
        format!("unknown scenario `{name}`; the scenarios are: {}", known.join(", "))
    })
}

/// Every scenario with its summary, one a line.
#[must_use]
pub fn describe_all() -> String {
    let lines: Vec<_> = SCENARIOS
        .iter()
        .map(|scenario| format!("{:<9}{}", scenario.name, scenario.summary))
        .collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_name_is_answered_with_the_known_ones() {
        assert_eq!(
            find("slwo").unwrap_err(),
            "unknown scenario `slwo`; the scenarios are: good, slow, failing, silent, leaking, \
             noisy"
        );
    }
}
