//! Fleets of which a store knows.

use std::collections::BTreeMap;

use rayon::prelude::*;
use serin_model::{Analysis, Store, Timestamp, Window};
use serin_sources::{GatheredFleet, Inquiry, MemberSeries};

use super::{Court, FromSource, Judged};
use crate::error::RunError;
use crate::judge::{Answered, beginning_of};
use crate::question::{JudgeKind, Overrides};
use crate::store::{
    Answers, Past, clock_off, cut_steps, input, nothing_found, overridden, send, span_of, window,
};
use crate::usual::HISTORY;

/// Asks a store about all members at once, and judges each.
pub(super) fn judge(
    court: &Court<'_>,
    written: &Store,
    overrides: Overrides<'_>,
) -> Result<Judged, RunError> {
    let store = overridden(written, overrides)?;
    let mut analysis = court.analysis().clone();
    let window = window(&analysis, overrides.time)?;
    if analysis.judgements.is_none() {
        analysis.window = Some(window);
    }
    let Answers { inquiry, answers, clock_ahead } =
        send(court.question, &analysis, &store, window, court.progress)?;
    let mut fleet = inquiry.gather_each(answers);
    let (members, without_canary) = sorted_out(&mut fleet);
    let mut warnings = Vec::new();
    warnings.extend(clock_off(clock_ahead, overrides.time.end.is_some()));
    warnings.extend(cut_steps(&analysis, window));
    if members.is_empty() && without_canary.is_empty() {
        return Err(nothing_found(&inquiry, window, &warnings));
    }
    let past = past(court, &analysis, &store, window, !members.is_empty())?;
    let of = members.len();
    let judge = |member: MemberSeries| {
        let name = member.name.clone();
        let gathered = inquiry.gather_member(&fleet, member);
        let input = input(&inquiry, "queries about all members", gathered.digest);
        let source = FromSource { name: inquiry.name().to_owned(), input };
        let answered = Answered {
            analysis: analysis.clone(),
            span: span_of(&gathered.series),
            series: gathered.series,
            warnings: gathered.warnings.into_iter().chain(warnings.iter().cloned()).collect(),
            name: source.name.clone(),
            input: source.input.clone(),
            note: None,
        };
        let own = match &past {
            Some(past) => past.of(&name).map(|past| past.up_to_the_canary(&answered)),
            None => Some(Past::default()),
        };
        court.judge(&name, &source, Ok(answered), own, of)
    };
    let reports = members.into_par_iter().map(judge).collect::<Result<_, _>>()?;
    let partial = fleet.is_partial().then(|| {
        "a part of the data is missing, as the source itself says: who seems to have no canary is judged \
         all the same"
            .to_owned()
    });
    let (strays, notes) = (fleet.strays(), partial.into_iter().collect());
    Ok(Judged { reports, without_canary, strays, notes, ..Judged::default() })
}

/// Returns those who are judged, and the names of those who have no canary. Where some query failed,
/// nobody is known to have none.
fn sorted_out(fleet: &mut GatheredFleet) -> (Vec<MemberSeries>, Vec<Vec<String>>) {
    let is_in_part = fleet.is_in_part();
    let is_judged = |member: &MemberSeries| member.has_canary || is_in_part;
    let (judged, others): (Vec<_>, Vec<_>) = fleet.take_members().into_iter().partition(is_judged);
    (judged, others.into_iter().map(|member| member.name).collect())
}

/// What the control of each member did before.
struct FleetPast<'a> {
    inquiry: Inquiry<'a>,
    fleet: GatheredFleet,
    members: BTreeMap<Vec<String>, MemberSeries>,
}

impl FleetPast<'_> {
    fn of(&self, name: &[String]) -> Option<Past> {
        let member = self.members.get(name)?.clone();
        Some(Past::of(&self.inquiry, self.inquiry.gather_member(&self.fleet, member)))
    }
}

impl Past {
    /// Adds what the control did in the time that is judged, before its canary began.
    fn up_to_the_canary(mut self, answered: &Answered) -> Self {
        let Some(begin) = beginning_of(JudgeKind::Sequential, answered) else { return self };
        for past in &mut self.series {
            let same = answered.series.iter().find(|answer| answer.check == past.check);
            let Some(mut control) = same.map(|answer| answer.arms.control.clone()) else {
                continue;
            };
            control.replicas.iter_mut().for_each(|it| it.observations.retain(|time| time < begin));
            past.arms.control.append(control);
        }
        self
    }
}

/// Asks for the past of all controls up to the beginning of what is judged.
fn past<'a>(
    court: &Court<'_>,
    analysis: &'a Analysis,
    store: &Store,
    window: Window,
    is_judged: bool,
) -> Result<Option<FleetPast<'a>>, RunError> {
    let length = analysis.history.unwrap_or(HISTORY);
    let learns = court.kind == JudgeKind::Sequential && analysis.arms.control_window.is_none();
    if length.is_zero() || !learns || !is_judged {
        return Ok(None);
    }
    let start: Timestamp = analysis.step.bin_of(window.start.before(length));
    let before = Window { start, end: window.start };
    let sent = send(court.question, analysis, store, before, court.progress);
    // Without an answer the judge knows less, and judges all the same.
    let Answers { inquiry, answers, .. } = match sent {
        Ok(answers) => answers,
        Err(RunError::NothingAnswered { .. }) => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut fleet = inquiry.gather_each(answers);
    let members = fleet.take_members().into_iter().map(|member| (member.name.clone(), member));
    let members = members.collect();
    Ok(Some(FleetPast { inquiry, fleet, members }))
}
