//! What it costs to judge a fleet.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use std::process::Command;
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
    let (mut rows, mut counts) = (Vec::new(), Vec::new());
    for &services in sizes {
        let shape = Shape { services, ..shape.clone() };
        let path = folder.path().join("fleet.parquet");
        say(&record(&path, &shape)?);
        let cost = judge(serin, &path.with_extension("yaml"), folder.path())?;
        let points = services * shape.hosts * shape.metrics * shape.minutes;
        let of = |broken: bool| {
            let services = (0..services).filter(|&service| shape.is_broken(service) == broken);
            services.map(|service| shape.service(service)).collect::<BTreeSet<String>>()
        };
        let (broken, sound) = (of(true), of(false));
        let caught = format!("{} of {}", cost.failed.intersection(&broken).count(), broken.len());
        let blamed = format!("{} of {}", cost.failed.intersection(&sound).count(), sound.len());
        rows.push((services, points, cost));
        counts.push((caught, blamed));
    }
    say(
        "\n| services | points | broken caught | sound blamed | wall | nanoseconds a point | peak memory |",
    );
    say("| ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    for ((services, points, cost), (caught, blamed)) in rows.iter().zip(&counts) {
        let nanoseconds = cost.wall.as_nanos() as f64 / *points as f64;
        say(&format!(
            "| {services} | {:.0} million | {caught} | {blamed} | {:.1} s | {nanoseconds:.1} | {:.0} MiB |",
            *points as f64 / 1e6,
            cost.wall.as_secs_f64(),
            cost.peak_kib as f64 / 1024.0
        ));
    }
    if let (Some((_, few, small)), Some((_, many, large))) = (rows.first(), rows.last())
        && many > few
    {
        let slope = libm::log(large.wall.as_secs_f64() / small.wall.as_secs_f64())
            / libm::log(*many as f64 / *few as f64);
        say(&format!("\nTime grows as the number of points to the power of {slope:.2}."));
    }
    Ok(())
}

/// What a run took, and what came of it.
pub(crate) struct Cost {
    pub(crate) wall: Duration,
    pub(crate) peak_kib: i64,
    /// The services whose canary failed.
    pub(crate) failed: BTreeSet<String>,
    /// How many were judged.
    pub(crate) judged: usize,
}

/// Has a serin judge a fleet, and looks how much memory that takes.
pub(crate) fn judge(serin: &Path, check: &Path, folder: &Path) -> anyhow::Result<Cost> {
    let told = folder.join("fleet.json");
    let began = now();
    let mut child = Command::new(serin)
        .arg("judge")
        .arg(check)
        .arg("-o")
        .arg(folder.join("fleet.html"))
        .args(["--format", "json"])
        .stdout(File::create(&told)?)
        .spawn()
        .with_context(|| format!("`{}` does not start", serin.display()))?;
    let mut peak_kib = 0;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        peak_kib = peak_kib.max(peak_of(child.id()).unwrap_or(0));
        pause(Duration::from_millis(20));
    };
    let exit_code = status.code().unwrap_or(-1);
    if exit_code == 1 || exit_code < 0 {
        bail!("serin could not judge `{}`: exit code {exit_code}", check.display());
    }
    let wall = began.elapsed();
    let report: serde_json::Value = serde_json::from_reader(BufReader::new(File::open(&told)?))?;
    let mut failed = BTreeSet::new();
    let members = report["members"].as_array().map(Vec::as_slice).unwrap_or_default();
    for member in members {
        if member["verdict"]["outcome"] == "fail" {
            failed.insert(member["service"].as_str().unwrap_or_default().to_owned());
        }
    }
    Ok(Cost { wall, peak_kib, failed, judged: members.len() })
}

/// Returns the most memory that a process ever had resident, in KiB, as far as the system tells.
fn peak_of(process: u32) -> Option<i64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}

#[expect(clippy::disallowed_methods, reason = "it looks now and then how much memory is taken")]
pub(crate) fn pause(length: Duration) {
    std::thread::sleep(length);
}

#[expect(clippy::disallowed_methods, reason = "it is what the command is for")]
fn now() -> Instant {
    Instant::now()
}
