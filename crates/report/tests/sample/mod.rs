//! Reports made by hand: what a verdict looks like when things go wrong, go well, or do not go.

use std::collections::BTreeMap;

use serin_model::{
    Classification, EffectSize, GroupScore, GuardrailOutcome, Interval, JudgeRevision,
    JudgedGuardrail, JudgedMetric, Judgement, MeasureKind, Outcome, ScoreClass, Scorecard, Summary,
    Timestamp, Trace, TracePoint, Verdict, Warning, WarningCode, Window, Worse,
};
use serin_report::{Input, Report};

pub mod sequential;

/// 3 August 2026, 14:00 UTC.
pub const START: i64 = 1_785_765_600;

/// One arm as it is made up.
#[derive(Clone, Copy)]
pub struct Shape {
    /// The number of minutes.
    pub minutes: usize,
    /// The level, and how much it grows by the last minute.
    pub level: f64,
    /// The growth until the last minute.
    pub growth: f64,
    /// The size of the noise, as a share of the level.
    pub noise: f64,
    /// Minutes without data.
    pub gap: (usize, usize),
}

impl Shape {
    /// A level with a tenth of noise, for an hour.
    pub fn level(level: f64) -> Self {
        Self { minutes: 60, level, growth: 0.0, noise: 0.1, gap: (0, 0) }
    }

    /// No points at all.
    pub fn silence() -> Self {
        Self { minutes: 0, ..Self::level(0.0) }
    }

    fn points(self, seed: u64) -> Vec<TracePoint> {
        let mut noise = Noise(seed);
        let mut points = Vec::new();
        for minute in 0..self.minutes {
            let grown = self.growth * minute as f64 / self.minutes as f64;
            let level = self.level + grown;
            let value = level * (1.0 + self.noise * noise.next());
            let width = level.abs() * self.noise * (1.0 + noise.next().abs());
            if (self.gap.0..self.gap.1).contains(&minute) {
                continue;
            }
            points.push(TracePoint {
                time: Timestamp::from_seconds(START + 60 * minute as i64),
                value,
                lowest: value - width,
                highest: value + 1.2 * width,
            });
        }
        points
    }
}

/// The same noise every time: a linear congruential generator, three draws a value.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> f64 {
        (0..3).map(|_| self.draw()).sum::<f64>() - 1.5
    }

    fn draw(&mut self) -> f64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f64 / (1u64 << 24) as f64
    }
}

/// Returns the numbers of an arm.
pub fn summary(points: &[TracePoint]) -> Summary {
    let mut values: Vec<f64> = points.iter().map(|point| point.value).collect();
    values.sort_by(f64::total_cmp);
    let (Some(&minimum), Some(&maximum)) = (values.first(), values.last()) else {
        return Summary::default();
    };
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
    let standard_deviation = (squares / (count - 1.0).max(1.0)).sqrt();
    let median = values[values.len() / 2];
    Summary { points: values.len(), mean, median, standard_deviation, minimum, maximum }
}

/// A metric with its points.
pub fn metric(
    name: &str,
    measure: MeasureKind,
    classification: Classification,
    control: Shape,
    canary: Shape,
) -> (JudgedMetric, Trace) {
    let trace = Trace {
        metric: name.to_owned(),
        control: control.points(7 + name.len() as u64),
        canary: canary.points(1013 + 31 * name.len() as u64),
    };
    (judged(&trace, measure, classification), trace)
}

