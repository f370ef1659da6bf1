//! The rules of a live analysis, without a clock, a source or a thread.
//!
//! A [`Machine`] says what it wants next and is told what came of it. Who drives it waits, asks and keeps:
//! `session` for one analysis, [`crate::live`] for thousands.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use serin_judge::sequential::SequentialJudge;
use serin_model::{
    Analysis, MetricSeries, Outcome, Timestamp, Verdict, Warning, WarningCode, Window,
};
use serin_report::LiveVerdict;

use super::ending::End;
use super::event::{Event, Listener, Missing};
use super::feed::{Known, Outage, between};
use super::state::{Begun, Memory};
use super::timing::{Start, Timing, length_of};
use crate::left_out;
use crate::store::{failed_checks, unknown_past};

/// What a live analysis wants next.
#[derive(Debug)]
pub(crate) enum Wish {
    /// To know what happened in a stretch of time: [`Machine::looked`].
    Look(Window),
    /// That this moment comes: [`Machine::wish`], then.
    Wait(Timestamp),
    /// That its start is written down: [`Machine::began`].
    Begin,
    /// To know what came since it last asked, and before `until`: [`Machine::heard`].
    Ask {
        /// Where the points begin that are not judged yet.
        from: Timestamp,
        /// Where they end.
        until: Timestamp,
        /// Whether a check that could not be asked for becomes a failure.
        anyhow: bool,
    },
    /// That what it heard is written down, if anything is: [`Machine::judge`].
    Keep,
    /// Nothing any more.
    End,
}

/// One live analysis.
#[derive(Debug)]
pub(crate) struct Machine {
    /// All that was asked.
    pub(super) asked: Arc<Analysis>,
    /// What is judged of it: checks of packs that the source has nothing of are left out.
    pub(crate) analysis: Arc<Analysis>,
    pub(super) timing: Timing,
    /// What people call the source.
    pub(super) source: String,
    /// After which moment no more points will come, where that is known.
    pub(super) ends: Option<Timestamp>,
    pub(crate) memory: Memory,
    /// What the source said of the points that are not judged yet, and of those before as far as whoever
    /// drives it keeps them.
    pub(crate) known: Option<Known>,
    /// What the source said of the control's past, until the judge has learned from it.
    pub(crate) past: Option<Past>,
    pub(super) phase: Phase,
    /// Before this moment nothing is done.
    pub(super) rests_until: Option<Timestamp>,
    pub(super) failing: Option<Failing>,
    /// When the source was last asked.
    asked_at: Option<Timestamp>,
    pub(super) is_stopped: bool,
    /// How often the control's past was asked for in vain.
    history_tries: u32,
    /// The checks that were said to have no answer.
    said_unanswered: BTreeSet<String>,
    /// The doubts that were told, each once.
    said_warnings: BTreeSet<(WarningCode, Option<String>)>,
}

/// What a live analysis is about.
#[derive(Debug)]
pub(super) enum Phase {
    /// It waits for the arms.
    Arms {
        asked: Start,
        /// Up to where both were looked for.
        answered_until: Option<Timestamp>,
        missing: Option<Missing>,
    },
    /// Its start is known, and not written down yet.
    Begin,
    /// It waits for points.
    Points,
    /// It has points up to a moment, and nothing of the past yet.
    Past(Timestamp),
    /// It has all it needs to judge up to a moment.
    Heard(Timestamp),
    Ended(End),
}

/// What was said of the control's past.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Past {
    pub(crate) window: Window,
    pub(crate) series: Vec<MetricSeries>,
    /// Whose past is not known, or why none is, in words that follow "the control's past"; empty where all
    /// is known.
    pub(crate) unknown: String,
}

/// A source that does not answer, or not all.
#[derive(Debug)]
pub(super) struct Failing {
    pub(super) since: Timestamp,
    tries: u32,
    pub(super) why: String,
    pub(super) hint: String,
    /// Since when it has answered some checks and not others.
    partial_since: Option<Timestamp>,
    /// Whether the others go on without what is not answered.
    is_accepted: bool,
}

