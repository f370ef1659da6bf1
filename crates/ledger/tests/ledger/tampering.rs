//! Whatever is changed behind the ledger's back is told, and where.

use insta::assert_snapshot;
use serin_ledger::NotedHead;
use serin_model::Outcome;

use crate::databases::on_each;
use crate::sample::*;

/// What is done to a ledger of twelve events, and what verification says of it.
const CASES: &[(&str, &str)] = &[
    ("nothing", ""),
    (
        "a body is changed",
        "UPDATE events SET body = replace(body, '1.0', '6.6') WHERE position = 1",
    ),
    ("a time is changed", "UPDATE events SET occurred_at = occurred_at + 1 WHERE position = 3"),
    ("known earlier", "UPDATE events SET known_at = known_at - 1 WHERE position = 3"),
    ("another subject", "UPDATE events SET subject = 'change/6.6' WHERE position = 7"),
    (
        "a body and its digest",
        "UPDATE events SET body = '{}', body_digest = \
     x'44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a' WHERE position = 1",
    ),
    ("an event is gone", "DELETE FROM events WHERE position = 5"),
    ("three are gone", "DELETE FROM events WHERE position IN (5, 6, 7)"),
    ("the last are gone", "DELETE FROM events WHERE position > 10"),
    (
        "the last are gone, and the head knows",
        "DELETE FROM events WHERE position > 10; \
     UPDATE head SET position = 10",
    ),
    (
        "two are swapped",
        "UPDATE events SET position = 100 WHERE position = 4; \
     UPDATE events SET position = 4 WHERE position = 5; UPDATE events SET position = 5 WHERE position = 100",
    ),
    (
        "evidence is damaged",
        "UPDATE evidence SET compressed = x'00' WHERE digest = \
     (SELECT digest FROM evidence ORDER BY digest LIMIT 1)",
    ),
    (
        "evidence is gone",
        "DELETE FROM evidence WHERE digest = (SELECT digest FROM evidence ORDER BY digest LIMIT 1)",
    ),
    (
        "bytes are gone",
        "UPDATE evidence SET compressed = NULL WHERE digest = (SELECT digest FROM evidence ORDER BY digest LIMIT 1)",
    ),
    (
        "pruned, it is claimed",
        "UPDATE evidence SET compressed = NULL, pruned_by = 4 WHERE digest = \
     (SELECT digest FROM evidence ORDER BY digest LIMIT 1); UPDATE events SET body = NULL, pruned_by = 4 WHERE position = 3",
    ),
    ("causes are no JSON", "UPDATE events SET causes = 'no' WHERE position = 2"),
    ("a short link", "UPDATE events SET link = x'00' WHERE position = 2"),
];

#[test]
fn verification_says_what_and_where() {
    on_each(|place| {
        let mut said = String::new();
        for (name, statement) in CASES {
            let place = place();
            let mut ledger = place.open();
            whole(&mut ledger, "1.0", 0, Outcome::Pass);
            whole(&mut ledger, "1.1", 100, Outcome::Fail);
            drop(ledger);
            place.sql(statement);
            said += &format!("{name}\n");
            for line in verified(&mut place.open()).lines() {
                said += &format!("  {line}\n");
            }
        }
        assert_snapshot!("faults", said);
    });
}

#[test]
fn a_head_that_was_noted_down_shows_a_ledger_that_was_rewritten_as_a_whole() {
    on_each(|place| {
        let (ours, forged) = (place(), place());
        let mut ledger = ours.open();
        whole(&mut ledger, "1.0", 0, Outcome::Fail);
        let head = ledger.head().unwrap();
        let noted: NotedHead = format!("{}:{}", head.position, head.link).parse().unwrap();
        whole(&mut ledger, "1.1", 100, Outcome::Pass);
        assert!(ledger.verify(Some(noted)).unwrap().is_well());

        let mut ledger = forged.open();
        whole(&mut ledger, "1.0", 0, Outcome::Pass);
        assert!(ledger.verify(None).unwrap().is_well());
        let found = ledger.verify(Some(noted)).unwrap();
        assert_eq!(found.n_faults, 1);
        assert!(found.faults[0].starts_with("event 6 has the link "), "{:?}", found.faults);

        let empty = place().open().verify(Some(noted)).unwrap();
        assert_eq!(empty.faults, ["event 6, which was noted down, is not there"]);
    });
}
