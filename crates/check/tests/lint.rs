//! What is said of tolerances, gates and times: each row is a file, and what is found in it where.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use serin_check::{Places, lint_margins};

fn found(text: &str) -> Vec<String> {
    let written = serin_check::read("serin.yaml", text).unwrap();
    let places = Places::of("serin.yaml", text).unwrap();
    let mut findings = lint_margins(&written.analysis);
    findings.iter_mut().for_each(|finding| places.mark(finding));
    let place = |line: Option<u64>, column: Option<u64>| match (line, column) {
        (Some(line), Some(column)) => format!("{line}:{column}"),
        _ => "-".to_owned(),
    };
    findings.iter().map(|it| format!("{} {}", place(it.line, it.column), it.code)).collect()
}

#[test]
fn tolerances_that_nothing_can_answer_are_found_where_they_stand() {
    let cases: [(&str, &[&str]); 11] = [
        ("gauge: queue", &[]),
        ("gauge: queue, compare: {tolerance: 10%, unacceptable: 20%}", &[]),
        ("gauge: queue, compare: {tolerance: 0%}", &["4:43 zero-tolerance"]),
        ("gauge: queue, compare: {tolerance: 0%, floor: 5}", &[]),
        ("gauge: queue, compare: {tolerance: 1%}", &["4:43 tight-tolerance"]),
        ("ratio: {bad: a, total: b}, compare: {tolerance: 1%}", &[]),
        (
            "ratio: {bad: a, total: b}, compare: {tolerance: 1%, floor: 0pp}",
            &["4:56 tight-tolerance"],
        ),
        ("gauge: queue, compare: {tolerance: 101%}", &["4:43 wide-tolerance"]),
        ("gauge: queue, compare: {tolerance: 10%, unacceptable: 11%}", &["4:62 narrow-margins"]),
        ("gauge: queue, minimum_points: 60", &[]),
        ("gauge: queue, minimum_points: 61", &["4:38 unreachable-minimum"]),
    ];
    for (check, expected) in cases {
        let text =
            format!("service: shop\nreplica: pod\nchecks:\n  it: {{{check}}}\nhorizon: 60m\n");
        assert_eq!(found(&text), expected, "{check}");
    }
}

#[test]
fn gates_times_and_replicas_are_of_the_file() {
    let checks = |number: usize, more: &str| -> String {
        (0..number).map(|at| format!("  c{at}: {{gauge: q{at}{more}}}\n")).collect()
    };
    let file = |head: &str, checks: &str| found(&format!("service: shop\n{head}checks:\n{checks}"));
    assert_eq!(file("replica: pod\n", &checks(4, ", gating: true")), [] as [&str; 0]);
    assert_eq!(file("replica: pod\n", &checks(5, ", gating: true")), ["4:3 many-gating"]);
    assert_eq!(file("replica: pod\n", &checks(5, ", gating: true, muted: true")), [] as [&str; 0]);
    assert_eq!(file("replica: pod\n", &checks(5, "")), ["4:3 nothing-gating"]);
    assert_eq!(file("", &checks(1, "")), ["- no-replica"]);
    for (horizon, expected) in [("29m", &["3:10 odd-horizon"][..]), ("30m", &[]), ("2h", &[])] {
        let head = format!("replica: pod\nhorizon: {horizon}\n");
        assert_eq!(file(&head, &checks(1, "")), expected, "{horizon}");
    }
}
