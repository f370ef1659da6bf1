//! Mistakes in queries that can be seen before anything is judged.
//!
//! [`lint_queries`] reads the queries of an analysis; a [`Survey`] asks the store for what only it knows.
//! A rule is a function that looks at one query and says at most one thing.

mod answers;
mod counters;
mod expression;
mod labels;
mod levels;
mod look;
mod means;
mod names;
mod outcomes;
mod pairs;
mod patterns;
mod placeholders;
mod quantiles;
mod ranges;
mod resets;
mod rewrite;
mod sighting;
mod silence;
mod survey;
mod units;
mod unknown;

use promql_parser::parser::Expr;
use serin_model::{Analysis, Check, Edit, Finding, FindingCode, Query, Source};

use self::look::{Look, written};
use crate::collect::Part;
use crate::promql::{Prepared, running_total};
use crate::registry::source_named;
use crate::rows::shown;
use crate::selector::Selector;
use crate::source::{QueryError, Source as Store};

pub use self::survey::{Cost, Survey, Surveyed};

/// What looks at one query, and says at most one thing.
type Rule = fn(&Look<'_>) -> Option<Finding>;

/// All of them, in the order in which their findings are said.
const RULES: &[&[Rule]] = &[
    labels::RULES,
    patterns::RULES,
    quantiles::RULES,
    means::RULES,
    counters::RULES,
    resets::RULES,
    levels::RULES,
    silence::RULES,
    ranges::RULES,
];

/// Finds mistakes in the queries of an analysis, check by check, from their text alone.
///
/// * `source`: where they are asked; a store that speaks PromQL when absent. Nothing is found in the queries
///   of a store that speaks another language.
/// * `scrape_seconds`: how far apart the store's samples lie, where that is known.
#[must_use]
pub fn lint_queries(
    analysis: &Analysis,
    source: Option<&Source>,
    scrape_seconds: Option<f64>,
) -> Vec<Finding> {
    let mut found = Vec::new();
    if !is_promql(source) {
        return found;
    }
    let is_recording = matches!(source, Some(Source::File { .. }));
    for check in analysis.checks() {
        let mut looks = Vec::new();
        for (key, part, query) in look::queries(check) {
            let asked = Asked { analysis, source, check, key, part, query, scrape_seconds };
            if is_recording && let Err(error) = Selector::read(query) {
                let finding = asked.finding(FindingCode::QueryRefused, error.reason.clone());
                let hint =
                    "a recording is read by selectors such as `http_requests_total{code=~\"5..\"}`";
                found.push(finding.proposing(hint.to_owned()));
                continue;
            }
            let (findings, look) = asked.read();
            found.extend(findings);
            looks.extend(look);
        }
        for look in &looks {
            let rules = RULES.iter().flat_map(|rules| rules.iter());
            // What keeps a query from being asked may be said already.
            let new: Vec<Finding> =
                rules.filter_map(|rule| rule(look)).filter(|it| !found.contains(it)).collect();
            found.extend(new);
        }
        if looks.len() == look::queries(check).len() {
            found.extend(pairs::of_check(&looks));
        }
        found.extend(looks.first().map(units::unit_mismatch).unwrap_or_default());
    }
    found
}

/// Returns whether queries to a source are PromQL. Recordings are asked by its selectors.
fn is_promql(source: Option<&Source>) -> bool {
    match source {
        Some(Source::Store(store)) => source_named(&store.kind).is_some_and(Store::speaks_promql),
        Some(Source::File { .. }) | None => true,
    }
}

/// A query that may not be one.
struct Asked<'a> {
    analysis: &'a Analysis,
    source: Option<&'a Source>,
    check: &'a Check,
    key: &'static str,
    part: Part,
    query: &'a Query,
    scrape_seconds: Option<f64>,
}

impl<'a> Asked<'a> {
    fn finding(&self, code: FindingCode, problem: String) -> Finding {
        Finding::of_check(code, &self.check.name, self.key, problem)
    }

    /// Reads the query, and says why it cannot be asked.
    fn read(&self) -> (Option<Finding>, Option<Look<'a>>) {
        match placeholders::placeholder(self.query.as_str()) {
            Some(placeholder) => self.without(placeholder),
            None => self.as_it_is(),
        }
    }

