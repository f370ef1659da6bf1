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
    spots: Option<Box<Spots>>,
}

/// Where the problem is, and where something else that it speaks of.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
struct Spots {
    own: Option<Spot>,
    other: Option<Spot>,
}

/// Where in a file that is not at hand as a whole; all count from one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Spot {
    Line(u64),
    Row { group: u64, row: u64 },
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
            spots: None,
        }
    }

    /// Creates an error about one line of a file that is not at hand as a whole.
    ///
    /// * `line`: counts from one; zero is no line in particular.
    #[must_use]
    pub fn at_line(file: &str, line: u64, problem: &str) -> Self {
        let own = (line > 0).then_some(Spot::Line(line));
        let spots = Some(Box::new(Spots { own, other: None }));
        Self { spots, ..Self::new(file, "", None, problem) }
    }

    /// Returns the same error about a table in row groups, whose rows were counted as lines.
    ///
    /// * `row_group`: the group of a row, and which row of the group it is; all count from one.
    #[must_use]
    pub fn in_row_groups(mut self, row_group: impl Fn(u64) -> Option<(u64, u64)>) -> Self {
        let Some(spots) = self.spots.as_deref_mut() else { return self };
        for spot in [&mut spots.own, &mut spots.other].into_iter().flatten() {
            if let Spot::Line(row) = *spot
                && let Some((group, row)) = row_group(row)
            {
                *spot = Spot::Row { group, row };
            }
        }
        self
    }

    /// Returns the same error, whose problem ends with something that stands on another line.
    ///
    /// * `line`: counts from one; zero is no line in particular.
    #[must_use]
    pub fn with_other_line(mut self, line: u64) -> Self {
        let spots = self.spots.get_or_insert_default();
        spots.other = (line > 0).then_some(Spot::Line(line));
        self
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
        }
        let Spots { own, other } = self.spots.as_deref().copied().unwrap_or_default();
        match own {
            Some(Spot::Line(line)) => write!(f, ":{line}")?,
            Some(Spot::Row { group, row }) => write!(f, ": row group {group}, row {row}")?,
            None => {}
        }
        write!(f, ": {}", self.problem)?;
        match other {
            Some(Spot::Line(line)) => write!(f, " on line {line}")?,
            Some(Spot::Row { group, row }) => write!(f, " in row group {group}, row {row}")?,
            None => {}
        }
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
