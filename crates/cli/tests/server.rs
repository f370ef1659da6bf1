//! `serin --server`: what a serin that serves is asked, and what it says, as if it were done here.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod certificates;
mod serin;
mod serving;

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::serin::{CHECK, recording, root, without_folder};
use crate::serving::{Server, request};

impl Server {
    /// Runs serin with `--server`, and a token if there is one.
    fn ask(&self, token: &str, arguments: &[&str]) -> (i32, String, String) {
        run(&[("SERIN_SERVER", &self.address), ("SERIN_TOKEN", token)], arguments)
    }
}

fn run(variables: &[(&str, &str)], arguments: &[&str]) -> (i32, String, String) {
    let output = Command::new(assert_cmd::cargo::cargo_bin!("serin"))
        .args(arguments)
        .env_remove("SERIN_SERVER")
        .env_remove("SERIN_TOKEN")
        .env_remove("GITHUB_ACTIONS")
        .envs(variables.iter().copied())
        .current_dir(root())
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// A report without what names the bytes that were read: a server gets a recording unpacked.
fn compared(json: &str) -> Value {
    let mut report: Value = serde_json::from_str(json).unwrap();
    for input in report["inputs"].as_array_mut().unwrap() {
        for of_bytes in ["sha256", "bytes"] {
            input.as_object_mut().unwrap().remove(of_bytes);
        }
    }
    report
}

#[test]
fn a_server_judges_a_recording_as_this_machine_does() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path().join("serin.db"), "127.0.0.1:0");
    for (name, code) in [("good", 0), ("slow", 2), ("failing", 2), ("silent", 2)] {
        let data = recording(name);
        let arguments = ["judge", CHECK, "--data", &data, "--format", "json"];
        let here = run(&[], &arguments);
        let there = server.ask("", &arguments);
        assert_eq!((here.0, there.0), (code, code), "{name}: {}", there.2);
        assert_eq!(compared(&there.1), compared(&here.1), "{name}");
    }
    // It may stand before the verb, too.
    let data = recording("slow");
    let first = ["--server", &server.address, "judge", CHECK, "--data", &data];
    let there = run(&[], &first);
    assert_eq!((there.0, there.1), (2, run(&[], &first[2..]).1), "{}", there.2);
}

#[test]
fn a_server_judges_labelled_cases_as_this_machine_does() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path().join("serin.db"), "127.0.0.1:0");
    let cases = folder.path().join("cases.jsonl");
    let mut lines = String::new();
    for case in 0..3000_u32 {
        let value = |seed: u32, up: u32| 100 + (case * 7 + seed * 13) % 17 + up;
        let sample = |up| (0..30).map(|seed| value(seed, up).to_string()).collect::<Vec<_>>();
        let (control, canary) = (sample(0).join(","), sample(case % 3 * 5).join(","));
        lines += &format!("{{\"control\":[{control}],\"experiment\":[{canary}]}}\n");
    }
    std::fs::write(&cases, &lines).unwrap();
    let cases = cases.to_str().unwrap();
    for format in ["json", "table"] {
        let arguments = ["bench", cases, "--judge", "kayenta", "--format", format];
        let there = server.ask("", &arguments);
        assert_eq!(there, run(&[], &arguments), "{format}");
        assert_eq!(there.0, 0);
    }
    std::fs::write(cases, lines + "{\"control\": 3}\n").unwrap();
    let (code, _, said) = server.ask("", &["bench", cases, "--judge", "kayenta"]);
    assert_eq!(code, 1);
    assert!(said.contains("cases.jsonl") && said.contains("3001"), "{said}");
}

