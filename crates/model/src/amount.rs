//! Numbers as people read them.

use std::fmt;

use crate::measure::MeasureKind;

/// A metric's value with three significant digits, in its unit: percent for a ratio.
///
/// # Examples
///
/// ```
/// use serin_model::{Amount, MeasureKind};
///
/// assert_eq!(Amount::new(0.041_23, MeasureKind::Ratio).to_string(), "4.12 %");
/// assert_eq!(Amount::new(1_234.6, MeasureKind::Gauge).to_string(), "1235");
/// assert_eq!(Amount::new(0.000_012_3, MeasureKind::Gauge).to_string(), "1.23e-5");
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Amount {
    value: f64,
    kind: MeasureKind,
}

impl Amount {
    /// Creates an amount of what `kind` measures; any value can be shown.
    #[must_use]
    pub fn new(value: f64, kind: MeasureKind) -> Self {
        Self { value, kind }
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            MeasureKind::Ratio => f.pad(&format!("{} %", significant(100.0 * self.value))),
            MeasureKind::Histogram
            | MeasureKind::Count
            | MeasureKind::Gauge
            | MeasureKind::Quantile => f.pad(&significant(self.value)),
        }
    }
}

/// A ratio of two values, as a change: "+ 26 %" near one, "× 4.2" far from it.
///
/// # Examples
///
/// ```
/// use serin_model::Multiple;
///
/// assert_eq!(Multiple(1.26).to_string(), "+26.0 %");
/// assert_eq!(Multiple(0.97).to_string(), "−3.00 %");
/// assert_eq!(Multiple(4.2).to_string(), "× 4.20");
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Multiple(
    /// The canary's value over the control's.
    pub f64,
);

impl fmt::Display for Multiple {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let change = self.0 - 1.0;
        if !(0.0..2.0).contains(&self.0) {
            f.pad(&format!("× {}", significant(self.0)))
        } else if change == 0.0 {
            f.pad("±0 %")
        } else {
            let sign = if change < 0.0 { '−' } else { '+' };
            f.pad(&format!("{sign}{} %", significant(100.0 * change.abs())))
        }
    }
}

/// Formats with three significant digits, without an exponent where a person would write none.
fn significant(value: f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    if !value.is_finite() {
        return if value.is_nan() {
            "–".to_owned()
        } else {
            format!("{value}").replace("inf", "∞")
        };
    }
    let scientific = format!("{value:.2e}");
    let exponent = scientific.split_once('e').and_then(|(_, digits)| digits.parse::<i32>().ok());
    match exponent {
        Some(exponent @ -4..=2) => {
            // At most 2 − (−4) decimals, so that this never fails.
            let decimals = usize::try_from(2 - exponent).unwrap_or(0);
            with_minus(&format!("{value:.decimals$}"))
        }
        Some(3..=8) => with_minus(&format!("{value:.0}")),
        _ => with_minus(&scientific),
    }
}

/// A minus sign is as wide as a plus sign; a hyphen is not.
fn with_minus(number: &str) -> String {
    number.strip_prefix('-').map_or_else(|| number.to_owned(), |digits| format!("−{digits}"))
}
