//! Idempotent, in order, and nothing half.

use serin_ledger::fact::Label;
use serin_ledger::{
    Body, Cause, Digest, Evidence, Fact, Header, Key, Kind, Parcel, Scope, Selection, Submission,
};
use serin_model::{Outcome, Timestamp, Window};

use crate::databases::on_each;
use crate::sample::*;

#[test]
fn the_same_event_twice_is_one_event() {
    on_each(|place| {
        let mut ledger = place().open();
        let first = append(&mut ledger, change("1.0", 0), Vec::new());
        let again = append_at(&mut ledger, minute(500), change("1.0", 0), Vec::new());
        assert!(!first.was_known && again.was_known);
        assert_eq!((first.id, first.position), (again.id, again.position));
        assert_eq!(ledger.head().unwrap().position, 1);

        // Twice in one parcel, and in two parcels of one transaction.
        let parcel = |version: &str| {
            let events = vec![change(version, 1), change(version, 1)];
            Parcel::new(minute(1), Vec::new(), events).unwrap()
        };
        let answers = ledger.append(&[parcel("2.0"), parcel("2.0")]).unwrap();
        let known: Vec<bool> =
            answers.into_iter().flat_map(Result::unwrap).map(|receipt| receipt.was_known).collect();
        assert_eq!(known, [false, true, true, true]);
        assert_eq!(ledger.head().unwrap().position, 2);
        assert_eq!(verified(&mut ledger), "well");
    });
}

