//! What keeps a canary from passing though its metrics are safe, and replicas that fall silent.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod seeded;

use std::time::Duration;

use insta::assert_snapshot;
use seeded::Draws;
use serin_judge::sequential::{SequentialJudge, judge};
use serin_model::{
    Analysis, Arm, ArmPair, Arms, AtHorizon, Check, Count, KayentaOptions, Margins, Measure,
    MeasureKind, MetricSeries, Observations, Outcome, Pairing, Point, Query, Ratio, Replica,
    Standing, Step, Timestamp, UnclearCause, Verdict, Window, Worse,
};

/// 14:00:00 UTC, a whole minute.
const START: i64 = 1_700_056_800;

fn check(name: &str, kind: MeasureKind) -> Check {
    let query = || Query::new(name).unwrap();
    let measure = match kind {
        MeasureKind::Ratio => Measure::Ratio { bad: query(), total: query() },
        MeasureKind::Count => Measure::Count { events: query(), exposure: Some(query()) },
        MeasureKind::Gauge | MeasureKind::Quantile | MeasureKind::Histogram => {
            Measure::Gauge { value: query() }
        }
    };
    Check {
        name: name.to_owned(),
        measure,
        worse: Worse::Higher,
        margins: Margins::of_kind(kind),
        gating: false,
        critical: false,
        muted: false,
        groups: vec!["all".to_owned()],
        guardrail: None,
        minimum_points: None,
        owner: None,
        kayenta: KayentaOptions::default(),
    }
}

fn analysis(checks: Vec<Check>, step: u32) -> Analysis {
    let mut analysis = Analysis::new("shop".to_owned(), Arms::default(), checks).unwrap();
    analysis.step = Step::from_seconds(step).unwrap();
    analysis.window = Some(Window { start: at(0), end: at(86_400) });
    analysis
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(START + seconds)
}

/// One replica that reports at `times`, in seconds.
fn replica(
    name: &str,
    times: impl Iterator<Item = i64>,
    mut observe: impl FnMut(i64) -> Ratio,
) -> Replica {
    let point = |seconds| Point { time: at(seconds), value: observe(seconds) };
    Replica { name: name.to_owned(), observations: Observations::Ratio(times.map(point).collect()) }
}

fn answer(check: &str, control: Vec<Replica>, canary: Vec<Replica>) -> MetricSeries {
    let arms = ArmPair { control: Arm { replicas: control }, canary: Arm { replicas: canary } };
    MetricSeries { arms, ..MetricSeries::nothing(check) }
}

/// Errors of one replica an arm, at every step up to `until`, with so many requests a step.
fn errors(
    step: i64,
    until: i64,
    control: impl Fn(i64) -> f64,
    canary: impl Fn(i64) -> f64,
    bad_of_canary: f64,
) -> MetricSeries {
    let times = || (0..until).step_by(step as usize);
    let good = |total: f64, share: f64| Ratio { bad: (total * share).round(), total };
    answer(
        "errors",
        vec![replica("control-1", times(), |at| good(control(at), 0.001))],
        vec![replica("canary-1", times(), |at| good(canary(at), bad_of_canary))],
    )
}

fn verdict(analysis: &Analysis, answers: &[MetricSeries]) -> Verdict {
    judge(analysis, answers).0.verdict
}

fn seconds(time: Option<Timestamp>) -> Option<i64> {
    time.map(|time| time.as_millis() / 1000 - START)
}

#[test]
fn a_pass_waits_for_the_least_time_and_never_beyond_the_horizon() {
    let minutes = |minutes: u64| Some(Duration::from_secs(60 * minutes));
    // step, minimum_time, horizon, and when the last step began that was needed for a pass
    let table = [
        (5, None, None, 295),
        (60, None, None, 240),
        (7, None, None, 294),
        (5, minutes(0), None, 20),
        (5, minutes(10), None, 595),
        (5, None, minutes(60), 295),
        (5, None, minutes(2), 115),
        (60, minutes(20), minutes(10), 540),
        // Two whole steps fit into the horizon; at 120 s there are five and no more.
        (50, None, Some(Duration::from_secs(290)), 200),
    ];
    for (step, minimum, horizon, passed) in table {
        let mut analysis = analysis(vec![check("errors", MeasureKind::Ratio)], step);
        (analysis.minimum_time, analysis.horizon) = (minimum, horizon);
        let answers = [errors(i64::from(step), 1200, |_| 9000.0, |_| 9000.0, 0.001)];
        let (judged, judge) = judge(&analysis, &answers);
        assert_eq!(judged.verdict.outcome, Outcome::Pass);
        assert_eq!(seconds(judge.first_passed()), Some(passed), "{step} {minimum:?} {horizon:?}");
    }
}

