//! How far each metric moved, all on one scale.

use std::ops::RangeInclusive;

use serin_model::{JudgedMetric, Worse};

use crate::scale::Scale;
use crate::svg::{self, Anchor, Picture};
use crate::wording::{self, Tone};
use crate::{evidence, label, ratio_ticks};

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

/// Ratios further from one than this logarithm, about a thousand, are drawn as arrows.
const FAR: f64 = 7.0;

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

/// What the metrics of a report are drawn along, all on one scale.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Forest {
    scale: Scale,
    is_evidence: bool,
}

/// An effect in the units of its axis.
#[derive(Clone, Copy, Debug)]
struct Placed {
    estimate: f64,
    lower: f64,
    upper: f64,
}

/// How a picture of a row is called, and how others of its kind are told apart.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RowName<'a> {
    /// The kind of picture, as the style sheet knows it.
    pub(crate) class: &'a str,
    /// The place of its metric in the verdict, from one.
    pub(crate) number: usize,
}

impl Forest {
    /// Returns one scale for all metrics that have an effect; `None` when there is none.
    ///
    /// Where the sequential judge decided, the effect is a ratio and the axis is logarithmic: half
    /// and twice as much are equally far from no difference.
    pub(crate) fn of(metrics: &[JudgedMetric], is_evidence: bool) -> Option<Self> {
        let margin = widest_margin(metrics, is_evidence);
        let reach = if margin > 0.0 { REACH * margin } else { 1.0 };
        let effects = metrics.iter().filter_map(|metric| placed(metric, is_evidence));
        Self::around(effects, margin, reach).map(|scale| Self { scale, is_evidence })
    }

    /// Returns a scale that holds every end of one metric's interval that is within reason; `None`
    /// when no effect is known.
    pub(crate) fn of_evidence(metric: &JudgedMetric) -> Option<Self> {
        let margin = widest_margin(std::slice::from_ref(metric), true);
        let effect = placed(metric, true)?;
        // An end that is infinite or far off is drawn as an arrow, and needs no room.
        let near = |end: f64| if end.abs() <= FAR { end } else { 0.0 };
        let Placed { estimate, lower, upper } = effect;
        let ends = [lower, estimate, upper].map(near);
        let lower = 1.1 * ends.into_iter().fold(0.0, f64::min);
        let upper = 1.1 * ends.into_iter().fold(0.0, f64::max);
        let effect = Placed { estimate, lower, upper };
        let reach = f64::INFINITY;
        let scale = Self::around(std::iter::once(effect), margin, reach)?;
        Some(Self { scale, is_evidence: true })
    }

    fn around(effects: impl Iterator<Item = Placed>, margin: f64, reach: f64) -> Option<Scale> {
        let ends = effects.map(|effect| (effect.lower, effect.upper));
        let (lowest, highest) = ends
            .reduce(|(lowest, highest), (lower, upper)| (lowest.min(lower), highest.max(upper)))?;
        let lowest = lowest.min(-1.15 * margin).max(-reach);
        let highest = highest.max(1.15 * margin).min(reach);
        let lowest = lowest.min(-LESSER_SIDE * highest);
        let highest = highest.max(-LESSER_SIDE * lowest);
        Some(Scale::new(lowest, highest))
    }

    /// Draws the numbers above the rows.
    pub(crate) fn axis(self, name: RowName<'_>) -> String {
        let one = |(number, (value, label)): (usize, (f64, String))| {
            let x = self.scale.share(value);
            let mark = svg::line("axis", (x, AXIS - 4.0), (x, AXIS));
            if !LABELLED.contains(&x) {
                return mark;
            }
            let class = if value == 0.0 || number % 2 == 0 { "tick" } else { "tick spare" };
            mark + &svg::text(class, Anchor::Middle, (x, AXIS - 8.0), 0.0, &label)
        };
        let content: String = self.ticks().into_iter().enumerate().map(one).collect();
        let title = match self.is_evidence {
            true => "Canary over control",
            false => "Change against control, in percent",
        };
        let description = "The scale of the rows below.";
        let RowName { class, number } = name;
        Picture { class, number, height: AXIS, title, description }.around(&content)
    }

    /// Draws one metric's effect with its interval; without an effect, only its margins.
    pub(crate) fn row(self, metric: &JudgedMetric, name: RowName<'_>) -> String {
        let mut content = self.drawn_margins(metric);
        let zero = self.scale.share(0.0);
        content.push_str(&svg::line("zero", (zero, 0.0), (zero, ROW)));
        if let Some(effect) = placed(metric, self.is_evidence) {
            let tone = Tone::of_metric(metric).as_str();
            let outside = effect.upper < self.scale.low() || effect.lower > self.scale.high();
            content.push_str(&if outside {
                far(effect, self.scale, tone, &estimate(metric, self.is_evidence))
            } else {
                whiskers(effect, self.scale, tone)
            });
        }
        let title = format!("{}: change against control", label::name(metric));
        let description = described(metric, self.is_evidence);
        let RowName { class, number } = name;
        Picture { class, number, height: ROW, title: &title, description: &description }
            .around(&content)
    }

    /// Returns round values along the axis, each with what is written above it.
    fn ticks(self) -> Vec<(f64, String)> {
        if self.is_evidence {
            return ratio_ticks::ticks(self.scale);
        }
        let label = |value| format!("{} %", wording::trimmed(&wording::signed(100.0 * value)));
        self.scale.ticks(4).values.into_iter().map(|value| (value, label(value))).collect()
    }

