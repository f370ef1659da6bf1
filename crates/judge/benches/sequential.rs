//! How many steps of one metric, both arms, the sequential judge takes in a second, on one core.
//!
//! `cargo bench -p serin-judge --bench sequential` prints items a second, which are such steps. A
//! step is taken in, closed, bet on and held against the verdict, as `serin watch` does. What is known
//! of the control beforehand is learnt before the clock starts.

use divan::Bencher;
use divan::counter::ItemsCount;
use serin_judge::sequential::SequentialJudge;
use serin_model::{
    Analysis, Arm, ArmPair, Arms, BucketBounds, Check, KayentaOptions, Margins, Measure,
    MeasureKind, MetricSeries, Observations, Point, Query, Ratio, Replica, Timestamp, Window,
    Worse,
};
use serin_stats::normal;

#[expect(clippy::print_stdout, reason = "a benchmark prints what it is compared with")]
fn main() {
    divan::main();
    println!("\nWanted: 500 thousand items a second of each kind.");
}

/// Steps that are judged: a day of minutes.
const STEPS: i64 = 1440;

/// Steps of the control that are known before: six hours of minutes.
const HISTORY: i64 = 360;

/// Whether the steps come together, as in a recording, or one by one, as they happen.
const ARRIVALS: [Arrival; 2] = [Arrival::Together, Arrival::OneByOne];

#[derive(Clone, Copy, Debug)]
enum Arrival {
    Together,
    OneByOne,
}

#[divan::bench(args = ARRIVALS)]
fn gauge_with_history(bencher: Bencher, arrival: Arrival) {
    steps_a_second(bencher, arrival, MeasureKind::Gauge, Worse::Higher, HISTORY, &level);
}

#[divan::bench(args = ARRIVALS)]
fn gauge_without_history(bencher: Bencher, arrival: Arrival) {
    steps_a_second(bencher, arrival, MeasureKind::Gauge, Worse::Higher, 0, &level);
}

#[divan::bench(args = ARRIVALS)]
fn gauge_either_way(bencher: Bencher, arrival: Arrival) {
    steps_a_second(bencher, arrival, MeasureKind::Gauge, Worse::Either, HISTORY, &level);
}

/// A gauge from 0 to 100 that is no percentage of counts, such as a processor's load: the judge looks
/// for counts behind it in vain.
#[divan::bench(args = ARRIVALS)]
fn gauge_like_a_percentage(bencher: Bencher, arrival: Arrival) {
    steps_a_second(bencher, arrival, MeasureKind::Gauge, Worse::Higher, 0, &load);
}

#[divan::bench(args = ARRIVALS)]
fn ratio(bencher: Bencher, arrival: Arrival) {
    steps_a_second(bencher, arrival, MeasureKind::Ratio, Worse::Higher, 0, &bad_of_all);
}

#[divan::bench(args = ARRIVALS)]
fn histogram(bencher: Bencher, arrival: Arrival) {
    steps_a_second(bencher, arrival, MeasureKind::Histogram, Worse::Higher, HISTORY, &buckets);
}

/// A success rate of which the small counts behind it can be told.
#[divan::bench(args = ARRIVALS)]
fn recovered_percentage(bencher: Bencher, arrival: Arrival) {
    steps_a_second(bencher, arrival, MeasureKind::Gauge, Worse::Lower, HISTORY, &percentage);
}

fn steps_a_second(
    bencher: Bencher,
    arrival: Arrival,
    kind: MeasureKind,
    worse: Worse,
    history: i64,
    observe: &dyn Fn(i64, i64, &mut Draw) -> Observations,
) {
    let analysis = analysis(kind, worse);
    let mut draw = Draw(1);
    let mut judge = SequentialJudge::new(&analysis);
    let known = pair(observe(-history, 0, &mut draw), Observations::nothing(kind));
    judge.learn(&analysis, &[known], minute(0));
    let length = match arrival {
        Arrival::Together => STEPS,
        Arrival::OneByOne => 1,
    };
    let batches: Vec<(MetricSeries, Timestamp)> = (0..STEPS / length)
        .map(|batch| {
            let (from, to) = (batch * length, (batch + 1) * length);
            let control = observe(from, to, &mut draw);
            (pair(control, observe(from, to, &mut draw)), minute(to))
        })
        .collect();
    bencher.counter(ItemsCount::new(STEPS as u64)).with_inputs(|| judge.clone()).bench_values(
        |mut judge| {
            for (series, watermark) in &batches {
                judge.take(&analysis, std::slice::from_ref(series), minute(0));
                judge.advance(&analysis, *watermark);
            }
            judge
        },
    );
}

