//! Where each value of a Check comes from.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use insta::assert_snapshot;
use serin_check::{Layers, PACKS, WrittenAnalysis};

/// Files, the most specific first, each extending the next.
fn layers(files: &[(&str, &str)]) -> Layers {
    let mut layers = Layers::of(files[0].0, files[0].1).unwrap();
    for (name, text) in &files[1..] {
        layers.add(name, text).unwrap();
    }
    layers
}

const ORGANISATION: &str = "\
source: {prometheus: {url: http://prometheus:9090, token: {file: token}}}
scope: {app: $service}
arms: {control: {track: stable}, canary: {track: canary}, share: 10%}
replica: pod
step: 30s
score: {pass: 80, marginal: 60}
checks:
  errors: {compare: {tolerance: 40%}, owner: sre}
";

const TEAM: &str = "\
extends: ../organisation.yaml
use: [golden/http]
step: 15s
score: {pass: 90}
checks:
  latency: &latency
    compare: {tolerance: 10%}
  errors: {owner: payments}
";

const SERVICE: &str = "\
# Of the payments team.
service: checkout
extends: ../team.yaml
use: [golden/process]
minimum_points: 20
checks:
  traffic: off
  latency:
    gauge: 'sum by (pod) (rate(http_request_duration_seconds_sum{$arm, note=\"a # b: c\"}[1m])) / sum by (pod) (rate(http_request_duration_seconds_count{$arm}[1m]))'
    limit: {above: 2, for: 5}
  \"odd: name\":
    count:
      events: >-
        sum by (pod)
        (increase(exceptions_total{$arm}[1m]))
    groups: [errors, 'a b']
";

const FILES: [(&str, &str); 3] =
    [("pay/serin.yaml", SERVICE), ("team.yaml", TEAM), ("organisation.yaml", ORGANISATION)];

#[test]
fn each_value_has_the_file_and_line_or_the_pack_that_says_it() {
    assert_snapshot!(layers(&FILES).explained().unwrap());
}

/// What is asked, without which checks are of packs.
fn asked(written: WrittenAnalysis) -> WrittenAnalysis {
    let mut asked = written;
    asked.analysis.packs.clear();
    asked
}

#[test]
fn what_is_explained_reads_back_as_the_same_question() {
    let whole = layers(&FILES).explained().unwrap();
    let again = Layers::of("whole", &whole).unwrap().read().unwrap();
    assert_eq!(asked(again), asked(layers(&FILES).read().unwrap()));
    for pack in PACKS {
        let text = format!("service: shop\nuse: [{}]\n", pack.name);
        let whole = Layers::of("serin.yaml", &text).unwrap().explained().unwrap();
        let again = Layers::of("whole", &whole).unwrap().read().unwrap();
        let first = Layers::of("serin.yaml", &text).unwrap().read().unwrap();
        assert_eq!(asked(again), asked(first), "{}", pack.name);
    }
}

#[test]
fn what_cannot_be_read_is_not_explained() {
    let error = Layers::of("serin.yaml", "service: shop\nuse: [golden/htp]\n").unwrap();
    let error = error.explained().unwrap_err().to_string();
    assert!(error.contains("there is no pack `golden/htp`"), "{error}");
}