impl Machine {
    /// Creates a live analysis, or goes on with one.
    ///
    /// * `source`: what people call it.
    /// * `ends`: after which moment it will have no more points, where that is known.
    /// * `memory`: what is known already.
    pub(crate) fn new(
        mut analysis: Analysis,
        timing: Timing,
        start: Start,
        source: &str,
        ends: Option<Timestamp>,
        memory: Memory,
    ) -> Self {
        // A pass does not wait for longer than there is.
        analysis.horizon = Some(timing.horizon);
        let analysis = Arc::new(analysis);
        let phase = match memory.begun {
            Some(_) => Phase::Begin,
            None => Phase::Arms { asked: start, answered_until: None, missing: None },
        };
        let left_out = memory.begun.as_ref().and_then(|begun| begun.left_out.clone());
        let mut machine = Self {
            asked: Arc::clone(&analysis),
            analysis,
            timing,
            source: source.to_owned(),
            ends,
            memory,
            known: None,
            past: None,
            phase,
            rests_until: None,
            failing: None,
            asked_at: None,
            is_stopped: false,
            history_tries: 0,
            said_unanswered: BTreeSet::new(),
            said_warnings: BTreeSet::new(),
        };
        machine.narrow(&left_out.unwrap_or_default());
        machine
    }

    /// Says that somebody wants it to end.
    pub(crate) fn stop(&mut self) {
        self.is_stopped = true;
    }

    /// Says that waiting makes no sense any more: the clock was set.
    pub(crate) fn wake(&mut self) {
        (self.rests_until, self.asked_at) = (None, None);
        if let Some(failing) = &mut self.failing {
            failing.partial_since = None;
        }
    }

    /// Says that nothing is to be done before a moment.
    pub(crate) fn wait_until(&mut self, moment: Timestamp) {
        self.rests_until = Some(moment);
    }

    /// Says that it will not be told what it asked for last.
    pub(crate) fn forget_heard(&mut self) {
        if matches!(self.phase, Phase::Past(_) | Phase::Heard(_)) {
            (self.phase, self.known, self.past) = (Phase::Points, None, None);
        }
    }

    /// Says what it wants next. Asking again changes nothing but the time.
    pub(crate) fn wish(&mut self, now: Timestamp) -> Wish {
        match self.phase {
            Phase::Arms { asked, .. } => match asked {
                Start::At(moment) => self.begin(moment),
                Start::Now => self.begin(now),
                Start::WhenSeen => self.wish_for_arms(now),
            },
            Phase::Begin => Wish::Begin,
            Phase::Points => self.wish_for_points(now),
            Phase::Past(_) => match self.past_wanted() {
                Some(window) => Wish::Look(window),
                None => Wish::Keep,
            },
            Phase::Heard(_) => Wish::Keep,
            Phase::Ended(_) => Wish::End,
        }
    }

    /// Returns the lengths.
    pub(crate) fn timing(&self) -> Timing {
        self.timing
    }

    /// Returns the outcome as it stands, once the canary began.
    pub(crate) fn outcome(&self) -> Option<Outcome> {
        Some(self.memory.begun.as_ref()?.judge.outcome(&self.analysis))
    }

    /// Returns whether it ended because it was settled, or all of the horizon was judged.
    pub(crate) fn is_complete(&self) -> bool {
        matches!(self.phase, Phase::Ended(End::Decided | End::Horizon))
    }

    /// Returns up to where it has heard what it has not judged.
    pub(crate) fn heard_until(&self) -> Option<Timestamp> {
        match self.phase {
            Phase::Heard(until) | Phase::Past(until) => Some(until),
            Phase::Arms { .. } | Phase::Begin | Phase::Points | Phase::Ended(_) => None,
        }
    }

    pub(super) fn rest_until(&mut self, moment: Timestamp) -> Wish {
        self.rests_until = Some(moment);
        Wish::Wait(moment)
    }

    pub(super) fn end(&mut self, end: End) -> Wish {
        self.phase = Phase::Ended(end);
        Wish::End
    }