/// A metric as it would be judged from its points.
pub fn judged(trace: &Trace, measure: MeasureKind, classification: Classification) -> JudgedMetric {
    let (control, canary) = (summary(&trace.control), summary(&trace.canary));
    let compared = control.points > 0 && canary.points > 0;
    let shift = canary.mean - control.mean;
    let half = 0.3 * (control.standard_deviation + canary.standard_deviation);
    let reason = match classification {
        Classification::High => "higher than control",
        Classification::Low => "lower than control",
        Classification::Nodata | Classification::NodataFailMetric => "the canary reported nothing",
        Classification::Error => "all values are tied once one arm is shifted onto the other",
        Classification::Pass => "no difference that counts",
    };
    JudgedMetric {
        name: trace.metric.clone(),
        labels: BTreeMap::new(),
        measure,
        worse: Worse::of_kind(measure),
        classification: Some(classification),
        evidence: None,
        reason: reason.to_owned(),
        critical: false,
        muted: false,
        groups: vec!["golden".to_owned()],
        owner: None,
        control,
        canary,
        mean_ratio: (compared && control.mean != 0.0).then(|| canary.mean / control.mean),
        shift: compared.then_some(Interval {
            estimate: shift,
            lower: shift - half,
            upper: shift + half,
            confidence: 0.98,
        }),
        effect_size: (compared && control.mean != 0.0).then(|| EffectSize {
            measure: "meanRatio".to_owned(),
            value: canary.mean / control.mean,
        }),
        p_value: compared
            .then(|| if classification == Classification::Pass { 0.3712 } else { 0.000_02 }),
        test: match compared {
            true => "Mann–Whitney interval, 98 %, normal approximation".to_owned(),
            false => "none: a side has no values".to_owned(),
        },
        tolerance: 0.25,
        unacceptable: 0.5,
        guardrail: None,
    }
}

/// A bound that values above it break.
pub fn guardrail(outcome: GuardrailOutcome, above: f64, reason: &str) -> JudgedGuardrail {
    let broken = matches!(outcome, GuardrailOutcome::Broken | GuardrailOutcome::BrokenOnBoth);
    JudgedGuardrail {
        outcome,
        reason: reason.to_owned(),
        above: Some(above),
        below: None,
        consecutive: 3,
        broken_since: broken.then(|| Timestamp::from_seconds(START + 60 * 22)),
    }
}

/// A report of `metrics`, without warnings.
pub fn report(
    outcome: Outcome,
    score: f64,
    reason: &str,
    metrics: Vec<(JudgedMetric, Trace)>,
) -> Report {
    let (metrics, traces): (Vec<_>, Vec<_>) = metrics.into_iter().unzip();
    let class = match outcome {
        Outcome::Pass => ScoreClass::Pass,
        Outcome::Inconclusive => ScoreClass::Marginal,
        Outcome::Fail => ScoreClass::Fail,
    };
    let input = |path: &str, digit: &str, bytes: u64| Input {
        path: path.to_owned(),
        sha256: digit.repeat(64),
        bytes,
    };
    Report {
        version: Report::VERSION,
        serin: "0.1.0".to_owned(),
        service: "checkout".to_owned(),
        control: "track=stable".to_owned(),
        canary: "track=canary".to_owned(),
        step_seconds: 60,
        span: Some((Timestamp::from_seconds(START), Timestamp::from_seconds(START + 59 * 60))),
        verdict: Verdict {
            outcome,
            reason: reason.to_owned(),
            judge: JudgeRevision { name: "kayenta".to_owned(), revision: 1 },
            decided_at: None,
            scorecard: Scorecard {
                score,
                pass: 75.0,
                marginal: 50.0,
                class,
                reason: None,
                groups: vec![
                    GroupScore { name: "golden".to_owned(), score: Some(score), weight: 70.0 },
                    GroupScore { name: "resources".to_owned(), score: None, weight: 30.0 },
                ],
            },
            judgements: Vec::new(),
            metrics,
            warnings: Vec::new(),
            ignored: Vec::new(),
        },
        check: input("checkout.yaml", "c", 812),
        check_text: "service: checkout\nstep: 60s\nchecks:\n  errors:\n    ratio:\n      bad: http_requests_total{code=~\"5..\", $arm}\n      total: http_requests_total{$arm}\n    limit: {above: 1%, for: 3}\n".to_owned(),
        inputs: vec![input("failing.csv.gz", "a", 41_312)],
        traces,
    }
}

