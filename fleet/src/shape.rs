//! What a simulated fleet looks like.

use clap::Args;
use serin_calibrate::draw::Draw;

/// How large a fleet is, and what is wrong with it.
#[derive(Args, Clone, Debug)]
pub(crate) struct Shape {
    /// How many services there are
    #[arg(long, value_name = "N", default_value_t = 400)]
    pub(crate) services: usize,
    /// How many hosts each service has; one in ten runs the canary
    #[arg(long, value_name = "N", default_value_t = 200)]
    pub(crate) hosts: usize,
    /// How many metrics each host reports; one in five is a pair of counters
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub(crate) metrics: usize,
    /// How many minutes are recorded, with one point each
    #[arg(long, value_name = "N", default_value_t = 120)]
    pub(crate) minutes: usize,
    /// In how many services one is broken: its canary's first level is half as high again
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub(crate) one_broken_in: usize,
    /// Put the rows in the order of time, as a collector writes them, and not service by service
    #[arg(long)]
    pub(crate) by_time: bool,
    /// What all random numbers come from
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
}

/// What a column of numbers holds.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Metric {
    /// A level.
    Level(String),
    /// A counter of requests, and of those that failed; increments.
    Counters { total: String, bad: String },
}

impl Shape {
    /// Returns the metrics, which have as many columns as was asked for.
    pub(crate) fn metrics(&self) -> Vec<Metric> {
        let counters = self.metrics / 10;
        let pair = |number| Metric::Counters {
            total: format!("requests_{number:02}"),
            bad: format!("errors_{number:02}"),
        };
        let levels = (0..self.metrics - 2 * counters)
            .map(|number| Metric::Level(format!("level_{number:02}")));
        levels.chain((0..counters).map(pair)).collect()
    }

    pub(crate) fn service(&self, service: usize) -> String {
        format!("service-{service:04}")
    }

    pub(crate) fn host(&self, service: usize, host: usize) -> String {
        format!("host-{service:04}-{host:04}")
    }

    /// Returns whether a host runs the canary: one in ten, and at least one.
    pub(crate) fn is_canary(&self, host: usize) -> bool {
        host < (self.hosts / 10).max(1)
    }

    pub(crate) fn is_broken(&self, service: usize) -> bool {
        self.one_broken_in > 0 && service % self.one_broken_in == self.one_broken_in - 1
    }

    /// Returns the numbers of a host, column by column, each as long as the recording.
    ///
    /// Hosts differ by 2 %, and from minute to minute by 5 %; one request in a thousand fails.
    pub(crate) fn draw(&self, service: usize, host: usize) -> Vec<Vec<f64>> {
        let run = (service * self.hosts + host) as u64;
        let mut draw = Draw::of_run(self.seed, run);
        let is_harmed = self.is_canary(host) && self.is_broken(service);
        let mut columns = Vec::with_capacity(self.metrics);
        for (number, metric) in self.metrics().iter().enumerate() {
            match metric {
                Metric::Level(_) => {
                    let harm = if is_harmed && number == 0 { 1.5 } else { 1.0 };
                    let own = 100.0 * (1.0 + 0.02 * draw.normal()) * harm;
                    let mut point = || own * (1.0 + 0.05 * draw.normal());
                    columns.push((0..self.minutes).map(|_| point()).collect());
                }
                Metric::Counters { .. } => {
                    let totals: Vec<f64> = (0..self.minutes).map(|_| draw.poisson(600.0)).collect();
                    let bad = totals.iter().map(|&total| draw.binomial(total, 0.001)).collect();
                    columns.extend([totals, bad]);
                }
            }
        }
        columns
    }

    /// Returns the Check file that asks for all of it.
    ///
    /// * `recording`: where that is, as the Check file names it.
    pub(crate) fn check_file(&self, recording: &str) -> String {
        let mut text = format!(
            "for_each: [service]\nsource: {{file: {{path: {recording}, counters: increments}}}}\n\
             replica: host\nchecks:\n"
        );
        for metric in self.metrics() {
            text.push_str(&match metric {
                Metric::Level(name) => {
                    format!(
                        "  {name}: {{gauge: {name}, worse: higher, compare: {{tolerance: 10%}}}}\n"
                    )
                }
                Metric::Counters { total, bad } => {
                    format!("  {bad}: {{ratio: {{bad: {bad}, total: {total}}}, worse: higher}}\n")
                }
            });
        }
        text
    }
}
