//! From a Check file's text to an analysis.

use std::collections::BTreeSet;
use std::num::NonZeroU32;

use serin_model::{
    Analysis, AnalysisError, Arms, AtHorizon, Bound, Check, CounterForm, EffectSizeMeasure,
    EffectSizeOptions, FileError, GroupWeights, Guardrail, JudgementRun, KayentaOptions, Margins,
    Measure, MeasureKind, NanStrategy, Outliers, Place, Query, Source, Step, Thresholds,
    WeightError, Window, Worse,
};

use crate::closest::closest;
use crate::file::{
    AtHorizonEntry, CheckEntry, CheckFile, CompareEntry, CounterFormEntry, EffectSizeMeasureEntry,
    KayentaEntry, LimitEntry, NanStrategyEntry, RunEntry, ScoreEntry, SourceEntry, WindowEntry,
};
use crate::scalar::{AbsoluteChange, Level, Placed};

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
    Reader { name, text }.read()
}

/// The group of checks that name none.
pub(crate) const DEFAULT_GROUP: &str = "default";

struct Reader<'a> {
    name: &'a str,
    text: &'a str,
}

impl Reader<'_> {
    fn read(&self) -> Result<WrittenAnalysis, FileError> {
        let file = self.parse()?;
        let service = file.service.value.trim();
        if service.is_empty() {
            return self.fail(
                file.service.place,
                "the service has no name",
                "write `service: checkout`",
            );
        }
        let arms = self.arms(&file)?;
        let mut checks = Vec::new();
        for (name, entry) in &file.checks.value.0 {
            checks.push(self.check(name, entry, file.minimum_points.as_ref())?);
        }
        let mut analysis = Analysis::new(service.to_owned(), arms, checks).map_err(|error| {
            let place = match error {
                AnalysisError::NoChecks | AnalysisError::SameName { .. } => file.checks.place,
                _ => file.arms.as_ref().and_then(|arms| arms.place),
            };
            self.error(place, &error.to_string())
                .with_hint("give `checks` at least one entry, each with a name of its own")
        })?;
        analysis.replica = file.replica.clone();
        analysis.step = self.step(&file)?;
        analysis.horizon = file.horizon.map(|horizon| horizon.0);
        analysis.at_horizon = match file.at_horizon {
            Some(AtHorizonEntry::PassIfVisible) => AtHorizon::PassIfVisible,
            Some(AtHorizonEntry::Hold) | None => AtHorizon::Hold,
        };
        analysis.window = match &file.window {
            Some(window) => Some(self.window(window.value, window.place)?),
            None => None,
        };
        let score = file.score.as_ref();
        analysis.thresholds = self.thresholds(score)?;
        analysis.weights = self.weights(score, &file, &analysis)?;
        analysis.judgements = match &file.kayenta {
            Some(run) => Some(self.run(run, analysis.window)?),
            None => None,
        };
        Ok(WrittenAnalysis { analysis, source: source(&file), notes: Vec::new() })
    }

    fn parse(&self) -> Result<CheckFile, FileError> {
        let options = serde_saphyr::options! {
            with_snippet: false,
            strict_booleans: true,
            budget: serde_saphyr::budget! {
                max_events: 200_000,
                max_aliases: 1_000,
                max_anchors: 1_000,
                max_nodes: 100_000,
                max_documents: 1,
            },
        };
        serde_saphyr::from_str_with_options(self.text, options).map_err(|error| {
            let place = error
                .location()
                .filter(|location| location.line() > 0)
                .map(|location| Place { line: location.line(), column: location.column() });
            self.explain(place, &error.render_with_formatter(&serde_saphyr::UserMessageFormatter))
        })
    }

    /// Turns the parser's words into what is wrong and what to write.
    fn explain(&self, place: Option<Place>, message: &str) -> FileError {
        let message = without_place(message);
        if let Some((problem, hint)) = message.split_once('\n') {
            return self.error(place, problem).with_hint(hint);
        }
        if let Some((unknown, known)) = expected_names(message) {
            return self.unknown_name(place, message, unknown, &known);
        }
        let error = self.error(place, message);
        let hint = match message {
            _ if message.starts_with("invalid boolean") => "write `true` or `false`",
            _ if message.starts_with("expected mapping") => {
                "write `key: value` lines, indented below their key"
            }
            _ if message.starts_with("expected string") => "write one value here",
            _ if message.starts_with("invalid") => "write a number, zero or more",
            _ if message.contains("duplicate") => "keep one of the two",
            _ if message.starts_with("missing field") => {
                "add it; `docs/guide/check-file.md` has a whole example"
            }
            _ if message.contains("tabs") => "indent with spaces",
            _ if message.contains("end of file") => "the file is empty or cut off",
            _ => return error,
        };
        error.with_hint(hint)
    }

    fn unknown_name(
        &self,
        place: Option<Place>,
        message: &str,
        unknown: &str,
        known: &[&str],
    ) -> FileError {
        let what = if message.starts_with("unknown field") { "key" } else { "value" };
        let error = self.error(place, &format!("unknown {what} `{unknown}`"));
        match closest(unknown, known) {
            Some(name) => error.with_hint(&format!("did you mean `{name}`?")),
            None if known.is_empty() => error.with_hint("nothing is expected here"),
            None => error.with_hint(&format!("write one of: {}", known.join(", "))),
        }
    }

    fn error(&self, place: Option<Place>, problem: &str) -> FileError {
        FileError::new(self.name, self.text, place, problem)
    }

    fn fail<T>(&self, place: Option<Place>, problem: &str, hint: &str) -> Result<T, FileError> {
        Err(self.error(place, problem).with_hint(hint))
    }

    fn arms(&self, file: &CheckFile) -> Result<Arms, FileError> {
        let Some(entry) = &file.arms else { return Ok(Arms::default()) };
        let control_window = match entry.value.control_window {
            Some(window) => Some(self.window(window, entry.place)?),
            None => None,
        };
        let (control, canary) = (entry.value.control.clone(), entry.value.canary.clone());
        Arms::at(control, canary, control_window).map_err(|error| {
            self.error(entry.place, &error.to_string()).with_hint(
                "give each arm labels of its own, such as `control: {track: stable}` and \
                 `canary: {track: canary}`",
            )
        })
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

    fn window(&self, entry: WindowEntry, place: Option<Place>) -> Result<Window, FileError> {
        if entry.end.0 <= entry.start.0 {
            return self.fail(
                place,
                &format!("the window ends at {}, not after its start {}", entry.end, entry.start),
                "exchange `start` and `end`",
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
        file: &CheckFile,
        analysis: &Analysis,
    ) -> Result<GroupWeights, FileError> {
        let listed = score.and_then(|score| score.value.weights.as_ref());
        let mut weights = listed.map(|weights| weights.value.clone()).unwrap_or_default();
        let mut place = listed.and_then(|weights| weights.place);
        for (name, entry) in &file.checks.value.0 {
            let Some(weight) = &entry.value.weight else { continue };
            place = place.or(weight.place);
            if weights.insert(name.clone(), weight.value).is_some() {
                return self.fail(
                    weight.place,
                    &format!("`{name}` has a weight here and as a group in `score.weights`"),
                    "keep one of the two",
                );
            }
        }
        let groups: BTreeSet<String> = analysis.groups();
        GroupWeights::new(weights, &groups).map_err(|error| {
            let hint = weights_hint(&error, &groups);
            self.error(place, &error.to_string()).with_hint(&hint)
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
        let length =
            |span: Option<crate::scalar::Span>| span.map(|span| span.0).unwrap_or_default();
        Ok(JudgementRun {
            start: window.start,
            lifetime: std::time::Duration::from_millis(lifetime),
            interval: entry.interval.0,
            begin_after: length(entry.begin_after),
            lookback: length(entry.lookback),
            control_offset: length(entry.control_offset),
            retrospective: false,
        })
    }

    fn check(
        &self,
        name: &str,
        entry: &Placed<CheckEntry>,
        file_minimum: Option<&Placed<u32>>,
    ) -> Result<Check, FileError> {
        let written = &entry.value;
        if name.trim().is_empty() {
            return self.fail(entry.place, "a check has no name", "write `errors:` above it");
        }
        let measure = self.measure(name, entry)?;
        let kind = measure.kind();
        let minimum = written.minimum_points.as_ref().or(file_minimum);
        Ok(Check {
            name: name.to_owned(),
            worse: written.worse.unwrap_or(Worse::of_kind(kind)),
            margins: self.margins(kind, written.compare.as_ref())?,
            gating: written.gating,
            critical: written.critical,
            muted: written.muted,
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
            (Some(groups), None) => Ok(groups.clone()),
            (None, Some(_)) => Ok(vec![name.to_owned()]),
            (None, None) => Ok(vec![DEFAULT_GROUP.to_owned()]),
        }
    }

    fn measure(&self, name: &str, entry: &Placed<CheckEntry>) -> Result<Measure, FileError> {
        let written = &entry.value;
        let query = |text: &str| {
            match Query::new(text) {
            Some(query) => Ok(query),
            None => self.fail(
                entry.place,
                &format!("`{name}` has an empty query"),
                "write the metric's name or selector, such as `http_requests_total{code=~\"5..\", $arm}`",
            ),
        }
        };
        let mut measures = Vec::new();
        if let Some(ratio) = &written.ratio {
            measures.push(Measure::Ratio { bad: query(&ratio.bad)?, total: query(&ratio.total)? });
        }
        if let Some(buckets) = &written.histogram {
            measures.push(Measure::Histogram { buckets: query(buckets)? });
        }
        if let Some(count) = &written.count {
            let exposure = count.exposure.as_deref().map(query).transpose()?;
            measures.push(Measure::Count { events: query(&count.events)?, exposure });
        }
        if let Some(value) = &written.gauge {
            measures.push(Measure::Gauge { value: query(value)? });
        }
        if let Some(value) = &written.quantile {
            measures.push(Measure::Quantile { value: query(value)? });
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

    fn margins(
        &self,
        kind: MeasureKind,
        compare: Option<&Placed<CompareEntry>>,
    ) -> Result<Margins, FileError> {
        let Some(Placed { value: compare, place }) = compare else {
            return Ok(Margins::of_kind(kind));
        };
        let floor = self.absolute("floor", kind, compare.floor, *place)?;
        let unacceptable_floor =
            self.absolute("unacceptable_floor", kind, compare.unacceptable_floor, *place)?;
        let share = |percentage: Option<crate::scalar::Percentage>| percentage.map(|share| share.0);
        Margins::new(
            kind,
            share(compare.tolerance),
            share(compare.unacceptable),
            floor,
            unacceptable_floor,
        )
        .map_err(|error| {
            self.error(*place, &error.to_string())
                .with_hint("what is unacceptable lies above what is tolerated: `{tolerance: 25%, unacceptable: 50%}`")
        })
    }

    fn absolute(
        &self,
        key: &str,
        kind: MeasureKind,
        change: Option<AbsoluteChange>,
        place: Option<Place>,
    ) -> Result<Option<f64>, FileError> {
        match (kind, change) {
            (_, None) => Ok(None),
            (MeasureKind::Ratio, Some(AbsoluteChange::PercentagePoints(share))) => Ok(Some(share)),
            (MeasureKind::Ratio, Some(AbsoluteChange::Number(number))) => self.fail(
                place,
                &format!("`{key}: {number}` has no unit, and this is a ratio"),
                &format!("write percentage points: `{key}: {number}pp`"),
            ),
            (_, Some(AbsoluteChange::Number(number))) => Ok(Some(number)),
            (_, Some(points @ AbsoluteChange::PercentagePoints(_))) => self.fail(
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
        let value = self.level(kind, level, place)?;
        Ok(Guardrail {
            bound: bound(value).map_err(|error| self.error(place, &error.to_string()))?,
            consecutive: match &entry.consecutive {
                Some(consecutive) => self.positive("for", consecutive)?,
                None => Guardrail::DEFAULT_CONSECUTIVE,
            },
            minimum_events: entry.minimum_events.unwrap_or(Guardrail::DEFAULT_MINIMUM_EVENTS),
        })
    }

    fn level(
        &self,
        kind: MeasureKind,
        level: Level,
        place: Option<Place>,
    ) -> Result<f64, FileError> {
        match (kind, level) {
            (MeasureKind::Ratio, Level::Share(share)) => Ok(share),
            (MeasureKind::Ratio, Level::Number(number)) => self.fail(
                place,
                &format!("the limit {number} has no unit, and this is a ratio"),
                &format!("write a percentage: `{number}%`"),
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
        let Some(Placed { value: entry, place }) = entry else {
            return Ok(KayentaOptions::default());
        };
        let outliers = match entry.remove_outliers_beyond {
            None => Outliers::Keep,
            Some(factor) if factor.is_finite() && factor > 0.0 => Outliers::Remove { factor },
            Some(factor) => {
                return self.fail(
                    *place,
                    &format!("`remove_outliers_beyond` is {factor}"),
                    "write how many interquartile ranges, more than 0: `remove_outliers_beyond: 3`",
                );
            }
        };
        let sizes = entry.effect_size.unwrap_or_default();
        let measure = match sizes.measure {
            Some(EffectSizeMeasureEntry::Cles) => EffectSizeMeasure::CommonLanguage,
            Some(EffectSizeMeasureEntry::MeanRatio) | None => EffectSizeMeasure::MeanRatio,
        };
        let none = EffectSizeOptions::without_margin(measure);
        Ok(KayentaOptions {
            nan_strategy: match entry.nan_strategy {
                Some(NanStrategyEntry::Replace) => NanStrategy::Replace,
                Some(NanStrategyEntry::Remove) | None => NanStrategy::Remove,
            },
            outliers,
            must_have_data: entry.must_have_data,
            effect_size: EffectSizeOptions {
                measure,
                allowed_increase: sizes.allowed_increase.unwrap_or(none.allowed_increase),
                allowed_decrease: sizes.allowed_decrease.unwrap_or(none.allowed_decrease),
                critical_increase: sizes.critical_increase.unwrap_or(none.critical_increase),
                critical_decrease: sizes.critical_decrease.unwrap_or(none.critical_decrease),
            },
        })
    }
}

fn source(file: &CheckFile) -> Option<Source> {
    let SourceEntry::File(entry) = &file.source.as_ref()?.value;
    Some(Source::File {
        path: entry.path.clone(),
        counters: match entry.counters {
            Some(CounterFormEntry::Cumulative) => CounterForm::Cumulative,
            Some(CounterFormEntry::Increments) | None => CounterForm::Increments,
        },
    })
}

fn weights_hint(error: &WeightError, groups: &BTreeSet<String>) -> String {
    let names: Vec<&str> = groups.iter().map(String::as_str).collect();
    match error {
        WeightError::UnknownGroup { group } => match closest(group, &names) {
            Some(name) => format!("did you mean `{name}`?"),
            None => format!("the groups are: {}", names.join(", ")),
        },
        WeightError::Sum { .. } => format!(
            "weights are percentages of the whole score; the groups are: {}",
            names.join(", ")
        ),
        _ => "write a percentage from 0 to 100, without a sign".to_owned(),
    }
}

/// The parser ends its messages with the place, which is shown otherwise.
fn without_place(message: &str) -> &str {
    match message.rfind(" at line ") {
        Some(end) => &message[..end],
        None => message,
    }
}

/// Reads "unknown field `a`, expected one of `b`, `c`".
fn expected_names(message: &str) -> Option<(&str, Vec<&str>)> {
    let rest =
        message.strip_prefix("unknown field ").or(message.strip_prefix("unknown variant "))?;
    let (unknown, expected) = rest.split_once(',')?;
    let expected = expected.trim_start();
    let names = expected
        .strip_prefix("expected one of ")
        .or(expected.strip_prefix("expected "))
        .unwrap_or_default();
    let known = names
        .split(',')
        .flat_map(|name| name.split(" or "))
        .map(|name| name.trim().trim_matches('`'))
        .filter(|name| !name.is_empty())
        .collect();
    Some((unknown.trim_matches('`'), known))
}
