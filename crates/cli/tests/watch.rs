//! `serin watch` as its users run it.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap is a failed test")]

mod serin;

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::serin::{CHECK, recording, root, serin, without_folder};

#[test]
fn a_recording_is_played_as_if_it_were_live() {
    for (name, code) in [("failing", 2), ("slow", 2), ("good", 0)] {
        let run = serin(&["watch", CHECK, "--data", &recording(name)]);
        assert_eq!(run.code, code, "{name}: {}", run.shown());
        let first = run.stderr.lines().next().unwrap();
        assert_eq!(
            first,
            "the canary began at 08:25:25 UTC, and is judged from 08:27:25 UTC to 08:35:30 UTC at most"
        );
        assert!(run.stderr.lines().nth(1).unwrap().starts_with("step 1 of 97, to 08:27:30 UTC: "));
    }
}

#[test]
fn a_canary_that_never_reports_is_rolled_back_only_where_it_is_said_to_run() {
    let waited = serin(&["watch", CHECK, "--data", &recording("silent")]);
    assert_eq!(waited.code, 3);
    assert!(waited.stdout.contains("did not appear"), "{}", waited.stdout);
    let known = serin(&["watch", CHECK, "--data", &recording("silent"), "--start", "now"]);
    assert_eq!(known.code, 2);
    assert!(known.stdout.contains("the canary reported nothing, while the control did"));
}

#[test]
fn commands_are_run_on_the_verdict_and_never_change_it() {
    let folder = tempfile::tempdir().unwrap();
    let got = folder.path().join("got.json");
    let on_fail = format!("cat > '{}'; echo done; exit 7", got.display());
    let failing = recording("failing");
    let arguments = ["watch", CHECK, "--data", &failing, "--format", "json"];
    let run = serin(&[&arguments[..], &["--on-fail", &on_fail, "--on-pass", "exit 1"]].concat());
    assert_eq!(run.code, 2);
    let report: Value = serde_json::from_slice(&std::fs::read(&got).unwrap()).unwrap();
    assert_eq!(report, serde_json::from_str::<Value>(&run.stdout).unwrap());
    assert_eq!(report["verdict"]["outcome"], "fail");
    assert!(run.stderr.contains("\ndone\n"), "{}", run.stderr);
    let warning = run.stderr.lines().last().unwrap();
    let warning = without_folder(warning, folder.path());
    assert!(warning.ends_with("failed: exit status: 7; the verdict stands"), "{warning}");
}

#[test]
fn a_command_is_run_once_even_if_serin_is_started_again() {
    let folder = tempfile::tempdir().unwrap();
    let (state, runs) = (folder.path().join("state.json"), folder.path().join("runs"));
    let on_fail = format!("echo run >> '{}'", runs.display());
    let (state, failing) = (state.to_str().unwrap(), recording("failing"));
    let arguments = ["watch", CHECK, "--data", &failing, "--state", state, "--on-fail", &on_fail];
    let (first, second) = (serin(&arguments), serin(&arguments));
    assert_eq!((first.code, second.code), (2, 2));
    assert_eq!(first.stdout, second.stdout);
    assert_eq!(std::fs::read_to_string(&runs).unwrap(), "run\n");
    assert!(second.stderr.contains("it was begun before serin was started again"));
}

#[test]
fn states_that_do_not_fit_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.json");
    let state = path.to_str().unwrap();
    let good = recording("good");
    let watched = |more: &[&str]| {
        let arguments = ["watch", CHECK, "--data", &good, "--state", state];
        without_folder(&serin(&[&arguments[..], more].concat()).stderr, folder.path())
    };
    watched(&[]);
    let whole = std::fs::read_to_string(&path).unwrap();
    let mut said = watched(&["--horizon", "5m"]);
    for (from, to) in [
        ("\"version\": 1", "\"version\": 9"),
        ("serin watch state", "another"),
        ("\"judge\": \"", "\"judge\": \"AAAA"),
        ("\"watermark\"", "\"water\""),
    ] {
        assert!(whole.contains(from), "{from}");
        std::fs::write(&path, whole.replacen(from, to, 1)).unwrap();
        said += &watched(&[]);
    }
    std::fs::remove_file(&path).unwrap();
    let nowhere = folder.path().join("no/state.json");
    let arguments = ["watch", CHECK, "--data", &good, "--state", nowhere.to_str().unwrap()];
    let run = serin(&arguments);
    assert_eq!(run.code, 1);
    said += &without_folder(&run.stderr, folder.path());
    insta::assert_snapshot!(said);
}

#[test]
fn what_cannot_be_asked_is_said() {
    let mut said = String::new();
    for arguments in [
        &["watch", CHECK, "--start", "soon"][..],
        &["watch", CHECK, "--horizon", "0s"],
        &["watch", CHECK, "--warm-up", "2"],
        &["watch", CHECK, "--url", "http://localhost:1"],
        &["watch", "-", "--data", "-"],
    ] {
        let run = serin(arguments);
        assert_eq!(run.code, 1);
        said += &run.stderr;
    }
    insta::assert_snapshot!(said);
}

