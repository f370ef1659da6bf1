//! How often each arm took each value, back to back.

use serin_model::{MeasureKind, Trace, TracePoint};

use crate::axis::{self, HEIGHT, down};
use crate::scale::Scale;
use crate::svg::{self, Anchor, Picture};

/// How many bars an arm has.
const BARS: usize = 22;

/// How much of the width the longest bar takes.
const LONGEST: f64 = 0.46;

/// Draws both arms' values over the scale of the overlay beside it: the control to the left of the
/// middle, the canary to the right, each bar a share of its arm's points, the median as a line.
///
/// Values that are not finite are left out; an arm without any has no bars.
pub(crate) fn draw(
    trace: &Trace,
    scale: Scale,
    kind: MeasureKind,
    number: usize,
    title: &str,
    description: &str,
) -> String {
    let (control, canary) = (finite(&trace.control), finite(&trace.canary));
    let (control_shares, canary_shares) = (shares(&control, scale), shares(&canary, scale));
    let largest = control_shares.iter().chain(&canary_shares).copied().fold(0.0, f64::max);

    let mut content = axis::values(scale, kind);
    content.push_str(&bars("control bar", &control_shares, largest, -1.0));
    content.push_str(&bars("canary bar", &canary_shares, largest, 1.0));
    content.push_str(&svg::line("axis", (0.5, 0.0), (0.5, HEIGHT)));
    content.push_str(&median("control median", &control, scale, -1.0));
    content.push_str(&median("canary median", &canary, scale, 1.0));
    content.push_str(&svg::text(
        "control name",
        Anchor::End,
        (0.5, HEIGHT + 18.0),
        -10.0,
        "control",
    ));
    content.push_str(&svg::text(
        "canary name",
        Anchor::Start,
        (0.5, HEIGHT + 18.0),
        10.0,
        "canary",
    ));
    Picture { class: "distribution", number, height: HEIGHT, title, description }.around(&content)
}

/// Returns the finite values of an arm, ascending.
fn finite(points: &[TracePoint]) -> Vec<f64> {
    let mut values: Vec<f64> =
        points.iter().map(|point| point.value).filter(|value| value.is_finite()).collect();
    values.sort_by(f64::total_cmp);
    values
}

/// Returns the share of `values` in each of [`BARS`] equal parts of the scale, the lowest first.
fn shares(values: &[f64], scale: Scale) -> Vec<f64> {
    let mut shares = vec![0.0; BARS];
    for &value in values {
        let bar = (scale.share(value) * BARS as f64) as usize;
        shares[bar.min(BARS - 1)] += 1.0 / values.len() as f64;
    }
    shares
}

fn bars(class: &str, shares: &[f64], largest: f64, side: f64) -> String {
    let height = HEIGHT / BARS as f64;
    let one = |(index, &share): (usize, &f64)| {
        let bottom = HEIGHT - height * index as f64;
        let end = 0.5 + side * LONGEST * share / largest;
        svg::rectangle(class, (end.min(0.5), bottom - height + 1.0), (end.max(0.5), bottom))
    };
    shares.iter().enumerate().map(one).collect()
}

fn median(class: &str, values: &[f64], scale: Scale, side: f64) -> String {
    if values.is_empty() {
        return String::new();
    }
    let (below, above) = (values[(values.len() - 1) / 2], values[values.len() / 2]);
    let y = down(scale, 0.5 * below + 0.5 * above);
    svg::line(class, (0.5, y), (0.5 + side * LONGEST, y))
}
