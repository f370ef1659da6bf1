//! Why a commit was not told.

/// Why a commit was not told.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommitStatusError {
    /// The environment does not say which commit, or on whose behalf.
    #[error("`{name}` is missing, or is not {expected}\n\nhint: {}", variable_hint(name))]
    Variable {
        /// The variable or the option.
        name: &'static str,
        /// What it should be.
        expected: &'static str,
    },
    /// Nothing answered.
    #[error(
        "{host} did not answer: {cause}\n\nhint: see that this machine reaches it; `HTTPS_PROXY` names a proxy, `SSL_CERT_FILE` the certificates to trust"
    )]
    Unreachable {
        /// The host that was asked.
        host: String,
        /// What happened.
        cause: String,
    },
    /// It answered, and did not do it.
    #[error("{host} answered {status}: {words}\n\nhint: {}", hint(*status))]
    Refused {
        /// The host that was asked.
        host: String,
        /// The HTTP status.
        status: u16,
        /// What it said, without the token.
        words: String,
    },
}

impl CommitStatusError {
    /// Returns whether trying again may help.
    pub(super) fn may_pass(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            Self::Refused { status, .. } => matches!(status, 429 | 500..=599),
            Self::Variable { .. } => false,
        }
    }
}

fn variable_hint(name: &str) -> &'static str {
    match name {
        "GITHUB_TOKEN" => "give it to the step: `env: {GITHUB_TOKEN: ${{ github.token }}}`",
        "GITLAB_TOKEN" => {
            "make a project access token with the scope `api`, and a masked variable of that name; \
             CI_JOB_TOKEN may not set a status"
        }
        "--commit" => "`git rev-parse` prints it",
        _ => "the forge's own pipelines set it; set it yourself elsewhere",
    }
}

fn hint(status: u16) -> &'static str {
    match status {
        300..=399 => "it has moved: give the address of the API itself",
        401 => "the token is wrong or has expired",
        403 => {
            "the token may not do that: it takes `permissions: statuses: write` on GitHub, the scope \
             `api` on GitLab; the tokens of forks may not write"
        }
        404 => "the token does not see this repository, or the repository has no such commit",
        400 | 422 => "see that the commit was pushed, and that its status may still change",
        429 | 500..=599 => "the server is busy or broken: several attempts were made",
        _ => "see that the address is that of the forge's API",
    }
}
