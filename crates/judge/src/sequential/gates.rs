//! What keeps a canary from passing though every metric is safe: too little time, and traffic that
//! makes the arms no comparison. Neither keeps it from failing.

use std::time::Duration;

use serin_model::{Analysis, Pairing, Timestamp};

use super::run::SequentialJudge;
use super::traffic::Misled;

/// How long a canary must have been judged before it passes, unless a Check says otherwise.
const LEAST_TIME: Duration = Duration::from_secs(300);

/// How long a canary must have been judged before it passes: never longer than the horizon, in whole
/// steps. Runs that are paired in order have no time.
fn least_time(analysis: &Analysis) -> Duration {
    if analysis.pairing == Pairing::Order {
        return Duration::ZERO;
    }
    let asked = analysis.minimum_time.unwrap_or(LEAST_TIME);
    let step = u64::from(analysis.step.seconds());
    let whole = |horizon: Duration| Duration::from_secs((horizon.as_secs() / step).max(1) * step);
    analysis.horizon.map_or(asked, |horizon| asked.min(whole(horizon)))
}

/// What keeps a safe canary waiting.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Wait {
    /// When it may pass.
    pub(super) until: Timestamp,
    /// How long it must have been judged.
    pub(super) least: Duration,
}

/// Returns what a pass waits for, if it does.
pub(super) fn wait(judge: &SequentialJudge, analysis: &Analysis) -> Option<Wait> {
    let least = least_time(analysis);
    let until = judge.canary_since?.after(least);
    (judge.judged_until? < until).then_some(Wait { until, least })
}

/// Returns what is plainly invalid about the canary's traffic, if all metrics that count enough
/// requests to tell agree that something is: the mildest of it, with the metric's name.
pub(super) fn misled<'a>(
    judge: &'a SequentialJudge,
    analysis: &Analysis,
) -> Option<(&'a str, Misled)> {
    if analysis.pairing == Pairing::Order {
        return None;
    }
    let planned = analysis.arms.share;
    let checks = judge.checks(analysis);
    let telling = judge.metrics.iter().zip(checks).filter(|(metric, check)| {
        !check.muted && metric.failure.is_none() && metric.traffic.tells(planned)
    });
    let mut mildest: Option<(f64, &str, Misled)> = None;
    for (metric, _) in telling {
        let misled = metric.traffic.misled(planned)?;
        let distance = misled.distance();
        if mildest.is_none_or(|(least, _, _)| distance < least) {
            mildest = Some((distance, &metric.check, misled));
        }
    }
    mildest.map(|(_, name, misled)| (name, misled))
}

/// Says what is invalid: a whole sentence without a full stop.
pub(super) fn misled_in_words((metric, misled): (&str, Misled)) -> String {
    match misled {
        Misled::FromPlan { share, planned } => format!(
            "the arms are not alike in load: the canary gets {} of the requests that `{metric}` counts, \
             and {} are planned",
            in_percent(share),
            in_percent(planned)
        ),
        Misled::FromBefore { share, before } => format!(
            "the canary gets hardly any traffic at present: {} of the requests that `{metric}` counts, \
             after {} so far",
            in_percent(share),
            in_percent(before)
        ),
    }
}

/// Writes a share of one with two digits.
pub(super) fn in_percent(share: f64) -> String {
    let percent = 100.0 * share;
    let digits = match percent {
        percent if percent >= 9.95 => 1.0,
        percent if percent >= 0.995 => 10.0,
        _ => 100.0,
    };
    format!("{} %", libm::round(percent * digits) / digits)
}

/// Writes a moment as the time of day: `14:07 UTC`.
pub(super) fn time_of_day(moment: Timestamp) -> String {
    let seconds = moment.as_millis().div_euclid(1000).rem_euclid(86_400);
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if rest == 0 {
        format!("{hours:02}:{minutes:02} UTC")
    } else {
        format!("{hours:02}:{minutes:02}:{rest:02} UTC")
    }
}

/// Writes a length of time: `5 min`, `90 s`.
pub(super) fn length(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    if seconds >= 60.0 && duration.as_millis().is_multiple_of(60_000) {
        format!("{} min", duration.as_secs() / 60)
    } else {
        format!("{seconds} s")
    }
}
