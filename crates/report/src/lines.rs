//! A verdict as plain lines for logs: one fact a line, in words that stay.

use std::fmt;

use serde::Serialize;
use serin_model::{
    Evidence, GroupScore, JudgedGuardrail, JudgedMetric, Judgement, Summary, Timestamp, Verdict,
    Warning,
};

use crate::plain_number::plain_number;
use crate::report::Report;
use crate::{clock, label, next, wording};

/// Shows a report as plain lines, one fact each, for `grep` and for logs.
///
/// A line is `serin`, then `key=value` pairs. The first key says what the line is about, the second
/// is the service. A value with anything but ASCII letters, digits and `_-.:/+%` is quoted, and `"`
/// and `\` in it are escaped by `\`; no value holds a line break. A key that has nothing to say is
/// left out. Keys, their order and their words are as stable as a version of the JSON format: new
/// keys come last, new kinds of line may come anywhere.
///
/// There is always one line `verdict=…`, and it is the first.
#[must_use]
pub fn lines(report: &Report) -> String {
    let service = wording::service(report);
    let verdict = &report.verdict;
    let mut lines = Lines { service: &service, text: String::new() };
    lines.verdict(report);
    lines.compared(report);
    verdict.metrics.iter().for_each(|metric| lines.metric(metric));
    for metric in &verdict.metrics {
        if let Some(guardrail) = &metric.guardrail {
            lines.limit(metric, guardrail);
        }
    }
    verdict.scorecard.groups.iter().for_each(|group| lines.group(group));
    verdict.judgements.iter().for_each(|judgement| lines.judgement(judgement));
    verdict.warnings.iter().for_each(|warning| lines.warning(warning));
    verdict.ignored.iter().for_each(|setting| lines.add("ignored", setting, Pairs::default()));
    lines.add("next", &next::next(report), Pairs::default());
    lines.text
}

/// Lines as they are written.
struct Lines<'a> {
    service: &'a str,
    text: String,
}

impl Lines<'_> {
    fn verdict(&mut self, report: &Report) {
        let Verdict { outcome, reason, judge, scorecard, decided_at, .. } = &report.verdict;
        let pairs = Pairs::default()
            .number("score", scorecard.score)
            .number("pass", scorecard.pass)
            .number("marginal", scorecard.marginal)
            .word("judge", &format!("{}/{}", judge.name, judge.revision))
            .word("serin", &report.serin)
            .word("reason", reason)
            .optional(*decided_at, |pairs, at| pairs.time("decided_at", at));
        self.add("verdict", outcome.as_str(), pairs);
    }

    fn compared(&mut self, report: &Report) {
        let mut pairs = Pairs::default().word("control", &report.control);
        if let Some((first, last)) = report.span {
            pairs = pairs.time("from", first).time("to", last);
        }
        pairs = pairs.word("step", &format!("{}s", report.step_seconds));
        self.add("canary", &report.canary, pairs);
    }

    fn metric(&mut self, metric: &JudgedMetric) {
        let (control, canary) = (&metric.control, &metric.canary);
        let mut pairs = Pairs::default()
            .word("class", wording::class(metric))
            .word("critical", &metric.critical.to_string())
            .word("muted", &metric.muted.to_string())
            .word("control_points", &control.points.to_string())
            .word("canary_points", &canary.points.to_string())
            .mean("control", control)
            .mean("canary", canary);
        if let Some(ratio) = metric.mean_ratio {
            pairs = pairs.number("ratio", ratio);
        }
        if let Some(shift) = &metric.shift {
            pairs = pairs
                .number("shift", shift.estimate)
                .number("lower", shift.lower)
                .number("upper", shift.upper)
                .number("confidence", shift.confidence);
        }
        if let Some(probability) = metric.p_value {
            pairs = pairs.number("p", probability);
        }
        let pairs = pairs
            .word("reason", &metric.reason)
            .optional(metric.evidence.as_ref(), Pairs::evidence);
        self.add("metric", &label::name(metric), pairs);
    }

    fn limit(&mut self, metric: &JudgedMetric, guardrail: &JudgedGuardrail) {
        let mut pairs = Pairs::default().word("outcome", &word(&guardrail.outcome));
        for (key, bound) in [("above", guardrail.above), ("below", guardrail.below)] {
            if let Some(bound) = bound {
                pairs = pairs.number(key, bound);
            }
        }
        if let Some(since) = guardrail.broken_since {
            pairs = pairs.time("since", since);
        }
        self.add("limit", &label::name(metric), pairs.word("reason", &guardrail.reason));
    }

    fn group(&mut self, group: &GroupScore) {
        let mut pairs = Pairs::default();
        if let Some(score) = group.score {
            pairs = pairs.number("score", score);
        }
        self.add("group", &group.name, pairs.number("weight", group.weight));
    }

    fn judgement(&mut self, judgement: &Judgement) {
        let pairs = Pairs::default()
            .time("from", judgement.window.start)
            .time("to", judgement.window.end)
            .number("score", judgement.score);
        self.add("judgement", wording::score_class(judgement.class), pairs);
    }

    fn warning(&mut self, warning: &Warning) {
        let mut pairs = Pairs::default();
        if let Some(metric) = &warning.metric {
            pairs = pairs.word("metric", metric);
        }
        self.add("warning", &word(&warning.code), pairs.word("text", &warning.text));
    }

    fn add(&mut self, key: &str, subject: &str, pairs: Pairs) {
        let line = Pairs::default().word(key, subject).word("service", self.service);
        self.text.push_str(&format!("serin{}{}\n", line.0, pairs.0));
    }
}