#[test]
fn what_a_server_refuses_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = folder.path().join("serin.db");
    let issue = |role: &str| {
        let (code, token, said) = run(
            &[],
            &[
                "token",
                "issue",
                "--ledger",
                ledger.to_str().unwrap(),
                "--role",
                role,
                "--name",
                "a test",
            ],
        );
        assert_eq!(code, 0, "{said}");
        let start = token.find("serin_").unwrap();
        token[start..].split_whitespace().next().unwrap().to_owned()
    };
    let (submit, read) = (issue("submit"), issue("read"));
    let server = Server::start(&ledger, "127.0.0.1:0");
    let broken = folder.path().join("broken.yaml");
    std::fs::write(
        &broken,
        "service: a\nsource: {prometheus: {url: http://127.0.0.1:1}}\nchecks: {a: {gauge: m}}\n",
    )
    .unwrap();
    let broken = broken.to_str().unwrap();
    let typo = folder.path().join("typo.yaml");
    std::fs::write(&typo, "service: a\nchecks: {a: {gague: m}}\n").unwrap();
    let typo = typo.to_str().unwrap();
    let data = recording("good");
    let judge = ["judge", CHECK, "--data", &data];
    assert_eq!(server.ask(&submit, &judge).0, 0);
    let elsewhere = [("SERIN_SERVER", "http://serin.example.com"), ("SERIN_TOKEN", &submit)];
    let nowhere = [("SERIN_SERVER", "http://127.0.0.1:1"), ("SERIN_TOKEN", &submit)];
    let rows = [
        ("no token", server.ask("", &judge)),
        ("a wrong token", server.ask("serin_0123", &judge)),
        ("too small a token", server.ask(&read, &judge)),
        ("a store that is not there", server.ask(&submit, &["judge", broken, "--last", "10m"])),
        ("a broken Check", server.ask(&submit, &["judge", typo, "--last", "10m"])),
        ("Kayenta's config", server.ask(&submit, &["judge", "--kayenta", "config.json"])),
        ("a state", server.ask(&submit, &["watch", broken, "--state", "state.json"])),
        ("another verb", run(&[], &["--server", &server.address, "lint", broken])),
        ("no encryption", run(&elsewhere, &judge)),
        ("nobody there", run(&nowhere, &judge)),
    ];
    let mut said = String::new();
    for (what, (code, output, error)) in rows {
        assert_eq!((code, output.as_str()), (1, ""), "{what}: {error}");
        assert!(!error.contains(&submit) && !error.contains(&read), "{what}: {error}");
        said += &format!("=== {what}\n{error}");
    }
    let said = without_folder(&said, folder.path()).replace(&server.address, "http://SERVER");
    insta::assert_snapshot!(said);
}

/// A store that takes its time and knows nothing.
async fn store(delay: Duration) -> MockServer {
    let store = MockServer::start().await;
    let answer = ResponseTemplate::new(200)
        .set_body_raw(
            r#"{"status":"success","data":{"resultType":"matrix","result":[]}}"#,
            "application/json",
        )
        .set_delay(delay);
    Mock::given(any()).respond_with(answer).mount(&store).await;
    store
}

fn check_of(folder: &Path, store: &MockServer) -> String {
    let file = folder.join("serin.yaml");
    let text = format!(
        "service: shop\nsource: {{prometheus: {{url: '{}'}}}}\nstep: 60s\nhistory: 0s\n\
         arms: {{control: {{track: stable}}, canary: {{track: canary}}}}\n\
         checks: {{latency: {{gauge: 'latency{{$arm}}'}}}}\n",
        store.uri()
    );
    std::fs::write(&file, text).unwrap();
    file.to_str().unwrap().to_owned()
}

const LONG_AGO: [&str; 4] = ["--start", "2026-11-23T08:00:00Z", "--horizon", "10m"];

