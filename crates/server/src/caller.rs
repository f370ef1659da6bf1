//! Who asks, and what they may do.

use std::collections::BTreeSet;
use std::marker::PhantomData;
use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::header::{AUTHORIZATION, HOST, ORIGIN};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method};
use serin_ledger::fact::Role;
use serin_ledger::{Token, Tokens};
use serin_runner::now;

use crate::app::App;
use crate::client::{Client, Visitor};
use crate::problem::{Kind, Problem};
use crate::secret::Secret;

/// Somebody who may ask.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    /// What events say that they do, and what their requests are counted by.
    pub(crate) source: String,
    /// What people call them.
    pub(crate) name: String,
    role: Role,
    /// The only services that they may speak of; empty are all.
    services: BTreeSet<String>,
}

/// What the sources of events begin with that come by a token.
pub(crate) const TOKEN_SOURCE: &str = "token/";
/// The source of events that come without a token, which those who run the server allowed.
pub(crate) const NO_TOKEN: &str = "no token";

impl Caller {
    /// Checks that they may speak of a service that they named.
    ///
    /// # Errors
    ///
    /// Where their token is for other services.
    pub(crate) fn of_service(&self, service: &str) -> Result<(), Problem> {
        if self.may_see(service) {
            return Ok(());
        }
        let services = self.services.iter().cloned().collect::<Vec<_>>().join("`, `");
        let detail = format!("the token is for `{services}` alone, and not for `{service}`");
        Err(Problem::new(Kind::Forbidden, detail)
            .hint("ask those who run serin for a token of this service"))
    }

    /// Returns whether they may see what is of a service.
    pub(crate) fn may_see(&self, service: &str) -> bool {
        self.services.is_empty() || self.services.contains(service)
    }

    /// Checks that they may speak of all services.
    ///
    /// # Errors
    ///
    /// Where their token is for some.
    pub(crate) fn of_all_services(&self) -> Result<(), Problem> {
        if self.services.is_empty() {
            return Ok(());
        }
        let detail = "the token is for some services alone, and this is about all of them";
        Err(Problem::new(Kind::Forbidden, detail)
            .hint("ask those who run serin for a token without services"))
    }

    pub(crate) fn is_limited(&self) -> bool {
        !self.services.is_empty()
    }

    /// Returns whether they would still be let in: their token may have been revoked since they asked.
    pub(crate) async fn is_valid(&self, app: &App) -> bool {
        let Ok(tokens) = app.books.tokens().await else { return false };
        match tokens.of_subject(&self.source) {
            Some(token) => token.is_valid(now()),
            None => self.source == NO_TOKEN && app.is_open(tokens.is_empty()),
        }
    }

    pub(crate) fn may(&self, role: Role) -> bool {
        role <= self.role
    }

    pub(crate) fn role(&self) -> Role {
        self.role
    }

    /// Returns whether they came without a token, as those who run the server allowed.
    pub(crate) fn is_without_token(&self) -> bool {
        self.source == NO_TOKEN
    }

    /// Returns the only services that they may speak of; empty are all.
    pub(crate) fn services(&self) -> &BTreeSet<String> {
        &self.services
    }

    fn by_token(subject: &str, token: &Token) -> Self {
        Self {
            source: subject.to_owned(),
            name: token.issued.name.clone(),
            role: token.issued.role,
            services: token.issued.services.iter().cloned().collect(),
        }
    }

    fn without_token() -> Self {
        let (source, name) = (NO_TOKEN.to_owned(), "somebody without a token".to_owned());
        Self { source, name, role: Role::Admin, services: BTreeSet::new() }
    }
}

/// Somebody who may do what a role may: as an argument of a handler, it lets nobody else in.
#[derive(Clone, Debug)]
pub(crate) struct May<R> {
    caller: Caller,
    role: PhantomData<R>,
}

impl<R> std::ops::Deref for May<R> {
    type Target = Caller;

    fn deref(&self) -> &Caller {
        &self.caller
    }
}

/// A role that a handler demands.
pub(crate) trait Demand {
    const ROLE: Role;
}

/// Declares the roles as types.
macro_rules! demands {
    ($($name:ident),*) => {$(
        /// Those who may do what the role of this name may.
        #[derive(Clone, Debug)]
        pub(crate) enum $name {}

        impl Demand for $name {
            const ROLE: Role = Role::$name;
        }
    )*};
}

demands!(Read, Submit, Act, Admin);

impl<R: Demand> FromRequestParts<Arc<App>> for May<R> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        let client = parts.extensions.get::<Client>().copied().unwrap_or_default();
        let caller = match authenticated(&parts.method, &parts.headers, app).await {
            Ok(caller) => caller,
            Err(problem) if is_our_failure(&problem) => return Err(problem),
            Err(problem) => return Err(refused(app, client.address, problem)),
        };
        if let Some(visitor) = parts.extensions.get::<Visitor>() {
            visitor.is(&caller.source);
        }
        let limited_by = if caller.source == NO_TOKEN {
            client.address.to_string()
        } else {
            caller.source.clone()
        };
        if !app.rates.takes(&limited_by) {
            app.metrics.refused("too many requests");
            return Err(too_many());
        }
        if caller.role < R::ROLE {
            app.metrics.refused("role");
            let (role, needed) = (caller.role.as_str(), R::ROLE.as_str());
            tracing::warn!(by = caller.source, client = %client.address, role, needed, "refused: the role is too small");
            let detail = format!("the token may `{role}`, and this takes `{needed}`");
            return Err(Problem::new(Kind::Forbidden, detail)
                .hint("ask those who run serin for a token with that role"));
        }
        Ok(Self { caller, role: PhantomData })
    }
}

