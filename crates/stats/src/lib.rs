//! Two-sample statistics: ranks, rank tests, shifts, quantiles and moments; and
//! evidence that may be looked at at any time.
//!
//! Every function is a pure function of slices of `f64` and gives the same bits
//! for the same input on every machine: nothing here reads a clock or a file,
//! keeps state, draws a random number, or calls the platform's mathematics
//! library. No input makes it panic; what a function does with an empty sample,
//! a NaN or an infinity is in its documentation.
//!
//! The crate will never know what a metric, a canary or a verdict is, nor what
//! a missing value means. That is for `serin-judge` to say.

mod autocorrelation;
mod autoregression;
pub mod beta;
mod betting;
pub mod binomial;
mod e_value;
mod effect_size;
mod hodges_lehmann;
mod mann_whitney;
mod moments;
pub mod normal;
mod normal_mixture;
mod permutation;
mod proportion;
mod quantile;
mod rank;
mod rate_gap;
mod rate_ratio;
mod sample;
mod share_gap;
mod signed_rank;
mod spread;
pub mod student_t;
mod theil_sen;

pub use crate::autocorrelation::{
    FixedBConfidence, autocorrelation, effective_sample_size, fixed_b_critical_value, lazarus_lags,
    long_run_variance,
};
pub use crate::autoregression::{Autoregression, autoregression};
pub use crate::betting::betting_log_e;
pub use crate::binomial::conditional_binomial_test;
pub use crate::e_value::{e_benjamini_hochberg, p_value_of_log_e, weighted_log_mean_exp};
pub use crate::effect_size::{common_language_effect_size, mean_ratio};
pub use crate::hodges_lehmann::{Shift, hodges_lehmann_shift};
pub use crate::mann_whitney::{MannWhitneyU, Method, mann_whitney_u};
pub use crate::moments::{Moments, moments};
pub use crate::normal_mixture::{
    normal_mixture_log_e, normal_mixture_radius, normal_mixture_rho, one_sided_normal_mixture_log_e,
};
pub use crate::proportion::{clopper_pearson_interval, wilson_interval};
pub use crate::quantile::{quantile, quantile_of_sorted};
pub use crate::rank::{Ranks, mid_ranks};
pub use crate::rate_gap::{RateGapWeights, rate_gap_above, rate_gap_below};
pub use crate::rate_ratio::{rate_ratio_confidence_sequence, rate_ratio_log_e};
pub use crate::sample::{Alternative, SampleError};
pub use crate::share_gap::{ShareGapWeights, share_gap_below};
pub use crate::signed_rank::{SignedRank, wilcoxon_signed_rank};
pub use crate::spread::{
    DEVIATIONS_PER_MEDIAN_ABSOLUTE_DEVIATION, median_absolute_deviation,
    winsorised_standard_deviation,
};
pub use crate::theil_sen::{Slope, theil_sen_slope};
