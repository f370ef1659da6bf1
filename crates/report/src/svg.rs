//! The few elements that charts are made of.
//!
//! A picture has no `viewBox`: across it is measured in percent of its width, and down in pixels, so
//! that it fills a phone and a desk alike while its text keeps its size. Only lines and bands, which
//! take no percentages, are drawn in [a stretched plane](stretched).

use std::fmt;

use askama::filters::{Html, escape};

/// The width of the plane that lines and bands are drawn in.
pub(crate) const PLANE: f64 = 1000.0;

/// A coordinate with one decimal; zero where there is none, because a picture takes no NaN.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tenth(pub(crate) f64);

impl fmt::Display for Tenth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Adding zero turns −0 into 0.
        let tenth = (self.0 * 10.0).round() / 10.0 + 0.0;
        if tenth.is_finite() { write!(f, "{tenth}") } else { f.write_str("0") }
    }
}

/// A share of the width, as SVG writes it: `0.123` is `12.3%`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Across(pub(crate) f64);

impl fmt::Display for Across {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", Tenth(100.0 * self.0))
    }
}

/// What a picture shows, for those who do not see it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Picture<'a> {
    /// The kind of chart, as the style sheet knows it.
    pub(crate) class: &'a str,
    /// Tells it from all others of its kind in the page.
    pub(crate) number: usize,
    /// Its height in pixels.
    pub(crate) height: f64,
    /// Its name.
    pub(crate) title: &'a str,
    /// What is to be seen.
    pub(crate) description: &'a str,
}

impl Picture<'_> {
    /// Returns the whole element around `content`.
    pub(crate) fn around(&self, content: &str) -> String {
        let Self { class, number, height, title, description } = self;
        let identity = format!("{class}-{number}");
        format!(
            "<svg class=\"{class}\" height=\"{}\" role=\"img\" aria-labelledby=\"{identity}-title\" \
             aria-describedby=\"{identity}-text\"><title id=\"{identity}-title\">{}</title>\
             <desc id=\"{identity}-text\">{}</desc>{content}</svg>",
            Tenth(*height),
            escaped(title),
            escaped(description),
        )
    }
}

/// Returns `text` as it may stand between tags and in attributes.
pub(crate) fn escaped(text: &str) -> String {
    match escape(text, Html) {
        Ok(escaped) => escaped.to_string(),
    }
}

/// Returns `content`, drawn in a plane [`PLANE`] wide that stretches over the whole picture.
pub(crate) fn stretched(height: f64, content: &str) -> String {
    format!(
        "<svg aria-hidden=\"true\" width=\"100%\" height=\"{height}\" viewBox=\"0 0 {PLANE} {height}\" \
         preserveAspectRatio=\"none\">{content}</svg>",
        height = Tenth(height)
    )
}

/// Returns a path, or nothing when it has no steps.
pub(crate) fn path(class: &str, steps: &str) -> String {
    if steps.is_empty() {
        String::new()
    } else {
        format!("<path class=\"{class}\" d=\"{steps}\"/>")
    }
}

/// Returns a straight line; across in shares of the width, down in pixels.
pub(crate) fn line(class: &str, from: (f64, f64), to: (f64, f64)) -> String {
    format!(
        "<line class=\"{class}\" x1=\"{}\" y1=\"{}\" x2=\"{}\" y2=\"{}\"/>",
        Across(from.0),
        Tenth(from.1),
        Across(to.0),
        Tenth(to.1)
    )
}

/// Returns a rectangle from its upper left to its lower right corner; nothing when it is turned over.
pub(crate) fn rectangle(class: &str, from: (f64, f64), to: (f64, f64)) -> String {
    let (width, height) = (to.0 - from.0, to.1 - from.1);
    if !(width > 0.0 && height > 0.0) {
        return String::new();
    }
    format!(
        "<rect class=\"{class}\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"/>",
        Across(from.0),
        Tenth(from.1),
        Across(width),
        Tenth(height)
    )
}

/// Which end of a text is at its place.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Anchor {
    /// It begins there.
    Start,
    /// It is centred there.
    Middle,
    /// It ends there.
    End,
}

/// Returns one line of text beside a place: across in a share of the width and so many pixels more.
pub(crate) fn text(class: &str, anchor: Anchor, at: (f64, f64), nudge: f64, words: &str) -> String {
    let anchor = match anchor {
        Anchor::Start => "start",
        Anchor::Middle => "middle",
        Anchor::End => "end",
    };
    format!(
        "<text class=\"{class}\" x=\"{}\" y=\"{}\" dx=\"{}\" text-anchor=\"{anchor}\">{}</text>",
        Across(at.0),
        Tenth(at.1),
        Tenth(nudge),
        escaped(words)
    )
}

/// Returns a round mark; across in a share of the width, down in pixels.
pub(crate) fn circle(class: &str, at: (f64, f64), radius: f64) -> String {
    format!(
        "<circle class=\"{class}\" cx=\"{}\" cy=\"{}\" r=\"{}\"/>",
        Across(at.0),
        Tenth(at.1),
        Tenth(radius)
    )
}
