//! How a live analysis goes, on the standard error: a panel on a terminal, lines elsewhere.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use serin_model::{Outcome, Standing, Timestamp};
use serin_report::{LiveVerdict, length_in_words, live_line, live_panel, moment_in_words};
use serin_runner::watch::{Event, Listener, Missing};

use crate::exit::printable;
use crate::output::{Colour, panel_style, print_error};

/// Shows how a live analysis goes.
pub(crate) struct LiveView {
    colour: Colour,
    /// Where there is a terminal.
    panel: Option<ProgressBar>,
    /// Where each metric stood when a line was last printed.
    said: BTreeMap<String, Standing>,
    said_at: Option<Timestamp>,
}

impl LiveView {
    pub(crate) fn new(colour: Colour) -> Self {
        let panel = io::stderr().is_terminal().then(|| {
            let panel = ProgressBar::new_spinner();
            let style = ProgressStyle::with_template("{spinner} {msg}");
            panel.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
            panel.enable_steady_tick(TICK);
            panel
        });
        Self { colour, panel, said: BTreeMap::new(), said_at: None }
    }

    /// Takes the panel away, so that the report stands alone.
    pub(crate) fn finish(&mut self) {
        if let Some(panel) = self.panel.take() {
            panel.finish_and_clear();
        }
    }

    /// Prints a line that stays.
    fn say(&self, text: &str) {
        let text = printable(text);
        match &self.panel {
            Some(panel) => panel.suspend(|| print_error(&text)),
            None => print_error(&text),
        }
    }

    /// Says what goes on: in the panel until something else does, or as a line.
    fn show(&self, text: &str) {
        match &self.panel {
            Some(panel) => panel.set_message(printable(text)),
            None => self.say(text),
        }
    }

    fn judged(&mut self, live: &LiveVerdict<'_>) {
        if let Some(panel) = &self.panel {
            let (style, lines) = panel_style(self.colour);
            panel.set_message(live_panel(live, style, lines).join("\n"));
            return;
        }
        let standings: BTreeMap<String, Standing> = live
            .verdict
            .metrics
            .iter()
            .filter_map(|metric| Some((metric.name.clone(), metric.evidence.as_ref()?.standing)))
            .collect();
        let is_new = standings != self.said || live.verdict.outcome != Outcome::Inconclusive;
        let is_time = self.said_at.is_none_or(|said| said.after(HEARTBEAT) <= live.judged_to);
        if is_new || is_time {
            (self.said, self.said_at) = (standings, Some(live.judged_to));
            self.say(&live_line(live));
        }
    }
}

/// How often a sign of life is shown on a terminal.
const TICK: Duration = Duration::from_millis(500);

/// How much is judged between two lines of a log that say nothing new.
const HEARTBEAT: Duration = Duration::from_secs(60);

impl Listener for LiveView {
    fn hear(&mut self, event: Event<'_>) {
        match event {
            Event::Waiting { missing, until } => {
                let (whom, has) = match missing {
                    Missing::Control | Missing::Canary => (missing.as_str(), "it has"),
                    Missing::Both => (missing.as_str(), "they have"),
                };
                let until = moment_in_words(until);
                self.show(&format!(
                    "waiting for {whom}: {has} no points yet; serin waits until {until}"
                ));
            }
            Event::Began { start, judged_from, horizon, resumed_at } => {
                let resumed = resumed_at.map_or_else(String::new, |moment| {
                    format!("going on at {}, where the state ends: ", moment_in_words(moment))
                });
                self.say(&format!(
                    "{resumed}the canary began at {}, and is judged from {} to {} at most",
                    moment_in_words(start),
                    moment_in_words(judged_from),
                    moment_in_words(horizon)
                ));
                if self.panel.is_some() {
                    self.show("waiting until the first step is complete");
                }
            }
            Event::Warned(text) => self.say(&format!("warning: {text}")),
            Event::Failing { source, why, hint, again_at } => self.say(&format!(
                "warning: {source} {why}; it is asked again at {} and on until it answers\n\nhint: {hint}\n",
                moment_in_words(again_at)
            )),
            Event::Recovered { source, after } => {
                self.say(&format!("{source} answers again, after {}", length_in_words(after)));
            }
            Event::Judged(live) => self.judged(&live),
            Event::Stopping => {
                self.say("stopping: what is known is reported; a second signal ends serin at once");
            }
        }
    }
}
