//! `serin plan`

use std::collections::BTreeSet;
use std::io::{self, IsTerminal};
use std::process::ExitCode;
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::{ArgGroup, Args, ValueEnum, ValueHint};
use serin_model::Step;
use serin_report::{PlanReport, Style, github, plan_html, plan_markdown, plan_table};
use serin_runner::{HistoryAsked, PlanAsked, Question, parse_length, plan};

use crate::commands::Counters;
use crate::output::{Colour, is_read_by_github, print, style, write_file};
use crate::progress::Bar;
use crate::service_options::ServiceOptions;

/// Say before a rollout what can be seen
///
/// Learns from what the control did (the last hours of a store, or a recording) how each metric varies,
/// has the judge judge some hundred simulated canaries for each size of effect, and says which effects
/// it would call harm within the horizon, how long a harmless canary takes to be proven safe, and what
/// it takes (minutes, traffic, replicas) to see what the Check calls unacceptable. No canary is needed.
#[derive(Debug, Args)]
#[command(after_help = LONG_HELP, group = ArgGroup::new("question").required(true).args(["file", "service"]))]
pub(crate) struct Plan {
    /// The Check file to plan; `-` reads it from the standard input
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    file: Option<String>,

    /// The recording to learn from, instead of the Check file's source; `-` is the standard input
    #[arg(long, value_name = "RECORDING", value_hint = ValueHint::FilePath)]
    data: Option<String>,

    /// How counters were recorded, instead of what the Check file says
    #[arg(long, value_name = "FORM")]
    counters: Option<Counters>,

    /// The address of the store to ask, instead of the Check file's
    #[arg(long, visible_alias = "source", value_name = "URL", value_hint = ValueHint::Url)]
    url: Option<String>,

    /// How much of the control's past to learn from, up to now or to the end of the recording
    #[arg(long, value_name = "LENGTH", value_parser = parse_length, default_value = "6h")]
    history: Duration,

    /// The share of the traffic that the canary gets, up to 50%
    #[arg(long, value_name = "SHARE", value_parser = parse_share, default_value = "5%")]
    share: f64,

    /// How many replicas the canary has
    #[arg(long, value_name = "N", value_parser = parse_replicas, default_value = "1")]
    replicas: usize,

    /// How many replicas the control has, instead of as many as its history shows
    #[arg(long, value_name = "N", value_parser = parse_replicas)]
    control_replicas: Option<usize>,

    /// How long the analysis may take, instead of the Check file's horizon or an hour
    #[arg(long, value_name = "LENGTH", value_parser = parse_length)]
    horizon: Option<Duration>,

    /// How often the judge looks, instead of the Check file's step
    #[arg(long, value_name = "LENGTH", value_parser = parse_step)]
    step: Option<Step>,

    /// What to print
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    format: PlanFormat,

    /// Also write the plan to a file: .html, .json, .md or .txt, or FORMAT=PATH for other names; may
    /// be given several times
    #[arg(long, short, value_name = "[FORMAT=]PATH", value_hint = ValueHint::FilePath)]
    output: Vec<PlanFile>,

    /// When to use colour
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    color: Colour,

    #[command(flatten)]
    service: ServiceOptions,
}

const LONG_HELP: &str = "\
Exit codes:
  0  the plan was made, whatever it says
  1  serin could not do what was asked, a usage error included

Examples:
  serin plan serin.yaml --url http://prometheus:9090 --share 5% --horizon 60m
  serin plan --service checkout --source http://prometheus:9090 --share 10%
  serin plan serin.yaml --replicas 3 --share 20% -o plan.html
  serin plan examples/storefront/serin.yaml --share 20% --horizon 30m
  serin plan examples/checkout/serin.yaml --format json";

/// A format of a plan.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum PlanFormat {
    /// A table for people
    Table,
    /// One JSON document, version 1 of the plan format
    Json,
    /// One HTML file that needs nothing else
    Html,
    /// GitHub-flavoured Markdown, for comments and summaries
    Markdown,
}

/// A file to write a plan to.
#[derive(Clone, Debug, Eq, PartialEq)]
struct PlanFile {
    format: PlanFormat,
    path: String,
}

impl FromStr for PlanFile {
    type Err = String;

    /// Reads `format=path`, or a path that says by its end what it wants.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some((format, path)) = text.split_once('=')
            && let Ok(format) = PlanFormat::from_str(format, false)
        {
            return Ok(Self { format, path: path.to_owned() });
        }
        let extension = text.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
        let format = match extension.as_deref() {
            Some("html" | "htm") => PlanFormat::Html,
            Some("json") => PlanFormat::Json,
            Some("md" | "markdown") => PlanFormat::Markdown,
            Some("txt") => PlanFormat::Table,
            _ => {
                return Err("it does not say which format it wants\n\n\
                     hint: let the name end in .html, .json, .md or .txt, or write the format before \
                     it: html=plan.out"
                    .to_owned());
            }
        };
        Ok(Self { format, path: text.to_owned() })
    }
}

