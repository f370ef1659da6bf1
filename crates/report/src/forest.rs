//! How far each metric moved, all on one scale.

use std::ops::RangeInclusive;

use serin_model::{JudgedMetric, Worse};

use crate::label;
use crate::scale::Scale;
use crate::svg::{self, Anchor, Picture};
use crate::wording::{self, Tone};

/// The height of one row in pixels.
const ROW: f64 = 30.0;

/// The height of the axis in pixels.
const AXIS: f64 = 22.0;

/// The part of the axis where a number does not stick out of a narrow page.
const LABELLED: RangeInclusive<f64> = 0.06..=0.94;

/// How far beyond the margins whiskers are followed, in multiples of the widest margin.
const REACH: f64 = 3.0;

/// The least share of the scale on either side of zero, beside the other side.
const LESSER_SIDE: f64 = 0.25;

/// A shift as a fraction of the control's mean.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct RelativeShift {
    /// The best guess.
    pub(crate) estimate: f64,
    /// Its lower end.
    pub(crate) lower: f64,
    /// Its upper end.
    pub(crate) upper: f64,
}

impl RelativeShift {
    /// Returns the shift of a metric; `None` when it has none, or when the control's mean is zero or
    /// so near to it that the fraction is no number.
    ///
    /// Divided by the size of the mean, so that a rise is a rise where values are negative.
    pub(crate) fn of(metric: &JudgedMetric) -> Option<Self> {
        let shift = metric.shift?;
        let size = metric.control.mean.abs();
        let [estimate, lower, upper] =
            [shift.estimate, shift.lower, shift.upper].map(|value| value / size);
        let finite = [estimate, lower, upper].iter().all(|value| value.is_finite());
        (size > 0.0 && finite).then_some(Self { estimate, lower, upper })
    }

    /// Returns the interval in percent.
    pub(crate) fn in_words(self) -> String {
        wording::range(100.0 * self.lower, 100.0 * self.upper, " %")
    }
}

/// Returns one scale for all metrics that have a relative shift; `None` when there is none.
pub(crate) fn shared_scale(metrics: &[JudgedMetric]) -> Option<Scale> {
    let shifts: Vec<RelativeShift> = metrics.iter().filter_map(RelativeShift::of).collect();
    if shifts.is_empty() {
        return None;
    }
    let margins =
        metrics.iter().map(|metric| metric.unacceptable).filter(|margin| margin.is_finite());
    let margin = margins.fold(0.0, f64::max);
    let reach = if margin > 0.0 { REACH * margin } else { 1.0 };
    let lowest = shifts.iter().map(|shift| shift.lower).fold(-1.15 * margin, f64::min).max(-reach);
    let highest = shifts.iter().map(|shift| shift.upper).fold(1.15 * margin, f64::max).min(reach);
    let lowest = lowest.min(-LESSER_SIDE * highest);
    let highest = highest.max(-LESSER_SIDE * lowest);
    Some(Scale::new(lowest, highest))
}

/// Draws the numbers above the rows.
pub(crate) fn draw_axis(scale: Scale) -> String {
    let ticks = scale.ticks(4);
    let one = |(number, &value): (usize, &f64)| {
        let x = scale.share(value);
        let mark = svg::line("axis", (x, AXIS - 4.0), (x, AXIS));
        if !LABELLED.contains(&x) {
            return mark;
        }
        let label = format!("{} %", wording::trimmed(&wording::signed(100.0 * value)));
        let class = if value == 0.0 || number % 2 == 0 { "tick" } else { "tick spare" };
        mark + &svg::text(class, Anchor::Middle, (x, AXIS - 8.0), 0.0, &label)
    };
    let content: String = ticks.values.iter().enumerate().map(one).collect();
    let title = "Change against control, in percent";
    let description = "The scale of the rows below.";
    Picture { class: "forest", number: 0, height: AXIS, title, description }.around(&content)
}

