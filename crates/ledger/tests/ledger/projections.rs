//! States follow from events, and from nothing else.

use proptest::prelude::*;
use serin_ledger::fact::{Alteration, ChangeNoted, Decision, Label};
use serin_ledger::{
    Fact, Header, Ledger, Parcel, Projected, Projection, RunningAnalyses, ServiceHistory,
    Submission,
};
use serin_model::Outcome;

use crate::databases::{File, Place as _, on_each};
use crate::sample::*;

fn history(ledger: &mut Ledger) -> ServiceHistory {
    ledger.project::<ServiceHistory>(Some("checkout")).unwrap().state
}

/// Says which change is known to be good, and what proves it.
fn known_good(ledger: &mut Ledger) -> String {
    let history = history(ledger);
    history.known_good(&scope()).map_or("none".to_owned(), |good| {
        format!("{} by {}", good.change.subject, good.proof.entry.subject)
    })
}

#[test]
fn known_good_is_the_newest_change_with_a_pass_that_stands() {
    on_each(|place| {
        let ledger = &mut place().open();
        assert_eq!(known_good(ledger), "none");
        append(ledger, change("0.9", -100), Vec::new());
        assert_eq!(known_good(ledger), "none");
        whole(ledger, "1.0", 0, Outcome::Pass);
        assert_eq!(known_good(ledger), "change/1.0 by analysis/1.0");
        whole(ledger, "1.1", 100, Outcome::Fail);
        whole(ledger, "1.2", 200, Outcome::Inconclusive);
        assert_eq!(known_good(ledger), "change/1.0 by analysis/1.0");

        let verdict = whole(ledger, "1.3", 300, Outcome::Pass).id;
        assert_eq!(known_good(ledger), "change/1.3 by analysis/1.3");
        let label = append(ledger, labelled(verdict, Label::Wrong, "wrong"), Vec::new()).id;
        assert_eq!(known_good(ledger), "change/1.0 by analysis/1.0");
        append(ledger, labelled(verdict, Label::Right, "right"), Vec::new());
        assert_eq!(known_good(ledger), "change/1.3 by analysis/1.3");
        append(ledger, overridden(verdict, Decision::RollBack, "back"), Vec::new());
        assert_eq!(known_good(ledger), "change/1.0 by analysis/1.0");
        append(ledger, overridden(verdict, Decision::Promote, "on"), Vec::new());
        assert_eq!(known_good(ledger), "change/1.3 by analysis/1.3");

        // Corrections: the last of an event counts.
        append(ledger, corrected(verdict, None, "withdrawn"), Vec::new());
        assert_eq!(known_good(ledger), "change/1.0 by analysis/1.0");
        let judge = serde_json::json!({"name": "sequential", "revision": 4});
        let body = serde_json::json!({"outcome": "pass", "change": "change/1.3", "judge": judge});
        append(ledger, corrected(verdict, Some(body), "restored"), Vec::new());
        assert_eq!(known_good(ledger), "change/1.3 by analysis/1.3");
        append(ledger, corrected(label, None, "label withdrawn"), Vec::new());
        assert_eq!(history(ledger).verdicts().last().unwrap().label(), Some(Label::Right));
        assert_eq!(verified(ledger), "well");
    });
}

#[test]
fn a_later_failure_of_the_same_change_takes_its_proof_away() {
    on_each(|place| {
        let ledger = &mut place().open();
        whole(ledger, "1.0", 0, Outcome::Pass);
        let (failure, report) = ended("1.0", 50, Outcome::Fail);
        let failure = append(ledger, failure, vec![report]).id;
        assert_eq!(known_good(ledger), "none");
        append(ledger, labelled(failure, Label::Wrong, "a"), Vec::new());
        assert_eq!(known_good(ledger), "change/1.0 by analysis/1.0");
    });
}

