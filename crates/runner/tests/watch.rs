//! A live analysis over a store that lives in the test, with a clock that is turned by hand.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod live;

use std::time::Duration;

use insta::assert_snapshot;
use proptest::prelude::*;
use serin_model::{Outcome, Standing, UnclearCause, WarningCode, Window};
use serin_runner::watch::{Start, StateFile};

use crate::live::{Fault, Setting, World, at, judged_at_once, watched};

fn said(seen: &live::Seen) -> String {
    let verdict = &seen.watched.judged.verdict;
    // What the judge says of the metrics is not what is tested here.
    let ours = verdict.reason.split_once("; so far").map_or("", |(ours, _)| ours);
    format!("{}\n{}: {ours}", seen.heard.said.join("\n"), verdict.outcome)
}

const FAILING: World = World {
    canary_from: Some(0),
    canary_until: i64::MAX,
    one_until: i64::MAX,
    bad_percent: 15,
    slower: 0.0,
    cold_until: i64::MIN,
    seed: 1,
};

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    /// Feeding points as they come, whenever serin happens to ask, is judging them at once.
    #[test]
    fn any_pattern_of_looks_gives_the_verdict_of_one_look(
        seed in 0_u64..1000,
        bad_percent in prop_oneof![Just(1_u64), 1_u64..8],
        slower in prop_oneof![Just(0.0), 0.0..30.0],
        delays in prop::collection::vec(0_i64..400, 1..6),
        every in 1_u64..300,
        late in 0_u64..200,
        dead in (0_i64..3000, 1_i64..900),
        horizon in 5_u64..60,
    ) {
        let world = World { bad_percent, slower, seed, ..World::default() };
        let mut setting = Setting::of(world);
        setting.delays = delays;
        setting.timing.every = Duration::from_secs(every);
        setting.timing.late = Duration::from_secs(late);
        setting.timing.horizon = Duration::from_secs(60 * horizon);
        setting.faults = vec![(dead.0, (dead.0 + dead.1).min(60 * horizon as i64), Fault::Dead)];
        let seen = watched(&setting);
        let at_once = judged_at_once(&setting, &seen);
        prop_assert_eq!(&seen.watched.judged.verdict, &at_once.verdict);
        prop_assert_eq!(&seen.watched.judged.traces, &at_once.traces);
    }
}

#[test]
fn harm_ends_it_early() {
    let seen = watched(&Setting::of(FAILING));
    assert_eq!(seen.outcome(), Outcome::Fail);
    assert!(seen.steps() <= 5, "{} steps", seen.steps());
    // The last step was over, and had a step's time for points that come late.
    assert_eq!(seen.ended, 60 * seen.steps() + 60);
}

#[test]
fn proof_of_no_harm_ends_it_early() {
    let seen = watched(&Setting::of(World::default()));
    assert_eq!(seen.outcome(), Outcome::Pass, "{}", seen.reason());
    assert!(seen.steps() < 40, "{} steps", seen.steps());
}

#[test]
fn at_the_horizon_it_says_what_it_knows() {
    let mut setting = Setting::of(World::default());
    setting.timing.horizon = Duration::from_secs(120);
    let seen = watched(&setting);
    assert_eq!((seen.outcome(), seen.steps()), (Outcome::Inconclusive, 2));
    assert!(seen.reason().starts_with("nothing is proven yet"), "{}", seen.reason());
}

#[test]
fn a_store_is_asked_when_a_step_is_complete_and_not_in_between() {
    let mut setting = Setting::of(World::default());
    setting.timing.horizon = Duration::from_secs(240);
    assert_eq!(watched(&setting).asked, [120, 180, 240, 300]);
    setting.timing.every = Duration::from_secs(100);
    assert_eq!(watched(&setting).asked, [120, 220, 320]);
}

