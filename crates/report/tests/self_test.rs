//! A self-test whose names are hostile.

use std::collections::BTreeMap;

use serin_model::{
    CanaryRates, JudgeRevision, MeasureKind, Rate, Recommendation, RecommendedAction, SelfTest,
    SplitKind, SplitsAsked, TestedMetric, Worse,
};
use serin_report::{
    Input, SelfTestReport, Style, self_test_json_schema, self_test_markdown, self_test_summary,
    self_test_table,
};

const HOSTILE: &str = "</title><script>alert(\"1\")</script>&\u{1b}[2J\u{202e}| @everyone'";

fn rate(count: usize) -> Rate {
    Rate { count, of: 100, lower: 0.0, upper: 0.05 }
}

fn report(name: &str) -> SelfTestReport {
    let canary = CanaryRates {
        kind: SplitKind::SideBySide,
        blamed: rate(1),
        passed: rate(90),
        inconclusive: rate(9),
        by_silence: 1,
        by_limit: 0,
        minutes_to_pass: Some(31.0),
        independent: 24,
    };
    let metric = TestedMetric {
        name: name.to_owned(),
        labels: BTreeMap::from([("route".to_owned(), name.to_owned())]),
        measure: MeasureKind::Gauge,
        worse: Worse::Lower,
        grows: false,
        gating: true,
        muted: false,
        kind: Some(SplitKind::SideBySide),
        weight: 0.95,
        false_alarms: rate(1),
        failed_canary: rate(0),
        safe: rate(90),
        kayenta: None,
        tolerance: 0.1,
        unacceptable: 0.2,
        smallest_tolerance: None,
        could_see: Some(0.3),
        correlation: Some(-0.001),
        deviation: Some(0.01),
        spread: None,
        missing: 0.0,
        dead: None,
        untested: Some(name.to_owned()),
    };
    let test = SelfTest {
        judge: JudgeRevision { name: "sequential".to_owned(), revision: 1 },
        asked: SplitsAsked {
            splits: 100,
            seed: 1,
            step_seconds: 60,
            horizon_minutes: 60.0,
            learning_minutes: 360.0,
            kayenta: false,
        },
        promised: 0.01,
        canary,
        kayenta: None,
        metrics: vec![metric],
        recommendations: vec![Recommendation {
            check: Some(name.to_owned()),
            action: RecommendedAction::Weigh { group: name.to_owned(), percent: 12.5 },
            reason: name.to_owned(),
        }],
        warnings: vec![name.to_owned()],
    };
    let input = || Input { path: name.to_owned(), sha256: "00".to_owned(), bytes: 1 };
    SelfTestReport {
        version: SelfTestReport::VERSION,
        serin: "0.0.0".to_owned(),
        service: name.to_owned(),
        control: name.to_owned(),
        history: None,
        summary: self_test_summary(&test),
        self_test: test,
        changes: format!("# {name}\nchecks:\n  '{name}': {{muted: true}}\n"),
        doubts: vec![name.to_owned()],
        check: input(),
        inputs: vec![input()],
    }
}

#[test]
fn names_from_files_cannot_steer_what_shows_them() {
    let report = report(HOSTILE);
    for width in [0, 80, 200] {
        let table = self_test_table(&report, Style { colour: false, width });
        assert!(!table.contains(['\u{1b}', '\u{202e}']), "{table}");
    }
    let page = self_test_markdown(&report);
    assert!(!page.contains(['\u{1b}', '\u{202e}']), "{page}");
    // Code cannot be left: what is not escaped stands in a code span, or indented by four.
    for line in page.lines().filter(|line| !line.starts_with("    ")) {
        let outside: String = line.split('`').step_by(2).collect();
        assert!(!outside.contains("<script>"), "{line}");
    }
}

#[test]
fn the_summary_says_what_was_blamed_and_what_was_promised() {
    let summary = report("queue").summary;
    assert_eq!(
        summary,
        "the judge blamed 1 of 100 canaries that were none (0 % to 5 %; at most 1 % is promised); 90 \
         passed, 9 were inconclusive; one change is recommended"
    );
}

#[test]
fn a_table_fits_into_its_width() {
    let table = self_test_table(&report("queue"), Style { colour: false, width: 80 });
    let longest = table.lines().map(|line| line.chars().count()).max();
    assert!(longest.is_some_and(|longest| longest <= 80), "{table}");
    assert!(table.contains("1 % ≤ 5 %") && table.contains("−30 %"), "{table}");
}

#[test]
fn json_is_read_back_and_has_a_schema() -> Result<(), serde_json::Error> {
    let report = report(HOSTILE);
    let text = serde_json::to_string(&report)?;
    assert_eq!(serde_json::from_str::<SelfTestReport>(&text)?, report);
    let schema = serde_json::to_value(self_test_json_schema())?;
    let written = serde_json::to_value(&report)?;
    for (key, _) in written.as_object().into_iter().flatten() {
        assert!(schema["properties"].get(key).is_some(), "{key}");
    }
    Ok(())
}
