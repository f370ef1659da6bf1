//! What every Check file, and every analysis, can be held to.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;
use std::time::Duration;

use proptest::collection::{btree_map, btree_set, vec};
use proptest::option;
use proptest::prelude::*;
use serin_check::{WrittenAnalysis, read, write, write_changes};
use serin_model::{
    Analysis, Arms, AtHorizon, Bound, Check, CounterForm, EffectSizeMeasure, EffectSizeOptions,
    GroupWeights, Guardrail, JudgementRun, KayentaOptions, LabelSelector, Margins, Measure,
    MeasureKind, NanStrategy, Outliers, Query, Source, Step, Thresholds, Timestamp, Window, Worse,
};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn what_is_written_is_read_back(written in written_analysis(), comment in vec(any::<String>(), 0..3)) {
        let text = write(&written, &comment).map_err(|error| TestCaseError::fail(error.to_string()))?;
        let again = read("serin.yaml", &text).unwrap();
        prop_assert_eq!(again.analysis, written.analysis);
        prop_assert_eq!(again.source, written.source);
    }

    #[test]
    fn changed_checks_are_read_back(written in written_analysis(), changed in vec(any::<bool>(), 8)) {
        let mut after = written.analysis;
        after.weights = GroupWeights::default();
        let mut checks = after.checks().to_vec();
        for (check, _) in checks.iter_mut().zip(&changed).filter(|(_, changed)| **changed) {
            check.muted = !check.muted;
        }
        let before = after.with_checks(checks).unwrap();
        let differs = |check: &&Check| !before.checks().contains(check);
        let meant: Vec<Check> = after.checks().iter().filter(differs).cloned().collect();
        let text = write_changes(&before, &after, &["why".to_owned()]).unwrap();
        if meant.is_empty() {
            prop_assert_eq!(text, "");
        } else {
            let again = read("serin.yaml", &format!("service: a\n{text}")).unwrap();
            prop_assert_eq!(again.analysis.checks(), &meant[..]);
        }
    }

    #[test]
    fn no_text_panics(text in any::<String>()) {
        let _ = read("serin.yaml", &text);
    }

    #[test]
    fn no_check_panics(entry in "[a-z%0-9:{}\\[\\], &*!|>'\"-]{0,40}", key in "[a-z_]{1,12}") {
        let text = format!("service: a\nchecks:\n  x:\n    gauge: g\n    {key}: {entry}\n");
        if let Err(error) = read("serin.yaml", &text) {
            prop_assert!(error.place.is_some(), "{}", error);
            prop_assert!(error.hint.is_some(), "{}", error);
        }
    }
}

/// Texts that YAML has other plans for, and others.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z]{1,8}",
        proptest::sample::select(
            &[
                "true",
                "null",
                "~",
                "1.10",
                "0x1f",
                "1e3",
                ".inf",
                "no",
                "2026-11-23",
                "a: b",
                "# no",
                "- a",
                "'",
                "\"",
                "{a}",
                "[b]",
                "*c",
                "&d",
                "!e",
                "%f",
                "@g",
                "`h`",
                "a\nb",
                "\ta",
                "é",
                "<<",
                "?",
                ">-",
                "a #b",
                "a\u{2028}b",
                " a ",
                "\u{feff}x",
                "\u{85}y",
                "x\r\ny",
                "::",
                "---",
                "...",
            ][..]
        )
        .prop_map(str::to_owned),
        "\\PC{1,12}".prop_filter("not blank", |text| !text.trim().is_empty()),
    ]
}

fn query() -> impl Strategy<Value = Query> {
    text().prop_filter_map("not blank", |text| Query::new(&text))
}

fn measure() -> impl Strategy<Value = Measure> {
    prop_oneof![
        (query(), query()).prop_map(|(bad, total)| Measure::Ratio { bad, total }),
        query().prop_map(|buckets| Measure::Histogram { buckets }),
        (query(), option::of(query()))
            .prop_map(|(events, exposure)| Measure::Count { events, exposure }),
        query().prop_map(|value| Measure::Gauge { value }),
        query().prop_map(|value| Measure::Quantile { value }),
    ]
}