#[test]
fn it_waits_for_a_canary_that_comes_late_and_leaves_its_warm_up_out() {
    let world = World { canary_from: Some(1000), cold_until: 1110, ..World::default() };
    let mut setting = Setting::of(world);
    setting.start = Start::WhenSeen;
    setting.timing.warm_up = Duration::from_secs(120);
    let seen = watched(&setting);
    assert_snapshot!(said(&seen), @"
    waits for the canary, until 3600
    began at 1005, judged from 1140 to 4740, resumed at None
    pass:
    ");
    setting.timing.warm_up = Duration::ZERO;
    assert_eq!(watched(&setting).outcome(), Outcome::Fail);
}

#[test]
fn a_canary_that_runs_already_needs_no_warm_up() {
    let mut setting = Setting::of(World { canary_from: Some(-90_000), ..World::default() });
    setting.start = Start::WhenSeen;
    setting.timing.warm_up = Duration::from_secs(120);
    let seen = watched(&setting);
    assert_eq!(seen.heard.said, ["began at -480, judged from -360 to 3240, resumed at None"]);
}

/// A Check file's window says when the canary lived.
#[test]
fn a_window_is_judged_from_the_canarys_first_step_in_it() {
    let within = Some(Window { start: at(-600), end: at(2400) });
    for (canary_from, began) in [(Some(100), "began at 105, judged from 60 to 2400"), (None, "")] {
        let mut setting = Setting::of(World { canary_from, ..World::default() });
        (setting.start, setting.timing.within, setting.now) = (Start::WhenSeen, within, 9000);
        let seen = watched(&setting);
        assert!(seen.heard.said.last().is_some_and(|said| said.starts_with(began)));
        assert_eq!(seen.outcome() == Outcome::Fail, canary_from.is_none(), "{}", seen.reason());
    }
}

#[test]
fn nobody_rolls_back_a_canary_that_was_only_waited_for() {
    let mut setting = Setting::of(World { canary_from: None, ..World::default() });
    setting.start = Start::WhenSeen;
    setting.timing.horizon = Duration::from_secs(600);
    let seen = watched(&setting);
    assert_eq!(seen.heard.said, ["waits for the canary, until 600"]);
    assert_eq!(seen.outcome(), Outcome::Inconclusive);
    assert_snapshot!(seen.reason(), @"the canary did not appear while it was waited for, from 2020-09-13T12:30:00Z to 2020-09-13T12:40:00Z, and the control did; where it is known to run, `--start` makes its silence evidence");
}

#[test]
fn the_silence_of_a_canary_that_is_said_to_run_fails_it() {
    let mut setting = Setting::of(World { canary_from: None, ..World::default() });
    setting.start = Start::Now;
    let seen = watched(&setting);
    assert_eq!(seen.outcome(), Outcome::Fail);
    assert_snapshot!(seen.reason(), @"the canary reported nothing, while the control did");
}

#[test]
fn a_source_that_is_away_for_a_while_is_no_silence_and_changes_no_verdict() {
    let mut setting = Setting::of(World { slower: 7.0, ..World::default() });
    let undisturbed = watched(&setting);
    setting.faults = vec![(300, 1500, Fault::Dead)];
    let disturbed = watched(&setting);
    assert_eq!(disturbed.watched.judged, undisturbed.watched.judged);
    assert_snapshot!(disturbed.heard.said.join("\n"), @"
    began at 0, judged from 0 to 3600, resumed at None
    the store cannot be reached: connection refused; again at 305
    the store is back after 1215 s
    ");
}

#[test]
fn a_source_that_never_comes_back_is_inconclusive_at_the_horizon() {
    let mut setting = Setting::of(World { slower: 7.0, ..World::default() });
    setting.faults = vec![(300, i64::MAX, Fault::Dead)];
    setting.timing.horizon = Duration::from_secs(1200);
    let seen = watched(&setting);
    assert_eq!(seen.ended, 1200 + 60 + 60);
    assert_snapshot!(said(&seen), @"
    began at 0, judged from 0 to 1200, resumed at None
    the store cannot be reached: connection refused; again at 305
    inconclusive: the horizon came while the source failed, and what lies from 2020-09-13T12:33:00Z to 2020-09-13T12:50:00Z was not judged: the store cannot be reached: connection refused (see that it runs)
    ");
}

#[test]
fn a_source_that_was_never_there_is_inconclusive_with_the_reason() {
    for start in [Start::WhenSeen, Start::Now] {
        let mut setting = Setting::of(World::default());
        setting.start = start;
        setting.faults = vec![(0, i64::MAX, Fault::Dead)];
        setting.timing.horizon = Duration::from_secs(600);
        let seen = watched(&setting);
        assert_eq!(seen.outcome(), Outcome::Inconclusive);
        let cause = |index: usize| {
            seen.watched.judged.verdict.metrics[index].evidence.as_ref().unwrap().cause
        };
        assert_eq!([cause(0), cause(1)], [Some(UnclearCause::SourceFailed); 2]);
        assert!(seen.reason().contains("cannot be reached"), "{}", seen.reason());
    }
}

#[test]
fn a_source_that_asks_for_patience_gets_it() {
    let mut setting = Setting::of(World { slower: 7.0, ..World::default() });
    setting.faults = vec![(110, 700, Fault::Busy(200))];
    let seen = watched(&setting);
    assert_eq!(seen.asked[..5], [120, 320, 520, 720, 780]);
    assert_eq!(seen.heard.said.iter().filter(|said| said.contains("429")).count(), 1);
}

#[test]
fn one_check_that_is_not_answered_does_not_keep_the_others_from_failing_the_canary() {
    let mut setting = Setting::of(World { slower: 60.0, ..World::default() });
    setting.faults = vec![(0, i64::MAX, Fault::Without("errors"))];
    let seen = watched(&setting);
    assert_eq!(seen.outcome(), Outcome::Fail);
    assert_snapshot!(said(&seen), @"
    began at 0, judged from 0 to 3600, resumed at None
    the store did not answer within 30s; again at 125
    warning: the control's past of `errors` is not known: its noise and the spread of its replicas are learned on the way, so that an answer takes longer
    warning: check `errors` is not judged for now: the query is too much
    warning: latency: harmed after 1 min, by replicas that are new beside a control's that are not: a written tolerance leaves nothing for a cold start; a longer `warm_up`, or a control started together with the canary, tells the two apart
    fail:
    ");
}

#[test]
fn one_check_that_is_not_answered_bars_a_pass_until_it_is() {
    let mut setting = Setting::of(World::default());
    setting.faults = vec![(0, i64::MAX, Fault::Without("errors"))];
    assert_eq!(watched(&setting).outcome(), Outcome::Inconclusive);
    setting.faults = vec![(0, 600, Fault::Without("errors"))];
    let seen = watched(&setting);
    assert_eq!(seen.outcome(), Outcome::Pass, "{}", seen.reason());
}

#[test]
fn points_from_the_future_are_not_judged_before_their_time() {
    let mut setting = Setting::of(World { slower: 7.0, ..World::default() });
    let honest = watched(&setting);
    setting.faults = vec![(0, i64::MAX, Fault::Ahead)];
    assert_eq!(watched(&setting).watched.judged, honest.watched.judged);
}

#[test]
fn what_has_passed_is_caught_up_at_once_with_the_same_end() {
    for world in [FAILING, World::default()] {
        let live = watched(&Setting::of(world));
        let mut late = Setting::of(world);
        late.now = 50_000;
        let late = watched(&late);
        assert_eq!(late.watched.judged, live.watched.judged);
        assert_eq!(late.asked.len(), 1);
    }
}

#[test]
fn who_stops_it_gets_what_is_known() {
    let mut setting = Setting::of(World { slower: 7.0, ..World::default() });
    setting.stopped_at = Some(300);
    let seen = watched(&setting);
    assert_eq!(seen.watched.judged.traces[0].canary.len(), 5);
    assert_snapshot!(said(&seen), @"
    began at 0, judged from 0 to 3600, resumed at None
    stopping
    inconclusive: stopped by hand before anything was settled
    ");
}

#[test]
fn it_goes_on_bit_for_bit_wherever_it_was_ended() {
    let folder = tempfile::tempdir().unwrap();
    for world in [FAILING, World { slower: 6.0, ..World::default() }] {
        let whole = watched(&Setting::of(world));
        for stop in (60..=60 * whole.steps()).step_by(180) {
            let file = StateFile::at(
                &folder.path().join(format!("{}-{stop}", world.seed + world.bad_percent)),
            );
            let mut setting = Setting::of(world);
            (setting.state, setting.stopped_at) = (Some(file), Some(stop));
            watched(&setting);
            (setting.stopped_at, setting.now) = (None, stop + 500);
            assert_eq!(watched(&setting).watched.judged, whole.watched.judged, "stopped at {stop}");
            // And again, now that it is over.
            assert_eq!(watched(&setting).watched.judged, whole.watched.judged);
        }
    }
}

#[test]
fn a_pack_that_the_store_has_nothing_of_changes_nothing_but_that_it_is_said() {
    let folder = tempfile::tempdir().unwrap();
    for world in [World::default(), FAILING] {
        let mut setting = Setting::of(world);
        let without = watched(&setting);
        setting.asks_a_pack = true;
        let mut seen = watched(&setting);
        let left_out = "left out, as the source has nothing of them on either arm: `memory`, `open files` \
                        of golden/process";
        assert!(
            seen.heard.said.iter().any(|said| said.contains(left_out)),
            "{:?}",
            seen.heard.said
        );
        assert_eq!(seen.watched.judged.verdict.ignored, [left_out]);
        // A restart keeps to it.
        let path = folder.path().join(format!("{}", world.bad_percent));
        (setting.state, setting.stopped_at) = (Some(StateFile::at(&path)), Some(120));
        watched(&setting);
        (setting.stopped_at, setting.now) = (None, 700);
        let again = watched(&setting);
        assert_eq!(again.watched.judged, seen.watched.judged);
        seen.watched.judged.verdict.ignored.clear();
        assert_eq!(seen.watched.judged, without.watched.judged);
    }
}

#[test]
fn the_past_is_learned_from_once_and_its_failure_is_a_warning() {
    let mut setting = Setting::of(World { slower: 7.0, ..World::default() });
    setting.timing.horizon = Duration::from_secs(600);
    let seen = watched(&setting);
    assert!(seen.watched.judged.verdict.warnings.is_empty());
    setting.faults = vec![(0, i64::MAX, Fault::Without("latency"))];
    let seen = watched(&setting);
    let warnings = &seen.watched.judged.verdict.warnings;
    assert_eq!(warnings.len(), 1);
    assert!(warnings[0].text.contains("of `latency` is not known"), "{}", warnings[0].text);
    let latency = seen.watched.judged.verdict.metrics.iter().find(|it| it.name == "latency");
    let evidence = latency.unwrap().evidence.as_ref().unwrap();
    assert_eq!(evidence.standing, Standing::Unclear);
    assert_eq!(at(0).as_millis() % 60_000, 0);
}

#[test]
fn a_replica_that_stops_is_told_of_once_and_stays_in_the_report() {
    let mut setting = Setting::of(World { one_until: 300, slower: 7.0, ..World::default() });
    setting.timing.horizon = Duration::from_secs(1200);
    let seen = watched(&setting);
    assert_snapshot!(seen.heard.said.join("\n"), @"
    began at 0, judged from 0 to 1200, resumed at None
    warning: 1 of the canary's 2 replicas stopped reporting, the first at 12:35 UTC, and the control's went on: `pod-1-1`; whether they crashed or were scaled down, their metrics do not say
    ");
    let warnings = &seen.watched.judged.verdict.warnings;
    assert_eq!(warnings.len(), 1);
    assert_eq!(warnings[0].code, WarningCode::ReplicasGone);
}
