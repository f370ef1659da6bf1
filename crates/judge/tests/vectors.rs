//! The figures that Kayenta's own tests pin, and the cases its users reported.
//!
//! They are not part of this repository: they are read from `../shared/kayenta/vectors.json`, and
//! where that is missing the test says so and passes.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap is a failed test")]

mod drawing;
mod kayenta_json;
mod seeded;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use drawing::Canary;
use kayenta_json::{number, numbers, options};
use seeded::Draws;
use serde_json::Value;
use serin_judge::kayenta::{
    ClassifiedPair, ScoredMetric, Strictness, classify, clean, judgement_windows,
    passes_thresholds, score, shift_interval,
};
use serin_model::{
    Classification, GroupWeights, JudgementRun, KayentaOptions, NanStrategy, Outcome, Outliers,
    Summary, Thresholds, Timestamp,
};
use serin_stats::{common_language_effect_size, mean_ratio, normal, quantile};

#[test]
fn every_case_of_the_reference_and_its_users() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/kayenta/vectors.json");
    let Ok(text) = std::fs::read_to_string(&path) else {
        println!("skipped: there is no {}", path.display());
        return;
    };
    let file: Value = serde_json::from_str(&text).unwrap();
    let mut ran: BTreeMap<&str, usize> = BTreeMap::new();
    for case in file["cases"].as_array().unwrap() {
        let kind = case["kind"].as_str().unwrap();
        if !SKIPPED.iter().any(|(skipped, _)| *skipped == kind) {
            run(kind, case);
            *ran.entry(kind).or_default() += 1;
        }
    }
    println!("ran {ran:?}; skipped {SKIPPED:?}");
    let expected = BTreeMap::from([
        ("aggregate", 5),
        ("classify", 34),
        ("effect-cles", 4),
        ("effect-meanRatio", 4),
        ("iqr", 4),
        ("mw", 4),
        ("mw-intermediate", 1),
        ("normalQuantile", 1),
        ("percentile-R7", 7),
        ("range-case", 3),
        ("removeNaN", 2),
        ("replaceNaN", 1),
        ("score", 13),
        ("summary", 3),
        ("user-wish", 5),
        ("windows", 5),
    ]);
    assert_eq!(ran, expected);
}

/// Kinds that are not run, each with the reason.
const SKIPPED: [(&str, &str); 4] = [
    ("mean-inequality", "a classifier that the judge does not use"),
    ("ksigma", "a detector of outliers that the judge does not use"),
    ("effect-cohenD", "an effect size that the judge does not offer"),
    ("wilcoxonDiff", "the statistic at one shift is private; `mw` and parity see it at every root"),
];

fn run(kind: &str, case: &Value) {
    match kind {
        "classify" => classified(case),
        "user-wish" => {
            let ours = against_oracle(case);
            assert_eq!(ours.classification.as_str(), case["observed"], "{}", case["source"]);
        }
        "score" => scored(case),
        "aggregate" => aggregated(case),
        "windows" => windows(case),
        "mw" => interval(case),
        "mw-intermediate" => intermediate(case),
        "effect-meanRatio" => {
            let (control, canary) = arms(case);
            close(case, "value", mean_ratio(&canary, &control).unwrap_or(f64::NAN));
        }
        "effect-cles" => {
            let (control, canary) = arms(case);
            close(case, "value", common_language_effect_size(&canary, &control).unwrap());
        }
        "percentile-R7" => {
            let probability = case["config"]["p"].as_f64().unwrap() / 100.0;
            close(case, "value", quantile(&numbers(&case["data"]), probability).unwrap());
        }
        "normalQuantile" => {
            close(case, "value", normal::quantile(case["config"]["p"].as_f64().unwrap()));
        }
        "iqr" => outliers(case),
        "summary" => summarised(case),
        "removeNaN" => without_nan(case, NanStrategy::Remove),
        "replaceNaN" => without_nan(case, NanStrategy::Replace),
        "range-case" => in_range(case),
        unknown => panic!("no test for cases of the kind {unknown}"),
    }
}

fn arms(case: &Value) -> (Vec<f64>, Vec<f64>) {
    (numbers(&case["control"]), numbers(&case["experiment"]))
}

/// Asserts a figure of `expected` to within the case's own tolerance.
fn close(case: &Value, name: &str, ours: f64) {
    let tolerance = case["tolerance"].as_f64().unwrap_or(1e-12);
    within(tolerance, case, &case["expected"][name], ours, name);
}

fn within(tolerance: f64, case: &Value, expected: &Value, ours: f64, name: &str) {
    let source = &case["source"];
    match number(expected) {
        Some(expected) => {
            assert!(
                (ours - expected).abs() <= tolerance,
                "{source} {name}: {ours}, not {expected}"
            );
        }
        None => assert!(ours.is_nan(), "{source} {name}: {ours}, not NaN"),
    }
}

