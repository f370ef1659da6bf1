//! The Theil–Sen slope against a table, SciPy and its laws.

mod oracle;

use proptest::prelude::*;
use serin_stats::{SampleError, theil_sen_slope};

#[test]
fn table() {
    for (name, times, values, estimate) in [
        ("two points", &[0.0, 2.0][..], &[1.0, 5.0][..], 2.0),
        ("backwards in time", &[2.0, 0.0], &[5.0, 1.0], 2.0),
        ("a flat line", &[0.0, 1.0, 2.0], &[4.0, 4.0, 4.0], 0.0),
        ("slopes 1, 2 and 3", &[0.0, 1.0, 2.0], &[0.0, 1.0, 4.0], 2.0),
        ("two at one time", &[0.0, 0.0, 1.0], &[0.0, 2.0, 4.0], 3.0),
        ("a steep rise", &[0.0, 1e-300], &[0.0, 1e300], f64::INFINITY),
        ("across all numbers", &[0.0, 2.0], &[-f64::MAX, f64::MAX], f64::MAX),
    ] {
        assert_eq!(theil_sen_slope(times, values, 0.95).unwrap().estimate, estimate, "{name}");
    }
}

#[test]
fn what_is_refused() {
    assert_eq!(theil_sen_slope(&[], &[], 0.9), Err(SampleError::Empty { sample: "times" }));
    for (times, values, message) in [
        (&[1.0, 2.0][..], &[1.0][..], "samples of 2 and 1 values are not pairs"),
        (&[1.0, 1.0], &[1.0, 3.0], "all values of sample `times` are equal"),
        (&[1.0], &[1.0], "all values of sample `times` are equal"),
        (&[1.0, f64::NAN], &[1.0, 2.0], "sample `times` has the unusable value NaN at index 1"),
    ] {
        let error = theil_sen_slope(times, values, 0.9).unwrap_err();
        assert_eq!(error.to_string(), message);
    }
    let many = vec![1.0; 5_001];
    let error = SampleError::TooMany { sample: "times", most: 5_000 };
    assert_eq!(theil_sen_slope(&many, &many, 0.9), Err(error));
    let error = SampleError::Confidence { value: 1.0 };
    assert_eq!(theil_sen_slope(&[1.0, 2.0], &[1.0, 2.0], 1.0), Err(error));
}

#[test]
fn agrees_with_scipy() {
    for row in oracle::rows(include_str!("oracle/theil_sen.tsv")) {
        let [times, values, confidence, estimate, lower, upper] = row;
        let (times, values) = (oracle::numbers(times), oracle::numbers(values));
        let numbers = [estimate, lower, upper];
        let slope = theil_sen_slope(&times, &values, oracle::number(confidence)).unwrap();
        for (actual, expected) in
            [slope.estimate, slope.lower, slope.upper].into_iter().zip(numbers)
        {
            oracle::assert_close(actual, oracle::number(expected), 1e-12, &row);
        }
    }
}

proptest! {
    #[test]
    fn a_line_is_found_through_a_quarter_of_outliers(
        slope in -5.0..5.0_f64, level in -100.0..100.0, wild in -1e9..1e9, n in 8_usize..40
    ) {
        let times: Vec<f64> = (0..n).map(|t| t as f64).collect();
        let values: Vec<f64> = times
            .iter()
            .map(|t| level + slope * t + if *t as usize % 4 == 3 { wild } else { 0.0 })
            .collect();
        let found = theil_sen_slope(&times, &values, 0.95).unwrap();
        prop_assert!((found.estimate - slope).abs() < 1e-6, "{:?}", found);
        prop_assert!(found.lower <= found.estimate && found.estimate <= found.upper);
    }

    #[test]
    fn more_confidence_is_never_narrower(
        values in prop::collection::vec(-9.0..9.0, 2..30), confidence in 0.1..0.8
    ) {
        let times: Vec<f64> = (0..values.len()).map(|t| t as f64).collect();
        let narrow = theil_sen_slope(&times, &values, confidence).unwrap();
        let wide = theil_sen_slope(&times, &values, confidence + 0.15).unwrap();
        prop_assert!(wide.lower <= narrow.lower && narrow.upper <= wide.upper);
    }
}
