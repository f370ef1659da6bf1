//! Settings of a Check that a judge does not read.

use serin_model::{Analysis, AtHorizon, Check};

/// Returns a sentence for each setting that was written and that the `kayenta` judge does not heed.
#[must_use]
pub(crate) fn by_kayenta(analysis: &Analysis) -> Vec<String> {
    let mut ignored = Vec::new();
    let mut say = |setting: &str, checks: Vec<&str>| {
        if !checks.is_empty() {
            ignored.push(format!(
                "`{setting}` is ignored by the kayenta judge ({})",
                checks.join(", ")
            ));
        }
    };
    let named = |holds: fn(&Check) -> bool| -> Vec<&str> {
        let checks = analysis.checks().iter().filter(|&check| holds(check));
        checks.map(|check| check.name.as_str()).collect()
    };
    say("tolerance", named(|check| check.margins.written().tolerance));
    say("unacceptable", named(|check| check.margins.written().unacceptable));
    say("floor", named(|check| check.margins.written().floor));
    say("gating", named(|check| check.gating));
    if analysis.horizon.is_some() {
        say("horizon", vec!["it judges what it is given"]);
    }
    if analysis.at_horizon != AtHorizon::Hold {
        say("at_horizon", vec!["it judges what it is given"]);
    }
    ignored
}