#[test]
fn a_safe_canary_says_until_when_it_waits() {
    let mut analysis = analysis(vec![check("errors", MeasureKind::Ratio)], 5);
    let answers = [errors(5, 60, |_| 9000.0, |_| 9000.0, 0.001)];
    let early = verdict(&analysis, &answers);
    assert_eq!(early.metrics[0].evidence.as_ref().unwrap().standing, Standing::Safe);
    assert_snapshot!(said(&early), @"inconclusive: safe already, and waits until 14:05 UTC: a pass takes 5 min at least (`minimum_time`)");
    analysis.at_horizon = AtHorizon::PassIfVisible;
    assert_eq!(verdict(&analysis, &answers).outcome, Outcome::Inconclusive);
    analysis.minimum_time = Some(Duration::from_secs(75));
    assert_snapshot!(said(&verdict(&analysis, &answers)), @"inconclusive: safe already, and waits until 14:01:15 UTC: a pass takes 75 s at least (`minimum_time`)");
}

#[test]
fn the_least_time_counts_from_the_canarys_first_point_and_keeps_no_canary_from_failing() {
    let analysis = analysis(vec![check("errors", MeasureKind::Ratio)], 5);
    let mut late = errors(5, 1200, |_| 9000.0, |_| 9000.0, 0.001);
    late.arms.canary.keep(Window { start: at(40), end: at(1200) });
    assert_eq!(seconds(judge(&analysis, &[late]).1.first_passed()), Some(335));
    let failing = verdict(&analysis, &[errors(5, 60, |_| 9000.0, |_| 9000.0, 0.05)]);
    assert_eq!(failing.outcome, Outcome::Fail);
    assert!(seconds(failing.decided_at).unwrap() <= 15, "{:?}", failing.decided_at);
}

#[test]
fn runs_that_are_paired_in_order_have_no_time_to_wait_for() {
    let mut analysis = analysis(vec![check("errors", MeasureKind::Ratio)], 60);
    analysis.pairing = Pairing::Order;
    let answers = [errors(1, 30, |_| 9000.0, |_| 9000.0, 0.001)];
    assert_eq!(verdict(&analysis, &answers).outcome, Outcome::Pass);
}

fn said(verdict: &Verdict) -> String {
    let mut said = format!("{}: {}", verdict.outcome, verdict.reason);
    for warning in &verdict.warnings {
        said += &format!("\n! {}", warning.text);
    }
    said
}

/// An hour of 6,000 requests a minute, of which the canary gets what `share` says.
fn shared(planned: Option<f64>, share: impl Fn(i64) -> f64) -> Verdict {
    let mut analysis = analysis(vec![check("errors", MeasureKind::Ratio)], 60);
    analysis.arms.share = planned;
    let canary = |at: i64| (6000.0 * share(at / 60)).round();
    let errors = errors(60, 3600, |at| 6000.0 - canary(at), canary, 0.001);
    verdict(&analysis, &[errors])
}

#[test]
fn traffic_that_is_not_as_planned_is_said_and_bars_a_pass_where_it_is_no_comparison() {
    let told = [
        ("as planned", shared(Some(0.05), |_| 0.05)),
        ("a little more", shared(Some(0.05), |_| 0.07)),
        ("twice as much", shared(Some(0.05), |_| 0.10)),
        ("a fifth", shared(Some(0.05), |_| 0.01)),
        ("a twentieth", shared(Some(0.5), |_| 0.04)),
        ("nearly all", shared(Some(0.05), |_| 0.4)),
        ("none", shared(Some(0.05), |_| 0.0)),
        ("nobody planned", shared(None, |_| 0.01)),
        ("raised in steps", shared(None, |minute| [0.05, 0.2, 0.5][minute as usize / 20])),
        ("taken away", shared(None, |minute| if minute < 30 { 0.2 } else { 0.0 })),
        (
            "given back",
            shared(None, |minute| f64::from(u8::from(!(30..40).contains(&minute))) * 0.2),
        ),
    ]
    .map(|(what, verdict)| format!("{what}\n{}", said(&verdict)));
    assert_snapshot!(told.join("\n"));
}

#[test]
fn metrics_without_proof_are_called_not_comparable_where_the_load_is_not() {
    let rare = Check { gating: true, ..check("errors", MeasureKind::Ratio) };
    let mut analysis = analysis(vec![rare], 60);
    analysis.arms.share = Some(0.5);
    let errors = errors(60, 600, |_| 2000.0, |_| 5.0, 0.0);
    let metric = verdict(&analysis, &[errors]).metrics.remove(0);
    assert_eq!(metric.evidence.unwrap().cause, Some(UnclearCause::ArmsUnlike));
    assert_snapshot!(metric.reason, @"not comparable: the arms are not alike in load: the canary gets 0.25 % of the requests that `errors` counts, and 50 % are planned");
}

