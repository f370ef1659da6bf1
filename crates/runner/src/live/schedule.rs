//! All live analyses of a process, driven by what happens: an answer came, the ledger took a batch, a moment has
//! come. Nothing here waits, asks or writes; what is to be done is handed out as [`Task`]s, one a time for each
//! analysis.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use serin_ledger::{Digest, EventId, Parcel, Receipt, Running, WriteError};
use serin_model::{Analysis, FileError, MetricSeries, Outcome, Timestamp, Verdict, Window};
use serin_report::Report;

use super::entries::{About, question};
use super::evidence::{Role, Stretch};
use super::overlap::{Overlap, Own};
use super::points::{Answered, PointSource};
use super::progress::{Ear, Progress, Snapshot, State, What};
use super::record::{Batch, Record, RecordError, known};
use crate::judge::report;
use crate::watch::{Machine, Memory, Outage, Wish, between};

/// Something that is to be done for an analysis; its outcome is told to the [`Schedule`].
#[derive(Debug)]
pub(super) enum Task {
    /// Ask a source: [`Schedule::answered`].
    Ask { subject: String, source: Arc<dyn PointSource>, window: Window, anyhow: bool },
    /// Write into the ledger: [`Schedule::written`].
    Append { subject: String, parcel: Parcel },
    /// Read all points back, and what else changed: [`Schedule::read`].
    Read { about: Arc<About>, own: Own, running: Vec<Overlap>, until: Timestamp },
}

/// What was read back to conclude an analysis.
pub(super) type Concluding = Result<(Record, Vec<Overlap>), RecordError>;

/// All live analyses of a process.
#[derive(Debug, Default)]
pub(super) struct Schedule {
    ones: BTreeMap<String, One>,
    /// Those that cannot be read back.
    stuck: BTreeMap<String, Snapshot>,
    /// When which analysis is looked at next.
    due: BTreeSet<(Timestamp, String)>,
    /// Who waits for whom, by the source.
    lanes: BTreeMap<String, Lane>,
    /// How many analyses ask one source, or are not done with its answers, at a time.
    most_at_once: usize,
    tasks: Vec<Task>,
    said: Vec<Progress>,
}

/// Those who ask one source: so many at a time, the others in the order they came.
#[derive(Debug, Default)]
struct Lane {
    /// Those whose turn it is.
    inside: BTreeSet<String>,
    waiting: VecDeque<String>,
}

/// One analysis.
#[derive(Debug)]
struct One {
    about: Arc<About>,
    source: Arc<dyn PointSource>,
    machine: Machine,
    batches: u64,
    /// As it stands.
    outcome: Outcome,
    /// Up to where it was judged before serin was started again.
    resumed_at: Option<Timestamp>,
    stage: Stage,
    /// What the source answered, until it is written down.
    answered: Option<Answered>,
    state: State,
    overlaps: Vec<Overlap>,
    warnings: Vec<String>,
    /// Until when nobody relies on the clock alone.
    clock_is_doubted_until: Option<Timestamp>,
    /// When it is looked at next, as it stands in the queue.
    due: Option<Timestamp>,
}

/// What an analysis waits for.
#[derive(Debug)]
enum Stage {
    /// A moment.
    Rest,
    /// Its turn at the source.
    Line,
    /// What happened in a stretch.
    Looking(Window),
    /// Points up to a moment.
    Asking(Timestamp),
    /// The ledger, for a batch.
    Keeping { parcel: Parcel, tries: u32 },
    /// All points, to conclude.
    Reading { ended_at: Timestamp, tries: u32 },
    /// The ledger, for the verdict.
    Closing { parcel: Parcel, end: What, tries: u32 },
    /// Somebody who has a look.
    Stuck,
}

impl Schedule {
    /// Creates a schedule without analyses.
    ///
    /// * `most_at_once`: how many analyses ask one source at a time; one at least.
    pub(super) fn new(most_at_once: usize) -> Self {
        Self { most_at_once: most_at_once.max(1), ..Self::default() }
    }

