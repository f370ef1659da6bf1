//! How one metric's canary stands to its control.

use serin_model::{
    Classification, EffectSizeMeasure, EffectSizeOptions, KayentaOptions, NanStrategy, Worse,
};
use serin_stats::{common_language_effect_size, mean_ratio, normal};

use super::clean::{CleanValues, clean};
use super::interval::{ShiftInterval, shift_interval};

/// What Kayenta's judge is told about one metric.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MetricOptions {
    /// Which change is bad; `Either` unless said.
    pub worse: Worse,
    /// Whether a failure may take the whole score to zero.
    pub critical: bool,
    /// The rest.
    pub kayenta: KayentaOptions,
}

/// What Kayenta's judge says of one metric, and the figures that made it say so.
#[derive(Clone, Debug, PartialEq)]
pub struct ClassifiedPair {
    /// How the canary stands to the control.
    pub classification: Classification,
    /// Which rule decided.
    pub rule: Rule,
    /// Whether this metric alone takes the score to zero.
    pub critical: bool,
    /// The canary's mean over the control's: 1 where the reference never computes it, `None` where
    /// a mean is zero or the metric could not be judged.
    pub deviation: Option<f64>,
    /// The shift from control to canary, where the test was reached.
    pub shift: Option<ShiftInterval>,
    /// The effect size in the chosen measure, where the test was reached and it exists.
    pub effect_size: Option<f64>,
    /// The control's values, cleaned.
    pub control: CleanValues,
    /// The canary's values, cleaned.
    pub canary: CleanValues,
}

/// Which rule classified a metric, in the order they are tried.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Rule {
    /// A side has no values.
    Missing,
    /// A side has no values, and the `replace` strategy calls that a pass.
    MissingReplaced,
    /// Both sides hold the very same values.
    Identical,
    /// All values of both sides are equal, in different numbers.
    OneValue,
    /// The Mann–Whitney interval decided.
    Test,
    /// The Mann–Whitney interval decided, on constants spread out by a little noise.
    TestWithNoise,
    /// The test could not be computed.
    Failed,
}

/// How strict the test is. Kayenta has settings of these names and never reads them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Strictness {
    /// The confidence of the interval, between 0 and 1.
    pub confidence: f64,
    /// The share of the estimated shift that the interval must clear: a share of the shift itself,
    /// not of the control.
    pub tolerance: f64,
}

impl Strictness {
    /// What is written into NetflixACAJudge-v1.0.
    pub const NETFLIX: Self = Self { confidence: 0.98, tolerance: 0.25 };
}

/// Classifies one metric, figure for figure as NetflixACAJudge-v1.0.
///
/// * `control`, `canary`: a value a bin in time order, NaN for a gap. Sizes may differ; either may
///   be empty.
///
/// Total on every input. Costs a sort and about 30 passes over the values.
#[must_use]
pub fn classify(
    control: &[f64],
    canary: &[f64],
    options: &MetricOptions,
    strictness: Strictness,
) -> ClassifiedPair {
    let control = clean(control, &options.kayenta);
    let canary = clean(canary, &options.kayenta);
    if let Some((classification, rule)) = without_test(&control, &canary, options) {
        return ClassifiedPair {
            classification,
            rule,
            critical: options.critical && classification == Classification::Nodata,
            deviation: Some(1.0),
            shift: None,
            effect_size: None,
            control,
            canary,
        };
    }
    if is_constant(&control) && is_constant(&canary) {
        let (spread_control, spread_canary) = (spread_out(&control), spread_out(&canary));
        let tested = test(spread_control, spread_canary, Rule::TestWithNoise, options, strictness);
        return ClassifiedPair { control, canary, ..tested };
    }
    test(control, canary, Rule::Test, options, strictness)
}

/// Returns what can be said before any statistics.
fn without_test(
    control: &CleanValues,
    canary: &CleanValues,
    options: &MetricOptions,
) -> Option<(Classification, Rule)> {
    if control.values.is_empty() || canary.values.is_empty() {
        let KayentaOptions { nan_strategy, must_have_data, .. } = options.kayenta;
        return Some(match nan_strategy {
            NanStrategy::Replace => (Classification::Pass, Rule::MissingReplaced),
            NanStrategy::Remove if must_have_data && !options.critical => {
                (Classification::NodataFailMetric, Rule::Missing)
            }
            NanStrategy::Remove => (Classification::Nodata, Rule::Missing),
        });
    }
    if control.sorted == canary.sorted {
        return Some((Classification::Pass, Rule::Identical));
    }
    let one_value = is_constant(control) && control.sorted.first() == canary.sorted.first();
    (one_value && is_constant(canary)).then_some((Classification::Pass, Rule::OneValue))
}

