//! Who is let in: a table over every operation of the document that describes the API.

use serde_json::{Value, json};
use serin_ledger::fact::{Alteration, AnalysisEnded, ChangeNoted, Judge, Role};
use serin_ledger::{Evidence, Fact, Key, Ledger, Parcel, Scope, Submission};
use serin_model::{Outcome, Timestamp};

use crate::databases::File;
use crate::running::{Answer, Running, observed};
use crate::{analyses, judgements};

/// What a verdict of `checkout` and its report are called.
struct Stored {
    verdict: String,
    report: String,
    analysis: String,
}

/// Has a ledger a change, and a verdict about it.
pub(crate) fn fill(ledger: &mut Ledger) -> (String, String) {
    let at = Timestamp::from_seconds(1_600_000_000);
    let scope = Scope::of_service("checkout");
    let change = Fact::ChangeNoted(ChangeNoted {
        what: Alteration::Deploy,
        from: None,
        to: Some("1.1".to_owned()),
        reference: None,
        ended_at: None,
        note: None,
    });
    let change = Submission::new(Key::new("test", "1"), at, scope.clone(), "change/1.1", &change);
    let report = Evidence::new(b"{\"report\":1}").unwrap();
    let ended = Fact::AnalysisEnded(AnalysisEnded {
        outcome: Outcome::Pass,
        reason: None,
        change: Some("change/1.1".to_owned()),
        judge: Judge { name: "sequential".to_owned(), revision: 4 },
        shadow: false,
    });
    let ended = Submission::new(Key::new("test", "2"), at, scope, "analysis/1.1", &ended).unwrap();
    let ended = ended.proven_by(vec![report.digest()]).unwrap();
    let digest = report.digest().to_string();
    let parcel = Parcel::new(at, vec![report], vec![change.unwrap(), ended]).unwrap();
    let receipts = ledger.append(&[parcel]).unwrap().remove(0).unwrap();
    (receipts[1].id.to_string(), digest)
}

/// The operations, each with the role that it takes, if any.
fn operations() -> Vec<(String, String, Option<Role>)> {
    let document: Value = serde_json::from_str(&serin_server::openapi()).unwrap();
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let role = match operation["security"][0]["token"][0].as_str() {
                Some("read") => Some(Role::Read),
                Some("submit") => Some(Role::Submit),
                Some("act") => Some(Role::Act),
                Some("admin") => Some(Role::Admin),
                _ => None,
            };
            found.push((method.to_uppercase(), path.clone(), role));
        }
    }
    found
}

fn body(path: &str, service: &str) -> Value {
    match path {
        "/api/v1/changes" => json!({"service": service, "what": "deploy"}),
        "/api/v1/cdevents" => json!({
            "context": {
                "id": "1", "source": "pipeline", "type": "dev.cdevents.service.deployed.0.3.0",
                "timestamp": "2026-11-23T08:30:00Z",
            },
            "subject": {"id": service, "content": {"environment": {"id": "production"}, "artifactId": "pkg:oci/a@1.2"}},
        }),
        "/api/v1/tokens" => json!({"name": "a", "role": "read"}),
        path if path.ends_with("/labels") => json!({"label": "right"}),
        path if path.ends_with("/overrides") => json!({"decision": "hold"}),
        "/api/v1/analyses" => analyses::asked(service, "now"),
        "/api/v1/judgements" => judgements::asked(service),
        _ => json!({}),
    }
}