    /// Takes an analysis that begins, or goes on.
    ///
    /// * `batches`: those it took before serin was started again.
    /// * `overlaps`: what else changed in its scope, as far as the ledger says.
    pub(super) fn add(
        &mut self,
        about: About,
        source: Arc<dyn PointSource>,
        resumed: Resumed,
        overlaps: Vec<Overlap>,
        now: Timestamp,
    ) {
        let subject = about.subject.clone();
        if self.ones.contains_key(&subject) {
            return;
        }
        let about = Arc::new(about);
        let (machine, resumed_at) = resumed.machine;
        let one = One {
            source,
            outcome: machine.outcome().unwrap_or(Outcome::Inconclusive),
            machine,
            batches: resumed.batches,
            resumed_at,
            stage: Stage::Rest,
            answered: None,
            state: State::Waiting { missing: String::new(), until: None },
            overlaps: Vec::new(),
            warnings: Vec::new(),
            clock_is_doubted_until: None,
            due: None,
            about: Arc::clone(&about),
        };
        self.ones.insert(subject.clone(), one);
        self.say(&subject, now, What::Taken { resumed_at });
        for overlap in overlaps.into_iter().chain(self.running()) {
            self.note_overlap(&subject, overlap, now);
        }
        self.note(&as_overlap(&about), now);
        // Not at once: whoever concludes must know of all that run.
        self.rest(&subject, now);
    }

    /// Takes an analysis that cannot go on.
    pub(super) fn add_stuck(&mut self, running: &Running, why: String, now: Timestamp) {
        let snapshot = Snapshot {
            subject: running.subject.clone(),
            scope: running.scope.clone(),
            change: running.begun.change.clone(),
            shadow: running.begun.shadow,
            begun_at: running.begun_at,
            state: State::Stuck { why: why.clone() },
            start: None,
            judged_from: None,
            judged_to: None,
            horizon: running.begun.horizon,
            outcome: Outcome::Inconclusive,
            batches: 0,
            overlaps: Vec::new(),
            warnings: Vec::new(),
        };
        let (subject, scope) = (snapshot.subject.clone(), snapshot.scope.clone());
        self.stuck.insert(subject.clone(), snapshot);
        self.said.push(Progress { subject, scope, at: now, what: What::Stuck { why } });
    }

    /// Returns what is to be done.
    pub(super) fn take_tasks(&mut self) -> Vec<Task> {
        std::mem::take(&mut self.tasks)
    }

    /// Returns whether something is to be done.
    #[cfg(test)]
    pub(super) fn has_tasks(&self) -> bool {
        !self.tasks.is_empty()
    }

    /// Returns what happened.
    pub(super) fn take_said(&mut self) -> Vec<Progress> {
        std::mem::take(&mut self.said)
    }

    /// Returns when something is to be looked at again.
    pub(super) fn next(&self) -> Option<Timestamp> {
        self.due.first().map(|(moment, _)| *moment)
    }

    /// Looks at one analysis whose moment has come, and returns whether there was one.
    pub(super) fn tick(&mut self, now: Timestamp) -> bool {
        if self.next().is_none_or(|moment| moment > now) {
            return false;
        }
        let Some((_, subject)) = self.due.pop_first() else { return false };
        if let Some(one) = self.ones.get_mut(&subject) {
            one.due = None;
            match &one.stage {
                Stage::Keeping { parcel, .. } | Stage::Closing { parcel, .. } => {
                    let (subject, parcel) = (subject.clone(), parcel.clone());
                    self.tasks.push(Task::Append { subject, parcel });
                }
                Stage::Reading { ended_at, .. } => {
                    let ended_at = *ended_at;
                    self.read_back(&subject, ended_at);
                }
                _ => self.advance(&subject, now),
            }
        }
        true
    }

