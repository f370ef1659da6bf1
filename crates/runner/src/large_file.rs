//! Large files that are read as they come.

use std::fs::File;
use std::io::{self, Read};

use crate::error::RunError;
use crate::progress::{Progress, WatchedReader};

/// Opens a file for reading; `-` is standard input.
///
/// # Errors
///
/// [`RunError::Unreadable`].
pub(crate) fn open<'a>(
    path: &str,
    progress: &'a dyn Progress,
) -> Result<WatchedReader<'a, Box<dyn Read>>, RunError> {
    let unreadable = |error| RunError::Unreadable { path: path.to_owned(), error };
    let (reader, total): (Box<dyn Read>, _) = if path == "-" {
        (Box::new(io::stdin().lock()), None)
    } else {
        let file = File::open(path).map_err(unreadable)?;
        let total = file.metadata().map_err(unreadable)?.len();
        (Box::new(file), Some(total))
    };
    Ok(WatchedReader::new(reader, total, progress))
}
