//! Where Checks are kept: a folder, or a repository.

use std::path::{Component, Path, PathBuf};

use super::error::ChecksError;

/// Where Checks are kept.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ChecksSource {
    /// A folder of this machine, in a repository or not.
    Folder {
        /// Where it lies.
        path: PathBuf,
        /// What the ledger calls it, instead of by its repository or its path. With a name, `git` may be missing:
        /// no commit is known then.
        name: Option<String>,
    },
    /// A repository that is fetched.
    Repository(Repository),
}

/// A repository that is fetched, and what of it is wanted. The parts were looked at: none is an option of
/// `git`, and none runs a program.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Repository {
    /// Its address: `https://…`, `ssh://…`, `user@host:path`, or `file://…`.
    address: String,
    /// A branch, a tag or a commit; what the repository has checked out unless said.
    reference: Option<String>,
    /// The folder in it; all of it unless said.
    path: PathBuf,
}

impl ChecksSource {
    /// Reads what somebody wrote: the address of a repository, or else the path of a folder.
    ///
    /// * `reference`, `path`: of a repository alone.
    /// * `name`: what to call a folder.
    ///
    /// # Errors
    ///
    /// What cannot be fetched, and what to write instead.
    pub fn parse(
        written: &str,
        reference: Option<&str>,
        path: Option<&str>,
        name: Option<&str>,
    ) -> Result<Self, ChecksError> {
        let is_address = written.contains("://") || written.contains("::") || is_scp_like(written);
        if is_address && !Path::new(written).exists() {
            if name.is_some() {
                return Err(ChecksError::Address {
                    problem: "a repository is called by its address".to_owned(),
                    hint: "leave the name out; it is for a folder",
                });
            }
            return Ok(Self::Repository(Repository::new(written, reference, path)?));
        }
        if reference.is_some() || path.is_some() {
            return Err(ChecksError::Address {
                problem: format!("`{written}` is a folder, and a ref or a path is of a repository"),
                hint: "name the folder by its path, as it is checked out; or give the repository's address",
            });
        }
        Ok(Self::Folder { path: PathBuf::from(written), name: name.map(str::to_owned) })
    }
}

