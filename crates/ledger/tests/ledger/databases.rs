//! Real databases to keep ledgers in: files, and a PostgreSQL server where one is installed.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, Weak};

use serin_ledger::{Ledger, PostgresAddress};
use tempfile::TempDir;

/// A place for one ledger.
pub(crate) trait Place {
    fn open(&self) -> Ledger;

    /// Changes what is stored behind the ledger's back.
    fn sql(&self, statement: &str);

    /// Returns how a child process opens it.
    fn location(&self) -> String;
}

/// Runs a test on every kind of database, each time with new and empty places.
pub(crate) fn on_each(mut test: impl FnMut(&dyn Fn() -> Box<dyn Place>)) {
    test(&|| Box::new(File::new()));
    let Some(server) = Server::shared() else {
        println!("skipped: PostgreSQL is not installed");
        return;
    };
    test(&|| Box::new(server.clone().database()));
}

/// Opens what [`Place::location`] returned.
pub(crate) fn open(location: &str) -> Ledger {
    if !location.starts_with("postgres://") {
        return Ledger::open_file(location.as_ref(), true).unwrap();
    }
    let url = location.to_owned();
    let address = PostgresAddress { url, password: None, addresses: Vec::new(), tls: None };
    Ledger::open_postgres(address).unwrap()
}

/// A folder with a file.
pub(crate) struct File {
    folder: TempDir,
}

impl File {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("serin.db")
    }
}

impl Place for File {
    fn open(&self) -> Ledger {
        open(&self.location())
    }

    fn sql(&self, statement: &str) {
        rusqlite::Connection::open(self.path()).unwrap().execute_batch(statement).unwrap();
    }

    fn location(&self) -> String {
        self.path().display().to_string()
    }
}

/// A server, for as long as a test needs one.
pub(crate) struct Server {
    programs: PathBuf,
    folder: TempDir,
    port: u16,
    databases: AtomicU32,
}

static SHARED: Mutex<Weak<Server>> = Mutex::new(Weak::new());

impl Server {
    /// Returns the server that other tests use at this moment, or a new one, if one is installed.
    fn shared() -> Option<Arc<Self>> {
        let mut shared = SHARED.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(server) = shared.upgrade() {
            return Some(server);
        }
        let server = Arc::new(Self::start()?);
        *shared = Arc::downgrade(&server);
        Some(server)
    }

    /// Starts a server of its own, if one is installed.
    pub(crate) fn start() -> Option<Self> {
        let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
        let programs = versions.flatten().map(|version| version.path().join("bin"));
        let programs = programs.filter(|programs| programs.join("initdb").exists()).max()?;
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let folder = tempfile::tempdir().unwrap();
        let server = Self { programs, folder, port, databases: AtomicU32::new(0) };
        if is_root() {
            let folder = server.folder.path().display().to_string();
            let owned = Command::new("chown").args(["-R", "postgres", &folder]).status().unwrap();
            assert!(owned.success());
        }
        server.run("initdb", &format!("-D {} -U admin --no-sync -A trust", server.data()));
        server.go();
        Some(server)
    }

    pub(crate) fn go(&self) {
        let options = format!(
            "-p {} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off",
            self.port
        );
        let data = self.data();
        self.run("pg_ctl", &format!("-D {data} -o '{options}' -l {data}/log -w start"));
    }

    /// Ends the server at once, as a crash would.
    pub(crate) fn crash(&self) {
        self.run("pg_ctl", &format!("-D {} -m immediate -w stop", self.data()));
    }

    fn data(&self) -> String {
        self.folder.path().join("data").display().to_string()
    }

    /// Runs one of the server's programs as somebody who may: it refuses to run as root.
    fn run(&self, program: &str, arguments: &str) {
        let line = format!("{} {arguments}", self.programs.join(program).display());
        let said = self.folder.path().join("said");
        let output = std::fs::File::create(&said).unwrap();
        let mut command = if is_root() {
            let mut command = Command::new("su");
            command.args(["postgres", "-s", "/bin/sh", "-c", &line]);
            command
        } else {
            let mut command = Command::new("sh");
            command.args(["-c", &line]);
            command
        };
        command.current_dir(self.folder.path()).stdout(output.try_clone().unwrap()).stderr(output);
        let status = command.status().unwrap();
        let said = std::fs::read_to_string(said).unwrap();
        assert!(status.success(), "{line}: {said}");
    }

    fn url(&self, database: &str) -> String {
        format!("postgres://admin@127.0.0.1:{}/{database}", self.port)
    }

    /// Makes an empty database.
    pub(crate) fn database(self: Arc<Self>) -> Database {
        let name = format!("ledger_{}", self.databases.fetch_add(1, Ordering::SeqCst));
        sql(&self.url("postgres"), &format!("CREATE DATABASE {name}"));
        Database { server: self, name }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Whether it was running is not this test's question.
        let line = format!(
            "{} -D {} -m immediate stop",
            self.programs.join("pg_ctl").display(),
            self.data()
        );
        let words = if is_root() { ["su", "postgres"].as_slice() } else { ["sh"].as_slice() };
        let _ =
            Command::new(words[0]).args(&words[1..]).args(["-c", &line]).current_dir("/").output();
    }
}

fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output();
    output.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

fn sql(url: &str, statement: &str) {
    let mut client = postgres::Client::connect(url, postgres::NoTls).unwrap();
    client.batch_execute(statement).unwrap();
}

/// A database of a server.
pub(crate) struct Database {
    server: Arc<Server>,
    name: String,
}

impl Place for Database {
    fn open(&self) -> Ledger {
        open(&self.location())
    }

    fn sql(&self, statement: &str) {
        sql(&self.location(), &statement.replace("x'", "'\\x"));
    }

    fn location(&self) -> String {
        self.server.url(&self.name)
    }
}
