//! Reports of the sequential judge, made by hand.

use serin_model::{
    Classification, Evidence, GuardrailOutcome, Interval, JudgeRevision, JudgedMetric, MeasureKind,
    Outcome, Standing, Timestamp, Trace, UnclearCause, WarningCode, Worse,
};
use serin_report::Report;

use super::{HOSTILE, START, Shape, guardrail, metric, report, warning};

/// What is known about a metric of which nothing is known.
fn nothing_known(standing: Standing) -> Evidence {
    Evidence {
        standing,
        cause: None,
        gating: false,
        weight: 0.15,
        harm: 0.0,
        harm_needed: 6.502,
        safety: 0.0,
        safety_needed: 2.996,
        effect: None,
        tolerated: 0.1,
        widened: None,
        could_see: None,
        steps: 6,
        steps_needed: None,
        since: None,
    }
}

fn effect(estimate: f64, lower: f64, upper: f64) -> Option<Interval> {
    Some(Interval { estimate, lower, upper, confidence: 0.95 })
}

fn harmed(harm: f64, estimate: f64, lower: f64, upper: f64) -> Evidence {
    Evidence {
        harm,
        effect: effect(estimate, lower, upper),
        could_see: Some(0.4),
        since: Some(Timestamp::from_seconds(START)),
        ..nothing_known(Standing::Harmed)
    }
}

fn safe(safety: f64, estimate: f64, lower: f64, upper: f64) -> Evidence {
    Evidence {
        safety,
        effect: effect(estimate, lower, upper),
        could_see: Some(0.07),
        ..nothing_known(Standing::Safe)
    }
}

fn unclear(cause: UnclearCause) -> Evidence {
    Evidence { cause: Some(cause), harm: 0.4, safety: 1.3, ..nothing_known(Standing::Unclear) }
}

/// A metric of the sequential judge: `minutes` of both arms, the canary at `ratio` of the control.
fn judged(
    name: &str,
    measure: MeasureKind,
    (level, ratio): (f64, f64),
    tolerance: f64,
    reason: &str,
    evidence: Evidence,
) -> (JudgedMetric, Trace) {
    let minutes = usize::try_from(evidence.steps).unwrap_or(0);
    let shape = Shape { minutes, ..Shape::level(level) };
    let canary = Shape { minutes, ..Shape::level(level * ratio) };
    let (mut judged, trace) = metric(name, measure, Classification::Pass, shape, canary);
    judged.classification = None;
    judged.reason = reason.to_owned();
    judged.shift = None;
    judged.effect_size = None;
    judged.p_value = None;
    judged.test = match measure {
        MeasureKind::Ratio | MeasureKind::Count => "conditional binomial e-process",
        MeasureKind::Histogram => "conditional binomial e-process over the control's quantiles",
        MeasureKind::Gauge | MeasureKind::Quantile => "normal mixture e-process of log ratios",
    }
    .to_owned();
    judged.tolerance = tolerance;
    judged.unacceptable = 2.0 * tolerance;
    let tolerated = if evidence.widened.is_some() { evidence.tolerated } else { tolerance };
    judged.evidence = Some(Evidence { tolerated, ..evidence });
    (judged, trace)
}

fn sequential(
    outcome: Outcome,
    score: f64,
    reason: &str,
    metrics: Vec<(JudgedMetric, Trace)>,
) -> Report {
    let steps = metrics.iter().filter_map(|(metric, _)| Some(metric.evidence.as_ref()?.steps));
    let last = i64::try_from(steps.max().unwrap_or(0)).unwrap_or(0) - 1;
    let mut report = report(outcome, score, reason, metrics);
    report.verdict.judge = JudgeRevision { name: "sequential".to_owned(), revision: 1 };
    report.verdict.scorecard.groups.clear();
    let last = Timestamp::from_seconds(START + 60 * last.max(0));
    report.span = Some((Timestamp::from_seconds(START), last));
    report.verdict.decided_at = Some(last);
    report
}

