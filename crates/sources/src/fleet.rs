//! A fleet: many canaries that one source knows, told apart by the values of some labels.

use std::collections::{BTreeMap, BTreeSet};

use serin_model::{Analysis, FileError, MetricSeries, Timestamp, Warning};

use crate::SourceError;
use crate::assemble::Assembler;
use crate::collect::{Collected, Series, Side, Wanted};
use crate::doubts::{Doubts, look_at_recording};
use crate::parquet::RowGroups;
use crate::pools::Pools;
use crate::recording::span_of;

/// What a source has of one member of a fleet; by default nothing, of nobody.
#[derive(Clone, Debug, Default)]
pub struct MemberSeries {
    /// The values of the labels that tell members apart, in the order in which the Check file names
    /// the labels.
    pub name: Vec<String>,
    /// Whether there is a point of its canary.
    pub has_canary: bool,
    pub(crate) series: Vec<Series>,
}

/// The series of a source, member by member.
#[derive(Debug, Default)]
pub(crate) struct ToldApart {
    /// All there are, in the order of their names.
    pub(crate) members: Vec<MemberSeries>,
    /// How many series do not say which member they are of.
    pub(crate) strays: usize,
    /// Which queries have series of members, each with its check.
    named: BTreeSet<(usize, usize)>,
    /// Which have others.
    unnamed: BTreeSet<(usize, usize)>,
}

impl ToldApart {
    /// Returns the checks one of whose queries has series, and none that says which member it is of: a
    /// query that lost the labels must not be taken for one that counted nothing.
    pub(crate) fn unnamed_checks(&self) -> BTreeSet<usize> {
        self.unnamed.difference(&self.named).map(|(_, check)| *check).collect()
    }
}

/// Says why a check fails of which no series says whose it is, as the end of a sentence that begins with the
/// source.
pub(crate) fn loses_labels(for_each: &[String]) -> String {
    format!(
        "gave series of no member of the fleet: they have no label `{}` (write `by ({})` where the query \
         adds up, and leave the label in elsewhere)",
        for_each.join("`, `"),
        for_each.join(", ")
    )
}

/// What a recording has of the members of a fleet.
#[derive(Debug)]
pub struct RecordedFleet {
    name: String,
    wanted: Vec<Wanted>,
    members: Vec<MemberSeries>,
    /// Who has series of which queries; its members are above.
    told: ToldApart,
    /// Where rows lie in a file that has row groups.
    rows: Option<RowGroups>,
}

/// What a recording answered about one member.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordedMember {
    /// The answers to the checks, in their order; an answer may be empty.
    pub series: Vec<MetricSeries>,
    /// What a reader of the verdict must know of them.
    pub warnings: Vec<Warning>,
    /// The first and the last moment that any check was answered for.
    pub span: Option<(Timestamp, Timestamp)>,
}

impl RecordedFleet {
    /// Tells the members of a recording apart.
    ///
    /// # Errors
    ///
    /// [`FileError`] when no series says which member it is of.
    pub(crate) fn of(
        name: &str,
        analysis: &Analysis,
        collected: Collected,
        rows: Option<RowGroups>,
    ) -> Result<Self, FileError> {
        let Collected { wanted, series, .. } = collected;
        let mut told = tell_apart(&analysis.for_each, &wanted, series);
        let members = std::mem::take(&mut told.members);
        if members.is_empty() && told.strays > 0 {
            return Err(without_labels(name, analysis));
        }
        Ok(Self { name: name.to_owned(), wanted, members, told, rows })
    }

    /// Returns the same, knowing of series elsewhere that are of no member: a query of which there are
    /// such, and none of these members, is not known to have counted nothing.
    pub(crate) fn beside(mut self, strays: &ToldApart) -> Self {
        self.told.unnamed.extend(&strays.unnamed);
        self
    }

    /// Takes the members out, in the order of their names.
    pub fn take_members(&mut self) -> Vec<MemberSeries> {
        std::mem::take(&mut self.members)
    }

    /// Returns how many series do not say which member they are of.
    #[must_use]
    pub fn strays(&self) -> usize {
        self.told.strays
    }

    /// Makes observations of what there is of one member. Where an arm has many replicas they are
    /// judged in pools: see `docs/guide/fleet.md`.
    ///
    /// # Errors
    ///
    /// [`SourceError::File`] when its points cannot be what was asked for.
    pub fn assemble(
        &self,
        analysis: &Analysis,
        member: MemberSeries,
    ) -> Result<RecordedMember, SourceError> {
        let MemberSeries { series, .. } = member;
        let mut doubts = Doubts::about(&self.name);
        look_at_recording(analysis, &self.wanted, &series, &mut doubts);
        let warnings = doubts.warnings(analysis.checks());
        let span = span_of(&series);
        let pools = Pools::of(analysis, &self.wanted, &series);
        let assembled = Assembler::new(&self.name, analysis, &self.wanted, series)
            .and_then(|assembler| assembler.in_pools(pools).assemble());
        let place = |row: u64| self.rows.as_ref().and_then(|rows| rows.place_of(row));
        let mut series = assembled.map_err(|error| match &self.rows {
            Some(_) => error.in_row_groups(place),
            None => error,
        })?;
        for check in self.told.unnamed_checks() {
            let why = format!("{} {}", self.name, loses_labels(&analysis.for_each));
            series[check] = MetricSeries::failed(&analysis.checks()[check].name, why);
        }
        Ok(RecordedMember { series, warnings, span })
    }
}

/// Says that a recording does not tell members apart.
pub(crate) fn without_labels(name: &str, analysis: &Analysis) -> FileError {
    let labels = format!("`{}`", analysis.for_each.join("`, `"));
    let problem = format!("no series of it has the labels that `for_each` names: {labels}");
    FileError::new(name, "", None, &problem)
        .with_hint("name a column that says which service each row is of, or leave `for_each` out")
}

/// Tells series apart by the values of labels. A series that has not all of them is of no member.
///
/// * `for_each`: the labels; at least one.
pub(crate) fn tell_apart(for_each: &[String], wanted: &[Wanted], series: Vec<Series>) -> ToldApart {
    let mut told = ToldApart::default();
    let mut by_name: BTreeMap<Vec<String>, Vec<Series>> = BTreeMap::new();
    for one in series {
        let checks = one.wanted_by.iter().map(|&by| (by, wanted[by].check));
        match name_of(for_each, &one.labels) {
            Some(name) => {
                told.named.extend(checks);
                by_name.entry(name).or_default().push(one);
            }
            None => {
                told.unnamed.extend(checks);
                told.strays += 1;
            }
        }
    }
    let is_of_canary = |one: &Series| {
        !one.samples.is_empty() && one.wanted_by.iter().any(|&by| wanted[by].side == Side::Canary)
    };
    let member = |(name, series): (Vec<String>, Vec<Series>)| MemberSeries {
        name,
        has_canary: series.iter().any(is_of_canary),
        series,
    };
    told.members = by_name.into_iter().map(member).collect();
    told
}

/// Returns the values of labels; nothing where one is missing.
fn name_of(for_each: &[String], labels: &BTreeMap<String, String>) -> Option<Vec<String>> {
    for_each.iter().map(|label| labels.get(label).cloned()).collect()
}
