//! What a server asks of a ledger: tokens, the switch, and projections that keep up.

use serin_ledger::fact::{Person, Role, TokenIssued};
use serin_ledger::{
    Acting, Cause, Digest, EventId, Fact, Key, Ledger, Parcel, Scope, Selection, ServiceHistory,
    Submission, Tokens,
};

use crate::databases::on_each;
use crate::sample::*;

fn of_serin(id: &str, minutes: i64, subject: &str, fact: &Fact) -> Submission {
    Submission::new(Key::new("test", id), minute(minutes), Scope::itself(), subject, fact).unwrap()
}

fn issued(name: &str, expires: Option<i64>) -> Fact {
    Fact::TokenIssued(TokenIssued {
        name: name.to_owned(),
        role: Role::Submit,
        services: vec!["checkout".to_owned()],
        expires_at: expires.map(minute),
        hash: Digest::of(name.as_bytes()),
        by: "ann".to_owned(),
    })
}

fn person(reason: &str) -> Person {
    Person { by: "ann".to_owned(), reason: Some(reason.to_owned()) }
}

fn revoked(id: &str, minutes: i64, token: EventId) -> Submission {
    let event = of_serin(id, minutes, "token/a", &Fact::TokenRevoked(person("it leaked")));
    event.caused_by(vec![Cause::Event(token)]).unwrap()
}

fn tokens(ledger: &mut Ledger) -> Tokens {
    ledger.project::<Tokens>(Some("(serin)")).unwrap().state
}

/// Says of each token whether it is valid at a minute.
fn valid(ledger: &mut Ledger, minutes: i64) -> String {
    let tokens = tokens(ledger);
    let shown = tokens.all().map(|(subject, token)| {
        format!("{subject} {} {}", token.issued.name, token.is_valid(minute(minutes)))
    });
    shown.collect::<Vec<_>>().join(", ")
}

#[test]
fn a_token_is_valid_until_it_expires_or_is_revoked() {
    on_each(|place| {
        let ledger = &mut place().open();
        assert!(tokens(ledger).is_empty());
        let first = append(ledger, of_serin("1", 0, "token/a", &issued("a", None)), Vec::new()).id;
        append(ledger, of_serin("2", 0, "token/b", &issued("b", Some(60))), Vec::new());
        // Nobody takes a token over by issuing another of the same subject.
        append(ledger, of_serin("3", 1, "token/a", &issued("impostor", None)), Vec::new());
        assert_eq!(valid(ledger, 59), "token/a a true, token/b b true");
        assert_eq!(valid(ledger, 60), "token/a a true, token/b b false");
        append(ledger, revoked("4", 70, first), Vec::new());
        append(ledger, revoked("5", 80, first), Vec::new());
        let after = tokens(ledger);
        let token = after.of_subject("token/a").unwrap();
        assert_eq!((token.revoked_at, token.is_valid(minute(0))), (Some(minute(70)), false));
        assert_eq!(verified(ledger), "well");
    });
}

#[test]
fn a_revocation_speaks_of_a_token_alone() {
    on_each(|place| {
        let ledger = &mut place().open();
        let pause = of_serin("1", 0, "acting", &Fact::ActingPaused(person("a fire")));
        let pause = append(ledger, pause, Vec::new()).id;
        let parcel = Parcel::new(minute(1), Vec::new(), vec![revoked("2", 1, pause)]).unwrap();
        let refused = ledger.append(&[parcel]).unwrap().remove(0).unwrap_err();
        assert_eq!(
            refused.to_string(),
            format!(
                "`2` of `test` is a `token.revoked`, which speaks of `token.issued`, and {pause} is a \
                 `acting.paused`\n\nhint: name the one event that it speaks of, by its id"
            )
        );
    });
}

#[test]
fn acting_is_paused_until_it_is_resumed() {
    on_each(|place| {
        let ledger = &mut place().open();
        let since = |ledger: &mut Ledger| {
            let acting = ledger.project::<Acting>(Some("(serin)")).unwrap().state;
            acting.paused.map(|pause| (pause.since, pause.person.reason.unwrap()))
        };
        assert_eq!(since(ledger), None);
        let pause = |reason: &str| Fact::ActingPaused(person(reason));
        append(ledger, of_serin("1", 5, "acting", &pause("a fire")), Vec::new());
        append(ledger, of_serin("2", 6, "acting", &pause("again")), Vec::new());
        assert_eq!(since(ledger), Some((minute(5), "a fire".to_owned())));
        // In the order of arrival: this one occurred before the pause, and came after it.
        let resumed = Fact::ActingResumed(person("out"));
        append(ledger, of_serin("3", 4, "acting", &resumed), Vec::new());
        assert_eq!(since(ledger), None);
    });
}

#[test]
fn a_projection_that_keeps_up_is_the_one_made_anew() {
    on_each(|place| {
        let ledger = &mut place().open();
        let mut kept = ledger.project::<ServiceHistory>(Some("checkout")).unwrap();
        for (index, version) in ["1.0", "1.1", "1.2"].into_iter().enumerate() {
            whole(ledger, version, index as i64 * 100, serin_model::Outcome::Pass);
            kept = ledger.advance(Some("checkout"), kept).unwrap();
            let anew = ledger.project::<ServiceHistory>(Some("checkout")).unwrap();
            assert_eq!(kept, anew);
        }
        // Of another ledger, which a backup may be, nothing is taken over.
        let other = &mut place().open();
        for version in ["2.0", "2.1", "2.2", "2.3"] {
            whole(other, version, 0, serin_model::Outcome::Fail);
        }
        let moved = other.advance(Some("checkout"), kept).unwrap();
        assert_eq!(moved, other.project::<ServiceHistory>(Some("checkout")).unwrap());
        assert_eq!(moved.state.verdicts().len(), 4);
    });
}

#[test]
fn events_are_selected_by_their_source() {
    on_each(|place| {
        let ledger = &mut place().open();
        fill(ledger);
        let other = Submission::new(
            Key::new("other", "1"),
            minute(0),
            scope(),
            "acting",
            &Fact::ActingPaused(person("a fire")),
        );
        append(ledger, other.unwrap(), Vec::new());
        let mut of = |source: &str| {
            let selection = Selection { source: Some(source.to_owned()), ..Selection::default() };
            ledger.events(&selection, 0, 1000).unwrap().len()
        };
        assert_eq!((of("other"), of("test"), of("nobody")), (1, 23, 0));
    });
}