/// A store whose every value follows from the moment alone, so that two who ask see the same.
fn store() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            thread::spawn(move || {
                let mut line = String::new();
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                if reader.read_line(&mut line).is_err() {
                    return;
                }
                let body = answer(&line);
                let length = body.len();
                let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close";
                let _ = write!(stream, "{head}\r\nContent-Length: {length}\r\n\r\n{body}");
            });
        }
    });
    url
}

/// Answers a range of raw samples, one a second.
fn answer(line: &str) -> String {
    let parameter = |name: &str| {
        let start = line.find(&format!("{name}=")).map_or(line.len(), |at| at + name.len() + 1);
        line[start..].split(['&', ' ']).next().unwrap_or_default().to_owned()
    };
    let (query, time) = (parameter("query"), parameter("time"));
    let time = time.parse::<f64>().unwrap_or(0.0).floor() as i64;
    let track = if query.contains("canary") { "canary" } else { "stable" };
    let length =
        query.split("%5B").nth(1).and_then(|it| it.split("ms").next()?.parse::<i64>().ok());
    let Some(length) = length.map(|length| length / 1000) else {
        return r#"{"status":"success","data":{"resultType":"vector","result":[]}}"#.to_owned();
    };
    let offset = if track == "canary" { 77 } else { 0 };
    let value = |at: i64| 100 + (at * at % 7919 * 31 + (at + offset) * 104_729) % 23;
    let points: Vec<String> =
        (time - length + 1..=time).map(|at| format!("[{at},\"{}\"]", value(at))).collect();
    format!(
        r#"{{"status":"success","data":{{"resultType":"matrix","result":[{{"metric":{{"__name__":"level","track":"{track}","pod":"{track}"}},"values":[{}]}}]}}}}"#,
        points.join(",")
    )
}

fn check_file(folder: &Path, url: &str) -> String {
    let path = folder.join("serin.yaml");
    let text = format!(
        "service: shop\nsource: {{prometheus: {{url: '{url}'}}}}\n\
         arms: {{control: {{track: stable}}, canary: {{track: canary}}}}\nreplica: pod\nstep: 1s\n\
         warm_up: 0s\nhistory: 20s\nchecks: {{level: {{gauge: 'level{{$arm}}', compare: {{tolerance: 1%}}}}}}\n"
    );
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

fn watch(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_serin"));
    command
        .arg("watch")
        .args(arguments)
        .args(["--every", "1s", "--late", "1s", "--format", "json"]);
    command.current_dir(root()).env_remove("GITHUB_ACTIONS");
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}

/// Waits until the state says that so many steps were judged.
#[expect(clippy::disallowed_methods, reason = "a test waits until a process has come so far")]
fn wait_for_steps(state: &Path, start: i64, steps: i64) {
    for _ in 0..300 {
        let text = std::fs::read_to_string(state).unwrap_or_default();
        let state: Value = serde_json::from_str(&text).unwrap_or_default();
        if state["begun"]["watermark"].as_i64().is_some_and(|at| at >= (start + steps) * 1000) {
            return;
        }
        thread::sleep(Duration::from_millis(50));
    }
    panic!("it did not come so far");
}

fn verdict(output: &std::process::Output) -> Value {
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    serde_json::json!({"verdict": report["verdict"], "span": report["span"]})
}

#[test]
fn a_watch_that_is_killed_goes_on_to_the_same_end() {
    let folder = tempfile::tempdir().unwrap();
    let (file, state) = (check_file(folder.path(), &store()), folder.path().join("state.json"));
    let start = now() - 2;
    let moment = start.to_string();
    let begun = [&file, "--start", &moment, "--horizon", "8s"];
    let kept = [&begun[..], &["--state", state.to_str().unwrap()]].concat();
    let mut killed = watch(&kept).spawn().unwrap();
    wait_for_steps(&state, start, 3);
    killed.kill().unwrap();
    killed.wait().unwrap();
    let resumed = watch(&kept).output().unwrap();
    let whole = watch(&begun).output().unwrap();
    let error = String::from_utf8_lossy(&resumed.stderr);
    assert!(error.starts_with("going on at "), "{error}");
    assert_eq!(verdict(&resumed), verdict(&whole));
    assert_eq!(resumed.status.code(), whole.status.code());
    assert_eq!(verdict(&whole)["span"], serde_json::json!([start * 1000, (start + 7) * 1000]));
}

#[cfg(unix)]
#[test]
fn a_signal_stops_it_with_a_report() {
    let folder = tempfile::tempdir().unwrap();
    let (file, state) = (check_file(folder.path(), &store()), folder.path().join("state.json"));
    for signal in ["-INT", "-TERM"] {
        let _ = std::fs::remove_file(&state);
        let start = now() - 2;
        let moment = start.to_string();
        let arguments = [&file, "--start", &moment, "--state", state.to_str().unwrap()];
        let child = watch(&arguments).spawn().unwrap();
        wait_for_steps(&state, start, 1);
        let id = child.id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(3));
        let verdict = verdict(&output);
        let reason = verdict["verdict"]["reason"].as_str().unwrap();
        assert!(reason.starts_with("stopped by hand"), "{reason}");
    }
}
