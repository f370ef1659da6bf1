//! What the ledger has of an analysis, read back.

use std::collections::BTreeMap;

use serin_check::WrittenAnalysis;
use serin_ledger::{
    Digest, Event, Fact, Kind, Ledger, LedgerError, Running, RunningAnalyses, Selection,
};
use serin_model::{Arm, MetricSeries, Timestamp, Warning, Window};
use serin_report::Input;

use super::commission::{Commission, CommissionError};
use super::entries::{About, SOURCE};
use super::evidence::{EvidenceError, Role, Stretch};
use crate::watch::{Known, Past};

/// Why an analysis cannot be read back.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(super) enum RecordError {
    /// The database failed; that may pass.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// What was asked is not there any more, or is no commission.
    #[error(transparent)]
    Commission(#[from] CommissionError),
    /// What was asked cannot be read by this serin.
    #[error(transparent)]
    File(#[from] serin_model::FileError),
    /// Points are not evidence.
    #[error("batch {batch}: {error}")]
    Evidence { batch: u64, error: EvidenceError },
    /// Something that an event names is gone.
    #[error(
        "{what} is not in the ledger any more\n\n\
         hint: see `serin ledger verify`; bring a backup back, or begin the analysis anew"
    )]
    Gone { what: String },
}

/// A batch of points that an analysis took.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) number: u64,
    pub(super) points: Stretch,
    /// The control's past, with the first.
    pub(super) past: Option<Stretch>,
}

/// All points that an analysis took, in one piece.
#[derive(Debug, Default)]
pub(super) struct Record {
    series: Vec<MetricSeries>,
    warnings: Vec<Warning>,
}

/// Returns the analyses that began here and have not ended, by subject.
pub(super) fn running(ledger: &mut Ledger) -> Result<Vec<Running>, LedgerError> {
    let projected = ledger.project::<RunningAnalyses>(None)?;
    Ok(projected.state.all().cloned().collect())
}

/// Reads what an analysis was asked; `None` where others drive it.
pub(super) fn about(
    ledger: &mut Ledger,
    running: &Running,
) -> Result<Option<(About, WrittenAnalysis)>, RecordError> {
    let gone = |what: &str| RecordError::Gone { what: what.to_owned() };
    let event = ledger.event(running.id)?.ok_or_else(|| gone("the first event"))?;
    let [_, commission, ..] = event.header.evidence[..] else { return Ok(None) };
    if event.header.key.source != SOURCE {
        return Ok(None);
    }
    let commission = expanded(ledger, &commission, "what was asked")?;
    let mut texts = BTreeMap::new();
    for digest in &event.header.evidence {
        let text = expanded(ledger, digest, "the text of the Check")?;
        texts.insert(*digest, String::from_utf8_lossy(&text).into_owned());
    }
    let commission = Commission::read(&commission, |digest| texts.get(digest).cloned())?;
    let written = commission.question()?;
    let about = About {
        subject: running.subject.clone(),
        scope: running.scope.clone(),
        change: running.begun.change.clone(),
        shadow: running.begun.shadow,
        commission,
        begun: Some(running.id),
    };
    Ok(Some((about, written)))
}

fn expanded(ledger: &mut Ledger, digest: &Digest, what: &str) -> Result<Vec<u8>, RecordError> {
    let evidence = ledger.evidence(digest)?;
    let bytes = evidence.map(|evidence| evidence.expand());
    match bytes {
        Some(Ok(bytes)) => Ok(bytes),
        Some(Err(problem)) => {
            Err(RecordError::Gone { what: format!("{what} ({digest}: {problem})") })
        }
        None => Err(RecordError::Gone { what: format!("{what} ({digest})") }),
    }
}

/// Reads the batches that an analysis took, one after the other.
pub(super) fn each_batch(
    ledger: &mut Ledger,
    about: &About,
    mut hear: impl FnMut(Batch),
) -> Result<(), RecordError> {
    let selection = Selection {
        service: Some(about.scope.service.clone()),
        subject: Some(about.subject.clone()),
        kinds: vec![Kind::PointsTaken],
        ..Selection::default()
    };
    let mut after = 0;
    loop {
        let page = ledger.events(&selection, after, PAGE)?;
        let Some(last) = page.last() else { return Ok(()) };
        after = last.position;
        for event in page {
            hear(batch(ledger, &event)?);
        }
    }
}

