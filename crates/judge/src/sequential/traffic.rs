//! How much of the traffic the canary gets, beside what it is meant to get and what it got before.
//!
//! Arms that carry very unlike loads are not compared by any metric: a canary without requests has no
//! errors. Balancers are coarse, and weights are changed while a canary is judged, so that only what is
//! plainly invalid bars a pass; the rest is said.

use serde::{Deserialize, Serialize};
use serin_model::{MeasureKind, Timestamp};

use super::intake::{ArmStep, MetricStep, Sample};

/// The requests of both arms, as one metric counts them. Of fixed size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Traffic {
    all: Requests,
    /// Those of the last minutes; what lies further back counts less and less.
    lately: Requests,
    /// The smallest and the largest odds that the last minutes had.
    least: Option<f64>,
    most: Option<f64>,
    first: Option<Timestamp>,
    last: Option<Timestamp>,
}

/// How many requests each arm got.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Requests {
    control: f64,
    canary: f64,
}

/// What is plainly invalid about the canary's traffic.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Misled {
    /// It gets far less or far more than planned.
    FromPlan {
        /// Its share of the last minutes, and the planned one.
        share: f64,
        planned: f64,
    },
    /// It gets far less than it got so far.
    FromBefore {
        /// Its share of the last minutes, and of all so far.
        share: f64,
        before: f64,
    },
}

impl Misled {
    /// How far the share is from what it should be, in odds, as a logarithm without a sign.
    pub(crate) fn distance(self) -> f64 {
        let (is, should) = match self {
            Self::FromPlan { share, planned } => (share, planned),
            Self::FromBefore { share, before } => (share, before),
        };
        libm::log(odds(is) / odds(should)).abs()
    }
}

/// How many times as many requests for each of the control's are no comparison any more, or how many
/// times fewer.
const PLAINLY_UNLIKE: f64 = 10.0;

/// How far a share may lie from the planned one before it is said, in odds.
const UNLIKE: f64 = 1.5;

/// How far it may move while it is judged before that is said, in odds.
const MOVED: f64 = 3.0;

/// With fewer requests to be expected on an arm its share is chance.
const FEWEST_EXPECTED: f64 = 50.0;

/// How long the last minutes are, in milliseconds.
const LATELY: f64 = 300_000.0;

impl Requests {
    fn all(self) -> f64 {
        self.control + self.canary
    }

    fn share(self) -> f64 {
        self.canary / self.all()
    }

    /// How many requests the canary gets for each of the control's.
    fn odds(self) -> f64 {
        self.canary / self.control
    }

    /// Returns whether so many requests tell what the canary's share is, if it is `share`.
    fn tell(self, share: f64) -> bool {
        self.all() * share.min(1.0 - share) >= FEWEST_EXPECTED
    }
}

fn odds(share: f64) -> f64 {
    share / (1.0 - share)
}

impl Traffic {
    /// Takes one step of a metric. Only what counts every request says who gets them, and only where
    /// both arms say: an arm that reports nothing is silent.
    pub(crate) fn observe(&mut self, kind: MeasureKind, step: &MetricStep) {
        if !matches!(kind, MeasureKind::Ratio | MeasureKind::Histogram) {
            return;
        }
        let (Some(control), Some(canary)) = (requests(&step.control), requests(&step.canary))
        else {
            return;
        };
        let first = *self.first.get_or_insert(step.closed);
        let since = |time: Timestamp| (step.closed.as_millis() - time.as_millis()) as f64;
        let kept = self.last.map_or(0.0, |last| libm::exp(-since(last) / LATELY));
        self.lately.control = self.lately.control * kept + control;
        self.lately.canary = self.lately.canary * kept + canary;
        self.all.control += control;
        self.all.canary += canary;
        self.last = Some(step.closed);
        if since(first) >= LATELY && self.lately.tell(self.all.share()) {
            let odds = self.lately.odds();
            self.least = Some(self.least.map_or(odds, |least| least.min(odds)));
            self.most = Some(self.most.map_or(odds, |most| most.max(odds)));
        }
    }

    /// Returns whether there were enough requests to tell.
    pub(crate) fn tells(&self, planned: Option<f64>) -> bool {
        self.lately.tell(planned.unwrap_or(self.all.share()))
    }

    /// Returns what is plainly invalid at present, if anything is.
    ///
    /// * `planned`: the share that the canary is meant to get, above 0 and below 1.
    pub(crate) fn misled(&self, planned: Option<f64>) -> Option<Misled> {
        if !self.tells(planned) {
            return None;
        }
        let (share, now) = (self.lately.share(), self.lately.odds());
        match planned {
            Some(planned) => {
                let times = now / odds(planned);
                let plain = !(1.0 / PLAINLY_UNLIKE..=PLAINLY_UNLIKE).contains(&times);
                plain.then_some(Misled::FromPlan { share, planned })
            }
            // Weights are raised by much while a canary is judged, and lowered only to end it.
            None => (now * PLAINLY_UNLIKE < self.all.odds())
                .then(|| Misled::FromBefore { share, before: self.all.share() }),
        }
    }

    /// Returns what is odd about the canary's share, in words, if anything is.
    pub(crate) fn doubt(&self, planned: Option<f64>) -> Option<String> {
        let in_percent = super::gates::in_percent;
        if let Some(planned) = planned {
            let times = self.all.odds() / odds(planned);
            let is_off = self.all.tell(planned) && !(1.0 / UNLIKE..=UNLIKE).contains(&times);
            return is_off.then(|| {
                format!(
                    "the canary got {} of the requests, and {} were planned: see the balancer, and \
                     whether what it counts is the same on both arms",
                    in_percent(self.all.share()),
                    in_percent(planned)
                )
            });
        }
        let (least, most) = (self.least?, self.most?);
        (most > MOVED * least).then(|| {
            let share = |odds: f64| in_percent(if odds.is_finite() { odds / (1.0 + odds) } else { 1.0 });
            format!(
                "the canary's share of the requests moved between {} and {} while it was judged: what \
                 load does to a version is not told from what the version does",
                share(least),
                share(most)
            )
        })
    }
}

/// Returns how many requests an arm counted, if it counted.
fn requests(arm: &ArmStep) -> Option<f64> {
    let counted = arm.iter().filter_map(|(_, sample)| match sample {
        Sample::Counted(tally) => Some(tally.exposure),
        Sample::Buckets(buckets) => Some(buckets.iter().sum()),
        Sample::Value(_) | Sample::Garbled => None,
    });
    counted.reduce(|sum, more| sum + more)
}
