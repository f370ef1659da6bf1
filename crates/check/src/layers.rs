//! A Check file, the files that it extends, and the packs that they use: one laid over the other.
//!
//! Each text is read at lines of its own, as if all stood one below the other in one long text. So the
//! place of a value says from which file it is, wherever the value ends up.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serin_model::{FileError, Place, Source};

use crate::explain::{WHOLE_FILE, explain, mistake};
use crate::file::CheckFile;
use crate::merge::merged;
use crate::read::{Reader, WrittenAnalysis};
use crate::scalar::Placed;

/// A Check file and the files that it extends, the most specific first.
///
/// It opens nothing: whoever holds it looks at [`Self::extends`], finds that file, and [`Self::add`]s
/// its text, until there is no more.
#[derive(Clone, Debug)]
pub struct Layers {
    texts: Texts,
    files: Vec<CheckFile>,
}

impl Layers {
    /// Reads the file that is asked for.
    ///
    /// * `name`: what errors call it.
    ///
    /// # Errors
    ///
    /// [`FileError`] when it is no Check file.
    pub fn of(name: &str, text: &str) -> Result<Self, FileError> {
        let says_nothing = |line: &str| line.is_empty() || line == "---" || line.starts_with('#');
        if text.trim_start_matches('\u{feff}').lines().map(str::trim).all(says_nothing) {
            let first = Some(Place { line: 1, column: 1 });
            return Err(mistake(name, text, first, "there is nothing in it", WHOLE_FILE));
        }
        let mut layers = Self { texts: Texts::default(), files: Vec::new() };
        layers.add(name, text)?;
        Ok(layers)
    }

    /// Reads the file that the last one extends.
    ///
    /// # Errors
    ///
    /// [`FileError`] when it is no Check file.
    pub fn add(&mut self, name: &str, text: &str) -> Result<(), FileError> {
        let file = self.texts.parse(name, text)?;
        self.files.push(file);
        Ok(())
    }

    /// Returns the path that the last file extends, as it is written there.
    #[must_use]
    pub fn extends(&self) -> Option<&str> {
        Some(self.written_extends()?.value.as_str())
    }

    /// Says what is wrong with the path that the last file extends.
    #[must_use]
    pub fn refuse(&self, problem: &str, hint: &str) -> FileError {
        let place = self.written_extends().and_then(|path| path.place);
        self.texts.mistake(place, problem, hint)
    }

    /// Returns which keys any of the files writes.
    #[must_use]
    pub fn keys(&self) -> LayerKeys {
        let any = |writes: fn(&CheckFile) -> bool| self.files.iter().any(writes);
        LayerKeys {
            source: any(|file| file.source.is_some()),
            arms: any(|file| file.arms.is_some()),
            scope: any(|file| file.scope.is_some()),
            replica: any(|file| file.replica.is_some()),
            step: any(|file| file.step.is_some()),
            checks: any(|file| file.checks.is_some() || !file.packs.is_empty()),
        }
    }

    /// Returns where the metrics are, as the most specific file that says so does.
    ///
    /// # Errors
    ///
    /// [`FileError`] when it says what cannot be.
    pub fn source(&self) -> Result<Option<Source>, FileError> {
        let written = self.files.iter().find_map(|file| file.source.as_ref());
        Reader { texts: &self.texts }.source(written)
    }

    /// Returns the name of the file that says where the metrics are, at which its paths start.
    #[must_use]
    pub fn source_file(&self) -> Option<&str> {
        let index = self.files.iter().position(|file| file.source.is_some())?;
        Some(&self.texts.0.get(index)?.name)
    }

    /// Returns each file's name and text, the most specific first.
    pub fn named(&self) -> impl Iterator<Item = (&str, &str)> {
        self.texts.named()
    }

    /// Returns the service, as the most specific file that names it does.
    #[must_use]
    pub fn service(&self) -> Option<&str> {
        Some(&self.files.iter().find_map(|file| file.service.as_ref())?.value)
    }

    /// Returns whether canaries of many are found by their labels.
    #[must_use]
    pub fn is_fleet(&self) -> bool {
        self.files.iter().any(|file| file.for_each.is_some())
    }

    /// Returns the labels of `scope` that tell a part of the service from others: those whose value does not
    /// name the service.
    #[must_use]
    pub fn scope_labels(&self) -> BTreeMap<String, String> {
        let written = self.files.iter().find_map(|file| file.scope.as_ref());
        let labels = written.map(|scope| scope.value.clone()).unwrap_or_default();
        labels.into_iter().filter(|(_, value)| !value.contains(SERVICE)).collect()
    }

