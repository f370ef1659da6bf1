//! What came of verdicts.

use proptest::prelude::*;
use serin_ledger::fact::{
    ActDone, Alteration, AnalysisBegun, ChangeNoted, Decision, Label, Person,
};
use serin_ledger::{
    Cause, EventId, Evidence, Fact, Key, Ledger, Parcel, Scorecard, Submission, Tally,
};
use serin_model::Outcome;

use crate::databases::{File, Place as _, on_each};
use crate::sample::*;

/// Appends what a line says, such as `fail 1.1` or `label 1.1 wrong`. Verdicts are called by their version,
/// changes and acts by the word before it. A line of another word withdraws an event.
fn tell(ledger: &mut Ledger, number: i64, line: &str) {
    let (event, evidence) = event_of(ledger, number, line);
    append_at(ledger, minute(number), event, evidence);
}

fn event_of(ledger: &mut Ledger, number: i64, line: &str) -> (Submission, Vec<Evidence>) {
    let words: Vec<&str> = line.split_whitespace().collect();
    let (word, version, rest) = (&words[0], &words[1], &words[2..]);
    let id = format!("{}-{number}", words.join("-"));
    let is = |name: &str| rest.contains(&name);
    let nothing = Vec::new();
    let about = |ledger: &mut Ledger, name: &str| id_of(ledger, name);
    match *word {
        "change" => (change(version, number), nothing),
        "begin" => {
            let fact = AnalysisBegun {
                change: None,
                check: serin_ledger::Digest::of(CHECK),
                judge: judge(),
                shadow: is("shadow"),
                aa: is("aa"),
                horizon: None,
            };
            let begun =
                event(&id, number, &format!("analysis/{version}"), &Fact::AnalysisBegun(fact));
            let check = Evidence::new(CHECK).unwrap();
            (begun.proven_by(vec![check.digest()]).unwrap(), vec![check])
        }
        "pass" | "fail" | "inconclusive" => {
            let outcome = match *word {
                "pass" => Outcome::Pass,
                "fail" => Outcome::Fail,
                _ => Outcome::Inconclusive,
            };
            let (verdict, report) = ended(version, 0, outcome);
            let mut header = verdict.header().clone();
            header.occurred_at = minute(number);
            (Submission::of_parts(header, verdict.body().clone()).unwrap(), vec![report])
        }
        "label" => {
            let label = if is("right") { Label::Right } else { Label::Wrong };
            (labelled(about(ledger, &format!("ended-{version}-0")), label, &id), nothing)
        }
        "override" => {
            let decision = match rest {
                ["promote"] => Decision::Promote,
                ["hold"] => Decision::Hold,
                _ => Decision::RollBack,
            };
            let verdict = about(ledger, &format!("ended-{version}-0"));
            let fact = serin_ledger::fact::VerdictOverridden {
                decision,
                by: "ann".to_owned(),
                reason: None,
            };
            let event = event(&id, number, "override", &Fact::VerdictOverridden(fact));
            (event.caused_by(vec![Cause::Event(verdict)]).unwrap(), nothing)
        }
        "rollback" | "heal" => {
            let what = if *word == "heal" { Alteration::Heal } else { Alteration::Rollback };
            let fact = ChangeNoted {
                what,
                from: Some((*version).to_owned()),
                to: None,
                reference: None,
                ended_at: None,
                note: None,
            };
            let cause = match rest {
                ["act"] => Key::new("test", format!("act-{version}")),
                ["verdict"] => Key::new("test", format!("ended-{version}-0")),
                _ => Key::new("test", format!("change-{version}")),
            };
            let name = format!("{word}-{version}");
            let event = event(&name, number, &format!("change/{name}"), &Fact::ChangeNoted(fact));
            (event.caused_by(vec![Cause::Key(cause)]).unwrap(), nothing)
        }
        "act" => {
            let fact = ActDone { act: "roll back".to_owned(), rule: None, by: None, undo: None };
            let verdict = Key::new("test", format!("ended-{version}-0"));
            let event = event(&format!("act-{version}"), number, "act", &Fact::ActDone(fact));
            (event.caused_by(vec![Cause::Key(verdict)]).unwrap(), nothing)
        }
        "undo" => {
            let act = about(ledger, &format!("act-{version}"));
            let fact = Person { by: "ann".to_owned(), reason: None };
            let event = event(&id, number, "undo", &Fact::ActUndone(fact));
            (event.caused_by(vec![Cause::Event(act)]).unwrap(), nothing)
        }
        _ => (corrected(about(ledger, version), None, &id), nothing),
    }
}

fn id_of(ledger: &mut Ledger, source_id: &str) -> EventId {
    ledger.event_of_key(&Key::new("test", source_id)).unwrap().unwrap().id
}