    /// Returns the lines of what is tolerated and what is unacceptable, on the bad side or on both.
    fn drawn_margins(self, metric: &JudgedMetric) -> String {
        let at = |change| place(change, self.is_evidence);
        let one = |margin: Margin| {
            let stated = margin.stated.map(|stated| upright("stated", at(stated), self.scale));
            beyond(at(margin.unacceptable), self.scale)
                + &stated.unwrap_or_default()
                + &upright("tolerance", at(margin.tolerated), self.scale)
                + &upright("unacceptable", at(margin.unacceptable), self.scale)
        };
        margins(metric, self.is_evidence).into_iter().map(one).collect()
    }
}

/// What is tolerated and unacceptable in one direction, as signed fractions of control.
#[derive(Clone, Copy, Debug)]
struct Margin {
    tolerated: f64,
    unacceptable: f64,
    /// What the Check says is tolerated, where more is.
    stated: Option<f64>,
}

fn margins(metric: &JudgedMetric, is_evidence: bool) -> Vec<Margin> {
    let sides: &[f64] = match metric.worse {
        Worse::Higher => &[1.0],
        Worse::Lower => &[-1.0],
        Worse::Either => &[-1.0, 1.0],
    };
    let evidence = metric.evidence.as_ref().filter(|_| is_evidence);
    let tolerated = evidence.map_or(metric.tolerance, |evidence| evidence.tolerated);
    let is_widened = evidence.is_some_and(|evidence| evidence.widened.is_some());
    let one = |side: &f64| Margin {
        tolerated: side * tolerated,
        unacceptable: side * metric.unacceptable,
        stated: is_widened.then_some(side * metric.tolerance),
    };
    sides.iter().map(one).collect()
}

/// Returns how far from no change the widest margin is along the axis; zero where there is none.
fn widest_margin(metrics: &[JudgedMetric], is_evidence: bool) -> f64 {
    let all = metrics.iter().flat_map(|metric| margins(metric, is_evidence));
    let ends = all.flat_map(|margin| [margin.unacceptable, margin.tolerated]);
    let ends = ends.map(|end| place(end, is_evidence).abs());
    ends.filter(|end| end.is_finite()).fold(0.0, f64::max)
}

/// Returns where a change, as a fraction of control, is along the axis; minus infinity for the loss
/// of everything and more on a logarithmic one.
fn place(change: f64, is_evidence: bool) -> f64 {
    if !is_evidence {
        change
    } else if change > -1.0 {
        libm::log1p(change)
    } else {
        f64::NEG_INFINITY
    }
}

/// Returns where the effect of a metric is along the axis, if it has one.
fn placed(metric: &JudgedMetric, is_evidence: bool) -> Option<Placed> {
    if !is_evidence {
        let RelativeShift { estimate, lower, upper } = RelativeShift::of(metric)?;
        return Some(Placed { estimate, lower, upper });
    }
    let effect = metric.evidence.as_ref()?.effect?;
    let ends = [effect.estimate, effect.lower, effect.upper];
    let known = ends.iter().all(|end| !end.is_nan());
    let [estimate, lower, upper] = ends.map(|ratio| place(ratio - 1.0, true));
    known.then_some(Placed { estimate, lower, upper })
}

/// Returns the best guess as a picture writes it.
fn estimate(metric: &JudgedMetric, is_evidence: bool) -> String {
    match RelativeShift::of(metric) {
        _ if is_evidence => evidence::effect(metric),
        Some(shift) => format!("{} %", wording::signed(100.0 * shift.estimate)),
        None => wording::NOTHING.to_owned(),
    }
}

fn described(metric: &JudgedMetric, is_evidence: bool) -> String {
    if placed(metric, is_evidence).is_none() {
        return "No relative change is known.".to_owned();
    }
    let estimate = estimate(metric, is_evidence);
    if is_evidence {
        let sequence = evidence::sequence(metric);
        return format!(
            "{estimate}, interval {sequence}; tolerated {}.",
            evidence::tolerance(metric)
        );
    }
    let interval = RelativeShift::of(metric).map(RelativeShift::in_words).unwrap_or_default();
    format!("{estimate}, interval {interval}.")
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
fn far(effect: Placed, scale: Scale, tone: &str, label: &str) -> String {
    let whisker = format!("whisker {tone}");
    let (edge, start, arrow, anchor, nudge) = if effect.estimate < 0.0 {
        (0.0, 0.06, ARROW_LEFT, Anchor::Start, 8.0)
    } else {
        (1.0, 0.94, ARROW_RIGHT, Anchor::End, -8.0)
    };
    let middle = 0.5 * ROW;
    svg::line(&whisker, (start, middle), (edge, middle))
        + &end(&whisker, effect.estimate, scale, arrow)
        + &svg::text(&format!("far {tone}"), anchor, (start, middle + 4.0), nudge, label)
}

/// Returns the interval with its point; arrows where it goes on beyond the scale.
fn whiskers(effect: Placed, scale: Scale, tone: &str) -> String {
    let class = |part: &str| format!("{part} {tone}");
    let (lower, upper) = (scale.share(effect.lower), scale.share(effect.upper));
    let middle = 0.5 * ROW;
    let line = svg::line(&class("whisker"), (lower, middle), (upper, middle));
    let left = end(&class("whisker"), effect.lower, scale, ARROW_LEFT);
    let right = end(&class("whisker"), effect.upper, scale, ARROW_RIGHT);
    let inside = (scale.low()..=scale.high()).contains(&effect.estimate);
    let point = if inside {
        svg::circle(&class("point"), (scale.share(effect.estimate), middle), 4.5)
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
