//! What a changed Check, or a newer judge, would have said of verdicts whose evidence the ledger keeps.

use std::collections::{BTreeMap, BTreeSet};

use serin_check::WrittenAnalysis;
use serin_ledger::{Aftermath, Ledger, Running, Scorecard};
use serin_model::{Analysis, Check, MetricSeries, Outcome, Timestamp};
use serin_report::{
    CanaryTruth, Flip, FlipKind, ReplayCounts, ReplayReport, ReplayedCheck, Untold,
};

use super::entries::{About, judge};
use super::record::{self, Batch, RecordError};
use super::schedule::Resumed;
use crate::changes::revision;
use crate::entry::EntryError;
use crate::question::Question;
use crate::scorecard::known;

/// What is to be judged again.
#[derive(Clone, Debug, Default)]
pub struct ReplayAsked {
    /// The changed Checks, one a service; without any, each verdict is judged again by its own.
    pub checks: Vec<Question>,
    /// Only verdicts about this service.
    pub service: Option<String>,
    /// Only verdicts from this moment on.
    pub since: Option<Timestamp>,
}

/// Judges again what the ledger keeps the evidence of, and says which verdicts would be others.
///
/// Times stay as they were: when the canary began, how much was left out, and the horizon. Nothing is asked of any
/// source, and nothing is written. Memory is that of one analysis's points.
///
/// * `hear`: is told how many verdicts are done, of how many.
///
/// # Errors
///
/// Where the ledger cannot be read, or knows no such service. Evidence that is gone is counted, and no error.
pub fn replay(
    ledger: &mut Ledger,
    asked: &ReplayAsked,
    hear: &dyn Fn(usize, usize),
) -> Result<ReplayReport, EntryError> {
    let mut verdicts = Vec::new();
    for service in services(ledger, asked)? {
        let state = ledger.project::<Scorecard>(Some(&service))?.state;
        let aftermaths = state.aftermaths();
        verdicts.extend(aftermaths.iter().filter(|it| is_asked(it, asked)).map(Known::of));
    }
    verdicts.sort_by(|a, b| (a.at, &a.event).cmp(&(b.at, &b.event)));
    let mut again = Vec::new();
    for (done, verdict) in verdicts.iter().enumerate() {
        hear(done, verdicts.len());
        again.push(judge_again(ledger, asked, verdict)?);
    }
    hear(verdicts.len(), verdicts.len());
    Ok(put_together(asked, verdicts, again))
}

fn services(ledger: &mut Ledger, asked: &ReplayAsked) -> Result<Vec<String>, EntryError> {
    if let Some(service) = &asked.service {
        return Ok(vec![known(ledger, service)?]);
    }
    if asked.checks.is_empty() {
        return Ok(ledger.services()?);
    }
    let mut services = BTreeSet::new();
    for check in &asked.checks {
        services.insert(known(ledger, &check.written.analysis.service)?);
    }
    Ok(services.into_iter().collect())
}

fn is_asked(aftermath: &Aftermath<'_>, asked: &ReplayAsked) -> bool {
    let entry = &aftermath.verdict.entry;
    !entry.withdrawn && asked.since.is_none_or(|since| entry.occurred_at >= since)
}

/// A verdict, and what is known of its canary.
struct Known {
    event: String,
    service: String,
    change: Option<String>,
    at: Timestamp,
    was: Outcome,
    truth: CanaryTruth,
    /// How its analysis began, if anything says so.
    begun: Option<Running>,
}

impl Known {
    fn of(aftermath: &Aftermath<'_>) -> Self {
        let entry = &aftermath.verdict.entry;
        let was = entry.fact.outcome;
        let is_good = aftermath.is_known_good();
        Self {
            event: entry.id.to_string(),
            service: entry.scope.service.clone(),
            change: aftermath.change_subject().map(str::to_owned),
            at: entry.occurred_at,
            was,
            truth: match aftermath.is_known_bad() {
                true => CanaryTruth::Bad,
                false if is_good || was == Outcome::Pass => CanaryTruth::Good,
                false => CanaryTruth::Unknown,
            },
            begun: aftermath.begun.map(|begun| Running {
                id: begun.id,
                scope: begun.scope.clone(),
                subject: begun.subject.clone(),
                begun_at: begun.occurred_at,
                begun: begun.fact.clone(),
            }),
        }
    }
}