async fn ask(server: &Running, method: &str, path: &str, stored: &Stored, token: &str) -> Answer {
    let id = match path {
        path if path.contains("tokens/") => "000000000000",
        path if path.contains("analyses/") => &stored.analysis,
        _ => &stored.verdict,
    };
    let full = path
        .replace("{service}", "checkout")
        .replace("{id}", id)
        .replace("{digest}", &stored.report);
    let full = match path {
        // A stream that is let in does not end.
        "/api/v1/events/stream" => format!("{full}?kind=none.such"),
        _ => full,
    };
    let request = server.request(method, &full, token);
    let request = match (method, path) {
        ("POST", "/api/v1/bench") => judgements::cases(request),
        ("POST", path) => request.json(&body(path, "checkout")),
        _ => request,
    };
    let response = request.send().await.unwrap();
    if path == "/api/v1/events/stream" && response.status() == 200 {
        let (status, headers) = (200, response.headers().clone());
        return Answer { status, headers, text: String::new() };
    }
    Answer::of(response).await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_lets_in_whom_it_says_and_nobody_else() {
    let server = Running::watching(Box::new(File::new()), "", analyses::shop()).await;
    let (verdict, report) = server.ledger(fill).await;
    let analysis = analyses::ended(&server, "checkout").await;
    let stored = Stored { verdict, report, analysis };
    let roles = [Role::Read, Role::Submit, Role::Act, Role::Admin];
    let mut tokens = Vec::new();
    for role in roles {
        tokens.push(server.token(role, &[]).await);
    }
    let past = Timestamp::from_seconds(1);
    let expired = server.token_until(Role::Admin, &[], Some(past)).await;
    let foreign = server.token(Role::Act, &["cart"]).await;
    let operations = operations();
    assert_eq!(operations.len(), 35);
    for (method, path, needed) in operations {
        let Some(needed) = needed else {
            assert_eq!(ask(&server, &method, &path, &stored, "").await.status, 200, "{path}");
            continue;
        };
        let unknown = format!("serin_{}_{}", "0".repeat(12), "a".repeat(64));
        let altered = format!("{}0", &tokens[3][..tokens[3].len() - 1]);
        for (what, token) in [
            ("no", ""),
            ("an unknown", unknown.as_str()),
            ("an expired", expired.as_str()),
            ("half a", "serin_1"),
        ] {
            let answer = ask(&server, &method, &path, &stored, token).await;
            assert_eq!(
                answer.problem(),
                "401 unauthenticated",
                "{method} {path} with {what} token"
            );
            assert!(!answer.text.contains(&"a".repeat(64)), "{}", answer.text);
        }
        if altered != tokens[3] {
            assert_eq!(ask(&server, &method, &path, &stored, &altered).await.status, 401);
        }
        for (role, token) in roles.iter().zip(&tokens) {
            let answer = ask(&server, &method, &path, &stored, token).await;
            if *role < needed {
                assert_eq!(answer.problem(), "403 forbidden", "{method} {path} {role:?}");
            } else if path == "/api/v1/tokens/{id}" {
                assert_eq!(answer.problem(), "404 not-found");
            } else {
                assert!(
                    matches!(answer.status, 200 | 201),
                    "{method} {path} {role:?}: {}",
                    answer.text
                );
            }
        }
        // Of another service: refused where it was named, and else not there.
        let speaks_of_checkout = path.contains("{service}")
            || path.contains("{id}")
            || [
                "/api/v1/changes",
                "/api/v1/cdevents",
                "/api/v1/evidence/{digest}",
                "/api/v1/judgements",
            ]
            .contains(&path.as_str())
            || path.starts_with("/api/v1/acting/")
            || (path == "/api/v1/analyses" && method == "POST");
        if speaks_of_checkout {
            let answer = ask(&server, &method, &path, &stored, &foreign).await;
            assert!(matches!(answer.status, 403 | 404), "{method} {path}: {}", answer.text);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn until_the_first_token_this_machine_may_do_all_and_its_guests_nothing() {
    let server = Running::start().await;
    assert_eq!(server.get("/api/v1/services", "").await.status, 200);
    let by_name = server.request("GET", "/api/v1/services", "").header("host", "evil.example:7878");
    let answer = Answer::of(by_name.send().await.unwrap()).await;
    assert_eq!(answer.problem(), "401 unauthenticated");
    for (name, value) in [("origin", "http://evil.example"), ("sec-fetch-site", "cross-site")] {
        let from_page = server.request("POST", "/api/v1/acting/pause", "").header(name, value);
        let answer = Answer::of(from_page.json(&json!({})).send().await.unwrap()).await;
        assert_eq!(answer.problem(), "403 forbidden");
    }
    let token = server.token(Role::Admin, &[]).await;
    assert_eq!(server.get("/api/v1/tokens", &token).await.status, 200);
    let id = token[6..18].to_owned();
    assert_eq!(server.get("/api/v1/services", "").await.problem(), "401 unauthenticated");
    let revoked = server.request("DELETE", &format!("/api/v1/tokens/{id}"), &token);
    assert_eq!(revoked.send().await.unwrap().status(), 201);
    // A ledger that had tokens is not opened again by revoking the last.
    for token in ["", token.as_str()] {
        assert_eq!(server.get("/api/v1/services", token).await.problem(), "401 unauthenticated");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_does_not_listen_beyond_this_machine_without_a_token() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("serin.db");
    let config = serin_server::Config::read("serve.yaml", "listen: 0.0.0.0:0\n").unwrap();
    let open = move || Ledger::open_file(&path, true);
    let error =
        serin_server::Server::bind(&config, false, observed(), open.clone()).await.unwrap_err();
    insta::assert_snapshot!(error);
    assert!(serin_server::Server::bind(&config, true, observed(), open).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_names_who_did_what_and_a_token_issues_others() {
    let server = Running::start().await;
    let (verdict, _) = server.ledger(fill).await;
    let admin = server.token(Role::Admin, &[]).await;
    let grant = json!({"name": "pipeline", "role": "act", "services": ["checkout"]});
    let issued = server.post("/api/v1/tokens", &admin, grant).await;
    assert_eq!(issued.status, 201, "{}", issued.text);
    let token = issued.json()["token"].as_str().unwrap().to_owned();
    let change = json!({"service": "checkout", "what": "deploy", "subject": "change/1.2"});
    assert_eq!(server.post("/api/v1/changes", &token, change).await.status, 201);
    let path = format!("/api/v1/verdicts/{verdict}/labels");
    assert_eq!(server.post(&path, &token, json!({"label": "wrong"})).await.status, 201);
    let audit = server.get("/api/v1/audit", &admin).await.json();
    let deeds: Vec<String> = audit["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|deed| format!("{} {} {}", deed["token_name"], deed["kind"], deed["subject"]))
        .collect();
    let issued_as = format!("\"token/{}\"", issued.json()["id"].as_str().unwrap());
    assert_eq!(
        deeds,
        [
            format!("\"a token that may admin\" \"token.issued\" {issued_as}"),
            "\"pipeline\" \"change.noted\" \"change/1.2\"".to_owned(),
            "\"pipeline\" \"verdict.labelled\" \"analysis/1.1\"".to_owned(),
        ]
    );
    let id = issued.json()["id"].as_str().unwrap().to_owned();
    let of_one = server.get(&format!("/api/v1/audit?token={id}"), &admin).await.json();
    assert_eq!(of_one["items"].as_array().unwrap().len(), 2);
    let secret = &token[19..];
    assert!(!server.get("/api/v1/events?limit=500", &admin).await.text.contains(secret));
    let wide = json!({"name": "x", "role": "admin", "services": ["checkout"]});
    assert_eq!(
        server.post("/api/v1/tokens", &admin, wide).await.problem(),
        "422 invalid /services"
    );
}
