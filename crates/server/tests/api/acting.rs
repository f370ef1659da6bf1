//! What is done about verdicts, by rules of the operator: once, or never.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use serin_ledger::fact::ActBegun;
use serin_ledger::{Acts, Cause, Fact, Key, Ledger, Parcel, Submission};
use serin_model::Timestamp;
use serin_runner::now;

use crate::analyses::{LONG_AGO, asked, shop, until};
use crate::books::places;
use crate::databases::File;
use crate::running::Running;

/// A rule for failing canaries that leaves a line in a file, and the report beside it.
fn rule(folder: &Path, then: &str) -> String {
    let (lines, report) = (folder.join("lines"), folder.join("report.json"));
    format!(
        "on_verdict:\n- name: roll back\n  outcomes: [fail]\n  act: rolls the canary back\n  \
         undo: deploy it again\n  time: 20s\n  command: |\n    cat > '{}'\n    echo \
         \"$SERIN_OUTCOME $SERIN_SERVICE $SERIN_LABELS $SERIN_CHANGE $SERIN_RULE\" >> '{}'\n    {then}\n",
        report.display(),
        lines.display()
    )
}

fn lines(folder: &Path) -> String {
    std::fs::read_to_string(folder.join("lines")).unwrap_or_default()
}

/// Has a canary judged, and returns its verdict once that has as many acts as it shall.
async fn judged(server: &Running, mut body: Value, service: &str) -> Value {
    let base = asked(service, LONG_AGO);
    for (key, value) in base.as_object().unwrap() {
        body[key] = value.clone();
    }
    let begun = server.post("/api/v1/analyses", "", body).await;
    assert_eq!(begun.status, 201, "{}", begun.text);
    let id = begun.json()["id"].as_str().unwrap().to_owned();
    let event = until(server, "", &id, "ended").await["verdict_event"].clone();
    json!(event.as_str().unwrap())
}

