//! Everything that an analysis asks a store, and what its answers add up to.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serin_model::{
    Analysis, CounterForm, MetricSeries, Query, Store, Timestamp, Warning, WarningCode, Window,
};

use crate::SourceError;
use crate::assemble::Assembler;
use crate::collect::{Part, Series, Side, Wanted, parts, sides};
use crate::digest::Digest;
use crate::doubts::{self, Doubts};
use crate::fleet::{MemberSeries, ToldApart, loses_labels, tell_apart};
use crate::join::join;
use crate::registry::source_named;
use crate::rows::{shortened, shown};
use crate::selection::Remainder;
use crate::selector::Selector;
use crate::source::{
    Answer, Asked, LEFT_OUT_STEPS, Notice, Plan, Points, Quantity, QueryError, Request, Source,
};

/// What an analysis asks a store.
#[derive(Clone, Debug)]
pub struct Inquiry<'a> {
    source: &'static dyn Source,
    name: String,
    analysis: &'a Analysis,
    wanted: Vec<Wanted>,
    /// For each that is wanted.
    plans: Vec<Planned>,
    /// Each request once, however many ask for it.
    requests: Vec<Request>,
    /// Those that no check needs, by index.
    of_no_check: BTreeSet<usize>,
    /// Up to where both arms are asked for.
    end: Timestamp,
}

/// What is asked for one query and arm.
#[derive(Clone, Debug)]
pub(crate) struct Planned {
    /// Indices of requests.
    pub(crate) requests: Vec<usize>,
    pub(crate) counters: CounterForm,
    /// Whether the values are per second.
    per_second: bool,
    pub(crate) notices: Vec<Notice>,
    /// Whether the store gives the series as it has them, with all their labels.
    pub(crate) as_stored: bool,
    /// What the query selects, where the store gives the series as it has them.
    pub(crate) selector: Option<Selector>,
    /// Whether increments are asked for from a step early on.
    begins_early: bool,
    /// What the store cannot tell apart.
    pub(crate) remainder: Remainder,
}

/// What the answers add up to.
#[derive(Clone, Debug, PartialEq)]
pub struct Gathered {
    /// The answers to the checks, in their order; an answer may be empty, or a failure.
    pub series: Vec<MetricSeries>,
    /// What a reader of the verdict must know of them.
    pub warnings: Vec<Warning>,
    /// Which points were read.
    pub digest: Digest,
}

/// What the answers about a fleet add up to.
#[derive(Debug)]
pub struct GatheredFleet {
    told: ToldApart,
    /// What is known of the answers to all.
    doubts: Doubts,
}

impl GatheredFleet {
    /// Takes the members out, in the order of their names.
    pub fn take_members(&mut self) -> Vec<MemberSeries> {
        std::mem::take(&mut self.told.members)
    }

    /// Returns how many series do not say which member they are of.
    #[must_use]
    pub fn strays(&self) -> usize {
        self.told.strays
    }

    /// Returns whether some check has no answer, so that a member that seems to have no canary may have
    /// one all the same.
    #[must_use]
    pub fn is_in_part(&self) -> bool {
        self.doubts.has_failures() || self.is_partial()
    }

    /// Returns whether the store itself says that a part of its data is missing.
    #[must_use]
    pub fn is_partial(&self) -> bool {
        self.doubts.has_warning(WarningCode::PartialAnswer)
    }
}

impl<'a> Inquiry<'a> {
    /// Plans what to ask. Each arm is asked for in `window`, or in one of its own where the analysis
    /// says so.
    ///
    /// # Errors
    ///
    /// [`SourceError::Query`] when a check's query cannot be asked of this store, and
    /// [`SourceError::UnknownKind`] for a kind of store that there is not.
    pub fn new(analysis: &'a Analysis, store: &Store, window: Window) -> Result<Self, SourceError> {
        let source = source_named(&store.kind)
            .ok_or_else(|| SourceError::UnknownKind { kind: shortened(&store.kind) })?;
        let mut inquiry = Self {
            source,
            name: format!("{} at {}", store.kind, store.url),
            analysis,
            wanted: Vec::new(),
            plans: Vec::new(),
            requests: Vec::new(),
            of_no_check: BTreeSet::new(),
            end: window.end,
        };
        let mut known = BTreeMap::new();
        for (check, asked) in analysis.checks().iter().enumerate() {
            for (part, query) in parts(&asked.measure) {
                for (side, _) in sides(analysis) {
                    let wanted = Wanted { check, part, side };
                    let plan = inquiry.plan(store, wanted, query, window)?;
                    let computed = |request: &Request| matches!(request.points, Points::Steps(..));
                    let as_stored = !plan.requests.iter().any(computed);
                    let selector = plan.is_selector.then(|| Selector::read(query).ok()).flatten();
                    let number = |request| inquiry.number(&mut known, request);
                    let requests = plan.requests.into_iter().map(number).collect();
                    let Plan { counters, per_second, notices, begins_early, remainder, .. } = plan;
                    inquiry.wanted.push(wanted);
                    inquiry.plans.push(Planned {
                        requests,
                        counters,
                        per_second,
                        notices,
                        as_stored,
                        selector,
                        begins_early,
                        remainder,
                    });
                }
            }
            inquiry.refuse_mixed_units(check)?;
        }
        let of_checks = inquiry.requests.len();
        inquiry.ask_whether_anything_was_watched(&mut known);
        inquiry.of_no_check = (of_checks..inquiry.requests.len()).collect();
        Ok(inquiry)
    }

