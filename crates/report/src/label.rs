//! Names and sentences that somebody else wrote, made safe to show.

use serin_model::JudgedMetric;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Returns `text` on one line, with nothing in it that could steer a terminal or turn the reading
/// direction: each such character becomes `�`, and a line break becomes a space.
pub(crate) fn one_line(text: &str) -> String {
    text.chars().map(|letter| if letter == '\n' { ' ' } else { shown(letter) }).collect()
}

/// Returns `text` with its line breaks and tabs, and otherwise as [`one_line`] would.
pub(crate) fn lines(text: &str) -> String {
    let kept = |letter| matches!(letter, '\n' | '\t');
    text.chars().map(|letter| if kept(letter) { letter } else { shown(letter) }).collect()
}

fn shown(letter: char) -> char {
    let steers = letter.is_control()
        || matches!(letter, '\u{200e}' | '\u{200f}' | '\u{061c}')
        || ('\u{2028}'..='\u{202e}').contains(&letter)
        || ('\u{2066}'..='\u{2069}').contains(&letter);
    if steers { '\u{fffd}' } else { letter }
}

/// Returns a metric's name with the labels that tell it from others of that name.
pub(crate) fn name(metric: &JudgedMetric) -> String {
    let labels: Vec<String> =
        metric.labels.iter().map(|(label, value)| format!("{label}={value}")).collect();
    if labels.is_empty() {
        one_line(&metric.name)
    } else {
        one_line(&format!("{} ({})", metric.name, labels.join(", ")))
    }
}

/// Returns the start of `text` that fits into `columns` of a terminal, with `…` where it was cut.
pub(crate) fn shortened(text: &str, columns: usize) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let mut left = columns.saturating_sub(1);
    let fits = |letter: &char| {
        let width = letter.width().unwrap_or(0);
        let fits = width <= left;
        left = left.saturating_sub(width);
        fits
    };
    let start: String = text.chars().take_while(fits).collect();
    format!("{}…", start.trim_end())
}

/// Breaks `text` between words into lines of at most `columns`; a longer word keeps a line of its own,
/// and a number keeps its sign.
///
/// Returns no line for blank text.
pub(crate) fn wrapped(text: &str, columns: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in words(text) {
        match lines.last_mut() {
            Some(line) if line.width() + 1 + word.width() <= columns => {
                line.push(' ');
                line.push_str(&word);
            }
            _ => lines.push(word),
        }
    }
    lines
}

fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match words.last_mut() {
            Some(last) if word.starts_with('%') || last.ends_with('×') || is_times(last, word) => {
                last.push(' ');
                last.push_str(word);
            }
            _ => words.push(word.to_owned()),
        }
    }
    words
}

/// Returns whether `word` is the sign of a multiple such as `1.25 ×`.
fn is_times(before: &str, word: &str) -> bool {
    word.starts_with('×') && before.ends_with(|letter: char| letter.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::{lines, one_line, shortened, wrapped};

    #[test]
    fn nothing_steers() {
        assert_eq!(one_line("a\u{1b}[2Jb\nc\td\u{202e}e\u{2028}f"), "a�[2Jb c�d�e�f");
        assert_eq!(lines("a\n\tb\r"), "a\n\tb�");
    }

    #[test]
    fn long_names_are_cut_by_their_width() {
        assert_eq!(shortened("latency", 7), "latency");
        assert_eq!(shortened("latency p99", 9), "latency…");
        assert_eq!(shortened("日本語の名前", 7), "日本語…");
        assert_eq!(shortened("name", 0), "…");
    }

    #[test]
    fn lines_break_between_words_and_not_before_a_sign() {
        assert_eq!(wrapped("limit of 1.00 % is × 3", 13), ["limit of", "1.00 % is × 3"]);
        assert_eq!(wrapped("incomprehensible it is", 5), ["incomprehensible", "it is"]);
        assert_eq!(wrapped("at most 1.25 ×)", 12), ["at most", "1.25 ×)"]);
        assert!(wrapped(" \n ", 10).is_empty());
    }
}
