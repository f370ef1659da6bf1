//! What is asked, and the files that say so.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serin_check::{WrittenAnalysis, kayenta};
use serin_model::{CounterForm, Timestamp};
use serin_report::Input;
use serin_sources::Digest;

use crate::check_file::{CheckFiles, folder_of, read_check_file};
use crate::error::RunError;
use crate::live::Rules;
use crate::live::commission::NamedText;
use crate::text_file::{read_text, shown};

/// What is asked: an analysis, and the files that say so.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    /// What is asked.
    pub written: WrittenAnalysis,
    /// The Check file, or the Kayenta config.
    pub check: Input,
    /// Its text.
    pub check_text: String,
    /// Other files that had a say, such as Kayenta's request.
    pub others: Vec<Input>,
    /// The texts of the Check files that it extends, the nearest first.
    pub(crate) extended: Vec<NamedText>,
    /// Kayenta's queries by metric, for people to read; empty for a Check file.
    pub queries: Vec<(String, String)>,
    /// The folder at which paths in the source start.
    pub(crate) folder: PathBuf,
    /// What may be asked, where somebody else's Check is judged; everything unless said.
    pub(crate) rules: Option<Rules>,
}

impl Question {
    /// Reads a Check file and those that it extends; `-` is standard input.
    ///
    /// # Errors
    ///
    /// [`RunError`] when it cannot be read, or says what cannot be.
    pub fn of_check_file(path: &str) -> Result<Self, RunError> {
        Ok(Self::of_files(read_check_file(path)?))
    }

    pub(crate) fn of_files(files: CheckFiles) -> Self {
        Self {
            written: files.written,
            check: files.check,
            check_text: files.text,
            others: files.extended.iter().map(input_of).collect(),
            extended: files.extended,
            queries: Vec::new(),
            folder: files.folder,
            rules: None,
        }
    }

    /// Makes one of texts that came otherwise than from files: paths in them start nowhere.
    ///
    /// * `texts`: the Check file and those that it extends, the nearest first.
    /// * `written`: what they say together.
    pub(crate) fn of_texts(texts: &[NamedText], written: WrittenAnalysis) -> Self {
        let mut inputs = texts.iter().map(input_of);
        Self {
            written,
            check: inputs.next().unwrap_or_else(|| input("", Digest::of(""))),
            check_text: texts.first().map(|text| text.text.clone()).unwrap_or_default(),
            others: inputs.collect(),
            extended: texts.iter().skip(1).cloned().collect(),
            queries: Vec::new(),
            folder: PathBuf::new(),
            rules: None,
        }
    }

    /// Reads Kayenta's own files.
    ///
    /// # Errors
    ///
    /// [`RunError`] when one cannot be read, or says what cannot be.
    pub fn of_kayenta(config: &str, request: Option<&str>) -> Result<Self, RunError> {
        let text = read_text(config, "canary config", MOST_KAYENTA_BYTES)?;
        let read = kayenta::read_config(&shown(config), &text)?;
        let mut others = Vec::new();
        let request = match request {
            Some(path) => {
                let text = read_text(path, "execution request", MOST_KAYENTA_BYTES)?;
                others.push(input(path, Digest::of(&text)));
                Some(kayenta::read_request(&shown(path), &text)?)
            }
            None => None,
        };
        let written = kayenta::analysis(&read, request.as_ref())?;
        let check = input(config, Digest::of(&text));
        let queries = read.metrics.into_iter().map(|metric| (metric.name, metric.query)).collect();
        let folder = folder_of(Path::new(&check.path)).to_owned();
        let (extended, rules) = (Vec::new(), None);
        Ok(Self { written, check, check_text: text, others, extended, queries, folder, rules })
    }
}

impl Question {
    /// Returns what a reader of the converted Check file should know of where it came from.
    #[must_use]
    pub fn comment(&self) -> Vec<String> {
        let mut lines = vec![format!("Converted from the Kayenta config {}.", self.check.path)];
        lines.extend(self.written.notes.iter().map(|note| format!("Note: {note}.")));
        let queries = self.queries.iter().filter(|(_, query)| !query.is_empty());
        lines
            .extend(queries.map(|(metric, query)| format!("Kayenta's query of {metric}: {query}")));
        lines
    }
}

const MOST_KAYENTA_BYTES: u64 = 16 << 20;

impl Question {
    /// Returns the folder at which paths in the source start.
    pub(crate) fn folder(&self) -> PathBuf {
        self.folder.clone()
    }

    /// Returns the Check file and those that it extends, the nearest first, such as to send them elsewhere.
    #[must_use]
    pub fn texts(&self) -> Vec<NamedText> {
        let check = NamedText { name: self.check.path.clone(), text: self.check_text.clone() };
        std::iter::once(check).chain(self.extended.iter().cloned()).collect()
    }

    /// Returns a hash of all files that say what is asked.
    pub(crate) fn fingerprint(&self) -> String {
        if self.others.is_empty() {
            return self.check.sha256.clone();
        }
        let all = std::iter::once(&self.check).chain(&self.others);
        let hashes: Vec<&str> = all.map(|input| input.sha256.as_str()).collect();
        Digest::of(&hashes.join("\n")).sha256
    }
}

fn input_of(text: &NamedText) -> Input {
    input(&text.name, Digest::of(&text.text))
}

/// What the command says instead of the Check file.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Overrides<'a> {
    /// The recording to judge; `-` is standard input.
    pub data: Option<&'a str>,
    /// How its counters were recorded.
    pub counters: Option<CounterForm>,
    /// The address of the store to ask.
    pub url: Option<&'a str>,
    /// The stretch of time to judge.
    pub time: TimeAsked,
    /// Who judges.
    pub judge: JudgeKind,
}

/// Who judges.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum JudgeKind {
    /// The sequential judge: evidence that holds whenever one looks.
    #[default]
    Sequential,
    /// Kayenta's, figure for figure.
    Kayenta,
}

/// Which stretch of time the command asks for.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct TimeAsked {
    /// The first moment.
    pub start: Option<Timestamp>,
    /// The first moment after it.
    pub end: Option<Timestamp>,
    /// How long it is; it ends now unless an end is given.
    pub last: Option<Duration>,
}

/// Returns what was read from a file.
pub(crate) fn input(path: &str, digest: Digest) -> Input {
    Input { path: shown(path), sha256: digest.sha256, bytes: digest.bytes }
}