#[tokio::test(flavor = "multi_thread")]
async fn a_canary_is_followed_there_and_its_report_comes_here() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(Duration::ZERO).await;
    let check = check_of(folder.path(), &store);
    let server = Server::start(folder.path().join("serin.db"), "127.0.0.1:0");
    let page = folder.path().join("report.html");
    let watch =
        [&["watch", &check], &LONG_AGO[..], &["-o", page.to_str().unwrap(), "--format", "json"]]
            .concat();
    let there = server.ask("", &watch);
    let here = run(&[], &watch);
    assert_eq!(there.0, here.0, "{}\n{}", there.2, here.2);
    assert!(there.2.contains("it runs at http://"), "{}", there.2);
    let verdict = |json: &str| {
        let report: Value = serde_json::from_str(json).unwrap();
        (report["verdict"]["outcome"].clone(), report["service"].clone())
    };
    assert_eq!(verdict(&there.1), verdict(&here.1));
    assert!(std::fs::read_to_string(page).unwrap().contains("shop"));
    // What the store does not have, the server says as this machine would.
    let judge =
        ["judge", &check, "--start", "2026-11-23T08:00:00Z", "--end", "2026-11-23T08:10:00Z"];
    let (code, _, said) = server.ask("", &judge);
    assert_eq!(code, 1);
    assert!(said.contains("has no point of any check"), "{said}");
}

