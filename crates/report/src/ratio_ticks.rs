//! Round ratios along a logarithmic axis.

use std::f64::consts::LN_10;

use crate::change::Change;
use crate::scale::Scale;

/// Below this many times from one end to the other, percent read better than multiples.
const NEAR: f64 = 4.0;

/// About how many ticks there are.
const ABOUT: u32 = 5;

/// Returns the places of round ratios on a scale of their natural logarithms, each with its label: in
/// percent on a narrow scale, and as multiples on a wide one.
pub(crate) fn ticks(scale: Scale) -> Vec<(f64, String)> {
    let (low, high) = (libm::exp(scale.low()), libm::exp(scale.high()));
    if low > 0.0 && high / low < NEAR {
        let changes = Scale::new(low - 1.0, high - 1.0).ticks(ABOUT).values.into_iter();
        let changes = changes.filter(|change| *change > -1.0);
        return changes.map(|change| (libm::log1p(change), percent(change))).collect();
    }
    multiples(scale)
}

fn percent(change: f64) -> String {
    match change {
        0.0 => "0 %".to_owned(),
        _ => Change::Percent.ratio(1.0 + change),
    }
}

/// Returns one, and powers of ten on both sides; with more between them where few fit.
fn multiples(scale: Scale) -> Vec<(f64, String)> {
    let decades = (scale.low() / LN_10).floor() as i32..=(scale.high() / LN_10).ceil() as i32;
    let count = (scale.high() - scale.low()) / LN_10;
    let digits: &[f64] = match count {
        ..1.0 => &[1.0, 1.5, 2.0, 3.0, 5.0],
        1.0..3.0 => &[1.0, 2.0, 5.0],
        _ => &[1.0],
    };
    // Without a remainder at zero, so that one is always among them.
    let stride = ((count / f64::from(ABOUT)).ceil() as i32).max(1);
    let decades = decades.filter(|decade| decade % stride == 0);
    let all = decades.flat_map(|decade| digits.iter().map(move |&digit| (decade, digit)));
    let placed = all.map(|(decade, digit)| {
        (f64::from(decade) * LN_10 + libm::log(digit), label(decade, digit))
    });
    placed.filter(|(place, _)| (scale.low()..=scale.high()).contains(place)).collect()
}

fn label(decade: i32, digit: f64) -> String {
    let ratio = format!("{digit}e{decade}").parse().unwrap_or(f64::NAN);
    match decade {
        -3..=3 => Change::Multiple.ratio(ratio),
        _ => format!("× {digit}e{decade}"),
    }
}

#[cfg(test)]
mod tests {
    use super::{Scale, ticks};

    fn labels(low: f64, high: f64) -> String {
        let labels = ticks(Scale::new(low, high)).into_iter().map(|tick| tick.1);
        labels.collect::<Vec<_>>().join(" | ")
    }

    #[test]
    fn ticks_are_round() {
        for (low, high, words) in [
            (-0.1, 0.2, "−5 % | 0 % | +5 % | +10 % | +15 % | +20 %"),
            (-0.02, 0.03, "−1 % | 0 % | +1 % | +2 % | +3 %"),
            (-0.4, 0.6, "−20 % | 0 % | +20 % | +40 % | +60 % | +80 %"),
            (-0.5, 2.0, "× 1 | × 2 | × 5"),
            (-0.3, 1.2, "× 1 | × 1.5 | × 2 | × 3"),
            (-7.0, 7.0, "× 0.01 | × 1 | × 100"),
            (-2000.0, 900.0, "× 1e-756 | × 1e-504 | × 1e-252 | × 1 | × 1e252"),
        ] {
            assert_eq!(labels(low, high), words);
        }
    }
}
