//! `serin note`

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::{ArgGroup, Args, ValueEnum, ValueHint};
use serin_ledger::Scope;
use serin_ledger::fact::{Alteration, ChangeNoted};
use serin_model::Timestamp;
use serin_runner::{CdEvents, CdEventsAsked, Note, Noted, note, parse_moment, read_cdevents};

use crate::exit::printable;
use crate::ledger_location::LedgerLocation;
use crate::output::print;

/// Note a change in the ledger: a deploy, a config, a flag, a rollback, anything by hand
///
/// What changed is what verdicts are about, and what `serin changes` lists once something goes wrong. A
/// rollback takes back the newest change of its scope before it, unless `--of` says another; that is how the
/// scorecard learns which verdicts were wrong. With an `--id` the same note is the same change, however often
/// it is handed in. A ledger file that is not there is made.
#[derive(Debug, Args)]
#[command(after_help = LONG_HELP, group = ArgGroup::new("noted").required(true).args(["what", "cdevents"]))]
pub(crate) struct NoteCommand {
    /// What was altered
    #[arg(value_name = "WHAT", requires = "service")]
    what: Option<What>,

    #[command(flatten)]
    location: LedgerLocation,

    /// The service that was altered; of CDEvents, instead of what each names
    #[arg(long, value_name = "SERVICE")]
    service: Option<String>,

    /// A label that tells the scope from others of the service; may be given several times
    #[arg(long, value_name = "NAME=VALUE", value_parser = parse_label)]
    label: Vec<(String, String)>,

    /// The version that it came from
    #[arg(long, value_name = "VERSION", conflicts_with = "cdevents")]
    from: Option<String>,

    /// The version that it went to
    #[arg(long, value_name = "VERSION", conflicts_with = "cdevents")]
    to: Option<String>,

    /// Where to read more: a commit, a pull request, a ticket
    #[arg(long = "ref", value_name = "REF", conflicts_with = "cdevents")]
    reference: Option<String>,

    /// When it was, or began, such as 2026-11-23T08:30:00Z; now, if not said
    #[arg(long, value_name = "TIME", value_parser = parse_moment, conflicts_with = "cdevents")]
    at: Option<Timestamp>,

    /// When it was over
    #[arg(long, value_name = "TIME", value_parser = parse_moment, conflicts_with = "cdevents")]
    ended_at: Option<Timestamp>,

    /// A remark for people
    #[arg(long, value_name = "TEXT", conflicts_with = "cdevents")]
    note: Option<String>,

    /// The change that it takes back or mends: its name or its event
    #[arg(long, value_name = "CHANGE", conflicts_with = "cdevents")]
    of: Option<String>,

    /// What analyses call the change; `change/` and its id, if not said
    #[arg(long, value_name = "NAME", conflicts_with = "cdevents")]
    change: Option<String>,

    /// What its source calls it, such as the number of a pipeline's run; made from what it says, if not given
    #[arg(long, value_name = "ID", conflicts_with = "cdevents")]
    id: Option<String>,

    /// Who says so, such as the address of a pipeline
    #[arg(long, value_name = "SOURCE", default_value = "serin note", conflicts_with = "cdevents")]
    source: String,

    /// Read CDEvents in JSON instead: one, an array, or one after the other; `-` is the standard input
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    cdevents: Option<String>,
}

const LONG_HELP: &str = "\
Examples:
  serin note deploy --ledger serin.db --service checkout --from 1.0 --to 1.1 --ref 81f3c2a
  serin note rollback --ledger serin.db --service checkout --from 1.1 --to 1.0
  serin note flag --ledger serin.db --service checkout --note 'new basket for 10 %' --id flag-812
  serin note --ledger serin.db --cdevents events.json";

/// What a change alters.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum What {
    /// The software
    Deploy,
    /// Its configuration
    Config,
    /// A feature flag
    Flag,
    /// What it runs on
    Infrastructure,
    /// Whatever was needed to bring it back to health
    Heal,
    /// Back to what was there before
    Rollback,
    /// Something by hand
    Manual,
}

impl What {
    fn alteration(self) -> Alteration {
        match self {
            Self::Deploy => Alteration::Deploy,
            Self::Config => Alteration::Config,
            Self::Flag => Alteration::Flag,
            Self::Infrastructure => Alteration::Infrastructure,
            Self::Heal => Alteration::Heal,
            Self::Rollback => Alteration::Rollback,
            Self::Manual => Alteration::Manual,
        }
    }
}

