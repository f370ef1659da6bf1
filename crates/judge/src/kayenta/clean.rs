//! What becomes of missing values and outliers before the comparison.

use serin_model::{KayentaOptions, NanStrategy, Outliers};
use serin_stats::quantile_of_sorted;

/// One side of a metric, ready to be compared.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CleanValues {
    /// The values that are left, in their order in time; no NaN among them.
    pub values: Vec<f64>,
    /// The same, ascending.
    pub sorted: Vec<f64>,
    /// How many values were dropped as outliers.
    pub outliers: usize,
}

/// Cleans one side of a metric, on its own: gaps (NaN) first, outliers second.
///
/// Infinities are values like any other. Empty input is empty output.
#[must_use]
pub fn clean(values: &[f64], options: &KayentaOptions) -> CleanValues {
    let mut values = match options.nan_strategy {
        NanStrategy::Remove => values.iter().copied().filter(|value| !value.is_nan()).collect(),
        NanStrategy::Replace => replace_nan(values),
    };
    let mut sorted = ascending(&values);
    let before = values.len();
    if let Outliers::Remove { factor } = options.outliers {
        let fences = Fences::of(&sorted, factor);
        values.retain(|&value| fences.hold(value));
        sorted.retain(|&value| fences.hold(value));
    }
    CleanValues { outliers: before - values.len(), values, sorted }
}

fn replace_nan(values: &[f64]) -> Vec<f64> {
    values.iter().map(|&value| if value.is_nan() { 0.0 } else { value }).collect()
}

/// Sorts in the order of [`f64::total_cmp`], as integers, which is twice as fast.
fn ascending(values: &[f64]) -> Vec<f64> {
    let mut keys: Vec<i64> = values.iter().map(|value| flipped(value.to_bits() as i64)).collect();
    keys.sort_unstable();
    keys.into_iter().map(|key| f64::from_bits(flipped(key) as u64)).collect()
}

/// Turns the bits of negative numbers around, so that they ascend; its own inverse.
fn flipped(bits: i64) -> i64 {
    bits ^ ((bits >> 63) as u64 >> 1) as i64
}

/// Bounds beyond which a value is an outlier.
struct Fences {
    low: f64,
    high: f64,
}

impl Fences {
    /// Tukey's fences, widened to the 1st and the 99th percentile as the reference does "to reduce
    /// sensitivity". Under 101 values the 99th percentile lies below the largest one, so that
    /// without any spread between the quartiles the extreme is dropped all the same.
    fn of(sorted: &[f64], factor: f64) -> Self {
        let percentile = |p| quantile_of_sorted(sorted, p).unwrap_or(f64::NAN);
        let (first, third) = (percentile(0.25), percentile(0.75));
        let reach = factor * (third - first);
        Self { low: percentile(0.01).min(first - reach), high: percentile(0.99).max(third + reach) }
    }

    /// Fences of nothing, or of infinities, are NaN and hold everything.
    fn hold(&self, value: f64) -> bool {
        let outside = value < self.low || value > self.high;
        !outside
    }
}