    /// Does what an analysis wants, up to what takes time.
    fn advance(&mut self, subject: &str, now: Timestamp) {
        loop {
            let Some(one) = self.ones.get_mut(subject) else { return };
            if !matches!(one.stage, Stage::Rest | Stage::Line) {
                return;
            }
            match one.machine.wish(now) {
                Wish::Wait(moment) => {
                    self.leave_lane(subject, now);
                    self.rest(subject, moment);
                    return;
                }
                Wish::Begin => {
                    let resumed_at = one.resumed_at;
                    self.tell(subject, now, |machine, ear| machine.began(resumed_at, ear));
                }
                Wish::Look(window) => {
                    return self.ask(subject, window, Stage::Looking(window), true);
                }
                Wish::Ask { from, until, anyhow } => {
                    let window = Window { start: from, end: until };
                    return self.ask(subject, window, Stage::Asking(until), anyhow);
                }
                Wish::Keep => return self.keep(subject, now),
                Wish::End => {
                    self.leave_lane(subject, now);
                    return self.end(subject, now);
                }
            }
        }
    }

    fn rest(&mut self, subject: &str, moment: Timestamp) {
        let Some(one) = self.ones.get_mut(subject) else { return };
        if let Some(before) = one.due.replace(moment) {
            self.due.remove(&(before, subject.to_owned()));
        }
        self.due.insert((moment, subject.to_owned()));
    }

    /// Asks the source, once it is this analysis's turn.
    fn ask(&mut self, subject: &str, window: Window, stage: Stage, anyhow: bool) {
        let Some(one) = self.ones.get_mut(subject) else { return };
        let lane = self.lanes.entry(one.source.name().to_owned()).or_default();
        if !lane.inside.contains(subject) {
            if lane.inside.len() >= self.most_at_once {
                if !matches!(one.stage, Stage::Line) {
                    one.stage = Stage::Line;
                    lane.waiting.push_back(subject.to_owned());
                }
                return;
            }
            lane.inside.insert(subject.to_owned());
        }
        one.stage = stage;
        let source = Arc::clone(&one.source);
        self.tasks.push(Task::Ask { subject: subject.to_owned(), source, window, anyhow });
    }

    /// Gives the turn at the source to the next.
    fn leave_lane(&mut self, subject: &str, now: Timestamp) {
        let Some(one) = self.ones.get_mut(subject) else { return };
        let name = one.source.name().to_owned();
        let was_waiting = matches!(one.stage, Stage::Line);
        if was_waiting {
            one.stage = Stage::Rest;
        }
        let Some(lane) = self.lanes.get_mut(&name) else { return };
        if !lane.inside.remove(subject) {
            if was_waiting {
                lane.waiting.retain(|waiting| waiting != subject);
            }
            return;
        }
        match lane.waiting.pop_front() {
            Some(next) => {
                lane.inside.insert(next.clone());
                self.rest(&next, now);
            }
            None if lane.inside.is_empty() => {
                self.lanes.remove(&name);
            }
            None => {}
        }
    }

    /// Is told what a source answered.
    pub(super) fn answered(
        &mut self,
        subject: &str,
        answer: Result<Answered, Outage>,
        now: Timestamp,
    ) {
        let Some(one) = self.ones.get_mut(subject) else { return };
        let stage = std::mem::replace(&mut one.stage, Stage::Rest);
        // It answered before serin was started again: what is wrong now may pass.
        let is_new = one.batches == 0;
        let answer =
            answer.map_err(|outage| Outage { error: outage.error.filter(|_| is_new), ..outage });
        let window = match stage {
            Stage::Looking(window) => window,
            Stage::Asking(until) => Window { start: one.machine.begun().watermark, end: until },
            other => {
                one.stage = other;
                return;
            }
        };
        if one.waits_for_clock(&stage, &answer, window, now) {
            return self.wait_for_clock(subject, now);
        }
        match stage {
            Stage::Looking(window) => {
                let series = answer.map(|answered| answered.series);
                self.tell(subject, now, |machine, ear| machine.looked(window, series, now, ear));
            }
            _ => self.heard(subject, window, answer, now),
        }
        self.advance(subject, now);
    }

