//! `serin init`

use std::fmt::Write;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::{Args, ValueHint};
use serin_check::Signal;
use serin_report::plan_table;
use serin_runner::{Discovery, HistoryAsked, PlanAsked, Question, draft, plan};

use crate::exit;
use crate::output::{Colour, print, print_error, style};
use crate::progress::Bar;
use crate::service_options::ServiceOptions;

/// Find a service's golden signals in a store, and write a Check file
///
/// Finds which packs match what the store has now, which labels tell the two versions and their replicas
/// apart, and how often there is a value. Writes a commented Check file, plans the rollout with it, and
/// says what it did not find. A file that is there is kept unless `--force` is given.
#[derive(Debug, Args)]
#[command(after_help = LONG_HELP)]
pub(crate) struct Init {
    /// The address of the store; the file of defaults may name it instead
    #[arg(long, visible_alias = "url", value_name = "URL", value_hint = ValueHint::Url)]
    source: Option<String>,

    /// Where to write the Check file; `-` is the standard output, without a plan
    #[arg(long, short, value_name = "PATH", default_value = "serin.yaml", value_hint = ValueHint::FilePath)]
    output: String,

    /// Write over a file that is there
    #[arg(long)]
    force: bool,

    /// Do not plan
    #[arg(long)]
    no_plan: bool,

    /// When to use colour
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    color: Colour,

    #[command(flatten)]
    service: ServiceOptions,
}

const LONG_HELP: &str = "\
Exit codes:
  0  the file was written
  1  serin could not do what was asked, a usage error included

Examples:
  serin init --source http://prometheus:9090 --service checkout
  serin init --source http://prometheus:9090 --control track=stable --canary track=canary
  serin init --defaults ../organisation.yaml --service checkout -o checkout/serin.yaml";

impl Init {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        let is_file = self.output != "-";
        let path = Path::new(&self.output);
        if is_file && path.exists() && !self.force {
            bail!(
                "`{}` is there already\n\nhint: name another file with `--output`, or give `--force` to \
                 write over it",
                self.output
            );
        }
        let asked = self.service.asked(self.source.as_deref(), false);
        if asked.service.is_none() && asked.arms.is_none() {
            bail!(
                "it is not said which service\n\nhint: give `--service checkout`, or the labels of its \
                 versions: `--control track=stable --canary track=canary`"
            );
        }
        let (draft, found) = draft(&asked, path, &Bar::new("looking"))?;
        let text = draft.text(true);
        if !is_file {
            print(&text).context("the standard output cannot be written")?;
            print_error(&exit::printable(&told(&found)));
            return Ok(ExitCode::SUCCESS);
        }
        self.write(path, &text)?;
        print(&exit::printable(&format!("Wrote {}.\n\n{}", self.output, told(&found))))
            .context("the standard output cannot be written")?;
        if !self.no_plan {
            self.plan()?;
        }
        Ok(ExitCode::SUCCESS)
    }

    /// Writes the file, unless one came to be there since.
    fn write(&self, path: &Path, text: &str) -> anyhow::Result<()> {
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create(true).truncate(self.force).create_new(!self.force);
        let written = options
            .open(path)
            .and_then(|mut file| std::io::Write::write_all(&mut file, text.as_bytes()));
        written.with_context(|| {
            format!("`{}` cannot be written\n\nhint: see that its folder is there", self.output)
        })
    }

    /// Says what can be seen with it. A plan that cannot be made takes nothing from the file.
    fn plan(&self) -> anyhow::Result<()> {
        let question = Question::of_check_file(&self.output)?;
        let asked = PlanAsked {
            past: HistoryAsked { data: None, counters: None, url: None, history: HISTORY },
            share: 0.05,
            replicas: 1,
            control_replicas: None,
            horizon: None,
            step: None,
        };
        let text = match plan(&question, asked, &Bar::new("reading")) {
            Ok(report) => {
                format!(
                    "\nWith 5 % of the traffic (`serin plan` for other shares):\n\n{}",
                    plan_table(&report, style(self.color))
                )
            }
            Err(error) => {
                print_error(&exit::printable(&format!("warning: there is no plan: {error}")));
                return Ok(());
            }
        };
        print(&text).context("the standard output cannot be written")
    }
}

const HISTORY: Duration = Duration::from_secs(6 * 3600);

/// Says what was found of each golden signal, what was not, and what is to be checked.
fn told(found: &Discovery) -> String {
    let mut text = String::from("Found:\n");
    let missing = found.missing_signals();
    for signal in Signal::ALL {
        if missing.contains(&signal) {
            continue;
        }
        let checks = found.packs.iter().flat_map(|pack| {
            let of_signal = pack.found.iter().filter(move |(_, of)| *of == signal);
            of_signal.map(|(name, _)| format!("{name} ({})", pack.name))
        });
        let checks: Vec<String> = checks.collect();
        let _ = writeln!(text, "  {:12}{}", signal.as_str(), checks.join(", "));
    }
    let arm = |labels: &serin_model::LabelSelector| {
        let label = |(name, value): (&String, &String)| format!("{name}={value}");
        labels.iter().map(label).collect::<Vec<_>>().join(", ")
    };
    let arms = &found.arms;
    let _ =
        writeln!(text, "  {:12}{}; canary {}", "control", arm(&arms.control), arm(&arms.canary));
    if let Some(replica) = &found.replica {
        let _ = writeln!(text, "  {:12}by `{replica}`", "replicas");
    }
    if let Some(step) = found.step {
        let _ = writeln!(text, "  {:12}every {} s", "a value", step.seconds());
    }
    let mut absent: Vec<String> = missing
        .iter()
        .map(|signal| format!("{}: no pack has a metric of it in this store", signal.as_str()))
        .collect();
    if found.replica.is_none() {
        absent.push("replicas: no label tells them apart".to_owned());
    }
    let partly = found.packs.iter().filter(|pack| !pack.missing.is_empty());
    absent.extend(partly.map(|pack| format!("of {}: {}", pack.name, pack.missing.join(", "))));
    if !absent.is_empty() {
        let _ = writeln!(text, "\nNot found:\n  {}", absent.join("\n  "));
    }
    text
}
