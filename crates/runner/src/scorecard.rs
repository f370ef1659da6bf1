//! How often Checks were right, and whether they are ready to gate.

use serin_ledger::fact::{Decision, Label};
use serin_ledger::{Aftermath, CheckRecord, Ledger, Scorecard, Tally, Truth};
use serin_model::Rate;
use serin_report::{
    CheckScorecard, Counts, ListedVerdict, OverriddenCounts, Readiness, Remark, ScorecardReport,
    ServiceScorecard, VerdictTruth, VerdictsReport,
};
use serin_stats::wilson_interval;

use crate::changes::{known_services, revision};
use crate::entry::EntryError;

/// The rate of false alarms that a Check must be shown to stay below, unless somebody says otherwise.
///
/// `docs/guide/scorecard.md` argues for it.
pub const USUAL_BOUND: f64 = 0.05;

/// Of the canaries known to be bad, how many must have been caught.
const LEAST_CAUGHT: f64 = 0.5;

/// Of all verdicts, how many may at most be left to people.
const MOST_HELD: f64 = 0.5;

const CONFIDENCE: f64 = 0.95;

/// Makes the scorecards of a service, or of all.
///
/// * `bound`: the rate of false alarms that a Check must be shown to stay below.
///
/// # Errors
///
/// Where the ledger cannot be read, or knows no such service.
pub fn scorecard(
    ledger: &mut Ledger,
    service: Option<&str>,
    bound: f64,
) -> Result<ScorecardReport, EntryError> {
    let names = match service {
        Some(service) => vec![known(ledger, service)?],
        None => ledger.services()?,
    };
    let mut services = Vec::new();
    for service in names {
        let state = ledger.project::<Scorecard>(Some(&service))?.state;
        let checks = state.records().iter().map(|record| check_card(record, bound)).collect();
        services.push(ServiceScorecard { service, checks });
    }
    if service.is_none() {
        services.retain(|service| !service.checks.is_empty());
    }
    Ok(ScorecardReport {
        version: ScorecardReport::VERSION,
        serin: env!("CARGO_PKG_VERSION").to_owned(),
        bound,
        services,
    })
}

/// Lists the verdicts of a service, and what came of each.
///
/// # Errors
///
/// Where the ledger cannot be read, or knows no such service.
pub fn verdicts(ledger: &mut Ledger, service: &str) -> Result<VerdictsReport, EntryError> {
    let service = known(ledger, service)?;
    let state = ledger.project::<Scorecard>(Some(&service))?.state;
    Ok(VerdictsReport {
        version: VerdictsReport::VERSION,
        serin: env!("CARGO_PKG_VERSION").to_owned(),
        verdicts: state.aftermaths().iter().map(listed).collect(),
        service,
    })
}

pub(crate) fn known(ledger: &mut Ledger, service: &str) -> Result<String, EntryError> {
    if ledger.services()?.iter().any(|known| known == service) {
        return Ok(service.to_owned());
    }
    Err(EntryError::NotFound {
        problem: format!("the ledger has nothing of a service `{service}`"),
        hint: known_services(ledger)?,
    })
}

fn check_card(record: &CheckRecord, bound: f64) -> CheckScorecard {
    let CheckRecord { acting, shadow, aa, .. } = record;
    let both = |count: fn(&Tally) -> u64| count(acting) + count(shadow);
    let (caught, missed) = (both(|it| it.caught), both(|it| it.missed));
    let (alarms, confirmed) = (both(|it| it.false_alarms), both(|it| it.confirmed));
    CheckScorecard {
        check: record.check.map(|check| check.to_string()),
        judge: revision(&record.judge),
        span: record.span,
        acting: counts(acting),
        shadow: counts(shadow),
        aa: counts(aa),
        false_alarms: rate(alarms, alarms + confirmed),
        aa_false_alarms: rate(aa.false_alarms, aa.verdicts()),
        caught: rate(caught, caught + missed),
        held: rate(both(|it| it.held), both(Tally::verdicts)),
        readiness: readiness(record, bound),
    }
}

fn counts(tally: &Tally) -> Counts {
    Counts {
        passed: tally.passed,
        held: tally.held,
        failed: tally.failed,
        caught: tally.caught,
        false_alarms: tally.false_alarms,
        missed: tally.missed,
        confirmed: tally.confirmed,
        undecided: tally.undecided,
        prevented: tally.prevented,
        overridden: OverriddenCounts {
            judge_right: tally.overridden_judge_right,
            person_right: tally.overridden_person_right,
            open: tally.overridden_open,
        },
    }
}

/// Returns a rate with Wilson's interval; none where there is nothing to count.
pub(crate) fn rate(count: u64, of: u64) -> Option<Rate> {
    let (lower, upper) = wilson_interval(count, of, CONFIDENCE).ok()?;
    let whole = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    Some(Rate { count: whole(count), of: whole(of), lower, upper })
}

