//! Issuing and revoking tokens.

use serin_ledger::fact::{Person, Role, TokenIssued};
use serin_ledger::{Cause, EventId, Fact, Invalid, Key, Ledger, Parcel, Scope, Submission, Tokens};
use serin_model::Timestamp;
use serin_runner::now;

use crate::caller::subject;
use crate::secret::{Secret, random_digits};

/// What a token is to be.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Grant {
    /// What people call it, such as `deploy pipeline`.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// The only services that it is for; empty are all.
    pub services: Vec<String>,
    /// From when on it is worth nothing.
    pub expires_at: Option<Timestamp>,
    /// Who issues it.
    pub by: String,
}

impl Grant {
    /// Returns the event that issues a token.
    pub(crate) fn issued(
        &self,
        key: Key,
        at: Timestamp,
        secret: &Secret,
    ) -> Result<Submission, TokenError> {
        if self.role == Role::Admin && !self.services.is_empty() {
            return Err(TokenError::LimitedAdmin);
        }
        self.check_texts()?;
        let fact = Fact::TokenIssued(TokenIssued {
            name: self.name.clone(),
            role: self.role,
            services: self.services.clone(),
            expires_at: self.expires_at,
            hash: secret.hash(),
            by: self.by.clone(),
        });
        Ok(Submission::new(key, at, Scope::itself(), subject(secret.id()), &fact)?)
    }

    /// Names stand in logs and tables: one line each.
    fn check_texts(&self) -> Result<(), Invalid> {
        let named = std::iter::once(("name".to_owned(), &self.name));
        let services = self.services.iter().enumerate();
        let services = services.map(|(index, name)| (format!("services.{index}"), name));
        for (place, text) in named.chain(services) {
            let is_name = (1..=serin_ledger::limits::MOST_NAME_CHARACTERS)
                .contains(&text.chars().count())
                && !text.chars().any(char::is_control);
            if !is_name {
                let problem = "it is not one line of 1 to 128 characters".to_owned();
                let hint = "write a name such as `deploy pipeline`".to_owned();
                return Err(Invalid { place, problem, hint });
            }
        }
        Ok(())
    }
}

/// Why a token was not issued, or not revoked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// What it is to be is not possible.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// Who may issue tokens for all services is not limited to some.
    #[error(
        "a token that may `admin` is for all services\n\nhint: leave the services out, or give it another role"
    )]
    LimitedAdmin,
    /// There is no such token.
    #[error("there is no token `{id}`\n\nhint: `serin token list` has the ids of all")]
    Unknown {
        /// What it was called.
        id: String,
    },
    /// The system has no random numbers.
    #[error("the system gives no random numbers: {0}\n\nhint: see that /dev/urandom is there")]
    Random(#[from] getrandom::Error),
    /// The ledger failed.
    #[error(transparent)]
    Ledger(#[from] serin_ledger::LedgerError),
    /// The ledger does not take the event.
    #[error(transparent)]
    Refused(#[from] serin_ledger::Refusal),
}

/// Returns the event that revokes a token.
///
/// * `issued`: the event that issued it.
pub(crate) fn revocation(
    key: Key,
    at: Timestamp,
    subject: &str,
    issued: EventId,
    by: &str,
    reason: Option<&str>,
) -> Result<Submission, Invalid> {
    let person = Person { by: by.to_owned(), reason: reason.map(str::to_owned) };
    let fact = Fact::TokenRevoked(person);
    let event = Submission::new(key, at, Scope::itself(), subject, &fact)?;
    event.caused_by(vec![Cause::Event(issued)])
}

/// The source of what is done to tokens on the command line.
const COMMAND_LINE: &str = "serin token";

/// Issues a token. What it returns is the only copy.
///
/// # Errors
///
/// Where it may not be issued, or the ledger does not take it.
pub fn issue_token(ledger: &mut Ledger, grant: &Grant) -> Result<Secret, TokenError> {
    let secret = Secret::draw()?;
    let key = Key::new(COMMAND_LINE, format!("issue/{}", secret.id()));
    append(ledger, grant.issued(key, now(), &secret)?)?;
    Ok(secret)
}

/// Revokes a token, and returns whether it was not revoked before.
///
/// # Errors
///
/// Where there is no such token, or the ledger does not take it.
pub fn revoke_token(
    ledger: &mut Ledger,
    id: &str,
    by: &str,
    reason: Option<&str>,
) -> Result<bool, TokenError> {
    let subject = subject(id);
    let tokens = ledger.project::<Tokens>(Some(serin_ledger::ITSELF))?.state;
    let token =
        tokens.of_subject(&subject).ok_or_else(|| TokenError::Unknown { id: id.to_owned() })?;
    if token.revoked_at.is_some() {
        return Ok(false);
    }
    let key = Key::new(COMMAND_LINE, format!("revoke/{id}/{}", random_digits(16)?));
    append(ledger, revocation(key, now(), &subject, token.id, by, reason)?)?;
    Ok(true)
}

fn append(ledger: &mut Ledger, event: Submission) -> Result<(), TokenError> {
    let parcel = Parcel::new(now(), Vec::new(), vec![event])?;
    for answer in ledger.append(&[parcel])? {
        answer?;
    }
    Ok(())
}

/// Returns all tokens that were ever issued, with their ids, by id.
///
/// # Errors
///
/// What the database did.
pub fn tokens(
    ledger: &mut Ledger,
) -> Result<Vec<(String, serin_ledger::Token)>, serin_ledger::LedgerError> {
    let tokens = ledger.project::<Tokens>(Some(serin_ledger::ITSELF))?.state;
    let tokens = tokens.all().map(|(subject, token)| {
        let id = subject.strip_prefix(crate::caller::TOKEN_SOURCE).unwrap_or(subject);
        (id.to_owned(), token.clone())
    });
    Ok(tokens.collect())
}
