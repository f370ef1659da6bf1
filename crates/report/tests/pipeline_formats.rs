//! What pipelines read: plain lines, Markdown, JUnit XML, OpenMetrics and workflow commands.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap is a failed test")]

use std::collections::BTreeSet;

use insta::assert_snapshot;
use proptest::prelude::*;
use serin_model::{Classification, GuardrailOutcome, Outcome};
use serin_report::{Report, github, junit, lines, markdown, metrics};

#[allow(dead_code, unreachable_pub, reason = "the other tests use the rest of it")]
mod sample;

fn all() -> Vec<Report> {
    let kayenta =
        [sample::failing(), sample::good(), sample::silent(), sample::nothing(), sample::hostile()];
    let hostile = sample::sequential::hostile();
    kayenta.into_iter().chain(sample::sequential::all()).chain([hostile]).collect()
}

#[test]
fn a_failing_canary_in_each_format() {
    let report = sample::failing();
    assert_snapshot!("lines", lines(&report));
    assert_snapshot!("markdown", markdown(&report));
    assert_snapshot!("junit", junit(std::slice::from_ref(&report)).unwrap());
    assert_snapshot!("metrics", metrics(std::slice::from_ref(&report)));
    assert_snapshot!("annotations", github::annotations(&report));
}

#[test]
fn a_silent_canary_in_each_format() {
    let report = sample::silent();
    assert_snapshot!("silent_lines", lines(&report));
    assert_snapshot!("silent_markdown", markdown(&report));
    assert_snapshot!("silent_junit", junit(std::slice::from_ref(&report)).unwrap());
}

#[test]
fn evidence_in_each_format() {
    let report = sample::sequential::failing();
    assert_snapshot!("evidence_lines", lines(&report));
    assert_snapshot!("evidence_markdown", markdown(&report));
    assert_snapshot!("evidence_junit", junit(std::slice::from_ref(&report)).unwrap());
    assert_snapshot!("evidence_metrics", metrics(std::slice::from_ref(&report)));
    assert_snapshot!("evidence_annotations", github::annotations(&report));
}

#[test]
fn no_decision_in_each_format() {
    let report = sample::sequential::undecided();
    assert_snapshot!("undecided_lines", lines(&report));
    assert_snapshot!("undecided_markdown", markdown(&report));
    assert_snapshot!("undecided_junit", junit(std::slice::from_ref(&report)).unwrap());
    assert_snapshot!("undecided_annotations", github::annotations(&report));
}

#[test]
fn reports_of_different_judges_stand_beside_each_other() {
    let reports = [sample::good(), sample::sequential::failing(), sample::sequential::passing()];
    assert_eq!(counts(&junit(&reports).unwrap()).0, 3, "the verdict, errors and panics");
    let text = metrics(&reports);
    let outcome = "serin_outcome{service=\"checkout\",serin_outcome=\"fail\",occurrence=\"2\"} 1";
    assert!(text.contains(outcome), "{text}");
    assert_eq!(text.matches("\nserin_metric_gating{").count(), 6 + 4, "Kayenta has none");
    assert!(github::step_outputs(&reports).starts_with("outcome<<end_of_value\nfail\n"));
}

#[test]
fn a_hostile_report_in_each_format() {
    let mut report = sample::hostile();
    report.verdict.metrics.remove(1);
    assert_snapshot!("hostile_lines", lines(&report));
    assert_snapshot!("hostile_markdown", markdown(&report));
}

/// Returns how many tests of a JUnit document failed, erred and were skipped.
fn counts(text: &str) -> (usize, usize, usize) {
    let document = roxmltree::Document::parse(text).unwrap();
    let count = |name| document.descendants().filter(|node| node.has_tag_name(name)).count();
    let counts = (count("failure"), count("error"), count("skipped"));
    let total = |name: &str| {
        let suites = document.descendants().filter(|node| node.has_tag_name("testsuite"));
        suites.map(|suite| suite.attribute(name).unwrap().parse::<usize>().unwrap()).sum::<usize>()
    };
    assert_eq!((total("failures"), total("errors"), total("skipped")), counts);
    assert_eq!(total("tests"), count("testcase"));
    let root = document.root_element();
    assert_eq!(root.attribute("tests"), Some(&*count("testcase").to_string()));
    assert_eq!(root.attribute("failures"), Some(&*counts.0.to_string()));
    assert_eq!(root.attribute("errors"), Some(&*counts.1.to_string()));
    counts
}

