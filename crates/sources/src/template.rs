//! Queries with variables, in whatever language they are written.

use crate::rows::shown;

/// A stretch of a query.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Piece<'a> {
    /// As written.
    Text(&'a str),
    /// The name behind a `$`, which is empty where no name follows.
    Variable(&'a str),
}

/// What a language has to quote and to comment with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Grammar {
    /// What begins and ends a quotation in which a backslash takes the next character's meaning away.
    pub(crate) quotes: &'static [char],
    /// What begins and ends a quotation in which nothing has a meaning.
    pub(crate) raw_quotes: &'static [char],
    /// What begins a comment up to the end of the line.
    pub(crate) comment: Option<char>,
    /// Where a variable would be filled in, for whoever wrote one between quotes.
    pub(crate) example: &'static str,
}

/// What is wrong, and what to write instead.
pub(crate) type Wrong = (String, String);

/// Takes a query apart at its variables, and leaves out its comments. Quoted text stays as it is: a
/// `$` in it ends a regular expression.
///
/// # Errors
///
/// What is wrong, where a variable stands between quotes.
pub(crate) fn pieces<'a>(text: &'a str, grammar: &Grammar) -> Result<Vec<Piece<'a>>, Wrong> {
    let mut pieces = Vec::new();
    let (mut start, mut at) = (0, 0);
    while let Some(next) = text[at..].chars().next() {
        let rest = &text[at..];
        let is_raw = grammar.raw_quotes.contains(&next);
        if is_raw || grammar.quotes.contains(&next) {
            let length = quoted_length(rest, next, is_raw);
            variable_in_quotes(&rest[..length], grammar)?;
            at += length;
        } else if grammar.comment == Some(next) {
            pieces.push(Piece::Text(&text[start..at]));
            at += rest.find('\n').unwrap_or(rest.len());
            start = at;
        } else if next == '$' {
            let (name, length) = variable_name(&rest[1..]);
            pieces.push(Piece::Text(&text[start..at]));
            pieces.push(Piece::Variable(name));
            at += 1 + length;
            start = at;
        } else {
            at += next.len_utf8();
        }
    }
    pieces.push(Piece::Text(&text[start..]));
    Ok(pieces)
}

/// Fills in what `value` says of each variable.
///
/// # Errors
///
/// What is wrong, where a variable stands between quotes or has no value.
pub(crate) fn filled(
    text: &str,
    grammar: &Grammar,
    value: impl Fn(&str) -> Result<String, Wrong>,
) -> Result<String, Wrong> {
    let mut filled = String::new();
    for piece in pieces(text, grammar)? {
        match piece {
            Piece::Text(text) => filled.push_str(text),
            Piece::Variable(name) => filled.push_str(&value(name)?),
        }
    }
    Ok(filled)
}

/// Returns a query without what stands between quotes, each quotation a space.
pub(crate) fn outside_quotes(text: &str, grammar: &Grammar) -> String {
    let (mut outside, mut at) = (String::new(), 0);
    while let Some(next) = text[at..].chars().next() {
        let is_raw = grammar.raw_quotes.contains(&next);
        if is_raw || grammar.quotes.contains(&next) {
            at += quoted_length(&text[at..], next, is_raw);
            outside.push(' ');
        } else {
            outside.push(next);
            at += next.len_utf8();
        }
    }
    outside
}

/// Says that nobody fills in a variable.
///
/// * `known`: which there are, and what they stand for.
pub(crate) fn unknown(name: &str, known: &str) -> Wrong {
    (
        format!("`${}` stands for nothing", shown(name, 40)),
        format!(
            "serin fills in {known}; write what Grafana's `$__rate_interval` would be as a duration"
        ),
    )
}

/// Returns how many bytes a quoted text takes, its quotes among them.
fn quoted_length(text: &str, quote: char, is_raw: bool) -> usize {
    let mut escaped = false;
    for (index, character) in text.char_indices().skip(1) {
        if escaped {
            escaped = false;
        } else if character == '\\' && !is_raw {
            escaped = true;
        } else if character == quote {
            return index + quote.len_utf8();
        }
    }
    text.len()
}

/// Returns the name behind a `$`, with or without braces, and how many bytes it takes.
fn variable_name(text: &str) -> (&str, usize) {
    if let Some((name, _)) = text.strip_prefix('{').and_then(|rest| rest.split_once('}')) {
        return (name, name.len() + 2);
    }
    let is_part = |character: char| character.is_ascii_alphanumeric() || character == '_';
    let length = text.find(|character| !is_part(character)).unwrap_or(text.len());
    (&text[..length], length)
}

/// A `$` before a letter or a brace is a variable that nobody fills in: a regular expression that
/// goes on after its end matches nothing.
fn variable_in_quotes(text: &str, grammar: &Grammar) -> Result<(), Wrong> {
    let after = text.match_indices('$').map(|(at, _)| &text[at + 1..]);
    let found = after
        .map(|after| variable_name(after).0)
        .find(|name| name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_'));
    found.map_or(Ok(()), |name| {
        Err((
            format!("`${}` stands between quotes, where nothing is filled in", shown(name, 40)),
            grammar.example.to_owned(),
        ))
    })
}