#[test]
fn newest_is_what_occurred_last_and_not_what_arrived_last() {
    on_each(|place| {
        let ledger = &mut place().open();
        // The verdict arrives before its change, and the newer change before the older.
        let (verdict, report) = ended("1.1", 110, Outcome::Pass);
        append_at(ledger, minute(500), verdict, vec![report]);
        assert_eq!(known_good(ledger), "none");
        append_at(ledger, minute(501), change("1.1", 100), Vec::new());
        assert_eq!(known_good(ledger), "change/1.1 by analysis/1.1");
        let (verdict, report) = ended("1.0", 10, Outcome::Pass);
        append_at(ledger, minute(502), verdict, vec![report]);
        append_at(ledger, minute(503), change("1.0", 0), Vec::new());
        assert_eq!(known_good(ledger), "change/1.1 by analysis/1.1");

        let as_known = |ledger: &mut Ledger, minutes| {
            let history: ServiceHistory =
                ledger.project_as_known(Some("checkout"), minute(minutes)).unwrap();
            history.known_good(&scope()).map(|good| good.change.subject.clone())
        };
        assert_eq!(as_known(ledger, 500), None);
        assert_eq!(as_known(ledger, 501).as_deref(), Some("change/1.1"));
    });
}

#[test]
fn what_changed_since_is_told_in_the_order_of_time() {
    on_each(|place| {
        let ledger = &mut place().open();
        fill(ledger);
        let config = ChangeNoted {
            what: Alteration::Config,
            from: None,
            to: None,
            reference: Some("commit 81f3".to_owned()),
            ended_at: None,
            note: None,
        };
        let late = event("config-1", 150, "change/config", &Fact::ChangeNoted(config));
        let elsewhere = Header { scope: scope().with("cluster", "b"), ..late.header().clone() };
        append_at(ledger, minute(900), late.clone(), Vec::new());
        let mut header = elsewhere;
        header.key.source_id = "config-2".to_owned();
        append_at(
            ledger,
            minute(901),
            Submission::of_parts(header, late.body().clone()).unwrap(),
            Vec::new(),
        );

        let history = history(ledger);
        let good = history.known_good(&scope()).unwrap();
        assert_eq!(good.change.subject, "change/1.0");
        let here = scope();
        let since = |scope: Option<_>| -> Vec<String> {
            let changes = history.changes_since(scope, good.change.occurred_at);
            changes.iter().map(|change| change.subject.clone()).collect()
        };
        let expected = ["change/1.1", "change/config", "change/1.2", "change/1.3"];
        assert_eq!(since(Some(&here)), expected);
        assert_eq!(since(None).len(), 5);
        let verdicts: Vec<_> = history
            .verdicts()
            .iter()
            .map(|it| (it.entry.subject.clone(), it.entry.fact.outcome, it.label(), it.decision()))
            .collect();
        insta::assert_debug_snapshot!("verdicts", verdicts);
    });
}

