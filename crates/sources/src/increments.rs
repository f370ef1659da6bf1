//! From running totals to what happened between two of them.

use serin_model::{Point, Timestamp};

/// Returns what a counter counted between its samples, at the time of the later one.
///
/// * `samples`: running totals in ascending time; NaN is a gap, over which the count goes on.
/// * `born_inside`: whether the counter came to be while it was watched. Its first sample then counts
///   from zero: a canary's first errors are exactly those. Otherwise the first sample is where
///   counting starts.
///
/// A sample below the one before is a restart, after which the counter counted from zero.
pub(crate) fn increments(samples: &[(Timestamp, f64)], born_inside: bool) -> Vec<Point<f64>> {
    let mut last = born_inside.then_some(0.0);
    let mut points = Vec::with_capacity(samples.len());
    for &(time, total) in samples {
        if total.is_nan() {
            continue;
        }
        if let Some(last) = last {
            let value = if total >= last { total - last } else { total };
            points.push(Point { time, value });
        }
        last = Some(total);
    }
    points
}

#[cfg(test)]
mod tests {
    use super::increments;
    use serin_model::Timestamp;

    fn counted(samples: &[f64], born_inside: bool) -> Vec<f64> {
        let samples: Vec<_> = samples
            .iter()
            .enumerate()
            .map(|(second, &total)| (Timestamp::from_seconds(second as i64), total))
            .collect();
        increments(&samples, born_inside).into_iter().map(|point| point.value).collect()
    }

    #[test]
    fn counts_between_samples() {
        assert_eq!(counted(&[5.0, 5.0, 9.0], false), [0.0, 4.0]);
    }

    #[test]
    fn a_counter_born_while_watched_counts_from_zero() {
        assert_eq!(counted(&[3.0, 9.0], true), [3.0, 6.0]);
    }

    #[test]
    fn a_fall_is_a_restart() {
        assert_eq!(counted(&[90.0, 100.0, 4.0, 6.0], false), [10.0, 4.0, 2.0]);
    }

    #[test]
    fn nothing_is_lost_over_a_gap() {
        assert_eq!(counted(&[1.0, f64::NAN, 8.0], false), [7.0]);
    }
}
