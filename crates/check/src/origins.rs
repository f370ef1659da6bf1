//! Where each value of a Check comes from: which file, which line, which pack, or nobody.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serin_model::{Analysis, AtHorizon, Check, FileError, MeasureKind, Place, Worse};

use crate::file::{CheckChange, CheckFile, Entries};
use crate::layers::{Layers, Texts, from_yaml};
use crate::merge::{Merged, merged};
use crate::read::Reader;
use crate::scalar::{AbsoluteChange, Percentage, Placed, Span};

/// The keys on the way to a value.
type Keys = Vec<String>;

impl Layers {
    /// Writes the whole of what the files and their packs say as one Check file, each value with the place
    /// that it comes from in a comment behind it, and what nobody says in comments below.
    ///
    /// What is written reads back as the same question, but for the packs: its checks are its own, and none
    /// is left out where the source has nothing of it.
    ///
    /// # Errors
    ///
    /// [`FileError`] as for [`Self::read`].
    pub fn explained(self) -> Result<String, FileError> {
        let (mut texts, files) = self.whole()?;
        let merged = merged(&mut texts, files)?;
        let file = as_one_file(&merged);
        let analysis = Reader { texts: &texts }.read(merged)?.analysis;
        let yaml = serde_saphyr::to_string(&file).unwrap_or_default();
        let origins = Origins::of(&texts);
        let written = places(&yaml);
        let mut comments: BTreeMap<u64, String> = BTreeMap::new();
        let lines: Vec<&str> = yaml.lines().collect();
        for (keys, place) in written.iter().filter(|(_, it)| it.is_leaf) {
            let origin = origins.of_value(keys).unwrap_or_default();
            comments.entry(line_of_key(&lines, place.line)).or_insert(origin);
        }
        let mut text = annotated(&yaml, &comments);
        text.push_str(&unsaid(&analysis, &written));
        Ok(text)
    }
}

/// Returns the line on which a value's key stands. Within a text of several lines a comment would be text.
fn line_of_key(lines: &[&str], line: u64) -> u64 {
    let above = usize::try_from(line).ok().and_then(|line| lines.get(line.checked_sub(2)?));
    let opens = |above: &&str| {
        [": >-", ": |-", ": |", ": >", ": |+", ": >+"].iter().any(|end| above.ends_with(end))
    };
    if above.is_some_and(opens) { line - 1 } else { line }
}

/// Returns what several files say as if one did.
fn as_one_file(merged: &Merged) -> CheckFile {
    let checks = merged.checks.iter().map(|(name, entry)| {
        let change = CheckChange::Entry(Box::new(entry.value.clone()));
        (name.clone(), Placed::from(change).at(entry.place))
    });
    let checks = Placed::from(Entries(checks.collect()));
    CheckFile { checks: Some(checks), extends: None, packs: Vec::new(), ..merged.file.clone() }
}

/// Where a value stands, and whether nothing stands below it.
#[derive(Clone, Copy, Debug)]
struct Standing {
    line: u64,
    is_leaf: bool,
}

/// Which text says which keys, the most specific first.
struct Origins<'a>(Vec<(&'a str, BTreeMap<Keys, Standing>)>);

impl<'a> Origins<'a> {
    fn of(texts: &'a Texts) -> Self {
        Self(texts.named().map(|(name, text)| (name, places(text))).collect())
    }

    /// Says where a value comes from: the first that has its key, or else what is around it.
    fn of_value(&self, keys: &[String]) -> Option<String> {
        (1..=keys.len()).rev().find_map(|length| {
            let key = &keys[..length];
            let said = |(name, places): &(&str, BTreeMap<Keys, Standing>)| {
                Some(format!("{name}:{}", places.get(key)?.line))
            };
            self.0.iter().find_map(said)
        })
    }
}

/// Returns where each key of a text has its value.
fn places(text: &str) -> BTreeMap<Keys, Standing> {
    let mut places = BTreeMap::new();
    if let Ok(tree) = from_yaml::<Placed<Tree>>(text) {
        add(&tree, &mut Vec::new(), &mut places);
    }
    places
}

fn add(tree: &Placed<Tree>, keys: &mut Keys, places: &mut BTreeMap<Keys, Standing>) {
    let Placed { value, place: Some(Place { line, .. }), .. } = tree else { return };
    let is_leaf = matches!(value, Tree::Leaf);
    places.insert(keys.clone(), Standing { line: *line, is_leaf });
    if let Tree::Branches(branches) = value {
        for (key, branch) in branches {
            keys.push(key.clone());
            add(branch, keys, places);
            keys.pop();
        }
    }
}