fn test(
    control: CleanValues,
    canary: CleanValues,
    rule: Rule,
    options: &MetricOptions,
    strictness: Strictness,
) -> ClassifiedPair {
    let interval = shift_interval(&control.sorted, &canary.sorted, strictness.confidence);
    let Ok(shift) = interval else {
        return ClassifiedPair {
            classification: Classification::Error,
            rule: Rule::Failed,
            critical: false,
            deviation: None,
            shift: None,
            effect_size: None,
            control,
            canary,
        };
    };
    let deviation = mean_ratio(&canary.values, &control.values);
    let sizes = &options.kayenta.effect_size;
    let effect_size = match sizes.measure {
        EffectSizeMeasure::MeanRatio => deviation,
        EffectSizeMeasure::CommonLanguage => common_language(&canary.values, &control.values),
    };
    let bound = strictness.tolerance * shift.estimate.abs();
    let classification = by_shift(&shift, bound, effect_size, options.worse, sizes);
    ClassifiedPair {
        classification,
        rule,
        critical: options.critical && is_critical(classification, effect_size, sizes),
        deviation,
        shift: Some(shift),
        effect_size,
        control,
        canary,
    }
}

fn by_shift(
    shift: &ShiftInterval,
    bound: f64,
    effect_size: Option<f64>,
    worse: Worse,
    sizes: &EffectSizeOptions,
) -> Classification {
    let rises = matches!(worse, Worse::Higher | Worse::Either);
    let falls = matches!(worse, Worse::Lower | Worse::Either);
    if rises && shift.lower > bound && at_least(effect_size, sizes.allowed_increase) {
        Classification::High
    } else if falls && shift.upper < -bound && at_most(effect_size, sizes.allowed_decrease) {
        Classification::Low
    } else {
        Classification::Pass
    }
}

fn is_critical(
    classification: Classification,
    effect_size: Option<f64>,
    sizes: &EffectSizeOptions,
) -> bool {
    match classification {
        Classification::High => at_least(effect_size, sizes.critical_increase),
        Classification::Low => at_most(effect_size, sizes.critical_decrease),
        Classification::NodataFailMetric
        | Classification::Error
        | Classification::Nodata
        | Classification::Pass => false,
    }
}

/// Returns how often a canary value is above a control value, in the reference's arithmetic: with
/// more than 46,340 values, or 2³⁰ pairs, its 32-bit products overflow and the size is nonsense.
fn common_language(canary: &[f64], control: &[f64]) -> Option<f64> {
    let size = common_language_effect_size(canary, control)?;
    let (m, n) = (canary.len() as u64, control.len() as u64);
    let (ranks_within, pairs_doubled) = (m.wrapping_mul(m + 1), (2 * m).wrapping_mul(n));
    if !overflows(ranks_within) && !overflows(pairs_doubled) {
        return Some(size);
    }
    let rank_sum_doubled = size * pairs_doubled as f64 + ranks_within as f64;
    Some((rank_sum_doubled - wrapped(ranks_within)) / wrapped(pairs_doubled))
}

/// Returns whether `common_language` overflows the reference's integers for samples of this size.
pub(crate) fn common_language_overflows(control: usize, canary: usize) -> bool {
    let (m, n) = (canary as u64, control as u64);
    overflows(m.wrapping_mul(m + 1)) || overflows((2 * m).wrapping_mul(n))
}

fn overflows(product: u64) -> bool {
    i32::try_from(product).is_err()
}

fn wrapped(product: u64) -> f64 {
    f64::from(product as i32)
}

/// An effect size that does not exist meets every condition.
fn at_least(effect_size: Option<f64>, bound: f64) -> bool {
    effect_size.is_none_or(|size| size >= bound)
}

fn at_most(effect_size: Option<f64>, bound: f64) -> bool {
    effect_size.is_none_or(|size| size <= bound)
}

fn is_constant(values: &CleanValues) -> bool {
    values.sorted.first() == values.sorted.last()
}

/// Spreads equal values out by Gaussian noise, 1e-5 of their size.
///
/// The reference draws the noise from an unseeded generator, so that it never judges the same data
/// twice alike. Here the quantiles of that noise stand for the draws: the same input gives the same
/// answer, and a side of zeros stays as it is in both.
fn spread_out(constant: &CleanValues) -> CleanValues {
    let size = constant.values.len() as f64;
    let noisy = constant.values.iter().enumerate().map(|(index, &value)| {
        let probability = (index as f64 + 0.5) / size;
        let noise = NOISE * value.abs() * normal::quantile(probability);
        // Infinity without noise is still what it was.
        if noise.is_finite() { value + noise } else { value }
    });
    let values: Vec<f64> = noisy.collect();
    CleanValues { sorted: values.clone(), values, outliers: constant.outliers }
}

const NOISE: f64 = 1e-5;
