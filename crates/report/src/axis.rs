//! The lines and numbers around a plot.

use serin_model::{MeasureKind, Timestamp};

use crate::clock;
use crate::scale::Scale;
use crate::svg::{self, Anchor};

/// The height of a plot in pixels, without what is written around it.
pub(crate) const HEIGHT: f64 = 220.0;

/// How far below the plot its times are written.
const BELOW: f64 = 18.0;

/// Returns how far down `value` is.
pub(crate) fn down(scale: Scale, value: f64) -> f64 {
    HEIGHT * (1.0 - scale.share(value))
}

/// Returns a line across the plot at each round value, with the value written to its left.
pub(crate) fn values(scale: Scale, kind: MeasureKind) -> String {
    let ticks = scale.ticks(4);
    let labels = ticks.labels(kind);
    let one = |(&value, label): (&f64, &String)| {
        let y = down(scale, value);
        let line = svg::line("grid", (0.0, y), (1.0, y));
        line + &svg::text("tick", Anchor::End, (0.0, y + 4.0), -8.0, label)
    };
    ticks.values.iter().zip(&labels).map(one).collect()
}

/// The lengths of time that clocks are read by, in seconds.
const CLOCK_STEPS: [i64; 19] = [
    1, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400,
    172_800, 604_800,
];

/// A stretch of time across a plot.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TimeScale {
    scale: Scale,
    seconds: (i64, i64),
    step_seconds: u32,
}

impl TimeScale {
    /// Creates the scale from the first to the last bin, each of them `step_seconds` long.
    pub(crate) fn new(first: Timestamp, last: Timestamp, step_seconds: u32) -> Self {
        let (first, last) = (first.min(last).as_millis(), first.max(last).as_millis());
        // A single bin stands in the middle of two minutes.
        let room = if first == last { 60_000 } else { 0 };
        let (first, last) = (first.saturating_sub(room), last.saturating_add(room));
        let seconds = (first.div_euclid(1000), last.div_euclid(1000));
        Self { scale: Scale::new(first as f64, last as f64), seconds, step_seconds }
    }

    /// Returns how far across `time` is, from 0 to 1.
    pub(crate) fn share(self, time: Timestamp) -> f64 {
        self.scale.share(time.as_millis() as f64)
    }

    /// Returns the times below the plot, and a short line at each.
    pub(crate) fn drawn(self) -> String {
        let (step, moments) = self.ticks();
        let pattern = match step {
            ..60 => "%H:%M:%S",
            60..86_400 => "%H:%M",
            86_400.. => "%-d %b",
        };
        let one = |(number, time): (usize, Timestamp)| {
            let x = self.share(time);
            let class = if number % 2 == 0 { "tick" } else { "tick spare" };
            let label = clock::formatted(time, pattern);
            svg::line("axis", (x, HEIGHT), (x, HEIGHT + 4.0))
                + &svg::text(class, Anchor::Middle, (x, HEIGHT + BELOW), 0.0, &label)
        };
        let base = svg::line("axis", (0.0, HEIGHT), (1.0, HEIGHT));
        base + &moments.into_iter().enumerate().map(one).collect::<String>()
    }

    /// Returns a few moments that a clock would name, and the seconds between them: not less than a
    /// bin.
    fn ticks(self) -> (i64, Vec<Timestamp>) {
        let (first, last) = self.seconds;
        let length = last.saturating_sub(first);
        let longest = CLOCK_STEPS[CLOCK_STEPS.len() - 1];
        let fits = |&&step: &&i64| length / step <= 6 && step >= i64::from(self.step_seconds);
        let step = CLOCK_STEPS.iter().find(fits).copied().unwrap_or_else(|| {
            let weeks = length / (6 * longest) + 1;
            weeks.saturating_mul(longest)
        });
        let aligned = -(-first).div_euclid(step);
        let moments = (0..=6)
            .map(|index| aligned.saturating_add(index).saturating_mul(step))
            .filter(|moment| (first..=last).contains(moment));
        (step, moments.map(Timestamp::from_seconds).collect())
    }
}
