//! What the page says of one metric.

use serin_model::{Amount, JudgedMetric, MeasureKind, Summary, Trace, TracePoint, Worse};

use crate::evidence_section::EvidenceSection;
use crate::forest::{Forest, RelativeShift, RowName};
use crate::overlay::{self, Overlay};
use crate::report::Report;
use crate::scale::Scale;
use crate::wording::{self, NOTHING, Tone};
use crate::{align, distribution, evidence, evidence_facts, label};

/// One metric, as the template shows it.
pub(crate) struct Section {
    /// Its place in the verdict, from one.
    pub(crate) number: usize,
    pub(crate) name: String,
    pub(crate) tone: &'static str,
    pub(crate) symbol: char,
    /// The name as far as it fits into a row.
    pub(crate) short_name: String,
    pub(crate) outcome: &'static str,
    /// What else decides how to read it; empty when nothing does.
    pub(crate) notes: String,
    /// What is measured, and in which groups it counts.
    pub(crate) kind: String,
    pub(crate) reason: String,
    pub(crate) limit: Option<Line>,
    pub(crate) warnings: Vec<String>,
    /// Its row in the forest plot; empty when no metric has a relative shift.
    pub(crate) forest: String,
    /// The same in words.
    pub(crate) change: String,
    /// The relative interval, or why there is none.
    pub(crate) change_interval: String,
    /// What the sequential judge found out; none from another.
    pub(crate) evidence: Option<EvidenceSection>,
    pub(crate) charts: Option<Charts>,
    pub(crate) arms: Vec<ArmNumbers>,
    pub(crate) facts: Vec<Fact>,
}

/// A sentence with a sign before it.
pub(crate) struct Line {
    pub(crate) tone: &'static str,
    pub(crate) symbol: char,
    pub(crate) text: String,
}

/// The pictures of one metric.
pub(crate) struct Charts {
    pub(crate) overlay: String,
    pub(crate) distribution: String,
    /// What the picture does not show as it is; blank when it shows all.
    pub(crate) notes: String,
}

/// One arm's row of numbers.
pub(crate) struct ArmNumbers {
    pub(crate) name: &'static str,
    pub(crate) points: usize,
    pub(crate) values: Vec<String>,
}

/// A name with its value.
pub(crate) struct Fact {
    pub(crate) name: String,
    pub(crate) value: String,
}

impl Fact {
    pub(crate) fn new(name: &str, value: impl Into<String>) -> Self {
        Self { name: name.to_owned(), value: value.into() }
    }
}

impl Section {
    /// Creates the section of the metric at `index` of the verdict.
    pub(crate) fn new(report: &Report, index: usize, forest: Option<Forest>) -> Option<Self> {
        let metric = report.verdict.metrics.get(index)?;
        let number = index + 1;
        let tone = Tone::of_metric(metric);
        let row = RowName { class: "forest", number };
        Some(Self {
            number,
            name: label::name(metric),
            tone: tone.as_str(),
            symbol: tone.symbol(),
            short_name: label::shortened(&label::name(metric), wording::LONG_NAME),
            outcome: wording::class(metric),
            notes: wording::notes(metric),
            kind: kind(metric),
            reason: wording::sentence(&metric.reason),
            limit: metric.guardrail.as_ref().map(|guardrail| Line {
                tone: Tone::of_guardrail(guardrail).as_str(),
                symbol: Tone::of_guardrail(guardrail).symbol(),
                text: wording::sentence(&format!("limit {}", wording::guardrail(guardrail))),
            }),
            warnings: warnings(report, metric),
            forest: forest.map(|forest| forest.row(metric, row)).unwrap_or_default(),
            change: change(metric),
            change_interval: change_interval(metric),
            evidence: EvidenceSection::new(metric, number),
            charts: report
                .traces
                .get(index)
                .and_then(|trace| charts(report, metric, trace, number)),
            arms: vec![
                arm("control", &metric.control, metric.measure),
                arm("canary", &metric.canary, metric.measure),
            ],
            facts: facts(metric),
        })
    }
}

fn kind(metric: &JudgedMetric) -> String {
    let worse = match metric.worse {
        Worse::Higher => "higher is worse",
        Worse::Lower => "lower is worse",
        Worse::Either => "any change is worse",
    };
    let groups: Vec<String> = metric.groups.iter().map(|group| label::one_line(group)).collect();
    let groups = match groups.len() {
        0 => "in no group".to_owned(),
        1 => format!("group {}", groups.join("")),
        _ => format!("groups {}", groups.join(", ")),
    };
    let owner = metric.owner.as_deref().map(label::one_line);
    let owner = owner.map(|owner| format!(" · owner {owner}")).unwrap_or_default();
    format!("{} · {worse} · {groups}{owner}", metric.measure)
}

fn warnings(report: &Report, metric: &JudgedMetric) -> Vec<String> {
    let about = report
        .verdict
        .warnings
        .iter()
        .filter(|warning| warning.metric.as_ref() == Some(&metric.name));
    about.map(|warning| wording::sentence(&warning.text)).collect()
}

