//! How often a judge was right, by data set.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use serin_model::{Classification, Outcome};
use serin_stats::{quantile, wilson_interval};

use super::case::JudgedCase;
use super::line::Label;
use super::pair::JudgedPair;

/// What a judge said of many labelled cases. Grows with the number of data sets and of caught cases,
/// not with the size of the cases.
#[derive(Debug, Default)]
pub struct Tally {
    datasets: BTreeMap<(String, String), DatasetTally>,
    pairs: BTreeMap<Classification, u64>,
}

#[derive(Debug, Default)]
struct DatasetTally {
    cases: u64,
    bad: Share,
    good: Share,
    passed: u64,
    inconclusive: u64,
    delays: Vec<f64>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Share {
    blamed: u64,
    all: u64,
}

/// What is counted of a judged case.
#[derive(Debug, Deserialize)]
struct Told<'a> {
    judge: Cow<'a, str>,
    #[serde(default)]
    dataset: Value,
    label: Option<Label>,
    verdict: Outcome,
    decided_after_s: Option<f64>,
}

/// A line of answers.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum ToldLine<'a> {
    Case(Told<'a>),
    Pair { classification: Classification },
}

impl Tally {
    pub(super) fn add_case(&mut self, case: &JudgedCase) {
        self.add(&Told {
            judge: Cow::Borrowed(case.judge),
            dataset: case.dataset.clone(),
            label: case.label,
            verdict: case.verdict,
            decided_after_s: case.decided_after_s,
        });
    }

    /// Adds what another serin said of cases: the lines that [`bench_text`](super::bench_text) returns.
    ///
    /// # Errors
    ///
    /// What is wrong with a line that is none of those; the lines before it are added.
    pub fn add_lines(&mut self, lines: &[u8]) -> Result<(), serde_json::Error> {
        for line in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            match serde_json::from_slice(line)? {
                ToldLine::Case(case) => self.add(&case),
                ToldLine::Pair { classification } => self.add_classification(classification),
            }
        }
        Ok(())
    }

    fn add(&mut self, case: &Told<'_>) {
        let name = case.dataset.as_str().unwrap_or("(no dataset)");
        let key = (name.to_owned(), case.judge.clone().into_owned());
        let tally = self.datasets.entry(key).or_default();
        // Kayenta's users act on everything below its pass threshold.
        let blamed = match &*case.judge {
            "kayenta" => case.verdict != Outcome::Pass,
            _ => case.verdict == Outcome::Fail,
        };
        tally.cases += 1;
        tally.passed += u64::from(case.verdict == Outcome::Pass);
        tally.inconclusive += u64::from(case.verdict == Outcome::Inconclusive);
        let share = match case.label {
            Some(Label::Bad) => &mut tally.bad,
            Some(Label::Good) => &mut tally.good,
            None => return,
        };
        share.all += 1;
        share.blamed += u64::from(blamed);
        if case.label == Some(Label::Bad) && blamed {
            tally.delays.extend(case.decided_after_s);
        }
    }

    pub(super) fn add_pair(&mut self, pair: &JudgedPair) {
        self.add_classification(pair.classification);
    }

    fn add_classification(&mut self, classification: Classification) {
        *self.pairs.entry(classification).or_insert(0) += 1;
    }

    /// Returns how many cases and pairs were judged.
    #[must_use]
    pub fn judged(&self) -> u64 {
        let cases: u64 = self.datasets.values().map(|tally| tally.cases).sum();
        cases + self.pairs.values().sum::<u64>()
    }

    /// Returns the headings of [`Self::rows`].
    #[must_use]
    pub fn headings() -> [&'static str; 8] {
        [
            "dataset",
            "judge",
            "cases",
            "bad caught",
            "good blamed",
            "passed",
            "inconclusive",
            "delay: median, p90",
        ]
    }

    /// Returns a row for each data set: shares with their 95 % Wilson intervals, delays in seconds
    /// after the start. A case is caught or blamed when it fails, and with Kayenta whenever its score is
    /// below the pass threshold.
    #[must_use]
    pub fn rows(&self) -> Vec<[String; 8]> {
        let row = |((name, judge), tally): (&(String, String), &DatasetTally)| {
            [
                name.clone(),
                judge.clone(),
                tally.cases.to_string(),
                in_words(tally.bad),
                in_words(tally.good),
                tally.passed.to_string(),
                tally.inconclusive.to_string(),
                delays(&tally.delays),
            ]
        };
        self.datasets.iter().map(row).collect()
    }

    /// Returns how many pairs had each classification.
    #[must_use]
    pub fn pairs(&self) -> &BTreeMap<Classification, u64> {
        &self.pairs
    }
}

fn in_words(share: Share) -> String {
    match wilson_interval(share.blamed, share.all, 0.95) {
        Ok((lower, upper)) => format!(
            "{} of {}: {:.0} % ({:.0}–{:.0})",
            share.blamed,
            share.all,
            100.0 * share.blamed as f64 / share.all as f64,
            100.0 * lower,
            100.0 * upper
        ),
        Err(_) => "–".to_owned(),
    }
}

fn delays(delays: &[f64]) -> String {
    match (quantile(delays, 0.5), quantile(delays, 0.9)) {
        (Some(median), Some(high)) => format!("{median:.0} s, {high:.0} s"),
        _ => "–".to_owned(),
    }
}
