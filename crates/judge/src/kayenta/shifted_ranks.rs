//! How often a shifted sample is above another: where the judge spends its time.

use std::array;

/// All observations are equal once the samples are shifted onto each other, so that ranks say
/// nothing.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct AllTied;

/// Two samples, one of which can be shifted, and their ranks in common.
pub(crate) struct ShiftedRanks<'a> {
    canary: &'a [f64],
    /// The control, and an infinity behind it.
    control: Vec<f64>,
    /// The canary after a shift, and a NaN behind it.
    shifted: Vec<f64>,
    /// Σ(t³ − t) over the groups of equal values of the control.
    control_ties: f64,
    /// The same over both samples, each on its own.
    own_ties: f64,
    /// How many of the canary's values equal the one before.
    canary_repeats: usize,
    /// How far the others lie from the one before, at least.
    canary_gap: f64,
    /// Whether nearly all values are among a few, so that counting them by groups is quicker.
    few_values: bool,
    /// The shifts without a tie that were tried, ascending.
    tried: Vec<Tried>,
    open: OpenPairs,
}

/// A shift that makes no value of one sample equal one of the other.
#[derive(Clone, Copy)]
struct Tried {
    shift: f64,
    /// The number of pairs in which the canary is above.
    wins: u64,
}

impl<'a> ShiftedRanks<'a> {
    /// * `control`, `canary`: ascending, not empty, without NaN.
    pub(crate) fn new(control: &[f64], canary: &'a [f64]) -> Self {
        let (control_repeats, canary_repeats) = (repeats(control), repeats(canary));
        let all_repeats = control_repeats + canary_repeats;
        let control_ties = add_ties(0.0, control, control_repeats);
        let gaps = canary.windows(2).map(|pair| pair[1] - pair[0]).filter(|&gap| gap > 0.0);
        Self {
            canary,
            control: control.iter().copied().chain([f64::INFINITY]).collect(),
            shifted: Vec::with_capacity(canary.len() + 1),
            control_ties,
            own_ties: add_ties(control_ties, canary, canary_repeats),
            canary_repeats,
            canary_gap: gaps.fold(f64::INFINITY, f64::min),
            few_values: 4 * all_repeats > 3 * (control.len() + canary.len()),
            tried: Vec::new(),
            open: OpenPairs::default(),
        }
    }

    /// Returns the canary's rank sum once it is shifted down by `shift`, less its expectation, with
    /// half a step towards it, in standard deviations.
    ///
    /// # Errors
    ///
    /// [`AllTied`] when the shift makes all values equal.
    pub(crate) fn standardised_sum(&mut self, shift: f64) -> Result<f64, AllTied> {
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
        let keeps_apart = self.keeps_apart(shift);
        if keeps_apart && let Some(wins) = self.wins_between_tried(shift) {
            self.remember(Tried { shift, wins });
            return (2 * wins, self.own_ties);
        }
        self.shifted.clear();
        self.shifted.extend(self.canary.iter().map(|&value| shifted(value, shift)));
        let untied =
            !self.few_values && (keeps_apart || repeats(&self.shifted) == self.canary_repeats);
        self.shifted.push(f64::NAN);
        if untied && let Some(wins) = wins_without_ties(&self.control, &self.shifted) {
            self.remember(Tried { shift, wins });
            return (2 * wins, self.own_ties);
        }
        self.wins_and_common_ties()
    }

    /// Counts by groups of equal values.
    fn wins_and_common_ties(&self) -> (u64, f64) {
        let control = &self.control[..self.control.len() - 1];
        let canary = &self.shifted[..self.shifted.len() - 1];
        let mut u_doubled = 0;
        let mut ties = self.control_ties;
        let mut below = 0;
        for group in canary.chunk_by(|a, b| a == b) {
            below += run_length(&control[below..], |&other| other < group[0]);
            let equal = run_length(&control[below..], |&other| other == group[0]);
            u_doubled += (group.len() * (2 * below + equal)) as u64;
            ties += tie_term(group.len() + equal) - tie_term(equal);
        }
        (u_doubled, ties)
    }

    /// Returns whether the shift is sure not to round any two canary values to one.
    fn keeps_apart(&self, shift: f64) -> bool {
        let (Some(first), Some(last)) = (self.canary.first(), self.canary.last()) else {
            return true;
        };
        let farthest = (first - shift).abs().max((last - shift).abs());
        self.canary_gap > 2.0 * f64::EPSILON * farthest
    }

    fn remember(&mut self, tried: Tried) {
        if !tried.shift.is_nan() {
            let place = self.tried.partition_point(|other| other.shift < tried.shift);
            self.tried.insert(place, tried);
        }
    }

    /// Returns what [`wins_without_ties`] would, where the shifts tried so far on either side leave
    /// only a few pairs open: the root search comes close to a jump long before it ends.
    fn wins_between_tried(&mut self, shift: f64) -> Option<u64> {
        let place = self.tried.partition_point(|other| other.shift < shift);
        let (before, after) = (*self.tried.get(place.checked_sub(1)?)?, *self.tried.get(place)?);
        if before.wins.abs_diff(after.wins) > FEW_PAIRS {
            return None;
        }
        if !self.open.covers(before, after) {
            self.open = OpenPairs::between(before, after, &self.control, self.canary);
        }
        self.open.wins(shift)
    }
}

