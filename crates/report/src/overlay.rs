//! Both arms of a metric over time, one over the other.

use serin_model::{Amount, JudgedGuardrail, JudgedMetric, Timestamp, Trace, TracePoint};

use crate::axis::{self, HEIGHT, TimeScale, down};
use crate::clock;
use crate::scale::Scale;
use crate::svg::{self, Across, Anchor, PLANE, Picture, Tenth};

/// Beyond this many points a line is thinned to the lowest and highest of each stretch of them.
const MOST_POINTS: usize = 600;

/// Beyond this many points only some carry a mark.
const MOST_MARKS: usize = 60;

/// A line that ends before this has its name beside its end, inside the plot.
const EARLY: f64 = 0.8 * PLANE;

/// The least distance between the names at the ends of the lines, in pixels.
const NAME_HEIGHT: f64 = 16.0;

/// What an overlay is drawn from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Overlay<'a> {
    /// The metric.
    pub(crate) metric: &'a JudgedMetric,
    /// Its points.
    pub(crate) trace: &'a Trace,
    /// The number of its picture.
    pub(crate) number: usize,
    /// The length of a bin in seconds; with zero no bin is ever missing.
    pub(crate) step_seconds: u32,
    /// The values from the bottom to the top.
    pub(crate) scale: Scale,
}

/// Returns a scale for all values of both arms, and the limit where it is near; `None` without values.
pub(crate) fn value_scale(metric: &JudgedMetric, trace: &Trace) -> Option<Scale> {
    let points = trace.control.iter().chain(&trace.canary);
    let values = points.flat_map(|point| [point.value, point.lowest, point.highest]);
    let any_value = trace.control.iter().chain(&trace.canary).any(|point| point.value.is_finite());
    let scale = any_value.then(|| Scale::covering(values))??;
    let limit = metric.guardrail.as_ref().and_then(bound);
    Some(limit.and_then(|limit| scale.stretched_to(limit)).unwrap_or(scale))
}

fn bound(guardrail: &JudgedGuardrail) -> Option<f64> {
    guardrail.above.or(guardrail.below)
}

/// Draws the picture; points that are not finite are gaps.
pub(crate) fn draw(overlay: &Overlay<'_>, title: &str, description: &str) -> String {
    let Some(time) = time_scale(overlay) else { return String::new() };
    let control = Arm::new("control", &overlay.trace.control, overlay, time);
    let canary = Arm::new("canary", &overlay.trace.canary, overlay, time);
    let arms = [&control, &canary];

    let mut content = axis::values(overlay.scale, overlay.metric.measure);
    content.push_str(&time.drawn());
    content.push_str(&forbidden(overlay));
    let planes: String = arms
        .map(Arm::band)
        .into_iter()
        .chain(arms.map(Arm::line))
        .chain(arms.map(Arm::marks))
        .collect();
    content.push_str(&svg::stretched(HEIGHT, &planes));
    content.push_str(&limit(overlay));
    content.push_str(&broken(overlay, time));
    content.push_str(&names(arms));
    Picture { class: "overlay", number: overlay.number, height: HEIGHT, title, description }
        .around(&content)
}

/// Returns the time from the first to the last point of both arms; `None` without points.
fn time_scale(overlay: &Overlay<'_>) -> Option<TimeScale> {
    let trace = overlay.trace;
    let times = || trace.control.iter().chain(&trace.canary).map(|point| point.time);
    Some(TimeScale::new(times().min()?, times().max()?, overlay.step_seconds))
}

/// One arm, placed in the plane.
struct Arm<'a> {
    name: &'a str,
    /// Stretches of points without a gap between them.
    stretches: Vec<Vec<Place>>,
}

/// A point in the plane; down is from the top.
#[derive(Clone, Copy)]
struct Place {
    across: f64,
    value: f64,
    lowest: f64,
    highest: f64,
}

