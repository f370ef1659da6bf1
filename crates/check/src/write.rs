//! From an analysis to a Check file's text.

use std::collections::BTreeMap;

use serin_model::{
    Analysis, AtHorizon, Bound, Check, EffectSizeMeasure, EffectSizeOptions, FileError, Guardrail,
    JudgementRun, KayentaOptions, Margins, Measure, MeasureKind, NanStrategy, Outliers, Query,
    Source, Step, Thresholds, Window, Worse,
};

use crate::file::{
    ArmsEntry, AtHorizonEntry, CheckChange, CheckEntry, CheckFile, CompareEntry, CountEntry,
    EffectSizeEntry, EffectSizeMeasureEntry, Entries, KayentaEntry, LimitEntry, NanStrategyEntry,
    RatioEntry, RunEntry, ScoreEntry, WindowEntry,
};
use crate::read::{DEFAULT_GROUP, WrittenAnalysis, read};
use crate::scalar::{AbsoluteChange, Level, Moment, Percentage, Placed, Span};
use crate::source::source_entry;

/// Writes an analysis as a Check file that reads back as the same analysis.
///
/// * `comment`: lines to put above it; line breaks in them start new comment lines.
///
/// # Errors
///
/// [`WriteError::Refused`] when a Check file cannot say it: Kayenta's unchecked weights may not add
/// up, for one. [`WriteError::Changed`] when it would read back as something else.
pub fn write(written: &WrittenAnalysis, comment: &[String]) -> Result<String, WriteError> {
    let file = check_file(&written.analysis, written.source.as_ref());
    let yaml = serde_saphyr::to_string(&file)
        .map_err(|error| WriteError::Unwritable { reason: error.to_string() })?;
    let mut text = commented(comment);
    text.push_str(&yaml);
    let again = read("the Check file", &text).map_err(|error| WriteError::Refused { error })?;
    if again.analysis != as_written(&written.analysis) || again.source != written.source {
        return Err(WriteError::Changed);
    }
    Ok(text)
}

/// Returns lines as comments of a file.
pub(crate) fn commented(comment: &[String]) -> String {
    let mut text = String::new();
    for line in comment.iter().flat_map(|comment| comment.lines()) {
        let printable: String = line.chars().filter(|character| !character.is_control()).collect();
        text.push_str(format!("# {printable}").trim_end());
        text.push('\n');
    }
    text
}

/// An analysis that no Check file says.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// The writer failed.
    #[error("the Check file could not be written: {reason}")]
    Unwritable {
        /// What the writer said.
        reason: String,
    },
    /// A Check file checks what Kayenta does not.
    #[error(
        "Kayenta does not check this, and a Check file does: {}\n\n\
         hint: mend it in Kayenta's files, and convert again{}",
        error.problem,
        error.hint.as_deref().map(|hint| format!("; {hint}")).unwrap_or_default()
    )]
    Refused {
        /// What a reader of the file would see.
        error: FileError,
    },
    /// The text reads back as another analysis.
    #[error("the Check file would not read back as the same analysis")]
    Changed,
}

/// Kayenta lets a retrospective run's windows start at once; a Check file says that with no
/// `begin_after`.
fn as_written(analysis: &Analysis) -> Analysis {
    let mut analysis = analysis.clone();
    if let Some(run) = &mut analysis.judgements {
        if run.retrospective {
            run.begin_after = std::time::Duration::ZERO;
            run.retrospective = false;
        }
        analysis.window = Some(run_window(run));
    }
    analysis
}

fn run_window(run: &JudgementRun) -> Window {
    Window { start: run.start, end: run.start.after(run.lifetime) }
}

fn check_file(analysis: &Analysis, source: Option<&Source>) -> CheckFile {
    let analysis = as_written(analysis);
    let entries =
        analysis.checks().iter().map(|check| (check.name.clone(), change(check_entry(check))));
    CheckFile {
        service: Some(analysis.service.clone().into()),
        extends: None,
        packs: Vec::new(),
        scope: None,
        for_each: (!analysis.for_each.is_empty()).then(|| analysis.for_each.clone().into()),
        source: source.map(|source| source_entry(source).into()),
        arms: Some(
            ArmsEntry {
                control: analysis.arms.control.clone(),
                canary: analysis.arms.canary.clone(),
                control_window: analysis
                    .arms
                    .control_window
                    .map(|window| window_entry(window).into()),
                share: analysis.arms.share.map(|share| Percentage(share).into()),
            }
            .into(),
        ),
        replica: analysis.replica.clone().map(Placed::from),
        step: (analysis.step != Step::MINUTE).then(|| step(analysis.step).into()),
        window: analysis.window.map(|window| window_entry(window).into()),
        horizon: analysis.horizon.map(|length| Span(length).into()),
        warm_up: analysis.warm_up.map(|length| Span(length).into()),
        history: analysis.history.map(|length| Span(length).into()),
        minimum_time: analysis.minimum_time.map(|length| Span(length).into()),
        at_horizon: match analysis.at_horizon {
            AtHorizon::Hold => None,
            AtHorizon::PassIfVisible => Some(AtHorizonEntry::PassIfVisible),
        },
        minimum_points: None,
        score: score_entry(&analysis).map(Placed::from),
        kayenta: analysis.judgements.as_ref().map(|run| run_entry(run).into()),
        checks: Some(Placed::from(Entries(entries.collect()))),
    }
}

fn step(step: Step) -> Span {
    Span(std::time::Duration::from_secs(step.seconds().into()))
}

fn window_entry(window: Window) -> WindowEntry {
    WindowEntry { start: Moment(window.start), end: Moment(window.end) }
}

