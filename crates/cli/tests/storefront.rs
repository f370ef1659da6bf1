//! `serin judge` on the recordings of a canary behind a balancer, taken from Prometheus.

mod serin;

use insta::assert_snapshot;
use serin::serin;

const CHECK: &str = "examples/storefront/serin.yaml";

/// Judges one of the recordings, and returns the exit code with the first two lines.
fn verdict(name: &str) -> String {
    let run = serin(&["judge", CHECK, "--data", &format!("examples/storefront/{name}.csv.gz")]);
    let first: Vec<_> = run.stdout.lines().take(2).collect();
    format!("exit {}\n{}", run.code, first.join("\n"))
}

#[test]
fn the_good_canary_passes() {
    assert_snapshot!(verdict("good"), @"
    exit 0
    ✓ PASS  promote storefront
      none of 5 metrics got worse; score 100, 75 passes
    ");
}

#[test]
fn the_slow_canary_fails() {
    assert_snapshot!(verdict("slow"), @"
    exit 2
    ✗ FAIL  roll back storefront
      latency p99 is critical and higher: 0.142 against 0.0953 of control (+48.9 %); score 0, under 50 fails
    ");
}

#[test]
fn the_failing_canary_fails() {
    assert_snapshot!(verdict("failing"), @"
    exit 2
    ✗ FAIL  roll back storefront
      errors at the balancer is above its limit of 2.00 % for 3 points in a row, at worst 8.99 %
    ");
}

#[test]
fn the_silent_canary_fails() {
    assert_snapshot!(verdict("silent"), @"
    exit 2
    ✗ FAIL  roll back storefront
      errors at the replicas is critical and without data: the canary reported no values, and 3 more metrics did not pass;
    ");
}
