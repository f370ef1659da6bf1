//! A store that is asked again and again.

use std::collections::BTreeSet;
use std::path::Path;

use futures_util::future::{Either, select};
use serin_model::{Analysis, FetchLimits, MetricSeries, Store, Timestamp, Warning, Window};
use serin_report::Input;
use serin_sources::{Answer, Inquiry, Request};
use tokio::runtime::Runtime;

use super::feed::{Feed, Known, Outage};
use crate::error::RunError;
use crate::fetch::{FetchFailure, Fetched, StoreClient, fetch_all};
use crate::store::{self, nothing_answered, with_hint};
use crate::watch::Interrupt;

/// A store, with what it answered so far.
#[derive(Debug)]
pub struct StoreFeed<'a> {
    analysis: &'a Analysis,
    store: &'a Store,
    client: StoreClient,
    runtime: Runtime,
    name: String,
    start: Timestamp,
    asked: Option<Asked<'a>>,
    /// How far the store's clock is ahead of this machine's, in milliseconds.
    clock_ahead: Option<i64>,
    /// Whether anything was ever answered.
    was_heard: bool,
}

/// What was asked since the beginning, and what came of each request.
#[derive(Debug)]
struct Asked<'a> {
    inquiry: Inquiry<'a>,
    answers: Vec<Result<Answer, FetchFailure>>,
}

impl<'a> StoreFeed<'a> {
    /// Prepares to ask. Nothing is sent yet.
    ///
    /// * `folder`: where paths of secrets and certificates start, that of the Check file.
    ///
    /// # Errors
    ///
    /// [`RunError`] when a query cannot be asked of such a store, or a secret cannot be read.
    pub fn new(analysis: &'a Analysis, store: &'a Store, folder: &Path) -> Result<Self, RunError> {
        // Whether the queries can be asked does not depend on the time.
        let moment = Timestamp::from_millis(0);
        let inquiry = Inquiry::new(analysis, store, Window { start: moment, end: moment })?;
        Ok(Self {
            client: StoreClient::new(store, inquiry.source(), folder)?,
            runtime: store::runtime(store)?,
            name: inquiry.name().to_owned(),
            analysis,
            store,
            start: moment,
            asked: None,
            clock_ahead: None,
            was_heard: false,
        })
    }

    /// Asks, unless somebody wants to stop.
    fn fetch(
        &mut self,
        requests: &[Request],
        interrupt: &Interrupt,
    ) -> Result<Vec<Result<Answer, FetchFailure>>, Outage> {
        // Who watches asks again anyhow: a long patience within would only keep that from being said.
        let retries = self.store.limits.retries.min(MOST_RETRIES);
        let limits = FetchLimits { retries, ..self.store.limits };
        let fetching = fetch_all(&self.client, requests, limits, &());
        let fetched = self.runtime.block_on(async {
            match select(Box::pin(fetching), Box::pin(interrupt.stopped())).await {
                Either::Left((fetched, _)) => Some(fetched),
                Either::Right(_) => None,
            }
        });
        let Some(Fetched { answers, clock_ahead }) = fetched else {
            return Err(Outage {
                why: "was not waited for any more".to_owned(),
                hint: "somebody stopped serin".to_owned(),
                is_partial: false,
                retry_after: None,
                error: None,
            });
        };
        self.clock_ahead = clock_ahead.or(self.clock_ahead);
        Ok(answers)
    }

    fn warnings(&self, gathered: Vec<Warning>) -> Vec<Warning> {
        let mut warnings = gathered;
        warnings.extend(store::clock_off(self.clock_ahead, false));
        warnings
    }
}

/// A request that failed for a moment is asked once more at once.
pub(crate) const MOST_RETRIES: u32 = 1;

