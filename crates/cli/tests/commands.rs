//! Usage errors, help, and the other verbs.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod serin;

use std::fs;

use insta::assert_snapshot;
use serde_json::Value;
use serin::{CHECK, recording, root, serin, serin_with_input, without_folder};

#[test]
fn help_lists_the_verbs_and_the_exit_codes() {
    assert_snapshot!(serin(&["--help"]).shown());
    assert_snapshot!(serin(&["judge", "--help"]).shown());
    assert_snapshot!(serin(&["bench", "--help"]).shown());
}

#[test]
fn usage_errors_never_look_like_a_failed_canary() {
    for arguments in [
        &[][..],
        &["frobnicate"],
        &["judge"],
        &["judge", CHECK, "--fromat", "json"],
        &["judge", CHECK, "--format", "xml"],
        &["judge", CHECK, "--judge", "dredd"],
        &["judge", CHECK, "--kayenta", "config.json"],
        &["judge", "--request", "request.json"],
        &["judge", CHECK, "-o", "report.pdf"],
        &["judge", CHECK, CHECK, "-o", "report.html"],
        &["judge", CHECK, CHECK, "--format", "html"],
        &["bench"],
        &["convert"],
        &["schema", "everything"],
        &["completions", "cmd"],
        &["man"],
    ] {
        let run = serin(arguments);
        assert_eq!(run.code, 1, "{arguments:?}: {}", run.shown());
        assert_eq!(run.stdout, "", "{arguments:?}");
        assert!(!run.stderr.is_empty(), "{arguments:?}");
    }
}

#[test]
fn files_that_are_not_there_are_named() {
    for arguments in [
        &["judge", "no/such.yaml"][..],
        &["judge", CHECK, "--data", "no/such.yaml"],
        &["judge", "--kayenta", "no/such.yaml"],
        &["bench", "no/such.yaml"],
        &["convert", "--kayenta", "no/such.yaml"],
    ] {
        let run = serin(arguments);
        assert_eq!(run.code, 1, "{arguments:?}");
        assert!(run.stderr.starts_with("error: `no/such.yaml` cannot be read"), "{}", run.stderr);
        assert!(run.stderr.contains("hint: "), "{}", run.stderr);
    }
}

#[test]
fn a_broken_check_file_shows_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("broken.yaml");
    fs::write(
        &path,
        "service: checkout\nchecks:\n  errors:\n    gauge: errors\n    gatting: true\n",
    )
    .unwrap();
    let run = serin(&["judge", path.to_str().unwrap(), "--data", &recording("good")]);
    assert_snapshot!(without_folder(&run.shown(), folder.path()), @"
    exit 1
    --- stderr
    error: FOLDER/broken.yaml:5:5: unknown key `gatting`

      5 |     gatting: true
        |     ^

    hint: did you mean `gating`?
    ");
}

#[test]
fn a_closed_pipe_is_no_error_message() {
    // The reader is gone before the first byte: nothing to say, and no panic.
    let program = assert_cmd::cargo::cargo_bin("serin");
    let script = format!("{} judge {CHECK} --format html | true", program.display());
    let output = std::process::Command::new("sh")
        .args(["-c", &script])
        .current_dir(root())
        .output()
        .unwrap();
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
}

const CONFIG: &str = r#"{
  "name": "checkout", "applications": ["checkout"],
  "judge": {"name": "NetflixACAJudge-v1.0", "judgeConfigurations": {}},
  "metrics": [
    {"name": "error rate", "query": {"type": "prometheus", "metricName": "errors"}, "groups": ["errors"],
     "analysisConfigurations": {"canary": {"direction": "increase", "critical": true}}, "scopeName": "default"},
    {"name": "latency", "query": {"type": "prometheus", "metricName": "latency"}, "groups": ["latency"],
     "analysisConfigurations": {"canary": {"direction": "increase", "effectSize": {"allowedIncrease": 1.1}}},
     "scopeName": "default"}
  ],
  "classifier": {"groupWeights": {"errors": 60, "latency": 40}}
}"#;

const REQUEST: &str = r#"{
  "scopes": {"default": {
    "controlScope": {"scope": "v1", "location": "", "start": "1970-01-01T00:00:00Z", "end": "1970-01-01T02:00:00Z", "step": 60},
    "experimentScope": {"scope": "v2", "location": "", "start": "1970-01-01T00:00:00Z", "end": "1970-01-01T02:00:00Z", "step": 60}}},
  "thresholds": {"pass": 90, "marginal": 70}
}"#;

