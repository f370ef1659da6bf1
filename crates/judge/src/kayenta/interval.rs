//! The shift between two samples, by the reference's Mann–Whitney interval.

use serin_stats::normal;

use super::root::brent_root;

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

/// All observations are equal once the samples are shifted onto each other, so that ranks say
/// nothing.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct AllTied;

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
/// About 30 evaluations of O(`control.len() + canary.len()`).
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

/// Two samples, one of which can be shifted, and their ranks in common.
struct ShiftedRanks<'a> {
    control: &'a [f64],
    canary: &'a [f64],
    control_ties: f64,
}

impl<'a> ShiftedRanks<'a> {
    fn new(control: &'a [f64], canary: &'a [f64]) -> Self {
        let groups = control.chunk_by(|a, b| a == b);
        let control_ties = groups.map(|group| tie_term(group.len())).sum();
        Self { control, canary, control_ties }
    }

    /// Returns the canary's rank sum once it is shifted down by `shift`, less its expectation, with
    /// half a step towards it, in standard deviations.
    fn standardised_sum(&mut self, shift: f64) -> Result<f64, AllTied> {
        let (m, n) = (self.canary.len() as f64, self.control.len() as f64);
        let (u_doubled, ties) = self.wins_and_ties(shift);
        let distance = u_doubled as f64 / 2.0 - m * n / 2.0;
        let correction = if distance == 0.0 { 0.0 } else { 0.5_f64.copysign(distance) };
        let tied_share = ties / ((m + n) * (m + n - 1.0));
        let deviation = (m * n / 12.0 * (m + n + 1.0 - tied_share)).sqrt();
        if deviation == 0.0 {
            return Err(AllTied);
        }
        Ok((distance - correction) / deviation)
    }

    /// Returns twice the number of pairs in which the shifted canary is above (ties count one half),
    /// and Σ(t³ − t) over the groups of equal values in both samples together.
    fn wins_and_ties(&self, shift: f64) -> (u64, f64) {
        let (control, canary) = (self.control, self.canary);
        let mut u_doubled = 0;
        let mut ties = self.control_ties;
        let mut below = 0;
        let mut i = 0;
        while i < canary.len() {
            let value = shifted(canary[i], shift);
            while below < control.len() && control[below] < value {
                below += 1;
            }
            let equal_canary = run_length(&canary[i..], |&other| shifted(other, shift) == value);
            let equal_control = run_length(&control[below..], |&other| other == value);
            u_doubled += (equal_canary * (2 * below + equal_control)) as u64;
            if equal_canary + equal_control > 1 {
                ties += tie_term(equal_canary + equal_control) - tie_term(equal_control);
            }
            i += equal_canary;
        }
        (u_doubled, ties)
    }
}

/// The reference ranks NaN, here ∞ − ∞, like +∞.
fn shifted(value: f64, shift: f64) -> f64 {
    let shifted = value - shift;
    if shifted.is_nan() { f64::INFINITY } else { shifted }
}

fn run_length<T>(values: &[T], same: impl Fn(&T) -> bool) -> usize {
    values.iter().take_while(|&value| same(value)).count()
}

fn tie_term(size: usize) -> f64 {
    let size = size as f64;
    size * size * size - size
}
