//! Who may ask the server.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serin_model::Timestamp;

use crate::event::Event;
use crate::fact::{Fact, TokenIssued};
use crate::id::EventId;
use crate::kind::Kind;
use crate::projection::Projection;

/// The tokens that were ever issued. To be projected for [the scope of serin itself](crate::Scope::itself).
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub struct Tokens {
    /// By the subject of the event that issued them.
    issued: BTreeMap<String, Token>,
    /// The subjects of tokens, by the event that issued them.
    subjects: BTreeMap<EventId, String>,
}

/// A token, as the ledger knows it: never the token itself.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Token {
    /// The event that issued it.
    pub id: EventId,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// What was said when it was issued.
    pub issued: TokenIssued,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

impl Token {
    /// Returns whether it is worth something at a moment.
    #[must_use]
    pub fn is_valid(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && self.issued.expires_at.is_none_or(|end| now < end)
    }
}

impl Projection for Tokens {
    const NAME: &'static str = "tokens";
    const REVISION: u32 = 1;
    const KINDS: &'static [Kind] = &[Kind::TokenIssued, Kind::TokenRevoked];

    fn apply(&mut self, event: &Event) {
        match event.fact() {
            Fact::TokenIssued(issued) => {
                let subject = &event.header.subject;
                // Whoever may append cannot take over a token by issuing another of the same name.
                if !self.issued.contains_key(subject) {
                    let issued_at = event.header.occurred_at;
                    let token = Token { id: event.id, issued_at, issued, revoked_at: None };
                    self.issued.insert(subject.clone(), token);
                    self.subjects.insert(event.id, subject.clone());
                }
            }
            Fact::TokenRevoked(_) => {
                let subject = event.first_cause().and_then(|id| self.subjects.get(&id));
                if let Some(token) = subject.and_then(|subject| self.issued.get_mut(subject)) {
                    token.revoked_at.get_or_insert(event.header.occurred_at);
                }
            }
            _ => {}
        }
    }
}

impl Tokens {
    /// Returns the token of a subject, revoked or expired though it may be.
    #[must_use]
    pub fn of_subject(&self, subject: &str) -> Option<&Token> {
        self.issued.get(subject)
    }

    /// Returns all tokens that were ever issued, with their subjects.
    pub fn all(&self) -> impl Iterator<Item = (&str, &Token)> {
        self.issued.iter().map(|(subject, token)| (subject.as_str(), token))
    }

    /// Returns whether none was ever issued.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.issued.is_empty()
    }
}