/// Kayenta's files, and a recording in which the latency of the canary is a quarter higher.
fn kayenta_files() -> (tempfile::TempDir, [String; 3]) {
    let folder = tempfile::tempdir().unwrap();
    let mut csv = "time,metric,scope,value\n".to_owned();
    for minute in 0..60 {
        let noise = (minute * 37) % 11;
        for (scope, latency) in [("v1", 100), ("v2", 125)] {
            csv.push_str(&format!("{},error rate,{scope},{}\n", minute * 60, noise % 3));
            csv.push_str(&format!("{},latency,{scope},{}\n", minute * 60, latency + noise));
        }
    }
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let files = [
        write("config.json", CONFIG),
        write("request.json", REQUEST),
        write("recording.csv", &csv),
    ];
    (folder, files)
}

#[test]
fn kayentas_own_files_work() {
    let (_folder, [config, request, recording]) = kayenta_files();
    let run = serin(&["judge", "--kayenta", &config, "--request", &request, "--data", &recording]);
    assert_snapshot!(run.shown());
}

#[test]
fn a_converted_config_gives_the_same_verdict() {
    let (folder, [config, request, recording]) = kayenta_files();
    let check = folder.path().join("serin.yaml").to_str().unwrap().to_owned();
    let converted = serin(&[
        "convert",
        "--kayenta",
        &config,
        "--request",
        &request,
        "--data",
        &recording,
        "-o",
        &check,
    ]);
    assert_eq!(converted.code, 0, "{}", converted.stderr);
    let text = fs::read_to_string(&check).unwrap();
    assert_snapshot!(without_folder(&text, folder.path()));
    let verdict = |run: serin::Run| {
        let report: Value = serde_json::from_str(&run.stdout).unwrap();
        report["verdict"].clone()
    };
    assert_eq!(
        verdict(serin(&["judge", &check, "--judge", "kayenta", "--format", "json"])),
        verdict(serin(&[
            "judge",
            "--kayenta",
            &config,
            "--request",
            &request,
            "--data",
            &recording,
            "--format",
            "json"
        ]))
    );
}

#[test]
fn what_kayenta_stored_can_be_judged_again() {
    let (folder, [config, _, _]) = kayenta_files();
    let values = |base: u32| {
        (0..60).map(|k| (base + (k * 37) % 11).to_string()).collect::<Vec<_>>().join(",")
    };
    let scope = r#"{"startTimeMillis": 0, "stepMillis": 60000}"#;
    let pair = |name: &str, control: u32, canary: u32| {
        format!(
            r#"{{"name": "{name}", "id": "1", "tags": {{}}, "values": {{"control": [{},"NaN"], "experiment": [{}]}}, "scopes": {{"control": {scope}, "experiment": {scope}}}}}"#,
            values(control),
            values(canary)
        )
    };
    let pairs = format!("[{},{}]", pair("error rate", 5, 5), pair("latency", 100, 150));
    let path = folder.path().join("pairs.json");
    fs::write(&path, pairs).unwrap();
    let run = serin(&[
        "judge",
        "--kayenta",
        &config,
        "--data",
        path.to_str().unwrap(),
        "--format",
        "json",
    ]);
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(report["verdict"]["metrics"][0]["name"], "latency");
    assert_eq!(report["verdict"]["metrics"][0]["classification"], "High");
    assert_eq!(report["verdict"]["scorecard"]["score"], 60.0);
    assert_eq!(run.code, 3);
}

#[test]
fn bench_prints_a_line_for_each_case_in_order() {
    let lines = concat!(
        r#"{"id":"a","control":[1,2,3,4,5],"experiment":[10,20,30,40,50],"kayenta":{"direction":"increase","critical":true},"other":1}"#,
        "\n\n",
        r#"{"id":"b","control":[],"experiment":["NaN",1],"kayenta":{}}"#,
        "\n",
        r#"{"dataset":"d","id":"c","kind":"ab","label":"bad","design":"concurrent","step_s":60,"t_start":0,"t_end":600,"metrics":[{"name":"errors","direction":"increase","control":[{"src":"p","points":[[0,1],[60,2],[120,1],[180,2],[240,1],[300,2],[360,1]]}],"experiment":[{"src":"q","points":[[0,9],[60,8],[120,9],[180,8],[240,9],[300,8],[360,9]]}]}]}"#,
        "\n",
    );
    assert_snapshot!(
        serin_with_input(
            &["bench", "-", "--judge", "kayenta", "--format", "json"],
            lines.as_bytes()
        )
        .shown()
    );
    assert_snapshot!(
        serin_with_input(
            &["bench", "-", "--judge", "kayenta", "--format", "table"],
            lines.as_bytes()
        )
        .shown()
    );
}

