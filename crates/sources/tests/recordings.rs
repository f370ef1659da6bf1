//! What recordings answer, and what is said about those that cannot be used.

use std::fmt::Write as _;
use std::io::{self, Read, Write as _};

use flate2::Compression;
use flate2::write::GzEncoder;
use insta::assert_snapshot;
use serin_model::{Analysis, Arm, CounterForm, MetricSeries, Observations};
use serin_sources::{Recording, SourceError, read_recording};

/// Reads a Check file that is right but for its checks.
fn analysis(checks: &str) -> Analysis {
    analysis_of(
        "replica: pod\nstep: 5s\narms: {control: {track: stable}, canary: {track: canary}}",
        checks,
    )
}

fn analysis_of(top: &str, checks: &str) -> Analysis {
    let checks: String = checks.lines().map(|line| format!("  {line}\n")).collect();
    let text = format!("service: checkout\n{top}\nchecks:\n{checks}");
    serin_check::read("serin.yaml", &text).expect("the Check file is right").analysis
}

fn recording(checks: &str, counters: CounterForm, bytes: &[u8]) -> Result<Recording, SourceError> {
    read_recording("checkout.csv", bytes, &analysis(checks), counters)
}

/// Draws what a recording answers, or says what is wrong with it.
fn answer(checks: &str, text: &str) -> String {
    drawn(recording(checks, CounterForm::Increments, text.as_bytes()))
}

/// Draws what a recording of running totals answers.
fn counted(checks: &str, text: &str) -> String {
    drawn(recording(checks, CounterForm::Cumulative, text.as_bytes()))
}

fn error(bytes: &[u8]) -> String {
    match recording("memory: {gauge: rss}", CounterForm::Increments, bytes) {
        Ok(recording) => drawn(Ok(recording)),
        Err(error) => error.to_string(),
    }
}

fn drawn(recording: Result<Recording, SourceError>) -> String {
    match recording {
        Ok(recording) => recording.series.iter().map(draw).collect(),
        Err(error) => error.to_string(),
    }
}

fn draw(series: &MetricSeries) -> String {
    let mut drawing = format!("{}\n", series.check);
    for (name, arm) in [("control", &series.arms.control), ("canary", &series.arms.canary)] {
        draw_arm(&mut drawing, name, arm);
    }
    drawing
}

fn draw_arm(drawing: &mut String, name: &str, arm: &Arm) {
    for replica in &arm.replicas {
        let points: Vec<String> = match &replica.observations {
            Observations::Value(points) => {
                points.iter().map(|point| format!("{}: {}", at(point.time), point.value)).collect()
            }
            Observations::Ratio(points) => points
                .iter()
                .map(|point| {
                    format!("{}: {}/{}", at(point.time), point.value.bad, point.value.total)
                })
                .collect(),
            Observations::Count(points) => points
                .iter()
                .map(|point| {
                    format!("{}: {}/{}", at(point.time), point.value.events, point.value.exposure)
                })
                .collect(),
            Observations::Histogram { bounds, points } => {
                let _ = write!(drawing, "  {:?}", bounds.as_slice());
                points
                    .iter()
                    .map(|point| format!("{}: {:?}", at(point.time), point.value))
                    .collect()
            }
        };
        let _ = writeln!(drawing, "  {name} {:?}  {}", replica.name, points.join("  "));
    }
}

fn at(time: serin_model::Timestamp) -> f64 {
    time.as_millis() as f64 / 1000.0
}

fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).expect("memory takes bytes");
    encoder.finish().expect("memory takes bytes")
}

const MEMORY: &str = "memory: {gauge: rss}";

const LONG: &str = "\
time,metric,track,pod,value
0,rss,stable,a,1
0,rss,canary,b,2
5,rss,stable,a,3
5,rss,canary,b,4
";

mod layouts {
    use super::*;