/// What would be said, with the metrics that there are no points of; or why that cannot be told.
type Again = Result<(Outcome, String, BTreeSet<String>), String>;

fn judge_again(
    ledger: &mut Ledger,
    asked: &ReplayAsked,
    verdict: &Known,
) -> Result<Again, EntryError> {
    let Some(begun) = &verdict.begun else {
        return Ok(Err("nothing says how its analysis began".to_owned()));
    };
    let (about, written) = match record::about(ledger, begun) {
        Ok(Some(read)) => read,
        Ok(None) => return Ok(Err("no live analysis of serin's made it".to_owned())),
        Err(error) => return untold(error),
    };
    let changed = asked.checks.iter().find(|it| it.written.analysis.service == verdict.service);
    let changed = match changed {
        None => None,
        Some(question) => match Changed::of(&written, &question.written) {
            Ok(changed) => Some(changed),
            Err(why) => return Ok(Err(why)),
        },
    };
    let mut trial = Trial::new(&about, written, changed);
    match record::each_batch(ledger, &about, |batch| trial.take(batch)) {
        Ok(()) => Ok(trial.end(verdict.was)),
        Err(error) => untold(error),
    }
}

/// That evidence is gone is told; that the ledger fails is an error.
fn untold(error: RecordError) -> Result<Again, EntryError> {
    match error {
        RecordError::Ledger(error) => Err(error.into()),
        RecordError::Gone { .. } | RecordError::Commission(_) => {
            Ok(Err("its evidence is no longer kept".to_owned()))
        }
        RecordError::File(_) => Ok(Err("this serin does not read its Check".to_owned())),
        RecordError::Evidence { .. } => Ok(Err("this serin does not read its evidence".to_owned())),
    }
}

/// A changed Check, and where its metrics are among what was stored.
struct Changed {
    analysis: Analysis,
    /// The names of its metrics, by the names under which their points are stored.
    names: BTreeMap<String, Vec<String>>,
    not_stored: BTreeSet<String>,
}

impl Changed {
    /// Finds the metrics by what was asked of the store, and says why they cannot be.
    fn of(stored: &WrittenAnalysis, changed: &WrittenAnalysis) -> Result<Self, String> {
        let (old, new) = (&stored.analysis, &changed.analysis);
        let differs = [
            ("arms", old.arms.control != new.arms.control || old.arms.canary != new.arms.canary),
            ("replica", old.replica != new.replica),
            ("step", old.step != new.step),
        ];
        if let Some((key, _)) = differs.into_iter().find(|(_, differs)| *differs) {
            return Err(format!(
                "the changed Check has another `{key}`, and the points are of the old one"
            ));
        }
        let mut names = BTreeMap::<String, Vec<String>>::new();
        let mut not_stored = BTreeSet::new();
        for check in new.checks() {
            match stored_as(old.checks(), check) {
                Some(name) => names.entry(name).or_default().push(check.name.clone()),
                None => {
                    not_stored.insert(check.name.clone());
                }
            }
        }
        let analysis = match not_stored.is_empty() {
            true => new.clone(),
            false => new
                .without(&not_stored)
                .map_err(|_| "none of the changed Check's metrics was stored".to_owned())?,
        };
        Ok(Self { analysis, names, not_stored })
    }

    /// Returns answers under the names that the changed Check has for them.
    fn renamed(&self, series: Vec<MetricSeries>) -> Vec<MetricSeries> {
        let named = |answer: MetricSeries| {
            let names = self.names.get(&answer.check).map_or(&[][..], Vec::as_slice);
            names.iter().map(move |name| MetricSeries { check: name.clone(), ..answer.clone() })
        };
        let mut renamed: Vec<MetricSeries> = Vec::new();
        for answer in series {
            renamed.extend(named(answer));
        }
        renamed
    }
}

/// Returns under which name points are stored that answer a check's question.
fn stored_as(stored: &[Check], check: &Check) -> Option<String> {
    let is_same = |it: &&Check| it.measure == check.measure;
    let by_name = stored.iter().filter(is_same).find(|it| it.name == check.name);
    by_name.or_else(|| stored.iter().find(is_same)).map(|it| it.name.clone())
}

