//! Mid-ranks against a table, SciPy and their laws.

mod oracle;

use proptest::prelude::*;
use serin_stats::mid_ranks;

const INF: f64 = f64::INFINITY;
const NAN: f64 = f64::NAN;
/// The smallest number above 0.
const TINY: f64 = 5e-324;

#[test]
fn table() {
    struct Case(&'static str, &'static [f64], &'static [f64], &'static [usize]);

    for Case(name, values, ranks, ties) in [
        Case("no values", &[], &[], &[]),
        Case("one value", &[7.0], &[1.0], &[]),
        Case("no ties", &[30.0, 10.0, 20.0], &[3.0, 1.0, 2.0], &[]),
        Case("two groups", &[5.0, 1.0, 5.0, 1.0, 1.0], &[4.5, 2.0, 4.5, 2.0, 2.0], &[3, 2]),
        Case("all equal", &[4.0, 4.0, 4.0, 4.0], &[2.5, 2.5, 2.5, 2.5], &[4]),
        Case("signed zeros", &[0.0, -0.0, 1.0], &[1.5, 1.5, 3.0], &[2]),
        Case("subnormals differ", &[TINY, 0.0, -TINY], &[3.0, 2.0, 1.0], &[]),
        Case("infinities", &[INF, 0.0, -INF, INF], &[3.5, 2.0, 1.0, 3.5], &[2]),
        Case("NaN above infinity", &[NAN, INF, -NAN, -INF], &[3.5, 2.0, 3.5, 1.0], &[2]),
    ] {
        let ranked = mid_ranks(values);
        assert_eq!(ranked.ranks, ranks, "{name}");
        assert_eq!(ranked.ties, ties, "{name}");
    }
}

#[test]
fn oracle() {
    for [values, ranks] in oracle::rows(include_str!("oracle/mid_ranks.tsv")) {
        assert_eq!(mid_ranks(&oracle::numbers(values)).ranks, oracle::numbers(ranks), "{values}");
    }
}

#[test]
fn a_million_ties_rank_exactly() {
    let values: Vec<f64> = (0..1_000_000).map(|index| f64::from(index % 2)).collect();
    let ranked = mid_ranks(&values);
    assert_eq!(ranked.ties, [500_000, 500_000]);
    assert_eq!(ranked.ranks[..2], [250_000.5, 750_000.5]);
}

proptest! {
    #[test]
    fn a_rank_counts_the_values_below_and_half_the_equal(values in values()) {
        let ranked = mid_ranks(&values);
        for (value, rank) in values.iter().zip(&ranked.ranks) {
            let below = values.iter().filter(|other| *other < value).count() as f64;
            let equal = values.iter().filter(|other| *other == value).count() as f64;
            prop_assert_eq!(*rank, below + (equal + 1.0) / 2.0);
        }
    }

    #[test]
    fn ties_are_the_sizes_of_groups_in_order(values in values()) {
        let sizes = (-3..=3).map(|value| values.iter().filter(|&&v| v == f64::from(value)).count());
        prop_assert_eq!(mid_ranks(&values).ties, sizes.filter(|&n| n > 1).collect::<Vec<usize>>());
    }

    #[test]
    fn any_bits_at_all_have_ranks(values in prop::collection::vec(prop::num::f64::ANY, 0..40)) {
        let n = values.len() as f64;
        let sum: f64 = mid_ranks(&values).ranks.iter().sum();
        prop_assert_eq!(sum, n * (n + 1.0) / 2.0);
    }
}

/// Few distinct values, so that ties are common.
fn values() -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec((-3..=3).prop_map(f64::from), 0..30)
}