    /// Lays the files over each other and over the packs they use, and reads the whole.
    ///
    /// # Errors
    ///
    /// [`FileError`] for the first thing that is wrong, in the file that says it.
    pub fn read(self) -> Result<WrittenAnalysis, FileError> {
        let (mut texts, files) = self.whole()?;
        let merged = merged(&mut texts, files)?;
        Reader { texts: &texts }.read(merged)
    }

    /// Returns all texts and files, the most specific first.
    pub(crate) fn whole(self) -> Result<(Texts, Vec<CheckFile>), FileError> {
        if self.extends().is_some() {
            return Err(self.refuse(
                "what this extends was not read",
                "leave `extends` out, or give the file by its path",
            ));
        }
        Ok((self.texts, self.files))
    }

    fn written_extends(&self) -> Option<&Placed<String>> {
        self.files.last()?.extends.as_ref()
    }
}

/// What stands for the service's name in `scope`.
const SERVICE: &str = "$service";

/// Which keys are written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "each stands for a key of its own")]
pub struct LayerKeys {
    /// `source`.
    pub source: bool,
    /// `arms`.
    pub arms: bool,
    /// `scope`.
    pub scope: bool,
    /// `replica`.
    pub replica: bool,
    /// `step`.
    pub step: bool,
    /// `checks` or `use`.
    pub checks: bool,
}

/// The texts that have a say, each at lines of its own.
#[derive(Clone, Debug, Default)]
pub(crate) struct Texts(Vec<Text>);

#[derive(Clone, Debug)]
struct Text {
    name: String,
    text: String,
    /// How many lines stand above it.
    above: u64,
}

impl Texts {
    /// Reads a text at lines that no other has.
    pub(crate) fn parse(&mut self, name: &str, text: &str) -> Result<CheckFile, FileError> {
        let above = self.0.last().map_or(0, |last| last.above + lines(&last.text));
        let file = parse(name, text, above)?;
        self.0.push(Text { name: name.to_owned(), text: text.to_owned(), above });
        Ok(file)
    }

    /// Returns each text with its name, the most specific first, and packs behind the files.
    pub(crate) fn named(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|text| (text.name.as_str(), text.text.as_str()))
    }

    /// Returns which text a place is in, counted from the most specific.
    pub(crate) fn layer_of(&self, place: Option<Place>) -> usize {
        let Some(place) = place else { return 0 };
        self.0.iter().rposition(|text| place.line > text.above).unwrap_or(0)
    }

    /// Makes an error about a place, in the words of the file that it is in.
    pub(crate) fn mistake(&self, place: Option<Place>, problem: &str, hint: &str) -> FileError {
        self.error(place, problem, hint, true)
    }

    /// Makes an error about a place whose line may hold a secret, and is not shown.
    pub(crate) fn unseen(&self, place: Option<Place>, problem: &str, hint: &str) -> FileError {
        self.error(place, problem, hint, false)
    }

    fn error(&self, place: Option<Place>, problem: &str, hint: &str, shown: bool) -> FileError {
        let Some(text) = self.0.get(self.layer_of(place)) else {
            return mistake("the Check file", "", None, problem, hint);
        };
        let own = place.map(|place| Place { line: place.line - text.above, ..place });
        mistake(&text.name, if shown { &text.text } else { "" }, own, problem, hint)
    }
}

/// Returns at least how many lines a reader of YAML counts, its end among them.
fn lines(text: &str) -> u64 {
    text.matches(['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}']).count() as u64 + 2
}

/// Reads a text as if so many lines stood above it.
fn parse(name: &str, text: &str, above: u64) -> Result<CheckFile, FileError> {
    let count = usize::try_from(above).unwrap_or(0);
    let read = if count == 0 {
        from_yaml(text)
    } else {
        // A mark of the byte order is one at the beginning only.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        from_yaml(&format!("{}{text}", "\n".repeat(count)))
    };
    read.map_err(|error| explain(name, text, above, &error))
}

/// Reads YAML within limits, whoever wrote it.
pub(crate) fn from_yaml<T: DeserializeOwned>(text: &str) -> Result<T, serde_saphyr::Error> {
    let options = serde_saphyr::options! {
        with_snippet: false,
        strict_booleans: true,
        reject_unsupported_tags: true,
        alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: 200_000 },
        budget: serde_saphyr::budget! {
            max_events: 200_000,
            max_aliases: 10_000,
            max_anchors: 1_000,
            max_nodes: 100_000,
            max_depth: 32,
            max_documents: 1,
            // One anchor that a hundred checks merge is what anchors are for.
            enforce_alias_anchor_ratio: false,
        },
    };
    serde_saphyr::from_str_with_options(text, options)
}