/// A canary with four times the errors after six minutes: the picture of the design, and more.
pub fn failing() -> Report {
    use MeasureKind::{Count, Gauge, Histogram, Ratio};
    let mut errors = judged(
        "errors",
        Ratio,
        (0.0042, 4.2),
        0.25,
        "at least 3.1 × that of control (tolerance 1.25 ×), on all 4 canary replicas, since 14:00",
        Evidence { gating: true, ..harmed(10.6, 4.2, 3.08, 5.74) },
    );
    errors.0.critical = true;
    errors.0.guardrail = Some(guardrail(
        GuardrailOutcome::Broken,
        0.01,
        "above the limit of 1.00 % for 3 points or more, up to 2.31 %",
    ));
    if let Some(limit) = &mut errors.0.guardrail {
        limit.broken_since = Some(Timestamp::from_seconds(START + 60));
    }
    let panics = judged(
        "panics",
        Count,
        (0.0, 1.0),
        0.25,
        "41 where the control has none",
        harmed(9_412.7, f64::INFINITY, 12.4, f64::INFINITY),
    );
    let latency = judged(
        "latency p99",
        Histogram,
        (0.182, 1.03),
        0.05,
        "the noise hides any change below 14 %",
        Evidence {
            gating: true,
            effect: effect(1.031, 0.94, 1.131),
            could_see: Some(0.141),
            ..unclear(UnclearCause::TooNoisy)
        },
    );
    let memory = judged(
        "memory",
        Gauge,
        (8.31e8, 1.0),
        0.1,
        "6 points of about 50",
        Evidence { steps_needed: Some(50), ..unclear(UnclearCause::TooFewPoints) },
    );
    let mut cpu = judged(
        "cpu per request",
        Gauge,
        (0.000_21, 0.99),
        0.1,
        "at most 3 % above control",
        Evidence {
            gating: true,
            tolerated: 0.137,
            widened: Some(
                "13.7 % instead of 10 %, because the control's own replicas differ by that much"
                    .to_owned(),
            ),
            ..safe(5.74, 0.991, 0.958, 1.031)
        },
    );
    cpu.0.worse = Worse::Higher;
    let mut threads = judged(
        "threads",
        Gauge,
        (41.0, 1.6),
        0.1,
        "at least 31 % above control",
        harmed(7.1, 1.6, 1.31, 1.92),
    );
    threads.0.muted = true;
    threads.0.labels.insert("zone".to_owned(), "eu-west-1b".to_owned());
    let mut report = sequential(
        Outcome::Fail,
        25.0,
        "errors are at least 3.1 × those of control (tolerance 1.25 ×), on all 4 canary replicas, since 14:00",
        vec![errors, panics, latency, memory, threads, cpu],
    );
    report.verdict.warnings = vec![warning(
        WarningCode::ApproximateQuery,
        Some("latency p99"),
        "the query computes a rate, which is an estimate and no count",
    )];
    report
}

/// A canary that is safe where it must be, after half an hour.
pub fn passing() -> Report {
    use MeasureKind::{Count, Gauge, Histogram, Ratio};
    let at = |evidence: Evidence, gating| Evidence { steps: 31, gating, ..evidence };
    let errors = judged(
        "errors",
        Ratio,
        (0.0042, 0.98),
        0.25,
        "at most 21 % above control",
        at(safe(3.4, 0.984, 0.79, 1.21), true),
    );
    let latency = judged(
        "latency p99",
        Histogram,
        (0.182, 1.0),
        0.05,
        "no difference of 10 % or more",
        at(safe(412.0, 1.000_04, 0.9998, 1.0002), true),
    );
    let mut requests = judged(
        "requests",
        Count,
        (1312.0, 0.97),
        0.25,
        "at most 11 % below control",
        at(safe(8.9, 0.97, 0.89, 1.05), false),
    );
    requests.0.worse = Worse::Lower;
    let memory = judged(
        "memory growth",
        Gauge,
        (8.31e8, 1.0),
        0.1,
        "it grew by 4 % over the judged time, which lies between what is tolerated and what is unacceptable",
        at(
            Evidence {
                effect: effect(1.134, 1.06, 1.21),
                could_see: Some(0.12),
                ..unclear(UnclearCause::BetweenMargins)
            },
            false,
        ),
    );
    sequential(
        Outcome::Pass,
        100.0,
        "both gating metrics are safe: errors and latency p99",
        vec![memory, errors, latency, requests],
    )
}

