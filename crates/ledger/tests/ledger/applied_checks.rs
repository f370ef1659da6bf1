//! Which Checks are in force.

use std::time::Duration;

use serin_ledger::fact::{CheckApplied, CheckText};
use serin_ledger::{
    AppliedChecks, Digest, EventId, Evidence, Fact, Key, Kind, Ledger, Projection as _, Retention,
    Scope, Submission,
};

use crate::databases::on_each;
use crate::sample::*;

/// Has a text come into force for a scope of `checkout`; an empty one says that the Check left.
fn apply(ledger: &mut Ledger, id: &str, labels: &[(&str, &str)], text: &str) -> EventId {
    let (event, evidence) = applied(id, labels, text);
    append(ledger, event, evidence).id
}

fn applied(id: &str, labels: &[(&str, &str)], text: &str) -> (Submission, Vec<Evidence>) {
    let evidence =
        if text.is_empty() { None } else { Some(Evidence::new(text.as_bytes()).unwrap()) };
    let to = evidence.as_ref().map(Evidence::digest);
    let text = |sha256| CheckText { name: "checkout.yaml".to_owned(), sha256 };
    let fact = Fact::CheckApplied(CheckApplied {
        from: None,
        to,
        by: "ann".to_owned(),
        reference: None,
        texts: to.into_iter().map(text).collect(),
        origin: None,
    });
    let event = Submission::new(Key::new("test", id), minute(0), of(labels), "check/a", &fact);
    (event.unwrap().proven_by(to.into_iter().collect()).unwrap(), evidence.into_iter().collect())
}

fn of(labels: &[(&str, &str)]) -> Scope {
    let scope = Scope::of_service("checkout");
    labels.iter().fold(scope, |scope, (name, value)| scope.with(*name, *value))
}

fn checks(ledger: &mut Ledger) -> AppliedChecks {
    ledger.project::<AppliedChecks>(None).unwrap().state
}

/// Says which text holds where.
fn in_force(ledger: &mut Ledger) -> Vec<String> {
    let checks = checks(ledger);
    let mut text = |digest: Digest| match ledger.evidence(&digest).unwrap() {
        Some(text) => String::from_utf8(text.expand().unwrap()).unwrap(),
        None => "gone".to_owned(),
    };
    checks.in_force().map(|it| format!("{}: {}", it.scope, text(it.fact.to.unwrap()))).collect()
}

#[test]
fn the_check_that_arrived_last_holds_until_it_leaves_or_is_withdrawn() {
    on_each(|place| {
        let ledger = &mut place().open();
        assert!(in_force(ledger).is_empty() && checks(ledger).last_events().is_empty());
        let eu = [("region", "eu")];
        apply(ledger, "1", &[], "one");
        let second = apply(ledger, "2", &[], "two");
        apply(ledger, "3", &eu, "of Europe");
        assert_eq!(in_force(ledger), ["checkout: two", "checkout{region=eu}: of Europe"]);
        assert_eq!(checks(ledger).last_events().get(&of(&[])), Some(&second));

        let correction = append(ledger, corrected(second, None, "4"), Vec::new()).id;
        assert_eq!(in_force(ledger)[0], "checkout: one");
        assert_eq!(checks(ledger).last_events().get(&of(&[])), Some(&correction));
        let third = Digest::of(b"two");
        let body = serde_json::json!({"to": third, "by": "bob"});
        append(ledger, corrected(second, Some(body), "5"), Vec::new());
        assert_eq!(in_force(ledger)[0], "checkout: two");

        apply(ledger, "6", &eu, "");
        assert_eq!(in_force(ledger), ["checkout: two"]);
        assert_eq!(verified(ledger), "well");
    });
}

#[test]
fn a_state_that_is_kept_is_the_one_made_anew() {
    on_each(|place| {
        let ledger = &mut place().open();
        apply(ledger, "1", &[], "one");
        let kept = ledger.project::<AppliedChecks>(None).unwrap();
        ledger.keep_snapshot(None, &kept).unwrap();
        let id = apply(ledger, "2", &[("region", "eu")], "two");
        append(ledger, corrected(id, None, "3"), Vec::new());
        let anew = ledger.project::<AppliedChecks>(None).unwrap();
        assert_eq!(ledger.advance(None, kept).unwrap(), anew);
        let mut by_hand = AppliedChecks::default();
        for event in ledger.events(&serin_ledger::Selection::default(), 0, 10).unwrap() {
            by_hand.apply(&event);
        }
        assert_eq!(anew.state, by_hand);
    });
}

#[test]
fn the_check_that_fits_a_scope_best_is_the_one_to_judge_it_by() {
    let ledger = &mut crate::databases::Place::open(&crate::databases::File::new());
    let (eu, us) = (("region", "eu"), ("region", "us"));
    let (prod, test) = (("environment", "prod"), ("environment", "test"));
    apply(ledger, "1", &[], "any");
    apply(ledger, "2", &[eu], "eu");
    apply(ledger, "3", &[eu, prod], "eu prod");
    apply(ledger, "4", &[us, prod], "us prod");
    apply(ledger, "5", &[us, test], "us test");
    let checks = checks(ledger);
    let rows: [(&[(&str, &str)], &str); 8] = [
        (&[], "checkout"),
        (&[eu], "checkout{region=eu}"),
        (&[eu, prod], "checkout{environment=prod, region=eu}"),
        (&[eu, test], "checkout{region=eu}"),
        (&[("region", "asia")], "checkout"),
        (&[us, prod, ("pod", "a")], "checkout{environment=prod, region=us}"),
        (&[prod], "two"),
        (&[us], "two"),
    ];
    for (labels, expected) in rows {
        let found = checks.fitting(&of(labels));
        let found = found.map_or("two".to_owned(), |entry| entry.scope.to_string());
        assert_eq!(found, expected, "{labels:?}");
    }
    assert_eq!(
        checks.fitting(&of(&[us])).unwrap_err().to_string(),
        "several applied Checks fit `checkout{region=us}` alike: `checkout{environment=prod, region=us}`, \
         `checkout{environment=test, region=us}`\n\nhint: name the labels that tell them apart"
    );
    assert_eq!(
        checks.fitting(&Scope::of_service("shop")).unwrap_err().to_string(),
        "no Check of `shop` is applied\n\nhint: hand one in with the request, or apply one with \
         `serin checks apply`"
    );
}

#[test]
fn pruning_keeps_the_texts_of_checks_in_force() {
    on_each(|place| {
        let ledger = &mut place().open();
        apply(ledger, "1", &[], "old");
        apply(ledger, "2", &[], "new");
        let kinds = [(Kind::CheckApplied, Duration::from_secs(3600))].into();
        let retention = Retention { kinds, ..Retention::default() };
        let pruned = ledger.prune(minute(1_000_000), &retention, false).unwrap();
        assert_eq!(pruned.evidence, 1);
        assert_eq!(in_force(ledger), ["checkout: new"]);
        assert_eq!(ledger.evidence(&Digest::of(b"old")).unwrap(), None);
        assert_eq!(verified(ledger), "well");
    });
}
