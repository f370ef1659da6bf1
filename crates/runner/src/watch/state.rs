//! What a live analysis writes down, so that it goes on where it was when it is started again.
//!
//! The state holds what the judge knows, which is bounded, and no points: those stay in the source,
//! and are asked for again for the report's summaries and graphs.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serin_judge::sequential::SequentialJudge;
use serin_model::Timestamp;
use tempfile::NamedTempFile;

use super::timing::Timing;
use crate::error::RunError;
use crate::text_file::read_text;

/// What a file holds of a live analysis.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct State {
    /// Which analysis it is.
    pub(crate) identity: Identity,
    pub(crate) memory: Memory,
    /// Whether a command was run on the verdict: it is never run twice.
    pub(crate) command_begun: bool,
}

/// What a live analysis must know to go on.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Memory {
    /// Since when the arms have been waited for.
    pub(crate) waiting_since: Timestamp,
    /// What is known since the canary began, if it did.
    pub(crate) begun: Option<Begun>,
}

/// Which analysis a state belongs to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Identity {
    /// The hash of the Check file.
    pub(crate) check_sha256: String,
    pub(crate) timing: Timing,
    /// When the canary began, if the command gives the moment.
    pub(crate) start: Option<Timestamp>,
}

/// What is known since the canary began.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Begun {
    /// When the canary was first seen.
    pub(crate) start: Timestamp,
    /// Up to where it was judged.
    pub(crate) watermark: Timestamp,
    /// Whether the control's past was learned from, or given up.
    pub(crate) learned: bool,
    /// What a reader of the verdict must know of the past that was learned from.
    pub(crate) history_warning: Option<String>,
    /// The checks of packs that the source has nothing of, once that is known.
    pub(crate) left_out: Option<BTreeSet<String>>,
    pub(crate) judge: SequentialJudge,
}

/// The state as it is written: version 1.
#[derive(Serialize, Deserialize)]
struct Written {
    format: String,
    version: u32,
    serin: String,
    identity: Identity,
    waiting_since: Timestamp,
    begun: Option<WrittenBegun>,
    command_begun: bool,
}

#[derive(Serialize, Deserialize)]
struct WrittenBegun {
    start: Timestamp,
    watermark: Timestamp,
    learned: bool,
    history_warning: Option<String>,
    #[serde(default)]
    left_out: Option<BTreeSet<String>>,
    /// MessagePack in Base64: JSON knows neither every number nor a key that is not text.
    judge: String,
}

/// What comes first in every version, so that another one can be told.
#[derive(Deserialize)]
struct Head {
    format: String,
    version: u32,
}

const FORMAT: &str = "serin watch state";
const VERSION: u32 = 1;

/// The file that a live analysis keeps its state in.
#[derive(Clone, Debug)]
pub struct StateFile {
    path: PathBuf,
}

impl StateFile {
    /// Names a file, which need not be there yet.
    #[must_use]
    pub fn at(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    /// Reads the state of an analysis; none if there is no file yet.
    ///
    /// # Errors
    ///
    /// [`RunError::State`] when the file is no state, or one of another analysis, version of the
    /// format or revision of the judge.
    pub(crate) fn read(&self, identity: &Identity) -> Result<Option<State>, RunError> {
        let path = self.path.to_string_lossy();
        let text = match read_text(&path, "state of a live analysis", MOST_BYTES) {
            Err(RunError::Unreadable { error, .. }) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(None);
            }
            text => text?,
        };
        let state = self.state(&text)?;
        if let Some(problem) = other_analysis(&state.identity, identity) {
            return Err(self.unfit(problem, OTHER_HINT));
        }
        Ok(Some(state))
    }

    fn state(&self, text: &str) -> Result<State, RunError> {
        let head: Head = serde_json::from_str(text).map_err(|_| self.no_state())?;
        if head.format != FORMAT {
            return Err(self.no_state());
        }
        if head.version != VERSION {
            let problem = format!(
                "is of version {} of the format, and this serin reads version {VERSION}",
                head.version
            );
            return Err(self.unfit(problem, VERSION_HINT));
        }
        let damaged = |_| self.unfit("is damaged".to_owned(), DAMAGED_HINT);
        let written: Written = serde_json::from_str(text).map_err(damaged)?;
        let begun = written.begun.map(|begun| self.begun(begun, &written.serin)).transpose()?;
        Ok(State {
            identity: written.identity,
            memory: Memory { waiting_since: written.waiting_since, begun },
            command_begun: written.command_begun,
        })
    }

