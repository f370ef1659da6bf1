//! How many metric pairs Kayenta's judge classifies in a second, on one core.
//!
//! The original, warm and on a machine of this kind, does about 900 pairs a second with 60 points a
//! side and about 50 with 1,000. `cargo bench -p serin-judge` prints ours as items a second, and those
//! figures below.

use divan::Bencher;
use divan::counter::ItemsCount;
use serin_judge::kayenta::{MetricOptions, Strictness, classify};
use serin_stats::normal;

#[expect(clippy::print_stdout, reason = "a benchmark prints what it is compared with")]
fn main() {
    divan::main();
    println!("\nThe original, on one core: about 900 pairs a second at 60 points, 50 at 1000.");
}

/// Points a side: an hour of minutes, a day of five minutes, and the most a dashboard shows.
const POINTS: [usize; 3] = [60, 288, 1000];

/// Latencies: no two values are the same.
#[divan::bench(args = POINTS)]
fn continuous(bencher: Bencher, points: usize) {
    pairs_a_second(bencher, points, |draw| 100.0 + 10.0 * draw.normal());
}

/// Errors a minute: a handful of values, and nearly all are tied.
#[divan::bench(args = POINTS)]
fn tied(bencher: Bencher, points: usize) {
    pairs_a_second(bencher, points, |draw| (4.0 * draw.unit()).floor());
}

/// Error rates: half of the minutes without any, the rest all different.
#[divan::bench(args = POINTS)]
fn half_zero(bencher: Bencher, points: usize) {
    pairs_a_second(bencher, points, |draw| (draw.unit() - 0.5).max(0.0));
}

/// Bytes: far above the root search's absolute tolerance, which takes many steps.
#[divan::bench(args = POINTS)]
fn bytes(bencher: Bencher, points: usize) {
    pairs_a_second(bencher, points, |draw| 1e9 + 1e8 * draw.normal());
}

/// Eight orders of magnitude in one metric, and all far above that tolerance: the worst we know.
#[divan::bench(args = POINTS)]
fn wide(bencher: Bencher, points: usize) {
    pairs_a_second(bencher, points, |draw| 1e12 * libm::exp(3.0 * draw.normal()));
}

/// Classifies a hundred pairs in turn, so that no branch is learnt by heart.
fn pairs_a_second(bencher: Bencher, points: usize, value: impl Fn(&mut Draw) -> f64) {
    let mut draw = Draw(1);
    let mut arm = || (0..points).map(|_| value(&mut draw)).collect::<Vec<f64>>();
    let pairs: Vec<_> = (0..100).map(|_| (arm(), arm())).collect();
    let options = MetricOptions::default();
    bencher.counter(ItemsCount::new(pairs.len())).bench(|| {
        for (control, canary) in &pairs {
            divan::black_box(classify(control, canary, &options, Strictness::NETFLIX));
        }
    });
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