/// Pairs of one line, each with a space before it.
#[derive(Default)]
pub(crate) struct Pairs(String);

impl Pairs {
    /// Returns them as they are written.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Adds a pair of a key and a word, quoted where it must be.
    pub(crate) fn word(mut self, key: &str, value: &str) -> Self {
        self.0.push_str(&format!(" {key}={}", quoted(&label::one_line(value))));
        self
    }

    fn number(self, key: &str, value: f64) -> Self {
        self.word(key, &plain_number(value))
    }

    fn time(self, key: &str, time: Timestamp) -> Self {
        self.word(key, &clock::formatted(time, "%Y-%m-%dT%H:%M:%SZ"))
    }

    /// Adds what `add` makes of a value, if there is one.
    fn optional<T>(self, value: Option<T>, add: impl FnOnce(Self, T) -> Self) -> Self {
        match value {
            Some(value) => add(self, value),
            None => self,
        }
    }

    fn evidence(self, evidence: &Evidence) -> Self {
        self.optional(evidence.cause, |pairs, cause| pairs.word("cause", cause.as_str()))
            .word("gating", &evidence.gating.to_string())
            .number("weight", evidence.weight)
            .number("harm", evidence.harm)
            .number("harm_needed", evidence.harm_needed)
            .number("safety", evidence.safety)
            .number("safety_needed", evidence.safety_needed)
            .optional(evidence.effect, |pairs, effect| {
                pairs
                    .number("effect", effect.estimate)
                    .number("effect_lower", effect.lower)
                    .number("effect_upper", effect.upper)
                    .number("effect_confidence", effect.confidence)
            })
            .number("tolerated", evidence.tolerated)
            .optional(evidence.could_see, |pairs, change| pairs.number("could_see", change))
            .word("steps", &evidence.steps.to_string())
            .optional(evidence.steps_needed, |pairs, steps| {
                pairs.word("steps_needed", &steps.to_string())
            })
            .optional(evidence.since, |pairs, since| pairs.time("since", since))
            .optional(evidence.widened.as_deref(), |pairs, why| pairs.word("widened", why))
    }

    fn mean(self, key: &str, summary: &Summary) -> Self {
        if summary.points == 0 { self } else { self.number(key, summary.mean) }
    }
}

/// Returns the word that JSON has for a variant.
fn word(variant: &impl Serialize) -> String {
    struct Word<'a, T>(&'a T);
    impl<T: Serialize> fmt::Display for Word<'_, T> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            self.0.serialize(f)
        }
    }
    Word(variant).to_string()
}

fn quoted(value: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "_-.:/+%".contains(letter);
    if !value.is_empty() && value.chars().all(is_plain) {
        return value.to_owned();
    }
    format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
}