    /// Begins with a canary that is there.
    pub(crate) fn begin(&mut self, start: Timestamp) -> Wish {
        let (judged_from, _) = self.timing.judged(start, self.analysis.step);
        self.memory.begun = Some(Begun {
            start,
            watermark: judged_from,
            learned: self.timing.history.is_zero() && self.analysis.arms.control_window.is_none(),
            history_warning: None,
            left_out: None,
            judge: SequentialJudge::new(&self.analysis),
        });
        self.rests_until = None;
        self.phase = Phase::Begin;
        Wish::Begin
    }

    /// Is told that its start is written down.
    ///
    /// * `resumed_at`: up to where it was judged before serin was started again.
    pub(crate) fn began(&mut self, resumed_at: Option<Timestamp>, listener: &mut dyn Listener) {
        let (start, judged_from, horizon) = self.times();
        self.phase = Phase::Points;
        listener.hear(Event::Began { start, judged_from, horizon, resumed_at });
    }

    pub(crate) fn begun(&mut self) -> &mut Begun {
        let (analysis, moment) = (Arc::clone(&self.analysis), self.memory.waiting_since);
        self.memory.begun.get_or_insert_with(|| Begun {
            start: moment,
            watermark: moment,
            learned: false,
            history_warning: None,
            left_out: None,
            judge: SequentialJudge::new(&analysis),
        })
    }

    /// Returns when the canary began, where judging begins, and where it ends.
    pub(crate) fn times(&mut self) -> (Timestamp, Timestamp, Timestamp) {
        let start = self.begun().start;
        let (judged_from, horizon) = self.timing.judged(start, self.analysis.step);
        let horizon = self.end_of_points().map_or(horizon, |end| horizon.min(end.max(judged_from)));
        (start, judged_from, horizon)
    }

    /// Returns the end of the last step of a source that will have no more.
    pub(super) fn end_of_points(&self) -> Option<Timestamp> {
        let step = self.analysis.step;
        self.ends.map(|last| step.bin_of(last).after(length_of(step)))
    }

    /// Returns up to where points are complete at a moment.
    pub(crate) fn complete_until(&self, now: Timestamp) -> Timestamp {
        self.analysis.step.bin_of(now.before(self.timing.late))
    }

    fn wish_for_points(&mut self, now: Timestamp) -> Wish {
        let (_, judged_from, horizon) = self.times();
        let watermark = self.begun().watermark;
        if self.is_settled() {
            return self.end(End::Decided);
        }
        if watermark >= horizon {
            return self.end(End::Horizon);
        }
        if self.is_stopped {
            return self.end(End::Stopped);
        }
        if let Some(moment) = self.rests_until.filter(|moment| now < *moment) {
            return Wish::Wait(moment);
        }
        let until = self.complete_until(now).min(horizon);
        if until > watermark.max(judged_from) {
            self.asked_at = Some(now);
            return Wish::Ask { from: watermark, until, anyhow: self.goes_on_anyhow(now) };
        }
        let next = watermark.after(length_of(self.analysis.step)).after(self.timing.late);
        let rested = self.asked_at.map(|asked| asked.after(self.timing.every));
        self.rest_until(rested.map_or(next, |rested| next.max(rested)))
    }

    /// Returns whether the others have waited for long enough for a check that is not answered.
    fn goes_on_anyhow(&self, now: Timestamp) -> bool {
        let patience = (2 * length_of(self.analysis.step)).max(SHORTEST_PATIENCE);
        self.failing.as_ref().is_some_and(|failing| {
            let is_old = failing.partial_since.is_some_and(|since| now >= since.after(patience));
            is_old || failing.is_accepted
        })
    }

    /// Is told what came since it last asked.
    ///
    /// * `until`: up to where it asked.
    pub(crate) fn heard(
        &mut self,
        until: Timestamp,
        answer: Result<Known, Outage>,
        now: Timestamp,
        listener: &mut dyn Listener,
    ) {
        match answer {
            Ok(known) => {
                self.leave_out_unknown(&known, listener);
                self.known = Some(self.without_left_out(known));
                self.phase = match self.begun().learned {
                    true => Phase::Heard(until),
                    false => Phase::Past(until),
                };
            }
            Err(outage) => self.did_not_hear(outage, now, listener),
        }
    }