    /// Asks again a little later: what the clock says is not borne out by any point.
    fn wait_for_clock(&mut self, subject: &str, now: Timestamp) {
        let Some(one) = self.ones.get_mut(subject) else { return };
        let again_at = now.after(CLOCK_PAUSE);
        one.machine.wait_until(again_at);
        if !matches!(one.state, State::ClockDoubted { .. }) {
            one.state = State::ClockDoubted { since: now };
            let text = "this machine's clock was set forwards, and the source has nothing of that time: \
                        nothing is judged until it has, at most for half an hour";
            self.say(subject, now, What::Warned { text: text.to_owned() });
        }
        self.advance(subject, now);
    }

    fn heard(
        &mut self,
        subject: &str,
        window: Window,
        answer: Result<Answered, Outage>,
        now: Timestamp,
    ) {
        let Some(one) = self.ones.get_mut(subject) else { return };
        if matches!(one.state, State::ClockDoubted { .. }) {
            one.state = State::Judging;
        }
        let until = one.believed_until(&answer, window);
        let heard = match answer {
            Ok(answered) => {
                let answered = one.cut(answered, Window { end: until, ..window });
                let known = known(answered.series.clone(), answered.warnings.clone(), "");
                one.answered = Some(answered);
                Ok(known)
            }
            Err(outage) => Err(outage),
        };
        self.tell(subject, now, |machine, ear| machine.heard(until, heard, now, ear));
    }

    /// Writes down what was heard, before it counts.
    fn keep(&mut self, subject: &str, now: Timestamp) {
        let Some(one) = self.ones.get_mut(subject) else { return };
        match one
            .batch()
            .map(|(points, past)| one.about.takes(now, one.batches + 1, &points, past.as_ref()))
        {
            Some(Ok(parcel)) => {
                one.stage = Stage::Keeping { parcel: parcel.clone(), tries: 0 };
                self.tasks.push(Task::Append { subject: subject.to_owned(), parcel });
            }
            Some(Err(invalid)) => self.get_stuck(subject, invalid.to_string(), now),
            None => self.get_stuck(subject, "there is nothing to write down".to_owned(), now),
        }
    }

    /// Is told what the ledger made of a parcel.
    pub(super) fn written(
        &mut self,
        subject: &str,
        result: Result<Vec<Receipt>, WriteError>,
        now: Timestamp,
    ) {
        let Some(one) = self.ones.get_mut(subject) else { return };
        match result {
            Ok(_) => match std::mem::replace(&mut one.stage, Stage::Rest) {
                Stage::Keeping { .. } => self.kept(subject, now),
                Stage::Closing { end, .. } => self.over(subject, end, now),
                other => one.stage = other,
            },
            Err(WriteError::Refused(refusal)) => {
                let why = format!("the ledger does not take what it heard: {refusal}");
                self.get_stuck(subject, why, now);
            }
            Err(error @ (WriteError::Failed(_) | WriteError::Ended)) => {
                self.try_again(subject, error.to_string(), now);
            }
        }
    }

    fn kept(&mut self, subject: &str, now: Timestamp) {
        let Some(one) = self.ones.get_mut(subject) else { return };
        one.batches += 1;
        one.answered = None;
        if matches!(one.state, State::LedgerFailing { .. }) {
            one.state = State::Judging;
        }
        self.tell(subject, now, |machine, ear| {
            machine.judge(now, ear);
            machine.tell_judged(ear);
            // The judge has them, and the ledger.
            machine.known = None;
        });
        if let Some(one) = self.ones.get_mut(subject) {
            one.outcome = one.machine.outcome().unwrap_or(Outcome::Inconclusive);
        }
        self.leave_lane(subject, now);
        self.advance(subject, now);
    }