#[test]
fn analyses_run_from_their_beginning_to_their_end_in_whatever_order_they_arrive() {
    on_each(|place| {
        let ledger = &mut place().open();
        let running = |ledger: &mut Ledger| -> Vec<String> {
            let state = ledger.project::<RunningAnalyses>(None).unwrap().state;
            state.all().map(|running| running.subject.clone()).collect()
        };
        fill(ledger);
        assert_eq!(running(ledger), ["analysis/1.3"]);
        append(ledger, begun("1.4", 305), Vec::new());
        let state = ledger.project::<RunningAnalyses>(None).unwrap().state;
        assert_eq!(state.of_scope(&scope()).count(), 2);
        // The end of another arrives before its beginning.
        let (verdict, report) = ended("1.5", 400, Outcome::Pass);
        append(ledger, verdict, vec![report]);
        append(ledger, begun("1.5", 390), Vec::new());
        assert_eq!(running(ledger), ["analysis/1.3", "analysis/1.4"]);
        let (verdict, report) = ended("1.3", 400, Outcome::Pass);
        append(ledger, verdict, vec![report]);
        assert_eq!(running(ledger), ["analysis/1.4"]);
        let key = serin_ledger::Key::new("test", "begun-1.4");
        let begun = ledger.event_of_key(&key).unwrap().unwrap().id;
        append(ledger, corrected(begun, None, "never began"), Vec::new());
        assert_eq!(running(ledger), [""; 0]);
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn what_is_known_to_be_good_does_not_depend_on_how_events_arrive(
        order in prop::collection::vec(0_usize..12, 40),
        batch in 1_usize..6,
    ) {
        let outcomes = [Outcome::Pass, Outcome::Pass, Outcome::Fail, Outcome::Pass, Outcome::Inconclusive, Outcome::Fail];
        let submissions: Vec<Parcel> = (0..)
            .zip(outcomes)
            .flat_map(|(number, outcome)| {
                let (version, minutes) = (format!("1.{number}"), number * 100);
                let (verdict, report) = ended(&version, minutes + 10, outcome);
                [(change(&version, minutes), Vec::new()), (verdict, vec![report])]
            })
            .map(|(event, evidence)| Parcel::new(minute(0), evidence, vec![event]).unwrap())
            .collect();
        let file = File::new();
        let ledger = &mut file.open();
        // In any order, some of them twice and more; what is left over comes last.
        let arriving: Vec<Parcel> =
            order.into_iter().chain(0..12).map(|index| submissions[index].clone()).collect();
        for parcels in arriving.chunks(batch) {
            prop_assert!(ledger.append(parcels).unwrap().iter().all(Result::is_ok));
        }
        prop_assert_eq!(ledger.head().unwrap().position, 12);
        prop_assert_eq!(known_good(ledger), "change/1.3 by analysis/1.3");
        prop_assert_eq!(verified(ledger), "well");
    }
}

fn bytes<P: Projection>(ledger: &mut Ledger, service: Option<&str>) -> Vec<u8> {
    ledger.project::<P>(service).unwrap().to_bytes()
}

/// Projects, keeps that, and goes on from there after every single event.
fn bytes_by_snapshots<P: Projection>(
    full: &mut Ledger,
    grown: &mut Ledger,
    service: Option<&str>,
) -> Vec<u8> {
    let mut export = Vec::new();
    full.export(&mut export).unwrap();
    let export = String::from_utf8(export).unwrap();
    let count = full.head().unwrap().position;
    for prefix in 1..=count {
        // An export that breaks off leaves what came before.
        let lines = export.lines().take_while(|line| {
            !line.starts_with(&format!("{{\"event\":{{\"position\":{},", prefix + 1))
        });
        let cut: String = lines.map(|line| format!("{line}\n")).collect();
        let _ = grown.import(&mut cut.as_bytes());
        assert_eq!(grown.head().unwrap().position, prefix);
        let projected: Projected<P> = grown.project(service).unwrap();
        assert_eq!(projected.position, prefix);
        grown.keep_snapshot(service, &projected).unwrap();
    }
    bytes::<P>(grown, service)
}

#[test]
fn a_projection_has_the_same_bytes_from_nothing_from_any_snapshot_and_after_a_move() {
    on_each(|place| {
        let ledger = &mut place().open();
        fill(ledger);
        let service = Some("checkout");
        let history = bytes::<ServiceHistory>(ledger, service);
        let running = bytes::<RunningAnalyses>(ledger, None);
        assert!(history.len() > 2000 && running.len() > 200);
        assert_eq!(
            bytes_by_snapshots::<ServiceHistory>(ledger, &mut place().open(), service),
            history
        );
        assert_eq!(
            bytes_by_snapshots::<RunningAnalyses>(ledger, &mut place().open(), None),
            running
        );
        let moved = &mut place().open();
        moved.import(&mut exported(ledger).as_bytes()).unwrap();
        assert_eq!(bytes::<ServiceHistory>(moved, service), history);
        assert_eq!(bytes::<RunningAnalyses>(moved, None), running);
    });
}

#[test]
fn a_snapshot_of_another_ledger_or_revision_is_left_alone() {
    on_each(|place| {
        let (here, there) = (place(), place());
        let (ledger, other) = (&mut here.open(), &mut there.open());
        fill(ledger);
        whole(other, "6.6", 0, Outcome::Pass);
        let expected = bytes::<ServiceHistory>(ledger, Some("checkout"));
        let foreign = other.project::<ServiceHistory>(Some("checkout")).unwrap();
        ledger.keep_snapshot(Some("checkout"), &foreign).unwrap();
        assert_eq!(bytes::<ServiceHistory>(ledger, Some("checkout")), expected);

        let own = ledger.project::<ServiceHistory>(Some("checkout")).unwrap();
        ledger.keep_snapshot(Some("checkout"), &own).unwrap();
        here.sql("UPDATE snapshots SET revision = 0, state = x'7b7d'");
        assert_eq!(bytes::<ServiceHistory>(ledger, Some("checkout")), expected);
    });
}