    fn begun(&self, begun: WrittenBegun, serin: &str) -> Result<Begun, RunError> {
        let other = || {
            let problem =
                format!("was written by serin {serin}, whose judge keeps its state otherwise");
            self.unfit(problem, VERSION_HINT)
        };
        let packed = STANDARD.decode(&begun.judge).map_err(|_| other())?;
        let judge: SequentialJudge = rmp_serde::from_slice(&packed).map_err(|_| other())?;
        judge.check_revision().map_err(|error| {
            self.unfit(format!("cannot be gone on with: {error}"), VERSION_HINT)
        })?;
        Ok(Begun {
            start: begun.start,
            watermark: begun.watermark,
            learned: begun.learned,
            history_warning: begun.history_warning,
            left_out: begun.left_out,
            judge,
        })
    }

    /// Writes the state so that the file has the old one or the new one, whenever serin dies.
    ///
    /// # Errors
    ///
    /// [`RunError::State`] when it cannot be written.
    pub(crate) fn write(
        &self,
        identity: &Identity,
        memory: &Memory,
        command_begun: bool,
    ) -> Result<(), RunError> {
        self.try_write(identity, memory, command_begun).map_err(|error| {
            let hint = "see that the folder exists, and that there is space and permission";
            self.unfit(format!("cannot be written: {error}"), hint)
        })
    }

    fn try_write(
        &self,
        identity: &Identity,
        memory: &Memory,
        command_begun: bool,
    ) -> io::Result<()> {
        let begun = memory.begun.as_ref().map(|begun| {
            let packed = rmp_serde::to_vec_named(&begun.judge).map_err(io::Error::other)?;
            Ok::<_, io::Error>(WrittenBegun {
                start: begun.start,
                watermark: begun.watermark,
                learned: begun.learned,
                history_warning: begun.history_warning.clone(),
                left_out: begun.left_out.clone(),
                judge: STANDARD.encode(packed),
            })
        });
        let written = Written {
            format: FORMAT.to_owned(),
            version: VERSION,
            serin: env!("CARGO_PKG_VERSION").to_owned(),
            identity: identity.clone(),
            waiting_since: memory.waiting_since,
            begun: begun.transpose()?,
            command_begun,
        };
        let folder = match self.path.parent() {
            Some(folder) if folder != Path::new("") => folder,
            Some(_) | None => Path::new("."),
        };
        // Its own error names a file that nobody asked for.
        let new = NamedTempFile::new_in(folder);
        let mut file = new.map_err(|error| io::Error::from(error.kind()))?;
        serde_json::to_writer_pretty(&mut file, &written)?;
        file.write_all(b"\n")?;
        file.as_file().sync_all()?;
        file.persist(&self.path)?;
        // That the new name is there must survive as well.
        File::open(folder)?.sync_all()
    }

    fn no_state(&self) -> RunError {
        let hint = "name another file, or one that is not there yet: serin writes it";
        self.unfit("is no state of `serin watch`".to_owned(), hint)
    }

    fn unfit(&self, problem: String, hint: &'static str) -> RunError {
        RunError::State { path: self.path.to_string_lossy().into_owned(), problem, hint }
    }
}

/// Far more than a judge of a thousand metrics keeps.
const MOST_BYTES: u64 = 1 << 30;

const OTHER_HINT: &str = "give the Check file and the options it was begun with, name another file with \
                          `--state`, or delete this one to begin anew";
const VERSION_HINT: &str = "go on with the serin that wrote it, or delete it to begin anew";
const DAMAGED_HINT: &str = "delete it to begin anew; serin itself never leaves half a file";

/// Says what a state was begun with that is otherwise now.
fn other_analysis(written: &Identity, asked: &Identity) -> Option<String> {
    let length = |length: std::time::Duration| format!("{}s", length.as_secs_f64());
    let pairs = [
        ("--horizon", written.timing.horizon, asked.timing.horizon),
        ("--warm-up", written.timing.warm_up, asked.timing.warm_up),
        ("--history", written.timing.history, asked.timing.history),
        ("--late", written.timing.late, asked.timing.late),
    ];
    if written.check_sha256 != asked.check_sha256 {
        return Some("is the state of another analysis: its Check file was another".to_owned());
    }
    if asked.start.is_some() && written.start != asked.start {
        return Some("is the state of another analysis: its `--start` was another".to_owned());
    }
    let (option, written, asked) = pairs.into_iter().find(|(_, a, b)| a != b)?;
    Some(format!(
        "is the state of another analysis: its `{option}` was {}, and is {} now",
        length(written),
        length(asked)
    ))
}
