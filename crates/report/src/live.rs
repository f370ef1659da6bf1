//! A verdict that is not reached yet: a panel for terminals, and a line for logs.

use anstyle::{AnsiColor, Style as Ansi};
use serin_model::{Evidence, JudgedMetric, Outcome, Standing, Timestamp, Verdict};
use unicode_width::UnicodeWidthStr;

use crate::table::Style;
use crate::wording::Tone;
use crate::{clock, evidence, label};

/// How a live analysis stands.
#[derive(Clone, Copy, Debug)]
pub struct LiveVerdict<'a> {
    /// The service under test.
    pub service: &'a str,
    /// The verdict as it stands, its metrics worst first.
    pub verdict: &'a Verdict,
    /// The first moment that is judged.
    pub judged_from: Timestamp,
    /// Up to where it was judged.
    pub judged_to: Timestamp,
    /// Up to where it is judged at most.
    pub horizon: Timestamp,
    /// The length of a step, in seconds.
    pub step_seconds: u32,
}

impl LiveVerdict<'_> {
    fn steps(&self, from: Timestamp, to: Timestamp) -> i64 {
        (to.as_millis() - from.as_millis()) / (1000 * i64::from(self.step_seconds.max(1)))
    }

    /// Returns how far it has come, such as `step 12 of 60, to 14:12 UTC`.
    fn place(&self) -> String {
        format!(
            "step {} of {}, to {}",
            self.steps(self.judged_from, self.judged_to),
            self.steps(self.judged_from, self.horizon),
            self.moment(self.judged_to)
        )
    }

    fn moment(&self, time: Timestamp) -> String {
        let pattern = if self.step_seconds.is_multiple_of(60) { "%H:%M" } else { "%H:%M:%S" };
        format!("{} UTC", clock::formatted(time, pattern))
    }

    /// Returns a length of so many steps and the moment it ends at, if that is not too far.
    fn in_steps(&self, steps: u64) -> Option<(String, Timestamp)> {
        let step = 1000 * i64::from(self.step_seconds);
        let length = i64::try_from(steps).ok()?.checked_mul(step)?;
        let end = Timestamp::from_millis(self.judged_to.as_millis().checked_add(length)?);
        Some((clock::duration(length), end))
    }

    /// Returns how many steps of time pass for each that is compared: values that look back far are
    /// compared now and then.
    fn pace(&self, evidence: &Evidence) -> u64 {
        let judged = u64::try_from(self.steps(self.judged_from, self.judged_to)).unwrap_or(0);
        (judged / evidence.steps.max(1)).max(1)
    }

    /// Says when something may be settled if all goes on like this.
    fn outlook(&self) -> String {
        let metrics = || self.verdict.metrics.iter().filter(|metric| !metric.muted);
        let harm = metrics()
            .filter_map(|metric| {
                let evidence = metric.evidence.as_ref()?;
                Some((steps_to_harm(evidence)?.saturating_mul(self.pace(evidence)), metric))
            })
            .min_by_key(|(steps, _)| *steps);
        if let Some((steps, metric)) = harm
            && let Some((length, end)) =
                self.in_steps(steps).filter(|(_, end)| *end <= self.horizon)
        {
            let (name, at) = (short(metric), self.moment(end));
            return format!("at this pace enough to roll back in about {length}, at {at} ({name})");
        }
        let waits: Vec<&JudgedMetric> = metrics().filter(|it| evidence::withholds(it)).collect();
        let for_whom = match waits.as_slice() {
            // What holds a pass back is none of the metrics.
            [] if self.verdict.outcome == Outcome::Inconclusive => {
                return self.verdict.reason.clone();
            }
            [] => return "nothing is harmed, and all gating metrics are safe".to_owned(),
            [only] => short(only),
            several => format!("{} gating metrics", several.len()),
        };
        let missing = |metric: &&JudgedMetric| {
            let evidence = metric.evidence.as_ref()?;
            Some(evidence::missing_steps(evidence)?.saturating_mul(self.pace(evidence)))
        };
        let needed: Option<Vec<u64>> = waits.iter().map(missing).collect();
        match needed.and_then(|all| self.in_steps(all.into_iter().max()?)) {
            Some((length, end)) if end <= self.horizon => {
                let at = self.moment(end);
                format!("at this pace enough to promote in about {length}, at {at} ({for_whom})")
            }
            Some(_) => {
                format!("at this pace not enough to promote before the horizon ({for_whom})")
            }
            None => format!("too early to say when; a promotion waits for {for_whom}"),
        }
    }
}

fn short(metric: &JudgedMetric) -> String {
    label::shortened(&label::name(metric), LONGEST_NAME)
}

/// Returns how many more steps bring the evidence of harm to what is needed, where it grows
/// noticeably.
fn steps_to_harm(evidence: &Evidence) -> Option<u64> {
    let share = evidence.harm / evidence.harm_needed;
    let grows = evidence.standing == Standing::Unclear && (NOTICED..1.0).contains(&share);
    grows.then(|| libm::ceil(evidence.steps as f64 * (1.0 / share - 1.0)) as u64)
}

/// Evidence that has come less far than this towards harm says nothing of when it will.
const NOTICED: f64 = 0.25;

/// In columns of a terminal.
const LONGEST_NAME: usize = 24;

/// Returns how far evidence has come towards what is needed, from 0 to 1.
fn share(found: f64, needed: f64) -> f64 {
    let share = found / needed;
    if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.0 }
}

