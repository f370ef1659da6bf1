//! Tokens, for those who decide who has one.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};
use serin_ledger::{Key, Token};
use serin_runner::now;
use utoipa::{IntoParams, ToSchema};

use crate::api::hand_in::{HandIn, Receipt};
use crate::api::list::Limit;
use crate::api::wire::Page;
use crate::app::App;
use crate::caller::{self, Admin, Caller, May, TOKEN_SOURCE};
use crate::grant::{Grant, TokenError, revocation};
use crate::moment::Moment;
use crate::problem::{Kind, Problem};
use crate::request::{Asked, Json, Named};
use crate::secret::Secret;

/// What a token may do. Each may do what those before it may.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Role {
    /// Look at everything but tokens and the audit.
    Read,
    /// Tell of changes, and have them judged.
    Submit,
    /// Speak of verdicts, and pause and resume acting.
    Act,
    /// Issue and revoke tokens, and read the audit.
    Admin,
}

impl From<serin_ledger::fact::Role> for Role {
    fn from(role: serin_ledger::fact::Role) -> Self {
        match role {
            serin_ledger::fact::Role::Read => Self::Read,
            serin_ledger::fact::Role::Submit => Self::Submit,
            serin_ledger::fact::Role::Act => Self::Act,
            serin_ledger::fact::Role::Admin => Self::Admin,
        }
    }
}

impl From<Role> for serin_ledger::fact::Role {
    fn from(role: Role) -> Self {
        match role {
            Role::Read => Self::Read,
            Role::Submit => Self::Submit,
            Role::Act => Self::Act,
            Role::Admin => Self::Admin,
        }
    }
}

/// A token, without what makes it one.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TokenShape {
    /// What it is called in the ledger and in logs.
    #[schema(example = "1f2e3d4c5b6a")]
    id: String,
    /// What people call it.
    name: String,
    role: Role,
    /// The only services that it is for; empty are all.
    services: Vec<String>,
    issued_at: Moment,
    issued_by: String,
    expires_at: Option<Moment>,
    revoked_at: Option<Moment>,
    /// Whether it is worth something at this moment.
    valid: bool,
}

impl From<&(&str, &Token)> for TokenShape {
    fn from((subject, token): &(&str, &Token)) -> Self {
        let issued = &token.issued;
        Self {
            id: id(subject).to_owned(),
            name: issued.name.clone(),
            role: issued.role.into(),
            services: issued.services.clone(),
            issued_at: Moment(token.issued_at),
            issued_by: issued.by.clone(),
            expires_at: issued.expires_at.map(Moment),
            revoked_at: token.revoked_at.map(Moment),
            valid: token.is_valid(now()),
        }
    }
}

/// Returns what people call the token of a subject.
pub(crate) fn id(subject: &str) -> &str {
    subject.strip_prefix(TOKEN_SOURCE).unwrap_or(subject)
}

/// Which tokens to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct TokensAsked {
    /// The `next` of the part before.
    cursor: Option<String>,
    /// How many at most, from 1 to 500.
    #[serde(default)]
    #[param(value_type = Option<u16>, minimum = 1, maximum = 500, default = 50)]
    limit: Limit,
}

/// List the tokens
///
/// By their ids, those that are worth nothing any more included.
#[utoipa::path(
    get, path = "/api/v1/tokens", tag = "tokens", security(("token" = ["admin"])),
    params(TokensAsked),
    responses((status = 200, body = Page<TokenShape>, description = "A part of the list"))
)]
pub(crate) async fn list(
    _: May<Admin>,
    State(app): State<Arc<App>>,
    Asked(asked): Asked<TokensAsked>,
) -> Result<axum::Json<Page<TokenShape>>, Problem> {
    let tokens = app.books.tokens().await?;
    let cursor = asked.cursor.as_deref();
    let mut rest = tokens.all().filter(|(subject, _)| cursor.is_none_or(|it| id(subject) > it));
    let taken: Vec<_> = rest.by_ref().take(asked.limit.0).collect();
    let last = taken.last().filter(|_| rest.next().is_some());
    let next = last.map(|(subject, _)| id(subject).to_owned());
    Ok(axum::Json(Page { items: taken.iter().map(Into::into).collect(), next }))
}

