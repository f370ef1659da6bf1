//! A plan in every format.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::collections::BTreeMap;

use insta::assert_snapshot;
use serin_model::{
    CurvePoint, Delay, JudgeRevision, MeasureKind, Needs, Outlook, Plan, PlannedAspect,
    PlannedMetric, Rollout, Timestamp, Together, Worse,
};
use serin_report::{
    Input, PlanReport, Style, plan_html, plan_json_schema, plan_markdown, plan_summary, plan_table,
};

const HOSTILE: &str = "</title><script>alert(\"1\")</script>&\u{1b}[2J\u{202e}| @everyone'";

fn curve(from: f64, to: f64) -> Vec<CurvePoint> {
    let point = |at: u32| {
        let half = (at > 3).then(|| from * libm::pow(to / from, f64::from(at) / 30.0));
        CurvePoint { minutes: 2.0 * f64::from(at), half, nine_in_ten: half.map(|half| 1.3 * half) }
    };
    (1..=30).map(point).collect()
}

fn metric(name: &str, measure: MeasureKind, outlook: Outlook) -> PlannedMetric {
    PlannedMetric {
        name: name.to_owned(),
        labels: BTreeMap::new(),
        measure,
        worse: Worse::Higher,
        gating: true,
        muted: false,
        history: "360 steps, 0.091 % of 1200 a step".to_owned(),
        outlook: Some(outlook),
        unknown: None,
        notes: Vec::new(),
    }
}

fn needs(effect: f64) -> Needs {
    Needs { effect, minutes: None, share: None, replicas: None, together: None }
}

fn delay(within_horizon: f64, half: Option<f64>, nine_in_ten: Option<f64>) -> Delay {
    Delay { within_horizon, half, nine_in_ten }
}

fn errors() -> PlannedMetric {
    metric(
        "errors",
        MeasureKind::Ratio,
        Outlook {
            aspect: PlannedAspect::Counts,
            tolerance: 0.55,
            unacceptable: 1.1,
            half: Some(3.72),
            nine_in_ten: Some(5.24),
            floor: None,
            harm: delay(0.01, None, None),
            safety: Some(delay(0.11, Some(163.0), None)),
            to_see_unacceptable: Needs { share: Some(0.5), minutes: Some(190.0), ..needs(1.1) },
            to_see_tolerance: Some(Needs {
                together: Some(Together { share: Some(0.5), replicas: None, minutes: 190.0 }),
                ..needs(0.55)
            }),
            curve: curve(40.0, 3.72),
            canaries: 200,
        },
    )
}

fn latency() -> PlannedMetric {
    let mut latency = metric(
        "latency",
        MeasureKind::Gauge,
        Outlook {
            aspect: PlannedAspect::Level,
            tolerance: 0.05,
            unacceptable: 0.1,
            half: Some(0.12),
            nine_in_ten: Some(0.14),
            floor: Some(0.084),
            harm: delay(0.2, Some(96.0), None),
            safety: Some(delay(1.0, Some(9.0), Some(17.0))),
            to_see_unacceptable: Needs { minutes: Some(210.0), replicas: Some(3), ..needs(0.1) },
            to_see_tolerance: Some(needs(0.05)),
            curve: curve(0.6, 0.12),
            canaries: 200,
        },
    );
    latency.notes = vec![
        "a single replica of the control cannot show how unlike replicas are: 4.00 % is assumed"
            .to_owned(),
    ];
    latency
}

fn memory() -> PlannedMetric {
    let mut memory = metric(
        "memory",
        MeasureKind::Gauge,
        Outlook {
            aspect: PlannedAspect::Growth,
            tolerance: 0.1,
            unacceptable: 0.2,
            half: None,
            nine_in_ten: None,
            floor: None,
            harm: delay(0.0, None, None),
            safety: None,
            to_see_unacceptable: needs(0.2),
            to_see_tolerance: None,
            curve: vec![CurvePoint { minutes: 60.0, half: None, nine_in_ten: None }],
            canaries: 200,
        },
    );
    memory.gating = false;
    memory
}