/// A canary of which nothing can be said, for each cause there is.
pub fn undecided() -> Report {
    use MeasureKind::{Count, Gauge, Histogram, Quantile, Ratio};
    let at = |evidence: Evidence, gating| Evidence { gating, ..evidence };
    let empty = |cause| Evidence { steps: 0, harm: 0.0, safety: 0.0, ..unclear(cause) };
    let source = judged(
        "errors",
        Ratio,
        (0.0042, 1.0),
        0.25,
        "the source failed: connection refused",
        at(empty(UnclearCause::SourceFailed), true),
    );
    let silence = judged(
        "saturation",
        Gauge,
        (0.7, 1.0),
        0.1,
        "the canary reported nothing",
        empty(UnclearCause::NoData),
    );
    let unlike = judged(
        "latency p50",
        Histogram,
        (0.042, 1.0),
        0.05,
        "the canary takes a tenth of the requests it should",
        empty(UnclearCause::ArmsUnlike),
    );
    let few = judged(
        "latency p99",
        Quantile,
        (0.182, 1.08),
        0.05,
        "6 points of about 50",
        at(
            Evidence {
                effect: effect(1.08, 0.0, f64::INFINITY),
                steps_needed: Some(50),
                ..unclear(UnclearCause::TooFewPoints)
            },
            true,
        ),
    );
    let mut between = judged(
        "queue depth",
        Gauge,
        (17.0, 0.86),
        0.1,
        "the change lies between what is tolerated and what is unacceptable",
        Evidence {
            effect: effect(0.861, 0.79, 0.92),
            could_see: Some(0.12),
            ..unclear(UnclearCause::BetweenMargins)
        },
    );
    between.0.worse = Worse::Either;
    let mut noisy = judged(
        "requests",
        Count,
        (1312.0, 1.1),
        0.25,
        "the noise hides any change below 340 %",
        Evidence {
            effect: effect(1.1, 0.4, 3.1),
            could_see: None,
            ..unclear(UnclearCause::TooNoisy)
        },
    );
    noisy.0.worse = Worse::Lower;
    let mut report = sequential(
        Outcome::Inconclusive,
        50.0,
        "errors and latency p99 are gating and not yet safe",
        vec![source, few, unlike, between, noisy, silence],
    );
    report.verdict.decided_at = None;
    report
}

/// Every report of this judge that is not hostile.
pub fn all() -> [Report; 4] {
    [failing(), passing(), undecided(), waiting()]
}

/// A canary that needs nothing but time.
pub fn waiting() -> Report {
    let mut report = undecided();
    report.verdict.metrics.retain(|metric| metric.name == "latency p99");
    report.verdict.reason = "latency p99 is gating and not yet safe".to_owned();
    report
}

/// A sequential report in which every word comes from an enemy, and every number is odd.
pub fn hostile() -> Report {
    let mut report = failing();
    let hostile = || HOSTILE.to_owned();
    report.service = hostile();
    report.verdict.reason = hostile();
    report.verdict.judge.name = hostile();
    for metric in &mut report.verdict.metrics {
        metric.name = hostile();
        metric.reason = hostile();
        metric.test = hostile();
        metric.labels.insert(hostile(), hostile());
        let Some(evidence) = &mut metric.evidence else { continue };
        evidence.widened = Some(hostile());
        evidence.harm = f64::NAN;
        evidence.safety = f64::INFINITY;
        evidence.harm_needed = f64::INFINITY;
        evidence.tolerated = f64::MAX;
        evidence.could_see = Some(f64::INFINITY);
        evidence.steps_needed = Some(u64::MAX);
        evidence.effect = effect(f64::NAN, f64::NEG_INFINITY, f64::NAN);
    }
    report
}
