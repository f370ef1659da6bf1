//! How much replicas of one version differ, and how far that widens what is tolerated.
//!
//! A difference between two machines stays the same from the first step to the last: no number of
//! steps tells it from a difference between two versions. Only other replicas do.

use super::interim;

use super::noise::Spread;

/// How sure the widening is to cover how replicas differ, one-sided.
const CONFIDENCE: f64 = 0.99;

/// What is assumed of machines of one kind before anything is known: the standard deviation of the
/// logarithm of their levels, and how many replicas that assumption is worth. Identical cloud machines
/// differ by 3 to 4 % (fresh, dedicated cores) and by 12 % (shared ones) on the same database.
const USUAL_SPREAD: f64 = 0.04;
const WORTH_OF_USUAL: f64 = 8.0;

/// Replicas whose own steps are noisy differ more: by about half of what one step varies.
const SPREAD_PER_NOISE: f64 = 0.5;

/// A widened tolerance, and why.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Widening {
    /// How far apart the arms may lie by their replicas alone, on the scale of the comparison.
    pub(crate) margin: f64,
    /// Completes the sentence "the tolerance is …".
    pub(crate) reason: String,
}

/// Returns how far apart two arms may lie by their replicas alone.
///
/// * `measured`: how the control's own replicas differ, where two or more were seen.
/// * `noise`: the standard deviation of one step of one replica.
/// * `assume`: whether more may be assumed than was measured. A tolerance that somebody wrote is
///   taken as it was meant: it is for those machines. The default knows of no machines.
pub(crate) fn widening(
    measured: Option<Spread>,
    noise: f64,
    control_replicas: usize,
    canary_replicas: usize,
    assume: bool,
) -> Option<Widening> {
    let (variance, freedom) = match measured {
        Some(spread) if spread.replicas >= 2 => (spread.variance, (spread.replicas - 1) as f64),
        _ => (0.0, 0.0),
    };
    let usual = USUAL_SPREAD.max(SPREAD_PER_NOISE * noise);
    let worth = if assume { WORTH_OF_USUAL } else { 0.0 };
    let weight = worth + freedom;
    if weight <= 0.0 {
        return None;
    }
    let pooled = (worth * usual * usual + freedom * variance) / weight;
    let arms = 1.0 / control_replicas.max(1) as f64 + 1.0 / canary_replicas.max(1) as f64;
    let margin = interim::t_quantile(1.0 - CONFIDENCE, weight) * (pooled * arms).sqrt();
    let reason = match (freedom > 0.0, assume) {
        (true, true) => format!(
            "widened by how unlike {} replicas of the control are, and replicas usually are",
            freedom + 1.0
        ),
        (true, false) => {
            format!("widened by how unlike {} replicas of the control are", freedom + 1.0)
        }
        (false, _) => "widened by how unlike replicas usually are: a single one of the control \
                       cannot show it"
            .to_owned(),
    };
    (margin > 0.0).then_some(Widening { margin, reason })
}
