//! `serin checks` as platform engineers type it: over folders, and over repositories that git makes.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod serin;

use std::path::{Path, PathBuf};
use std::process::Command;

use insta::assert_snapshot;
use serde_json::Value;
use serin::{Run, serin};

/// What all teams share.
const ORGANISATION: &str = "\
source: {prometheus: {url: http://prometheus:9090}}
arms:
  control: {track: stable}
  canary: {track: canary}
replica: pod
";

/// A Check of a service in production.
fn check(service: &str, tolerance: &str) -> String {
    format!(
        "service: {service}
extends: ../organisation.yaml
scope: {{app: $service, environment: production}}
checks:
  errors:
    ratio:
      bad: http_requests_total{{code=~\"5..\", $arm}}
      total: http_requests_total{{$arm}}
    gating: true
    compare: {{tolerance: {tolerance}, floor: 0.25pp}}
"
    )
}

/// A folder with a repository that has a folder of Checks, and with a ledger.
struct Place(tempfile::TempDir);

impl Place {
    /// A repository with an address and one commit.
    fn new() -> Self {
        let place = Self::without_repository();
        place.git(&["init", "--quiet", "--initial-branch=main"]);
        place.git(&["remote", "add", "origin", "https://ann:secret@git.example/acme/checks.git"]);
        place.commit("first");
        place
    }

    fn without_repository() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        place.write("organisation.yaml", ORGANISATION);
        place.write("production/checkout.yaml", &check("checkout", "25%"));
        place.write("production/search.yaml", &check("search", "25%"));
        place
    }

    fn root(&self) -> PathBuf {
        self.0.path().canonicalize().unwrap().join("checks")
    }

    fn path(&self, name: &str) -> String {
        self.root().join(name).display().to_string()
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.root().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn remove(&self, name: &str) {
        std::fs::remove_file(self.root().join(name)).unwrap();
    }

    fn git(&self, words: &[&str]) -> String {
        git(&self.root(), words)
    }

    /// Commits everything at a moment that does not change from run to run.
    fn commit(&self, message: &str) {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "--message", message]);
    }

    fn ledger(&self) -> String {
        self.0.path().join("serin.db").display().to_string()
    }

    fn run(&self, words: &[&str]) -> Run {
        serin(&[words, &["--ledger", &self.ledger()]].concat())
    }

    /// Runs verbs of `serin checks`, and shows what they say without what changes from run to run.
    fn session(&self, lines: &[&[&str]]) -> String {
        let shown = lines.iter().map(|words| {
            let run = self.run(&[&["checks"], *words].concat());
            format!("$ serin checks {}\n{}", words.join(" "), run.shown())
        });
        self.shown(&shown.collect::<Vec<_>>().join("\n"))
    }

    fn shown(&self, text: &str) -> String {
        let root = self.root().display().to_string();
        let text = text.replace(&root, "ROOT").replace(&self.ledger(), "LEDGER");
        without_moments(&text)
    }

    fn json(&self, words: &[&str]) -> Value {
        let run = self.run(&[&["checks"], words, &["--format", "json"]].concat());
        assert_eq!(run.code, 0, "{}", run.shown());
        serde_json::from_str(&run.stdout).unwrap()
    }
}