    /// Plans to ask on, up to a later end: for what came since, and for nothing again. The requests
    /// so far keep their places, and those that are new come behind them, so that the answers so far
    /// and the new ones can be put together as if all had been asked at once.
    ///
    /// * `end`: a whole step later than the end so far; an earlier one changes nothing.
    ///
    /// # Errors
    ///
    /// As [`Self::new`]: what could be asked for once can be asked for again.
    pub fn extend(&mut self, store: &Store, end: Timestamp) -> Result<(), SourceError> {
        if end <= self.end {
            return Ok(());
        }
        let window = Window { start: self.end, end };
        let requests = self.requests.iter().cloned().zip(0..);
        let mut known: BTreeMap<Request, usize> = requests.collect();
        for index in 0..self.wanted.len() {
            let wanted = self.wanted[index];
            let parts = parts(&self.analysis.checks()[wanted.check].measure);
            let query = parts.into_iter().find(|(part, _)| *part == wanted.part);
            let Some((_, query)) = query else { continue };
            let plan = self.plan(store, wanted, query, window)?;
            for request in plan.requests {
                // What counters stood at is known from the samples before.
                if matches!(request.points, Points::LastBefore(_)) {
                    continue;
                }
                let number = self.number(&mut known, request);
                if !self.plans[index].requests.contains(&number) {
                    self.plans[index].requests.push(number);
                }
            }
        }
        self.end = end;
        Ok(())
    }

    fn plan(
        &self,
        store: &Store,
        wanted: Wanted,
        query: &Query,
        window: Window,
    ) -> Result<Plan, SourceError> {
        let arm = match wanted.side {
            Side::Control => &self.analysis.arms.control,
            Side::Canary => &self.analysis.arms.canary,
        };
        let plan = self.source.plan(&Asked {
            query,
            quantity: quantity(wanted.part),
            arm,
            window: window_of(self.analysis, wanted.side, window),
            step: self.analysis.step,
            for_each: &self.analysis.for_each,
            replica: self.analysis.replica.as_deref(),
            timeout: store.limits.timeout,
        });
        plan.map_err(|error| {
            let check = shortened(&self.analysis.checks()[wanted.check].name);
            SourceError::Query { check, error }
        })
    }

    /// Counts over counts per second are off by the length of a step.
    fn refuse_mixed_units(&self, check: usize) -> Result<(), SourceError> {
        let of_check = || {
            let plans = self.wanted.iter().zip(&self.plans);
            plans.filter(|(wanted, _)| wanted.check == check)
        };
        let Some((rate, _)) = of_check().find(|(_, plan)| plan.per_second) else {
            return Ok(());
        };
        if !of_check().any(|(_, plan)| plan.as_stored || plan.begins_early) {
            return Ok(());
        }
        let error = QueryError {
            query: self.query_of(rate),
            reason: "it gives a rate per second, and the check's other query gives counts"
                .to_owned(),
            hint:
                "ask for the counter's selector alone in both: serin counts from sample to sample"
                    .to_owned(),
        };
        let check = shortened(&self.analysis.checks()[check].name);
        Err(SourceError::Query { check, error })
    }

    /// Where nothing is known of any series before its window, the store itself may have been there.
    fn ask_whether_anything_was_watched(&mut self, known: &mut BTreeMap<Request, usize>) {
        let looked_back = self.requests.iter().filter_map(|request| match request.points {
            Points::LastBefore(moment) => Some(moment),
            Points::Samples(..) | Points::Steps(..) => None,
        });
        let moments: BTreeSet<Timestamp> = looked_back.collect();
        for moment in moments {
            if let Some(request) = self.source.watched_before(moment) {
                self.number(known, request);
            }
        }
    }

