//! What all formats of a plan say in the same words.

use std::collections::BTreeMap;

use serin_model::{
    Delay, Needs, Outlook, Plan, PlannedAspect, PlannedMetric, Rollout, Together, Worse,
};

use crate::label;
use crate::wording::{LONG_NAME, NOTHING};

/// So many metrics are named in the sentence that sums a plan up.
const MOST_NAMED: usize = 4;

/// Returns a metric's name with the labels that tell it from others of that name.
pub(super) fn name(metric: &PlannedMetric) -> String {
    titled(&metric.name, &metric.labels)
}

pub(crate) fn titled(name: &str, labels: &BTreeMap<String, String>) -> String {
    let labels: Vec<String> =
        labels.iter().map(|(label, value)| format!("{label}={value}")).collect();
    if labels.is_empty() {
        label::one_line(name)
    } else {
        label::one_line(&format!("{name} ({})", labels.join(", ")))
    }
}

/// Returns an effect as a change: a plan knows two digits and no more.
pub(super) fn effect(effect: f64, worse: Worse) -> String {
    let sign = match worse {
        Worse::Higher => "+",
        Worse::Lower => "−",
        Worse::Either => "±",
    };
    match effect {
        effect if effect >= 2.0 && worse != Worse::Lower => format!("× {}", digits(1.0 + effect)),
        effect => format!("{sign}{} %", digits(100.0 * effect)),
    }
}

fn digits(value: f64) -> String {
    if value < 9.95 {
        let tenths = format!("{value:.1}");
        return tenths.strip_suffix(".0").map_or(tenths.clone(), str::to_owned);
    }
    format!("{value:.0}")
}

pub(crate) fn seen(seen: Option<f64>, worse: Worse) -> String {
    seen.map_or_else(|| "nothing".to_owned(), |seen| effect(seen, worse))
}

/// Returns a length of time in minutes, in hours where it has many.
pub(crate) fn minutes(minutes: f64) -> String {
    if minutes < 1.0 {
        return format!("{:.0} s", 60.0 * minutes);
    }
    let whole = minutes.round() as u64;
    match (whole / 60, whole % 60) {
        (hours, _) if hours < 2 => format!("{whole} min"),
        (hours, 0) => format!("{hours} h"),
        (hours, rest) => format!("{hours} h {rest} min"),
    }
}

/// Says when nine canaries in ten are decided.
fn delay(delay: &Delay, plan: &Plan) -> String {
    match delay.nine_in_ten {
        Some(after) => minutes(after),
        None => format!("> {}", minutes(plan.longest_minutes)),
    }
}

/// Says when nine in ten canaries with the unacceptable effect are called harmed.
pub(super) fn harm(outlook: &Outlook, plan: &Plan) -> String {
    let hidden = outlook.floor.is_some_and(|floor| floor >= outlook.unacceptable);
    if hidden && outlook.harm.nine_in_ten.is_none() {
        return "never".to_owned();
    }
    delay(&outlook.harm, plan)
}

pub(crate) fn share(share: f64) -> String {
    format!("{} %", digits(100.0 * share))
}

pub(super) fn replicas(count: usize) -> String {
    if count == 1 { "1 replica".to_owned() } else { format!("{count} replicas") }
}

/// Says what is asked about: how long, how large, how often.
pub(super) fn asked(rollout: &Rollout) -> String {
    let control = match rollout.control_replicas {
        0 => "the control as it is".to_owned(),
        count => format!("{count} of the control"),
    };
    format!(
        "asked: {} at {} of the traffic, {} beside {control}, a step of {}",
        minutes(rollout.horizon_minutes),
        share(rollout.share),
        replicas(rollout.canary_replicas),
        minutes(f64::from(rollout.step_seconds) / 60.0),
    )
}

/// Says what it takes to see an effect; completes "to see +10 %: …".
pub(super) fn needs(
    needs: &Needs,
    outlook: &Outlook,
    metric: &PlannedMetric,
    plan: &Plan,
) -> String {
    let horizon = plan.rollout.horizon_minutes;
    if let Some(enough) = needs.minutes.filter(|enough| *enough <= horizon) {
        return format!("{} are enough", minutes(enough));
    }
    let larger = needs.share.map(|it| format!("{} of the traffic", share(it)));
    let more = needs.replicas.map(|it| format!("{} of the canary", replicas(it)));
    let longer = needs.minutes.map(minutes);
    let together = needs.together.map(together);
    let ways: Vec<String> = [larger, more, longer, together].into_iter().flatten().collect();
    match outlook.floor.filter(|floor| *floor >= needs.effect) {
        Some(floor) if ways.is_empty() => {
            format!("never: replicas alone may differ by {}", effect(floor, metric.worse))
        }
        Some(floor) => format!(
            "{}; or never: {} may differ by {} as they are",
            ways.join(", or "),
            replicas(plan.rollout.canary_replicas),
            effect(floor, metric.worse)
        ),
        None if ways.is_empty() => match outlook.aspect {
            PlannedAspect::Counts => format!(
                "not in {}, even with half of the traffic: there are too few events",
                minutes(plan.longest_minutes)
            ),
            PlannedAspect::Level => format!(
                "not in {}, however many replicas: it is too noisy",
                minutes(plan.longest_minutes)
            ),
            PlannedAspect::Growth => {
                format!("not in {}: growth takes its time", minutes(plan.longest_minutes))
            }
        },
        None => ways.join(", or "),
    }
}

