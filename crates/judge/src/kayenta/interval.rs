//! The shift between two samples, by the reference's Mann–Whitney interval.

use serin_stats::normal;

use super::root::brent_root;
use super::shifted_ranks::{AllTied, ShiftedRanks};

/// Where Kayenta's Mann–Whitney test puts the shift from control to canary.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ShiftInterval {
    /// The best guess, near the median of all differences.
    pub estimate: f64,
    /// The lower end of the interval.
    pub lower: f64,
    /// The upper end of the interval.
    pub upper: f64,
}

/// Returns the interval and the estimate of the shift from control to canary.
///
/// * `control`, `canary`: ascending, not empty, without NaN; infinities are ranked as they are.
/// * `confidence`: of the interval, between 0 and 1.
///
/// It inverts the two-sided test with normal approximation, continuity and tie correction, at every
/// size; R's `wilcox.test(conf.int = TRUE, exact = FALSE)` gives the same interval. The ends are
/// clamped to the smallest and the largest difference, and each lies at a jump of a step
/// function, give or take half of [`ROOT_TOLERANCE`].
///
/// About 30 evaluations of O(`control.len() + canary.len()`), and more of them the wider the values
/// are spread above the tolerance; those close to a jump cost next to nothing.
///
/// # Errors
///
/// [`AllTied`] when a shift makes all values equal, as with one point a side.
pub fn shift_interval(
    control: &[f64],
    canary: &[f64],
    confidence: f64,
) -> Result<ShiftInterval, AllTied> {
    let (&[control_min, ..], &[.., control_max]) = (control, control) else { return Err(AllTied) };
    let (&[canary_min, ..], &[.., canary_max]) = (canary, canary) else { return Err(AllTied) };
    let z = normal::quantile(1.0 - (1.0 - confidence) / 2.0);

    let mut ranks = ShiftedRanks::new(control, canary);
    let least = canary_min - control_max;
    let most = canary_max - control_min;
    let at_least = ranks.standardised_sum(least)?;
    let at_most = ranks.standardised_sum(most)?;

    let mut root = |quantile: f64, clamped: bool| {
        let (f_least, f_most) = (at_least - quantile, at_most - quantile);
        if clamped && f_least <= 0.0 {
            return Ok(least);
        }
        if clamped && f_most >= 0.0 {
            return Ok(most);
        }
        brent_root((least, f_least), (most, f_most), ROOT_TOLERANCE, |shift| {
            Ok(ranks.standardised_sum(shift)? - quantile)
        })
    };
    Ok(ShiftInterval { lower: root(z, true)?, upper: root(-z, true)?, estimate: root(0.0, false)? })
}

/// How far a root may lie from its jump. It is absolute, which is where a metric's scale enters.
pub const ROOT_TOLERANCE: f64 = 1e-4;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::shift_interval;

    proptest! {
        #[test]
        fn unsorted_values_and_nan_end_somewhere(
            control in prop::collection::vec(prop::num::f64::ANY, 0..20),
            canary in prop::collection::vec(prop::num::f64::ANY, 0..20),
            confidence in prop::num::f64::ANY,
        ) {
            let _ = shift_interval(&control, &canary, confidence);
        }
    }
}
