//! Events to fill ledgers with.

use serin_ledger::fact::{
    Alteration, AnalysisBegun, AnalysisEnded, ChangeNoted, Correction, Decision, Judge, Label,
    PointsTaken, VerdictLabelled, VerdictOverridden,
};
use serin_ledger::{
    Cause, Digest, EventId, Evidence, Fact, Key, Ledger, Parcel, Receipt, Scope, Submission,
};
use serin_model::{Outcome, Timestamp};

/// 2020-09-13T12:26:40Z
pub(crate) const START: i64 = 1_600_000_000_000;

/// Returns the moment so many minutes after the start.
pub(crate) fn minute(minutes: i64) -> Timestamp {
    Timestamp::from_millis(START + minutes * 60_000)
}

pub(crate) fn scope() -> Scope {
    Scope::of_service("checkout").with("environment", "prod")
}

pub(crate) fn judge() -> Judge {
    Judge { name: "sequential".to_owned(), revision: 4 }
}

/// An event whose source calls it `id`.
pub(crate) fn event(id: &str, minutes: i64, subject: &str, fact: &Fact) -> Submission {
    Submission::new(Key::new("test", id), minute(minutes), scope(), subject, fact).unwrap()
}

pub(crate) fn change(version: &str, minutes: i64) -> Submission {
    let fact = ChangeNoted {
        what: Alteration::Deploy,
        from: None,
        to: Some(version.to_owned()),
        reference: None,
        ended_at: None,
        note: None,
    };
    event(
        &format!("change-{version}"),
        minutes,
        &format!("change/{version}"),
        &Fact::ChangeNoted(fact),
    )
}

/// An analysis of a version begins; the Check's text is its evidence.
pub(crate) fn begun(version: &str, minutes: i64) -> Submission {
    let check = Digest::of(CHECK);
    let fact = AnalysisBegun {
        change: Some(format!("change/{version}")),
        check,
        judge: judge(),
        shadow: false,
        aa: false,
        horizon: Some(minute(minutes + 60)),
    };
    event(&format!("begun-{version}"), minutes, &analysis(version), &Fact::AnalysisBegun(fact))
        .proven_by(vec![check])
        .unwrap()
}

pub(crate) const CHECK: &[u8] = b"service: checkout\n";

fn analysis(version: &str) -> String {
    format!("analysis/{version}")
}

/// A batch of points of an analysis, and the points.
pub(crate) fn points(version: &str, batch: u64, minutes: i64) -> (Submission, Evidence) {
    let text = format!("points of {version}, batch {batch}: {}\n", "1 2 3 ".repeat(8));
    let evidence = Evidence::new(text.as_bytes()).unwrap();
    let fact = PointsTaken { batch, points: 300, up_to: minute(minutes) };
    let id = format!("points-{version}-{batch}");
    let event = event(&id, minutes, &analysis(version), &Fact::PointsTaken(fact));
    (event.proven_by(vec![evidence.digest()]).unwrap(), evidence)
}

/// The verdict of an analysis, and its report.
pub(crate) fn ended(version: &str, minutes: i64, outcome: Outcome) -> (Submission, Evidence) {
    let report = format!("the report of {version}: {outcome}");
    let evidence = Evidence::new(report.as_bytes()).unwrap();
    let fact = AnalysisEnded {
        outcome,
        reason: None,
        change: Some(format!("change/{version}")),
        judge: judge(),
        shadow: false,
    };
    let id = format!("ended-{version}-{minutes}");
    let event = event(&id, minutes, &analysis(version), &Fact::AnalysisEnded(fact));
    (event.proven_by(vec![evidence.digest()]).unwrap(), evidence)
}

pub(crate) fn labelled(verdict: EventId, label: Label, id: &str) -> Submission {
    let fact = VerdictLabelled { label, by: "ann".to_owned(), reason: None };
    speaking_of(verdict, event(id, 0, "label", &Fact::VerdictLabelled(fact)))
}

pub(crate) fn overridden(verdict: EventId, decision: Decision, id: &str) -> Submission {
    let fact = VerdictOverridden { decision, by: "ann".to_owned(), reason: None };
    speaking_of(verdict, event(id, 0, "override", &Fact::VerdictOverridden(fact)))
}

pub(crate) fn corrected(of: EventId, body: Option<serde_json::Value>, id: &str) -> Submission {
    let fact = Correction { body, by: "ann".to_owned(), reason: None };
    speaking_of(of, event(id, 0, "correction", &Fact::Correction(fact)))
}

fn speaking_of(cause: EventId, event: Submission) -> Submission {
    event.caused_by(vec![Cause::Event(cause)]).unwrap()
}

/// Appends one event with its evidence, known when it occurred.
pub(crate) fn append(ledger: &mut Ledger, event: Submission, evidence: Vec<Evidence>) -> Receipt {
    append_at(ledger, event.header().occurred_at, event, evidence)
}

pub(crate) fn append_at(
    ledger: &mut Ledger,
    known_at: Timestamp,
    event: Submission,
    evidence: Vec<Evidence>,
) -> Receipt {
    let parcel = Parcel::new(known_at, evidence, vec![event]).unwrap();
    let mut answers = ledger.append(&[parcel]).unwrap();
    answers.remove(0).unwrap().remove(0)
}

/// A change with the whole of its analysis. Returns the receipt of the verdict.
pub(crate) fn whole(ledger: &mut Ledger, version: &str, minutes: i64, outcome: Outcome) -> Receipt {
    append(ledger, change(version, minutes), Vec::new());
    append(ledger, begun(version, minutes + 1), vec![Evidence::new(CHECK).unwrap()]);
    for batch in 1..=3 {
        let (event, evidence) = points(version, batch, minutes + 1 + batch as i64);
        append(ledger, event, vec![evidence]);
    }
    let (event, evidence) = ended(version, minutes + 10, outcome);
    append(ledger, event, vec![evidence])
}

/// A ledger with some of everything.
pub(crate) fn fill(ledger: &mut Ledger) {
    let first = whole(ledger, "1.0", 0, Outcome::Pass);
    let second = whole(ledger, "1.1", 100, Outcome::Fail);
    append(ledger, labelled(second.id, Label::Right, "label-1"), Vec::new());
    let third = whole(ledger, "1.2", 200, Outcome::Pass);
    append(ledger, labelled(third.id, Label::Wrong, "label-2"), Vec::new());
    append(ledger, overridden(first.id, Decision::Promote, "override-1"), Vec::new());
    append(ledger, change("1.3", 300), Vec::new());
    append(ledger, begun("1.3", 301), Vec::new());
}

/// Returns everything that verification says.
pub(crate) fn verified(ledger: &mut Ledger) -> String {
    let found = ledger.verify(None).unwrap();
    if found.is_well() { "well".to_owned() } else { found.faults.join("\n") }
}

/// Returns the export as text.
pub(crate) fn exported(ledger: &mut Ledger) -> String {
    let mut bytes = Vec::new();
    ledger.export(&mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}
