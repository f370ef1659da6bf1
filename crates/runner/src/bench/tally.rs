//! How often a judge was right, by data set.

use std::collections::BTreeMap;

use serin_model::{Classification, Outcome};
use serin_stats::{quantile, wilson_interval};

use super::case::JudgedCase;
use super::line::Label;
use super::pair::JudgedPair;

/// What a judge said of many labelled cases. Grows with the number of data sets and of caught cases,
/// not with the size of the cases.
#[derive(Debug, Default)]
pub struct Tally {
    datasets: BTreeMap<(String, &'static str), DatasetTally>,
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

impl Tally {
    pub(super) fn add_case(&mut self, case: &JudgedCase) {
        let name = case.dataset.as_str().unwrap_or("(no dataset)");
        let tally = self.datasets.entry((name.to_owned(), case.judge)).or_default();
        // Kayenta's users act on everything below its pass threshold.
        let blamed = match case.judge {
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
        *self.pairs.entry(pair.classification).or_insert(0) += 1;
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
        let row = |((name, judge), tally): (&(String, &str), &DatasetTally)| {
            [
                name.clone(),
                (*judge).to_owned(),
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
