//! Requests as the forges document them.

use std::fmt;

use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::commit::{Commit, Forge};
use super::status::{CommitState, CommitStatus};

/// A `POST` that sets a status, with the secret in its headers.
#[derive(Clone, Eq, PartialEq)]
pub struct StatusRequest {
    /// Where it goes.
    pub url: String,
    /// Its headers, in lower case.
    pub headers: Vec<(&'static str, String)>,
    /// Its body, as JSON.
    pub body: Value,
}

/// Leaves the headers out: the token is among them.
impl fmt::Debug for StatusRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StatusRequest")
            .field("url", &self.url)
            .field("body", &self.body)
            .finish_non_exhaustive()
    }
}

impl StatusRequest {
    /// Builds the request that gives `commit` this status.
    #[must_use]
    pub fn new(commit: &Commit, status: &CommitStatus) -> Self {
        match commit.forge {
            Forge::GitHub => Self::github(commit, status),
            Forge::GitLab => Self::gitlab(commit, status),
        }
    }

    fn github(commit: &Commit, status: &CommitStatus) -> Self {
        let Commit { api, project, sha, token, .. } = commit;
        let state = match status.state {
            CommitState::Success => "success",
            CommitState::Failure => "failure",
            CommitState::Pending => "pending",
        };
        Self {
            url: format!("{api}/repos/{project}/statuses/{sha}"),
            headers: vec![
                ("accept", "application/vnd.github+json".to_owned()),
                ("authorization", format!("Bearer {}", token.expose_secret())),
                ("x-github-api-version", "2022-11-28".to_owned()),
            ],
            body: with(
                json!({
                    "state": state,
                    "context": status.context,
                    "description": status.description,
                }),
                "target_url",
                commit.link.clone().map(Value::from),
            ),
        }
    }

    fn gitlab(commit: &Commit, status: &CommitStatus) -> Self {
        let Commit { api, project, sha, token, .. } = commit;
        let state = match status.state {
            CommitState::Success => "success",
            CommitState::Failure => "failed",
            CommitState::Pending => "pending",
        };
        let body = json!({
            "state": state,
            "name": status.context,
            "description": status.description,
        });
        let body = with(body, "target_url", commit.link.clone().map(Value::from));
        Self {
            url: format!("{api}/projects/{project}/statuses/{sha}"),
            headers: vec![("private-token", token.expose_secret().to_owned())],
            body: with(body, "pipeline_id", commit.pipeline.map(Value::from)),
        }
    }
}

fn with(mut body: Value, key: &str, value: Option<Value>) -> Value {
    if let (Some(fields), Some(value)) = (body.as_object_mut(), value) {
        fields.insert(key.to_owned(), value);
    }
    body
}
