//! A live analysis from its first look to its end.

use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

use serin_judge::Judged;
use serin_judge::sequential::SequentialJudge;
use serin_model::{Analysis, MetricSeries, Outcome, Timestamp, Warning, WarningCode, Window};
use serin_report::{Input, LiveVerdict};

use super::ending::End;
use super::event::{Event, Listener};
use super::feed::{Feed, Known, Outage, between};
use super::state::{Begun, Identity, State, StateFile};
use super::timing::{Start, Timing, length_of};
use super::{Clock, Interrupt};
use crate::error::RunError;
use crate::left_out;
use crate::store::{failed_checks, unknown_past};

/// What a live analysis is given to work with.
pub struct Tools<'a> {
    /// Where points come from.
    pub feed: &'a mut dyn Feed,
    /// What time it is.
    pub clock: &'a dyn Clock,
    /// Whether somebody wants to stop.
    pub interrupt: &'a Interrupt,
    /// Who hears how it goes.
    pub listener: &'a mut dyn Listener,
    /// Where it is written down.
    pub state: Option<&'a StateFile>,
}

impl std::fmt::Debug for Tools<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tools").field("source", &self.feed.name()).finish_non_exhaustive()
    }
}

/// What a live analysis came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Watched {
    /// The verdict and its points.
    pub judged: Judged,
    /// What was read of the source, if anything was.
    pub input: Option<Input>,
    /// The state to go on from, where there is a file for it.
    pub(crate) state: Option<State>,
}

/// Watches a canary until something is settled, the horizon comes, or somebody stops it.
///
/// * `check_sha256`: the hash of the Check file, by which a state is known to be this analysis's.
///
/// # Errors
///
/// [`RunError`] when the state cannot be read, or the source cannot be asked at all. One that does not
/// answer is no error: the verdict says so.
pub fn watch_feed<'a>(
    analysis: &'a Analysis,
    timing: Timing,
    start: Start,
    check_sha256: &str,
    tools: Tools<'a>,
) -> Result<Watched, RunError> {
    let identity = Identity {
        check_sha256: check_sha256.to_owned(),
        timing,
        start: match start {
            Start::At(moment) => Some(moment),
            Start::Now | Start::WhenSeen => None,
        },
    };
    let written = tools.state.map(|file| file.read(&identity)).transpose()?.flatten();
    let resumed_at = written.as_ref().and_then(|state| Some(state.begun.as_ref()?.watermark));
    let state = written.unwrap_or_else(|| State {
        identity,
        waiting_since: tools.clock.now(),
        begun: None,
        command_begun: false,
    });
    // A pass does not wait for longer than there is.
    let mut with_horizon = analysis.clone();
    with_horizon.horizon = Some(timing.horizon);
    let mut session = Session {
        asked: analysis,
        analysis: Rc::new(with_horizon),
        timing,
        tools,
        state,
        known: None,
        failing: None,
        state_is_unwritable: false,
        asked_at: None,
        history_tries: 0,
        said_unanswered: BTreeSet::new(),
        said_warnings: BTreeSet::new(),
    };
    let left_out = session.state.begun.as_ref().and_then(|begun| begun.left_out.clone());
    session.narrow(&left_out.unwrap_or_default());
    // That there is a place for the state is found out before hours have passed.
    if let Some(file) = session.tools.state {
        file.write(&session.state)?;
    }
    session.run(start, resumed_at)
}

pub(super) struct Session<'tools> {
    /// All that was asked.
    pub(super) asked: &'tools Analysis,
    /// What is judged of it: checks of packs that the source has nothing of are left out.
    pub(super) analysis: Rc<Analysis>,
    pub(super) timing: Timing,
    pub(super) tools: Tools<'tools>,
    pub(super) state: State,
    /// All that the source has said.
    pub(super) known: Option<Known>,
    pub(super) failing: Option<Failing>,
    pub(super) state_is_unwritable: bool,
    /// When the source was last asked.
    pub(super) asked_at: Option<Timestamp>,
    /// How often the control's past was asked for in vain.
    pub(super) history_tries: u32,
    /// The checks that were said to have no answer.
    pub(super) said_unanswered: BTreeSet<String>,
    /// The doubts that were told, each once.
    pub(super) said_warnings: BTreeSet<(WarningCode, Option<String>)>,
}

