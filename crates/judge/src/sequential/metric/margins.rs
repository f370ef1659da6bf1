//! What one metric tolerates and what not, on the scale of its comparison.

use serin_model::{Amount, Check, Margins, MeasureKind, Multiple, Worse};

use super::arm::mean;
use super::{MetricState, Scale};
use crate::sequential::rates::{RateBound, Tally};
use crate::sequential::spread::{REASON_OF_TIMES, Replicas, margin_of_times};
use crate::sequential::values::{Bounds, Side};

impl MetricState {
    /// Returns what is tolerated and unacceptable on the scale of the comparison.
    pub(super) fn bounds(&self, check: &Check, side: Side, level: f64) -> Bounds {
        let bounds = self.written_bounds(check, side, level);
        let younger = self.younger(check, side);
        Bounds { tolerated: bounds.tolerated.max(self.margin).max(younger), ..bounds }
    }

    /// Returns how much worse the control was than now when it was as young as the canary is, as far
    /// as its known past reaches.
    pub(super) fn younger(&self, check: &Check, side: Side) -> f64 {
        if check.margins.written().tolerance || self.youth.is_empty() {
            return 0.0;
        }
        let Some(lately) = self.lately else { return 0.0 };
        let at = self.steps() as usize;
        let around: Vec<f64> =
            self.youth.iter().skip(at.saturating_sub(2)).take(5).copied().collect();
        mean(&around).map_or(0.0, |then| side.sign() * (then - lately))
    }

    pub(super) fn written_bounds(&self, check: &Check, side: Side, level: f64) -> Bounds {
        let margins = &check.margins;
        let logarithmic = self.scale == Some(Scale::Logarithm);
        let size = if logarithmic { libm::exp(level) } else { 1.0 };
        let on_scale = |relative: f64, floor: f64| {
            let relative = relative.max(if floor > 0.0 { floor / size } else { 0.0 });
            if logarithmic { change_as_logarithm(relative, side) } else { relative }
        };
        Bounds {
            tolerated: on_scale(margins.tolerance(), margins.floor()),
            unacceptable: on_scale(margins.unacceptable(), margins.unacceptable_floor()),
        }
    }

    /// Returns how far replicas alone, or the time between, may set the arms apart.
    pub(super) fn margin_now(&mut self, check: &Check) -> f64 {
        let assume = !check.margins.written().tolerance;
        let mut quantile = self.quantile;
        let margin = match (&self.reference, self.same_replicas, &self.noise) {
            (Some(_), true, Some(noise)) => {
                let error = noise.error_of_level();
                margin_of_times(noise.deviation, error, noise.steps, &mut quantile)
            }
            _ => self.replicas().margin(assume, &mut quantile),
        };
        self.quantile = quantile;
        margin
    }

    pub(crate) fn replicas(&self) -> Replicas {
        Replicas {
            measured: self.spread.or_else(|| self.running_spread()),
            noise: self.noise.map_or(0.0, |noise| noise.deviation),
            control: self.control_replicas,
            canary: self.canary_replicas,
            fresh_minutes: self.fresh.then_some(self.minutes),
        }
    }

    /// Returns the tolerated change as a fraction of control, after widening, with why it was widened.
    pub(crate) fn tolerated(&self, check: &Check) -> (f64, Option<String>) {
        let written = check.margins.tolerance();
        if let Some(telling) = self.most_telling() {
            let reason = format!(
                "counted in events beyond {}, where {written} more time puts that many more",
                Amount::new(telling.edge, MeasureKind::Histogram),
                written = Multiple(1.0 + written)
            );
            return (telling.tolerated - 1.0, Some(reason));
        }
        if self.values.is_none() || self.is_of_shares() {
            return (written, None);
        }
        let side = sides(check.worse)[0];
        if self.margin <= self.written_bounds(check, side, 0.0).tolerated {
            return (written, None);
        }
        let fraction = match (self.scale, side) {
            (Some(Scale::Logarithm), Side::Higher) => libm::exp(self.margin) - 1.0,
            (Some(Scale::Logarithm), Side::Lower) => 1.0 - libm::exp(-self.margin),
            (_, _) => self.margin,
        };
        let reason = if self.reference.is_some() && self.same_replicas {
            REASON_OF_TIMES.to_owned()
        } else {
            self.replicas().reason(!check.margins.written().tolerance)
        };
        (fraction, Some(reason))
    }
}

pub(crate) fn sides(worse: Worse) -> Vec<Side> {
    match worse {
        Worse::Higher => vec![Side::Higher],
        Worse::Lower => vec![Side::Lower],
        Worse::Either => vec![Side::Higher, Side::Lower],
    }
}

pub(super) fn change_as_logarithm(relative: f64, side: Side) -> f64 {
    match side {
        Side::Higher => libm::log1p(relative),
        Side::Lower => -libm::log1p(-relative.min(0.99)),
    }
}

/// Returns the rates that are tolerated and unacceptable on one side. For the lower side the arms
/// have changed places: a canary at 80 % of the control is a control at 125 % of the canary.
pub(super) fn rate_bounds(margins: &Margins, side: Side) -> (RateBound, RateBound) {
    let times = |relative: f64| match side {
        Side::Higher => 1.0 + relative,
        Side::Lower => 1.0 / (1.0 - relative.min(0.99)),
    };
    let bound = |relative: f64, plus: f64| RateBound { times: times(relative), plus };
    (
        bound(margins.tolerance(), margins.floor()),
        bound(margins.unacceptable(), margins.unacceptable_floor()),
    )
}

/// Returns the margins for shares that turned out to be counts. Harm is judged as a ratio's, which is
/// what it is. What is unacceptable stays what was written for the value.
pub(crate) fn margins_of_shares(margins: &Margins, bad_is_high: bool, control: Tally) -> Margins {
    if margins.written().tolerance {
        // A tenth less of what is good is a tenth of the good share more of what is bad.
        let good = if bad_is_high { 1.0 } else { 1.0 - control.events / control.exposure };
        let tolerance = if bad_is_high { margins.tolerance() } else { 0.0 };
        let floor = if bad_is_high { margins.floor() } else { margins.tolerance() * good };
        let unacceptable_floor =
            if bad_is_high { margins.unacceptable_floor() } else { margins.unacceptable() * good };
        return Margins::new(
            MeasureKind::Ratio,
            Some(tolerance),
            Some(if bad_is_high { margins.unacceptable() } else { 0.0 }),
            Some(floor),
            Some(unacceptable_floor.max(floor)),
        )
        .unwrap_or_else(|_| Margins::of_kind(MeasureKind::Ratio));
    }
    let ratio = Margins::of_kind(MeasureKind::Ratio);
    let good = (1.0 - control.events / control.exposure).max(0.0);
    let unacceptable_floor = (margins.unacceptable() * good).max(ratio.unacceptable_floor());
    Margins::new(
        MeasureKind::Ratio,
        Some(ratio.tolerance()),
        Some(ratio.unacceptable()),
        Some(ratio.floor()),
        Some(unacceptable_floor),
    )
    .unwrap_or(ratio)
}
