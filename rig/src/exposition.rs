//! Prometheus text exposition format, as far as a replica speaks it.
//!
//! <https://prometheus.io/docs/instrumenting/exposition_formats/>

use std::collections::BTreeMap;

use anyhow::{Context, bail};

/// One value of one series.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Name of the metric, with its `_bucket` or `_total`.
    pub name: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// The value, in the metric's own unit.
    pub value: f64,
}

/// Reads every sample of an exposition; comments and time stamps are skipped.
///
/// # Errors
///
/// When a line is neither a comment nor a sample; the line is in the message.
pub fn parse(text: &str) -> anyhow::Result<Vec<Sample>> {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| parse_sample(line).with_context(|| format!("not a sample: `{line}`")))
        .collect()
}

fn parse_sample(line: &str) -> anyhow::Result<Sample> {
    let name_end = line.find(['{', ' ', '\t']).context("a name without a value")?;
    let (name, rest) = line.split_at(name_end);
    let (labels, rest) = match rest.strip_prefix('{') {
        Some(labels) => parse_labels(labels)?,
        None => (BTreeMap::new(), rest),
    };
    let value = rest.split_whitespace().next().context("no value")?;
    let value = value.parse().with_context(|| format!("`{value}` is not a number"))?;
    Ok(Sample { name: name.to_owned(), labels, value })
}

/// Reads labels up to the closing brace; returns them and what follows it.
fn parse_labels(text: &str) -> anyhow::Result<(BTreeMap<String, String>, &str)> {
    let mut labels = BTreeMap::new();
    let mut rest = text.trim_start();
    loop {
        if let Some(after) = rest.strip_prefix('}') {
            return Ok((labels, after));
        }
        let (name, quoted) = rest.split_once("=\"").context("a label without a value")?;
        let (value, after) = unquote(quoted)?;
        labels.insert(name.trim().to_owned(), value);
        rest = after.trim_start();
        rest = rest.strip_prefix(',').unwrap_or(rest).trim_start();
    }
}

/// Reads a label's value up to its closing quote; returns what follows too.
fn unquote(text: &str) -> anyhow::Result<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Ok((value, &text[at + 1..])),
            '\\' => match characters.next() {
                Some((_, 'n')) => value.push('\n'),
                Some((_, escaped)) => value.push(escaped),
                None => break,
            },
            plain => value.push(plain),
        }
    }
    bail!("a quote that is not closed")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(name: &str, labels: &[(&str, &str)], value: f64) -> Sample {
        let labels = labels.iter().map(|&(name, value)| (name.to_owned(), value.to_owned()));
        Sample { name: name.to_owned(), labels: labels.collect(), value }
    }

    #[test]
    fn samples_come_in_the_order_of_the_text() {
        let text = "\
# HELP up Whether it is.
# TYPE up gauge
up 1
http_requests_total{code=\"500\"} 12

latency_bucket{code=\"200\", le=\"+Inf\",} 1.5e3 1764000000000
";
        assert_eq!(
            parse(text).unwrap(),
            [
                sample("up", &[], 1.0),
                sample("http_requests_total", &[("code", "500")], 12.0),
                sample("latency_bucket", &[("code", "200"), ("le", "+Inf")], 1500.0),
            ]
        );
    }

    #[test]
    fn values_may_hold_what_the_syntax_uses() {
        assert_eq!(
            parse(r#"m{path="a, \"b\"} \\ {",q="=\"",n="x\ny"} 2"#).unwrap(),
            [sample("m", &[("path", r#"a, "b"} \ {"#), ("q", "=\""), ("n", "x\ny")], 2.0)]
        );
    }

    #[test]
    fn numbers_that_are_not_finite_are_read() {
        let samples = parse("a +Inf\nb -Inf\nc NaN\n").unwrap();
        assert_eq!(samples[0].value, f64::INFINITY);
        assert_eq!(samples[1].value, f64::NEG_INFINITY);
        assert!(samples[2].value.is_nan());
    }

    #[test]
    fn a_bad_line_is_shown() {
        for (line, message) in [
            ("up", "not a sample: `up`: a name without a value"),
            ("up one", "not a sample: `up one`: `one` is not a number"),
            ("up{a=\"b} 1", "not a sample: `up{a=\"b} 1`: a quote that is not closed"),
            ("up{a} 1", "not a sample: `up{a} 1`: a label without a value"),
        ] {
            let error = parse(line).unwrap_err();
            let chain: Vec<_> = error.chain().take(2).map(ToString::to_string).collect();
            assert_eq!(chain.join(": "), message);
        }
    }
}
