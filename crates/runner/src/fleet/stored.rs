//! Fleets of which a store knows.

use std::collections::BTreeMap;

use rayon::prelude::*;
use serin_model::{Analysis, Store, Window};
use serin_sources::{GatheredFleet, Inquiry, MemberSeries};

use super::{Court, FromSource, Judged};
use crate::error::RunError;
use crate::judge::{Answered, beginning_of};
use crate::question::{JudgeKind, Overrides};
use crate::store::{
    Answers, Past, clock_off, cut_steps, input, nothing_found, overridden, send, send_about_past,
    span_of, window,
};

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
        let own = past
            .as_ref()
            .map_or_else(Past::default, |past| past.of(&name).up_to_the_canary(&answered));
        court.judge(&name, &source, Ok(answered), Some(own), of)
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
    fn of(&self, name: &[String]) -> Past {
        // Whoever is not there has a past without a point, or one that could not be asked for.
        let member = self.members.get(name).cloned().unwrap_or_default();
        Past::of(&self.inquiry, self.inquiry.gather_member(&self.fleet, member))
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
    let learns = court.kind == JudgeKind::Sequential && analysis.arms.control_window.is_none();
    if !learns || !is_judged {
        return Ok(None);
    }
    let asked = (court.question, analysis);
    let sent = send_about_past(asked, store, window.start, court.progress)?;
    Ok(sent.map(|Answers { inquiry, answers, .. }| {
        let mut fleet = inquiry.gather_each(answers);
        let members = fleet.take_members().into_iter().map(|member| (member.name.clone(), member));
        let members = members.collect();
        FleetPast { inquiry, fleet, members }
    }))
}