/// Shows how a live analysis stands, as lines that fit into `style.width` columns: how far it has come,
/// the metrics worst first with their points and their evidence, and when it may be settled. Below 40
/// columns it is laid out for 40.
///
/// * `most`: how many lines there may be; metrics that have no room are counted. At least four.
#[must_use]
pub fn live_panel(live: &LiveVerdict<'_>, style: Style, most: usize) -> Vec<String> {
    let style = Style { width: style.width.max(NARROWEST), ..style };
    let metrics = &live.verdict.metrics;
    let room = most.max(4) - 2;
    let shown = if metrics.len() <= room { metrics.len() } else { room - 1 };
    let longest = LONGEST_NAME.min(style.width / 3);
    let names: Vec<String> = metrics[..shown]
        .iter()
        .map(|metric| label::shortened(&label::name(metric), longest))
        .collect();
    let width = names.iter().map(|name| name.width()).max().unwrap_or(0);
    let fit = |line: &str| label::shortened(line, style.width);
    let title = format!("watching {}: {}", label::one_line(live.service), live.place());
    let mut lines = vec![fit(&title)];
    lines.extend(metrics.iter().zip(&names).map(|(metric, name)| {
        let padding = " ".repeat(width - name.width());
        row(metric, &format!("{name}{padding}"), style)
    }));
    if shown < metrics.len() {
        lines.push(fit(&format!("  and {} more that look better", metrics.len() - shown)));
    }
    lines.push(fit(&format!("  {}", live.outlook())));
    lines
}

const NARROWEST: usize = 40;

/// Shows a metric; what there is no room for is left out.
fn row(metric: &JudgedMetric, name: &str, style: Style) -> String {
    let tone = Tone::of_metric(metric);
    let mut line = format!("  {} {name}", painted(&tone.symbol().to_string(), tone, style));
    let mut left = style.width.saturating_sub(4 + name.width());
    let Some(evidence) = &metric.evidence else { return line };
    let mut add = |text: String, width: usize| {
        if width <= left {
            left -= width;
            line.push_str(&text);
        }
    };
    let harm = share(evidence.harm, evidence.harm_needed);
    let safety = share(evidence.safety, evidence.safety_needed);
    let has_room_for_bars = style.width >= WIDE;
    for (word, share, tone) in [("harm", harm, Tone::Bad), ("safe", safety, Tone::Good)] {
        let percent = format!("{:>3} %", (100.0 * share) as u32);
        let bar = if has_room_for_bars { bar(share, tone, style) + " " } else { String::new() };
        let width = if has_room_for_bars { BAR + 1 } else { 0 };
        add(format!("  {word} {bar}{percent}"), 7 + width + percent.width());
    }
    let points = if evidence.steps == 1 { "point" } else { "points" };
    let points = format!("  {:>5} {points:<6}", evidence.steps);
    let width = points.width();
    add(points, width);
    let effect = evidence::effect(metric);
    let what = if evidence::is_unjudged(evidence) || effect == crate::wording::NOTHING {
        evidence::in_short(metric)
    } else {
        effect
    };
    let width = 2 + what.width();
    add(format!("  {what}"), width);
    line
}

/// From so many columns on there is room for bars.
const WIDE: usize = 76;

/// In columns.
const BAR: usize = 10;

fn bar(share: f64, tone: Tone, style: Style) -> String {
    let full = (share * BAR as f64) as usize;
    let (done, left) = ("█".repeat(full), "░".repeat(BAR - full));
    format!("{}{left}", painted(&done, tone, style))
}

fn painted(text: &str, tone: Tone, style: Style) -> String {
    if !style.colour || text.is_empty() {
        return text.to_owned();
    }
    let colour = match tone {
        Tone::Good => AnsiColor::Green,
        Tone::Unclear => AnsiColor::Yellow,
        Tone::Bad => AnsiColor::Red,
    };
    let ansi = Ansi::new().fg_color(Some(colour.into()));
    format!("{ansi}{text}{ansi:#}")
}

/// Shows how a live analysis stands as one line for logs, the worst metrics first.
#[must_use]
pub fn live_line(live: &LiveVerdict<'_>) -> String {
    let metrics = &live.verdict.metrics;
    let mut parts: Vec<String> = metrics.iter().take(MOST_IN_LINE).map(in_words).collect();
    if metrics.len() > MOST_IN_LINE {
        parts.push(format!("{} more", metrics.len() - MOST_IN_LINE));
    }
    if live.verdict.outcome == Outcome::Inconclusive {
        parts.push(live.outlook());
    }
    format!("{}: {}", live.place(), parts.join("; "))
}

const MOST_IN_LINE: usize = 4;

fn in_words(metric: &JudgedMetric) -> String {
    let name = short(metric);
    let Some(evidence) = &metric.evidence else { return name };
    if evidence::is_unjudged(evidence) {
        return format!("{name} {}", evidence::in_short(metric));
    }
    match evidence.standing {
        Standing::Harmed => format!("{name} harmed, {}", evidence::effect(metric)),
        Standing::Safe => format!("{name} safe"),
        Standing::Unclear => {
            let percent = |found, needed| (100.0 * share(found, needed)) as u32;
            let harm = percent(evidence.harm, evidence.harm_needed);
            let safety = percent(evidence.safety, evidence.safety_needed);
            match (harm, safety) {
                (0, 0) => format!("{name} unclear"),
                (harm, safety) => format!("{name} unclear (harm {harm} %, safe {safety} %)"),
            }
        }
    }
}
