//! The page, as a browser and a screen reader take it.

use insta::assert_snapshot;
use proptest::prelude::*;
use serin_model::Worse::{Either, Higher, Lower};
use serin_model::{Classification, Interval, MeasureKind, Timestamp, Trace, TracePoint};
use serin_report::{Report, html};

#[allow(dead_code, unreachable_pub, reason = "the other tests use the rest of it")]
mod sample;

fn samples() -> Vec<Report> {
    let kayenta =
        [sample::failing(), sample::good(), sample::silent(), sample::nothing(), sample::hostile()];
    let hostile = sample::sequential::hostile();
    kayenta.into_iter().chain(sample::sequential::all()).chain([hostile]).collect()
}

/// A tag of the page, with its attributes in order.
struct Tag<'a> {
    name: &'a str,
    attributes: Vec<(&'a str, &'a str)>,
    /// What follows it, up to the next tag.
    text: &'a str,
}

impl<'a> Tag<'a> {
    fn attribute(&self, name: &str) -> Option<&'a str> {
        self.attributes.iter().find(|attribute| attribute.0 == name).map(|attribute| attribute.1)
    }
}

/// Reads all tags. What is written by hand is never this hard to read, and what is not is escaped.
fn tags(page: &str) -> Vec<Tag<'_>> {
    page.split('<').skip(1).map(tag).collect()
}

fn tag(piece: &str) -> Tag<'_> {
    let (inside, text) = piece.split_once('>').expect("every tag ends");
    let (name, rest) =
        inside.split_once([' ', '/']).filter(|cut| !cut.0.is_empty()).unwrap_or((inside, ""));
    let mut parts = rest.split('"');
    let mut attributes = Vec::new();
    while let (Some(before), Some(value)) = (parts.next(), parts.next()) {
        attributes
            .push((before.trim().trim_end_matches('=').rsplit(' ').next().unwrap_or(""), value));
    }
    Tag { name, attributes, text }
}

#[test]
fn nothing_is_fetched_and_nothing_runs() {
    for report in samples() {
        let page = html(&report).unwrap();
        for tag in tags(&page) {
            assert!(
                !["script", "link", "img", "iframe", "object", "base", "form"].contains(&tag.name)
            );
            assert!(
                tag.attributes.iter().all(|(name, _)| !name.starts_with("on") && *name != "src")
            );
            let link = tag.attribute("href");
            assert!(link.is_none_or(|link| link.starts_with('#')), "{link:?}");
        }
        assert!(!page.contains("http:") && !page.contains("https:") && !page.contains("@import"));
        assert!(page.contains("default-src 'none'"));
    }
}

#[test]
fn whatever_comes_from_files_is_escaped() {
    for report in [sample::hostile(), sample::sequential::hostile()] {
        let page = html(&report).unwrap();
        assert!(!page.contains("<script") && !page.contains("\u{1b}"));
        assert!(!page.contains('\u{202e}'));
        assert_eq!(page.matches("</title>").count(), 1 + page.matches("<title id=").count());
    }
}

#[test]
fn every_tag_is_closed() {
    for report in samples() {
        let page = html(&report).unwrap();
        let mut open: Vec<&str> = Vec::new();
        for piece in page.split('<').skip(1) {
            let tag = tag(piece);
            let inside = piece.split('>').next().unwrap();
            if ["!doctype", "meta"].contains(&tag.name) || inside.ends_with('/') {
                continue;
            }
            match inside.strip_prefix('/') {
                Some(closed) => assert_eq!(open.pop(), Some(closed)),
                None => open.push(tag.name),
            }
        }
        assert!(open.is_empty());
    }
}

#[test]
fn every_picture_says_what_it_shows() {
    for report in samples() {
        let page = html(&report).unwrap();
        let tags = tags(&page);
        for (index, tag) in tags.iter().enumerate().filter(|(_, tag)| tag.name == "svg") {
            if tag.attribute("aria-hidden") == Some("true") {
                continue;
            }
            assert_eq!(tag.attribute("role"), Some("img"));
            assert_eq!(tags[index + 1].name, "title");
            assert_eq!(tags[index + 1].attribute("id"), tag.attribute("aria-labelledby"));
            assert!(!tags[index + 1].text.is_empty());
            assert_eq!(tags[index + 3].attribute("id"), tag.attribute("aria-describedby"));
            assert!(!tags[index + 3].text.is_empty());
        }
    }
}

