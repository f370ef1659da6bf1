//! The Checks that a folder has.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serin_ledger::fact::CheckText;
use serin_ledger::{Digest, Evidence, Scope};
use serin_model::{Finding, Severity};

use super::address::ChecksSource;
use super::error::ChecksError;
use super::files::check_files;
use super::folder::ChecksFolder;
use crate::check_file::Stack;
use crate::lint::{LintAsk, lint};
use crate::live::NamedText;
use crate::question::Question;

/// The Checks of a folder, all of them sound.
#[derive(Clone, Debug, PartialEq)]
pub struct WrittenChecks {
    /// The folder.
    pub folder: ChecksFolder,
    /// Its Checks, by scope; what is only extended is none.
    pub checks: BTreeMap<Scope, WrittenCheck>,
    /// How many warnings `serin lint` has of them.
    pub warnings: usize,
}

/// A Check that a folder has.
#[derive(Clone, Debug, PartialEq)]
pub struct WrittenCheck {
    /// Its file, as a path in the folder.
    pub file: String,
    /// The Check file and those that it extends, the nearest first, by their paths in the repository or the folder.
    pub texts: Vec<NamedText>,
    /// Whether one of them is not as the commit has it.
    pub dirty: bool,
}

/// Bytes of all texts: what a parcel takes as evidence, with room to spare.
const MOST_BYTES: usize = 32 << 20;

impl WrittenCheck {
    /// Returns its texts as the ledger names them.
    pub(super) fn named(&self) -> Vec<CheckText> {
        let named = self.texts.iter().map(|text| CheckText {
            name: text.name.clone(),
            sha256: Digest::of(text.text.as_bytes()),
        });
        named.collect()
    }

    pub(super) fn evidence(&self) -> Result<Vec<Evidence>, serin_ledger::Invalid> {
        self.texts.iter().map(|text| Evidence::new(text.text.as_bytes())).collect()
    }
}

impl WrittenChecks {
    /// Reads every Check file of a folder or a repository, and looks whether each is sound.
    ///
    /// * `clone`: a folder of serin's own to fetch a repository into.
    ///
    /// # Errors
    ///
    /// All that is wrong with the files, and not only the first; or why they cannot be read at all.
    pub fn read(source: &ChecksSource, clone: &Path) -> Result<Self, ChecksError> {
        let mut folder = ChecksFolder::of(source, clone)?;
        let (paths, faults) = check_files(&folder.at, &folder.name)?;
        let faults = faults.iter().map(|fault| folder.in_words(fault)).collect();
        let mut reading = Reading {
            folder: &folder,
            found: Vec::new(),
            extended: BTreeSet::new(),
            faults,
            warnings: 0,
            read: BTreeMap::new(),
        };
        for path in &paths {
            reading.file(&path.to_string_lossy());
        }
        let (checks, warnings) = reading.settle()?;
        folder.dirty = folder.has_lost_one() || checks.values().any(|check| check.dirty);
        Ok(Self { folder, checks, warnings })
    }
}

/// What was read of a folder so far.
struct Reading<'a> {
    folder: &'a ChecksFolder,
    found: Vec<(Scope, WrittenCheck, String)>,
    /// Names of files that others extend.
    extended: BTreeSet<String>,
    faults: Vec<String>,
    warnings: usize,
    /// Bytes, by the digest of each text.
    read: BTreeMap<Digest, usize>,
}

/// A Check file, and what became of it.
enum File {
    /// It names no service: it may be there for others to extend, or lack one.
    WithoutService { name: String, fault: String },
    /// It is a Check.
    Check(Scope, WrittenCheck, Vec<Finding>),
}

