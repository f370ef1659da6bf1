//! One real replica: it counts what it serves, and ends with whoever started it.

use std::process::Stdio;
use std::time::Duration;

use anyhow::Context;
use serin_rig::client::client_builder;
use serin_rig::exposition::{self, Sample};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

fn start(flags: &[&str]) -> anyhow::Result<Child> {
    Command::new(env!("CARGO_BIN_EXE_serin-rig"))
        .arg("serve")
        .args(flags)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .context("the replica does not start")
}

async fn address(replica: &mut Child) -> anyhow::Result<String> {
    let stdout = replica.stdout.take().context("standard output is a pipe")?;
    BufReader::new(stdout).lines().next_line().await?.context("the replica printed no address")
}

async fn read(url: &str) -> anyhow::Result<String> {
    Ok(client_builder().build()?.get(url).send().await?.text().await?)
}

fn value(samples: &[Sample], name: &str, label: (&str, &str)) -> Option<f64> {
    let has_label = |sample: &&Sample| sample.labels.get(label.0).is_some_and(|v| v == label.1);
    samples.iter().filter(has_label).find(|sample| sample.name == name).map(|sample| sample.value)
}

#[tokio::test]
async fn a_replica_counts_its_requests_and_ends_with_its_standard_input() -> anyhow::Result<()> {
    let mut replica = start(&["--median-ms=1", "--error-rate=0", "--lifetime=10s"])?;
    let address = address(&mut replica).await?;
    for _ in 0..20 {
        read(&format!("{address}/checkout")).await?;
    }

    let samples = exposition::parse(&read(&format!("{address}/metrics")).await?)?;
    assert_eq!(value(&samples, "http_requests_total", ("code", "200")), Some(20.0));
    assert_eq!(value(&samples, "http_requests_total", ("code", "500")), Some(0.0));
    assert_eq!(value(&samples, "http_request_duration_seconds_bucket", ("le", "+Inf")), Some(20.0));

    drop(replica.stdin.take());
    let status = timeout(Duration::from_secs(2), replica.wait()).await;
    assert!(status.context("the replica lives on without its standard input")??.success());
    Ok(())
}