/// A canary with four times the errors, slower, and with a limit broken on the way.
pub fn failing() -> Report {
    use Classification::{High, Pass};
    let mut errors = metric(
        "errors",
        MeasureKind::Ratio,
        High,
        Shape { noise: 0.12, gap: (31, 36), ..Shape::level(0.0042) },
        Shape { growth: 0.014, noise: 0.16, ..Shape::level(0.006) },
    );
    errors.0.critical = true;
    errors.0.reason = "higher: 1.3 % against 0.421 % of control (× 3.09)".to_owned();
    errors.0.guardrail = Some(guardrail(
        GuardrailOutcome::Broken,
        0.01,
        "above the limit of 1.00 % for 3 points or more, up to 2.31 %",
    ));
    let mut latency = metric(
        "latency p99",
        MeasureKind::Histogram,
        High,
        Shape::level(0.182),
        Shape { gap: (12, 19), ..Shape::level(0.224) },
    );
    latency.0.reason = "higher: 0.225 against 0.182 of control (+23.6 %)".to_owned();
    latency.0.tolerance = 0.05;
    latency.0.unacceptable = 0.1;
    latency.0.guardrail =
        Some(guardrail(GuardrailOutcome::Held, 2.5, "never above 2.50 for 3 points in a row"));
    let mut throughput =
        metric("requests", MeasureKind::Count, Pass, Shape::level(1312.0), Shape::level(1288.0));
    throughput.0.worse = Worse::Lower;
    let mut cpu = metric(
        "cpu per request",
        MeasureKind::Gauge,
        Pass,
        Shape::level(0.00021),
        Shape::level(0.00022),
    );
    cpu.0.tolerance = 0.1;
    cpu.0.unacceptable = 0.2;
    let mut memory = metric(
        "memory",
        MeasureKind::Gauge,
        Pass,
        Shape { noise: 0.01, ..Shape::level(8.31e8) },
        Shape { noise: 0.01, ..Shape::level(8.4e8) },
    );
    memory.0.muted = true;
    memory.0.labels.insert("zone".to_owned(), "eu-west-1b".to_owned());
    let restarts =
        metric("restarts", MeasureKind::Count, Pass, Shape::level(0.0), Shape::level(0.0));
    let mut report = report(
        Outcome::Fail,
        33.33,
        "errors is above the limit of 1.00 % for 3 points or more, up to 2.31 %",
        vec![errors, latency, cpu, throughput, restarts, memory],
    );
    report.verdict.scorecard.reason = Some("a critical metric failed".to_owned());
    report.verdict.warnings = vec![
        warning(
            WarningCode::Autocorrelation,
            Some("errors"),
            "neighbouring values resemble each other (correlation 0.62), and Kayenta takes them for independent: at 0.5 it blames 8 of 100 good canaries, at 0.8 it blames 29",
        ),
        warning(
            WarningCode::AllTied,
            Some("restarts"),
            "every value of both arms is the same, which Kayenta calls a pass",
        ),
        warning(
            WarningCode::FewPoints,
            Some("errors"),
            "30 points; Kayenta's authors ask for 50 or more",
        ),
        warning(
            WarningCode::FewPoints,
            Some("latency p99"),
            "30 points; Kayenta's authors ask for 50 or more",
        ),
        warning(
            WarningCode::GroupWithoutData,
            None,
            "nothing could be scored in resources: Kayenta counts such a group as if all of it had passed",
        ),
    ];
    report.verdict.ignored = vec![
        "`tolerance` is ignored by the kayenta judge (errors, latency p99)".to_owned(),
        "`horizon` is ignored by the kayenta judge (it judges what it is given)".to_owned(),
    ];
    report
}

/// A warning.
pub fn warning(code: WarningCode, metric: Option<&str>, text: &str) -> Warning {
    Warning { code, metric: metric.map(str::to_owned), text: text.to_owned() }
}