impl<'a> Arm<'a> {
    fn new(name: &'a str, points: &[TracePoint], overlay: &Overlay<'_>, time: TimeScale) -> Self {
        let place = |point: &TracePoint| {
            let edge = |edge: f64| if edge.is_finite() { edge } else { point.value };
            Place {
                across: PLANE * time.share(point.time),
                value: down(overlay.scale, point.value),
                lowest: down(overlay.scale, edge(point.lowest)),
                highest: down(overlay.scale, edge(point.highest)),
            }
        };
        let adjacent =
            |a: &TracePoint, b: &TracePoint| is_next(a.time, b.time, overlay.step_seconds);
        let stretches = points
            .chunk_by(|a, b| a.value.is_finite() && b.value.is_finite() && adjacent(a, b))
            .filter(|stretch| stretch.iter().all(|point| point.value.is_finite()))
            .map(|stretch| thinned(stretch, points.len()).map(|point| place(&point)).collect());
        Self { name, stretches: stretches.collect() }
    }

    /// Returns the area between the lowest and the highest replica; nothing where there is but one.
    fn band(&self) -> String {
        let wide = |stretch: &&Vec<Place>| {
            stretch.len() > 1 && stretch.iter().any(|place| place.lowest - place.highest > 0.05)
        };
        let outline = |stretch: &Vec<Place>| {
            let above = stretch.iter().map(|place| (place.across, place.highest));
            let below = stretch.iter().rev().map(|place| (place.across, place.lowest));
            steps(above.chain(below)) + "Z"
        };
        let outlines: String = self.stretches.iter().filter(wide).map(outline).collect();
        svg::path(&format!("{} band", self.name), &outlines)
    }

    fn line(&self) -> String {
        let one =
            |stretch: &Vec<Place>| steps(stretch.iter().map(|place| (place.across, place.value)));
        let lines: String =
            self.stretches.iter().filter(|stretch| stretch.len() > 1).map(one).collect();
        svg::path(&format!("{} line", self.name), &lines)
    }

    /// Returns marks as lines without length, which the style sheet gives round or square ends: a
    /// circle would be stretched with the plane.
    fn marks(&self) -> String {
        let all: usize = self.stretches.iter().map(Vec::len).sum();
        let every = all.div_ceil(MOST_MARKS).max(1);
        let of_stretch = |stretch: &Vec<Place>| {
            let alone = stretch.len() == 1;
            let marked = stretch.iter().step_by(if alone { 1 } else { every });
            marked
                .map(|place| format!("M{} {}h0", Tenth(place.across), Tenth(place.value)))
                .collect::<String>()
        };
        let marks: String = self.stretches.iter().map(of_stretch).collect();
        svg::path(&format!("{} mark", self.name), &marks)
    }

    fn last(&self) -> Option<Place> {
        self.stretches.last()?.last().copied()
    }
}

fn is_next(earlier: Timestamp, later: Timestamp, step_seconds: u32) -> bool {
    let step = i64::from(step_seconds) * 1000;
    // Half a step more, for clocks that are not aligned.
    step == 0 || later.as_millis().saturating_sub(earlier.as_millis()) <= step + step / 2
}

/// Returns the points of a stretch, or of each run of them the lowest and the highest in their order,
/// with the replicas of the whole run.
fn thinned(stretch: &[TracePoint], all: usize) -> impl Iterator<Item = TracePoint> {
    let run = if all <= MOST_POINTS { 1 } else { (2 * all).div_ceil(MOST_POINTS) };
    stretch.chunks(run).flat_map(|points| {
        let by_value = |a: &&TracePoint, b: &&TracePoint| a.value.total_cmp(&b.value);
        let [lowest, highest] = [points.iter().min_by(by_value), points.iter().max_by(by_value)];
        let mut kept: Vec<TracePoint> = lowest.into_iter().chain(highest).copied().collect();
        kept.sort_by_key(|point| point.time);
        kept.dedup_by_key(|point| point.time);
        let (lowest, highest) = extremes(points);
        kept.into_iter().map(move |point| TracePoint { lowest, highest, ..point })
    })
}

/// Returns the lowest and the highest replica of some points.
fn extremes(points: &[TracePoint]) -> (f64, f64) {
    let lowest = points.iter().map(|point| point.lowest).fold(f64::INFINITY, f64::min);
    let highest = points.iter().map(|point| point.highest).fold(f64::NEG_INFINITY, f64::max);
    (lowest, highest)
}

