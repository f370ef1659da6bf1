//! Where a value lies along an axis, and which round values to write beside it.

use serin_model::{Amount, MeasureKind};

use crate::wording::trimmed;

/// Values beyond this are drawn as this, so that differences of two never overflow.
const LARGEST: f64 = 1e306;

/// The narrowest range beside the size of its values: below, ticks would run out of digits.
const NARROWEST: f64 = 1e-9;

/// The narrowest range of all, a little above the smallest number with full precision.
const SMALLEST: f64 = 1e-305;

/// A linear scale.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Scale {
    /// Invariant: finite, and less than `high` by enough to divide by.
    low: f64,
    high: f64,
}

impl Scale {
    /// Creates the scale from `low` to `high`, widened where the two are too close to tell apart.
    ///
    /// Infinities count as the largest value there is, and a NaN as zero.
    pub(crate) fn new(low: f64, high: f64) -> Self {
        let (low, high) = (drawable(low), drawable(high));
        let (low, high) = (low.min(high), low.max(high));
        let size = low.abs().max(high.abs());
        if high - low >= (size * NARROWEST).max(SMALLEST) {
            return Self { low, high };
        }
        if size == 0.0 {
            return Self { low: 0.0, high: 1.0 };
        }
        let margin = (size * 0.1).max(SMALLEST);
        Self { low: low - margin, high: high + margin }
    }

    /// Creates a scale that holds all finite `values` with a little room; `None` when none is finite.
    ///
    /// It begins at zero when the values are positive and zero is not far from them.
    pub(crate) fn covering(values: impl Iterator<Item = f64>) -> Option<Self> {
        let (low, high) = values
            .filter(|value| value.is_finite())
            .map(drawable)
            .map(|value| (value, value))
            .reduce(|(low, high), (value, _)| (low.min(value), high.max(value)))?;
        let tight = Self::new(low, high);
        let room = 0.06 * tight.length();
        let near_zero = low >= 0.0 && low <= 0.6 * high;
        let bottom = if near_zero { 0.0 } else { tight.low - room };
        Some(Self::new(bottom, tight.high + room))
    }

    /// Returns the scale that also holds `value`, unless that would leave the rest less than a third.
    pub(crate) fn stretched_to(self, value: f64) -> Option<Self> {
        if !value.is_finite() {
            return None;
        }
        let value = drawable(value);
        let low = self.low.min(value - 0.04 * self.length());
        let high = self.high.max(value + 0.08 * self.length());
        let inside = self.low < value && value < self.high;
        let stretched = if inside { self } else { Self::new(low, high) };
        (stretched.length() <= 3.0 * self.length()).then_some(stretched)
    }

    /// Returns the lower end.
    pub(crate) fn low(self) -> f64 {
        self.low
    }

    /// Returns the upper end.
    pub(crate) fn high(self) -> f64 {
        self.high
    }

    fn length(self) -> f64 {
        self.high - self.low
    }

    /// Returns how far `value` is along the scale: 0 at its lower end and 1 at its upper, and never
    /// outside. A NaN is at the lower end.
    pub(crate) fn share(self, value: f64) -> f64 {
        ((drawable(value) - self.low) / self.length()).clamp(0.0, 1.0)
    }

    /// Returns round values inside the scale, ascending: `about` as many as asked for, give or take
    /// a factor of two.
    pub(crate) fn ticks(self, about: u32) -> Ticks {
        let step = round_step(self.length() / f64::from(about.max(1)));
        let first = (self.low / step).ceil();
        let last = (self.high / step).floor();
        let number = (last - first).clamp(-1.0, f64::from(2 * about)) as i32;
        let values = (0..=number).map(|index| (first + f64::from(index)) * step).collect();
        Ticks { values, step }
    }
}

fn drawable(value: f64) -> f64 {
    if value.is_nan() { 0.0 } else { value.clamp(-LARGEST, LARGEST) }
}

