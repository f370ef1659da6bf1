//! Settings of a Check that a judge does not read.

use serin_model::{Analysis, AtHorizon, Check};

/// Returns a sentence about the settings that were written and that the `kayenta` judge does not
/// heed, if there are any.
#[must_use]
pub(crate) fn by_kayenta(analysis: &Analysis) -> Option<String> {
    let any = |holds: fn(&Check) -> bool| analysis.checks().iter().any(holds);
    let settings = [
        ("tolerance", any(|check| check.margins.written().tolerance)),
        ("unacceptable", any(|check| check.margins.written().unacceptable)),
        ("floor", any(|check| check.margins.written().floor)),
        ("gating", any(|check| check.gating)),
        // It may have said which stretch of time was asked for.
        ("horizon", analysis.horizon.is_some() && analysis.window.is_none()),
        ("minimum_time", analysis.minimum_time.is_some()),
        ("share", analysis.arms.share.is_some()),
        ("at_horizon", analysis.at_horizon != AtHorizon::Hold),
    ];
    let written: Vec<String> = settings
        .iter()
        .filter(|(_, written)| *written)
        .map(|(name, _)| format!("`{name}`"))
        .collect();
    let (last, others) = written.split_last()?;
    Some(if others.is_empty() {
        format!("{last} is ignored by the kayenta judge")
    } else {
        format!("{} and {last} are ignored by the kayenta judge", others.join(", "))
    })
}

/// Returns a sentence about the settings that were written and that the sequential judge does not
/// heed, if there are any.
#[must_use]
pub(crate) fn by_sequential(analysis: &Analysis) -> Option<String> {
    let run = analysis.judgements.is_some();
    run.then(|| {
        "several judgements are ignored by the sequential judge, which looks at every step"
            .to_owned()
    })
}