/// Returns the steps of a path through `places`.
fn steps(places: impl Iterator<Item = (f64, f64)>) -> String {
    let one = |(number, (x, y))| {
        let letter = if number == 0 { 'M' } else { 'L' };
        format!("{letter}{} {}", Tenth(x), Tenth(y))
    };
    places.enumerate().map(one).collect()
}

/// Returns the hatched side of the limit.
fn forbidden(overlay: &Overlay<'_>) -> String {
    let Some(guardrail) = &overlay.metric.guardrail else { return String::new() };
    let Some(limit) = bound(guardrail) else { return String::new() };
    let y = down(overlay.scale, limit);
    let (top, bottom) = if guardrail.above.is_some() { (0.0, y) } else { (y, HEIGHT) };
    if bottom <= top {
        return String::new();
    }
    let pattern = format!("hatch-{}", overlay.number);
    format!(
        "<pattern id=\"{pattern}\" width=\"7\" height=\"7\" patternUnits=\"userSpaceOnUse\" \
         patternTransform=\"rotate(45)\"><path class=\"hatch\" d=\"M0 0V7\"/></pattern>\
         <rect fill=\"url(#{pattern})\" x=\"0%\" y=\"{}\" width=\"{}\" height=\"{}\"/>",
        Tenth(top),
        Across(1.0),
        Tenth(bottom - top)
    )
}

/// Returns the limit as a line with its name, where the scale reaches so far.
fn limit(overlay: &Overlay<'_>) -> String {
    let Some(limit) = overlay.metric.guardrail.as_ref().and_then(bound) else {
        return String::new();
    };
    if !is_on(overlay.scale, limit) {
        return String::new();
    }
    let y = down(overlay.scale, limit);
    let label = format!("limit {}", Amount::new(limit, overlay.metric.measure));
    let above = if y > 20.0 { y - 6.0 } else { y + 15.0 };
    svg::line("limit", (0.0, y), (1.0, y))
        + &svg::text("limit-name", Anchor::Start, (0.0, above), 6.0, &label)
}

/// Returns whether `value` can be seen on the scale.
pub(crate) fn is_on(scale: Scale, value: f64) -> bool {
    (scale.low()..=scale.high()).contains(&value)
}

/// Returns a line where the limit was first broken.
fn broken(overlay: &Overlay<'_>, time: TimeScale) -> String {
    let since = overlay.metric.guardrail.as_ref().and_then(|guardrail| guardrail.broken_since);
    let Some(since) = since else { return String::new() };
    let x = time.share(since);
    let (anchor, nudge) = if x > 0.6 { (Anchor::End, -6.0) } else { (Anchor::Start, 6.0) };
    let label = format!("limit broken {}", clock::hour(since));
    svg::line("broken", (x, -14.0), (x, HEIGHT))
        + &svg::text("broken-name", anchor, (x, -4.0), nudge, &label)
}

/// Returns each arm's name at the end of its line, moved apart where they would touch.
fn names(arms: [&Arm<'_>; 2]) -> String {
    let ends = arms.map(Arm::last);
    let heights = match ends {
        [Some(control), Some(canary)] => apart(control.value, canary.value),
        _ => ends.map(|end| end.map_or(0.0, |place| place.value)),
    };
    let one = |((arm, end), y): ((&Arm<'_>, Option<Place>), f64)| match end {
        Some(end) => name(arm.name, end, y),
        None => {
            let words = format!("the {} reported nothing", arm.name);
            let class = format!("{} nothing", arm.name);
            svg::text(&class, Anchor::Middle, (0.5, -10.0), 0.0, &words)
        }
    };
    arms.into_iter().zip(ends).zip(heights).map(one).collect()
}

/// Returns a name to the right of the plot, or right behind a line that ends long before.
fn name(arm: &str, end: Place, y: f64) -> String {
    let across = if end.across < EARLY { end.across / PLANE } else { 1.0 };
    svg::text(&format!("{arm} name"), Anchor::Start, (across, y + 4.0), 10.0, arm)
}

/// Moves two heights apart until a name fits between them.
fn apart(first: f64, second: f64) -> [f64; 2] {
    let missing = NAME_HEIGHT - (first - second).abs();
    if missing <= 0.0 {
        return [first, second];
    }
    let half = if first < second { -0.5 * missing } else { 0.5 * missing };
    [first + half, second - half]
}
