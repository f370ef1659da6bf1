//! The packs, and what a file makes of them.

use std::collections::{BTreeMap, BTreeSet};

use insta::assert_snapshot;
use serin_check::{PACKS, Signal, read};
use serin_model::Margins;

/// Returns what a file asks, a line for each check.
fn asked(text: &str) -> String {
    match read("serin.yaml", text) {
        Err(error) => error.to_string(),
        Ok(written) => {
            let line = |check: &serin_model::Check| {
                format!(
                    "{}: {} tolerance {} gating {} groups {:?} pack {:?}",
                    check.name,
                    check.measure.kind(),
                    check.margins.tolerance(),
                    check.gating,
                    check.groups,
                    written.analysis.packs.get(&check.name),
                )
            };
            written.analysis.checks().iter().map(line).collect::<Vec<_>>().join("\n")
        }
    }
}

#[test]
fn every_pack_is_argued_and_says_where_its_names_are_from() {
    for pack in PACKS {
        let checks = pack.checks().unwrap();
        let entries = pack.text.matches("    signal: ").count();
        assert_eq!(checks.len(), entries, "{}: each check has a signal and a reason", pack.name);
        assert!(!checks.is_empty(), "{}", pack.name);
        assert!(pack.about().ends_with('.'), "{}: {}", pack.name, pack.about());
        assert!(!pack.about().contains("- "), "{}: no word is broken", pack.name);
        assert!(pack.sources().all(|source| source.starts_with("https://")), "{}", pack.name);
        assert!(pack.sources().count() > 0, "{}", pack.name);
        for it in &checks {
            let name = &it.check.name;
            assert!(
                it.why.ends_with('.') && it.why.len() > 40,
                "{}, {name}: {}",
                pack.name,
                it.why
            );
            assert!(it.check.margins.written().tolerance, "{}, {name}", pack.name);
            let group: &[&str] = if it.check.muted { &[] } else { &[it.signal.as_str()] };
            assert_eq!(it.check.groups, group, "{}, {name}", pack.name);
            let load = it.signal == Signal::Traffic;
            assert!(
                !load || it.check.muted,
                "{}, {name}: traffic is the router's choice",
                pack.name
            );
        }
        let gating = checks.iter().filter(|it| it.check.gating).count();
        assert!(gating <= 4, "{} has {gating} gating checks", pack.name);
    }
}

#[test]
fn packs_are_listed_by_name_and_cover_what_services_are_built_with() {
    let names: Vec<&str> = PACKS.iter().map(|pack| pack.name).collect();
    let mut sorted = names.clone();
    sorted.sort_unstable();
    assert_eq!(names, sorted);
    let mut signals: BTreeMap<&str, BTreeSet<Signal>> = BTreeMap::new();
    for pack in PACKS {
        let found = pack.checks().unwrap().into_iter().map(|it| it.signal);
        signals.entry(pack.name).or_default().extend(found);
    }
    for name in ["golden/http", "golden/envoy", "golden/haproxy", "golden/traefik"] {
        let four = [Signal::Latency, Signal::Traffic, Signal::Errors, Signal::Saturation];
        assert!(four.iter().all(|signal| signals[name].contains(signal)), "{name}");
    }
    assert!(signals["golden/kubernetes"].contains(&Signal::Restarts));
}

