//! A verdict as metrics, in OpenMetrics text.

use std::collections::BTreeMap;

use serin_model::{Classification, JudgedMetric, Outcome, Standing, Summary};

use crate::plain_number::plain_number;
use crate::report::Report;
use crate::{evidence, label, wording};

/// Shows reports as OpenMetrics 1.0 text, such as GitLab's metrics reports and node_exporter's
/// textfile collector read it: the score, the outcome, and each metric's numbers.
///
/// Without timestamps, so that two runs on the same points give the same text. A number that is
/// missing has no line. Where two lines would carry the same labels, such as two reports of one
/// service, the later one carries `occurrence="2"` as well. A `#` in a label's value is written as
/// the full-width `＃`: GitLab takes everything after the ASCII one for a comment.
#[must_use]
pub fn metrics(reports: &[Report]) -> String {
    let mut text = String::new();
    for family in families(reports) {
        text.push_str(&family.text());
    }
    text + "# EOF\n"
}

fn families(reports: &[Report]) -> Vec<Family> {
    let mut families = verdict_families(reports);
    let metric = |name, help, value: fn(&JudgedMetric) -> Option<f64>| {
        Family::new(name, "gauge", help).of_metrics(reports, None, value)
    };
    families.push(metric(
        "serin_metric_failed",
        "Whether the metric speaks against the canary.",
        |metric| {
            let failed = wording::Tone::of_metric(metric) == wording::Tone::Bad;
            Some(f64::from(u8::from(failed)))
        },
    ));
    families.push(metric("serin_metric_judged", "Whether the metric could be judged.", |metric| {
        Some(f64::from(u8::from(is_judged(metric))))
    }));
    families.push(
        Family::new("serin_metric_mean", "gauge", "The arm's mean, in the metric's unit.")
            .of_metrics(reports, CONTROL, |metric| mean(&metric.control))
            .of_metrics(reports, CANARY, |metric| mean(&metric.canary)),
    );
    families.push(
        Family::new("serin_metric_points", "gauge", "The arm's steps with a value.")
            .of_metrics(reports, CONTROL, |metric| Some(metric.control.points as f64))
            .of_metrics(reports, CANARY, |metric| Some(metric.canary.points as f64)),
    );
    families.push(metric(
        "serin_metric_ratio",
        "The canary's mean over the control's.",
        |metric| metric.mean_ratio,
    ));
    families.push(metric("serin_metric_shift", "The shift from control to canary.", |metric| {
        Some(metric.shift?.estimate)
    }));
    families.push(metric("serin_metric_shift_lower", "The lower end of its interval.", |metric| {
        Some(metric.shift?.lower)
    }));
    families.push(metric("serin_metric_shift_upper", "The upper end of its interval.", |metric| {
        Some(metric.shift?.upper)
    }));
    families.extend(evidence_families(reports));
    families
}

/// Returns what only the sequential judge finds out; nothing for reports of another judge.
fn evidence_families(reports: &[Report]) -> Vec<Family> {
    let gauge = |name, help| Family::new(name, "gauge", help);
    let metric = |name, help, value| gauge(name, help).of_metrics(reports, None, value);
    let standing = Family::new("serin_metric_standing", "stateset", "How the metric stands.")
        .of_metrics(reports, HARMED, |metric| stands(metric, Standing::Harmed))
        .of_metrics(reports, UNCLEAR, |metric| stands(metric, Standing::Unclear))
        .of_metrics(reports, SAFE, |metric| stands(metric, Standing::Safe));
    let found = gauge(
        "serin_metric_evidence_nats",
        "The natural logarithm of the largest e-value against the hypothesis.",
    )
    .of_metrics(reports, TOLERABLE, |metric| Some(metric.evidence.as_ref()?.harm))
    .of_metrics(reports, UNACCEPTABLE, |metric| Some(metric.evidence.as_ref()?.safety));
    let needed = gauge("serin_metric_evidence_needed_nats", "From where on it is rejected.")
        .of_metrics(reports, TOLERABLE, |metric| Some(metric.evidence.as_ref()?.harm_needed))
        .of_metrics(reports, UNACCEPTABLE, |metric| Some(metric.evidence.as_ref()?.safety_needed));
    vec![
        decided(reports),
        standing,
        metric("serin_metric_gating", "Whether a pass needs the metric to be safe.", |metric| {
            Some(f64::from(u8::from(metric.evidence.as_ref()?.gating)))
        }),
        found,
        needed,
        metric("serin_metric_effect_ratio", "The effect: the canary over the control.", |metric| {
            Some(metric.evidence.as_ref()?.effect?.estimate)
        }),
        metric(
            "serin_metric_effect_ratio_lower",
            "The lower end of its interval, which holds at every moment at once.",
            |metric| Some(metric.evidence.as_ref()?.effect?.lower),
        ),
        metric("serin_metric_effect_ratio_upper", "The upper end of its interval.", |metric| {
            Some(metric.evidence.as_ref()?.effect?.upper)
        }),
        metric(
            "serin_metric_tolerated_ratio",
            "The tolerated change in the bad direction, as a fraction of control.",
            |metric| Some(metric.evidence.as_ref()?.tolerated),
        ),
        metric(
            "serin_metric_could_see_ratio",
            "The smallest change in the bad direction that would have shown, likewise.",
            |metric| metric.evidence.as_ref()?.could_see,
        ),
        metric("serin_metric_steps", "The steps that were compared.", |metric| {
            Some(metric.evidence.as_ref()?.steps as f64)
        }),
        metric("serin_metric_steps_needed", "The steps it takes in all to be safe.", |metric| {
            Some(metric.evidence.as_ref()?.steps_needed? as f64)
        }),
    ]
}

