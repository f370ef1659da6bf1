//! Kayenta's own files: what they become, and what is said about those that Kayenta crashes on.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap is a failed test")]

use std::time::Duration;

use insta::assert_snapshot;
use serde_json::{Value, json};
use serin_check::kayenta::{
    KayentaConfig, KayentaRequest, analysis, read_config, read_pairs, read_request,
};
use serin_check::{WrittenAnalysis, read, write};
use serin_model::{
    CounterForm, EffectSizeMeasure, EffectSizeOptions, JudgementRun, NanStrategy, Observations,
    Outliers, Source, Step, Timestamp, Worse,
};

const CONFIG: &str = include_str!("kayenta/config.json");
const EXECUTION: &str = include_str!("kayenta/execution.json");
const STAND_ALONE: &str = include_str!("kayenta/stand_alone.json");
const PAIRS: &str = include_str!("kayenta/pairs.json");

fn config() -> KayentaConfig {
    read_config("config.json", CONFIG).unwrap()
}

fn request(text: &str) -> KayentaRequest {
    read_request("request.json", text).unwrap()
}

/// Returns a document with one value changed; `null` leaves it out.
fn changed(text: &str, pointer: &str, value: Value) -> String {
    let mut document: Value = serde_json::from_str(text).unwrap();
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    let parent = document.pointer_mut(parent).unwrap();
    match (parent, value) {
        (Value::Object(map), Value::Null) => drop(map.remove(key)),
        (Value::Object(map), value) => drop(map.insert(key.to_owned(), value)),
        (Value::Array(list), value) => list[key.parse::<usize>().unwrap()] = value,
        (other, _) => panic!("{pointer} leads into {other}"),
    }
    serde_json::to_string_pretty(&document).unwrap()
}

fn config_error(pointer: &str, value: Value) -> String {
    match read_config("config.json", &changed(CONFIG, pointer, value)) {
        Ok(config) => format!("no error: {:?}", config.metrics[0]),
        Err(error) => error.to_string(),
    }
}

fn request_error(text: &str, pointer: &str, value: Value) -> String {
    let request = read_request("request.json", &changed(text, pointer, value));
    match request.and_then(|request| analysis(&config(), Some(&request))) {
        Ok(written) => format!("no error: {:?}", written.analysis.arms),
        Err(error) => error.to_string(),
    }
}

fn option(key: &str, value: Value) -> String {
    config_error(&format!("/metrics/0/analysisConfigurations/canary/{key}"), value)
}

mod configs {
    use super::*;

    #[test]
    fn a_config_is_read_whole() {
        let config = config();
        assert_eq!(config.service, "checkout");
        assert_eq!(config.notes, [""; 0]);
        let names: Vec<&str> = config.metrics.iter().map(|metric| metric.name.as_str()).collect();
        assert_eq!(names, ["error rate", "latency p99", "cpu", "heap"]);
        let weights: Vec<_> = config.group_weights.into_iter().collect();
        assert_eq!(weights.len(), 3);
        let errors = &config.metrics[0].configuration;
        assert_eq!((errors.worse, errors.critical, errors.muted), (Worse::Higher, true, false));
        assert_eq!(errors.kayenta.nan_strategy, NanStrategy::Replace);
        assert_eq!(errors.kayenta.effect_size.critical_increase, 2.0);
        let latency = &config.metrics[1].configuration.kayenta;
        assert_eq!(latency.outliers, Outliers::Remove { factor: 3.0 });
        assert!(latency.must_have_data);
    }

    #[test]
    fn defaults_are_those_of_kayenta() {
        for canary in [json!({}), Value::Null] {
            let text =
                json!({"metrics": [{"name": "m", "analysisConfigurations": {"canary": canary}}]});
            let config = read_config("config.json", &text.to_string()).unwrap();
            let metric = &config.metrics[0];
            assert_eq!(metric.scope_name, "default");
            assert_eq!(metric.groups, [""; 0]);
            assert_eq!(metric.configuration.worse, Worse::Either);
            assert!(!metric.configuration.critical && !metric.configuration.muted);
            assert_eq!(metric.configuration.kayenta, serin_model::KayentaOptions::default());
        }
    }

    #[test]
    fn a_measure_has_its_own_defaults() {
        let sizes = &config().metrics[2].configuration.kayenta.effect_size;
        let none = EffectSizeOptions::without_margin(EffectSizeMeasure::CommonLanguage);
        assert_eq!(
            *sizes,
            EffectSizeOptions { allowed_increase: 0.6, allowed_decrease: 0.4, ..none }
        );
    }

