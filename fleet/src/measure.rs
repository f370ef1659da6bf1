//! What it costs to judge a fleet.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use crate::record::record;
use crate::shape::Shape;

/// Records fleets of several sizes, has each judged, and prints what that took.
pub(crate) fn measure(
    serin: &Path,
    sizes: &[usize],
    shape: &Shape,
    say: &dyn Fn(&str),
) -> anyhow::Result<()> {
    let folder = tempfile::tempdir().context("there is no room for a recording")?;
    let mut rows = Vec::new();
    for &services in sizes {
        let shape = Shape { services, ..shape.clone() };
        let path = folder.path().join("fleet.parquet");
        say(&record(&path, &shape)?);
        let cost = judge(serin, &path.with_extension("yaml"), folder.path())?;
        let points = services * shape.hosts * shape.metrics * shape.minutes;
        rows.push((services, points, cost));
    }
    say("\n| services | points | exit code | wall | nanoseconds a point | peak memory |");
    say("| ---: | ---: | ---: | ---: | ---: | ---: |");
    for (services, points, cost) in &rows {
        let nanoseconds = cost.wall.as_nanos() as f64 / *points as f64;
        say(&format!(
            "| {services} | {:.0} million | {} | {:.1} s | {nanoseconds:.1} | {:.0} MiB |",
            *points as f64 / 1e6,
            cost.exit_code,
            cost.wall.as_secs_f64(),
            cost.peak_kib as f64 / 1024.0
        ));
    }
    if let (Some((_, few, small)), Some((_, many, large))) = (rows.first(), rows.last())
        && many > few
    {
        let slope = (large.wall.as_secs_f64() / small.wall.as_secs_f64()).ln()
            / (*many as f64 / *few as f64).ln();
        say(&format!("\nTime grows as the number of points to the power of {slope:.2}."));
    }
    Ok(())
}

/// What a run took.
struct Cost {
    wall: Duration,
    peak_kib: i64,
    exit_code: i32,
}

fn judge(serin: &Path, check: &Path, folder: &Path) -> anyhow::Result<Cost> {
    let began = now();
    let mut child = Command::new(serin)
        .arg("judge")
        .arg(check)
        .arg("-o")
        .arg(folder.join("fleet.html"))
        .stdout(Stdio::null())
        .spawn()
        .with_context(|| format!("`{}` does not start", serin.display()))?;
    let mut peak_kib = 0;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        peak_kib = peak_kib.max(peak_of(child.id()).unwrap_or(0));
        std::thread::sleep(Duration::from_millis(20));
    };
    let exit_code = status.code().unwrap_or(-1);
    if exit_code == 1 || exit_code < 0 {
        bail!("serin could not judge `{}`: exit code {exit_code}", check.display());
    }
    Ok(Cost { wall: began.elapsed(), peak_kib, exit_code })
}

/// Returns the most memory that a process ever had resident, in KiB, as far as the system tells.
fn peak_of(process: u32) -> Option<i64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}

#[expect(clippy::disallowed_methods, reason = "it is what the command is for")]
fn now() -> Instant {
    Instant::now()
}
