//! A canary as a drawing: the one place that knows how an analysis is built.
//!
//! ```text
//! errors ratio critical group=web
//!   control 1/100 0/100 _ 2/100
//!   canary  9/100 8/100 7/100 3*9/100
//! ```
//!
//! A line that begins with an arm is a replica; each word on it is a point, a minute after the last
//! one. `_` is a gap, `.` a point that never came, `3*9` the value 9 three times. Every other line
//! begins a metric, a gauge in the group `all` unless it says otherwise.

#![allow(dead_code, reason = "each test file uses its own part")]

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use serin_judge::{Judged, kayenta};
use serin_model::{
    Analysis, Arm, Arms, Bound, BucketBounds, Check, Count, EffectSizeMeasure, EffectSizeOptions,
    Guardrail, KayentaOptions, Margins, Measure, MeasureKind, MetricSeries, NanStrategy,
    Observations, Outliers, Point, Query, Ratio, Replica, Timestamp, Verdict, WarningCode, Worse,
};

/// An analysis, and what was seen.
pub(crate) struct Canary {
    pub(crate) analysis: Analysis,
    pub(crate) series: Vec<MetricSeries>,
}

impl Canary {
    pub(crate) fn drawn(text: &str) -> Self {
        Self::drawn_at(text, 0)
    }

    /// The same, with the first point in another minute.
    pub(crate) fn drawn_at(text: &str, minute: i64) -> Self {
        let mut metrics: Vec<(Check, MetricSeries)> = Vec::new();
        let mut bounds = None;
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            let (first, words) = line.trim().split_once(' ').unwrap_or((line.trim(), ""));
            if first != "control" && first != "canary" {
                bounds = option(words, "bounds").map(bucket_bounds);
                metrics.push(metric(first, words));
                continue;
            }
            let (check, series) = metrics.last_mut().expect("a metric before its arms");
            let kind = check.measure.kind();
            let arm =
                if first == "control" { &mut series.arms.control } else { &mut series.arms.canary };
            let name = format!("{first}-{}", arm.replicas.len());
            let observations = observations(kind, bounds.clone(), &points(words, minute));
            arm.replicas.push(Replica { name, observations });
        }
        let (checks, series) = metrics.into_iter().unzip();
        Self {
            analysis: Analysis::new("shop".to_owned(), Arms::default(), checks).unwrap(),
            series,
        }
    }

    /// One gauge, or what the words after its name make of it.
    pub(crate) fn of(header: &str, control: &[f64], canary: &[f64]) -> Self {
        let mut drawn = Self::drawn(header);
        let series = &mut drawn.series[0];
        series.arms.control = arm_of(control);
        series.arms.canary = arm_of(canary);
        drawn
    }

    /// A further answer to the last check, told apart by a label.
    pub(crate) fn and_pair(mut self, label: (&str, &str), control: &[f64], canary: &[f64]) -> Self {
        let mut further = self.series.last().unwrap().clone();
        further.labels = BTreeMap::from([(label.0.to_owned(), label.1.to_owned())]);
        further.arms.control = arm_of(control);
        further.arms.canary = arm_of(canary);
        self.series.retain(|series| !series.labels.is_empty());
        self.series.push(further);
        self
    }

    pub(crate) fn judged(&self) -> Judged {
        kayenta::judge(&self.analysis, &self.series)
    }

    pub(crate) fn verdict(&self) -> Verdict {
        self.judged().verdict
    }
}

/// The outcome and the sentence, as people see them first.
pub(crate) fn sentence(drawing: &str) -> String {
    let verdict = Canary::drawn(drawing).verdict();
    format!("{}: {}", verdict.outcome, verdict.reason)
}

pub(crate) fn codes(verdict: &Verdict) -> Vec<WarningCode> {
    verdict.warnings.iter().map(|warning| warning.code).collect()
}

fn metric(name: &str, words: &str) -> (Check, MetricSeries) {
    let kind = kind_of(words);
    let number = |key: &str| option(words, key).map(|value| value.parse::<f64>().unwrap());
    let bound = number("above").map(Bound::Above).or(number("below").map(Bound::Below));
    let check = Check {
        name: name.to_owned(),
        measure: measure(kind),
        worse: worse(words, kind),
        margins: Margins::new(kind, number("tolerance"), None, None, None).unwrap(),
        gating: false,
        critical: has(words, "critical"),
        muted: has(words, "muted"),
        groups: groups(words),
        guardrail: bound.map(|bound| Guardrail {
            bound,
            consecutive: NonZeroU32::new(number("consecutive").unwrap_or(3.0) as u32).unwrap(),
            minimum_events: number("minimum_events").unwrap_or(0.0) as u32,
        }),
        minimum_points: number("minimum_points").and_then(|number| NonZeroU32::new(number as u32)),
        owner: None,
        kayenta: kayenta_options(words),
    };
    (check, MetricSeries::nothing(name))
}