impl Reading<'_> {
    fn file(&mut self, path: &str) {
        let folder = self.folder;
        let stack = match Stack::within(path, &folder.root) {
            Ok(stack) => stack,
            Err(error) => return self.faults.push(folder.in_words(&error.to_string())),
        };
        let texts: Vec<NamedText> = stack
            .layers
            .named()
            .map(|(name, text)| NamedText { name: folder.file_name(name), text: text.to_owned() })
            .collect();
        self.extended.extend(texts.iter().skip(1).map(|text| text.name.clone()));
        for text in &texts {
            self.read.insert(Digest::of(text.text.as_bytes()), text.text.len());
        }
        let name = folder.file_name(path);
        match self.looked_at(stack, name, texts) {
            Ok(File::WithoutService { name, fault }) => {
                // Whether it is extended is known once all were read.
                let check = WrittenCheck { file: name, texts: Vec::new(), dirty: false };
                self.found.push((Scope::of_service(""), check, fault));
            }
            Ok(File::Check(scope, check, findings)) => {
                self.warnings +=
                    findings.iter().filter(|it| it.severity == Severity::Warning).count();
                let errors = findings.iter().filter(|it| it.severity == Severity::Error);
                let errors: Vec<String> =
                    errors.map(|finding| folder.in_words(&in_words(path, finding))).collect();
                self.faults.extend(errors);
                self.found.push((scope, check, String::new()));
            }
            Err(fault) => self.faults.push(folder.in_words(&fault)),
        }
    }

    fn looked_at(&self, stack: Stack, name: String, texts: Vec<NamedText>) -> Result<File, String> {
        let folder = self.folder;
        let is_check = stack.layers.service().is_some() || stack.layers.is_fleet();
        let labels = stack.layers.scope_labels();
        let files = stack.files();
        if !is_check {
            let fault = files.err().map(|error| folder.in_words(&error.to_string()));
            return Ok(File::WithoutService { name, fault: fault.unwrap_or_default() });
        }
        let question = Question::of_files(files.map_err(|error| error.to_string())?);
        let scope = Scope { service: question.written.analysis.service.clone(), labels };
        let ask = LintAsk { offline: true, ..LintAsk::default() };
        let report = lint(&question, ask, &()).map_err(|error| error.to_string())?;
        let dirty = texts.iter().any(|text| folder.is_altered(&text.name));
        let check = WrittenCheck { file: folder.within(&name), texts, dirty };
        Ok(File::Check(scope, check, report.findings))
    }

    /// Returns the Checks once all files were read, or all that is wrong with them.
    fn settle(mut self) -> Result<(BTreeMap<Scope, WrittenCheck>, usize), ChecksError> {
        let folder = self.folder;
        let bytes: usize = self.read.values().sum();
        if bytes > MOST_BYTES {
            let problem = format!("more than {} MiB of Check files", MOST_BYTES >> 20);
            return Err(ChecksError::TooMuch { folder: folder.name.clone(), problem });
        }
        let mut checks: BTreeMap<Scope, WrittenCheck> = BTreeMap::new();
        for (scope, check, fault) in self.found {
            if check.texts.is_empty() {
                if !self.extended.contains(&check.file) {
                    self.faults.push(fault);
                }
                continue;
            }
            if let Some(other) = checks.get(&scope) {
                self.faults.push(format!(
                    "`{}` and `{}` are both the Check of `{scope}`\n\nhint: keep one of them, or tell them apart by \
                     labels in `scope`",
                    folder.shown(&other.file),
                    folder.shown(&check.file)
                ));
                continue;
            }
            checks.insert(scope, check);
        }
        let mut known = BTreeSet::new();
        // What is wrong with a file that many extend is said once.
        self.faults.retain(|fault| known.insert(fault.clone()));
        if self.faults.is_empty() {
            return Ok((checks, self.warnings));
        }
        Err(ChecksError::Faults { folder: folder.name.clone(), faults: self.faults })
    }
}

fn in_words(path: &str, finding: &Finding) -> String {
    let mut text = path.to_owned();
    for number in [finding.line, finding.column].into_iter().flatten() {
        text += &format!(":{number}");
    }
    text += ": ";
    if let Some(check) = &finding.check {
        text += &format!("check `{check}`: ");
    }
    text += &format!("{} ({})", finding.problem, finding.code.as_str());
    match &finding.mend {
        Some(mend) => text + &format!("\n\nhint: write {} instead", mend.write),
        None => text + &format!("\n\nhint: {}", finding.why),
    }
}
