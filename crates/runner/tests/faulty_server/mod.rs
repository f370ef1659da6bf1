//! A server on this machine that answers as badly as it is told to.

#![allow(dead_code, reason = "each test file uses its own part")]

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

/// What it does with a connection: gets the request, and how many came before it.
pub(crate) type Behaviour = dyn Fn(&mut TcpStream, &str, usize) + Send + Sync;

/// A server that ends with the test.
pub(crate) struct FaultyServer {
    pub(crate) url: String,
    requests: Arc<AtomicUsize>,
}

impl FaultyServer {
    pub(crate) fn start(behaviour: Box<Behaviour>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(AtomicUsize::new(0));
        let server = Self { url, requests: Arc::clone(&requests) };
        let behaviour: Arc<Behaviour> = Arc::from(behaviour);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { return };
                let (requests, behaviour) = (Arc::clone(&requests), Arc::clone(&behaviour));
                thread::spawn(move || {
                    let request = read_request(&mut stream);
                    if request.is_empty() {
                        return;
                    }
                    behaviour(&mut stream, &request, requests.fetch_add(1, Ordering::SeqCst));
                    let _ = stream.shutdown(Shutdown::Both);
                });
            }
        });
        server
    }

    /// Returns how many requests came.
    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

/// Reads a request with its body.
fn read_request(stream: &mut TcpStream) -> String {
    let _ = stream.set_read_timeout(Some(Duration::from_secs(5)));
    let (mut request, mut chunk) = (Vec::new(), [0; 4096]);
    loop {
        let text = String::from_utf8_lossy(&request).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| {
                line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse::<usize>().ok()
            });
            if body.len() >= length.unwrap_or(0) {
                return text;
            }
        }
        match stream.read(&mut chunk) {
            Ok(read) if read > 0 => request.extend_from_slice(&chunk[..read]),
            _ => return String::new(),
        }
    }
}

/// Writes a whole answer.
pub(crate) fn answer(stream: &mut TcpStream, status: &str, headers: &str, body: &[u8]) {
    let head = format!(
        "HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    let _ = stream.write_all(head.as_bytes());
    let _ = stream.write_all(body);
    let _ = stream.flush();
}
