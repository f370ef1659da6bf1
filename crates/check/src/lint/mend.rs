//! Queries written anew into the text of a Check file, every other byte as it was.

use std::collections::BTreeSet;
use std::ops::Range;

use serin_model::{Analysis, Check, Edit, Finding, Measure, Query};

use super::places::Places;
use crate::read::read;

/// A text with queries written anew.
#[derive(Clone, Debug, PartialEq)]
pub struct Mended {
    /// The whole text.
    pub text: String,
    /// How many findings it mends.
    pub count: usize,
}

/// Writes the safe mends of findings into the text of a Check file.
///
/// Whatever is written is read again, and stands only where the analysis is the same but for the
/// queries that were to change: an anchor that others share, or a scalar that cannot be told from what is
/// around it, is left alone. Of two mends of one query the first is written.
///
/// * `text`: the text that the findings are about.
#[must_use]
pub fn mend(text: &str, findings: &[Finding]) -> Mended {
    let mut mended = Mended { text: text.to_owned(), count: 0 };
    let mut touched: BTreeSet<(String, String)> = BTreeSet::new();
    for finding in findings {
        let Some(mend) = finding.mend.as_ref().filter(|mend| mend.safe) else { continue };
        let key = |edit: &Edit| (edit.check.clone(), edit.key.clone());
        if mend.edits.is_empty() || mend.edits.iter().any(|edit| touched.contains(&key(edit))) {
            continue;
        }
        if let Some(text) = with_edits(&mended.text, &mend.edits) {
            mended.text = text;
            mended.count += 1;
            touched.extend(mend.edits.iter().map(key));
        }
    }
    mended
}

/// Returns the text with all edits, or nothing where one of them cannot be written.
fn with_edits(text: &str, edits: &[Edit]) -> Option<String> {
    let before = read("", text).ok()?;
    let wanted = with_queries(&before.analysis, edits)?;
    let mut text = text.to_owned();
    for edit in edits {
        let bytes = Places::of("", &text).ok()?.bytes(&edit.check, &edit.key)?;
        let bytes = with_header(&text, bytes);
        let stands = text.get(bytes.clone())?;
        let forms = [like(stands, &edit.query), single_quoted(&edit.query)];
        // A form is right if it reads as the query, with nothing around it changed.
        text = forms.into_iter().flatten().find_map(|form| {
            let written = replaced(&text, &bytes, &form);
            let read = read("", &written).ok()?;
            (query_of(&read.analysis, edit)? == edit.query).then_some(written)
        })?;
    }
    let after = read("", &text).ok()?;
    (after.analysis == wanted && after.source == before.source).then_some(text)
}

/// A scalar of several lines begins with its sign, such as `>-`, on the line before; the line break behind
/// it is not part of what it says.
fn with_header(text: &str, bytes: Range<usize>) -> Range<usize> {
    let Some(before) = text.get(..bytes.start) else { return bytes };
    let Some(value) = text.get(bytes.clone()) else { return bytes };
    let header = before.trim_end();
    let sign = header.trim_end_matches(|it: char| it.is_ascii_digit() || matches!(it, '+' | '-'));
    let is_header = before[header.len()..].contains('\n') && sign.ends_with(['|', '>']);
    if is_header { sign.len() - 1..bytes.start + value.trim_end().len() } else { bytes }
}

fn replaced(text: &str, bytes: &Range<usize>, form: &str) -> String {
    format!("{}{form}{}", &text[..bytes.start], &text[bytes.end..])
}

/// Writes a query as the scalar was written that it replaces, where that is on one line.
fn like(stands: &str, query: &str) -> Option<String> {
    match stands.chars().next()? {
        '\'' => single_quoted(query),
        '"' => Some(format!("\"{}\"", query.replace('\\', "\\\\").replace('"', "\\\""))),
        '|' | '>' => None,
        _ => Some(query.to_owned()),
    }
}

fn single_quoted(query: &str) -> Option<String> {
    (!query.contains('\n')).then(|| format!("'{}'", query.replace('\'', "''")))
}

fn query_of(analysis: &Analysis, edit: &Edit) -> Option<String> {
    let check = analysis.checks().iter().find(|check| check.name == edit.check)?;
    let queries = check.measure.queries().into_iter();
    queries.filter(|(key, _)| *key == edit.key).map(|(_, query)| query.as_str().to_owned()).next()
}

/// Returns the analysis with other queries and nothing else changed.
fn with_queries(analysis: &Analysis, edits: &[Edit]) -> Option<Analysis> {
    let checks: Option<Vec<Check>> = analysis
        .checks()
        .iter()
        .map(|check| {
            let mut of_check = edits.iter().filter(|edit| edit.check == check.name);
            of_check.try_fold(check.clone(), |mut check, edit| {
                *query_at(&mut check.measure, &edit.key)? = Query::new(&edit.query)?;
                Some(check)
            })
        })
        .collect();
    analysis.with_checks(checks?).ok()
}

fn query_at<'a>(measure: &'a mut Measure, key: &str) -> Option<&'a mut Query> {
    match (measure, key) {
        (Measure::Ratio { bad, .. }, "ratio.bad") => Some(bad),
        (Measure::Ratio { total, .. }, "ratio.total") => Some(total),
        (Measure::Histogram { buckets }, "histogram") => Some(buckets),
        (Measure::Count { events, .. }, "count.events") => Some(events),
        (Measure::Count { exposure, .. }, "count.exposure") => exposure.as_mut(),
        (Measure::Gauge { value }, "gauge") | (Measure::Quantile { value }, "quantile") => {
            Some(value)
        }
        (_, _) => None,
    }
}