    /// Does the same once more after a while: the ledger failed, and nothing counts before it is written.
    fn try_again(&mut self, subject: &str, why: String, now: Timestamp) {
        let Some(one) = self.ones.get_mut(subject) else { return };
        let (Stage::Keeping { tries, .. }
        | Stage::Closing { tries, .. }
        | Stage::Reading { tries, .. }) = &mut one.stage
        else {
            return;
        };
        let pause = (FIRST_PAUSE * (1 << (*tries).min(MOST_DOUBLINGS))).min(LONGEST_PAUSE);
        *tries += 1;
        if !matches!(one.state, State::LedgerFailing { .. }) {
            one.state = State::LedgerFailing { since: now, why: why.clone() };
            self.say(subject, now, What::LedgerFailing { why });
        }
        self.rest(subject, now.after(pause));
    }

    /// Leaves an analysis as it is: what it heard is in the ledger, and it goes on once serin is started again and
    /// the cause is gone.
    fn get_stuck(&mut self, subject: &str, why: String, now: Timestamp) {
        let Some(one) = self.ones.get_mut(subject) else { return };
        (one.stage, one.answered) = (Stage::Stuck, None);
        one.state = State::Stuck { why: why.clone() };
        self.say(subject, now, What::Stuck { why });
        self.leave_lane(subject, now);
    }

    /// Has all points read back, to conclude.
    fn end(&mut self, subject: &str, now: Timestamp) {
        let Some(one) = self.ones.get_mut(subject) else { return };
        // Whenever the ledger is written, it was over when the last step was complete.
        let complete = one.machine.judged_to().map(|it| it.after(one.machine.timing().late));
        let ended_at = complete.filter(|_| one.machine.is_complete()).unwrap_or(now);
        one.stage = Stage::Reading { ended_at, tries: 0 };
        self.read_back(subject, ended_at);
    }

    fn read_back(&mut self, subject: &str, until: Timestamp) {
        let running = self.running();
        let Some(one) = self.ones.get(subject) else { return };
        let (about, own) = (Arc::clone(&one.about), own(&one.about));
        self.tasks.push(Task::Read { about, own, running, until });
    }

    /// Is told what was read back, makes the last verdict and writes it down.
    pub(super) fn read(&mut self, subject: &str, read: Concluding, now: Timestamp) {
        let Some(one) = self.ones.get_mut(subject) else { return };
        let Stage::Reading { ended_at, .. } = one.stage else { return };
        let (record, overlaps) = match read {
            Ok(read) => read,
            Err(RecordError::Ledger(error)) => {
                return self.try_again(subject, error.to_string(), now);
            }
            Err(error) => return self.get_stuck(subject, error.to_string(), now),
        };
        let report = match one.conclude(record, &overlaps, ended_at) {
            Ok(report) => report,
            Err(error) => return self.get_stuck(subject, error.to_string(), now),
        };
        let Ok(bytes) = serde_json::to_vec(&report) else {
            return self.get_stuck(subject, "its report cannot be written".to_owned(), now);
        };
        let end = What::Ended {
            outcome: report.verdict.outcome,
            reason: report.verdict.reason.clone(),
            report: Digest::of(&bytes),
        };
        match one.about.ends(now, ended_at, &report, &bytes) {
            Ok(parcel) => {
                one.stage = Stage::Closing { parcel: parcel.clone(), end, tries: 0 };
                self.tasks.push(Task::Append { subject: subject.to_owned(), parcel });
            }
            Err(invalid) => self.get_stuck(subject, invalid.to_string(), now),
        }
    }

    fn over(&mut self, subject: &str, end: What, now: Timestamp) {
        self.say(subject, now, end);
        self.leave_lane(subject, now);
        if let Some(moment) = self.ones.remove(subject).and_then(|one| one.due) {
            self.due.remove(&(moment, subject.to_owned()));
        }
    }

    /// Ends an analysis at the next moment at which it waits for nothing else, and returns whether it runs.
    pub(super) fn stop(&mut self, subject: &str, now: Timestamp) -> bool {
        let Some(one) = self.ones.get_mut(subject) else { return false };
        one.machine.stop();
        if matches!(one.stage, Stage::Looking(_) | Stage::Asking(_) | Stage::Stuck) {
            // What comes yet is not waited for.
            one.stage = Stage::Rest;
            one.machine.forget_heard();
        }
        if matches!(one.stage, Stage::Rest | Stage::Line) {
            self.advance(subject, now);
        }
        true
    }

