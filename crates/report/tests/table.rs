//! The text that a terminal or a log shows.

use insta::assert_snapshot;
use serin_model::Outcome;
use serin_report::{Report, Style, table};

#[allow(dead_code, unreachable_pub, reason = "the other tests use the rest of it")]
mod sample;

fn plain(width: usize) -> Style {
    Style { colour: false, width }
}

#[test]
fn failing_wide() {
    assert_snapshot!(table(&sample::failing(), plain(150)));
}

#[test]
fn failing_on_eighty_columns() {
    assert_snapshot!(table(&sample::failing(), plain(80)));
}

#[test]
fn failing_on_forty_columns() {
    assert_snapshot!(table(&sample::failing(), plain(0)));
}

#[test]
fn failing_in_colour() {
    let text = table(&sample::failing(), Style { colour: true, width: 100 });
    assert_snapshot!(text.replace('\u{1b}', "ESC"));
}

#[test]
fn good() {
    assert_snapshot!(table(&sample::good(), plain(120)));
}

#[test]
fn silent() {
    assert_snapshot!(table(&sample::silent(), plain(100)));
}

#[test]
fn nothing() {
    assert_snapshot!(table(&sample::nothing(), plain(80)));
}

#[test]
fn harmed_by_evidence() {
    let text = [150, 80, 40].map(|width| table(&sample::sequential::failing(), plain(width)));
    assert_snapshot!(text.join("\n"));
}

#[test]
fn safe_by_evidence() {
    assert_snapshot!(table(&sample::sequential::passing(), plain(120)));
}

#[test]
fn unclear_for_each_cause() {
    let text = [120, 80, 40].map(|width| table(&sample::sequential::undecided(), plain(width)));
    assert_snapshot!(text.join("\n"));
}

#[test]
fn what_is_missing_is_said() {
    assert_snapshot!(table(&sample::sequential::waiting(), plain(120)));
}

#[test]
fn a_verdict_without_a_time_or_a_span_has_none_in_its_first_line() {
    let mut report = sample::sequential::failing();
    let first_line = |report: &Report| {
        let text = table(report, plain(120));
        text.lines().next().map(str::to_owned)
    };
    report.span = None;
    assert_eq!(first_line(&report).unwrap(), "✗ FAIL  roll back checkout     decided at 14:05 UTC");
    report.verdict.decided_at = None;
    assert_eq!(first_line(&report).unwrap(), "✗ FAIL  roll back checkout");
}

#[test]
fn a_sequential_verdict_without_metrics_has_a_derived_score() {
    let mut report = sample::nothing();
    report.verdict.judge.name = "sequential".to_owned();
    let text = table(&report, plain(80));
    assert!(text.contains("no metric was judged"));
    assert!(text.contains("score 0 of 100, derived from the verdict"));
}

#[test]
fn a_silent_canary_is_rolled_back_with_its_metrics_named() {
    let mut report = sample::sequential::undecided();
    report.verdict.outcome = Outcome::Fail;
    report
        .verdict
        .metrics
        .retain(|metric| metric.name == "saturation" || metric.name == "requests");
    let text = table(&report, plain(120));
    assert!(text.ends_with("next: roll back checkout, then look at saturation\n"), "{text}");
}

#[test]
fn nothing_in_a_report_steers_the_terminal() {
    for report in [sample::hostile(), sample::sequential::hostile()] {
        for width in [0, 80, 200, usize::MAX] {
            let text = table(&report, plain(width));
            assert!(text.chars().all(|letter| letter == '\n' || !letter.is_control()));
            assert!(!text.contains('\u{202e}'));
        }
    }
}

#[test]
fn colour_only_adds_escape_codes() {
    let reports = [sample::failing(), sample::good(), sample::silent(), sample::hostile()];
    for report in reports.into_iter().chain(sample::sequential::all()) {
        let coloured = table(&report, Style { colour: true, width: 100 });
        assert!(coloured.contains('\u{1b}'));
        assert_eq!(without_escapes(&coloured), table(&report, plain(100)));
    }
}

fn without_escapes(text: &str) -> String {
    let mut pieces = text.split('\u{1b}');
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.fold(first, |text, piece| text + piece.split_once('m').expect("a code ends").1)
}

#[test]
fn lines_keep_to_the_width() {
    let reports = [sample::failing(), sample::good(), sample::silent(), sample::nothing()];
    for report in reports.into_iter().chain(sample::sequential::all()) {
        for width in 60..200 {
            for line in table(&report, plain(width)).lines() {
                assert!(line.chars().count() <= width, "{width}: {line}");
            }
        }
    }
}

#[test]
fn a_name_that_looks_like_an_outcome_is_not_coloured() {
    let mut report = sample::good();
    report.verdict.metrics[0].name = "✓ Pass".to_owned();
    let text = table(&report, Style { colour: true, width: 120 });
    let row = text.lines().find(|line| line.trim_start().starts_with("✓ Pass")).unwrap();
    assert_eq!(row.matches("✓ Pass").count(), 2);
    assert_eq!(row.matches('\u{1b}').count(), 3);
}

#[test]
fn differing_tests_are_said_with_their_metrics() {
    let mut report = sample::good();
    report.verdict.metrics[3].test = "none: both sides are the same".to_owned();
    let text = table(&report, plain(120));
    assert!(text.contains("  test: errors, latency p50, latency p99: Mann–Whitney interval, 98 %"));
    assert!(text.contains("  test: queue depth: none: both sides are the same\n"));
}
