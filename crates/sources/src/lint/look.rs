//! One query of one check, read for whoever looks for mistakes in it.

use std::time::Duration;

use promql_parser::parser::{self, Expr};
use serin_model::{
    Analysis, Check, Finding, FindingCode, LabelSelector, Query, Step, Timestamp, Window,
};

use super::expression::nodes;
use crate::collect::{Part, parts};
use crate::inquiry::quantity;
use crate::promql::{Prepared, filled, prepare};
use crate::rows::shown;
use crate::source::{Asked, QueryError};

/// A query that can be asked, read twice: as the store would get it, and with marks for what serin
/// fills in, so that it can be written again.
#[derive(Clone, Debug)]
pub(super) struct Look<'a> {
    pub(super) analysis: &'a Analysis,
    pub(super) check: &'a Check,
    /// The key below the check.
    pub(super) key: &'static str,
    pub(super) part: Part,
    /// As the store gets it for the control.
    pub(super) asked: Expr,
    /// With marks in the place of the arm, the step and the window.
    pub(super) marked: Expr,
    /// What the store is asked; absent where a mistake was mended in order to look on.
    pub(super) prepared: Option<Prepared>,
    /// How far apart the store's samples lie, where that is known.
    pub(super) scrape_seconds: Option<f64>,
}

impl Look<'_> {
    /// Creates a finding about this query.
    pub(super) fn finding(&self, code: FindingCode, problem: String) -> Finding {
        Finding::of_check(code, &self.check.name, self.key, problem)
    }

    /// Returns whether whole counts are wanted.
    pub(super) fn is_counted(&self) -> bool {
        self.part != Part::Value
    }

    /// Returns the length of a step.
    pub(super) fn step_seconds(&self) -> u64 {
        self.analysis.step.seconds().into()
    }
}

/// Every query of a check with the key that it stands under.
pub(super) fn queries(check: &Check) -> Vec<(&'static str, Part, &Query)> {
    let parts = parts(&check.measure).into_iter();
    let keys = check.measure.queries().into_iter();
    keys.zip(parts).map(|((key, query), (part, _))| (key, part, query)).collect()
}

/// Reads a query as the store gets it for the control, and with marks.
///
/// # Errors
///
/// [`QueryError`] when it holds what serin cannot fill in.
pub(super) fn read(
    analysis: &Analysis,
    part: Part,
    query: &Query,
) -> Result<Option<(Expr, Expr)>, QueryError> {
    let marks = LabelSelector::from([(ARM_MARK.to_owned(), "1".to_owned())]);
    let marked_window = Window {
        start: Timestamp::from_seconds(0),
        end: Timestamp::from_seconds(WINDOW_MARK.0.into()),
    };
    let marked_step = Step::from_seconds(STEP_MARK.0).unwrap_or(Step::MINUTE);
    let as_asked = filled(&asked(analysis, part, query))?;
    let as_marked = filled(&Asked {
        arm: &marks,
        window: marked_window,
        step: marked_step,
        ..asked(analysis, part, query)
    })?;
    if is_endless(&as_asked.text) {
        return Ok(None);
    }
    let parsed = parser::parse(&as_asked.text).ok();
    Ok(parsed.zip(parser::parse(&as_marked.text).ok()))
}

/// Returns a query as the store gets it for the control; nothing where it would take too long to look at,
/// or holds what serin cannot fill in.
pub(super) fn text(analysis: &Analysis, part: Part, query: &Query) -> Option<String> {
    let text = filled(&asked(analysis, part, query)).ok()?.text;
    (!is_endless(&text)).then_some(text)
}

/// Whoever looks at every part of every part has no patience for a query that nobody wrote by hand.
fn is_endless(text: &str) -> bool {
    let words = text.split_whitespace().filter(|word| matches!(*word, "or" | "and" | "unless"));
    text.matches(['*', '/', '%', '^', '>', '<']).count() + words.count() > MOST_OPERATORS
}

const MOST_OPERATORS: usize = 500;

/// Returns what the store is asked.
///
/// # Errors
///
/// [`QueryError`] when it cannot be asked.
pub(super) fn prepared(
    analysis: &Analysis,
    part: Part,
    query: &Query,
) -> Result<Prepared, QueryError> {
    prepare(&asked(analysis, part, query))
}

fn asked<'a>(analysis: &'a Analysis, part: Part, query: &'a Query) -> Asked<'a> {
    let length = analysis.horizon.unwrap_or(USUAL_LENGTH);
    let start = Timestamp::from_seconds(0);
    Asked {
        query,
        quantity: quantity(part),
        arm: &analysis.arms.control,
        window: analysis.window.unwrap_or(Window { start, end: start.after(length) }),
        step: analysis.step,
        for_each: &analysis.for_each,
        replica: analysis.replica.as_deref(),
        timeout: Duration::from_secs(30),
    }
}

const USUAL_LENGTH: Duration = Duration::from_secs(3600);

/// Writes a marked expression with the variables that the marks stand for, on one line.
pub(super) fn written(marked: &Expr) -> String {
    let text = marked.to_string();
    let text = text.replace(&format!("{ARM_MARK}=\"1\""), "$arm");
    let text = text.replace(STEP_MARK.1, "$step").replace(WINDOW_MARK.1, "$window");
    // The parser sets them apart by a comma alone.
    spaced(&text)
}

/// Puts a space behind the commas of a query, outside quotes.
fn spaced(text: &str) -> String {
    let (mut spaced, mut quoted, mut escaped) = (String::new(), false, false);
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        spaced.push(letter);
        match letter {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            ',' if !quoted && letters.peek().is_some_and(|next| *next != ' ') => spaced.push(' '),
            _ => {}
        }
    }
    spaced
}

/// A label that no store has.
pub(super) const ARM_MARK: &str = "zz_serin_arm";

/// Lengths in seconds that nobody writes, and how the parser writes them.
pub(super) const STEP_MARK: (u32, &str) = (604_799, "6d23h59m59s");
const WINDOW_MARK: (u32, &str) = (1_209_599, "13d23h59m59s");

/// Returns the first metric that an expression names, for a sentence.
pub(super) fn name_in(expression: &Expr) -> String {
    let named = |selector| super::expression::metric(selector).map(|name| shown(name, 80));
    let mut selectors = nodes(expression)
        .into_iter()
        .filter_map(|node| super::expression::selector(node.expression).and_then(named));
    selectors.next().unwrap_or_else(|| "the metric".to_owned())
}
