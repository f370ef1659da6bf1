//! Answers from stores that are asked over a network.

use std::collections::BTreeSet;
use std::time::Duration;

use serin_check::checked_url;
use serin_model::{Analysis, MetricSeries, Store, Timestamp, Warning, WarningCode, Window};
use serin_report::Input;
use serin_sources::{Answer, Digest, Gathered, Inquiry};

use crate::error::RunError;
use crate::fetch::{FetchFailure, Fetched, StoreClient, fetch_all};
use crate::http::Names;
use crate::judge::{Answered, in_words, judged_span, refuse_odd_window};
use crate::moment::{last_steps, now};
use crate::progress::Progress;
use crate::question::{Overrides, Question, TimeAsked};
use crate::usual::{HISTORY, HORIZON};

/// Asks a store what a question needs to know.
///
/// # Errors
///
/// [`RunError`] when it cannot be asked, or when not a single query was answered.
pub(crate) fn answer(
    question: &Question,
    written: &Store,
    overrides: Overrides<'_>,
    progress: &dyn Progress,
) -> Result<Answered, RunError> {
    let store = overridden(written, overrides)?;
    let mut analysis = question.written.analysis.clone();
    let window = window(&analysis, overrides.time)?;
    if analysis.judgements.is_none() {
        analysis.window = Some(window);
    }
    let Answers { inquiry, answers, clock_ahead } =
        send(question, &analysis, &store, window, progress)?;
    let gathered = inquiry.gather(answers);
    let mut warnings = gathered.warnings;
    warnings.extend(clock_off(clock_ahead, overrides.time.end.is_some()));
    warnings.extend(cut_steps(&analysis, window));
    let is_empty = |it: &MetricSeries| it.failure.is_none() && it.arms.is_silent();
    if gathered.series.iter().all(is_empty) {
        return Err(nothing_found(&inquiry, window, &warnings));
    }
    let name = inquiry.name().to_owned();
    let input = input(&inquiry, "queries", gathered.digest);
    let span = span_of(&gathered.series);
    Ok(Answered { series: gathered.series, warnings, name, span, input, note: None, analysis })
}

/// What was asked, and what was answered.
pub(crate) struct Answers<'a> {
    pub(crate) inquiry: Inquiry<'a>,
    /// One for each request, or why there is none.
    pub(crate) answers: Vec<Result<Answer, String>>,
    /// How far the store's clock is ahead, in milliseconds.
    pub(crate) clock_ahead: Option<i64>,
}

/// Asks a store what an analysis needs to know of a stretch of time.
///
/// # Errors
///
/// [`RunError`] when it cannot be asked, or when not a single query was answered.
pub(crate) fn send<'a>(
    question: &Question,
    analysis: &'a Analysis,
    store: &Store,
    window: Window,
    progress: &dyn Progress,
) -> Result<Answers<'a>, RunError> {
    let (inquiry, Fetched { answers, clock_ahead }) =
        fetched(question, analysis, store, window, progress)?;
    let of_checks = |(request, _): &(usize, _)| inquiry.is_of_a_check(*request);
    if answers.iter().enumerate().filter(of_checks).all(|(_, answer)| answer.is_err()) {
        return Err(nothing_answered(&inquiry, &answers));
    }
    let answers = answers.into_iter().map(|answer| answer.map_err(with_hint)).collect();
    Ok(Answers { inquiry, answers, clock_ahead })
}

/// Asks a store, and takes what comes: even no answer at all.
fn fetched<'a>(
    question: &Question,
    analysis: &'a Analysis,
    store: &Store,
    window: Window,
    progress: &dyn Progress,
) -> Result<(Inquiry<'a>, Fetched), RunError> {
    let inquiry = Inquiry::new(analysis, store, window)?;
    let names =
        question.rules.as_ref().map_or_else(|| Ok(Names::default()), |it| it.names(store))?;
    let client = StoreClient::with_names(store, inquiry.source(), &question.folder(), names)?;
    let fetching = fetch_all(&client, inquiry.requests(), store.limits, progress);
    let fetched = runtime(store)?.block_on(fetching);
    Ok((inquiry, fetched))
}

/// Returns when the points of either arm of any check lie.
pub(crate) fn span_of(series: &[MetricSeries]) -> Option<(Timestamp, Timestamp)> {
    let spans = series.iter().flat_map(|it| [it.arms.control.span(), it.arms.canary.span()]);
    spans.flatten().reduce(|all, one| (all.0.min(one.0), all.1.max(one.1)))
}

/// Says which points of a store were read.
pub(crate) fn input(inquiry: &Inquiry<'_>, what: &str, digest: Digest) -> Input {
    Input {
        path: format!("{}, {} {what}", inquiry.name(), inquiry.requests().len()),
        sha256: digest.sha256,
        bytes: digest.bytes,
    }
}

/// What a store said of the control's past.
#[derive(Default)]
pub(crate) struct Past {
    pub(crate) series: Vec<MetricSeries>,
    pub(crate) input: Option<Input>,
    /// What is not known of it.
    pub(crate) warning: Option<Warning>,
}

