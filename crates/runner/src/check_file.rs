//! A Check file, and the files that it extends.

use std::path::{Path, PathBuf};

use serin_check::{Layers, WrittenAnalysis};
use serin_report::Input;
use serin_sources::Digest;

use crate::error::RunError;
use crate::live::NamedText;
use crate::question::input;
use crate::text_file::{read_text, shown};

/// A Check file that was read with all it extends.
#[derive(Debug)]
pub(crate) struct CheckFiles {
    pub(crate) written: WrittenAnalysis,
    /// The file itself.
    pub(crate) check: Input,
    pub(crate) text: String,
    /// The files that it extends, the nearest first.
    pub(crate) extended: Vec<NamedText>,
    /// The folder at which paths in `source` start.
    pub(crate) folder: PathBuf,
}

/// Reads a Check file from a path; `-` is standard input.
pub(crate) fn read_check_file(path: &str) -> Result<CheckFiles, RunError> {
    stack_at(path)?.files()
}

fn stack_at(path: &str) -> Result<Stack, RunError> {
    let folder = if path == "-" { Path::new("") } else { folder_of(Path::new(path)) };
    Stack::begun(path, Chain::from(Path::new(path), folder))
}

/// Writes the whole of a Check file, with all it inherits, each value with the place that it comes from.
///
/// * `path`: of the file; `-` is standard input.
///
/// # Errors
///
/// [`RunError`] when it cannot be read, or says what cannot be.
pub fn explain_file(path: &str) -> Result<String, RunError> {
    Ok(stack_at(path)?.layers.explained()?)
}

/// A Check file with the files that it extends.
#[derive(Debug)]
pub(crate) struct Stack {
    /// What errors call the first file.
    name: String,
    text: String,
    pub(crate) layers: Layers,
    extended: Vec<NamedText>,
    chain: Chain,
}

impl Stack {
    /// Reads a Check file and all that it extends, none of which may lie outside of a folder.
    ///
    /// * `root`: the folder, as the system knows it.
    pub(crate) fn within(path: &str, root: &Path) -> Result<Self, RunError> {
        let mut chain = Chain::from(Path::new(path), folder_of(Path::new(path)));
        root.clone_into(&mut chain.root);
        Self::begun(path, chain)
    }

    fn begun(path: &str, chain: Chain) -> Result<Self, RunError> {
        let text = read_text(path, "Check file", MOST_CHECK_BYTES)?;
        let layers = Layers::of(&shown(path), &text)?;
        Self { name: shown(path), text, layers, extended: Vec::new(), chain }.whole()
    }

    /// Lays what the command says over a file of defaults, and over those that it extends.
    pub(crate) fn of_command(text: String, defaults: Option<&str>) -> Result<Self, RunError> {
        let mut layers = Layers::of(COMMAND_LINE, &text)?;
        let path = Path::new(defaults.unwrap_or_default());
        let chain = Chain::from(path, folder_of(path));
        let mut extended = Vec::new();
        if let Some(defaults) = defaults {
            let text = read_text(defaults, "Check file", MOST_CHECK_BYTES)?;
            layers.add(defaults, &text)?;
            extended.push(NamedText { name: defaults.to_owned(), text });
        }
        Self { name: COMMAND_LINE.to_owned(), text, layers, extended, chain }.whole()
    }

    /// Reads the files that are extended, one after the other.
    fn whole(mut self) -> Result<Self, RunError> {
        while let Some(written) = self.layers.extends() {
            let next = match self.chain.next(written) {
                Ok(next) => next,
                Err((problem, hint)) => return Err(self.layers.refuse(&problem, hint).into()),
            };
            let text = match read_text(&next, "Check file", MOST_CHECK_BYTES) {
                Ok(text) => text,
                Err(error) => {
                    return Err(self.layers.refuse(&first_line(&error), READ_HINT).into());
                }
            };
            self.layers.add(&next, &text)?;
            self.extended.push(NamedText { name: next, text });
        }
        Ok(self)
    }