/// A count per request, whose values at each minute hold the last `window` minutes.
fn smoothed(draws: &mut Draws, window: usize, minutes: usize) -> Observations {
    let raw: Vec<f64> = (0..minutes + window).map(|_| draws.poisson(8.0)).collect();
    let point = |minute: usize| Point {
        time: at(60 * minute as i64),
        value: Count {
            events: raw[minute..minute + window].iter().sum(),
            exposure: 100.0 * window as f64,
        },
    };
    Observations::Count((0..minutes).map(point).collect())
}

/// Canaries just like their control, of which those are counted that fail at some minute of an hour.
fn blamed_of_overlapping(window: usize, is_known: bool, runs: u64) -> u64 {
    let mut strict = check("events", MeasureKind::Count);
    strict.margins = Margins::new(MeasureKind::Count, Some(0.0), Some(0.5), None, None).unwrap();
    let analysis = analysis(vec![strict], 60);
    let is_blamed = |seed: u64| {
        let draws = &mut Draws::seeded(seed);
        let mut one = |name: &str| Replica {
            name: name.to_owned(),
            observations: smoothed(draws, window, 60),
        };
        let mut answer = answer("events", vec![one("old")], vec![one("new")]);
        answer.looks_back = is_known.then(|| Duration::from_secs(60 * window as u64));
        verdict(&analysis, &[answer]).outcome == Outcome::Fail
    };
    (0..runs).filter(|seed| is_blamed(*seed)).count() as u64
}

#[test]
fn windows_that_overlap_are_no_more_evidence_than_those_that_do_not() {
    let runs = 1000;
    for window in [5, 10] {
        let plain = blamed_of_overlapping(window, false, runs);
        let thinned = blamed_of_overlapping(window, true, runs);
        println!(
            "windows of {window} steps: {plain} of {runs} blamed where that is not known, {thinned} where it is"
        );
        assert!(thinned <= runs / 100, "{thinned} of {runs}");
        assert!(plain > 5 * thinned.max(1), "{plain} of {runs}: nothing to mend");
    }
}

#[test]
fn of_overlapping_values_those_are_compared_that_share_nothing() {
    let analysis = analysis(vec![check("events", MeasureKind::Count)], 60);
    let compared = |looks_back: u64| {
        let draws = &mut Draws::seeded(1);
        let mut one =
            |name: &str| Replica { name: name.to_owned(), observations: smoothed(draws, 5, 60) };
        let mut answer = answer("events", vec![one("old")], vec![one("new")]);
        answer.looks_back = (looks_back > 60).then(|| Duration::from_secs(looks_back));
        verdict(&analysis, &[answer]).metrics[0].evidence.as_ref().unwrap().steps
    };
    assert_eq!([60, 90, 300, 600, 4000].map(compared), [60, 30, 12, 6, 0]);
}

/// Which minutes each replica reports, the first of them `PAST` minutes before the start.
type Presence = Vec<(String, Vec<bool>)>;

/// How many minutes of the control's past are known.
const PAST: usize = 180;

fn always(arm: &str, replicas: usize, minutes: usize) -> Presence {
    (0..replicas).map(|number| (format!("{arm}-{number}"), vec![true; minutes])).collect()
}

/// A gauge of which replicas of both arms come and go. The canary has no past.
fn of_replicas(control: &Presence, canary: &Presence, draws: &mut Draws) -> MetricSeries {
    let mut arm = |presence: &Presence| {
        let replica = |(name, minutes): &(String, Vec<bool>)| {
            let there = minutes.iter().enumerate().filter(|(_, is_there)| **is_there);
            let point = |(minute, _): (usize, &bool)| Point {
                time: at(60 * (minute as i64 - PAST as i64)),
                value: 10.0 * libm::exp(draws.normal(0.0, 0.02)),
            };
            let points = there.map(point).collect();
            Replica { name: name.clone(), observations: Observations::Value(points) }
        };
        presence.iter().map(replica).collect()
    };
    let mut answer = answer("latency", arm(control), arm(canary));
    answer.arms.canary.keep(Window { start: at(0), end: at(86_400) });
    answer
}