fn batch(ledger: &mut Ledger, event: &Event) -> Result<Batch, RecordError> {
    let Fact::PointsTaken(taken) = event.fact() else {
        return Err(RecordError::Gone { what: "what a batch says".to_owned() });
    };
    let number = taken.batch;
    let (mut points, mut past) = (None, None);
    for digest in &event.header.evidence {
        let bytes = expanded(ledger, digest, &format!("batch {number}"))?;
        let stretch = Stretch::read(&bytes)
            .map_err(|error| RecordError::Evidence { batch: number, error })?;
        match stretch.role {
            Role::Points => points = Some(stretch),
            Role::Past => past = Some(stretch),
        }
    }
    let points = points
        .ok_or_else(|| RecordError::Gone { what: format!("the points of batch {number}") })?;
    Ok(Batch { number, points, past })
}

/// Events that are read at once.
const PAGE: usize = 200;

impl Batch {
    /// Returns what a machine has to be told of it.
    pub(super) fn heard(self, source: &str) -> (Timestamp, Known, Option<Past>) {
        let past = self.past.map(|past| Past {
            window: past.window,
            series: past.series,
            unknown: past.unknown.unwrap_or_default(),
        });
        let (series, warnings) = (self.points.series, self.points.warnings);
        (self.points.window.end, known(series, warnings, source), past)
    }
}

/// Returns what a source said in the words of a machine.
pub(super) fn known(series: Vec<MetricSeries>, warnings: Vec<Warning>, source: &str) -> Known {
    let input = Input { path: source.to_owned(), sha256: String::new(), bytes: 0 };
    Known { series, warnings, input }
}

impl Record {
    /// Reads all points of an analysis.
    pub(super) fn read(ledger: &mut Ledger, about: &About) -> Result<Self, RecordError> {
        let mut record = Self::default();
        each_batch(ledger, about, |batch| record.add(batch.points))?;
        Ok(record)
    }

    fn add(&mut self, points: Stretch) {
        for answer in points.series {
            let same = |known: &&mut MetricSeries| {
                known.check == answer.check && known.labels == answer.labels
            };
            match self.series.iter_mut().find(same) {
                None => self.series.push(answer),
                Some(known) => {
                    add(&mut known.arms.control, answer.arms.control);
                    add(&mut known.arms.canary, answer.arms.canary);
                    known.looks_back = known.looks_back.max(answer.looks_back);
                    known.failure = answer.failure;
                }
            }
        }
        // Of what is said of several batches the last word counts.
        for warning in points.warnings {
            let same =
                |known: &&mut Warning| known.code == warning.code && known.metric == warning.metric;
            match self.warnings.iter_mut().find(same) {
                None => self.warnings.push(warning),
                Some(known) => *known = warning,
            }
        }
    }

    /// Returns the points up to where they were judged, as a machine has to know them, with the digest of what was
    /// read: it is the same however the points came in batches.
    pub(super) fn known(self, source: &str, judged: Window, control: Option<Window>) -> Known {
        let mut series = crate::watch::between(&self.series, judged, control);
        // Which checks were not answered at the end is a matter of batches, and said elsewhere.
        series.iter_mut().for_each(|answer| answer.failure = None);
        let stretch = Stretch {
            role: Role::Points,
            start: judged.start,
            judged_from: judged.start,
            window: judged,
            series,
            warnings: Vec::new(),
            unknown: None,
        };
        let bytes = stretch.write();
        let input = Input {
            path: format!("{source}, {} points", stretch.points()),
            sha256: Digest::of(&bytes).to_string(),
            bytes: bytes.len() as u64,
        };
        Known { series: stretch.series, warnings: self.warnings, input }
    }
}

/// Adds the points of a later batch. A replica that was silent so far may turn out to be of another kind.
fn add(known: &mut Arm, later: Arm) {
    let speaks =
        |name: &str| later.replicas.iter().any(|it| it.name == name && !it.observations.is_empty());
    known.replicas.retain(|it| !it.observations.is_empty() || !speaks(&it.name));
    known.append(later);
}