/// Asks a store what the control did before `end`, for as long as the Check file says. Without an
/// answer the judge knows less, and judges all the same.
///
/// * The first argument: the question, and what of it is judged.
///
/// # Errors
///
/// [`RunError`] when it cannot be asked.
pub(crate) fn past(
    asked: (&Question, &Analysis),
    written: &Store,
    overrides: Overrides<'_>,
    end: Timestamp,
    progress: &dyn Progress,
) -> Result<Past, RunError> {
    let store = overridden(written, overrides)?;
    let sent = send_about_past(asked, &store, end, progress)?;
    Ok(sent.map_or_else(Past::default, |Answers { inquiry, answers, .. }| {
        Past::of(&inquiry, inquiry.gather(answers))
    }))
}

/// Sends what asks for the past before `end`; nothing where the Check file wants none.
///
/// # Errors
///
/// [`RunError`] when it cannot be asked.
pub(crate) fn send_about_past<'a>(
    (question, analysis): (&Question, &'a Analysis),
    store: &Store,
    end: Timestamp,
    progress: &dyn Progress,
) -> Result<Option<Answers<'a>>, RunError> {
    let length = analysis.history.unwrap_or(HISTORY);
    if length.is_zero() {
        return Ok(None);
    }
    let before = Window { start: analysis.step.bin_of(end.before(length)), end };
    let (inquiry, Fetched { answers, clock_ahead }) =
        fetched(question, analysis, store, before, progress)?;
    let answers = answers.into_iter().map(|answer| answer.map_err(with_hint)).collect();
    Ok(Some(Answers { inquiry, answers, clock_ahead }))
}

impl Past {
    pub(crate) fn of(inquiry: &Inquiry<'_>, gathered: Gathered) -> Self {
        let warning = unknown_past(&failed_checks(&gathered.series)).map(|text| Warning {
            code: WarningCode::PartialAnswer,
            metric: None,
            text,
        });
        let input = input(inquiry, "queries of the past", gathered.digest);
        Self { series: gathered.series, input: Some(input), warning }
    }
}

/// Names the checks whose past is not known; nothing where all are.
pub(crate) fn failed_checks(series: &[MetricSeries]) -> String {
    let failed = series.iter().filter(|answer| answer.failure.is_some());
    let failed: Vec<String> = failed.map(|answer| format!("`{}`", answer.check)).collect();
    if failed.is_empty() { String::new() } else { format!("of {}", failed.join(", ")) }
}

/// Says what it means that a past is not known.
///
/// * `what`: whose, or why; nothing where it is known.
pub(crate) fn unknown_past(what: &str) -> Option<String> {
    (!what.is_empty()).then(|| {
        format!(
            "the control's past {what} is not known: its noise and the spread of its replicas are \
             learned on the way, so that an answer takes longer"
        )
    })
}

/// Returns the store with what the command says instead of the Check file.
pub(crate) fn overridden(written: &Store, overrides: Overrides<'_>) -> Result<Store, RunError> {
    let mut store = written.clone();
    if let Some(url) = overrides.url {
        store.url = checked_url(&store.kind, url).map_err(|(problem, hint)| {
            RunError::OtherSource { problem: format!("`--url` holds {problem}"), hint }
        })?;
    }
    if overrides.counters.is_some() {
        return Err(RunError::OtherSource {
            problem: "`--counters` is about recordings, and a store is asked".to_owned(),
            hint: "leave it out: whether a query counts is seen from the query",
        });
    }
    Ok(store)
}

/// Requests wait for the network, not for a processor: one thread does.
pub(crate) fn runtime(store: &Store) -> Result<tokio::runtime::Runtime, RunError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| RunError::Connection {
        url: store.url.clone(),
        problem: format!("this machine gives no network: {error}"),
    })
}

pub(crate) fn with_hint(failure: FetchFailure) -> String {
    format!("{failure} ({})", failure.hint())
}

/// Returns the stretch of time to ask for: what the command says, else the Check file, else the last
/// `horizon`, else the last hour.
pub(crate) fn window(analysis: &Analysis, time: TimeAsked) -> Result<Window, RunError> {
    let window = match judged_span(analysis) {
        Some((start, end)) if analysis.judgements.is_some() && time == TimeAsked::default() => {
            Window { start, end }
        }
        _ => {
            let window = asked_window(analysis, time);
            refuse_odd_window(analysis, window)?;
            window
        }
    };
    refuse_unlikely_window(analysis, window)?;
    Ok(window)
}

fn asked_window(analysis: &Analysis, time: TimeAsked) -> Window {
    let usual = time.last.or(analysis.horizon).unwrap_or(HORIZON);
    let until_now = last_steps(now(), usual, analysis.step);
    let written = analysis.window.filter(|_| time.last.is_none());
    let end = time.end.or(written.map(|window| window.end));
    let start = time.start.or(written.map(|window| window.start));
    match (start, end) {
        (Some(start), end) => Window { start, end: end.unwrap_or(until_now.end) },
        // Where the end alone is given, the length before it counts.
        (None, Some(end)) => Window { start: end.before(usual), end },
        (None, None) => until_now,
    }
}

