//! Why there is no verdict.

use std::io;

use serin_check::WriteError;
use serin_model::FileError;
use serin_sources::SourceError;

/// Something that kept serin from judging at all.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// A file cannot be read.
    #[error("`{path}` cannot be read: {error}\n\nhint: {}", unreadable_hint(error))]
    Unreadable {
        /// The file.
        path: String,
        /// What the system said.
        error: io::Error,
    },
    /// A file that is read as a whole is too large.
    #[error(
        "`{path}` is larger than {most} bytes\n\nhint: this is no {what}; see that the path is right"
    )]
    TooLarge {
        /// The file.
        path: String,
        /// What was expected in it.
        what: &'static str,
        /// The largest that is read.
        most: u64,
    },
    /// A file says something that cannot be.
    #[error(transparent)]
    File(#[from] FileError),
    /// A source could not answer.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// Nobody said where the metrics are.
    #[error(
        "`{file}` names no source of metrics\n\n\
         hint: add `source: {{prometheus: {{url: http://prometheus:9090}}}}` to it (`serin sources` lists \
         them), or give `--data recording.csv`"
    )]
    NoSource {
        /// The Check file or the Kayenta config.
        file: String,
    },
    /// The source has points of the checks, and none of them is judged.
    #[error(
        "{path} has no value that is judged: its points lie {recorded}, and what is judged lies \
         {judged}\n\nhint: mend `window` (or the times of the request), the query, or name another \
         recording; points that are all gaps count as none"
    )]
    NoAnswer {
        /// The source.
        path: String,
        /// When its points lie.
        recorded: String,
        /// When points would be judged.
        judged: String,
    },
    /// A Check asks for more than those who run serin allow.
    #[error("{problem}\n\nhint: {hint}")]
    NotAllowed {
        /// What it asks for.
        problem: String,
        /// What to do next.
        hint: &'static str,
    },
    /// A store answered not a single query.
    #[error(
        "{name} answered no query, and nothing was judged\n\n  {}\n\nhint: {hint}",
        failures.join("\n  ")
    )]
    NothingAnswered {
        /// The store.
        name: String,
        /// For whom it was asked, and why there is no answer; each reason once.
        failures: Vec<String>,
        /// What to do next.
        hint: String,
    },
    /// A store answered, and has no point of any check.
    #[error(
        "{name} has no point of any check on either arm, {judged}{said}\n\n\
         hint: see that the metrics' names and the arms' labels are right; it was asked\n  {}",
        asked.join("\n  ")
    )]
    NothingFound {
        /// The store.
        name: String,
        /// The time that would be judged.
        judged: String,
        /// What was noticed on the way.
        said: String,
        /// Some of the queries, as they were sent.
        asked: Vec<String>,
    },
    /// A store does not say what a first Check file needs.
    #[error("{name} {problem}\n\nhint: {hint}")]
    Undiscovered {
        /// The store.
        name: String,
        /// What is missing, as the rest of a sentence that begins with the store.
        problem: String,
        /// What to do next.
        hint: String,
    },
    /// The control's past is needed, and there is none.
    #[error(
        "{name} has no history of the control ({control}), and nothing can be {done} without\n\n\
         hint: see that the labels of `arms.control` are those of the version that runs now, and that \
         the metrics' names are right; a longer `--history` may reach it"
    )]
    NoHistory {
        /// The source.
        name: String,
        /// The labels that select the control.
        control: String,
        /// What cannot be done: completes the sentence "nothing can be …".
        done: &'static str,
    },
    /// The control has a past, and none of it says anything.
    #[error(
        "nothing can be said of any metric from the history in {name}\n\n  {}\n\n\
         hint: see that the queries measure what they should; a longer `--history` may say more",
        reasons.join("\n  ")
    )]
    NothingPlanned {
        /// The source.
        name: String,
        /// Why, metric by metric.
        reasons: Vec<String>,
    },
    /// The control has a past, and it cannot be split.
    #[error(
        "nothing can be tested with the history in {name}: {problem}{}\n\n\
         hint: give a longer `--history`, or a recording of some hours; a shorter `--step` or \
         `--horizon` needs less",
        listed(reasons)
    )]
    NothingTested {
        /// The source.
        name: String,
        /// Why.
        problem: String,
        /// Why, metric by metric.
        reasons: Vec<String>,
    },
    /// A secret is not where it should be.
    #[error("{place} {problem}\n\nhint: the Check file's `source` says that a secret is there")]
    NoSecret {
        /// Where it should be.
        place: String,
        /// What is there instead.
        problem: String,
    },
    /// A file that should hold certificates holds none.
    #[error(
        "`{path}` holds no certificate in PEM\n\nhint: name the file of the authority that signed the server's certificate"
    )]
    NoCertificate {
        /// The file.
        path: String,
    },
    /// A connection cannot even be prepared.
    #[error("`{url}` cannot be asked: {problem}\n\nhint: mend the Check file's `source`")]
    Connection {
        /// The store's address.
        url: String,
        /// What is wrong.
        problem: String,
    },
    /// The command says something of the source that is not so.
    #[error("{problem}\n\nhint: {hint}")]
    OtherSource {
        /// What.
        problem: String,
        /// What to write instead.
        hint: &'static str,
    },
    /// This machine gives no timer.
    #[error("nothing can be waited for: {error}\n\nhint: see that there are file descriptors left")]
    NoTimer {
        /// What the system said.
        error: io::Error,
    },
    /// The state of a live analysis cannot be gone on with.
    #[error("`{path}` {problem}\n\nhint: {hint}")]
    State {
        /// The file.
        path: String,
        /// What is wrong with it: completes the sentence that begins with its name.
        problem: String,
        /// What to do.
        hint: &'static str,
    },
    /// Standard input can be read only once.
    #[error("standard input is named twice\n\nhint: save one of the two in a file")]
    TwoStandardInputs,
    /// An analysis that cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// The output cannot be written.
    #[error(
        "the output cannot be written: {error}\n\nhint: see that there is space and permission"
    )]
    Output {
        /// What the system said.
        error: io::Error,
    },
}

/// Returns lines below a message, if there are any.
fn listed(reasons: &[String]) -> String {
    if reasons.is_empty() { String::new() } else { format!("\n\n  {}", reasons.join("\n  ")) }
}

fn unreadable_hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::NotFound => {
            "see that the path is right; a path in a Check file starts at that file"
        }
        io::ErrorKind::PermissionDenied => "see that you may read it",
        io::ErrorKind::IsADirectory => "name a file, not a folder",
        io::ErrorKind::InvalidData => "it must be a text in UTF-8",
        _ => "see that the file is whole and may be read",
    }
}