#[test]
fn the_colour_of_junit_is_that_of_the_verdict() {
    for mut report in all() {
        for outcome in [Outcome::Pass, Outcome::Inconclusive, Outcome::Fail] {
            report.verdict.outcome = outcome;
            let (failures, errors, _) = counts(&junit(std::slice::from_ref(&report)).unwrap());
            let passes = failures + errors == 0;
            assert_eq!(passes, outcome == Outcome::Pass, "{}: {outcome}", report.service);
            assert!(outcome != Outcome::Fail || failures > 0);
            assert!(outcome != Outcome::Inconclusive || errors > 0);
        }
    }
}

#[test]
fn a_muted_metric_turns_no_test_red() {
    let mut report = sample::failing();
    report.verdict.metrics.retain(|metric| metric.name == "memory");
    assert!(report.verdict.metrics[0].muted);
    report.verdict.metrics[0].classification = Some(Classification::High);
    assert_eq!(counts(&junit(&[report]).unwrap()), (1, 0, 1), "the verdict's own is the failure");
}

#[test]
fn several_reports_are_several_suites() {
    let text = junit(&[sample::good(), sample::failing()]).unwrap();
    let document = roxmltree::Document::parse(&text).unwrap();
    let suites = document.descendants().filter(|node| node.has_tag_name("testsuite"));
    assert_eq!(suites.count(), 2);
    assert_eq!(counts(&junit(&[]).unwrap()), (0, 0, 0));
}

#[test]
fn junit_keeps_names_as_they_are_and_replaces_what_xml_forbids() {
    let mut report = sample::good();
    report.service = "a\u{0}b\u{fffe}c\u{ffff}d]]>&<\"'".to_owned();
    let text = junit(&[report]).unwrap();
    let document = roxmltree::Document::parse(&text).unwrap();
    let suite = document.descendants().find(|node| node.has_tag_name("testsuite")).unwrap();
    assert_eq!(suite.attribute("name"), Some("a�b�c�d]]>&<\"'"));
}

/// Reads a plain line back into its keys and values.
fn pairs(line: &str) -> Vec<(String, String)> {
    let mut rest = line.strip_prefix("serin").unwrap();
    let mut pairs = Vec::new();
    while let Some(pair) = rest.strip_prefix(' ') {
        let (key, value) = pair.split_once('=').unwrap();
        let (value, length) = unquoted(value);
        rest = &pair[key.len() + 1 + length..];
        pairs.push((key.to_owned(), value));
    }
    assert_eq!(rest, "", "{line}");
    pairs
}

fn unquoted(text: &str) -> (String, usize) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(' ').unwrap_or(text.len());
        return (text[..end].to_owned(), end);
    };
    let mut value = String::new();
    let mut letters = quoted.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return (value, at + 2),
            '\\' => value.push(letters.next().unwrap().1),
            _ => value.push(letter),
        }
    }
    panic!("no quote ends {text}");
}

#[test]
fn every_line_can_be_read_back() {
    for report in all() {
        let text = lines(&report);
        for line in text.lines() {
            let pairs = pairs(line);
            assert_eq!(pairs[1].0, "service", "{line}");
            let keys: BTreeSet<&str> = pairs.iter().map(|pair| pair.0.as_str()).collect();
            assert_eq!(keys.len(), pairs.len(), "a key twice: {line}");
        }
        let first = pairs(text.lines().next().unwrap());
        assert_eq!(first[0], ("verdict".to_owned(), report.verdict.outcome.to_string()));
        let count = |start: &str| text.lines().filter(|line| line.starts_with(start)).count();
        assert_eq!(count("serin metric="), report.verdict.metrics.len());
        assert_eq!(count("serin verdict="), 1);
    }
}

