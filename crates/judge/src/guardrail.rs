//! Whether the canary kept inside an absolute bound.

use serin_model::{
    Amount, ArmPair, Bound, Guardrail, GuardrailOutcome, JudgedGuardrail, MeasureKind, Step,
    Timestamp,
};

use crate::bins::{Total, totals};

/// Judges a guardrail on an arm as a whole: counts are added up over the replicas first.
///
/// It is broken when as many consecutive points as it says are out of bounds and hold, together, as
/// many events as it says. When the control breaks it too, the canary is not what is wrong. It
/// stands outside any bound on false alarms: it is a fact, not a test.
#[must_use]
pub fn judge_guardrail(
    guardrail: &Guardrail,
    arms: &ArmPair,
    kind: MeasureKind,
    step: Step,
) -> JudgedGuardrail {
    let canary = totals(&arms.canary, step);
    let on_canary = first_broken(guardrail, &canary);
    let on_control = first_broken(guardrail, &totals(&arms.control, step));
    let outcome = match (canary.is_empty(), on_canary, on_control) {
        (true, _, _) => GuardrailOutcome::Nodata,
        (false, None, _) => GuardrailOutcome::Held,
        (false, Some(_), None) => GuardrailOutcome::Broken,
        (false, Some(_), Some(_)) => GuardrailOutcome::BrokenOnBoth,
    };
    let (above, below) = match guardrail.bound {
        Bound::Above(bound) => (Some(bound), None),
        Bound::Below(bound) => (None, Some(bound)),
    };
    JudgedGuardrail {
        outcome,
        reason: reason(outcome, guardrail, &canary, kind),
        above,
        below,
        consecutive: guardrail.consecutive.get(),
        broken_since: on_canary,
    }
}

/// Returns where the first run of points that breaks the guardrail begins. A gap of any length
/// neither ends a run nor adds to it.
fn first_broken(guardrail: &Guardrail, points: &[Total]) -> Option<Timestamp> {
    // Too few events cannot excuse too few events.
    let minimum_events = match guardrail.bound {
        Bound::Above(_) => f64::from(guardrail.minimum_events),
        Bound::Below(_) => 0.0,
    };
    let mut begin = None;
    let (mut length, mut events) = (0, 0.0);
    for point in points {
        if !guardrail.bound.is_broken_by(point.value) {
            (begin, length, events) = (None, 0, 0.0);
            continue;
        }
        begin = begin.or(Some(point.time));
        length += 1;
        events += point.events.unwrap_or(minimum_events);
        if length >= guardrail.consecutive.get() && events >= minimum_events {
            return begin;
        }
    }
    None
}

/// Says what the metric is, as every reason of the verdict does.
fn reason(
    outcome: GuardrailOutcome,
    guardrail: &Guardrail,
    canary: &[Total],
    kind: MeasureKind,
) -> String {
    let side = match guardrail.bound {
        Bound::Above(_) => "above",
        Bound::Below(_) => "below",
    };
    let bound = Amount::new(guardrail.bound.value(), kind);
    let run = match guardrail.consecutive.get() {
        1 => String::new(),
        consecutive => format!(" for {consecutive} points in a row"),
    };
    match outcome {
        GuardrailOutcome::Broken => {
            let worst = Amount::new(worst(guardrail.bound, canary), kind);
            format!("{side} its limit of {bound}{run}, at worst {worst}")
        }
        GuardrailOutcome::BrokenOnBoth => {
            format!("{side} its limit of {bound}{run}, but on the control too")
        }
        GuardrailOutcome::Held => format!("never {side} its limit of {bound}{run}"),
        GuardrailOutcome::Nodata => {
            format!("without points of the canary to hold against its limit of {bound}")
        }
    }
}

fn worst(bound: Bound, points: &[Total]) -> f64 {
    let values = points.iter().map(|point| point.value);
    match bound {
        Bound::Above(_) => values.fold(f64::NEG_INFINITY, f64::max),
        Bound::Below(_) => values.fold(f64::INFINITY, f64::min),
    }
}