    /// Returns the folder at which paths in the source start.
    pub(crate) fn folder(&self) -> PathBuf {
        match self.layers.source_file() {
            Some(file) if file != COMMAND_LINE && file != shown("-") => {
                folder_of(Path::new(file)).to_owned()
            }
            Some(_) | None if self.name == COMMAND_LINE || self.name == shown("-") => {
                PathBuf::new()
            }
            Some(_) | None => folder_of(Path::new(&self.name)).to_owned(),
        }
    }

    /// Lays the files over each other.
    pub(crate) fn files(self) -> Result<CheckFiles, RunError> {
        let folder = self.folder();
        let check = input(&self.name, Digest::of(&self.text));
        let written = self.layers.read()?;
        Ok(CheckFiles { written, check, text: self.text, extended: self.extended, folder })
    }
}

/// What errors call what a command says instead of a file.
const COMMAND_LINE: &str = "the command line";

/// Returns the first line of an error, which the place of `extends` frames.
fn first_line(error: &RunError) -> String {
    error.to_string().lines().next().unwrap_or_default().to_owned()
}

pub(crate) fn folder_of(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new(""))
}

const MOST_CHECK_BYTES: u64 = 1 << 20;

const READ_HINT: &str = "see that the path is right: it starts at the folder of this file";

/// The files on the way from a Check file to the last one it extends.
#[derive(Debug)]
struct Chain {
    /// Each as the system knows it, to tell whether one comes again.
    visited: Vec<PathBuf>,
    /// Where paths in the last file start.
    folder: PathBuf,
    /// What no file may lie outside of.
    root: PathBuf,
}

impl Chain {
    fn from(path: &Path, folder: &Path) -> Self {
        let known = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let here = if folder == Path::new("") { Path::new(".") } else { folder };
        Self { visited: vec![known(path)], folder: folder.to_owned(), root: root_of(&known(here)) }
    }

    /// Returns where the next file lies, or what is wrong with it and what to write instead.
    fn next(&mut self, written: &str) -> Result<String, (String, &'static str)> {
        if written.trim().is_empty() || written == "-" {
            let problem = "`extends` names no file".to_owned();
            return Err((problem, "write a path, such as `extends: ../team.yaml`"));
        }
        if Path::new(written).is_absolute() || written.contains("://") {
            let problem =
                format!("`{written}` is not a path that starts at the folder of this file");
            return Err((problem, "write a relative path, such as `extends: ../team.yaml`"));
        }
        if self.visited.len() > MOST_EXTENDED {
            let problem =
                format!("this is the {}th file in a row that is extended", self.visited.len());
            return Err((
                problem,
                "extend an organisation's, a team's and a service's file, not more than eight",
            ));
        }
        let path = self.folder.join(written);
        let known = path.canonicalize().map_err(|error| {
            (format!("`{}` cannot be read: {error}", path.display()), READ_HINT)
        })?;
        if !known.starts_with(&self.root) {
            let problem = format!("`{}` lies outside of `{}`", path.display(), self.root.display());
            return Err((problem, OUTSIDE_HINT));
        }
        if self.visited.contains(&known) {
            let problem = format!("`{}` is extended in a circle", path.display());
            return Err((
                problem,
                "leave `extends` out of one of the files: the most general extends none",
            ));
        }
        self.visited.push(known);
        self.folder = folder_of(&path).to_owned();
        Ok(path.to_string_lossy().into_owned())
    }
}

const MOST_EXTENDED: usize = 8;

const OUTSIDE_HINT: &str = "keep the files of one repository together; outside of one, below the folder in \
                            which serin runs";

/// Returns the folder that a chain of files stays in: the repository, else the working folder, else
/// that of the first file. So a file from elsewhere cannot make serin read whatever lies on the machine.
fn root_of(folder: &Path) -> PathBuf {
    let repository = folder.ancestors().find(|folder| folder.join(".git").exists());
    let working = std::env::current_dir().and_then(|folder| folder.canonicalize()).ok();
    let working = working.filter(|working| folder.starts_with(working));
    repository.map(Path::to_owned).or(working).unwrap_or_else(|| folder.to_owned())
}