    #[test]
    fn long() {
        assert_snapshot!(answer(MEMORY, LONG), @r#"
        memory
          control "a"  0: 1  5: 3
          canary "b"  0: 2  5: 4
        "#);
    }

    #[test]
    fn a_column_for_each_arm() {
        assert_snapshot!(answer(MEMORY, "time,metric,control,canary\n0,rss,1,2\n5,rss,3,4\n"), @r#"
        memory
          control ""  0: 1  5: 3
          canary ""  0: 2  5: 4
        "#);
        assert_snapshot!(answer(MEMORY, "timestamp,baseline,experiment\n0,1,2\n5,3,4\n"), @r#"
        memory
          control ""  0: 1  5: 3
          canary ""  0: 2  5: 4
        "#);
    }

    #[test]
    fn a_column_for_each_metric() {
        assert_snapshot!(
            answer("memory: {gauge: rss}\nheap: {gauge: heap}", "time,arm,pod,rss,heap,comment\n0,control,a,1,10,x\n0,canary,b,2,20,\n"),
            @r#"
        memory
          control "a"  0: 1
          canary "b"  0: 2
        heap
          control "a"  0: 10
          canary "b"  0: 20
        "#
        );
    }

    #[test]
    fn json_lines() {
        assert_snapshot!(
            answer(
                MEMORY,
                r#"{"time": 0, "metric": "rss", "track": "stable", "pod": "a", "value": 1}
{"time": 5.0, "metric": "rss", "labels": {"track": "stable", "pod": "a"}, "value": 3}

{"value": 2, "pod": "b", "track": "canary", "time": "1970-01-01T00:00:00Z", "metric": "rss"}
{"time": 5, "metric": "rss", "labels": {"pod": "b", "track": "canary", "zone": null}, "value": null}
"#
            ),
            @r#"
        memory
          control "a"  0: 1  5: 3
          canary "b"  0: 2  5: NaN
        "#
        );
    }

    #[test]
    fn json_lines_may_have_a_column_for_each_arm_or_metric() {
        assert_snapshot!(answer(MEMORY, "{\"time\":0,\"control\":1,\"canary\":2}\n"), @r#"
        memory
          control ""  0: 1
          canary ""  0: 2
        "#);
        assert_snapshot!(answer(MEMORY, "{\"time\":0,\"arm\":\"canary\",\"rss\":2}\n"), @r#"
        memory
          canary ""  0: 2
        "#);
    }

    #[test]
    fn without_a_replica_label_every_series_of_a_gauge_is_a_replica() {
        let analysis =
            analysis_of("arms: {control: {track: stable}, canary: {track: canary}}", MEMORY);
        let read = read_recording("a", LONG.as_bytes(), &analysis, CounterForm::Increments);
        assert_snapshot!(drawn(read), @r#"
        memory
          control "pod=a, track=stable"  0: 1  5: 3
          canary "pod=b, track=canary"  0: 2  5: 4
        "#);
    }

    #[test]
    fn one_metric_needs_no_column() {
        assert_snapshot!(answer(MEMORY, "time,track,value\n0,stable,1\n0,canary,2\n"), @r#"
        memory
          control ""  0: 1
          canary ""  0: 2
        "#);
    }

    #[test]
    fn quotes_white_space_and_line_ends() {
        assert_snapshot!(
            answer(
                MEMORY,
                "\u{feff}time , metric,\"track\",pod,value\r\n0, rss ,stable,\"a,\"\"b\"\"\", 1 \r\n\r\n5,rss,\"stable\",\"a,\"\"b\"\"\",2"
            ),
            @r#"
        memory
          control "a,\"b\""  0: 1  5: 2
        "#
        );
        let json = "\u{feff}\r\n {\"time\":0,\"metric\":\"r\\u0073s\",\"track\":\"stable\",\"value\":1}\r\n";
        assert_snapshot!(answer(MEMORY, json), @r#"
        memory
          control ""  0: 1
        "#);
    }

    #[test]
    fn an_arm_may_be_the_series_without_a_label() {
        let analysis = analysis_of("arms: {control: {track: ''}, canary: {track: canary}}", MEMORY);
        let text = "time,metric,track,value\n0,rss,,1\n0,rss,canary,2\n";
        let read = read_recording("a", text.as_bytes(), &analysis, CounterForm::Increments);
        assert_snapshot!(drawn(read), @r#"
        memory
          control ""  0: 1
          canary "track=canary"  0: 2
        "#);
    }

    #[test]
    fn a_byte_at_a_time() {
        struct Slow<'a>(&'a [u8]);

        impl Read for Slow<'_> {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                let one = self.0.len().min(1).min(buffer.len());
                self.0.read(&mut buffer[..one])
            }
        }

        let whole = drawn(recording(MEMORY, CounterForm::Increments, LONG.as_bytes()));
        for bytes in
            [LONG.as_bytes().to_vec(), gzipped(LONG.as_bytes()), format!("\u{feff}{LONG}").into()]
        {
            let slow =
                read_recording("a", Slow(&bytes), &analysis(MEMORY), CounterForm::Increments);
            assert_eq!(drawn(slow), whole);
        }
    }
}

mod times_and_values {
    use super::*;

    #[test]
    fn times() {
        assert_snapshot!(
            answer(
                MEMORY,
                "time,track,value\n0.5,stable,1\n1e3,stable,2\n1970-01-01T00:00:02.250Z,stable,3\n1970-01-01T02:00:03+02:00,stable,4\n-1,stable,5\n"
            ),
            @r#"
        memory
          control ""  -1: 5  0.5: 1  2.25: 3  3: 4  1000: 2
        "#
        );
    }

    #[test]
    fn gaps_and_infinities_are_kept() {
        assert_snapshot!(
            answer(
                MEMORY,
                "time,track,value\n0,stable,\n1,stable,NaN\n2,stable,nan\n3,stable,null\n4,stable,+Inf\n5,stable,-inf\n6,stable,1e-300\n"
            ),
            @r#"
        memory
          control ""  0: NaN  1: NaN  2: NaN  3: NaN  4: inf  5: -inf  6: 0.000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000001
        "#
        );
    }

    #[test]
    fn what_is_no_time() {
        let at = |time: &str| error(format!("time,track,value\n{time},stable,1\n").as_bytes());
        assert_snapshot!(at("1763886600000"), @r#"
        checkout.csv:2: `time` is "1763886600000", which is no time in seconds

        hint: write seconds since 1970; these look like milliseconds or less
        "#);
        assert_snapshot!(at("inf"), @r#"
        checkout.csv:2: `time` is "inf", which is no time

        hint: write seconds since 1970, or RFC 3339 such as 2026-11-23T08:30:00Z
        "#);
        assert_snapshot!(at("NaN"), @r#"
        checkout.csv:2: `time` is "NaN", which is no time

        hint: write seconds since 1970, or RFC 3339 such as 2026-11-23T08:30:00Z
        "#);
        assert_snapshot!(at(""), @r#"
        checkout.csv:2: `time` is "", which is no time

        hint: write seconds since 1970, or RFC 3339 such as 2026-11-23T08:30:00Z
        "#);
        assert_snapshot!(at("yesterday"), @r#"
        checkout.csv:2: `time` is "yesterday", which is no time

        hint: write seconds since 1970, or RFC 3339 such as 2026-11-23T08:30:00Z
        "#);
        assert_snapshot!(at("2026-11-23 08:30"), @r#"
        checkout.csv:2: `time` is "2026-11-23 08:30", which is no time

        hint: write seconds since 1970, or RFC 3339 such as 2026-11-23T08:30:00Z
        "#);
        assert_snapshot!(at("2026-11-23T08:30:00"), @r#"
        checkout.csv:2: `time` is "2026-11-23T08:30:00", which is no time

        hint: write seconds since 1970, or RFC 3339 such as 2026-11-23T08:30:00Z
        "#);
        assert_snapshot!(error(b"{\"time\":1763886600000,\"track\":\"stable\",\"value\":1}"), @r#"
        checkout.csv:1: `time` is "1763886600000", which is no time in seconds

        hint: write seconds since 1970; these look like milliseconds or less
        "#);
    }

    #[test]
    fn what_is_no_value() {
        let value = |value: &str| error(format!("time,track,value\n0,stable,{value}\n").as_bytes());
        assert_snapshot!(value("many"), @r#"
        checkout.csv:2: `value` is "many", which is no number

        hint: write a number with a decimal point, or leave it empty for a gap
        "#);
        assert_snapshot!(value("\"1,5\""), @r#"
        checkout.csv:2: `value` is "1,5", which is no number

        hint: write a number with a decimal point, or leave it empty for a gap
        "#);
        assert_snapshot!(value("5ms"), @r#"
        checkout.csv:2: `value` is "5ms", which is no number

        hint: write a number with a decimal point, or leave it empty for a gap
        "#);
        assert_snapshot!(value("1e999"), @r#"
        checkout.csv:2: `value` is "1e999", which is no number

        hint: write a number with a decimal point, or leave it empty for a gap
        "#);
        assert_snapshot!(value(&format!("\u{1b}[31m{}", "x".repeat(100_000))), @r#"
        checkout.csv:2: `value` is "·[31mxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…", which is no number

        hint: write a number with a decimal point, or leave it empty for a gap
        "#);
        assert_snapshot!(error(b"{\"time\":0,\"track\":\"stable\",\"value\":[1]}"), @r#"
        checkout.csv:1: there is a list where a single value in `value` belongs

        hint: write an object a line, such as {"time":0,"metric":"errors","arm":"canary","value":3}; labels may stand in an object `labels`
        "#);
        assert_snapshot!(error(b"{\"time\":0,\"track\":\"stable\",\"value\":true}"), @r#"
        checkout.csv:1: `value` is "true", which is no number

        hint: write a number with a decimal point, or leave it empty for a gap
        "#);
        assert_snapshot!(error(b"{\"time\":0,\"track\":\"stable\",\"value\":{\"p99\":1}}"), @r#"
        checkout.csv:1: there is an object where a single value in `value` belongs

        hint: write an object a line, such as {"time":0,"metric":"errors","arm":"canary","value":3}; labels may stand in an object `labels`
        "#);
    }

    #[test]
    fn what_nobody_asks_for_is_not_read() {
        let text = "time,metric,track,value\nnever,build_info,stable,v1.2\n0,rss,stable,1\n";
        assert_snapshot!(answer(MEMORY, text), @r#"
        memory
          control ""  0: 1
        "#);
    }
}

mod counters {
    use super::*;

    const ERRORS: &str = "errors:\n  ratio: {bad: 'requests{code=~\"5..\"}', total: requests}";

    #[test]
    fn increments_are_added_up_by_replica() {
        assert_snapshot!(
            answer(
                ERRORS,
                "time,metric,track,pod,code,value\n0,requests,stable,a,200,9\n0,requests,stable,a,500,1\n0,requests,stable,b,200,5\n5,requests,stable,a,200,7\n5,requests,stable,a,500,\n5,requests,stable,b,503,2\n"
            ),
            @r#"
        errors
          control "a"  0: 1/10
          control "b"  0: 0/5  5: 2/2
        "#
        );
    }

    #[test]
    fn totals_become_increments_over_restarts() {
        assert_snapshot!(
            counted(
                ERRORS,
                "time,metric,track,pod,code,value\n0,requests,stable,a,200,100\n5,requests,stable,a,200,110\n10,requests,stable,a,200,4\n15,requests,stable,a,200,\n20,requests,stable,a,200,6\n"
            ),
            @r#"
        errors
          control "a"  5: 0/10  10: 0/4  20: 0/2
        "#
        );
    }

    #[test]
    fn an_error_counter_born_inside_counts_from_zero() {
        assert_snapshot!(
            counted(
                ERRORS,
                "time,metric,track,pod,code,value\n0,requests,canary,a,200,100\n5,requests,canary,a,200,110\n10,requests,canary,a,200,120\n10,requests,canary,a,500,3\n15,requests,canary,a,200,130\n15,requests,canary,a,500,5\n"
            ),
            @r#"
        errors
          canary "a"  5: 0/10  10: 3/13  15: 2/12
        "#
        );
    }

    /// A target that is scraped later in the same round was there before.
    #[test]
    fn a_counter_is_not_born_because_it_is_scraped_later() {
        assert_snapshot!(
            counted(
                "jobs: {count: {events: jobs}}",
                "time,metric,track,pod,value\n0,jobs,stable,a,500\n40,jobs,canary,b,9000\n60,jobs,stable,a,501\n100,jobs,canary,b,9001\n120,jobs,stable,a,502\n160,jobs,canary,b,9002\n"
            ),
            @r#"
        jobs
          control "a"  60: 1/1  120: 1/1
          canary "b"  100: 1/1  160: 1/1
        "#
        );
    }

    #[test]
    fn a_pod_that_starts_inside_counts_from_zero() {
        assert_snapshot!(
            counted(
                "jobs: {count: {events: jobs}}",
                "time,metric,track,pod,value\n0,jobs,stable,a,500\n5,jobs,stable,a,501\n10,jobs,stable,a,502\n15,jobs,canary,b,7\n20,jobs,canary,b,9\n"
            ),
            @r#"
        jobs
          control "a"  5: 1/1  10: 1/1
          canary "b"  15: 7/1  20: 2/1
        "#
        );
    }

    #[test]
    fn no_series_of_bad_events_is_no_error() {
        assert_snapshot!(
            answer(ERRORS, "time,metric,track,pod,code,value\n0,requests,canary,a,200,9\n5,requests,canary,a,200,0\n"),
            @r#"
        errors
          canary "a"  0: 0/9  5: 0/0
        "#
        );
    }

    #[test]
    fn bad_events_that_are_read_at_another_instant_are_not_lost() {
        assert_snapshot!(
            answer(
                "errors: {ratio: {bad: errors, total: requests}}",
                "time,metric,track,pod,value\n0,requests,canary,a,9\n1,errors,canary,a,2\n2,errors,canary,a,0\n"
            ),
            @r#"
        errors
          canary "a"  0: 0/9  1: 2/0
        "#
        );
    }

    #[test]
    fn bad_events_of_a_replica_without_a_total() {
        let text = "time,metric,track,pod,value\n0,requests,canary,a,9\n0,errors,canary,,2\n";
        assert_snapshot!(answer("errors: {ratio: {bad: errors, total: requests}}", text), @r#"
        checkout.csv: check `errors`: replica "" of the canary has events, and no total

        hint: both queries must select series with the same `replica` label, or leave `replica` out
        "#);
        assert_snapshot!(answer("errors: {count: {events: errors, exposure: requests}}", text), @r#"
        checkout.csv: check `errors`: replica "" of the canary has events, and no exposure

        hint: both queries must select series with the same `replica` label, or leave `replica` out
        "#);
    }

    #[test]
    fn counts_with_and_without_exposure() {
        let text = "time,metric,track,pod,value\n0,jobs,canary,a,3\n0,seconds,canary,a,5\n5,seconds,canary,a,5\n10,jobs,canary,a,2\n10,seconds,canary,a,\n";
        assert_snapshot!(answer("jobs: {count: {events: jobs, exposure: seconds}}", text), @r#"
        jobs
          canary "a"  0: 3/5  5: 0/5
        "#);
        assert_snapshot!(answer("jobs: {count: {events: jobs}}", text), @r#"
        jobs
          canary "a"  0: 3/1  10: 2/1
        "#);
    }

    #[test]
    fn what_is_no_count() {
        let count = |value: &str| {
            answer(
                "jobs: {count: {events: jobs}}",
                &format!("time,metric,track,value\n0,jobs,canary,1\n5,jobs,canary,{value}\n"),
            )
        };
        assert_snapshot!(count("-1"), @"
        checkout.csv:3: a count is -1

        hint: counts are finite and never below zero; a level that is not is a `gauge`
        ");
        assert_snapshot!(count("+Inf"), @"
        checkout.csv:3: a count is inf

        hint: counts are finite and never below zero; a level that is not is a `gauge`
        ");
    }
}

mod histograms {
    use super::*;

    const LATENCY: &str = "latency: {histogram: seconds_bucket}";

    /// Writes scrapes of one pod: each a time and the counts of `le` 0.1, 0.2 and +Inf.
    fn scrapes(scrapes: &[(u32, [&str; 3])]) -> String {
        let mut text = String::from("time,metric,track,pod,le,value\n");
        for (time, counts) in scrapes {
            for (le, count) in ["0.1", "0.2", "+Inf"].into_iter().zip(counts) {
                if *count != "–" {
                    let _ = writeln!(text, "{time},seconds_bucket,canary,a,{le},{count}");
                }
            }
        }
        text
    }

    #[test]
    fn buckets_are_taken_apart() {
        let text = scrapes(&[(0, ["4", "9", "10"]), (5, ["0", "0", "0"])]);
        assert_snapshot!(answer(LATENCY, &text), @r#"
        latency
          [0.1, 0.2]  canary "a"  0: [4.0, 5.0, 1.0]  5: [0.0, 0.0, 0.0]
        "#);
        let text =
            scrapes(&[(0, ["4", "9", "10"]), (5, ["4", "9", "11"]), (10, ["6", "11", "13"])]);
        assert_snapshot!(counted(LATENCY, &text), @r#"
        latency
          [0.1, 0.2]  canary "a"  5: [0.0, 0.0, 1.0]  10: [2.0, 0.0, 0.0]
        "#);
    }

    #[test]
    fn a_restart_is_one_of_all_buckets() {
        let text = scrapes(&[(0, ["40", "90", "100"]), (5, ["0", "95", "120"])]);
        assert_snapshot!(counted(LATENCY, &text), @r#"
        latency
          [0.1, 0.2]  canary "a"  5: [0.0, 95.0, 25.0]
        "#);
    }

    #[test]
    fn a_bucket_that_is_missing_once_is_made_up_for() {
        let text = scrapes(&[
            (0, ["0", "0", "0"]),
            (5, ["1", "–", "3"]),
            (10, ["2", "4", "6"]),
            (15, ["3", "", "9"]),
            (20, ["4", "8", "12"]),
        ]);
        assert_snapshot!(counted(LATENCY, &text), @r#"
        latency
          [0.1, 0.2]  canary "a"  10: [2.0, 2.0, 2.0]  20: [2.0, 2.0, 2.0]
        "#);
        assert_snapshot!(answer(LATENCY, &text), @r#"
        latency
          [0.1, 0.2]  canary "a"  0: [0.0, 0.0, 0.0]  10: [2.0, 2.0, 2.0]  20: [4.0, 4.0, 4.0]
        "#);
    }

    #[test]
    fn buckets_that_disagree_by_an_event_do_not_count_below_zero() {
        let text = scrapes(&[(0, ["10", "9", "12"])]);
        assert_snapshot!(answer(LATENCY, &text), @r#"
        latency
          [0.1, 0.2]  canary "a"  0: [10.0, 0.0, 3.0]
        "#);
    }

    #[test]
    fn histograms_of_one_replica_are_added_at_the_edges_they_share() {
        let text = "time,metric,track,pod,code,le,value\n\
            0,seconds_bucket,canary,a,200,0.1,4\n0,seconds_bucket,canary,a,200,0.2,9\n0,seconds_bucket,canary,a,200,+Inf,10\n\
            0,seconds_bucket,canary,a,500,0.2,1\n0,seconds_bucket,canary,a,500,0.4,2\n0,seconds_bucket,canary,a,500,+Inf,3\n";
        assert_snapshot!(answer(LATENCY, text), @r#"
        latency
          [0.2]  canary "a"  0: [10.0, 3.0]
        "#);
    }

    #[test]
    fn what_is_no_histogram() {
        let rows = |rows: &[(&str, &str)]| {
            let rows =
                rows.iter().map(|(le, count)| format!("0,seconds_bucket,canary,a,{le},{count}\n"));
            let text = format!("time,metric,track,pod,le,value\n{}", rows.collect::<String>());
            answer(LATENCY, &text)
        };
        assert_snapshot!(rows(&[("", "5")]), @"
        checkout.csv:2: a histogram's series has no label `le`

        hint: select the buckets, such as `http_request_duration_seconds_bucket`
        ");
        assert_snapshot!(rows(&[("fast", "5"), ("+Inf", "6")]), @r#"
        checkout.csv:2: `le` is "fast", which is no upper edge

        hint: write a number or +Inf
        "#);
        assert_snapshot!(rows(&[("NaN", "5"), ("+Inf", "6")]), @r#"
        checkout.csv:2: `le` is "NaN", which is no upper edge

        hint: write a number or +Inf
        "#);
        assert_snapshot!(rows(&[("0.1", "5"), ("0.2", "6")]), @r#"
        checkout.csv:3: a histogram has no bucket `le="+Inf"`

        hint: record all buckets; without the last one the slowest are not seen
        "#);
        assert_snapshot!(rows(&[("+Inf", "6")]), @r#"
        checkout.csv:2: the histograms of a replica share no finite edge

        hint: record all buckets, not just the one with `le="+Inf"`
        "#);
        assert_snapshot!(rows(&[("1", "5"), ("1.0", "5"), ("+Inf", "6")]), @r#"
        checkout.csv:3: the same bucket is written in two ways, "1" and "1.0"

        hint: write `le` alike on every line
        "#);
        assert_snapshot!(rows(&[("0.1", "500"), ("0.2", "80"), ("+Inf", "20")]), @r#"
        checkout.csv:2: the bucket le="0.2" counts 80 events, fewer than le="0.1" with 500

        hint: each bucket counts all events at or below its edge, as Prometheus does
        "#);
        assert_snapshot!(rows(&[("0.1", "-5"), ("+Inf", "20")]), @"
        checkout.csv:2: a count is -5

        hint: counts are finite and never below zero; a level that is not is a `gauge`
        ");
        let apart = "time,metric,track,le,value\n0,seconds_bucket,canary,0.1,5\n1,seconds_bucket,canary,+Inf,6\n";
        assert_snapshot!(answer(LATENCY, apart), @"
        checkout.csv:2: at no moment are all 2 buckets there

        hint: record every bucket at every moment, with the same time
        ");
    }
}

mod files {
    use super::*;

    #[test]
    fn gzip_of_everything() {
        let json =
            "{\"time\":0,\"metric\":\"rss\",\"track\":\"stable\",\"pod\":\"a\",\"value\":1}\n";
        for text in [LONG, json, "time,control,canary\n0,1,2\n"] {
            assert_eq!(error(&gzipped(text.as_bytes())), error(text.as_bytes()));
        }
        let (head, tail) = LONG.as_bytes().split_at(40);
        assert_eq!(error(&[gzipped(head), gzipped(tail)].concat()), error(LONG.as_bytes()));
        assert_eq!(error(&gzipped(format!("\u{feff}{LONG}").as_bytes())), error(LONG.as_bytes()));
    }

    #[test]
    fn the_digest_is_of_the_bytes_as_stored() {
        let packed = gzipped(LONG.as_bytes());
        let read = recording(MEMORY, CounterForm::Increments, &packed).unwrap();
        assert_eq!(read.digest.bytes, packed.len() as u64);
        let plain = recording(MEMORY, CounterForm::Increments, LONG.as_bytes()).unwrap();
        assert_eq!(plain.digest, serin_sources::Digest::of(LONG));
        assert_eq!(at(plain.span.0), 0.0);
        assert_eq!(at(plain.span.1), 5.0);
    }

    #[test]
    fn damaged_gzip() {
        let packed = gzipped(LONG.as_bytes());
        assert_snapshot!(error(&packed[..packed.len() - 12]), @"
        checkout.csv:5: the recording cannot be read on: incomplete deflate stream

        hint: the file is cut off or damaged, or more than gzip is in it; copy or pack it again
        ");
        assert_snapshot!(error(&packed[..5]), @"
        checkout.csv:1: the recording cannot be read on: unexpected end of file

        hint: the file is cut off or damaged, or more than gzip is in it; copy or pack it again
        ");
        assert_snapshot!(error(&[&packed[..], b"more than a header"].concat()), @"
        checkout.csv:6: the recording cannot be read on: invalid gzip header

        hint: the file is cut off or damaged, or more than gzip is in it; copy or pack it again
        ");
        assert_snapshot!(error(&[&packed[..], b"garbage"].concat()), @"
        checkout.csv:6: the recording cannot be read on: unexpected end of file

        hint: the file is cut off or damaged, or more than gzip is in it; copy or pack it again
        ");
        assert_snapshot!(error(&[&packed[..10], b"garbage"].concat()), @"
        checkout.csv:1: the recording cannot be read on: corrupt deflate stream

        hint: the file is cut off or damaged, or more than gzip is in it; copy or pack it again
        ");
        let mut wrong_sum = packed.clone();
        let sum = wrong_sum.len() - 6;
        wrong_sum[sum] ^= 1;
        assert_snapshot!(error(&wrong_sum), @"
        checkout.csv:6: the recording cannot be read on: corrupt gzip stream does not have a matching checksum

        hint: the file is cut off or damaged, or more than gzip is in it; copy or pack it again
        ");
    }

    #[test]
    fn nothing_in_it() {
        assert_snapshot!(error(b""), @"
        checkout.csv:1: the recording is empty

        hint: write a header such as `time,metric,arm,value`, and a line for each point
        ");
        assert_snapshot!(error(b"\n\n"), @"
        checkout.csv:1: the recording is empty

        hint: write a header such as `time,metric,arm,value`, and a line for each point
        ");
        assert_snapshot!(error(b"time,track,value\n"), @"
        checkout.csv: the recording has no points

        hint: write a header such as `time,metric,arm,value`, and a line for each point
        ");
        assert_snapshot!(error(&gzipped(b"")), @"
        checkout.csv:1: the recording is empty

        hint: write a header such as `time,metric,arm,value`, and a line for each point
        ");
        assert_snapshot!(error(b"{}\n"), @"
        checkout.csv:1: the recording is empty

        hint: write a header such as `time,metric,arm,value`, and a line for each point
        ");
    }

    #[test]
    fn another_kind_of_file() {
        assert_snapshot!(error(b"\x7fELF\x02\x01\x01\0\0\0"), @"
        checkout.csv: the recording has no points

        hint: write a header such as `time,metric,arm,value`, and a line for each point
        ");
        assert_snapshot!(error(b"PK\x03\x04\x14\0\0\0\x08\0\xff\xfe"), @"
        checkout.csv:1: this line is not UTF-8

        hint: save the recording as CSV or JSON lines in UTF-8, gzipped or not
        ");
        assert_snapshot!(error(b"\xff\xfet\0i\0m\0e\0"), @"
        checkout.csv:1: this line is not UTF-8

        hint: save the recording as CSV or JSON lines in UTF-8, gzipped or not
        ");
        assert_snapshot!(error(b"time,track,value\n0,st\xe4ble,1\n"), @"
        checkout.csv:2: this line is not UTF-8

        hint: save the recording as CSV or JSON lines in UTF-8, gzipped or not
        ");
        assert_snapshot!(error(b"# HELP rss Memory\nrss{track=\"stable\"} 1\n"), @"
        checkout.csv:1: there is no column with values, only # HELP rss Memory

        hint: name a column `value`, or two `control` and `canary`, or one after each metric that is asked for (rss)
        ");
        assert_snapshot!(error(b"<html><body>404</body></html>\n"), @"
        checkout.csv: the recording has no points

        hint: write a header such as `time,metric,arm,value`, and a line for each point
        ");
    }

    #[test]
    fn columns() {
        assert_snapshot!(error(b"metric,track,value\nrss,stable,1\n"), @"
        checkout.csv:1: there is no column `time`, only metric, track, value

        hint: name the column with the times `time`
        ");
        assert_snapshot!(error(b"time,metric,track\n0,rss,stable\n"), @"
        checkout.csv:1: there is no column with values, only time, metric, track

        hint: name a column `value`, or two `control` and `canary`, or one after each metric that is asked for (rss)
        ");
        assert_snapshot!(error(b"time,timestamp,value\n0,0,1\n"), @"
        checkout.csv:1: there are two columns with times, `time` and `timestamp`

        hint: leave one of them out
        ");
        assert_snapshot!(error(b"time,track,track,value\n0,a,b,1\n"), @"
        checkout.csv:1: two columns are called `track`

        hint: rename one of them
        ");
        assert_snapshot!(error(b"time,,value\n0,a,1\n"), @"
        checkout.csv:1: column 2 has no name

        hint: the first line names every column
        ");
        assert_snapshot!(error(b"time,arm,control,canary\n0,canary,1,2\n"), @"
        checkout.csv:1: each arm has a column of its own, and the column `arm` names one too

        hint: leave out the column `arm`, or write one column `value`
        ");
        assert_snapshot!(
            answer("memory: {gauge: rss}\nheap: {gauge: heap}", "time,track,value\n0,stable,1\n"),
            @"
        checkout.csv:1: there is no column `metric`, and 2 metrics are asked for

        hint: add a column `metric` that says which one each line is of: heap, rss
        "
        );
        assert_snapshot!(error(b"{\"time\":0,\"track\":\"stable\"}\n"), @"
        checkout.csv:1: there is no column with values, only time, track

        hint: name a column `value`, or two `control` and `canary`, or one after each metric that is asked for (rss)
        ");
        assert_snapshot!(error(b"{\"time\":0,\"labels\":{\"time\":1},\"value\":1}\n"), @"
        checkout.csv:1: two columns are called `time`

        hint: rename one of them
        ");
        assert_snapshot!(error(b"{\"track\":\"stable\",\"value\":1}\n"), @"
        checkout.csv:1: there is no column `time`, only track, value

        hint: name the column with the times `time`
        ");
    }

    #[test]
    fn rows() {
        assert_snapshot!(error(b"time,track,value\n0,stable,1\n5,stable\n"), @"
        checkout.csv:3: this line has 2 columns, and the header has 3

        hint: the file may be cut off, or a value holds a comma and needs quotes
        ");
        assert_snapshot!(error(b"time,track,value\n\n0,stable,1,5\n"), @"
        checkout.csv:2: this line has 4 columns, and the header has 3

        hint: the file may be cut off, or a value holds a comma and needs quotes
        ");
        assert_snapshot!(error(b"time;track;value\n0;stable;1\n"), @"
        checkout.csv:1: there is no column with values, only time;track;value

        hint: name a column `value`, or two `control` and `canary`, or one after each metric that is asked for (rss)
        ");
        assert_snapshot!(error(b"time,track,value\n0,\"stable,1\n5,stable,2\n"), @"
        checkout.csv:2: this line has 2 columns, and the header has 3

        hint: the file may be cut off, or a value holds a comma and needs quotes
        ");
        assert_snapshot!(error(b"{\"time\":0,\"track\":\"stable\",\"value\":1\n"), @r#"
        checkout.csv:1: this is not JSON: EOF while parsing an object

        hint: write an object a line, such as {"time":0,"metric":"errors","arm":"canary","value":3}; labels may stand in an object `labels`
        "#);
        assert_snapshot!(error(b"{\"time\":0} {\"time\":1}\n"), @r#"
        checkout.csv:1: this is not JSON: trailing characters

        hint: write an object a line, such as {"time":0,"metric":"errors","arm":"canary","value":3}; labels may stand in an object `labels`
        "#);
        assert_snapshot!(error(b"{\"time\":0,\"track\":\"stable\",\"value\":1}\n[0]\n"), @r#"
        checkout.csv:2: there is a list where an object belongs

        hint: write an object a line, such as {"time":0,"metric":"errors","arm":"canary","value":3}; labels may stand in an object `labels`
        "#);
        assert_snapshot!(error(b"{\"time\":0,\"labels\":5,\"value\":1}\n"), @r#"
        checkout.csv:1: there is integer `5` where an object belongs

        hint: write an object a line, such as {"time":0,"metric":"errors","arm":"canary","value":3}; labels may stand in an object `labels`
        "#);
        assert_snapshot!(error(b"{\"time\":0,\"track\":\"st\xe4ble\",\"value\":1}\n"), @r#"
        checkout.csv:1: this is not JSON: invalid unicode code point

        hint: write an object a line, such as {"time":0,"metric":"errors","arm":"canary","value":3}; labels may stand in an object `labels`
        "#);
        assert_snapshot!(error(b"{\"time\":0,\"track\":\"stable\",\"value\":1e999}\n"), @r#"
        checkout.csv:1: this is not JSON: number out of range

        hint: write an object a line, such as {"time":0,"metric":"errors","arm":"canary","value":3}; labels may stand in an object `labels`
        "#);
    }

    #[test]
    fn two_values_for_one_moment() {
        let again = format!("{LONG}5,rss,canary,b,4\n");
        assert_eq!(error(again.as_bytes()), error(LONG.as_bytes()));
        assert_snapshot!(error(format!("{LONG}0,rss,canary,b,7\n").as_bytes()), @"
        checkout.csv:6: a second value for the same series and time: 7, and 2 on line 3

        hint: keep one of them, or add the label that tells the two series apart
        ");
        assert_snapshot!(error(b"time,track,value\n0,stable,NaN\n0,stable,\n"), @r#"
        memory
          control ""  0: NaN
        "#);
    }

    #[test]
    fn two_series_for_one_replica() {
        let text = b"time,metric,track,pod,zone,value\n0,rss,stable,a,x,1\n0,rss,stable,a,y,1\n";
        assert_snapshot!(error(text), @r#"
        checkout.csv:3: check `memory` is a gauge, and several series answer for replica "a"; they differ in `zone`

        hint: select one of them in the query; serin does not average them away
        "#);
        assert_snapshot!(
            answer("memory: {gauge: '{__name__=~\"rss|heap\"}'}", "time,metric,track,value\n0,rss,stable,1\n0,heap,stable,1\n"),
            @r#"
        checkout.csv:2: check `memory` is a gauge, and several series answer for replica ""; they differ in the metric's name

        hint: select one of them in the query; serin does not average them away
        "#
        );
    }

    #[test]
    fn nothing_that_is_asked_for() {
        assert_snapshot!(error(b"time,metric,track,pod,value\n0,heap,stable,a,1\n0,heap,v2,b,1\n"), @"
        checkout.csv: no line of it answers a check on either arm; lines read: 2

        hint: its metrics are: heap. Its labels are: pod, track. The arms are track=stable and track=canary; of those labels it has: track=stable, track=v2
        ");
        assert_snapshot!(error(b"time,metric,version,value\n0,rss,v1,1\n0,rss,v2,1\n"), @"
        checkout.csv: no line of it answers a check on either arm; lines read: 2

        hint: its metrics are: rss. Its labels are: version. The arms are track=stable and track=canary; of those labels it has: none
        ");
        assert_snapshot!(error(b"time,metric,track,value\n0,rss,Stable,1\n"), @"
        checkout.csv: no line of it answers a check on either arm; lines read: 1

        hint: its metrics are: rss. Its labels are: track. The arms are track=stable and track=canary; of those labels it has: track=Stable
        ");
    }

    #[test]
    fn a_query_that_computes() {
        assert_snapshot!(answer("errors: {gauge: 'rate(errors[5m])'}", LONG), @r#"
        check `errors`: the query `rate(errors[5m])` cannot be read from a recording: it computes in PromQL, which only Prometheus and its relatives do

        hint: write a metric's name, or a selector such as `http_requests_total{code=~"5..", $arm}`; a name with other characters is `{__name__="Error rate"}`
        "#);
    }
}

mod without_end {
    use super::*;

    /// Packs a start, and a hundred megabytes of a pattern: a small file of many gzip members.
    fn bomb(start: &[u8], pattern: &[u8]) -> Vec<u8> {
        let megabyte = gzipped(&pattern.repeat((1 << 20) / pattern.len()));
        [gzipped(start), megabyte.repeat(100)].concat()
    }

    #[test]
    fn the_bomb_is_small() {
        assert!(bomb(b"", b"0").len() < 200_000);
    }

    #[test]
    fn a_record_that_does_not_end() {
        assert_snapshot!(error(&bomb(b"time,track,value\n0,stable,", b"1")), @"
        checkout.csv:2: the recording cannot be read on: this record is longer than 1024 KiB

        hint: judge a shorter stretch; if one record is too long, a quote may not be closed
        ");
        assert_snapshot!(error(&bomb(b"time,track,value\n0,\"", b"a\n")), @"
        checkout.csv:2: the recording cannot be read on: this record is longer than 1024 KiB

        hint: judge a shorter stretch; if one record is too long, a quote may not be closed
        ");
        assert_snapshot!(error(&bomb(b"time,track,value\n", b"a,")), @"
        checkout.csv:2: the recording cannot be read on: this record is longer than 1024 KiB

        hint: judge a shorter stretch; if one record is too long, a quote may not be closed
        ");
        assert_snapshot!(error(&bomb(b"{\"time\":", b" ")), @"
        checkout.csv:1: the recording cannot be read on: this record is longer than 1024 KiB

        hint: judge a shorter stretch; if one record is too long, a quote may not be closed
        ");
        assert_snapshot!(error(&bomb(b"", b"\0")), @"
        checkout.csv:1: the recording cannot be read on: this record is longer than 1024 KiB

        hint: judge a shorter stretch; if one record is too long, a quote may not be closed
        ");
    }

    #[test]
    fn rows_that_say_the_same_again() {
        let rows = "0,stable,1\n".repeat(100_000);
        let read = error(&gzipped(format!("time,track,value\n{rows}").as_bytes()));
        assert_eq!(read, "memory\n  control \"\"  0: 1\n");
    }
}

mod laws {
    use proptest::prelude::*;

    use super::*;

    /// One point: time, arm, pod, series of the pod, value.
    type Row = (u32, bool, u8, usize, u16);

    const CHECKS: &str = "\
errors:
  ratio: {bad: 'requests{code=~\"5..\"}', total: requests}
latency: {histogram: seconds_bucket}
cpu: {count: {events: cpu, exposure: requests}}
memory: {gauge: rss}";

    const SERIES: [(&str, &str, &str); 7] = [
        ("requests", "200", ""),
        ("requests", "500", ""),
        ("seconds_bucket", "", "0.5"),
        ("seconds_bucket", "", "1"),
        ("seconds_bucket", "", "+Inf"),
        ("cpu", "", ""),
        ("rss", "", ""),
    ];

    /// Points of few series, each moment of a series once, and whole requests at every moment.
    fn rows() -> impl Strategy<Value = Vec<Row>> {
        let row = (0_u32..6, any::<bool>(), 0_u8..3, 0_usize..7, 0_u16..50);
        proptest::collection::vec(row, 1..120).prop_map(|mut rows| {
            let moments: Vec<_> = rows.iter().map(|row| (row.0, row.1, row.2)).collect();
            for (time, canary, pod) in moments {
                rows.extend([2, 3, 4, 0].map(|series| (time, canary, pod, series, 100)));
            }
            rows.sort();
            rows.dedup_by_key(|row| (row.0, row.1, row.2, row.3));
            rows
        })
    }

    fn csv(rows: &[Row]) -> String {
        let mut text = String::from("time,metric,track,pod,code,le,value\n");
        for (time, canary, pod, series, value) in rows {
            let (metric, code, le) = SERIES[*series];
            let track = if *canary { "canary" } else { "stable" };
            let _ = writeln!(text, "{time},{metric},{track},{track}-{pod},{code},{le},{value}");
        }
        text
    }

    fn json(rows: &[Row]) -> String {
        let mut text = String::new();
        for (time, canary, pod, series, value) in rows {
            let (metric, code, le) = SERIES[*series];
            let track = if *canary { "canary" } else { "stable" };
            let _ = writeln!(
                text,
                "{{\"le\":\"{le}\",\"value\":{value}.0,\"metric\":\"{metric}\",\"labels\":{{\"pod\":\
                 \"{track}-{pod}\",\"code\":\"{code}\",\"track\":\"{track}\"}},\"time\":{time}}}"
            );
        }
        text
    }

    /// Compares bit by bit: the series, or the error without its line.
    fn read(text: &str, counters: CounterForm) -> Result<String, String> {
        match recording(CHECKS, counters, text.as_bytes()) {
            Ok(recording) => Ok(format!("{:?}", recording.series)),
            Err(error) => {
                let message = error.to_string();
                Err(message.trim_start_matches(|c: char| c != ' ').to_owned())
            }
        }
    }

    fn counters() -> impl Strategy<Value = CounterForm> {
        prop_oneof![Just(CounterForm::Increments), Just(CounterForm::Cumulative)]
    }

    proptest! {
        #[test]
        fn the_order_of_rows_does_not_matter(
            (rows, shuffled) in rows().prop_flat_map(|rows| (Just(rows.clone()), Just(rows).prop_shuffle())),
            counters in counters(),
        ) {
            prop_assert_eq!(read(&csv(&rows), counters), read(&csv(&shuffled), counters));
        }

        #[test]
        fn neither_does_it_matter_whether_replicas_are_interleaved(rows in rows(), counters in counters()) {
            let mut by_replica = rows.clone();
            by_replica.sort_by_key(|row| (row.1, row.2));
            prop_assert_eq!(read(&csv(&rows), counters), read(&csv(&by_replica), counters));
        }

        #[test]
        fn csv_and_json_lines_say_the_same(rows in rows(), counters in counters()) {
            prop_assert_eq!(read(&csv(&rows), counters), read(&json(&rows), counters));
        }

        #[test]
        fn a_column_for_each_arm_says_the_same(values in proptest::collection::vec((0_u16..9, 0_u16..9), 1..20)) {
            let mut wide = String::from("time,pod,control,canary\n");
            let mut long = String::from("time,pod,metric,arm,value\n");
            for (time, (control, canary)) in values.iter().enumerate() {
                let _ = writeln!(wide, "{time},a,{control},{canary}");
                let _ = writeln!(long, "{time},a,rss,control,{control}\n{time},a,rss,canary,{canary}");
            }
            prop_assert_eq!(answer(MEMORY, &wide), answer(MEMORY, &long));
        }

        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = error(&bytes);
        }

        #[test]
        fn no_text_panics(text in "(time|value|metric|track|rss|stable|[0-9.,\"\n{}:-]){0,60}") {
            let _ = error(text.as_bytes());
        }
    }
}

/// What recordings come to once they are judged.
mod through_the_judge {
    use std::num::NonZeroU32;

    use serin_model::{Classification, GuardrailOutcome};

    use super::*;

    fn judged(
        top: &str,
        checks: &str,
        counters: CounterForm,
        text: &str,
    ) -> serin_model::JudgedMetric {
        let analysis = analysis_of(top, checks);
        let recording = read_recording("a.csv", text.as_bytes(), &analysis, counters);
        let recording = recording.expect("the recording is whole");
        let verdict = serin_judge::kayenta::judge(&analysis, &recording.series).verdict;
        verdict.metrics.into_iter().next().expect("there is one check")
    }

    #[test]
    fn a_ratio_whose_parts_are_read_at_different_instants_is_one_ratio() {
        let mut text = "time,metric,arm,value\n".to_owned();
        for minute in 0..20 {
            for (arm, bad) in [("control", 1 + minute % 2), ("canary", 50 + minute % 3)] {
                text.push_str(&format!("{},requests,{arm},1000\n", 60 * minute));
                text.push_str(&format!("{},errors,{arm},{bad}\n", 60 * minute + 1));
            }
        }
        let checks = "errors: {ratio: {bad: errors, total: requests}}";
        let metric = judged("step: 60s", checks, CounterForm::Increments, &text);
        assert_eq!(metric.classification, Some(Classification::High), "{}", metric.reason);
        assert!((metric.canary.mean - 0.051).abs() < 1e-3, "{}", metric.canary.mean);
    }

    #[test]
    fn a_limit_on_a_count_needs_no_exposure() {
        let mut text = "time,metric,control,canary\n".to_owned();
        for minute in 0..8 {
            text.push_str(&format!("{},jobs,5,{}\n", 60 * minute, 50 + minute % 2));
        }
        let checks = "jobs: {count: {events: jobs}, limit: {above: 10, for: 3}}";
        let metric = judged("step: 60s", checks, CounterForm::Increments, &text);
        let guardrail = metric.guardrail.unwrap();
        assert_eq!(guardrail.outcome, GuardrailOutcome::Broken);
        assert_eq!(Some(guardrail.consecutive), NonZeroU32::new(3).map(NonZeroU32::get));
    }

    #[test]
    fn a_canary_recorded_an_hour_later_was_not_born_then() {
        let mut text = "time,metric,arm,value\n".to_owned();
        for minute in 0..60 {
            text.push_str(&format!("{},jobs,control,{}\n", 60 * minute, 1000 + 100 * minute));
            text.push_str(&format!(
                "{},jobs,canary,{}\n",
                3600 + 60 * minute,
                5_000_000 + 100 * minute
            ));
        }
        let top = "step: 60s\narms:\n  control: {arm: control}\n  canary: {arm: canary}\n  \
                   control_window: {start: 1970-01-01T00:00:00Z, end: 1970-01-01T01:00:00Z}";
        let checks = "jobs: {count: {events: jobs}}";
        let metric = judged(top, checks, CounterForm::Cumulative, &text);
        assert_eq!(metric.canary.maximum, 100.0);
    }

    #[test]
    fn empty_cells_before_a_birth_say_that_it_was_not_there() {
        let wide = "time,metric,control,canary\n0,jobs,5,\n60,jobs,6,\n120,jobs,7,\n180,jobs,8,7\n240,jobs,9,8\n";
        let long = "time,metric,arm,value\n0,jobs,control,5\n60,jobs,control,6\n120,jobs,control,7\n\
                    180,jobs,control,8\n240,jobs,control,9\n180,jobs,canary,7\n240,jobs,canary,8\n";
        let checks = "jobs: {count: {events: jobs}}";
        let read = |text| judged("step: 60s", checks, CounterForm::Cumulative, text).canary;
        assert_eq!(read(wide), read(long));
        assert_eq!((read(wide).points, read(wide).maximum), (2, 7.0));
    }

    #[test]
    fn a_restart_does_not_hide_running_totals() {
        let mut text = "time,metric,arm,pod,value\n".to_owned();
        for minute in 0..30 {
            for pod in 0..4 {
                let restarted = if pod == 0 && minute >= 15 { 15 } else { 0 };
                let total = 100 * (minute - restarted) + pod;
                let arm = if pod < 2 { "control" } else { "canary" };
                text.push_str(&format!("{},jobs,{arm},p{pod},{total}\n", 60 * minute));
            }
        }
        let analysis = analysis_of("replica: pod", "jobs: {count: {events: jobs}}");
        let read = |counters| read_recording("a.csv", text.as_bytes(), &analysis, counters);
        let refused = read(CounterForm::Unstated).unwrap_err().to_string();
        assert!(refused.contains("look like running totals"), "{refused}");
        assert!(read(CounterForm::Increments).is_ok(), "what is said is believed");
    }

    #[test]
    fn a_count_without_exposure_does_not_depend_on_how_often_it_is_read() {
        let mut text = "time,metric,arm,value\n".to_owned();
        for second in (0..1200).step_by(15) {
            text.push_str(&format!("{second},jobs,canary,{}\n", 10 + second % 2));
            if second % 60 == 0 {
                text.push_str(&format!("{second},jobs,control,{}\n", 40 + second % 7));
            }
        }
        let metric =
            judged("step: 60s", "jobs: {count: {events: jobs}}", CounterForm::Increments, &text);
        assert!((metric.canary.mean - 40.0).abs() < 3.0, "{}", metric.canary.mean);
    }

    #[test]
    fn a_query_that_only_nests_is_refused_before_it_is_parsed() {
        for query in ["(".repeat(300_000), "-".repeat(100_000), "a".repeat(10_000)] {
            let checks = format!("deep: {{gauge: '{query}'}}");
            let error =
                recording(&checks, CounterForm::Increments, b"time,metric,value\n").unwrap_err();
            assert!(error.to_string().contains("than any selector"), "{error}");
        }
    }
}

/// What is warned of in a recording of a control in some places and a canary in others.
fn warned_of_places(arms: &str, label: &str, control: &[&str], canary: &[&str]) -> String {
    let mut text = format!("time,metric,track,pod,{label},value\n");
    for (track, places) in [("stable", control), ("canary", canary)] {
        for (number, place) in places.iter().enumerate() {
            writeln!(text, "1600000000,rss,{track},{track}-{number},{place},5")
                .expect("a string takes all");
        }
    }
    let analysis = analysis_of(&format!("replica: pod\narms: {arms}"), "memory: {gauge: rss}");
    let recording =
        read_recording("checkout.csv", text.as_bytes(), &analysis, CounterForm::Unstated)
            .expect("the recording is right");
    let warnings: Vec<&str> = recording.warnings.iter().map(|it| it.text.as_str()).collect();
    warnings.join("; ")
}

#[test]
fn arms_without_a_place_in_common_are_warned_of() {
    let tracks = "{control: {track: stable}, canary: {track: canary}}";
    let zones = "{control: {track: stable, zone: a}, canary: {track: canary, zone: b}}";
    let told = |label, control, canary| warned_of_places(tracks, label, control, canary);
    assert_snapshot!(
        told("topology.kubernetes.io/zone", &["a", "b"], &["c"]),
        @r#"the arms run in no zone in common, as the label `topology.kubernetes.io/zone` says: the control in "a", "b", the canary in "c"; what differs may be that, and not the version"#
    );
    assert_snapshot!(
        told("node_kubernetes_io_instance_type", &["m5.large"], &["m5.xlarge", "c5.large"]),
        @r#"the arms run in no instance type in common, as the label `node_kubernetes_io_instance_type` says: the control in "m5.large", the canary in "c5.large", "m5.xlarge"; what differs may be that, and not the version"#
    );
    for (label, control, canary) in [
        // A canary of one replica is in one of the control's zones.
        ("zone", &["a", "b", "c"][..], &["b"][..]),
        ("zone", &["a"], &["a", "b"]),
        ("shelf", &["a"], &["b"]),
        // A replica that has no zone says nothing of its arm's.
        ("zone", &["a", ""], &["b"]),
    ] {
        assert_eq!(told(label, control, canary), "", "{label}: {control:?} and {canary:?}");
    }
    // Who splits by zone compares zones.
    assert_eq!(warned_of_places(zones, "zone", &["a"], &["b"]), "");
}
