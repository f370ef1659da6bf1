//! How far queries look back.

use std::time::Duration;

use promql_parser::parser::Expr;
use serin_model::{Finding, FindingCode};

use super::Rule;
use super::expression::{bare, call, change, metric, nodes, selectors};
use super::look::{Look, STEP_MARK, written};
use super::names::is_counter;
use super::rewrite::written_selector;

pub(super) const RULES: &[Rule] = &[
    window_under_two_scrapes,
    window_under_step,
    overlapping_windows,
    nested_range,
    last_two_samples,
    extrapolated_level,
];

/// What needs two samples in its range.
const NEEDS_TWO: [&str; 7] =
    ["rate", "increase", "irate", "delta", "deriv", "idelta", "predict_linear"];

/// The shortest scrape interval that is usual, in seconds.
const SHORTEST_USUAL: f64 = 15.0;

fn window_under_two_scrapes(look: &Look<'_>) -> Option<Finding> {
    let all = nodes(&look.asked);
    let ranges = all.iter().filter_map(|node| {
        let call = call(node.expression, &NEEDS_TWO)?;
        call.args.args.iter().find_map(|argument| match argument.as_ref() {
            Expr::MatrixSelector(matrix) => Some((call.func.name, matrix.range.as_secs_f64())),
            _ => None,
        })
    });
    let (function, shortest) = ranges.min_by(|one, other| one.1.total_cmp(&other.1))?;
    let scrape = look.scrape_seconds.unwrap_or(SHORTEST_USUAL);
    if shortest >= 2.0 * scrape {
        return None;
    }
    let known = match look.scrape_seconds {
        Some(_) => format!("the store's samples lie {scrape} s apart"),
        None => format!(
            "not even where a sample comes every {scrape} s, which is the shortest usual interval; \
             the store's own was not looked at"
        ),
    };
    let problem = format!("`{function}` over {shortest} s does not hold two scrapes: {known}");
    let finding = look.finding(FindingCode::WindowUnderTwoScrapes, problem);
    Some(finding.proposing(format!("a range of four scrapes, such as [{}s]", 4.0 * scrape)))
}

fn window_under_step(look: &Look<'_>) -> Option<Finding> {
    let all = nodes(&look.asked);
    let ranges = all.iter().filter_map(|node| match node.expression {
        Expr::MatrixSelector(matrix) => Some(matrix.range.as_secs()),
        _ => None,
    });
    let shortest = ranges.min()?;
    let step = look.step_seconds();
    if shortest >= step {
        return None;
    }
    let problem = format!("the query looks back {shortest} s at every step of {step} s");
    let finding = look.finding(FindingCode::WindowUnderStep, problem);
    let mut marked = look.marked.clone();
    let_ranges_be_steps(&mut marked);
    let selector = look.is_counted().then(|| look.as_selector()).flatten();
    Some(finding.proposing(match selector {
        Some(query) => format!("{}: {query}", look.key),
        None => format!("{}: {}", look.key, written(&marked)),
    }))
}

fn overlapping_windows(look: &Look<'_>) -> Option<Finding> {
    let all = nodes(&look.asked);
    let ranges = all.iter().filter_map(|node| match node.expression {
        Expr::MatrixSelector(matrix) => Some(matrix.range.as_secs()),
        _ => None,
    });
    let longest = ranges.max()?;
    let step = look.step_seconds();
    if longest <= step {
        return None;
    }
    let problem = format!("the query looks back {longest} s at every step of {step} s");
    let finding = look.finding(FindingCode::OverlappingWindows, problem);
    let could_be_a_step = look.scrape_seconds.unwrap_or(SHORTEST_USUAL) * 2.0 <= step as f64;
    let mut marked = look.marked.clone();
    let_ranges_be_steps(&mut marked);
    let selector = look.is_counted().then(|| look.as_selector()).flatten();
    Some(finding.proposing(match (selector, could_be_a_step) {
        (Some(query), _) => format!("{}: {query}", look.key),
        (None, true) => format!("{}: {}", look.key, written(&marked)),
        (None, false) => format!("a `step` of {longest} s"),
    }))
}

/// Lets every range be a step.
fn let_ranges_be_steps(marked: &mut Expr) {
    change(marked, &mut |part| {
        if let Expr::MatrixSelector(matrix) = part {
            matrix.range = Duration::from_secs(STEP_MARK.0.into());
        }
    });
}

fn nested_range(look: &Look<'_>) -> Option<Finding> {
    let range = nodes(&look.asked).iter().find_map(|node| match node.expression {
        Expr::Subquery(subquery) => Some(subquery.range.as_secs()),
        _ => None,
    })?;
    let problem = format!("a subquery digests {range} s of computed values at every step");
    let mut marked = look.marked.clone();
    change(&mut marked, &mut |part| {
        while let Some(inside) = digested(part) {
            *part = inside.clone();
        }
    });
    let finding = look.finding(FindingCode::NestedRange, problem);
    Some(finding.proposing(format!("{}: {}", look.key, written(&marked))))
}

/// Returns what stands inside a subquery that a function digests.
fn digested(part: &Expr) -> Option<&Expr> {
    let Expr::Call(call) = part else { return None };
    call.args.args.iter().find_map(|argument| match bare(argument) {
        Expr::Subquery(subquery) => Some(bare(&subquery.expr)),
        _ => None,
    })
}

fn last_two_samples(look: &Look<'_>) -> Option<Finding> {
    let name = called(look, &["irate", "idelta"])?;
    let problem = format!("`{name}` sees two samples of a range, and nothing before them");
    let instead = if name == "irate" { "rate" } else { "delta" };
    let finding = look.finding(FindingCode::LastTwoSamples, problem);
    Some(finding.proposing(match look.is_counted() {
        true => "the counter's selector alone: serin counts every sample".to_owned(),
        false => {
            let mut marked = look.marked.clone();
            change(&mut marked, &mut |part| {
                if let Expr::Call(call) = part
                    && call.func.name == name
                {
                    call.func.name = instead;
                }
            });
            format!("{}: {}", look.key, written(&marked))
        }
    }))
}

fn extrapolated_level(look: &Look<'_>) -> Option<Finding> {
    let fits = ["deriv", "predict_linear", "holt_winters", "double_exponential_smoothing"];
    let name = called(look, &fits)?;
    let problem = format!("`{name}` fits a line through the samples of a range");
    let finding = look.finding(FindingCode::ExtrapolatedLevel, problem);
    let level = selectors(&look.marked).into_iter().find(|it| !metric(it).is_some_and(is_counter));
    Some(match level.and_then(written_selector) {
        // The judge finds out whether it rises against the control.
        Some(query) => finding.proposing(format!("{}: {query}", look.key)),
        None => finding.proposing("a `count` of the counter's selector".to_owned()),
    })
}

fn called(look: &Look<'_>, functions: &[&str]) -> Option<&'static str> {
    let all = nodes(&look.asked);
    all.iter().find_map(|node| call(node.expression, functions).map(|call| call.func.name))
}
