//! From a Check file's text to an analysis.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;

use serin_model::{
    Analysis, AnalysisError, Arms, AtHorizon, Bound, Check, CheckError, EffectSizeMeasure,
    EffectSizeOptions, FileError, GroupWeights, Guardrail, JudgementRun, KayentaOptions,
    LabelSelector, Margins, Measure, MeasureKind, NanStrategy, Outliers, Place, Query, Source,
    Step, Thresholds, WeightError, Window, Worse,
};

use crate::explain::{example_of, one_of};
use crate::file::{
    AtHorizonEntry, CheckEntry, CheckFile, CompareEntry, EffectSizeEntry, EffectSizeMeasureEntry,
    KayentaEntry, LimitEntry, NanStrategyEntry, RunEntry, ScoreEntry, Signal, WindowEntry,
};
use crate::layers::{Layers, Texts};
use crate::merge::{Checks, Merged};
use crate::scalar::{AbsoluteChange, Level, Percentage, Placed, Span};

/// An analysis as a file states it, and where its metrics are.
#[derive(Clone, Debug, PartialEq)]
pub struct WrittenAnalysis {
    /// What is asked.
    pub analysis: Analysis,
    /// Where the metrics are; absent when the file leaves it to the command.
    pub source: Option<Source>,
    /// What was read otherwise than a reader might think, each as a sentence.
    pub notes: Vec<String>,
}

/// Reads a Check file.
///
/// * `name`: what errors call the file.
/// * `text`: all of it.
///
/// # Errors
///
/// [`FileError`] for the first thing that is wrong, with its line and what to write instead.
pub fn read(name: &str, text: &str) -> Result<WrittenAnalysis, FileError> {
    Layers::of(name, text)?.read()
}

/// What all services together are called where nobody says.
const FLEET: &str = "fleet";

/// The group of checks that name none.
pub(crate) const DEFAULT_GROUP: &str = "default";

pub(crate) struct Reader<'a> {
    pub(crate) texts: &'a Texts,
}