fn refuse_unlikely_window(analysis: &Analysis, window: Window) -> Result<(), RunError> {
    let span = || in_words(Some((window.start, window.end)));
    let seconds = (window.end.as_millis() - window.start.as_millis()) / 1000;
    let steps = seconds / i64::from(analysis.step.seconds());
    let one = Duration::from_secs(analysis.step.seconds().into());
    let first_whole =
        analysis.step.bin_of(window.start.after(one).before(Duration::from_millis(1)));
    let wrong = |problem, hint| Err(RunError::OtherSource { problem, hint });
    if first_whole.after(one) > window.end {
        let step = analysis.step.seconds();
        let problem = format!("the time to judge, {}, holds no whole step of {step} s", span());
        return wrong(problem, "judge a longer time, or write a shorter `step`");
    }
    if steps > MOST_STEPS {
        let problem = format!("the time to judge, {}, has {steps} steps", span());
        return wrong(problem, "judge a shorter time, or write a longer `step`");
    }
    if window.end > now().after(CLOCK_SLACK) {
        let problem = format!("the time to judge, {}, ends in the future", span());
        return wrong(problem, "judge it when it is over, or give an earlier `--end`");
    }
    Ok(())
}

/// A year in half-minutes.
const MOST_STEPS: i64 = 1_000_000;

/// Two machines may differ by so much without anybody noticing.
const CLOCK_SLACK: Duration = Duration::from_secs(30);

pub(crate) fn nothing_answered<T>(
    inquiry: &Inquiry<'_>,
    answers: &[Result<T, FetchFailure>],
) -> RunError {
    let (mut reasons, mut failures) = (BTreeSet::new(), Vec::new());
    let mut hints = BTreeSet::new();
    for (request, answer) in answers.iter().enumerate() {
        let Err(failure) = answer else { continue };
        let failure = failure.first_cause();
        let why = failure.to_string();
        let is_new = inquiry.is_of_a_check(request)
            && failures.len() < MOST_SHOWN
            && reasons.insert(why.clone());
        if is_new {
            failures.push(format!("{}: it {why}", inquiry.asked_for(request)));
            hints.insert(failure.hint());
        }
    }
    let hint = hints.into_iter().collect::<Vec<_>>().join("; ");
    RunError::NothingAnswered { name: inquiry.name().to_owned(), failures, hint }
}

/// Says what was asked, should no series have a point.
pub(crate) fn nothing_found(
    inquiry: &Inquiry<'_>,
    window: Window,
    warnings: &[Warning],
) -> RunError {
    let requests = inquiry.requests().iter().enumerate();
    let of_checks = requests.filter(|(request, _)| inquiry.is_of_a_check(*request));
    let mut asked: Vec<String> = of_checks.map(|(_, request)| request.query().to_owned()).collect();
    asked.truncate(MOST_SHOWN);
    let texts: BTreeSet<&str> = warnings.iter().map(|warning| warning.text.as_str()).collect();
    let said = texts.into_iter().take(MOST_SHOWN).map(|text| format!("\n  {text}"));
    RunError::NothingFound {
        name: inquiry.name().to_owned(),
        judged: in_words(Some((window.start, window.end))),
        said: said.collect(),
        asked,
    }
}

const MOST_SHOWN: usize = 5;

/// A step that the window cuts short counts less than it should.
pub(crate) fn cut_steps(analysis: &Analysis, window: Window) -> Option<Warning> {
    if analysis.judgements.is_some() {
        return None;
    }
    let is_cut = |moment| analysis.step.bin_of(moment) != moment;
    let windows = [Some(window), analysis.arms.control_window];
    let is_any = windows.into_iter().flatten().any(|it| is_cut(it.start) || is_cut(it.end));
    is_any.then(|| Warning {
        code: WarningCode::CutSteps,
        metric: None,
        text: format!(
            "the time that is judged does not begin and end with a whole step of {} s: the first and \
             the last step count less than they should",
            analysis.step.seconds()
        ),
    })
}

/// Where "now" is asked for, two clocks that differ make it two moments.
pub(crate) fn clock_off(ahead: Option<i64>, end_is_given: bool) -> Option<Warning> {
    let ahead = ahead?;
    let slack = i64::try_from(CLOCK_SLACK.as_millis()).unwrap_or(i64::MAX);
    (ahead.abs() > slack).then(|| {
        let (seconds, way) = (ahead.abs() / 1000, if ahead > 0 { "ahead of" } else { "behind" });
        let until = if end_is_given {
            "the time that was judged is right only by one of them"
        } else {
            "the last moments may be missing, or not be the last"
        };
        Warning {
            code: WarningCode::ClockOff,
            metric: None,
            text: format!("the source's clock is {seconds} s {way} this machine's: {until}"),
        }
    })
}
