//! What is wrong between the queries of one check, and what the check wants of them.

use promql_parser::label::{MatchOp, Matcher};
use promql_parser::parser::VectorSelector;
use serin_model::{Edit, Finding, FindingCode, MeasureKind, Worse};

use super::expression::{contains, matchers, metric, selectors};
use super::look::{ARM_MARK, Look, STEP_MARK, name_in};
use super::outcomes;
use super::rewrite::{Counted, Counting, counted, written_selector};
use crate::collect::Part;
use crate::promql::Prepared;
use crate::rows::shown;

/// Finds out what is wrong between the queries of a check.
///
/// * `looks`: those of its queries that can be read, in the order of the check.
pub(super) fn of_check(looks: &[Look<'_>]) -> Vec<Finding> {
    let mut found = Vec::new();
    if let [bad, total] = looks
        && bad.part == Part::Bad
    {
        found.extend(outcomes::good_as_bad(bad));
        found.extend(same_query_twice(bad, total));
        found.extend(bad_not_of_total(bad, total));
    }
    found.extend(mixed_units(looks));
    found.extend(unequal_windows(looks));
    found.extend(estimated_counts(looks));
    found.extend(looks.first().and_then(odd_direction));
    found
}

fn same_query_twice(bad: &Look<'_>, total: &Look<'_>) -> Option<Finding> {
    (bad.marked == total.marked).then(|| {
        let problem = "`bad` and `total` ask for the same".to_owned();
        bad.finding(FindingCode::SameQueryTwice, problem).proposing(
            "what tells the bad events, such as `code=~\"5..\"`, between the braces of `bad`"
                .to_owned(),
        )
    })
}

fn bad_not_of_total(bad: &Look<'_>, total: &Look<'_>) -> Option<Finding> {
    if bad.marked == total.marked {
        return None;
    }
    let (of_bad, of_total) = (selectors(&bad.marked), selectors(&total.marked));
    let ([of_bad], [of_total]) = (of_bad.as_slice(), of_total.as_slice()) else { return None };
    let others = |it| {
        matchers(it).filter(|matcher: &&_| matcher.name != ARM_MARK && matcher.name != "__name__")
    };
    let left_out = others(of_total).find(|wanted| {
        !others(of_bad).any(|it| {
            let is_meant = it.op == MatchOp::Equal && wanted.is_match(&it.value);
            // That there is a label at all is said by whatever an absent one does not match.
            let is_there = is_not_absent(wanted) && !it.is_match("");
            it.name == wanted.name && (is_meant || is_there || it == *wanted)
        })
    });
    // Two programs may name the same thing in two ways; the same metric has the same labels.
    let left_out = left_out.filter(|wanted| {
        let told_otherwise =
            others(of_bad).any(|it| it.name == wanted.name && it.op != MatchOp::Equal);
        !told_otherwise || metric(of_bad) == metric(of_total)
    })?;
    let problem = format!(
        "`total` counts only {}, and `bad` does not say so",
        shown(&left_out.to_string(), 80)
    );
    Some(bad.finding(FindingCode::BadNotOfTotal, problem).proposing(format!(
        "`{}` in both queries, or in neither",
        shown(&left_out.to_string(), 80)
    )))
}

fn is_not_absent(matcher: &Matcher) -> bool {
    matcher.op == MatchOp::NotEqual && matcher.value.is_empty()
}

fn mixed_units(looks: &[Look<'_>]) -> Option<Finding> {
    let is_rate = |look: &&Look<'_>| matches!(&look.prepared, Some(Prepared::Expression(it)) if it.is_per_second);
    let is_count = |look: &Look<'_>| matches!(look.prepared, Some(Prepared::Selector(_)));
    let rate = looks.iter().find(is_rate)?;
    if !looks.iter().any(is_count) {
        return None;
    }
    let problem = "this is per second, and the check's other query gives counts".to_owned();
    let finding = rate.finding(FindingCode::MixedUnits, problem);
    // The judge refuses the check as it is, so that nothing can change its meaning.
    Some(match edits(looks) {
        Some((edits, _)) => finding.mended(edits),
        None => finding.proposing("the counter's selector alone in both".to_owned()),
    })
}

fn unequal_windows(looks: &[Look<'_>]) -> Option<Finding> {
    let by = |look: &Look<'_>| Some(counted(&look.marked, look.part == Part::Bad)?.by);
    let [first, second] = looks else { return None };
    let (Counting::Over(one), Counting::Over(other)) = (by(first)?, by(second)?) else {
        return None;
    };
    if one == other {
        return None;
    }
    let length = |look: &Look<'_>, seconds: u64| match seconds {
        seconds if seconds == u64::from(STEP_MARK.0) => look.step_seconds(),
        seconds => seconds,
    };
    let problem = format!(
        "this counts over {} s, and the check's other query over {} s",
        length(first, one),
        length(second, other)
    );
    let finding = first.finding(FindingCode::UnequalWindows, problem);
    let (edits, _) = edits(looks)?;
    Some(finding.proposing(lines_of(&edits)))
}

fn lines_of(edits: &[Edit]) -> String {
    let lines: Vec<String> =
        edits.iter().map(|edit| format!("{}: {}", edit.key, edit.query)).collect();
    lines.join("\n")
}

fn estimated_counts(looks: &[Look<'_>]) -> Option<Finding> {
    // What cannot be asked as it is has a mend of its own.
    if mixed_units(looks).is_some() || unequal_windows(looks).is_some() {
        return None;
    }
    let makes_quantile = |look: &Look<'_>| {
        let quantile = ["histogram_quantile"];
        contains(&look.asked, |it| super::expression::call(it, &quantile).is_some())
    };
    if looks.iter().any(|look| look.prepared.is_none() || makes_quantile(look)) {
        return None;
    }
    let is_estimate = |look: &&Look<'_>| {
        look.is_counted()
            && super::expression::nodes(&look.asked).iter().any(|node| {
                let estimates = ["rate", "increase", "irate"];
                super::expression::call(node.expression, &estimates).is_some()
            })
    };
    let look = looks.iter().find(is_estimate)?;
    let problem = format!("the counts of `{}` are estimated", name_in(&look.asked));
    let finding = look.finding(FindingCode::EstimatedCounts, problem);
    Some(match edits(looks) {
        Some((edits, true)) => finding.mended(edits),
        Some((edits, false)) => finding.proposing(lines_of(&edits)),
        None => finding,
    })
}

/// Returns the queries of a check with the counters' selectors in the place of estimates, and whether
/// they ask the same question then; nothing where some query does something else as well.
fn edits(looks: &[Look<'_>]) -> Option<(Vec<Edit>, bool)> {
    let read = |look: &Look<'_>| counted(&look.marked, look.part == Part::Bad).is_some();
    if !looks.iter().all(read) {
        return None;
    }
    let all: Vec<(&Look<'_>, Counted<'_>)> = looks
        .iter()
        .filter_map(|look| Some((look, counted(&look.marked, look.part == Part::Bad)?)))
        .collect();
    let changed = all.iter().filter(|(_, it)| it.by != Counting::Whole);
    let edits: Option<Vec<Edit>> =
        changed.map(|(look, it)| Some(look.edit(written_selector(it.selector)?))).collect();
    let edits = edits.filter(|edits| !edits.is_empty())?;
    Some((edits, is_same_question(&all)))
}

/// A share stays the same where both its counts were in one unit. A count stays the same where
/// nothing of the check is in its unit.
fn is_same_question(all: &[(&Look<'_>, Counted<'_>)]) -> bool {
    let Some((look, first)) = all.first() else { return false };
    let in_one_unit = all.iter().all(|(_, it)| it.by == first.by);
    let each_step = Counting::Over(look.step_seconds());
    let unit_matters =
        look.check.guardrail.is_some() || look.check.margins.written().floor || all.len() > 1;
    match look.check.measure.kind() {
        MeasureKind::Ratio => in_one_unit || is_refused(all),
        MeasureKind::Histogram => true,
        MeasureKind::Count if all.len() > 1 => in_one_unit,
        MeasureKind::Count => !unit_matters || first.by == each_step,
        MeasureKind::Gauge | MeasureKind::Quantile => false,
    }
}

/// Counts over counts per second are refused: they mean nothing yet.
fn is_refused(all: &[(&Look<'_>, Counted<'_>)]) -> bool {
    let any = |by: Counting| all.iter().any(|(_, it)| it.by == by);
    any(Counting::Whole) && any(Counting::PerSecond)
}

/// What is bad when there is more of it, by its name.
const BAD_WHEN_MORE: [&str; 10] = [
    "error",
    "errors",
    "failure",
    "failures",
    "failed",
    "latency",
    "duration",
    "timeouts",
    "5xx",
    "exceptions",
];

/// What is never good, however it is counted.
const ERRORS: [&str; 6] = ["error", "errors", "failures", "failed", "timeouts", "exceptions"];

fn odd_direction(look: &Look<'_>) -> Option<Finding> {
    let check = look.check;
    if check.worse == Worse::Higher {
        return None;
    }
    let is_bad = |text: &str| {
        let mut words = text.split(|letter: char| !letter.is_ascii_alphanumeric());
        words.any(|word| BAD_WHEN_MORE.contains(&word.to_ascii_lowercase().as_str()))
    };
    let is_error = |selector: &&VectorSelector| {
        let told_well = outcomes::good_outcome(selector).is_some();
        let mut words = metric(selector).unwrap_or_default().split('_');
        !told_well && words.any(|word| ERRORS.contains(&word))
    };
    // The count of a distribution is of events, whatever was measured of them.
    let named = |selector: &&VectorSelector| {
        metric(selector).is_some_and(|name| !name.ends_with("_count") && is_bad(name))
            || is_error(selector)
    };
    let kind = check.measure.kind();
    let by_name = || selectors(&look.asked).iter().any(named);
    let by_kind = matches!(kind, MeasureKind::Histogram | MeasureKind::Quantile);
    // A share of what is good falls when something is wrong, whatever the metric is called.
    let counts_errors =
        || kind == MeasureKind::Ratio && selectors(&look.asked).first().is_some_and(is_error);
    let is_odd = is_bad(&check.name)
        || by_kind
        || check.worse == Worse::Either && by_name()
        || check.worse == Worse::Lower && counts_errors();
    if !is_odd {
        return None;
    }
    let word = if check.worse == Worse::Lower { "lower" } else { "either" };
    let problem = match kind {
        MeasureKind::Gauge => format!(
            "a gauge is watched both ways (`worse: {word}`), and this is bad only when it rises"
        ),
        _ => format!("`worse: {word}` blames a canary that has less of it"),
    };
    let finding = Finding::of_check(FindingCode::OddDirection, &check.name, "worse", problem);
    Some(finding.proposing("worse: higher".to_owned()))
}