fn scorecard(ledger: &mut Ledger) -> Scorecard {
    ledger.project(Some("checkout")).unwrap().state
}

/// Shows what came of every verdict.
fn shown(ledger: &mut Ledger) -> String {
    let scorecard = scorecard(ledger);
    let lines = scorecard.aftermaths().into_iter().map(|aftermath| {
        let mut line = format!("{:?}", aftermath.truth);
        if let Some(overridden) = aftermath.overridden {
            line += &format!(", overridden: {overridden:?}");
        }
        if aftermath.is_prevented {
            line += ", prevented";
        }
        line
    });
    lines.collect::<Vec<_>>().join("; ")
}

#[test]
fn what_came_of_a_verdict_follows_from_what_was_said_and_done() {
    let cases = [
        ("nobody says anything", "change 1|pass 1", "Undecided"),
        ("a failure alone", "change 1|fail 1", "Undecided"),
        ("a person confirms a pass", "pass 1|label 1 right", "Confirmed"),
        ("a person denies a pass", "pass 1|label 1 wrong", "Missed"),
        ("a person confirms a failure", "fail 1|label 1 right", "Caught"),
        ("a person denies a failure", "fail 1|label 1 wrong", "FalseAlarm"),
        ("the last label counts", "fail 1|label 1 wrong|label 1 right", "Caught"),
        (
            "a label that is withdrawn does not",
            "fail 1|label 1 right|label 1 wrong|withdraw label-1-wrong-2",
            "Caught",
        ),
        ("a pass that was rolled back", "change 1|pass 1|rollback 1", "Missed"),
        ("a pass that was healed", "change 1|pass 1|heal 1", "Missed"),
        ("a rollback that names the verdict", "change 1|pass 1|rollback 1 verdict", "Missed"),
        ("another change was rolled back", "change 1|change 2|pass 1|rollback 2", "Undecided"),
        ("the rollback was noted first", "rollback 1|change 1|pass 1", "Missed"),
        (
            "a rollback that is withdrawn",
            "change 1|pass 1|rollback 1|withdraw rollback-1",
            "Undecided",
        ),
        ("a label outweighs a rollback", "change 1|pass 1|rollback 1|label 1 right", "Confirmed"),
        ("a failure that was rolled back", "change 1|fail 1|rollback 1", "Undecided, prevented"),
        ("a failure that was acted on", "change 1|fail 1|act 1", "Undecided, prevented"),
        ("and labelled", "change 1|fail 1|act 1|label 1 right", "Caught, prevented"),
        (
            "the rollback names the act",
            "change 1|fail 1|act 1|rollback 1 act",
            "Undecided, prevented",
        ),
        ("an act that was undone", "change 1|fail 1|act 1|undo 1", "Undecided"),
        ("a wrong failure prevents nothing", "change 1|fail 1|act 1|label 1 wrong", "FalseAlarm"),
        (
            "promoted all the same",
            "change 1|fail 1|override 1 promote",
            "FalseAlarm, overridden: Open",
        ),
        (
            "promoted, and taken back after all",
            "change 1|fail 1|override 1 promote|rollback 1",
            "Caught, overridden: JudgeRight, prevented",
        ),
        (
            "taken back, and promoted after all",
            "change 1|fail 1|rollback 1|override 1 promote",
            "FalseAlarm, overridden: Open",
        ),
        (
            "promoted, and the label says rightly",
            "change 1|fail 1|override 1 promote|label 1 wrong",
            "FalseAlarm, overridden: PersonRight",
        ),
        ("held all the same", "change 1|pass 1|override 1 hold", "Undecided, overridden: Open"),
        (
            "held, and the pass was wrong",
            "change 1|pass 1|override 1 hold|label 1 wrong",
            "Missed, overridden: PersonRight",
        ),
        (
            "rolled back by the one who overrode it",
            "change 1|pass 1|override 1 roll_back|rollback 1",
            "Missed, overridden: Open",
        ),
        ("agreed with", "change 1|fail 1|override 1 roll_back", "Undecided"),
        ("left to people, who decided", "change 1|inconclusive 1|override 1 promote", "Held"),
        ("shadow: nobody heard of it", "change 1|begin 1 shadow|fail 1|rollback 1", "Caught"),
        ("shadow: nothing happened", "change 1|begin 1 shadow|fail 1", "Undecided"),
        ("A/A: passed", "begin 1 aa|pass 1", "Confirmed"),
        ("A/A: failed", "begin 1 aa|fail 1", "FalseAlarm"),
        ("A/A: the arms were not alike", "begin 1 aa|fail 1|label 1 right", "Caught"),
        ("A/A: the beginning arrives late", "fail 1|begin 1 aa", "FalseAlarm"),
        ("a verdict that is withdrawn", "change 1|fail 1|withdraw ended-1-0", ""),
    ];
    for (name, script, expected) in cases {
        let file = File::new();
        let ledger = &mut file.open();
        for (number, line) in (0..).zip(script.split('|')) {
            tell(ledger, number, line);
        }
        assert_eq!(shown(ledger), expected, "{name}");
    }
}

