//! What is shown while a canary is watched.

use insta::assert_snapshot;
use serin_model::{Outcome, Timestamp};
use serin_report::{LiveVerdict, Report, Style, live_line, live_panel};

#[allow(dead_code, unreachable_pub, reason = "the other tests use the rest of it")]
mod sample;

/// Six minutes after the start, of an hour.
fn live(report: &Report) -> LiveVerdict<'_> {
    let minute = |minutes: i64| Timestamp::from_seconds(sample::START + 60 * minutes);
    LiveVerdict {
        service: &report.service,
        verdict: &report.verdict,
        judged_from: minute(0),
        judged_to: minute(6),
        horizon: minute(60),
        step_seconds: 60,
    }
}

fn panel(report: &Report, width: usize) -> String {
    live_panel(&live(report), Style { colour: false, width }, 20).join("\n")
}

#[test]
fn a_panel_shows_the_worst_metric_first() {
    assert_snapshot!(panel(&sample::sequential::undecided(), 120));
}

#[test]
fn a_panel_leaves_out_what_has_no_room() {
    for width in [40, 60, 76, 80] {
        let panel = panel(&sample::sequential::undecided(), width);
        let columns = panel.lines().map(|line| line.chars().count()).max();
        assert!(columns <= Some(width), "{columns:?} of {width}:\n{panel}");
    }
    assert_snapshot!(panel(&sample::sequential::undecided(), 40));
}

#[test]
fn a_panel_has_at_most_so_many_lines() {
    let report = sample::sequential::undecided();
    for most in 0..12 {
        let lines = live_panel(&live(&report), Style { colour: false, width: 100 }, most);
        assert!(lines.len() <= most.max(4), "{lines:?}");
    }
    assert_snapshot!(live_panel(&live(&report), Style { colour: false, width: 100 }, 4).join("\n"));
}

#[test]
fn colours_take_no_room() {
    let report = sample::sequential::undecided();
    let coloured = live_panel(&live(&report), Style { colour: true, width: 80 }, 20).join("\n");
    assert!(coloured.contains('\u{1b}'));
    let without = |part: &str| part.split_once('m').map_or("", |(_, text)| text).to_owned();
    let mut parts = coloured.split('\u{1b}');
    let first = parts.next().unwrap_or("").to_owned();
    assert_eq!(first + &parts.map(without).collect::<String>(), panel(&report, 80));
}

#[test]
fn nothing_in_a_panel_or_a_line_steers_the_terminal() {
    let mut report = sample::sequential::hostile();
    report.service = "shop\u{1b}[2J".to_owned();
    let shown = panel(&report, 100) + &live_line(&live(&report));
    assert!(!shown.chars().any(|letter| letter.is_control() && letter != '\n'), "{shown:?}");
}

#[test]
fn a_line_says_the_same_in_a_log() {
    for report in [sample::sequential::undecided(), sample::sequential::failing()] {
        assert_snapshot!(live_line(&live(&report)));
    }
}

/// With evidence of harm at 60 % after six steps, four more are enough; with 20 % it is too early to say.
#[test]
fn harm_that_grows_says_when_it_is_enough() {
    let mut report = sample::sequential::undecided();
    report.verdict.outcome = Outcome::Inconclusive;
    let outlook = |report: &Report| panel(report, 120).lines().last().unwrap_or("").to_owned();
    let name = report.verdict.metrics[0].name.clone();
    let mut with_harm = |share: f64| {
        let evidence = report.verdict.metrics[0].evidence.as_mut().expect("it has evidence");
        (evidence.harm, evidence.steps) = (share * evidence.harm_needed, 6);
        outlook(&report)
    };
    let expected =
        format!("  at this pace enough to roll back in about 4 min, at 14:10 UTC ({name})");
    assert_eq!(with_harm(0.6), expected);
    assert!(!with_harm(0.2).contains("roll back"));
}
