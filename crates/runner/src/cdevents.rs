//! Changes as CDEvents tell of them.
//!
//! Source: the CDEvents specification, "Continuous Deployment Events" and the conformance files of spec
//! 0.4; and its binding to CloudEvents, whose structured mode has the event under `data`.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use serin_ledger::fact::{Alteration, ChangeNoted};
use serin_ledger::{Cause, Key, Scope};
use serin_model::Timestamp;

use crate::note::Note;

/// What CDEvents do not say, or say in other words.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct CdEventsAsked {
    /// The service that all of them are about, instead of what each names.
    pub service: Option<String>,
    /// Labels of every scope, beside the environment that an event names.
    pub labels: BTreeMap<String, String>,
}

/// What a text of CDEvents tells of.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CdEvents {
    /// The changes, in the order of the text.
    pub changes: Vec<Note>,
    /// Types of events that are none, and how many there are of each.
    pub passed_over: BTreeMap<String, PassedOver>,
}

/// Events of a type that are no changes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PassedOver {
    /// How many.
    pub count: usize,
    /// Why, in a few words.
    pub reason: &'static str,
}

/// An event that is none of CDEvents.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("event {number}: {problem}\n\nhint: {hint}")]
pub struct CdEventsError {
    /// Which event of the text, from 1.
    pub number: usize,
    /// What is wrong with it, and where.
    pub problem: String,
    /// What to do.
    pub hint: String,
}

/// Reads CDEvents: one JSON object, an array of them, or one after the other. Each may lie in a CloudEvent of
/// structured mode.
///
/// Events of services become changes: `deployed` and `upgraded` deploy, `rolledback` rolls back, `removed` and
/// `published` say that the service went or came within reach. So do events of environments, and merges, where
/// `asked` names the service. Every other type is passed over, and counted. A link of an event to another is
/// taken for one to an event of the same source.
///
/// # Errors
///
/// Where a text is no JSON, an object no CDEvent, or an event beyond what a ledger takes. Nothing is read then.
pub fn read_cdevents(text: &str, asked: &CdEventsAsked) -> Result<CdEvents, CdEventsError> {
    let mut events = CdEvents::default();
    for (number, value) in (1..).zip(objects(text)?) {
        let event = event(number, value)?;
        match event.change(asked).map_err(|problem| problem.at(number))? {
            Ok(note) => {
                note.check().map_err(|invalid| CdEventsError {
                    number,
                    problem: format!("{}: {}", invalid.place, invalid.problem),
                    hint: invalid.hint,
                })?;
                events.changes.push(note);
            }
            Err(reason) => {
                let passed = PassedOver { count: 0, reason };
                events.passed_over.entry(event.context.kind).or_insert(passed).count += 1;
            }
        }
    }
    Ok(events)
}

/// A CDEvent, as far as it is looked at.
#[derive(Debug, Deserialize)]
struct CdEvent {
    context: Context,
    subject: Subject,
}

#[derive(Debug, Deserialize)]
struct Context {
    id: String,
    source: String,
    #[serde(rename = "type")]
    kind: String,
    timestamp: String,
    #[serde(default)]
    links: Vec<Link>,
}

#[derive(Debug, Deserialize)]
struct Link {
    #[serde(rename = "linkType")]
    kind: String,
    target: Option<Linked>,
    from: Option<Linked>,
}

#[derive(Debug, Deserialize)]
struct Linked {
    #[serde(rename = "contextId")]
    id: String,
}

#[derive(Debug, Deserialize)]
struct Subject {
    id: String,
    #[serde(default)]
    content: Content,
}

#[derive(Debug, Default, Deserialize)]
struct Content {
    environment: Option<Named>,
    #[serde(rename = "artifactId")]
    artifact: Option<String>,
    repository: Option<Named>,
}

#[derive(Debug, Deserialize)]
struct Named {
    id: String,
}

/// What is wrong with an event, before it is known which it is.
struct Problem {
    problem: String,
    hint: &'static str,
}

impl Problem {
    fn at(self, number: usize) -> CdEventsError {
        CdEventsError { number, problem: self.problem, hint: self.hint.to_owned() }
    }
}

