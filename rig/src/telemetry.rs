//! What a replica counts about itself, as a production service would.

use std::time::Duration;

use prometheus::{
    Counter, Gauge, Histogram, HistogramOpts, IntCounterVec, Opts, Registry, TextEncoder,
};

/// Upper bounds of the latency buckets, in seconds.
///
/// Narrow around the median and the p99 of a healthy replica, so that a change
/// of some ten per cent crosses a bound.
const BUCKETS: [f64; 12] = [0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.08, 0.1, 0.15, 0.25, 0.5, 1.0];

/// The metrics of one replica.
#[derive(Debug)]
pub struct Telemetry {
    registry: Registry,
    requests: IntCounterVec,
    durations: Histogram,
    memory: Gauge,
    cpu: Counter,
}

impl Telemetry {
    /// Metrics that have counted nothing yet.
    ///
    /// # Errors
    ///
    /// Never for these names: the registry would refuse two of one name.
    pub fn new() -> prometheus::Result<Self> {
        let telemetry = Self {
            registry: Registry::new(),
            requests: IntCounterVec::new(
                Opts::new("http_requests_total", "Requests answered, by status code."),
                &["code"],
            )?,
            durations: Histogram::with_opts(
                HistogramOpts::new(
                    "http_request_duration_seconds",
                    "Time from the first line of the handler to its answer.",
                )
                .buckets(BUCKETS.to_vec()),
            )?,
            memory: Gauge::new("process_resident_memory_bytes", "Memory that is in RAM.")?,
            cpu: Counter::new("process_cpu_seconds_total", "Time spent on a processor.")?,
        };
        telemetry.register()?;
        Ok(telemetry)
    }

    fn register(&self) -> prometheus::Result<()> {
        self.registry.register(Box::new(self.requests.clone()))?;
        self.registry.register(Box::new(self.durations.clone()))?;
        self.registry.register(Box::new(self.memory.clone()))?;
        self.registry.register(Box::new(self.cpu.clone()))?;
        // A code that was never answered is a zero, not a missing series.
        for code in ["200", "500"] {
            self.requests.with_label_values(&[code]);
        }
        Ok(())
    }

    /// Counts one answer with the time it took.
    pub fn count(&self, code: u16, duration: Duration) {
        self.requests.with_label_values(&[code.to_string()]).inc();
        self.durations.observe(duration.as_secs_f64());
    }

    /// Everything counted so far, in Prometheus text exposition format.
    ///
    /// # Errors
    ///
    /// When the encoder refuses a metric, which it does for empty families.
    pub fn expose(&self) -> prometheus::Result<String> {
        if let Some(vitals) = vitals() {
            self.memory.set(vitals.resident_bytes);
            // A sum of small differences would drift in its last digits.
            self.cpu.reset();
            self.cpu.inc_by(vitals.cpu_seconds);
        }
        TextEncoder::new().encode_to_string(&self.registry.gather())
    }
}

/// What the operating system says of this process.
struct Vitals {
    resident_bytes: f64,
    cpu_seconds: f64,
}

#[cfg(target_os = "linux")]
fn vitals() -> Option<Vitals> {
    let process = procfs::process::Process::myself().ok()?;
    let stat = process.stat().ok()?;
    let resident_pages = process.statm().ok()?.resident;
    Some(Vitals {
        resident_bytes: (resident_pages * procfs::page_size()) as f64,
        cpu_seconds: (stat.utime + stat.stime) as f64 / procfs::ticks_per_second() as f64,
    })
}

#[cfg(not(target_os = "linux"))]
fn vitals() -> Option<Vitals> {
    None
}
