//! What is wrong with a question before it is asked.

use std::time::Duration;

use serin_check::{Places, lint_margins};
use serin_model::{Finding, FindingCode, Rate, Source, Store, TestedMetric};
use serin_report::{LintAsked, LintReport};
use serin_sources::{Answer, Inquiry, Survey, Surveyed, lint_queries};

use crate::error::RunError;
use crate::fetch::{FetchFailure, StoreClient, fetch_all};
use crate::history::HistoryAsked;
use crate::progress::Progress;
use crate::question::{Overrides, Question, TimeAsked};
use crate::self_test::{SelfTestAsked, self_test};
use crate::store;

/// What the command asks of a lint.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct LintAsk<'a> {
    /// Whether the store is left alone.
    pub offline: bool,
    /// The address of the store to ask.
    pub url: Option<&'a str>,
    /// How much of the past to look at; the file's horizon, or an hour, when absent.
    pub last: Option<Duration>,
    /// How much of the control's past to try the metrics on, if they are tried.
    pub history: Option<Duration>,
}

/// Finds what is wrong with a Check file: from its text, and from what its store answers.
///
/// A store that cannot be asked is a finding, and the others are those of the text alone. What is found of
/// the store looks at no more than `last`, and changes nothing there.
///
/// # Errors
///
/// [`RunError`] when the command says what cannot be.
pub fn lint(
    question: &Question,
    ask: LintAsk<'_>,
    progress: &dyn Progress,
) -> Result<LintReport, RunError> {
    let analysis = &question.written.analysis;
    let source = question.written.source.as_ref();
    if ask.url.is_some() && !matches!(source, Some(Source::Store(_))) {
        return Err(RunError::OtherSource {
            problem: "`--url` names a store, and the Check file names none".to_owned(),
            hint: "write `source: {prometheus: {url: …}}` into the Check file",
        });
    }
    let survey = match (source, ask.offline) {
        (Some(Source::Store(store)), false) => survey(question, store, ask, progress)?,
        (_, _) => None,
    };
    let scrape = match &survey {
        Some(Ok((surveyed, _))) => surveyed.scrape_seconds,
        Some(Err(_)) | None => None,
    };
    let mut findings = lint_queries(analysis, source, scrape);
    findings.extend(lint_margins(analysis));
    let mut asked = None;
    match survey {
        Some(Ok((surveyed, of_store))) => {
            // The store has the last word on what is PromQL, and has said it.
            findings.retain(|finding| finding.code != FindingCode::UnknownPromql);
            findings.extend(surveyed.findings);
            asked = Some(of_store);
        }
        Some(Err(why)) => {
            findings.push(Finding::of_file(FindingCode::StoreNotAsked, "source", why));
        }
        None => {}
    }
    let tried = ask.history.map(|history| try_on_history(question, ask.url, history, progress));
    let tried = tried.map(|(tried, found)| {
        findings.extend(found);
        tried
    });
    let name = &question.check.path;
    if let Ok(places) = Places::of(name, &question.check_text) {
        findings.iter_mut().for_each(|finding| places.mark(finding));
    }
    // What has no place of its own is about all of the file, and comes first.
    findings.sort_by_key(|finding| (finding.line, finding.column, finding.severity));
    Ok(LintReport {
        version: LintReport::VERSION,
        serin: env!("CARGO_PKG_VERSION").to_owned(),
        service: analysis.service.clone(),
        check: question.check.clone(),
        asked,
        tried: tried.flatten(),
        findings,
    })
}

/// Has canaries judged that are none, and returns how many and which metrics blame them.
fn try_on_history(
    question: &Question,
    url: Option<&str>,
    history: Duration,
    progress: &dyn Progress,
) -> (Option<usize>, Vec<Finding>) {
    let past = HistoryAsked { data: None, counters: None, url, history };
    let asked =
        SelfTestAsked { past, splits: SPLITS, seed: 1, horizon: None, step: None, kayenta: false };
    match self_test(question, asked, progress) {
        Ok(report) => {
            let test = &report.self_test;
            let blames =
                |metric: &&TestedMetric| !metric.muted && metric.false_alarms.lower > test.promised;
            let found =
                test.metrics.iter().filter(blames).map(|it| blames_itself(it, test.promised));
            (Some(test.asked.splits), found.collect())
        }
        Err(error) => {
            let why = first_line(&error);
            (None, vec![Finding::of_file(FindingCode::HistoryNotTried, "history", why)])
        }
    }
}

