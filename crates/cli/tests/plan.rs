//! `serin plan` as its users call it. What its figures are worth is tested beside the judge.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod serin;

use std::fs;

use insta::assert_snapshot;
use serde_json::Value;
use serin::{CHECK, serin, serin_with_input};

/// Few steps, so that a plan is made quickly.
const QUICK: [&str; 4] = ["--step", "60s", "--horizon", "30m"];

fn planned(arguments: &[&str]) -> Value {
    let all: Vec<&str> = ["plan"].iter().chain(arguments).chain(&QUICK).copied().collect();
    let run = serin(&[&all[..], &["--format", "json"]].concat());
    assert_eq!(run.code, 0, "{}", run.shown());
    assert_eq!(run.stderr, "");
    serde_json::from_str(&run.stdout).unwrap()
}

#[test]
fn help_says_what_it_is_for() {
    assert_snapshot!(serin(&["plan", "--help"]).shown());
}

#[test]
fn every_check_of_a_recording_is_planned() {
    let plan = planned(&[CHECK, "--share", "20%", "--replicas", "3"]);
    assert_eq!(plan["version"], 1);
    let rollout = &plan["plan"]["rollout"];
    assert_eq!(rollout["share"], 0.2);
    assert_eq!(rollout["canary_replicas"], 3);
    assert_eq!(rollout["horizon_minutes"], 30.0);
    let metrics = plan["plan"]["metrics"].as_array().unwrap();
    let mut names: Vec<&str> = metrics.iter().map(|it| it["name"].as_str().unwrap()).collect();
    names.sort_unstable();
    assert_eq!(names, ["cpu seconds", "errors", "latency p99", "memory"]);
    for metric in metrics {
        let outlook = &metric["outlook"];
        let number = |key: &str| outlook[key].as_f64().unwrap_or(f64::INFINITY);
        let (half, most) = (number("half"), number("nine_in_ten"));
        assert!(half <= most, "{metric:#}");
        assert!(number("tolerance") < half, "{metric:#}");
        assert_eq!(outlook["curve"].as_array().unwrap().len(), 30, "{metric:#}");
    }
}

#[test]
fn more_traffic_and_more_time_show_more() {
    let errors = |arguments: &[&str]| {
        let plan = planned(&[&[CHECK][..], arguments].concat());
        let metrics = plan["plan"]["metrics"].as_array().unwrap().clone();
        let errors = metrics.into_iter().find(|metric| metric["name"] == "errors").unwrap();
        errors["outlook"]["half"].as_f64().unwrap()
    };
    assert!(errors(&["--share", "50%"]) < 0.6 * errors(&["--share", "5%"]));
}

#[test]
fn the_same_history_gives_the_same_plan() {
    let arguments = [&["plan", CHECK][..], &QUICK].concat();
    let run = serin(&arguments);
    assert_eq!(run.code, 0);
    assert_eq!(run.stdout, serin(&arguments).stdout);
}

#[test]
fn a_plan_goes_into_files_of_each_format() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let files = ["plan.html", "plan.json", "plan.md", "plan.txt"].map(path);
    let other = format!("html={}", path("plan.out"));
    let mut arguments = [&["plan", CHECK][..], &QUICK].concat();
    for file in files.iter().chain([&other]) {
        arguments.extend(["--output", file]);
    }
    assert_eq!(serin(&arguments).code, 0);
    let [html, json, markdown, text] = files.map(|file| fs::read_to_string(file).unwrap());
    assert!(html.starts_with("<!doctype html>") && html.contains("<svg"), "{html}");
    assert_eq!(serde_json::from_str::<Value>(&json).unwrap()["service"], "checkout");
    assert!(markdown.contains("| `latency p99` |"), "{markdown}");
    assert!(text.starts_with("PLAN  checkout\n"), "{text}");
    assert_eq!(fs::read_to_string(path("plan.out")).unwrap(), html);
}

#[test]
fn horizons_that_are_not_usual_are_warned_of() {
    for (horizon, word) in [("29m", "short"), ("30m", ""), ("120m", ""), ("121m", "long")] {
        let run = serin(&["plan", CHECK, "--step", "60s", "--horizon", horizon]);
        assert_eq!(run.code, 0);
        let warned = run.stdout.lines().find(|line| line.contains("! a horizon of"));
        match warned {
            Some(line) => {
                assert!(!word.is_empty() && line.contains(&format!("is {word}")), "{line}");
            }
            None => assert_eq!(word, "", "{horizon}"),
        }
    }
}

/// A history of one gauge, a value a minute.
fn gauge(track: &str, values: &[&str]) -> String {
    let line = |(minute, value): (usize, &&str)| {
        format!(
            "2026-11-23T{:02}:{:02}:00Z,queue,{track},pod-1,{value}\n",
            minute / 60,
            minute % 60
        )
    };
    "time,metric,track,pod,value\n".to_owned()
        + &values.iter().enumerate().map(line).collect::<String>()
}

const QUEUE: &str = "service: shop
arms: {control: {track: stable}, canary: {track: canary}}
replica: pod
checks:
  queue: {gauge: 'queue{$arm}', worse: higher}
";

#[test]
fn a_history_that_says_nothing_is_told_from_one_that_is_not_there() {
    let folder = tempfile::tempdir().unwrap();
    let check = folder.path().join("serin.yaml").display().to_string();
    fs::write(&check, QUEUE).unwrap();
    let noisy: Vec<String> = (0..60).map(|at| format!("{}", 900 + at * 37 % 101)).collect();
    let noisy: Vec<&str> = noisy.iter().map(String::as_str).collect();
    let cases = [
        ("no point of the control", gauge("canary", &noisy)),
        ("not one number", gauge("stable", &["NaN"; 60])),
        ("a few points", gauge("stable", &noisy[..7])),
        ("always the same", gauge("stable", &["1234.5678"; 60])),
        ("one replica", gauge("stable", &noisy)),
    ];
    let mut said = String::new();
    for (name, recording) in cases {
        let run = serin_with_input(&["plan", &check, "--data", "-"], recording.as_bytes());
        let text = if run.code == 0 { &run.stdout } else { &run.stderr };
        let told = text.lines().filter(|line| {
            let line = line.trim_start();
            line.starts_with("- ") && !line.starts_with("- to see")
                || line.starts_with("error: ")
                || line.starts_with("queue: ") && run.code == 1
                || line.starts_with("hint: ")
        });
        let told: Vec<&str> = told.map(str::trim_start).collect();
        said.push_str(&format!("{name}: exit {}\n  {}\n", run.code, told.join("\n  ")));
    }
    assert_snapshot!(said);
}

#[test]
fn what_cannot_be_asked_is_refused() {
    for arguments in [
        &["plan"][..],
        &["plan", "no/such.yaml"],
        &["plan", CHECK, "--share", "0%"],
        &["plan", CHECK, "--share", "80%"],
        &["plan", CHECK, "--replicas", "0"],
        &["plan", CHECK, "--step", "0s"],
        &["plan", CHECK, "--horizon", "1s"],
        &["plan", CHECK, "--url", "http://localhost:1"],
        &["plan", CHECK, "-o", "plan.pdf"],
        &["plan", CHECK, "-o", "plan.md", "-o", "plan.md"],
        &["plan", "-", "--data", "-"],
    ] {
        let run = serin(arguments);
        assert_eq!(run.code, 1, "{arguments:?}: {}", run.shown());
        assert_eq!(run.stdout, "", "{arguments:?}");
        assert!(!run.stderr.is_empty(), "{arguments:?}");
    }
}