    /// Returns the index of a request, which it gets when it is new.
    fn number(&mut self, known: &mut BTreeMap<Request, usize>, request: Request) -> usize {
        *known.entry(request).or_insert_with_key(|request| {
            self.requests.push(request.clone());
            self.requests.len() - 1
        })
    }

    /// Returns the kind of store.
    #[must_use]
    pub fn source(&self) -> &'static dyn Source {
        self.source
    }

    /// Returns what people call the store.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns whether some check needs the answer to a request.
    #[must_use]
    pub fn is_of_a_check(&self, request: usize) -> bool {
        !self.of_no_check.contains(&request)
    }

    /// Returns the requests of each query and arm, by index, in the order of time.
    pub fn plans(&self) -> impl Iterator<Item = &[usize]> {
        self.plans.iter().map(|plan| plan.requests.as_slice())
    }

    /// Says for whom a request is made: the check, the arm, and the query as it is sent.
    #[must_use]
    pub fn asked_for(&self, request: usize) -> String {
        let plans = self.wanted.iter().zip(&self.plans);
        let mut asked = plans.filter(|(_, plan)| plan.requests.contains(&request));
        let query = shown(self.requests[request].query(), LONGEST_SHOWN);
        match asked.next() {
            Some((wanted, _)) => {
                let check = shortened(&self.analysis.checks()[wanted.check].name);
                format!("check `{check}`, {}, `{query}`", wanted.side.as_str())
            }
            None => format!("`{query}`"),
        }
    }

    /// Returns each query and arm, with what is asked for it.
    pub(crate) fn asked(&self) -> impl Iterator<Item = (&Wanted, &Planned)> {
        self.wanted.iter().zip(&self.plans)
    }

    fn query_of(&self, wanted: &Wanted) -> String {
        let parts = parts(&self.analysis.checks()[wanted.check].measure);
        let query = parts.into_iter().find(|(part, _)| *part == wanted.part);
        query.map(|(_, query)| shown(query.as_str(), LONGEST_SHOWN)).unwrap_or_default()
    }

    /// Returns what to ask, each request once.
    #[must_use]
    pub fn requests(&self) -> &[Request] {
        &self.requests
    }

    /// Puts the answers together.
    ///
    /// * `answers`: one for each request, in order, or why there is none: that completes a sentence
    ///   which begins with the source.
    ///
    /// A check of which any request failed is a failure, and so is one whose answer cannot be what
    /// was asked for; the others have their points.
    #[must_use]
    pub fn gather(&self, answers: Vec<Result<Answer, String>>) -> Gathered {
        let (series, doubts) = self.join(answers);
        self.assemble(series, doubts)
    }

    /// Puts the answers together, member by member of the fleet that the analysis asks for.
    ///
    /// * `answers`: as for [`Self::gather`].
    ///
    /// A check of which no series says which member it is of is a failure, whoever is judged.
    #[must_use]
    pub fn gather_each(&self, answers: Vec<Result<Answer, String>>) -> GatheredFleet {
        let (series, mut doubts) = self.join(answers);
        let mut told = tell_apart(&self.analysis.for_each, &self.wanted, series);
        told.members.iter_mut().for_each(|member| self.forget_first_increments(member));
        for check in told.unnamed_checks() {
            doubts.fail(check, &loses_labels(&self.analysis.for_each));
        }
        GatheredFleet { told, doubts }
    }

    /// Leaves out what a store counted in the first steps in which it knew of a member at all: a counter
    /// that had run for long before anybody watched it looks like one that began then.
    fn forget_first_increments(&self, member: &mut MemberSeries) {
        // Arms that are asked for in stretches of their own begin by themselves.
        let beginning = |series: &Series| {
            let plan = &self.plans[*series.wanted_by.first()?];
            let request = plan.begins_early.then(|| plan.requests.first())??;
            match self.requests[*request].points {
                Points::Steps(start, _, step) => Some((start, step)),
                Points::Samples(..) | Points::LastBefore(_) => None,
            }
        };
        let mut first: BTreeMap<(Timestamp, u32), Timestamp> = BTreeMap::new();
        for series in &member.series {
            let known = series.samples.iter().filter(|sample| !sample.value.is_nan());
            if let (Some(start), Some(own)) = (beginning(series), known.map(|it| it.time).min()) {
                first.entry(start).and_modify(|known| *known = own.min(*known)).or_insert(own);
            }
        }
        for series in &mut member.series {
            let Some(beginning @ (_, step)) = beginning(series) else { continue };
            if let Some(first) = first.get(&beginning) {
                let left_out = u64::from(LEFT_OUT_STEPS) * u64::from(step);
                let known_from = first.after(Duration::from_secs(left_out));
                series.samples.retain(|sample| sample.time >= known_from);
            }
        }
    }

    /// Puts the answers about one member of a fleet together.
    #[must_use]
    pub fn gather_member(&self, fleet: &GatheredFleet, member: MemberSeries) -> Gathered {
        self.assemble(member.series, fleet.doubts.clone())
    }

    fn join(&self, answers: Vec<Result<Answer, String>>) -> (Vec<Series>, Doubts) {
        let mut doubts = Doubts::about(&self.name);
        self.note_failures(&answers, &mut doubts);
        self.note_notices(&answers, &mut doubts);
        let answers = answers.into_iter().map(Result::unwrap_or_default).collect();
        let series = join(&self.wanted, &self.plans, &self.requests, answers, &mut doubts);
        (series, doubts)
    }

    fn assemble(&self, series: Vec<Series>, mut doubts: Doubts) -> Gathered {
        doubts::look(self.analysis, &self.wanted, &self.plans, &series, &mut doubts);
        let digest = Digest::of_points(&series);
        let checks = self.analysis.checks();
        let mut answers = Vec::with_capacity(checks.len());
        match Assembler::new(self.source.name(), self.analysis, &self.wanted, series) {
            Ok(mut assembler) => {
                for (check, asked) in checks.iter().enumerate() {
                    answers.push(assembler.answer_to(check).unwrap_or_else(|error| {
                        doubts.fail(check, &doubts::in_words(&error));
                        MetricSeries::nothing(&asked.name)
                    }));
                    assembler.forget(check, &self.wanted);
                }
            }
            Err(error) => {
                let fail = |check: &serin_model::Check| {
                    let why = format!("{} {}", self.name, doubts::in_words(&error));
                    MetricSeries::failed(&check.name, why)
                };
                answers = checks.iter().map(fail).collect();
            }
        }
        doubts::look_at_edges(&answers, &mut doubts);
        doubts::look_at_ratios(&answers, &mut doubts);
        for (answer, check) in answers.iter_mut().zip(0..) {
            answer.looks_back = self.looks_back(check);
            if let Some(why) = doubts.failure(check) {
                *answer = MetricSeries::failed(&answer.check, why.to_owned());
            }
        }
        Gathered { series: answers, warnings: doubts.warnings(checks), digest }
    }

    /// Returns how far the values of a check look back, where that is further than a step.
    fn looks_back(&self, check: usize) -> Option<Duration> {
        let of_check = self.wanted.iter().zip(&self.plans).filter(|(it, _)| it.check == check);
        let back = of_check.flat_map(|(_, plan)| &plan.notices).filter_map(|notice| match notice {
            Notice::Overlapping(seconds, _) => Some(Duration::from_secs(*seconds)),
            Notice::Said(_)
            | Notice::Partial(_)
            | Notice::Approximate(_)
            | Notice::Estimated(_) => None,
        });
        back.max()
    }

    /// A check has no answer if any of its requests has none.
    fn note_failures(&self, answers: &[Result<Answer, String>], doubts: &mut Doubts) {
        for (wanted, plan) in self.wanted.iter().zip(&self.plans) {
            let failure = plan.requests.iter().find_map(|&request| answers[request].as_ref().err());
            if let Some(why) = failure {
                let (side, query) = (wanted.side.as_str(), self.query_of(wanted));
                doubts.fail(
                    wanted.check,
                    &format!("{why}; it was asked for the {side} by `{query}`"),
                );
            }
        }
    }

    fn note_notices(&self, answers: &[Result<Answer, String>], doubts: &mut Doubts) {
        for (wanted, plan) in self.wanted.iter().zip(&self.plans) {
            let answered =
                plan.requests.iter().filter_map(|&request| answers[request].as_ref().ok());
            for notice in plan.notices.iter().chain(answered.flat_map(|answer| &answer.notices)) {
                doubts.notice(wanted.check, notice);
            }
        }
    }
}

/// In characters.
const LONGEST_SHOWN: usize = 160;

pub(crate) fn quantity(part: Part) -> Quantity {
    match part {
        Part::Bad | Part::Total | Part::Events | Part::Exposure => Quantity::Counter,
        Part::Buckets => Quantity::Buckets,
        Part::Value => Quantity::Level,
    }
}

/// Returns the stretch of time that is read of an arm.
fn window_of(analysis: &Analysis, side: Side, window: Window) -> Window {
    match (side, analysis.arms.control_window, &analysis.judgements) {
        (Side::Canary, _, _) => window,
        (Side::Control, Some(own), _) => own,
        (Side::Control, None, Some(run)) => window.shifted_back(run.control_offset),
        (Side::Control, None, None) => window,
    }
}
