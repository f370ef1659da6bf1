//! What the ledger keeps of points: complete, the same bytes each time, and refused where it is damaged.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use serin_judge::sequential::SequentialJudge;
use serin_ledger::{Digest, Evidence};
use serin_model::{
    Analysis, Arm, ArmPair, BucketBounds, Count, MetricSeries, Observations, Point, Ratio, Replica,
    Timestamp, Warning, WarningCode, Window,
};
use serin_runner::live::commission::{Commission, NamedText};
use serin_runner::live::evidence::{Role, Stretch};
use serin_runner::watch::{Start, Timing, TimingAsked};

const CHECK: &str = "service: shop\nreplica: pod\nstep: 60s\nchecks:\n  \
                     errors: {ratio: {bad: bad, total: total}}\n  \
                     restarts: {count: {events: restarts}}\n  \
                     latency: {histogram: seconds}\n  \
                     memory: {gauge: bytes, worse: higher}\n";

const ORIGIN: i64 = 1_600_000_200_000;

fn analysis() -> Analysis {
    serin_check::read("serin.yaml", CHECK).unwrap().analysis
}

/// Any number that a store may answer with, those that are none among them.
fn number() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => (0_u32..500).prop_map(f64::from),
        4 => 0.0..1000.0,
        1 => any::<f64>(),
        1 => prop::sample::select(vec![
            f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0, f64::MIN_POSITIVE / 3.0, 9_007_199_254_740_992.0,
            f64::MAX, 0.1 + 0.2,
        ]),
    ]
}

/// Points of one kind from so many seconds on, now and then with a gap.
fn points<T: std::fmt::Debug>(
    value: impl Strategy<Value = T>,
) -> impl Strategy<Value = Vec<Point<T>>> {
    let point = (prop_oneof![4 => Just(15_000_i64), 1 => 1_i64..200_000], value);
    prop::collection::vec(point, 0..40).prop_map(|points| {
        let mut time = ORIGIN;
        let point = |(later, value)| {
            time += later;
            Point { time: Timestamp::from_millis(time), value }
        };
        points.into_iter().map(point).collect()
    })
}

fn observations(kind: usize) -> BoxedStrategy<Observations> {
    match kind {
        0 => points((number(), number()))
            .prop_map(|points| {
                let ratio = |point: Point<(f64, f64)>| Point {
                    time: point.time,
                    value: Ratio { bad: point.value.0, total: point.value.1 },
                };
                Observations::Ratio(points.into_iter().map(ratio).collect())
            })
            .boxed(),
        1 => points((number(), number()))
            .prop_map(|points| {
                let count = |point: Point<(f64, f64)>| Point {
                    time: point.time,
                    value: Count { events: point.value.0, exposure: point.value.1 },
                };
                Observations::Count(points.into_iter().map(count).collect())
            })
            .boxed(),
        2 => points(prop::collection::vec(number(), 3..5))
            .prop_map(|points| {
                let bounds = BucketBounds::new(vec![0.1, 0.25, 1e9]).unwrap();
                Observations::Histogram { bounds, points }
            })
            .boxed(),
        _ => points(number()).prop_map(Observations::Value).boxed(),
    }
}

fn arm(kind: usize) -> impl Strategy<Value = Arm> {
    prop::collection::btree_map("pod-[a-c\"é]", observations(kind), 0..4).prop_map(|replicas| Arm {
        replicas: replicas
            .into_iter()
            .map(|(name, observations)| Replica { name, observations })
            .collect(),
    })
}

fn answer(check: &'static str, kind: usize) -> impl Strategy<Value = MetricSeries> {
    let labels = prop::option::of("[a-z]{1,3}");
    let looks_back = prop::option::of((0_u64..10_000, 0_u32..1_000_000_000));
    let failure = prop::option::weighted(0.1, "[a-z ]{1,9}");
    (arm(kind), arm(kind), labels, looks_back, failure).prop_map(
        move |(control, canary, label, looks_back, failure)| MetricSeries {
            check: check.to_owned(),
            labels: label
                .map(|it| BTreeMap::from([("handler".to_owned(), it)]))
                .unwrap_or_default(),
            arms: ArmPair { control, canary },
            looks_back: looks_back.map(|(seconds, nanos)| Duration::new(seconds, nanos)),
            failure,
        },
    )
}

