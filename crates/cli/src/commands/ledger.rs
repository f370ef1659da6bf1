//! `serin ledger`

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::{Args, Subcommand, ValueHint};
use serin_ledger::{Kind, NotedHead, Pruning, Retention, Verification};
use serin_runner::{parse_length, prune_ledger};

use crate::ledger_location::LedgerLocation;
use crate::output::{file_beside, print};

/// Verify, export, import or prune the ledger
///
/// The ledger keeps what was changed, what was judged, what came of it, and the evidence: in one file, or in a
/// PostgreSQL database.
#[derive(Debug, Args)]
#[command(arg_required_else_help = true)]
pub(crate) struct LedgerCommand {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Verify(Verify),
    Export(Export),
    Import(Import),
    Prune(Prune),
}

/// Look whether every event and every piece of evidence is what was appended
///
/// Says what is wrong, and where: events that were changed or are missing, evidence that is damaged or gone.
/// Prints the ledger's head: whoever notes it down somewhere else can prove later, with `--head`, that
/// nothing before it was changed, not even by somebody who rewrote the whole ledger.
#[derive(Debug, Args)]
#[command(after_help = VERIFY_HELP)]
struct Verify {
    #[command(flatten)]
    location: LedgerLocation,

    /// A head that was noted down, which must still be part of the ledger
    #[arg(long, value_name = "POSITION:LINK")]
    head: Option<NotedHead>,
}

const VERIFY_HELP: &str = "\
Exit codes:
  0  everything is as it was appended
  1  serin could not look at all of it, a usage error included
  2  something is not

Examples:
  serin ledger verify --ledger serin.db
  SERIN_LEDGER=postgres://serin@db/serin serin ledger verify";

/// Write the whole ledger as lines of JSON
///
/// The same ledger gives the same bytes, whichever database holds it. Others may go on appending meanwhile.
#[derive(Debug, Args)]
#[command(after_help = EXPORT_HELP)]
struct Export {
    #[command(flatten)]
    location: LedgerLocation,

    /// The file to write, whole or not at all; `-` is the standard output
    #[arg(long, short, value_name = "FILE", default_value = "-", value_hint = ValueHint::FilePath)]
    output: String,
}

const EXPORT_HELP: &str = "\
Examples:
  serin ledger export --ledger serin.db -o serin.jsonl
  serin ledger export --ledger serin.db | zstd > serin.jsonl.zst";

/// Take an export into a ledger
///
/// What is there already is known to be, so that an import that broke off goes on when it is run again. A ledger
/// file that is not there is made. An export of another ledger is refused.
#[derive(Debug, Args)]
#[command(after_help = IMPORT_HELP)]
struct Import {
    #[command(flatten)]
    location: LedgerLocation,

    /// The export; `-` reads it from the standard input
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    file: String,
}

const IMPORT_HELP: &str = "\
Examples:
  serin ledger import --ledger postgres://serin@db/serin serin.jsonl
  zstd -dc serin.jsonl.zst | serin ledger import --ledger restored.db -";

/// Let evidence go that need not be proven any more
///
/// Only evidence and the bodies of point batches go; every event stays, and so do verdicts and what follows from
/// them. What proves the newest known-good change of a scope is kept, what belongs to a running analysis,
/// and the texts of the Checks in force.
/// What goes is listed in an event of its own. Ages are such as `90d` or `12h`, from when something was known.
#[derive(Debug, Args)]
#[command(after_help = PRUNE_HELP)]
struct Prune {
    #[command(flatten)]
    location: LedgerLocation,

    /// How long every verdict shall be provable; without it, for ever
    #[arg(long, value_name = "AGE", value_parser = parse_age)]
    keep_verdicts: Option<Duration>,

    /// How long verdicts shall be provable that somebody labelled; without it, for ever
    #[arg(long, value_name = "AGE", value_parser = parse_age)]
    keep_labelled: Option<Duration>,

    /// How long to keep the evidence of other events, such as `check.applied=365d`; may be given several
    /// times
    #[arg(long, value_name = "KIND=AGE", value_parser = parse_kind_and_age)]
    keep: Vec<(Kind, Duration)>,

    /// Only say what would go
    #[arg(long)]
    dry_run: bool,
}

const PRUNE_HELP: &str = "\
Examples:
  serin ledger prune --ledger serin.db --keep-verdicts 90d --dry-run
  serin ledger prune --ledger serin.db --keep-verdicts 90d --keep-labelled 730d";

/// Reads an age, such as `90d` or `12h`.
fn parse_age(text: &str) -> Result<Duration, String> {
    let days = text.strip_suffix('d').and_then(|days| days.trim().parse::<u32>().ok());
    match days {
        Some(days) if days > 0 => Ok(Duration::from_secs(u64::from(days) * 24 * 60 * 60)),
        Some(_) | None => {
            parse_length(text).map_err(|_| "write an age, such as `90d` or `12h`".to_owned())
        }
    }
}

/// The kinds whose evidence goes by the age of a verdict, or not at all.
const NOT_BY_KIND: [Kind; 4] =
    [Kind::AnalysisBegun, Kind::PointsTaken, Kind::AnalysisEnded, Kind::LedgerPruned];

fn parse_kind_and_age(text: &str) -> Result<(Kind, Duration), String> {
    let (kind, age) = text.split_once('=').ok_or("write it as `check.applied=365d`")?;
    let kind = Kind::named(kind);
    if NOT_BY_KIND.contains(&kind) {
        return Err(format!(
            "`{kind}` has no age of its own: what proves a verdict goes by `--keep-verdicts`"
        ));
    }
    Ok((kind, parse_age(age)?))
}