    /// Waits a little, and asks again: up to a while after the horizon.
    fn did_not_hear(&mut self, outage: Outage, now: Timestamp, listener: &mut dyn Listener) {
        self.phase = Phase::Points;
        if self.is_stopped {
            self.phase = Phase::Ended(End::Stopped);
            return;
        }
        let (_, _, horizon) = self.times();
        let at_last = horizon.after(self.timing.late).after(GRACE);
        let Some(pause) = self.failed(outage, at_last, now, listener) else { return };
        if self.asked_at.is_some_and(|asked| asked >= at_last) {
            self.phase = Phase::Ended(End::Unanswered);
        } else {
            self.rests_until = Some(now.after(pause).min(at_last));
        }
    }

    fn past_wanted(&mut self) -> Option<Window> {
        let (_, judged_from, _) = self.times();
        let start = self.analysis.step.bin_of(judged_from.before(self.timing.history));
        self.past.is_none().then_some(Window { start, end: judged_from })
    }

    /// Is told what happened in the stretch that it wanted to know of.
    pub(crate) fn looked(
        &mut self,
        window: Window,
        answer: Result<Vec<MetricSeries>, Outage>,
        now: Timestamp,
        listener: &mut dyn Listener,
    ) {
        match self.phase {
            Phase::Past(until) => self.heard_of_past(until, window, answer, now, listener),
            _ => self.looked_for_arms(window.end, answer, now, listener),
        }
    }

    /// Notes the control's past. Without it the judge knows less, and goes on all the same.
    fn heard_of_past(
        &mut self,
        until: Timestamp,
        window: Window,
        answer: Result<Vec<MetricSeries>, Outage>,
        now: Timestamp,
        listener: &mut dyn Listener,
    ) {
        let (series, unknown) = match answer {
            Ok(mut series) => {
                series.retain(|answer| is_asked(&self.analysis, &answer.check));
                let unknown = failed_checks(&series);
                (series, unknown)
            }
            Err(outage) if self.history_tries + 1 < MOST_HISTORY_TRIES => {
                self.history_tries += 1;
                let outage = Outage { is_partial: true, ..outage };
                return self.did_not_hear(outage, now, listener);
            }
            Err(outage) => (Vec::new(), format!("(the source {})", outage.why)),
        };
        self.past = Some(Past { window, series, unknown });
        self.phase = Phase::Heard(until);
    }

    /// Is told that what it heard is written down, learns from the past, and judges all steps up to where it
    /// asked, or up to the one that settles it.
    pub(crate) fn judge(&mut self, now: Timestamp, listener: &mut dyn Listener) {
        let Phase::Heard(until) = self.phase else { return };
        self.phase = Phase::Points;
        self.learn(listener);
        let Some(known) = self.known.take() else { return };
        if known.series.iter().all(|answer| answer.failure.is_none()) {
            self.recovered(now, listener);
        } else if let Some(failing) = &mut self.failing {
            failing.is_accepted = true;
        }
        self.warn_of_unanswered(&known.series, listener);
        self.tell_doubts(&known.warnings, listener);
        self.judge_steps(&known, until);
        self.known = Some(known);
    }

    fn learn(&mut self, listener: &mut dyn Listener) {
        let Some(past) = self.past.take() else { return };
        let (_, judged_from, _) = self.times();
        let analysis = Arc::clone(&self.analysis);
        let warning = unknown_past(&past.unknown);
        if let Some(warning) = &warning {
            listener.hear(Event::Warned(warning));
        }
        let begun = self.begun();
        begun.judge.learn(&analysis, &past.series, judged_from);
        (begun.learned, begun.history_warning) = (true, warning);
    }

    fn judge_steps(&mut self, known: &Known, until: Timestamp) {
        let (_, judged_from, _) = self.times();
        let (shared, step) = (Arc::clone(&self.analysis), length_of(self.analysis.step));
        let analysis = shared.as_ref();
        let begun = self.begun();
        let mut from = begun.watermark;
        while from < until {
            let to = from.after(step * STEPS_AT_ONCE).min(until);
            let window = Window { start: from, end: to };
            let slice = between(&known.series, window, analysis.arms.control_window);
            begun.judge.take(analysis, &slice, judged_from);
            while from < to {
                from = from.after(step);
                begun.judge.advance(analysis, from);
                begun.watermark = from;
                if begun.judge.outcome(analysis) != Outcome::Inconclusive {
                    return;
                }
            }
        }
    }