/// Draws one metric's shift with its interval; without a shift, only its margins.
///
/// * `number`: from one.
pub(crate) fn draw_row(metric: &JudgedMetric, scale: Scale, number: usize) -> String {
    let shift = RelativeShift::of(metric);
    let mut content = margins(metric, scale);
    let zero = scale.share(0.0);
    content.push_str(&svg::line("zero", (zero, 0.0), (zero, ROW)));
    if let Some(shift) = shift {
        let tone = Tone::of_metric(metric).as_str();
        let outside = shift.upper < scale.low() || shift.lower > scale.high();
        content.push_str(&if outside {
            far(shift, scale, tone)
        } else {
            whiskers(shift, scale, tone)
        });
    }
    let title = format!("{}: change against control", label::name(metric));
    let description = shift.map_or_else(
        || "No relative change is known.".to_owned(),
        |shift| {
            let estimate = wording::signed(100.0 * shift.estimate);
            format!("{estimate} %, interval {}.", shift.in_words())
        },
    );
    Picture { class: "forest", number, height: ROW, title: &title, description: &description }
        .around(&content)
}

/// Returns the lines of what is tolerated and what is unacceptable, on the bad side or on both.
fn margins(metric: &JudgedMetric, scale: Scale) -> String {
    let sides: &[f64] = match metric.worse {
        Worse::Higher => &[1.0],
        Worse::Lower => &[-1.0],
        Worse::Either => &[-1.0, 1.0],
    };
    sides
        .iter()
        .map(|side| {
            beyond(side * metric.unacceptable, scale)
                + &upright("tolerance", side * metric.tolerance, scale)
                + &upright("unacceptable", side * metric.unacceptable, scale)
        })
        .collect()
}

fn beyond(margin: f64, scale: Scale) -> String {
    let x = scale.share(margin);
    let (from, to) = if margin < 0.0 { (0.0, x) } else { (x, 1.0) };
    svg::rectangle("beyond", (from, 0.0), (to, ROW))
}

fn upright(class: &str, value: f64, scale: Scale) -> String {
    if !(scale.low()..=scale.high()).contains(&value) {
        return String::new();
    }
    let x = scale.share(value);
    svg::line(class, (x, 0.0), (x, ROW))
}

const ARROW_LEFT: &str = "M8 -5L1 0L8 5";

const ARROW_RIGHT: &str = "M-8 -5L-1 0L-8 5";

/// Returns an arrow with the estimate beside it, for an interval that is wholly beyond the scale.
fn far(shift: RelativeShift, scale: Scale, tone: &str) -> String {
    let whisker = format!("whisker {tone}");
    let label = format!("{} %", wording::signed(100.0 * shift.estimate));
    let (edge, start, arrow, anchor, nudge) = if shift.estimate < 0.0 {
        (0.0, 0.06, ARROW_LEFT, Anchor::Start, 8.0)
    } else {
        (1.0, 0.94, ARROW_RIGHT, Anchor::End, -8.0)
    };
    let middle = 0.5 * ROW;
    svg::line(&whisker, (start, middle), (edge, middle))
        + &end(&whisker, shift.estimate, scale, arrow)
        + &svg::text(&format!("far {tone}"), anchor, (start, middle + 4.0), nudge, &label)
}

/// Returns the interval with its point; arrows where it goes on beyond the scale.
fn whiskers(shift: RelativeShift, scale: Scale, tone: &str) -> String {
    let class = |part: &str| format!("{part} {tone}");
    let (lower, upper) = (scale.share(shift.lower), scale.share(shift.upper));
    let middle = 0.5 * ROW;
    let line = svg::line(&class("whisker"), (lower, middle), (upper, middle));
    let left = end(&class("whisker"), shift.lower, scale, ARROW_LEFT);
    let right = end(&class("whisker"), shift.upper, scale, ARROW_RIGHT);
    let inside = (scale.low()..=scale.high()).contains(&shift.estimate);
    let point = if inside {
        svg::circle(&class("point"), (scale.share(shift.estimate), middle), 4.5)
    } else {
        String::new()
    };
    line + &left + &right + &point
}

/// Returns the end of a whisker: a short upright line, or an arrow where it is out of range.
fn end(class: &str, value: f64, scale: Scale, arrow: &str) -> String {
    let (x, middle) = (scale.share(value), 0.5 * ROW);
    if (scale.low()..=scale.high()).contains(&value) {
        return svg::line(class, (x, middle - 5.0), (x, middle + 5.0));
    }
    format!(
        "<svg aria-hidden=\"true\" class=\"arrow\" x=\"{}\" y=\"{}\" width=\"1\" height=\"1\">{}</svg>",
        svg::Across(x),
        svg::Tenth(middle),
        svg::path(class, arrow)
    )
}
