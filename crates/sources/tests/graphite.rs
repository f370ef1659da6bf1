//! What Graphite is asked, and how its answers are read.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod store;

use serin_model::Timestamp;
use serin_sources::{Points, Quantity};

use crate::store::{START, Store};

#[test]
fn selectors_paths_and_functions_are_asked() {
    use Quantity::{Buckets, Counter, Level};
    let queries = [
        (Counter, "http_requests_total{code=~\"5..\", $arm}"),
        (Level, "{__name__=\"sys.cpu.user\", host!=\"a\", $arm}"),
        (Buckets, "duration_bucket"),
        (Level, "m{a=~\"b{2}\", c!~\"x|y\", d=\"it's\", e!~\"\\\\d\", $arm}"),
        (Counter, "shop.$track.$pod.requests.error"),
        (Level, "shop.web-$track.{a,b}.cpu[0-3]*.load"),
        (Level, "shop.*.load"),
        (Level, "shop.$arm.load"),
        (Level, "shop.$track.$track.load"),
        (Level, "shop.$track.a'b.load"),
        (Counter, "sumSeries(seriesByTag('name=requests.count', $arm))"),
        (Counter, "sumSeries(stats.$track.*.requests)"),
        (Counter, "perSecond(shop.$track.*.requests)"),
        (Counter, "nonNegativeDerivative(seriesByTag('name=requests', $arm))"),
        (Level, "movingAverage(seriesByTag('name=load', $arm), '5min')"),
        (Level, "summarize(seriesByTag('name=load', $arm), $step, 'avg', true)"),
        (Level, "sumSeries(shop.*.load)"),
        (Level, "sumSeries(shop.$track.load"),
        (Level, "sumSeries(shop.$track.$pod.load)"),
        (Level, "seriesByTag('name=load', 'track=$track')"),
        (Level, "sum(rate(m{code=\"500\", $arm}[5m]))"),
        (Level, "m{$arm} offset 5m"),
    ];
    insta::assert_snapshot!(Store::of("graphite").plans(&queries));
}

#[test]
fn no_value_of_a_label_gets_out_of_its_quotes() {
    let store = Store::of("graphite");
    for value in ["a')", "a\"", "a\\", "a\nb", "~a"] {
        let arm = [("track", value)];
        for query in
            ["sumSeries(seriesByTag('name=m', $arm))", "sumSeries(shop.$track.m)", "shop.$track.m"]
        {
            let said = store.plan(query, Quantity::Level, &arm);
            assert!(said.starts_with("  refused: ") || value == "~a", "{query} {value:?}: {said}");
        }
        // What cannot be asked for is told apart in the answer.
        let said = store.plan("m{$arm}", Quantity::Level, &arm);
        assert!(
            said.starts_with("  samples target=seriesByTag('name=m')  from="),
            "{value:?}: {said}"
        );
    }
    for value in ["a.b", "a*", "", "{a,b}", "a b"] {
        let said = store.plan("shop.$track.m", Quantity::Level, &[("track", value)]);
        assert!(said.starts_with("  refused: "), "{value:?}: {said}");
    }
}

#[test]
fn answers_of_every_shape_are_read() {
    let answers = [
        (
            "tags and gaps",
            r#"[{"target":"r;code=500;track=canary","tags":{"code":"500","track":"canary","name":"r"},"datapoints":[[0.0,1600000200],[null,1600000215],[600.5999999999999,1600000230]]}]"#,
        ),
        (
            "nodes as labels",
            r#"[{"target":"shop.requests;track=canary;pod=a","tags":{"name":"shop.canary.a.requests"},"datapoints":[[1,1600000200]]}]"#,
        ),
        (
            "what a function made",
            r#"[{"target":"perSecond(r;code=500)","tags":{"code":"500","name":"r","perSecond":1},"datapoints":[[1,1600000200]]}]"#,
        ),
        (
            "numbers without end",
            r#"[{"target":"r","tags":{},"datapoints":[[1e9999,1600000200],[-1e9999,1600000215],[NaN,1600000230]]}]"#,
        ),
        (
            "infinity",
            r#"[{"target":"r","tags":{},"datapoints":[[1e9999,1600000200],[-1e9999,1600000215],["NaN",1600000230]]}]"#,
        ),
        ("nothing", "[]"),
        ("nothing but gaps", r#"[{"target":"r","tags":{},"datapoints":[[null,1600000200]]}]"#),
        (
            "a number that is none",
            r#"[{"target":"r","tags":{},"datapoints":[["many",1600000200]]}]"#,
        ),
        ("a list for a number", r#"[{"target":"r","tags":{},"datapoints":[[[1],1600000200]]}]"#),
        ("a time that is none", r#"[{"target":"r","tags":{},"datapoints":[[1,1e300]]}]"#),
        ("no tags", r#"[{"target":"r","datapoints":[[1,1600000200]]}]"#),
        ("other JSON", r#"{"hello":"world"}"#),
        ("half of it", r#"[{"target":"r","da"#),
        ("a page", "<html>"),
    ];
    insta::assert_snapshot!(Store::of("graphite").read_all(&answers));
}

#[test]
fn the_last_point_before_the_judged_time_is_what_counters_count_on_from() {
    let moment = Timestamp::from_seconds(START);
    let body = r#"[{"target":"m","tags":{},"datapoints":[[3,1599999900],[7,1599999960],[null,1600000020]]}]"#;
    let said = Store::of("graphite").reads(Points::LastBefore(moment), "", body);
    assert_eq!(said, "  m {} 1599999960000=7\n");
}
