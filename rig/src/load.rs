//! The traffic: open loop, so that a slow service does not slow its users.

use std::collections::BTreeMap;
use std::f64::consts::TAU;
use std::time::Duration;

use anyhow::{anyhow, ensure};
use rand::RngExt;
use rand::rngs::StdRng;
use rand_distr::{Distribution, Exp};
use reqwest::Client;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use crate::fleet::{Pod, Track};

/// How far the rate swings around its mean, as a share of the mean.
const SWING: f64 = 0.25;

/// How long one swing takes, up and down, in seconds.
const PERIOD_SECONDS: f64 = 240.0;

/// The moments at which requests arrive, since the start of the load.
///
/// A Poisson process whose rate is a gentle wave. Both arms share it: the
/// arrivals are drawn first and only then split.
#[derive(Debug)]
pub struct Arrivals {
    gap_at_peak: Exp<f64>,
    dice: StdRng,
    seconds: f64,
}

impl Arrivals {
    /// Arrivals at `mean_rate` requests a second on average.
    ///
    /// # Errors
    ///
    /// When the rate is not above zero.
    pub fn new(mean_rate: f64, dice: StdRng) -> anyhow::Result<Self> {
        ensure!(mean_rate > 0.0, "no requests arrive at a rate of {mean_rate} a second");
        let gap_at_peak = Exp::new(mean_rate * (1.0 + SWING))
            .map_err(|error| anyhow!("a rate of {mean_rate} requests a second: {error}"))?;
        Ok(Self { gap_at_peak, dice, seconds: 0.0 })
    }

    /// Requests a second at this moment, as a share of the rate at the peak.
    fn share_of_peak(&self) -> f64 {
        (1.0 + SWING * libm::sin(TAU * self.seconds / PERIOD_SECONDS)) / (1.0 + SWING)
    }
}

impl Iterator for Arrivals {
    type Item = Duration;

    /// Draws candidates at the peak rate and keeps as many as the wave allows,
    /// which is exact for any wave.
    fn next(&mut self) -> Option<Duration> {
        loop {
            self.seconds += self.gap_at_peak.sample(&mut self.dice);
            if self.dice.random::<f64>() < self.share_of_peak() {
                return Some(Duration::from_secs_f64(self.seconds));
            }
        }
    }
}

/// Deals requests to arms and replicas.
///
/// After every 100 requests the canary has had exactly its percentage, and at
/// no time is it more than one request away from it.
#[derive(Debug)]
pub struct Split {
    canary_percent: u64,
    dealt: u64,
    stable: Rotation,
    canary: Rotation,
}

impl Split {
    /// Gives the canary `canary_percent` of the requests, 0 to 100.
    #[must_use]
    pub fn new(pods: &[Pod], canary_percent: u8) -> Self {
        Self {
            canary_percent: u64::from(canary_percent),
            dealt: 0,
            stable: Rotation::new(pods, Track::Stable),
            canary: Rotation::new(pods, Track::Canary),
        }
    }

    /// The replica that gets the next request; `None` when its arm has none.
    pub fn deal(&mut self) -> Option<&Pod> {
        let before = self.dealt * self.canary_percent / 100;
        self.dealt += 1;
        let after = self.dealt * self.canary_percent / 100;
        if after > before { self.canary.turn() } else { self.stable.turn() }
    }
}

/// Header of an answer in which a balancer names the replica that gave it.
pub const SERVED_BY: &str = "x-served-by";

/// Where requests are sent, and how it is known which arm answered.
#[derive(Debug)]
pub enum Route {
    /// To the replicas themselves: the sender chooses the arm.
    Replicas(Split),
    /// To a balancer, which chooses, and says so in [`SERVED_BY`].
    Balancer {
        /// Its address without a path.
        address: String,
        /// The arm of each replica, by name.
        tracks: BTreeMap<String, Track>,
    },
}

impl Route {
    /// Where the next request goes, and the arm when it is known beforehand;
    /// `None` when an arm has no replica.
    fn next(&mut self) -> Option<(&str, Option<Track>)> {
        match self {
            Self::Replicas(split) => split.deal().map(|pod| (&*pod.address, Some(pod.track))),
            Self::Balancer { address, .. } => Some((address, None)),
        }
    }