fn series() -> impl Strategy<Value = Vec<MetricSeries>> {
    let all =
        (answer("errors", 0), answer("restarts", 1), answer("latency", 2), answer("memory", 3));
    all.prop_map(|(a, b, c, d)| vec![a, b, c, d])
}

fn stretch(series: Vec<MetricSeries>, role: Role) -> Stretch {
    let start = Timestamp::from_millis(ORIGIN);
    Stretch {
        role,
        start,
        judged_from: start,
        window: Window { start, end: start.after(Duration::from_secs(600)) },
        series,
        warnings: vec![Warning {
            code: WarningCode::SourceNotice,
            metric: Some("errors".to_owned()),
            text: "a \"quoted\" word".to_owned(),
        }],
        unknown: None,
    }
}

/// Returns everything that the judge says, to the last bit.
fn judged(past: &[MetricSeries], series: &[MetricSeries]) -> String {
    let (analysis, start) = (analysis(), Timestamp::from_millis(ORIGIN + 60_000));
    let mut judge = SequentialJudge::new(&analysis);
    judge.learn(&analysis, past, start);
    judge.take(&analysis, series, start);
    judge.advance(&analysis, start.after(Duration::from_secs(480)));
    format!("{:?} {judge:?}", judge.verdict(&analysis, series, false))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    #[test]
    fn what_was_written_is_judged_as_what_was_answered(past in series(), series in series()) {
        let written = |series: &[MetricSeries], role| {
            let stretch = stretch(series.to_vec(), role);
            let bytes = stretch.write();
            let read = Stretch::read(&bytes).unwrap();
            assert_eq!(read.write(), bytes);
            assert_eq!((read.points(), read.warnings.len()), (stretch.points(), 1));
            read.series
        };
        let (read_past, read) = (written(&past, Role::Past), written(&series, Role::Points));
        prop_assert_eq!(judged(&read_past, &read), judged(&past, &series));
    }

    #[test]
    fn damage_is_an_error_and_never_a_panic(series in series(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = stretch(series, Role::Points).write();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(read) = Stretch::read(&bytes) {
            Stretch::read(&read.write()).unwrap();
        }
        Stretch::read(&bytes[..at]).unwrap_err();
    }
}

fn two_replicas() -> Stretch {
    let point = |seconds: i64, bad, total| Point {
        time: Timestamp::from_millis(ORIGIN + 1000 * seconds),
        value: Ratio { bad, total },
    };
    let replica = |name: &str, bad: f64| Replica {
        name: name.to_owned(),
        observations: Observations::Ratio(vec![point(15, bad, 210.0), point(30, 0.0, 198.5)]),
    };
    let answer = MetricSeries {
        arms: ArmPair {
            control: Arm { replicas: vec![replica("pod-1", 1.0)] },
            canary: Arm { replicas: vec![replica("pod-2", f64::NAN)] },
        },
        ..MetricSeries::nothing("errors")
    };
    stretch(vec![answer], Role::Points)
}

#[test]
fn it_reads_like_what_the_specification_shows() {
    let text = String::from_utf8(two_replicas().write()).unwrap();
    assert_eq!(
        text,
        concat!(
            r#"{"format":"serin points","version":1,"role":"points","start":1600000200000,"#,
            r#""judged_from":1600000200000,"from":1600000200000,"until":1600000800000,"#,
            r#""warnings":[{"code":"source_notice","metric":"errors","text":"a \"quoted\" word"}],"#,
            r#""times":[[1600000215000,15000]],"series":[{"check":"errors","#,
            r#""control":[{"replica":"pod-1","at":0,"values":{"ratio":{"bad":[1,0],"total":[210,198.5]}}}],"#,
            r#""canary":[{"replica":"pod-2","at":0,"values":{"ratio":{"bad":["NaN",0],"total":[210,198.5]}}}]}]}"#,
        )
    );
}

#[test]
fn what_is_no_evidence_is_refused_with_a_reason() {
    let text = String::from_utf8(two_replicas().write()).unwrap();
    let cases = [
        ("{}".to_owned(), "missing field `format`"),
        (text.replace("serin points", "serin report"), "its `format` is another"),
        (text.replace("\"version\":1", "\"version\":2"), "is of version 2"),
        (text.replace("\"at\":0", "\"at\":7"), "its times are not there"),
        (text.replace("[210,198.5]", "[210]"), "not one value for each of its times"),
        (text.replace("\"NaN\"", "\"none\""), "expected a number"),
        (text.replace("\"at\"", "\"extra\":1,\"at\""), "unknown field `extra`"),
    ];
    for (damaged, problem) in cases {
        let error = Stretch::read(damaged.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(problem) && error.contains("hint: "), "{error}");
    }
}

#[test]
fn a_commission_is_read_as_it_was_written() {
    let timing = Timing::of(&analysis(), TimingAsked::default());
    for start in [Start::WhenSeen, Start::Now, Start::At(Timestamp::from_millis(ORIGIN))] {
        let commission = Commission {
            checks: vec![
                NamedText {
                    name: "serin.yaml".to_owned(),
                    text: "extends: team.yaml\n".to_owned(),
                },
                NamedText { name: "team.yaml".to_owned(), text: CHECK.to_owned() },
            ],
            start,
            timing,
            waiting_since: Timestamp::from_millis(ORIGIN + 1),
            url: Some("http://prometheus:9090".to_owned()),
        };
        let texts: BTreeMap<Digest, String> = commission
            .checks
            .iter()
            .map(|check| (Digest::of(check.text.as_bytes()), check.text.clone()))
            .collect();
        let bytes = commission.write();
        let read = Commission::read(&bytes, |digest| texts.get(digest).cloned()).unwrap();
        assert_eq!(read, commission);
        assert_eq!(read.question().unwrap().analysis, analysis());
        let error = Commission::read(&bytes, |_| None).unwrap_err().to_string();
        assert!(error.contains("the text of `serin.yaml`"), "{error}");
    }
}

/// What one step of a service with twenty metrics takes: the figures of the specification.
#[test]
fn a_point_takes_as_many_bytes_as_the_specification_says() {
    let mut state = 7_u64;
    let mut draw = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as f64 / f64::from(1_u32 << 31)
    };
    let mut lines = String::new();
    for (what, steps, replicas) in [
        ("a step, 1 replica an arm", 1, 1),
        ("a step, 10 replicas an arm", 1, 10),
        ("an hour, 3 replicas an arm", 60, 3),
    ] {
        let times =
            || (0..4 * steps).map(|number| Timestamp::from_millis(ORIGIN + 15_000 * number));
        let mut arm = |kind: usize, arm: &str| Arm {
            replicas: (0..replicas)
                .map(|number| {
                    let observations = match kind {
                        0..8 => Observations::Ratio(
                            times()
                                .map(|time| {
                                    let total = (250.0 * draw()).round();
                                    let bad = (total * 0.02 * draw()).round();
                                    Point { time, value: Ratio { bad, total } }
                                })
                                .collect(),
                        ),
                        8..10 => Observations::Histogram {
                            bounds: BucketBounds::new(
                                (0..12).map(|edge| 0.005 * f64::from(1_u32 << edge)).collect(),
                            )
                            .unwrap(),
                            points: times()
                                .map(|time| {
                                    let value = (0..13).map(|edge| {
                                        (30.0 * draw()).floor() * f64::from(u8::from(edge < 6))
                                    });
                                    Point { time, value: value.collect() }
                                })
                                .collect(),
                        },
                        _ => Observations::Value(
                            times().map(|time| Point { time, value: 100.0 * draw() }).collect(),
                        ),
                    };
                    Replica { name: format!("checkout-{arm}-7d9f-{number:05}"), observations }
                })
                .collect(),
        };
        let series = (0..20)
            .map(|kind| MetricSeries {
                arms: ArmPair { control: arm(kind, "stable"), canary: arm(kind, "canary") },
                ..MetricSeries::nothing(&format!("metric number {kind}"))
            })
            .collect();
        let stretch = stretch(series, Role::Points);
        let evidence = Evidence::new(&stretch.write()).unwrap();
        let (points, bytes, packed) =
            (stretch.points(), evidence.size(), evidence.compressed().len());
        let each = |bytes: usize| bytes as f64 / points as f64;
        lines += &format!(
            "| {what} | {points} | {bytes} | {packed} | {:.1} | {:.1} |\n",
            each(bytes),
            each(packed)
        );
    }
    let specification = include_str!("../../../docs/spec/evidence.md");
    assert!(specification.contains(&lines), "the specification shall say\n{lines}");
}
