//! `serin packs`

use std::fmt::Write;
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Args;
use serin_check::{PACKS, Pack, PackCheck, closest_pack, pack_named};
use serin_model::{Measure, Query, Worse};

use crate::output::print;

/// List the packs of checks that a Check file can use, or show one
///
/// A pack asks about the golden signals of what many services are built with. A Check file takes its
/// checks over with `use: [golden/http]`, and changes them key by key.
#[derive(Debug, Args)]
#[command(after_help = LONG_HELP)]
pub(crate) struct Packs {
    /// The pack to show, as it is written in YAML
    #[arg(value_name = "NAME")]
    name: Option<String>,

    /// Print all packs as one page in Markdown
    #[arg(long, conflicts_with = "name")]
    markdown: bool,
}

const LONG_HELP: &str = "\
Examples:
  serin packs
  serin packs golden/http";

impl Packs {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        let text = match &self.name {
            Some(name) => self.shown(name)?,
            None if self.markdown => page()?,
            None => list()?,
        };
        print(&text).context("the standard output cannot be written")?;
        Ok(ExitCode::SUCCESS)
    }

    fn shown(&self, name: &str) -> anyhow::Result<String> {
        if let Some(pack) = pack_named(name) {
            return Ok(pack.text.to_owned());
        }
        match closest_pack(name) {
            Some(pack) => {
                bail!("there is no pack `{name}`\n\nhint: did you mean `{}`?", pack.name)
            }
            None => bail!("there is no pack `{name}`\n\nhint: `serin packs` lists those there are"),
        }
    }
}

fn list() -> anyhow::Result<String> {
    let mut text = String::from("A Check file names some of these under `use`:\n\n");
    for pack in PACKS {
        let _ = writeln!(text, "  {}", pack.name);
        let _ = writeln!(text, "      {}", pack.about());
        let checks: Vec<String> = pack.checks()?.into_iter().map(|it| it.check.name).collect();
        let _ = writeln!(text, "      {}\n", checks.join(", "));
    }
    text.push_str("`serin packs NAME` shows one with its queries, margins and reasons.\n");
    Ok(text)
}

fn page() -> anyhow::Result<String> {
    let mut text = String::from(
        "# Packs\n\nThe packs of checks that a Check file takes over with `use`, as `serin packs` shows \
         them. Made by `cargo xtask codegen`; change `crates/check/packs` instead. [How to use \
         them](../guide/packs.md).\n\n",
    );
    for pack in PACKS {
        let _ = writeln!(text, "- [{}](#{})", pack.name, anchor(pack.name));
    }
    for pack in PACKS {
        section(&mut text, pack)?;
    }
    Ok(text)
}

fn anchor(name: &str) -> String {
    name.chars().filter(|it| it.is_ascii_alphanumeric() || *it == '-').collect()
}

fn section(text: &mut String, pack: &Pack) -> anyhow::Result<()> {
    let _ = writeln!(text, "\n## {}\n\n{}\n", pack.name, pack.about());
    for source in pack.sources() {
        let _ = writeln!(text, "Names from <{source}>.  ");
    }
    text.push_str(
        "\n| check | signal | asks | tolerates | counts |\n| --- | --- | --- | --- | --- |\n",
    );
    let checks = pack.checks()?;
    for it in &checks {
        let counts = match (it.check.gating, it.check.muted) {
            (true, _) => "gating",
            (_, true) => "shown only",
            (false, false) => "yes",
        };
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {counts} |",
            it.check.name,
            it.signal.as_str(),
            asks(&it.check.measure),
            tolerates(it),
        );
    }
    text.push('\n');
    for it in &checks {
        let _ = writeln!(text, "- **{}**: {}", it.check.name, it.why);
    }
    Ok(())
}

fn asks(measure: &Measure) -> String {
    let code = |query: &Query| format!("`{}`", query.as_str().replace('|', "\\|"));
    match measure {
        Measure::Ratio { bad, total } => format!("{} of {}", code(bad), code(total)),
        Measure::Histogram { buckets } => format!("buckets {}", code(buckets)),
        Measure::Count { events, exposure: Some(exposure) } => {
            format!("{} for each {}", code(events), code(exposure))
        }
        Measure::Count { events, exposure: None } => format!("{} a step", code(events)),
        Measure::Gauge { value } => format!("level {}", code(value)),
        Measure::Quantile { value } => format!("quantile {}", code(value)),
    }
}

fn tolerates(it: &PackCheck) -> String {
    let margins = it.check.margins;
    let way = match it.check.worse {
        Worse::Higher => "more",
        Worse::Lower => "less",
        Worse::Either => "either way",
    };
    let floor = match (&it.check.measure, margins.floor()) {
        (_, 0.0) => String::new(),
        (Measure::Ratio { .. }, floor) => format!(", at least {} pp", floor * 100.0),
        (_, floor) => format!(", at least {floor}"),
    };
    format!("{} % {way}{floor}", margins.tolerance() * 100.0)
}
