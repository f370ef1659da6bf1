//! Everything that must hold before a change lands, fastest first.

use crate::command::{Cargo, find_program};
use crate::python::AWS_SERVER;
use crate::{api_document, browser, codegen, dist, install, pipelines, run_tool, tidy, tools};

/// Builds, lints and tests everything.
///
/// * `install_missing`: whether to install what is missing first. Without it, what is missing is
///   skipped and named at the end.
pub(crate) fn run(install_missing: bool) -> anyhow::Result<()> {
    if install_missing {
        step("install what is missing", install::run)?;
    }
    let mut skipped = Vec::new();
    if find_program("cargo-fmt").is_some() {
        step("format", || Cargo::new(&["fmt", "--all", "--check"]).run())?;
    } else {
        skipped.push("format: rustfmt is not installed".to_owned());
    }
    if find_program("cargo-clippy").is_some() {
        let lint = Cargo::new(&[
            "clippy",
            "--workspace",
            "--all-targets",
            "--locked",
            "--",
            "--deny",
            "warnings",
        ]);
        step("lint", || lint.run())?;
    } else {
        skipped.push("lint: clippy is not installed".to_owned());
    }
    step("build", || Cargo::new(&["build", "--workspace", "--locked"]).run())?;
    step("unit, snapshot, property and example tests", || {
        Cargo::new(&["test", "--workspace", "--all-targets", "--locked"]).run()
    })?;
    step("how often the judge errs", || run_tool("serin-calibrate", &["--quick".to_owned()]))?;
    step("documentation tests", || {
        Cargo::new(&["test", "--workspace", "--doc", "--locked"]).run()
    })?;
    step("documentation", || {
        Cargo::new(&["doc", "--workspace", "--no-deps", "--locked"])
            .with("RUSTDOCFLAGS", "--deny warnings")
            .run()
    })?;
    step("tidy", tidy::run)?;
    step("generated files", || codegen::run(true))?;
    if tools::find("cargo-deny").is_some() {
        let check = tools::cargo(&["deny", "check", "licenses", "bans", "sources"])?;
        step("licences and sources of dependencies", || check.run())?;
    } else {
        skipped.push("licences: cargo-deny is not installed".to_owned());
    }
    if tools::find("cargo-shear").is_some() {
        let check = tools::cargo(&["shear", "--locked"])?;
        step("unused dependencies", || check.run())?;
    } else {
        skipped.push("unused dependencies: cargo-shear is not installed".to_owned());
    }
    step("pipelines for others", || {
        skipped.extend(pipelines::run()?.into_iter().map(str::to_owned));
        Ok(())
    })?;
    step("the API and its document", || {
        skipped.extend(api_document::run()?.map(str::to_owned));
        Ok(())
    })?;
    if browser::is_installed() {
        step("reports and pages in a browser", || {
            skipped.extend(browser::run()?.map(str::to_owned));
            Ok(())
        })?;
    } else {
        skipped.push("reports and pages in a browser: chromium is not installed".to_owned());
    }
    if cfg!(target_os = "linux") {
        step("a release", || {
            skipped.extend(dist::run()?.into_iter().map(|what| format!("in a release: {what}")));
            Ok(())
        })?;
    } else {
        skipped.push("a release: it is made on Linux".to_owned());
    }
    let servers = [
        "prometheus",
        "victoria-metrics",
        "influxd",
        "carbon-cache",
        "graphite-manage",
        "pg_ctlcluster",
        "openssl",
    ];
    for server in servers {
        if find_program(server).is_none() {
            skipped.push(format!("the tests that need it: {server} is not installed"));
        }
    }
    if AWS_SERVER.python().is_none() {
        skipped.push("the tests of CloudWatch: moto is not installed".to_owned());
    }
    if !crate::command::root().join("../shared").is_dir() {
        skipped.push("the reference's own cases: the folder ../shared is not there".to_owned());
    }
    println!("\nEverything that ran has passed.");
    for what in skipped {
        println!("skipped  {what}");
    }
    Ok(())
}

fn step(name: &str, run: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<()> {
    println!("\n== {name}");
    run()
}