/// Some of everything, with the lines that must come before others.
const STORY: &[&str] = &[
    "change 1.0",
    "begin 1.0",
    "pass 1.0",
    "label 1.0 right",
    "change 1.1",
    "begin 1.1",
    "fail 1.1",
    "act 1.1",
    "rollback 1.1 act",
    "change 1.2",
    "begin 1.2 shadow",
    "pass 1.2",
    "rollback 1.2",
    "change 1.3",
    "begin 1.3 shadow",
    "fail 1.3",
    "heal 1.3",
    "begin aa-1 aa",
    "fail aa-1",
    "begin aa-2 aa",
    "inconclusive aa-2",
    "change 1.4",
    "begin 1.4",
    "fail 1.4",
    "override 1.4 promote",
    "inconclusive 1.5",
];

#[test]
fn verdicts_are_counted_by_check_judge_and_mode() {
    on_each(|place| {
        let ledger = &mut place().open();
        for (number, line) in (0..).zip(STORY) {
            tell(ledger, number, line);
        }
        let records = scorecard(ledger).records();
        // Nothing says how the analysis of 1.5 began, and by which Check.
        assert_eq!(records.iter().map(|it| it.check.is_some()).collect::<Vec<_>>(), [false, true]);
        let record = &records[1];
        assert_eq!(record.span, (minute(2), minute(23)));
        let tally = |tally: &Tally| {
            [tally.verdicts(), tally.caught, tally.missed, tally.false_alarms, tally.confirmed]
        };
        assert_eq!(tally(&record.acting), [3, 0, 0, 1, 1]);
        assert_eq!((record.acting.prevented, record.acting.undecided), (1, 1));
        assert_eq!(record.acting.overridden(), 1);
        assert_eq!(tally(&record.shadow), [2, 1, 1, 0, 0]);
        assert_eq!((tally(&record.aa), record.aa.held), ([2, 0, 0, 1, 0], 1));
    });
}

#[test]
fn a_scorecard_has_the_same_bytes_from_nothing_and_from_any_snapshot() {
    on_each(|place| {
        let (ledger, grown) = (&mut place().open(), &mut place().open());
        for (number, line) in (0..).zip(STORY) {
            tell(ledger, number, line);
            tell(grown, number, line);
            let projected = grown.project::<Scorecard>(Some("checkout")).unwrap();
            grown.keep_snapshot(Some("checkout"), &projected).unwrap();
        }
        let whole = ledger.project::<Scorecard>(Some("checkout")).unwrap();
        let again = grown.project::<Scorecard>(Some("checkout")).unwrap();
        // Ids carry the moment of arrival, which is the same here.
        assert_eq!(again.to_bytes(), whole.to_bytes());
        let moved = &mut place().open();
        moved.import(&mut exported(ledger).as_bytes()).unwrap();
        assert_eq!(
            moved.project::<Scorecard>(Some("checkout")).unwrap().to_bytes(),
            whole.to_bytes()
        );
    });
}

/// Whether a line names an event by its id, which must be there.
fn is_ready(line: &str, told: &[usize]) -> bool {
    let words: Vec<&str> = line.split_whitespace().collect();
    let needed = match words[0] {
        "label" | "override" => vec!["pass", "fail", "inconclusive"],
        "undo" => vec!["act"],
        _ => return true,
    };
    told.iter().any(|index| {
        let other: Vec<&str> = STORY[*index].split_whitespace().collect();
        needed.contains(&other[0]) && other[1] == words[1]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn the_order_of_arrival_changes_no_count(order in Just((0..STORY.len()).collect::<Vec<_>>()).prop_shuffle()) {
        let file = File::new();
        let ledger = &mut file.open();
        let (mut told, mut waiting) = (Vec::new(), order);
        while !waiting.is_empty() {
            let next = waiting.iter().position(|index| is_ready(STORY[*index], &told)).unwrap();
            let index = waiting.remove(next);
            let (event, evidence) = event_of(ledger, index as i64, STORY[index]);
            let arrival = minute(1000 + told.len() as i64);
            let parcel = Parcel::new(arrival, evidence, vec![event]).unwrap();
            prop_assert!(ledger.append(&[parcel]).unwrap()[0].is_ok());
            told.push(index);
        }
        let ordered = File::new();
        let in_order = &mut ordered.open();
        for (number, line) in (0..).zip(STORY) {
            tell(in_order, number, line);
        }
        prop_assert_eq!(scorecard(ledger).records(), scorecard(in_order).records());
    }
}
