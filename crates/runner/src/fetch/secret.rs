//! Secrets: read where they are, sent, and never said.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};
use serin_model::Secret;

use crate::error::RunError;
use crate::text_file::read_text;

/// Reads secrets, and remembers them so that no answer can repeat them.
#[derive(Debug, Default)]
pub(crate) struct Secrets {
    known: Vec<SecretString>,
}

impl Secrets {
    /// Reads a secret.
    ///
    /// * `folder`: where paths start, that of the Check file.
    ///
    /// # Errors
    ///
    /// [`RunError::NoSecret`] when it is not there, or empty, or no text of one line.
    pub(crate) fn read(
        &mut self,
        secret: &Secret,
        folder: &Path,
    ) -> Result<SecretString, RunError> {
        let text = match secret {
            Secret::Environment(name) => std::env::var(name).map_err(|_| RunError::NoSecret {
                place: format!("the environment variable `{name}`"),
                problem: "is not set".to_owned(),
            })?,
            Secret::File(path) => {
                let path = folder.join(path).to_string_lossy().into_owned();
                read_text(&path, "secret", MOST_SECRET_BYTES)?
            }
        };
        let place = || match secret {
            Secret::Environment(name) => format!("the environment variable `{name}`"),
            Secret::File(path) => format!("the file `{path}`"),
        };
        let text = text.trim_end();
        let problem = if text.is_empty() {
            Some("is empty")
        } else {
            text.chars().any(char::is_control).then_some("has more than one line")
        };
        if let Some(problem) = problem {
            return Err(RunError::NoSecret { place: place(), problem: problem.to_owned() });
        }
        let text = SecretString::from(text);
        self.known.push(text.clone());
        Ok(text)
    }

    /// Returns what proves a user by name and password, which is as secret as the password.
    pub(crate) fn basic(&mut self, username: &str, password: &SecretString) -> SecretString {
        let both = STANDARD.encode(format!("{username}:{}", password.expose_secret()));
        let proof = SecretString::from(format!("Basic {both}"));
        self.known.push(SecretString::from(both));
        proof
    }

    /// Returns a text without any of the secrets, should a server repeat one.
    pub(crate) fn hidden_in(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for secret in &self.known {
            let secret = secret.expose_secret();
            if secret.len() >= SHORTEST_HIDDEN {
                text = text.replace(secret, "(a secret)");
            }
        }
        text
    }
}

const MOST_SECRET_BYTES: u64 = 64 << 10;

/// What is shorter stands in every other word.
const SHORTEST_HIDDEN: usize = 4;
