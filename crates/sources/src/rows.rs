//! Records of a recording, whatever it is written in.

use std::borrow::Cow;
use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::MultiGzDecoder;
use serde_json::Value;
use serin_model::FileError;

/// One record: its line, and the texts of its columns.
pub(crate) struct Record<'a> {
    /// The line it begins on, from one.
    pub(crate) line: u64,
    /// Names and texts, in the order written.
    pub(crate) fields: Vec<(Cow<'a, str>, Cow<'a, str>)>,
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
pub fn unpacked<'a>(reader: impl Read + 'a) -> io::Result<Box<dyn BufRead + 'a>> {
    let mut reader = BufReader::with_capacity(CHUNK, reader);
    let is_gzip = reader.fill_buf()?.starts_with(&[0x1f, 0x8b]);
    Ok(if is_gzip {
        Box::new(BufReader::with_capacity(CHUNK, MultiGzDecoder::new(reader)))
    } else {
        Box::new(reader)
    })
}

const CHUNK: usize = 256 * 1024;

/// Tells the format from the first character that is not white space.
pub(crate) fn format_of(reader: &mut dyn BufRead) -> io::Result<Format> {
    let start = reader.fill_buf()?;
    let first = start.iter().find(|byte| !byte.is_ascii_whitespace() && **byte < 0x80);
    Ok(if first == Some(&b'{') { Format::JsonLines } else { Format::Csv })
}

/// Calls `each` with every record, in order, until one fails.
pub(crate) fn for_each_record(
    file: &str,
    mut reader: impl BufRead,
    mut each: impl FnMut(&Record<'_>) -> Result<(), FileError>,
) -> Result<(), FileError> {
    let format = format_of(&mut reader).map_err(|error| unreadable(file, 1, &error))?;
    match format {
        Format::Csv => csv_records(file, reader, &mut each),
        Format::JsonLines => json_records(file, reader, &mut each),
    }
}

type Each<'a> = &'a mut dyn FnMut(&Record<'_>) -> Result<(), FileError>;

fn csv_records(file: &str, reader: impl BufRead, each: Each<'_>) -> Result<(), FileError> {
    let mut reader =
        csv::ReaderBuilder::new().trim(csv::Trim::All).flexible(false).from_reader(reader);
    let headers = reader.headers().map_err(|error| csv_error(file, &error))?.clone();
    let names: Vec<String> =
        headers.iter().map(|name| name.trim_start_matches('\u{feff}').to_owned()).collect();
    check_header(file, &names)?;
    let mut row = csv::StringRecord::new();
    while reader.read_record(&mut row).map_err(|error| csv_error(file, &error))? {
        let line = row.position().map_or(0, csv::Position::line);
        let fields = names.iter().zip(&row);
        let fields = fields.map(|(name, text)| (Cow::from(name.as_str()), Cow::from(text)));
        each(&Record { line, fields: fields.collect() })?;
    }
    Ok(())
}

fn check_header(file: &str, names: &[String]) -> Result<(), FileError> {
    if names.is_empty() || names.iter().all(String::is_empty) {
        return Err(FileError::at_line(file, 1, "the recording is empty").with_hint(
            "write a header such as `time,metric,arm,value`, and a line for each point",
        ));
    }
    for (index, name) in names.iter().enumerate() {
        if name.is_empty() {
            let problem = format!("column {} has no name", index + 1);
            return Err(FileError::at_line(file, 1, &problem)
                .with_hint("the first line names every column"));
        }
        if names[..index].contains(name) {
            let problem = format!("two columns are called `{name}`");
            return Err(FileError::at_line(file, 1, &problem).with_hint("rename one of them"));
        }
    }
    Ok(())
}

fn csv_error(file: &str, error: &csv::Error) -> FileError {
    let line = error.position().map_or(1, csv::Position::line);
    match error.kind() {
        csv::ErrorKind::Io(error) => unreadable(file, line, error),
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            let problem = format!("this line has {len} columns, and the header has {expected_len}");
            FileError::at_line(file, line, &problem)
                .with_hint("the file may be cut off, or a value holds a comma and needs quotes")
        }
        csv::ErrorKind::Utf8 { .. } => FileError::at_line(file, line, "this line is not UTF-8")
            .with_hint("save the recording as UTF-8"),
        _ => FileError::at_line(file, line, &error.to_string()),
    }
}

fn json_records(file: &str, mut reader: impl BufRead, each: Each<'_>) -> Result<(), FileError> {
    let mut line = 0;
    let mut text = Vec::new();
    loop {
        line += 1;
        text.clear();
        let read = reader
            .by_ref()
            .take(LONGEST_LINE + 1)
            .read_until(b'\n', &mut text)
            .map_err(|error| unreadable(file, line, &error))?;
        if read == 0 {
            return Ok(());
        }
        if read as u64 > LONGEST_LINE {
            let problem = format!("this line is longer than {LONGEST_LINE} bytes");
            return Err(FileError::at_line(file, line, &problem)
                .with_hint("JSON lines hold one point a line"));
        }
        if text.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let value: Value = serde_json::from_slice(&text).map_err(|error| {
            let message = error.to_string();
            let problem = message.split(" at line ").next().unwrap_or_default().to_lowercase();
            FileError::at_line(file, line, &format!("this is not a JSON object: {problem}"))
                .with_hint("write one object a line, such as {\"time\":0,\"metric\":\"errors\",\"arm\":\"canary\",\"value\":3}")
        })?;
        each(&Record { line, fields: json_fields(file, line, &value)? })?;
    }
}

/// A point has a few labels; a line that is longer is not one.
const LONGEST_LINE: u64 = 1024 * 1024;

type Fields<'a> = Vec<(Cow<'a, str>, Cow<'a, str>)>;

/// Returns the fields of an object; those of an object under `labels` are fields like any other.
fn json_fields<'a>(file: &str, line: u64, value: &'a Value) -> Result<Fields<'a>, FileError> {
    let Value::Object(object) = value else {
        return Err(FileError::at_line(file, line, "this is JSON, but not an object")
            .with_hint("write one object a line"));
    };
    let mut fields = Vec::new();
    for (name, value) in object {
        match value {
            Value::Object(labels) if name == "labels" => {
                for (label, value) in labels {
                    fields.push(json_field(file, line, label, value)?);
                }
            }
            value => fields.push(json_field(file, line, name, value)?),
        }
    }
    Ok(fields)
}

fn json_field<'a>(
    file: &str,
    line: u64,
    name: &'a str,
    value: &'a Value,
) -> Result<(Cow<'a, str>, Cow<'a, str>), FileError> {
    let text = match value {
        Value::Null => Cow::from(""),
        Value::String(text) => Cow::from(text.as_str()),
        Value::Number(number) => Cow::from(number.to_string()),
        Value::Bool(boolean) => Cow::from(boolean.to_string()),
        Value::Array(_) | Value::Object(_) => {
            let problem = format!("`{name}` is not a single value");
            return Err(FileError::at_line(file, line, &problem)
                .with_hint("write numbers and strings; labels may stand in an object `labels`"));
        }
    };
    Ok((Cow::from(name), text))
}

fn unreadable(file: &str, line: u64, error: &io::Error) -> FileError {
    let hint = match error.kind() {
        io::ErrorKind::FileTooLarge => "judge a shorter stretch, or split the recording",
        io::ErrorKind::UnexpectedEof => "the file is cut off; copy it again",
        io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => {
            "the file is damaged, or was packed by something else than gzip"
        }
        _ => "see that the file is whole and may be read",
    };
    FileError::at_line(file, line, &format!("the recording cannot be read on: {error}"))
        .with_hint(hint)
}
