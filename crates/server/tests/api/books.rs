//! What is handed in, and what follows from it, on every database.

use serde_json::{Value, json};

use crate::access::fill;
use crate::databases::{File, Place, Server};
use crate::running::{Answer, Running};

/// A place on each database that is installed.
pub(crate) fn places() -> Vec<Box<dyn Place + Send + Sync>> {
    let mut places: Vec<Box<dyn Place + Send + Sync>> = vec![Box::new(File::new())];
    match Server::start() {
        Some(server) => places.push(Box::new(std::sync::Arc::new(server).database())),
        None => println!("skipped: PostgreSQL is not installed"),
    }
    places
}

async fn on_each(test: impl AsyncFn(&Running)) {
    for place in tokio::task::spawn_blocking(places).await.unwrap() {
        let mut server = Running::on(place, "").await;
        test(&server).await;
        server.end().await;
        tokio::task::spawn_blocking(move || drop(server)).await.unwrap();
    }
}

async fn tell(server: &Running, key: &str, body: &Value) -> Answer {
    let request = server.request("POST", "/api/v1/changes", "").header("idempotency-key", key);
    Answer::of(request.json(body).send().await.unwrap()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_request_is_one_change() {
    on_each(async |server| {
        let body = json!({"service": "checkout", "what": "deploy", "to": "1.1"});
        let first = tell(server, "a", &body).await;
        assert_eq!((first.status, &first.json()["was_known"]), (201, &json!(false)));
        let again = tell(server, "\"a\"", &body).await;
        assert_eq!((again.status, &again.json()["was_known"]), (200, &json!(true)));
        assert_eq!(first.json()["event"], again.json()["event"]);
        let other = json!({"service": "checkout", "what": "deploy", "to": "1.2"});
        assert_eq!(tell(server, "a", &other).await.problem(), "422 idempotency-key-reused");
        // Of those who come at once with one key, one makes the change, and all are told of the same.
        let told = futures_of(16, || tell(server, "b", &other)).await;
        let made = told.iter().filter(|answer| answer.status == 201).count();
        assert_eq!(made, 1, "{told:?}");
        assert!(told.iter().all(|answer| answer.json()["event"] == told[0].json()["event"]));
        let event = server.get(first.header("location"), "").await;
        assert_eq!(event.json()["body"], json!({"what": "deploy", "to": "1.1"}));
    })
    .await;
}

/// Asks the same many times at once.
async fn futures_of<T, F: Future<Output = T>>(times: usize, ask: impl Fn() -> F) -> Vec<T> {
    futures_util::future::join_all((0..times).map(|_| ask())).await
}

#[tokio::test(flavor = "multi_thread")]
async fn known_good_follows_from_verdicts_and_what_people_say_of_them() {
    on_each(async |server| {
        let (verdict, report) = server.ledger(fill).await;
        let good = server.get("/api/v1/services/checkout/known-good", "").await.json();
        assert_eq!(
            (&good["change"]["subject"], &good["proof"]["id"]),
            (&json!("change/1.1"), &json!(verdict))
        );
        let bytes = server.get(&format!("/api/v1/verdicts/{verdict}/report"), "").await;
        assert_eq!(
            (bytes.text.as_str(), bytes.header("content-disposition")),
            ("{\"report\":1}", "attachment")
        );
        let same = server.get(&format!("/api/v1/evidence/{report}?event={verdict}"), "").await;
        assert_eq!(same.text, bytes.text);

        tell(server, "c", &json!({"service": "checkout", "what": "config"})).await;
        let since =
            server.get("/api/v1/services/checkout/changes?since=known-good", "").await.json();
        assert_eq!(since["items"].as_array().unwrap().len(), 1);
        assert_eq!(since["items"][0]["what"], "config");

        let overrides = format!("/api/v1/verdicts/{verdict}/overrides");
        let held = server.post(&overrides, "", json!({"decision": "hold", "by": "ann"})).await;
        assert_eq!(held.status, 201, "{}", held.text);
        let none = server.get("/api/v1/services/checkout/known-good", "").await;
        assert_eq!(none.problem(), "404 not-found");
        let labels = format!("/api/v1/verdicts/{verdict}/labels");
        server.post(&labels, "", json!({"label": "wrong", "reason": "it burned"})).await;
        let mut shown = server.get(&format!("/api/v1/verdicts/{verdict}"), "").await.json();
        assert_eq!(shown.as_object_mut().unwrap().remove("acts"), Some(json!([])));
        assert_eq!(
            (&shown["standing"], &shown["label"], &shown["decision"]),
            (&json!(false), &json!("wrong"), &json!("hold"))
        );
        assert_eq!(shown["remarks"].as_array().unwrap().len(), 2);
        let listed = server
            .get("/api/v1/services/checkout/verdicts?outcome=pass&change=change/1.1", "")
            .await;
        assert_eq!(listed.json()["items"][0], shown);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_come_in_parts_that_miss_nothing_and_repeat_nothing() {
    let server = Running::start().await;
    for version in 0..23 {
        let at = format!("2026-11-23T08:{:02}:00Z", version % 7);
        let body = json!({"service": "checkout", "what": "deploy", "to": format!("{version}"), "occurred_at": at});
        assert_eq!(tell(&server, &format!("k{version}"), &body).await.status, 201);
    }
    for list in ["/api/v1/services/checkout/changes", "/api/v1/events"] {
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = server.get(&format!("{list}?limit=5{cursor}"), "").await.json();
            seen.extend(page["items"].as_array().unwrap().iter().map(|it| it["id"].to_string()));
            let Some(next) = page["next"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        let count = seen.len();
        seen.sort();
        seen.dedup();
        assert_eq!((count, seen.len()), (23, 23), "{list}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_client_has_already_is_not_sent_again() {
    let server = Running::start().await;
    let path = "/api/v1/services";
    let first = server.get(path, "").await;
    let tag = first.header("etag").to_owned();
    let again = |tag: String| async {
        let request = server.request("GET", path, "").header("if-none-match", tag);
        Answer::of(request.send().await.unwrap()).await
    };
    for known in [tag.clone(), format!("W/{tag}"), format!("\"x\", {tag}"), "*".to_owned()] {
        let answer = again(known).await;
        assert_eq!(
            (answer.status, answer.text.as_str(), answer.header("etag")),
            (304, "", tag.as_str())
        );
    }
    assert_eq!(again("\"x\"".to_owned()).await.status, 200);
    tell(&server, "a", &json!({"service": "checkout", "what": "flag"})).await;
    assert_eq!(again(tag).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn cdevents_are_changes_in_both_modes() {
    let server = Running::start().await;
    let event = json!({
        "context": {"id": "e1", "source": "/pipeline", "type": "dev.cdevents.service.rolledback.0.3.0",
            "timestamp": "2026-11-23T08:30:00Z", "specversion": "0.5.0"},
        "subject": {"id": "checkout", "source": "/pipeline", "content": {
            "environment": {"id": "production"}, "artifactId": "pkg:oci/checkout@1.0?arch=amd64"}},
    });
    let binary = server.request("POST", "/api/v1/cdevents", "").header("ce-id", "e1");
    let first = Answer::of(binary.json(&event).send().await.unwrap()).await;
    assert_eq!(first.status, 201, "{}", first.text);
    let cloud = json!({"specversion": "1.0", "id": "e1", "source": "/pipeline", "type": "x", "data": event});
    let structured = server.request("POST", "/api/v1/cdevents", "");
    let structured =
        structured.header("content-type", "application/cloudevents+json; charset=utf-8");
    let again = Answer::of(structured.body(cloud.to_string()).send().await.unwrap()).await;
    assert_eq!((again.status, &again.json()["event"]), (200, &first.json()["event"]));
    let other = server.request("POST", "/api/v1/cdevents", "").header("ce-id", "e2");
    let other = Answer::of(other.json(&event).send().await.unwrap()).await;
    assert_eq!(other.problem(), "422 invalid /context");
    let path = "/api/v1/services/checkout/changes?labels=environment=production";
    let change = server.get(path, "").await.json()["items"][0].clone();
    assert_eq!((&change["what"], &change["to"]), (&json!("rollback"), &json!("1.0")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_says_what_it_takes_back() {
    on_each(async |server| {
        let told = async |body: Value| {
            let mut change = json!({"service": "checkout", "what": "deploy"});
            change.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
            server.post("/api/v1/changes", "", change).await
        };
        let at = |minute: u32| format!("2026-11-23T08:{minute:02}:00Z");
        for (version, minute) in [("1.1", 1), ("1.2", 2)] {
            let subject = format!("change/{version}");
            let body = json!({"to": version, "subject": subject, "occurred_at": at(minute)});
            assert_eq!(told(body).await.status, 201);
        }
        let newest = told(json!({"what": "rollback", "occurred_at": at(3)})).await;
        assert_eq!((newest.status, &newest.json()["of"]), (201, &json!("change/1.2")));
        let from = json!({"what": "rollback", "from": "1.1", "occurred_at": at(4)});
        assert_eq!(told(from).await.json()["of"], "change/1.1");
        let named = json!({"what": "heal", "of": "change/1.1", "occurred_at": at(5)});
        let named = told(named).await.json();
        assert_eq!(named["of"], "change/1.1");
        let event = format!("/api/v1/events/{}", named["event"].as_str().unwrap());
        let causes = server.get(&event, "").await.json()["causes"].clone();
        assert_eq!(causes.as_array().unwrap().len(), 1, "{causes}");
        let unknown = told(json!({"what": "rollback", "of": "change/9"})).await;
        assert_eq!(unknown.problem(), "422 invalid /of");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cdevent_follows_from_those_that_it_links_to() {
    let server = Running::start().await;
    let event = |id: &str, kind: &str, minute: u32, links: Value| {
        json!({
            "context": {"id": id, "source": "/pipeline", "links": links,
                "type": format!("dev.cdevents.service.{kind}.0.3.0"),
                "timestamp": format!("2026-11-23T08:{minute:02}:00Z"), "specversion": "0.5.0"},
            "subject": {"id": "service/checkout", "content": {"artifactId": "pkg:oci/checkout@1.0"}},
        })
    };
    let deployed = event("e1", "deployed", 1, json!([]));
    let deployed = server.post("/api/v1/cdevents", "", deployed).await;
    assert_eq!(deployed.status, 201, "{}", deployed.text);
    let links =
        json!([{"linkType": "RELATION", "linkKind": "REVERTS", "target": {"contextId": "e1"}}]);
    let taken = server.post("/api/v1/cdevents", "", event("e2", "rolledback", 2, links)).await;
    assert_eq!(taken.json()["of"], deployed.json()["subject"], "{}", taken.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn acting_is_paused_and_resumed() {
    let server = Running::start().await;
    assert_eq!(server.get("/api/v1/acting", "").await.json()["paused"], json!(false));
    let pause = json!({"by": "ann", "reason": "a fire"});
    assert_eq!(server.post("/api/v1/acting/pause", "", pause).await.status, 201);
    let state = server.get("/api/v1/acting", "").await.json();
    assert_eq!(
        (&state["paused"], &state["by"], &state["reason"]),
        (&json!(true), &json!("ann"), &json!("a fire"))
    );
    assert_eq!(server.post("/api/v1/acting/resume", "", json!({})).await.status, 201);
    assert_eq!(server.get("/api/v1/acting", "").await.json()["paused"], json!(false));
}
