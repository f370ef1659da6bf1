//! A server that speaks CloudWatch's protocol: moto.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use super::free_address;

/// The server, for as long as the test runs.
pub(crate) struct Moto {
    pub(crate) address: String,
    child: Child,
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Moto {
    /// Starts the server that `cargo xtask test --install` puts under `target/tools`, if it is there.
    pub(crate) fn start() -> Option<Self> {
        let modules = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/tools/moto");
        if !modules.join("installed.txt").exists() {
            return None;
        }
        let address = free_address();
        let port = address.rsplit(':').next().unwrap().to_owned();
        let child = Command::new("python3")
            .args(["-c", "from moto.server import main; main()", "-H", "127.0.0.1", "-p", &port])
            .env("PYTHONPATH", &modules)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let server = Self { address, child };
        for _ in 0..300 {
            if TcpStream::connect(&server.address).is_ok() {
                return Some(server);
            }
            thread::sleep(Duration::from_millis(100));
        }
        unreachable!("the server does not start")
    }

    /// Puts values into the namespace `Shop`.
    pub(crate) fn put(&self, data: &[Value]) {
        for part in data.chunks(500) {
            let body = json!({"Namespace": "Shop", "MetricData": part}).to_string();
            let mut stream = TcpStream::connect(&self.address).unwrap();
            write!(
                stream,
                "POST / HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\
                 X-Amz-Target: GraniteServiceVersion20100801.PutMetricData\r\n\
                 Content-Type: application/x-amz-json-1.0\r\n\
                 Authorization: AWS4-HMAC-SHA256 Credential=id/20200913/eu-west-1/monitoring/aws4_request, \
                 SignedHeaders=host, Signature=0\r\nContent-Length: {}\r\n\r\n{body}",
                self.address,
                body.len()
            )
            .unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            assert!(answer.contains(" 200 "), "{answer}");
        }
    }
}
