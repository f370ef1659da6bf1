//! A recording that is played as if it were live.

use serin_model::{Analysis, Arm, MetricSeries, Timestamp, Warning, Window};
use serin_report::Input;

use super::feed::{Feed, Known, Outage, between};
use crate::watch::Interrupt;

/// All points of a recording, of which those before a moment are known at that moment.
#[derive(Debug)]
pub struct RecordingFeed {
    name: String,
    series: Vec<MetricSeries>,
    warnings: Vec<Warning>,
    input: Input,
    start: Timestamp,
    /// Where the control's time lies, if it is not the canary's.
    control: Option<Window>,
}

impl RecordingFeed {
    /// Creates a feed of what a recording answered.
    #[must_use]
    pub fn new(
        analysis: &Analysis,
        name: String,
        series: Vec<MetricSeries>,
        warnings: Vec<Warning>,
        input: Input,
    ) -> Self {
        let (start, control) = (Timestamp::from_millis(i64::MIN), analysis.arms.control_window);
        Self { name, series, warnings, input, start, control }
    }
}

impl Feed for RecordingFeed {
    fn name(&self) -> &str {
        &self.name
    }

    fn ends(&self) -> Option<Timestamp> {
        let arms = self.series.iter().flat_map(|it| [&it.arms.control, &it.arms.canary]);
        arms.filter_map(Arm::span).map(|(_, last)| last).max()
    }

    fn look(&mut self, window: Window, _: &Interrupt) -> Result<Vec<MetricSeries>, Outage> {
        Ok(between(&self.series, window, self.control))
    }

    fn begin(&mut self, start: Timestamp) {
        self.start = start;
    }

    fn ask(&mut self, until: Timestamp, _: bool, _: &Interrupt) -> Result<Known, Outage> {
        let window = Window { start: self.start, end: until };
        let series = between(&self.series, window, self.control);
        Ok(Known { series, warnings: self.warnings.clone(), input: self.input.clone() })
    }
}