/// A text in YAML, whatever it says.
#[derive(Clone, Debug)]
enum Tree {
    Leaf,
    Branches(Vec<(String, Placed<Self>)>),
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyTree)
    }
}

struct AnyTree;

impl<'de> Visitor<'de> for AnyTree {
    type Value = Tree;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Tree, E> {
        Ok(Tree::Leaf)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Tree, E> {
        Ok(Tree::Leaf)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Tree, E> {
        Ok(Tree::Leaf)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Tree, E> {
        Ok(Tree::Leaf)
    }

    fn visit_str<E>(self, _: &str) -> Result<Tree, E> {
        Ok(Tree::Leaf)
    }

    fn visit_unit<E>(self) -> Result<Tree, E> {
        Ok(Tree::Leaf)
    }

    fn visit_none<E>(self) -> Result<Tree, E> {
        Ok(Tree::Leaf)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Tree, A::Error> {
        let mut branches = Vec::new();
        while let Some(item) = items.next_element()? {
            branches.push((branches.len().to_string(), item));
        }
        Ok(Tree::Branches(branches))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Tree, A::Error> {
        let mut branches = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            branches.push(entry);
        }
        Ok(Tree::Branches(branches))
    }
}

/// Puts a comment behind lines, all of them below each other where that is not too far right.
fn annotated(yaml: &str, comments: &BTreeMap<u64, String>) -> String {
    let numbered = || (1..).zip(yaml.lines());
    let commented = numbered().filter(|(number, _)| comments.contains_key(number));
    let widths = commented.map(|(_, line)| line.chars().count());
    let width = widths.filter(|width| *width <= WIDEST).max().unwrap_or(0);
    let mut text = String::new();
    for (number, line) in numbered() {
        let line = match comments.get(&number).filter(|comment| !comment.is_empty()) {
            Some(comment) => format!("{line:width$}  # {}", printable(comment)),
            None => line.to_owned(),
        };
        let _ = writeln!(text, "{line}");
    }
    text
}

/// Longer lines have their comment where they end.
const WIDEST: usize = 72;

fn printable(text: &str) -> String {
    text.chars().filter(|character| !character.is_control()).collect()
}

/// Says what holds because nobody says otherwise.
fn unsaid(analysis: &Analysis, written: &BTreeMap<Keys, Standing>) -> String {
    let mut lines = Vec::new();
    let mut add = |keys: &[&str], value: String| {
        let path: Keys = keys.iter().map(|key| (*key).to_owned()).collect();
        if !written.contains_key(&path) {
            lines.push(format!("#   {}: {value}", keys.join(".")));
        }
    };
    if !written.contains_key(&vec!["arms".to_owned()]) {
        add(&["arms", "control"], "{arm: control}".to_owned());
        add(&["arms", "canary"], "{arm: canary}".to_owned());
    }
    add(&["step"], format!("{}s", analysis.step.seconds()));
    let minutes = |minutes: u64| Span(std::time::Duration::from_secs(60 * minutes)).to_string();
    for (key, value) in [("horizon", 60), ("warm_up", 2), ("history", 360), ("minimum_time", 5)] {
        add(&[key], minutes(value));
    }
    if analysis.at_horizon == AtHorizon::Hold {
        add(&["at_horizon"], "hold".to_owned());
    }
    for check in analysis.checks() {
        let worse = match check.worse {
            Worse::Higher => "higher",
            Worse::Lower => "lower",
            Worse::Either => "either",
        };
        add(&["checks", &check.name, "worse"], worse.to_owned());
        for (key, value) in margins(check) {
            add(&["checks", &check.name, "compare", key], value);
        }
    }
    if lines.is_empty() {
        return String::new();
    }
    format!("\n# Nobody says otherwise:\n{}\n", lines.join("\n"))
}

fn margins(check: &Check) -> [(&'static str, String); 3] {
    let margins = check.margins;
    let floor = match check.measure.kind() {
        MeasureKind::Ratio => AbsoluteChange::PercentagePoints(margins.floor()).to_string(),
        _ => margins.floor().to_string(),
    };
    [
        ("tolerance", Percentage(margins.tolerance()).to_string()),
        ("unacceptable", Percentage(margins.unacceptable()).to_string()),
        ("floor", floor),
    ]
}