impl Feed for StoreFeed<'_> {
    fn name(&self) -> &str {
        &self.name
    }

    fn look(&mut self, window: Window, interrupt: &Interrupt) -> Result<Vec<MetricSeries>, Outage> {
        let inquiry = planned(Inquiry::new(self.analysis, self.store, window))?;
        let answers = self.fetch(inquiry.requests(), interrupt)?;
        let all: Vec<usize> = (0..answers.len()).collect();
        match outage(&inquiry, &answers, &all, true, &mut self.was_heard) {
            Some(outage) => Err(outage),
            None => Ok(inquiry.gather(said(answers)).series),
        }
    }

    fn begin(&mut self, start: Timestamp) {
        self.start = start;
        self.asked = None;
    }

    fn ask(
        &mut self,
        until: Timestamp,
        anyhow: bool,
        interrupt: &Interrupt,
    ) -> Result<Known, Outage> {
        let inquiry = match &self.asked {
            None => {
                let window = Window { start: self.start, end: until };
                planned(Inquiry::new(self.analysis, self.store, window))?
            }
            Some(asked) => {
                let mut inquiry = asked.inquiry.clone();
                planned(inquiry.extend(self.store, until))?;
                inquiry
            }
        };
        let so_far = self.asked.as_ref().map_or(&[][..], |asked| &asked.answers);
        let (known, all) = (so_far.len(), inquiry.requests().len());
        let numbers: Vec<usize> = oldest_failures(&inquiry, so_far).chain(known..all).collect();
        let requests: Vec<Request> =
            numbers.iter().map(|&number| inquiry.requests()[number].clone()).collect();
        let answered = self.fetch(&requests, interrupt)?;
        let (before, mut answers) = match self.asked.take() {
            Some(asked) => (Some(asked.inquiry), asked.answers),
            None => (None, Vec::new()),
        };
        for (&number, answer) in numbers.iter().zip(answered) {
            match answers.get_mut(number) {
                Some(failed) => *failed = answer,
                None => answers.push(answer),
            }
        }
        let outage = outage(&inquiry, &answers, &numbers, anyhow, &mut self.was_heard);
        if let Some(outage) = outage {
            // What is new is asked for again, together with what comes until then.
            answers.truncate(known);
            self.asked = before.map(|inquiry| Asked { inquiry, answers });
            return Err(outage);
        }
        let gathered = inquiry.gather(said(answers.clone()));
        let input = Input {
            path: format!("{}, {all} queries", self.name),
            sha256: gathered.digest.sha256,
            bytes: gathered.digest.bytes,
        };
        self.asked = Some(Asked { inquiry, answers });
        Ok(Known { series: gathered.series, warnings: self.warnings(gathered.warnings), input })
    }
}

/// Returns why there is nothing to go on with, if that is so.
///
/// * `asked`: the requests that were asked now, by index.
/// * `anyhow`: whether a part of the answers is enough.
/// * `was_heard`: whether anything was ever answered.
pub(crate) fn outage(
    inquiry: &Inquiry<'_>,
    answers: &[Result<Answer, FetchFailure>],
    asked: &[usize],
    anyhow: bool,
    was_heard: &mut bool,
) -> Option<Outage> {
    let of_checks = || {
        let asked = asked.iter().filter(|request| inquiry.is_of_a_check(**request));
        asked.map(|request| &answers[*request])
    };
    let is_answered = of_checks().any(Result::is_ok);
    *was_heard |= is_answered;
    let failures = || of_checks().filter_map(|answer| answer.as_ref().err());
    let passing = failures().find(|failure| is_passing(failure));
    let failure = match (is_answered, passing) {
        (true, None) => return None,
        (true, Some(_)) if anyhow => return None,
        (_, Some(passing)) => passing,
        (false, None) => failures().next()?,
    };
    let is_hopeless = !*was_heard && passing.is_none();
    Some(Outage {
        why: failure.to_string(),
        hint: failure.hint(),
        is_partial: is_answered,
        retry_after: failures().filter_map(|it| it.first_cause().retry_after()).max(),
        error: is_hopeless.then(|| Box::new(nothing_answered(inquiry, answers))),
    })
}

/// Returns the first request of each query and arm that has no answer: whether those after it can be
/// answered is asked once this one is.
fn oldest_failures(
    inquiry: &Inquiry<'_>,
    answers: &[Result<Answer, FetchFailure>],
) -> impl Iterator<Item = usize> + use<> {
    let failed = |number: &usize| answers.get(*number).is_some_and(Result::is_err);
    let oldest: BTreeSet<usize> =
        inquiry.plans().filter_map(|plan| plan.iter().copied().find(failed)).collect();
    oldest.into_iter()
}

/// Returns whether asking again later may help.
fn is_passing(failure: &FetchFailure) -> bool {
    match failure.first_cause() {
        FetchFailure::TooLate(_) => true,
        cause => cause.may_pass(),
    }
}

pub(crate) fn said(answers: Vec<Result<Answer, FetchFailure>>) -> Vec<Result<Answer, String>> {
    answers.into_iter().map(|answer| answer.map_err(with_hint)).collect()
}

/// What could be planned when the feed was made can be planned again.
pub(crate) fn planned<T>(plan: Result<T, serin_sources::SourceError>) -> Result<T, Outage> {
    plan.map_err(|error| Outage {
        why: "cannot be asked this".to_owned(),
        hint: error.to_string(),
        is_partial: false,
        retry_after: None,
        error: Some(Box::new(error.into())),
    })
}
