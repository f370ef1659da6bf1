//! Spread in spite of outliers against a table, SciPy and its laws.

mod oracle;

use proptest::prelude::*;
use serin_stats::{
    DEVIATIONS_PER_MEDIAN_ABSOLUTE_DEVIATION, median_absolute_deviation, moments, normal,
    winsorised_standard_deviation,
};

#[test]
fn table() {
    for (name, values, deviation, winsorised) in [
        ("none", &[][..], None, None),
        ("one", &[4.0], Some(0.0), None),
        ("two", &[4.0, 6.0], Some(1.0), Some(2.0_f64.sqrt())),
        ("all equal", &[4.0, 4.0, 4.0], Some(0.0), Some(0.0)),
        ("most equal", &[4.0, 4.0, 4.0, 8.0], Some(0.0), Some(2.0)),
        ("unknown", &[4.0, f64::NAN, 1.0], None, None),
        ("infinite", &[4.0, f64::INFINITY, 1.0], None, None),
    ] {
        assert_eq!(median_absolute_deviation(values), deviation, "{name}");
        assert_eq!(winsorised_standard_deviation(values, 3.0), winsorised, "{name}");
    }
    assert_eq!(winsorised_standard_deviation(&[4.0, 4.0, 4.0, 8.0], f64::INFINITY), Some(2.0));
    for clip in [0.0, -1.0, f64::NAN] {
        assert_eq!(winsorised_standard_deviation(&[1.0, 2.0, 3.0], clip), None);
    }
    // The scale is that of the upper quartile.
    let per_deviation = DEVIATIONS_PER_MEDIAN_ABSOLUTE_DEVIATION;
    assert!((per_deviation * normal::quantile(0.75) - 1.0).abs() < 1e-15);
}

#[test]
fn agrees_with_scipy() {
    for row in oracle::rows(include_str!("oracle/spread.tsv")) {
        let [values, clip, deviation, winsorised] = row;
        let values = oracle::numbers(values);
        let actual = median_absolute_deviation(&values).unwrap();
        oracle::assert_close(actual, oracle::number(deviation), 1e-13, &row);
        let actual = winsorised_standard_deviation(&values, oracle::number(clip)).unwrap();
        oracle::assert_close(actual, oracle::number(winsorised), 1e-12, &row);
    }
}

proptest! {
    #[test]
    fn clipping_never_widens(values in prop::collection::vec(-9_i32..9, 2..40), clip in 0.1..5.0) {
        let values: Vec<f64> = values.into_iter().map(f64::from).collect();
        let plain = moments(&values).unwrap().standard_deviation();
        let winsorised = winsorised_standard_deviation(&values, clip).unwrap();
        prop_assert!(winsorised <= plain * (1.0 + 1e-12));
        prop_assert_eq!(winsorised == 0.0, plain == 0.0);
    }

    #[test]
    fn one_wild_value_does_little(values in prop::collection::vec(-1.0..1.0, 10..40), wild in 1e3..1e200) {
        let before = median_absolute_deviation(&values).unwrap();
        prop_assume!(before > 0.01);
        let mut jolted = values.clone();
        jolted.push(wild);
        prop_assert!(winsorised_standard_deviation(&jolted, 3.0).unwrap() < 5.0);
    }
}
