//! A fleet in one real Prometheus.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{BufWriter, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, bail};

use crate::measure::judge;
use crate::shape::{Metric, Shape};

/// When the data begins.
const START: i64 = 1_763_856_000;

/// Writes a fleet into a Prometheus, has it judged, and prints what that took and what was asked.
pub(crate) fn live(serin: &Path, shape: &Shape, say: &dyn Fn(&str)) -> anyhow::Result<()> {
    let folder = tempfile::tempdir().context("there is no room for a store")?;
    let text = folder.path().join("fleet.om");
    write_open_metrics(&text, shape)?;
    let data = folder.path().join("data");
    run(Command::new("promtool")
        .args(["tsdb", "create-blocks-from", "openmetrics"])
        .args([&text, &data]))?;
    let server = Prometheus::start(&data, folder.path())?;
    let check = folder.path().join("fleet.yaml");
    fs::write(&check, check_file(shape, &server.address))?;
    let before = server.queries()?;
    let cost = judge(serin, &check, folder.path())?;
    let asked = server.queries()? - before;
    let series = shape.services * shape.hosts * shape.metrics;
    say("| analyses | metrics | series | queries | judged | fail | wall | peak memory of serin |");
    say("| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    say(&format!(
        "| {} | {} | {series} | {asked:.0} | {} | {} | {:.1} s | {:.0} MiB |",
        shape.services,
        shape.metrics,
        cost.judged,
        cost.failed.len(),
        cost.wall.as_secs_f64(),
        cost.peak_kib as f64 / 1024.0
    ));
    Ok(())
}

/// Writes what each host would have reported; counters are running totals.
fn write_open_metrics(path: &Path, shape: &Shape) -> anyhow::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    let drawn: Vec<(usize, usize, Vec<Vec<f64>>)> = (0..shape.services)
        .flat_map(|service| (0..shape.hosts).map(move |host| (service, host)))
        .map(|(service, host)| (service, host, shape.draw(service, host)))
        .collect();
    let mut column = 0;
    for metric in shape.metrics() {
        let columns = match &metric {
            Metric::Level(name) => vec![(name.clone(), false)],
            Metric::Counters { total, bad } => vec![(total.clone(), true), (bad.clone(), true)],
        };
        for (name, is_counter) in columns {
            let (kind, suffix) = if is_counter { ("counter", "_total") } else { ("gauge", "") };
            writeln!(file, "# TYPE {name} {kind}")?;
            for (service, host, columns) in &drawn {
                let track = if shape.is_canary(*host) { "canary" } else { "stable" };
                let mut sum = 0.0;
                for (minute, value) in columns[column].iter().enumerate() {
                    sum += value;
                    let value = if is_counter { sum } else { *value };
                    writeln!(
                        file,
                        "{name}{suffix}{{service=\"{}\",track=\"{track}\",pod=\"{}\"}} {value} {}",
                        shape.service(*service),
                        shape.host(*service, *host),
                        START + 60 * minute as i64 + 7
                    )?;
                }
            }
            column += 1;
        }
    }
    writeln!(file, "# EOF")?;
    Ok(file.flush()?)
}

fn check_file(shape: &Shape, address: &str) -> String {
    // An hour is judged, and what lies before is the controls' past.
    let moment = |minutes: usize| {
        jiff::Timestamp::from_second(START + 60 * minutes as i64).unwrap_or_default()
    };
    let (start, end) = (moment(shape.minutes / 2), moment(shape.minutes));
    let mut text = format!(
        "for_each: [service]\nsource: {{prometheus: {{url: 'http://{address}', in_flight: 20}}}}\n\
         arms: {{control: {{track: stable}}, canary: {{track: canary}}}}\n\
         window: {{start: {start}, end: {end}}}\nhistory: 1h\nchecks:\n"
    );
    for metric in shape.metrics() {
        let _ = match metric {
            Metric::Level(name) => {
                writeln!(
                    text,
                    "  {name}: {{gauge: {name}, worse: higher, compare: {{tolerance: 10%}}}}"
                )
            }
            Metric::Counters { total, bad } => writeln!(
                text,
                "  {bad}: {{ratio: {{bad: {bad}_total, total: {total}_total}}, worse: higher}}"
            ),
        };
    }
    text
}

/// A server that ends with the measurement.
struct Prometheus {
    address: String,
    child: Child,
}

impl Prometheus {
    fn start(data: &Path, folder: &Path) -> anyhow::Result<Self> {
        let config = folder.join("prometheus.yml");
        fs::write(&config, "global: {scrape_interval: 1m}\n")?;
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
        let child = Command::new("prometheus")
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", data.display()))
            .args(["--storage.tsdb.retention.time=100y", "--query.max-concurrency=20"])
            .arg(format!("--web.listen-address={address}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("`prometheus` does not start: it must be installed")?;
        let server = Self { address, child };
        for _ in 0..600 {
            if server.get("/-/ready").is_ok_and(|answer| answer.contains(" 200 ")) {
                return Ok(server);
            }
            crate::measure::pause(Duration::from_millis(100));
        }
        bail!("prometheus was not ready within a minute")
    }

    fn get(&self, path: &str) -> anyhow::Result<String> {
        let mut stream = TcpStream::connect(&self.address)?;
        write!(stream, "GET {path} HTTP/1.0\r\nHost: {}\r\n\r\n", self.address)?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    }

    /// Returns how many queries it answered so far, by its own count.
    fn queries(&self) -> anyhow::Result<f64> {
        let text = self.get("/metrics")?;
        let of_queries = |line: &&str| {
            line.starts_with("prometheus_http_requests_total") && line.contains("/api/v1/query")
        };
        let counts = text.lines().filter(of_queries).filter_map(|line| line.split(' ').next_back());
        Ok(counts.filter_map(|count| count.parse::<f64>().ok()).sum())
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn run(command: &mut Command) -> anyhow::Result<()> {
    let output = command.output().with_context(|| format!("{command:?} does not start"))?;
    if !output.status.success() {
        bail!("{command:?} failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}