#[test]
fn a_pack_is_taken_over_and_changed_check_by_check() {
    assert_snapshot!(asked("service: a\nuse: [golden/http]\n"), @r#"
    errors: ratio tolerance 0.25 gating true groups ["errors"] pack Some("golden/http")
    latency: histogram tolerance 0.05 gating true groups ["latency"] pack Some("golden/http")
    traffic: count tolerance 0.25 gating false groups [] pack Some("golden/http")
    cpu per request: count tolerance 0.1 gating false groups ["saturation"] pack Some("golden/http")
    "#);
    let changed = "service: a\nuse: [golden/http]\nchecks:\n  errors: {compare: {tolerance: 50%}}\n  \
                   traffic: off\n  latency: {gating: false}\n  cpu per request: {gauge: cpu}\n  \
                   queue: {gauge: queue}\n";
    assert_snapshot!(asked(changed), @r#"
    errors: ratio tolerance 0.5 gating true groups ["errors"] pack Some("golden/http")
    latency: histogram tolerance 0.05 gating false groups ["latency"] pack Some("golden/http")
    cpu per request: gauge tolerance 0.1 gating false groups ["saturation"] pack None
    queue: gauge tolerance 0.1 gating false groups ["default"] pack None
    "#);
    let errors = read("serin.yaml", changed).unwrap().analysis.checks()[0].clone();
    let whole = Margins::new(errors.measure.kind(), Some(0.5), None, Some(0.000_5), None).unwrap();
    assert_eq!(errors.margins, whole, "only the tolerance is another");
}

#[test]
fn what_cannot_be_taken_over_is_refused_with_what_to_write() {
    assert_snapshot!(asked("service: a\nuse: [golden/htpp]\n"), @"
    serin.yaml:2:7: there is no pack `golden/htpp`

      2 | use: [golden/htpp]
        |       ^

    hint: did you mean `golden/http`?
    ");
    assert_snapshot!(asked("service: a\nuse: [nginx]\n"), @"
    serin.yaml:2:7: there is no pack `nginx`

      2 | use: [nginx]
        |       ^

    hint: did you mean `golden/nginx`?
    ");
    assert_snapshot!(asked("service: a\nuse: [golden/http, golden/http]\n"), @"
    serin.yaml:2:20: the pack `golden/http` is named twice

      2 | use: [golden/http, golden/http]
        |                    ^

    hint: name each pack once
    ");
    assert_snapshot!(asked("service: a\nuse: [golden/http,\n  golden/otel-http]\n"), @"
    serin.yaml:3:3: `errors` is in both packs `golden/http` and `golden/otel-http`

      3 |   golden/otel-http]
        |   ^

    hint: use one of the two: they ask the same of different libraries
    ");
    assert_snapshot!(
        asked("service: a\nuse: [golden/http]\nchecks:\n  errros: {compare: {tolerance: 50%}}\n"),
        @"
    serin.yaml:4:11: `errros` says nothing to measure, and no pack and no extended file has such a check

      4 |   errros: {compare: {tolerance: 50%}}
        |           ^

    hint: did you mean `errors`?
    "
    );
    assert_snapshot!(asked("service: a\nuse: [golden/http]\nchecks:\n  memory: off\n"), @"
    serin.yaml:4:11: `memory` is left out, and no pack and no extended file has such a check

      4 |   memory: off
        |           ^

    hint: write one of: errors, latency, traffic, cpu per request
    ");
    assert_snapshot!(asked("service: a\nuse: [golden/http]\nchecks:\n  errors: on\n"), @"
    serin.yaml:4:11: `errors` is not a mapping

      4 |   errors: on
        |           ^

    hint: write `key: value` lines below the key, indented by two spaces
    ");
    assert_snapshot!(asked("service: a\nuse: [golden/http]\nchecks:\n  errors:\n"), @"
    serin.yaml:4:9: there is nothing after `errors:`, where a mapping belongs

      4 |   errors:
        |         ^

    hint: write `key: value` lines below the key, indented by two spaces
    ");
    assert_snapshot!(asked("service: a\nuse: golden/http\n"), @"
    serin.yaml:2:6: `use` is not a list

      2 | use: golden/http
        |      ^

    hint: write something like `use: [golden/http]`
    ");
    assert_snapshot!(
        asked("service: a\nuse: [golden/process]\nchecks: {memory: off, open files: off}\n"),
        @"
    serin.yaml:3:9: there is no check to judge

      3 | checks: {memory: off, open files: off}
        |         ^

    hint: give `checks` an entry for each metric, such as `memory: {gauge: process_resident_memory_bytes}`
    "
    );
    assert_snapshot!(
        asked("service: a\nuse: [golden/http]\nchecks:\n  errors: {compare: {floor: 1}}\n"),
        @"
    serin.yaml:4:29: `floor: 1` has no unit, and this is a ratio

      4 |   errors: {compare: {floor: 1}}
        |                             ^

    hint: write percentage points: `floor: 1pp`
    "
    );
    assert_snapshot!(
        asked("service: a\nuse: [golden/http]\nchecks:\n  errors: {gauge: errors, limit: {above: 3%}}\n"),
        @"
    serin.yaml:4:42: the limit 3% is a percentage, and this is a gauge

      4 |   errors: {gauge: errors, limit: {above: 3%}}
        |                                          ^

    hint: percentages are for a ratio; write a number in the metric's own unit
    "
    );
}
