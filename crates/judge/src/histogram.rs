//! One number out of a histogram.

use serin_model::BucketBounds;

/// Returns a quantile of what the buckets hold, as Prometheus' `histogram_quantile` computes it.
///
/// * `increments`: events in each bucket, one more than `bounds`; not cumulated.
/// * `quantile`: from 0 to 1.
///
/// Within a bucket events are spread evenly. The lowest bucket starts at zero, or is its own upper
/// edge if that is not above zero; what lies above the last edge is that edge. `None` when the
/// buckets are empty or do not fit the bounds.
pub(crate) fn bucket_quantile(
    bounds: &BucketBounds,
    increments: &[f64],
    quantile: f64,
) -> Option<f64> {
    let bounds = bounds.as_slice();
    let total: f64 = increments.iter().sum();
    if increments.len() != bounds.len() + 1 || total.is_nan() || total <= 0.0 {
        return None;
    }
    let rank = quantile * total;
    let mut below = 0.0;
    for (index, (&upper, &inside)) in bounds.iter().zip(increments).enumerate() {
        if below + inside >= rank && inside > 0.0 {
            let lower = match index.checked_sub(1) {
                Some(previous) => bounds[previous],
                None if upper > 0.0 => 0.0,
                None => return Some(upper),
            };
            return Some(lower + (upper - lower) * ((rank - below) / inside));
        }
        below += inside;
    }
    bounds.last().copied()
}

#[cfg(test)]
mod tests {
    use serin_model::BucketBounds;

    use super::bucket_quantile;

    fn quantile(bounds: &[f64], increments: &[f64], quantile: f64) -> Option<f64> {
        bucket_quantile(&BucketBounds::new(bounds.to_vec()).unwrap(), increments, quantile)
    }

    #[test]
    fn interpolates_within_a_bucket() {
        assert_eq!(quantile(&[1.0, 2.0], &[5.0, 5.0, 0.0], 0.75), Some(1.5));
        assert_eq!(quantile(&[1.0, 2.0], &[10.0, 0.0, 0.0], 0.5), Some(0.5));
    }

    #[test]
    fn what_lies_above_the_last_edge_is_that_edge() {
        assert_eq!(quantile(&[1.0, 2.0], &[1.0, 0.0, 9.0], 0.99), Some(2.0));
    }

    #[test]
    fn a_first_bucket_below_zero_is_its_edge() {
        assert_eq!(quantile(&[-1.0, 2.0], &[10.0, 0.0, 0.0], 0.5), Some(-1.0));
    }

    #[test]
    fn empty_or_odd_buckets_have_no_quantile() {
        assert_eq!(quantile(&[1.0], &[0.0, 0.0], 0.5), None);
        assert_eq!(quantile(&[1.0], &[1.0], 0.5), None);
        assert_eq!(quantile(&[1.0], &[f64::NAN, 1.0], 0.5), None);
    }
}