impl Plan {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        self.refuse_odd_combinations()?;
        let question = self.question()?;
        let asked = PlanAsked {
            past: HistoryAsked {
                data: self.data.as_deref(),
                counters: self.counters.map(Counters::form),
                url: self.url.as_deref(),
                history: self.history,
            },
            share: self.share,
            replicas: self.replicas,
            control_replicas: self.control_replicas,
            horizon: self.horizon,
            step: self.step,
        };
        let report = plan(&question, asked, &Bar::new("reading"))?;
        let text = rendered(&report, self.format, style(self.color))?;
        print(&printable(text, self.format)).context("the standard output cannot be written")?;
        for file in &self.output {
            write_file(&file.path, &rendered(&report, file.format, style(Colour::Never))?)?;
        }
        Ok(ExitCode::SUCCESS)
    }

    fn question(&self) -> anyhow::Result<Question> {
        let (file, url) = (self.file.as_deref(), self.url.as_deref());
        self.service.question(file, url, self.data.is_some(), &Bar::new("looking"))
    }

    fn refuse_odd_combinations(&self) -> anyhow::Result<()> {
        if self.file.as_deref() == Some("-") && self.data.as_deref() == Some("-") {
            return Err(serin_runner::RunError::TwoStandardInputs.into());
        }
        let paths: BTreeSet<&str> = self.output.iter().map(|file| file.path.as_str()).collect();
        if paths.len() < self.output.len() {
            bail!("two outputs go to one file\n\nhint: give each `--output` a path of its own");
        }
        if self.format == PlanFormat::Html && io::stdout().is_terminal() {
            bail!(
                "HTML is not for a terminal\n\nhint: write it to a file with `--output plan.html`"
            );
        }
        Ok(())
    }
}

fn rendered(report: &PlanReport, format: PlanFormat, style: Style) -> anyhow::Result<String> {
    Ok(match format {
        PlanFormat::Table => plan_table(report, style),
        PlanFormat::Json => serde_json::to_string_pretty(report)? + "\n",
        PlanFormat::Html => plan_html(report)?,
        PlanFormat::Markdown => plan_markdown(report),
    })
}

/// Returns what is printed, so that nobody who reads the log takes a line for a command.
fn printable(text: String, format: PlanFormat) -> String {
    match format {
        _ if !is_read_by_github() => text,
        // Inside of a string, where alone it can stand, this is the same text.
        PlanFormat::Json => text.replace("##[", "#\\u0023["),
        PlanFormat::Table | PlanFormat::Html | PlanFormat::Markdown => {
            github::without_commands(&text)
        }
    }
}

/// Reads `5%` or `0.05`.
fn parse_share(text: &str) -> Result<f64, String> {
    let (number, size) = match text.trim().strip_suffix('%') {
        Some(number) => (number.trim_end(), 100.0),
        None => (text.trim(), 1.0),
    };
    let share = number.parse::<f64>().ok().map(|number| number / size);
    share.filter(|share| (LEAST_SHARE..=0.5).contains(share)).ok_or_else(|| {
        "write a share from `0.1%` to `50%`: at half of the traffic the arms are alike, and above it \
         the control is the canary"
            .to_owned()
    })
}

const LEAST_SHARE: f64 = 0.001;

fn parse_replicas(text: &str) -> Result<usize, String> {
    text.parse::<usize>()
        .ok()
        .filter(|count| (1..=MOST_REPLICAS).contains(count))
        .ok_or_else(|| format!("write a number of replicas from 1 to {MOST_REPLICAS}"))
}

const MOST_REPLICAS: usize = 256;

pub(crate) fn parse_step(text: &str) -> Result<Step, String> {
    let length = parse_length(text)?;
    let whole = length.subsec_nanos() == 0;
    u32::try_from(length.as_secs())
        .ok()
        .filter(|_| whole)
        .and_then(Step::from_seconds)
        .ok_or_else(|| "write a step of whole seconds, such as `60s`".to_owned())
}

#[cfg(test)]
mod tests {
    use super::{Step, parse_share, parse_step};

    #[test]
    fn a_share_is_a_percentage_or_a_part_of_one() {
        for (text, share) in
            [("5%", 0.05), ("5 %", 0.05), ("0.2", 0.2), ("50%", 0.5), ("0.1%", 0.001)]
        {
            assert_eq!(parse_share(text), Ok(share), "{text}");
        }
        for text in ["0%", "51%", "5", "-1%", "NaN", "five", ""] {
            assert!(parse_share(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_step_has_whole_seconds() {
        assert_eq!(parse_step("5s").map(Step::seconds), Ok(5));
        assert_eq!(parse_step("1m").map(Step::seconds), Ok(60));
        for text in ["500ms", "0s", "1500 ms", "soon", "200000000h"] {
            assert!(parse_step(text).is_err(), "{text}");
        }
    }
}