fn together(both: Together) -> String {
    let size = match (both.share, both.replicas) {
        (Some(part), _) => format!("{} of the traffic", share(part)),
        (None, Some(count)) => format!("{} of the canary", replicas(count)),
        (None, None) => return minutes(both.minutes),
    };
    format!("{size} for {}", minutes(both.minutes))
}

/// Sums a plan up in one sentence without a full stop: what shows within the horizon, and what it takes
/// to see the smallest thing that must be seen and does not show.
#[must_use]
pub fn summary(plan: &Plan) -> String {
    let counted = || plan.metrics.iter().filter(|metric| !metric.muted);
    let gating: Vec<&PlannedMetric> = counted().filter(|metric| metric.gating).collect();
    let told = if gating.is_empty() { counted().collect() } else { gating };
    let known: Vec<(&PlannedMetric, &Outlook)> =
        told.iter().filter_map(|metric| Some((*metric, metric.outlook.as_ref()?))).collect();
    if known.is_empty() {
        return "nothing can be said of any metric that counts".to_owned();
    }
    let one = |(metric, outlook): &(&PlannedMetric, &Outlook)| {
        let name = label::shortened(&name(metric), LONG_NAME);
        match outlook.nine_in_ten {
            Some(_) => format!("{name} {} or more", seen(outlook.nine_in_ten, metric.worse)),
            None => format!("nothing of {name}"),
        }
    };
    let mut shown: Vec<String> = known.iter().take(MOST_NAMED).map(one).collect();
    match known.len().saturating_sub(MOST_NAMED) {
        0 => {}
        1 => shown.push("and one more metric".to_owned()),
        more => shown.push(format!("and {more} more metrics")),
    }
    let blind = match told.len() - known.len() {
        0 => String::new(),
        1 => "; of one metric nothing can be said".to_owned(),
        several => format!("; of {several} metrics nothing can be said"),
    };
    let hidden = known.iter().find(|(_, outlook)| outlook.harm.within_horizon < 0.9);
    let to_see = hidden.map_or_else(String::new, |(metric, outlook)| {
        let wanted = &outlook.to_see_unacceptable;
        format!(
            "; to see {} {}: {}",
            label::shortened(&name(metric), LONG_NAME),
            effect(wanted.effect, metric.worse),
            needs(wanted, outlook, metric, plan)
        )
    });
    format!(
        "in {} at {} of the traffic, nine canaries in ten show {}{blind}{to_see}",
        minutes(plan.rollout.horizon_minutes),
        share(plan.rollout.share),
        shown.join(", "),
    )
}

/// What stands below a table: for each metric what it takes, then what was assumed.
pub(super) fn remarks(metric: &PlannedMetric, plan: &Plan) -> Vec<String> {
    let Some(outlook) = &metric.outlook else {
        let why = metric.unknown.as_deref().unwrap_or(NOTHING);
        return vec![format!("nothing can be said: {}", label::one_line(why))];
    };
    let wanted = &outlook.to_see_unacceptable;
    let mut remarks = vec![format!(
        "to see {} (unacceptable): {}",
        effect(wanted.effect, metric.worse),
        needs(wanted, outlook, metric, plan)
    )];
    remarks.extend(outlook.to_see_tolerance.as_ref().map(|wanted| {
        // Whoever tolerates nothing has no margin but what was measured.
        let without_floor = Outlook { floor: None, ..outlook.clone() };
        format!(
            "to see {} (the tolerance, with a Check that tolerates nothing): {}",
            effect(wanted.effect, metric.worse),
            needs(wanted, &without_floor, metric, plan)
        )
    }));
    remarks.extend(outlook.floor.map(|floor| {
        format!(
            "no time is long enough to see less than {}: so much may replicas alone differ by",
            effect(floor, metric.worse)
        )
    }));
    remarks.extend(metric.notes.iter().map(|note| label::one_line(note)));
    remarks
}

/// Says how a promise of safety stands: when nine in ten are proven, or how many are.
pub(super) fn safety(outlook: &Outlook, plan: &Plan) -> String {
    match &outlook.safety {
        None => NOTHING.to_owned(),
        Some(safety) => delay(safety, plan),
    }
}

pub(super) fn percent_of_canaries(part: f64) -> String {
    format!("{:.0} %", 100.0 * part)
}

#[cfg(test)]
mod tests {
    use serin_model::Worse;

    use super::{effect, minutes};

    #[test]
    fn effects_have_two_digits() {
        for (change, worse, words) in [
            (0.0523, Worse::Higher, "+5.2 %"),
            (0.05, Worse::Higher, "+5 %"),
            (0.146, Worse::Higher, "+15 %"),
            (1.07, Worse::Higher, "+107 %"),
            (4.2, Worse::Higher, "× 5.2"),
            (31.0, Worse::Either, "× 32"),
            (0.3, Worse::Either, "±30 %"),
            (0.3, Worse::Lower, "−30 %"),
        ] {
            assert_eq!(effect(change, worse), words);
        }
    }

    #[test]
    fn times_are_read_at_a_glance() {
        for (length, words) in [
            (0.5, "30 s"),
            (1.0, "1 min"),
            (43.4, "43 min"),
            (110.0, "110 min"),
            (190.0, "3 h 10 min"),
            (240.0, "4 h"),
        ] {
            assert_eq!(minutes(length), words);
        }
    }
}
