//! `serin selftest`

use std::collections::BTreeSet;
use std::process::ExitCode;
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::{Args, ValueEnum, ValueHint};
use serin_judge::self_test::MOST_SPLITS;
use serin_model::Step;
use serin_report::{SelfTestReport, Style, github, self_test_markdown, self_test_table};
use serin_runner::{
    HistoryAsked, Question, SelfTestAsked, is_surely_above_promise, parse_length, self_test,
};

use crate::commands::Counters;
use crate::commands::plan::parse_step;
use crate::exit::INCONCLUSIVE;
use crate::output::{Colour, is_read_by_github, print, style, write_file};
use crate::progress::Bar;

/// Have the judge judge the control against itself, before it judges a canary
///
/// Splits the control's replicas over recent history into a pretended control and a pretended canary, many
/// times, and judges each as a rollout: whatever is blamed is a false alarm. Says for each metric how often
/// that happens, how noisy it is, how unlike its replicas are, what it can see and how often it is proven
/// safe; then recommends tolerances, which metrics to gate on, which to mute, and a horizon, as YAML for the
/// Check file. No canary is needed.
#[derive(Debug, Args)]
#[command(after_help = LONG_HELP)]
pub(crate) struct Selftest {
    /// The Check file to test; `-` reads it from the standard input
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    file: String,

    /// The recording to split, instead of the Check file's source; `-` is the standard input
    #[arg(long, value_name = "RECORDING", value_hint = ValueHint::FilePath)]
    data: Option<String>,

    /// How counters were recorded, instead of what the Check file says
    #[arg(long, value_name = "FORM")]
    counters: Option<Counters>,

    /// The address of the store to ask, instead of the Check file's
    #[arg(long, value_name = "URL", value_hint = ValueHint::Url)]
    url: Option<String>,

    /// How much of the control's past to split, up to now or to the end of the recording
    #[arg(long, value_name = "LENGTH", value_parser = parse_length, default_value = "24h")]
    history: Duration,

    /// How many pretended canaries to judge
    #[arg(long, value_name = "N", value_parser = parse_splits, default_value = "400")]
    splits: usize,

    /// Which splits: the same number gives the same
    #[arg(long, value_name = "NUMBER", default_value = "1")]
    seed: u64,

    /// How long each is judged, instead of the Check file's horizon or an hour
    #[arg(long, value_name = "LENGTH", value_parser = parse_length)]
    horizon: Option<Duration>,

    /// How often the judge looks, instead of the Check file's step
    #[arg(long, value_name = "LENGTH", value_parser = parse_step)]
    step: Option<Step>,

    /// Who judges
    #[arg(long, value_name = "JUDGE", default_value = "sequential")]
    judge: Judges,

    /// End with 3 when a metric that counts, or whole canaries, are surely blamed more often than promised
    #[arg(long)]
    strict: bool,

    /// What to print
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    format: SelfTestFormat,

    /// Also write the test to a file: .json, .md, .txt or, with the recommendations alone, .yaml; or
    /// FORMAT=PATH for other names; may be given several times
    #[arg(long, short, value_name = "[FORMAT=]PATH", value_hint = ValueHint::FilePath)]
    output: Vec<SelfTestFile>,

    /// When to use colour
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    color: Colour,
}

const LONG_HELP: &str = "\
Exit codes:
  0  the Check was tested, whatever came of it
  1  serin could not do what was asked, a usage error included
  3  with --strict: there are surely more false alarms than the promised 1 %

Examples:
  serin selftest serin.yaml --url http://prometheus:9090 --history 24h
  serin selftest serin.yaml --judge both -o selftest.md
  serin selftest examples/checkout/serin.yaml --format yaml";

/// Which judges are on trial.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum Judges {
    /// The sequential judge
    Sequential,
    /// The sequential judge, and Kayenta's beside it on the same splits
    Both,
}

/// A format of a self-test.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum SelfTestFormat {
    /// A table for people
    Table,
    /// One JSON document, version 1 of the self-test format
    Json,
    /// GitHub-flavoured Markdown, for comments and summaries
    Markdown,
    /// The recommendations alone, as they stand in a Check file
    Yaml,
}

/// A file to write a self-test to.
#[derive(Clone, Debug, Eq, PartialEq)]
struct SelfTestFile {
    format: SelfTestFormat,
    path: String,
}

impl FromStr for SelfTestFile {
    type Err = String;

