//! The reports of the example and the pages of the demo, in a real browser.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, bail};

use crate::command::{find_program, root};
use crate::demo::Running;
use crate::python::PAGES;

/// Returns whether there is a browser.
pub(crate) fn is_installed() -> bool {
    find_program("chromium").is_some()
}

/// Shows each report at the width of a phone and of a desk, and fails when a page scrolls sideways,
/// shows nothing, or asks the network for anything; then the pages of a server. Returns what was skipped.
pub(crate) fn run() -> anyhow::Result<Option<&'static str>> {
    let folder = tempfile::tempdir()?;
    for recording in ["good", "slow", "failing", "silent"] {
        let report = folder.path().join(format!("{recording}.html"));
        judge(recording, &report)?;
        let page = fs::read_to_string(&report)?;
        for width in [360, 768, 1280] {
            let measured = measure(folder.path(), &page, width)?;
            let (scroll_width, text_length) = measured;
            if scroll_width > width {
                bail!("the report of {recording} is {scroll_width} px wide in a window of {width}");
            }
            if text_length < 500 {
                bail!("the report of {recording} shows only {text_length} characters");
            }
        }
        println!("{recording}: fits 360, 768 and 1280 px");
    }
    fleet(folder.path())?;
    pages()
}

/// Has the pages of a demo looked at, in `pages.py`'s ways.
fn pages() -> anyhow::Result<Option<&'static str>> {
    let Some(mut look) = PAGES.python() else {
        return Ok(Some("the pages in a browser: playwright and axe are not installed"));
    };
    let chromium = find_program("chromium").context("chromium is not installed")?;
    let demo = Running::start()?;
    look.arg(root().join("xtask/pages.py")).arg(format!("http://{}", demo.address));
    look.arg(chromium).arg(PAGES.file("axe_core_python/axe.min.js"));
    let status = look.status().context("python3 does not start")?;
    if !status.success() {
        bail!("something is wrong with the pages of `serin demo`");
    }
    Ok(None)
}

/// Shows the index of a fleet and the page of one of its members.
fn fleet(folder: &Path) -> anyhow::Result<()> {
    let mut rows = String::from("time,service,arm,latency\n");
    for minute in 0..60 {
        for (service, canary) in
            [("checkout", 180), ("a-service-with-a-long-name", 100), ("idle", 0)]
        {
            let noise = minute * 7 % 11;
            rows += &format!("{},{service},control,{}\n", minute * 60, 100 + noise);
            if canary > 0 {
                rows += &format!("{},{service},canary,{}\n", minute * 60, canary + noise);
            }
        }
    }
    fs::write(folder.join("fleet.csv"), rows)?;
    let check = "for_each: [service]\nsource: {file: {path: fleet.csv}}\n\
                 checks: {latency: {quantile: latency, worse: higher}}\n";
    fs::write(folder.join("fleet.yaml"), check)?;
    let index = folder.join("fleet.html");
    run_serin(&[folder.join("fleet.yaml").as_os_str(), "--output".as_ref(), index.as_os_str()])?;
    for page in [index, folder.join("fleet/checkout.html")] {
        let text = fs::read_to_string(&page)?;
        for width in [360, 768, 1280] {
            let (scroll_width, text_length) = measure(folder, &text, width)?;
            if scroll_width > width || text_length < 300 {
                bail!(
                    "{} is {scroll_width} px wide in a window of {width}, with {text_length} characters",
                    page.display()
                );
            }
        }
    }
    println!("a fleet and its member: fit 360, 768 and 1280 px");
    Ok(())
}

fn judge(recording: &str, report: &Path) -> anyhow::Result<()> {
    let recording = format!("examples/checkout/{recording}.csv.gz");
    run_serin(&[
        "examples/checkout/serin.yaml".as_ref(),
        "--data".as_ref(),
        recording.as_ref(),
        "--output".as_ref(),
        report.as_os_str(),
    ])
}

fn run_serin(arguments: &[&OsStr]) -> anyhow::Result<()> {
    let program = root().join("target/debug/serin");
    let output = Command::new(&program)
        .args(["judge", "--color", "never"])
        .args(arguments)
        .current_dir(root())
        .output()
        .with_context(|| {
            format!("{} does not start; run `cargo build` first", program.display())
        })?;
    match output.status.code() {
        Some(0 | 2 | 3) => Ok(()),
        _ => bail!("{}", String::from_utf8_lossy(&output.stderr)),
    }
}

/// Puts the page into a frame of a given width and returns how wide and how long its content is.
fn measure(folder: &Path, page: &str, width: u32) -> anyhow::Result<(u32, usize)> {
    let escaped = page.replace('&', "&amp;").replace('"', "&quot;");
    let frame = format!(
        "<!doctype html><body style=\"margin:0\"><iframe id=\"report\" style=\"border:0;width:{width}px;\
         height:2000px\" srcdoc=\"{escaped}\"></iframe><pre id=\"measured\"></pre><script>\
         document.getElementById('report').addEventListener('load', event => {{\
         const root = event.target.contentDocument.documentElement;\
         document.getElementById('measured').textContent = \
         'measured ' + root.scrollWidth + ' ' + root.innerText.length + ' end'; }});</script>"
    );
    let file = folder.join("frame.html");
    fs::write(&file, frame)?;
    let output = Command::new("chromium")
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--window-size=1400,2200",
            "--virtual-time-budget=5000",
            "--dump-dom",
        ])
        .arg(format!("--user-data-dir={}", folder.join("profile").display()))
        .arg(format!("file://{}", file.display()))
        .output()
        .context("chromium does not start")?;
    let dom = String::from_utf8_lossy(&output.stdout);
    let measured = dom.split(">measured ").nth(1).and_then(|rest| rest.split(" end").next());
    let numbers = measured.and_then(|numbers| numbers.split_once(' '));
    let Some((scroll_width, length)) = numbers else {
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        bail!("chromium did not show the page: {message}");
    };
    Ok((scroll_width.parse()?, length.parse()?))
}
