//! Reading the answers of other programs.

#![allow(dead_code, reason = "each test reads what it has a use for")]
#![expect(clippy::panic, reason = "an unreadable table is a failed test")]

/// Returns the rows of a table of `N` columns, its two comment lines aside.
pub(crate) fn rows<const N: usize>(table: &str) -> impl Iterator<Item = [&str; N]> {
    table.lines().skip(2).map(|line| {
        let cells: Vec<&str> = line.split('\t').collect();
        cells.try_into().unwrap_or_else(|_| panic!("not {N} columns: {line}"))
    })
}

/// Reads a list of numbers separated by commas.
pub(crate) fn numbers(cell: &str) -> Vec<f64> {
    cell.split(',').map(number).collect()
}

/// Reads one number.
pub(crate) fn number(cell: &str) -> f64 {
    cell.parse().unwrap_or_else(|_| panic!("not a number: {cell}"))
}

/// Fails unless `actual` is within a relative `tolerance` of `expected`.
#[track_caller]
pub(crate) fn assert_close(actual: f64, expected: f64, tolerance: f64, row: &[&str]) {
    let error = (actual - expected).abs();
    assert!(
        error <= tolerance * expected.abs(),
        "{row:?}: got {actual}, not {expected}: off by {:e}",
        error / expected.abs(),
    );
}
