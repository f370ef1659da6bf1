//! What ends a process of the rig: nothing may be left running.
//!
//! Whoever starts a replica keeps the other end of its standard input. When
//! that process dies, even by `kill -9`, the kernel closes the pipe and the
//! replica reads the end of its input. This needs no `unsafe`, no process
//! group and nobody to clean up.

use std::io::{self, Read};
use std::thread;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::sleep;

/// Completes when the process should end: its standard input is closed, it is
/// told to stop, or it has lived for `lifetime`.
pub async fn severed(lifetime: Duration) {
    tokio::select! {
        () = stdin_closed() => {}
        () = told_to_stop() => {}
        () = sleep(lifetime) => {}
    }
}

/// Completes when the process gets Ctrl-C or, on Unix, SIGTERM.
pub async fn told_to_stop() {
    tokio::select! {
        () = interrupted() => {}
        () = terminated() => {}
    }
}

async fn interrupted() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}

#[cfg(unix)]
async fn terminated() {
    use tokio::signal::unix::{SignalKind, signal};

    match signal(SignalKind::terminate()) {
        Ok(mut signals) => {
            signals.recv().await;
        }
        Err(_) => std::future::pending().await,
    }
}

#[cfg(not(unix))]
async fn terminated() {
    std::future::pending().await
}

async fn stdin_closed() {
    let (closed, told) = oneshot::channel();
    // A thread rather than `tokio::io::stdin`: a runtime does not shut down
    // while one of its own threads is blocked in a read.
    thread::spawn(move || {
        let mut ignored = [0; 256];
        while matches!(io::stdin().read(&mut ignored), Ok(count) if count > 0) {}
        closed.send(())
    });
    // An error means that the thread is gone, and with it the pipe it watched.
    let _ = told.await;
}