pub(crate) fn score_entry(analysis: &Analysis) -> Option<ScoreEntry> {
    let weights = analysis.weights.listed();
    let thresholds = analysis.thresholds;
    let default = thresholds == Thresholds::default();
    (!default || !weights.is_empty()).then(|| ScoreEntry {
        pass: (!default).then(|| thresholds.pass()),
        marginal: (!default).then(|| thresholds.marginal()),
        weights: (!weights.is_empty()).then(|| {
            let placed = |(group, &weight): (&String, &f64)| (group.clone(), Placed::from(weight));
            weights.iter().map(placed).collect::<BTreeMap<_, _>>().into()
        }),
    })
}

fn run_entry(run: &JudgementRun) -> RunEntry {
    let unless_zero =
        |duration: std::time::Duration| (!duration.is_zero()).then_some(Span(duration));
    RunEntry {
        interval: Span(run.interval),
        lookback: unless_zero(run.lookback),
        begin_after: unless_zero(run.begin_after),
        control_offset: unless_zero(run.control_offset),
    }
}

pub(crate) fn change(entry: CheckEntry) -> Placed<CheckChange> {
    CheckChange::Entry(Box::new(entry)).into()
}

pub(crate) fn check_entry(check: &Check) -> CheckEntry {
    let kind = check.measure.kind();
    let mut entry = CheckEntry {
        worse: (check.worse != Worse::of_kind(kind)).then_some(check.worse),
        compare: compare_entry(kind, &check.margins).map(Placed::from),
        limit: check.guardrail.as_ref().map(|limit| limit_entry(kind, limit).into()),
        gating: check.gating.then_some(true),
        critical: check.critical.then_some(true),
        muted: check.muted.then_some(true),
        groups: (check.groups != [DEFAULT_GROUP])
            .then(|| check.groups.iter().cloned().map(Placed::from).collect()),
        weight: None,
        minimum_points: check.minimum_points.map(|minimum| minimum.get().into()),
        owner: check.owner.clone(),
        kayenta: kayenta_entry(&check.kayenta).map(Placed::from),
        ..CheckEntry::default()
    };
    let text = |query: &Query| Placed::from(query.to_string());
    match &check.measure {
        Measure::Ratio { bad, total } => {
            entry.ratio = Some(RatioEntry { bad: text(bad), total: text(total) });
        }
        Measure::Histogram { buckets } => entry.histogram = Some(text(buckets)),
        Measure::Count { events, exposure } => {
            let exposure = exposure.as_ref().map(text);
            entry.count = Some(CountEntry { events: text(events), exposure });
        }
        Measure::Gauge { value } => entry.gauge = Some(text(value)),
        Measure::Quantile { value } => entry.quantile = Some(text(value)),
    }
    entry
}

fn compare_entry(kind: MeasureKind, margins: &Margins) -> Option<CompareEntry> {
    let written = margins.written();
    let absolute = |change: f64| match kind {
        MeasureKind::Ratio => AbsoluteChange::PercentagePoints(change),
        _ => AbsoluteChange::Number(change),
    };
    (written.tolerance || written.unacceptable || written.floor).then(|| CompareEntry {
        tolerance: written.tolerance.then(|| Percentage(margins.tolerance()).into()),
        unacceptable: written.unacceptable.then(|| Percentage(margins.unacceptable()).into()),
        floor: written.floor.then(|| absolute(margins.floor()).into()),
        unacceptable_floor: written.floor.then(|| absolute(margins.unacceptable_floor()).into()),
    })
}

fn limit_entry(kind: MeasureKind, guardrail: &Guardrail) -> LimitEntry {
    let level = |value: f64| match kind {
        MeasureKind::Ratio => Level::Share(value),
        _ => Level::Number(value),
    };
    let (above, below) = match guardrail.bound {
        Bound::Above(bound) => (Some(level(bound).into()), None),
        Bound::Below(bound) => (None, Some(level(bound).into())),
    };
    LimitEntry {
        above,
        below,
        consecutive: Some(guardrail.consecutive.get().into()),
        minimum_events: Some(guardrail.minimum_events),
    }
}

fn kayenta_entry(options: &KayentaOptions) -> Option<KayentaEntry> {
    (*options != KayentaOptions::default()).then(|| KayentaEntry {
        nan_strategy: match options.nan_strategy {
            NanStrategy::Remove => None,
            NanStrategy::Replace => Some(NanStrategyEntry::Replace),
        },
        remove_outliers_beyond: match options.outliers {
            Outliers::Keep => None,
            Outliers::Remove { factor } => Some(factor.into()),
        },
        must_have_data: options.must_have_data,
        effect_size: effect_size_entry(&options.effect_size),
    })
}

fn effect_size_entry(sizes: &EffectSizeOptions) -> Option<EffectSizeEntry> {
    let none = EffectSizeOptions::without_margin(sizes.measure);
    let unless = |bound: f64, default: f64| (bound != default).then_some(Placed::from(bound));
    (*sizes != EffectSizeOptions::default()).then(|| EffectSizeEntry {
        measure: match sizes.measure {
            EffectSizeMeasure::MeanRatio => None,
            EffectSizeMeasure::CommonLanguage => Some(EffectSizeMeasureEntry::Cles),
        },
        allowed_increase: unless(sizes.allowed_increase, none.allowed_increase),
        allowed_decrease: unless(sizes.allowed_decrease, none.allowed_decrease),
        critical_increase: unless(sizes.critical_increase, none.critical_increase),
        critical_decrease: unless(sizes.critical_decrease, none.critical_decrease),
    })
}
