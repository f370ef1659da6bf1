//! What is wrong with a file, where, and what to write instead.

use std::fmt;

/// Where in a text something stands; both count from one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Place {
    /// The line.
    pub line: u64,
    /// The column, in characters.
    pub column: u64,
}

/// A file that cannot be used, shown the way a compiler shows it.
///
/// The text of the offending line is part of the message, cut to 160 characters and without control
/// characters, so that a hostile file cannot draw on a terminal.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FileError {
    /// The file's name, as the user wrote it.
    pub file: Box<str>,
    /// Where in the file, if it is one place.
    pub place: Option<Place>,
    /// What is wrong: a lowercase fragment without a full stop.
    pub problem: Box<str>,
    /// What to write instead.
    pub hint: Option<Box<str>>,
    line: Option<Box<str>>,
    line_only: Option<u64>,
}

impl FileError {
    /// Creates an error about `text`, the whole content of the file called `file`.
    #[must_use]
    pub fn new(file: &str, text: &str, place: Option<Place>, problem: &str) -> Self {
        let line = place.and_then(|place| {
            let index = usize::try_from(place.line).ok()?.checked_sub(1)?;
            text.lines().nth(index).map(|line| shown(line).into())
        });
        Self {
            file: cleaned(file).into(),
            place,
            problem: cleaned(problem).into(),
            hint: None,
            line,
            line_only: None,
        }
    }

    /// Creates an error about one line of a file that is not at hand as a whole.
    ///
    /// * `line`: counts from one; zero is no line in particular.
    #[must_use]
    pub fn at_line(file: &str, line: u64, problem: &str) -> Self {
        Self { line_only: (line > 0).then_some(line), ..Self::new(file, "", None, problem) }
    }

    /// Returns the same error with what to write instead.
    #[must_use]
    pub fn with_hint(mut self, hint: &str) -> Self {
        self.hint = Some(cleaned(hint).into());
        self
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(Place { line, column }) = self.place {
            write!(f, ":{line}:{column}")?;
        } else if let Some(line) = self.line_only {
            write!(f, ":{line}")?;
        }
        write!(f, ": {}", self.problem)?;
        if let (Some(text), Some(place)) = (&self.line, self.place) {
            let number = place.line.to_string();
            write!(f, "\n\n  {number} | {text}")?;
            let column = usize::try_from(place.column).unwrap_or(usize::MAX);
            if column <= LONGEST_LINE {
                let gap = number.len() + 2;
                write!(f, "\n{:gap$} | {:>column$}", "", "^")?;
            }
        }
        if let Some(hint) = &self.hint {
            write!(f, "\n\nhint: {hint}")?;
        }
        Ok(())
    }
}

impl std::error::Error for FileError {}

const LONGEST_LINE: usize = 160;

fn shown(line: &str) -> String {
    let mut shown: String = cleaned(line).chars().take(LONGEST_LINE).collect();
    if line.chars().count() > LONGEST_LINE {
        shown.push('…');
    }
    shown
}

/// Replaces what would move the cursor or change colours, one character by one.
fn cleaned(text: &str) -> String {
    let printable = |character: char| if character.is_control() { '·' } else { character };
    text.chars().map(printable).collect()
}
