//! What was done about verdicts.

use serin_ledger::fact::{ActBegun, ActDone, ActFailed, ActWithheld, Person};
use serin_ledger::{Act, ActState, Acts, Cause, EventId, Fact, Key, Ledger, Refusal};
use serin_model::Outcome;

use crate::databases::{File, Place as _, on_each};
use crate::sample::*;

const VERDICT: &str = "ended-1.1-4";

fn id_of(ledger: &mut Ledger, source_id: &str) -> EventId {
    ledger.event_of_key(&Key::new("test", source_id)).unwrap().unwrap().id
}

fn tell(ledger: &mut Ledger, name: &str, fact: &Fact, causes: &[&str]) {
    let causes = causes.iter().map(|cause| Cause::Event(id_of(ledger, cause))).collect();
    let event = event(name, 5, &format!("act/{name}"), fact).caused_by(causes).unwrap();
    append_at(ledger, minute(5), event, Vec::new());
}

fn begun(until: i64) -> Fact {
    let (act, rule) = ("roll back".to_owned(), "gate".to_owned());
    Fact::ActBegun(ActBegun { act, rule, undo: None, until: minute(until) })
}

fn done(act: &str) -> Fact {
    Fact::ActDone(ActDone {
        act: act.to_owned(),
        rule: None,
        by: Some("ann".to_owned()),
        undo: None,
    })
}

fn failed(why: &str) -> Fact {
    Fact::ActFailed(ActFailed { why: why.to_owned() })
}

/// Appends the verdict that others speak of.
fn with_verdict(ledger: &mut Ledger) {
    let (verdict, report) = ended("1.1", 4, Outcome::Fail);
    append(ledger, verdict, vec![report]);
}

fn states(ledger: &mut Ledger) -> Vec<(String, ActState)> {
    let verdict = id_of(ledger, VERDICT);
    let acts = ledger.project::<Acts>(Some("checkout")).unwrap().state;
    let state = |it: &Act| (it.act.clone(), it.state.clone());
    acts.about(verdict).map(state).collect()
}

#[test]
fn an_act_is_what_was_last_known_of_it_and_ends_once() {
    on_each(|place| {
        let place = place();
        let mut ledger = place.open();
        with_verdict(&mut ledger);
        tell(&mut ledger, "begun", &begun(9), &[VERDICT]);
        let until = minute(9);
        assert_eq!(states(&mut ledger), [("roll back".to_owned(), ActState::Begun { until })]);
        tell(&mut ledger, "done", &done("roll back"), &[VERDICT, "begun"]);
        tell(&mut ledger, "too-late", &failed("nobody knows"), &["begun"]);
        assert_eq!(states(&mut ledger), [("roll back".to_owned(), ActState::Done)]);
        let person = Person { by: "bob".to_owned(), reason: None };
        tell(&mut ledger, "undone", &Fact::ActUndone(person), &["done"]);
        let undone = ActState::Undone { by: "bob".to_owned() };
        assert_eq!(states(&mut ledger), [("roll back".to_owned(), undone)]);
        let whole = ledger.project::<Acts>(None).unwrap().to_bytes();
        assert_eq!(whole, ledger.project::<Acts>(Some("checkout")).unwrap().to_bytes());
    });
}

#[test]
fn what_people_did_is_an_act_too_until_it_is_withdrawn() {
    let place = File::new();
    let mut ledger = place.open();
    with_verdict(&mut ledger);
    tell(&mut ledger, "by-hand", &done("drain the zone"), &[VERDICT]);
    assert_eq!(states(&mut ledger), [("drain the zone".to_owned(), ActState::Done)]);
    let by_hand = id_of(&mut ledger, "by-hand");
    let anew = serde_json::json!({"act": "drain two zones"});
    append_at(&mut ledger, minute(6), corrected(by_hand, Some(anew), "anew"), Vec::new());
    assert_eq!(states(&mut ledger), [("drain two zones".to_owned(), ActState::Done)]);
    append_at(&mut ledger, minute(7), corrected(by_hand, None, "never"), Vec::new());
    assert_eq!(states(&mut ledger), []);
}

#[test]
fn what_is_overdue_is_what_began_and_did_not_end() {
    let place = File::new();
    let mut ledger = place.open();
    with_verdict(&mut ledger);
    tell(&mut ledger, "first", &begun(6), &[VERDICT]);
    tell(&mut ledger, "second", &begun(8), &[VERDICT]);
    let withheld = ActWithheld {
        act: "page".to_owned(),
        rule: "pager".to_owned(),
        why: "ann has paused all acting".to_owned(),
    };
    tell(&mut ledger, "third", &Fact::ActWithheld(withheld), &[VERDICT]);
    let overdue = |ledger: &mut Ledger, at: i64| {
        ledger.project::<Acts>(None).unwrap().state.overdue(minute(at)).count()
    };
    assert_eq!([5, 6, 7, 9].map(|at| overdue(&mut ledger, at)), [0, 0, 1, 2]);
    tell(&mut ledger, "first-failed", &failed("exit status 1"), &["first"]);
    assert_eq!(overdue(&mut ledger, 9), 1);
}

#[test]
fn an_act_speaks_of_a_verdict_and_its_failure_of_it() {
    let place = File::new();
    let mut ledger = place.open();
    with_verdict(&mut ledger);
    let verdict = id_of(&mut ledger, VERDICT);
    let wrong = |ledger: &mut Ledger, fact: &Fact, causes: Vec<Cause>| {
        let event = event("wrong", 5, "act/x", fact).caused_by(causes).unwrap();
        let parcel = serin_ledger::Parcel::new(minute(5), Vec::new(), vec![event]).unwrap();
        let answer = ledger.append(&[parcel]).unwrap().remove(0);
        assert!(matches!(answer, Err(Refusal::WrongCause { .. })), "{answer:?}");
    };
    wrong(&mut ledger, &begun(9), Vec::new());
    wrong(&mut ledger, &failed("x"), vec![Cause::Event(verdict)]);
}

#[test]
fn positions_are_found_by_the_time_of_arrival() {
    on_each(|place| {
        let place = place();
        let mut ledger = place.open();
        assert_eq!(ledger.position_before(minute(1)).unwrap(), 0);
        for number in [1, 2, 2, 4, 9] {
            let name = format!("{number}-{}", ledger.head().unwrap().position);
            append_at(&mut ledger, minute(number), change(&name, number), Vec::new());
        }
        let before =
            [0, 1, 2, 3, 4, 5, 9, 10].map(|at| ledger.position_before(minute(at)).unwrap());
        assert_eq!(before, [0, 0, 1, 3, 3, 4, 4, 5]);
    });
}
