//! What a process takes, as Linux counts it, and how lengths of time are told.

#![allow(dead_code, reason = "each measurement uses its own part")]

use std::path::Path;
use std::time::Duration;

/// Returns the middle, the 99th hundredth and the largest.
pub(crate) fn quantiles(lengths: &mut [Duration]) -> String {
    lengths.sort_unstable();
    let at = |share: f64| {
        let index = (share * lengths.len().saturating_sub(1) as f64) as usize;
        1000.0 * lengths.get(index).copied().unwrap_or_default().as_secs_f64()
    };
    format!("p50 {:.1} ms, p99 {:.1} ms, at most {:.1} ms", at(0.5), at(0.99), at(1.0))
}

/// Returns how many seconds of processor time a process has used.
///
/// * `process`: its number, or `self`.
pub(crate) fn processor_time(process: &str) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split(' ').collect();
    let ticks =
        |index: usize| fields.get(index).and_then(|it| it.parse::<f64>().ok()).unwrap_or(0.0);
    // User and system time, in hundredths of a second.
    (ticks(12) + ticks(13)) / 100.0
}

/// Returns how much memory a process takes, and took at most, in MiB.
pub(crate) fn memory(process: &str) -> (f64, f64) {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
        line.trim().split(' ').next().and_then(|it| it.parse::<f64>().ok()).unwrap_or(0.0) / 1024.0
    };
    (line("VmRSS:"), line("VmHWM:"))
}

/// Returns how many bytes a ledger has, with what is not in its file yet.
pub(crate) fn on_disk(path: &Path) -> u64 {
    let log = path.with_extension("db-wal");
    [path, &log].iter().filter_map(|path| Some(std::fs::metadata(path).ok()?.len())).sum()
}
