//! What the name of a metric says of it, by the conventions of those who name metrics.

use crate::promql::COUNTERS;

/// How the names of levels end.
const LEVELS: [&str; 6] =
    ["_bytes", "_ratio", "_percent", "_celsius", "_info", "_timestamp_seconds"];

/// Returns whether a name is that of a level.
pub(super) fn is_level(name: &str) -> bool {
    name == "up" || LEVELS.iter().any(|end| name.ends_with(end))
}

/// What the sums and counts of histograms and summaries are of. Other names that end in `_count` may
/// well count what there is now.
const OBSERVED: [&str; 7] =
    ["_seconds", "_milliseconds", "_ms", "_bytes", "_duration", "_latency", "_size"];

/// Returns whether a name is that of a counter.
pub(super) fn is_counter(name: &str) -> bool {
    // What is active now goes down again, such as `nodejs_active_handles_total`.
    if name.contains("_active_") {
        return false;
    }
    let base = name.strip_suffix("_sum").or_else(|| name.strip_suffix("_count"));
    let is_of_a_histogram = base.is_some_and(|base| OBSERVED.iter().any(|end| base.ends_with(end)));
    is_of_a_histogram || COUNTERS.iter().any(|end| name.ends_with(end))
}

/// Returns whether a name is that of a series which is always one, and carries labels.
pub(super) fn is_constant(name: &str) -> bool {
    name.ends_with("_info") || name.starts_with("kube_") && name.ends_with("_labels")
}

/// Returns whether a name says when something began, or for how long it has run.
pub(super) fn is_age(name: &str) -> bool {
    let ends = ["_start_time_seconds", "_start_time", "_created", "_uptime_seconds"];
    ends.iter().any(|end| name.ends_with(end)) || name.split('_').any(|word| word == "uptime")
}

/// Returns whether a label says how a request ended, as a status code.
pub(super) fn is_status_code(label: &str) -> bool {
    let words: Vec<&str> = label.split('_').collect();
    let is_one = |word: &&str| matches!(*word, "code" | "status");
    words.iter().any(is_one) && !words.contains(&"class") && !words.contains(&"grpc")
}

/// Returns whether a label says how something ended, in a word or a code.
pub(super) fn is_outcome(label: &str) -> bool {
    let words = ["code", "status", "result", "outcome", "classification", "class"];
    label.split('_').any(|word| words.contains(&word))
}