/// Enough to tell a metric that often raises false alarms from one that keeps the promise; the self-test
/// itself takes more, and tells more.
const SPLITS: usize = 200;

fn blames_itself(metric: &TestedMetric, promised: f64) -> Finding {
    let Rate { count, of, .. } = metric.false_alarms;
    let problem = format!(
        "{count} of {of} pretended canaries, replicas of the control against its others, are called \
         harmed by it; {:.0} in 100 are promised at most",
        100.0 * promised
    );
    let instead = match metric.smallest_tolerance {
        // What is written has no more digits than were tried.
        Some(tolerance) => format!("compare: {{tolerance: {:.0}%}}", (100.0 * tolerance).ceil()),
        None => "muted: true".to_owned(),
    };
    Finding::of_check(FindingCode::BlamesItself, &metric.name, "compare", problem)
        .proposing(format!("`{instead}`; `serin selftest` says more"))
}

/// What the store showed and what it was asked, or why it could not be.
type Asked = Result<(Surveyed, LintAsked), String>;

type Answers = Vec<Result<Answer, String>>;

/// Asks the store; nothing where no query can be asked, and why where it cannot.
fn survey(
    question: &Question,
    written: &Store,
    ask: LintAsk<'_>,
    progress: &dyn Progress,
) -> Result<Option<Asked>, RunError> {
    let store = store::overridden(written, Overrides { url: ask.url, ..Overrides::default() })?;
    let mut analysis = question.written.analysis.clone();
    // What the queries select is looked at as it is stored, whosever it is.
    analysis.for_each = Vec::new();
    analysis.judgements = None;
    let time = TimeAsked { last: ask.last, ..TimeAsked::default() };
    let window = match store::window(&analysis, time) {
        Ok(window) => window,
        Err(error) => return Ok(Some(Err(first_line(&error)))),
    };
    let Some(survey) = Survey::new(&analysis, question.written.source.as_ref()) else {
        return Ok(None);
    };
    let inquiry = match Inquiry::new(survey.asked(), &store, window) {
        Ok(inquiry) => inquiry,
        Err(error) => return Ok(Some(Err(first_line(&error.into())))),
    };
    let probing = survey.probes().map(|it| Inquiry::new(it, &store, window)).transpose()?;
    let client = match StoreClient::new(&store, inquiry.source(), &question.folder()) {
        Ok(client) => client,
        Err(error) => return Ok(Some(Err(first_line(&error)))),
    };
    let runtime = store::runtime(&store)?;
    let fetch = |inquiry: &Inquiry<'_>| {
        let fetching = fetch_all(&client, inquiry.requests(), store.limits, progress);
        runtime.block_on(fetching).answers
    };
    let answers = fetch(&inquiry);
    if answers.iter().all(Result::is_err) {
        let why = answers.into_iter().find_map(Result::err);
        let why = why.map(|failure| store::with_hint(failure.first_cause().clone()));
        return Ok(Some(Err(format!("{} {}", inquiry.name(), why.unwrap_or_default()))));
    }
    let answers = in_words(answers);
    let probed = probing.as_ref().map(|inquiry| (inquiry, in_words(fetch(inquiry))));
    let surveyed = survey.findings(&analysis, (&inquiry, answers), probed);
    let millis = window.end.as_millis() - window.start.as_millis();
    let asked = LintAsked {
        source: inquiry.name().to_owned(),
        minutes: millis as f64 / 60_000.0,
        requests: surveyed.cost.requests,
        series: surveyed.cost.series,
        samples: surveyed.cost.samples,
        scrape_seconds: surveyed.scrape_seconds,
    };
    Ok(Some(Ok((surveyed, asked))))
}

fn in_words(answers: Vec<Result<Answer, FetchFailure>>) -> Answers {
    answers.into_iter().map(|answer| answer.map_err(store::with_hint)).collect()
}

/// The hint of an error is about judging.
fn first_line(error: &RunError) -> String {
    error.to_string().lines().next().unwrap_or_default().to_owned()
}
