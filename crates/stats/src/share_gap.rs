//! The absolute gap between two shares of few, watched bin by bin.

/// Weights that make the logarithm of an e-value from two counts out of known
/// numbers of trials, from [`share_gap_below`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ShareGapWeights {
    /// What each event of `x` adds.
    pub event_x: f64,
    /// What each event of `y` adds.
    pub event_y: f64,
    /// What the bin adds, whatever was counted in it.
    pub bin: f64,
}

impl ShareGapWeights {
    /// Returns the logarithm of the e-value, from the counts of one bin.
    ///
    /// Sums of it over bins are the logarithm of their product. A NaN among the
    /// arguments gives NaN.
    #[must_use]
    pub fn log_e(&self, events_x: f64, events_y: f64) -> f64 {
        self.event_x * events_x + self.event_y * events_y + self.bin
    }
}

/// Returns weights against the hypothesis that the share of `x` is at least that
/// of `y` plus a gap.
///
/// What [`rate_gap_below`](crate::rate_gap_below) is for events in time, for
/// events out of trials: the same where trials are many and events few, and
/// worth more where they are not. One trial without an event excludes a gap of a
/// fifth by a factor of up to 1.25, as it should.
///
/// * `tilt`: s > 0, how strongly the absence of events counts: the logarithm of
///   the ratio of shares that one hopes to tell apart is a good start.
/// * `trials_x`, `trials_y`: n and m, more than 0. An average of unknown numbers
///   is taken as it is.
/// * `gap`: g, at least 0 and less than 1.
///
/// With w = 1 − e⁻ˢ the logarithm of the e-value is
/// −s k + u b − n ln(1 − g w), for k events of `x`, b of `y`, and the u with
/// m (eᵘ − 1) = n w / (1 − g w).
///
/// *Its mean is at most 1 under the hypothesis.* Given the numbers of trials and
/// all before the bin, let k and b be independent binomial counts of shares
/// κ ≥ β + g and β. Then the mean of exp(−s k) is (1 − κ w)ⁿ, at most
/// (1 − (β + g) w)ⁿ, and that of exp(u b) is (1 + β (eᵘ − 1))ᵐ. The logarithm of
/// their product is concave in β, by the choice of u its slope at β = 0 is zero,
/// and its value there is n ln(1 − g w). So it is nowhere larger than that. The
/// tilt may depend on what is given, not on the counts; products over bins are a
/// supermartingale, and the chance that one ever reaches 1/α is at most α.
///
/// Returns `None` for an argument out of its range.
///
/// Costs O(1).
///
/// # Examples
///
/// ```
/// use serin_stats::share_gap_below;
///
/// // Sixteen minutes of one request each, none of which failed, exclude that a fifth fails.
/// let weights = share_gap_below(4.0, 1.0, 1.0, 0.2).unwrap();
/// assert!(16.0 * weights.log_e(0.0, 0.0) > 20.0_f64.ln());
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
pub fn share_gap_below(
    tilt: f64,
    trials_x: f64,
    trials_y: f64,
    gap: f64,
) -> Option<ShareGapWeights> {
    let is_positive = |value: f64| 0.0 < value && value < f64::INFINITY;
    if ![tilt, trials_x, trials_y].into_iter().all(is_positive) || !(0.0..1.0).contains(&gap) {
        return None;
    }
    let fall = -libm::expm1(-tilt);
    let kept = 1.0 - gap * fall;
    Some(ShareGapWeights {
        event_x: -tilt,
        event_y: libm::log1p(fall * (trials_x / trials_y) / kept),
        bin: -trials_x * libm::log1p(-gap * fall),
    })
}