/// A canary like its control.
pub fn good() -> Report {
    use Classification::Pass;
    let metrics = [
        ("errors", MeasureKind::Ratio, 0.0042),
        ("latency p50", MeasureKind::Histogram, 42.0),
        ("latency p99", MeasureKind::Quantile, 212.0),
        ("queue depth", MeasureKind::Gauge, -17.0),
    ];
    let metrics = metrics.map(|(name, kind, level)| {
        metric(name, kind, Pass, Shape::level(level), Shape::level(1.01 * level))
    });
    let mut report = report(
        Outcome::Pass,
        100.0,
        "score 100 of 100, 75 is enough: none of 4 metrics got worse",
        metrics.into(),
    );
    report.verdict.scorecard.groups.truncate(1);
    report
}

/// A canary that reported nothing, after two judgements.
pub fn silent() -> Report {
    use Classification::Nodata;
    let errors =
        metric("errors", MeasureKind::Ratio, Nodata, Shape::level(0.0042), Shape::silence());
    let memory = metric("memory", MeasureKind::Gauge, Nodata, Shape::silence(), Shape::silence());
    let mut report = report(
        Outcome::Inconclusive,
        50.0,
        "score 50 of 100, marginal: 75 is enough: errors: the canary reported nothing",
        vec![errors, memory],
    );
    let window = |minute: i64| Window {
        start: Timestamp::from_seconds(START + 60 * minute),
        end: Timestamp::from_seconds(START + 60 * (minute + 30)),
    };
    report.verdict.judgements = vec![
        Judgement { window: window(0), score: 100.0, class: ScoreClass::Pass },
        Judgement { window: window(30), score: 50.0, class: ScoreClass::Marginal },
    ];
    report
}

/// No metric at all.
pub fn nothing() -> Report {
    let mut report = report(Outcome::Inconclusive, 0.0, "no query was answered", Vec::new());
    report.span = None;
    report.verdict.scorecard.groups.clear();
    report.inputs.clear();
    report
}

/// What would break out of markup, steer a terminal, or turn the page around.
pub const HOSTILE: &str = "</title><script>alert(\"1\")</script>&\u{1b}[2J\u{202e}مقياس'";

/// A report in which every word comes from an enemy.
pub fn hostile() -> Report {
    use Classification::High;
    let long = "long".repeat(125);
    let kind = MeasureKind::Gauge;
    let mut first = metric(HOSTILE, kind, High, Shape::level(1e300), Shape::level(4e300));
    first.0.labels.insert(HOSTILE.to_owned(), HOSTILE.to_owned());
    first.0.groups = vec![HOSTILE.to_owned()];
    first.0.test = HOSTILE.to_owned();
    first.0.guardrail = Some(guardrail(GuardrailOutcome::Broken, 2e300, HOSTILE));
    let second = metric(&long, kind, High, Shape::level(1e-300), Shape::level(-3e-300));
    let third = metric(
        "معدل الأخطاء",
        MeasureKind::Ratio,
        High,
        Shape::level(0.1),
        Shape { minutes: 1, ..Shape::level(0.2) },
    );
    let mut report = report(Outcome::Fail, 0.0, HOSTILE, vec![first, second, third]);
    report.service = HOSTILE.to_owned();
    report.control = HOSTILE.to_owned();
    report.canary = HOSTILE.to_owned();
    report.serin = HOSTILE.to_owned();
    report.check_text = format!("{HOSTILE}\n\t{long}\n");
    report.check.path = HOSTILE.to_owned();
    report.inputs[0].sha256 = HOSTILE.to_owned();
    report.verdict.judge.name = HOSTILE.to_owned();
    report.verdict.scorecard.reason = Some(HOSTILE.to_owned());
    report.verdict.scorecard.groups[0].name = HOSTILE.to_owned();
    report.verdict.ignored = vec![HOSTILE.to_owned()];
    report.verdict.warnings = vec![warning(WarningCode::AllTied, Some(HOSTILE), HOSTILE)];
    report
}