fn classified(case: &Value) {
    let ours = against_oracle(case);
    let (expected, source) = (&case["expected"], &case["source"]);
    if let Some(classification) = expected["classification"].as_str() {
        assert_eq!(ours.classification.as_str(), classification, "{source}");
    }
    if let Some(critical) = expected["critical"].as_bool() {
        assert_eq!(ours.critical, critical, "{source}");
    }
    if !expected["deviation"].is_null() {
        close(case, "deviation", ours.deviation.unwrap_or(f64::NAN));
    }
}

/// Classifies as strictly as the case says, and compares with what the original answers.
fn against_oracle(case: &Value) -> ClassifiedPair {
    let (control, canary) = arms(case);
    let strictness = Strictness {
        confidence: case["config"]["confLevel"].as_f64().unwrap(),
        tolerance: case["config"]["tolerance"].as_f64().unwrap(),
    };
    let ours = classify(&control, &canary, &options(&case["config"]), strictness);
    let oracle = &case["oracle"];
    assert_eq!(ours.classification.as_str(), oracle["classification"], "{}", case["source"]);
    assert_eq!(ours.critical, oracle["critical"] == true, "{}", case["source"]);
    // Random noise can be compared no further, and the oracle computes the test even where an
    // earlier rule decides.
    if let (Some(shift), false) = (ours.shift, oracle["noiseAdded"] == true) {
        for (name, figure) in [
            ("lower", Some(shift.lower)),
            ("upper", Some(shift.upper)),
            ("estimate", Some(shift.estimate)),
            ("deviation", ours.deviation),
            ("effectSize", ours.effect_size),
        ] {
            within(1e-9, case, &oracle[name], figure.unwrap_or(f64::NAN), name);
        }
    }
    ours
}

fn scored(case: &Value) {
    let metrics = case["metrics"].as_array().unwrap();
    let groups: Vec<Vec<String>> =
        metrics.iter().map(|metric| strings(&metric["groups"])).collect();
    let scored: Vec<ScoredMetric<'_>> = metrics
        .iter()
        .zip(&groups)
        .map(|(metric, groups)| ScoredMetric {
            name: "metric",
            classification: classification(&metric["classification"]),
            critical: metric["critical"] == true,
            muted: false,
            groups,
        })
        .collect();
    let weights = case["config"]["groupWeights"].as_object().unwrap();
    let weights = weights.iter().map(|(group, weight)| (group.clone(), weight.as_f64().unwrap()));
    let weights = GroupWeights::unchecked_as_in_kayenta(weights.collect());

    let card = score(&scored, &weights, Thresholds::default());
    close(case, "summaryScore", card.score);
    if case["expected"]["groupScoresSorted"].is_array() {
        // The reference reports a group without data as 0.
        let mut ours: Vec<f64> =
            card.groups.iter().map(|group| group.score.unwrap_or(0.0)).collect();
        ours.sort_unstable_by(f64::total_cmp);
        assert_eq!(ours, numbers(&case["expected"]["groupScoresSorted"]), "{}", case["source"]);
    }
}

fn strings(values: &Value) -> Vec<String> {
    values.as_array().unwrap().iter().map(|value| value.as_str().unwrap().to_owned()).collect()
}

fn classification(name: &Value) -> Classification {
    serde_json::from_value(name.clone()).unwrap()
}

fn aggregated(case: &Value) {
    let config = &case["config"];
    let (pass, marginal) = (config["pass"].as_f64(), config["marginal"].as_f64());
    let passed = passes_thresholds(config["finalScore"].as_f64().unwrap(), pass, marginal);
    assert_eq!(passed, case["expected"]["didPassThresholds"] == true, "{case}");
}

fn windows(case: &Value) {
    let (config, expected) = (&case["config"], &case["expected"]);
    let minutes = |name: &str| Duration::from_secs(60 * config[name].as_u64().unwrap_or(0));
    let start = Timestamp::from_seconds(1_600_000_000);
    let since_start = |time: Timestamp| (time.as_millis() - start.as_millis()) / 60_000;
    let judgements = expected["windowsMinsFromStart"].as_array().map_or(1, Vec::len);
    let run = JudgementRun {
        start,
        lifetime: judgements as u32 * minutes("intervalMins"),
        interval: minutes("intervalMins"),
        begin_after: minutes("beginAfterMins"),
        lookback: minutes("lookbackMins"),
        control_offset: minutes("controlOffsetInMinutes"),
        retrospective: config["endTime"].is_string(),
    };
    let windows = judgement_windows(&run);
    if let Some(offset) = expected["controlStartMinsFromExperimentStart"].as_i64() {
        let (control, canary) = (windows[0].control, windows[0].canary);
        assert_eq!(since_start(control.start) - since_start(canary.start), offset, "{case}");
        return;
    }
    let ours: Vec<[i64; 2]> = windows
        .iter()
        .map(|window| [since_start(window.canary.start), since_start(window.canary.end)])
        .collect();
    assert_eq!(serde_json::json!(ours), expected["windowsMinsFromStart"], "{case}");
}

