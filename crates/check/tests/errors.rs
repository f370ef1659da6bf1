//! What a malformed Check file is answered: messages are interface.

use insta::assert_snapshot;

/// Returns the whole error about a text.
fn error(text: &str) -> String {
    match serin_check::read("serin.yaml", text) {
        Ok(written) => format!("no error: {:?}", written.analysis),
        Err(error) => error.to_string(),
    }
}

/// Returns the whole error about a file whose only check is `entry`.
fn check(entry: &str) -> String {
    let mut text = String::from("service: checkout\nchecks:\n  memory:\n");
    for line in entry.lines() {
        text += &format!("    {line}\n");
    }
    error(&text)
}

/// Returns the whole error about a file that is right but for `top`.
fn file(top: &str) -> String {
    error(&format!("service: checkout\n{top}\nchecks:\n  memory: {{gauge: rss}}\n"))
}

mod keys {
    use super::{assert_snapshot, check, error, file};

    #[test]
    fn unknown() {
        assert_snapshot!(file("replcia: pod"), @"
        serin.yaml:2:1: unknown key `replcia`

          2 | replcia: pod
            | ^

        hint: did you mean `replica`?
        ");
        assert_snapshot!(file("namespace: shop"), @"
        serin.yaml:2:1: unknown key `namespace`

          2 | namespace: shop
            | ^

        hint: write one of: service, extends, use, source, arms, scope, for_each, replica, step, window, horizon, warm_up, history, minimum_time, at_horizon, minimum_points, score, kayenta, checks
        ");
        assert_snapshot!(check("gauge: rss\ntolerance: 5%"), @"
        serin.yaml:5:5: unknown key `tolerance`

          5 |     tolerance: 5%
            |     ^

        hint: write `compare: {tolerance: 25%}`
        ");
        assert_snapshot!(check("guage: rss"), @"
        serin.yaml:4:5: unknown key `guage`

          4 |     guage: rss
            |     ^

        hint: did you mean `gauge`?
        ");
        assert_snapshot!(check("gauge: rss\ncompare: {tolerence: 5%}"), @"
        serin.yaml:5:15: unknown key `tolerence`

          5 |     compare: {tolerence: 5%}
            |               ^

        hint: did you mean `tolerance`?
        ");
        assert_snapshot!(check("gauge: rss\nlimit: {above: 5, fro: 3}"), @"
        serin.yaml:5:23: unknown key `fro`

          5 |     limit: {above: 5, fro: 3}
            |                       ^

        hint: did you mean `for`?
        ");
        assert_snapshot!(check("ratio: {bad: errors, all: requests}"), @"
        serin.yaml:4:26: unknown key `all`

          4 |     ratio: {bad: errors, all: requests}
            |                          ^

        hint: write one of: bad, total
        ");
    }

    #[test]
    fn duplicate() {
        assert_snapshot!(file("step: 60s\nstep: 30s"), @"
        serin.yaml:3:1: `step` is written twice

          3 | step: 30s
            | ^

        hint: keep one of the two
        ");
        assert_snapshot!(check("gauge: rss\ngauge: heap"), @"
        serin.yaml:5:5: `gauge` is written twice

          5 |     gauge: heap
            |     ^

        hint: keep one of the two
        ");
        assert_snapshot!(
            error("service: a\nchecks:\n  memory: {gauge: rss}\n  memory: {gauge: heap}\n"),
            @"
        serin.yaml:4:3: `memory` is written twice

          4 |   memory: {gauge: heap}
            |   ^

        hint: keep one of the two
        "
        );
        assert_snapshot!(file("arms: {control: {a: b, a: c}, canary: {a: d}}"), @"
        serin.yaml:2:24: `a` is written twice

          2 | arms: {control: {a: b, a: c}, canary: {a: d}}
            |                        ^

        hint: keep one of the two
        ");
        assert_snapshot!(file("score: {weights: {default: 50, default: 50}}"), @"
        serin.yaml:2:32: `default` is written twice

          2 | score: {weights: {default: 50, default: 50}}
            |                                ^

        hint: keep one of the two
        ");
    }

    #[test]
    fn missing() {
        assert_snapshot!(error("checks:\n  memory: {gauge: rss}\n"), @"
        serin.yaml:1:1: `service` is missing

          1 | checks:
            | ^

        hint: add `service: checkout`
        ");
        assert_snapshot!(error("service: checkout\n"), @"
        serin.yaml:1:1: `checks` is missing

          1 | service: checkout
            | ^

        hint: add `checks: {memory: {gauge: process_resident_memory_bytes}}`
        ");
        assert_snapshot!(error("service: checkout\nchecks:\n"), @"
        serin.yaml:2:7: there is nothing after `checks:`, where a mapping belongs

          2 | checks:
            |       ^

        hint: write something like `checks: {memory: {gauge: process_resident_memory_bytes}}`
        ");
        assert_snapshot!(error("service: checkout\nchecks: {}\n"), @"
        serin.yaml:2:9: there is no check to judge

          2 | checks: {}
            |         ^

        hint: give `checks` an entry for each metric, such as `memory: {gauge: process_resident_memory_bytes}`
        ");
        assert_snapshot!(error("service:\nchecks:\n  memory: {gauge: rss}\n"), @"
        serin.yaml:1:8: there is nothing after `service:`, where a single value belongs

          1 | service:
            |        ^

        hint: write something like `service: checkout`
        ");
        assert_snapshot!(error("service: ' '\nchecks:\n  memory: {gauge: rss}\n"), @"
        serin.yaml:1:10: there is an empty name in `service`

          1 | service: ' '
            |          ^

        hint: write something like `service: checkout`
        ");
        assert_snapshot!(error("service: checkout\nchecks:\n  '': {gauge: rss}\n"), @"
        serin.yaml:3:7: this check has no name

          3 |   '': {gauge: rss}
            |       ^

        hint: put a name before the colon, such as `errors:`
        ");
        assert_snapshot!(check("ratio: {bad: errors}"), @"
        serin.yaml:4:13: `total` is missing

          4 |     ratio: {bad: errors}
            |             ^

        hint: add `total: http_requests_total`
        ");
        assert_snapshot!(file("window: {start: 2026-11-23T08:30:00Z}"), @"
        serin.yaml:2:10: `end` is missing

          2 | window: {start: 2026-11-23T08:30:00Z}
            |          ^

        hint: add `end: 2026-11-23T09:30:00Z`
        ");
        assert_snapshot!(file("source: {file: {counters: cumulative}}"), @"
        serin.yaml:2:17: `path` is missing

          2 | source: {file: {counters: cumulative}}
            |                 ^

        hint: add `path: recording.csv`
        ");
    }

    #[test]
    fn of_another_shape() {
        assert_snapshot!(error("service: checkout\nchecks: [memory]\n"), @"
        serin.yaml:2:9: `checks` is not a mapping

          2 | checks: [memory]
            |         ^

        hint: write something like `checks: {memory: {gauge: process_resident_memory_bytes}}`
        ");
        assert_snapshot!(error("service: checkout\nchecks: memory\n"), @"
        serin.yaml:2:9: `checks` is not a mapping

          2 | checks: memory
            |         ^

        hint: write something like `checks: {memory: {gauge: process_resident_memory_bytes}}`
        ");
        assert_snapshot!(error("service: checkout\nchecks:\n  memory: rss\n"), @"
        serin.yaml:3:11: `memory` is not a mapping

          3 |   memory: rss
            |           ^

        hint: write `key: value` lines below the key, indented by two spaces
        ");
        assert_snapshot!(error("service: checkout\nchecks:\n  memory:\n"), @"
        serin.yaml:3:9: there is nothing after `memory:`, where a mapping belongs

          3 |   memory:
            |         ^

        hint: write `key: value` lines below the key, indented by two spaces
        ");
        assert_snapshot!(error("service: [checkout]\nchecks:\n  memory: {gauge: rss}\n"), @"
        serin.yaml:1:10: `service` is not a single value

          1 | service: [checkout]
            |          ^

        hint: write something like `service: checkout`
        ");
        assert_snapshot!(check("gauge: {value: rss}"), @"
        serin.yaml:4:12: `gauge` is not a single value

          4 |     gauge: {value: rss}
            |            ^

        hint: write something like `gauge: process_resident_memory_bytes`
        ");
        assert_snapshot!(check("gauge: [rss]"), @"
        serin.yaml:4:12: `gauge` is not a single value

          4 |     gauge: [rss]
            |            ^

        hint: write something like `gauge: process_resident_memory_bytes`
        ");
        assert_snapshot!(check("ratio: errors / requests"), @"
        serin.yaml:4:12: `ratio` is not a mapping

          4 |     ratio: errors / requests
            |            ^

        hint: write something like `ratio: {bad: http_errors_total, total: http_requests_total}`
        ");
        assert_snapshot!(check("gauge: rss\ncompare: 5%"), @"
        serin.yaml:5:14: `compare` is not a mapping

          5 |     compare: 5%
            |              ^

        hint: write something like `compare: {tolerance: 25%}`
        ");
        assert_snapshot!(check("gauge: rss\ngroups: memory"), @"
        serin.yaml:5:13: `groups` is not a list

          5 |     groups: memory
            |             ^

        hint: write something like `groups: [errors]`
        ");
        assert_snapshot!(file("arms: track"), @"
        serin.yaml:2:7: `arms` is not a mapping

          2 | arms: track
            |       ^

        hint: write something like `arms: {control: {track: stable}, canary: {track: canary}}`
        ");
        assert_snapshot!(file("arms: {control: stable, canary: canary}"), @"
        serin.yaml:2:17: `control` is not a mapping

          2 | arms: {control: stable, canary: canary}
            |                 ^

        hint: write something like `control: {track: stable}`
        ");
        assert_snapshot!(error("- service: checkout\n"), @"
        serin.yaml:1:1: this is not a mapping

          1 | - service: checkout
            | ^

        hint: write `key: value` lines below the key, indented by two spaces
        ");
        assert_snapshot!(error("checkout\n"), @"
        serin.yaml:1:1: this is not a mapping

          1 | checkout
            | ^

        hint: write `key: value` lines below the key, indented by two spaces
        ");
    }
}

mod measures {
    use super::{assert_snapshot, check};

    #[test]
    fn none_or_several() {
        assert_snapshot!(check("worse: higher"), @"
        serin.yaml:4:5: `memory` says nothing to measure

          4 |     worse: higher
            |     ^

        hint: write exactly one of `ratio`, `histogram`, `count`, `gauge` and `quantile`
        ");
        assert_snapshot!(check("gauge: rss\nquantile: p99"), @"
        serin.yaml:4:5: `memory` measures several things

          4 |     gauge: rss
            |     ^

        hint: write exactly one of `ratio`, `histogram`, `count`, `gauge` and `quantile`
        ");
    }

    #[test]
    fn empty_queries() {
        assert_snapshot!(check("gauge: ''"), @r#"
        serin.yaml:4:12: the query is empty

          4 |     gauge: ''
            |            ^

        hint: write the metric's name or selector, such as `'http_requests_total{code=~"5..", $arm}'`
        "#);
        assert_snapshot!(check("gauge:"), @"
        serin.yaml:4:5: `memory` says nothing to measure

          4 |     gauge:
            |     ^

        hint: write exactly one of `ratio`, `histogram`, `count`, `gauge` and `quantile`
        ");
        assert_snapshot!(check("ratio:\n  bad: ' '\n  total: requests"), @r#"
        serin.yaml:5:12: the query is empty

          5 |       bad: ' '
            |            ^

        hint: write the metric's name or selector, such as `'http_requests_total{code=~"5..", $arm}'`
        "#);
        assert_snapshot!(check("count: {events: jobs, exposure: ''}"), @r#"
        serin.yaml:4:37: the query is empty

          4 |     count: {events: jobs, exposure: ''}
            |                                     ^

        hint: write the metric's name or selector, such as `'http_requests_total{code=~"5..", $arm}'`
        "#);
    }

    #[test]
    fn words_and_flags() {
        assert_snapshot!(check("gauge: rss\nworse: up"), @"
        serin.yaml:5:12: unknown value `up`

          5 |     worse: up
            |            ^

        hint: write one of: higher, lower, either
        ");
        assert_snapshot!(check("gauge: rss\nworse: Higher"), @"
        serin.yaml:5:12: unknown value `Higher`

          5 |     worse: Higher
            |            ^

        hint: did you mean `higher`?
        ");
        assert_snapshot!(check("gauge: rss\ngating: yes"), @"
        serin.yaml:5:13: `yes` is neither `true` nor `false`

          5 |     gating: yes
            |             ^

        hint: write `true` or `false`
        ");
        assert_snapshot!(check("gauge: rss\ncritical: 1"), @"
        serin.yaml:5:15: `1` is neither `true` nor `false`

          5 |     critical: 1
            |               ^

        hint: write `true` or `false`
        ");
        assert_snapshot!(check("gauge: rss\nmuted: maybe"), @"
        serin.yaml:5:12: `maybe` is neither `true` nor `false`

          5 |     muted: maybe
            |            ^

        hint: write `true` or `false`
        ");
        assert_snapshot!(check("gauge: rss\nkayenta: {nan_strategy: drop}"), @"
        serin.yaml:5:29: unknown value `drop`

          5 |     kayenta: {nan_strategy: drop}
            |                             ^

        hint: write one of: remove, replace
        ");
        assert_snapshot!(check("gauge: rss\nkayenta: {effect_size: {measure: cohen}}"), @"
        serin.yaml:5:38: unknown value `cohen`

          5 |     kayenta: {effect_size: {measure: cohen}}
            |                                      ^

        hint: write one of: mean_ratio, cles
        ");
        assert_snapshot!(check("gauge: rss\nkayenta: {remove_outliers_beyond: 0}"), @"
        serin.yaml:5:39: `remove_outliers_beyond` is 0

          5 |     kayenta: {remove_outliers_beyond: 0}
            |                                       ^

        hint: write how many interquartile ranges, more than 0: `remove_outliers_beyond: 3`
        ");
        assert_snapshot!(check("gauge: rss\nkayenta: {effect_size: {allowed_increase: .nan}}"), @"
        serin.yaml:5:47: the size of an effect is NaN

          5 |     kayenta: {effect_size: {allowed_increase: .nan}}
            |                                               ^

        hint: write a number, such as 1.1 for a tenth more
        ");
    }
}

mod units {
    use super::{assert_snapshot, check, file};

    #[test]
    fn tolerance() {
        assert_snapshot!(check("gauge: rss\ncompare: {tolerance: 5}"), @"
        serin.yaml:5:26: `5` is not a percentage

          5 |     compare: {tolerance: 5}
            |                          ^

        hint: write `5%`
        ");
        assert_snapshot!(check("gauge: rss\ncompare:\n  tolerance: 5pp"), @"
        serin.yaml:6:18: `5pp` is not a percentage

          6 |       tolerance: 5pp
            |                  ^

        hint: write a percentage, such as `25%`
        ");
        assert_snapshot!(check("gauge: rss\ncompare: {tolerance: -5%}"), @"
        serin.yaml:5:26: `-5%` is not a percentage of zero or more

          5 |     compare: {tolerance: -5%}
            |                          ^

        hint: write something like `25%`
        ");
        assert_snapshot!(check("gauge: rss\ncompare: {tolerance: nan%}"), @"
        serin.yaml:5:26: `nan%` is not a percentage of zero or more

          5 |     compare: {tolerance: nan%}
            |                          ^

        hint: write something like `25%`
        ");
        assert_snapshot!(check("gauge: rss\ncompare: {tolerance: 1e999%}"), @"
        serin.yaml:5:26: `1e999%` is not a percentage of zero or more

          5 |     compare: {tolerance: 1e999%}
            |                          ^

        hint: write something like `25%`
        ");
        assert_snapshot!(check("gauge: rss\ncompare: {tolerance: .inf}"), @"
        serin.yaml:5:26: `.inf` is not a percentage

          5 |     compare: {tolerance: .inf}
            |                          ^

        hint: write a percentage, such as `25%`
        ");
        assert_snapshot!(check("gauge: rss\ncompare: {tolerance: a lot}"), @"
        serin.yaml:5:26: `a lot` is not a percentage

          5 |     compare: {tolerance: a lot}
            |                          ^

        hint: write a percentage, such as `25%`
        ");
        assert_snapshot!(check("gauge: rss\ncompare: {tolerance: [5%]}"), @"
        serin.yaml:5:26: `tolerance` is not a single value

          5 |     compare: {tolerance: [5%]}
            |                          ^

        hint: write something like `tolerance: 25%`
        ");
        assert_snapshot!(check("gauge: rss\ncompare: {tolerance: 10%, unacceptable: 5%}"), @"
        serin.yaml:5:45: `unacceptable` is 5%, not more than the tolerance of 10%

          5 |     compare: {tolerance: 10%, unacceptable: 5%}
            |                                             ^

        hint: what is unacceptable lies above what is tolerated; unless said it is twice as much
        ");
        assert_snapshot!(check("gauge: rss\ncompare: {tolerance: 10%, unacceptable: 10%}"), @"
        serin.yaml:5:45: `unacceptable` is 10%, not more than the tolerance of 10%

          5 |     compare: {tolerance: 10%, unacceptable: 10%}
            |                                             ^

        hint: what is unacceptable lies above what is tolerated; unless said it is twice as much
        ");
    }

    #[test]
    fn floor() {
        assert_snapshot!(check("gauge: rss\ncompare:\n  tolerance: 5%\n  floor: 0.05pp"), @"
        serin.yaml:7:14: `floor: 0.05pp` is in percentage points, and this is a gauge

          7 |       floor: 0.05pp
            |              ^

        hint: percentage points are for a ratio; write a number in the metric's own unit
        ");
        assert_snapshot!(check("gauge: rss\ncompare: {floor: 5%}"), @"
        serin.yaml:5:22: `5%` is not an absolute change

          5 |     compare: {floor: 5%}
            |                      ^

        hint: write percentage points for a ratio (`0.05pp`), or a number of zero or more in the metric's own unit
        ");
        assert_snapshot!(check("gauge: rss\ncompare: {floor: 5MB}"), @"
        serin.yaml:5:22: `5MB` is not an absolute change

          5 |     compare: {floor: 5MB}
            |                      ^

        hint: write percentage points for a ratio (`0.05pp`), or a number of zero or more in the metric's own unit
        ");
        assert_snapshot!(check("gauge: rss\ncompare: {floor: -5}"), @"
        serin.yaml:5:22: `-5` is not an absolute change

          5 |     compare: {floor: -5}
            |                      ^

        hint: write percentage points for a ratio (`0.05pp`), or a number of zero or more in the metric's own unit
        ");
        assert_snapshot!(check("ratio: {bad: a, total: b}\ncompare: {floor: 0.05}"), @"
        serin.yaml:5:22: `floor: 0.05` has no unit, and this is a ratio

          5 |     compare: {floor: 0.05}
            |                      ^

        hint: write percentage points: `floor: 0.05pp`
        ");
        assert_snapshot!(check("ratio: {bad: a, total: b}\ncompare: {unacceptable_floor: 1}"), @"
        serin.yaml:5:35: `unacceptable_floor: 1` has no unit, and this is a ratio

          5 |     compare: {unacceptable_floor: 1}
            |                                   ^

        hint: write percentage points: `unacceptable_floor: 1pp`
        ");
        assert_snapshot!(
            check("ratio: {bad: a, total: b}\ncompare: {floor: 2pp, unacceptable_floor: 1pp}"),
            @"
        serin.yaml:5:47: `unacceptable_floor` is 1pp, less than the floor of 2pp

          5 |     compare: {floor: 2pp, unacceptable_floor: 1pp}
            |                                               ^

        hint: what is unacceptable lies above what is tolerated; unless said it is twice as much
        "
        );
    }

    #[test]
    fn limit() {
        assert_snapshot!(check("gauge: rss\nlimit:\n  above: 90%"), @"
        serin.yaml:6:14: the limit 90% is a percentage, and this is a gauge

          6 |       above: 90%
            |              ^

        hint: percentages are for a ratio; write a number in the metric's own unit
        ");
        assert_snapshot!(check("quantile: p99\nlimit: {above: 300ms}"), @"
        serin.yaml:5:20: `300ms` is not a limit

          5 |     limit: {above: 300ms}
            |                    ^

        hint: write a percentage for a ratio (`1%`), or a number in the metric's own unit
        ");
        assert_snapshot!(check("ratio: {bad: a, total: b}\nlimit: {above: 0.01}"), @"
        serin.yaml:5:20: the limit 0.01 has no unit, and this is a ratio

          5 |     limit: {above: 0.01}
            |                    ^

        hint: write a percentage: `1%` or `0.01%`
        ");
        assert_snapshot!(check("ratio: {bad: a, total: b}\nlimit: {above: 1pp}"), @"
        serin.yaml:5:20: `1pp` is not a limit

          5 |     limit: {above: 1pp}
            |                    ^

        hint: write a percentage for a ratio (`1%`), or a number in the metric's own unit
        ");
        assert_snapshot!(check("ratio: {bad: a, total: b}\nlimit: {above: 150%}"), @"
        serin.yaml:5:20: the limit is 150%, where no ratio ever is

          5 |     limit: {above: 150%}
            |                    ^

        hint: write a percentage from 0% to 100%
        ");
        assert_snapshot!(check("ratio: {bad: a, total: b}\nlimit: {below: -1%}"), @"
        serin.yaml:5:20: the limit is -1%, where no ratio ever is

          5 |     limit: {below: -1%}
            |                    ^

        hint: write a percentage from 0% to 100%
        ");
        assert_snapshot!(check("gauge: rss\nlimit: {above: .inf}"), @"
        serin.yaml:5:20: `.inf` is not a limit

          5 |     limit: {above: .inf}
            |                    ^

        hint: write a percentage for a ratio (`1%`), or a number in the metric's own unit
        ");
        assert_snapshot!(check("gauge: rss\nlimit: {above: 1e999}"), @"
        serin.yaml:5:20: `1e999` is not a limit

          5 |     limit: {above: 1e999}
            |                    ^

        hint: write a percentage for a ratio (`1%`), or a number in the metric's own unit
        ");
        assert_snapshot!(check("gauge: rss\nlimit: {for: 3}"), @"
        serin.yaml:5:12: a limit is either above or below a value

          5 |     limit: {for: 3}
            |            ^

        hint: write `limit: {above: 1%, for: 3}`, or two checks if both sides are out of bounds
        ");
        assert_snapshot!(check("gauge: rss\nlimit: {above: 9, below: 1}"), @"
        serin.yaml:5:12: a limit is either above or below a value

          5 |     limit: {above: 9, below: 1}
            |            ^

        hint: write `limit: {above: 1%, for: 3}`, or two checks if both sides are out of bounds
        ");
        assert_snapshot!(check("gauge: rss\nlimit: {above: 9, for: 0}"), @"
        serin.yaml:5:28: `for` is 0

          5 |     limit: {above: 9, for: 0}
            |                            ^

        hint: write a number of at least 1, or leave it out
        ");
        assert_snapshot!(check("gauge: rss\nlimit: {above: 9, for: 3m}"), @"
        serin.yaml:5:28: `3m` is not a whole number from 0 to 4294967295

          5 |     limit: {above: 9, for: 3m}
            |                            ^

        hint: write something like `for: 3`
        ");
        assert_snapshot!(check("gauge: rss\nlimit: {above: 9, for: -3}"), @"
        serin.yaml:5:28: `-3` is not a whole number from 0 to 4294967295

          5 |     limit: {above: 9, for: -3}
            |                            ^

        hint: write something like `for: 3`
        ");
        assert_snapshot!(check("gauge: rss\nlimit: {above: 9, for: 2.5}"), @"
        serin.yaml:5:28: `2.5` is not a whole number from 0 to 4294967295

          5 |     limit: {above: 9, for: 2.5}
            |                            ^

        hint: write something like `for: 3`
        ");
        assert_snapshot!(check("gauge: rss\nlimit: {above: 9, minimum_events: 1e3}"), @"
        serin.yaml:5:39: `1e3` is not a whole number from 0 to 4294967295

          5 |     limit: {above: 9, minimum_events: 1e3}
            |                                       ^

        hint: write something like `minimum_events: 20`
        ");
        assert_snapshot!(check("gauge: rss\nlimit: {above: 9, minimum_events: 5000000000}"), @"
        serin.yaml:5:39: `5000000000` is not a whole number from 0 to 4294967295

          5 |     limit: {above: 9, minimum_events: 5000000000}
            |                                       ^

        hint: write something like `minimum_events: 20`
        ");
    }

    #[test]
    fn time() {
        assert_snapshot!(file("step: 60"), @"
        serin.yaml:2:7: `60` has no unit

          2 | step: 60
            |       ^

        hint: write `60s` for seconds
        ");
        assert_snapshot!(file("step: 0s"), @"
        serin.yaml:2:7: a step of 0s is not whole seconds, one or more

          2 | step: 0s
            |       ^

        hint: write something like `step: 60s`
        ");
        assert_snapshot!(file("step: 500ms"), @"
        serin.yaml:2:7: a step of 500ms is not whole seconds, one or more

          2 | step: 500ms
            |       ^

        hint: write something like `step: 60s`
        ");
        assert_snapshot!(file("step: 1 minuet"), @"
        serin.yaml:2:7: `1 minuet` is not a length of time

          2 | step: 1 minuet
            |       ^

        hint: write something like `60s`, `5m` or `1h 30m`
        ");
        assert_snapshot!(file("step: 200 years"), @"
        serin.yaml:2:7: `200 years` is not a length of time

          2 | step: 200 years
            |       ^

        hint: write something like `60s`, `5m` or `1h 30m`
        ");
        assert_snapshot!(file("horizon: 60"), @"
        serin.yaml:2:10: `60` has no unit

          2 | horizon: 60
            |          ^

        hint: write `60s` for seconds
        ");
        assert_snapshot!(file("horizon: -5m"), @"
        serin.yaml:2:10: `-5m` is not a length of time

          2 | horizon: -5m
            |          ^

        hint: write something like `60s`, `5m` or `1h 30m`
        ");
        assert_snapshot!(file("horizon: 0s"), @"
        serin.yaml:2:10: a horizon of 0s leaves no time

          2 | horizon: 0s
            |          ^

        hint: write `horizon: 60m`
        ");
        assert_snapshot!(file("warm_up: 2"), @"
        serin.yaml:2:10: `2` has no unit

          2 | warm_up: 2
            |          ^

        hint: write `2s` for seconds
        ");
        assert_snapshot!(file("warmup: 2m"), @"
        serin.yaml:2:1: unknown key `warmup`

          2 | warmup: 2m
            | ^

        hint: did you mean `warm_up`?
        ");
        assert_snapshot!(file("history: yesterday"), @"
        serin.yaml:2:10: `yesterday` is not a length of time

          2 | history: yesterday
            |          ^

        hint: write something like `60s`, `5m` or `1h 30m`
        ");
        assert_snapshot!(file("window: {start: 2026-11-23, end: 2026-11-24}"), @"
        serin.yaml:2:17: `2026-11-23` is not a moment with its time zone

          2 | window: {start: 2026-11-23, end: 2026-11-24}
            |                 ^

        hint: write it as in RFC 3339, such as `2026-11-23T08:30:00Z`
        ");
        assert_snapshot!(
            file("window: {start: 2026-11-23T08:30:00, end: 2026-11-23T09:30:00Z}"),
            @"
        serin.yaml:2:17: `2026-11-23T08:30:00` is not a moment with its time zone

          2 | window: {start: 2026-11-23T08:30:00, end: 2026-11-23T09:30:00Z}
            |                 ^

        hint: write it as in RFC 3339, such as `2026-11-23T08:30:00Z`
        "
        );
        assert_snapshot!(
            file("window: {start: 2026-11-23T09:30:00Z, end: 2026-11-23T08:30:00Z}"),
            @"
        serin.yaml:2:9: the window ends at 2026-11-23T08:30:00Z, not after its start 2026-11-23T09:30:00Z

          2 | window: {start: 2026-11-23T09:30:00Z, end: 2026-11-23T08:30:00Z}
            |         ^

        hint: write an `end` that is later than `start`
        "
        );
        assert_snapshot!(file("window: 1h"), @"
        serin.yaml:2:9: `window` is not a mapping

          2 | window: 1h
            |         ^

        hint: write something like `window: {start: 2026-11-23T08:30:00Z, end: 2026-11-23T09:30:00Z}`
        ");
    }

    #[test]
    fn points() {
        assert_snapshot!(file("minimum_points: 0"), @"
        serin.yaml:2:17: `minimum_points` is 0

          2 | minimum_points: 0
            |                 ^

        hint: write a number of at least 1, or leave it out
        ");
        assert_snapshot!(check("gauge: rss\nminimum_points: 0"), @"
        serin.yaml:5:21: `minimum_points` is 0

          5 |     minimum_points: 0
            |                     ^

        hint: write a number of at least 1, or leave it out
        ");
        assert_snapshot!(file("minimum_points: fifty"), @"
        serin.yaml:2:17: `fifty` is not a whole number from 0 to 4294967295

          2 | minimum_points: fifty
            |                 ^

        hint: write something like `minimum_points: 50`
        ");
        assert_snapshot!(file("minimum_points: -1"), @"
        serin.yaml:2:17: `-1` is not a whole number from 0 to 4294967295

          2 | minimum_points: -1
            |                 ^

        hint: write something like `minimum_points: 50`
        ");
        assert_snapshot!(file("minimum_points: 1.5"), @"
        serin.yaml:2:17: `1.5` is not a whole number from 0 to 4294967295

          2 | minimum_points: 1.5
            |                 ^

        hint: write something like `minimum_points: 50`
        ");
    }
}

mod score {
    use super::{assert_snapshot, check, error, file};

    #[test]
    fn weights() {
        assert_snapshot!(file("score:\n  weights: {default: 40}"), @"
        serin.yaml:3:12: the weights add up to 40, not to 100

          3 |   weights: {default: 40}
            |            ^

        hint: weights are percentages of the whole score; the groups are: default
        ");
        assert_snapshot!(file("score: {weights: {default: 140}}"), @"
        serin.yaml:2:28: the weight of `default` is 140; a weight is from 0 to 100

          2 | score: {weights: {default: 140}}
            |                            ^

        hint: write a percentage from 0 to 100, without a sign
        ");
        assert_snapshot!(file("score: {weights: {default: -1}}"), @"
        serin.yaml:2:28: the weight of `default` is -1; a weight is from 0 to 100

          2 | score: {weights: {default: -1}}
            |                            ^

        hint: write a percentage from 0 to 100, without a sign
        ");
        assert_snapshot!(file("score: {weights: {default: .nan}}"), @"
        serin.yaml:2:28: the weight of `default` is NaN; a weight is from 0 to 100

          2 | score: {weights: {default: .nan}}
            |                            ^

        hint: write a percentage from 0 to 100, without a sign
        ");
        assert_snapshot!(file("score: {weights: {default: .inf}}"), @"
        serin.yaml:2:28: the weight of `default` is inf; a weight is from 0 to 100

          2 | score: {weights: {default: .inf}}
            |                            ^

        hint: write a percentage from 0 to 100, without a sign
        ");
        assert_snapshot!(file("score: {weights: {default: 1e999}}"), @"
        serin.yaml:2:28: `1e999` is not a number

          2 | score: {weights: {default: 1e999}}
            |                            ^

        hint: write a number here
        ");
        assert_snapshot!(file("score: {weights: {default: 100%}}"), @"
        serin.yaml:2:28: `100%` is not a number

          2 | score: {weights: {default: 100%}}
            |                            ^

        hint: write a number here
        ");
        assert_snapshot!(file("score: {weights: {defualt: 100}}"), @"
        serin.yaml:2:28: no check is in the group `defualt`

          2 | score: {weights: {defualt: 100}}
            |                            ^

        hint: did you mean `default`?
        ");
        assert_snapshot!(file("score: {weights: {latency: 100}}"), @"
        serin.yaml:2:28: no check is in the group `latency`

          2 | score: {weights: {latency: 100}}
            |                            ^

        hint: write one of: default
        ");
        assert_snapshot!(check("gauge: rss\nweight: 40"), @"
        serin.yaml:5:13: the weights add up to 40, not to 100

          5 |     weight: 40
            |             ^

        hint: weights are percentages of the whole score; the groups are: memory
        ");
        assert_snapshot!(check("gauge: rss\nweight: 40%"), @"
        serin.yaml:5:13: `40%` is not a number

          5 |     weight: 40%
            |             ^

        hint: write something like `weight: 40`
        ");
        assert_snapshot!(check("gauge: rss\ngroups: [a]\nweight: 40"), @"
        serin.yaml:6:13: `memory` has both `groups` and a `weight` of its own

          6 |     weight: 40
            |             ^

        hint: give the groups their weights in `score: {weights: …}`, or drop `groups`
        ");
        assert_snapshot!(
            error(
                "service: a\nchecks:\n  x: {gauge: x, weight: 70}\n  y: {gauge: y, weight: 40}\n"
            ),
            @"
        serin.yaml:3:25: the weights add up to 110, not to 100

          3 |   x: {gauge: x, weight: 70}
            |                         ^

        hint: weights are percentages of the whole score; the groups are: x, y
        "
        );
        assert_snapshot!(
            error(
                "service: a\nscore: {weights: {x: 70}}\nchecks:\n  x: {gauge: x, weight: 70}\n  y: {gauge: y}\n"
            ),
            @"
        serin.yaml:4:25: `x` has a weight here and as a group in `score.weights`

          4 |   x: {gauge: x, weight: 70}
            |                         ^

        hint: keep one of the two
        "
        );
    }

    #[test]
    fn thresholds() {
        assert_snapshot!(file("score: {pass: 50, marginal: 75}"), @"
        serin.yaml:2:8: `pass` is 50 and `marginal` is 75

          2 | score: {pass: 50, marginal: 75}
            |        ^

        hint: both are from 0 to 100, and `marginal` is not above `pass`: `{pass: 75, marginal: 50}`
        ");
        assert_snapshot!(file("score: {pass: 175}"), @"
        serin.yaml:2:8: `pass` is 175 and `marginal` is 50

          2 | score: {pass: 175}
            |        ^

        hint: both are from 0 to 100, and `marginal` is not above `pass`: `{pass: 75, marginal: 50}`
        ");
        assert_snapshot!(file("score: {marginal: -1}"), @"
        serin.yaml:2:8: `pass` is 75 and `marginal` is -1

          2 | score: {marginal: -1}
            |        ^

        hint: both are from 0 to 100, and `marginal` is not above `pass`: `{pass: 75, marginal: 50}`
        ");
        assert_snapshot!(file("score: {marginal: 80}"), @"
        serin.yaml:2:8: `pass` is 75 and `marginal` is 80

          2 | score: {marginal: 80}
            |        ^

        hint: both are from 0 to 100, and `marginal` is not above `pass`: `{pass: 75, marginal: 50}`
        ");
        assert_snapshot!(file("score: {pass: .nan}"), @"
        serin.yaml:2:8: `pass` is NaN and `marginal` is 50

          2 | score: {pass: .nan}
            |        ^

        hint: both are from 0 to 100, and `marginal` is not above `pass`: `{pass: 75, marginal: 50}`
        ");
        assert_snapshot!(file("score: {pass: 75%}"), @"
        serin.yaml:2:15: `75%` is not a number

          2 | score: {pass: 75%}
            |               ^

        hint: write something like `pass: 75`
        ");
        assert_snapshot!(file("score: {pass: high}"), @"
        serin.yaml:2:15: `high` is not a number

          2 | score: {pass: high}
            |               ^

        hint: write something like `pass: 75`
        ");
    }
}

mod arms_and_sources {
    use super::{assert_snapshot, check, file};

    #[test]
    fn arms() {
        assert_snapshot!(file("arms: {control: {track: a}, canary: {track: a}}"), @"
        serin.yaml:2:7: both arms select the same replicas

          2 | arms: {control: {track: a}, canary: {track: a}}
            |       ^

        hint: give each arm labels of its own, such as `control: {track: stable}` and `canary: {track: canary}`
        ");
        assert_snapshot!(file("arms: {control: {track: a}, canary: {}}"), @"
        serin.yaml:2:7: the arm `canary` names no label

          2 | arms: {control: {track: a}, canary: {}}
            |       ^

        hint: give each arm labels of its own, such as `control: {track: stable}` and `canary: {track: canary}`
        ");
        assert_snapshot!(file("arms: {control: {track: a}}"), @"
        serin.yaml:2:8: `canary` is missing

          2 | arms: {control: {track: a}}
            |        ^

        hint: add `canary: {track: canary}`
        ");
        assert_snapshot!(file("arms: {baseline: {track: a}, canary: {track: b}}"), @"
        serin.yaml:2:8: unknown key `baseline`

          2 | arms: {baseline: {track: a}, canary: {track: b}}
            |        ^

        hint: write `control: {track: stable}`
        ");
        assert_snapshot!(file("arms: {control: {track: [a]}, canary: {track: b}}"), @"
        serin.yaml:2:25: `track` is not a single value

          2 | arms: {control: {track: [a]}, canary: {track: b}}
            |                         ^

        hint: write a single value here
        ");
        assert_snapshot!(file("arms: {control: {track: }, canary: {track: b}}"), @"
        serin.yaml:2:23: there is nothing after `track:`, where a single value belongs

          2 | arms: {control: {track: }, canary: {track: b}}
            |                       ^

        hint: write a single value here
        ");
    }

    #[test]
    fn replicas_and_groups() {
        assert_snapshot!(file("replica: ''"), @"
        serin.yaml:2:10: there is an empty name in `replica`

          2 | replica: ''
            |          ^

        hint: write something like `replica: pod`
        ");
        assert_snapshot!(check("gauge: rss\ngroups: [a, b, a]"), @"
        serin.yaml:5:20: the group `a` is named twice

          5 |     groups: [a, b, a]
            |                    ^

        hint: name each group once; what counts more has a `weight`
        ");
        assert_snapshot!(check("gauge: rss\ngroups: [a, ' ']"), @"
        serin.yaml:5:17: there is an empty name in `groups`

          5 |     groups: [a, ' ']
            |                 ^

        hint: write something like `groups: [errors]`
        ");
        assert_snapshot!(check("gauge: rss\ngroups: [[a]]"), @"
        serin.yaml:5:14: this is not a single value

          5 |     groups: [[a]]
            |              ^

        hint: write a single value here
        ");
    }

    #[test]
    fn source() {
        assert_snapshot!(file("source: {flie: {path: a.csv}}"), @"
        serin.yaml:2:10: unknown key `flie`

          2 | source: {flie: {path: a.csv}}
            |          ^

        hint: did you mean `file`?
        ");
        assert_snapshot!(file("source: a.csv"), @"
        serin.yaml:2:9: `source` is not a mapping

          2 | source: a.csv
            |         ^

        hint: write something like `source: {file: {path: recording.csv}}`
        ");
        assert_snapshot!(file("source: file"), @"
        serin.yaml:2:9: `source` is not a mapping

          2 | source: file
            |         ^

        hint: write something like `source: {file: {path: recording.csv}}`
        ");
        assert_snapshot!(file("source: {file: a.csv}"), @"
        serin.yaml:2:16: `file` is not a mapping

          2 | source: {file: a.csv}
            |                ^

        hint: write something like `file: {path: recording.csv}`
        ");
        assert_snapshot!(file("source: {}"), @"
        serin.yaml:2:9: `source` names no source

          2 | source: {}
            |         ^

        hint: write `source: {prometheus: {url: http://prometheus:9090}}`, or `source: {file: {path: recording.csv}}`, or leave it out and give `--data`
        ");
        assert_snapshot!(file("source: {file: {path: a.csv, counters: totals}}"), @"
        serin.yaml:2:40: unknown value `totals`

          2 | source: {file: {path: a.csv, counters: totals}}
            |                                        ^

        hint: write one of: increments, cumulative
        ");
        assert_snapshot!(file("source: {file: {path: ''}}"), @"
        serin.yaml:2:23: there is an empty name in `path`

          2 | source: {file: {path: ''}}
            |                       ^

        hint: write something like `path: recording.csv`
        ");
    }

    #[test]
    fn horizon() {
        assert_snapshot!(file("at_horizon: maybe"), @"
        serin.yaml:2:13: unknown value `maybe`

          2 | at_horizon: maybe
            |             ^

        hint: write one of: hold, pass_if_visible
        ");
        assert_snapshot!(file("at_horizon: pass"), @"
        serin.yaml:2:13: unknown value `pass`

          2 | at_horizon: pass
            |             ^

        hint: write one of: hold, pass_if_visible
        ");
    }

    #[test]
    fn several_judgements() {
        assert_snapshot!(file("kayenta: {interval: 10m}"), @"
        serin.yaml:2:10: several judgements need to know when the canary lived

          2 | kayenta: {interval: 10m}
            |          ^

        hint: add `window: {start: …, end: …}` to the file
        ");
        assert_snapshot!(
            file("window: {start: 2026-11-23T08:30:00Z, end: 2026-11-23T08:30:30Z}\nkayenta: {interval: 10m}"),
            @"
        serin.yaml:3:10: the window is shorter than a minute, so that no judgement fits

          3 | kayenta: {interval: 10m}
            |          ^

        hint: make `window` longer, or leave `kayenta` out
        "
        );
        assert_snapshot!(file("kayenta: {lookback: 10m}"), @"
        serin.yaml:2:11: `interval` is missing

          2 | kayenta: {lookback: 10m}
            |           ^

        hint: add `interval: 10m`
        ");
        assert_snapshot!(file("kayenta: {interval: 10}"), @"
        serin.yaml:2:21: `10` has no unit

          2 | kayenta: {interval: 10}
            |                     ^

        hint: write `10s` for seconds
        ");
    }
}

mod yaml {
    use super::{assert_snapshot, check, error, file};

    #[test]
    fn nothing() {
        assert_snapshot!(error(""), @"
        serin.yaml:1:1: there is nothing in it

        hint: write at least `service: checkout` and `checks: {memory: {gauge: process_resident_memory_bytes}}`; `docs/guide/check-file.md` shows more
        ");
        assert_snapshot!(error("\n\n# only a comment\n"), @"
        serin.yaml:1:1: there is nothing in it

          1 | 
            | ^

        hint: write at least `service: checkout` and `checks: {memory: {gauge: process_resident_memory_bytes}}`; `docs/guide/check-file.md` shows more
        ");
        assert_snapshot!(error("---\n"), @"
        serin.yaml:1:1: there is nothing in it

          1 | ---
            | ^

        hint: write at least `service: checkout` and `checks: {memory: {gauge: process_resident_memory_bytes}}`; `docs/guide/check-file.md` shows more
        ");
    }

    #[test]
    fn not_yaml() {
        assert_snapshot!(error("service: checkout\nchecks:\n\tmemory: {gauge: rss}\n"), @"
        serin.yaml:3:2: tabs disallowed within this context (block indentation)

          3 | ·memory: {gauge: rss}
            |  ^

        hint: indent with spaces
        ");
        assert_snapshot!(error("service: checkout\nchecks: {memory: {gauge: rss}\n"), @"
        serin.yaml:2:9: unclosed bracket '{'

          2 | checks: {memory: {gauge: rss}
            |         ^

        hint: close it
        ");
        assert_snapshot!(error("service: checkout\nchecks:\n  memory:\n gauge: rss\n"), @"
        serin.yaml:3:9: there is nothing after `memory:`, where a mapping belongs

          3 |   memory:
            |         ^

        hint: write `key: value` lines below the key, indented by two spaces
        ");
        assert_snapshot!(error("service: \"checkout\nchecks:\n  memory: {gauge: rss}\n"), @r#"
        serin.yaml:1:10: unclosed quote

          1 | service: "checkout
            |          ^

        hint: close it
        "#);
        assert_snapshot!(check("gauge: http_requests{code=\"5\"}: x"), @r#"
        serin.yaml:4:35: mapping values are not allowed in this context

          4 |     gauge: http_requests{code="5"}: x
            |                                   ^

        hint: indent by two spaces, and put a text that holds one of `: { } [ ] , # & * ! | > % @` into single quotes
        "#);
        assert_snapshot!(check("gauge: `rss`"), @"
        serin.yaml:4:12: unexpected character: ``'

          4 |     gauge: `rss`
            |            ^

        hint: indent by two spaces, and put a text that holds one of `: { } [ ] , # & * ! | > % @` into single quotes
        ");
        assert_snapshot!(check("gauge: %rss"), @"
        serin.yaml:4:12: unexpected character: `%'

          4 |     gauge: %rss
            |            ^

        hint: indent by two spaces, and put a text that holds one of `: { } [ ] , # & * ! | > % @` into single quotes
        ");
        assert_snapshot!(check("ratio: {bad: a{code=\"500\"}, total: b}"), @r#"
        serin.yaml:4:19: while parsing a flow mapping, did not find expected ',' or '}'

          4 |     ratio: {bad: a{code="500"}, total: b}
            |                   ^

        hint: indent by two spaces, and put a text that holds one of `: { } [ ] , # & * ! | > % @` into single quotes
        "#);
        assert_snapshot!(error("{\"service\": 1,,}"), @r#"
        serin.yaml:1:15: unexpected EOF while parsing an implicit flow mapping

          1 | {"service": 1,,}
            |               ^

        hint: indent by two spaces, and put a text that holds one of `: { } [ ] , # & * ! | > % @` into single quotes
        "#);
    }

    #[test]
    fn several_documents() {
        assert_snapshot!(
            error("service: a\nchecks: {m: {gauge: g}}\n---\nservice: b\nchecks: {m: {gauge: g}}\n"),
            @"
        serin.yaml:3:1: a second document begins here

          3 | ---
            | ^

        hint: a Check file is about one service; put the other one into a file of its own
        "
        );
    }

    #[test]
    fn anchors() {
        assert_snapshot!(file("replica: *pod"), @"
        serin.yaml:2:10: this alias stands for nothing above it

          2 | replica: *pod
            |          ^

        hint: put `&name` before the value it stands for, or quote the text if it is none
        ");
        assert_snapshot!(file("replica: &pod [*pod]"), @"
        serin.yaml:2:15: this is not a single value

          2 | replica: &pod [*pod]
            |               ^

        hint: write a single value here
        ");
        assert_snapshot!(file("arms:\n  <<: 5\n  control: {a: b}\n  canary: {a: c}"), @"
        serin.yaml:3:7: only a mapping can be merged

          3 |   <<: 5
            |       ^

        hint: write `<<: *name`, with `&name` at a mapping
        ");
        assert_snapshot!(check("gauge: &name rss\ncompare: {tolerance: *name}"), @"
        serin.yaml:5:26: `rss` is not a percentage

          5 |     compare: {tolerance: *name}
            |                          ^

        hint: write a percentage, such as `25%`
        ");
    }

    #[test]
    fn billion_laughs() {
        let mut laughs = String::from("&m0 {ha: ha}");
        for depth in 1..12 {
            let again = format!(", *m{}", depth - 1).repeat(9);
            laughs = format!("&m{depth} {{<<: [{laughs}{again}]}}");
        }
        let arms = format!("arms:\n  control: {{track: stable}}\n  canary:\n    {laughs}");
        assert_snapshot!(file(&arms), @"
        serin.yaml:5:324: the file is too large, or its aliases (`*name`) stand for too much

          5 |     &m11 {<<: [&m10 {<<: [&m9 {<<: [&m8 {<<: [&m7 {<<: [&m6 {<<: [&m5 {<<: [&m4 {<<: [&m3 {<<: [&m2 {<<: [&m1 {<<: [&m0 {ha: ha}, *m0, *m0, *m0, *m0, *m0, *m0, …

        hint: write out what the aliases stand for, or split the file by service
        ");
        let checks = "  x: *rss\n".repeat(20_000);
        assert_snapshot!(error(&format!("service: a\nchecks:\n  m: &rss {{gauge: g}}\n{checks}")), @"
        serin.yaml:5:3: `x` is written twice

          5 |   x: *rss
            |   ^

        hint: keep one of the two
        ");
        let aliases: String = (0..20_000).map(|index| format!("  x{index}: *rss\n")).collect();
        assert_snapshot!(error(&format!("service: a\nchecks:\n  m: &rss {{gauge: g}}\n{aliases}")), @"
        serin.yaml:10004:11: the file is too large, or its aliases (`*name`) stand for too much

          10004 |   x10000: *rss
                |           ^

        hint: write out what the aliases stand for, or split the file by service
        ");
    }

    #[test]
    fn without_end() {
        let deep = format!("service: {}{}", "[".repeat(5000), "]".repeat(5000));
        assert_snapshot!(error(&deep), @"
        serin.yaml:1:10: `service` is not a single value

          1 | service: [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[…
            |          ^

        hint: write something like `service: checkout`
        ");
        let mut block = String::from("service: checkout\nchecks:\n");
        for depth in 0..2000 {
            block += &format!("{}a:\n", " ".repeat(depth + 1));
        }
        assert_snapshot!(error(&block), @"
        serin.yaml:4:3: unknown key `a`

          4 |   a:
            |   ^

        hint: write one of: ratio, histogram, count, gauge, quantile, worse, compare, limit, gating, critical, muted, signal, why, groups, weight, minimum_points, owner, kayenta
        ");
        let huge = "x".repeat(500_000);
        assert_snapshot!(file(&format!("at_horizon: {huge}")), @"
        serin.yaml:2:13: unknown value `xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…

          2 | at_horizon: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…
            |             ^

        hint: write one of: hold, pass_if_visible
        ");
        assert_snapshot!(file(&format!("{huge}: 1")), @"
        serin.yaml:2:1: simple key expected ':'

          2 | xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…
            | ^

        hint: indent by two spaces, and put a text that holds one of `: { } [ ] , # & * ! | > % @` into single quotes
        ");
        assert_snapshot!(file(&format!("? {huge}\n: 1")), @"
        serin.yaml:2:3: unknown key `xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…

          2 | ? xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…
            |   ^

        hint: write one of: service, extends, use, source, arms, scope, for_each, replica, step, window, horizon, warm_up, history, minimum_time, at_horizon, minimum_points, score, kayenta, checks
        ");
        assert_snapshot!(file(&format!("step: {huge}")), @"
        serin.yaml:2:7: `xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…

          2 | step: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…
            |       ^

        hint: write something like `60s`, `5m` or `1h 30m`
        ");
        assert_snapshot!(check(&format!("gauge: rss\nweight: {huge}")), @"
        serin.yaml:5:13: `xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…

          5 |     weight: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…
            |             ^

        hint: write something like `weight: 40`
        ");
        assert_snapshot!(file(&format!("score: {{weights: {{{huge}: 100}}}}")), @"
        serin.yaml:2:500019: `` is not a number

          2 | score: {weights: {xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…

        hint: write a number here
        ");
    }

    #[test]
    fn control_characters() {
        assert_snapshot!(file("at_horizon: \"\u{1b}[31mred\""), @r#"
        serin.yaml:2:14: unexpected character: `\u{1b}'

          2 | at_horizon: "·[31mred"
            |              ^

        hint: indent by two spaces, and put a text that holds one of `: { } [ ] , # & * ! | > % @` into single quotes
        "#);
        assert_snapshot!(file("at_horizon: \"\\e[31mred\\a\\n\""), @r#"
        serin.yaml:2:13: unknown value `·[31mred··`

          2 | at_horizon: "\e[31mred\a\n"
            |             ^

        hint: write one of: hold, pass_if_visible
        "#);
        assert_snapshot!(file("\"\\e[31mred\": 1"), @r#"
        serin.yaml:2:1: unknown key `·[31mred`

          2 | "\e[31mred": 1
            | ^

        hint: write one of: service, extends, use, source, arms, scope, for_each, replica, step, window, horizon, warm_up, history, minimum_time, at_horizon, minimum_points, score, kayenta, checks
        "#);
        assert_snapshot!(file("step: \"6\\n0\\e[31m\""), @r#"
        serin.yaml:2:7: `6·0·[31m` is not a length of time

          2 | step: "6\n0\e[31m"
            |       ^

        hint: write something like `60s`, `5m` or `1h 30m`
        "#);
        assert_snapshot!(check("gauge: rss\n\u{7}: bell"), @r"
        serin.yaml:5:5: unexpected character: `\u{7}'

          5 |     ·: bell
            |     ^

        hint: indent by two spaces, and put a text that holds one of `: { } [ ] , # & * ! | > % @` into single quotes
        ");
    }

    #[test]
    fn tags() {
        assert_snapshot!(file("step: !!int 60"), @"
        serin.yaml:2:13: this tag does not belong here

          2 | step: !!int 60
            |             ^

        hint: leave the tag out, or quote the text if it belongs to it
        ");
        assert_snapshot!(file("source: !prometheus {url: x}"), @"
        serin.yaml:2:21: the tag `!prometheus` means nothing here

          2 | source: !prometheus {url: x}
            |                     ^

        hint: leave the tag out, or quote the text if it belongs to it
        ");
        assert_snapshot!(file("replica: !include secret.yaml"), @"
        serin.yaml:2:19: the tag `!include` means nothing here

          2 | replica: !include secret.yaml
            |                   ^

        hint: leave the tag out, or quote the text if it belongs to it
        ");
    }
}