fn unknown(name: &str, why: &str) -> PlannedMetric {
    let mut metric = metric(name, MeasureKind::Count, memory().outlook.unwrap());
    metric.outlook = None;
    metric.history = String::new();
    metric.unknown = Some(why.to_owned());
    metric
}

fn report(metrics: Vec<PlannedMetric>) -> PlanReport {
    let plan = Plan {
        judge: JudgeRevision { name: "sequential".to_owned(), revision: 1 },
        rollout: Rollout {
            step_seconds: 60,
            horizon_minutes: 60.0,
            share: 0.05,
            control_replicas: 0,
            canary_replicas: 1,
        },
        longest_minutes: 240.0,
        metrics,
        warnings: vec!["a horizon of 10 minutes is short".to_owned()],
    };
    let input = |path: &str| Input { path: path.to_owned(), sha256: "0".repeat(64), bytes: 7 };
    PlanReport {
        version: PlanReport::VERSION,
        serin: "0.0.0".to_owned(),
        service: "checkout".to_owned(),
        control: "track=stable".to_owned(),
        history: Some((
            Timestamp::from_seconds(1_795_420_800),
            Timestamp::from_seconds(1_795_442_400),
        )),
        summary: plan_summary(&plan),
        plan,
        doubts: Vec::new(),
        check: input("serin.yaml"),
        inputs: vec![input("good.csv")],
    }
}

fn whole() -> PlanReport {
    let no_history = "its control has no history in the time that was read";
    report(vec![unknown("restarts", no_history), errors(), latency(), memory()])
}

#[test]
fn a_table_for_terminals() {
    let text = [130, 80, 40].map(|width| plan_table(&whole(), Style { colour: false, width }));
    assert_snapshot!(text.join("\n"));
}

#[test]
fn markdown_for_merge_requests() {
    assert_snapshot!(plan_markdown(&whole()));
}

#[test]
fn sentences_that_sum_up() {
    let sums = [
        vec![errors(), latency()],
        vec![latency()],
        vec![memory()],
        vec![unknown("restarts", "it is not there")],
        Vec::new(),
    ];
    let sums = sums.map(|metrics| report(metrics).summary);
    assert_snapshot!(sums.join("\n"));
}

#[test]
fn a_page_has_a_picture_of_each_metric_that_shows_anything() {
    let page = plan_html(&whole()).unwrap();
    let document = page.split_once("<body>").unwrap().1;
    assert_eq!(document.matches("<svg class=\"overlay\"").count(), 2);
    let picture =
        document.split("<figure>").nth(2).unwrap().split("\n<figcaption>").next().unwrap();
    roxmltree::Document::parse(picture).unwrap();
    assert_snapshot!(picture.replace("><", ">\n<"));
}

#[test]
fn names_from_files_steer_nothing() {
    let mut hostile = report(vec![
        unknown(HOSTILE, HOSTILE),
        metric(HOSTILE, MeasureKind::Ratio, errors().outlook.unwrap()),
    ]);
    hostile.service = HOSTILE.to_owned();
    hostile.doubts = vec![HOSTILE.to_owned()];
    hostile.plan.metrics[1].notes = vec![HOSTILE.to_owned()];
    let page = plan_html(&hostile).unwrap();
    assert!(!page.contains("<script"), "{page}");
    let table = plan_table(&hostile, Style { colour: false, width: 80 });
    assert!(!table.contains('\u{1b}') && !table.contains('\u{202e}'), "{table}");
    let markdown = plan_markdown(&hostile);
    let mut options = comrak::Options::default();
    options.render.r#unsafe = true;
    options.extension.table = true;
    let shown = comrak::markdown_to_html(&markdown, &options);
    assert!(!shown.contains("<script"), "{shown}");
    let sentences: String = markdown.lines().filter(|line| !line.contains('`')).collect();
    assert!(!sentences.contains("@everyone"), "{markdown}");
}

#[test]
fn json_is_read_again_as_it_was() {
    let text = serde_json::to_string(&whole()).unwrap();
    assert_eq!(serde_json::from_str::<PlanReport>(&text).unwrap(), whole());
    let schema = serde_json::to_value(plan_json_schema()).unwrap();
    assert_eq!(schema["title"], "serin plan");
}
