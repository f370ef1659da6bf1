//! From the opening on: a canary after the other, as the clock shows.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serin_model::Timestamp;
use serin_runner::live::{Live, LiveClock, Progress, What};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use crate::clock::FastClock;
use crate::crew::{Crew, CrewError, FLAG_AFTER, Judged, REACTION, is_flag_flipped};
use crate::shop::{Canary, LIFETIME, MOST_CANARIES, SERVICES, service_named};

/// What the crew has yet to do.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Duty {
    /// To deploy a service's canary of a number.
    Deploy(&'static str, i64),
    /// To flip a flag while it is judged.
    Flip(&'static str, i64),
    /// To do something about the verdict of an analysis.
    Settle(String),
}

/// What the crew does, and when.
pub(crate) struct Present<'a> {
    crew: &'a Crew,
    live: Live,
    clock: FastClock,
    agenda: BTreeSet<(Timestamp, Duty)>,
    running: BTreeMap<String, Judged>,
}

impl<'a> Present<'a> {
    pub(crate) fn new(crew: &'a Crew, live: Live, clock: FastClock) -> Self {
        let mut present =
            Self { crew, live, clock, agenda: BTreeSet::new(), running: BTreeMap::new() };
        let now = clock.now();
        for service in &SERVICES {
            let of_service = (0..MOST_CANARIES).filter_map(|it| crew.shop().canary(service, it));
            if let Some(next) = of_service.into_iter().find(|it| now < it.start.after(LIFETIME)) {
                present.agenda.insert((next.start, Duty::Deploy(service.name, next.number)));
            }
        }
        present
    }

    /// Does what there is to do until the ledger cannot be written, and returns why not. It is done with deploying
    /// once every service had as many canaries as a shop has.
    pub(crate) async fn go_on(mut self) -> CrewError {
        let mut events = self.live.subscribe();
        loop {
            if let Err(error) = self.go_a_step(&mut events).await {
                return error;
            }
        }
    }

    async fn go_a_step(&mut self, events: &mut Receiver<Arc<Progress>>) -> Result<(), CrewError> {
        let now = self.clock.now();
        if let Some((_, duty)) = self.agenda.pop_first_if(now) {
            return self.fulfil(duty).await;
        }
        let next = self.agenda.first().map_or(IDLE, |(moment, _)| until(now, *moment));
        tokio::select! {
            () = tokio::time::sleep(self.clock.wait(next)) => {}
            event = events.recv() => self.hear(event),
        }
        Ok(())
    }

    async fn fulfil(&mut self, duty: Duty) -> Result<(), CrewError> {
        match duty {
            Duty::Deploy(service, number) => {
                let Some(canary) = self.canary(service, number) else { return Ok(()) };
                let judged = self.crew.deploy(&self.live, canary).await?;
                // In a ledger that is gone on with it may have ended unheard.
                let soon = self.clock.now().after(REACTION);
                self.agenda.insert((soon, Duty::Settle(judged.subject.clone())));
                self.running.insert(judged.subject.clone(), judged);
                if is_flag_flipped(&canary) {
                    let at = canary.start.after(FLAG_AFTER);
                    self.agenda.insert((at, Duty::Flip(service, number)));
                }
                if let Some(next) = self.canary(service, number + 1) {
                    self.agenda.insert((next.start, Duty::Deploy(service, next.number)));
                }
            }
            Duty::Flip(service, number) => {
                if let Some(canary) = self.canary(service, number) {
                    self.crew.flip_flag(&self.live, canary).await?;
                }
            }
            Duty::Settle(subject) => {
                if let Some(judged) = self.running.get(&subject)
                    && self.crew.settle(judged).await?.is_some()
                {
                    self.running.remove(&subject);
                }
            }
        }
        Ok(())
    }

    fn canary(&self, service: &str, number: i64) -> Option<Canary> {
        self.crew.shop().canary(service_named(service)?, number)
    }

    fn hear(&mut self, event: Result<Arc<Progress>, RecvError>) {
        let at = self.clock.now().after(REACTION);
        match event {
            Ok(event) if matches!(event.what, What::Ended { .. }) => {
                self.agenda.insert((at, Duty::Settle(event.subject.clone())));
            }
            Ok(_) | Err(RecvError::Closed) => {}
            // Some ended unheard: nothing is done about those that have not.
            Err(RecvError::Lagged(_)) => {
                let all = self.running.keys().map(|subject| (at, Duty::Settle(subject.clone())));
                self.agenda.extend(all);
            }
        }
    }
}

/// How long nobody has anything to do, at most.
const IDLE: Duration = Duration::from_secs(600);

fn until(now: Timestamp, moment: Timestamp) -> Duration {
    let millis = moment.as_millis() - now.as_millis();
    Duration::from_millis(u64::try_from(millis).unwrap_or(0))
}

/// Takes what is first, once its moment has come.
trait PopDue {
    fn pop_first_if(&mut self, now: Timestamp) -> Option<(Timestamp, Duty)>;
}

impl PopDue for BTreeSet<(Timestamp, Duty)> {
    fn pop_first_if(&mut self, now: Timestamp) -> Option<(Timestamp, Duty)> {
        if self.first().is_none_or(|(moment, _)| *moment > now) {
            return None;
        }
        self.pop_first()
    }
}