    fn track_of(&self, pod: &str) -> Option<Track> {
        match self {
            Self::Replicas(_) => None,
            Self::Balancer { tracks, .. } => tracks.get(pod).copied(),
        }
    }
}

#[derive(Debug)]
struct Rotation {
    pods: Vec<Pod>,
    turns: usize,
}

impl Rotation {
    fn new(pods: &[Pod], track: Track) -> Self {
        let pods = pods.iter().filter(|pod| pod.track == track).cloned().collect();
        Self { pods, turns: 0 }
    }

    fn turn(&mut self) -> Option<&Pod> {
        let pod = self.pods.get(self.turns % self.pods.len().max(1));
        self.turns += 1;
        pod
    }
}

/// How requests ended, as their sender saw it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Answered with a status below 500.
    Answered,
    /// Answered with a status of 500 or above.
    Failed,
    /// Not answered in time, or not at all.
    Unanswered,
}

/// What the sender counted for one arm.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Tally {
    /// Requests answered with a status below 500.
    pub answered: u64,
    /// Requests answered with a status of 500 or above.
    pub failed: u64,
    /// Requests without an answer.
    pub unanswered: u64,
}

impl Tally {
    fn count(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Answered => self.answered += 1,
            Outcome::Failed => self.failed += 1,
            Outcome::Unanswered => self.unanswered += 1,
        }
    }
}

/// What the sender counted for both arms.
#[derive(Debug, Default, Clone, Copy)]
pub struct Tallies {
    /// The version in production.
    pub stable: Tally,
    /// The version on trial.
    pub canary: Tally,
    /// Requests that ended in the balancer: no replica is known to have
    /// answered them.
    pub balancer: Tally,
}

impl Tallies {
    fn count(&mut self, track: Option<Track>, outcome: Outcome) {
        match track {
            Some(Track::Stable) => self.stable.count(outcome),
            Some(Track::Canary) => self.canary.count(outcome),
            None => self.balancer.count(outcome),
        }
    }
}

/// Sends a request at every arrival, until it is dropped, and counts in
/// `tallies` how each ended.
pub async fn drive(client: &Client, arrivals: Arrivals, mut route: Route, tallies: &mut Tallies) {
    let started = Instant::now();
    let mut in_flight: JoinSet<(Option<Track>, Answer)> = JoinSet::new();
    for arrival in arrivals {
        let due = sleep_until(started + arrival);
        tokio::pin!(due);
        loop {
            tokio::select! {
                () = &mut due => break,
                Some(Ok((sent_to, answer))) = in_flight.join_next() => {
                    let track = sent_to.or_else(|| route.track_of(answer.served_by.as_deref()?));
                    tallies.count(track, answer.outcome);
                }
            }
        }
        if let Some((address, track)) = route.next() {
            let request = client.get(format!("{address}/checkout"));
            in_flight.spawn(async move { (track, send(request).await) });
        }
    }
}

/// How a request ended, and the replica that a balancer named.
struct Answer {
    outcome: Outcome,
    served_by: Option<String>,
}