impl Repository {
    /// Looks at the parts.
    ///
    /// # Errors
    ///
    /// What cannot be fetched, and what to write instead.
    pub fn new(
        address: &str,
        reference: Option<&str>,
        path: Option<&str>,
    ) -> Result<Self, ChecksError> {
        check_address(address)?;
        if let Some(reference) = reference {
            check_reference(reference)?;
        }
        let path = Path::new(path.unwrap_or_default());
        if !path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir)) {
            return Err(ChecksError::Address {
                problem: format!("`{}` is no folder of the repository", path.display()),
                hint: "write its path from the root of the repository, such as `checks/production`",
            });
        }
        let path = path.components().filter(|part| matches!(part, Component::Normal(_))).collect();
        let reference = reference.map(str::to_owned);
        Ok(Self { address: address.to_owned(), reference, path })
    }

    /// Returns whether it is on this machine.
    #[must_use]
    pub fn is_local(&self) -> bool {
        self.address.starts_with(FILE)
    }

    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// Returns what to fetch.
    pub(super) fn wanted(&self) -> &str {
        self.reference.as_deref().unwrap_or("HEAD")
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

const FILE: &str = "file://";

fn check_address(address: &str) -> Result<(), ChecksError> {
    let refuse = |problem: &str, hint| {
        // What stands before an `@` may be a secret.
        Err(ChecksError::Address {
            problem: format!("`{}` {problem}", without_user(address)),
            hint,
        })
    };
    if address.chars().any(|letter| letter.is_control() || letter == ' ') {
        return refuse("is no address of a repository", ADDRESS_HINT);
    }
    if address.contains("::") {
        return refuse("has git run another program", ADDRESS_HINT);
    }
    let Some((scheme, rest)) = address.split_once("://") else {
        let is_well = is_scp_like(address) && !address.starts_with('-');
        return if is_well {
            Ok(())
        } else {
            refuse("is no address of a repository", ADDRESS_HINT)
        };
    };
    let authority = rest.split('/').next().unwrap_or_default();
    let (user, host) = authority.rsplit_once('@').unwrap_or(("", authority));
    match scheme {
        "file" if authority.is_empty() => Ok(()),
        "https" | "ssh" if host.is_empty() || host.starts_with('-') || user.starts_with('-') => {
            refuse("names no host", ADDRESS_HINT)
        }
        "https" if !user.is_empty() => refuse(
            "has a name or a password in it, which lists of processes would show",
            "leave it out, and have git find it: `git help credentials`",
        ),
        "ssh" if user.contains(':') => {
            refuse("has a password in it, which ssh does not take", "leave it out, and use a key")
        }
        "https" | "ssh" => Ok(()),
        _ => refuse("is of a kind that is not fetched", ADDRESS_HINT),
    }
}

const ADDRESS_HINT: &str = "write `https://host/path`, `ssh://user@host/path` or `user@host:path`";

/// What git's own rules for names of refs leave, and a commit.
fn check_reference(reference: &str) -> Result<(), ChecksError> {
    let is_taken = |letter: char| letter.is_alphanumeric() || "-_./+@#=".contains(letter);
    let is_well = !reference.is_empty()
        && reference.len() <= MOST_REFERENCE
        && !reference.starts_with(['-', '+'])
        && !reference.contains("..")
        && !reference.contains("@{")
        && reference.chars().all(is_taken);
    if is_well {
        return Ok(());
    }
    Err(ChecksError::Address {
        problem: format!("`{reference}` is no branch, tag or commit"),
        hint: "write a name such as `main` or `v1.2`, or all letters of a commit",
    })
}

const MOST_REFERENCE: usize = 250;

/// Returns whether it is such as `git@example.com:team/checks`.
fn is_scp_like(text: &str) -> bool {
    let Some((host, path)) = text.split_once(':') else { return false };
    let Some((user, host)) = host.split_once('@') else { return false };
    !user.is_empty()
        && !host.is_empty()
        && !host.contains('/')
        && !host.starts_with('-')
        && !path.is_empty()
}

fn without_user(address: &str) -> String {
    let Some((scheme, rest)) = address.split_once("://") else { return address.to_owned() };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    format!("{scheme}://{host}{path}")
}

/// Returns what a repository is called, however it is reached: `github.com/acme/checks`. A port other than the
/// usual one belongs to it, a user and what they prove themselves with do not.
pub(super) fn name_of_address(address: &str) -> String {
    let (scheme, rest) = match address.split_once("://") {
        Some(("file", path)) => return trimmed(path).to_owned(),
        Some((scheme, rest)) => (scheme, rest.to_owned()),
        None if is_scp_like(address) => ("ssh", address.replacen(':', "/", 1)),
        // A path of this machine.
        None => return trimmed(address).to_owned(),
    };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let usual = if scheme == "ssh" { ":22" } else { ":443" };
    let host = host.strip_suffix(usual).unwrap_or(host).to_lowercase();
    format!("{host}/{}", trimmed(path).trim_start_matches('/'))
}

fn trimmed(path: &str) -> &str {
    let path = path.trim_end_matches('/');
    path.strip_suffix(".git").unwrap_or(path).trim_end_matches('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_has_one_name_however_it_is_reached() {
        let rows = [
            ("https://github.com/acme/checks.git", "github.com/acme/checks"),
            ("https://ann:secret@GitHub.com:443/acme/checks/", "github.com/acme/checks"),
            ("ssh://git@github.com:22/acme/checks.git", "github.com/acme/checks"),
            ("git@github.com:acme/checks.git", "github.com/acme/checks"),
            ("git@github.com:/acme/checks", "github.com/acme/checks"),
            ("https://git.example:8443/checks", "git.example:8443/checks"),
            ("file:///srv/git/checks.git", "/srv/git/checks"),
            ("/srv/git/checks/.git", "/srv/git/checks"),
        ];
        for (address, name) in rows {
            assert_eq!(name_of_address(address), name, "{address}");
        }
    }

    #[test]
    fn what_git_would_take_for_a_program_or_an_option_is_refused() {
        let rows: [(&str, Option<&str>, Option<&str>); 19] = [
            ("ext::sh -c touch% /tmp/x", None, None),
            ("ext::sh", None, None),
            ("http://example.com/checks", None, None),
            ("git://example.com/checks", None, None),
            ("ftp://example.com/checks", None, None),
            ("https://ann:secret@example.com/checks", None, None),
            ("https://token@example.com/checks", None, None),
            ("ssh://git:secret@example.com/checks", None, None),
            ("ssh://-oProxyCommand=x/checks", None, None),
            ("git@-oProxyCommand=x:checks", None, None),
            ("https:///checks", None, None),
            ("file://host/checks", None, None),
            ("https://example.com/a\nb", None, None),
            ("https://example.com/checks", Some("--upload-pack=x"), None),
            ("https://example.com/checks", Some("main:refs/heads/x"), None),
            ("https://example.com/checks", Some("+main"), None),
            ("https://example.com/checks", Some(""), None),
            ("https://example.com/checks", None, Some("../other")),
            ("https://example.com/checks", None, Some("/etc")),
        ];
        let shown = rows.map(|(address, reference, path)| {
            let error = Repository::new(address, reference, path).unwrap_err().to_string();
            assert!(!error.contains("secret"), "{error}");
            error.replace("\n\nhint: ", "; ")
        });
        insta::assert_snapshot!(shown.join("\n"));
    }

    #[test]
    fn a_path_is_a_folder_and_an_address_a_repository() {
        let is_folder = |text: &str| {
            matches!(ChecksSource::parse(text, None, None, None), Ok(ChecksSource::Folder { .. }))
        };
        for folder in [".", "checks", "/etc/serin/checks", "a@b", "C:\\checks", "src"] {
            assert!(is_folder(folder), "{folder}");
        }
        for repository in ["git@example.com:checks", "https://example.com/x", "file:///srv/x"] {
            assert!(!is_folder(repository), "{repository}");
        }
        assert!(ChecksSource::parse("checks", Some("main"), None, None).is_err());
        assert!(ChecksSource::parse("https://example.com/x", None, None, Some("x")).is_err());
    }
}
