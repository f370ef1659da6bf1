//! What an event is about, in the words of those who run it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::limits::{
    Invalid, MOST_LABELS, MOST_NAME_CHARACTERS, MOST_VALUE_CHARACTERS, check_count, check_text,
};

/// A service, and where it runs: environment, cluster, region.
///
/// Two scopes are the same when service and labels are. A version is no label of a scope: versions change
/// within one.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scope {
    /// The service.
    pub service: String,
    /// What else narrows it down; often nothing.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
}

/// The service of events that are about serin itself: its tokens, and whether it acts.
pub const ITSELF: &str = "(serin)";

impl Scope {
    /// Creates the scope of what is about serin itself.
    #[must_use]
    pub fn itself() -> Self {
        Self::of_service(ITSELF)
    }

    /// Creates the scope of a whole service.
    #[must_use]
    pub fn of_service(service: impl Into<String>) -> Self {
        Self { service: service.into(), labels: BTreeMap::new() }
    }

    /// Adds a label.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.labels.insert(name.into(), value.into());
        self
    }

    pub(crate) fn check(&self) -> Result<(), Invalid> {
        check_text("scope.service", &self.service, MOST_NAME_CHARACTERS)?;
        let hint = "name what tells scopes apart, and no more";
        check_count("scope.labels", self.labels.len(), MOST_LABELS, hint)?;
        for (name, value) in &self.labels {
            check_text("the name of a label in scope.labels", name, MOST_NAME_CHARACTERS)?;
            check_text(&format!("scope.labels.{name}"), value, MOST_VALUE_CHARACTERS)?;
        }
        Ok(())
    }
}

impl std::fmt::Display for Scope {
    /// Writes it as `checkout{cluster=a, environment=prod}`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.service)?;
        if self.labels.is_empty() {
            return Ok(());
        }
        let labels: Vec<_> =
            self.labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
        write!(f, "{{{}}}", labels.join(", "))
    }
}
