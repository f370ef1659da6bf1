//! Where text goes: the terminal, a pipe, or a file that is whole or not there.

use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::str::FromStr;

use anyhow::Context;
use clap::ValueEnum;
use serin_report::{Report, Style, github};
use tempfile::NamedTempFile;

/// A format of a report.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Format {
    /// A table for people
    Table,
    /// Plain lines of `key=value`, one fact each, for logs and grep
    Lines,
    /// One JSON document, version 1 of the report format
    Json,
    /// One HTML file that needs nothing else
    Html,
    /// GitHub-flavoured Markdown, for comments and summaries
    Markdown,
    /// JUnit XML, for test pages
    Junit,
    /// OpenMetrics text, for GitLab's metrics reports
    Metrics,
}

/// A file to write a report to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct OutputFile {
    pub(crate) format: Format,
    pub(crate) path: String,
}

impl FromStr for OutputFile {
    type Err = String;

    /// Reads `format=path`, or a path that says by its end what it wants.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some((format, path)) = text.split_once('=')
            && let Ok(format) = Format::from_str(format, false)
        {
            return Ok(Self { format, path: path.to_owned() });
        }
        let extension = text.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
        let format = match extension.as_deref() {
            Some("html" | "htm") => Format::Html,
            Some("json") => Format::Json,
            Some("md" | "markdown") => Format::Markdown,
            Some("txt") => Format::Table,
            Some("xml") => Format::Junit,
            _ => {
                return Err("it does not say which format it wants\n\n\
                     hint: let the name end in .html, .json, .md, .txt or .xml (JUnit), or write the \
                     format before it: lines=report.log, metrics=metrics.txt"
                    .to_owned());
            }
        };
        Ok(Self { format, path: text.to_owned() })
    }
}

/// When to use colour.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub(crate) enum Colour {
    /// On terminals, unless NO_COLOR is set
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// Returns how tables look on the standard output.
pub(crate) fn style(colour: Colour) -> Style {
    let colour = match colour {
        Colour::Always => true,
        Colour::Never => false,
        Colour::Auto => anstream::AutoStream::choice(&io::stdout()) != anstream::ColorChoice::Never,
    };
    Style { colour, width: width() }
}

/// Returns how a panel on the standard error looks, and how many lines it may have.
pub(crate) fn panel_style(colour: Colour) -> (Style, usize) {
    let colour = match colour {
        Colour::Always => true,
        Colour::Never => false,
        Colour::Auto => anstream::AutoStream::choice(&io::stderr()) != anstream::ColorChoice::Never,
    };
    let size = terminal_size::terminal_size_of(io::stderr());
    let (width, height) = size.map_or((80, 24), |(width, height)| (width.0, height.0));
    // A line that fills the last column would be taken for two.
    (Style { colour, width: usize::from(width.saturating_sub(1)) }, usize::from(height / 2).max(6))
}

/// Logs are read on wide screens.
const WIDTH_OF_LOGS: usize = 120;

fn width() -> usize {
    if !io::stdout().is_terminal() {
        return WIDTH_OF_LOGS;
    }
    terminal_size::terminal_size().map_or(WIDTH_OF_LOGS, |(width, _)| usize::from(width.0))
}

/// Returns reports as text: one document where the format can hold several, else one after the other.
///
/// HTML holds one report: the caller gives no more.
pub(crate) fn rendered(reports: &[Report], format: Format, style: Style) -> anyhow::Result<String> {
    let each = |text: &dyn Fn(&Report) -> String| reports.iter().map(text).collect::<Vec<_>>();
    Ok(match format {
        Format::Table => each(&|report| serin_report::table(report, style)).join("\n"),
        Format::Lines => each(&serin_report::lines).concat(),
        Format::Json => json(reports)?,
        Format::Html => reports.iter().map(serin_report::html).collect::<Result<_, _>>()?,
        Format::Markdown => each(&serin_report::markdown).join("\n"),
        Format::Junit => serin_report::junit(reports)?,
        Format::Metrics => serin_report::metrics(reports),
    })
}

/// Returns one report as an indented document, and several as a line each.
fn json(reports: &[Report]) -> serde_json::Result<String> {
    if let [report] = reports {
        return Ok(serde_json::to_string_pretty(report)? + "\n");
    }
    reports.iter().map(|report| Ok(serde_json::to_string(report)? + "\n")).collect()
}

/// Returns what is printed of `text`, so that nobody who reads the log takes a line for a command.
pub(crate) fn printable(text: String, format: Format) -> String {
    match format {
        _ if !is_read_by_github() => text,
        // Inside of a string, where alone it can stand, this is the same text.
        Format::Json => text.replace("##[", "#\\u0023["),
        Format::Table
        | Format::Lines
        | Format::Html
        | Format::Markdown
        | Format::Junit
        | Format::Metrics => github::without_commands(&text),
    }
}

/// Returns whether the runner of GitHub Actions reads along.
pub(crate) fn is_read_by_github() -> bool {
    std::env::var_os("GITHUB_ACTIONS").is_some_and(|value| value == "true")
}

/// Prints to the standard output.
pub(crate) fn print(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}

/// Prints a line to the standard error, if anybody listens.
pub(crate) fn print_error(text: &str) {
    let text = if is_read_by_github() { github::without_commands(text) } else { text.to_owned() };
    print_command(&format!("{text}\n"));
}

/// Prints to the standard error what the runner of a pipeline shall obey, if anybody listens.
pub(crate) fn print_command(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// Writes a file so that it is there as a whole or not at all. It is written beside its place under
/// a name of its own, which no link can be waiting under.
pub(crate) fn write_file(path: &str, text: &str) -> anyhow::Result<()> {
    let hint = "hint: see that the folder exists, and that there is space and permission";
    written_beside(path, text)
        .and_then(|file| Ok(file.persist(path)?))
        .map(drop)
        .with_context(|| format!("`{path}` cannot be written\n\n{hint}\n\ncause"))
}

fn written_beside(path: &str, text: &str) -> io::Result<NamedTempFile> {
    let mut file = file_beside(path)?;
    file.write_all(text.as_bytes())?;
    file.flush()?;
    Ok(file)
}

/// Makes a file in the folder of `path`, to be put there once it is whole.
pub(crate) fn file_beside(path: &str) -> io::Result<NamedTempFile> {
    let folder = match Path::new(path).parent() {
        Some(folder) if folder != Path::new("") => folder,
        Some(_) | None => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    builder.prefix(".serin-").suffix(".partial");
    // As readable as a file of the user's own, where a temporary one is private.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(folder)
}
