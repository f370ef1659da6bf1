//! A curve in as many characters as it has points.

use serin_model::CurvePoint;

const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// What stands where no effect shows yet.
const NOTHING_YET: char = '·';

/// How many characters a curve has.
const WIDTH: usize = 15;

/// Draws the effect that half of the canaries show, minute after minute: the lower the bar, the smaller
/// the effect. A bar is as high as the effect's logarithm on this metric's own scale.
pub(super) fn sparkline(curve: &[CurvePoint]) -> String {
    let place = |point: &CurvePoint| point.half.map(|effect| libm::log(effect.max(1e-4)));
    let known: Vec<f64> = curve.iter().filter_map(place).collect();
    let (low, high) = known
        .iter()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), at| (low.min(*at), high.max(*at)));
    let bar = |point: &CurvePoint| match place(point) {
        None => NOTHING_YET,
        Some(at) => {
            let share = if high > low { (at - low) / (high - low) } else { 0.0 };
            BARS[((share * 7.0).round() as usize).min(7)]
        }
    };
    let columns = WIDTH.min(curve.len());
    // The last of each stretch, so that the last column is the horizon.
    (1..=columns)
        .filter_map(|column| curve.get(column * curve.len() / columns - 1))
        .map(bar)
        .collect()
}

#[cfg(test)]
mod tests {
    use serin_model::CurvePoint;

    use super::sparkline;

    fn curve(effects: &[Option<f64>]) -> Vec<CurvePoint> {
        let point = |(at, half): (usize, &Option<f64>)| CurvePoint {
            minutes: at as f64 + 1.0,
            half: *half,
            nine_in_ten: None,
        };
        effects.iter().enumerate().map(point).collect()
    }

    #[test]
    fn a_curve_falls_to_the_right() {
        let falling =
            [None, None, Some(8.0), Some(4.0), Some(2.0), Some(1.0), Some(0.5), Some(0.5)];
        assert_eq!(sparkline(&curve(&falling)), "··█▆▅▃▁▁");
        assert_eq!(sparkline(&curve(&[Some(0.3), Some(0.3)])), "▁▁");
        assert_eq!(sparkline(&curve(&[None, None])), "··");
        assert_eq!(sparkline(&[]), "");
    }

    #[test]
    fn long_curves_are_thinned_and_keep_their_end() {
        let mut long = vec![Some(1.0); 30];
        long[29] = Some(0.1);
        assert_eq!(sparkline(&curve(&long)), "██████████████▁");
    }
}
