//! What need not be proven any more goes; everything else stays.

use std::time::Duration;

use serin_ledger::fact::Label;
use serin_ledger::{
    Digest, Evidence, Kind, Ledger, Pruning, Retention, ServiceHistory, StoredBody,
};
use serin_model::Outcome;

use crate::databases::{File, Place as _, on_each};
use crate::sample::*;

const HOUR: Duration = Duration::from_secs(3600);

fn prune(ledger: &mut Ledger, minutes: i64, retention: &Retention) -> Pruning {
    let rehearsed = ledger.prune(minute(minutes), retention, true).unwrap();
    let before = exported(ledger);
    assert_eq!(exported(ledger), before, "a rehearsal changes nothing");
    let done = ledger.prune(minute(minutes), retention, false).unwrap();
    assert_eq!(Pruning { event: None, is_reclaimed: false, ..done }, rehearsed);
    assert_eq!(verified(ledger), "well");
    done
}

/// Says of each analysis which of its bodies and evidence are there.
fn kept(ledger: &mut Ledger) -> Vec<String> {
    let mut said = Vec::new();
    for event in ledger.events(&serin_ledger::Selection::default(), 0, 1000).unwrap() {
        let proofs = event.header.evidence.iter();
        let proofs = proofs.filter(|it| ledger.evidence(it).unwrap().is_some()).count();
        let body = if matches!(event.body, StoredBody::Kept(_)) { "body" } else { "no body" };
        if !event.header.evidence.is_empty() && event.header.kind != Kind::LedgerPruned {
            said.push(format!(
                "{} {}: {body}, {proofs} evidence",
                event.header.kind, event.header.subject
            ));
        }
    }
    said.dedup();
    said
}

#[test]
fn old_verdicts_lose_their_points_and_reports_and_known_good_does_not() {
    on_each(|place| {
        let ledger = &mut place().open();
        whole(ledger, "1.0", 0, Outcome::Pass);
        whole(ledger, "1.1", 100, Outcome::Pass);
        whole(ledger, "1.2", 200, Outcome::Fail);
        let labelled_one = whole(ledger, "1.3", 300, Outcome::Fail).id;
        append(ledger, labelled(labelled_one, Label::Right, "label"), Vec::new());
        append(ledger, begun("1.4", 310), Vec::new());
        let (event, evidence) = points("1.4", 1, 311);
        append(ledger, event, vec![evidence]);
        whole(ledger, "1.5", 980, Outcome::Inconclusive);
        let history = |ledger: &mut Ledger| {
            ledger.project::<ServiceHistory>(Some("checkout")).unwrap().to_bytes()
        };
        let before = history(ledger);

        let retention = Retention { verdicts: Some(HOUR), ..Retention::default() };
        let pruned = prune(ledger, 1000, &retention);
        assert_eq!((pruned.expired_verdicts, pruned.kept_verdicts), (2, 3));
        // Three batches of points and the report, of two verdicts; the Check's text is needed elsewhere.
        assert_eq!((pruned.bodies, pruned.evidence, pruned.is_partial), (6, 8, false));
        assert!(pruned.bytes > 100);
        insta::assert_debug_snapshot!("kept", kept(ledger));
        assert_eq!(history(ledger), before);
        let event = ledger.event(pruned.event.unwrap()).unwrap().unwrap();
        assert_eq!(event.header.kind, Kind::LedgerPruned);
        let StoredBody::Kept(body) = &event.body else { panic!("it has a body") };
        assert_eq!(body.as_str(), r#"{"bodies":6,"evidence":8,"policy":["verdicts: 3600 s"]}"#);

        // Again there is nothing to do, and nothing is said.
        let head = ledger.head().unwrap();
        let again = prune(ledger, 1001, &retention);
        assert_eq!((again.bodies, again.evidence, again.event), (0, 0, None));
        assert_eq!(ledger.head().unwrap(), head);

        // The same event is still known to be the same, and its evidence may come back.
        let (event, evidence) = points("1.0", 1, 2);
        let digest = evidence.digest();
        assert!(append(ledger, event.clone(), Vec::new()).was_known);
        assert!(append(ledger, event, vec![evidence]).was_known);
        assert!(ledger.evidence(&digest).unwrap().is_some());
        assert_eq!(verified(ledger), "well");
    });
}

#[test]
fn labelled_verdicts_and_other_kinds_have_ages_of_their_own() {
    on_each(|place| {
        let ledger = &mut place().open();
        fill(ledger);
        let piece = Evidence::new(b"a diff").unwrap();
        let digest: Digest = piece.digest();
        append(ledger, change("2.0", 400).proven_by(vec![digest]).unwrap(), vec![piece]);
        let nothing = prune(ledger, 10_000, &Retention::default());
        assert_eq!((nothing.bodies, nothing.evidence), (0, 0));

        let retention = Retention { labelled: Some(HOUR), ..Retention::default() };
        assert_eq!(prune(ledger, 10_000, &retention).expired_verdicts, 2);
        assert!(ledger.evidence(&digest).unwrap().is_some());
        let kinds = [(Kind::ChangeNoted, HOUR)].into();
        let pruned = prune(ledger, 10_000, &Retention { kinds, ..Retention::default() });
        assert_eq!((pruned.bodies, pruned.evidence), (0, 1));
        assert!(ledger.evidence(&digest).unwrap().is_none());
    });
}

#[test]
fn what_led_to_a_verdict_that_is_kept_is_kept() {
    on_each(|place| {
        let ledger = &mut place().open();
        let piece = Evidence::new(b"a diff").unwrap();
        let digest = piece.digest();
        let change = change("1.0", 0).proven_by(vec![digest]).unwrap();
        let cause = append(ledger, change, vec![piece]).id;
        let (verdict, report) = ended("1.0", 10, Outcome::Pass);
        let causes = vec![serin_ledger::Cause::Event(cause)];
        append(ledger, verdict.caused_by(causes).unwrap(), vec![report]);
        let kinds = [(Kind::ChangeNoted, HOUR)].into();
        let pruned = prune(ledger, 10_000, &Retention { kinds, ..Retention::default() });
        assert_eq!(pruned.evidence, 0);
        assert!(ledger.evidence(&digest).unwrap().is_some());
    });
}

#[test]
fn space_of_what_went_is_given_back() {
    let place = File::new();
    let mut ledger = place.open();
    append(&mut ledger, change("1.0", 0), Vec::new());
    let noise = |seed: u64| -> Vec<u8> {
        let digests =
            (0..32_000_u64).map(|number| Digest::of(format!("{seed} {number}").as_bytes()));
        digests.flat_map(|digest| *digest.as_bytes()).collect()
    };
    for minutes in 1..=5 {
        let piece = Evidence::new(&noise(minutes)).unwrap();
        let digest = piece.digest();
        let event = change(&format!("noise {minutes}"), minutes as i64);
        append(&mut ledger, event.proven_by(vec![digest]).unwrap(), vec![piece]);
    }
    let size = || std::fs::metadata(place.path()).unwrap().len();
    let kinds = [(Kind::ChangeNoted, HOUR)].into();
    let pruned = prune(&mut ledger, 10_000, &Retention { kinds, ..Retention::default() });
    assert!(pruned.bytes > 5_000_000 && pruned.is_reclaimed);
    assert!(size() < 200_000, "{} bytes are left", size());
    assert_eq!(verified(&mut ledger), "well");
}
