//! Who looks, the switch that pauses all acting, and for admins tokens and who did what with them.

use std::sync::Arc;

use askama::Template;
use axum::Form;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, HeaderValue};
use axum::response::{IntoResponse as _, Redirect, Response};
use serde::Deserialize;
use serin_ledger::fact::{Person, Role};
use serin_ledger::{Fact, Token};
use serin_model::Timestamp;
use serin_runner::{ActingRule, now};

use super::frame::{Frame, Instead, Looks, shown};
use super::words::{given, moment};
use crate::api::acting;
use crate::api::audit::{self, Deed};
use crate::api::schedules;
use crate::api::tokens::{self, IssuedToken, NewToken};
use crate::app::App;
use crate::caller::{Act, Admin, Caller, Read};
use crate::moment::Moment;
use crate::problem::{Kind, Problem};
use crate::request::{IdempotencyKey, Named};
use crate::schedule_config::Schedule;

#[derive(Template)]
#[template(path = "settings.html")]
struct Settings {
    frame: Frame,
    name: String,
    role: &'static str,
    services: Vec<String>,
    /// The rules by which this server acts on verdicts: a sentence each.
    rules: Vec<String>,
    /// When analyses begin by the clock: a sentence each.
    schedules: Vec<String>,
    /// Whether they may pause and resume acting.
    may_switch: bool,
    is_admin: bool,
    /// A token that was issued just now: nobody can show it again.
    issued: Option<IssuedToken>,
    tokens: Vec<TokenRow>,
    deeds: Vec<DeedRow>,
}

struct TokenRow {
    id: String,
    name: String,
    role: &'static str,
    services: String,
    issued: String,
    /// Why it is worth nothing, or until when it is worth something.
    state: String,
    is_valid: bool,
}

impl TokenRow {
    fn of((subject, token): (&str, &Token)) -> Self {
        let issued = &token.issued;
        let is_valid = token.is_valid(now());
        let state = match (token.revoked_at, issued.expires_at) {
            (Some(revoked), _) => format!("revoked {}", moment(revoked)),
            (None, Some(end)) if is_valid => format!("until {}", moment(end)),
            (None, Some(end)) => format!("expired {}", moment(end)),
            (None, None) => "valid".to_owned(),
        };
        Self {
            id: tokens::id(subject).to_owned(),
            name: issued.name.clone(),
            role: issued.role.as_str(),
            services: match issued.services.as_slice() {
                [] => "all".to_owned(),
                services => services.join(", "),
            },
            issued: moment(token.issued_at),
            state,
            is_valid,
        }
    }
}

struct DeedRow {
    at: String,
    who: String,
    kind: String,
    subject: String,
    event: String,
}

impl From<&Deed> for DeedRow {
    fn from(deed: &Deed) -> Self {
        Self {
            at: moment(deed.at.0),
            who: deed.who().to_owned(),
            kind: deed.kind.clone(),
            subject: deed.subject.clone(),
            event: deed.event.clone(),
        }
    }
}

/// Acts on the page; the API lists all.
const MOST_DEEDS: usize = 50;
/// Tokens on the page, those that are worth something first.
const MOST_TOKENS: usize = 200;

pub(super) async fn page(
    Looks(caller): Looks<Read>,
    State(app): State<Arc<App>>,
) -> Result<Response, Instead> {
    settings(&app, &caller, None).await
}

async fn settings(
    app: &Arc<App>,
    caller: &Caller,
    issued: Option<IssuedToken>,
) -> Result<Response, Instead> {
    let is_admin = caller.may(Role::Admin);
    let page = Settings {
        frame: Frame::of(app, caller).await?,
        name: caller.name.clone(),
        role: caller.role().as_str(),
        services: caller.services().iter().cloned().collect(),
        rules: app.settings.acting.iter().map(rule_in_words).collect(),
        schedules: schedules::seen(app, caller).map(|it| schedule_in_words(app, it)).collect(),
        may_switch: caller.may(Role::Act) && !caller.is_limited(),
        is_admin,
        issued,
        tokens: if is_admin { token_rows(app).await? } else { Vec::new() },
        deeds: match is_admin {
            true => audit::newest(app, caller, MOST_DEEDS).await?.iter().map(Into::into).collect(),
            false => Vec::new(),
        },
    };
    Ok(shown(StatusCode::OK, &page))
}