fn kind_of(words: &str) -> MeasureKind {
    let kinds =
        [MeasureKind::Ratio, MeasureKind::Histogram, MeasureKind::Count, MeasureKind::Quantile];
    kinds.into_iter().find(|kind| has(words, kind.as_str())).unwrap_or(MeasureKind::Gauge)
}

fn measure(kind: MeasureKind) -> Measure {
    let query = || Query::new("a query").unwrap();
    match kind {
        MeasureKind::Ratio => Measure::Ratio { bad: query(), total: query() },
        MeasureKind::Histogram => Measure::Histogram { buckets: query() },
        MeasureKind::Count => Measure::Count { events: query(), exposure: None },
        MeasureKind::Gauge => Measure::Gauge { value: query() },
        MeasureKind::Quantile => Measure::Quantile { value: query() },
    }
}

fn worse(words: &str, kind: MeasureKind) -> Worse {
    match option(words, "worse") {
        Some("higher") => Worse::Higher,
        Some("lower") => Worse::Lower,
        Some(_) => Worse::Either,
        None => Worse::of_kind(kind),
    }
}

fn groups(words: &str) -> Vec<String> {
    let listed = option(words, "group").unwrap_or("all");
    listed.split(',').filter(|&group| group != "none").map(str::to_owned).collect()
}

fn kayenta_options(words: &str) -> KayentaOptions {
    let number = |key: &str| option(words, key).map(|value| value.parse::<f64>().unwrap());
    let measure = match option(words, "effect_size") {
        Some("cles") => EffectSizeMeasure::CommonLanguage,
        _ => EffectSizeMeasure::MeanRatio,
    };
    let none = EffectSizeOptions::without_margin(measure);
    KayentaOptions {
        nan_strategy: if has(words, "replace") {
            NanStrategy::Replace
        } else {
            NanStrategy::Remove
        },
        outliers: number("outliers").map_or(Outliers::Keep, |factor| Outliers::Remove { factor }),
        must_have_data: has(words, "must_have_data"),
        effect_size: EffectSizeOptions {
            allowed_increase: number("allowed_increase").unwrap_or(none.allowed_increase),
            allowed_decrease: number("allowed_decrease").unwrap_or(none.allowed_decrease),
            ..none
        },
    }
}

fn has(words: &str, wanted: &str) -> bool {
    words.split_whitespace().any(|word| word == wanted)
}

fn option<'a>(words: &'a str, key: &str) -> Option<&'a str> {
    words.split_whitespace().find_map(|word| word.strip_prefix(key)?.strip_prefix('='))
}

fn bucket_bounds(list: &str) -> BucketBounds {
    BucketBounds::new(list.split(',').map(|bound| bound.parse().unwrap()).collect()).unwrap()
}

/// Returns each point's minute and word.
fn points(words: &str, first: i64) -> Vec<(i64, &str)> {
    let repeated = words.split_whitespace().flat_map(|word| match word.split_once('*') {
        Some((times, word)) => vec![word; times.parse().unwrap()],
        None => vec![word],
    });
    (first..).zip(repeated).filter(|&(_, word)| word != ".").collect()
}

fn observations(
    kind: MeasureKind,
    bounds: Option<BucketBounds>,
    points: &[(i64, &str)],
) -> Observations {
    match kind {
        MeasureKind::Ratio => Observations::Ratio(read(points, |word| {
            let (bad, total) = fraction(word);
            Ratio { bad, total }
        })),
        MeasureKind::Count => Observations::Count(read(points, |word| {
            let (events, exposure) = fraction(word);
            Count { events, exposure }
        })),
        MeasureKind::Histogram => Observations::Histogram {
            bounds: bounds.expect("the bounds of a histogram"),
            points: read(points, |word| word.split(',').map(number).collect()),
        },
        MeasureKind::Gauge | MeasureKind::Quantile => Observations::Value(read(points, number)),
    }
}

fn read<T>(points: &[(i64, &str)], value: impl Fn(&str) -> T) -> Vec<Point<T>> {
    points.iter().map(|&(minute, word)| Point { time: at(minute), value: value(word) }).collect()
}

fn fraction(word: &str) -> (f64, f64) {
    match word.split_once('/') {
        Some((above, below)) => (number(above), number(below)),
        None if word == "_" => (0.0, 0.0),
        None => (number(word), 1.0),
    }
}

fn number(word: &str) -> f64 {
    if word == "_" { f64::NAN } else { word.parse().unwrap() }
}

fn arm_of(values: &[f64]) -> Arm {
    let points = (0..).zip(values).map(|(minute, &value)| Point { time: at(minute), value });
    let observations = Observations::Value(points.collect());
    Arm { replicas: vec![Replica { name: String::new(), observations }] }
}

pub(crate) fn at(minute: i64) -> Timestamp {
    Timestamp::from_seconds(60 * minute)
}
