//! The absolute gap between two rates, watched bin by bin.

/// Weights that make the logarithm of an e-value from two counts, from
/// [`rate_gap_above`] or [`rate_gap_below`].
///
/// The logarithm is linear in the counts and in the gap, so that the weights
/// serve every gap, and those of many bins may be summed apart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RateGapWeights {
    /// What each event of `x` adds.
    pub event_x: f64,
    /// What each event of `y` adds.
    pub event_y: f64,
    /// What each unit of the gap, an event per unit of exposure, adds.
    pub gap: f64,
}

impl RateGapWeights {
    /// Returns the logarithm of the e-value.
    ///
    /// * `events_x`, `events_y`: the counts of one bin, or of several bins of
    ///   the same weights.
    /// * `gap`: the difference of rates of the null hypothesis, in events per
    ///   unit of exposure; 0.001 is one failed request in a thousand.
    ///
    /// Sums of it over bins are the logarithm of their product. A NaN among the
    /// arguments gives NaN.
    ///
    /// # Examples
    ///
    /// ```
    /// use serin_stats::rate_gap_above;
    ///
    /// let weights = rate_gap_above(1.0, 1_000.0, 9_000.0).unwrap();
    /// assert!(weights.log_e(20.0, 9.0, 0.001) > 10.0);
    /// assert!(weights.log_e(2.0, 9.0, 0.001) < 0.0);
    /// ```
    #[must_use]
    pub fn log_e(&self, events_x: f64, events_y: f64, gap: f64) -> f64 {
        self.event_x * events_x + self.event_y * events_y + self.gap * gap
    }
}

/// Returns weights against the hypothesis that the rate of `x` is at most that
/// of `y` plus a gap.
///
/// * `tilt`: s > 0, how strongly an event of `x` counts: the logarithm of the
///   ratio of rates that one hopes to tell apart is a good start, and averages
///   of e-values over a few tilts are better.
/// * `exposure_x`, `exposure_y`: n and m, the requests or the time in which the
///   events could happen, more than 0.
///
/// The logarithm of the e-value is s k − u b − n g (eˢ − 1), for k events of
/// `x`, b of `y`, a gap g, and the u with n (eˢ − 1) = m (1 − e⁻ᵘ).
///
/// *Its mean is at most 1 under the hypothesis.* Given the exposures and all
/// before the bin, let k and b be independent Poisson counts of means n κ and
/// m β. The tilt may depend on what is given, not on the counts. The mean of exp(s k) is
/// exp(n κ (eˢ − 1)), that of exp(−u b) is exp(−m β (1 − e⁻ᵘ)), which by the
/// choice of u is exp(−n β (eˢ − 1)). So the mean of the e-value is
/// exp(n (eˢ − 1) (κ − β − g)): at most 1 wherever κ ≤ β + g, whatever β is.
/// For binomial counts, failures out of n and m requests, it is less still, as
/// (1 + κ (eˢ − 1))ⁿ ≤ exp(n κ (eˢ − 1)), and likewise for y. Hence products over bins are a
/// supermartingale, though rates change from bin to bin, and the chance that
/// one ever reaches 1/α is at most α.
///
/// Returns `None` when no u exists, for n (eˢ − 1) ≥ m: the other arm is too
/// small for so large a tilt. Also for an argument out of its range.
///
/// Costs O(1).
///
/// # Examples
///
/// A product over minutes stays an e-value, however the traffic moves.
///
/// ```
/// use serin_stats::rate_gap_above;
///
/// let minutes = [(3.0, 1.0, 400.0, 600.0), (6.0, 0.0, 500.0, 500.0)];
/// let log_e: f64 = minutes
///     .iter()
///     .filter_map(|&(k, b, n, m)| Some(rate_gap_above(0.6, n, m)?.log_e(k, b, 0.000_5)))
///     .sum();
/// assert!((log_e - 4.24).abs() < 0.01);
/// // An even split and a factor of three are too much for one bin.
/// assert_eq!(rate_gap_above(3.0_f64.ln(), 500.0, 500.0), None);
/// ```
///
/// # References
///
/// * J. Ville, *Étude critique de la notion de collectif* (1939), for the chance
///   that a product ever reaches a threshold.
/// * H. Chernoff, "A measure of asymptotic efficiency for tests of a hypothesis
///   based on the sum of observations", *Annals of Mathematical Statistics* 23
///   (1952), 493–507, for the exponential tilt.
#[must_use]
pub fn rate_gap_above(tilt: f64, exposure_x: f64, exposure_y: f64) -> Option<RateGapWeights> {
    if ![tilt, exposure_x, exposure_y].into_iter().all(is_positive) {
        return None;
    }
    let rise = libm::expm1(tilt);
    let fall = rise * (exposure_x / exposure_y);
    let is_balanced = fall < 1.0;
    is_balanced.then(|| RateGapWeights {
        event_x: tilt,
        event_y: libm::log1p(-fall),
        gap: -exposure_x * rise,
    })
}

/// Returns weights against the hypothesis that the rate of `x` is at least
/// that of `y` plus a gap.
///
/// The other direction of [`rate_gap_above`], whose arguments these are: large
/// e-values show that `x` is *not* as much worse as the gap.
///
/// The logarithm of the e-value is −s k + u b + n g (1 − e⁻ˢ), for the u with
/// n (1 − e⁻ˢ) = m (eᵘ − 1), which always exists.
///
/// *Its mean is at most 1 under the hypothesis.* As there, the mean is
/// exp(n (1 − e⁻ˢ) (β + g − κ)): at most 1 wherever κ ≥ β + g, whatever β is,
/// and less still for binomial counts.
///
/// Returns `None` for an argument out of its range.
///
/// Costs O(1).
///
/// # Examples
///
/// ```
/// use serin_stats::rate_gap_below;
///
/// // No failure in 9,000 requests excludes a gap of one in a thousand.
/// let weights = rate_gap_below(2.0, 9_000.0, 9_000.0).unwrap();
/// assert!(weights.log_e(0.0, 0.0, 0.001) > (1.0 / 0.01_f64).ln());
/// ```
#[must_use]
pub fn rate_gap_below(tilt: f64, exposure_x: f64, exposure_y: f64) -> Option<RateGapWeights> {
    if ![tilt, exposure_x, exposure_y].into_iter().all(is_positive) {
        return None;
    }
    let fall = -libm::expm1(-tilt);
    Some(RateGapWeights {
        event_x: -tilt,
        event_y: libm::log1p(fall * (exposure_x / exposure_y)),
        gap: exposure_x * fall,
    })
}

fn is_positive(value: f64) -> bool {
    0.0 < value && value < f64::INFINITY
}
