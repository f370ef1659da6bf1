//! The canary over the control, as people read it: a change in percent, or a multiple.

use serin_model::{Amount, Evidence, MeasureKind, Worse};

use crate::wording::{NOTHING, trimmed};

/// How the changes of one metric are written. Its effect, interval and tolerance all are written
/// alike, so that the eye can compare them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Change {
    /// `+13 %`
    Percent,
    /// `× 4.2`
    Multiple,
}

impl Change {
    /// Returns what suits a metric: percent, until its effect or an end of the interval is twice the
    /// control or more.
    pub(crate) fn of(evidence: &Evidence) -> Self {
        let effect = evidence.effect.iter();
        let mut ratios = effect.flat_map(|effect| [effect.estimate, effect.lower, effect.upper]);
        if ratios.any(|ratio| ratio >= 2.0) { Self::Multiple } else { Self::Percent }
    }

    /// Returns a ratio of canary to control, with two significant digits where it has a fraction;
    /// `–` for a NaN.
    pub(crate) fn ratio(self, ratio: f64) -> String {
        match self {
            _ if ratio.is_nan() => NOTHING.to_owned(),
            Self::Multiple => format!("× {}", multiple(ratio)),
            Self::Percent => match &*percent(ratio - 1.0) {
                "0" => "±0 %".to_owned(),
                change => format!("{change} %"),
            },
        }
    }

    /// Returns `lower … upper` with one unit.
    pub(crate) fn range(self, lower: f64, upper: f64) -> String {
        match self {
            Self::Multiple => format!("× {} … {}", multiple(lower), multiple(upper)),
            Self::Percent => format!("{} … {} %", percent(lower - 1.0), percent(upper - 1.0)),
        }
    }

    /// Returns the bounds that a change of `fraction` in the bad direction draws, such as `≤ +25 %`.
    pub(crate) fn bounds(self, worse: Worse, fraction: f64) -> String {
        match (worse, self) {
            (Worse::Higher, _) => format!("≤ {}", self.bound(fraction)),
            (Worse::Lower, _) => format!("≥ {}", self.bound(-fraction)),
            (Worse::Either, Self::Percent) => format!("±{} %", share(fraction)),
            (Worse::Either, Self::Multiple) => {
                format!("{} … {}", self.bound(-fraction), exact((1.0 + fraction).max(0.0)))
            }
        }
    }

    /// Returns a change of `fraction` in the bad direction, such as `+14 %` or, where either is bad,
    /// `±14 %`.
    pub(crate) fn bad(self, worse: Worse, fraction: f64) -> String {
        // What is beyond twice the control reads better as a multiple, whatever the rest is.
        let form = if fraction < 1.0 { self } else { Self::Multiple };
        match (worse, form) {
            (Worse::Higher, _) => form.ratio(1.0 + fraction),
            (Worse::Lower, _) => form.ratio((1.0 - fraction).max(0.0)),
            (Worse::Either, Self::Percent) => {
                format!("±{} %", percent(fraction).trim_start_matches('+'))
            }
            (Worse::Either, Self::Multiple) => {
                let lower = multiple((1.0 - fraction).max(0.0));
                format!("× {lower} or × {}", multiple(1.0 + fraction))
            }
        }
    }

    /// Returns a bound that somebody wrote, with the digits it has, up to three.
    fn bound(self, change: f64) -> String {
        match self {
            Self::Multiple => format!("× {}", exact((1.0 + change).max(0.0))),
            Self::Percent if change < 0.0 => format!("−{} %", share(-change)),
            Self::Percent if change > 0.0 => format!("+{} %", share(change)),
            Self::Percent => format!("{} %", share(change)),
        }
    }
}

fn exact(value: f64) -> String {
    trimmed(&Amount::new(value, MeasureKind::Gauge).to_string())
}

fn share(fraction: f64) -> String {
    exact(100.0 * fraction.abs())
}

/// Returns a multiple without its sign: near one with two decimals, further off with fewer.
fn multiple(ratio: f64) -> String {
    let decimals = match ratio.abs() {
        ..0.1 => 3,
        0.1..2.0 => 2,
        2.0..10.0 => 1,
        10.0..1000.0 => 0,
        // Also infinities and NaN.
        _ => return exact(ratio),
    };
    trimmed(&format!("{ratio:.decimals$}"))
}

/// Returns a change in percent with its sign and without its unit.
fn percent(change: f64) -> String {
    let value = 100.0 * change;
    let decimals = match value.abs() {
        ..1.0 => 2,
        1.0..10.0 => 1,
        10.0..1000.0 => 0,
        _ => return exact(value),
    };
    let digits = trimmed(&format!("{:.decimals$}", value.abs()));
    match &*digits {
        "0" => digits,
        _ if value < 0.0 => format!("−{digits}"),
        _ => format!("+{digits}"),
    }
}

#[cfg(test)]
mod tests {
    use serin_model::Worse::{Either, Higher, Lower};

    use super::Change::{Multiple, Percent};

    #[test]
    fn effects_have_two_digits_and_a_sign() {
        for (form, ratio, words) in [
            (Percent, 1.0, "±0 %"),
            (Percent, 1.000_001, "±0 %"),
            (Percent, 1.0312, "+3.1 %"),
            (Percent, 0.994_1, "−0.59 %"),
            (Percent, 1.239, "+24 %"),
            (Percent, 0.0, "−100 %"),
            (Multiple, 4.23, "× 4.2"),
            (Multiple, 4.0, "× 4"),
            (Multiple, 1.031, "× 1.03"),
            (Multiple, 0.0123, "× 0.012"),
            (Multiple, 51.3, "× 51"),
            (Multiple, 51_312.0, "× 51312"),
            (Multiple, f64::INFINITY, "× ∞"),
            (Multiple, f64::NAN, "–"),
        ] {
            assert_eq!(form.ratio(ratio), words);
        }
        assert_eq!(Percent.range(0.94, 1.131), "−6 … +13 %");
        assert_eq!(Multiple.range(3.08, f64::INFINITY), "× 3.1 … ∞");
    }

    #[test]
    fn bounds_follow_the_bad_direction() {
        for (form, worse, fraction, words) in [
            (Percent, Higher, 0.25, "≤ +25 %"),
            (Percent, Lower, 0.125, "≥ −12.5 %"),
            (Percent, Either, 0.1, "±10 %"),
            (Percent, Higher, 0.0, "≤ 0 %"),
            (Multiple, Higher, 0.25, "≤ × 1.25"),
            (Multiple, Lower, 0.25, "≥ × 0.75"),
            (Multiple, Lower, 1.5, "≥ × 0"),
            (Multiple, Either, 0.1, "× 0.9 … 1.1"),
        ] {
            assert_eq!(form.bounds(worse, fraction), words);
        }
    }

    #[test]
    fn bad_changes_are_written_as_they_are_read() {
        for (worse, fraction, words) in [
            (Higher, 0.141, "+14 %"),
            (Higher, 9.2, "× 10"),
            (Lower, 0.141, "−14 %"),
            (Lower, 1.0, "× 0"),
            (Either, 0.141, "±14 %"),
            (Either, 1.5, "× 0 or × 2.5"),
        ] {
            assert_eq!(Percent.bad(worse, fraction), words);
        }
    }
}