#[test]
fn headings_go_down_one_level_at_a_time() {
    for report in samples() {
        let page = html(&report).unwrap();
        let levels: Vec<u32> =
            tags(&page).iter().filter_map(|tag| tag.name.strip_prefix('h')?.parse().ok()).collect();
        assert_eq!(levels.iter().filter(|&&level| level == 1).count(), 1);
        assert_eq!(levels.first(), Some(&1));
        assert!(levels.windows(2).all(|pair| pair[1] <= pair[0] + 1));
    }
}

#[test]
fn sections_are_named_and_names_are_unique() {
    for report in samples() {
        let page = html(&report).unwrap();
        let tags = tags(&page);
        let mut names: Vec<&str> = tags.iter().filter_map(|tag| tag.attribute("id")).collect();
        for section in tags.iter().filter(|tag| tag.name == "section") {
            assert!(names.contains(&section.attribute("aria-labelledby").unwrap()));
        }
        for link in tags.iter().filter_map(|tag| tag.attribute("href")) {
            assert!(names.contains(&link.trim_start_matches('#')));
        }
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all);
    }
}

#[test]
fn every_metric_has_its_section() {
    let report = sample::failing();
    let page = html(&report).unwrap();
    for (index, metric) in report.verdict.metrics.iter().enumerate() {
        assert!(page.contains(&format!("<h3 id=\"metric-{}\"><bdi>{}", index + 1, metric.name)));
    }
}

#[test]
fn tables_have_captions_and_scopes() {
    for report in samples() {
        let page = html(&report).unwrap();
        let tags = tags(&page);
        let mut pairs = tags.windows(2);
        assert!(pairs.all(|pair| pair[0].name != "table" || pair[1].name == "caption"));
        let mut heads = tags.iter().filter(|tag| tag.name == "th");
        assert!(heads.all(|tag| tag.attribute("scope").is_some()));
    }
}

/// Returns what stands between two pieces of the page.
fn between<'a>(page: &'a str, start: &str, end: &str) -> &'a str {
    let from = page.find(start).expect("the page has it");
    let length = page[from..].find(end).expect("it ends");
    &page[from..from + length]
}

/// Returns a report of one gauge with a few points, one of them missing.
fn small() -> Report {
    let point = |minute: i64, value: f64| TracePoint {
        time: Timestamp::from_seconds(sample::START + 60 * minute),
        value,
        lowest: value - 1.0,
        highest: value + 1.0,
    };
    let trace = Trace {
        metric: "depth".to_owned(),
        control: vec![point(0, 10.0), point(1, 12.0), point(3, 11.0)],
        canary: vec![point(0, 14.0), point(1, 15.0), point(2, 16.0), point(3, 17.0)],
    };
    let metric = sample::judged(&trace, MeasureKind::Gauge, Classification::High);
    sample::report(serin_model::Outcome::Fail, 0.0, "depth is higher", vec![(metric, trace)])
}

#[test]
fn overlay() {
    let page = html(&small()).unwrap();
    assert_snapshot!(
        between(&page, "<svg class=\"overlay\"", "\n<figcaption>").replace("><", ">\n<")
    );
}

#[test]
fn distribution() {
    let page = html(&small()).unwrap();
    assert_snapshot!(
        between(&page, "<svg class=\"distribution\"", "\n<figcaption>").replace("><", ">\n<")
    );
}

#[test]
fn forest() {
    let page = html(&small()).unwrap();
    assert_snapshot!(between(&page, "<tbody role=\"rowgroup\">", "</tbody>").replace("><", ">\n<"));
}

#[test]
fn evidence() {
    let page = html(&sample::sequential::failing()).unwrap();
    let rows = between(&page, "<tbody role=\"rowgroup\">", "</tbody>").replace("><", ">\n<");
    assert_snapshot!("evidence_rows", rows);
    let widened = between(&page, "<h3 id=\"metric-6\"", "<div class=\"charts\">");
    assert_snapshot!("evidence_section", widened.replace("><", ">\n<"));
}

