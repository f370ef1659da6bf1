//! What only the `kayenta` judge asks about a metric, in Kayenta's own words.

use std::time::Duration;

use crate::time::Timestamp;

/// The options of one metric, after `analysisConfigurations.canary`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct KayentaOptions {
    /// What becomes of missing values.
    pub nan_strategy: NanStrategy,
    /// What becomes of outliers.
    pub outliers: Outliers,
    /// Whether a metric without data counts as failed. Kayenta heeds it only on metrics that are
    /// not critical.
    pub must_have_data: bool,
    /// How large a difference must be to count.
    pub effect_size: EffectSizeOptions,
}

/// What becomes of missing values.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum NanStrategy {
    /// They are left out.
    #[default]
    Remove,
    /// They count as zero.
    Replace,
}

/// What becomes of outliers, on each side by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Outliers {
    /// They stay.
    #[default]
    Keep,
    /// Values outside the fences are dropped.
    Remove {
        /// How many interquartile ranges the fences lie beyond the quartiles; more than zero.
        factor: f64,
    },
}

/// How large a difference must be to count.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EffectSizeOptions {
    /// What size means.
    pub measure: EffectSizeMeasure,
    /// The smallest size at which a higher canary is `High`.
    pub allowed_increase: f64,
    /// The largest size at which a lower canary is `Low`.
    pub allowed_decrease: f64,
    /// The smallest size at which a critical metric fails the whole canary by being higher.
    pub critical_increase: f64,
    /// The largest size at which a critical metric fails the whole canary by being lower.
    pub critical_decrease: f64,
}

impl EffectSizeOptions {
    /// Creates Kayenta's defaults for a measure: every bound is where no effect lies, so that any
    /// significant difference counts.
    #[must_use]
    pub fn without_margin(measure: EffectSizeMeasure) -> Self {
        let none = match measure {
            EffectSizeMeasure::MeanRatio => 1.0,
            EffectSizeMeasure::CommonLanguage => 0.5,
        };
        Self {
            measure,
            allowed_increase: none,
            allowed_decrease: none,
            critical_increase: none,
            critical_decrease: none,
        }
    }
}

impl Default for EffectSizeOptions {
    fn default() -> Self {
        Self::without_margin(EffectSizeMeasure::MeanRatio)
    }
}

/// What the size of an effect means.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum EffectSizeMeasure {
    /// The canary's mean over the control's.
    #[default]
    MeanRatio,
    /// The common-language effect size: how often a canary value is above a control value.
    CommonLanguage,
}

/// A run of several judgements over one canary, as Kayenta's stand-alone analysis makes them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct JudgementRun {
    /// Where the first window starts.
    pub start: Timestamp,
    /// How long the canary lives; more than zero.
    pub lifetime: Duration,
    /// How far apart the judgements lie; zero, or more than the lifetime, means one judgement.
    pub interval: Duration,
    /// How much of the beginning is left out.
    pub begin_after: Duration,
    /// How far each window reaches back; zero makes windows that grow from the start.
    pub lookback: Duration,
    /// How much earlier than the canary's the control's windows lie.
    pub control_offset: Duration,
    /// Whether the end was given beforehand. Kayenta does not shift such windows by `begin_after`.
    pub retrospective: bool,
}

impl JudgementRun {
    /// The most judgements one run may have; a year of minutes would be half a million.
    pub const MOST_JUDGEMENTS: u64 = 10_000;

    /// Returns how many judgements fit into the lifetime, in whole minutes; the remainder is never
    /// judged.
    #[must_use]
    pub fn judgements(&self) -> u64 {
        match self.interval_minutes() {
            0 => 0,
            interval => self.lifetime.as_secs() / 60 / interval,
        }
    }

    /// Returns the interval in whole minutes; zero, or more than the lifetime, means the lifetime.
    #[must_use]
    pub fn interval_minutes(&self) -> u64 {
        let (lifetime, interval) = (self.lifetime.as_secs() / 60, self.interval.as_secs() / 60);
        if interval == 0 || interval > lifetime { lifetime } else { interval }
    }
}