async fn send(request: reqwest::RequestBuilder) -> Answer {
    let Ok(response) = request.send().await else {
        return Answer { outcome: Outcome::Unanswered, served_by: None };
    };
    let status = response.status();
    let served_by = response.headers().get(SERVED_BY).and_then(|name| name.to_str().ok());
    let served_by = served_by.map(str::to_owned);
    let outcome = match response.bytes().await {
        Err(_) => Outcome::Unanswered,
        Ok(_) if status.is_server_error() => Outcome::Failed,
        Ok(_) => Outcome::Answered,
    };
    Answer { outcome, served_by }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::http::StatusCode;
    use axum::response::AppendHeaders;
    use axum::routing::get;
    use rand::SeedableRng;
    use tokio::net::TcpListener;
    use tokio::time::timeout;

    use super::*;
    use crate::client::client_builder;

    fn pods(replicas: usize) -> Vec<Pod> {
        let mut pods = Vec::new();
        for track in [Track::Stable, Track::Canary] {
            for number in 1..=replicas {
                let name = format!("{track}-{number}");
                pods.push(Pod { track, name, address: String::new() });
            }
        }
        pods
    }

    fn deal(replicas: usize, canary_percent: u8, requests: usize) -> BTreeMap<String, usize> {
        let mut split = Split::new(&pods(replicas), canary_percent);
        let mut dealt = BTreeMap::new();
        for _ in 0..requests {
            *dealt.entry(split.deal().unwrap().name.clone()).or_default() += 1;
        }
        dealt
    }

    #[test]
    fn replicas_take_turns() {
        let dealt = deal(3, 50, 600);
        assert_eq!(dealt.len(), 6);
        assert!(dealt.values().all(|&requests| requests == 100), "{dealt:?}");
    }

    #[test]
    fn the_canary_gets_exactly_its_percentage_of_every_hundred() {
        for percent in 0..=100_u8 {
            let dealt = deal(1, percent, 300);
            let canary = dealt.get("canary-1").copied().unwrap_or_default();
            assert_eq!(canary, 3 * usize::from(percent));
        }
    }

    #[test]
    fn the_canary_is_never_more_than_one_request_away() {
        let mut split = Split::new(&pods(1), 7);
        let mut canary = 0.0;
        for dealt in 1..=1_000 {
            if split.deal().unwrap().track == Track::Canary {
                canary += 1.0;
            }
            let due: f64 = f64::from(dealt) * 0.07;
            assert!((due - canary).abs() < 1.0, "{canary} of {dealt}");
        }
    }

    #[test]
    fn arrivals_keep_their_mean_rate_over_whole_swings() {
        let arrivals = Arrivals::new(50.0, StdRng::seed_from_u64(3)).unwrap();
        let swings = Duration::from_secs_f64(10.0 * PERIOD_SECONDS);
        let expected = 50.0 * swings.as_secs_f64();
        let arrived = arrivals.take_while(|&arrival| arrival < swings).count() as f64;
        // Five standard deviations of a Poisson count.
        assert!((arrived - expected).abs() < 5.0 * expected.sqrt(), "{arrived} arrived");
    }

    #[test]
    fn the_same_seed_gives_the_same_arrivals() {
        let draw = || Arrivals::new(50.0, StdRng::seed_from_u64(9)).unwrap().take(100);
        assert!(draw().eq(draw()));
    }

    #[test]
    fn a_rate_of_zero_is_refused() {
        assert_eq!(
            Arrivals::new(0.0, StdRng::seed_from_u64(1)).map(|_| ()).unwrap_err().to_string(),
            "no requests arrive at a rate of 0 a second"
        );
    }

    /// A balancer whose every answer comes from one replica, or from itself.
    async fn balancer(status: u16, replica: Option<&'static str>) -> Route {
        let status = StatusCode::from_u16(status).unwrap();
        let served_by = replica.map(|name| (SERVED_BY, name));
        let answer = move || async move { (status, AppendHeaders(served_by)) };
        let router = Router::new().route("/checkout", get(answer));
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });

        let tracks = [("shop-stable-1", Track::Stable), ("shop-canary-1", Track::Canary)];
        Route::Balancer { address, tracks: tracks.map(|(name, track)| (name.into(), track)).into() }
    }

    /// What was counted at all, in words.
    fn counted(tallies: Tallies) -> Vec<String> {
        let Tallies { stable, canary, balancer } = tallies;
        let mut words = Vec::new();
        for (arm, tally) in [("stable", stable), ("canary", canary), ("balancer", balancer)] {
            let Tally { answered, failed, unanswered } = tally;
            for (end, count) in
                [("answered", answered), ("failed", failed), ("unanswered", unanswered)]
            {
                if count > 0 {
                    words.push(format!("{arm} {end}"));
                }
            }
        }
        words
    }

    #[tokio::test]
    async fn a_balancer_says_which_arm_answered() {
        for (status, replica, expected) in [
            (200, Some("shop-canary-1"), "canary answered"),
            (500, Some("shop-stable-1"), "stable failed"),
            (503, Some("<NOSRV>"), "balancer failed"),
            (503, None, "balancer failed"),
        ] {
            let route = balancer(status, replica).await;
            let arrivals = Arrivals::new(200.0, StdRng::seed_from_u64(5)).unwrap();
            let (client, mut tallies) = (client_builder().build().unwrap(), Tallies::default());
            let sent = drive(&client, arrivals, route, &mut tallies);
            timeout(Duration::from_millis(300), sent).await.unwrap_err();
            assert_eq!(counted(tallies), [expected], "{status} from {replica:?}");
        }
    }
}
