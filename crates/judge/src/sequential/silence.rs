//! A canary that says nothing while its control does.
//!
//! Silence of the canary as a whole, over all metrics, is evidence: a healthy replica misses a step
//! now and then, and hardly ever several in a row. It is none where the control is silent too, where
//! the source failed, or where the canary counts its requests and has none.

use serde::{Deserialize, Serialize};
use serin_model::Timestamp;

use super::bet::{ALIKE, Begins, Bets, SIZES};

/// What one arm did in one step of one metric.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Voice {
    /// It reported something that only a working replica reports.
    Speaks,
    /// It reported, but nothing that tells work from none: a level of exactly zero where others have
    /// one, or a share that is all there is.
    Hums,
    /// It counted, and there was nothing to count.
    Idle,
    /// It reported nothing.
    Absent,
}

/// What both arms did in one step of one metric.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Voices {
    pub(crate) control: Voice,
    pub(crate) canary: Voice,
    /// Whether the control says nothing where it used to, or fails as it never did.
    pub(crate) control_is_unwell: bool,
    /// Which share of the control's replicas is missing.
    pub(crate) control_missing: f64,
}

/// How often a healthy arm may be silent for a whole unit of time, at least; more where points of the
/// control are missing, too.
pub(super) const SILENT_WHILE_HEALTHY: f64 = 0.05;
const SILENT_PER_MISSING: f64 = 1.5;
pub(super) const SILENT_WHILE_HEALTHY_AT_MOST: f64 = 0.85;

/// How often a broken one is.
pub(super) const SILENT_WHILE_BROKEN: f64 = 0.9;

/// A canary of which so many times as many metrics are missed as are heard is silent.
const MISSED_BESIDE_SPOKEN: usize = 3;

/// How many steps of one metric the assumption of hardly any missing points is worth.
const STEPS_OF_USUAL: f64 = 20.0;

/// The shortest silence that counts, in milliseconds: scrapes fail for seconds all the time.
pub(super) const UNIT: i64 = 60_000;

/// The evidence that the canary is silent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Silence {
    bets: Bets,
    /// Since when the canary has said nothing while the control spoke.
    pub(crate) since: Option<Timestamp>,
    /// How many steps the present silence has lasted, and how much of it has been counted, in units.
    steps: u64,
    counted: i64,
    /// Whether the canary ever spoke.
    pub(crate) spoke: bool,
    /// How often it counted and had nothing to count.
    pub(crate) idle: u64,
    /// How many silent steps were passed over because the control was unwell.
    pub(crate) unwell: u64,
    spoken_since_unit: Option<Timestamp>,
    /// Which share of the control's points is missing, over the steps of all metrics.
    missing: f64,
    missing_steps: f64,
}

impl Silence {
    pub(crate) fn new() -> Self {
        Self {
            bets: Bets::new(Begins::AnyTime),
            since: None,
            steps: 0,
            counted: 0,
            spoke: false,
            idle: 0,
            unwell: 0,
            spoken_since_unit: None,
            missing: 0.0,
            missing_steps: 0.0,
        }
    }

    /// Takes one step over all metrics: what the control and the canary said of each.
    ///
    /// * `start`, `end`: of the step.
    pub(crate) fn observe(&mut self, voices: &[Voices], start: Timestamp, end: Timestamp) {
        let missed =
            voices.iter().filter(|voices| is_missed(voices.control, voices.canary)).count();
        let spoken = voices.iter().filter(|voices| voices.canary == Voice::Speaks).count();
        let control_speaks = missed > 0;
        // A balancer goes on counting what it could not deliver to a dead canary; a living one may
        // well have lost or renamed a metric or two.
        let canary_speaks = MISSED_BESIDE_SPOKEN * spoken > missed;
        for voices in voices {
            self.missing_steps += 1.0;
            let kept = self.missing_steps + STEPS_OF_USUAL;
            self.missing += (voices.control_missing - self.missing) / kept;
        }
        let canary_idles = voices.iter().any(|voices| voices.canary == Voice::Idle);
        if canary_speaks {
            self.spoke = true;
            self.is_over();
            self.count_speech(start, end);
        } else if canary_idles {
            self.idle += 1;
            self.is_over();
        } else if voices.iter().any(|voices| voices.control_is_unwell) {
            // Where the control is unwell, the canary's silence is part of what is wrong with both.
            self.unwell += 1;
        } else if control_speaks {
            let since = *self.since.get_or_insert(start);
            self.steps += 1;
            self.spoken_since_unit = None;
            let units = (end.as_millis() - since.as_millis())
                / UNIT.max(end.as_millis() - start.as_millis());
            while self.counted < units {
                self.counted += 1;
                self.bet(libm::log(SILENT_WHILE_BROKEN / self.silent_while_healthy()));
            }
        }
    }

    fn is_over(&mut self) {
        self.since = None;
        self.steps = 0;
        self.counted = 0;
    }

    /// Returns whether the canary says nothing at present, while its control does: for a second step in
    /// a row, as scrapes fail, and the last step of a window is rarely whole on both arms.
    pub(crate) fn lasts(&self) -> bool {
        self.steps >= 2
    }

    /// A unit of speech counts as much as a unit of silence, whatever the step.
    fn count_speech(&mut self, start: Timestamp, end: Timestamp) {
        let since = *self.spoken_since_unit.get_or_insert(start);
        if end.as_millis() - since.as_millis() >= UNIT {
            self.spoken_since_unit = None;
            let factor = (1.0 - SILENT_WHILE_BROKEN) / (1.0 - self.silent_while_healthy());
            self.bet(libm::log(factor));
        }
    }

    fn silent_while_healthy(&self) -> f64 {
        (SILENT_PER_MISSING * self.missing)
            .clamp(SILENT_WHILE_HEALTHY, SILENT_WHILE_HEALTHY_AT_MOST)
    }

    fn bet(&mut self, log_factor: f64) {
        self.bets.observe(&[log_factor; SIZES], &[0.0; SIZES]);
    }

    /// Returns the natural logarithm of the e-value against "the canary is as talkative as a healthy
    /// one".
    pub(crate) fn log_e(&self) -> f64 {
        self.bets.log_e(&ALIKE)
    }
}

/// Whether the control says more than the canary, so that the canary's silence means something.
fn is_missed(control: Voice, canary: Voice) -> bool {
    match (control, canary) {
        (Voice::Speaks, Voice::Absent | Voice::Hums) | (Voice::Hums, Voice::Absent) => true,
        (_, _) => false,
    }
}