#[test]
fn replicas_that_fall_silent_are_named_and_nearly_all_of_them_are_evidence() {
    let analysis = analysis(vec![check("latency", MeasureKind::Gauge)], 60);
    let until = |presence: &mut Presence, replica: usize, minute: usize| {
        presence[replica].1[PAST + minute..].fill(false);
    };
    let mut told = String::new();
    let mut tell = |what: &str, change: &dyn Fn(&mut Presence, &mut Presence)| {
        let (mut control, mut canary) = (always("old", 4, PAST + 40), always("new", 5, PAST + 40));
        change(&mut control, &mut canary);
        let verdict = verdict(&analysis, &[of_replicas(&control, &canary, &mut Draws::seeded(5))]);
        let decided = seconds(verdict.decided_at).unwrap() / 60;
        told += &format!("{what}: after minute {decided}\n{}\n", said(&verdict));
    };
    tell("all stay", &|_, _| {});
    tell("one goes", &|_, canary| until(canary, 1, 12));
    tell("one by one", &|_, canary| {
        for (replica, minute) in [(0, 10), (1, 13), (2, 16), (3, 19)] {
            until(canary, replica, minute);
        }
    });
    tell("four go for two minutes", &|_, canary| {
        canary[..4].iter_mut().for_each(|(_, minutes)| minutes[PAST + 20..PAST + 22].fill(false));
    });
    tell("each is restarted under a new name", &|_, canary| {
        for number in 0..5 {
            let minute = 10 + 2 * number;
            until(canary, number, minute);
            let mut successor = (format!("newer-{number}"), vec![true; PAST + 40]);
            successor.1[..=PAST + minute].fill(false);
            canary.push(successor);
        }
    });
    tell("both arms are scaled down", &|control, canary| {
        (0..4).for_each(|replica| until(canary, replica, 20));
        (0..3).for_each(|replica| until(control, replica, 20));
    });
    tell("both arms are away for a while", &|control, canary| {
        control
            .iter_mut()
            .chain(canary)
            .for_each(|(_, minutes)| minutes[PAST + 15..PAST + 25].fill(false));
    });
    tell("all go, as a silent canary does", &|_, canary| {
        (0..5).for_each(|replica| until(canary, replica, 20));
    });
    tell("four go at the very end", &|_, canary| {
        (0..4).for_each(|replica| until(canary, replica, 38));
    });
    assert_snapshot!(told);
}

#[test]
fn replicas_of_which_a_failed_query_told_are_not_gone() {
    let analysis = analysis(
        vec![check("latency", MeasureKind::Gauge), check("queue", MeasureKind::Gauge)],
        60,
    );
    let draws = &mut Draws::seeded(4);
    let (control, canary) = (always("old", 4, PAST + 60), always("new", 5, PAST + 60));
    // Only one replica of the canary has a queue.
    let mut queue = of_replicas(&control, &canary[..1].to_vec(), draws);
    queue.check = "queue".to_owned();
    let answers = [of_replicas(&control, &canary, draws), queue];
    let mut judge = SequentialJudge::new(&analysis);
    judge.learn(&analysis, &answers, at(0));
    let between = |from: i64, to: i64| {
        let mut answers = answers.clone();
        for answer in &mut answers {
            answer.arms.control.keep(Window { start: at(from), end: at(to) });
            answer.arms.canary.keep(Window { start: at(from), end: at(to) });
        }
        answers
    };
    judge.take(&analysis, &between(0, 1200), at(0));
    judge.advance(&analysis, at(1200));
    let mut later = between(1200, 3600);
    later[0] = MetricSeries::failed("latency", "the query is too much".to_owned());
    judge.take(&analysis, &later, at(0));
    judge.advance(&analysis, at(3600));
    let verdict = judge.verdict(&analysis, &answers, true).verdict;
    assert_eq!(verdict.outcome, Outcome::Inconclusive);
    assert_snapshot!(verdict.reason, @"latency is not judged: the query is too much");
    assert_eq!(verdict.warnings, []);
}

#[test]
fn the_more_is_known_of_the_control_the_sooner_replicas_that_are_gone_tell() {
    let analysis = analysis(vec![check("latency", MeasureKind::Gauge)], 60);
    let failed_after = |replicas: usize, known: usize| {
        let control = always("old", replicas, PAST + 60);
        let mut canary = always("new", 4, PAST + 60);
        canary[..3].iter_mut().for_each(|(_, minutes)| minutes[PAST + 20..].fill(false));
        let mut answer = of_replicas(&control, &canary, &mut Draws::seeded(2));
        let known = Window { start: at(-60 * known as i64), end: at(86_400) };
        answer.arms.control.keep(known);
        let verdict = verdict(&analysis, &[answer]);
        let is_failed = verdict.outcome == Outcome::Fail;
        is_failed.then(|| seconds(verdict.decided_at).unwrap() / 60 - 19)
    };
    let table = [(4, 180), (4, 30), (4, 0), (1, 180), (1, 0)];
    let minutes = table.map(|(replicas, known)| failed_after(replicas, known));
    assert_eq!(minutes, [Some(7), Some(10), Some(14), Some(10), None]);
}