#[test]
fn metrics_are_open_metrics() {
    let text = metrics(&all());
    assert!(text.ends_with("\n# EOF\n"));
    let mut seen = BTreeSet::new();
    let mut families = BTreeSet::new();
    let mut family = String::new();
    for line in text.lines().filter(|line| *line != "# EOF") {
        if let Some(head) = line.strip_prefix("# TYPE ") {
            family = head.split(' ').next().unwrap().to_owned();
            assert!(families.insert(family.clone()), "{family} is begun twice");
        } else if !line.starts_with("# HELP ") {
            let (name, rest) = line.split_once('{').unwrap();
            assert_eq!(name, family);
            let (labels, value) = rest.rsplit_once("} ").unwrap();
            assert!(value.parse::<f64>().is_ok(), "{line}");
            assert!(!line.contains('#'), "GitLab would cut it: {line}");
            assert!(seen.insert(format!("{name}{{{labels}}}")), "{line} stands there twice");
        }
    }
    assert_eq!(metrics(&[]), "# EOF\n");
}

/// Returns the HTML that GitHub would make of it, before it looks for mentions.
fn as_html(text: &str) -> String {
    let mut options = comrak::Options::default();
    options.extension.table = true;
    options.extension.autolink = true;
    options.extension.strikethrough = true;
    options.extension.tasklist = true;
    options.extension.footnotes = true;
    options.render.r#unsafe = true;
    comrak::markdown_to_html(text, &options)
}

/// What this format writes itself, apart from text.
const TAGS: [&str; 30] = [
    "<h2>",
    "</h2>",
    "<p>",
    "</p>",
    "<strong>",
    "</strong>",
    "<code>",
    "</code>",
    "<table>",
    "</table>",
    "<thead>",
    "</thead>",
    "<tbody>",
    "</tbody>",
    "<tr>",
    "</tr>",
    "<th>",
    "<th align=\"right\">",
    "</th>",
    "<td>",
    "<td align=\"right\">",
    "</td>",
    "<ul>",
    "</ul>",
    "<li>",
    "</li>",
    "<details>",
    "</details>",
    "<summary>",
    "</summary>",
];

fn assert_only_our_markup(text: &str) {
    let html = as_html(text);
    for piece in html.split('<').skip(1) {
        let tag = format!("<{}>", piece.split('>').next().unwrap());
        assert!(TAGS.contains(&&*tag), "{tag} in\n{html}\nof\n{text}");
    }
    let shown = without_code(&html);
    for sign in ["@a", "#1", "!1", "://", "www."] {
        assert!(!shown.contains(sign), "{sign} in\n{shown}");
    }
    let cells = |row: &str| row.matches("<td").count() + row.matches("<th").count();
    let rows: Vec<usize> = html.split("<tr>").skip(1).map(cells).collect();
    let columns = if text.contains("| Evidence |") { 9 } else { 7 };
    assert!(rows.iter().all(|count| *count == columns), "{rows:?}\n{html}");
}

fn without_code(html: &str) -> String {
    let pieces = html.split("<code>");
    pieces.map(|piece| piece.split_once("</code>").map_or(piece, |(_, after)| after)).collect()
}

#[test]
fn nothing_in_markdown_becomes_markup() {
    let words = [
        sample::HOSTILE,
        "@all #1 a/b#1 !1 https://a.example www.a.example a@all.example",
        "| a | b |\\| \\\\| ``` ` </details> <img src=x onerror=alert(1)> <!-- ",
        "[a](javascript:alert(1)) ![a](https://a.example) **b** _i_ ~~s~~ [^1] - [ ] t",
        "a`|`b\\",
    ];
    for word in words {
        for mut report in [renamed(&sample::hostile(), word), with_evidence(word)] {
            assert_only_our_markup(&markdown(&report));
            report.verdict.outcome = Outcome::Pass;
            assert_only_our_markup(&markdown(&report));
        }
    }
}

/// A report with evidence, in which every text is this one.
fn with_evidence(word: &str) -> Report {
    let mut report = sample::sequential::failing();
    report.verdict.reason = sample::HOSTILE.to_owned();
    for metric in &mut report.verdict.metrics {
        metric.name = sample::HOSTILE.to_owned();
        metric.test = sample::HOSTILE.to_owned();
        metric.reason = sample::HOSTILE.to_owned();
        if let Some(evidence) = &mut metric.evidence {
            evidence.widened = Some(sample::HOSTILE.to_owned());
        }
    }
    renamed(&report, word)
}