/// Applies the rule that `docs/guide/scorecard.md` argues for.
fn readiness(record: &CheckRecord, bound: f64) -> Readiness {
    let CheckRecord { acting, shadow, aa, .. } = record;
    let both = |count: fn(&Tally) -> u64| count(acting) + count(shadow);
    let alarms = both(|it| it.false_alarms) + aa.false_alarms;
    let good = both(|it| it.false_alarms + it.confirmed) + aa.verdicts();
    let (caught, missed) = (both(|it| it.caught), both(|it| it.missed));
    let (held, all) = (both(|it| it.held), both(Tally::verdicts));
    let false_alarms = rate(alarms, good);
    let mut missing = Vec::new();
    if false_alarms.is_none_or(|rate| rate.upper >= bound) {
        missing.push(more_good_canaries(alarms, good, bound));
    }
    if all == 0 {
        missing.push("a verdict on a real canary, in shadow or not".to_owned());
    }
    if (caught as f64) < LEAST_CAUGHT * (caught + missed) as f64 {
        missing.push(format!(
            "a Check that sees more: of {} bad canaries it caught {caught}, fewer than half",
            caught + missed
        ));
    }
    if held as f64 > MOST_HELD * all as f64 {
        missing.push(format!(
            "a Check that decides: {held} of {all} verdicts were left to people, more than half"
        ));
    }
    let is_ready = missing.is_empty();
    let summary = if is_ready {
        ready(alarms, good, caught, bound)
    } else {
        format!("not ready to gate; missing: {}", missing.join("; "))
    };
    Readiness { is_ready, false_alarms, summary }
}

fn ready(alarms: u64, good: u64, caught: u64, bound: f64) -> String {
    let seen = if caught == 0 {
        "it has not been seen to catch anything yet: `serin plan` says what it could".to_owned()
    } else {
        format!("it caught {}", counted(caught, "bad one"))
    };
    let (alarms, good) = (counted(alarms, "false alarm"), counted(good, "good canary"));
    format!("ready to gate: {alarms} in {good}, surely fewer than {}; {seen}", percent(bound))
}

fn counted(count: u64, what: &str) -> String {
    match (count, what.strip_suffix('y')) {
        (1, _) => format!("1 {what}"),
        (_, Some(stem)) => format!("{count} {stem}ies"),
        (_, None) => format!("{count} {what}s"),
    }
}

/// Says how many more good canaries without a false alarm would be enough.
fn more_good_canaries(alarms: u64, good: u64, bound: f64) -> String {
    let is_enough =
        |of: u64| wilson_interval(alarms, of, CONFIDENCE).is_ok_and(|(_, upper)| upper < bound);
    // The upper bound falls with every canary more: the first that is enough can be searched for.
    let (mut too_few, mut enough) = (good, good.max(1));
    while !is_enough(enough) && enough < MOST_CANARIES {
        too_few = enough;
        enough *= 2;
    }
    while too_few + 1 < enough {
        let middle = too_few + (enough - too_few) / 2;
        if is_enough(middle) { enough = middle } else { too_few = middle }
    }
    let missing = enough - good;
    match good {
        0 => format!(
            "{} known to be good, labelled or A/A, without a false alarm (so far there is none)",
            counted(missing, "canary")
        ),
        _ => format!(
            "{missing} more known to be good, labelled or A/A, without a false alarm (so far {} in {}, which is \
             not surely below {})",
            counted(alarms, "false alarm"),
            counted(good, "good canary"),
            percent(bound)
        ),
    }
}

/// More than any service ships.
const MOST_CANARIES: u64 = 1 << 30;

fn percent(share: f64) -> String {
    let percent = 100.0 * share;
    if (percent - percent.round()).abs() < 1e-9 {
        format!("{percent:.0} %")
    } else {
        format!("{percent:.1} %")
    }
}

fn listed(aftermath: &Aftermath<'_>) -> ListedVerdict {
    let verdict = aftermath.verdict;
    let entry = &verdict.entry;
    let label = verdict.labels.iter().rfind(|label| !label.withdrawn).map(|label| Remark {
        word: match label.fact.label {
            Label::Right => "right".to_owned(),
            Label::Wrong => "wrong".to_owned(),
        },
        by: label.fact.by.clone(),
        reason: label.fact.reason.clone(),
    });
    let decision = verdict.overrides.iter().rfind(|it| !it.withdrawn).map(|it| Remark {
        word: match it.fact.decision {
            Decision::Promote => "promote".to_owned(),
            Decision::Hold => "hold".to_owned(),
            Decision::RollBack => "roll back".to_owned(),
        },
        by: it.fact.by.clone(),
        reason: it.fact.reason.clone(),
    });
    ListedVerdict {
        event: entry.id.to_string(),
        analysis: entry.subject.clone(),
        change: aftermath.change_subject().map(str::to_owned),
        occurred_at: entry.occurred_at,
        outcome: entry.fact.outcome,
        reason: entry.fact.reason.clone(),
        judge: revision(&entry.fact.judge),
        check: aftermath.check().map(|check| check.to_string()),
        shadow: aftermath.is_shadow,
        aa: aftermath.is_aa,
        truth: truth(aftermath.truth),
        label,
        decision,
        taken_back_by: aftermath.taken_back.map(|change| change.subject.clone()),
        prevented: aftermath.is_prevented,
    }
}

pub(crate) fn truth(truth: Truth) -> VerdictTruth {
    match truth {
        Truth::Caught => VerdictTruth::Caught,
        Truth::FalseAlarm => VerdictTruth::FalseAlarm,
        Truth::Missed => VerdictTruth::Missed,
        Truth::Confirmed => VerdictTruth::Confirmed,
        Truth::Undecided => VerdictTruth::Undecided,
        Truth::Held => VerdictTruth::Held,
    }
}