fn interval(case: &Value) {
    let shift = shift_of(case);
    for (name, figure, tolerance) in [
        ("lower", shift.lower, &case["tolerance"]),
        ("upper", shift.upper, &case["tolerance"]),
        ("estimate", shift.estimate, &case["toleranceEstimate"]),
    ] {
        within(tolerance.as_f64().unwrap(), case, &case["expected"][name], figure, name);
        within(1e-9, case, &case["oracle"][name], figure, name);
    }
}

fn intermediate(case: &Value) {
    let shift = shift_of(case);
    close(case, "lower", shift.lower);
    close(case, "upper", shift.upper);
    close(case, "estimate", shift.estimate);
}

fn shift_of(case: &Value) -> serin_judge::kayenta::ShiftInterval {
    let ascending = |mut values: Vec<f64>| {
        values.sort_unstable_by(f64::total_cmp);
        values
    };
    let (control, canary) = arms(case);
    let confidence = case["config"]["confLevel"].as_f64().unwrap();
    shift_interval(&ascending(control), &ascending(canary), confidence).unwrap()
}

/// The cases do without the fences that the judge always widens; here it comes to the same.
fn outliers(case: &Value) {
    let data = numbers(&case["data"]);
    let factor = case["config"]["factor"].as_f64().unwrap();
    let options =
        KayentaOptions { outliers: Outliers::Remove { factor }, ..KayentaOptions::default() };
    let outliers: Vec<usize> =
        numbers(&case["expected"]["outlierIndexes"]).iter().map(|&index| index as usize).collect();
    let kept: Vec<f64> = (0..data.len())
        .filter(|index| !outliers.contains(index))
        .map(|index| data[index])
        .collect();
    assert_eq!(clean(&data, &options).values, kept, "{}", case["source"]);
}

fn summarised(case: &Value) {
    let data = numbers(&case["data"]);
    let verdict = Canary::of("metric", &data, &data).verdict();
    let Summary { points, mean, standard_deviation, minimum, maximum, .. } =
        verdict.metrics[0].control;
    close(case, "count", points as f64);
    close(case, "mean", mean);
    close(case, "std", standard_deviation);
    close(case, "min", minimum);
    close(case, "max", maximum);
}

fn without_nan(case: &Value, nan_strategy: NanStrategy) {
    let options = KayentaOptions { nan_strategy, ..KayentaOptions::default() };
    let ours = clean(&numbers(&case["data"]), &options).values;
    assert_eq!(ours, numbers(&case["expected"]["data"]), "{}", case["source"]);
}

/// An hour of uniform values in the ranges the reference's integration test serves.
fn in_range(case: &Value) {
    let muted = case["config"]["muted"] == true;
    let header = format!("gauge worse=higher {}", if muted { "muted" } else { "critical" });
    for seed in 0..20 {
        let mut draws = Draws::seeded(seed);
        let mut hour = |range: &Value| -> Vec<f64> {
            let range = numbers(range);
            (0..60).map(|_| draws.uniform(range[0], range[1])).collect()
        };
        let control = hour(&case["controlRange"]);
        let canary = hour(&case["experimentRange"]);
        let mut drawn = Canary::of(&header, &control, &canary);
        if muted {
            let healthy = hour(&case["controlRange"]);
            let other = Canary::of("other worse=higher", &control, &healthy);
            let checks = [drawn.analysis.checks(), other.analysis.checks()].concat();
            drawn.analysis =
                serin_model::Analysis::new("shop".to_owned(), drawn.analysis.arms, checks).unwrap();
            drawn.series.extend(other.series);
        }
        let verdict = drawn.verdict();
        let gauge = verdict.metrics.iter().find(|metric| metric.name == "gauge").unwrap();
        let expected = &case["expected"];
        assert_eq!(gauge.classification.unwrap().as_str(), expected["classification"], "{case}");
        let passes = expected["didPassThresholds"].as_bool().unwrap_or(true);
        assert_eq!(verdict.outcome == Outcome::Pass, passes, "{case} {}", verdict.reason);
        assert_eq!(verdict.scorecard.score, if passes { 100.0 } else { 0.0 }, "{case}");
    }
}