/// Shares and sizes, with digits that binary fractions do not have.
fn share() -> impl Strategy<Value = f64> {
    prop_oneof![
        (0_u32..=10_000).prop_map(|share| f64::from(share) / 10_000.0),
        0.0..1.0_f64,
        Just(1e-12),
        Just(f64::MIN_POSITIVE),
        Just(0.1 + 0.2),
    ]
}

fn margins(kind: MeasureKind) -> impl Strategy<Value = Margins> {
    (option::of(share()), option::of(share()), option::of(share()), option::of(share()))
        .prop_filter_map("in order", move |(tolerance, more, floor, floor_more)| {
            let unacceptable = more.map(|more| tolerance.unwrap_or(0.25) + more + 0.01);
            let unacceptable_floor = floor_more.map(|more| floor.unwrap_or(0.0005) + more);
            Margins::new(kind, tolerance, unacceptable, floor, unacceptable_floor).ok()
        })
}

fn guardrail(kind: MeasureKind) -> impl Strategy<Value = Guardrail> {
    let value = if kind == MeasureKind::Ratio { share().boxed() } else { (-1e6..1e9).boxed() };
    (value, any::<bool>(), 1_u32..100, any::<u32>()).prop_map(
        |(value, above, consecutive, minimum_events)| Guardrail {
            bound: if above { Bound::above(value) } else { Bound::below(value) }
                .expect("the value is finite"),
            consecutive: NonZeroU32::new(consecutive).expect("it is one or more"),
            minimum_events,
        },
    )
}

fn kayenta() -> impl Strategy<Value = KayentaOptions> {
    let sizes = (any::<bool>(), -2.0..2.0_f64, share(), option::of(-1e9..1e9_f64));
    (any::<bool>(), option::of(0.01..100.0_f64), any::<bool>(), sizes).prop_map(
        |(replace, factor, must_have_data, (cles, increase, decrease, critical))| {
            let measure =
                if cles { EffectSizeMeasure::CommonLanguage } else { EffectSizeMeasure::MeanRatio };
            let none = EffectSizeOptions::without_margin(measure);
            KayentaOptions {
                nan_strategy: if replace { NanStrategy::Replace } else { NanStrategy::Remove },
                outliers: factor.map_or(Outliers::Keep, |factor| Outliers::Remove { factor }),
                must_have_data,
                effect_size: EffectSizeOptions {
                    allowed_increase: increase,
                    allowed_decrease: decrease,
                    critical_increase: critical.unwrap_or(none.critical_increase),
                    ..none
                },
            }
        },
    )
}

fn check() -> impl Strategy<Value = Check> {
    (text(), measure()).prop_flat_map(|(name, measure)| {
        let kind = measure.kind();
        let worse = proptest::sample::select(&[Worse::Higher, Worse::Lower, Worse::Either][..]);
        let flags = (any::<bool>(), any::<bool>(), any::<bool>());
        let groups =
            prop_oneof![Just(BTreeSet::from(["default".to_owned()])), btree_set(text(), 0..3)];
        let rest = (option::of(1_u32..1000), option::of(text()), kayenta());
        (worse, margins(kind), option::of(guardrail(kind)), flags, groups, rest).prop_map(
            move |(worse, margins, guardrail, flags, groups, rest)| Check {
                name: name.clone(),
                measure: measure.clone(),
                worse,
                margins,
                gating: flags.0,
                critical: flags.1,
                muted: flags.2,
                groups: groups.into_iter().collect(),
                guardrail,
                minimum_points: rest.0.and_then(NonZeroU32::new),
                owner: rest.1,
                kayenta: rest.2,
            },
        )
    })
}

fn window() -> impl Strategy<Value = Window> {
    (0_i64..4_000_000_000_000, 60_000_i64..1_000_000_000).prop_map(|(start, length)| Window {
        start: Timestamp::from_millis(start),
        end: Timestamp::from_millis(start + length),
    })
}

fn arms() -> impl Strategy<Value = Arms> {
    let selector = || btree_map(text(), text(), 1..3);
    let share = option::of(0.001..0.999_f64);
    (selector(), selector(), option::of(window()), share).prop_filter_map(
        "arms that differ",
        |(control, canary, window, share): (LabelSelector, LabelSelector, _, _)| {
            Some(Arms { share, ..Arms::at(control, canary, window).ok()? })
        },
    )
}

