//! A folder of Checks on this machine, and what is known of where it is from.

use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};

use super::address::{ChecksSource, Repository, name_of_address};
use super::error::ChecksError;
use super::git::{self, Checkout, Commits, GitError};

/// A folder of Checks, and what is known of where it is from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ChecksFolder {
    /// What it is called: the same wherever a repository is checked out, such as
    /// `github.com/acme/checks/production`; else the folder's own path.
    pub name: String,
    /// The commit that is checked out, where it is in a repository.
    pub commit: Option<String>,
    /// Whether Check files are not as that commit has them.
    pub dirty: bool,
    /// Where it lies.
    pub(super) at: PathBuf,
    /// What no file may lie outside of, as the system knows it: the repository, or the folder.
    pub(super) root: PathBuf,
    /// The folder from there; empty where it is the root.
    prefix: PathBuf,
    /// What messages say instead of where it lies, where that means nothing to anybody.
    fetched: bool,
    checkout: Option<Checkout>,
    altered: Vec<String>,
}

impl ChecksFolder {
    /// Finds where the Checks of a source lie, and fetches a repository.
    ///
    /// * `clone`: a folder of serin's own to fetch a repository into; one that has an older state is brought to
    ///   the newest.
    ///
    /// # Errors
    ///
    /// Where the folder is not there, or the repository cannot be fetched.
    pub fn of(source: &ChecksSource, clone: &Path) -> Result<Self, ChecksError> {
        match source {
            ChecksSource::Folder { path, name } => Self::here(path, name.as_deref()),
            ChecksSource::Repository(repository) => Self::fetched(repository, clone),
        }
    }

    fn here(at: &Path, name: Option<&str>) -> Result<Self, ChecksError> {
        let unreadable =
            |error| ChecksError::Unreadable { folder: at.display().to_string(), error };
        // An empty path is none: a variable that is not set is no folder to prune by.
        let known = at.canonicalize().map_err(unreadable)?;
        if !known.is_dir() {
            return Err(unreadable(ErrorKind::NotADirectory.into()));
        }
        match Checkout::around(at) {
            Ok(Some(checkout)) => Self::of_checkout(at, name, checkout),
            Ok(None) => Ok(Self::of_path(at, name, &known)),
            Err(GitError::NotInstalled) if name.is_some() => Ok(Self::of_path(at, name, &known)),
            Err(error) => Err(error.into()),
        }
    }

    fn of_path(at: &Path, name: Option<&str>, known: &Path) -> Self {
        let root = git::root(known).unwrap_or(known);
        // A link that leads to another folder after each change keeps its own name.
        let own = std::path::absolute(at).unwrap_or_else(|_| known.to_owned());
        Self {
            name: name.map_or_else(|| own.display().to_string(), str::to_owned),
            commit: None,
            dirty: false,
            at: at.to_owned(),
            root: root.to_owned(),
            prefix: known.strip_prefix(root).map(Path::to_owned).unwrap_or_default(),
            fetched: false,
            checkout: None,
            altered: Vec::new(),
        }
    }

    fn of_checkout(at: &Path, name: Option<&str>, checkout: Checkout) -> Result<Self, ChecksError> {
        let address = checkout.address(at).unwrap_or_else(|| checkout.root.clone());
        let altered = checkout.altered(at)?;
        let prefix = PathBuf::from(checkout.prefix.trim_end_matches('/'));
        let root = PathBuf::from(&checkout.root);
        Ok(Self {
            name: name.map_or_else(|| named(&name_of_address(&address), &prefix), str::to_owned),
            commit: checkout.commit.clone(),
            dirty: false,
            at: at.to_owned(),
            root: root.canonicalize().unwrap_or(root),
            prefix,
            fetched: false,
            checkout: Some(checkout),
            altered,
        })
    }

    fn fetched(repository: &Repository, clone: &Path) -> Result<Self, ChecksError> {
        git::fetch(repository, clone)?;
        let at = clone.join(repository.path());
        let name = named(&name_of_address(repository.address()), repository.path());
        let root = clone.canonicalize().unwrap_or_else(|_| clone.to_owned());
        // Whoever may commit a link shall not choose what else is read on this machine.
        let is_within = at.canonicalize().is_ok_and(|at| at.is_dir() && at.starts_with(&root));
        if !is_within {
            return Err(ChecksError::Address {
                problem: format!("there is no folder `{name}` at `{}`", repository.wanted()),
                hint: "write its path from the root of the repository, and see that the ref is right",
            });
        }
        let checkout = Checkout::around(&at)?;
        Ok(Self {
            name,
            commit: checkout.as_ref().and_then(|checkout| checkout.commit.clone()),
            dirty: false,
            at,
            root,
            prefix: repository.path().to_owned(),
            fetched: true,
            checkout,
            altered: Vec::new(),
        })
    }

    /// Returns what a file is called in the ledger: its path from the root, however it was reached.
    pub(super) fn file_name(&self, path: &str) -> String {
        let path = Path::new(path);
        let Ok(relative) = path.strip_prefix(&self.at) else { return path.display().to_string() };
        let mut name = PathBuf::new();
        for part in self.prefix.join(relative).components() {
            match part {
                Component::Normal(part) => name.push(part),
                Component::ParentDir => drop(name.pop()),
                Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
            }
        }
        name.display().to_string().replace('\\', "/")
    }

    /// Returns the path of a file from this folder.
    pub(super) fn within(&self, name: &str) -> String {
        let within = Path::new(name).strip_prefix(&self.prefix).unwrap_or(Path::new(name));
        within.display().to_string().replace('\\', "/")
    }

    /// Returns what people call a file, by its path in the folder.
    pub(super) fn shown(&self, file: &str) -> String {
        let start = if self.fetched { &self.prefix } else { &self.at };
        start.join(file).display().to_string()
    }

    /// Returns a message in which files are called as people know them, and not by where a repository was fetched to.
    pub(super) fn in_words(&self, message: &str) -> String {
        if !self.fetched {
            return message.to_owned();
        }
        let clone = self.root.display().to_string();
        message.replace(&format!("{clone}/"), "").replace(&clone, &self.name)
    }

    /// Returns whether a file, by its name, is not as the commit has it.
    pub(super) fn is_altered(&self, name: &str) -> bool {
        let is_it = |altered: &String| {
            altered == name || (altered.ends_with('/') && name.starts_with(altered.as_str()))
        };
        self.altered.iter().any(is_it)
    }

    /// Returns whether a Check file of the folder was taken out, and that is not committed.
    pub(super) fn has_lost_one(&self) -> bool {
        let is_lost = |name: &&String| {
            let path = Path::new(name.as_str());
            let is_yaml = path.extension().is_some_and(|it| it == "yaml" || it == "yml");
            is_yaml && path.starts_with(&self.prefix) && !self.root.join(path).exists()
        };
        self.altered.iter().any(|name| is_lost(&name))
    }

    /// Returns the newest commits that touched files, as far as they are as some commit has them.
    pub(super) fn last_commits(&self, names: impl Iterator<Item = String>) -> Commits {
        let names = names.filter(|name| !self.is_altered(name)).collect();
        let Some(checkout) = &self.checkout else { return Commits::default() };
        checkout.last_commits(&self.at, &names)
    }
}

fn named(repository: &str, prefix: &Path) -> String {
    let prefix = prefix.display().to_string().replace('\\', "/");
    if prefix.is_empty() { repository.to_owned() } else { format!("{repository}/{prefix}") }
}
