//! Many canaries in one run: each that a source knows, told apart by the labels of `for_each`.

mod recorded;
mod stored;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};

use serin_model::{Analysis, MetricSeries, Outcome, Source};
use serin_report::{FleetReport, Input, Report};

use crate::error::RunError;
use crate::judge::{Answered, beginning_of, conclude, leave_out_unknown, refuse_url};
use crate::progress::Progress;
use crate::question::{JudgeKind, Overrides, Question};
use crate::recording;
use crate::store::Past;

/// Judges every member of a fleet that has a canary, on all cores.
///
/// * `each`: gets each member's report with all its points, in any order and from any thread; the fleet
///   keeps none of the points.
///
/// # Errors
///
/// [`RunError`] when there is no source, when it cannot be read or answered no query, or when it knows no
/// member at all. A member that cannot be judged is no error: the fleet says so.
pub fn ask_each(
    question: &Question,
    overrides: Overrides<'_>,
    progress: &dyn Progress,
    each: &(dyn Fn(&Report) + Sync),
) -> Result<FleetReport, RunError> {
    let court =
        Court { question, kind: overrides.judge, each, progress, judged: AtomicUsize::new(0) };
    let judged = match (overrides.data, &question.written.source) {
        (None, Some(Source::Store(store))) => stored::judge(&court, store, overrides)?,
        (_, source) => {
            refuse_url(overrides)?;
            let written = recording::written(source.as_ref());
            recorded::judge(&court, written, overrides)?
        }
    };
    Ok(court.fleet(judged))
}

/// Where members are judged.
struct Court<'a> {
    question: &'a Question,
    kind: JudgeKind,
    each: &'a (dyn Fn(&Report) + Sync),
    progress: &'a dyn Progress,
    /// How many members were judged so far.
    judged: AtomicUsize,
}

/// What came of all members.
#[derive(Default)]
struct Judged {
    reports: Vec<Report>,
    /// Those without a canary.
    without_canary: Vec<Vec<String>>,
    /// How many series are of no member.
    strays: usize,
    /// What was read, where all members share it.
    inputs: Vec<Input>,
    /// What must be known of all.
    notes: Vec<String>,
}

impl Court<'_> {
    fn analysis(&self) -> &Analysis {
        &self.question.written.analysis
    }

    /// Judges one member, hands its report out, and keeps all of it but the points.
    ///
    /// * `answered`: what the source has of it, or why nothing of that can be judged.
    /// * `of`: how many members there are.
    fn judge(
        &self,
        name: &[String],
        source: &FromSource,
        answered: Result<Answered, RunError>,
        past: Option<Past>,
        of: usize,
    ) -> Result<Report, RunError> {
        let judged = answered.and_then(|mut answered| {
            answered.analysis = of_member(&answered.analysis, name);
            let unknown = leave_out_unknown(&mut answered);
            let past = past.filter(|_| beginning_of(self.kind, &answered).is_some());
            conclude(self.question, self.kind, answered, &unknown, past)
        });
        let mut report = match judged {
            Err(error @ (RunError::NoAnswer { .. } | RunError::File(_) | RunError::Source(_))) => {
                let failed = source.failed(self.analysis(), name, &in_one_line(&error));
                conclude(self.question, self.kind, failed, &BTreeSet::new(), None)?
            }
            judged => judged?,
        };
        (self.each)(&report);
        report.traces = Vec::new();
        self.progress.judged(self.judged.fetch_add(1, Ordering::Relaxed) + 1, of);
        Ok(report)
    }

    fn fleet(&self, judged: Judged) -> FleetReport {
        let analysis = self.analysis();
        let report = FleetReport {
            version: FleetReport::VERSION,
            serin: env!("CARGO_PKG_VERSION").to_owned(),
            fleet: analysis.service.clone(),
            for_each: analysis.for_each.clone(),
            outcome: Outcome::Inconclusive,
            members: judged.reports,
            without_canary: judged.without_canary.iter().map(|name| service(name)).collect(),
            strays: judged.strays,
            notes: judged.notes,
            check: self.question.check.clone(),
            inputs: judged.inputs,
        };
        report.ranked()
    }
}

/// Whom members were read from.
struct FromSource {
    /// What people call it.
    name: String,
    input: Input,
}

impl FromSource {
    /// Returns the answers about a member of which nothing can be judged: every check has failed, so that
    /// nobody takes it for harmless.
    fn failed(&self, analysis: &Analysis, name: &[String], why: &str) -> Answered {
        let failed = |check: &serin_model::Check| MetricSeries::failed(&check.name, why.to_owned());
        Answered {
            analysis: of_member(analysis, name),
            series: analysis.checks().iter().map(failed).collect(),
            warnings: Vec::new(),
            name: self.name.clone(),
            span: None,
            input: self.input.clone(),
            note: None,
        }
    }
}

/// Returns the analysis of one member.
fn of_member(analysis: &Analysis, name: &[String]) -> Analysis {
    let mut own = analysis.clone();
    own.service = service(name);
    own.for_each = Vec::new();
    let labels: BTreeMap<String, String> =
        analysis.for_each.iter().cloned().zip(name.iter().cloned()).collect();
    own.arms.control.extend(labels.clone());
    own.arms.canary.extend(labels);
    own
}

/// Names a member: the values of its labels, so that no two have one name.
fn service(name: &[String]) -> String {
    match name {
        [only] => only.clone(),
        several => {
            let escaped = |value: &String| value.replace('%', "%25").replace('/', "%2F");
            several.iter().map(escaped).collect::<Vec<_>>().join("/")
        }
    }
}

/// Returns why a member has no verdict, without what a line has no room for.
fn in_one_line(error: &RunError) -> String {
    error.to_string().split_whitespace().collect::<Vec<_>>().join(" ")
}
