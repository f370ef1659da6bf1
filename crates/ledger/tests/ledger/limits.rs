//! What is too much is refused, with the place and what to do.

use serin_ledger::fact::{ActDone, Label};
use serin_ledger::limits::*;
use serin_ledger::{
    Body, Cause, Digest, Evidence, Fact, Header, Invalid, Key, Kind, Parcel, Scope, Submission,
};
use serin_model::Timestamp;

use crate::sample::*;

fn said<T>(result: Result<T, Invalid>) -> String {
    result.err().map_or("taken".to_owned(), |invalid| invalid.to_string())
}

/// A change with something else in its header.
fn with(alter: impl Fn(&mut Header)) -> String {
    let change = change("1.0", 0);
    let mut header = change.header().clone();
    alter(&mut header);
    said(Submission::of_parts(header, change.body().clone()))
}

fn with_body(kind: &str, body: &str) -> String {
    let header = Header { kind: Kind::named(kind), ..change("1.0", 0).header().clone() };
    said(Body::read(body).and_then(|body| Submission::of_parts(header, body)))
}

#[test]
fn every_limit_says_where_and_what_to_do() {
    let long = "x".repeat(10_000);
    let labels = |scope: &mut Scope| {
        scope.labels.extend((0..40).map(|number| (format!("label-{number}"), "x".to_owned())));
    };
    let digest = Digest::of(b"");
    let key = Key::new("test", "");
    let parcel = |evidence, events| said(Parcel::new(minute(0), evidence, events));
    let said = [
        with(|it| it.key.source.clear()),
        with(|it| it.key.source_id = "two\nlines".to_owned()),
        with(|it| it.key.source_id = long.clone()),
        with(|it| it.occurred_at = Timestamp::from_millis(-1)),
        with(|it| it.occurred_at = Timestamp::from_seconds(START)),
        with(|it| it.scope.service.clear()),
        with(|it| labels(&mut it.scope)),
        with(|it| it.scope = Scope::of_service("checkout").with("zone", "\u{0}")),
        with(|it| it.kind = Kind::named("")),
        with(|it| it.kind = Kind::LedgerPruned),
        with(|it| it.subject.clone_from(&long)),
        with(|it| it.causes = vec![Cause::Key(key.clone())]),
        with(|it| it.causes = vec![Cause::Key(Key::new("a", "b")); MOST_CAUSES + 1]),
        with(|it| it.evidence = vec![digest; MOST_EVIDENCE + 1]),
        with_body("change.noted", "[1]"),
        with_body("change.noted", "{}"),
        with_body("change.noted", r#"{"what":"party"}"#),
        with_body("change.noted", r#"{"what":"deploy","to":7}"#),
        with_body("analysis.ended", r#"{"outcome":"pass"}"#),
        with_body("weather.seen", "{\"a\": 1e999}"),
        parcel(vec![Evidence::new(b"unnamed").unwrap()], vec![change("1.0", 0)]),
        parcel(Vec::new(), vec![change("1.0", 0); MOST_PARCEL_EVENTS + 1]),
        said(Parcel::new(Timestamp::from_millis(i64::MIN), Vec::new(), Vec::new())),
    ]
    .join("\n---\n");
    insta::assert_snapshot!("limits", said);
}

#[test]
fn what_is_just_within_the_limits_is_taken() {
    let long = "x".repeat(MOST_VALUE_CHARACTERS);
    assert_eq!(with(|it| it.subject.clone_from(&long)), "taken");
    assert_eq!(with(|it| it.causes = vec![Cause::Key(Key::new("a", "b")); MOST_CAUSES]), "taken");
    let body = format!("{{\"a\":\"{}\"}}", "x".repeat(MOST_BODY_BYTES - 8));
    assert_eq!(with_body("weather.seen", &body), "taken");
    let deep = format!("{}1{}", "{\"a\":".repeat(MOST_BODY_DEPTH), "}".repeat(MOST_BODY_DEPTH));
    assert_eq!(with_body("weather.seen", &deep), "taken");
    assert!(Evidence::new(&vec![7; MOST_EVIDENCE_BYTES]).is_ok());
}

#[test]
fn a_key_that_is_not_known_is_left_alone() {
    let body = r#"{"label":"right","by":"ann","mood":"sunny"}"#;
    assert_eq!(with_body("verdict.labelled", body), "taken");
    let Ok(Fact::VerdictLabelled(fact)) =
        Fact::read(&Kind::VerdictLabelled, 1, &Body::read(body).unwrap())
    else {
        panic!("it is a label");
    };
    assert_eq!(fact.label, Label::Right);
}

#[test]
fn every_fact_is_read_as_it_was_written() {
    let act = ActDone {
        act: "rolled back".to_owned(),
        rule: Some("gate".to_owned()),
        by: None,
        undo: Some("promote again".to_owned()),
    };
    let person = serde_json::json!({"by": "ann", "reason": "a test"});
    let token = serde_json::json!({
        "name": "pipeline", "role": "submit", "services": ["checkout"], "expires_at": 9,
        "hash": Digest::ZERO, "by": "ann",
    });
    let applied = serde_json::json!({
        "from": Digest::ZERO, "to": Digest::ZERO, "by": "ann", "ref": "x",
        "texts": [{"name": "checkout.yaml", "sha256": Digest::ZERO}],
        "origin": {"folder": "/etc/serin", "file": "checkout.yaml", "commit": "1f", "dirty": true},
    });
    let bodies = [
        ("change.noted", serde_json::json!({"what": "heal", "ref": "x", "ended_at": 5})),
        (
            "analysis.begun",
            serde_json::json!({"check": Digest::ZERO, "judge": judge(), "shadow": true}),
        ),
        ("analysis.points", serde_json::json!({"batch": 1, "points": 2, "up_to": 3})),
        (
            "analysis.ended",
            serde_json::json!({"outcome": "fail", "judge": judge(), "shadow": false}),
        ),
        ("verdict.labelled", serde_json::json!({"label": "wrong", "by": "ann"})),
        ("verdict.overridden", serde_json::json!({"decision": "roll_back", "by": "ann"})),
        ("act.done", serde_json::to_value(&act).unwrap()),
        (
            "act.begun",
            serde_json::json!({"act": "roll back", "rule": "gate", "undo": "promote", "until": 7}),
        ),
        ("act.failed", serde_json::json!({"why": "exit status 1"})),
        ("act.withheld", serde_json::json!({"act": "roll back", "rule": "gate", "why": "paused"})),
        ("act.undone", person.clone()),
        ("acting.paused", person.clone()),
        ("acting.resumed", person.clone()),
        ("token.issued", token),
        ("token.revoked", person),
        ("check.applied", serde_json::json!({"to": Digest::ZERO, "by": "ann", "ref": "x"})),
        ("check.applied", applied),
        ("correction", serde_json::json!({"body": {"what": "flag"}, "by": "ann"})),
        ("ledger.pruned", serde_json::json!({"bodies": 1, "evidence": 2, "policy": ["x"]})),
    ];
    for (kind, body) in bodies {
        let body = Body::of(&body).unwrap();
        let fact = Fact::read(&Kind::named(kind), 1, &body).unwrap();
        assert_eq!(fact.kind(), Some(Kind::named(kind)));
        assert_eq!(fact.body().unwrap(), body, "{kind}");
    }
}
