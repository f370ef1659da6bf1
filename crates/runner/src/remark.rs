//! What people say of verdicts, and decide instead.

use serin_ledger::fact::{Decision, Label, VerdictLabelled, VerdictOverridden};
use serin_ledger::{
    Cause, Digest, Event, EventId, Fact, Key, Kind, Ledger, Receipt, Scorecard, Submission,
};
use serin_model::{Outcome, Timestamp};

use crate::changes::known_services;
use crate::entry::{EntryError, append};
use crate::moment::now;

/// What somebody says of a verdict.
#[derive(Clone, Debug, PartialEq)]
pub struct Remark {
    /// The verdict: its event, or its analysis.
    pub verdict: String,
    /// The service that it must be of, where somebody says so.
    pub service: Option<String>,
    /// Who says it.
    pub by: String,
    /// Why, in a sentence.
    pub reason: Option<String>,
    /// Who hands it in.
    pub source: String,
    /// What that source calls it. Without one it follows from everything else, the moment included.
    pub source_id: Option<String>,
}

/// What was said, and of what.
#[derive(Clone, Debug, PartialEq)]
pub struct Remarked {
    /// The event that says so.
    pub receipt: Receipt,
    /// The verdict's analysis.
    pub analysis: String,
    /// The verdict's service.
    pub service: String,
    /// What it was.
    pub outcome: Outcome,
}

/// Says whether a verdict was right. The last label of a verdict counts.
///
/// # Errors
///
/// Where there is no such verdict, or it is another's, or the ledger does not take it.
pub fn label(ledger: &mut Ledger, remark: &Remark, label: Label) -> Result<Remarked, EntryError> {
    label_at(ledger, remark, label, now())
}

/// Says whether a verdict was right, as [`label`] does, by another clock than this machine's.
///
/// * `now`: what time it is.
///
/// # Errors
///
/// As for [`label`].
pub fn label_at(
    ledger: &mut Ledger,
    remark: &Remark,
    label: Label,
    now: Timestamp,
) -> Result<Remarked, EntryError> {
    let (by, reason) = (remark.by.clone(), remark.reason.clone());
    let fact = Fact::VerdictLabelled(VerdictLabelled { label, by, reason });
    remark.write(ledger, &fact, "label", now)
}

/// Says what was decided instead of a verdict. The last decision about a verdict counts.
///
/// # Errors
///
/// Where there is no such verdict, or it is another's, or the ledger does not take it.
pub fn override_verdict(
    ledger: &mut Ledger,
    remark: &Remark,
    decision: Decision,
) -> Result<Remarked, EntryError> {
    override_verdict_at(ledger, remark, decision, now())
}

/// Says what was decided instead of a verdict, as [`override_verdict`] does, by another clock than this machine's.
///
/// * `now`: what time it is.
///
/// # Errors
///
/// As for [`override_verdict`].
pub fn override_verdict_at(
    ledger: &mut Ledger,
    remark: &Remark,
    decision: Decision,
    now: Timestamp,
) -> Result<Remarked, EntryError> {
    let (by, reason) = (remark.by.clone(), remark.reason.clone());
    let fact = Fact::VerdictOverridden(VerdictOverridden { decision, by, reason });
    remark.write(ledger, &fact, "override", now)
}

impl Remark {
    fn write(
        &self,
        ledger: &mut Ledger,
        fact: &Fact,
        what: &str,
        now: Timestamp,
    ) -> Result<Remarked, EntryError> {
        let verdict = self.find(ledger)?;
        let outcome = match verdict.fact() {
            Fact::AnalysisEnded(ended) => ended.outcome,
            _ => return Err(no_verdict(&self.verdict, &verdict.header.kind)),
        };
        let mut occurred_at = now;
        let id = match &self.source_id {
            Some(id) => id.clone(),
            None => self.id(fact, &verdict, occurred_at)?,
        };
        let key = Key::new(&self.source, &id);
        if let Some(known) = ledger.event_of_key(&key)? {
            occurred_at = known.header.occurred_at;
        }
        let scope = verdict.header.scope.clone();
        let service = scope.service.clone();
        let analysis = verdict.header.subject.clone();
        let event = Submission::new(key, occurred_at, scope, format!("{what}/{id}"), fact)?
            .caused_by(vec![Cause::Event(verdict.id)])?;
        Ok(Remarked { receipt: append(ledger, event, now)?, analysis, service, outcome })
    }