#[test]
fn keys_in_another_order_are_the_same_event() {
    on_each(|place| {
        let mut ledger = place().open();
        let with_body = |text: &str| {
            let header =
                Header { kind: Kind::named("weather.seen"), ..change("1.0", 0).header().clone() };
            Submission::of_parts(header, Body::read(text).unwrap()).unwrap()
        };
        append(&mut ledger, with_body(r#"{"a":1,"b":2}"#), Vec::new());
        assert!(append(&mut ledger, with_body(r#"{ "b": 2, "a": 1 }"#), Vec::new()).was_known);
    });
}

#[test]
fn one_key_with_two_contents_is_a_conflict_and_changes_nothing() {
    on_each(|place| {
        let mut ledger = place().open();
        let id = append(&mut ledger, change("1.0", 0), Vec::new()).id;
        let before = exported(&mut ledger);
        // The new event before it goes too: a parcel is taken as a whole or not at all.
        let events = vec![change("1.1", 0), change("1.0", 7)];
        let parcel = Parcel::new(minute(9), Vec::new(), events).unwrap();
        let good = Parcel::new(minute(9), Vec::new(), vec![change("1.2", 0)]).unwrap();
        let mut answers = ledger.append(std::slice::from_ref(&parcel)).unwrap();
        let refusal = answers.remove(0).unwrap_err().to_string();
        assert_eq!(
            refusal,
            format!(
                "`change-1.0` of `test` is known already, as {id}, and says something else there\n\nhint: an \
                 event is never overwritten; hand in a `correction` with {id} as its cause, or the new event \
                 under an id of its own"
            )
        );
        assert_eq!(exported(&mut ledger), before);

        let answers = ledger.append(&[parcel, good]).unwrap();
        assert!(answers[0].is_err() && answers[1].is_ok());
        assert_eq!(ledger.head().unwrap().position, 2);
        assert_eq!(verified(&mut ledger), "well");
    });
}

#[test]
fn causes_and_evidence_must_be_there() {
    on_each(|place| {
        let mut ledger = place().open();
        let change_id = append(&mut ledger, change("1.0", 0), Vec::new()).id;
        let verdict = whole(&mut ledger, "2.0", 0, Outcome::Pass).id;
        let other = Scope::of_service("other");
        let elsewhere =
            Header { scope: other, ..labelled(verdict, Label::Right, "a").header().clone() };
        let elsewhere =
            Submission::of_parts(elsewhere, labelled(verdict, Label::Right, "a").body().clone());
        let wrong_body = serde_json::json!({"outcome": "splendid"});
        let missing = "01234567-89ab-7000-8000-ed7002b439e9".parse().unwrap();
        let cases = [
            change("3.0", 0).caused_by(vec![Cause::Event(missing)]).unwrap(),
            change("3.0", 0).proven_by(vec![Digest::of(b"gone")]).unwrap(),
            labelled(change_id, Label::Right, "a"),
            labelled(verdict, Label::Right, "a").caused_by(Vec::new()).unwrap(),
            labelled(verdict, Label::Right, "a")
                .caused_by(vec![Cause::Key(Key::new("test", "ended-2.0-10"))])
                .unwrap(),
            elsewhere.unwrap(),
            corrected(verdict, Some(wrong_body), "a"),
        ];
        let before = ledger.head().unwrap();
        let mut said = String::new();
        for event in cases {
            let parcel = Parcel::new(minute(1), Vec::new(), vec![event]).unwrap();
            let refusal = ledger.append(&[parcel]).unwrap().remove(0).unwrap_err().to_string();
            said += &refusal
                .replace(&change_id.to_string(), "CHANGE")
                .replace(&verdict.to_string(), "VERDICT");
            said += "\n---\n";
        }
        assert_eq!(ledger.head().unwrap(), before);
        insta::assert_snapshot!("refusals", said);
    });
}

#[test]
fn an_effect_may_arrive_before_its_cause() {
    on_each(|place| {
        let mut ledger = place().open();
        let cause = Cause::Key(Key::new("test", "change-1.0"));
        let (verdict, report) = ended("1.0", 10, Outcome::Pass);
        append(&mut ledger, verdict.caused_by(vec![cause.clone()]).unwrap(), vec![report]);
        append(&mut ledger, change("1.0", 0), Vec::new());
        let events = ledger.events(&Selection::default(), 0, 10).unwrap();
        assert_eq!(events[0].header.causes, [cause]);
        assert!(events[0].header.occurred_at > events[1].header.occurred_at);
    });
}

#[test]
fn ids_and_positions_follow_arrival_when_the_clock_is_put_back() {
    on_each(|place| {
        let mut ledger = place().open();
        let clock = [50, 40, 40, -1000, 60];
        let receipts: Vec<_> = (0..)
            .zip(clock)
            .map(|(number, known_at)| {
                let event = change(&format!("{number}"), -number);
                append_at(&mut ledger, minute(known_at), event, Vec::new())
            })
            .collect();
        assert!(
            receipts.is_sorted_by(|one, next| one.id < next.id && one.position < next.position)
        );
        let events = ledger.events(&Selection::default(), 0, 10).unwrap();
        let known: Vec<_> = events.iter().map(|event| event.known_at).collect();
        assert_eq!(known, clock.map(minute));
        assert_eq!(verified(&mut ledger), "well");
    });
}

#[test]
fn what_was_known_at_a_moment_is_a_question() {
    on_each(|place| {
        let mut ledger = place().open();
        // It occurred at minute 0, and was told at minute 30.
        append_at(&mut ledger, minute(5), change("1.0", 5), Vec::new());
        append_at(&mut ledger, minute(30), change("1.1", 0), Vec::new());
        let mut subjects = |selection: Selection| -> Vec<String> {
            let events = ledger.events(&selection, 0, 10).unwrap();
            events.into_iter().map(|event| event.header.subject).collect()
        };
        let known = |minutes| Selection { known_by: Some(minute(minutes)), ..Selection::default() };
        assert_eq!(subjects(known(4)), [""; 0]);
        assert_eq!(subjects(known(29)), ["change/1.0"]);
        assert_eq!(subjects(known(30)), ["change/1.0", "change/1.1"]);
        let window = Window { start: minute(0), end: minute(5) };
        let occurred = Selection { occurred: Some(window), ..Selection::default() };
        assert_eq!(subjects(occurred.clone()), ["change/1.1"]);
        assert_eq!(subjects(Selection { known_by: Some(minute(29)), ..occurred }), [""; 0]);
    });
}

#[test]
fn events_are_found_by_page_service_subject_kind_id_and_key() {
    on_each(|place| {
        let mut ledger = place().open();
        fill(&mut ledger);
        let mut pages = Vec::new();
        while let Some(page) = Some(
            ledger
                .events(
                    &Selection::default(),
                    pages.last().map_or(0, |it: &serin_ledger::Event| it.position),
                    4,
                )
                .unwrap(),
        )
        .filter(|page| !page.is_empty())
        {
            assert!(page.len() <= 4);
            pages.extend(page);
        }
        let positions: Vec<u64> = pages.iter().map(|event| event.position).collect();
        let last = ledger.head().unwrap().position;
        assert_eq!(positions, (1..=last).collect::<Vec<_>>());

        let of = |subject: &str, kinds: &[Kind]| Selection {
            service: Some("checkout".to_owned()),
            subject: Some(subject.to_owned()),
            kinds: kinds.to_vec(),
            ..Selection::default()
        };
        let mut count = |selection| ledger.events(&selection, 0, 100).unwrap().len();
        assert_eq!(count(of("analysis/1.1", &[])), 5);
        assert_eq!(count(of("analysis/1.1", &[Kind::PointsTaken])), 3);
        assert_eq!(count(of("analysis/1.1", &[Kind::AnalysisBegun, Kind::AnalysisEnded])), 2);
        assert_eq!(count(of("analysis/9.9", &[])), 0);

        let wanted = &pages[5];
        assert_eq!(ledger.event(wanted.id).unwrap().as_ref(), Some(wanted));
        assert_eq!(ledger.event_of_key(&wanted.header.key).unwrap().as_ref(), Some(wanted));
        assert_eq!(ledger.event_of_key(&Key::new("test", "nothing")).unwrap(), None);
        assert_eq!(ledger.services().unwrap(), ["checkout"]);
    });
}

#[test]
fn kinds_and_versions_of_a_newer_serin_survive() {
    on_each(|place| {
        let place = place();
        let mut ledger = place.open();
        let body = r#"{"commander":"ann","severity":{"level":1.50},"söme":"bödy \u0000 🐦"}"#;
        for (kind, version, id) in [("incident.declared", 1, "a"), ("change.noted", 7, "b")] {
            let header = Header {
                key: Key::new("newer", id),
                occurred_at: minute(0),
                scope: scope(),
                kind: Kind::named(kind),
                version,
                subject: "incident/1".to_owned(),
                causes: Vec::new(),
                evidence: Vec::new(),
            };
            let event = Submission::of_parts(header, Body::read(body).unwrap()).unwrap();
            append(&mut ledger, event, Vec::new());
        }
        let events = place.open().events(&Selection::default(), 0, 10).unwrap();
        for event in &events {
            assert_eq!(event.fact(), Fact::Unknown);
        }
        let export = exported(&mut ledger);
        assert!(export.contains(
            r#""body":{"commander":"ann","severity":{"level":1.5},"söme":"bödy \u0000 🐦"}"#
        ));
        assert_eq!(verified(&mut ledger), "well");
    });
}

#[test]
fn evidence_is_kept_once_and_comes_back() {
    on_each(|place| {
        let mut ledger = place().open();
        let piece = || Evidence::new(b"the same report").unwrap();
        let digest = piece().digest();
        append(&mut ledger, change("1.0", 0).proven_by(vec![digest]).unwrap(), vec![piece()]);
        append(&mut ledger, change("1.1", 0).proven_by(vec![digest]).unwrap(), vec![piece()]);
        append(&mut ledger, change("1.2", 0).proven_by(vec![digest]).unwrap(), Vec::new());
        let stored = ledger.evidence(&digest).unwrap().unwrap();
        assert_eq!(stored.expand().unwrap(), b"the same report");
        assert_eq!(ledger.verify(None).unwrap().evidence, 1);
        assert_eq!(ledger.evidence(&Digest::of(b"another")).unwrap(), None);
    });
}

#[test]
fn two_who_write_at_once_make_one_chain() {
    on_each(|place| {
        let place = place();
        let location = place.location();
        drop(place.open());
        let threads: Vec<_> = (0..4)
            .map(|thread| {
                let location = location.clone();
                std::thread::spawn(move || {
                    let mut ledger = crate::databases::open(&location);
                    for number in 0..25 {
                        let event = change(&format!("{thread}.{number}"), number);
                        append_at(
                            &mut ledger,
                            Timestamp::from_millis(START - thread),
                            event,
                            Vec::new(),
                        );
                    }
                })
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        let mut ledger = place.open();
        assert_eq!(ledger.head().unwrap().position, 100);
        assert_eq!(verified(&mut ledger), "well");
    });
}
