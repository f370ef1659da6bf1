//! How far evidence has come towards what is needed.

use crate::scale::Scale;
use crate::svg::{self, Picture};

/// The height of a bar in pixels.
const HEIGHT: f64 = 18.0;

/// How much of the whole bar is needed: the rest is room for what goes beyond.
const NEEDED: f64 = 0.7;

/// What the bar says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EvidenceBar<'a> {
    /// The name of its picture: `harm` or `safety`.
    pub(crate) class: &'a str,
    /// The place of its metric in the verdict, from one.
    pub(crate) number: usize,
    /// The logarithm of the e-value that was found.
    pub(crate) found: f64,
    /// The logarithm of the e-value that is needed.
    pub(crate) needed: f64,
    /// What the bar is called, for those who do not see it.
    pub(crate) title: &'a str,
    /// The same as the bar in words.
    pub(crate) words: &'a str,
}

/// Draws a bar from no evidence on the left, with a line where there is enough.
///
/// Evidence beyond the bar fills it; where nothing is ever enough the bar is empty.
pub(crate) fn draw(bar: &EvidenceBar<'_>) -> String {
    let needed = bar.needed.max(f64::MIN_POSITIVE);
    let scale = Scale::new(0.0, needed / NEEDED);
    let full = if bar.needed.is_finite() { scale.share(bar.found) } else { 0.0 };
    let class = if bar.found >= bar.needed { "reached" } else { "short" };
    let content = svg::rectangle("track", (0.0, 4.0), (1.0, HEIGHT - 4.0))
        + &svg::rectangle(&format!("fill {class}"), (0.0, 4.0), (full, HEIGHT - 4.0))
        + &svg::line("needed", (NEEDED, 0.0), (NEEDED, HEIGHT));
    Picture {
        class: bar.class,
        number: bar.number,
        height: HEIGHT,
        title: bar.title,
        description: bar.words,
    }
    .around(&content)
}