#[test]
fn a_malformed_case_stops_at_its_line_after_what_came_before() {
    let good = r#"{"id":"a","control":[1,2],"experiment":[3,4],"kayenta":{}}"#;
    for (bad, problem) in [
        ("{", "this is no case"),
        ("[]", "has no `control`"),
        (r#"{"id":"x"}"#, "has no `control`"),
        (r#"{"id":"x","control":["one"],"experiment":[1]}"#, "this is no case"),
        (r#"{"id":"x","control":[1],"experiment":[2],"kayenta":{"critical":"true"}}"#, "critical"),
        (r#"{"id":"x","metrics":[]}"#, "no check"),
        (
            r#"{"id":"x","metrics":[{"name":"m","measure":"ratio","control":[],"experiment":[{"points":[[0,1]]}]}]}"#,
            "[seconds, bad, total]",
        ),
        (r#"{"id":"x","design":"sideways","metrics":[]}"#, "sideways"),
    ] {
        let input = format!("{good}\n{bad}\n{good}\n");
        let run = serin_with_input(
            &["bench", "-", "--judge", "kayenta", "--format", "json"],
            input.as_bytes(),
        );
        assert_eq!(run.code, 1, "{bad}");
        assert_eq!(run.stdout.lines().count(), 1, "{bad}");
        assert!(run.stderr.starts_with("error: standard input:2: "), "{bad}: {}", run.stderr);
        assert!(run.stderr.contains(problem), "{bad}: {}", run.stderr);
    }
}

#[test]
fn schemas_are_the_published_ones() {
    for (name, path) in [
        ("check", "docs/schema/check-v1.json"),
        ("report", "docs/schema/report-v1.json"),
        ("plan", "docs/schema/plan-v1.json"),
        ("selftest", "docs/schema/selftest-v1.json"),
        ("fleet", "docs/schema/fleet-v1.json"),
    ] {
        let published = fs::read_to_string(root().join(path)).unwrap();
        let fresh = serin(&["schema", name]).stdout == published;
        assert!(fresh, "{path} is stale: run `cargo xtask codegen`");
    }
}

#[test]
fn the_reference_cases_come_out_as_the_reference_says() {
    let folder = root().join("../shared/bench");
    if !folder.is_dir() {
        println!("skipped: the labelled cases are not beside the repository");
        return;
    }
    // Blamed: 69 and 21 %, 22 %, 28 %, 0 and 0 %.
    for (name, bad, good) in [
        ("rollouts", " 18 of 26: 69 % ", " 17 of 80: 21 % "),
        ("rollouts_aa", " – ", " 45 of 208: 22 % "),
        ("azure_vm_aa", " – ", " 70 of 253: 28 % "),
        ("nezha", " 0 of 11: 0 % ", " 0 of 109: 0 % "),
    ] {
        let path = folder.join(format!("{name}.jsonl.gz"));
        let table =
            serin(&["bench", path.to_str().unwrap(), "--judge", "kayenta", "--format", "table"])
                .stdout;
        assert!(table.contains(bad) && table.contains(good), "{name}: {table}");
    }
}

/// A case of one metric, and what the kayenta judge makes of it.
fn case(head: &str, metric: &str, control: &str, canary: &str) -> Value {
    let line = format!(
        r#"{{"id":"c","label":"good",{head}"metrics":[{{"name":"m","direction":"increase",{metric}"control":[{control}],"experiment":[{canary}]}}]}}"#
    );
    let run = serin_with_input(
        &["bench", "-", "--judge", "kayenta", "--format", "json"],
        line.as_bytes(),
    );
    assert_eq!(run.code, 0, "{line}: {}", run.stderr);
    serde_json::from_str(&run.stdout).unwrap()
}

fn replica(points: impl IntoIterator<Item = (u32, String)>) -> String {
    let points = points.into_iter().map(|(seconds, value)| format!("[{seconds},{value}]"));
    format!(r#"{{"src":"p","points":[{}]}}"#, points.collect::<Vec<_>>().join(","))
}

/// Ten minutes around a level.
fn minutes(from: u32, level: u32) -> String {
    replica((0..10).map(|k| (from + 60 * k, (level + k % 3).to_string())))
}

#[test]
fn history_counts_only_where_the_design_is_not_concurrent() {
    // History at 900, and the control beside the canary at 100: the canary is at 100 too.
    let history = (0..10).map(|k| (60 * k, (900 + k % 3).to_string()));
    let beside = (10..20).map(|k| (60 * k, (100 + k % 3).to_string()));
    let control = replica(history.chain(beside));
    let window = r#""t_start":600,"t_end":1140,"#;
    let concurrent =
        case(&format!(r#""design":"concurrent",{window}"#), "", &control, &minutes(600, 100));
    assert_eq!(concurrent["metrics"][0]["control_points"], 10);
    assert_eq!(concurrent["verdict"], "pass");
    let before =
        case(&format!(r#""design":"before_after",{window}"#), "", &control, &minutes(600, 100));
    assert_eq!(before["metrics"][0]["control_points"], 20);
}

#[test]
fn both_ends_of_the_window_are_inside_and_time_counts_from_its_start() {
    let judged = case(r#""t_start":60,"t_end":480,"#, "", &minutes(0, 100), &minutes(0, 100));
    assert_eq!(judged["metrics"][0]["canary_points"], 8);
    assert_eq!(judged["decided_after_s"], 420.0);
    assert_eq!(judged["passed_after_s"], 420.0);
    let without = case("", "", &minutes(0, 100), &minutes(120, 500));
    assert_eq!(without["verdict"], "fail");
    assert_eq!(without["metrics"][0]["control_points"], 8, "from the first canary point on");
    assert_eq!(without["decided_after_s"], 540.0);
    assert_eq!(without["passed_after_s"], Value::Null);
}

#[test]
fn replicas_count_alike_in_a_minute() {
    // One replica is read four times a minute at 0, the other once at 100.
    let often = replica((0..40).map(|k| (15 * k, (k % 4).to_string())));
    let canary = format!("{often},{}", minutes(0, 100));
    let judged = case("", "", &minutes(0, 10), &canary);
    assert_eq!(judged["metrics"][0]["canary_points"], 10);
    let deviation = judged["metrics"][0]["deviation"].as_f64().unwrap();
    // (1.5 + 101) / 2 over 10.9, give or take the wave.
    assert!((4.6..4.8).contains(&deviation), "{deviation}");
}

#[test]
fn counts_and_histograms_are_read_as_kayenta_would() {
    let ratio = |bad: u32| replica((0..10).map(|k| (60 * k, format!("{},{}", bad + k % 2, 1000))));
    let judged = case("", r#""measure":"ratio","#, &ratio(2), &ratio(50));
    assert_eq!(judged["metrics"][0]["outcome"], "High");
    assert!((judged["metrics"][0]["estimate"].as_f64().unwrap() - 0.048).abs() < 2e-3);

    let histogram =
        |slow: u32| replica((0..10).map(|k| (60 * k, format!("[{},{},0]", 100 + k, slow))));
    let judged =
        case("", r#""measure":"histogram","bounds":[1,2],"#, &histogram(0), &histogram(50));
    assert_eq!(judged["metrics"][0]["outcome"], "High");
    assert!(judged["metrics"][0]["deviation"].as_f64().unwrap() > 1.9);
}

#[test]
fn a_silent_canary_is_a_case_like_any_other() {
    let silent = case(r#""t_start":0,"t_end":540,"#, "", &minutes(0, 100), "");
    assert_eq!(silent["verdict"], "fail");
    assert_eq!(silent["metrics"][0]["outcome"], "Nodata");
}

#[test]
fn completions_know_the_verbs_and_their_options() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let run = serin(&["completions", shell]);
        assert_eq!(run.code, 0, "{shell}: {}", run.stderr);
        for word in ["judge", "convert", "bench", "schema", "counters"] {
            assert!(run.stdout.contains(word), "{shell} does not complete `{word}`");
        }
    }
}

#[test]
fn completions_offer_files_where_a_file_is_meant() {
    let run = serin(&["completions", "zsh"]);
    for (word, times) in [
        (":CONFIG:", 2),
        (":REQUEST:", 2),
        (":RECORDING:", 5),
        (":[FORMAT=]PATH:", 8),
        (":PATH:", 5),
        ("files -- ", 4),
    ] {
        let lines: Vec<&str> = run.stdout.lines().filter(|line| line.contains(word)).collect();
        assert_eq!(lines.len(), times, "{word}");
        assert!(lines.iter().all(|line| line.contains(":_files'")), "{lines:?}");
    }
}

#[test]
fn each_verb_has_a_manual_page() {
    let folder = tempfile::tempdir().unwrap();
    let run = serin(&["man", folder.path().to_str().unwrap()]);
    assert_eq!(run.shown(), "exit 0\n");
    let mut pages: Vec<String> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    pages.sort();
    assert_eq!(
        pages,
        [
            "serin-bench.1",
            "serin-changes.1",
            "serin-checks-apply.1",
            "serin-checks-list.1",
            "serin-checks-plan.1",
            "serin-checks.1",
            "serin-completions.1",
            "serin-convert.1",
            "serin-demo.1",
            "serin-explain.1",
            "serin-init.1",
            "serin-judge.1",
            "serin-known-good.1",
            "serin-label.1",
            "serin-ledger-export.1",
            "serin-ledger-import.1",
            "serin-ledger-prune.1",
            "serin-ledger-verify.1",
            "serin-ledger.1",
            "serin-lint.1",
            "serin-man.1",
            "serin-note.1",
            "serin-override.1",
            "serin-packs.1",
            "serin-plan.1",
            "serin-replay.1",
            "serin-schema.1",
            "serin-scorecard.1",
            "serin-selftest.1",
            "serin-serve.1",
            "serin-sources.1",
            "serin-token-issue.1",
            "serin-token-list.1",
            "serin-token-revoke.1",
            "serin-token.1",
            "serin-verdicts.1",
            "serin-watch.1",
            "serin.1",
        ]
    );
    let page = fs::read_to_string(folder.path().join("serin-judge.1")).unwrap();
    assert!(page.contains(".SH OPTIONS") && page.contains("roll back"), "{page}");
}

#[test]
fn manual_pages_need_a_folder() {
    let run = serin(&["man", "no/such/folder"]);
    assert_snapshot!(run.shown(), @"
    exit 1
    --- stderr
    error: the manual pages cannot be written into `no/such/folder`

    hint: see that the folder exists, and that there is space and permission

    cause: No such file or directory (os error 2)
    ");
}

#[test]
fn packs_are_listed_and_shown() {
    let listed = serin(&["packs"]);
    assert_eq!(listed.code, 0, "{}", listed.stderr);
    for pack in serin_check::PACKS {
        assert!(listed.stdout.contains(pack.name), "{}", pack.name);
        let shown = serin(&["packs", pack.name]);
        assert_eq!(shown.stdout, pack.text, "{}", pack.name);
    }
    for (name, hint) in [
        ("golden/htpp", "hint: did you mean `golden/http`?"),
        ("envoy", "hint: did you mean `golden/envoy`?"),
        ("platinum", "hint: `serin packs` lists those there are"),
    ] {
        let refused = serin(&["packs", name]);
        assert_eq!(refused.code, 1, "{name}");
        assert!(refused.stderr.contains(hint), "{name}: {}", refused.stderr);
    }
}

#[test]
fn what_is_said_of_a_service_does_not_go_with_a_file() {
    for (words, told) in [
        (
            &["judge", "a.yaml", "--defaults", "b.yaml"][..],
            "`--defaults` is for a service without a Check file",
        ),
        (&["watch", "a.yaml", "--replica-label", "pod"], "`--replica-label` is for a service"),
        (
            &["plan", "--service", "a", "--defaults", "/nowhere/b.yaml"],
            "`/nowhere/b.yaml` cannot be read",
        ),
        (
            &["judge", "--service", "a", "--data", "r.csv"],
            "nothing says what to ask of this service",
        ),
        (
            &["judge", "--service", "a", "--source", "ftp://a"],
            "`--source` holds a URL that is neither",
        ),
        (&["judge", "--service", "a", "--control", "x"], "write labels as `track=canary`"),
    ] {
        let run = serin(words);
        assert_eq!(run.code, 1, "{words:?}");
        assert!(run.stderr.contains(told), "{words:?}: {}", run.stderr);
    }
}