/// A token to issue.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewToken {
    /// What people call it.
    #[schema(example = "deploy pipeline", min_length = 1, max_length = 128)]
    pub(crate) name: String,
    pub(crate) role: Role,
    /// The only services that it shall be for; empty are all.
    #[serde(default)]
    pub(crate) services: Vec<String>,
    /// From when on it is worth nothing; never unless said.
    pub(crate) expires_at: Option<Moment>,
}

/// A token that was issued.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct IssuedToken {
    /// What it is called in the ledger and in logs.
    pub(crate) id: String,
    /// The token itself, which nobody can show again.
    pub(crate) token: String,
    /// The event that says so.
    event: String,
}

/// Issue a token
///
/// It is shown in this answer and never again: the ledger keeps its SHA-256 alone. A repeated request issues another
/// one.
#[utoipa::path(
    post, path = "/api/v1/tokens", tag = "tokens", security(("token" = ["admin"])),
    request_body = NewToken,
    responses((status = 201, body = IssuedToken, description = "The token"))
)]
pub(crate) async fn issue(
    caller: May<Admin>,
    State(app): State<Arc<App>>,
    Json(new): Json<NewToken>,
) -> Result<Response, Problem> {
    let issued = issue_to(&app, &caller, new).await?;
    Ok((StatusCode::CREATED, axum::Json(issued)).into_response())
}

/// Issues a token.
///
/// # Errors
///
/// What is wrong with what is wanted, or that the ledger does not take it.
pub(crate) async fn issue_to(
    app: &Arc<App>,
    caller: &Caller,
    new: NewToken,
) -> Result<IssuedToken, Problem> {
    let grant = Grant {
        name: new.name,
        role: new.role.into(),
        services: new.services,
        expires_at: new.expires_at.map(|moment| moment.0),
        by: caller.name.clone(),
    };
    let secret = Secret::draw().map_err(|_| Problem::internal())?;
    let source_id = format!("issue/{}", secret.id());
    let hand_in = HandIn { app, caller, source_id: Some(source_id), occurred_at: Some(now()) };
    let receipt = hand_in.append(|key: Key, at| Ok(grant.issued(key, at, &secret)?)).await?;
    app.books.forget_tokens().await;
    tracing::info!(id = secret.id(), by = caller.source, "issued a token");
    let (id, token) = (secret.id().to_owned(), secret.expose().to_owned());
    Ok(IssuedToken { id, token, event: receipt.event().to_owned() })
}

/// Revoke a token
///
/// At once on this server, within two seconds on others that share its ledger. Revoking it again does nothing.
#[utoipa::path(
    delete, path = "/api/v1/tokens/{id}", tag = "tokens", security(("token" = ["admin"])),
    params(("id" = String, Path, description = "The token's id")),
    responses(
        (status = 201, body = Receipt, description = "It is revoked"),
        (status = 200, body = Receipt, description = "It was revoked before"),
    )
)]
pub(crate) async fn revoke(
    caller: May<Admin>,
    State(app): State<Arc<App>>,
    Named(id): Named<String>,
) -> Result<Receipt, Problem> {
    revoke_by(&app, &caller, &id).await
}

/// Revokes a token.
///
/// # Errors
///
/// Where there is none of this id, or the ledger does not take it.
pub(crate) async fn revoke_by(
    app: &Arc<App>,
    caller: &Caller,
    id: &str,
) -> Result<Receipt, Problem> {
    let tokens = app.books.tokens().await?;
    let subject = caller::subject(id);
    let token = tokens.of_subject(&subject).ok_or_else(|| {
        Problem::not_found(format!("there is no token `{id}`"))
            .hint("`/api/v1/tokens` lists all by their ids")
    })?;
    let (issued, by) = (token.id, caller.name.clone());
    let hand_in =
        HandIn { app, caller, source_id: Some(format!("revoke/{id}")), occurred_at: None };
    let make = |key, at| Ok(revocation(key, at, &subject, issued, &by, None)?);
    let receipt = hand_in.append(make).await;
    app.books.forget_tokens().await;
    tracing::info!(id, by = caller.source, "revoked a token");
    receipt
}

impl From<TokenError> for Problem {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::Invalid(invalid) => invalid.into(),
            TokenError::LimitedAdmin => {
                Self::new(Kind::Invalid, "a token that may `admin` is for all services")
                    .at("/services")
                    .hint("leave `services` out, or give it another role")
            }
            other => {
                tracing::error!(error = %other, "a token was not issued");
                Self::internal()
            }
        }
    }
}