    /// Notes that something changed, in whichever analysis's scope it lies.
    pub(super) fn note(&mut self, overlap: &Overlap, now: Timestamp) {
        let met = self.ones.values().filter(|one| {
            let own = own(&one.about);
            own.is_other(&overlap.subject, &overlap.scope) && overlap.since >= own.since
        });
        let met: Vec<String> = met.map(|one| one.about.subject.clone()).collect();
        for subject in met {
            self.note_overlap(&subject, overlap.clone(), now);
        }
    }

    fn note_overlap(&mut self, subject: &str, overlap: Overlap, now: Timestamp) {
        let Some(one) = self.ones.get_mut(subject) else { return };
        let is_other = own(&one.about).is_other(&overlap.subject, &overlap.scope);
        if !is_other || one.overlaps.contains(&overlap) {
            return;
        }
        let text = overlap.warning().text;
        one.overlaps.push(overlap);
        self.say(subject, now, What::Warned { text });
    }

    /// Is told that the clock was set. Whoever rests until a moment by the old clock wakes, and after a step
    /// forwards nobody takes what has not come yet for silence.
    ///
    /// * `by_millis`: below zero where it was set back.
    pub(super) fn clock_set(&mut self, by_millis: i64, now: Timestamp) {
        let subjects: Vec<String> = self.ones.keys().cloned().collect();
        for subject in subjects {
            self.say(&subject, now, What::ClockSet { by_millis });
            let Some(one) = self.ones.get_mut(&subject) else { continue };
            one.clock_is_doubted_until = (by_millis > 0).then(|| now.after(LONGEST_DOUBT));
            one.machine.wake();
            if matches!(one.stage, Stage::Rest) {
                self.rest(&subject, now);
            }
        }
    }

    /// Returns the analyses that run, by subject.
    pub(super) fn snapshots(&mut self) -> Vec<Snapshot> {
        let ones = self.ones.values_mut().map(One::snapshot);
        ones.chain(self.stuck.values().cloned()).collect()
    }

    /// Returns how one analysis stands.
    pub(super) fn snapshot(&mut self, subject: &str) -> Option<Snapshot> {
        let stuck = self.stuck.get(subject).cloned();
        self.ones.get_mut(subject).map(One::snapshot).or(stuck)
    }

    /// Returns what an analysis is about.
    pub(super) fn about(&self, subject: &str) -> Option<Arc<About>> {
        self.ones.get(subject).map(|one| Arc::clone(&one.about))
    }

    /// Returns the verdict on an analysis as it stands, with the values of all points that are read back.
    pub(super) fn verdict(&mut self, subject: &str, record: Record) -> Option<Verdict> {
        let one = self.ones.get_mut(subject)?;
        one.machine.judged_to()?;
        let known = one.whole(record);
        let before = one.machine.known.replace(known);
        let verdict = one.machine.verdict();
        one.machine.known = before;
        Some(verdict)
    }

    fn running(&self) -> Vec<Overlap> {
        let stuck = self.stuck.values().map(|stuck| Overlap {
            subject: stuck.subject.clone(),
            since: stuck.begun_at,
            change: stuck.change.clone(),
            scope: stuck.scope.clone(),
        });
        self.ones.values().map(|one| as_overlap(&one.about)).chain(stuck).collect()
    }