    #[test]
    fn what_kayenta_reads_otherwise_is_noted() {
        let odd =
            changed(CONFIG, "/metrics/0/analysisConfigurations/canary/direction", json!("up"));
        let odd =
            changed(&odd, "/metrics/1/analysisConfigurations/canary/nanStrategy", json!("zero"));
        let odd = changed(&odd, "/judge/judgeConfigurations", json!({"tolerance": 0.1}));
        let config = read_config("config.json", &odd).unwrap();
        assert_eq!(config.metrics[0].configuration.worse, Worse::Either);
        assert_eq!(config.metrics[1].configuration.kayenta.nan_strategy, NanStrategy::Remove);
        assert_snapshot!(config.notes.join("\n"), @"
        `judge.judgeConfigurations` has no effect: Kayenta's confidence is 0.98 and its tolerance 0.25, whatever it says
        metric `error rate`: Kayenta reads the direction `up` as `either`
        metric `latency p99`: Kayenta reads the nanStrategy `zero` as `remove`
        ");
    }

    #[test]
    fn a_request_may_carry_its_config() {
        let carried = format!("{{\"canaryConfig\": {CONFIG}}}");
        assert_eq!(read_config("config.json", &carried).unwrap(), config());
    }

    #[test]
    fn an_ill_typed_option_is_named_with_its_metric() {
        assert_snapshot!(option("critical", json!("true")), @r#"
        config.json:28:23: metric `error rate`: metrics[0].analysisConfigurations.canary.critical is the string "true", not true or false

          28 |           "critical": "true",
             |                       ^

        hint: write true or false here; Kayenta fails the whole judgement on this, without naming it
        "#);
        assert_snapshot!(option("muted", json!(1)), @r#"
        config.json:34:20: metric `error rate`: metrics[0].analysisConfigurations.canary.muted is the number 1, not true or false

          34 |           "muted": 1,
             |                    ^

        hint: write true or false here; Kayenta fails the whole judgement on this, without naming it
        "#);
        assert_snapshot!(option("mustHaveData", json!("yes")), @r#"
        config.json:34:27: metric `error rate`: metrics[0].analysisConfigurations.canary.mustHaveData is the string "yes", not true or false

          34 |           "mustHaveData": "yes",
             |                           ^

        hint: write true or false here; Kayenta fails the whole judgement on this, without naming it
        "#);
        assert_snapshot!(option("direction", json!(true)), @r#"
        config.json:29:24: metric `error rate`: metrics[0].analysisConfigurations.canary.direction is the boolean true, not a string

          29 |           "direction": true,
             |                        ^

        hint: write a string here; Kayenta fails the whole judgement on this, without naming it
        "#);
        assert_snapshot!(option("nanStrategy", json!(["remove"])), @r#"
        config.json:34:26: metric `error rate`: metrics[0].analysisConfigurations.canary.nanStrategy is a list, not a string

          34 |           "nanStrategy": [
             |                          ^

        hint: write a string here; Kayenta fails the whole judgement on this, without naming it
        "#);
        assert_snapshot!(option("outliers", json!("remove")), @r#"
        config.json:35:23: metric `error rate`: metrics[0].analysisConfigurations.canary.outliers is the string "remove", not an object

          35 |           "outliers": "remove"
             |                       ^

        hint: write an object here; Kayenta fails the whole judgement on this, without naming it
        "#);
        assert_snapshot!(option("outliers", json!({"strategy": "remove", "outlierFactor": "3"})), @r#"
        config.json:36:30: metric `error rate`: metrics[0].analysisConfigurations.canary.outliers.outlierFactor is the string "3", not a number

          36 |             "outlierFactor": "3",
             |                              ^

        hint: write a number here; Kayenta fails the whole judgement on this, without naming it
        "#);
        assert_snapshot!(option("outliers", json!({"outlierFactor": 0})), @r#"
        config.json:36:30: metric `error rate`: metrics[0].analysisConfigurations.canary.outliers.outlierFactor is 0

          36 |             "outlierFactor": 0
             |                              ^

        hint: write a number above 0, such as 3
        "#);
        assert_snapshot!(option("effectSize", json!({"allowedIncrease": "1.1"})), @r#"
        config.json:31:32: metric `error rate`: metrics[0].analysisConfigurations.canary.effectSize.allowedIncrease is the string "1.1", not a number

          31 |             "allowedIncrease": "1.1"
             |                                ^

        hint: write a number here; Kayenta fails the whole judgement on this, without naming it
        "#);
        assert_snapshot!(option("effectSize", json!({"measure": 5})), @r#"
        config.json:31:24: metric `error rate`: metrics[0].analysisConfigurations.canary.effectSize.measure is the number 5, not a string

          31 |             "measure": 5
             |                        ^

        hint: write a string here; Kayenta fails the whole judgement on this, without naming it
        "#);
        assert_snapshot!(option("effectSize", json!([1.1])), @r#"
        config.json:30:25: metric `error rate`: metrics[0].analysisConfigurations.canary.effectSize is a list, not an object

          30 |           "effectSize": [
             |                         ^

        hint: write an object here; Kayenta fails the whole judgement on this, without naming it
        "#);
    }

    #[test]
    fn what_is_no_config() {
        assert_snapshot!(config_error("/judge/name", json!("RemoteJudge-v1.0")), @r#"
        config.json:22:13: judge.name is `RemoteJudge-v1.0`, a judge that is not here

          22 |     "name": "RemoteJudge-v1.0"
             |             ^

        hint: the kayenta judge is NetflixACAJudge-v1.0
        "#);
        assert_snapshot!(config_error("/judge", json!("NetflixACAJudge-v1.0")), @r#"
        config.json:20:12: judge is the string "NetflixACAJudge-v1.0", not an object

          20 |   "judge": "NetflixACAJudge-v1.0",
             |            ^

        hint: write an object here
        "#);
        assert_snapshot!(config_error("/metrics", Value::Null), @"
        config.json:1:1: the document has no `metrics`

          1 | {
            | ^

        hint: add `metrics`, as in Kayenta's own files
        ");
        assert_snapshot!(config_error("/metrics", json!({})), @r#"
        config.json:24:14: metrics is an object, not a list

          24 |   "metrics": {},
             |              ^

        hint: write a list here
        "#);
        assert_snapshot!(config_error("/metrics/0", json!("error rate")), @r#"
        config.json:25:5: metrics[0] is the string "error rate", not an object

          25 |     "error rate",
             |     ^

        hint: write an object here
        "#);
        assert_snapshot!(config_error("/metrics/1/name", Value::Null), @"
        config.json:51:5: metrics[1] has no `name`

          51 |     {
             |     ^

        hint: add `name`, as in Kayenta's own files
        ");
        assert_snapshot!(config_error("/metrics/1/name", json!(" ")), @"
        config.json:51:5: metrics[1] has an empty name

          51 |     {
             |     ^

        hint: give each metric a name
        ");
        assert_snapshot!(config_error("/metrics/1/groups", json!("Latency")), @r#"
        config.json:63:17: metrics[1].groups is the string "Latency", not a list

          63 |       "groups": "Latency",
             |                 ^

        hint: write a list here
        "#);
        assert_snapshot!(config_error("/metrics/1/analysisConfigurations", json!([])), @r#"
        config.json:52:33: metrics[1].analysisConfigurations is a list, not an object

          52 |       "analysisConfigurations": [],
             |                                 ^

        hint: write an object here
        "#);
        assert_snapshot!(config_error("/classifier/groupWeights/Errors", json!("50")), @r#"
        config.json:7:17: classifier.groupWeights.Errors is the string "50", not a number

          7 |       "Errors": "50",
            |                 ^

        hint: write a number here
        "#);
        assert_snapshot!(config_error("/classifier", json!(50)), @r#"
        config.json:5:17: classifier is the number 50, not an object

          5 |   "classifier": 50,
            |                 ^

        hint: write an object here
        "#);
        assert_snapshot!(config_error("/applications", json!("checkout")), @r#"
        config.json:2:19: applications is the string "checkout", not a list

          2 |   "applications": "checkout",
            |                   ^

        hint: write a list here
        "#);
    }

    #[test]
    fn what_is_no_json() {
        let error = |text: &str| read_config("config.json", text).unwrap_err().to_string();
        assert_snapshot!(error(""), @"
        config.json: the file is empty

        hint: write one JSON document
        ");
        assert_snapshot!(error("[]"), @"
        config.json:1:1: the document is a list, not an object

          1 | []
            | ^

        hint: write an object here
        ");
        assert_snapshot!(error("service: checkout\n"), @"
        config.json:1:1: expected value

          1 | service: checkout
            | ^

        hint: this must be one JSON document, as Kayenta stores it
        ");
        assert_snapshot!(error("{\n  \"metrics\": [}\n"), @r#"
        config.json:2:15: expected value

          2 |   "metrics": [}
            |               ^

        hint: this must be one JSON document, as Kayenta stores it
        "#);
        assert_snapshot!(error("{\"metrics\": [{\"name\": \"a\", \"x\": 1e999}]}"), @r#"
        config.json:1:37: number out of range

          1 | {"metrics": [{"name": "a", "x": 1e999}]}
            |                                     ^

        hint: this must be one JSON document, as Kayenta stores it
        "#);
        assert_snapshot!(error(&"[".repeat(5000)), @"
        config.json:1:128: recursion limit exceeded

          1 | [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[…
            |                                                                                                                                ^

        hint: this must be one JSON document, as Kayenta stores it
        ");
        assert_snapshot!(error(&CONFIG[..700]), @r#"
        config.json:19:108: eof while parsing a string

          19 |         "customInlineTemplate": "PromQL:sum(rate(http_requests_total{code=~\"5..\",track=\"${scope}\"}[1m]))
             |                                                                                                            ^

        hint: this must be one JSON document, as Kayenta stores it
        "#);
        assert_snapshot!(error("{\"metrics\": [{\"name\": \"\u{7}\"}]}"), @r#"
        config.json:1:24: control character (\u0000-\u001f) found while parsing a string

          1 | {"metrics": [{"name": "·"}]}
            |                        ^

        hint: this must be one JSON document, as Kayenta stores it
        "#);
        assert_snapshot!(error("{\"metrics\": [{\"name\": \"\\u001b[31m\", \"groups\": [1]}]}"), @r#"
        config.json:1:48: metrics[0].groups[0] is the number 1, not a string

          1 | {"metrics": [{"name": "\u001b[31m", "groups": [1]}]}
            |                                                ^

        hint: write a string here
        "#);
    }

    #[test]
    fn what_cannot_be_judged() {
        let without_request = |pointer, value| {
            let config = read_config("config.json", &changed(CONFIG, pointer, value)).unwrap();
            analysis(&config, None).unwrap_err().to_string()
        };
        assert_snapshot!(without_request("/metrics", json!([])), @"
        config.json: there is no check to judge

        hint: a canary config needs metrics, each with its own name
        ");
        assert_snapshot!(without_request("/metrics/1/name", json!("cpu")), @"
        config.json: two checks are called `cpu`

        hint: a canary config needs metrics, each with its own name
        ");
        let scopes = changed(CONFIG, "/metrics/1/scopeName", json!("other"));
        let config = read_config("config.json", &scopes).unwrap();
        let error = analysis(&config, Some(&request(EXECUTION))).unwrap_err();
        assert_snapshot!(error, @"
        config.json: its metrics use several scopes (default, other)

        hint: judge each scope by itself: one config a scope
        ");
    }
}

mod requests {
    use super::*;

    #[test]
    fn an_execution_request_names_scopes_times_and_thresholds() {
        let written = analysis(&config(), Some(&request(EXECUTION))).unwrap();
        let analysis = written.analysis;
        assert_eq!(analysis.arms.control["scope"], "checkout-baseline");
        assert_eq!(analysis.arms.canary["location"], "eu-west-1");
        assert_eq!(analysis.arms.control_window, None);
        let window = analysis.window.unwrap();
        assert_eq!(window.start, Timestamp::from_seconds(1_795_422_600));
        assert_eq!(window.end, Timestamp::from_seconds(1_795_426_200));
        assert_eq!((analysis.thresholds.pass(), analysis.thresholds.marginal()), (95.0, 75.0));
        assert_eq!(analysis.judgements, None);
    }

    #[test]
    fn the_control_may_lie_elsewhere_in_time() {
        let control = "/scopes/default/controlScope";
        let before = changed(EXECUTION, &format!("{control}/start"), json!("2026-11-23T07:30:00Z"));
        let before = changed(&before, &format!("{control}/end"), json!("2026-11-23T08:30:00Z"));
        let before = changed(&before, &format!("{control}/scope"), json!("checkout-canary"));
        let written = analysis(&config(), Some(&request(&before))).unwrap();
        let window = written.analysis.arms.control_window.unwrap();
        assert_eq!(window.start, Timestamp::from_seconds(1_795_419_000));
    }

    #[test]
    fn a_threshold_that_is_null_is_not_applied() {
        let only = |key: &str| {
            let text = changed(EXECUTION, &format!("/thresholds/{key}"), Value::Null);
            let thresholds = request(&text).thresholds;
            (thresholds.pass(), thresholds.marginal())
        };
        assert_eq!(only("pass"), (75.0, 75.0));
        assert_eq!(only("marginal"), (95.0, 95.0));
    }

    #[test]
    fn a_stand_alone_request_makes_several_judgements() {
        let run = request(STAND_ALONE).judgements.unwrap();
        let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
        assert_eq!(
            run,
            JudgementRun {
                start: Timestamp::from_seconds(1_795_422_600),
                lifetime: minutes(120),
                interval: minutes(30),
                begin_after: minutes(5),
                lookback: minutes(60),
                control_offset: minutes(60),
                retrospective: false,
            }
        );
        let end = changed(STAND_ALONE, "/scopes/0/endTimeIso", json!("2026-11-23T09:00:30+00:00"));
        let run = request(&end).judgements.unwrap();
        assert_eq!((run.lifetime, run.retrospective), (Duration::from_secs(30 * 60 + 30), true));
    }

    #[test]
    fn extended_parameters_are_noted() {
        let pointer = "/scopes/default/experimentScope/extendedScopeParams";
        let request = request(&changed(EXECUTION, pointer, json!({"zone": "a"})));
        assert_snapshot!(request.notes.join("\n"), @"`extendedScopeParams` of scope `default` is for Kayenta's query templates and selects nothing in a recording");
    }

    #[test]
    fn what_is_no_execution_request() {
        let error = |pointer: &str, value| request_error(EXECUTION, pointer, value);
        assert_snapshot!(error("/scopes", Value::Null), @"
        request.json:1:1: the document has no `scopes`

          1 | {
            | ^

        hint: add `scopes`, as in Kayenta's own files
        ");
        assert_snapshot!(error("/scopes", json!({})), @"
        request.json: it has no scope `default`, which the config's metrics use

        hint: add `default` to `scopes`, which has:
        ");
        assert_snapshot!(error("/scopes", json!("default")), @r#"
        request.json:2:13: scopes is the string "default", not an object

          2 |   "scopes": "default",
            |             ^

        hint: write an object here
        "#);
        assert_snapshot!(error("/scopes", json!({"canary": {}})), @r#"
        request.json:3:15: scopes.canary has no `controlScope`

          3 |     "canary": {}
            |               ^

        hint: add `controlScope`, as in Kayenta's own files
        "#);
        assert_snapshot!(
            error("/scopes", json!({"other": {"controlScope": {"scope": "a"}, "experimentScope": {"scope": "b"}}})),
            @"
        request.json: it has no scope `default`, which the config's metrics use

        hint: add `default` to `scopes`, which has: other
        "
        );
        assert_snapshot!(error("/scopes/default/experimentScope", Value::Null), @r#"
        request.json:3:16: scopes.default has no `experimentScope`

          3 |     "default": {
            |                ^

        hint: add `experimentScope`, as in Kayenta's own files
        "#);
        assert_snapshot!(error("/scopes/default/experimentScope/scope", json!(7)), @r#"
        request.json:16:18: scopes.default.experimentScope.scope is the number 7, not a string

          16 |         "scope": 7,
             |                  ^

        hint: write a string here
        "#);
        assert_snapshot!(error("/scopes/default/experimentScope/scope", json!("checkout-baseline")), @"
        request.json: both arms select the same replicas

        hint: give controlScope and experimentScope different scopes, or different times
        ");
        assert_snapshot!(error("/scopes/default/experimentScope/step", json!(0)), @r#"
        request.json:18:17: scopes.default.experimentScope.step is 0, not a whole number of seconds above 0

          18 |         "step": 0
             |                 ^

        hint: write seconds, such as 60
        "#);
        assert_snapshot!(error("/scopes/default/experimentScope/step", json!(1.5)), @r#"
        request.json:18:17: scopes.default.experimentScope.step is 1.5, not a whole number of seconds above 0

          18 |         "step": 1.5
             |                 ^

        hint: write seconds, such as 60
        "#);
        assert_snapshot!(error("/scopes/default/experimentScope/step", json!("60")), @r#"
        request.json:18:17: scopes.default.experimentScope.step is "60", not a whole number of seconds above 0

          18 |         "step": "60"
             |                 ^

        hint: write seconds, such as 60
        "#);
        assert_snapshot!(error("/scopes/default/experimentScope/end", Value::Null), @r#"
        request.json:12:26: scopes.default.experimentScope has only one of `start` and `end`

          12 |       "experimentScope": {
             |                          ^

        hint: write both, or neither
        "#);
        assert_snapshot!(error("/scopes/default/experimentScope/end", json!("2026-11-23T08:30:00Z")), @r#"
        request.json:12:26: scopes.default.experimentScope ends at or before its start

          12 |       "experimentScope": {
             |                          ^

        hint: `end` must be later than `start`
        "#);
        assert_snapshot!(error("/scopes/default/experimentScope/end", json!("yesterday")), @r#"
        request.json:13:16: scopes.default.experimentScope.end is no moment: `yesterday` is not a moment with its time zone

          13 |         "end": "yesterday",
             |                ^

        hint: write it as in RFC 3339, such as `2026-11-23T08:30:00Z`
        "#);
        assert_snapshot!(error("/scopes/default/experimentScope/extendedScopeParams", json!("a")), @r#"
        request.json:14:32: scopes.default.experimentScope.extendedScopeParams is the string "a", not an object

          14 |         "extendedScopeParams": "a",
             |                                ^

        hint: write an object here
        "#);
        assert_snapshot!(error("/thresholds", Value::Null), @"
        request.json:1:1: the document has no `thresholds`

          1 | {
            | ^

        hint: add `thresholds`, as in Kayenta's own files
        ");
        assert_snapshot!(error("/thresholds", json!({})), @r#"
        request.json:22:17: thresholds has neither `pass` nor `marginal`: Kayenta would pass every canary

          22 |   "thresholds": {}
             |                 ^

        hint: write {"pass": 75, "marginal": 50}
        "#);
        assert_snapshot!(error("/thresholds", json!([75, 50])), @r#"
        request.json:22:17: thresholds is a list, not an object

          22 |   "thresholds": [
             |                 ^

        hint: write an object here
        "#);
        assert_snapshot!(error("/thresholds/pass", json!("95")), @r#"
        request.json:24:13: thresholds.pass is the string "95", not a number

          24 |     "pass": "95"
             |             ^

        hint: write a number here
        "#);
        assert_snapshot!(error("/thresholds/pass", json!(195)), @r#"
        request.json:22:17: thresholds are pass 195 and marginal 75

          22 |   "thresholds": {
             |                 ^

        hint: both are from 0 to 100, and `marginal` is not above `pass`
        "#);
        assert_snapshot!(error("/thresholds/pass", json!(50)), @r#"
        request.json:22:17: thresholds are pass 50 and marginal 75

          22 |   "thresholds": {
             |                 ^

        hint: both are from 0 to 100, and `marginal` is not above `pass`
        "#);
    }

    #[test]
    fn what_is_no_stand_alone_request() {
        let error = |pointer: &str, value| request_error(STAND_ALONE, pointer, value);
        assert_snapshot!(error("/scopes", json!([])), @r#"
        request.json:6:13: scopes is empty

          6 |   "scopes": [],
            |             ^

        hint: a request needs one scope
        "#);
        assert_snapshot!(error("/scopes/0/startTimeIso", Value::Null), @r#"
        request.json:7:5: scopes[0] has no `startTimeIso`, which Kayenta takes to be now; a recording has no now

          7 |     {
            |     ^

        hint: add `startTimeIso`, such as "2026-11-23T08:30:00Z"
        "#);
        assert_snapshot!(error("/scopes/0/controlScope", Value::Null), @"
        request.json:7:5: scopes[0] has no `controlScope`

          7 |     {
            |     ^

        hint: add `controlScope`, as in Kayenta's own files
        ");
        assert_snapshot!(error("/scopes/0/controlOffsetInMinutes", json!(-5)), @r#"
        request.json:9:33: scopes[0].controlOffsetInMinutes is the number -5, not a whole number of minutes

          9 |       "controlOffsetInMinutes": -5,
            |                                 ^

        hint: write a whole number of minutes here
        "#);
        assert_snapshot!(error("/scopes/0/step", json!(-1)), @r#"
        request.json:16:15: scopes[0].step is -1, not a whole number of seconds above 0

          16 |       "step": -1
             |               ^

        hint: write seconds, such as 60
        "#);
        assert_snapshot!(error("/scopes/0/endTimeIso", json!("2026-11-23T08:30:10Z")), @"
        request.json:1:1: the document lets the canary live for less than a minute, so that no judgement fits

          1 | {
            | ^

        hint: give it a later `endTimeIso` or a longer `lifetimeDurationMins`
        ");
        assert_snapshot!(error("/scopes/0/endTimeIso", json!("2026-11-22T08:30:00Z")), @"
        request.json:7:5: scopes[0] ends at or before its start

          7 |     {
            |     ^

        hint: `end` must be later than `start`
        ");
        assert_snapshot!(error("/lifetimeDurationMins", Value::Null), @"
        request.json:1:1: the document has no `lifetimeDurationMins`

          1 | {
            | ^

        hint: add `lifetimeDurationMins`, as in Kayenta's own files
        ");
        assert_snapshot!(error("/lifetimeDurationMins", json!(0)), @"
        request.json:1:1: the document lets the canary live for less than a minute, so that no judgement fits

          1 | {
            | ^

        hint: give it a later `endTimeIso` or a longer `lifetimeDurationMins`
        ");
        assert_snapshot!(error("/lifetimeDurationMins", json!("PT2H")), @r#"
        request.json:4:27: lifetimeDurationMins is the string "PT2H", not a whole number of minutes

          4 |   "lifetimeDurationMins": "PT2H",
            |                           ^

        hint: write a whole number of minutes here
        "#);
        assert_snapshot!(error("/analysisIntervalMins", json!(2.5)), @r#"
        request.json:2:27: analysisIntervalMins is the number 2.5, not a whole number of minutes

          2 |   "analysisIntervalMins": 2.5,
            |                           ^

        hint: write a whole number of minutes here
        "#);
        assert_snapshot!(error("/lookbackMins", json!(1e12)), @r#"
        request.json:5:19: lookbackMins is the number 1000000000000.0, not a whole number of minutes

          5 |   "lookbackMins": 1000000000000.0,
            |                   ^

        hint: write a whole number of minutes here
        "#);
        assert_snapshot!(error("/scopes/0/scopeName", json!("other")), @"
        request.json: it has no scope `default`, which the config's metrics use

        hint: add `default` to `scopes`, which has: other
        ");
    }
}

mod pairs {
    use super::*;

    fn error(pointer: &str, value: Value) -> String {
        match read_pairs("pairs.json", &changed(PAIRS, pointer, value)) {
            Ok(pairs) => format!("no error: {:?}", pairs.series),
            Err(error) => error.to_string(),
        }
    }

    fn values(observations: &Observations) -> Vec<(i64, f64)> {
        let Observations::Value(points) = observations else { panic!("{observations:?}") };
        points.iter().map(|point| (point.time.as_millis(), point.value)).collect()
    }

    #[test]
    fn a_list_is_read_in_order_with_its_gaps() {
        let pairs = read_pairs("pairs.json", PAIRS).unwrap();
        assert_eq!(pairs.step, Step::from_seconds(30).unwrap());
        let names: Vec<&str> = pairs.series.iter().map(|series| series.check.as_str()).collect();
        assert_eq!(names, ["error rate", "cpu"]);
        assert_eq!(pairs.series[0].labels["pod"], "checkout-1");
        let arms = &pairs.series[0].arms;
        let control = values(&arms.control.replicas[0].observations);
        assert_eq!(control[0], (1_795_419_000_000, 1.0));
        assert!(control[1].1.is_nan());
        assert_eq!(control[2], (1_795_419_120_000, 3.0));
        let canary = values(&arms.canary.replicas[0].observations);
        assert_eq!(canary[0], (1_795_422_600_000, 2.5));
        assert!(canary[1].1.is_nan());
        let infinite = [canary[2].1, canary[3].1];
        assert_eq!(infinite, [f64::INFINITY, f64::NEG_INFINITY]);
    }

    #[test]
    fn a_side_without_values_is_silent() {
        let arms = &read_pairs("pairs.json", PAIRS).unwrap().series[1].arms;
        assert!(arms.control.is_silent());
        assert_eq!(values(&arms.canary.replicas[0].observations), [(0, 7.0)]);
    }

    #[test]
    fn a_bare_list_is_read_too() {
        let document: Value = serde_json::from_str(PAIRS).unwrap();
        let list = document["metricSetPairList"].to_string();
        let pairs = read_pairs("pairs.json", &list).unwrap();
        assert_eq!(pairs.series[1], read_pairs("pairs.json", PAIRS).unwrap().series[1]);
        assert_eq!(pairs.series.len(), 2);
    }

    #[test]
    fn what_is_no_list_of_pairs() {
        assert_snapshot!(error("/metricSetPairList", json!([])), @r#"
        pairs.json:2:24: metricSetPairList is an empty list of metric set pairs

          2 |   "metricSetPairList": [],
            |                        ^

        hint: write the metricSetPairList that Kayenta stored for a judgement
        "#);
        assert_snapshot!(error("/metricSetPairList", Value::Null), @"
        pairs.json:1:1: the document has no `metricSetPairList`

          1 | {
            | ^

        hint: add `metricSetPairList`, as in Kayenta's own files
        ");
        assert_snapshot!(error("/metricSetPairList/0", json!(5)), @"
        pairs.json:3:5: metricSetPairList[0] is the number 5, not an object

          3 |     5,
            |     ^

        hint: write an object here
        ");
        assert_snapshot!(error("/metricSetPairList/0/name", Value::Null), @"
        pairs.json:3:5: metricSetPairList[0] has no `name`

          3 |     {
            |     ^

        hint: add `name`, as in Kayenta's own files
        ");
        assert_snapshot!(error("/metricSetPairList/0/values", Value::Null), @"
        pairs.json:3:5: metricSetPairList[0] has no `values`

          3 |     {
            |     ^

        hint: add `values`, as in Kayenta's own files
        ");
        assert_snapshot!(error("/metricSetPairList/0/values/experiment", Value::Null), @r#"
        pairs.json:29:17: metricSetPairList[0].values has no `experiment`

          29 |       "values": {
             |                 ^

        hint: add `experiment`, as in Kayenta's own files
        "#);
        assert_snapshot!(error("/metricSetPairList/0/values/control/1", json!("many")), @r#"
        pairs.json:32:11: metricSetPairList[0].values.control[1] is the string "many", not a number

          32 |           "many",
             |           ^

        hint: write a number here
        "#);
        assert_snapshot!(error("/metricSetPairList/0/values/control", json!({"a": 1})), @r#"
        pairs.json:30:20: metricSetPairList[0].values.control is an object, not a list

          30 |         "control": {
             |                    ^

        hint: write a list here
        "#);
        assert_snapshot!(error("/metricSetPairList/0/tags/pod", json!(1)), @r#"
        pairs.json:27:16: metricSetPairList[0].tags.pod is the number 1, not a string

          27 |         "pod": 1
             |                ^

        hint: write a string here
        "#);
        assert_snapshot!(error("/metricSetPairList/0/scopes", json!([])), @r#"
        pairs.json:14:17: metricSetPairList[0].scopes is a list, not an object

          14 |       "scopes": [],
             |                 ^

        hint: write an object here
        "#);
        assert_snapshot!(error("/metricSetPairList/0/scopes/control/stepMillis", json!(500)), @r#"
        pairs.json:18:25: metricSetPairList[0].scopes.control.stepMillis is the number 500, not a whole number of milliseconds from 1000 up

          18 |           "stepMillis": 500
             |                         ^

        hint: write a whole number of milliseconds from 1000 up here
        "#);
        assert_snapshot!(error("/metricSetPairList/0/scopes/control/stepMillis", json!("60000")), @r#"
        pairs.json:18:25: metricSetPairList[0].scopes.control.stepMillis is the string "60000", not a whole number of milliseconds from 1000 up

          18 |           "stepMillis": "60000"
             |                         ^

        hint: write a whole number of milliseconds from 1000 up here
        "#);
        assert_snapshot!(error("/metricSetPairList/0/scopes/control/startTimeMillis", json!(1.5)), @r#"
        pairs.json:17:30: metricSetPairList[0].scopes.control.startTimeMillis is the number 1.5, not a whole number of milliseconds from 0 up

          17 |           "startTimeMillis": 1.5,
             |                              ^

        hint: write a whole number of milliseconds from 0 up here
        "#);
    }

    #[test]
    fn odd_steps_and_missing_scopes() {
        let step = |value| {
            let pointer = "/metricSetPairList/0/scopes/experiment/stepMillis";
            let pairs = read_pairs("pairs.json", &changed(PAIRS, pointer, value)).unwrap();
            let arm = &pairs.series[0].arms.canary;
            let times = values(&arm.replicas[0].observations);
            (pairs.step.seconds(), times[1].0 - times[0].0)
        };
        assert_eq!(step(json!(1500)), (1, 1500));
        assert_eq!(step(json!(7_200_000)), (60, 7_200_000));
        assert_eq!(step(Value::Null), (60, 60_000));
        let without = changed(PAIRS, "/metricSetPairList/0/scopes", Value::Null);
        assert_eq!(read_pairs("pairs.json", &without).unwrap().step, Step::MINUTE);
    }
}

mod conversion {
    use super::*;

    fn converted(config: &str, request: Option<&str>) -> WrittenAnalysis {
        let config = read_config("config.json", config).unwrap();
        let request = request.map(super::request);
        let mut written = analysis(&config, request.as_ref()).unwrap();
        written.source =
            Some(Source::File { path: "a.csv".to_owned(), counters: CounterForm::Unstated });
        written
    }

    #[test]
    fn a_config_becomes_a_check_file() {
        let text =
            write(&converted(CONFIG, Some(EXECUTION)), &["From Kayenta.".to_owned()]).unwrap();
        assert_snapshot!(text, @r#"
        # From Kayenta.
        service: checkout
        source:
          file:
            path: a.csv
        arms:
          control:
            location: eu-west-1
            scope: checkout-baseline
          canary:
            location: eu-west-1
            scope: checkout-canary
        window:
          start: "2026-11-23T08:30:00Z"
          end: "2026-11-23T09:30:00Z"
        score:
          pass: 95.0
          marginal: 75.0
          weights:
            Errors: 50.0
            Latency: 30.0
            Saturation: 20.0
        checks:
          error rate:
            gauge: "{__name__=\"error rate\", $arm}"
            worse: higher
            critical: true
            groups:
            - Errors
            kayenta:
              nan_strategy: replace
              effect_size:
                allowed_increase: 1.25
                critical_increase: 2.0
          latency p99:
            gauge: "{__name__=\"latency p99\", $arm}"
            worse: higher
            groups:
            - Latency
            kayenta:
              remove_outliers_beyond: 3.0
              must_have_data: true
          cpu:
            gauge: "{__name__=\"cpu\", $arm}"
            groups:
            - Saturation
            kayenta:
              effect_size:
                measure: cles
                allowed_increase: 0.6
                allowed_decrease: 0.4
          heap:
            gauge: "{__name__=\"heap\", $arm}"
            muted: true
            groups: []
        "#);
    }

    #[test]
    fn what_was_converted_reads_back_the_same() {
        let before =
            changed(EXECUTION, "/scopes/default/controlScope/start", json!("2026-11-23T07:30:00Z"));
        for request in [None, Some(EXECUTION), Some(before.as_str()), Some(STAND_ALONE)] {
            let written = converted(CONFIG, request);
            let again = read("serin.yaml", &write(&written, &[]).unwrap()).unwrap();
            let mut expected = written.analysis.clone();
            if let Some(run) = &expected.judgements {
                // A Check file says when the canary lived as its window.
                let end = run.start.after(run.lifetime);
                expected.window = Some(serin_model::Window { start: run.start, end });
            }
            assert_eq!(again.analysis, expected);
            assert_eq!(again.source, written.source);
        }
    }

    #[test]
    fn weights_that_do_not_add_up_are_refused() {
        let error = |pointer: &str, value| {
            let written = converted(&changed(CONFIG, pointer, value), None);
            write(&written, &[]).unwrap_err().to_string()
        };
        assert_snapshot!(error("/classifier/groupWeights/Errors", json!(70)), @"
        Kayenta does not check this, and a Check file does: the weights add up to 120, not to 100

        hint: mend it in Kayenta's files, and convert again; weights are percentages of the whole score; the groups are: Errors, Latency, Saturation
        ");
        assert_snapshot!(error("/classifier/groupWeights/Errors", json!(20)), @"
        Kayenta does not check this, and a Check file does: the weights add up to 70, not to 100

        hint: mend it in Kayenta's files, and convert again; weights are percentages of the whole score; the groups are: Errors, Latency, Saturation
        ");
        assert_snapshot!(error("/classifier/groupWeights/Errors", json!(-20)), @"
        Kayenta does not check this, and a Check file does: the weight of `Errors` is -20; a weight is from 0 to 100

        hint: mend it in Kayenta's files, and convert again; write a percentage from 0 to 100, without a sign
        ");
        assert_snapshot!(error("/classifier/groupWeights/Other", json!(0)), @"
        Kayenta does not check this, and a Check file does: no check is in the group `Other`

        hint: mend it in Kayenta's files, and convert again; write one of: Errors, Latency, Saturation
        ");
    }

    /// Found by the fuzzer: the writer refused it, because the reader took the space away.
    #[test]
    fn names_keep_the_space_around_them() {
        let text = changed(CONFIG, "/applications/0", json!(" checkout "));
        let text = changed(&text, "/metrics/0/name", json!(" error rate "));
        let written = converted(&text, None);
        let again = read("serin.yaml", &write(&written, &[]).unwrap()).unwrap();
        assert_eq!(again.analysis, written.analysis);
        assert_eq!(again.analysis.service, " checkout ");
    }

    #[test]
    fn groups_are_a_set() {
        let twice = changed(CONFIG, "/metrics/0/groups", json!(["Errors", "Errors"]));
        assert_eq!(converted(&twice, None).analysis, converted(CONFIG, None).analysis);
    }
}
