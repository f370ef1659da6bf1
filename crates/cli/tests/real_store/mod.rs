//! Real servers on this machine, filled with a recording, for as long as a test runs.

#![allow(dead_code, reason = "each test file uses its own part")]
#![expect(clippy::disallowed_methods, reason = "a test waits until a server is ready")]

pub(crate) mod cloudwatch;
pub(crate) mod graphite;
pub(crate) mod influxdb;
pub(crate) mod postgres;
pub(crate) mod remote_write;

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

/// One value of one series.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) metric: String,
    pub(crate) labels: Vec<(String, String)>,
    /// In milliseconds since the Unix epoch.
    pub(crate) time: i64,
    pub(crate) value: f64,
}

/// A server that ends with the test.
pub(crate) struct RealStore {
    pub(crate) name: &'static str,
    pub(crate) url: String,
    child: Child,
    _folder: tempfile::TempDir,
}

impl RealStore {
    /// Sends a signal to the server.
    pub(crate) fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.child.id().to_string()]).status();
        assert!(sent.unwrap().success());
    }

    /// Writes by remote write.
    pub(crate) fn write(&self, packed: &[u8]) {
        let address = self.url.trim_start_matches("http://");
        let answer = request(address, "POST", "/api/v1/write", packed).unwrap();
        assert!(answer.contains(" 204 ") || answer.contains(" 200 "), "{answer}");
    }
}

