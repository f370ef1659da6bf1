//! Records of a recording, whatever it is written in.

use std::cell::Cell;
use std::io::{self, BufRead, BufReader, Read};
use std::rc::Rc;

use csv::StringRecord;
use flate2::bufread::MultiGzDecoder;
use serin_model::FileError;

use crate::json_lines::JsonLine;

/// One record: its line, and its texts by column.
pub(crate) struct Record<'a> {
    /// The line it begins on, from one.
    pub(crate) line: u64,
    /// The names of the columns.
    pub(crate) names: &'a [String],
    /// The line on which they stand.
    pub(crate) names_line: u64,
    /// Whether the names are others than those of the record before.
    pub(crate) renamed: bool,
    /// A text for each name, as written.
    pub(crate) texts: &'a StringRecord,
}

impl Record<'_> {
    /// Returns a column's text without the white space around it.
    pub(crate) fn text(&self, column: usize) -> &str {
        self.texts.get(column).unwrap_or_default().trim()
    }
}

/// What a recording is written in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Format {
    /// Comma-separated values with a header.
    Csv,
    /// A JSON object a line.
    JsonLines,
}

/// Returns what `reader` holds, unpacked if it begins as gzip does.
///
/// # Errors
///
/// Those of the reader.
pub fn unpacked<'a>(mut reader: impl Read + 'a) -> io::Result<Box<dyn BufRead + 'a>> {
    // A pipe may hand out its first byte alone.
    let mut magic = Vec::with_capacity(GZIP.len());
    reader.by_ref().take(GZIP.len() as u64).read_to_end(&mut magic)?;
    let is_gzip = magic == GZIP;
    let reader = BufReader::with_capacity(CHUNK, io::Cursor::new(magic).chain(reader));
    Ok(if is_gzip {
        Box::new(BufReader::with_capacity(CHUNK, MultiGzDecoder::new(reader)))
    } else {
        Box::new(reader)
    })
}

const GZIP: [u8; 2] = [0x1f, 0x8b];
const CHUNK: usize = 256 * 1024;

/// Calls `each` with every record, in order, until one fails.
pub(crate) fn for_each_record(
    file: &str,
    reader: impl Read,
    mut each: impl FnMut(&Record<'_>) -> Result<(), FileError>,
) -> Result<(), FileError> {
    let left = Rc::new(Cell::new(LONGEST_RECORD));
    let reader = RecordReader { inner: reader, left: Rc::clone(&left) };
    let mut reader = BufReader::with_capacity(CHUNK, reader);
    let (start, format) = begin(&mut reader).map_err(|error| unreadable(file, 1, &error))?;
    let reader = io::Cursor::new(start).chain(reader);
    let mut each_within = |record: &Record<'_>| {
        left.set(LONGEST_RECORD);
        each(record)
    };
    match format {
        Format::Csv => csv_records(file, reader, &mut each_within),
        Format::JsonLines => json_records(file, reader, &mut each_within),
    }
}

type Each<'a> = &'a mut dyn FnMut(&Record<'_>) -> Result<(), FileError>;

/// Passes over a byte order mark, and reads on to the first character, which tells the format.
/// Returns what was read.
fn begin(reader: &mut impl BufRead) -> io::Result<(Vec<u8>, Format)> {
    let mut start = Vec::new();
    reader.by_ref().take(BYTE_ORDER_MARK.len() as u64).read_to_end(&mut start)?;
    if start == BYTE_ORDER_MARK {
        start.clear();
    }
    let mut blank = start.iter().all(u8::is_ascii_whitespace);
    while blank && reader.by_ref().take(1).read_to_end(&mut start)? > 0 {
        blank = start.last().is_some_and(u8::is_ascii_whitespace);
    }
    let first = start.iter().find(|byte| !byte.is_ascii_whitespace());
    let format = if first == Some(&b'{') { Format::JsonLines } else { Format::Csv };
    Ok((start, format))
}

const BYTE_ORDER_MARK: &[u8] = &[0xef, 0xbb, 0xbf];

/// Fails where a record does not end, so that one quote that is never closed does not fill the
/// memory.
struct RecordReader<R> {
    inner: R,
    /// What is left for the record at hand.
    left: Rc<Cell<u64>>,
}

impl<R: Read> Read for RecordReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        let left = self.left.get().checked_sub(read as u64).ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::FileTooLarge,
                format!("this record is longer than {} KiB", LONGEST_RECORD / 1024),
            )
        })?;
        self.left.set(left);
        Ok(read)
    }
}

/// A point has a few labels; a record that is longer is not one. What is read ahead counts too.
const LONGEST_RECORD: u64 = 1024 * 1024;

