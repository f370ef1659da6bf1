//! How a balancer divides the traffic between the two versions.

use std::time::Duration;

/// The heaviest server that HAProxy knows.
const HEAVIEST: u32 = 256;

/// The percentages of the requests that each version gets. They add up to 100.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Weights {
    stable: u32,
    canary: u32,
}

impl Weights {
    /// The weight of one replica of each version, stable first, from 0 to 256:
    /// together the replicas of a version have its share.
    ///
    /// Exact unless the numbers of replicas have nothing in common and are
    /// large; then it is the nearest there is.
    #[must_use]
    pub fn of_replicas(self, stable_replicas: u8, canary_replicas: u8) -> [u32; 2] {
        let weights =
            [self.stable * u32::from(canary_replicas), self.canary * u32::from(stable_replicas)];
        let divisor = greatest_common_divisor(weights[0], weights[1]).max(1);
        let weights = weights.map(|weight| weight / divisor);
        let heaviest = weights[0].max(weights[1]);
        if heaviest <= HEAVIEST {
            return weights;
        }
        // A version that is to get something must not be rounded to nothing.
        weights.map(|weight| (weight * HEAVIEST).div_ceil(heaviest))
    }
}

fn greatest_common_divisor(one: u32, other: u32) -> u32 {
    if other == 0 { one } else { greatest_common_divisor(other, one % other) }
}

/// Weights that follow one another, each for an equal share of the recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    first: Weights,
    later: Vec<Weights>,
}

impl Schedule {
    /// The weights at the start, and during the warm-up.
    #[must_use]
    pub fn first(&self) -> Weights {
        self.first
    }

    /// The weights that come after, in their order.
    #[must_use]
    pub fn later(&self) -> &[Weights] {
        &self.later
    }

    /// How long each of the weights holds.
    #[must_use]
    pub fn share_of(&self, duration: Duration) -> Duration {
        duration.div_f64((self.later.len() + 1) as f64)
    }
}

/// Reads a schedule: `80/20`, or `95/5,75/25,50/50`.
///
/// # Errors
///
/// A sentence for the command line.
pub fn parse_schedule(text: &str) -> Result<Schedule, String> {
    let (first, later) = match text.split_once(',') {
        Some((first, later)) => (first, later.split(',').map(parse_weights).collect()),
        None => (text, Ok(Vec::new())),
    };
    Ok(Schedule { first: parse_weights(first)?, later: later? })
}

fn parse_weights(text: &str) -> Result<Weights, String> {
    let percentages = text
        .trim()
        .split_once('/')
        .and_then(|(stable, canary)| Some((stable.parse().ok()?, canary.parse().ok()?)));
    match percentages {
        Some((stable @ 0..=100, canary @ 0..=100)) if stable + canary == 100 => {
            Ok(Weights { stable, canary })
        }
        _ => Err(format!(
            "`{text}` are no weights; write the percentages of stable and canary, which add up to \
             100, as 95/5"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_replicas(text: &str, stable: u8, canary: u8) -> [u32; 2] {
        parse_schedule(text).unwrap().first().of_replicas(stable, canary)
    }

    #[test]
    fn a_version_has_its_share_on_any_number_of_replicas() {
        for (text, stable, canary, weights) in [
            ("95/5", 3, 3, [19, 1]),
            ("80/20", 4, 1, [1, 1]),
            ("95/5", 4, 1, [19, 4]),
            ("50/50", 3, 1, [1, 3]),
            ("100/0", 3, 1, [1, 0]),
            ("0/100", 3, 1, [0, 1]),
        ] {
            assert_eq!(of_replicas(text, stable, canary), weights, "{text} on {stable} + {canary}");
        }
    }

    #[test]
    fn no_replica_is_too_heavy_or_rounded_away() {
        for percent in 1..100_u32 {
            for (stable, canary) in [(50, 1), (1, 50), (50, 49), (50, 50)] {
                let weights = of_replicas(&format!("{}/{percent}", 100 - percent), stable, canary);
                assert!(weights.iter().all(|&weight| (1..=256).contains(&weight)), "{weights:?}");
            }
        }
    }

    #[test]
    fn a_schedule_divides_the_recording_evenly() {
        let schedule = parse_schedule("95/5, 75/25,50/50").unwrap();
        assert_eq!(schedule.first(), Weights { stable: 95, canary: 5 });
        assert_eq!(
            schedule.later(),
            [Weights { stable: 75, canary: 25 }, Weights { stable: 50, canary: 50 }]
        );
        assert_eq!(schedule.share_of(Duration::from_secs(600)), Duration::from_secs(200));
    }

    #[test]
    fn weights_are_two_percentages_that_add_up() {
        for text in ["95", "95/6", "95/5/0", "-5/105", "a/b", ""] {
            assert_eq!(
                parse_schedule(text).unwrap_err(),
                format!(
                    "`{text}` are no weights; write the percentages of stable and canary, which \
                     add up to 100, as 95/5"
                )
            );
        }
        assert!(parse_schedule("95/5,").is_err());
    }
}
