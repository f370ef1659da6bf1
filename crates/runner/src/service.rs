//! A service that has no Check file: what the command says, a file of defaults, and what the store has.

use std::env;
use std::path::{Path, PathBuf};

use serin_check::{Draft, checked_url};
use serin_model::{LabelSelector, Source, Store};

use crate::check_file::Stack;
use crate::discovery::{Discovery, DiscoveryAsked, discover};
use crate::error::RunError;
use crate::progress::Progress;
use crate::question::Question;

/// What the command says of a service.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ServiceAsked {
    /// Its name.
    pub service: Option<String>,
    /// The labels of the control and of the canary.
    pub arms: Option<(LabelSelector, LabelSelector)>,
    /// The label that tells replicas apart.
    pub replica: Option<String>,
    /// The file with defaults for all services. Without it `SERIN_DEFAULTS` names one, and without that
    /// it is the `serin.yaml` of the working folder, if there is one.
    pub defaults: Option<String>,
    /// The address of the store.
    pub url: Option<String>,
    /// Whether a recording takes the place of the store.
    pub is_recorded: bool,
}

impl Question {
    /// Asks about a service that has no Check file.
    ///
    /// Where the defaults name no checks and no packs, the packs are those that the store has metrics of,
    /// and what else is missing is found there as well.
    ///
    /// # Errors
    ///
    /// [`RunError`] when the defaults cannot be read or say what cannot be, and as for [`discover`].
    pub fn of_service(asked: &ServiceAsked, progress: &dyn Progress) -> Result<Self, RunError> {
        let (stack, service, notes) = whole(asked, progress)?;
        let mut question = Self::of_files(stack.files()?);
        question.written.notes.extend(of_all_services(&question, &service));
        question.written.notes.extend(notes);
        Ok(question)
    }
}

/// Writes the whole of what is asked about a service that has no Check file, each value with the place
/// that it comes from.
///
/// # Errors
///
/// As for [`Question::of_service`].
pub fn explain_service(asked: &ServiceAsked, progress: &dyn Progress) -> Result<String, RunError> {
    Ok(whole(asked, progress)?.0.layers.explained()?)
}

/// Returns what the command, the defaults and the store say, the service's name, and what was found in the
/// store, for people.
fn whole(
    asked: &ServiceAsked,
    progress: &dyn Progress,
) -> Result<(Stack, String, Vec<String>), RunError> {
    let defaults = found_defaults(asked);
    let defaults = defaults.as_deref();
    let mut draft = said(asked);
    let stack = Stack::of_command(draft.text(false), defaults)?;
    let keys = stack.layers.keys();
    if !keys.source {
        draft.store = asked.url.as_deref().map(prometheus_at).transpose()?;
    }
    let mut notes = Vec::new();
    if !keys.checks {
        let store = store_of(asked, &stack)?;
        let known = known_arms(&draft, defaults, keys.arms)?;
        let looked_for = DiscoveryAsked {
            service: asked.service.clone(),
            arms: known.or(asked.arms.clone()),
            replica: asked.replica.clone(),
        };
        let found = discover(&store, &stack.folder(), &looked_for, progress)?;
        notes.push(in_words(&found));
        fill(&mut draft, found);
        if keys.scope {
            draft.scope = LabelSelector::new();
        }
        if keys.arms && asked.arms.is_none() {
            draft.arms = None;
        }
        if keys.replica && asked.replica.is_none() {
            draft.replica = None;
        }
        if keys.step {
            draft.step = None;
        }
    }
    let stack = Stack::of_command(draft.text(false), defaults)?;
    Ok((stack, draft.service, notes))
}

/// Finds out what a first Check file for a service says.
///
/// * `output`: where it will lie, at which the path of what it extends starts.
///
/// # Errors
///
/// As for [`Question::of_service`].
pub fn draft(
    asked: &ServiceAsked,
    output: &Path,
    progress: &dyn Progress,
) -> Result<(Draft, Discovery), RunError> {
    let (store, folder, defaults) = found_source(asked)?;
    let mut draft = said(asked);
    let looked_for = DiscoveryAsked {
        service: asked.service.clone(),
        arms: asked.arms.clone(),
        replica: asked.replica.clone(),
    };
    let found = discover(&store, &folder, &looked_for, progress)?;
    fill(&mut draft, found.clone());
    match defaults {
        Some(defaults) => {
            draft.extends = Some(relative(Path::new(&defaults), output)?);
            if let Some(url) = &asked.url {
                draft.store = Some(prometheus_at(url)?);
            }
        }
        None => draft.store = Some((store.kind, store.url)),
    }
    Ok((draft, found))
}

/// Returns the store that a command means, the folder at which its paths start, and the file of
/// defaults that names it.
///
/// # Errors
///
/// [`RunError`] when neither the command nor a file of defaults names a store.
pub fn found_source(asked: &ServiceAsked) -> Result<(Store, PathBuf, Option<String>), RunError> {
    let defaults = asked.defaults.clone().or_else(|| env::var(DEFAULTS).ok());
    let stack = Stack::of_command(said(asked).text(false), defaults.as_deref())?;
    Ok((store_of(asked, &stack)?, stack.folder(), defaults))
}

