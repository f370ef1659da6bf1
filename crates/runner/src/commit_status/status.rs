//! What a commit is told.

use serin_model::Outcome;
use serin_report::{FleetReport, Report, fleet_headline, headline, service};

/// What an inconclusive verdict is to a commit. Neither lets a required status pass.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum InconclusiveState {
    /// Not passed, and done: whoever waits for the status is told.
    #[default]
    Failure,
    /// Not yet: the status waits until somebody sets it again.
    Pending,
}

/// What a commit is told.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CommitStatus {
    /// What it is told.
    pub state: CommitState,
    /// The name of the status, `serin/<service>`: at most 100 characters.
    pub context: String,
    /// Why, in one line of at most 140 characters.
    pub description: String,
}

/// How a commit stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CommitState {
    /// The canary passed.
    Success,
    /// It failed, or nobody can tell.
    Failure,
    /// Somebody has still to say.
    Pending,
}

/// The longest description that GitHub takes.
const MOST_DESCRIPTION: usize = 140;

/// Long enough for a service's name, and short enough for both forges.
const MOST_CONTEXT: usize = 100;

impl CommitStatus {
    /// Makes a status of each service's worst report, in the order in which the services came first.
    ///
    /// A service has one status, and a later pass must not hide an earlier failure.
    #[must_use]
    pub fn of_reports(reports: &[Report], inconclusive: InconclusiveState) -> Vec<Self> {
        let mut worst: Vec<&Report> = Vec::new();
        for report in reports {
            match worst.iter_mut().find(|known| service(known) == service(report)) {
                None => worst.push(report),
                Some(known) if report.verdict.outcome > known.verdict.outcome => *known = report,
                Some(_) => {}
            }
        }
        worst.into_iter().map(|report| Self::of_report(report, inconclusive)).collect()
    }

    /// Makes one status of a whole fleet.
    #[must_use]
    pub fn of_fleet(fleet: &FleetReport, inconclusive: InconclusiveState) -> Self {
        Self::of(fleet.outcome, &fleet.fleet, &fleet_headline(fleet), inconclusive)
    }

    fn of_report(report: &Report, inconclusive: InconclusiveState) -> Self {
        Self::of(report.verdict.outcome, &service(report), &headline(report), inconclusive)
    }

    fn of(outcome: Outcome, name: &str, why: &str, inconclusive: InconclusiveState) -> Self {
        let state = match (outcome, inconclusive) {
            (Outcome::Pass, _) => CommitState::Success,
            (Outcome::Fail, _) | (Outcome::Inconclusive, InconclusiveState::Failure) => {
                CommitState::Failure
            }
            (Outcome::Inconclusive, InconclusiveState::Pending) => CommitState::Pending,
        };
        Self {
            state,
            context: cut(&format!("serin/{name}"), MOST_CONTEXT),
            description: cut(why, MOST_DESCRIPTION),
        }
    }
}

/// Returns the first characters of `text`, with `…` where it was cut. GitHub takes none above U+FFFF.
fn cut(text: &str, most: usize) -> String {
    let shown = |letter| if letter > '\u{ffff}' { '\u{fffd}' } else { letter };
    if text.chars().count() <= most {
        return text.chars().map(shown).collect();
    }
    let start: String = text.chars().take(most - 1).map(shown).collect();
    format!("{}…", start.trim_end())
}
