//! A live analysis: a canary is judged while its points come in.
//!
//! `machine` has the rules: `waiting` begins it, `ending` says what came of it. It wants to know what came, in
//! event time behind a watermark, hands it to the sequential judge step by step, and ends as soon as something is
//! settled. `session` asks a [`Feed`] for it. What time it is says a [`Clock`], so that tests and recordings need
//! not wait.

mod clock;
mod command;
mod ending;
mod event;
mod feed;
mod machine;
mod recording_feed;
mod session;
mod state;
mod store_feed;
mod timing;
mod waiting;

pub use clock::{Clock, Interrupt, ReplayClock, WallClock};
pub use command::{CommandError, CommandFailure, run_command};
pub use event::{Event, Listener, Missing};
pub(crate) use feed::between;
pub use feed::{Feed, Known, Outage};
pub(crate) use machine::{Machine, Past, Wish};
pub use recording_feed::RecordingFeed;
pub use session::{Tools, Watched, watch_feed};
pub(crate) use state::Memory;
pub use state::StateFile;
pub use store_feed::StoreFeed;
pub(crate) use store_feed::{MOST_RETRIES, outage, planned, said};
pub(crate) use timing::length_of;
pub use timing::{Start, Timing, TimingAsked};

use std::path::Path;

use serin_judge::Judged;
use serin_model::{Source, Timestamp};
use serin_report::{Input, Report};

use crate::error::RunError;
use crate::judge::{refuse_fleet, refuse_url, report};
use crate::progress::Progress;
use crate::question::{Overrides, Question};
use crate::recording::Reach;
use crate::{recording, store};

/// How to watch.
#[derive(Clone, Copy, Debug, Default)]
pub struct WatchOptions<'a> {
    /// What the command says of the source instead of the Check file; its judge and its time are not
    /// looked at.
    pub overrides: Overrides<'a>,
    /// What the command says of the time.
    pub timing: TimingAsked,
    /// Where to write down what is known, so that another call can go on with it.
    pub state: Option<&'a Path>,
}

/// A canary that was watched to the end.
#[derive(Debug)]
pub struct Watch {
    /// The verdict, and everything that made it.
    pub report: Report,
    keeps: Option<(StateFile, state::State)>,
}

impl Watch {
    /// Notes that a command is about to be run on the verdict, and returns whether it may be: one that
    /// was begun before serin was killed is not begun again.
    ///
    /// # Errors
    ///
    /// [`RunError::State`] when that cannot be noted.
    pub fn claim_command(&mut self) -> Result<bool, RunError> {
        let Some((file, state)) = &mut self.keeps else { return Ok(true) };
        if state.command_begun {
            return Ok(false);
        }
        state.command_begun = true;
        file.write(&state.identity, &state.memory, true)?;
        Ok(true)
    }
}

/// Watches a canary until something is settled, the horizon comes, or somebody stops it.
///
/// A store is asked as its points come in. A recording is played as if it were live, without waiting.
///
/// # Errors
///
/// [`RunError`] when there is no source, it cannot be asked, or the state is of another analysis. A
/// source that fails for a while, or for good, is no error: the verdict says so.
pub fn watch(
    question: &Question,
    options: WatchOptions<'_>,
    interrupt: &Interrupt,
    progress: &dyn Progress,
    listener: &mut dyn Listener,
) -> Result<Watch, RunError> {
    refuse_fleet(question)?;
    let mut analysis = question.written.analysis.clone();
    let several = analysis.judgements.take();
    let file = options.state.map(StateFile::at);
    let source = match (options.overrides.data, &question.written.source) {
        (None, Some(Source::Store(store))) => Ok(store::overridden(store, options.overrides)?),
        (_, source) => Err(source),
    };
    let sha256 = question.fingerprint();
    let (watched, analysis) = match source {
        Ok(store) => {
            let timing = Timing::of(&analysis, options.timing);
            let mut feed = StoreFeed::new(&analysis, &store, &question.folder())?;
            let clock = WallClock::new()?;
            let tools =
                Tools { feed: &mut feed, clock: &clock, interrupt, listener, state: file.as_ref() };
            (watch_feed(&analysis, timing, options.timing.start, &sha256, tools)?, analysis)
        }
        Err(source) => {
            refuse_url(options.overrides)?;
            let written = recording::written(source.as_ref());
            let answered = recording::answer(
                question,
                written,
                options.overrides,
                Reach::Everything,
                progress,
            )?;
            let mut analysis = answered.analysis;
            analysis.judgements = None;
            let timing = Timing::of(&analysis, options.timing);
            let beginning = Timestamp::from_millis(0);
            let first = answered.span.map_or(beginning, |(first, _)| first);
            let mut feed = RecordingFeed::new(
                &analysis,
                answered.name,
                answered.series,
                answered.warnings,
                answered.input,
            );
            let clock = ReplayClock::at(first.after(length_of(analysis.step)).after(timing.late));
            let tools =
                Tools { feed: &mut feed, clock: &clock, interrupt, listener, state: file.as_ref() };
            (watch_feed(&analysis, timing, options.timing.start, &sha256, tools)?, analysis)
        }
    };
    let Watched { judged, input, state } = watched;
    let Judged { mut verdict, traces } = judged;
    if several.is_some() {
        let text = "several judgements are ignored by a live analysis, which looks at every step";
        verdict.ignored.push(text.to_owned());
    }
    verdict.ignored.extend_from_slice(&question.written.notes);
    let inputs: Vec<Input> = question.others.iter().cloned().chain(input).collect();
    Ok(Watch {
        report: report(question, &analysis, Judged { verdict, traces }, inputs),
        keeps: file.zip(state),
    })
}
