//! The two days before the doors open: judged as everything is, by a clock that leaps.

use std::collections::BTreeMap;
use std::sync::Arc;

use serin_ledger::{Ledger, Writer};
use serin_runner::live::{Live, LiveClock, Progress, What};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use crate::clock::LeapingClock;
use crate::crew::{Crew, FLAG_AFTER, Judged, is_flag_flipped};
use crate::demo::DemoError;
use crate::shop::{Canary, LIFETIME};
use crate::source::ShopSource;

/// Has the crew live through everything before the opening.
///
/// * `ledger`, `other`: two connections to the ledger.
pub(crate) async fn live_through(
    crew: &Crew,
    ledger: Ledger,
    other: Ledger,
) -> Result<(), DemoError> {
    let canaries = crew.shop().past();
    let Some(first) = canaries.iter().map(|canary| canary.start).min() else { return Ok(()) };
    let (writer, _) = Writer::start(ledger).map_err(DemoError::Thread)?;
    let clock = Arc::new(LeapingClock::at(first));
    let source = Arc::new(ShopSource(crew.shop()));
    let live = Live::start(writer, other, source, Arc::<LeapingClock>::clone(&clock), AT_ONCE);
    let live = live.await?;
    for round in canaries.chunk_by(|a, b| a.number == b.number) {
        live_through_round(crew, &live, &clock, round).await?;
    }
    Ok(())
}

/// How many analyses ask the shop at the same time.
const AT_ONCE: usize = 2;

/// Has the canaries judged that came at about the same time.
async fn live_through_round(
    crew: &Crew,
    live: &Live,
    clock: &LeapingClock,
    round: &[Canary],
) -> Result<(), DemoError> {
    let mut events = live.subscribe();
    let mut round = round.to_vec();
    round.sort_by_key(|canary| canary.start);
    let mut running = BTreeMap::new();
    for canary in &round {
        leap(live, clock, canary.start).await;
        let judged = crew.deploy(live, *canary).await?;
        running.insert(judged.subject.clone(), judged);
        if is_flag_flipped(canary) {
            leap(live, clock, canary.start.after(FLAG_AFTER)).await;
            crew.flip_flag(live, *canary).await?;
        }
    }
    let Some(last) = round.last() else { return Ok(()) };
    leap(live, clock, last.start.after(LIFETIME)).await;
    let mut over = Vec::new();
    while !running.is_empty() {
        over.extend(next_over(&mut events, &mut running).await?);
    }
    over.sort_by_key(|judged| judged.canary.start);
    for judged in over {
        crew.settle(&judged).await?;
    }
    Ok(())
}

/// Lets time pass; whoever drives the analyses looks at the clock when it is asked something.
async fn leap(live: &Live, clock: &LeapingClock, to: serin_model::Timestamp) {
    if clock.now() < to {
        clock.leap(to);
        live.running().await;
    }
}

/// Waits for an analysis to be over.
async fn next_over(
    events: &mut Receiver<Arc<Progress>>,
    running: &mut BTreeMap<String, Judged>,
) -> Result<Option<Judged>, DemoError> {
    match events.recv().await {
        Ok(event) => match &event.what {
            What::Ended { .. } => Ok(running.remove(&event.subject)),
            What::Stuck { why } => Err(DemoError::Stuck { why: why.clone() }),
            _ => Ok(None),
        },
        Err(RecvError::Lagged(_)) => Err(DemoError::Stuck { why: "it was not heard".to_owned() }),
        Err(RecvError::Closed) => {
            Err(DemoError::Stuck { why: "nobody drives it any more".to_owned() })
        }
    }
}