#[test]
fn whatever_evidence_shows_is_said() {
    let page = html(&sample::sequential::failing()).unwrap();
    for words in [
        "<dd><bdi>after 6 min, at 14:05 UTC</bdi></dd>",
        "25 of 100, derived from the verdict",
        "Evidence of harm: <strong>1 in 40,000 (needs 1 in 660)</strong>",
        "Evidence of safety: <strong>1 in 310 (needs 1 in 20)</strong>",
        "Effect ×\u{a0}4.2, 95\u{a0}% sequence ×\u{a0}3.1 … 5.7; tolerated ≤ ×\u{a0}1.25.",
        "The tolerance is 13.7\u{a0}% instead of 10\u{a0}%, because the control&#39;s own replicas",
        "tolerance in the Check, before it was widened",
        "could see +14 %",
        "too few points: 6 of 50",
    ] {
        assert!(page.contains(words), "{words}");
    }
    let page = html(&sample::sequential::undecided()).unwrap();
    assert!(page.contains("Enough points: latency p99 at 14:50 UTC (44 more)."));
    assert!(!page.contains("before it was widened"));
    assert!(!html(&sample::failing()).unwrap().contains("Evidence"));
}

#[test]
fn a_gap_breaks_the_line() {
    let page = html(&small()).unwrap();
    let control = between(&page, "<path class=\"control line\"", "/>");
    assert_eq!(control.matches('M').count(), 1);
    assert_eq!(control.matches('L').count(), 1);
    let canary = between(&page, "<path class=\"canary line\"", "/>");
    assert_eq!(canary.matches('L').count(), 3);
}

#[test]
fn a_silent_canary_is_said_in_the_picture() {
    let page = html(&sample::silent()).unwrap();
    assert!(page.contains(">the canary reported nothing</text>"));
    assert!(page.contains("There are no points to draw."));
}

#[test]
fn a_control_of_another_day_is_drawn_at_the_canary_s_time() {
    let mut report = small();
    for point in &mut report.traces[0].control {
        point.time = Timestamp::from_millis(point.time.as_millis() - 86_400_000);
    }
    let page = html(&report).unwrap();
    assert!(
        page.contains("The control was measured 24 h earlier and is drawn at the canary’s time.")
    );
    let drawn = |page: &str| between(page, "<path class=\"control line\"", "/>").to_owned();
    assert_eq!(drawn(&page), drawn(&html(&small()).unwrap()));
}

#[test]
fn a_limit_far_from_the_values_is_said_and_not_drawn() {
    let mut report = small();
    report.verdict.metrics[0].guardrail =
        Some(sample::guardrail(serin_model::GuardrailOutcome::Held, 5000.0, "never above 5000"));
    let page = html(&report).unwrap();
    assert!(page.contains("The limit of 5000 lies above this graph."));
    assert!(!page.contains("<line class=\"limit\""));
}

#[test]
fn a_report_read_back_from_json_has_no_graphs() {
    let text = serde_json::to_string(&sample::failing()).unwrap();
    let report: Report = serde_json::from_str(&text).unwrap();
    let page = html(&report).unwrap();
    assert_eq!(page.matches("There are no points to draw.").count(), 6);
}

#[test]
fn twenty_metrics_of_two_hours_are_less_than_a_megabyte() {
    let metrics = (0..20).map(|number| {
        let shape = sample::Shape { minutes: 120, ..sample::Shape::level(0.01) };
        let name = format!("metric {number}");
        sample::metric(&name, MeasureKind::Ratio, Classification::Pass, shape, shape)
    });
    let report = sample::report(serin_model::Outcome::Pass, 100.0, "", metrics.collect());
    let bytes = html(&report).unwrap().len();
    assert!(bytes < 500_000, "{bytes}");
}

#[test]
fn a_week_of_minutes_is_thinned() {
    let shape = sample::Shape { minutes: 10_080, ..sample::Shape::level(0.01) };
    let metric = sample::metric("errors", MeasureKind::Ratio, Classification::Pass, shape, shape);
    let report = sample::report(serin_model::Outcome::Pass, 100.0, "", vec![metric]);
    let bytes = html(&report).unwrap().len();
    assert!(bytes < 120_000, "{bytes}");
}