    /// Tells a machine something, and everybody what it says.
    fn tell(
        &mut self,
        subject: &str,
        now: Timestamp,
        what: impl FnOnce(&mut Machine, &mut Ear<'_>),
    ) {
        let Some(one) = self.ones.get_mut(subject) else { return };
        let has_begun = one.machine.memory.begun.is_some();
        let (state, warnings) = (&mut one.state, &mut one.warnings);
        let mut ear = Ear { now, has_begun, state, warnings, said: Vec::new() };
        what(&mut one.machine, &mut ear);
        for what in ear.said {
            self.say(subject, now, what);
        }
    }

    fn say(&mut self, subject: &str, at: Timestamp, what: What) {
        let Some(one) = self.ones.get(subject) else { return };
        let (subject, scope) = (subject.to_owned(), one.about.scope.clone());
        self.said.push(Progress { subject, scope, at, what });
    }
}

impl One {
    /// Returns whether it is better to ask again than to take an answer for one about all of the time: the clock was
    /// set forwards, and the source has nothing new.
    fn waits_for_clock(
        &mut self,
        stage: &Stage,
        answer: &Result<Answered, Outage>,
        window: Window,
        now: Timestamp,
    ) -> bool {
        let doubted = self.clock_is_doubted_until.filter(|moment| now < *moment);
        self.clock_is_doubted_until = doubted;
        if doubted.is_none() || self.machine.heard_until().is_some() {
            return false;
        }
        let has_come = self.frontier(answer, window);
        let is_borne_out = has_come.is_some_and(|frontier| frontier >= window.end);
        if is_borne_out {
            self.clock_is_doubted_until = None;
        }
        match stage {
            Stage::Looking(_) => !is_borne_out,
            _ => has_come.is_none_or(|frontier| frontier <= window.start),
        }
    }

    /// Returns up to where points would be complete if it were as late as the last of either arm, if any came.
    fn frontier(&self, answer: &Result<Answered, Outage>, window: Window) -> Option<Timestamp> {
        let control = self.machine.analysis.arms.control_window;
        let series = between(&answer.as_ref().ok()?.series, window, control);
        last_point(&series).map(|last| self.machine.complete_until(last))
    }

    /// Returns up to where an answer is taken as one: to where it was asked for, or, while the clock is doubted, to
    /// where there is anything.
    fn believed_until(&self, answer: &Result<Answered, Outage>, window: Window) -> Timestamp {
        let doubted = self.clock_is_doubted_until.is_some();
        let frontier = if doubted { self.frontier(answer, window) } else { None };
        frontier.map_or(window.end, |frontier| frontier.min(window.end))
    }

    /// Takes out of an answer what was not asked for.
    fn cut(&self, answered: Answered, window: Window) -> Answered {
        let control = self.machine.analysis.arms.control_window;
        let mut series = between(&answered.series, window, control);
        if control.is_some() && self.batches > 0 {
            // It came whole with the first batch.
            series.iter_mut().for_each(|answer| answer.arms.control.replicas.clear());
        }
        Answered { series, warnings: answered.warnings }
    }

    /// Returns what was heard as it is written down: the points, and the control's past if it is new.
    fn batch(&mut self) -> Option<(Stretch, Option<Stretch>)> {
        let (start, judged_from, _) = self.machine.times();
        let until = self.machine.heard_until()?;
        let answered = self.answered.as_ref()?;
        let stretch = |role, window, series: &[MetricSeries]| Stretch {
            role,
            start,
            judged_from,
            window,
            series: series.to_vec(),
            warnings: Vec::new(),
            unknown: None,
        };
        let window = Window { start: self.machine.begun().watermark, end: until };
        let points = Stretch {
            warnings: answered.warnings.clone(),
            ..stretch(Role::Points, window, &answered.series)
        };
        let past = self.machine.past.as_ref().map(|past| Stretch {
            unknown: Some(past.unknown.clone()).filter(|why| !why.is_empty()),
            ..stretch(Role::Past, past.window, &past.series)
        });
        Some((points, past))
    }

    /// Returns all points that were judged, as the machine has to know them.
    fn whole(&mut self, record: Record) -> crate::watch::Known {
        let (_, judged_from, _) = self.machine.times();
        let judged = Window { start: judged_from, end: self.machine.begun().watermark };
        let control = self.machine.analysis.arms.control_window;
        let known = record.known(self.source.name(), judged, control);
        self.machine.without_left_out(known)
    }

