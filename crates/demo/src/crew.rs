//! The people and pipelines of the shop: they deploy, have serin judge, and do something about what it says.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serin_ledger::fact::{Alteration, ChangeNoted, Decision, Label};
use serin_ledger::{Digest, Event, Fact, Key, Ledger, LedgerError, Scope, ServiceHistory};
use serin_model::{Outcome, Timestamp};
use serin_runner::live::commission::NamedText;
use serin_runner::live::{BeginError, Live, NewAnalysis, SOURCE};
use serin_runner::watch::{Start, TimingAsked};
use serin_runner::{EntryError, Note, Remark, label_at, note_at, override_verdict_at};

use crate::checks::of_service;
use crate::shop::{Canary, Kind, Shop};

/// Who says what the crew does: the `source` of all that it writes.
pub(crate) const CREW: &str = "serin demo";

/// Why the crew cannot go on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CrewError {
    #[error(transparent)]
    Entry(#[from] EntryError),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error(transparent)]
    Begin(#[from] BeginError),
    /// A thread that wrote was lost.
    #[error("writing to the ledger broke off\n\nhint: start the demo anew")]
    Lost,
}

/// The people and pipelines of the shop.
#[derive(Clone, Debug)]
pub(crate) struct Crew {
    shop: Shop,
    ledger: Arc<Mutex<Ledger>>,
}

/// A canary that is judged.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Judged {
    pub(crate) canary: Canary,
    /// The analysis.
    pub(crate) subject: String,
    /// When it was deployed.
    change: String,
}

impl Crew {
    pub(crate) fn new(shop: Shop, ledger: Ledger) -> Self {
        Self { shop, ledger: Arc::new(Mutex::new(ledger)) }
    }

    pub(crate) fn shop(&self) -> Shop {
        self.shop
    }

    /// Deploys a canary, and has it judged. Doing so twice is doing it once.
    pub(crate) async fn deploy(&self, live: &Live, canary: Canary) -> Result<Judged, CrewError> {
        let id = format!("{}-{}", canary.service.name, canary.number);
        let reference = self.commit(&canary);
        let note = move |ledger: &mut Ledger| {
            let change = ChangeNoted {
                from: stable_version(ledger, canary.service.name)?,
                to: Some(canary.version()),
                reference: Some(reference),
                ..change(Alteration::Deploy)
            };
            let note = Note { source_id: Some(id), ..noted(&canary, change, canary.start) };
            Ok(note_at(ledger, &note, canary.start)?.subject)
        };
        let change = match self.known_deploy(canary).await? {
            Some(subject) => subject,
            None => self.with_ledger(note).await?,
        };
        let checks = of_service(canary.service.name).into_iter();
        let named = |file: crate::CheckFile| NamedText {
            name: file.name.to_owned(),
            text: file.text.to_owned(),
        };
        let asked = NewAnalysis {
            checks: checks.map(named).collect(),
            change: Some(change.clone()),
            timing: TimingAsked { start: Start::At(canary.start), ..TimingAsked::default() },
            idempotency_key: Some(format!("{CREW}/{}/{}", canary.service.name, canary.number)),
            ..NewAnalysis::default()
        };
        let subject = live.begin(asked).await?.subject;
        Ok(Judged { canary, subject, change })
    }

    async fn known_deploy(&self, canary: Canary) -> Result<Option<String>, CrewError> {
        let key = Key::new(CREW, format!("{}-{}", canary.service.name, canary.number));
        let event = self.with_ledger(move |ledger| Ok(ledger.event_of_key(&key)?)).await?;
        Ok(event.map(|event| event.header.subject))
    }

    /// Does something about a verdict, and returns its outcome; nothing while there is none.
    pub(crate) async fn settle(&self, judged: &Judged) -> Result<Option<Outcome>, CrewError> {
        let judged = judged.clone();
        self.with_ledger(move |ledger| {
            let key = Key::new(SOURCE, format!("{}/ended", judged.subject));
            let Some(ended) = ledger.event_of_key(&key)? else { return Ok(None) };
            let Fact::AnalysisEnded(verdict) = ended.fact() else { return Ok(None) };
            let at = ended.header.occurred_at.after(REACTION);
            match verdict.outcome {
                Outcome::Pass => after_pass(ledger, &judged, &ended, at)?,
                Outcome::Fail => after_fail(ledger, &judged, &ended, at)?,
                Outcome::Inconclusive => after_inconclusive(ledger, &judged, &ended, at)?,
            }
            Ok(Some(verdict.outcome))
        })
        .await
    }

    /// Changes something else in the middle of an analysis, as happens.
    pub(crate) async fn flip_flag(&self, live: &Live, canary: Canary) -> Result<(), CrewError> {
        let at = canary.start.after(FLAG_AFTER);
        let note = move |ledger: &mut Ledger| {
            let fact = ChangeNoted {
                note: Some("new recommendations for every tenth customer".to_owned()),
                ..change(Alteration::Flag)
            };
            let source_id = Some(format!("flag-{}-{}", canary.service.name, canary.number));
            let note = Note { source_id, ..noted(&canary, fact, at) };
            Ok(note_at(ledger, &note, at)?.subject)
        };
        let subject = self.with_ledger(note).await?;
        live.note(&subject, &scope_of(&canary), at);
        Ok(())
    }