fn value() -> impl Strategy<Value = f64> {
    let odd = prop::sample::select(vec![
        0.0,
        -0.0,
        1.0,
        1.0 + f64::EPSILON,
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::MAX,
        f64::MIN,
        f64::MIN_POSITIVE,
        5e-324,
        1e300,
        -1e-300,
    ]);
    prop_oneof![any::<f64>(), odd, -10.0..10.0]
}

fn time() -> impl Strategy<Value = i64> {
    prop_oneof![
        4 => (0..200i64).prop_map(|minute| 1000 * (sample::START + 60 * minute)),
        1 => any::<i64>(),
    ]
}

fn points() -> impl Strategy<Value = Vec<TracePoint>> {
    let point = (time(), value(), value(), value()).prop_map(|(time, value, lowest, highest)| {
        TracePoint { time: Timestamp::from_millis(time), value, lowest, highest }
    });
    prop::collection::vec(point, 0..30).prop_map(|mut points| {
        points.sort_by_key(|point| point.time);
        points
    })
}

fn is_coordinate(name: &str) -> bool {
    ["x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "r", "dx", "d", "width", "height"]
        .contains(&name)
}

fn assert_coordinates_are_numbers(page: &str) {
    for tag in tags(page).iter().filter(|tag| !["meta", "html"].contains(&tag.name)) {
        for (name, coordinate) in tag.attributes.iter().filter(|(name, _)| is_coordinate(name)) {
            let known = |letter: char| letter.is_ascii_digit() || ".-% MLVHhZ".contains(letter);
            assert!(coordinate.chars().all(known), "{} {}={}", tag.name, name, coordinate);
            assert!(tag.name == "path" || coordinate.len() < 9, "{coordinate}");
        }
    }
}

proptest! {
    #[test]
    fn coordinates_of_evidence_are_numbers(
        effect in prop::array::uniform3(value()),
        evidence in prop::array::uniform4(value()),
        margins in prop::array::uniform4(value()),
        steps in any::<(u64, u64)>(),
    ) {
        let mut report = sample::sequential::failing();
        for (metric, worse) in report.verdict.metrics.iter_mut().zip([Higher, Lower, Either]) {
            metric.worse = worse;
            let known = metric.evidence.as_mut().expect("the judge is sequential");
            let [estimate, lower, upper] = effect;
            known.effect = Some(Interval { estimate, lower, upper, confidence: 0.95 });
            [known.harm, known.harm_needed, known.safety, known.safety_needed] = evidence;
            [known.tolerated, metric.tolerance, metric.unacceptable, _] = margins;
            known.could_see = Some(margins[3]);
            known.steps = steps.0;
            known.steps_needed = Some(steps.1);
        }
        assert_coordinates_are_numbers(&html(&report).unwrap());
        let text = serin_report::table(&report, serin_report::Style { colour: false, width: 80 });
        prop_assert!(text.contains("derived from the verdict"));
        prop_assert!(serin_report::metrics(&[report]).ends_with("# EOF\n"));
    }

    #[test]
    fn coordinates_are_numbers(
        control in points(),
        canary in points(),
        limit in value(),
        margin in value(),
        step_seconds in any::<u32>(),
    ) {
        let trace = Trace { metric: "m".to_owned(), control, canary };
        let mut metric = sample::judged(&trace, MeasureKind::Ratio, Classification::High);
        metric.guardrail = Some(sample::guardrail(serin_model::GuardrailOutcome::Broken, limit, ""));
        metric.unacceptable = margin;
        let mut report = sample::report(serin_model::Outcome::Fail, margin, "", vec![(metric, trace)]);
        report.step_seconds = step_seconds;
        let page = html(&report).unwrap();
        assert_coordinates_are_numbers(&page);
        let text = serin_report::table(&report, serin_report::Style { colour: false, width: 80 });
        prop_assert!(text.ends_with("roll back checkout, then look at m\n"));
    }
}
