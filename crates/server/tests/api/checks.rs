//! Checks that the server keeps in force, from a folder of a repository that git makes.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use serin_ledger::fact::Role;
use serin_runner::checks::applied_check;
use tempfile::TempDir;

use crate::books::places;
use crate::running::Running;

/// A Check of a service.
pub(crate) fn check(service: &str, tolerance: &str) -> String {
    format!(
        "service: {service}
source: {{prometheus: {{url: http://prometheus:9090}}}}
arms: {{control: {{track: stable}}, canary: {{track: canary}}}}
checks:
  memory:
    gauge: process_resident_memory_bytes{{$arm}}
    worse: higher
    gating: true
    compare: {{tolerance: {tolerance}}}
"
    )
}

/// A repository with a folder of Checks.
struct Repository(TempDir);

impl Repository {
    fn new(services: &[&str]) -> Self {
        let repository = Self(tempfile::tempdir().unwrap());
        repository.git(&["init", "--quiet", "--initial-branch=main"]);
        repository.git(&["remote", "add", "origin", "git@git.example:acme/checks.git"]);
        for service in services {
            repository.write(service, &check(service, "25%"));
        }
        repository.commit();
        repository
    }

    fn folder(&self) -> String {
        self.0.path().join("checks").display().to_string()
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::create_dir_all(self.folder()).unwrap();
        std::fs::write(self.file(name), text).unwrap();
    }

    fn remove(&self, name: &str) {
        std::fs::remove_file(self.file(name)).unwrap();
    }

    fn file(&self, name: &str) -> std::path::PathBuf {
        Path::new(&self.folder()).join(format!("{name}.yaml"))
    }

    fn commit(&self) -> String {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--message", "a commit"]);
        self.git(&["rev-parse", "HEAD"]).trim().to_owned()
    }

    fn git(&self, words: &[&str]) -> String {
        let person = ["-c", "user.name=ann", "-c", "user.email=ann@example.com"];
        let mut git = Command::new("git");
        let output = git.arg("-C").arg(self.0.path()).args(person).args(words).output().unwrap();
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn configured(&self, more: &str) -> String {
        format!("checks: {{folder: '{}', every: 1s{more}}}\n", self.folder())
    }
}

/// Asks for the Checks until they are as somebody expects.
async fn until(server: &Running, token: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    for _ in 0..100 {
        let answer = server.get("/api/v1/checks", token).await.json();
        if is_so(&answer) {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    server.get("/api/v1/checks", token).await.json()
}

/// Says of each Check how it compares.
fn states(answer: &Value) -> Vec<String> {
    let of = |it: &Value| {
        let (service, state) = (it["scope"]["service"].as_str(), it["state"].as_str());
        format!("{} {}", service.unwrap(), state.unwrap())
    };
    answer["items"].as_array().unwrap().iter().map(of).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_folder_has_is_kept_in_force() {
    for place in tokio::task::spawn_blocking(places).await.unwrap() {
        let repository = Repository::new(&["cart", "checkout", "search"]);
        let mut server = Running::on(place, &repository.configured(", prune: true")).await;
        let first = until(&server, "", |it| it["items"].as_array().unwrap().len() == 3).await;
        assert_eq!(states(&first), ["cart in_sync", "checkout in_sync", "search in_sync"]);

        // One file is broken: what was applied stays, and the change of another waits.
        repository.write("cart", &check("cart", "30%"));
        repository.write("search", "service: search\nchecks: [\n");
        let broken = repository.commit();
        let failing = until(&server, "", |it| it["folder"]["error"].is_string()).await;
        let error = failing["folder"]["error"].as_str().unwrap();
        assert!(error.contains("search.yaml:2:9: `checks` is not a mapping"), "{error}");
        assert_eq!(failing["items"], first["items"]);
        assert_ne!(failing["folder"]["commit"], broken.as_str());

        // Mended, all comes into force at once, and what is gone leaves.
        repository.remove("search");
        let mended = repository.commit();
        let after = until(&server, "", |it| it["folder"]["error"].is_null()).await;
        assert_eq!(states(&after), ["cart in_sync", "checkout in_sync"]);
        assert_eq!(after["folder"]["commit"], mended.as_str());
        assert_eq!(after["items"][0]["applied"]["commit"], mended.as_str());
        assert_eq!(after["items"][0]["applied"]["folder"], "git.example/acme/checks/checks");
        assert_eq!(after["items"][1], first["items"][1], "what did not change is left alone");

        // A folder that is gone or empty prunes nothing.
        std::fs::remove_dir_all(repository.folder()).unwrap();
        let gone = until(&server, "", |it| it["folder"]["error"].is_string()).await;
        assert_eq!(states(&gone).len(), 2);
        std::fs::create_dir_all(repository.folder()).unwrap();
        let is_empty = |it: &Value| {
            it["folder"]["error"].as_str().is_some_and(|error| error.contains("no Check file"))
        };
        assert!(is_empty(&until(&server, "", is_empty).await));
        assert_eq!(
            server.get("/api/v1/checks", "").await.json()["items"].as_array().unwrap().len(),
            2
        );

        // An analysis can begin by the name alone.
        let found = server.ledger(|ledger| {
            applied_check(ledger, &serin_ledger::Scope::of_service("cart").with("region", "eu"))
        });
        let found = found.await.unwrap();
        assert_eq!(found.texts.len(), 1);
        assert_eq!(found.texts[0].text, check("cart", "30%"));
        let (digest, event) = (&after["items"][0]["applied"]["texts"][0]["sha256"], found.event);
        let path = format!("/api/v1/evidence/{}?event={event}", digest.as_str().unwrap());
        assert_eq!(server.get(&path, "").await.text, found.texts[0].text);
        server.end().await;
        tokio::task::spawn_blocking(move || drop(server)).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_is_only_watched_shows_its_drift() {
    let repository = Repository::new(&["cart", "checkout"]);
    let server = Running::with(&repository.configured(", apply: false")).await;
    let drifted = until(&server, "", |it| it["items"].as_array().unwrap().len() == 2).await;
    assert_eq!(states(&drifted), ["cart not_applied", "checkout not_applied"]);
    assert_eq!(drifted["folder"]["drifted"], 2);
    let head = repository.git(&["rev-parse", "HEAD"]);
    assert_eq!(drifted["items"][0]["changed_by"], head.trim());
    assert_eq!(drifted["items"][0]["applied"], Value::Null);
    let head = server.ledger(|ledger| ledger.head().unwrap().position).await;
    assert_eq!(head, 0, "nothing is applied");
    let metrics = server.get("/metrics", "").await.text;
    for line in ["\nserin_checks_drifted 2\n", "\nserin_checks_failing 0\n"] {
        assert!(metrics.contains(line), "{metrics}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_for_some_services_sees_their_checks_alone() {
    let repository = Repository::new(&["cart", "checkout", "search"]);
    let server = Running::with(&repository.configured("")).await;
    let all = until(&server, "", |it| it["items"].as_array().unwrap().len() == 3).await;
    let token = server.token(Role::Read, &["cart", "search"]).await;
    let admin = server.token(Role::Admin, &[]).await;
    repository.write("checkout", "the secret of checkout\n");
    until(&server, &admin, |it| it["folder"]["error"].is_string()).await;

    let seen = server.get("/api/v1/checks", &token).await;
    assert!(!seen.text.contains("checkout"), "{}", seen.text);
    assert_eq!(states(&seen.json()), ["cart in_sync", "search in_sync"]);
    assert_eq!(seen.json()["folder"]["error"], "its Checks are not reconciled");
    let cart = server.get("/api/v1/services/cart/checks", &token).await.json();
    assert_eq!(cart["items"], json!([all["items"][0]]));
    let checkout = server.get("/api/v1/services/checkout/checks", &token).await;
    assert_eq!(checkout.problem(), "403 forbidden");
    let none = server.get("/api/v1/services/nobody/checks", &admin).await;
    assert_eq!((none.status, &none.json()["items"]), (200, &json!([])));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_comes_in_parts() {
    let services = ["a", "b", "c", "d", "e"];
    let repository = Repository::new(&services);
    let server = Running::with(&repository.configured("")).await;
    until(&server, "", |it| it["items"].as_array().unwrap().len() == 5).await;
    let (mut seen, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let mut request = server.request("GET", "/api/v1/checks", "").query(&[("limit", "2")]);
        if let Some(cursor) = &cursor {
            request = request.query(&[("cursor", cursor)]);
        }
        let page: Value = request.send().await.unwrap().json().await.unwrap();
        seen.extend(states(&page));
        match page["next"].as_str() {
            Some(next) => cursor = Some(next.to_owned()),
            None => break,
        }
    }
    assert_eq!(seen, services.map(|service| format!("{service} in_sync")));
    // Any text is a place in the list.
    let behind = server.get("/api/v1/checks?cursor=c%7B", "").await.json();
    assert_eq!(states(&behind), ["d in_sync", "e in_sync"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_out_of_reach_is_said() {
    let yaml = "checks: {repository: 'https://127.0.0.1:1/checks.git', every: 1s}\n";
    let server = Running::with(yaml).await;
    let failing = until(&server, "", |it| it["folder"]["error"].is_string()).await;
    let error = failing["folder"]["error"].as_str().unwrap();
    assert!(error.starts_with("git fetch failed: fatal: unable to access"), "{error}");
    assert!(failing["folder"]["failing_since"].is_string());
    let metrics = server.get("/metrics", "").await.text;
    assert!(metrics.contains("\nserin_checks_failing 1\n"), "{metrics}");
    assert_eq!(failing["folder"]["name"], Value::Null);
    // Whoever configures no folder still sees what is in force.
    let other = Running::start().await;
    let answer = other.get("/api/v1/checks", "").await.json();
    assert_eq!(answer, json!({"folder": null, "items": []}));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_analysis_begins_by_the_name_of_a_service() {
    let repository = Repository::new(&["cart", "checkout"]);
    let server = Running::with(&repository.configured("")).await;
    until(&server, "", |it| it["items"].as_array().unwrap().len() == 2).await;
    let begin = async |body: Value| server.post("/api/v1/analyses", "", body).await;
    let begun = begin(json!({"service": "cart", "start": "now", "labels": {"region": "eu"}})).await;
    assert_eq!(begun.status, 201, "{}", begun.text);
    let path = format!("/api/v1/analyses/{}", begun.json()["id"].as_str().unwrap());
    let scope = server.get(&path, "").await.json()["scope"].clone();
    assert_eq!(scope, json!({"service": "cart", "labels": {"region": "eu"}}));
    let both = json!({"service": "cart", "checks": [{"name": "a", "text": check("cart", "1%")}]});
    for (body, said) in [
        (json!({"service": "search"}), "search"),
        (json!({"start": "now"}), "0 Check files"),
        (both, "both `service` and `checks`"),
    ] {
        let refused = begin(body).await;
        assert_eq!(refused.status, 422, "{}", refused.text);
        assert!(refused.text.contains(said) && refused.text.contains("hint"), "{}", refused.text);
    }
    let token = server.token(Role::Submit, &["checkout"]).await;
    let other = server.post("/api/v1/analyses", &token, json!({"service": "cart"})).await;
    assert_eq!(other.status, 403, "{}", other.text);
}
