//! PostgreSQL, with a database of its own.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use super::free_address;

/// A server with a database, for as long as the test runs.
pub(crate) struct Postgres {
    programs: PathBuf,
    pub(crate) folder: tempfile::TempDir,
    pub(crate) port: u16,
}

impl Postgres {
    /// Starts a server, if one is installed.
    pub(crate) fn start() -> Option<Self> {
        Self::started(|_| String::new())
    }

    /// * `settings`: more of its configuration, made in its folder before it starts.
    pub(crate) fn started(settings: impl Fn(&Self) -> String) -> Option<Self> {
        let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
        let programs = versions.flatten().map(|version| version.path().join("bin"));
        let programs = programs.filter(|programs| programs.join("initdb").exists()).max()?;
        let port = free_address().rsplit(':').next().unwrap().parse().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let server = Self { programs, folder, port };
        let settings = settings(&server);
        if is_root() {
            let folder = server.folder.path().display().to_string();
            server.run("chown", &["-R", "postgres", &folder], "");
        }
        let data = server.data();
        std::fs::write(server.folder.path().join("password"), "hunter2hunter2\n").unwrap();
        let password = server.folder.path().join("password");
        server.as_owner(
            "initdb",
            &format!(
                "-D {data} -U admin --no-sync -A scram-sha-256 --pwfile={}",
                password.display()
            ),
        );
        let options = format!(
            "-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off {settings}"
        );
        server.as_owner("pg_ctl", &format!("-D {data} -o \"{options}\" -l {data}/log -w start"));
        Some(server)
    }

    fn data(&self) -> String {
        self.folder.path().join("data").display().to_string()
    }

    /// Runs one of the server's programs as somebody who may: it refuses to run as root.
    fn as_owner(&self, program: &str, arguments: &str) {
        let line = format!("{} {arguments}", self.programs.join(program).display());
        let (shell, words) = if is_root() {
            ("su", vec!["postgres", "-s", "/bin/sh", "-c", &line])
        } else {
            ("sh", vec!["-c", line.as_str()])
        };
        self.run(shell, &words, "");
    }

    pub(crate) fn run(&self, program: &str, words: &[&str], input: &str) {
        let mut child = Command::new(program)
            .args(words)
            .env("PGPASSWORD", "hunter2hunter2")
            .current_dir(self.folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(self.folder.path().join("said")).unwrap())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let status = child.wait().unwrap();
        let said = std::fs::read_to_string(self.folder.path().join("said")).unwrap();
        assert!(status.success(), "{program} {words:?}: {said}");
    }

    pub(crate) fn sql(&self, text: &str) {
        let psql = self.programs.join("psql").display().to_string();
        let port = self.port.to_string();
        let words = ["-h", "127.0.0.1", "-p", &port, "-U", "admin", "-d", "postgres", "-q"];
        self.run(&psql, &[&words[..], &["-v", "ON_ERROR_STOP=1"]].concat(), text);
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let data = self.data();
        self.as_owner("pg_ctl", &format!("-D {data} -m immediate stop"));
    }
}

fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output();
    output.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}
