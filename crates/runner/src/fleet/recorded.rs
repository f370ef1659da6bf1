//! Fleets in recordings.

use rayon::prelude::*;
use serin_model::{Analysis, CounterForm};
use serin_report::Report;
use serin_sources::{
    Digest, DigestReader, MemberSeries, ParquetFleet, RecordedFleet, read_recorded_fleet,
};

use super::{Court, FromSource, Judged};
use crate::error::RunError;
use crate::judge::Answered;
use crate::question::{Overrides, input};
use crate::recording::{Opened, WholeFile, judged_until, opened, place, recorded_window};
use crate::text_file::shown;

/// Reads a recording, and judges each member in it.
pub(super) fn judge(
    court: &Court<'_>,
    written: Option<(&str, CounterForm)>,
    overrides: Overrides<'_>,
) -> Result<Judged, RunError> {
    let path = place(court.question, written.map(|(path, _)| path), overrides.data)?;
    let counters = overrides.counters.or(written.map(|(_, counters)| counters)).unwrap_or_default();
    let mut analysis = court.analysis().clone();
    analysis.window = recorded_window(&analysis, overrides.time)?;
    let recorded = Recorded { court, analysis: &analysis, path: &path, name: shown(&path) };
    match opened(&path, court.progress)? {
        Opened::Pairs(_) => Err(RunError::OtherSource {
            problem: format!(
                "`{}` holds what Kayenta stored, which is of one canary",
                shown(&path)
            ),
            hint: "leave `for_each` out, or name a recording",
        }),
        Opened::Parquet(file) => recorded.judge_parquet(&file, counters),
        Opened::Text(reader) => {
            let (fleet, digest) = read_recorded_fleet(&recorded.name, reader, &analysis, counters)?;
            recorded.judge_all(fleet, digest)
        }
    }
}

/// A recording of a fleet.
struct Recorded<'a> {
    court: &'a Court<'a>,
    analysis: &'a Analysis,
    path: &'a str,
    /// What errors call it.
    name: String,
}

impl Recorded<'_> {
    /// Judges what was read at once.
    fn judge_all(&self, mut fleet: RecordedFleet, digest: Digest) -> Result<Judged, RunError> {
        let (members, without_canary) = sorted_out(&mut fleet);
        let of = members.len();
        let source = self.source(digest);
        let judge = |member| self.judge(&fleet, member, &source, of);
        let reports = members.into_par_iter().map(judge).collect::<Result<_, _>>()?;
        let (strays, inputs) = (fleet.strays(), vec![source.input]);
        Ok(Judged { reports, without_canary, strays, inputs, ..Judged::default() })
    }

    /// Judges some members after others, as they fit into memory.
    fn judge_parquet(&self, file: &WholeFile, counters: CounterForm) -> Result<Judged, RunError> {
        let unreadable = |error| RunError::Unreadable { path: self.path.to_owned(), error };
        let open = || file.open().map_err(unreadable);
        let until = judged_until(self.analysis);
        let (digest, fleet) = rayon::join(
            || DigestReader::new(open()?).finish().map_err(unreadable),
            || -> Result<_, RunError> {
                let most = ParquetFleet::MOST_VALUES_AT_ONCE;
                let (name, analysis) = (&self.name, self.analysis);
                let fleet = ParquetFleet::open(name, open()?, analysis, counters, until, most)?;
                Ok(fleet.with_strays(open()?)?)
            },
        );
        let (source, fleet) = (self.source(digest?), fleet?);
        let batch = |batch: usize| -> Result<Judged, RunError> {
            let mut members = fleet.read(batch, open()?)?;
            let (sorted, without_canary) = sorted_out(&mut members);
            let judge = |member| self.judge(&members, member, &source, fleet.members());
            let reports = sorted.into_iter().map(judge).collect::<Result<_, _>>()?;
            Ok(Judged { reports, without_canary, ..Judged::default() })
        };
        let batches: Vec<Judged> =
            (0..fleet.batches()).into_par_iter().map(batch).collect::<Result<_, _>>()?;
        let mut judged = Judged { strays: fleet.strays(), ..Judged::default() };
        for batch in batches {
            judged.reports.extend(batch.reports);
            judged.without_canary.extend(batch.without_canary);
        }
        judged.notes.extend(scattered(&fleet));
        judged.inputs = vec![source.input];
        Ok(judged)
    }

    fn source(&self, digest: Digest) -> FromSource {
        FromSource { name: format!("`{}`", self.name), input: input(self.path, digest) }
    }

    fn judge(
        &self,
        fleet: &RecordedFleet,
        member: MemberSeries,
        source: &FromSource,
        of: usize,
    ) -> Result<Report, RunError> {
        let name = member.name.clone();
        let answered = fleet.assemble(self.analysis, member).map(|recorded| Answered {
            analysis: self.analysis.clone(),
            series: recorded.series,
            warnings: recorded.warnings,
            name: source.name.clone(),
            span: recorded.span,
            input: source.input.clone(),
            note: None,
        });
        self.court.judge(&name, source, answered.map_err(RunError::from), None, of)
    }
}

fn sorted_out(fleet: &mut RecordedFleet) -> (Vec<MemberSeries>, Vec<Vec<String>>) {
    let (judged, others): (Vec<_>, Vec<_>) =
        fleet.take_members().into_iter().partition(|member| member.has_canary);
    (judged, others.into_iter().map(|member| member.name).collect())
}

/// Says what makes a reading slow.
fn scattered(fleet: &ParquetFleet<'_>) -> Option<String> {
    let readings = fleet.readings();
    (readings > MOST_READINGS).then(|| {
        format!(
            "the rows of a member are scattered over the file, so that it was read {readings:.0} times: \
             sort it by the labels of `for_each`"
        )
    })
}

/// A file that is sorted is read once, and what lies at an edge twice.
const MOST_READINGS: f64 = 3.0;