/// What a type of event does to a scope.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Meaning {
    /// It alters the service that is its subject.
    OfService(Alteration, Option<&'static str>),
    /// It alters something that a service depends on, and names none.
    OfSurroundings(Alteration, &'static str),
}

/// Returns what a type means, such as `dev.cdevents.service.deployed.0.3.0`, in whichever version.
fn meaning(kind: &str) -> Option<Meaning> {
    let name = kind.strip_prefix("dev.cdevents.")?;
    let mut words = name.split('.');
    Some(match (words.next()?, words.next()?) {
        ("service", "deployed" | "upgraded") => Meaning::OfService(Alteration::Deploy, None),
        ("service", "rolledback") => Meaning::OfService(Alteration::Rollback, None),
        ("service", "removed") => Meaning::OfService(Alteration::Deploy, Some("removed")),
        ("service", "published") => Meaning::OfService(Alteration::Config, Some("published")),
        ("environment", "created") => {
            Meaning::OfSurroundings(Alteration::Infrastructure, "environment created")
        }
        ("environment", "modified") => {
            Meaning::OfSurroundings(Alteration::Infrastructure, "environment modified")
        }
        ("environment", "deleted") => {
            Meaning::OfSurroundings(Alteration::Infrastructure, "environment deleted")
        }
        ("change", "merged") => Meaning::OfSurroundings(Alteration::Manual, "change merged"),
        (_, _) => return None,
    })
}

impl CdEvent {
    /// Returns the change that it tells of, or why it tells of none.
    fn change(&self, asked: &CdEventsAsked) -> Result<Result<Note, &'static str>, Problem> {
        let Some(meaning) = meaning(&self.context.kind) else {
            return Ok(Err("changes no service"));
        };
        let (what, note, service) = match meaning {
            Meaning::OfService(what, note) => {
                let named = service_of(&self.subject.id).to_owned();
                (what, note, Some(asked.service.clone().unwrap_or(named)))
            }
            Meaning::OfSurroundings(what, note) => (what, Some(note), asked.service.clone()),
        };
        let Some(service) = service else {
            return Ok(Err("names no service; say which with `--service`"));
        };
        let occurred_at = self.moment()?;
        let content = &self.subject.content;
        Ok(Ok(Note {
            scope: Scope { service, labels: self.labels(asked) },
            change: ChangeNoted {
                what,
                from: None,
                to: content.artifact.as_deref().map(version).map(str::to_owned),
                reference: self.reference(meaning),
                ended_at: None,
                note: note.map(str::to_owned),
            },
            occurred_at: Some(occurred_at),
            source: self.context.source.clone(),
            source_id: Some(self.context.id.clone()),
            subject: None,
            of: None,
            causes: self.causes(),
        }))
    }

    fn labels(&self, asked: &CdEventsAsked) -> BTreeMap<String, String> {
        let environment = match &self.subject.content.environment {
            Some(environment) => Some(&environment.id),
            None if self.context.kind.starts_with("dev.cdevents.environment.") => {
                Some(&self.subject.id)
            }
            None => None,
        };
        let mut labels = asked.labels.clone();
        if let Some(environment) = environment {
            labels.entry("environment".to_owned()).or_insert_with(|| environment.clone());
        }
        labels
    }

    fn reference(&self, meaning: Meaning) -> Option<String> {
        match meaning {
            Meaning::OfService(..) => self.subject.content.artifact.clone(),
            Meaning::OfSurroundings(..) => {
                let repository = self.subject.content.repository.as_ref();
                Some(repository.map_or_else(
                    || self.subject.id.clone(),
                    |repository| format!("{} {}", repository.id, self.subject.id),
                ))
            }
        }
    }

    fn moment(&self) -> Result<Timestamp, Problem> {
        let text = &self.context.timestamp;
        let moment = text.parse::<jiff::Timestamp>().map_err(|_| Problem {
            problem: format!("`context.timestamp` is `{text}`, which is no moment"),
            hint: "write it as in RFC 3339, with its zone: `2026-11-23T14:02:00Z`",
        })?;
        Ok(Timestamp::from_millis(moment.as_millisecond()))
    }

    /// Returns the events that it is related to or follows, each once.
    fn causes(&self) -> Vec<Cause> {
        let linked = self.context.links.iter().filter_map(|link| match link.kind.as_str() {
            "RELATION" => link.target.as_ref(),
            "PATH" => link.from.as_ref(),
            _ => None,
        });
        let mut causes = Vec::new();
        for linked in linked {
            let cause = Cause::Key(Key::new(&self.context.source, &linked.id));
            if !causes.contains(&cause) {
                causes.push(cause);
            }
        }
        causes
    }
}

/// Returns the version in a package URL; of another name of an artifact, all of it.
fn version(artifact: &str) -> &str {
    let plain = artifact.split(['?', '#']).next().unwrap_or(artifact);
    let version = plain.rsplit_once('@').map(|(_, version)| version);
    version.filter(|version| !version.is_empty()).unwrap_or(artifact)
}

/// Returns a service's name without the kind of workload that CDEvents' examples put before it.
fn service_of(subject: &str) -> &str {
    let kinds = ["service/", "deployment/", "daemonset/", "statefulset/"];
    kinds.iter().find_map(|kind| subject.strip_prefix(kind)).unwrap_or(subject)
}

/// Returns all objects of a text, those of arrays one by one.
fn objects(text: &str) -> Result<Vec<Value>, CdEventsError> {
    let mut objects = Vec::new();
    for value in serde_json::Deserializer::from_str(text).into_iter::<Value>() {
        let number = objects.len() + 1;
        match value {
            Ok(Value::Array(values)) => objects.extend(values),
            Ok(value) => objects.push(value),
            Err(error) => {
                let problem = format!("it is no JSON: {error}");
                let hint = "write CDEvents as JSON: one object, an array, or one after the other";
                return Err(CdEventsError { number, problem, hint: hint.to_owned() });
            }
        }
    }
    if objects.is_empty() {
        let problem = "there is none".to_owned();
        let hint = "write at least one CDEvent as JSON".to_owned();
        return Err(CdEventsError { number: 1, problem, hint });
    }
    Ok(objects)
}

fn event(number: usize, mut value: Value) -> Result<CdEvent, CdEventsError> {
    if value.get("context").is_none()
        && let Some(data) = value.get_mut("data")
    {
        value = data.take();
    }
    serde_json::from_value(value).map_err(|error| CdEventsError {
        number,
        problem: format!("it is no CDEvent: {error}"),
        hint: "a CDEvent is an object with `context` (id, source, type, timestamp) and `subject` (id, \
               content); docs/guide/changes.md shows one"
            .to_owned(),
    })
}