fn git(folder: &Path, words: &[&str]) -> String {
    let output = Command::new("git")
        .current_dir(folder)
        .args(words)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .envs([("GIT_AUTHOR_NAME", "ann"), ("GIT_AUTHOR_EMAIL", "ann@example.com")])
        .envs([("GIT_COMMITTER_NAME", "ann"), ("GIT_COMMITTER_EMAIL", "ann@example.com")])
        .envs([("GIT_AUTHOR_DATE", "1600000000 +0000"), ("GIT_COMMITTER_DATE", "1600000000 +0000")])
        .output()
        .unwrap();
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Replaces when things were applied; commits are of 2020.
fn without_moments(text: &str) -> String {
    let mut shown = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("20") {
        let (before, moment) = rest.split_at(at);
        shown += before;
        let length = "2026-11-23 08:30".len();
        let is_moment = moment.get(..length).is_some_and(|moment| {
            moment.chars().enumerate().all(|(index, letter)| match index {
                4 | 7 => letter == '-',
                10 => letter == ' ',
                13 => letter == ':',
                _ => letter.is_ascii_digit(),
            })
        });
        if is_moment && !moment.starts_with("2020") {
            shown += "0000-00-00 00:00";
            rest = &moment[length..];
        } else {
            shown += "20";
            rest = &moment[2..];
        }
    }
    shown + rest
}

#[test]
fn a_folder_of_a_repository_is_planned_applied_and_listed() {
    let place = Place::new();
    let production = place.path("production");
    let folder = production.as_str();
    assert_snapshot!(
        "first",
        place.session(&[
            &["plan", folder],
            &["apply", folder, "--by", "ann"],
            &["apply", folder, "--by", "bob"],
            &["plan", folder, "--exit-code"],
            &["list", folder, "--exit-code"],
        ])
    );
    // One is changed and committed, one is new and not, one is gone; all have other arms.
    place.write("production/checkout.yaml", &check("checkout", "30%"));
    place.commit("second");
    place.write("organisation.yaml", &ORGANISATION.replace("stable", "primary"));
    place.write("production/payments.yaml", &check("payments", "5%"));
    place.remove("production/search.yaml");
    assert_snapshot!(
        "changed",
        place.session(&[
            &["plan", folder, "--exit-code"],
            &["list", folder, "--exit-code"],
            &["plan", folder, "--prune"],
            &["apply", folder, "--prune", "--by", "ann"],
            &["list"],
        ])
    );
    place.commit("third");
    let listed = place.json(&["list", folder]);
    assert_eq!(listed["folder"]["name"], "git.example/acme/checks/production");
    let states: Vec<_> =
        listed["checks"].as_array().unwrap().iter().map(|it| &it["state"]).collect();
    assert_eq!(states, ["in_sync", "in_sync"]);
    assert_eq!(listed["checks"][0]["applied"]["dirty"], true);
    let verified = place.run(&["ledger", "verify"]);
    assert_eq!(verified.code, 0, "{}", verified.shown());
}

#[test]
fn a_file_that_many_extend_is_shown_once() {
    let place = Place::new();
    let folder = place.path("production");
    assert_eq!(place.run(&["checks", "apply", &folder]).code, 0);
    place.write("organisation.yaml", &ORGANISATION.replace("stable", "primary"));
    place.commit("second");
    assert_snapshot!(place.session(&[&["plan", &folder], &["list", &folder]]));
}

#[test]
fn a_repository_is_fetched_at_a_branch_a_tag_or_a_commit() {
    let place = Place::new();
    place.git(&["tag", "v1"]);
    let first = place.git(&["rev-parse", "HEAD"]);
    place.write("production/checkout.yaml", &check("checkout", "30%"));
    place.commit("second");
    place.git(&["config", "uploadpack.allowAnySHA1InWant", "true"]);
    let address = format!("file://{}", place.root().display());
    let at = |reference: &str| {
        let words = ["plan", &address, "--path", "production", "--ref", reference];
        let report = place.json(&words);
        assert_eq!(report["folder"]["dirty"], false);
        assert_eq!(report["checks"].as_array().unwrap().len(), 2);
        report["folder"]["commit"].as_str().unwrap().to_owned()
    };
    let second = place.git(&["rev-parse", "HEAD"]);
    assert_eq!(at("main"), second.trim());
    assert_eq!(at("v1"), first.trim());
    assert_eq!(at(first.trim()), first.trim());
    // Detached, a checkout is as good as any.
    place.git(&["checkout", "--quiet", "--detach", "v1"]);
    let report = place.json(&["plan", &place.path("production")]);
    assert_eq!(report["folder"]["commit"], first.trim());
    // Without `--path` the whole repository is the folder, and what is extended is no Check of its own.
    let whole = place.json(&["plan", &address]);
    assert_eq!(whole["folder"]["checks"], 2);
    place.write("production/search.yaml", "service: search\nchecks: [\n");
    // Whoever may commit may make a link to whatever lies on the machine that fetches.
    std::os::unix::fs::symlink("/etc", place.root().join("elsewhere")).unwrap();
    place.commit("broken");
    assert_snapshot!(place.session(&[
        &["apply", &address, "--path", "production", "--by", "ann"],
        &["plan", &address, "--path", "nowhere"],
        &["plan", &address, "--path", "elsewhere"],
        &["plan", &address, "--ref", "no-such"],
        &["plan", "ext::sh -c true"],
        &["plan", &address, "--ref", "--upload-pack=touch"],
        &["list"],
    ]));
}

#[test]
fn all_that_is_wrong_is_said_and_nothing_is_applied() {
    let place = Place::new();
    place.write("production/again.yaml", &check("checkout", "10%"));
    place.write("production/broken.yaml", "service: broken\nchecks: [\n");
    place.write("production/lonely.yml", "arms: {control: {a: b}, canary: {a: c}}\n");
    place.write("production/team/typo.yaml", "servce: typo\n");
    place.write("production/team/outside.yaml", "extends: ../../../secret.yaml\n");
    std::fs::write(place.root().join("../secret.yaml"), "password: hunter2\n").unwrap();
    // No text, and no UTF-8.
    std::fs::write(place.root().join("production/bytes.yaml"), [0xff, 0xfe, 0x00]).unwrap();
    // `serin lint` has an error of it.
    let errors = check("odd", "25%").replace("gating: true", "gating: false");
    let odd = errors
        + "  requests:\n    gauge: http_requests_total{$arm}\n    compare: {tolerance: 5%}\n";
    place.write("production/odd.yaml", &odd);
    // These are none of our business.
    place.write("production/.hidden/x.yaml", "nothing\n");
    place.write("production/README.md", "# Checks\n");
    let link = |to: &str, name: &str| std::os::unix::fs::symlink(to, place.root().join(name));
    link("/etc/hostname", "production/link.yaml").unwrap();
    link("../nowhere.yaml", "production/broken-link.yaml").unwrap();
    link(".git/config", "config.yaml").unwrap();
    let folder = place.path("production");
    let session = place.session(&[&["plan", &folder], &["plan", &place.path("")]]);
    assert_eq!(place.run(&["checks", "apply", &folder]).code, 1);
    assert!(!session.contains("hunter2"), "{session}");
    assert_snapshot!(session);
    assert!(!Path::new(&place.ledger()).exists(), "no ledger is made for it");
}

#[test]
fn pruning_has_a_guard() {
    let place = Place::new();
    for service in ["a", "b", "c"] {
        place.write(&format!("production/{service}.yaml"), &check(service, "25%"));
    }
    let production = place.path("production");
    let folder = production.as_str();
    assert_eq!(place.run(&["checks", "apply", folder]).code, 0);
    for service in ["a", "b", "c"] {
        place.remove(&format!("production/{service}.yaml"));
    }
    let mut shown = place.session(&[
        // Three of five are too many; one always may go.
        &["plan", folder, "--prune"],
        &["apply", folder, "--prune"],
        &["apply", folder, "--prune", "--prune-limit", "60"],
    ]);
    place.remove("production/search.yaml");
    shown += &place.session(&[&["apply", folder, "--prune", "--prune-limit", "0"]]);
    place.remove("production/checkout.yaml");
    shown += &place.session(&[
        &["plan", folder],
        &["apply", folder, "--prune"],
        &["apply", folder, "--allow-empty"],
        &["apply", folder, "--allow-empty", "--prune"],
        &["list"],
        &["plan", &place.path("production/nowhere")],
        &["apply", folder, "--prune-limit", "101"],
    ]);
    assert_snapshot!(shown);
}

#[test]
fn what_another_folder_applied_is_left_alone() {
    let place = Place::new();
    place
        .write("staging/checkout.yaml", &check("checkout", "50%").replace("production", "staging"));
    let (production, staging) = (place.path("production"), place.path("staging"));
    for folder in [&production, &staging] {
        assert_eq!(place.run(&["checks", "apply", folder]).code, 0);
    }
    place.write("staging/search.yaml", &check("search", "50%"));
    place.remove("production/search.yaml");
    assert_snapshot!(place.session(&[
        &["apply", &staging, "--by", "ann"],
        &["apply", &staging, "--take-over", "--by", "ann"],
        // What was taken over is no longer this folder's to remove.
        &["apply", &production, "--prune", "--by", "ann"],
        &["list", &production],
    ]));
}

#[test]
fn a_folder_that_is_in_no_repository_needs_no_git() {
    let place = Place::without_repository();
    place.write("production/organisation.yaml", ORGANISATION);
    for service in ["checkout", "search"] {
        let text = check(service, "25%").replace("../organisation", "organisation");
        place.write(&format!("production/{service}.yaml"), &text);
    }
    let folder = place.path("production");
    let mut command = assert_cmd::Command::cargo_bin("serin").unwrap();
    let ledger = place.ledger();
    let words = ["checks", "apply", &folder, "--ledger", &ledger];
    let output = command.args(words).env("PATH", "/nowhere").output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let listed = place.json(&["list", &folder]);
    assert_eq!(listed["folder"]["name"], folder);
    assert_eq!(listed["folder"]["commit"], Value::Null);
    assert_eq!(listed["checks"][1]["state"], "in_sync");
}

#[test]
fn a_checkout_without_git_has_to_be_named() {
    let place = Place::new();
    let (folder, ledger) = (place.path("production"), place.ledger());
    let without_git = |more: &[&str]| {
        let words =
            [&["checks", "apply", &folder, "--by", "ann", "--ledger", &ledger], more].concat();
        let mut command = assert_cmd::Command::cargo_bin("serin").unwrap();
        command.args(words).env("PATH", "/nowhere").output().unwrap()
    };
    let refused = without_git(&[]);
    assert!(!refused.status.success());
    assert_eq!(
        String::from_utf8(refused.stderr).unwrap(),
        "error: the program `git` is not installed, or not in PATH\n\nhint: install it; or name the folder \
         (`--name`, `name:`), and no commit is recorded\n"
    );
    let named = without_git(&["--name", "git.example/acme/checks/production"]);
    assert!(named.status.success(), "{named:?}");
    // Where git is, it is the same folder.
    let listed = place.json(&["list", &folder]);
    let check = &listed["checks"][0];
    assert_eq!((&check["state"], &check["applied"]["commit"]), (&"in_sync".into(), &Value::Null));
}

/// Kubernetes mounts a ConfigMap as links into a hidden folder, which a newer one takes the place of.
#[test]
fn a_mounted_config_map_is_a_folder_like_any_other() {
    let place = Place::without_repository();
    let mount = place.root().join("mount");
    let link = |to: &str, at: PathBuf| std::os::unix::fs::symlink(to, at);
    let text = check("checkout", "25%").replace("../organisation", "organisation");
    for (version, tolerance) in [("..1", "25%"), ("..2", "30%")] {
        place.write(&format!("mount/{version}/checkout.yaml"), &text.replace("25%", tolerance));
        place.write(&format!("mount/{version}/organisation.yaml"), ORGANISATION);
    }
    link("..1", mount.join("..data")).unwrap();
    for name in ["checkout.yaml", "organisation.yaml"] {
        link(&format!("..data/{name}"), mount.join(name)).unwrap();
    }
    let folder = mount.display().to_string();
    assert_eq!(place.run(&["checks", "apply", &folder]).code, 0);
    let listed = place.json(&["list", &folder]);
    assert_eq!(listed["checks"][0]["applied"]["texts"][0]["name"], "checkout.yaml");
    std::fs::remove_file(mount.join("..data")).unwrap();
    link("..2", mount.join("..data")).unwrap();
    let report = place.json(&["plan", &folder]);
    let check = &report["checks"][0];
    assert_eq!(
        (&check["state"], &check["differs"][0]),
        (&"changed".into(), &"checkout.yaml".into())
    );
}

/// A server that runs, and is told to end when it is dropped.
struct Serving(std::process::Child);

impl Serving {
    /// Serves Checks of a repository that git is told to look for elsewhere.
    fn start(place: &Place, repository: &str, instead: &str) -> Self {
        let config = place.0.path().join("serve.yaml");
        let listen = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let text = format!(
            "ledger: '{}'\nlisten: {listen}\nchecks: {{repository: '{repository}', path: production, every: 1s, prune: true}}\n",
            place.ledger()
        );
        std::fs::write(&config, text).unwrap();
        let log = std::fs::File::create(place.0.path().join("log")).unwrap();
        let child = Command::new(assert_cmd::cargo::cargo_bin("serin"))
            .args(["serve", "--config"])
            .arg(&config)
            .env("GIT_CONFIG_COUNT", "1")
            .env("GIT_CONFIG_KEY_0", format!("url.{instead}.insteadOf"))
            .env("GIT_CONFIG_VALUE_0", repository)
            .stderr(log)
            .spawn()
            .unwrap();
        Self(child)
    }

    /// Has it end, and returns how long that took.
    fn end(mut self) -> std::time::Duration {
        let began = jiff::Timestamp::now();
        let id = self.0.id().to_string();
        assert!(Command::new("kill").arg(id).status().unwrap().success());
        assert!(self.0.wait().unwrap().success());
        std::time::Duration::try_from(jiff::Timestamp::now().duration_since(began)).unwrap()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Asks until something is so, for ten seconds at most.
fn until<T>(mut ask: impl FnMut() -> Option<T>) -> T {
    let began = jiff::Timestamp::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(jiff::Timestamp::now().duration_since(began).as_secs() < 10, "it does not come");
        std::thread::yield_now();
    }
}

#[test]
fn a_server_follows_a_repository() {
    let place = Place::new();
    let instead = format!("file://{}", place.root().display());
    let serving = Serving::start(&place, "https://git.example/acme/checks", &instead);
    let commits = || {
        if !Path::new(&place.ledger()).exists() {
            return Vec::new();
        }
        let run = place.run(&["checks", "list", "--format", "json"]);
        let Ok(report) = serde_json::from_str::<Value>(&run.stdout) else { return Vec::new() };
        let applied = report["checks"].as_array().unwrap().iter().map(|it| it["applied"].clone());
        applied.map(|it| it["commit"].as_str().unwrap().to_owned()).collect()
    };
    let first = place.git(&["rev-parse", "HEAD"]).trim().to_owned();
    until(|| (commits() == [first.as_str(), first.as_str()]).then_some(()));
    place.write("production/checkout.yaml", &check("checkout", "30%"));
    place.remove("production/search.yaml");
    place.commit("second");
    let second = place.git(&["rev-parse", "HEAD"]).trim().to_owned();
    until(|| (commits() == [second.as_str()]).then_some(()));
    let listed = place.json(&["list"]);
    assert_eq!(listed["checks"][0]["applied"]["folder"], "git.example/acme/checks/production");
    assert_eq!(listed["checks"][0]["applied"]["by"], "serin serve");
    assert!(serving.end().as_secs() < 5);
}

#[test]
fn a_server_ends_while_a_repository_does_not_answer() {
    let place = Place::new();
    // It is listened, and nothing is ever said.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("https://{}/checks", silent.local_addr().unwrap());
    let serving = Serving::start(&place, &address, &address);
    let _held = silent.accept().unwrap();
    assert!(serving.end().as_secs() < 5);
}