/// Has a canary followed, kills the server, and waits until whoever follows has noticed.
fn watching_when_killed(server: Server, check: &str) -> (Child, BufReader<ChildStderr>) {
    let mut watching = Command::new(assert_cmd::cargo::cargo_bin!("serin"))
        .args(["watch", check])
        .args(LONG_AGO)
        .env("SERIN_SERVER", &server.address)
        .env_remove("SERIN_TOKEN")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(watching.stderr.take().unwrap());
    let mut line = String::new();
    said.read_line(&mut line).unwrap();
    assert!(line.contains("it runs at"), "{line}");
    drop(server);
    while !line.contains("did not answer") {
        line.clear();
        assert!(said.read_line(&mut line).unwrap() > 0, "it gave up");
    }
    (watching, said)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_is_run_again_follows_the_analysis_that_it_began() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(Duration::ZERO).await;
    let check = check_of(folder.path(), &store);
    let server = Server::start(folder.path().join("serin.db"), "127.0.0.1:0");
    let about = ["--change", "change/9", "--shadow", "--idempotency-key", "job-4812"];
    let watch = [&["watch", &check], &LONG_AGO[..], &about].concat();
    let (first, again) = (server.ask("", &watch), server.ask("", &watch));
    assert_eq!((first.0, &first.1), (again.0, &again.1), "{}\n{}", first.2, again.2);
    let page =
        |said: &str| said.lines().find(|line| line.contains("it runs at")).unwrap().to_owned();
    assert_eq!(page(&first.2), page(&again.2));
    let verdicts = request(&server.address, "GET /api/v1/services/shop/verdicts", "");
    assert_eq!(verdicts.matches(r#""analysis":"#).count(), 1, "{verdicts}");
    assert!(verdicts.contains(r#""change":"change/9""#), "{verdicts}");
    assert!(verdicts.contains(r#""shadow":true"#), "{verdicts}");
    let (code, _, said) = run(&[], &["watch", &check, "--shadow"]);
    assert!(code == 1 && said.contains("of no use without `--server`"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_and_comes_back_ends_what_it_began() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(Duration::from_secs(3)).await;
    let check = check_of(folder.path(), &store);
    let ledger = folder.path().join("serin.db");
    let server = Server::start(&ledger, "127.0.0.1:0");
    let listen = server.address.strip_prefix("http://").unwrap().to_owned();
    let (mut watching, mut said) = watching_when_killed(server, &check);
    let _again = Server::start(&ledger, &listen);
    let mut rest = String::new();
    said.read_to_string(&mut rest).unwrap();
    let code = watching.wait().unwrap().code().unwrap();
    let here = run(&[], &[&["watch", &check], &LONG_AGO[..]].concat());
    assert_eq!(code, here.0, "{rest}");
    assert_ne!(code, 1, "{rest}");
}

#[test]
fn a_token_goes_to_this_machine_and_not_through_a_proxy() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path().join("serin.db"), "127.0.0.1:0");
    let proxy = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    proxy.set_nonblocking(true).unwrap();
    let address = format!("http://{}", proxy.local_addr().unwrap());
    let data = recording("good");
    let variables = [
        ("SERIN_SERVER", server.address.as_str()),
        ("http_proxy", &address),
        ("HTTP_PROXY", &address),
    ];
    let (code, _, said) = run(&variables, &["judge", CHECK, "--data", &data]);
    assert_eq!(code, 0, "{said}");
    assert_eq!(proxy.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    // An empty variable names no server.
    assert_eq!(run(&[("SERIN_SERVER", "")], &["judge", CHECK, "--data", &data]).0, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_wait_any_more_is_told_that_it_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(Duration::from_secs(20)).await;
    let check = check_of(folder.path(), &store);
    let server = Server::start(folder.path().join("serin.db"), "127.0.0.1:0");
    let (mut watching, mut said) = watching_when_killed(server, &check);
    let id = watching.id().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    let mut rest = String::new();
    said.read_to_string(&mut rest).unwrap();
    assert_eq!(watching.wait().unwrap().code(), Some(1));
    assert!(rest.contains("goes on at http://") && rest.contains("/stop"), "{rest}");
}

#[test]
fn a_server_proves_who_it_is_to_those_who_know_its_authority() {
    if Command::new("openssl").arg("version").output().is_err() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    certificates::make(folder.path());
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let config = path("serve.yaml");
    let files = format!("{{certificate: '{}', key: '{}'}}", path("server.pem"), path("server.key"));
    std::fs::write(&config, format!("tls: {files}\n")).unwrap();
    let more = ["--config".as_ref(), config.as_ref()];
    let server = Server::try_start_with(path("serin.db"), "127.0.0.1:0", &more).unwrap();
    assert!(server.address.starts_with("https://"), "{}", server.address);
    let data = recording("good");
    let judge = ["judge", CHECK, "--data", &data];
    let authority = path("ca.pem");
    let known = [("SERIN_SERVER", server.address.as_str()), ("SSL_CERT_FILE", &authority)];
    let (code, _, said) = run(&known, &judge);
    assert_eq!(code, 0, "{said}");
    let (code, _, said) = run(&known[..1], &judge);
    assert!(code == 1 && said.contains("certificate"), "{said}");
    let plain = server.address.replace("https://", "http://");
    let (code, _, said) = run(&[("SERIN_SERVER", &plain), known[1]], &judge);
    assert!(code == 1 && said.contains("hint: "), "{said}");
    // Files that are of no use end it before it listens.
    std::fs::write(path("server.key"), "").unwrap();
    assert!(Server::try_start_with(path("other.db"), "127.0.0.1:0", &more).is_none());
}

#[test]
fn a_backup_taken_while_it_runs_is_restored_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (ledger, backup, restored) = (path("serin.db"), path("serin.jsonl"), path("restored.db"));
    let mut server = Server::start(Path::new(&ledger), "127.0.0.1:0");
    let tell = |number: u32| {
        let change = format!(r#"{{"service":"shop","what":"deploy","to":"1.{number}"}}"#);
        let answer = request(&server.address, "POST /api/v1/changes", &change);
        assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    };
    (0..20).for_each(tell);
    let exported = run(&[], &["ledger", "export", "--ledger", &ledger, "-o", &backup]);
    assert_eq!(exported.0, 0, "{}", exported.2);
    // What comes after the backup is not in it, and hinders nothing.
    tell(20);
    server.child.kill().unwrap();
    server.child.wait().unwrap();
    for verb in [
        &["ledger", "verify", "--ledger", &ledger][..],
        &["ledger", "import", "--ledger", &restored, &backup],
        &["ledger", "verify", "--ledger", &restored],
    ] {
        let (code, _, said) = run(&[], verb);
        assert_eq!(code, 0, "{verb:?}: {said}");
    }
    let again = Server::start(Path::new(&restored), "127.0.0.1:0");
    let changes = request(&again.address, "GET /api/v1/services/shop/changes", "");
    assert!(changes.starts_with("HTTP/1.1 200"), "{changes}");
    assert_eq!(changes.matches(r#""to":"1."#).count(), 20, "{changes}");
}