/// One analysis that is judged again.
struct Trial {
    resumed: Resumed,
    changed: Option<Changed>,
}

impl Trial {
    fn new(about: &About, written: WrittenAnalysis, changed: Option<Changed>) -> Self {
        let analysis = changed.as_ref().map_or(written.analysis, |it| it.analysis.clone());
        Self { resumed: Resumed::new(about, analysis, "the ledger"), changed }
    }

    fn take(&mut self, mut batch: Batch) {
        let outcome = self.resumed.machine.0.outcome();
        if outcome.is_some_and(|outcome| outcome != Outcome::Inconclusive) {
            return;
        }
        if let Some(changed) = &self.changed {
            batch.points.series = changed.renamed(batch.points.series);
            batch.points.warnings.clear();
            if let Some(past) = &mut batch.past {
                past.series = changed.renamed(std::mem::take(&mut past.series));
            }
        }
        self.resumed.take(batch);
    }

    fn end(mut self, was: Outcome) -> Again {
        let not_stored = self.changed.map(|it| it.not_stored).unwrap_or_default();
        let Some((verdict, is_over)) = self.resumed.machine.0.verdict_again() else {
            return Ok((Outcome::Inconclusive, "no point was ever judged".to_owned(), not_stored));
        };
        let ends_early = !is_over && was != Outcome::Inconclusive;
        if verdict.outcome == Outcome::Inconclusive && ends_early {
            return Err(ENDS_EARLY.to_owned());
        }
        Ok((verdict.outcome, verdict.reason, not_stored))
    }
}

const ENDS_EARLY: &str = "their points end where the verdict was made, and it takes more to decide";

fn put_together(asked: &ReplayAsked, verdicts: Vec<Known>, again: Vec<Again>) -> ReplayReport {
    let mut not_stored = BTreeMap::<String, BTreeSet<String>>::new();
    let (mut told, mut untold) = (Vec::new(), Vec::new());
    for (verdict, again) in verdicts.into_iter().zip(again) {
        match again {
            Ok((would_be, reason, missing)) => {
                not_stored.entry(verdict.service.clone()).or_default().extend(missing);
                told.push((verdict, would_be, reason));
            }
            Err(why) => untold.push(Untold {
                event: verdict.event,
                service: verdict.service,
                occurred_at: verdict.at,
                was: verdict.was,
                why,
            }),
        }
    }
    // Fewer than three have no third.
    let newer_from = told.len() - told.len() / 3;
    let split_at = told.get(newer_from).map(|(verdict, ..)| verdict.at);
    let (mut older, mut newer) = (ReplayCounts::default(), ReplayCounts::default());
    let mut flips = Vec::new();
    for (place, (verdict, would_be, reason)) in told.into_iter().enumerate() {
        let is_newer = place >= newer_from;
        let counts = if is_newer { &mut newer } else { &mut older };
        counts.verdicts += 1;
        match verdict.truth {
            CanaryTruth::Good => counts.good += 1,
            CanaryTruth::Bad => counts.bad += 1,
            CanaryTruth::Unknown => {}
        }
        let Some(kind) = FlipKind::of(verdict.truth, verdict.was, would_be) else { continue };
        counts.add(kind);
        flips.push(Flip {
            event: verdict.event,
            service: verdict.service,
            change: verdict.change,
            occurred_at: verdict.at,
            was: verdict.was,
            would_be,
            reason,
            truth: verdict.truth,
            kind,
            is_newer,
        });
    }
    let checks = asked.checks.iter().map(|question| {
        let service = question.written.analysis.service.clone();
        ReplayedCheck {
            path: question.check.path.clone(),
            sha256: question.check.sha256.clone(),
            not_stored: not_stored.remove(&service).unwrap_or_default().into_iter().collect(),
            service,
        }
    });
    ReplayReport {
        version: ReplayReport::VERSION,
        serin: env!("CARGO_PKG_VERSION").to_owned(),
        judge: revision(&judge()),
        checks: checks.collect(),
        split_at,
        older,
        newer,
        flips,
        untold,
    }
}