async fn act_of(server: &Running, verdict: &Value) -> Value {
    let path = format!("/api/v1/verdicts/{}", verdict.as_str().unwrap());
    for _ in 0..200 {
        let acts = server.get(&path, "").await.json()["acts"].clone();
        if acts[0]["state"].as_str().is_some_and(|state| state != "begun") {
            assert_eq!(acts.as_array().unwrap().len(), 1, "{acts}");
            return acts[0].clone();
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("nothing was done: {}", server.get(&path, "").await.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_is_followed_once_with_the_report_whatever_is_started_anew() {
    for place in tokio::task::spawn_blocking(places).await.unwrap() {
        let folder = tempfile::tempdir().unwrap();
        let yaml = rule(folder.path(), "");
        let server = Running::watching(place, &yaml, shop()).await;
        let labels = json!({"change": "change/9", "labels": {"environment": "production"}});
        let verdict = judged(&server, labels, "broken").await;
        judged(&server, json!({}), "checkout").await;
        judged(&server, json!({"shadow": true}), "broken").await;
        let act = act_of(&server, &verdict).await;
        assert_eq!((&act["state"], &act["rule"]), (&json!("done"), &json!("roll back")), "{act}");
        assert_eq!(act["undo"], "deploy it again");
        let once = "fail broken environment=production change/9 roll back\n";
        assert_eq!(lines(folder.path()), once);
        let path = format!("/api/v1/verdicts/{}/report", verdict.as_str().unwrap());
        let report = std::fs::read_to_string(folder.path().join("report.json")).unwrap();
        assert_eq!(report, server.get(&path, "").await.text);
        let page = server.get(&format!("/verdicts/{}", verdict.as_str().unwrap()), "").await.text;
        assert!(page.contains("rolls the canary back, by the rule roll back: done"), "{page}");
        let metrics = server.get("/metrics", "").await.text;
        assert!(metrics.contains("serin_acts_total{outcome=\"done\"} 1"), "{metrics}");
        let server = server.again_with(&yaml, shop()).await;
        let second = judged(&server, json!({}), "broken").await;
        act_of(&server, &second).await;
        assert_eq!(lines(folder.path()), format!("{once}fail broken   roll back\n"));
        tokio::task::spawn_blocking(move || drop(server)).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_done_while_acting_is_paused_and_nothing_of_it_afterwards() {
    let folder = tempfile::tempdir().unwrap();
    let place = Box::new(File::new());
    let server = Running::watching(place, &rule(folder.path(), ""), shop()).await;
    let by = json!({"by": "ann", "reason": "a fire"});
    assert_eq!(server.post("/api/v1/acting/pause", "", by).await.status, 201);
    let paused = judged(&server, json!({}), "broken").await;
    let act = act_of(&server, &paused).await;
    assert_eq!(act["state"], "withheld");
    assert_eq!(act["state_reason"], "ann has paused all acting: a fire");
    assert_eq!(server.post("/api/v1/acting/resume", "", json!({})).await.status, 201);
    let resumed = judged(&server, json!({}), "broken").await;
    assert_eq!(act_of(&server, &resumed).await["state"], "done");
    assert_eq!(act_of(&server, &paused).await["state"], "withheld");
    assert_eq!(lines(folder.path()), "fail broken   roll back\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_fails_is_told_of_without_its_text() {
    let folder = tempfile::tempdir().unwrap();
    let place = Box::new(File::new());
    let yaml = rule(folder.path(), "PASSWORD=hunter2 false");
    let server = Running::watching(place, &yaml, shop()).await;
    let verdict = judged(&server, json!({}), "broken").await;
    let act = act_of(&server, &verdict).await;
    assert_eq!(act["state"], "failed");
    assert_eq!(act["state_reason"], "the command failed: exit status: 1");
    let events = server.get("/api/v1/events?limit=500", "").await.text;
    assert!(events.contains("act.failed") && !events.contains("hunter2"), "{events}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_begun_before_a_death_is_not_done_again_and_nobody_says_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let place = Box::new(File::new());
    let server = Running::watching(place, "", shop()).await;
    let verdict = judged(&server, json!({}), "broken").await;
    let id: serin_ledger::EventId = verdict.as_str().unwrap().parse().unwrap();
    server.ledger(move |ledger| begin_and_die(ledger, id)).await;
    let server = server.again_with(&rule(folder.path(), ""), shop()).await;
    let act = act_of(&server, &verdict).await;
    assert_eq!(act["state"], "failed");
    assert!(act["state_reason"].as_str().unwrap().contains("nobody knows"), "{act}");
    // Another one, so that it had the time.
    let next = judged(&server, json!({"labels": {"number": "2"}}), "broken").await;
    act_of(&server, &next).await;
    assert_eq!(lines(folder.path()), "fail broken number=2  roll back\n");
    let acts = server.ledger(|ledger| ledger.project::<Acts>(None).unwrap().state).await;
    assert_eq!(acts.overdue(now()).count(), 0);
}

/// Writes down that an act begins, as a server did that was killed then.
fn begin_and_die(ledger: &mut Ledger, verdict: serin_ledger::EventId) {
    let event = ledger.event(verdict).unwrap().unwrap();
    let fact = Fact::ActBegun(ActBegun {
        act: "rolls the canary back".to_owned(),
        rule: "roll back".to_owned(),
        undo: None,
        until: Timestamp::from_millis(now().as_millis() - 1),
    });
    let name = format!("act/{verdict}/roll back");
    let scope = event.header.scope.clone();
    let key = Key::new("serin", &name);
    let begun = Submission::new(key, now(), scope, name, &fact).unwrap();
    let begun = begun.caused_by(vec![Cause::Event(verdict)]).unwrap();
    let parcel = Parcel::new(now(), Vec::new(), vec![begun]).unwrap();
    ledger.append(&[parcel]).unwrap().remove(0).unwrap();
}
