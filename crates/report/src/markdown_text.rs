//! Text from files in Markdown, where nothing of it can become markup.

use crate::label;

/// Returns `text` as a code span of at most about `columns` columns, which may stand in a table's cell.
///
/// In code no Markdown is read, no address becomes a link and nobody is mentioned. Blank text is `–`:
/// there is no empty code span.
pub(crate) fn code(text: &str, columns: usize) -> String {
    let text = label::shortened(label::one_line(text).trim(), columns);
    if text.is_empty() {
        return "–".to_owned();
    }
    let fence = "`".repeat(1 + longest_run(&text, '`'));
    // One space on either side belongs to the fence, where the text itself touches it.
    let pad = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{fence}{pad}{}{pad}{fence}", with_escaped_pipes(&text))
}

fn longest_run(text: &str, letter: char) -> usize {
    text.split(|other| other != letter).map(str::len).max().unwrap_or(0)
}

/// A pipe ends a cell, even in code, unless an odd number of backslashes stands before it; the last of
/// them is not shown.
fn with_escaped_pipes(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    let mut backslashes = 0;
    for letter in text.chars() {
        if letter == '|' && backslashes % 2 == 0 {
            escaped.push('\\');
        }
        backslashes = if letter == '\\' { backslashes + 1 } else { 0 };
        escaped.push(letter);
    }
    escaped
}

/// Stands between two characters that must not be taken together, and takes no room.
const WORD_JOINER: char = '\u{2060}';

/// Returns `text` as a sentence of about at most `columns` columns, for the middle of a line.
///
/// Markup is escaped. What a forge looks for once the markup is gone (`@somebody`, `#1`, addresses) is
/// broken by an invisible word joiner, since no escape helps there.
pub(crate) fn sentence(text: &str, columns: usize) -> String {
    let text = label::shortened(label::one_line(text).trim(), columns);
    let mut escaped = String::with_capacity(text.len());
    for (at, letter) in text.char_indices() {
        if r"\`*_{}[]<>#!|~&$@^".contains(letter) {
            escaped.push('\\');
        }
        escaped.push(letter);
        if is_sought(&text[at..]) || ends_with_www(&text[..at + letter.len_utf8()]) {
            escaped.push(WORD_JOINER);
        }
    }
    escaped
}

/// Returns whether `rest` begins with a sign that refers to a person, an issue, a label and their
/// like, or with the colon of an address.
fn is_sought(rest: &str) -> bool {
    let mut letters = rest.chars();
    let sign = letters.next();
    let next = letters.next().is_some_and(|next| next.is_alphanumeric() || "\"[_-".contains(next));
    match sign {
        Some('@' | '#' | '!' | '~' | '%' | '&' | '$' | '^') => next,
        Some(':') => rest.starts_with("://"),
        Some(_) | None => false,
    }
}

fn ends_with_www(text: &str) -> bool {
    text.len() >= 3 && text.as_bytes()[text.len() - 3..].eq_ignore_ascii_case(b"www")
}

#[cfg(test)]
mod tests {
    use super::{code, sentence};

    #[test]
    fn code_stays_code() {
        for (text, written) in [
            ("errors", "`errors`"),
            ("", "–"),
            (" \n", "–"),
            ("a|b", "`a\\|b`"),
            ("a\\|b", "`a\\|b`"),
            ("a\\\\|b", "`a\\\\\\|b`"),
            ("`", "`` ` ``"),
            ("a``b`", "``` a``b` ```"),
            ("@team <b>", "`@team <b>`"),
        ] {
            assert_eq!(code(text, 60), written, "{text}");
        }
    }

    #[test]
    fn sentences_hold_no_markup() {
        for (text, written) in [
            (
                "errors is above its limit of 2.00 %, at worst 8.85 %",
                "errors is above its limit of 2.00 %, at worst 8.85 %",
            ),
            ("**b** _i_ `c` [l](u) ![p](u) <i> | ~s~", r"\*\*b\*\* \_i\_ \`c\` \[l\](u) \!"),
            ("@team", "\\@\u{2060}team"),
            ("#12 and owner/name#12", "\\#\u{2060}12 and owner/name\\#\u{2060}12"),
            ("see https://a.example", "see https:\u{2060}//a.example"),
            ("see www.a.example", "see www\u{2060}.a.example"),
            ("&lt;", "\\&\u{2060}lt;"),
        ] {
            assert!(sentence(text, 200).starts_with(written), "{}", sentence(text, 200));
        }
        assert_eq!(sentence("[a](b)", 200), "\\[a\\](b)");
    }
}