fn found_defaults(asked: &ServiceAsked) -> Option<String> {
    let named = asked.defaults.clone().or_else(|| env::var(DEFAULTS).ok());
    named.or_else(|| Path::new(HERE).is_file().then(|| HERE.to_owned()))
}

/// The variable that names the file of defaults.
const DEFAULTS: &str = "SERIN_DEFAULTS";

/// The file of defaults where none is named.
const HERE: &str = "serin.yaml";

/// Returns what the command itself says.
fn said(asked: &ServiceAsked) -> Draft {
    Draft {
        service: asked.service.clone().unwrap_or_else(|| "service".to_owned()),
        arms: asked.arms.clone(),
        replica: asked.replica.clone(),
        ..Draft::default()
    }
}

fn fill(draft: &mut Draft, found: Discovery) {
    let of = |pack: &crate::PackFound| {
        let names: Vec<&str> = pack.found.iter().map(|(name, _)| name.as_str()).collect();
        let missing = match pack.missing.len() {
            0 => String::new(),
            _ => format!("; not in this store now: {}", pack.missing.join(", ")),
        };
        (pack.name.to_owned(), format!("{}{missing}", names.join(", ")))
    };
    draft.packs = found.packs.iter().map(of).collect();
    draft.service = found.service;
    draft.scope = found.scope;
    draft.arms_because = found.arms.because;
    draft.arms = Some((found.arms.control, found.arms.canary));
    draft.replica = found.replica;
    draft.step = found.step;
}

/// Returns the arms that a file of defaults names, in its scope.
fn known_arms(
    draft: &Draft,
    defaults: Option<&str>,
    are_named: bool,
) -> Result<Option<(LabelSelector, LabelSelector)>, RunError> {
    if !are_named {
        return Ok(None);
    }
    // Some check is needed for the whole to be read.
    let any = vec![("golden/http".to_owned(), String::new())];
    let text = Draft { packs: any, ..draft.clone() }.text(false);
    let arms = Stack::of_command(text, defaults)?.files()?.written.analysis.arms;
    Ok(Some((arms.control, arms.canary)))
}

fn store_of(asked: &ServiceAsked, stack: &Stack) -> Result<Store, RunError> {
    let written = match stack.layers.source()? {
        Some(Source::Store(store)) if !asked.is_recorded => Some(*store),
        _ => None,
    };
    match (written, &asked.url) {
        (Some(store), None) => Ok(store),
        (Some(store), Some(url)) => Ok(Store { url: checked(&store.kind, url)?, ..store }),
        (None, Some(url)) if !asked.is_recorded => {
            let (kind, url) = prometheus_at(url)?;
            Ok(Store::plain(&kind, &url))
        }
        (None, _) => Err(RunError::OtherSource {
            problem:
                "nothing says what to ask of this service: there is no store to look into, and no \
                      file of defaults that names packs or checks"
                    .to_owned(),
            hint: "give `--source http://prometheus:9090`, or `--defaults FILE` with `use: [golden/http]`",
        }),
    }
}

fn prometheus_at(url: &str) -> Result<(String, String), RunError> {
    Ok((PROMETHEUS.to_owned(), checked(PROMETHEUS, url)?))
}

/// The kind of store that an address alone means.
const PROMETHEUS: &str = "prometheus";

fn checked(kind: &str, url: &str) -> Result<String, RunError> {
    checked_url(kind, url).map_err(|(problem, hint)| RunError::OtherSource {
        problem: format!("`--source` holds {problem}"),
        hint,
    })
}

fn in_words(found: &Discovery) -> String {
    let packs: Vec<&str> = found.packs.iter().map(|pack| pack.name).collect();
    format!(
        "no file names checks: judged are those of the packs that the store has: {}",
        packs.join(", ")
    )
}

/// Warns of arms that are those of every service in the store.
fn of_all_services(question: &Question, service: &str) -> Option<String> {
    let arms = &question.written.analysis.arms;
    let named = |arm: &LabelSelector| arm.values().any(|value| value.contains(service));
    if named(&arms.control) || named(&arms.canary) {
        return None;
    }
    let labels: Vec<&str> = arms.control.keys().map(String::as_str).collect();
    Some(format!(
        "no label of the arms has the name `{service}`: if the store has other services, {} selects theirs \
         as well; write `scope: {{service: $service}}` into the file of defaults",
        labels.join(", ")
    ))
}

/// Returns a path as seen from the folder of a file.
fn relative(path: &Path, from: &Path) -> Result<String, RunError> {
    let unreadable =
        |error| RunError::Unreadable { path: path.to_string_lossy().into_owned(), error };
    let path = path.canonicalize().map_err(unreadable)?;
    let folder = from.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
    let folder = folder.canonicalize().map_err(unreadable)?;
    let common =
        path.ancestors().find(|ancestor| folder.starts_with(ancestor)).unwrap_or(Path::new(""));
    let up = folder.strip_prefix(common).map_or(0, |rest| rest.components().count());
    let down = path.strip_prefix(common).unwrap_or(&path);
    let steps: PathBuf = std::iter::repeat_n("..", up).collect();
    Ok(steps.join(down).to_string_lossy().into_owned())
}