    /// Goes on with a batch that was judged before serin was started again.
    pub(crate) fn judge_again(&mut self, until: Timestamp, known: Known, past: Option<Past>) {
        let failure = known.series.iter().find_map(|answer| answer.failure.clone());
        self.leave_out_unknown(&known, &mut ());
        self.known = Some(self.without_left_out(known));
        self.past = past;
        self.phase = Phase::Heard(until);
        self.judge(until, &mut ());
        // Whoever waited for long enough for what is not answered does not wait again.
        self.failing = failure.map(|why| Failing {
            since: until,
            tries: 0,
            why,
            hint: String::new(),
            partial_since: Some(until),
            is_accepted: true,
        });
        self.phase = Phase::Begin;
    }

    /// Returns the verdict on what it judged again, once it began, and whether that reached the horizon.
    pub(crate) fn verdict_again(&mut self) -> Option<(Verdict, bool)> {
        self.memory.begun.as_ref()?;
        let (_, _, horizon) = self.times();
        let analysis = Arc::clone(&self.analysis);
        let begun = self.begun();
        let is_over = begun.watermark >= horizon;
        Some((begun.judge.verdict(&analysis, &[], is_over).verdict, is_over))
    }

    /// Returns the verdict as it stands.
    pub(crate) fn verdict(&mut self) -> Verdict {
        let (_, judged_from, _) = self.times();
        let shared = Arc::clone(&self.analysis);
        let analysis = shared.as_ref();
        let window = Window { start: judged_from, end: self.begun().watermark };
        let known = self.known.as_ref().map_or(&[][..], |known| &known.series);
        let series = between(known, window, analysis.arms.control_window);
        self.begun().judge.verdict(analysis, &series, false).verdict
    }

    /// Tells how it stands.
    pub(crate) fn tell_judged(&mut self, listener: &mut dyn Listener) {
        let (_, judged_from, horizon) = self.times();
        let judged_to = self.begun().watermark;
        let verdict = self.verdict();
        self.tell_doubts(&verdict.warnings, listener);
        listener.hear(Event::Judged(LiveVerdict {
            service: &self.analysis.service,
            verdict: &verdict,
            judged_from,
            judged_to,
            horizon,
            step_seconds: self.analysis.step.seconds(),
        }));
    }

    fn is_settled(&mut self) -> bool {
        let analysis = Arc::clone(&self.analysis);
        self.begun().judge.outcome(&analysis) != Outcome::Inconclusive
    }

    /// Leaves out the checks of packs that the source has nothing of on either arm, once it has
    /// anything at all. Nothing of them was judged until then.
    fn leave_out_unknown(&mut self, known: &Known, listener: &mut dyn Listener) {
        let is_anything = known.series.iter().any(|answer| !answer.arms.is_silent());
        if self.begun().left_out.is_some() || !is_anything {
            return;
        }
        let unknown = left_out::unknown_to_source(&self.analysis, &known.series);
        if let Some(text) = left_out::in_words(&self.asked, &unknown) {
            listener.hear(Event::Warned(&text));
        }
        self.narrow(&unknown);
        let analysis = Arc::clone(&self.analysis);
        let begun = self.begun();
        if !unknown.is_empty() {
            begun.judge = SequentialJudge::new(&analysis);
        }
        begun.left_out = Some(unknown);
    }

    /// Goes on without some of the checks.
    fn narrow(&mut self, names: &BTreeSet<String>) {
        if let (false, Ok(rest)) = (names.is_empty(), self.analysis.without(names)) {
            self.analysis = Arc::new(rest);
        }
    }

    /// Takes out of what the source said what is not judged.
    pub(crate) fn without_left_out(&self, mut known: Known) -> Known {
        known.series.retain(|answer| is_asked(&self.analysis, &answer.check));
        let is_about = |warning: &Warning| {
            warning.metric.as_ref().is_none_or(|metric| is_asked(&self.analysis, metric))
        };
        known.warnings.retain(is_about);
        known
    }

