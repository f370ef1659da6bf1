//! What a store is asked, and what is known of its answers before they come.

use std::time::Duration;

use serin_model::{Source, Timestamp, Window};
use serin_sources::{Answer, Inquiry};

/// How far each check's values look back beyond a step of a minute.
fn looks_back(checks: &str) -> Vec<Option<Duration>> {
    let text = format!(
        "service: checkout\nsource: {{prometheus: {{url: \"http://localhost\"}}}}\nchecks:\n{checks}"
    );
    let written = serin_check::read("serin.yaml", &text).expect("the Check file is right");
    let Some(Source::Store(store)) = &written.source else { unreachable!("it names a store") };
    let (start, end) = (Timestamp::from_seconds(0), Timestamp::from_seconds(3600));
    let inquiry = Inquiry::new(&written.analysis, store, Window { start, end })
        .expect("the queries can be asked");
    let answers = vec![Ok(Answer::default()); inquiry.requests().len()];
    inquiry.gather(answers).series.into_iter().map(|series| series.looks_back).collect()
}

#[test]
fn answers_say_how_far_their_values_look_back() {
    let minutes = |minutes: u64| Some(Duration::from_secs(60 * minutes));
    let table = [
        ("{count: {events: requests_total}}", None),
        ("{gauge: 'sum(load1{$arm})'}", None),
        ("{gauge: 'sum(rate(seconds_total{$arm}[1m]))'}", None),
        ("{gauge: 'sum(rate(seconds_total{$arm}[5m]))'}", minutes(5)),
        ("{gauge: 'avg_over_time(load1{$arm}[90s])'}", Some(Duration::from_secs(90))),
        (
            "{ratio: {bad: 'sum(increase(bad_total{$arm}[2m]))', total: 'sum(increase(all_total{$arm}[10m]))'}}",
            minutes(10),
        ),
    ];
    let checks: String = table
        .iter()
        .enumerate()
        .map(|(at, (check, _))| format!("  check {at}: {check}\n"))
        .collect();
    for ((check, expected), back) in table.iter().zip(looks_back(&checks)) {
        assert_eq!(back, *expected, "{check}");
    }
}
