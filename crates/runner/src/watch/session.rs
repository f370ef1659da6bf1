//! A live analysis from its first look to its end: one, which whoever calls waits for.

use serin_judge::Judged;
use serin_model::{Analysis, Timestamp};
use serin_report::Input;

use super::event::{Event, Listener};
use super::feed::Feed;
use super::machine::{Machine, Wish};
use super::state::{Identity, Memory, State, StateFile};
use super::timing::{Start, Timing};
use super::{Clock, Interrupt};
use crate::error::RunError;

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
pub fn watch_feed(
    analysis: &Analysis,
    timing: Timing,
    start: Start,
    check_sha256: &str,
    tools: Tools<'_>,
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
    let state = written.unwrap_or_else(|| State {
        identity,
        memory: Memory { waiting_since: tools.clock.now(), begun: None },
        command_begun: false,
    });
    let State { identity, memory, command_begun } = state;
    let resumed_at = memory.begun.as_ref().map(|begun| begun.watermark);
    let (source, ends) = (tools.feed.name().to_owned(), tools.feed.ends());
    let machine = Machine::new(analysis.clone(), timing, start, &source, ends, memory);
    let session = Session { machine, tools, identity, command_begun, state_is_unwritable: false };
    // That there is a place for the state is found out before hours have passed.
    if let Some(file) = session.tools.state {
        file.write(&session.identity, &session.machine.memory, command_begun)?;
    }
    session.run(resumed_at)
}

struct Session<'tools> {
    machine: Machine,
    tools: Tools<'tools>,
    identity: Identity,
    command_begun: bool,
    state_is_unwritable: bool,
}

impl Session<'_> {
    /// Does what the machine wants until it wants nothing any more.
    fn run(mut self, resumed_at: Option<Timestamp>) -> Result<Watched, RunError> {
        loop {
            if self.tools.interrupt.is_stopped() {
                self.machine.stop();
            }
            let now = self.tools.clock.now();
            match self.machine.wish(now) {
                Wish::Wait(moment) => self.tools.clock.wait(moment, self.tools.interrupt),
                Wish::Look(window) => {
                    let answer = self.tools.feed.look(window, self.tools.interrupt);
                    if self.tools.interrupt.is_stopped() {
                        self.machine.stop();
                    }
                    let now = self.tools.clock.now();
                    self.machine.looked(window, answer, now, self.tools.listener);
                }
                Wish::Begin => {
                    self.save();
                    let (_, judged_from, _) = self.machine.times();
                    self.tools.feed.begin(judged_from);
                    self.machine.began(resumed_at, self.tools.listener);
                }
                Wish::Ask { from: _, until, anyhow } => {
                    let answer = self.tools.feed.ask(until, anyhow, self.tools.interrupt);
                    if self.tools.interrupt.is_stopped() {
                        self.machine.stop();
                    }
                    let now = self.tools.clock.now();
                    self.machine.heard(until, answer, now, self.tools.listener);
                }
                Wish::Keep => {
                    let now = self.tools.clock.now();
                    self.machine.judge(now, self.tools.listener);
                    self.save();
                    self.machine.tell_judged(self.tools.listener);
                }
                Wish::End => return self.finish(),
            }
        }
    }

    /// Makes the last verdict.
    fn finish(mut self) -> Result<Watched, RunError> {
        if let Some(error) = self.machine.take_error() {
            return Err(error);
        }
        if self.machine.was_stopped() {
            self.tools.listener.hear(Event::Stopping);
        }
        // What was judged before serin was started again is read once more for the summaries.
        if let (Some(judged_to), None) = (self.machine.judged_to(), &self.machine.known) {
            let known = self.tools.feed.ask(judged_to, true, self.tools.interrupt).ok();
            self.machine.known = known.map(|known| self.machine.without_left_out(known));
        }
        let judged = self.machine.conclude(self.tools.clock.now());
        let input = self.machine.known.map(|known| known.input);
        let (identity, command_begun) = (self.identity, self.command_begun);
        let state = State { identity, memory: self.machine.memory, command_begun };
        Ok(Watched { judged, input, state: self.tools.state.map(|_| state) })
    }

    /// Writes the state down. That it cannot be is said once: the canary is watched all the same.
    fn save(&mut self) {
        let Some(file) = self.tools.state else { return };
        let written = file.write(&self.identity, &self.machine.memory, self.command_begun);
        if let Err(error) = written
            && !self.state_is_unwritable
        {
            self.state_is_unwritable = true;
            let text = format!("what is known is not kept, should serin be killed: {error}");
            self.tools.listener.hear(Event::Warned(&text));
        }
    }
}