/// The pairs that two shifts order differently; a shift between them orders all others as both do.
#[derive(Default)]
struct OpenPairs {
    ends: Option<(Tried, Tried)>,
    /// The control's and the canary's value of each.
    pairs: Vec<(f64, f64)>,
}

impl OpenPairs {
    fn between(before: Tried, after: Tried, control: &[f64], canary: &[f64]) -> Self {
        let mut pairs = Vec::new();
        let mut lost = 0;
        for &value in canary {
            let (most, least) = (shifted(value, before.shift), shifted(value, after.shift));
            lost += run_length(&control[lost..], |&other| other < least);
            let open = control[lost..].iter().take_while(|&&other| other < most);
            pairs.extend(open.map(|&other| (other, value)));
        }
        Self { ends: Some((before, after)), pairs }
    }

    fn covers(&self, before: Tried, after: Tried) -> bool {
        let covers =
            |ends: (Tried, Tried)| ends.0.shift <= before.shift && after.shift <= ends.1.shift;
        self.ends.is_some_and(covers)
    }

    /// Returns the wins in all pairs, or `None` where one of these is tied.
    fn wins(&self, shift: f64) -> Option<u64> {
        let mut wins = self.ends?.1.wins;
        for &(control, canary) in &self.pairs {
            let canary = shifted(canary, shift);
            if canary == control {
                return None;
            }
            wins += u64::from(canary > control);
        }
        Some(wins)
    }
}

/// So few open pairs are counted one by one.
const FEW_PAIRS: u64 = 8;

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
        for (index, passed) in passed.iter_mut().enumerate() {
            let step = step(control, canary, index * part + offset, *passed);
            tied |= step.tied;
            passed_sum += *passed;
            *passed += step.by;
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
    (!tied).then(|| passed_sum.saturating_sub(n * (n - 1) / 2) as u64)
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

fn run_length(values: &[f64], holds: impl Fn(&f64) -> bool) -> usize {
    values.iter().take_while(|&value| holds(value)).count()
}

fn repeats(values: &[f64]) -> usize {
    values.iter().zip(values.iter().skip(1)).filter(|(a, b)| a == b).count()
}

/// Adds the tie terms of ascending values to a sum, in their order.
fn add_ties(sum: f64, values: &[f64], repeats: usize) -> f64 {
    if repeats == 0 {
        return sum;
    }
    let groups = values.chunk_by(|a, b| a == b);
    groups.fold(sum, |sum, group| sum + tie_term(group.len()))
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

    fn sample(value: impl Strategy<Value = f64>, most: usize) -> impl Strategy<Value = Vec<f64>> {
        prop::collection::vec(value, 1..=most).prop_map(|mut values| {
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
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn the_merge_counts_what_the_definition_counts(
            control in sample(value(), 200),
            canary in sample(value(), 200),
            shifts in prop::collection::vec(shift(), 1..5),
        ) {
            let mut ranks = ShiftedRanks::new(&control, &canary);
            for shift in shifts {
                let (u_doubled, ties) = ranks.wins_and_ties(shift);
                prop_assert_eq!((u_doubled, ties), by_definition(&control, &canary, shift));
            }
        }

        /// As a root search does: each shift between two that were tried, ever closer.
        #[test]
        fn closing_in_counts_what_the_definition_counts(
            control in sample(prop_oneof![-10.0..10.0, value()], 40),
            canary in sample(prop_oneof![-10.0..10.0, value()], 40),
            (mut low, mut high) in (-20.0..0.0, 0.0..20.0),
            turns in prop::collection::vec(any::<bool>(), 60),
        ) {
            let mut ranks = ShiftedRanks::new(&control, &canary);
            for turn in turns {
                let shift = f64::midpoint(low, high);
                let counted = ranks.wins_and_ties(shift);
                prop_assert_eq!(counted, by_definition(&control, &canary, shift));
                *(if turn { &mut low } else { &mut high }) = shift;
            }
        }

        /// Towards a difference that there is, where rounding makes and unmakes ties.
        #[test]
        fn closing_in_on_a_jump_counts_what_the_definition_counts(
            control in sample(value(), 40),
            canary in sample(value(), 40),
            jump in any::<(prop::sample::Index, prop::sample::Index)>(),
        ) {
            let jump = jump.1.get(&canary) - jump.0.get(&control);
            let mut ranks = ShiftedRanks::new(&control, &canary);
            for step in 0..60 {
                let off = 10.0 / libm::exp2(f64::from(step));
                for shift in [jump + off, jump - off, jump + 0.3 * off, jump] {
                    let counted = ranks.wins_and_ties(shift);
                    prop_assert_eq!(counted, by_definition(&control, &canary, shift));
                }
            }
        }

        #[test]
        fn distinct_values_need_no_slow_merge(
            control in sample(-10.0..10.0, 200),
            canary in sample(-10.0..10.0, 200),
            shift in -5.0..5.0,
        ) {
            let mut ranks = ShiftedRanks::new(&control, &canary);
            let (u_doubled, ties) = ranks.wins_and_ties(shift);
            prop_assert_eq!((u_doubled, ties), by_definition(&control, &canary, shift));
        }
    }
}