async fn token_rows(app: &App) -> Result<Vec<TokenRow>, Problem> {
    let tokens = app.books.tokens_anew().await?;
    let mut rows: Vec<TokenRow> = tokens.all().map(TokenRow::of).collect();
    rows.sort_by(|a, b| b.is_valid.cmp(&a.is_valid).then_with(|| b.issued.cmp(&a.issued)));
    rows.truncate(MOST_TOKENS);
    Ok(rows)
}

fn rule_in_words(rule: &ActingRule) -> String {
    let outcomes: Vec<&str> = rule.outcomes.iter().map(|outcome| outcome.as_str()).collect();
    let mut of = rule.services.join(", ");
    for (name, value) in &rule.labels {
        of.push_str(if of.is_empty() { "" } else { ", " });
        of.push_str(&format!("{name}={value}"));
    }
    let of = if of.is_empty() { "any service".to_owned() } else { of };
    format!("{}: on {} of {of}", rule.name, outcomes.join(" or "))
}

fn schedule_in_words(app: &App, schedule: &Schedule) -> String {
    let next = schedule.next(app.live.now());
    let next = next.map_or_else(|| "never".to_owned(), |next| format!("{} UTC", moment(next)));
    let shadow = if schedule.shadow { "; nobody acts on it" } else { "" };
    format!("{}: `{}`, next {next}{shadow}", schedule.name, schedule.cron.as_str())
}

/// What the switch is set to, and why.
#[derive(Debug, Deserialize)]
pub(super) struct SwitchForm {
    to: Switch,
    #[serde(default)]
    reason: String,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Switch {
    Pause,
    Resume,
}

/// Pauses or resumes all acting.
pub(super) async fn switch(
    Looks(caller): Looks<Act>,
    State(app): State<Arc<App>>,
    Form(form): Form<SwitchForm>,
) -> Result<Response, Instead> {
    let fact: fn(Person) -> Fact = match form.to {
        Switch::Pause => Fact::ActingPaused,
        Switch::Resume => Fact::ActingResumed,
    };
    acting::switch(&app, &caller, IdempotencyKey(None), None, given(&form.reason), fact).await?;
    Ok(Redirect::to("/settings").into_response())
}

/// A token that is wanted.
#[derive(Deserialize)]
pub(super) struct TokenForm {
    name: String,
    role: tokens::Role,
    /// Names of services with commas between them; none are all.
    #[serde(default)]
    services: String,
    /// For how many days; zero is for ever.
    #[serde(default)]
    days: u16,
}

const DAY: i64 = 86_400_000;

impl From<TokenForm> for NewToken {
    fn from(form: TokenForm) -> Self {
        let services = form.services.split(',').map(str::trim).filter(|it| !it.is_empty());
        let end = Timestamp::from_millis(now().as_millis() + i64::from(form.days) * DAY);
        Self {
            name: form.name.trim().to_owned(),
            role: form.role,
            services: services.map(str::to_owned).collect(),
            expires_at: (form.days > 0).then_some(Moment(end)),
        }
    }
}

/// Issues a token, and shows it once.
pub(super) async fn issue(
    Looks(caller): Looks<Admin>,
    State(app): State<Arc<App>>,
    Form(form): Form<TokenForm>,
) -> Result<Response, Instead> {
    if caller.is_without_token() {
        // From then on the server asks everybody for a token: whoever issues it would be locked out by a role too small.
        let is_admin = matches!(form.role, tokens::Role::Admin);
        if !is_admin && app.books.tokens_anew().await?.is_empty() {
            let detail = "the first token must be one that may `admin`";
            return Err(Problem::new(Kind::Invalid, detail)
                .hint("with it, nobody gets in without a token any more")
                .into());
        }
    }
    let issued = tokens::issue_to(&app, &caller, form.into()).await?;
    if caller.is_without_token() {
        let mut answer = shown(StatusCode::OK, &FirstToken { frame: Frame::of_nobody(), issued });
        answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        return Ok(answer);
    }
    let mut answer = settings(&app, &caller, Some(issued)).await?;
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(answer)
}

/// A token that was issued to somebody who has none: from now on it takes one to get in.
#[derive(Template)]
#[template(path = "first_token.html")]
struct FirstToken {
    frame: Frame,
    issued: IssuedToken,
}

/// Revokes a token.
pub(super) async fn revoke(
    Looks(caller): Looks<Admin>,
    State(app): State<Arc<App>>,
    Named(id): Named<String>,
) -> Result<Response, Instead> {
    tokens::revoke_by(&app, &caller, &id).await?;
    Ok(Redirect::to("/settings").into_response())
}
