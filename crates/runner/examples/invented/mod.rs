//! A store that makes its points up, for measurements: what it says of a time is always the same.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};
use serin_check::WrittenAnalysis;
use serin_model::{
    Analysis, Arm, ArmPair, BucketBounds, MeasureKind, MetricSeries, Observations, Point, Ratio,
    Replica, Timestamp, Window,
};
use serin_runner::RunError;
use serin_runner::live::{Answered, PointSource, Sources};
use serin_runner::watch::Outage;

/// A store that makes its points up.
#[derive(Debug)]
pub(crate) struct Invented;

#[derive(Debug)]
struct InventedPoints {
    analysis: Analysis,
    seed: u64,
}

impl Sources for Invented {
    fn open(
        &self,
        asked: &WrittenAnalysis,
        _: Option<&str>,
    ) -> Result<Arc<dyn PointSource>, RunError> {
        let name = asked.analysis.service.bytes();
        let seed = name.fold(7_u64, |seed, byte| seed.wrapping_mul(31).wrapping_add(byte.into()));
        Ok(Arc::new(InventedPoints { analysis: asked.analysis.clone(), seed }))
    }
}

impl PointSource for InventedPoints {
    fn name(&self) -> &str {
        "the source in this process"
    }

    fn ask(&self, window: Window, _: bool) -> BoxFuture<'_, Result<Answered, Outage>> {
        let checks = self.analysis.checks().iter().zip(0_u64..);
        let series = checks.map(|(check, number)| {
            let arm = |is_canary: bool| {
                let replica = |replica: u64| Replica {
                    name: format!("pod-{}", replica + 2 * u64::from(is_canary)),
                    observations: observations(
                        check.measure.kind(),
                        window,
                        self.seed ^ (number << 32) ^ (replica << 8) ^ u64::from(is_canary),
                    ),
                };
                Arm { replicas: (0..2).map(replica).collect() }
            };
            let arms = ArmPair { control: arm(false), canary: arm(true) };
            MetricSeries { arms, ..MetricSeries::nothing(&check.name) }
        });
        ready(Ok(Answered { series: series.collect(), warnings: Vec::new() })).boxed()
    }
}

/// A point a minute.
fn observations(kind: MeasureKind, window: Window, seed: u64) -> Observations {
    let first = window.start.as_millis().div_euclid(60_000) * 60_000 + 30_000;
    let times = (first..window.end.as_millis()).step_by(60_000).map(Timestamp::from_millis);
    let draw = |time: Timestamp, of: u64| {
        let mut mixed = seed ^ time.as_millis().unsigned_abs() ^ (of << 48);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    };
    match kind {
        MeasureKind::Ratio => Observations::Ratio(
            times
                .map(|time| {
                    let total = 200.0 + (100.0 * draw(time, 1)).floor();
                    Point { time, value: Ratio { bad: (6.0 * draw(time, 2)).floor(), total } }
                })
                .collect(),
        ),
        MeasureKind::Histogram => {
            let edges = (0..12_u32).map(|edge| 0.005 * f64::from(1 << edge)).collect();
            let Ok(bounds) = BucketBounds::new(edges) else { return Observations::nothing(kind) };
            let increments = |time| (0..13).map(move |of| (30.0 * draw(time, of)).floor());
            let points =
                times.map(|time| Point { time, value: increments(time).collect() }).collect();
            Observations::Histogram { bounds, points }
        }
        MeasureKind::Count | MeasureKind::Gauge | MeasureKind::Quantile => Observations::Value(
            times.map(|time| Point { time, value: 100.0 + 40.0 * draw(time, 3) }).collect(),
        ),
    }
}

/// Asks about ratios, histograms and levels, and never passes before the horizon.
pub(crate) fn check(service: u32, metrics: u32) -> String {
    let mut text = format!(
        "service: service-{service}\nreplica: pod\nstep: 60s\nhorizon: 4h\nminimum_time: 4h\nwarm_up: 0s\n\
         history: 30m\nchecks:\n"
    );
    for metric in 0..metrics {
        let measure = match metric % 10 {
            0..4 => "ratio: {bad: bad, total: total}",
            4 => "histogram: seconds",
            _ => "gauge: level",
        };
        text += &format!("  metric {metric}: {{{measure}}}\n");
    }
    text
}