/// Reads `name=value`.
pub(crate) fn parse_label(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write it as `environment=prod`")?;
    if name.is_empty() || value.is_empty() {
        return Err("write it as `environment=prod`".to_owned());
    }
    Ok((name.to_owned(), value.to_owned()))
}

/// Puts labels into a map, each name once.
pub(crate) fn labels(given: &[(String, String)]) -> anyhow::Result<BTreeMap<String, String>> {
    let labels: BTreeMap<String, String> = given.iter().cloned().collect();
    if labels.len() < given.len() {
        bail!("a label is given twice\n\nhint: give each name one `--label`");
    }
    Ok(labels)
}

impl NoteCommand {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        let text = match (&self.cdevents, self.what, &self.service) {
            (Some(path), _, _) => self.note_cdevents(path)?,
            (None, Some(what), Some(service)) => self.note_one(what, service)?,
            (None, _, _) => bail!("nothing is noted\n\nhint: say what, and of which `--service`"),
        };
        print(&printable(&text)).context("the standard output cannot be written")?;
        Ok(ExitCode::SUCCESS)
    }

    fn note_one(&self, what: What, service: &str) -> anyhow::Result<String> {
        let change = Note {
            scope: Scope { service: service.to_owned(), labels: labels(&self.label)? },
            change: ChangeNoted {
                what: what.alteration(),
                from: self.from.clone(),
                to: self.to.clone(),
                reference: self.reference.clone(),
                ended_at: self.ended_at,
                note: self.note.clone(),
            },
            occurred_at: self.at,
            source: self.source.clone(),
            source_id: self.id.clone(),
            subject: self.change.clone(),
            of: self.of.clone(),
            causes: Vec::new(),
        };
        change.check()?;
        let noted = note(&mut self.location.open_or_create()?, &change)?;
        let mut text = said(&noted, what.alteration());
        if what == What::Rollback && noted.of.is_none() {
            text +=
                "hint: the ledger knows no change that this takes back; say which with `--of`\n";
        }
        Ok(text)
    }

    fn note_cdevents(&self, path: &str) -> anyhow::Result<String> {
        let asked = CdEventsAsked { service: self.service.clone(), labels: labels(&self.label)? };
        let events = read_cdevents(&read(path)?, &asked)
            .with_context(|| format!("`{path}` is not read, and nothing is noted"))?;
        let mut text = String::new();
        if !events.changes.is_empty() {
            let mut ledger = self.location.open_or_create()?;
            for change in &events.changes {
                text += &said(&note(&mut ledger, change)?, change.change.what);
            }
        }
        Ok(text + &passed_over(&events))
    }
}

fn said(noted: &Noted, what: Alteration) -> String {
    let word = if noted.receipt.was_known { "known already" } else { "noted" };
    let verb = match what {
        Alteration::Rollback => "takes back",
        Alteration::Heal => "mends",
        Alteration::Deploy
        | Alteration::Config
        | Alteration::Flag
        | Alteration::Infrastructure
        | Alteration::Manual => "follows",
    };
    let of = noted.of.as_ref().map(|of| format!(", {verb} {of}")).unwrap_or_default();
    format!("{word}: {}{of}, event {}\n", noted.subject, noted.receipt.id)
}

fn passed_over(events: &CdEvents) -> String {
    let lines = events.passed_over.iter().map(|(kind, passed)| {
        format!("passed over: {} × {kind}, which {}\n", passed.count, passed.reason)
    });
    lines.collect()
}

/// Far more than a day of a large pipeline.
const MOST_BYTES: u64 = 64 << 20;

fn read(path: &str) -> anyhow::Result<String> {
    let mut text = String::new();
    let read = if path == "-" {
        io::stdin().lock().take(MOST_BYTES + 1).read_to_string(&mut text)
    } else {
        File::open(path).and_then(|file| file.take(MOST_BYTES + 1).read_to_string(&mut text))
    };
    let read = read.with_context(|| {
        format!("`{path}` cannot be read\n\nhint: see that the path is right\n\ncause")
    })?;
    if read as u64 > MOST_BYTES {
        bail!("`{path}` is larger than {MOST_BYTES} bytes\n\nhint: hand it in as several files");
    }
    Ok(text)
}
