//! What to write into a Check file instead, as a part of one.

use serde::Serialize;
use serin_model::{Analysis, Check};

use crate::file::{CheckChange, Entries, ScoreEntry};
use crate::scalar::{Placed, Span};
use crate::write::{WriteError, change, check_entry, commented, score_entry};

/// The keys that may change.
#[derive(Serialize)]
struct Changes {
    #[serde(skip_serializing_if = "Option::is_none")]
    horizon: Option<Span>,
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<ScoreEntry>,
    #[serde(skip_serializing_if = "Option::is_none")]
    checks: Option<Entries<Placed<CheckChange>>>,
}

/// Writes the horizon, the score's weights and the checks in which one analysis differs from another, as
/// they stand in a Check file: each check whole, so that it can take the place of the old one. Where
/// nothing differs, the text is empty.
///
/// * `comment`: lines to put above it; line breaks in them start new comment lines.
///
/// # Errors
///
/// [`WriteError::Unwritable`] when the writer fails.
pub fn write_changes(
    before: &Analysis,
    after: &Analysis,
    comment: &[String],
) -> Result<String, WriteError> {
    let changed: Vec<(String, Placed<CheckChange>)> = after
        .checks()
        .iter()
        .filter(|check| {
            !before.checks().contains(check)
                || own_weight(before, check) != own_weight(after, check)
        })
        .map(|check| (check.name.clone(), entry(after, check)))
        .collect();
    let changes = Changes {
        horizon: after.horizon.filter(|_| after.horizon != before.horizon).map(Span),
        score: (after.weights != before.weights).then(|| score_of_groups(after)).flatten(),
        checks: (!changed.is_empty()).then_some(Entries(changed)),
    };
    if changes.horizon.is_none() && changes.score.is_none() && changes.checks.is_none() {
        return Ok(String::new());
    }
    let yaml = serde_saphyr::to_string(&changes)
        .map_err(|error| WriteError::Unwritable { reason: error.to_string() })?;
    Ok(commented(comment) + &yaml)
}

/// Returns whether a check is a group of its own, with a weight of its own.
fn own_weight(analysis: &Analysis, check: &Check) -> Option<f64> {
    let is_own = check.groups == [check.name.as_str()];
    analysis.weights.listed().get(&check.name).copied().filter(|_| is_own)
}

fn entry(analysis: &Analysis, check: &Check) -> Placed<CheckChange> {
    let mut entry = check_entry(check);
    if let Some(weight) = own_weight(analysis, check) {
        (entry.groups, entry.weight) = (None, Some(weight.into()));
    }
    change(entry)
}

/// Returns the score with the weights of the groups that are written there.
fn score_of_groups(analysis: &Analysis) -> Option<ScoreEntry> {
    let mut score = score_entry(analysis)?;
    let own: Vec<&str> = analysis
        .checks()
        .iter()
        .filter(|check| own_weight(analysis, check).is_some())
        .map(|check| check.name.as_str())
        .collect();
    if let Some(weights) = &mut score.weights {
        weights.value.retain(|group, _| !own.contains(&group.as_str()));
    }
    Some(score)
}