fn is_our_failure(problem: &Problem) -> bool {
    matches!(problem.kind(), Kind::Internal | Kind::Unavailable)
}

fn too_many() -> Problem {
    Problem::new(Kind::TooManyRequests, "more requests came than are taken in so short a time")
        .hint("wait for the seconds of `retry-after`; ask for more at once with `limit`")
}

/// Counts and logs somebody who was not let in; of those who try again and again, not each attempt is logged.
fn refused(app: &App, client: IpAddr, problem: Problem) -> Problem {
    app.metrics.refused("token");
    if app.refusals.takes(&client.to_string()) {
        tracing::warn!(%client, "refused: no valid token");
    }
    problem
}

/// Returns who asks.
async fn authenticated(method: &Method, headers: &HeaderMap, app: &App) -> Result<Caller, Problem> {
    let tokens = app.books.tokens().await?;
    let mut given = headers.get_all(AUTHORIZATION).iter();
    let (given, is_one) = (given.next(), given.next().is_none());
    let Some(given) = given else {
        if let Some(subject) = app.sessions.subject(headers) {
            return signed_in(method, headers, &tokens, &subject);
        }
        return if app.is_open(tokens.is_empty()) {
            from_here(method, headers, app).map(|()| Caller::without_token())
        } else {
            Err(unauthenticated("there is no token in the request"))
        };
    };
    let bearer = given.to_str().ok().and_then(|given| given.split_once(' '));
    let bearer = bearer.filter(|(scheme, _)| is_one && scheme.eq_ignore_ascii_case("bearer"));
    let secret = bearer.and_then(|(_, token)| token.trim().parse::<Secret>().ok());
    let Some(secret) = secret else {
        return Err(unauthenticated("`authorization` has no token of serin's"));
    };
    let subject = subject(secret.id());
    let tokens = match tokens.of_subject(&subject) {
        Some(_) => tokens,
        None => app.books.tokens_anew().await?,
    };
    match tokens.of_subject(&subject) {
        Some(token) if secret.has_hash(&token.issued.hash) => {
            if token.is_valid(now()) {
                return Ok(Caller::by_token(&subject, token));
            }
            let why = if token.revoked_at.is_some() { "was revoked" } else { "has expired" };
            Err(unauthenticated(&format!("the token {why}")))
        }
        Some(_) | None => Err(unauthenticated("the token is not known")),
    }
}

/// Returns who signed in with a browser: their token must still be worth something.
fn signed_in(
    method: &Method,
    headers: &HeaderMap,
    tokens: &Tokens,
    subject: &str,
) -> Result<Caller, Problem> {
    if !method.is_safe() {
        from_own_page(headers)?;
    }
    match tokens.of_subject(subject) {
        Some(token) if token.is_valid(now()) => Ok(Caller::by_token(subject, token)),
        Some(_) | None => {
            Err(unauthenticated("the token of this session is worth nothing any more"))
        }
    }
}

/// Returns the subject of a token's events, which is the source of events that come by it too.
pub(crate) fn subject(id: &str) -> String {
    format!("{TOKEN_SOURCE}{id}")
}

fn unauthenticated(detail: &str) -> Problem {
    Problem::new(Kind::Unauthenticated, detail).hint(
        "send `authorization: Bearer serin_…`; those who run serin issue tokens with `serin token issue`",
    )
}

/// A browser of this machine shows pages of others, which must not ask in its name.
fn from_here(method: &Method, headers: &HeaderMap, app: &App) -> Result<(), Problem> {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    if !app.settings.open && !is_loopback_name(host) {
        return Err(unauthenticated(
            "without tokens, only `localhost` and its addresses are answered",
        ));
    }
    if method.is_safe() { Ok(()) } else { from_own_page(headers) }
}

/// Checks that no page of somebody else's asks: browsers say whose page it is.
///
/// # Errors
///
/// Where one does.
pub(crate) fn from_own_page(headers: &HeaderMap) -> Result<(), Problem> {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let origin = headers.get(ORIGIN).map(|origin| origin.to_str().unwrap_or_default());
    let own = origin.is_none_or(|origin| origin.split("://").nth(1) == Some(host));
    let is_cross = headers.get("sec-fetch-site").is_some_and(|site| site == "cross-site");
    if !own || is_cross {
        return Err(Problem::new(Kind::Forbidden, "the request comes from a page of another site")
            .hint("ask from the page of this server, or send a token"));
    }
    Ok(())
}

/// Returns whether the name that a client used for this server can be nothing but this machine: a name that
/// resolves to it today may resolve to another tomorrow.
fn is_loopback_name(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name == "localhost" || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_this_machine() {
        let rows = [
            ("localhost:7878", true),
            ("127.0.0.1:7878", true),
            ("127.1.2.3", true),
            ("[::1]:7878", true),
            ("localhost.example:7878", false),
            ("127.0.0.1.example", false),
            ("[::2]", false),
            ("10.0.0.1:7878", false),
            ("", false),
        ];
        for (host, expected) in rows {
            assert_eq!(is_loopback_name(host), expected, "{host}");
        }
    }
}