    fn without(
        &self,
        placeholder: placeholders::Placeholder,
    ) -> (Option<Finding>, Option<Look<'a>>) {
        let placeholders::Placeholder { name, owner, repaired } = placeholder;
        let problem = format!("`{name}` is a variable of {owner}, and nobody fills it in");
        let finding = self.finding(FindingCode::PlaceholderLeft, problem);
        let repaired = repaired.as_deref().and_then(Query::new);
        let read = repaired.and_then(|query| look::read(self.analysis, self.part, &query).ok()?);
        let Some((asked, marked)) = read else {
            let hint =
                "the labels and lengths themselves; `$arm`, `$step` and `$window` are serin's own";
            return (Some(finding.proposing(hint.to_owned())), None);
        };
        let look = self.look(asked, marked, None);
        let selector = look.is_counted().then(|| look.as_selector()).flatten();
        let finding = match selector {
            Some(query) => finding.mended(vec![look.edit(query)]),
            None => finding.proposing(format!("{}: {}", self.key, written(&look.marked))),
        };
        (Some(finding), Some(look))
    }

    fn as_it_is(&self) -> (Option<Finding>, Option<Look<'a>>) {
        let prepared = look::prepared(self.analysis, self.part, self.query);
        let read = match look::read(self.analysis, self.part, self.query) {
            Ok(read) => read,
            Err(error) => return (Some(self.refused(&error)), None),
        };
        match (prepared, read) {
            (Ok(prepared), Some((asked, marked))) => {
                (None, Some(self.look(asked, marked, Some(prepared))))
            }
            (Ok(_), None) => (self.unknown(), None),
            (Err(error), None) => (Some(self.refused(&error)), None),
            // Of a range nothing else can be said than that it is one.
            (Err(error), Some((Expr::MatrixSelector(_) | Expr::Subquery(_), _))) => {
                (Some(self.refused(&error)), None)
            }
            (Err(error), Some((asked, marked))) => {
                let look = self.look(asked, marked, None);
                (Some(self.refused_for(&error, &look)), Some(look))
            }
        }
    }

    fn look(&self, asked: Expr, marked: Expr, prepared: Option<Prepared>) -> Look<'a> {
        let Self { analysis, check, key, part, scrape_seconds, .. } = *self;
        Look { analysis, check, key, part, asked, marked, prepared, scrape_seconds }
    }

    /// Says what of a query is no PromQL, unless its store is known to speak more than that.
    fn unknown(&self) -> Option<Finding> {
        let of_dialect =
            matches!(self.source, Some(Source::Store(store)) if store.kind == "victoriametrics");
        let text = look::text(self.analysis, self.part, self.query)?;
        let unknown::Unknown { code, problem, hint } = unknown::unknown(&text, of_dialect)?;
        Some(self.finding(code, problem).proposing(hint))
    }

    fn refused(&self, error: &QueryError) -> Finding {
        self.finding(FindingCode::QueryRefused, error.reason.clone()).proposing(error.hint.clone())
    }

    /// Says why a query is refused that is PromQL. As it means nothing yet, it can be mended freely.
    fn refused_for(&self, error: &QueryError, look: &Look<'_>) -> Finding {
        if look.is_counted() && running_total(&look.asked).is_some() {
            let finding = self.finding(FindingCode::RunningTotal, error.reason.clone());
            return match look.as_selector() {
                Some(query) => finding.mended(vec![look.edit(query)]),
                None => finding.proposing(error.hint.clone()),
            };
        }
        // What fixes the arms is mended in the place where it does.
        if let Some(fixed) = labels::arm_fixed(look) {
            return fixed;
        }
        let mut marked = look.marked.clone();
        let is_without = !labels::says_arm(&marked);
        match labels::add_arm(&mut marked) {
            1 if is_without => self
                .finding(FindingCode::MissingArm, error.reason.clone())
                .mended(vec![look.edit(written(&marked))]),
            added if is_without && added > 1 => self
                .finding(FindingCode::MissingArm, error.reason.clone())
                .proposing(format!("{}: {}", self.key, written(&marked))),
            _ => self.refused(error),
        }
    }
}

impl Look<'_> {
    /// Returns the query that shall stand in the place of this one.
    fn edit(&self, query: String) -> Edit {
        Edit { check: self.check.name.clone(), key: self.key.to_owned(), query }
    }

    /// Returns the selector whose counts the query estimates or adds up, if it does nothing else.
    fn as_selector(&self) -> Option<String> {
        let counted = rewrite::counted(&self.marked, self.part == Part::Bad)?;
        rewrite::written_selector(counted.selector)
    }
}

/// Returns a query cut to a length that fits a sentence.
fn shortened_query(marked: &Expr) -> String {
    shown(&written(marked), 120)
}