impl Drop for RealStore {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Returns every server that is installed, filled with the rows.
pub(crate) fn filled_with(rows: &[Row]) -> Vec<RealStore> {
    let mut stores = Vec::new();
    for (program, start) in [
        ("prometheus", prometheus as fn(&[Row]) -> RealStore),
        ("victoria-metrics", victoria_metrics),
    ] {
        if is_installed(program) {
            stores.push(start(rows));
        }
    }
    stores
}

pub(crate) fn is_installed(program: &str) -> bool {
    Command::new(program)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok()
}

/// Starts Prometheus over blocks that `promtool` made.
pub(crate) fn prometheus(rows: &[Row]) -> RealStore {
    let (address, child, folder) = started_prometheus(rows, &[]);
    ready("prometheus", address, child, folder, "/-/ready")
}

/// Starts a Prometheus that has its API under a path, as some of its relatives have.
pub(crate) fn prefixed_prometheus(rows: &[Row], prefix: &str) -> RealStore {
    let flag = format!("--web.route-prefix={prefix}");
    let (address, child, folder) = started_prometheus(rows, &[&flag]);
    ready("prometheus", address, child, folder, &format!("{prefix}/-/ready"))
}

/// Starts a Prometheus that answers only those who prove who they are.
///
/// * `web`: its `web.yml`.
pub(crate) fn secured_prometheus(rows: &[Row], web: &Path) -> RealStore {
    let flag = format!("--web.config.file={}", web.display());
    let (address, child, folder) = started_prometheus(rows, &[&flag]);
    // Nobody without a certificate can ask whether it is ready; it is when it listens.
    for _ in 0..300 {
        if TcpStream::connect(&address).is_ok() {
            break;
        }
        thread::sleep(Duration::from_millis(100));
    }
    RealStore { name: "prometheus", url: format!("https://{address}"), child, _folder: folder }
}

fn started_prometheus(rows: &[Row], more: &[&str]) -> (String, Child, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("rows.om");
    std::fs::write(&text, open_metrics(rows)).unwrap();
    let data = folder.path().join("data");
    let made = Command::new("promtool")
        .args(["tsdb", "create-blocks-from", "openmetrics"])
        .args([&text, &data])
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    std::fs::write(folder.path().join("prometheus.yml"), "global: {scrape_interval: 1m}\n")
        .unwrap();
    let address = free_address();
    let child = Command::new("prometheus")
        .arg(format!("--config.file={}", folder.path().join("prometheus.yml").display()))
        .arg(format!("--storage.tsdb.path={}", data.display()))
        .args(["--storage.tsdb.retention.time=100y", "--storage.tsdb.allow-overlapping-blocks"])
        .arg(format!("--web.listen-address={address}"))
        .args(["--web.enable-remote-write-receiver", "--enable-feature=native-histograms"])
        .args(more)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    (address, child, folder)
}

pub(crate) fn victoria_metrics(rows: &[Row]) -> RealStore {
    let folder = tempfile::tempdir().unwrap();
    let address = free_address();
    let child = Command::new("victoria-metrics")
        .arg(format!("-storageDataPath={}", folder.path().join("data").display()))
        .arg(format!("-httpListenAddr={address}"))
        .args(["-retentionPeriod=100y", "-search.latencyOffset=0s", "-search.disableCache"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let store = ready("victoria-metrics", address.clone(), child, folder, "/health");
    let mut lines = String::new();
    for row in rows {
        writeln!(lines, "{} {} {}", series(row), number(row.value), row.time).unwrap();
    }
    let answer = request(&address, "POST", "/api/v1/import/prometheus", &lines).unwrap();
    assert!(answer.contains(" 204 "), "{answer}");
    // What was written is found once it has left the server's buffer.
    assert!(request(&address, "GET", "/internal/force_flush", "").unwrap().contains(" 200 "));
    store
}

fn ready(
    name: &'static str,
    address: String,
    mut child: Child,
    folder: tempfile::TempDir,
    path: &str,
) -> RealStore {
    for _ in 0..300 {
        if request(&address, "GET", path, "").is_some_and(|answer| answer.contains(" 200 ")) {
            return RealStore { name, url: format!("http://{address}"), child, _folder: folder };
        }
        thread::sleep(Duration::from_millis(100));
    }
    let _ = child.kill();
    panic!("{name} was not ready within half a minute");
}

/// Returns an address that nobody has, and that nobody is given but who calls: below the ports that
/// connections take for themselves, and another one each time.
fn free_address() -> String {
    static GIVEN: AtomicU32 = AtomicU32::new(0);
    loop {
        let given = GIVEN.fetch_add(1, Ordering::Relaxed);
        let port = 10_000 + std::process::id().wrapping_mul(97).wrapping_add(given) % 20_000;
        let address = format!("127.0.0.1:{port}");
        if TcpListener::bind(&address).is_ok() {
            return address;
        }
    }
}

fn request(address: &str, method: &str, path: &str, body: impl AsRef<[u8]>) -> Option<String> {
    let body = body.as_ref();
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(30))).ok()?;
    let about = match path {
        "/api/v1/write" => "Content-Encoding: snappy\r\n",
        "/tags/tagMultiSeries" => "Content-Type: application/x-www-form-urlencoded\r\n",
        _ => "",
    };
    let head = format!(
        "{method} {path} HTTP/1.0\r\nHost: {address}\r\n{about}Content-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).ok()?;
    stream.write_all(body).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer)
}

/// Writes rows as OpenMetrics, a family after the other.
fn open_metrics(rows: &[Row]) -> String {
    let mut rows: Vec<&Row> = rows.iter().collect();
    rows.sort_by(|a, b| (&a.metric, a.time).cmp(&(&b.metric, b.time)));
    let (mut text, mut family) = (String::new(), "");
    for row in rows {
        if row.metric != family {
            family = &row.metric;
            writeln!(text, "# TYPE {family} gauge").unwrap();
        }
        writeln!(text, "{} {} {}", series(row), number(row.value), seconds(row)).unwrap();
    }
    text + "# EOF\n"
}

fn seconds(row: &Row) -> String {
    format!("{}.{:03}", row.time / 1000, row.time % 1000)
}

fn series(row: &Row) -> String {
    let label = |(name, value): &(String, String)| {
        let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        format!("{name}=\"{value}\"")
    };
    let labels: Vec<String> = row.labels.iter().map(label).collect();
    format!("{}{{{}}}", row.metric, labels.join(","))
}

fn number(value: f64) -> String {
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    value.to_string()
}

/// Writes rows as a recording.
pub(crate) fn recording(rows: &[Row], path: &Path) {
    let mut names: Vec<&str> =
        rows.iter().flat_map(|row| row.labels.iter().map(|it| it.0.as_str())).collect();
    names.sort_unstable();
    names.dedup();
    let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    let mut text = format!("time,metric,value,{}\n", names.join(","));
    for row in rows {
        let of = |name: &&str| row.labels.iter().find(|label| label.0 == *name);
        let labels: Vec<String> =
            names.iter().map(|name| of(name).map_or(String::new(), |it| quoted(&it.1))).collect();
        let value = if row.value.is_nan() { String::new() } else { number(row.value) };
        writeln!(text, "{},{},{value},{}", seconds(row), row.metric, labels.join(",")).unwrap();
    }
    std::fs::write(path, text).unwrap();
}

/// Reads a committed recording as rows, each with a label that tells it from other recordings.
pub(crate) fn recorded(example: &Path, recording: &str) -> Vec<Row> {
    let file = std::fs::File::open(example.join(format!("{recording}.csv.gz"))).unwrap();
    let mut reader = csv::Reader::from_reader(flate2::read::MultiGzDecoder::new(file));
    let names: Vec<String> = reader.headers().unwrap().iter().map(str::to_owned).collect();
    let row = |record: csv::StringRecord| {
        let of = |wanted: &str| {
            record.get(names.iter().position(|name| name == wanted).unwrap()).unwrap()
        };
        let is_label = |name: &str| !["time", "metric", "value"].contains(&name);
        let labels =
            names.iter().zip(&record).filter(|(name, value)| is_label(name) && !value.is_empty());
        let mut labels: Vec<_> =
            labels.map(|(name, value)| (name.clone(), value.to_owned())).collect();
        labels.push(("recording".to_owned(), recording.to_owned()));
        let time: jiff::Timestamp = of("time").parse().unwrap();
        Row {
            metric: of("metric").to_owned(),
            labels,
            time: time.as_millisecond(),
            value: of("value").parse().unwrap(),
        }
    };
    reader.records().map(|record| row(record.unwrap())).collect()
}
