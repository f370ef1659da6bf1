//! A self-test for merge requests and issues.

use serin_model::TestedMetric;

use super::table::{history, yaml};
use super::{SelfTestReport, wording};
use crate::label;
use crate::markdown_text::{code, sentence};

/// The length of a sentence from a file, and of a metric's name.
const LONG_SENTENCE: usize = 600;
const LONG_NAME: usize = 60;

/// So many metrics have a row; the others are counted.
const MOST_METRICS: usize = 60;

/// Shows a self-test as GitHub-flavoured Markdown. Names from files cannot become markup.
#[must_use]
pub fn self_test_markdown(report: &SelfTestReport) -> String {
    let test = &report.self_test;
    let mut page = format!("## Self-test: {}\n\n", sentence(report.service.trim(), LONG_NAME));
    let mut paragraph = |text: &str| {
        let text = crate::wording::sentence(text);
        page.push_str(&format!("{}\n\n", sentence(&text, LONG_SENTENCE)));
    };
    paragraph(&report.summary);
    paragraph(&format!("{}, {}", wording::asked(test), history(report)));
    for line in wording::canaries(test) {
        page.push_str(&format!("- {}\n", sentence(&line, LONG_SENTENCE)));
    }
    page.push_str(HEADING);
    page.push_str(if test.kayenta.is_some() { " kayenta |\n" } else { "\n" });
    page.push_str("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    page.push_str(if test.kayenta.is_some() { " ---: |\n" } else { "\n" });
    for metric in test.metrics.iter().take(MOST_METRICS) {
        page.push_str(&row(metric));
    }
    let left = test.metrics.len().saturating_sub(MOST_METRICS);
    if left > 0 {
        page.push_str(&format!("\n{left} more metrics have no room here.\n"));
    }
    page.push('\n');
    for metric in test.metrics.iter().take(MOST_METRICS) {
        for remark in wording::remarks(metric, test) {
            let name = code(&wording::name(metric), LONG_NAME);
            page.push_str(&format!("- {name}: {}\n", sentence(&remark, LONG_SENTENCE)));
        }
    }
    page.push_str(&recommendations(report));
    for warning in test.warnings.iter().chain(&report.doubts) {
        page.push_str(&format!("\n> ⚠ {}\n", sentence(&label::one_line(warning), LONG_SENTENCE)));
    }
    page
}

const HEADING: &str = "\n| metric | false alarms | adds | tolerates | enough | safe | sees | φ | unlike \
     | missing |";

fn row(metric: &TestedMetric) -> String {
    let cells = [
        wording::alarms(&metric.false_alarms),
        wording::added(metric),
        wording::share(metric.tolerance),
        wording::smallest(metric),
        wording::safe(metric),
        wording::sees(metric),
        wording::correlation(metric),
        wording::spread(metric),
        wording::missing(metric),
    ];
    let kayenta = metric.kayenta.as_ref();
    let kayenta = kayenta.map_or_else(String::new, |it| format!(" {} |", wording::alarms(it)));
    let name = code(&wording::name_and_role(metric), LONG_NAME);
    format!("| {name} | {} |{kayenta}\n", cells.join(" | "))
}

fn recommendations(report: &SelfTestReport) -> String {
    let recommended = &report.self_test.recommendations;
    if recommended.is_empty() {
        return "\nNothing needs to be changed.\n".to_owned();
    }
    let mut text = "\n### Recommended\n\n".to_owned();
    for recommendation in recommended {
        let words = wording::recommendation(recommendation);
        text.push_str(&format!("- {}\n", sentence(&words, LONG_SENTENCE)));
    }
    // Indented code cannot be closed from inside.
    text.push_str("\nIn the Check file:\n\n");
    yaml(report).for_each(|line| text.push_str(&format!("    {line}\n")));
    text
}