/// A source that does not answer, or not all.
pub(super) struct Failing {
    pub(super) since: Timestamp,
    pub(super) tries: u32,
    pub(super) why: String,
    pub(super) hint: String,
    /// Since when it has answered some checks and not others.
    pub(super) partial_since: Option<Timestamp>,
    /// Whether the others go on without what is not answered.
    pub(super) is_accepted: bool,
}

impl Session<'_> {
    fn run(mut self, start: Start, resumed_at: Option<Timestamp>) -> Result<Watched, RunError> {
        if self.state.begun.is_none() {
            let start = match start {
                Start::At(moment) => moment,
                Start::Now => self.tools.clock.now(),
                Start::WhenSeen => match self.wait_for_arms()? {
                    Ok(start) => start,
                    Err(end) => return Ok(self.finish(&end)),
                },
            };
            let (judged_from, _) = self.timing.judged(start, self.analysis.step);
            self.state.begun = Some(Begun {
                start,
                watermark: judged_from,
                learned: self.timing.history.is_zero()
                    && self.analysis.arms.control_window.is_none(),
                history_warning: None,
                left_out: None,
                judge: SequentialJudge::new(&self.analysis),
            });
            self.save();
        }
        let (start, judged_from, horizon) = self.times();
        self.tools.feed.begin(judged_from);
        self.tell(Event::Began { start, judged_from, horizon, resumed_at });
        let end = self.judge_until_the_end()?;
        Ok(self.finish(&end))
    }

    pub(super) fn tell(&mut self, event: Event<'_>) {
        self.tools.listener.hear(event);
    }

    pub(super) fn begun(&mut self) -> &mut Begun {
        let analysis = Rc::clone(&self.analysis);
        let moment = self.state.waiting_since;
        self.state.begun.get_or_insert_with(|| Begun {
            start: moment,
            watermark: moment,
            learned: false,
            history_warning: None,
            left_out: None,
            judge: SequentialJudge::new(&analysis),
        })
    }

    /// Returns when the canary began, where judging begins, and where it ends.
    pub(super) fn times(&mut self) -> (Timestamp, Timestamp, Timestamp) {
        let start = self.begun().start;
        let (judged_from, horizon) = self.timing.judged(start, self.analysis.step);
        let horizon = self.end_of_points().map_or(horizon, |end| horizon.min(end.max(judged_from)));
        (start, judged_from, horizon)
    }

    /// Returns the end of the last step of a source that will have no more.
    pub(super) fn end_of_points(&self) -> Option<Timestamp> {
        let step = self.analysis.step;
        self.tools.feed.ends().map(|last| step.bin_of(last).after(length_of(step)))
    }

    /// Returns up to where points are complete now.
    pub(super) fn complete_until(&self) -> Timestamp {
        self.analysis.step.bin_of(self.tools.clock.now().before(self.timing.late))
    }

    /// Judges step by step, as they are complete.
    fn judge_until_the_end(&mut self) -> Result<End, RunError> {
        let (_, judged_from, horizon) = self.times();
        let step = length_of(self.analysis.step);
        let last_answer = horizon.after(self.timing.late);
        loop {
            let watermark = self.begun().watermark;
            if self.is_settled() {
                return Ok(End::Decided);
            }
            if watermark >= horizon {
                return Ok(End::Horizon);
            }
            if self.tools.interrupt.is_stopped() {
                return Ok(End::Stopped);
            }
            let until = self.complete_until().min(horizon);
            let now = self.tools.clock.now();
            let mut next = watermark.after(step).after(self.timing.late);
            if until > watermark.max(judged_from) {
                match self.hear(until, judged_from) {
                    Ok(()) => {
                        self.judge_to(until);
                        continue;
                    }
                    Err(outage) => {
                        if self.tools.interrupt.is_stopped() {
                            return Ok(End::Stopped);
                        }
                        let pause = self.failed(outage, last_answer.after(GRACE))?;
                        if now >= last_answer.after(GRACE) {
                            return Ok(End::Unanswered);
                        }
                        next = self.tools.clock.now().after(pause).min(last_answer.after(GRACE));
                    }
                }
            } else if let Some(asked) = self.asked_at {
                next = next.max(asked.after(self.timing.every));
            }
            self.tools.clock.wait(next, self.tools.interrupt);
        }
    }

    /// Hears what came since, and of the control's past if nothing is known of it yet.
    fn hear(&mut self, until: Timestamp, judged_from: Timestamp) -> Result<(), Outage> {
        let now = self.tools.clock.now();
        self.asked_at = Some(now);
        let patience = (2 * length_of(self.analysis.step)).max(SHORTEST_PATIENCE);
        let anyhow = self.failing.as_ref().is_some_and(|failing| {
            let is_old = failing.partial_since.is_some_and(|since| now >= since.after(patience));
            is_old || failing.is_accepted
        });
        let known = self.tools.feed.ask(until, anyhow, self.tools.interrupt)?;
        self.leave_out_unknown(&known);
        let known = self.without_left_out(known);
        if !self.begun().learned {
            self.learn(judged_from)?;
        }
        if known.series.iter().all(|answer| answer.failure.is_none()) {
            self.recovered();
        } else if let Some(failing) = &mut self.failing {
            failing.is_accepted = true;
        }
        self.warn_of_unanswered(&known.series);
        self.tell_doubts(&known.warnings);
        self.known = Some(known);
        Ok(())
    }

    /// Learns from the control's past. Without it the judge knows less, and goes on all the same.
    fn learn(&mut self, judged_from: Timestamp) -> Result<(), Outage> {
        let start = self.analysis.step.bin_of(judged_from.before(self.timing.history));
        let window = Window { start, end: judged_from };
        let analysis = Rc::clone(&self.analysis);
        let unknown = match self.tools.feed.look(window, self.tools.interrupt) {
            Ok(series) => {
                let series: Vec<MetricSeries> = series
                    .into_iter()
                    .filter(|answer| is_asked(&analysis, &answer.check))
                    .collect();
                self.begun().judge.learn(&analysis, &series, judged_from);
                failed_checks(&series)
            }
            Err(outage) if self.history_tries + 1 < MOST_HISTORY_TRIES => {
                self.history_tries += 1;
                return Err(Outage { is_partial: true, ..outage });
            }
            Err(outage) => format!("(the source {})", outage.why),
        };
        let warning = unknown_past(&unknown);
        if let Some(warning) = &warning {
            self.tell(Event::Warned(warning));
        }
        let begun = self.begun();
        (begun.learned, begun.history_warning) = (true, warning);
        Ok(())
    }

    /// Leaves out the checks of packs that the source has nothing of on either arm, once it has
    /// anything at all. Nothing of them was judged until then.
    fn leave_out_unknown(&mut self, known: &Known) {
        let is_anything = known.series.iter().any(|answer| !answer.arms.is_silent());
        if self.begun().left_out.is_some() || !is_anything {
            return;
        }
        let unknown = left_out::unknown_to_source(&self.analysis, &known.series);
        if let Some(text) = left_out::in_words(self.asked, &unknown) {
            self.tell(Event::Warned(&text));
        }
        self.narrow(&unknown);
        let analysis = Rc::clone(&self.analysis);
        let begun = self.begun();
        if !unknown.is_empty() {
            begun.judge = SequentialJudge::new(&analysis);
        }
        begun.left_out = Some(unknown);
    }

    /// Goes on without some of the checks.
    fn narrow(&mut self, names: &BTreeSet<String>) {
        if let (false, Ok(rest)) = (names.is_empty(), self.analysis.without(names)) {
            self.analysis = Rc::new(rest);
        }
    }

    /// Takes out of what the source said what is not judged.
    pub(super) fn without_left_out(&self, mut known: Known) -> Known {
        known.series.retain(|answer| is_asked(&self.analysis, &answer.check));
        let is_about = |warning: &Warning| {
            warning.metric.as_ref().is_none_or(|metric| is_asked(&self.analysis, metric))
        };
        known.warnings.retain(is_about);
        known
    }

    /// Says once of each check that it has no answer.
    fn warn_of_unanswered(&mut self, series: &[MetricSeries]) {
        for answer in series {
            match &answer.failure {
                Some(why) if self.said_unanswered.insert(answer.check.clone()) => {
                    let text = format!("check `{}` is not judged for now: {why}", answer.check);
                    self.tools.listener.hear(Event::Warned(&text));
                }
                Some(_) => {}
                None => {
                    self.said_unanswered.remove(&answer.check);
                }
            }
        }
    }

    /// Says once what makes the arms a doubtful comparison, before anybody acts on a verdict.
    fn tell_doubts(&mut self, warnings: &[Warning]) {
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
                self.tell(Event::Warned(&format!("{metric}{}", warning.text)));
            }
        }
    }

    /// Judges all steps up to `until`, or up to the one that settles it.
    fn judge_to(&mut self, until: Timestamp) {
        let (_, judged_from, horizon) = self.times();
        let (shared, step) = (Rc::clone(&self.analysis), length_of(self.analysis.step));
        let analysis = shared.as_ref();
        let Some(known) = self.known.take() else { return };
        let mut from = self.begun().watermark;
        let begun = self.begun();
        'judging: while from < until {
            let to = from.after(step * STEPS_AT_ONCE).min(until);
            let window = Window { start: from, end: to };
            let slice = between(&known.series, window, analysis.arms.control_window);
            begun.judge.take(analysis, &slice, judged_from);
            while from < to {
                from = from.after(step);
                begun.judge.advance(analysis, from);
                begun.watermark = from;
                if begun.judge.outcome(analysis) != Outcome::Inconclusive {
                    break 'judging;
                }
            }
        }
        let judged_to = begun.watermark;
        let window = Window { start: judged_from, end: judged_to };
        let series = between(&known.series, window, analysis.arms.control_window);
        let verdict = begun.judge.verdict(analysis, &series, false).verdict;
        self.known = Some(known);
        self.save();
        self.tell_doubts(&verdict.warnings);
        self.tell(Event::Judged(LiveVerdict {
            service: &analysis.service,
            verdict: &verdict,
            judged_from,
            judged_to,
            horizon,
            step_seconds: analysis.step.seconds(),
        }));
    }

    fn is_settled(&mut self) -> bool {
        let analysis = Rc::clone(&self.analysis);
        self.begun().judge.outcome(&analysis) != Outcome::Inconclusive
    }

    /// Writes the state down. That it cannot be is said once: the canary is watched all the same.
    fn save(&mut self) {
        let Some(file) = self.tools.state else { return };
        if let Err(error) = file.write(&self.state)
            && !self.state_is_unwritable
        {
            self.state_is_unwritable = true;
            let text = format!("what is known is not kept, should serin be killed: {error}");
            self.tell(Event::Warned(&text));
        }
    }

    /// Notes that the source failed, and returns how long to wait before it is asked again.
    ///
    /// * `at_last`: when it is asked for the last time.
    ///
    /// # Errors
    ///
    /// [`RunError`] where nothing was ever answered and asking again cannot help.
    pub(super) fn failed(
        &mut self,
        outage: Outage,
        at_last: Timestamp,
    ) -> Result<Duration, RunError> {
        if let Some(error) = outage.error {
            return Err(*error);
        }
        let now = self.tools.clock.now();
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
            let (why, hint) = (failing.why.clone(), failing.hint.clone());
            let source = self.tools.feed.name().to_owned();
            let again_at = now.after(pause).min(at_last);
            self.tell(Event::Failing { source: &source, why: &why, hint: &hint, again_at });
        }
        Ok(pause)
    }

    pub(super) fn recovered(&mut self) {
        let Some(failing) = self.failing.take() else { return };
        let millis = self.tools.clock.now().as_millis() - failing.since.as_millis();
        let after = Duration::from_millis(u64::try_from(millis).unwrap_or(0));
        let source = self.tools.feed.name().to_owned();
        self.tell(Event::Recovered { source: &source, after });
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
