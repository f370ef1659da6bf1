//! Native histograms: one sample holds a whole histogram, in buckets that the store chose.
//!
//! Source: <https://prometheus.io/docs/specs/native_histograms/>.

use std::collections::{BTreeMap, BTreeSet};

use serin_model::{Point, Timestamp};

/// A histogram of running totals.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NativeHistogram {
    /// All observations, those in no bucket among them.
    pub count: f64,
    /// The buckets that hold anything; the others are left out.
    pub buckets: Vec<NativeBucket>,
}

/// One bucket of a native histogram.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NativeBucket {
    /// Its lower edge.
    pub lower: f64,
    /// Its upper edge.
    pub upper: f64,
    /// The observations inside, not cumulated.
    pub count: f64,
}

/// Returns the finite edges at which all of the histograms can be cut, ascending.
///
/// A store halves the resolution of a histogram that grows too wide, so that buckets of several
/// widths meet: an edge inside any bucket is left out.
pub(crate) fn shared_edges<'a>(histograms: impl Iterator<Item = &'a NativeHistogram>) -> Vec<f64> {
    // Edges repeat from sample to sample: as bits they can be kept in a set.
    let mut intervals: BTreeSet<(u64, u64)> = BTreeSet::new();
    for bucket in histograms.flat_map(|histogram| &histogram.buckets) {
        intervals.insert((ordered(bucket.lower), ordered(bucket.upper)));
    }
    let mut edges: BTreeSet<u64> =
        intervals.iter().flat_map(|&(lower, upper)| [lower, upper]).collect();
    for &(lower, upper) in &intervals {
        if lower.saturating_add(1) < upper {
            let inside: Vec<u64> = edges.range(lower + 1..upper).copied().collect();
            inside.iter().for_each(|edge| {
                edges.remove(edge);
            });
        }
    }
    edges.into_iter().map(from_ordered).filter(|edge| edge.is_finite()).collect()
}

/// Returns a histogram's samples as those of classic buckets: for each edge, and for infinity, how
/// many observations lie at or below it.
pub(crate) fn classic(
    edges: &[f64],
    points: &[Point<NativeHistogram>],
) -> BTreeMap<String, Vec<(Timestamp, f64)>> {
    let mut buckets: BTreeMap<String, Vec<(Timestamp, f64)>> = BTreeMap::new();
    for &edge in edges {
        let samples = points.iter().map(|point| (point.time, at_or_below(&point.value, edge)));
        buckets.insert(edge.to_string(), samples.collect());
    }
    let totals = points.iter().map(|point| (point.time, point.value.count));
    buckets.insert("+Inf".to_owned(), totals.collect());
    buckets
}

fn at_or_below(histogram: &NativeHistogram, edge: f64) -> f64 {
    let below = histogram.buckets.iter().filter(|bucket| bucket.upper <= edge);
    below.map(|bucket| bucket.count).sum()
}

/// Returns the bits of a number so that they are in the number's order.
fn ordered(number: f64) -> u64 {
    let bits = (number + 0.0).to_bits();
    if bits >> 63 == 1 { !bits } else { bits | 1 << 63 }
}

fn from_ordered(bits: u64) -> f64 {
    f64::from_bits(if bits >> 63 == 1 { bits & !(1 << 63) } else { !bits })
}

#[cfg(test)]
mod tests {
    use super::{NativeBucket, NativeHistogram, at_or_below, shared_edges};

    fn histogram(buckets: &[(f64, f64, f64)]) -> NativeHistogram {
        let bucket =
            |&(lower, upper, count): &(f64, f64, f64)| NativeBucket { lower, upper, count };
        let count = buckets.iter().map(|bucket| bucket.2).sum();
        NativeHistogram { count, buckets: buckets.iter().map(bucket).collect() }
    }

    #[test]
    fn edges_inside_a_wider_bucket_are_left_out() {
        let fine = histogram(&[(-0.5, 0.5, 1.0), (1.0, 2.0, 1.0), (2.0, 4.0, 2.0)]);
        let coarse = histogram(&[(1.0, 4.0, 9.0), (4.0, f64::INFINITY, 1.0)]);
        assert_eq!(shared_edges([&fine].into_iter()), [-0.5, 0.5, 1.0, 2.0, 4.0]);
        assert_eq!(shared_edges([&fine, &coarse].into_iter()), [-0.5, 0.5, 1.0, 4.0]);
        assert_eq!(shared_edges([&histogram(&[])].into_iter()), [0.0; 0]);
    }

    #[test]
    fn counts_are_cumulated_at_the_edges() {
        let histogram = histogram(&[(-0.5, 0.5, 1.0), (1.0, 2.0, 3.0), (2.0, 4.0, 5.0)]);
        let counts = [-0.5, 0.5, 1.0, 2.0, 4.0].map(|edge| at_or_below(&histogram, edge));
        assert_eq!(counts, [0.0, 1.0, 1.0, 4.0, 9.0]);
    }
}
