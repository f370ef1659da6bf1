//! The text that a terminal or a log shows.

use insta::assert_snapshot;
use serin_report::{Style, table};

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
fn nothing_in_a_report_steers_the_terminal() {
    for width in [0, 80, 200, usize::MAX] {
        let text = table(&sample::hostile(), plain(width));
        assert!(text.chars().all(|letter| letter == '\n' || !letter.is_control()));
        assert!(!text.contains('\u{202e}'));
    }
}

#[test]
fn colour_only_adds_escape_codes() {
    for report in [sample::failing(), sample::good(), sample::silent(), sample::hostile()] {
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
    for report in [sample::failing(), sample::good(), sample::silent(), sample::nothing()] {
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
