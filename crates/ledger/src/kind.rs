//! What events there are.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What an event tells of.
///
/// A kind that this version of serin does not know is kept by its name, and read, exported and imported as it
/// is.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Kind {
    /// `change.noted`: something altered a scope.
    ChangeNoted,
    /// `analysis.begun`: a judge looks at a change.
    AnalysisBegun,
    /// `analysis.points`: an analysis took a batch of points.
    PointsTaken,
    /// `analysis.ended`: the verdict.
    AnalysisEnded,
    /// `verdict.labelled`: somebody says whether a verdict was right.
    VerdictLabelled,
    /// `verdict.overridden`: somebody decided otherwise.
    VerdictOverridden,
    /// `act.begun`: a rule demands an act about a verdict, and it is about to be done.
    ActBegun,
    /// `act.done`: something was done about a verdict.
    ActDone,
    /// `act.failed`: what was begun failed, or nobody knows what became of it.
    ActFailed,
    /// `act.withheld`: a rule demanded an act, and it is not done.
    ActWithheld,
    /// `act.undone`: and taken back.
    ActUndone,
    /// `acting.paused`: judging goes on, acting does not.
    ActingPaused,
    /// `acting.resumed`: acting goes on.
    ActingResumed,
    /// `check.applied`: a Check came into force.
    CheckApplied,
    /// `token.issued`: somebody may ask the server.
    TokenIssued,
    /// `token.revoked`: and may no more.
    TokenRevoked,
    /// `correction`: an earlier event is withdrawn or said anew.
    Correction,
    /// `ledger.pruned`: evidence and bodies were let go. Only the ledger itself writes it.
    LedgerPruned,
    /// A kind of a newer version of serin, by its name.
    Other(String),
}

/// The kinds and their names.
const NAMES: [(Kind, &str); 18] = [
    (Kind::ChangeNoted, "change.noted"),
    (Kind::AnalysisBegun, "analysis.begun"),
    (Kind::PointsTaken, "analysis.points"),
    (Kind::AnalysisEnded, "analysis.ended"),
    (Kind::VerdictLabelled, "verdict.labelled"),
    (Kind::VerdictOverridden, "verdict.overridden"),
    (Kind::ActBegun, "act.begun"),
    (Kind::ActDone, "act.done"),
    (Kind::ActFailed, "act.failed"),
    (Kind::ActWithheld, "act.withheld"),
    (Kind::ActUndone, "act.undone"),
    (Kind::ActingPaused, "acting.paused"),
    (Kind::ActingResumed, "acting.resumed"),
    (Kind::CheckApplied, "check.applied"),
    (Kind::TokenIssued, "token.issued"),
    (Kind::TokenRevoked, "token.revoked"),
    (Kind::Correction, "correction"),
    (Kind::LedgerPruned, "ledger.pruned"),
];

impl Kind {
    /// Returns the kind of a name; a name that is not known is a kind too.
    #[must_use]
    pub fn named(name: &str) -> Self {
        let known = NAMES.iter().find(|(_, known)| *known == name);
        known.map_or_else(|| Self::Other(name.to_owned()), |(kind, _)| kind.clone())
    }

    /// Returns the name, as events carry it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        if let Self::Other(name) = self {
            return name;
        }
        let known = NAMES.iter().find(|(kind, _)| kind == self);
        known.map_or("", |(_, name)| name)
    }

    /// Returns the kind of event that one of this kind speaks of, and must name as its only cause.
    pub(crate) fn speaks_of(&self) -> Option<&'static [Self]> {
        match self {
            Self::VerdictLabelled
            | Self::VerdictOverridden
            | Self::ActBegun
            | Self::ActWithheld => Some(&[Self::AnalysisEnded]),
            Self::ActFailed => Some(&[Self::ActBegun]),
            Self::ActUndone => Some(&[Self::ActDone]),
            Self::TokenRevoked => Some(&[Self::TokenIssued]),
            // A correction of a correction is another correction of the first event.
            Self::Correction => Some(&[
                Self::ChangeNoted,
                Self::AnalysisBegun,
                Self::AnalysisEnded,
                Self::VerdictLabelled,
                Self::VerdictOverridden,
                Self::ActDone,
                Self::ActUndone,
                Self::CheckApplied,
            ]),
            Self::ChangeNoted
            | Self::AnalysisBegun
            | Self::PointsTaken
            | Self::AnalysisEnded
            | Self::ActDone
            | Self::ActingPaused
            | Self::ActingResumed
            | Self::CheckApplied
            | Self::TokenIssued
            | Self::LedgerPruned
            | Self::Other(_) => None,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Kind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Kind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::named(&String::deserialize(deserializer)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_its_name() {
        for (kind, name) in NAMES {
            assert_eq!(Kind::named(name), kind);
            assert_eq!(kind.as_str(), name);
        }
        assert_eq!(Kind::named("incident.declared").as_str(), "incident.declared");
    }
}