    /// Returns what a deploy is called in its repository.
    fn commit(&self, canary: &Canary) -> String {
        let text = format!("{} {} {}", self.shop.seed, canary.service.name, canary.number);
        Digest::of(text.as_bytes()).to_string().chars().take(7).collect()
    }

    pub(crate) async fn with_ledger<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Ledger) -> Result<T, CrewError> + Send + 'static,
    ) -> Result<T, CrewError> {
        let ledger = Arc::clone(&self.ledger);
        let done = tokio::task::spawn_blocking(move || {
            work(&mut ledger.lock().unwrap_or_else(PoisonError::into_inner))
        });
        done.await.unwrap_or(Err(CrewError::Lost))
    }
}

/// When somebody flips a flag of a service whose canary is judged.
pub(crate) const FLAG_AFTER: Duration = Duration::from_secs(9 * 60);

/// How long after a verdict something is done about it.
pub(crate) const REACTION: Duration = Duration::from_secs(90);

/// Returns whether somebody flips a flag while a canary is judged.
pub(crate) fn is_flag_flipped(canary: &Canary) -> bool {
    canary.kind == Kind::Good && canary.number.rem_euclid(3) == 1
}

fn change(what: Alteration) -> ChangeNoted {
    ChangeNoted { what, from: None, to: None, reference: None, ended_at: None, note: None }
}

fn scope_of(canary: &Canary) -> Scope {
    Scope::of_service(canary.service.name)
}

fn noted(canary: &Canary, change: ChangeNoted, at: Timestamp) -> Note {
    Note {
        scope: scope_of(canary),
        change,
        occurred_at: Some(at),
        source: CREW.to_owned(),
        source_id: None,
        subject: None,
        of: None,
        causes: Vec::new(),
    }
}

/// Returns the version that customers have: the newest that is known to be good.
fn stable_version(ledger: &mut Ledger, service: &str) -> Result<Option<String>, CrewError> {
    let history = ledger.project::<ServiceHistory>(Some(service))?.state;
    Ok(history.known_good(&Scope::of_service(service)).and_then(|good| good.change.fact.to.clone()))
}

/// Nobody looks at most of them.
fn after_pass(
    ledger: &mut Ledger,
    judged: &Judged,
    ended: &Event,
    at: Timestamp,
) -> Result<(), CrewError> {
    if judged.canary.number.rem_euclid(4) == 0 {
        let remark = remark(judged, ended, "label", "a week of it, and nothing came in");
        label_at(ledger, &remark, Label::Right, at)?;
    }
    Ok(())
}

/// The pipeline rolls back, and the owner looks at what it was.
fn after_fail(
    ledger: &mut Ledger,
    judged: &Judged,
    ended: &Event,
    at: Timestamp,
) -> Result<(), CrewError> {
    let canary = &judged.canary;
    // The collector was down, not the canary.
    if canary.kind == Kind::Silent && canary.number.rem_euclid(8) == 4 {
        let why = "the metrics collector was away, and the canary was well";
        let (by, at) = (remark(judged, ended, "label", why), at.after(REACTION));
        label_at(ledger, &by, Label::Wrong, at)?;
        override_verdict_at(
            ledger,
            &remark(judged, ended, "override", why),
            Decision::Promote,
            at,
        )?;
        return Ok(());
    }
    let rollback = ChangeNoted {
        from: Some(canary.version()),
        to: stable_version(ledger, canary.service.name)?,
        note: Some("rolled back by the pipeline, on serin's verdict".to_owned()),
        ..change(Alteration::Rollback)
    };
    let note = Note {
        source_id: Some(format!("rollback-{}-{}", canary.service.name, canary.number)),
        of: Some(judged.change.clone()),
        ..noted(canary, rollback, at)
    };
    if ledger.event_of_key(&Key::new(CREW, note.source_id.clone().unwrap_or_default()))?.is_none() {
        note_at(ledger, &note, at)?;
    }
    if canary.number.rem_euclid(2) == 0 {
        let why = match canary.kind {
            Kind::Slow => "a query without its index",
            Kind::Failing => "a timeout in milliseconds that was meant in seconds",
            Kind::Silent => "it ran out of memory and was not started again",
            Kind::Good | Kind::Undecidable => "seen on the dashboards as well",
        };
        label_at(ledger, &remark(judged, ended, "label", why), Label::Right, at.after(REACTION))?;
    }
    Ok(())
}

/// A person decides.
fn after_inconclusive(
    ledger: &mut Ledger,
    judged: &Judged,
    ended: &Event,
    at: Timestamp,
) -> Result<(), CrewError> {
    let why = "four requests a minute: read the log of each";
    let remark = remark(judged, ended, "override", why);
    override_verdict_at(ledger, &remark, Decision::Promote, at.after(REACTION))?;
    Ok(())
}

fn remark(judged: &Judged, ended: &Event, what: &str, why: &str) -> Remark {
    Remark {
        verdict: ended.id.to_string(),
        service: Some(judged.canary.service.name.to_owned()),
        by: judged.canary.service.owner.to_owned(),
        reason: Some(why.to_owned()),
        source: CREW.to_owned(),
        source_id: Some(format!("{what}-{}-{}", judged.canary.service.name, judged.canary.number)),
    }
}