fn span() -> impl Strategy<Value = Duration> {
    prop_oneof![
        (1_u64..100_000).prop_map(Duration::from_secs),
        (1_u64..100_000_000).prop_map(Duration::from_millis)
    ]
}

fn run() -> impl Strategy<Value = (Window, Option<JudgementRun>)> {
    let spans = (span(), option::of(span()), option::of(span()), option::of(span()));
    (window(), option::of(spans))
        .prop_map(|(window, spans)| {
            let lifetime = (window.end.as_millis() - window.start.as_millis()).unsigned_abs();
            let run = spans.map(|(interval, begin_after, lookback, control_offset)| JudgementRun {
                start: window.start,
                lifetime: Duration::from_millis(lifetime),
                interval,
                begin_after: begin_after.unwrap_or_default(),
                lookback: lookback.unwrap_or_default(),
                control_offset: control_offset.unwrap_or_default(),
                retrospective: false,
            });
            (window, run)
        })
        .prop_filter("no more judgements than are made", |(_, run)| {
            run.as_ref().is_none_or(|run| run.judgements() <= JudgementRun::MOST_JUDGEMENTS)
        })
}

/// Weights for some of the groups that there are.
fn weights(groups: &BTreeSet<String>, listed: usize) -> GroupWeights {
    let listed = listed.min(groups.len());
    let share = if listed == groups.len() { 100.0 } else { 70.0 } / listed.max(1) as f64;
    let weights: BTreeMap<_, _> =
        groups.iter().take(listed).map(|group| (group.clone(), share)).collect();
    GroupWeights::new(weights, groups).unwrap_or_default()
}

fn written_analysis() -> impl Strategy<Value = WrittenAnalysis> {
    let names = (text(), option::of(text()), option::of(text()));
    let times = (1_u32..100_000, option::of(run()), option::of(span()), any::<bool>());
    let some_or_none = prop_oneof![span(), Just(Duration::ZERO)];
    let length = || option::of(some_or_none.clone());
    let live = (length(), length(), length());
    let score = (0.0..100.0_f64, 0.0..100.0_f64, 0_usize..4);
    let counters = proptest::sample::select(
        &[CounterForm::Unstated, CounterForm::Increments, CounterForm::Cumulative][..],
    );
    (names, arms(), vec(check(), 1..5), (times, live), score, counters).prop_filter_map(
        "names that differ",
        |((service, replica, source), arms, checks, (times, live), score, counters)| {
            let mut analysis = Analysis::new(service, arms, checks).ok()?;
            analysis.replica = replica;
            analysis.step = Step::from_seconds(times.0)?;
            analysis.window = times.1.map(|(window, _)| window);
            analysis.judgements = times.1.and_then(|(_, run)| run);
            analysis.horizon = times.2;
            (analysis.warm_up, analysis.history, analysis.minimum_time) = live;
            analysis.at_horizon = if times.3 { AtHorizon::PassIfVisible } else { AtHorizon::Hold };
            analysis.thresholds = Thresholds::new(score.0.max(score.1), score.0.min(score.1))?;
            analysis.weights = weights(&analysis.groups(), score.2);
            let source = source.map(|path| Source::File { path, counters });
            Some(WrittenAnalysis { analysis, source, notes: Vec::new() })
        },
    )
}

/// The example of the design, with a source of this version.
const DESIGN: &str = "\
service: checkout
source: {file: {path: checkout.csv}}
arms:
  control: {track: stable}
  canary: {track: canary}
