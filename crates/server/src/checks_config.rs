//! What those who run the server say of where Checks are kept.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use serin_runner::checks::{ApplyAsked, ChecksSource, Repository};
use serin_runner::parse_length;

/// A folder or a repository of Checks that the server keeps in force, or watches.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "WrittenConfig")]
pub struct ChecksConfig {
    /// Where the Checks are kept.
    pub source: ChecksSource,
    /// How often they are looked at.
    pub every: Duration,
    /// Whether what changed is applied; otherwise it is only shown.
    pub apply: bool,
    /// How it is applied.
    pub asked: ApplyAsked,
}

/// The keys as they are written.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct WrittenConfig {
    folder: Option<PathBuf>,
    name: Option<String>,
    repository: Option<String>,
    #[serde(rename = "ref")]
    reference: Option<String>,
    path: Option<String>,
    every: String,
    apply: bool,
    prune: bool,
    prune_limit: u8,
    allow_empty: bool,
    take_over: bool,
}

impl Default for WrittenConfig {
    fn default() -> Self {
        Self {
            folder: None,
            name: None,
            repository: None,
            reference: None,
            path: None,
            every: "1m".to_owned(),
            apply: true,
            prune: false,
            prune_limit: ApplyAsked::USUAL_PRUNE_LIMIT,
            allow_empty: false,
            take_over: false,
        }
    }
}

/// Stores and hosts of repositories shall not be asked more often.
const LEAST_EVERY: Duration = Duration::from_secs(1);

impl TryFrom<WrittenConfig> for ChecksConfig {
    type Error = String;

    fn try_from(written: WrittenConfig) -> Result<Self, String> {
        let every = parse_length(&written.every)?;
        if every < LEAST_EVERY {
            return Err("`every` is less than a second".to_owned());
        }
        if written.prune_limit > 100 {
            return Err("`prune_limit` is a percentage, from 0 to 100".to_owned());
        }
        let asked = ApplyAsked {
            by: "serin serve".to_owned(),
            prune: written.prune,
            prune_limit: written.prune_limit,
            allow_empty: written.allow_empty,
            take_over: written.take_over,
        };
        let (apply, source) = (written.apply, source(written)?);
        Ok(Self { source, every, apply, asked })
    }
}

fn source(written: WrittenConfig) -> Result<ChecksSource, String> {
    let WrittenConfig { folder, name, repository, reference, path, .. } = written;
    match (folder, repository) {
        (Some(folder), None) if reference.is_none() && path.is_none() => {
            Ok(ChecksSource::Folder { path: folder, name })
        }
        (Some(_), None) => Err("`ref` and `path` are of a `repository`".to_owned()),
        (None, Some(_)) if name.is_some() => {
            Err("`name` is of a `folder`; a repository is called by its address".to_owned())
        }
        (None, Some(address)) => {
            let repository = Repository::new(&address, reference.as_deref(), path.as_deref());
            let repository = repository.map_err(|error| first_line(&error.to_string()))?;
            if repository.is_local() {
                return Err("a repository on this machine is named by its `folder`".to_owned());
            }
            Ok(ChecksSource::Repository(repository))
        }
        (Some(_), Some(_)) | (None, None) => {
            Err("write either `folder` or `repository`".to_owned())
        }
    }
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}
