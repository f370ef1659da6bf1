//! A real Graphite: carbon, Whisper and graphite-web.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::Write as _;
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use super::{RealStore, Row, free_address, ready, request};

/// Starts Graphite with the rows as tagged series, and as paths as well.
///
/// * `slot`: the length of its slots, in seconds. They go back a day from now.
/// * `path`: the path of a row, for whoever is to find it by its nodes, too.
pub(crate) fn graphite(
    rows: &[Row],
    slot: i64,
    path: impl Fn(&Row) -> Option<String>,
) -> RealStore {
    let folder = tempfile::tempdir().unwrap();
    let (web, lines, cache) = (free_address(), free_address(), free_address());
    configure(folder.path(), slot, &lines, &cache);
    let mut carbon = python(folder.path())
        .args(["/usr/bin/carbon-cache", "--nodaemon", "--debug", "start"])
        .arg(format!("--config={}", folder.path().join("carbon.conf").display()))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let made =
        python(folder.path()).args(["-m", "django", "migrate", "--run-syncdb"]).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let server = python(folder.path())
        .args(["-m", "django", "runserver", "--noreload", "--insecure", &web])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let store = ready("graphite", web.clone(), server, folder, "/metrics/find?query=*");
    register(&web, &rows.iter().map(tagged).collect());
    write(&lines, rows, &path);
    wait_for(&web, rows.last().unwrap());
    // What it holds in memory is on the disk once it has ended.
    let told = Command::new("kill").arg(carbon.id().to_string()).status();
    assert!(told.unwrap().success());
    carbon.wait().unwrap();
    store
}

/// Waits until the row that was written last can be read: those before it can be, too.
fn wait_for(web: &str, row: &Row) {
    let (from, until) = (row.time / 1000 - 1, row.time / 1000);
    let tag = |(name, value): &(String, String)| format!(",'{name}={value}'");
    let tags: String = row.labels.iter().map(tag).collect();
    let target = encoded(&format!("seriesByTag('name={}'{tags})", row.metric));
    let path = format!("/render?format=json&target={target}&from={from}&until={until}");
    for _ in 0..300 {
        let answer = request(web, "GET", &path, "").unwrap_or_default();
        if answer.contains("[[") && !answer.contains("null") {
            return;
        }
        thread::sleep(Duration::from_millis(100));
    }
    panic!("carbon did not take the rows within half a minute");
}

/// A series as Graphite names it: `name;tag=value`, by the tags' names.
pub(crate) fn tagged(row: &Row) -> String {
    let mut labels: Vec<_> = row.labels.iter().collect();
    labels.sort();
    labels.iter().fold(row.metric.clone(), |name, (tag, value)| format!("{name};{tag}={value}"))
}

fn python(folder: &Path) -> Command {
    let mut command = Command::new("/usr/bin/python3");
    command.env("PYTHONPATH", folder).env("DJANGO_SETTINGS_MODULE", "graphite.settings");
    command.env("GRAPHITE_SETTINGS_MODULE", "local_settings");
    command
}

fn configure(folder: &Path, slot: i64, lines: &str, cache: &str) {
    let dir = folder.display();
    let port = |address: &str| address.rsplit(':').next().unwrap().to_owned();
    let pickle = port(&free_address());
    for name in ["storage/whisper", "log", "log/webapp"] {
        std::fs::create_dir_all(folder.join(name)).unwrap();
    }
    let write = |name: &str, text: String| std::fs::write(folder.join(name), text).unwrap();
    write(
        "carbon.conf",
        format!(
            "[cache]\nSTORAGE_DIR = {dir}/storage/\nCONF_DIR = {dir}/\nLOG_DIR = {dir}/log/\n\
             PID_DIR = {dir}/\nLOCAL_DATA_DIR = {dir}/storage/whisper/\nENABLE_LOGROTATION = False\n\
             USER =\nMAX_CACHE_SIZE = inf\nMAX_UPDATES_PER_SECOND = 50000\n\
             MAX_CREATES_PER_MINUTE = inf\nLINE_RECEIVER_INTERFACE = 127.0.0.1\n\
             LINE_RECEIVER_PORT = {}\nENABLE_UDP_LISTENER = False\n\
             PICKLE_RECEIVER_INTERFACE = 127.0.0.1\nPICKLE_RECEIVER_PORT = {pickle}\n\
             CACHE_QUERY_INTERFACE = 127.0.0.1\nCACHE_QUERY_PORT = {}\nENABLE_TAGS = False\n\
             WHISPER_AUTOFLUSH = True\n",
            port(lines),
            port(cache)
        ),
    );
    write("storage-schemas.conf", format!("[all]\npattern = .*\nretentions = {slot}s:1d\n"));
    write(
        "storage-aggregation.conf",
        "[all]\npattern = .*\nxFilesFactor = 0\naggregationMethod = average\n".to_owned(),
    );
    write(
        "local_settings.py",
        format!(
            "SECRET_KEY = 'x'\nSTORAGE_DIR = '{dir}/storage'\nCONF_DIR = '{dir}'\n\
             LOG_DIR = '{dir}/log/webapp'\nWHISPER_DIR = '{dir}/storage/whisper'\n\
             STANDARD_DIRS = ['{dir}/storage/whisper']\nINDEX_FILE = '{dir}/storage/index'\n\
             CARBONLINK_HOSTS = ['{cache}']\nALLOWED_HOSTS = ['*']\nDEBUG = False\n\
             TAGDB = 'graphite.tags.localdatabase.LocalDatabaseTagDB'\n\
             DATABASES = {{'default': {{'NAME': '{dir}/storage/graphite.db', \
             'ENGINE': 'django.db.backends.sqlite3'}}}}\n"
        ),
    );
}

/// Tells the tags of series, as carbon does for new ones.
fn register(web: &str, names: &BTreeSet<String>) {
    for names in names.iter().collect::<Vec<_>>().chunks(50) {
        let paths: Vec<String> =
            names.iter().map(|name| format!("path={}", encoded(name))).collect();
        let answer = request(web, "POST", "/tags/tagMultiSeries", paths.join("&")).unwrap();
        assert!(answer.contains(" 200 "), "{answer}");
    }
}

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

fn write(lines: &str, rows: &[Row], path: &impl Fn(&Row) -> Option<String>) {
    let mut text = String::new();
    for row in rows {
        for name in std::iter::once(tagged(row)).chain(path(row)) {
            writeln!(text, "{name} {:?} {}", row.value, row.time / 1000).unwrap();
        }
    }
    let mut stream = TcpStream::connect(lines).unwrap();
    stream.write_all(text.as_bytes()).unwrap();
}