fn csv_records(file: &str, reader: impl Read, each: Each<'_>) -> Result<(), FileError> {
    let mut reader = csv::ReaderBuilder::new().buffer_capacity(CHUNK).from_reader(reader);
    let header = reader.headers().map_err(|error| csv_error(file, 1, &error))?;
    let names: Vec<String> = header.iter().map(|name| name.trim().to_owned()).collect();
    let names_line = header.position().map_or(1, csv::Position::line);
    check_names(file, names_line, &names)?;
    let mut texts = StringRecord::new();
    let mut renamed = true;
    loop {
        let line = reader.position().line();
        let more = reader.read_record(&mut texts).map_err(|error| csv_error(file, line, &error))?;
        if !more {
            return Ok(());
        }
        let line = texts.position().map_or(line, csv::Position::line);
        each(&Record { line, names: &names, names_line, renamed, texts: &texts })?;
        renamed = false;
    }
}

fn json_records(file: &str, mut reader: impl BufRead, each: Each<'_>) -> Result<(), FileError> {
    let mut line = 0;
    let mut text = Vec::new();
    let mut record = JsonLine::default();
    loop {
        line += 1;
        text.clear();
        let read =
            reader.read_until(b'\n', &mut text).map_err(|error| unreadable(file, line, &error))?;
        if read == 0 {
            return Ok(());
        }
        if text.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let renamed = record.read(&text).map_err(|problem| {
            FileError::at_line(file, line, &problem).with_hint(
                "write an object a line, such as \
                 {\"time\":0,\"metric\":\"errors\",\"arm\":\"canary\",\"value\":3}; labels may \
                 stand in an object `labels`",
            )
        })?;
        if renamed {
            check_names(file, line, record.names())?;
        }
        let (names, texts) = (record.names(), record.texts());
        each(&Record { line, names, names_line: line, renamed, texts })?;
    }
}

fn check_names(file: &str, line: u64, names: &[String]) -> Result<(), FileError> {
    if names.iter().all(String::is_empty) {
        return Err(FileError::at_line(file, line, "the recording is empty").with_hint(EXAMPLE));
    }
    let mut sorted: Vec<&str> = names.iter().map(String::as_str).collect();
    sorted.sort_unstable();
    if let Some(twice) = sorted.windows(2).find(|pair| pair[0] == pair[1] && !pair[0].is_empty()) {
        let problem = format!("two columns are called `{}`", shortened(twice[0]));
        return Err(FileError::at_line(file, line, &problem).with_hint("rename one of them"));
    }
    if let Some(index) = names.iter().position(String::is_empty) {
        let problem = format!("column {} has no name", index + 1);
        return Err(
            FileError::at_line(file, line, &problem).with_hint("the first line names every column")
        );
    }
    Ok(())
}

/// What a recording without points should hold.
pub(crate) const EXAMPLE: &str =
    "write a header such as `time,metric,arm,value`, and a line for each point";

fn csv_error(file: &str, line: u64, error: &csv::Error) -> FileError {
    let line = error.position().map_or(line, csv::Position::line);
    match error.kind() {
        csv::ErrorKind::Io(error) => unreadable(file, line, error),
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            let problem = format!("this line has {len} columns, and the header has {expected_len}");
            FileError::at_line(file, line, &problem)
                .with_hint("the file may be cut off, or a value holds a comma and needs quotes")
        }
        csv::ErrorKind::Utf8 { .. } => FileError::at_line(file, line, "this line is not UTF-8")
            .with_hint("save the recording as CSV or JSON lines in UTF-8, gzipped or not"),
        _ => FileError::at_line(file, line, &error.to_string()).with_hint(EXAMPLE),
    }
}

fn unreadable(file: &str, line: u64, error: &io::Error) -> FileError {
    let hint = match error.kind() {
        io::ErrorKind::FileTooLarge => {
            "judge a shorter stretch; if one record is too long, a quote may not be closed"
        }
        io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => {
            "the file is cut off or damaged, or more than gzip is in it; copy or pack it again"
        }
        _ => "see that the file is whole and may be read",
    };
    FileError::at_line(file, line, &format!("the recording cannot be read on: {error}"))
        .with_hint(hint)
}

/// Shows a name or value that somebody else wrote, at a length that fits a message.
pub(crate) fn shortened(text: &str) -> String {
    shown(text, 40)
}

/// Shows what somebody else wrote, without what would move a terminal's cursor.
pub(crate) fn shown(text: &str, most: usize) -> String {
    let printable = |character: char| if character.is_control() { '·' } else { character };
    let mut shown: String = text.chars().take(most).map(printable).collect();
    if text.chars().nth(most).is_some() {
        shown.push('…');
    }
    shown
}