    /// Reads `format=path`, or a path that says by its end what it wants.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some((format, path)) = text.split_once('=')
            && let Ok(format) = SelfTestFormat::from_str(format, false)
        {
            return Ok(Self { format, path: path.to_owned() });
        }
        let extension = text.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
        let format = match extension.as_deref() {
            Some("json") => SelfTestFormat::Json,
            Some("md" | "markdown") => SelfTestFormat::Markdown,
            Some("txt") => SelfTestFormat::Table,
            Some("yaml" | "yml") => SelfTestFormat::Yaml,
            _ => {
                return Err("it does not say which format it wants\n\n\
                     hint: let the name end in .json, .md, .txt or .yaml, or write the format before \
                     it: json=selftest.out"
                    .to_owned());
            }
        };
        Ok(Self { format, path: text.to_owned() })
    }
}

impl Selftest {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        self.refuse_odd_combinations()?;
        let question = Question::of_check_file(&self.file)?;
        let asked = SelfTestAsked {
            past: HistoryAsked {
                data: self.data.as_deref(),
                counters: self.counters.map(Counters::form),
                url: self.url.as_deref(),
                history: self.history,
            },
            splits: self.splits,
            seed: self.seed,
            horizon: self.horizon,
            step: self.step,
            kayenta: self.judge == Judges::Both,
        };
        let report = self_test(&question, asked, &Progress::default())?;
        let text = rendered(&report, self.format, style(self.color))?;
        print(&printable(text, self.format)).context("the standard output cannot be written")?;
        for file in &self.output {
            write_file(&file.path, &rendered(&report, file.format, style(Colour::Never))?)?;
        }
        let fails = self.strict && is_surely_above_promise(&report.self_test);
        Ok(if fails { ExitCode::from(INCONCLUSIVE) } else { ExitCode::SUCCESS })
    }

    fn refuse_odd_combinations(&self) -> anyhow::Result<()> {
        if self.file == "-" && self.data.as_deref() == Some("-") {
            return Err(serin_runner::RunError::TwoStandardInputs.into());
        }
        let paths: BTreeSet<&str> = self.output.iter().map(|file| file.path.as_str()).collect();
        if paths.len() < self.output.len() {
            bail!("two outputs go to one file\n\nhint: give each `--output` a path of its own");
        }
        Ok(())
    }
}

fn rendered(
    report: &SelfTestReport,
    format: SelfTestFormat,
    style: Style,
) -> anyhow::Result<String> {
    Ok(match format {
        SelfTestFormat::Table => self_test_table(report, style),
        SelfTestFormat::Json => serde_json::to_string_pretty(report)? + "\n",
        SelfTestFormat::Markdown => self_test_markdown(report),
        SelfTestFormat::Yaml => report.changes.clone(),
    })
}

/// Returns what is printed, so that nobody who reads the log takes a line for a command.
fn printable(text: String, format: SelfTestFormat) -> String {
    match format {
        _ if !is_read_by_github() => text,
        // Inside of a string, where alone it can stand, this is the same text.
        SelfTestFormat::Json => text.replace("##[", "#\\u0023["),
        SelfTestFormat::Table | SelfTestFormat::Markdown | SelfTestFormat::Yaml => {
            github::without_commands(&text)
        }
    }
}

fn parse_splits(text: &str) -> Result<usize, String> {
    text.parse::<usize>()
        .ok()
        .filter(|count| (FEWEST_SPLITS..=MOST_SPLITS).contains(count))
        .ok_or_else(|| {
            format!(
                "write a number of splits from {FEWEST_SPLITS} to {MOST_SPLITS}: fewer say nothing"
            )
        })
}

const FEWEST_SPLITS: usize = 20;

/// One bar for what is read, and one for what is judged.
struct Progress {
    reading: Bar,
    judging: Bar,
}

impl Default for Progress {
    fn default() -> Self {
        Self { reading: Bar::new("reading"), judging: Bar::new("judging") }
    }
}

impl serin_runner::Progress for Progress {
    fn advance(&self, read: u64, total: Option<u64>) {
        self.reading.advance(read, total);
    }

    fn answered(&self, answered: usize, total: usize) {
        self.reading.answered(answered, total);
    }

    fn judged(&self, judged: usize, total: usize) {
        self.reading.clear();
        self.judging.judged(judged, total);
    }
}

#[cfg(test)]
mod tests {
    use super::parse_splits;

    #[test]
    fn splits_are_neither_few_nor_endless() {
        for (text, splits) in [("20", Some(20)), ("10000", Some(10_000)), ("19", None)] {
            assert_eq!(parse_splits(text).ok(), splits, "{text}");
        }
        for text in ["0", "10001", "-1", "many", ""] {
            assert!(parse_splits(text).is_err(), "{text}");
        }
    }
}
