//! `serin lint`

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::{Args, ValueEnum, ValueHint};
use serin_check::mend;
use serin_model::Severity;
use serin_report::{LintReport, github, lint_codes, lint_lines, lint_table};
use serin_runner::{LintAsk, Question, lint, parse_length};

use crate::exit::{self, NOT_DONE};
use crate::output::{Colour, is_read_by_github, print, print_error, style, write_file};
use crate::progress::Bar;

/// Explain what is wrong with a query or a tolerance, before a verdict is
///
/// Reads Check files and says of each query, tolerance and time that can make a verdict wrong, late or
/// empty: where it stands, why it matters, and what to write instead. Where the file names a store, its
/// queries are tried on the last horizon of data: whether they return anything on both arms, and what it
/// costs. Nothing is judged.
#[derive(Debug, Args)]
#[command(after_help = LONG_HELP)]
pub(crate) struct Lint {
    /// Check files to look at; `-` reads one from the standard input
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath, required_unless_present = "codes")]
    files: Vec<String>,

    /// Look at the files alone, and ask no store
    #[arg(long)]
    offline: bool,

    /// The address of the store to ask, instead of the Check file's
    #[arg(long, value_name = "URL", value_hint = ValueHint::Url, conflicts_with = "offline")]
    url: Option<String>,

    /// How much of the past to try the queries on, instead of the Check file's horizon or an hour
    #[arg(long, value_name = "LENGTH", value_parser = parse_length)]
    last: Option<Duration>,

    /// Also try the metrics on so much of the control's past, such as 24h: whether one blames replicas of
    /// the same version
    #[arg(long, value_name = "LENGTH", value_parser = parse_length, conflicts_with = "offline")]
    history: Option<Duration>,

    /// Write the mends that leave the question the same into the files, and show the difference
    #[arg(long)]
    fix: bool,

    /// Print the difference that `--fix` would make, and write nothing
    #[arg(long, conflicts_with = "fix")]
    diff: bool,

    /// End with 1 on warnings too
    #[arg(long)]
    strict: bool,

    /// What to print
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    format: LintFormat,

    /// When to use colour
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    color: Colour,

    /// List everything that can be found, as a table in Markdown
    #[arg(long, exclusive = true)]
    codes: bool,
}

const LONG_HELP: &str = "\
Exit codes:
  0  no error was found; with --strict no warning either
  1  an error was found, or serin could not do what was asked, a usage error included
Never 2 or 3: they are verdicts, and nothing was judged.