fn level(from: i64, to: i64, draw: &mut Draw) -> Observations {
    let value = |_| 300.0 * libm::exp(0.1 * draw.normal());
    Observations::Value(points(from, to, value))
}

fn load(from: i64, to: i64, draw: &mut Draw) -> Observations {
    let value = |_| 30.0 * libm::exp(0.1 * draw.normal());
    Observations::Value(points(from, to, value))
}

fn percentage(from: i64, to: i64, draw: &mut Draw) -> Observations {
    let value = |_| {
        let all = (10.0 + 8.0 * draw.unit()).floor();
        let bad = (2.0 * draw.unit() * draw.unit()).floor();
        (100_000.0 * (all - bad) / all).round() / 1000.0
    };
    Observations::Value(points(from, to, value))
}

fn bad_of_all(from: i64, to: i64, draw: &mut Draw) -> Observations {
    let ratio = |_| Ratio {
        bad: (4.0 * draw.unit()).floor(),
        total: (550.0 + 100.0 * draw.unit()).floor(),
    };
    Observations::Ratio(points(from, to, ratio))
}

/// Eleven edges and the bucket above them, as client libraries of Prometheus have by default.
fn buckets(from: i64, to: i64, draw: &mut Draw) -> Observations {
    const USUAL: [f64; 12] = [0.0, 1.0, 16.0, 115.0, 253.0, 197.0, 17.0, 1.0, 0.0, 0.0, 0.0, 0.0];
    let edges = vec![0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
    let increments = |_| USUAL.map(|usual| (usual * (0.8 + 0.4 * draw.unit())).floor()).to_vec();
    Observations::Histogram {
        bounds: BucketBounds::new(edges).expect("the edges ascend"),
        points: points(from, to, increments),
    }
}

fn points<T>(from: i64, to: i64, mut value: impl FnMut(i64) -> T) -> Vec<Point<T>> {
    (from..to).map(|step| Point { time: minute(step), value: value(step) }).collect()
}

fn minute(step: i64) -> Timestamp {
    Timestamp::from_seconds(1_700_000_040 + 60 * step)
}

fn pair(control: Observations, canary: Observations) -> MetricSeries {
    let arm = |name: &str, observations: Observations| Arm {
        replicas: vec![Replica { name: name.to_owned(), observations }],
    };
    let arms = ArmPair { control: arm("old", control), canary: arm("new", canary) };
    MetricSeries { arms, ..MetricSeries::nothing("metric") }
}

fn analysis(kind: MeasureKind, worse: Worse) -> Analysis {
    let query = || Query::new("metric").expect("it is not blank");
    let measure = match kind {
        MeasureKind::Ratio => Measure::Ratio { bad: query(), total: query() },
        MeasureKind::Histogram => Measure::Histogram { buckets: query() },
        MeasureKind::Count => Measure::Count { events: query(), exposure: None },
        MeasureKind::Gauge => Measure::Gauge { value: query() },
        MeasureKind::Quantile => Measure::Quantile { value: query() },
    };
    let check = Check {
        name: "metric".to_owned(),
        measure,
        worse,
        margins: Margins::of_kind(kind),
        gating: true,
        critical: false,
        muted: false,
        groups: Vec::new(),
        guardrail: None,
        minimum_points: None,
        owner: None,
        kayenta: KayentaOptions::default(),
    };
    let mut analysis =
        Analysis::new("bench".to_owned(), Arms::default(), vec![check]).expect("there is a check");
    analysis.window = Some(Window { start: minute(0), end: minute(STEPS) });
    analysis
}

/// Draws from a linear congruential generator, the same in every run.
struct Draw(u64);

impl Draw {
    fn unit(&mut self) -> f64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    }

    fn normal(&mut self) -> f64 {
        normal::quantile(self.unit())
    }
}