fn change(metric: &JudgedMetric) -> String {
    match metric.evidence {
        Some(_) => evidence::effect(metric),
        None => wording::effect(metric),
    }
}

fn change_interval(metric: &JudgedMetric) -> String {
    match (&metric.evidence, RelativeShift::of(metric)) {
        (Some(_), _) => evidence::sequence(metric),
        (None, Some(shift)) => shift.in_words(),
        (None, None) => no_shift(metric),
    }
}

fn no_shift(metric: &JudgedMetric) -> String {
    let reason = if metric.control.points == 0 || metric.canary.points == 0 {
        "no data on a side"
    } else if metric.shift.is_none() {
        "no test was made"
    } else if metric.control.mean == 0.0 {
        "no scale: control is zero"
    } else {
        "no finite interval"
    };
    reason.to_owned()
}

fn arm(name: &'static str, summary: &Summary, kind: MeasureKind) -> ArmNumbers {
    let values = [
        summary.mean,
        summary.median,
        summary.standard_deviation,
        summary.minimum,
        summary.maximum,
    ];
    let values = values.map(|value| wording::amount(value, summary.points, kind));
    ArmNumbers { name, points: summary.points, values: values.into() }
}

fn facts(metric: &JudgedMetric) -> Vec<Fact> {
    if let Some(evidence) = &metric.evidence {
        let facts = evidence_facts::facts(metric, evidence).into_iter();
        let mut facts: Vec<Fact> =
            facts.map(|(name, value)| Fact::new(&name, wording::unbroken(&value))).collect();
        facts.push(Fact::new("Effect of the means", wording::effect(metric)));
        facts.push(Fact::new("Test", label::one_line(&metric.test)));
        return facts;
    }
    let mut facts = vec![Fact::new("Effect (means)", wording::effect(metric))];
    match &metric.shift {
        None => facts.push(Fact::new("Shift", NOTHING)),
        Some(shift) => {
            let heading = format!("Shift, {} interval", wording::margin(shift.confidence));
            facts.push(Fact::new(&heading, wording::shift(shift, metric.measure)));
        }
    }
    if let Some(effect) = &metric.effect_size {
        let value = Amount::new(effect.value, MeasureKind::Gauge).to_string();
        let name = label::one_line(&effect.measure);
        facts.push(Fact::new("Effect size", format!("{} ({name})", wording::trimmed(&value))));
    }
    facts.push(Fact::new("p", wording::p_value(metric.p_value)));
    facts.push(Fact::new("Tolerance", wording::margin(metric.tolerance)));
    facts.push(Fact::new("Unacceptable", wording::margin(metric.unacceptable)));
    facts.push(Fact::new("Test", label::one_line(&metric.test)));
    facts
}

/// Draws a metric; `None` when there is no value to draw.
fn charts(report: &Report, metric: &JudgedMetric, trace: &Trace, number: usize) -> Option<Charts> {
    let scale = overlay::value_scale(metric, trace)?;
    let (aligned, later) = align::aligned(trace);
    let step_seconds = report.step_seconds;
    let overlay = Overlay { metric, trace: &aligned, number, step_seconds, scale };
    let name = label::name(metric);
    let description = format!(
        "{} {}",
        described("control", &trace.control, metric.measure),
        described("canary", &trace.canary, metric.measure)
    );
    let over_time = format!("{name} over time");
    let values = format!("{name}: how often each value occurred");
    Some(Charts {
        overlay: overlay::draw(&overlay, &over_time, &description),
        distribution: distribution::draw(
            trace,
            scale,
            metric.measure,
            number,
            &values,
            &description,
        ),
        notes: [align::in_words(later), limit_out_of_sight(metric, scale)].join(" "),
    })
}

/// Says in a sentence what the line of an arm shows.
fn described(arm: &str, points: &[TracePoint], kind: MeasureKind) -> String {
    let values: Vec<f64> =
        points.iter().map(|point| point.value).filter(|value| value.is_finite()).collect();
    let (Some(&first), Some(&last)) = (values.first(), values.last()) else {
        return format!("The {arm} reported nothing.");
    };
    let lowest = values.iter().copied().fold(f64::INFINITY, f64::min);
    let highest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let [first, last, lowest, highest] =
        [first, last, lowest, highest].map(|value| Amount::new(value, kind).to_string());
    format!(
        "The {arm} has {} points between {lowest} and {highest}, from {first} at first to {last} at \
         last.",
        values.len()
    )
}

fn limit_out_of_sight(metric: &JudgedMetric, scale: Scale) -> String {
    let Some(guardrail) = &metric.guardrail else { return String::new() };
    let Some(limit) = guardrail.above.or(guardrail.below) else { return String::new() };
    if overlay::is_on(scale, limit) {
        return String::new();
    }
    let side = if limit > scale.high() { "above" } else { "below" };
    format!("The limit of {} lies {side} this graph.", Amount::new(limit, metric.measure))
}
