//! Chance that is the same whenever it is asked for.

use serin_stats::normal;

/// A place in a stream of chance: the same words lead to the same place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chance(u64);

impl Chance {
    pub(super) fn of(seed: u64) -> Self {
        Self(mixed(seed))
    }

    /// Returns the chance of something more special.
    pub(super) fn number(self, number: i64) -> Self {
        Self(mixed(self.0 ^ mixed(number.cast_unsigned())))
    }

    /// Returns the chance of something that is called so.
    pub(super) fn word(self, word: &str) -> Self {
        let letters = word.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        Self(mixed(self.0 ^ letters))
    }

    /// Returns 64 bits.
    pub(super) fn bits(self) -> u64 {
        self.0
    }

    /// Returns a number between 0 and 1, neither of them included.
    pub(super) fn share(self) -> f64 {
        ((self.0 >> 12) as f64 + 0.5) / (1_u64 << 52) as f64
    }

    /// Returns a number of the standard normal distribution.
    pub(super) fn normal(self) -> f64 {
        normal::quantile(self.share())
    }

    /// Returns how often something happens that happens `mean` times on average, each time for itself.
    pub(super) fn count(self, mean: f64) -> f64 {
        if mean > LARGE {
            return (mean + mean.sqrt() * self.normal()).round().max(0.0);
        }
        let (mut count, mut term, mut left) = (0.0, libm::exp(-mean), self.share());
        while left > term && count < 10.0 * LARGE {
            left -= term;
            count += 1.0;
            term *= mean / count;
        }
        count
    }

    /// Returns how many of `all` are of a kind that makes up `share` of them.
    pub(super) fn part(self, all: f64, share: f64) -> f64 {
        let mean = all * share;
        if mean > LARGE && all - mean > LARGE {
            let spread = (mean * (1.0 - share)).sqrt();
            return (mean + spread * self.normal()).round().clamp(0.0, all);
        }
        if share > 0.5 {
            return all - self.count(all - mean).min(all);
        }
        self.count(mean).min(all)
    }

    /// Returns a level that wanders around 0 with a spread of about 1: what lies closer together than `seconds` is
    /// alike.
    pub(super) fn wander(self, at_seconds: f64, seconds: f64) -> f64 {
        let position = at_seconds / seconds;
        let before = position.floor();
        let way = position - before;
        let weight = way * way * (3.0 - 2.0 * way);
        let knot = |number: f64| self.number(number as i64).normal();
        let level = knot(before) * (1.0 - weight) + knot(before + 1.0) * weight;
        // Between two knots they would even out.
        level / (weight * weight + (1.0 - weight) * (1.0 - weight)).sqrt()
    }
}

/// From here on the normal distribution is close enough.
const LARGE: f64 = 40.0;

/// The finisher of SplitMix64.
fn mixed(bits: u64) -> u64 {
    let mut bits = bits.wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moments(draw: impl Fn(Chance) -> f64) -> (f64, f64) {
        let draws: Vec<f64> = (0..20_000).map(|it| draw(Chance::of(7).number(it))).collect();
        let mean = draws.iter().sum::<f64>() / draws.len() as f64;
        let squares: f64 = draws.iter().map(|draw| (draw - mean) * (draw - mean)).sum();
        (mean, squares / draws.len() as f64)
    }

    #[test]
    fn counts_have_the_mean_and_the_variance_of_counts() {
        for mean in [0.05, 0.8, 12.0, 39.0, 400.0] {
            let (found, variance) = moments(|chance| chance.count(mean));
            assert!((found / mean - 1.0).abs() < 0.1, "{found} instead of {mean}");
            assert!((variance / mean - 1.0).abs() < 0.1, "variance {variance} of {mean}");
        }
    }

    #[test]
    fn parts_are_never_more_than_all() {
        for (all, share) in [(0.0, 0.3), (3.0, 0.99), (500.0, 0.001), (500.0, 0.5), (500.0, 1.0)] {
            let (found, _) = moments(|chance| {
                let part = chance.part(all, share);
                assert!((0.0..=all).contains(&part), "{part} of {all}");
                part
            });
            assert!((found - all * share).abs() <= 0.05 * all.max(1.0), "{found} of {all}");
        }
    }

    #[test]
    fn a_level_wanders_slowly() {
        let chance = Chance::of(1);
        let (_, variance) = moments(|other| chance.wander(other.share() * 1e7, 600.0));
        assert!((variance - 1.0).abs() < 0.1, "{variance}");
        let steps = (0..1000).map(|minute| 60.0 * f64::from(minute));
        let moves =
            steps.map(|at| (chance.wander(at + 60.0, 600.0) - chance.wander(at, 600.0)).abs());
        assert!(moves.sum::<f64>() / 1000.0 < 0.3);
    }
}
