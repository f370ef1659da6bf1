//! Which effect can be seen after how long, as a picture.

use serin_model::{CurvePoint, Outlook, Worse};

use super::wording;
use crate::axis::HEIGHT;
use crate::scale::Scale;
use crate::svg::{self, Anchor, PLANE, Picture, Tenth};

/// Effects that a tick may stand at.
const ROUND: [f64; 22] = [
    0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.0, 4.0, 9.0, 19.0, 49.0,
    99.0, 199.0, 499.0, 999.0, 1_999.0, 4_999.0,
];

/// At most so many ticks stand beside the plot.
const MOST_TICKS: usize = 7;

/// How far below the plot its minutes are written.
const BELOW: f64 = 18.0;

/// Draws the effects that half and nine in ten of the canaries show against the minutes; nothing where
/// no effect shows. The scale of effects is logarithmic.
pub(super) fn draw(
    outlook: &Outlook,
    worse: Worse,
    number: usize,
    title: &str,
    description: &str,
) -> String {
    let Some(effects) = scale(outlook) else { return String::new() };
    let horizon = outlook.curve.last().map_or(1.0, |point| point.minutes);
    let minutes = Scale::new(0.0, horizon);
    let mut content = ticks(effects, worse);
    content.push_str(&below(minutes));
    content.push_str(&floor(outlook, effects));
    let curves = line(&outlook.curve, "line control", minutes, effects, |point| point.half)
        + &line(&outlook.curve, "line canary", minutes, effects, |point| point.nine_in_ten);
    content.push_str(&svg::stretched(HEIGHT, &curves));
    content.push_str(&margin("tolerance", outlook.tolerance, effects, "tolerance"));
    content.push_str(&margin("unacceptable", outlook.unacceptable, effects, "unacceptable"));
    Picture { class: "overlay", number, height: HEIGHT, title, description }.around(&content)
}

fn place(effect: f64) -> f64 {
    libm::log(effect.max(1e-5))
}

fn scale(outlook: &Outlook) -> Option<Scale> {
    let seen = outlook.curve.iter().flat_map(|point| [point.half, point.nine_in_ten]).flatten();
    let seen: Vec<f64> = seen.collect();
    if seen.is_empty() {
        return None;
    }
    let margins = [Some(outlook.tolerance), Some(outlook.unacceptable), outlook.floor];
    let margins = margins.into_iter().flatten().filter(|margin| *margin > 0.0);
    let places = || seen.iter().copied().chain(margins.clone()).map(place);
    let low = places().fold(f64::INFINITY, f64::min) - 0.3;
    let high = places().fold(f64::NEG_INFINITY, f64::max) + 0.1;
    Some(Scale::new(low, high))
}

fn down(scale: Scale, effect: f64) -> f64 {
    HEIGHT * (1.0 - scale.share(place(effect)))
}

fn ticks(scale: Scale, worse: Worse) -> String {
    let inside: Vec<f64> = ROUND
        .into_iter()
        .filter(|effect| (scale.low()..=scale.high()).contains(&place(*effect)))
        .collect();
    let every = inside.len().div_ceil(MOST_TICKS).max(1);
    let one = |effect: &f64| {
        let y = down(scale, *effect);
        let label = wording::effect(*effect, worse);
        svg::line("grid", (0.0, y), (1.0, y))
            + &svg::text("tick", Anchor::End, (0.0, y + 4.0), -8.0, &label)
    };
    inside.iter().step_by(every).map(one).collect()
}

fn below(minutes: Scale) -> String {
    let one = |value: &f64| {
        let x = minutes.share(*value);
        svg::line("axis", (x, HEIGHT), (x, HEIGHT + 4.0))
            + &svg::text("tick", Anchor::Middle, (x, HEIGHT + BELOW), 0.0, &format!("{value} min"))
    };
    let base = svg::line("axis", (0.0, HEIGHT), (1.0, HEIGHT));
    base + &minutes.ticks(5).values.iter().map(one).collect::<String>()
}

/// Shades what replicas alone may differ by.
fn floor(outlook: &Outlook, scale: Scale) -> String {
    let Some(floor) = outlook.floor else { return String::new() };
    let y = down(scale, floor);
    svg::rectangle("floor", (0.0, y), (1.0, HEIGHT))
        + &svg::text(
            "name",
            Anchor::Start,
            (0.0, y + 14.0),
            6.0,
            "replicas alone may differ so much",
        )
}

fn margin(class: &str, effect: f64, scale: Scale, name: &str) -> String {
    if effect <= 0.0 {
        return String::new();
    }
    let y = down(scale, effect);
    svg::line(class, (0.0, y), (1.0, y))
        + &svg::text("name", Anchor::Start, (0.0, y - 4.0), 6.0, name)
}

fn line(
    curve: &[CurvePoint],
    class: &str,
    minutes: Scale,
    effects: Scale,
    seen: impl Fn(&CurvePoint) -> Option<f64>,
) -> String {
    let mut steps = String::new();
    for point in curve {
        let Some(effect) = seen(point) else { continue };
        let letter = if steps.is_empty() { 'M' } else { 'L' };
        let x = PLANE * minutes.share(point.minutes);
        steps.push_str(&format!("{letter}{} {}", Tenth(x), Tenth(down(effects, effect))));
    }
    // A line of one point is none: a short stroke stands for it.
    if !steps.is_empty() && !steps.contains('L') {
        steps.push_str("l-6 0");
    }
    svg::path(class, &steps)
}
