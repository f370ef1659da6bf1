//! Where text goes: the terminal, a pipe, or a file that is whole or not there.

use std::io::{self, IsTerminal, Write};
use std::path::Path;

use anyhow::Context;
use clap::ValueEnum;
use serin_report::{Report, Style};
use tempfile::NamedTempFile;

/// A format of a report.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Format {
    /// A table for people
    Table,
    /// One JSON document, version 1 of the report format
    Json,
    /// One HTML file that needs nothing else
    Html,
}

impl Format {
    /// Tells the format of a file from its name.
    pub(crate) fn of_path(path: &str) -> anyhow::Result<Self> {
        match path.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase()).as_deref()
        {
            Some("html" | "htm") => Ok(Self::Html),
            Some("json") => Ok(Self::Json),
            Some("txt") => Ok(Self::Table),
            _ => anyhow::bail!(
                "`{path}` does not say which format it wants\n\n\
                 hint: let its name end in .html, .json or .txt"
            ),
        }
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

/// Logs are read on wide screens.
const WIDTH_OF_LOGS: usize = 120;

fn width() -> usize {
    if !io::stdout().is_terminal() {
        return WIDTH_OF_LOGS;
    }
    terminal_size::terminal_size().map_or(WIDTH_OF_LOGS, |(width, _)| usize::from(width.0))
}

/// Returns a report as text.
pub(crate) fn rendered(report: &Report, format: Format, style: Style) -> anyhow::Result<String> {
    Ok(match format {
        Format::Table => serin_report::table(report, style),
        Format::Json => serde_json::to_string_pretty(report)? + "\n",
        Format::Html => serin_report::html(report)?,
    })
}

/// Prints to the standard output.
pub(crate) fn print(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}

/// Prints a line to the standard error, if anybody listens.
pub(crate) fn print_error(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// Writes a file so that it is there as a whole or not at all. It is written beside its place under
/// a name of its own, which no link can be waiting under.
pub(crate) fn write_file(path: &str, text: &str) -> anyhow::Result<()> {
    let hint = "hint: see that the folder exists, and that there is space and permission";
    let folder = match Path::new(path).parent() {
        Some(folder) if folder != Path::new("") => folder,
        Some(_) | None => Path::new("."),
    };
    written_beside(folder, text)
        .and_then(|file| Ok(file.persist(path)?))
        .map(drop)
        .with_context(|| format!("`{path}` cannot be written\n\n{hint}\n\ncause"))
}

fn written_beside(folder: &Path, text: &str) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".serin-").suffix(".partial");
    // As readable as a file of the user's own, where a temporary one is private.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.tempfile_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.flush()?;
    Ok(file)
}
