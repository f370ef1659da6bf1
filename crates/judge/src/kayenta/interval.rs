//! The shift between two samples, by the reference's Mann–Whitney interval.

use std::array;

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
    canary: &'a [f64],
    /// The control, and an infinity behind it.
    control: Vec<f64>,
    /// The canary after the last shift, and a NaN behind it.
    shifted: Vec<f64>,
    /// Σ(t³ − t) over the groups of equal values, each sample on its own.
    own_ties: f64,
    /// How many of the canary's values equal the one before.
    canary_repeats: usize,
    /// Whether nearly all values are among a few, so that counting them by groups is quicker.
    few_values: bool,
}

impl<'a> ShiftedRanks<'a> {
    fn new(control: &[f64], canary: &'a [f64]) -> Self {
        let canary_repeats = repeats(canary);
        let all_repeats = repeats(control) + canary_repeats;
        Self {
            canary,
            control: control.iter().copied().chain([f64::INFINITY]).collect(),
            shifted: Vec::with_capacity(canary.len() + 1),
            own_ties: tie_terms(canary).fold(tie_terms(control).sum(), |sum, term| sum + term),
            canary_repeats,
            few_values: 4 * all_repeats > 3 * (control.len() + canary.len()),
        }
    }

    /// Returns the canary's rank sum once it is shifted down by `shift`, less its expectation, with
    /// half a step towards it, in standard deviations.
    fn standardised_sum(&mut self, shift: f64) -> Result<f64, AllTied> {
        let (m, n) = (self.canary.len() as f64, (self.control.len() - 1) as f64);
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
    fn wins_and_ties(&mut self, shift: f64) -> (u64, f64) {
        self.shifted.clear();
        self.shifted.extend(self.canary.iter().map(|&value| shifted(value, shift)));
        // A shift rounds, and can make values equal that were not.
        let as_before = repeats(&self.shifted) == self.canary_repeats;
        self.shifted.push(f64::NAN);
        if as_before
            && !self.few_values
            && let Some(wins) = wins_without_ties(&self.control, &self.shifted)
        {
            return (2 * wins, self.own_ties);
        }
        wins_and_common_ties(&self.control, &self.shifted)
    }
}

/// The reference ranks NaN, here ∞ − ∞, like +∞.
fn shifted(value: f64, shift: f64) -> f64 {
    let shifted = value - shift;
    if shifted.is_nan() { f64::INFINITY } else { shifted }
}

/// Returns the number of pairs in which the canary is above, or `None` where a canary value may
/// equal one of the control.
///
/// * `control`, `canary`: ascending, and behind them an infinity and a NaN.
///
/// This is where the judge spends its time: a merge of which the processor cannot guess a single
/// branch. So the merged order is cut into parts of equal length, which are walked side by side
/// without a branch.
fn wins_without_ties(control: &[f64], canary: &[f64]) -> Option<u64> {
    let (m, n) = (canary.len() - 1, control.len() - 1);
    let part = (m + n) / PARTS;
    let mut passed: [usize; PARTS] =
        array::from_fn(|index| controls_among_lowest(index * part, control, canary));
    let mut passed_sum = 0;
    let mut tied = false;
    for offset in 0..part {
        for index in 0..PARTS {
            let step = step(control, canary, index * part + offset, passed[index]);
            tied |= step.tied;
            passed_sum += passed[index];
            passed[index] += step.by;
        }
    }
    let mut passed = passed[PARTS - 1];
    for position in PARTS * part..m + n {
        let step = step(control, canary, position, passed);
        tied |= step.tied;
        passed_sum += passed;
        passed += step.by;
    }
    // The controls passed before each value, less what the controls themselves add to it.
    (!tied).then(|| (passed_sum - n * (n - 1) / 2) as u64)
}

/// How many parts keep a processor busy; more of them only cost registers.
const PARTS: usize = 4;

/// What lies at one position of the merged order.
struct Step {
    /// One for a control, of which there are so many more behind; zero for a canary value.
    by: usize,
    tied: bool,
}

#[inline]
fn step(control: &[f64], canary: &[f64], position: usize, passed: usize) -> Step {
    let (control, canary) = (control[passed], canary[position - passed]);
    // The NaN behind the canary is below no control: only controls are left.
    let is_canary = canary <= control;
    Step { by: usize::from(!is_canary), tied: control == canary }
}

/// Returns how many of the `size` lowest values are controls, of equal ones the canary's first.
fn controls_among_lowest(size: usize, control: &[f64], canary: &[f64]) -> usize {
    let (m, n) = (canary.len() - 1, control.len() - 1);
    let (mut least, mut most) = (size.saturating_sub(m), size.min(n));
    while least < most {
        let middle = usize::midpoint(least, most);
        if canary[size - 1 - middle] <= control[middle] {
            most = middle;
        } else {
            least = middle + 1;
        }
    }
    least
}

/// The same as [`wins_without_ties`] where there are ties, which are counted too.
fn wins_and_common_ties(control: &[f64], canary: &[f64]) -> (u64, f64) {
    let (control, canary) = (&control[..control.len() - 1], &canary[..canary.len() - 1]);
    let mut u_doubled = 0;
    let mut ties = tie_terms(control).sum();
    let mut below = 0;
    for group in canary.chunk_by(|a, b| a == b) {
        below += run_length(&control[below..], |&other| other < group[0]);
        let equal = run_length(&control[below..], |&other| other == group[0]);
        u_doubled += (group.len() * (2 * below + equal)) as u64;
        ties += tie_term(group.len() + equal) - tie_term(equal);
    }
    (u_doubled, ties)
}

fn run_length(values: &[f64], holds: impl Fn(&f64) -> bool) -> usize {
    values.iter().take_while(|&value| holds(value)).count()
}

fn repeats(values: &[f64]) -> usize {
    values.iter().zip(values.iter().skip(1)).filter(|(a, b)| a == b).count()
}

fn tie_terms(values: &[f64]) -> impl Iterator<Item = f64> {
    values.chunk_by(|a, b| a == b).map(|group| tie_term(group.len()))
}

fn tie_term(size: usize) -> f64 {
    let size = size as f64;
    size * size * size - size
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{ShiftedRanks, shifted, tie_term};

    /// The definition: every canary value against every control, and every value among all.
    fn by_definition(control: &[f64], canary: &[f64], shift: f64) -> (u64, f64) {
        let canary: Vec<f64> = canary.iter().map(|&value| shifted(value, shift)).collect();
        let pairs = canary.iter().flat_map(|a| control.iter().map(move |b| (a, b)));
        let u_doubled = pairs.map(|(a, b)| u64::from(a > b) + u64::from(a >= b)).sum();
        let mut all = [control, &canary].concat();
        all.sort_unstable_by(f64::total_cmp);
        let ties = all.chunk_by(|a, b| a == b).map(|group| tie_term(group.len())).sum();
        (u_doubled, ties)
    }

    fn sample(value: impl Strategy<Value = f64>) -> impl Strategy<Value = Vec<f64>> {
        prop::collection::vec(value, 1..200).prop_map(|mut values| {
            values.sort_unstable_by(f64::total_cmp);
            values
        })
    }

    /// Ties in plenty, values that a shift rounds together, and what only just is a number.
    fn value() -> impl Strategy<Value = f64> {
        prop_oneof![
            (-5..5).prop_map(f64::from),
            (0..40).prop_map(|ulps| 1.0 + f64::from(ulps) * f64::EPSILON),
            -10.0..10.0,
            prop::sample::select(
                &[
                    -0.0,
                    5e-324,
                    -5e-324,
                    f64::MIN_POSITIVE,
                    f64::MAX,
                    f64::MIN,
                    f64::INFINITY,
                    f64::NEG_INFINITY,
                ][..]
            ),
        ]
    }

    fn shift() -> impl Strategy<Value = f64> {
        let far = prop::sample::select(
            &[0.0, 1e-16, 0.5, 100.0, 1e17, f64::MAX, f64::INFINITY, f64::NEG_INFINITY, f64::NAN][..],
        );
        prop_oneof![value(), far]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn the_merge_counts_what_the_definition_counts(
            control in sample(value()),
            canary in sample(value()),
            shifts in prop::collection::vec(shift(), 1..5),
        ) {
            let mut ranks = ShiftedRanks::new(&control, &canary);
            for shift in shifts {
                let (u_doubled, ties) = ranks.wins_and_ties(shift);
                prop_assert_eq!((u_doubled, ties), by_definition(&control, &canary, shift));
            }
        }

        #[test]
        fn distinct_values_need_no_slow_merge(
            control in sample(-10.0..10.0),
            canary in sample(-10.0..10.0),
            shift in -5.0..5.0,
        ) {
            let mut ranks = ShiftedRanks::new(&control, &canary);
            let (u_doubled, ties) = ranks.wins_and_ties(shift);
            prop_assert_eq!((u_doubled, ties), by_definition(&control, &canary, shift));
        }
    }
}