    fn id(
        &self,
        fact: &Fact,
        verdict: &Event,
        occurred_at: Timestamp,
    ) -> Result<String, EntryError> {
        let (body, moment) = (fact.body()?, occurred_at.as_millis());
        let text = format!("{}\n{}\n{moment}", verdict.id, body.as_str());
        let digest = Digest::of(text.as_bytes()).to_string();
        Ok(digest.get(..ID_CHARACTERS).unwrap_or(&digest).to_owned())
    }

    /// Finds the verdict by its event, or by its analysis.
    fn find(&self, ledger: &mut Ledger) -> Result<Event, EntryError> {
        let Ok(id) = self.verdict.parse::<EventId>() else { return self.find_analysis(ledger) };
        let event = ledger.event(id)?.ok_or_else(|| EntryError::NotFound {
            problem: format!("the ledger has no event {id}"),
            hint: "`serin verdicts --service SERVICE` lists verdicts with their events".to_owned(),
        })?;
        if event.header.kind != Kind::AnalysisEnded {
            return Err(no_verdict(&self.verdict, &event.header.kind));
        }
        let service = &event.header.scope.service;
        match &self.service {
            Some(asked) if asked != service => Err(EntryError::NotFound {
                problem: format!("the verdict {id} is of `{service}`, not of `{asked}`"),
                hint: format!("see that it is the one you mean: it is {}", event.header.subject),
            }),
            Some(_) | None => Ok(event),
        }
    }

    fn find_analysis(&self, ledger: &mut Ledger) -> Result<Event, EntryError> {
        let name = &self.verdict;
        let services = match &self.service {
            Some(service) => vec![service.clone()],
            None => ledger.services()?,
        };
        let mut found = Vec::new();
        for service in services {
            let scorecard = ledger.project::<Scorecard>(Some(&service))?.state;
            let of_analysis = scorecard.history().verdicts().into_iter();
            found.extend(
                of_analysis
                    .filter(|it| !it.entry.withdrawn && it.entry.subject == *name)
                    .map(|verdict| (verdict.entry.id, verdict.entry.scope.to_string())),
            );
        }
        match found.as_slice() {
            [(id, _)] => Ok(ledger.event(*id)?.ok_or_else(|| self.no_analysis(String::new()))?),
            [] => {
                let known = known_services(ledger)?;
                Err(self.no_analysis(known))
            }
            several => {
                let named: Vec<String> =
                    several.iter().map(|(id, scope)| format!("{id} of {scope}")).collect();
                Err(EntryError::NotFound {
                    problem: format!(
                        "`{name}` has {} verdicts:\n  {}",
                        several.len(),
                        named.join("\n  ")
                    ),
                    hint: "name the event of the one you mean".to_owned(),
                })
            }
        }
    }

    fn no_analysis(&self, known: String) -> EntryError {
        let of = self.service.as_ref().map(|it| format!(" of `{it}`")).unwrap_or_default();
        EntryError::NotFound {
            problem: format!("the ledger has no verdict of an analysis `{}`{of}", self.verdict),
            hint: format!(
                "`serin verdicts --service SERVICE` lists verdicts and their analyses; {known}"
            ),
        }
    }
}

const ID_CHARACTERS: usize = 16;

fn no_verdict(name: &str, kind: &Kind) -> EntryError {
    EntryError::NotFound {
        problem: format!("{name} is a `{kind}`, and no verdict"),
        hint: "name an `analysis.ended`: `serin verdicts --service SERVICE` lists them".to_owned(),
    }
}
