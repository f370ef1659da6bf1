//! How much replicas of one version differ, and how far that widens what is tolerated.
//!
//! A difference between two machines stays the same from the first step to the last: no number of
//! steps tells it from a difference between two versions. Only other replicas do.

use serde::{Deserialize, Serialize};
use serin_stats::student_t;

use super::noise::Spread;

/// How sure the widening is to cover how replicas differ, one-sided.
const CONFIDENCE: f64 = 0.99;

/// What is assumed of machines of one kind before anything is known: the standard deviation of the
/// logarithm of their levels, and how many replicas that assumption is worth. Identical cloud machines
/// differ by 3 to 4 % (fresh, dedicated cores) and by 12 % (shared ones) on the same database.
const USUAL_SPREAD: f64 = 0.04;
const WORTH_OF_USUAL: f64 = 8.0;
const WORTH_OF_ALIKE: f64 = 4.0;

/// Replicas whose own steps are noisy differ more: by about half of what one step varies.
const SPREAD_PER_NOISE: f64 = 0.5;

/// Replicas that have just started differ from old ones: caches are cold, code is not compiled yet.
/// This much, or this multiple of what one step varies, at first, and less and less for half an hour.
const FRESH: f64 = 0.03;
const FRESH_PER_NOISE: f64 = 0.9;
const FRESH_MINUTES: f64 = 30.0;

/// One replica at another time differs from itself by about this multiple of what one step varies.
const DRIFT_PER_NOISE: f64 = 0.25;

/// Student's quantile at [`CONFIDENCE`] for the degrees of freedom it was last asked for: they hardly
/// ever change, and it is dear.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct KnownQuantile {
    freedom: f64,
    quantile: f64,
}

impl KnownQuantile {
    pub(crate) fn at(&mut self, freedom: f64) -> f64 {
        if self.freedom != freedom {
            let quantile = student_t::survival_quantile(1.0 - CONFIDENCE, freedom);
            *self = Self { freedom, quantile };
        }
        self.quantile
    }
}

/// What is known of the replicas of two arms.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Replicas {
    /// How the control's own replicas differ, where two or more were seen.
    pub(crate) measured: Option<Spread>,
    /// The standard deviation of one step of one replica.
    pub(crate) noise: f64,
    pub(crate) control: usize,
    pub(crate) canary: usize,
    /// How long ago the canary's replicas started, where the control's are known to be older.
    pub(crate) fresh_minutes: Option<f64>,
}

impl Replicas {
    /// Returns how far apart two arms may lie by their replicas alone.
    ///
    /// * `assume`: whether more may be assumed than was measured. A tolerance that somebody wrote is
    ///   taken as it was meant: it is for those machines. The default knows of no machines.
    pub(crate) fn margin(&self, assume: bool, quantile: &mut KnownQuantile) -> f64 {
        let Some((pooled, weight)) = self.pooled(assume) else { return 0.0 };
        let arms = 1.0 / self.control.max(1) as f64 + 1.0 / self.canary.max(1) as f64;
        let fresh = self.fresh_minutes.filter(|_| assume).map_or(0.0, |minutes| {
            FRESH.max(FRESH_PER_NOISE * self.noise) * (1.0 - minutes / FRESH_MINUTES).max(0.0)
        });
        quantile.at(weight) * (pooled * arms + fresh * fresh).sqrt()
    }

    /// Returns the variance of the levels of replicas, as measured and as usual, and how many degrees of
    /// freedom it is worth; none where nothing is known and nothing is assumed.
    pub(crate) fn pooled(&self, assume: bool) -> Option<(f64, f64)> {
        let (variance, freedom) = match self.measured {
            Some(spread) if spread.replicas >= 2 => (spread.variance, (spread.replicas - 1) as f64),
            _ => (0.0, 0.0),
        };
        let usual = USUAL_SPREAD.max(SPREAD_PER_NOISE * self.noise);
        if !assume && freedom <= 0.0 {
            return None;
        }
        // Two replicas show next to nothing: what is usual stands beside them. Under a tolerance that
        // somebody wrote it is that they are alike.
        let (usual, worth) = if assume { (usual, WORTH_OF_USUAL) } else { (0.0, WORTH_OF_ALIKE) };
        let weight = worth + freedom;
        Some(((worth * usual * usual + freedom * variance) / weight, weight))
    }

    /// Says why that is so: completes the sentence "the tolerance is …".
    pub(crate) fn reason(&self, assume: bool) -> String {
        let mut reason = match (self.measured, assume) {
            (Some(spread), true) => format!(
                "widened by how unlike {} replicas of the control are, and replicas usually are",
                spread.replicas
            ),
            (Some(spread), false) => {
                format!("widened by how unlike {} replicas of the control are", spread.replicas)
            }
            (None, _) => "widened by how unlike replicas usually are, which a single one of the \
                          control cannot show"
                .to_owned(),
        };
        if assume && self.fresh_minutes.is_some_and(|minutes| minutes < FRESH_MINUTES) {
            reason.push_str(", the canary's having just started");
        }
        reason
    }
}

/// Returns how far one replica may lie from what it did at another time.
///
/// * `error`: the standard error of what it did then, from so many steps.
pub(crate) fn margin_of_times(
    noise: f64,
    error: f64,
    steps: f64,
    quantile: &mut KnownQuantile,
) -> f64 {
    let drift = USUAL_SPREAD.max(DRIFT_PER_NOISE * noise);
    quantile.at(steps.max(2.0)) * (drift * drift + error * error).sqrt()
}

/// Why one time is not another: completes the sentence "the tolerance is …".
pub(crate) const REASON_OF_TIMES: &str =
    "widened by how unlike one time is to another, and by how little is known of the control's";