    /// Says once of each check that it has no answer.
    fn warn_of_unanswered(&mut self, series: &[MetricSeries], listener: &mut dyn Listener) {
        for answer in series {
            match &answer.failure {
                Some(why) if self.said_unanswered.insert(answer.check.clone()) => {
                    let text = format!("check `{}` is not judged for now: {why}", answer.check);
                    listener.hear(Event::Warned(&text));
                }
                Some(_) => {}
                None => {
                    self.said_unanswered.remove(&answer.check);
                }
            }
        }
    }

    /// Says once what makes the arms a doubtful comparison, before anybody acts on a verdict.
    fn tell_doubts(&mut self, warnings: &[Warning], listener: &mut dyn Listener) {
        for warning in warnings {
            let is_doubt = matches!(
                warning.code,
                WarningCode::ApproximateQuery
                    | WarningCode::OverlappingWindows
                    | WarningCode::UnlikeLabels
                    | WarningCode::UnlikePlaces
                    | WarningCode::UnlikeAge
                    | WarningCode::TrafficShare
                    | WarningCode::ReplicasGone
            );
            if is_doubt && self.said_warnings.insert((warning.code, warning.metric.clone())) {
                let metric =
                    warning.metric.as_ref().map(|it| format!("{it}: ")).unwrap_or_default();
                listener.hear(Event::Warned(&format!("{metric}{}", warning.text)));
            }
        }
    }

    /// Notes that the source failed, and returns how long to wait before it is asked again; nothing where
    /// nothing was ever answered and asking again cannot help: then it is over.
    ///
    /// * `at_last`: when it is asked for the last time.
    pub(super) fn failed(
        &mut self,
        outage: Outage,
        at_last: Timestamp,
        now: Timestamp,
        listener: &mut dyn Listener,
    ) -> Option<Duration> {
        if let Some(error) = outage.error {
            self.phase = Phase::Ended(End::Hopeless(error));
            return None;
        }
        let is_new = self.failing.as_ref().is_none_or(|failing| failing.why != outage.why);
        let failing = self.failing.get_or_insert_with(|| Failing {
            since: now,
            tries: 0,
            why: String::new(),
            hint: String::new(),
            partial_since: None,
            is_accepted: false,
        });
        let growth = 1_u32 << failing.tries.min(MOST_DOUBLINGS);
        let pause = (FIRST_PAUSE * growth).min(LONGEST_PAUSE);
        let pause = pause.max(outage.retry_after.unwrap_or_default().min(LONGEST_RETRY_AFTER));
        failing.tries += 1;
        failing.partial_since = outage.is_partial.then(|| failing.partial_since.unwrap_or(now));
        failing.is_accepted &= outage.is_partial;
        (failing.why, failing.hint) = (outage.why, outage.hint);
        if is_new {
            listener.hear(Event::Failing {
                source: &self.source,
                why: &failing.why,
                hint: &failing.hint,
                again_at: now.after(pause).min(at_last),
            });
        }
        Some(pause)
    }

    pub(super) fn recovered(&mut self, now: Timestamp, listener: &mut dyn Listener) {
        let Some(failing) = self.failing.take() else { return };
        let millis = now.as_millis() - failing.since.as_millis();
        let after = Duration::from_millis(u64::try_from(millis).unwrap_or(0));
        listener.hear(Event::Recovered { source: &self.source, after });
    }
}

fn is_asked(analysis: &Analysis, check: &str) -> bool {
    analysis.checks().iter().any(|known| known.name == check)
}

/// How many steps are given to the judge at once: what waits there takes memory.
const STEPS_AT_ONCE: u32 = 60;

/// How long after the horizon a source that fails is asked once more.
const GRACE: Duration = Duration::from_secs(60);

/// How long all checks wait for one that is not answered, at least.
const SHORTEST_PATIENCE: Duration = Duration::from_secs(60);

/// How often the control's past is asked for while the source answers otherwise.
const MOST_HISTORY_TRIES: u32 = 3;

const FIRST_PAUSE: Duration = Duration::from_secs(5);
const MOST_DOUBLINGS: u32 = 5;
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// A server may ask to be left alone for an hour. Whoever watches would rather know.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(600);