/// A report in which this text stands for a hostile one.
fn renamed(report: &Report, word: &str) -> Report {
    let json = serde_json::to_string(report).unwrap();
    let quoted = |text: &str| {
        let text = serde_json::to_string(text).unwrap();
        text[1..text.len() - 1].to_owned()
    };
    serde_json::from_str(&json.replace(&quoted(sample::HOSTILE), &quoted(word))).unwrap()
}

#[test]
fn markdown_fits_into_a_comment() {
    let mut report = sample::hostile();
    let long = "|`*_[]<>@#$!~".repeat(400);
    report.verdict.reason = long.clone();
    for metric in &mut report.verdict.metrics {
        metric.name = long.clone();
    }
    let metrics = report.verdict.metrics.clone();
    report.verdict.metrics = metrics.iter().cycle().take(2_000).cloned().collect();
    report.verdict.warnings = (0..500)
        .map(|number| {
            sample::warning(serin_model::WarningCode::AllTied, None, &format!("{number}{long}"))
        })
        .collect();
    report.verdict.ignored = vec![long; 500];
    let text = markdown(&report);
    assert!(text.len() < 60_000, "{}", text.len());
    assert!(text.contains(" metrics more: see"), "{text}");
    assert!(text.contains(" warnings more: see"));
    assert!(text.contains("**Next:**"));
    assert_only_our_markup(&text);
}

#[test]
fn annotations_are_one_command_a_line() {
    let allowed = ["::error ", "::warning ", "::notice "];
    for report in all() {
        let text = github::annotations(&report);
        for line in text.lines() {
            assert!(allowed.iter().any(|start| line.starts_with(start)), "{line}");
            let (properties, data) = line[2..].split_once("::").unwrap();
            assert!(!data.is_empty());
            let (_, properties) = properties.split_once(' ').unwrap();
            for property in properties.split(',') {
                let name = property.split('=').next().unwrap();
                assert!(["file", "title"].contains(&name), "{line}");
            }
        }
        assert!(text.lines().count() <= 10);
    }
}

#[test]
fn a_pass_is_annotated_with_a_notice_alone() {
    let text = github::annotations(&sample::good());
    assert_eq!(text.lines().count(), 1);
    assert!(text.starts_with("::notice file=checkout.yaml,title=checkout%3A pass::score 100"));
}

#[test]
fn a_check_file_outside_of_the_repository_is_not_pointed_at() {
    for path in ["/etc/serin.yaml", "standard input"] {
        let mut report = sample::good();
        report.check.path = path.to_owned();
        assert!(github::annotations(&report).starts_with("::notice title="), "{path}");
    }
}

#[test]
fn the_worst_report_is_the_steps_output() {
    let text = github::step_outputs(&[sample::good(), sample::failing(), sample::silent()]);
    assert_snapshot!(text, @"
    outcome<<end_of_value
    fail
    end_of_value
    score<<end_of_value
    33.33
    end_of_value
    reason<<end_of_value
    errors is above the limit of 1.00 % for 3 points or more, up to 2.31 %
    end_of_value
    ");
    assert_eq!(github::step_outputs(&[]), "");
}

#[test]
fn a_broken_limit_is_a_failure_even_where_the_comparison_passes() {
    let mut report = sample::good();
    report.verdict.outcome = Outcome::Fail;
    let limit = sample::guardrail(GuardrailOutcome::Broken, 0.01, "above it");
    report.verdict.metrics[0].guardrail = Some(limit);
    assert_eq!(counts(&junit(std::slice::from_ref(&report)).unwrap()).0, 2);
    assert!(github::annotations(&report).contains("limit broken since 14:22 UTC: above it"));
}

proptest! {
    #[test]
    fn any_name_survives_every_format(name in "\\PC{0,40}|[`|\\\\\n\r<>@#&;:\"' ]{0,20}") {
        for mut report in [renamed(&sample::hostile(), &name), with_evidence(&name)] {
            assert_only_our_markup(&markdown(&report));
            report.check.path.clone_from(&name);
            counts(&junit(std::slice::from_ref(&report)).unwrap());
            for line in lines(&report).lines() {
                pairs(line);
            }
            for line in github::annotations(&report).lines() {
                prop_assert!(line.starts_with("::error "));
            }
        }
    }
}