fn decided(reports: &[Report]) -> Family {
    let mut family =
        Family::new("serin_decided_timestamp_seconds", "gauge", "When the verdict was reached.");
    for report in reports {
        let Some(at) = report.verdict.decided_at else { continue };
        let service = [("service", wording::service(report))];
        family.add(&service, at.as_millis() as f64 / 1000.0);
    }
    family
}

fn stands(metric: &JudgedMetric, standing: Standing) -> Option<f64> {
    let is_so = metric.evidence.as_ref()?.standing == standing;
    Some(f64::from(u8::from(is_so)))
}

fn verdict_families(reports: &[Report]) -> Vec<Family> {
    let mut score = Family::new("serin_score", "gauge", "The score, from 0 to 100.");
    let mut outcome = Family::new("serin_outcome", "stateset", "The verdict.");
    let mut warnings = Family::new("serin_warnings", "gauge", "How many warnings it carries.");
    for report in reports {
        let service = [("service", wording::service(report))];
        score.add(&service, report.verdict.scorecard.score);
        warnings.add(&service, report.verdict.warnings.len() as f64);
        for state in [Outcome::Pass, Outcome::Inconclusive, Outcome::Fail] {
            let [service] = service.clone();
            let labels = [service, ("serin_outcome", state.as_str().to_owned())];
            outcome.add(&labels, f64::from(u8::from(report.verdict.outcome == state)));
        }
    }
    vec![outcome, score, warnings]
}

fn is_judged(metric: &JudgedMetric) -> bool {
    if let Some(evidence) = &metric.evidence {
        return !evidence::is_unjudged(evidence);
    }
    match metric.classification {
        Some(Classification::High | Classification::Low | Classification::Pass) => true,
        Some(Classification::NodataFailMetric | Classification::Error | Classification::Nodata)
        | None => false,
    }
}

fn mean(summary: &Summary) -> Option<f64> {
    (summary.points > 0).then_some(summary.mean)
}

/// One more label of a metric's line.
type Label = Option<(&'static str, &'static str)>;

const CONTROL: Label = Some(("arm", "control"));
const CANARY: Label = Some(("arm", "canary"));
const TOLERABLE: Label = Some(("hypothesis", "tolerable"));
const UNACCEPTABLE: Label = Some(("hypothesis", "unacceptable"));
const HARMED: Label = Some(("serin_metric_standing", "harmed"));
const UNCLEAR: Label = Some(("serin_metric_standing", "unclear"));
const SAFE: Label = Some(("serin_metric_standing", "safe"));

/// All lines of one name, which OpenMetrics wants together.
struct Family {
    name: &'static str,
    head: String,
    lines: String,
    /// How often each set of labels occurred.
    occurrences: BTreeMap<String, u32>,
}

impl Family {
    fn new(name: &'static str, kind: &str, help: &str) -> Self {
        let head = format!("# TYPE {name} {kind}\n# HELP {name} {help}\n");
        Self { name, head, lines: String::new(), occurrences: BTreeMap::new() }
    }

    /// Adds a line for each metric of each report, with one more label where there is one.
    fn of_metrics(
        mut self,
        reports: &[Report],
        label: Label,
        value: fn(&JudgedMetric) -> Option<f64>,
    ) -> Self {
        for report in reports {
            for metric in &report.verdict.metrics {
                let Some(value) = value(metric) else { continue };
                let mut labels =
                    vec![("service", wording::service(report)), ("metric", label::name(metric))];
                labels.extend(label.map(|(name, value)| (name, value.to_owned())));
                self.add(&labels, value);
            }
        }
        self
    }

    fn add(&mut self, labels: &[(&str, String)], value: f64) {
        let pairs = labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value)));
        let mut labels = pairs.collect::<Vec<_>>().join(",");
        let occurrence = self.occurrences.entry(labels.clone()).or_default();
        *occurrence += 1;
        if *occurrence > 1 {
            labels.push_str(&format!(",occurrence=\"{occurrence}\""));
        }
        self.lines.push_str(&format!("{}{{{labels}}} {}\n", self.name, number(value)));
    }

    fn text(self) -> String {
        if self.lines.is_empty() { String::new() } else { self.head + &self.lines }
    }
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('#', "＃")
}

fn number(value: f64) -> String {
    if value.is_nan() {
        "NaN".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned()
    } else {
        plain_number(value)
    }
}
