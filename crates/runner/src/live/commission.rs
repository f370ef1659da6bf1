//! What a live analysis was asked, as the ledger keeps it.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serin_check::{Layers, WrittenAnalysis};
use serin_ledger::Digest;
use serin_model::{FileError, Timestamp, Window};

use crate::watch::{Start, Timing};

/// What a live analysis was asked beside its Check: from both and from the evidence of its points follows its
/// verdict.
///
/// [The format](../../../docs/spec/evidence.md) is JSON, the same bytes for the same commission.
#[derive(Clone, Debug, PartialEq)]
pub struct Commission {
    /// The Check file and those that it extends, the nearest first: what errors call each, and its text.
    pub checks: Vec<NamedText>,
    /// When the canary began, as far as somebody says.
    pub start: Start,
    /// The lengths.
    pub timing: Timing,
    /// Since when the arms are waited for: when the analysis began.
    pub waiting_since: Timestamp,
    /// The address of the store to ask instead of the one that the Check names.
    pub url: Option<String>,
}

/// A text, and what errors call it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NamedText {
    /// The name.
    pub name: String,
    /// The text.
    pub text: String,
}

/// Bytes that are not a commission.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CommissionError {
    /// They are something else.
    #[error("this is no commission of a live analysis: {problem}\n\nhint: {NO_COMMISSION_HINT}")]
    Unreadable {
        /// What is wrong with them.
        problem: String,
    },
    /// Another serin wrote them.
    #[error(
        "this commission is of version {found} of its format, and this serin reads version {VERSION}\n\n\
         hint: read it with the serin that wrote it, or a newer one"
    )]
    OtherVersion {
        /// Which one wrote them.
        found: u32,
    },
    /// The text of a Check file that it names is not there.
    #[error(
        "the text of `{name}`, {digest}, is not there\n\n\
         hint: an analysis is judged only while the ledger keeps its evidence"
    )]
    NoText {
        /// The file.
        name: String,
        /// Its digest.
        digest: Digest,
    },
}

const NO_COMMISSION_HINT: &str =
    "see that these are the bytes of the second piece of evidence of an `analysis.begun` event";

const FORMAT: &str = "serin commission";
const VERSION: u32 = 1;

impl Commission {
    /// Writes it as text: the same commission is the same bytes. The Checks are named by their digests, and
    /// are evidence of their own.
    #[must_use]
    pub fn write(&self) -> Vec<u8> {
        let named = |check: &NamedText| WrittenText {
            name: check.name.clone(),
            sha256: Digest::of(check.text.as_bytes()),
        };
        let timing = &self.timing;
        let written = Written {
            format: FORMAT.to_owned(),
            version: VERSION,
            checks: self.checks.iter().map(named).collect(),
            start: match self.start {
                Start::WhenSeen => WrittenStart::WhenSeen,
                Start::Now => WrittenStart::Now,
                Start::At(moment) => WrittenStart::At(moment),
            },
            waiting_since: self.waiting_since,
            horizon: millis(timing.horizon),
            warm_up: millis(timing.warm_up),
            history: millis(timing.history),
            every: millis(timing.every),
            late: millis(timing.late),
            within: timing.within,
            url: self.url.clone(),
        };
        serde_json::to_vec(&written).expect("keys are texts, and nothing fails to be written")
    }

    /// Reads what [`Self::write`] wrote.
    ///
    /// * `text`: returns a text by its digest, if it is there.
    ///
    /// # Errors
    ///
    /// [`CommissionError`] when it is something else, of another version, or names a text that is gone.
    pub fn read(
        bytes: &[u8],
        mut text: impl FnMut(&Digest) -> Option<String>,
    ) -> Result<Self, CommissionError> {
        let unreadable =
            |error: serde_json::Error| CommissionError::Unreadable { problem: error.to_string() };
        let head: WrittenHead = serde_json::from_slice(bytes).map_err(unreadable)?;
        if head.format != FORMAT {
            let problem = "its `format` is another".to_owned();
            return Err(CommissionError::Unreadable { problem });
        }
        if head.version != VERSION {
            return Err(CommissionError::OtherVersion { found: head.version });
        }
        let written: Written = serde_json::from_slice(bytes).map_err(unreadable)?;
        let found = |WrittenText { name, sha256 }| match text(&sha256) {
            Some(text) => Ok(NamedText { name, text }),
            None => Err(CommissionError::NoText { name, digest: sha256 }),
        };
        Ok(Self {
            checks: written.checks.into_iter().map(found).collect::<Result<_, _>>()?,
            start: match written.start {
                WrittenStart::WhenSeen => Start::WhenSeen,
                WrittenStart::Now => Start::Now,
                WrittenStart::At(moment) => Start::At(moment),
            },
            timing: Timing {
                horizon: length(written.horizon),
                warm_up: length(written.warm_up),
                history: length(written.history),
                every: length(written.every),
                late: length(written.late),
                within: written.within,
            },
            waiting_since: written.waiting_since,
            url: written.url,
        })
    }

    /// Reads the Checks as one question.
    ///
    /// # Errors
    ///
    /// [`FileError`] for the first thing that is wrong, in the file that says it.
    pub fn question(&self) -> Result<WrittenAnalysis, FileError> {
        read_checks(&self.checks)
    }
}

/// Reads a Check file and those that it extends as one question.
pub(crate) fn read_checks(checks: &[NamedText]) -> Result<WrittenAnalysis, FileError> {
    let mut checks = checks.iter();
    let (name, text) = checks.next().map_or(("", ""), |it| (it.name.as_str(), it.text.as_str()));
    let mut layers = Layers::of(name, text)?;
    for check in checks {
        layers.add(&check.name, &check.text)?;
    }
    layers.read()
}

/// What comes first in every version, so that another one can be told.
#[derive(Deserialize)]
struct WrittenHead {
    format: String,
    version: u32,
}

/// Lengths in milliseconds.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    format: String,
    version: u32,
    checks: Vec<WrittenText>,
    start: WrittenStart,
    waiting_since: Timestamp,
    horizon: u64,
    warm_up: u64,
    history: u64,
    every: u64,
    late: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    within: Option<Window>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    url: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenText {
    name: String,
    sha256: Digest,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum WrittenStart {
    WhenSeen,
    Now,
    At(Timestamp),
}

/// No Check file and no command can say less than a millisecond.
fn millis(length: Duration) -> u64 {
    u64::try_from(length.as_millis()).unwrap_or(u64::MAX)
}

fn length(millis: u64) -> Duration {
    Duration::from_millis(millis)
}