    /// Makes the last verdict, and the report of it.
    fn conclude(
        &mut self,
        record: Record,
        overlaps: &[Overlap],
        now: Timestamp,
    ) -> Result<Report, FileError> {
        let question = question(&self.about.commission, self.about.commission.question()?);
        let is_judged = self.machine.judged_to().is_some();
        let known = is_judged.then(|| self.whole(record));
        let input = known.as_ref().map(|known| known.input.clone());
        self.machine.known = known;
        let mut judged = self.machine.conclude(now);
        self.machine.known = None;
        let verdict = &mut judged.verdict;
        if question.written.analysis.judgements.is_some() {
            let text =
                "several judgements are ignored by a live analysis, which looks at every step";
            verdict.ignored.push(text.to_owned());
        }
        verdict.ignored.extend_from_slice(&question.written.notes);
        verdict.warnings.extend(overlaps.iter().map(Overlap::warning));
        let inputs = question.others.iter().cloned().chain(input).collect();
        Ok(report(&question, &question.written.analysis, judged, inputs))
    }

    fn snapshot(&mut self) -> Snapshot {
        let times = self.machine.memory.begun.is_some().then(|| self.machine.times());
        let about = &self.about;
        Snapshot {
            subject: about.subject.clone(),
            scope: about.scope.clone(),
            change: about.change.clone(),
            shadow: about.shadow,
            begun_at: about.commission.waiting_since,
            state: self.state.clone(),
            start: times.map(|(start, ..)| start),
            judged_from: times.map(|(_, judged_from, _)| judged_from),
            judged_to: self.machine.judged_to(),
            horizon: times.map(|(.., horizon)| horizon),
            outcome: self.outcome,
            batches: self.batches,
            overlaps: self.overlaps.clone(),
            warnings: self.warnings.clone(),
        }
    }
}

/// What an analysis was before serin was started again, or is before it begins.
#[derive(Debug)]
pub(super) struct Resumed {
    /// What judges, and up to where it did.
    pub(super) machine: (Machine, Option<Timestamp>),
    batches: u64,
    source: String,
}

impl Resumed {
    /// Prepares an analysis that took nothing yet.
    pub(super) fn new(about: &About, mut analysis: Analysis, source: &str) -> Self {
        let commission = &about.commission;
        let memory = Memory { waiting_since: commission.waiting_since, begun: None };
        analysis.judgements = None;
        let machine =
            Machine::new(analysis, commission.timing, commission.start, source, None, memory);
        Self { machine: (machine, None), batches: 0, source: source.to_owned() }
    }

    /// Has it judge again what it took.
    pub(super) fn take(&mut self, batch: Batch) {
        let (machine, resumed_at) = &mut self.machine;
        if machine.memory.begun.is_none() {
            machine.begin(batch.points.start);
        }
        self.batches = batch.number;
        let (until, known, past) = batch.heard(&self.source);
        machine.judge_again(until, known, past);
        machine.known = None;
        *resumed_at = machine.judged_to();
    }
}

pub(super) fn own(about: &About) -> Own {
    Own {
        subject: about.subject.clone(),
        scope: about.scope.clone(),
        change: about.change.clone(),
        since: about.since(),
    }
}

fn as_overlap(about: &About) -> Overlap {
    Overlap {
        subject: about.subject.clone(),
        since: about.commission.waiting_since,
        change: about.change.clone(),
        scope: about.scope.clone(),
    }
}

/// Returns when either arm last reported anything.
fn last_point(series: &[MetricSeries]) -> Option<Timestamp> {
    let arms = series.iter().flat_map(|it| [it.arms.control.span(), it.arms.canary.span()]);
    arms.flatten().map(|(_, last)| last).max()
}

/// Which event an analysis began with.
impl About {
    pub(super) fn with_begun(self, begun: EventId) -> Self {
        Self { begun: Some(begun), ..self }
    }
}

const FIRST_PAUSE: Duration = Duration::from_millis(500);
const MOST_DOUBLINGS: u32 = 6;
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// How long nobody takes what has not come for silence, after the clock was set forwards.
const LONGEST_DOUBT: Duration = Duration::from_secs(1800);
const CLOCK_PAUSE: Duration = Duration::from_secs(15);
