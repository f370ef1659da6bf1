//! The sequential judge: an early answer with a bounded chance of being wrong.
//!
//! For each metric there is evidence against "the effect is tolerable" and evidence against "the
//! effect is unacceptable", both valid at every moment at once, so that one may look at every scrape.
//! `docs/statistics.md` has the mathematics, and what is not guaranteed.
//!
//! `intake` puts points in order; `metric` takes a step of one metric to the evidence that fits its
//! measure: `values` for levels, `rates` for counts (`fraction` finds them in percentages), `tail`
//! for histograms. `noise` and `spread` say what the control's past shows. `bet` is how evidence
//! grows. `silence` and `roster` hear who reports, `traffic` who gets the requests, and `gates` keeps a
//! pass back. `run` is a whole analysis, and `outcome` what is said of it. `plan` has the judge judge
//! canaries that never were, to say beforehand what it could see; `past` says what it makes of the
//! control's past.

mod bet;
mod excursions;
mod fraction;
mod gates;
mod intake;
mod metric;
mod noise;
mod outcome;
mod past;
mod plan;
mod rates;
mod roster;
mod run;
mod sight;
mod silence;
mod spread;
mod tail;
mod traffic;
mod values;

pub(crate) use outcome::gating;
pub(crate) use past::{PastOfMetric, past_of_metrics};
pub use plan::{Planner, plan};
pub(crate) use run::Blame;
pub use run::{
    FALSE_ROLLBACK, FALSE_SAFETY, OtherRevision, REVISION, SequentialJudge, judge, judge_after,
};