impl Reader<'_> {
    pub(crate) fn read(&self, merged: Merged) -> Result<WrittenAnalysis, FileError> {
        let Merged { file, checks: written, checks_place, inherits } = merged;
        let service = self.service(&file)?;
        if written.is_empty() && checks_place.is_none() && !inherits {
            return Err(self.missing("checks"));
        }
        let arms = self.arms(&file, &service)?;
        let mut checks = Vec::new();
        for (name, entry) in &written {
            checks.push(self.check(name, entry, file.minimum_points.as_ref())?);
        }
        let mut analysis = Analysis::new(service, arms, checks)
            .map_err(|error| self.no_checks(checks_place, &error))?;
        analysis.replica = self.replica(&file)?;
        analysis.for_each = self.for_each(&file, &analysis)?;
        analysis.step = self.step(&file)?;
        analysis.horizon = self.horizon(&file)?;
        analysis.warm_up = file.warm_up.map(|length| length.value.0);
        analysis.history = file.history.map(|length| length.value.0);
        analysis.minimum_time = file.minimum_time.map(|length| length.value.0);
        analysis.at_horizon = match file.at_horizon {
            Some(AtHorizonEntry::PassIfVisible) => AtHorizon::PassIfVisible,
            Some(AtHorizonEntry::Hold) | None => AtHorizon::Hold,
        };
        analysis.window = file.window.as_ref().map(|window| self.window(window)).transpose()?;
        let score = file.score.as_ref();
        analysis.thresholds = self.thresholds(score)?;
        analysis.weights = self.weights(score, &written, &analysis)?;
        let run = file.kayenta.as_ref();
        analysis.judgements = run.map(|run| self.run(run, analysis.window)).transpose()?;
        let of_pack = |(name, entry): (String, Placed<CheckEntry>)| Some((name, entry.value.pack?));
        analysis.packs = written.into_iter().filter_map(of_pack).collect();
        Ok(WrittenAnalysis {
            analysis,
            source: self.source(file.source.as_ref())?,
            notes: Vec::new(),
        })
    }

    fn service(&self, file: &CheckFile) -> Result<String, FileError> {
        let Some(service) = &file.service else {
            return match &file.for_each {
                Some(_) => Ok(FLEET.to_owned()),
                None => Err(self.missing("service")),
            };
        };
        self.not_blank("service", service)?;
        Ok(service.value.clone())
    }

    fn missing(&self, key: &str) -> FileError {
        let first = Place { line: 1, column: 1 };
        let example = example_of(key).unwrap_or(key);
        self.error(Some(first), &format!("`{key}` is missing"), &format!("add `{example}`"))
    }

    pub(crate) fn error(&self, place: Option<Place>, problem: &str, hint: &str) -> FileError {
        self.texts.mistake(place, problem, hint)
    }

    /// Creates an error about a place whose line may hold a secret, and is not shown.
    pub(crate) fn unseen(&self, place: Option<Place>, problem: &str, hint: &str) -> FileError {
        self.texts.unseen(place, problem, hint)
    }

    pub(crate) fn fail<T>(
        &self,
        place: Option<Place>,
        problem: &str,
        hint: &str,
    ) -> Result<T, FileError> {
        Err(self.error(place, problem, hint))
    }

    fn no_checks(&self, place: Option<Place>, error: &AnalysisError) -> FileError {
        self.error(
            place,
            &error.to_string(),
            "give `checks` an entry for each metric, such as \
             `memory: {gauge: process_resident_memory_bytes}`",
        )
    }

    pub(crate) fn not_blank(&self, key: &str, text: &Placed<String>) -> Result<(), FileError> {
        if text.value.trim().is_empty() {
            let example = example_of(key).unwrap_or(key);
            return self.fail(
                text.place,
                &format!("there is an empty name in `{key}`"),
                &format!("write something like `{example}`"),
            );
        }
        Ok(())
    }

    fn replica(&self, file: &CheckFile) -> Result<Option<String>, FileError> {
        let Some(replica) = &file.replica else { return Ok(None) };
        self.not_blank("replica", replica)?;
        Ok(Some(replica.value.clone()))
    }

    fn for_each(&self, file: &CheckFile, analysis: &Analysis) -> Result<Vec<String>, FileError> {
        let Some(Placed { value: labels, place, .. }) = &file.for_each else {
            return Ok(Vec::new());
        };
        let fail = |problem: &str, hint: &str| self.fail(*place, problem, hint);
        if labels.is_empty() {
            return fail("`for_each` names no label", "write something like `for_each: [service]`");
        }
        let mut names = BTreeSet::new();
        for label in labels {
            let arms = [&analysis.arms.control, &analysis.arms.canary];
            if label.trim().is_empty() || !names.insert(label) {
                return fail(
                    &format!("`for_each` names `{label}`, which is no other label"),
                    "name each label once, such as `for_each: [service]`",
                );
            }
            if arms.iter().any(|arm| arm.contains_key(label)) {
                return fail(
                    &format!("`{label}` has one value in each arm, and `for_each` goes over all"),
                    "leave it out of `arms` and `scope`, or out of `for_each`",
                );
            }
            if analysis.replica.as_ref() == Some(label) {
                return fail(
                    &format!("`{label}` tells replicas apart, and `for_each` services"),
                    "name the label that all replicas of one service share, such as `service`",
                );
            }
        }
        Ok(labels.clone())
    }

    fn horizon(&self, file: &CheckFile) -> Result<Option<std::time::Duration>, FileError> {
        match &file.horizon {
            Some(Placed { value: Span(length), place, .. }) if length.is_zero() => {
                self.fail(*place, "a horizon of 0s leaves no time", "write `horizon: 60m`")
            }
            horizon => Ok(horizon.map(|horizon| horizon.value.0)),
        }
    }

    fn arms(&self, file: &CheckFile, service: &str) -> Result<Arms, FileError> {
        let (mut arms, mut place) = (Arms::default(), None);
        if let Some(entry) = &file.arms {
            let window = entry.value.control_window.as_ref();
            arms.control_window = window.map(|window| self.window(window)).transpose()?;
            (arms.control, arms.canary) = (entry.value.control.clone(), entry.value.canary.clone());
            place = entry.place;
        }
        let Arms { mut control, mut canary, control_window, .. } = arms;
        // Without a label of its own an arm would be all that is in the scope.
        if let Some(scope) = &file.scope
            && !control.is_empty()
            && !canary.is_empty()
        {
            for arm in [&mut control, &mut canary] {
                self.narrow(arm, scope, service)?;
            }
        }
        let mut arms = Arms::at(control, canary, control_window).map_err(|error| {
            self.error(
                place,
                &error.to_string(),
                "give each arm labels of its own, such as `control: {track: stable}` and \
                 `canary: {track: canary}`",
            )
        })?;
        let share = file.arms.as_ref().and_then(|entry| entry.value.share.as_ref());
        arms.share = share.map(|share| self.share(share)).transpose()?;
        Ok(arms)
    }

    fn share(&self, share: &Placed<Percentage>) -> Result<f64, FileError> {
        let Percentage(part) = share.value;
        if part > 0.0 && part < 1.0 {
            return Ok(part);
        }
        self.fail(
            share.place,
            &format!("a share of {} leaves one of the arms without traffic", share.value),
            "write what the canary is meant to get of the traffic of both arms, such as `share: 5%`",
        )
    }

    /// Adds the labels that both arms have.
    fn narrow(
        &self,
        arm: &mut LabelSelector,
        scope: &Placed<BTreeMap<String, String>>,
        service: &str,
    ) -> Result<(), FileError> {
        for (label, value) in &scope.value {
            let value = value.replace("$service", service);
            if let Some(own) = arm.insert(label.clone(), value.clone())
                && own != value
            {
                return self.fail(
                    scope.place,
                    &format!(
                        "`scope` says that `{label}` is `{value}`, and an arm that it is `{own}`"
                    ),
                    "say it in one of the two places; what both arms share goes into `scope`",
                );
            }
        }
        Ok(())
    }

    fn step(&self, file: &CheckFile) -> Result<Step, FileError> {
        let Some(step) = &file.step else { return Ok(Step::MINUTE) };
        let whole = step.value.0.subsec_nanos() == 0;
        let seconds = u32::try_from(step.value.0.as_secs()).ok().filter(|_| whole);
        match seconds.and_then(Step::from_seconds) {
            Some(step) => Ok(step),
            None => self.fail(
                step.place,
                &format!("a step of {} is not whole seconds, one or more", step.value),
                "write something like `step: 60s`",
            ),
        }
    }

    fn window(&self, window: &Placed<WindowEntry>) -> Result<Window, FileError> {
        let entry = window.value;
        if entry.end.0 <= entry.start.0 {
            return self.fail(
                window.place,
                &format!("the window ends at {}, not after its start {}", entry.end, entry.start),
                "write an `end` that is later than `start`",
            );
        }
        Ok(Window { start: entry.start.0, end: entry.end.0 })
    }

    fn thresholds(&self, score: Option<&Placed<ScoreEntry>>) -> Result<Thresholds, FileError> {
        let default = Thresholds::default();
        let Some(score) = score else { return Ok(default) };
        let pass = score.value.pass.unwrap_or(default.pass());
        let marginal = score.value.marginal.unwrap_or(default.marginal().min(pass));
        match Thresholds::new(pass, marginal) {
            Some(thresholds) => Ok(thresholds),
            None => self.fail(
                score.place,
                &format!("`pass` is {pass} and `marginal` is {marginal}"),
                "both are from 0 to 100, and `marginal` is not above `pass`: `{pass: 75, marginal: 50}`",
            ),
        }
    }

    fn weights(
        &self,
        score: Option<&Placed<ScoreEntry>>,
        checks: &Checks,
        analysis: &Analysis,
    ) -> Result<GroupWeights, FileError> {
        let listed = score.and_then(|score| score.value.weights.as_ref());
        let mut weights = listed.map(|listed| listed.value.clone()).unwrap_or_default();
        let mut place = listed.and_then(|listed| listed.place);
        for (name, entry) in checks {
            let Some(weight) = &entry.value.weight else { continue };
            place = place.or(weight.place);
            if weights.insert(name.clone(), *weight).is_some() {
                return self.fail(
                    weight.place,
                    &format!("`{name}` has a weight here and as a group in `score.weights`"),
                    "keep one of the two",
                );
            }
        }
        let groups: BTreeSet<String> = analysis.groups();
        let values = weights.iter().map(|(group, weight)| (group.clone(), weight.value));
        GroupWeights::new(values.collect(), &groups).map_err(|error| {
            let own = match &error {
                WeightError::OutOfRange { group, .. } | WeightError::UnknownGroup { group } => {
                    weights.get(group).and_then(|weight| weight.place)
                }
                _ => None,
            };
            self.error(own.or(place), &error.to_string(), &weights_hint(&error, &groups))
        })
    }

    fn run(
        &self,
        run: &Placed<RunEntry>,
        window: Option<Window>,
    ) -> Result<JudgementRun, FileError> {
        let Some(window) = window else {
            return self.fail(
                run.place,
                "several judgements need to know when the canary lived",
                "add `window: {start: …, end: …}` to the file",
            );
        };
        let lifetime =
            u64::try_from(window.end.as_millis() - window.start.as_millis()).unwrap_or(0);
        if lifetime < 60_000 {
            return self.fail(
                run.place,
                "the window is shorter than a minute, so that no judgement fits",
                "make `window` longer, or leave `kayenta` out",
            );
        }
        let entry = run.value;
        let length = |span: Option<Span>| span.map(|span| span.0).unwrap_or_default();
        let written = JudgementRun {
            start: window.start,
            lifetime: std::time::Duration::from_millis(lifetime),
            interval: entry.interval.0,
            begin_after: length(entry.begin_after),
            lookback: length(entry.lookback),
            control_offset: length(entry.control_offset),
            retrospective: false,
        };
        if written.judgements() > JudgementRun::MOST_JUDGEMENTS {
            return self.fail(
                run.place,
                &format!("these are {} judgements", written.judgements()),
                &format!(
                    "at most {} are made; make `interval` longer",
                    JudgementRun::MOST_JUDGEMENTS
                ),
            );
        }
        Ok(written)
    }

    fn check(
        &self,
        name: &str,
        entry: &Placed<CheckEntry>,
        file_minimum: Option<&Placed<u32>>,
    ) -> Result<Check, FileError> {
        let written = &entry.value;
        if name.trim().is_empty() {
            return self.fail(
                entry.place,
                "this check has no name",
                "put a name before the colon, such as `errors:`",
            );
        }
        let measure = self.measure(name, entry)?;
        let kind = measure.kind();
        let minimum = written.minimum_points.as_ref().or(file_minimum);
        Ok(Check {
            name: name.to_owned(),
            worse: written.worse.unwrap_or(Worse::of_kind(kind)),
            margins: self.margins(kind, written.compare.as_ref())?,
            gating: written.gating.unwrap_or(false),
            critical: written.critical.unwrap_or(false),
            muted: written.muted.unwrap_or(false),
            groups: self.groups(name, entry)?,
            guardrail: match &written.limit {
                Some(limit) => Some(self.guardrail(kind, limit)?),
                None => None,
            },
            minimum_points: match minimum {
                Some(minimum) => Some(self.positive("minimum_points", minimum)?),
                None => None,
            },
            owner: written.owner.clone(),
            kayenta: self.kayenta_options(written.kayenta.as_ref())?,
            measure,
        })
    }

    fn positive(&self, key: &str, number: &Placed<u32>) -> Result<NonZeroU32, FileError> {
        match NonZeroU32::new(number.value) {
            Some(positive) => Ok(positive),
            None => self.fail(
                number.place,
                &format!("`{key}` is 0"),
                "write a number of at least 1, or leave it out",
            ),
        }
    }

    fn groups(&self, name: &str, entry: &Placed<CheckEntry>) -> Result<Vec<String>, FileError> {
        match (&entry.value.groups, &entry.value.weight) {
            (Some(_), Some(weight)) => self.fail(
                weight.place,
                &format!("`{name}` has both `groups` and a `weight` of its own"),
                "give the groups their weights in `score: {weights: …}`, or drop `groups`",
            ),
            (Some(groups), None) => self.group_names(groups),
            (None, Some(_)) => Ok(vec![name.to_owned()]),
            (None, None) => {
                let is_muted = entry.value.muted == Some(true);
                Ok(match entry.value.signal {
                    // A group of which nothing counts would still have its share of the score.
                    Some(_) if is_muted => Vec::new(),
                    signal => vec![signal.map_or(DEFAULT_GROUP, Signal::as_str).to_owned()],
                })
            }
        }
    }

    fn group_names(&self, groups: &[Placed<String>]) -> Result<Vec<String>, FileError> {
        let mut names = Vec::new();
        for group in groups {
            self.not_blank("groups", group)?;
            if names.contains(&group.value) {
                return self.fail(
                    group.place,
                    &format!("the group `{}` is named twice", group.value),
                    "name each group once; what counts more has a `weight`",
                );
            }
            names.push(group.value.clone());
        }
        Ok(names)
    }

    fn measure(&self, name: &str, entry: &Placed<CheckEntry>) -> Result<Measure, FileError> {
        let written = &entry.value;
        let mut measures = Vec::new();
        if let Some(ratio) = &written.ratio {
            let (bad, total) = (self.query(&ratio.bad)?, self.query(&ratio.total)?);
            measures.push(Measure::Ratio { bad, total });
        }
        if let Some(buckets) = &written.histogram {
            measures.push(Measure::Histogram { buckets: self.query(buckets)? });
        }
        if let Some(count) = &written.count {
            let exposure = count.exposure.as_ref().map(|query| self.query(query)).transpose()?;
            measures.push(Measure::Count { events: self.query(&count.events)?, exposure });
        }
        if let Some(value) = &written.gauge {
            measures.push(Measure::Gauge { value: self.query(value)? });
        }
        if let Some(value) = &written.quantile {
            measures.push(Measure::Quantile { value: self.query(value)? });
        }
        let problem = match measures.len() {
            1 => return Ok(measures.remove(0)),
            0 => format!("`{name}` says nothing to measure"),
            _ => format!("`{name}` measures several things"),
        };
        self.fail(
            entry.place,
            &problem,
            "write exactly one of `ratio`, `histogram`, `count`, `gauge` and `quantile`",
        )
    }

    fn query(&self, text: &Placed<String>) -> Result<Query, FileError> {
        let query = Query::new(&text.value);
        query.ok_or_else(|| {
            self.error(
                text.place,
                "the query is empty",
                "write the metric's name or selector, such as \
                 `'http_requests_total{code=~\"5..\", $arm}'`",
            )
        })
    }

    fn margins(
        &self,
        kind: MeasureKind,
        compare: Option<&Placed<CompareEntry>>,
    ) -> Result<Margins, FileError> {
        let Some(Placed { value: compare, place, .. }) = compare else {
            return Ok(Margins::of_kind(kind));
        };
        let share = |percentage: Option<Placed<Percentage>>| percentage.map(|share| share.value.0);
        let floor = self.absolute("floor", kind, compare.floor)?;
        let unacceptable_floor =
            self.absolute("unacceptable_floor", kind, compare.unacceptable_floor)?;
        Margins::new(
            kind,
            share(compare.tolerance),
            share(compare.unacceptable),
            floor,
            unacceptable_floor,
        )
        .map_err(|error| self.margin_error(kind, compare, *place, &error))
    }

    /// Says it in the units of the file.
    fn margin_error(
        &self,
        kind: MeasureKind,
        compare: &CompareEntry,
        place: Option<Place>,
        error: &CheckError,
    ) -> FileError {
        let unit = |change: f64| match kind {
            MeasureKind::Ratio => AbsoluteChange::PercentagePoints(change),
            _ => AbsoluteChange::Number(change),
        };
        let (problem, at) = match *error {
            CheckError::Unacceptable { tolerance, unacceptable } => (
                format!(
                    "`unacceptable` is {}, not more than the tolerance of {}",
                    Percentage(unacceptable),
                    Percentage(tolerance)
                ),
                self.most_specific(
                    compare.unacceptable.and_then(|it| it.place),
                    compare.tolerance.and_then(|it| it.place),
                ),
            ),
            CheckError::UnacceptableFloor { floor, unacceptable_floor } => (
                format!(
                    "`unacceptable_floor` is {}, less than the floor of {}",
                    unit(unacceptable_floor),
                    unit(floor)
                ),
                self.most_specific(
                    compare.unacceptable_floor.and_then(|it| it.place),
                    compare.floor.and_then(|it| it.place),
                ),
            ),
            _ => (error.to_string(), None),
        };
        self.error(
            at.or(place),
            &problem,
            "what is unacceptable lies above what is tolerated; unless said it is twice as much",
        )
    }

    /// Of two values that do not go together, the one that is wrong stands in the file that extends
    /// the other's; in one file it is the first of the two.
    fn most_specific(&self, first: Option<Place>, second: Option<Place>) -> Option<Place> {
        match (first, second) {
            (Some(_), Some(_)) if self.texts.layer_of(second) < self.texts.layer_of(first) => {
                second
            }
            (first, second) => first.or(second),
        }
    }

    fn absolute(
        &self,
        key: &str,
        kind: MeasureKind,
        change: Option<Placed<AbsoluteChange>>,
    ) -> Result<Option<f64>, FileError> {
        let Some(Placed { value: change, place, .. }) = change else { return Ok(None) };
        match (kind, change) {
            (MeasureKind::Ratio, AbsoluteChange::PercentagePoints(share)) => Ok(Some(share)),
            (MeasureKind::Ratio, AbsoluteChange::Number(number)) => self.fail(
                place,
                &format!("`{key}: {number}` has no unit, and this is a ratio"),
                &format!("write percentage points: `{key}: {number}pp`"),
            ),
            (_, AbsoluteChange::Number(number)) => Ok(Some(number)),
            (_, points @ AbsoluteChange::PercentagePoints(_)) => self.fail(
                place,
                &format!("`{key}: {points}` is in percentage points, and this is a {kind}"),
                "percentage points are for a ratio; write a number in the metric's own unit",
            ),
        }
    }

    fn guardrail(
        &self,
        kind: MeasureKind,
        limit: &Placed<LimitEntry>,
    ) -> Result<Guardrail, FileError> {
        let place = limit.place;
        let entry = &limit.value;
        let (level, bound): (_, fn(f64) -> _) = match (entry.above, entry.below) {
            (Some(level), None) => (level, Bound::above),
            (None, Some(level)) => (level, Bound::below),
            (Some(_), Some(_)) | (None, None) => {
                return self.fail(
                    place,
                    "a limit is either above or below a value",
                    "write `limit: {above: 1%, for: 3}`, or two checks if both sides are out of bounds",
                );
            }
        };
        let value = self.level(kind, level)?;
        Ok(Guardrail {
            bound: bound(value).map_err(|error| {
                self.error(level.place, &error.to_string(), "write `limit: {above: 100, for: 3}`")
            })?,
            consecutive: match &entry.consecutive {
                Some(consecutive) => self.positive("for", consecutive)?,
                None => Guardrail::DEFAULT_CONSECUTIVE,
            },
            minimum_events: entry.minimum_events.unwrap_or(Guardrail::DEFAULT_MINIMUM_EVENTS),
        })
    }

    fn level(&self, kind: MeasureKind, level: Placed<Level>) -> Result<f64, FileError> {
        let place = level.place;
        match (kind, level.value) {
            (MeasureKind::Ratio, Level::Share(share)) if (0.0..=1.0).contains(&share) => Ok(share),
            (MeasureKind::Ratio, share @ Level::Share(_)) => self.fail(
                place,
                &format!("the limit is {share}, where no ratio ever is"),
                "write a percentage from 0% to 100%",
            ),
            (MeasureKind::Ratio, Level::Number(number)) => self.fail(
                place,
                &format!("the limit {number} has no unit, and this is a ratio"),
                &format!("write a percentage: `{}` or `{number}%`", Level::Share(number)),
            ),
            (_, Level::Number(number)) => Ok(number),
            (_, share @ Level::Share(_)) => self.fail(
                place,
                &format!("the limit {share} is a percentage, and this is a {kind}"),
                "percentages are for a ratio; write a number in the metric's own unit",
            ),
        }
    }

    fn kayenta_options(
        &self,
        entry: Option<&Placed<KayentaEntry>>,
    ) -> Result<KayentaOptions, FileError> {
        let Some(Placed { value: entry, .. }) = entry else {
            return Ok(KayentaOptions::default());
        };
        let outliers = match entry.remove_outliers_beyond {
            None => Outliers::Keep,
            Some(factor) if factor.value.is_finite() && factor.value > 0.0 => {
                Outliers::Remove { factor: factor.value }
            }
            Some(factor) => {
                return self.fail(
                    factor.place,
                    &format!("`remove_outliers_beyond` is {}", factor.value),
                    "write how many interquartile ranges, more than 0: `remove_outliers_beyond: 3`",
                );
            }
        };
        Ok(KayentaOptions {
            nan_strategy: match entry.nan_strategy {
                Some(NanStrategyEntry::Replace) => NanStrategy::Replace,
                Some(NanStrategyEntry::Remove) | None => NanStrategy::Remove,
            },
            outliers,
            must_have_data: entry.must_have_data,
            effect_size: self.effect_size(entry.effect_size.unwrap_or_default())?,
        })
    }

    fn effect_size(&self, sizes: EffectSizeEntry) -> Result<EffectSizeOptions, FileError> {
        let measure = match sizes.measure {
            Some(EffectSizeMeasureEntry::Cles) => EffectSizeMeasure::CommonLanguage,
            Some(EffectSizeMeasureEntry::MeanRatio) | None => EffectSizeMeasure::MeanRatio,
        };
        let none = EffectSizeOptions::without_margin(measure);
        let bound = |written: Option<Placed<f64>>, default: f64| match written {
            None => Ok(default),
            Some(size) if size.value.is_finite() => Ok(size.value),
            Some(size) => self.fail(
                size.place,
                &format!("the size of an effect is {}", size.value),
                "write a number, such as 1.1 for a tenth more",
            ),
        };
        Ok(EffectSizeOptions {
            measure,
            allowed_increase: bound(sizes.allowed_increase, none.allowed_increase)?,
            allowed_decrease: bound(sizes.allowed_decrease, none.allowed_decrease)?,
            critical_increase: bound(sizes.critical_increase, none.critical_increase)?,
            critical_decrease: bound(sizes.critical_decrease, none.critical_decrease)?,
        })
    }
}

fn weights_hint(error: &WeightError, groups: &BTreeSet<String>) -> String {
    let names: Vec<&str> = groups.iter().map(String::as_str).collect();
    match error {
        WeightError::UnknownGroup { group } => one_of(group, &names),
        WeightError::Sum { .. } => format!(
            "weights are percentages of the whole score; the groups are: {}",
            names.join(", ")
        ),
        _ => "write a percentage from 0 to 100, without a sign".to_owned(),
    }
}