Examples:
  serin lint serin.yaml
  serin lint serin.yaml --url http://prometheus:9090 --last 30m
  serin lint --offline --strict --format lines checks/*.yaml
  serin lint serin.yaml --history 24h
  serin lint serin.yaml --diff
  serin lint serin.yaml --fix";

/// A format of findings.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum LintFormat {
    /// Paragraphs for people
    Table,
    /// Plain lines of `FILE:LINE:COLUMN` and `key=value`, one finding each, for logs and editors
    Lines,
    /// One JSON document a file, version 1 of the lint format
    Json,
}

impl Lint {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        if self.codes {
            print(&lint_codes()).context("the standard output cannot be written")?;
            return Ok(ExitCode::SUCCESS);
        }
        self.refuse_odd_combinations()?;
        let (mut is_well, mut texts, mut reports) = (true, Vec::new(), Vec::new());
        for file in &self.files {
            match self.look_at(file) {
                Ok((report, difference)) => {
                    is_well &= self.is_well(&report);
                    texts.extend(difference);
                    reports.push(report);
                }
                // A file that cannot be read must not hide what is wrong with the others.
                Err(error) if self.files.len() > 1 => {
                    exit::with_error(&error);
                    is_well = false;
                }
                Err(error) => return Err(error),
            }
        }
        if !self.diff {
            texts.push(self.rendered(&reports)?);
        }
        let text = texts.concat();
        print(&self.printable(text)).context("the standard output cannot be written")?;
        Ok(if is_well { ExitCode::SUCCESS } else { ExitCode::from(NOT_DONE) })
    }

    fn refuse_odd_combinations(&self) -> anyhow::Result<()> {
        if self.files.iter().filter(|file| *file == "-").count() > 1 {
            return Err(serin_runner::RunError::TwoStandardInputs.into());
        }
        if self.fix && self.files.iter().any(|file| file == "-") {
            bail!(
                "the standard input cannot be written to\n\nhint: name the file, or take the difference \
                 with `--diff`"
            );
        }
        Ok(())
    }

    /// Returns what is left to say of a file, and the difference that `--diff` prints.
    fn look_at(&self, file: &str) -> anyhow::Result<(LintReport, Option<String>)> {
        let question = Question::of_check_file(file)?;
        let ask = LintAsk {
            offline: self.offline,
            url: self.url.as_deref(),
            last: self.last,
            history: self.history,
        };
        let report = lint(&question, ask, &Bar::new("asking"))?;
        if !self.fix && !self.diff {
            return Ok((report, None));
        }
        let text = mended(&question.check_text, &report)?;
        if text == question.check_text {
            return Ok((report, None));
        }
        let difference = difference(&report.check.path, &question.check_text, &text);
        if self.diff {
            return Ok((report, Some(difference)));
        }
        write_file(file, &text)?;
        print_error(difference.trim_end());
        let question = Question::of_check_file(file)?;
        Ok((lint(&question, ask, &Bar::new("asking"))?, None))
    }

    fn is_well(&self, report: &LintReport) -> bool {
        let warnings = if self.strict { report.count(Severity::Warning) } else { 0 };
        report.count(Severity::Error) + warnings == 0
    }

    fn rendered(&self, reports: &[LintReport]) -> anyhow::Result<String> {
        let each = |text: &dyn Fn(&LintReport) -> String| reports.iter().map(text).collect();
        let texts: Vec<String> = match self.format {
            LintFormat::Table => each(&|report| lint_table(report, style(self.color))),
            LintFormat::Lines => each(&lint_lines),
            LintFormat::Json => return json(reports),
        };
        Ok(texts.join(if self.format == LintFormat::Table { "\n" } else { "" }))
    }

    /// Returns what is printed, so that nobody who reads the log takes a line for a command.
    fn printable(&self, text: String) -> String {
        match self.format {
            _ if !is_read_by_github() => text,
            // Inside of a string, where alone it can stand, this is the same text.
            LintFormat::Json => text.replace("##[", "#\\u0023["),
            LintFormat::Table | LintFormat::Lines => github::without_commands(&text),
        }
    }
}

/// Returns one report as an indented document, and several as a line each.
fn json(reports: &[LintReport]) -> anyhow::Result<String> {
    if let [report] = reports {
        return Ok(serde_json::to_string_pretty(report)? + "\n");
    }
    let lines = reports.iter().map(|report| Ok(serde_json::to_string(report)? + "\n"));
    lines.collect()
}

/// Writes mends until there are none left: one may show another, and two of one query take turns.
fn mended(text: &str, report: &LintReport) -> anyhow::Result<String> {
    let mut text = text.to_owned();
    let mut findings = report.findings.clone();
    for _ in 0..MOST_TURNS {
        let mended = mend(&text, &findings);
        if mended.count == 0 {
            break;
        }
        text = mended.text;
        let written = serin_check::read(&report.check.path, &text)?;
        findings = serin_sources::lint_queries(&written.analysis, written.source.as_ref(), None);
    }
    Ok(text)
}

/// Each turn mends something for good.
const MOST_TURNS: usize = 10;

/// Returns the difference of two texts as `patch` reads it.
fn difference(path: &str, before: &str, after: &str) -> String {
    similar::TextDiff::from_lines(before, after)
        .unified_diff()
        .context_radius(2)
        .header(path, path)
        .to_string()
}