impl LedgerCommand {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        match &self.verb {
            Verb::Verify(verify) => verify.run(),
            Verb::Export(export) => export.run(),
            Verb::Import(import) => import.run(),
            Verb::Prune(prune) => prune.run(),
        }
    }
}

/// Something is not as it was appended.
const DAMAGED: u8 = 2;

impl Verify {
    fn run(&self) -> anyhow::Result<ExitCode> {
        let found = self.location.open()?.verify(self.head)?;
        say(&verified(&found))?;
        Ok(if found.is_well() { ExitCode::SUCCESS } else { ExitCode::from(DAMAGED) })
    }
}

pub(super) fn say(text: &str) -> anyhow::Result<()> {
    print(text).context("the standard output cannot be written")
}

fn verified(found: &Verification) -> String {
    let mut text = match found.n_faults {
        0 => "✓ the ledger is as it was appended\n".to_owned(),
        1 => "✗ 1 thing is not as it was appended\n".to_owned(),
        faults => format!("✗ {faults} things are not as they were appended\n"),
    };
    for fault in &found.faults {
        text += &format!("  {}\n", crate::exit::printable(fault));
    }
    let untold = found.n_faults - found.faults.len() as u64;
    if untold > 0 {
        text += &format!("  … and {untold} more\n");
    }
    text += &format!(
        "\n  events    {}, the bodies of {} were pruned\n  evidence  {}, {} more were pruned\n  head      {}:{}\n",
        found.events,
        found.pruned_bodies,
        found.evidence,
        found.pruned_evidence,
        found.head.position,
        found.head.link
    );
    if !found.is_well() {
        text += "\nhint: restore a backup, or import an export into a new ledger\n";
    }
    text
}

impl Export {
    fn run(&self) -> anyhow::Result<ExitCode> {
        let mut ledger = self.location.open()?;
        if self.output == "-" {
            ledger.export(&mut BufWriter::new(io::stdout().lock()))?;
            return Ok(ExitCode::SUCCESS);
        }
        let unwritable = || {
            let hint = "hint: see that the folder exists, and that there is space and permission";
            format!("`{}` cannot be written\n\n{hint}\n\ncause", self.output)
        };
        let mut file = file_beside(&self.output).with_context(unwritable)?;
        let mut output = BufWriter::new(file.as_file_mut());
        let exported = ledger.export(&mut output)?;
        output.flush().with_context(unwritable)?;
        drop(output);
        file.as_file().sync_all().with_context(unwritable)?;
        file.persist(&self.output).map_err(io::Error::from).with_context(unwritable)?;
        say(&format!("{} events and {} pieces of evidence\n", exported.events, exported.evidence))?;
        Ok(ExitCode::SUCCESS)
    }
}

impl Import {
    fn run(&self) -> anyhow::Result<ExitCode> {
        // No ledger is made for an export that is not there.
        let mut input: Box<dyn io::BufRead> = if self.file == "-" {
            Box::new(BufReader::new(io::stdin()))
        } else {
            let file = File::open(&self.file).with_context(|| {
                format!(
                    "`{}` cannot be read\n\nhint: see that the path is right\n\ncause",
                    self.file
                )
            })?;
            Box::new(BufReader::new(file))
        };
        let imported = self.location.open_or_create()?.import(&mut *input)?;
        say(&format!(
            "{} events, {} of them new; {} pieces of evidence, {} of them new\n",
            imported.events, imported.new_events, imported.evidence, imported.new_evidence
        ))?;
        Ok(ExitCode::SUCCESS)
    }
}

impl Prune {
    fn run(&self) -> anyhow::Result<ExitCode> {
        let retention = self.retention()?;
        let pruning = prune_ledger(&mut self.location.open()?, &retention, self.dry_run)?;
        say(&pruned(&pruning, self.dry_run))?;
        Ok(ExitCode::SUCCESS)
    }

    fn retention(&self) -> anyhow::Result<Retention> {
        let kinds: BTreeMap<Kind, Duration> = self.keep.iter().cloned().collect();
        if kinds.len() < self.keep.len() {
            bail!("a kind has two ages\n\nhint: give each kind one `--keep`");
        }
        if self.keep_verdicts.is_none() && self.keep_labelled.is_none() && kinds.is_empty() {
            bail!(
                "nothing says what may go\n\nhint: say how long verdicts shall be provable, such as \
                 `--keep-verdicts 90d`, and look first with `--dry-run`"
            );
        }
        let (verdicts, labelled) = (self.keep_verdicts, self.keep_labelled);
        Ok(Retention { verdicts, labelled, kinds })
    }
}

fn pruned(pruning: &Pruning, is_rehearsal: bool) -> String {
    let went = if is_rehearsal { "would go" } else { "went" };
    let mut text = format!(
        "{} pieces of evidence ({:.1} MB) and the bodies of {} point batches {went}\n\
         verdicts that can be proven: {}; that cannot any more: {}\n",
        pruning.evidence,
        pruning.bytes as f64 / 1e6,
        pruning.bodies,
        pruning.kept_verdicts,
        pruning.expired_verdicts,
    );
    if let Some(event) = pruning.event {
        text += &format!("event {event} lists what went\n");
    }
    if pruning.event.is_some() && !pruning.is_reclaimed {
        text += "hint: others are at work in the ledger; the next prune gives the space back to the disk\n";
    }
    if pruning.is_partial {
        text += "hint: there is more than one event can list: prune again\n";
    }
    text
}