/// Returns the smallest of 1, 2 and 5 times a power of ten that is not far below `rough`.
fn round_step(rough: f64) -> f64 {
    let decade = power_of_ten(exponent(rough));
    let steps = [1.0, 2.0, 5.0].map(|digit| digit * decade);
    steps.into_iter().find(|&step| step >= 0.75 * rough).unwrap_or(10.0 * decade)
}

/// Returns the decimal exponent of a value, which printing it tells without a logarithm.
fn exponent(value: f64) -> i32 {
    let scientific = format!("{value:e}");
    scientific.split_once('e').and_then(|(_, exponent)| exponent.parse().ok()).unwrap_or(0)
}

fn power_of_ten(exponent: i32) -> f64 {
    format!("1e{exponent}").parse().unwrap_or(1.0)
}

/// Round values on an axis.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Ticks {
    /// The values, ascending.
    pub(crate) values: Vec<f64>,
    step: f64,
}

impl Ticks {
    /// Returns each value as text, in percent for a ratio, with digits enough to tell neighbours apart.
    pub(crate) fn labels(&self, kind: MeasureKind) -> Vec<String> {
        let largest = self.values.iter().fold(0.0, |largest: f64, value| largest.max(value.abs()));
        let short = exponent(largest) - exponent(self.step) <= 2;
        let label = |&value: &f64| match short {
            true => trimmed(&Amount::new(value, kind).to_string()),
            false => self.exact(value, kind),
        };
        self.values.iter().map(label).collect()
    }

    fn exact(&self, value: f64, kind: MeasureKind) -> String {
        let (factor, unit) = if kind == MeasureKind::Ratio { (100.0, " %") } else { (1.0, "") };
        let (value, step) = (value * factor, self.step * factor);
        let digits = usize::try_from(exponent(value) - exponent(step)).unwrap_or(0);
        let number = if (-4..9).contains(&exponent(value)) {
            let decimals = usize::try_from(-exponent(step)).unwrap_or(0);
            format!("{value:.decimals$}")
        } else {
            format!("{value:.digits$e}")
        };
        format!("{}{unit}", number.replace('-', "−"))
    }
}

#[cfg(test)]
mod tests {
    use super::{MeasureKind, Scale};

    fn labels(low: f64, high: f64, kind: MeasureKind) -> String {
        Scale::new(low, high).ticks(4).labels(kind).join(" ")
    }

    #[test]
    fn ticks_are_round() {
        use MeasureKind::{Gauge, Ratio};
        assert_eq!(labels(0.0, 1.0, Gauge), "0 0.2 0.4 0.6 0.8 1");
        assert_eq!(labels(0.0, 0.043, Ratio), "0 % 1 % 2 % 3 % 4 %");
        assert_eq!(labels(117.0, 263.0, Gauge), "150 200 250");
        assert_eq!(labels(-3.0, 3.0, Gauge), "−2 0 2");
        assert_eq!(labels(0.0, 8e300, Gauge), "0 2e300 4e300 6e300 8e300");
        assert_eq!(labels(0.0, 8e-300, Gauge), "0 2e-300 4e-300 6e-300 8e-300");
    }

    #[test]
    fn neighbouring_ticks_never_read_alike() {
        use MeasureKind::{Gauge, Ratio};
        assert_eq!(labels(1000.01, 1000.05, Gauge), "1000.01 1000.02 1000.03 1000.04 1000.05");
        assert_eq!(labels(0.999_1, 0.999_9, Ratio), "99.92 % 99.94 % 99.96 % 99.98 %");
        assert_eq!(labels(1e12, 1e12 + 8.0, Gauge), "9e11 9.5e11 1e12 1.05e12 1.1e12");
    }

    #[test]
    fn constants_get_room() {
        assert_eq!(Scale::new(0.0, 0.0), Scale { low: 0.0, high: 1.0 });
        assert_eq!(Scale::new(5.0, 5.0).share(5.0), 0.5);
        assert!(Scale::covering([f64::NAN, f64::INFINITY].into_iter()).is_none());
    }
}
