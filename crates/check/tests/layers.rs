//! Files that extend each other.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use insta::assert_snapshot;
use serin_check::{Layers, WrittenAnalysis};
use serin_model::FileError;

/// Reads files, the most specific first, each extending the next.
fn layered(files: &[(&str, &str)]) -> Result<WrittenAnalysis, FileError> {
    let (first, rest) = files.split_first().unwrap();
    let mut layers = Layers::of(first.0, first.1)?;
    for (name, text) in rest {
        assert!(layers.extends().is_some(), "{name} is extended by nothing");
        layers.add(name, text)?;
    }
    layers.read()
}

fn error(files: &[(&str, &str)]) -> String {
    layered(files).unwrap_err().to_string()
}

const ORGANISATION: &str = "\
source: {prometheus: {url: http://prometheus:9090, token: {file: token}}}
scope: {app: $service}
arms: {control: {track: stable}, canary: {track: canary}}
replica: pod
step: 30s
score: {pass: 80, marginal: 60}
checks:
  errors: {compare: {tolerance: 40%}, owner: sre}
  # This service has no machine of its own.
  machine cpu: {compare: {tolerance: 20%}}
";

const TEAM: &str = "\
extends: ../organisation.yaml
use: [golden/http]
step: 15s
score: {pass: 90}
checks:
  latency: {compare: {tolerance: 10%}}
  errors: {owner: payments}
";

#[test]
fn what_a_specific_file_says_holds_and_the_rest_is_inherited() {
    let service = "service: checkout\nextends: ../team.yaml\nuse: [golden/process]\nchecks:\n  \
                   open files: off\n  traffic: off\n";
    let files =
        [("a/serin.yaml", service), ("team.yaml", TEAM), ("organisation.yaml", ORGANISATION)];
    let written = layered(&files).unwrap();
    let analysis = &written.analysis;
    let checks: Vec<String> = analysis
        .checks()
        .iter()
        .map(|check| {
            let (tolerance, owner) = (check.margins.tolerance(), check.owner.as_deref());
            format!("{} {tolerance} {}", check.name, owner.unwrap_or("-"))
        })
        .collect();
    assert_eq!(
        checks,
        ["errors 0.4 payments", "latency 0.1 -", "cpu per request 0.1 -", "memory 0.1 -"]
    );
    assert_eq!(analysis.step.seconds(), 15);
    assert_eq!((analysis.thresholds.pass(), analysis.thresholds.marginal()), (90.0, 60.0));
    assert_eq!(analysis.replica.as_deref(), Some("pod"));
    let arm = |track: &str| {
        [("app", "checkout"), ("track", track)].map(|(k, v)| (k.to_owned(), v.to_owned())).into()
    };
    assert_eq!((&analysis.arms.control, &analysis.arms.canary), (&arm("stable"), &arm("canary")));
    let mut layers = Layers::of(files[0].0, files[0].1).unwrap();
    layers.add(files[1].0, files[1].1).unwrap();
    layers.add(files[2].0, files[2].1).unwrap();
    assert_eq!(layers.source_file(), Some("organisation.yaml"));
}

#[test]
fn an_error_names_the_file_and_the_line_that_is_wrong() {
    let service = "service: checkout\nextends: team.yaml\n";
    let in_team = "extends: organisation.yaml\nuse: [golden/http]\nchecks:\n  latency:\n    compare: {tolerance: 5}\n";
    assert_snapshot!(error(&[("serin.yaml", service), ("team.yaml", in_team)]), @"
    team.yaml:5:26: `5` is not a percentage

      5 |     compare: {tolerance: 5}
        |                          ^

    hint: write `5%`
    ");
    let misspelt = "extends: organisation.yaml\nuse: [golden/http]\n\nchecks:\n  latncy: {compare: {tolerance: 5%}}\n";
    assert_snapshot!(
        error(&[("serin.yaml", service), ("team.yaml", misspelt), ("organisation.yaml", "step: 15s\n")]),
        @"
    team.yaml:5:11: `latncy` says nothing to measure, and no pack and no extended file has such a check

      5 |   latncy: {compare: {tolerance: 5%}}
        |           ^

    hint: did you mean `latency`?
    "
    );
    let zero = "use: [golden/http]\nstep: 500ms\n";
    assert_snapshot!(error(&[("serin.yaml", service), ("team.yaml", zero)]), @"
    team.yaml:2:7: a step of 500ms is not whole seconds, one or more

      2 | step: 500ms
        |       ^

    hint: write something like `step: 60s`
    ");
    let unacceptable = "use: [golden/http]\nchecks: {latency: {compare: {unacceptable: 20%}}}\n";
    let tolerant = "service: checkout\nextends: team.yaml\nchecks:\n  latency:\n    compare: {tolerance: 30%}\n";
    assert_snapshot!(error(&[("serin.yaml", tolerant), ("team.yaml", unacceptable)]), @"
    serin.yaml:5:26: `unacceptable` is 20%, not more than the tolerance of 30%

      5 |     compare: {tolerance: 30%}
        |                          ^

    hint: what is unacceptable lies above what is tolerated; unless said it is twice as much
    ");
    let secret =
        "use: [golden/http]\nsource:\n  prometheus: {url: 'http://me:secret@prometheus'}\n";
    assert_snapshot!(error(&[("serin.yaml", service), ("team.yaml", secret)]), @"
    team.yaml:3:21: a user or a password in the URL

    hint: write `username: …` and `password: {env: PROMETHEUS_PASSWORD}` beside the `url`
    ");
    let no_service = "extends: team.yaml\n";
    assert_snapshot!(error(&[("serin.yaml", no_service), ("team.yaml", "use: [golden/http]\n")]), @"
    serin.yaml:1:1: `service` is missing

      1 | extends: team.yaml
        | ^

    hint: add `service: checkout`
    ");
    let narrow = "use: [golden/http]\nscope: {track: $service}\narms: {control: {track: a}, canary: {track: b}}\n";
    assert_snapshot!(error(&[("serin.yaml", service), ("team.yaml", narrow)]), @"
    team.yaml:2:8: `scope` says that `track` is `checkout`, and an arm that it is `a`

      2 | scope: {track: $service}
        |        ^

    hint: say it in one of the two places; what both arms share goes into `scope`
    ");
    assert_snapshot!(error(&[("serin.yaml", service)]), @"
    serin.yaml:2:10: what this extends was not read

      2 | extends: team.yaml
        |          ^

    hint: leave `extends` out, or give the file by its path
    ");
    assert_snapshot!(error(&[("serin.yaml", service), ("team.yaml", "step: 15s\n")]), @"
    serin.yaml: there is no check to judge

    hint: give `checks` an entry for each metric, such as `memory: {gauge: process_resident_memory_bytes}`
    ");
}

#[test]
fn the_line_is_right_below_any_kind_of_line_break() {
    for above in ["# a\r\n# b\r\n", "# a\r# b\r", "# a\u{2028}b\n"] {
        let service = format!("{above}service: checkout\nextends: team.yaml\n");
        let team = "use: [golden/http]\nstep: soon\n";
        let error = layered(&[("serin.yaml", &service), ("team.yaml", team)]).unwrap_err();
        assert_eq!((error.file.as_ref(), error.place.map(|it| it.line)), ("team.yaml", Some(2)));
    }
}
