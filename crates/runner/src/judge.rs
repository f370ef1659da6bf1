//! One judgement, from its question to its report.

use std::collections::BTreeSet;

use serin_judge::Judged;
use serin_model::{
    Analysis, JudgedMetric, LabelSelector, MetricSeries, Source, Timestamp, Trace, Verdict,
    Warning, Window,
};
use serin_report::{Input, Report};

use crate::error::RunError;
use crate::left_out::{self, leave_out, unknown_to_source};
use crate::progress::Progress;
use crate::question::{JudgeKind, Overrides, Question};
use crate::recording::Reach;
use crate::store::Past;
use crate::{recording, store};

/// What a source answered, and to what exactly.
pub(crate) struct Answered {
    pub(crate) analysis: Analysis,
    pub(crate) series: Vec<MetricSeries>,
    /// What must be known of the answers.
    pub(crate) warnings: Vec<Warning>,
    /// What people call the source.
    pub(crate) name: String,
    /// When its points lie.
    pub(crate) span: Option<(Timestamp, Timestamp)>,
    pub(crate) input: Input,
    /// What the answers made serin pass over.
    pub(crate) note: Option<&'static str>,
}

/// Answers a question from the source that the Check file names, or that the command names instead.
///
/// # Errors
///
/// [`RunError`] when there is no source, or it has nothing to judge. A source that failed in part is
/// no error: the verdict says so.
pub fn ask(
    question: &Question,
    overrides: Overrides<'_>,
    progress: &dyn Progress,
) -> Result<Report, RunError> {
    refuse_fleet(question)?;
    let mut answered = match (overrides.data, &question.written.source) {
        (None, Some(Source::Store(store))) => store::answer(question, store, overrides, progress)?,
        (_, source) => {
            refuse_url(overrides)?;
            let written = recording::written(source.as_ref());
            recording::answer(question, written, overrides, Reach::Judged, progress)?
        }
    };
    let unknown = leave_out_unknown(&mut answered);
    let past = match (&question.written.source, beginning_of(overrides.judge, &answered)) {
        (Some(Source::Store(store)), Some(begin)) if overrides.data.is_none() => {
            let asked = (question, &answered.analysis);
            Some(store::past(asked, store, overrides, begin, progress)?)
        }
        (_, _) => None,
    };
    conclude(question, overrides.judge, answered, &unknown, past)
}

/// Refuses to judge many canaries as one.
///
/// # Errors
///
/// [`RunError::OtherSource`].
pub(crate) fn refuse_fleet(question: &Question) -> Result<(), RunError> {
    let labels = &question.written.analysis.for_each;
    if labels.is_empty() {
        return Ok(());
    }
    Err(RunError::OtherSource {
        problem: format!(
            "the Check file is about every canary of a fleet (`for_each: [{}]`), and one is meant",
            labels.join(", ")
        ),
        hint: "judge the fleet with `serin judge`, or leave `for_each` out and write `scope` instead",
    })
}

/// Leaves out the checks of packs that the source has nothing of, and returns their names.
pub(crate) fn leave_out_unknown(answered: &mut Answered) -> BTreeSet<String> {
    let unknown = unknown_to_source(&answered.analysis, &answered.series);
    leave_out(&unknown, &mut answered.analysis, &mut answered.series, &mut answered.warnings);
    unknown
}

/// Judges what a source answered.
///
/// * `unknown`: the checks that were left out.
/// * `past`: what the control did before, where it was asked for apart.
///
/// # Errors
///
/// [`RunError::NoAnswer`] when nothing of it is judged.
pub(crate) fn conclude(
    question: &Question,
    kind: JudgeKind,
    answered: Answered,
    unknown: &BTreeSet<String>,
    past: Option<Past>,
) -> Result<Report, RunError> {
    let history = past.as_ref().map_or(&answered.series, |past| &past.series);
    let (mut verdict, traces) = judge(kind, &answered, history, &question.written.notes);
    let anything = |metric: &JudgedMetric| metric.control.points + metric.canary.points > 0;
    let failed = answered.series.iter().any(|series| series.failure.is_some());
    if !failed && !verdict.metrics.iter().any(anything) {
        return Err(RunError::NoAnswer {
            path: answered.name,
            recorded: in_words(answered.span),
            judged: in_words(judged_span(&answered.analysis)),
        });
    }
    verdict.warnings.extend(answered.warnings);
    verdict.ignored.extend(answered.note.map(str::to_owned));
    verdict.ignored.extend(left_out::in_words(&question.written.analysis, unknown));
    let mut inputs = question.others.clone();
    inputs.push(answered.input);
    if let Some(past) = past {
        verdict.warnings.extend(past.warning);
        inputs.extend(past.input);
    }
    let judged = Judged { verdict, traces };
    Ok(report(question, &answered.analysis, judged, inputs))
}