replica: pod
step: 60s
horizon: 60m
checks:
  errors:
    ratio:
      bad: http_requests_total{code=~\"5..\", $arm}     # a counter's selector
      total: http_requests_total{$arm}
    worse: higher
    gating: true
    compare: {tolerance: 25%, floor: 0.05pp}   # unacceptable: 50%, 0.1pp unless said
    limit: {above: 1%, for: 3}
";

#[test]
fn the_example_of_the_design_is_read() {
    let written = read("serin.yaml", DESIGN).unwrap();
    let check = &written.analysis.checks()[0];
    assert_eq!(written.analysis.step, Step::MINUTE);
    assert_eq!(written.analysis.horizon, Some(Duration::from_secs(3600)));
    assert!(check.gating);
    assert_eq!(
        check.measure,
        Measure::Ratio {
            bad: Query::new("http_requests_total{code=~\"5..\", $arm}").unwrap(),
            total: Query::new("http_requests_total{$arm}").unwrap(),
        }
    );
    let margins = [check.margins.tolerance(), check.margins.unacceptable()];
    assert_eq!(margins, [0.25, 0.5]);
    let floors = [check.margins.floor(), check.margins.unacceptable_floor()];
    assert_eq!(floors, [0.0005, 0.001]);
    let limit = check.guardrail.unwrap();
    assert_eq!((limit.bound, limit.consecutive.get()), (Bound::Above(0.01), 3));
}

#[test]
fn defaults_are_those_of_the_design() {
    let written = read("serin.yaml", "service: a\nchecks: {m: {gauge: g}}\n").unwrap();
    let analysis = &written.analysis;
    assert_eq!((analysis.thresholds.pass(), analysis.thresholds.marginal()), (75.0, 50.0));
    assert_eq!(analysis.at_horizon, AtHorizon::Hold);
    assert_eq!(analysis.arms, Arms::default());
    assert_eq!(written.source, None);
    assert_eq!(analysis.checks()[0].worse, Worse::Either);
    assert_eq!(analysis.checks()[0].groups, ["default"]);
}

#[test]
fn a_hundred_checks_merge_one_anchor() {
    let mut text =
        String::from("service: a\nchecks:\n  c0: &all {gauge: g, gating: true, owner: me}\n");
    for index in 1..200 {
        text += &format!("  c{index}: {{<<: *all, gauge: g{index}}}\n");
    }
    let written = read("serin.yaml", &text).unwrap();
    let checks = written.analysis.checks();
    assert_eq!(checks.len(), 200);
    assert!(checks.iter().all(|check| check.gating && check.owner.as_deref() == Some("me")));
    assert_eq!(checks[7].measure, Measure::Gauge { value: Query::new("g7").unwrap() });
}

#[test]
fn checks_keep_their_order() {
    let text = "service: a\nchecks: {z: {gauge: z}, a: {gauge: a}, m: {gauge: m}}\n";
    let written = read("serin.yaml", text).unwrap();
    let names: Vec<&str> =
        written.analysis.checks().iter().map(|check| check.name.as_str()).collect();
    assert_eq!(names, ["z", "a", "m"]);
}

#[test]
fn label_values_are_text_as_written() {
    let text = "service: a\narms: {control: {version: 1.10}, canary: {version: 0x10}}\nchecks: {m: {gauge: g}}\n";
    let arms = read("serin.yaml", text).unwrap().analysis.arms;
    assert_eq!(arms.control["version"], "1.10");
    assert_eq!(arms.canary["version"], "0x10");
}

#[test]
fn windows_line_ends_and_a_byte_order_mark_are_read() {
    let text = format!("\u{feff}{}", DESIGN.replace('\n', "\r\n"));
    assert_eq!(read("a", &text).unwrap().analysis, read("b", DESIGN).unwrap().analysis);
}

#[test]
fn a_weight_makes_a_group_of_its_own() {
    let text = "service: a\nchecks:\n  x: {gauge: x, weight: 40}\n  y: {gauge: y}\n";
    let analysis = read("serin.yaml", text).unwrap().analysis;
    assert_eq!(analysis.checks()[0].groups, ["x"]);
    assert_eq!(analysis.weights.listed()["x"], 40.0);
}

#[test]
fn the_points_of_the_file_are_those_of_each_check_unless_it_says_its_own() {
    let text = "service: a\nminimum_points: 50\nchecks:\n  x: {gauge: x, minimum_points: 3}\n  y: {gauge: y}\n";
    let analysis = read("serin.yaml", text).unwrap().analysis;
    let points: Vec<_> =
        analysis.checks().iter().filter_map(|check| check.minimum_points).collect();
    assert_eq!(points.iter().map(|points| points.get()).collect::<Vec<_>>(), [3, 50]);
}