/// A replica that fails and comes back by chance, minute by minute.
fn churning(draws: &mut Draws, minutes: usize, fails: f64, returns: f64) -> Vec<bool> {
    let mut is_there = draws.uniform(0.0, 1.0) < returns / (fails + returns);
    let mut next = || {
        let chance = draws.uniform(0.0, 1.0);
        is_there = if is_there { chance >= fails } else { chance < returns };
        is_there
    };
    (0..minutes).map(|_| next()).collect()
}

#[test]
fn replicas_that_come_and_go_alike_on_both_arms_are_hardly_ever_blamed() {
    let (blamed, all, told) = blamed_of_churning(15);
    println!("{told}");
    assert!(blamed <= 1, "{blamed} of {all}");
}

#[test]
#[ignore = "takes minutes: the same, with the figure that docs/statistics.md tells"]
fn of_ten_thousand_canaries_whose_replicas_come_and_go_hardly_any_is_blamed() {
    let (blamed, all, told) = blamed_of_churning(400);
    println!("{told}");
    assert!(1000 * blamed <= all, "{blamed} of {all}");
}

/// Returns how many canaries were blamed for their replicas, of how many, and a line for each cell.
fn blamed_of_churning(runs: u64) -> (usize, usize, String) {
    let analysis = analysis(vec![check("latency", MeasureKind::Gauge)], 60);
    let (mut blamed, mut all, mut told) = (0, 0, String::new());
    // How often a replica fails in a minute, how often one that failed returns, and how many there are.
    for (fails, returns) in [(0.001, 0.05), (0.01, 0.3), (0.01, 0.1), (0.02, 0.1), (0.05, 0.1)] {
        for (of_control, of_canary) in [(3, 3), (4, 4), (12, 3), (3, 8), (8, 8)] {
            let is_blamed = |seed: u64| {
                let draws = &mut Draws::seeded(seed);
                let mut arm = |arm: &str, replicas: usize| -> Presence {
                    let one = |number| {
                        (format!("{arm}-{number}"), churning(draws, PAST + 60, fails, returns))
                    };
                    (0..replicas).map(one).collect()
                };
                let (control, canary) = (arm("old", of_control), arm("new", of_canary));
                let answer = of_replicas(&control, &canary, draws);
                let verdict = verdict(&analysis, &[answer]);
                verdict.outcome == Outcome::Fail && verdict.reason.starts_with("all but")
            };
            let count = (0..runs).filter(|seed| is_blamed(*seed)).count();
            told += &format!(
                "failing {fails} and returning {returns} a minute, {of_control} replicas against \
                 {of_canary}: {count} of {runs} blamed\n"
            );
            (blamed, all) = (blamed + count, all + runs as usize);
        }
    }
    told += &format!("in all: {blamed} of {all} blamed");
    (blamed, all, told)
}

#[test]
fn how_replicas_come_in_changes_no_bit() {
    let analysis = analysis(vec![check("latency", MeasureKind::Gauge)], 20);
    let draws = &mut Draws::seeded(11);
    let mut arm = |arm: &str| -> Presence {
        (0..6).map(|n| (format!("{arm}-{n}"), churning(draws, PAST + 30, 0.1, 0.2))).collect()
    };
    let (control, canary) = (arm("old"), arm("new"));
    let answers = [of_replicas(&control, &canary, draws)];
    let at_once = judge(&analysis, &answers).1;
    let mut in_pieces = SequentialJudge::new(&analysis);
    for second in (0..1900).step_by(50) {
        let mut piece = answers.clone();
        let window = Window { start: at(second - 100), end: at(second + 50) };
        for arm in [&mut piece[0].arms.control, &mut piece[0].arms.canary] {
            arm.keep(window);
            arm.replicas.reverse();
        }
        if second == 0 {
            in_pieces.learn(&analysis, &answers, at(0));
        }
        in_pieces.take(&analysis, &piece, at(0));
        in_pieces.advance(&analysis, at(second + 50));
        let written = rmp_serde::to_vec(&in_pieces).unwrap();
        in_pieces = rmp_serde::from_slice(&written).unwrap();
    }
    let of = |judge: &SequentialJudge| judge.verdict(&analysis, &answers, true).verdict;
    assert_eq!(of(&in_pieces), of(&at_once));
}