/// Puts a verdict together with what it was asked and made from.
pub(crate) fn report(
    question: &Question,
    analysis: &Analysis,
    judged: Judged,
    inputs: Vec<Input>,
) -> Report {
    Report {
        version: Report::VERSION,
        serin: env!("CARGO_PKG_VERSION").to_owned(),
        service: analysis.service.clone(),
        control: labels(&analysis.arms.control),
        canary: labels(&analysis.arms.canary),
        step_seconds: analysis.step.seconds(),
        span: judged_stretch(&judged.traces),
        verdict: judged.verdict,
        check: question.check.clone(),
        check_text: question.check_text.clone(),
        inputs,
        traces: judged.traces,
    }
}

pub(crate) fn refuse_url(overrides: Overrides<'_>) -> Result<(), RunError> {
    match overrides.url {
        None => Ok(()),
        Some(_) => Err(RunError::OtherSource {
            problem: "`--url` names a store, and a recording is judged".to_owned(),
            hint: "write `source: {prometheus: {url: …}}` into the Check file, without `--data`",
        }),
    }
}

/// Refuses a stretch of time in which nothing can lie.
pub(crate) fn refuse_odd_window(analysis: &Analysis, window: Window) -> Result<(), RunError> {
    if analysis.judgements.is_some() {
        return Err(RunError::OtherSource {
            problem: "a time is given, and the request for several judgements has its own"
                .to_owned(),
            hint: "leave `--start`, `--end` and `--last` out, or mend the request",
        });
    }
    if window.end <= window.start {
        return Err(RunError::OtherSource {
            problem: format!("nothing lies {}", in_words(Some((window.start, window.end)))),
            hint: "give an end that is later than the start",
        });
    }
    Ok(())
}

/// Judges what the sources answered, and adds what the reader of the files had to say.
///
/// * `history`: the answers that hold the control's past.
fn judge(
    judge: JudgeKind,
    answered: &Answered,
    history: &[MetricSeries],
    notes: &[String],
) -> (Verdict, Vec<Trace>) {
    let (analysis, series) = (&answered.analysis, &answered.series);
    let mut judged = match judge {
        JudgeKind::Sequential => {
            let analysis = from_its_beginning(analysis, series);
            serin_judge::sequential::judge_after(&analysis, history, series).0
        }
        JudgeKind::Kayenta => serin_judge::kayenta::judge(analysis, series),
    };
    judged.verdict.ignored.extend_from_slice(notes);
    (judged.verdict, judged.traces)
}

/// Returns where the past ends that the judge learns from, should it be asked for apart.
pub(crate) fn beginning_of(judge: JudgeKind, answered: &Answered) -> Option<Timestamp> {
    let learns = judge == JudgeKind::Sequential && answered.analysis.arms.control_window.is_none();
    let begun = from_its_beginning(&answered.analysis, &answered.series);
    begun.window.filter(|_| learns).map(|window| window.start)
}

/// Lets the analysis of a past rollout begin with the canary: what the control did before is its
/// history, and a canary that was not there yet was not silent.
fn from_its_beginning(analysis: &Analysis, series: &[MetricSeries]) -> Analysis {
    let mut analysis = analysis.clone();
    let asked = analysis.window.unwrap_or(Window::ALWAYS);
    let first = |answer: &MetricSeries| {
        let mut canary = answer.arms.canary.clone();
        canary.keep(asked);
        canary.span().map(|(first, _)| first)
    };
    if analysis.arms.control_window.is_none()
        && let Some(first) = series.iter().filter_map(first).min()
    {
        let start = analysis.step.bin_of(first).max(asked.start);
        analysis.window = Some(Window { start, end: asked.end });
    }
    analysis
}

/// Returns the first and the last bin that either arm was judged in.
fn judged_stretch(traces: &[Trace]) -> Option<(Timestamp, Timestamp)> {
    let points = traces.iter().flat_map(|trace| trace.control.iter().chain(&trace.canary));
    points
        .map(|point| (point.time, point.time))
        .reduce(|all, one| (all.0.min(one.0), all.1.max(one.1)))
}

/// Returns the stretch of time in which anything at all is judged.
pub(crate) fn judged_span(analysis: &Analysis) -> Option<(Timestamp, Timestamp)> {
    let run = analysis.judgements.map(|run| (run.start, run.start.after(run.lifetime)));
    run.or(analysis.window.map(|window| (window.start, window.end)))
}

pub(crate) fn in_words(span: Option<(Timestamp, Timestamp)>) -> String {
    match span {
        Some((start, end)) => {
            format!("from {} to {}", moment_in_words(start), moment_in_words(end))
        }
        None => "at all times".to_owned(),
    }
}

pub(crate) fn moment_in_words(time: Timestamp) -> String {
    match jiff::Timestamp::from_millisecond(time.as_millis()) {
        Ok(moment) => moment.to_string(),
        Err(_) => format!("{} ms", time.as_millis()),
    }
}

fn labels(selector: &LabelSelector) -> String {
    let label = |(name, value): (&String, &String)| format!("{name}={value}");
    selector.iter().map(label).collect::<Vec<_>>().join(", ")
}
