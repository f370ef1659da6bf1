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
    ✓ PASS  promote storefront     decided after 10 min 9 s, at 11:44 UTC
      nothing is harmed, and all 2 gating metrics are safe
    ");
}

#[test]
fn the_slow_canary_fails() {
    assert_snapshot!(verdict("slow"), @"
    exit 2
    ✗ FAIL  roll back storefront     decided after 33 s, at 11:35 UTC
      latency p99 is higher: 3.3 times as many events lie beyond 0.0600 as on the control (tolerated 1.3 times): 0.142
    ");
}

#[test]
fn the_failing_canary_fails() {
    assert_snapshot!(verdict("failing"), @"
    exit 2
    ✗ FAIL  roll back storefront     decided after 19 s, at 11:35 UTC
      errors at the replicas is higher, at least × 14.7 (tolerated 25 %): 4.28 % against 0.203 % of control, and one more
    ");
}

#[test]
fn the_silent_canary_fails() {
    assert_snapshot!(verdict("silent"), @"
    exit 2
    ✗ FAIL  roll back storefront     decided after 3 min 4 s, at 11:37 UTC
      the canary reported nothing, while the control did
    ");
}
