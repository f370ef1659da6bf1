//! Whether the canary kept inside an absolute bound.

use serde::{Deserialize, Serialize};
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
    let of = |arm| {
        let mut breach = Breach::default();
        totals(arm, step).iter().for_each(|point| breach.observe(guardrail, point));
        breach
    };
    let (control, canary) = (of(&arms.control), of(&arms.canary));
    let on_both = control.broken_since.is_some();
    RunningGuardrail { control, canary, on_both }.judged(guardrail, kind)
}

/// A guardrail while its points come in, in a few numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct RunningGuardrail {
    control: Breach,
    canary: Breach,
    /// Whether the control had broken it when the canary did.
    on_both: bool,
}

/// How one arm stands to its guardrail. A gap of any length neither ends a run of points out of bounds
/// nor adds to it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Breach {
    points: u64,
    begin: Option<Timestamp>,
    length: u32,
    events: f64,
    broken_since: Option<Timestamp>,
    worst: Option<f64>,
}

impl Breach {
    fn observe(&mut self, guardrail: &Guardrail, point: &Total) {
        self.points += 1;
        let worse = |one: f64, other: f64| match guardrail.bound {
            Bound::Above(_) => one.max(other),
            Bound::Below(_) => one.min(other),
        };
        self.worst = Some(self.worst.map_or(point.value, |worst| worse(worst, point.value)));
        if !guardrail.bound.is_broken_by(point.value) {
            (self.begin, self.length, self.events) = (None, 0, 0.0);
            return;
        }
        // Too few events cannot excuse too few events.
        let minimum_events = match guardrail.bound {
            Bound::Above(_) => f64::from(guardrail.minimum_events),
            Bound::Below(_) => 0.0,
        };
        self.begin = self.begin.or(Some(point.time));
        self.length = self.length.saturating_add(1);
        self.events += point.events.unwrap_or(minimum_events);
        if self.length >= guardrail.consecutive.get() && self.events >= minimum_events {
            self.broken_since = self.broken_since.or(self.begin);
        }
    }
}

impl RunningGuardrail {
    pub(crate) fn new() -> Self {
        let breach = Breach::default();
        Self { control: breach.clone(), canary: breach, on_both: false }
    }

    /// Takes the next step of both arms as a whole, where they reported.
    pub(crate) fn observe(
        &mut self,
        guardrail: &Guardrail,
        control: Option<&Total>,
        canary: Option<&Total>,
    ) {
        if let Some(control) = control {
            self.control.observe(guardrail, control);
        }
        let was_broken = self.canary.broken_since.is_some();
        if let Some(canary) = canary {
            self.canary.observe(guardrail, canary);
        }
        if !was_broken && self.canary.broken_since.is_some() {
            self.on_both = self.control.broken_since.is_some();
        }
    }

    pub(crate) fn outcome(&self) -> GuardrailOutcome {
        match (self.canary.points, self.canary.broken_since) {
            (0, _) => GuardrailOutcome::Nodata,
            (_, None) => GuardrailOutcome::Held,
            (_, Some(_)) if self.on_both => GuardrailOutcome::BrokenOnBoth,
            (_, Some(_)) => GuardrailOutcome::Broken,
        }
    }

    pub(crate) fn judged(&self, guardrail: &Guardrail, kind: MeasureKind) -> JudgedGuardrail {
        let outcome = self.outcome();
        let (above, below) = match guardrail.bound {
            Bound::Above(bound) => (Some(bound), None),
            Bound::Below(bound) => (None, Some(bound)),
        };
        JudgedGuardrail {
            outcome,
            reason: reason(outcome, guardrail, self.canary.worst, kind),
            above,
            below,
            consecutive: guardrail.consecutive.get(),
            broken_since: self.canary.broken_since,
        }
    }
}

/// Says what the metric is, as every reason of the verdict does.
fn reason(
    outcome: GuardrailOutcome,
    guardrail: &Guardrail,
    worst: Option<f64>,
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
            let worst = worst.map_or_else(String::new, |worst| {
                format!(", at worst {}", Amount::new(worst, kind))
            });
            format!("{side} its limit of {bound}{run}{worst}")
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
