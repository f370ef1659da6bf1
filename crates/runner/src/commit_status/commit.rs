//! The commit, as the variables of a pipeline name it.

use reqwest::Url;
use secrecy::SecretString;

use super::error::CommitStatusError;

/// Who keeps the code.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Forge {
    /// GitHub, or a GitHub Enterprise Server.
    GitHub,
    /// GitLab, of anybody.
    GitLab,
}

/// A commit, and the right to set its status.
#[derive(Clone, Debug)]
pub struct Commit {
    pub(super) forge: Forge,
    /// Invariant: an address over HTTP or HTTPS, without a slash at its end.
    pub(super) api: String,
    /// Invariant: needs no escaping in an address.
    pub(super) project: String,
    /// Invariant: hexadecimal digits.
    pub(super) sha: String,
    pub(super) token: SecretString,
    /// The run that judged, for people to look at.
    pub(super) link: Option<String>,
    /// GitLab's pipeline, where the commit has several.
    pub(super) pipeline: Option<u64>,
}

impl Commit {
    /// Takes the commit from the variables that the forge's own pipelines set.
    ///
    /// * `variable`: looks one up. For GitHub `GITHUB_TOKEN`, `GITHUB_API_URL`, `GITHUB_REPOSITORY`,
    ///   `GITHUB_SHA`, and for the link `GITHUB_SERVER_URL` and `GITHUB_RUN_ID`. For GitLab
    ///   `GITLAB_TOKEN`, `CI_API_V4_URL`, `CI_PROJECT_ID`, `CI_COMMIT_SHA`, `CI_PIPELINE_ID`, and for
    ///   the link `CI_JOB_URL`. The addresses of the APIs default to the public ones.
    /// * `sha`: the commit, if not the one that the pipeline runs for.
    ///
    /// # Errors
    ///
    /// [`CommitStatusError::Variable`] when one is missing or cannot be what it should be.
    pub fn from_environment(
        forge: Forge,
        variable: &dyn Fn(&str) -> Option<String>,
        sha: Option<&str>,
    ) -> Result<Self, CommitStatusError> {
        let environment = Environment { variable };
        match forge {
            Forge::GitHub => environment.github(sha),
            Forge::GitLab => environment.gitlab(sha),
        }
    }

    /// Returns the host that is asked, for messages.
    pub(super) fn host(&self) -> String {
        let url = Url::parse(&self.api).ok();
        url.and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_else(|| self.api.clone())
    }
}

/// The variables of a pipeline.
struct Environment<'a> {
    variable: &'a dyn Fn(&str) -> Option<String>,
}

impl Environment<'_> {
    fn github(&self, sha: Option<&str>) -> Result<Commit, CommitStatusError> {
        let is_name = |text: &str| {
            !matches!(text, "" | "." | "..")
                && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
        };
        let is_repository = |text: &str| {
            text.split_once('/').is_some_and(|(owner, name)| is_name(owner) && is_name(name))
        };
        let token = self.token("GITHUB_TOKEN")?;
        let project = self.valid("GITHUB_REPOSITORY", "`owner/name`", is_repository)?;
        let link = self.get("GITHUB_SERVER_URL").zip(self.get("GITHUB_RUN_ID"));
        Ok(Commit {
            forge: Forge::GitHub,
            api: self.api("GITHUB_API_URL", "https://api.github.com")?,
            sha: self.sha("GITHUB_SHA", sha)?,
            token,
            link: link.map(|(server, run)| format!("{server}/{project}/actions/runs/{run}")),
            pipeline: None,
            project,
        })
    }

    fn gitlab(&self, sha: Option<&str>) -> Result<Commit, CommitStatusError> {
        let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        // The pipeline that runs is one of its own commit, and none of another.
        let pipeline = if sha.is_none() { self.get("CI_PIPELINE_ID") } else { None };
        Ok(Commit {
            forge: Forge::GitLab,
            token: self.token("GITLAB_TOKEN")?,
            api: self.api("CI_API_V4_URL", "https://gitlab.com/api/v4")?,
            project: self.valid("CI_PROJECT_ID", "a number", is_number)?,
            sha: self.sha("CI_COMMIT_SHA", sha)?,
            link: self.get("CI_JOB_URL"),
            pipeline: pipeline.and_then(|pipeline| pipeline.parse().ok()),
        })
    }

    /// Returns a variable, unless it is blank.
    fn get(&self, name: &str) -> Option<String> {
        let value = (self.variable)(name)?.trim().to_owned();
        (!value.is_empty()).then_some(value)
    }

    fn valid(
        &self,
        name: &'static str,
        expected: &'static str,
        is_valid: impl Fn(&str) -> bool,
    ) -> Result<String, CommitStatusError> {
        let value = self.get(name).filter(|value| is_valid(value));
        value.ok_or(CommitStatusError::Variable { name, expected })
    }

    fn api(&self, name: &'static str, default: &str) -> Result<String, CommitStatusError> {
        let api = self.get(name).unwrap_or_else(|| default.to_owned());
        let is_web = Url::parse(&api).is_ok_and(|url| matches!(url.scheme(), "https" | "http"));
        let expected = "an address that begins with https://";
        if !is_web {
            return Err(CommitStatusError::Variable { name, expected });
        }
        Ok(api.trim_end_matches('/').to_owned())
    }

    fn sha(&self, name: &'static str, given: Option<&str>) -> Result<String, CommitStatusError> {
        let is_sha = |text: &str| {
            (7..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
        };
        let expected = "a commit's hash in hexadecimal digits";
        match given {
            None => self.valid(name, expected, is_sha),
            Some(given) if is_sha(given) => Ok(given.to_owned()),
            Some(_) => Err(CommitStatusError::Variable { name: "--commit", expected }),
        }
    }

    fn token(&self, name: &'static str) -> Result<SecretString, CommitStatusError> {
        let is_visible = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
        self.valid(name, "a token that may set commit statuses", is_visible).map(SecretString::from)
    }
}
