//! Values that look back further than a step: neighbours share what they were made from.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serin_model::{Arm, Step, Timestamp};

/// Which steps of a metric are compared, so that no two of them share data.
///
/// A value that looks back over w steps is compared at every w-th step, the first time where all that
/// it looks back on lies after the start. What lies between is heard, and proves nothing.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub(crate) struct Overlap {
    /// Over how many steps a value looks back, one or more.
    steps: i64,
    /// The first step of the start, counted in steps, modulo `steps`.
    phase: i64,
}

impl Overlap {
    /// Each value is of its own step alone.
    pub(crate) const NONE: Self = Self { steps: 1, phase: 0 };

    /// Creates the overlap of values that look back so far from the end of their step.
    ///
    /// * `start`: of the analysis.
    pub(crate) fn of(looks_back: Duration, step: Step, start: Timestamp) -> Self {
        let length = i64::from(step.seconds()) * 1000;
        let back = i64::try_from(looks_back.as_millis()).unwrap_or(i64::MAX).min(LONGEST);
        let steps = (back + length - 1) / length;
        let phase = start.as_millis().div_euclid(length).rem_euclid(steps.max(1));
        Self { steps: steps.max(1), phase }
    }

    /// Returns the number of a step among those that are compared, if it is one.
    ///
    /// * `step`: counted in steps.
    pub(crate) fn number(self, step: i64) -> Option<i64> {
        let since = step.saturating_sub(self.phase);
        (since.rem_euclid(self.steps) == self.steps - 1).then(|| since.div_euclid(self.steps))
    }

    /// Keeps the points of the steps that are compared.
    pub(crate) fn thin(self, arm: &mut Arm, step: Step) {
        let length = i64::from(step.seconds()) * 1000;
        let is_compared =
            |time: Timestamp| self.number(time.as_millis().div_euclid(length)).is_some();
        arm.replicas.iter_mut().for_each(|replica| replica.observations.retain(is_compared));
    }
}

/// No query looks back further than a year, in milliseconds.
const LONGEST: i64 = 366 * 86_400_000;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serin_model::{Step, Timestamp};

    use super::Overlap;

    #[test]
    fn the_first_step_that_is_compared_looks_back_to_the_start_and_no_further() {
        // seconds that a value looks back, the start in minutes, the first steps that are compared
        let table: [(u64, i64, &[i64]); 5] = [
            (60, 100, &[100, 101, 102]),
            (61, 100, &[101, 103, 105]),
            (300, 100, &[104, 109, 114]),
            (300, 103, &[107, 112, 117]),
            (0, 7, &[7, 8, 9]),
        ];
        for (back, start, compared) in table {
            let start_at = Timestamp::from_seconds(60 * start);
            let overlap = Overlap::of(Duration::from_secs(back), Step::MINUTE, start_at);
            let steps: Vec<i64> =
                (start..).filter(|step| overlap.number(*step).is_some()).take(3).collect();
            assert_eq!(steps, compared, "{back} s from {start} min");
            let numbers: Vec<i64> = steps.iter().filter_map(|step| overlap.number(*step)).collect();
            assert!(numbers.windows(2).all(|pair| pair[1] == pair[0] + 1), "{numbers:?}");
        }
    }
}
