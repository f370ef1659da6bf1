//! Small files that are read as a whole.

use std::fs::File;
use std::io::{self, Read};

use crate::error::RunError;

/// Reads a text file as a whole; `-` is standard input.
///
/// * `what`: what it should hold, for the error.
/// * `most`: how many bytes it may have.
///
/// # Errors
///
/// [`RunError::Unreadable`] and [`RunError::TooLarge`].
pub(crate) fn read_text(path: &str, what: &'static str, most: u64) -> Result<String, RunError> {
    let unreadable = |error| RunError::Unreadable { path: path.to_owned(), error };
    let mut text = String::new();
    let limited =
        |reader: &mut dyn Read, text: &mut String| reader.take(most + 1).read_to_string(text);
    let read = if path == "-" {
        limited(&mut io::stdin().lock(), &mut text)
    } else {
        File::open(path).and_then(|mut file| limited(&mut file, &mut text))
    };
    let read = read.map_err(unreadable)?;
    if read as u64 > most {
        return Err(RunError::TooLarge { path: path.to_owned(), what, most });
    }
    Ok(text)
}

/// Returns what people call a file.
pub(crate) fn shown(path: &str) -> String {
    if path == "-" { "standard input".to_owned() } else { path.to_owned() }
}
