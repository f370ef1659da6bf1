//! A real InfluxDB 1.x.

use std::fmt::Write as _;
use std::process::{Command, Stdio};

use super::{RealStore, Row, free_address, ready, request};

/// Starts InfluxDB with the rows in its database `canaries`: the value is the field `value`, as
/// Prometheus writes it. It takes neither NaN nor infinities.
pub(crate) fn influxdb(rows: &[Row]) -> RealStore {
    let folder = tempfile::tempdir().unwrap();
    let (address, internal) = (free_address(), free_address());
    let path = |name: &str| folder.path().join(name).display().to_string();
    let config = format!(
        "reporting-disabled = true\nbind-address = \"{internal}\"\n\
         [meta]\ndir = \"{}\"\n[data]\ndir = \"{}\"\nwal-dir = \"{}\"\n\
         [http]\nbind-address = \"{address}\"\nlog-enabled = false\n\
         [monitor]\nstore-enabled = false\n",
        path("meta"),
        path("data"),
        path("wal"),
    );
    std::fs::write(path("influxdb.conf"), config).unwrap();
    let child = Command::new("influxd")
        .args(["-config", &path("influxdb.conf")])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let store = ready("influxdb", address.clone(), child, folder, "/query?q=SHOW%20DATABASES");
    request(&address, "POST", "/query?q=CREATE%20DATABASE%20canaries", "").unwrap();
    for rows in rows.chunks(5000) {
        let lines: String = rows.iter().filter(|row| row.value.is_finite()).map(line).collect();
        let answer = request(&address, "POST", "/write?db=canaries&precision=ms", lines).unwrap();
        assert!(answer.contains(" 204 "), "{answer}");
    }
    store
}

fn line(row: &Row) -> String {
    let escaped = |text: &str| text.replace(',', "\\,").replace('=', "\\=").replace(' ', "\\ ");
    let mut line = escaped(&row.metric);
    for (name, value) in &row.labels {
        write!(line, ",{}={}", escaped(name), escaped(value)).unwrap();
    }
    line + &format!(" value={:?} {}\n", row.value, row.time)
}
