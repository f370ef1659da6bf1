//! Pages, as a browser without a script sees them.

use serde_json::json;
use serin_ledger::fact::Role;

use crate::analyses;
use crate::databases::File;
use crate::running::{Answer, Running};

async fn shop() -> Running {
    Running::watching(Box::new(File::new()), "", analyses::shop()).await
}

async fn page(server: &Running, path: &str) -> String {
    let answer = server.get(path, "").await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.text);
    assert_eq!(answer.header("content-type"), "text/html; charset=utf-8");
    assert!(answer.header("content-security-policy").contains("default-src 'none'"));
    assert!(answer.text.len() < 200_000, "{path}");
    answer.text
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verdict_is_found_from_everywhere() {
    let server = shop().await;
    assert!(page(&server, "/").await.contains("Nothing runs."));
    let change =
        json!({"service": "broken", "what": "deploy", "to": "1.2", "subject": "change/1.2"});
    assert_eq!(server.post("/api/v1/changes", "", change).await.status, 201);
    let mut asked = analyses::asked("broken", analyses::LONG_AGO);
    asked["change"] = json!("change/1.2");
    let begun = server.post("/api/v1/analyses", "", asked).await;
    let id = begun.json()["id"].as_str().unwrap().to_owned();
    let ended = analyses::until(&server, "", &id, "ended").await;
    let verdict = format!("/verdicts/{}", ended["verdict_event"].as_str().unwrap());
    // The client follows from the page of the analysis to that of its verdict.
    let text = page(&server, &format!("/analyses/{id}")).await;
    assert_eq!(text, page(&server, &verdict).await);
    assert!(text.contains("Fail") && text.contains("errors is higher"), "{text}");
    let change = "/changes/change%2F1.2?service=broken";
    assert!(text.contains(change), "{text}");
    for path in ["/", "/services/broken", change] {
        assert!(page(&server, path).await.contains(&verdict), "{path}");
    }
    assert!(page(&server, "/services").await.contains("/services/broken"));
    let report = page(&server, &format!("{verdict}/report")).await;
    assert!(report.contains("<svg"), "the report has no drawing");
    assert!(text.contains("since 20") && text.contains("would not be seen"), "{text}");
    let picture = format!("{verdict}/picture.svg");
    assert!(text.contains(&picture), "{text}");
    let picture = server.get(&picture, "").await;
    assert_eq!(picture.header("content-type"), "image/svg+xml");
    for said in ["✗ Fail", "broken", "harmed", "errors is higher"] {
        assert!(picture.text.contains(said), "{said}: {}", picture.text);
    }
    let markdown = server.get(&format!("{verdict}/report?format=markdown"), "").await;
    assert_eq!(markdown.header("content-type"), "text/plain; charset=utf-8");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_analysis_that_runs_has_a_page_that_stays_up_to_date() {
    let server = shop().await;
    let change = json!({"service": "checkout", "what": "deploy", "subject": "change/1 2"});
    assert_eq!(server.post("/api/v1/changes", "", change).await.status, 201);
    let change_page = "/changes/change%2F1%202?service=checkout";
    let mut asked = analyses::asked("checkout", "now");
    asked["change"] = json!("change/1 2");
    let begun = server.post("/api/v1/analyses", "", asked).await;
    let path = format!("/analyses/{}", begun.json()["id"].as_str().unwrap());
    let text = page(&server, &path).await;
    assert!(text.contains("data-live") && text.contains("Nothing is judged yet."), "{text}");
    let now = page(&server, "/").await;
    assert!(now.contains(&path) && now.contains(change_page), "{now}");
    page(&server, change_page).await;
    let script = server.get("/assets/serin.js", "").await;
    assert!(script.text.contains("data-live"), "{}", script.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_names_are_shown_and_nothing_more() {
    let server = shop().await;
    let name = "<script>alert(1)</script>\u{202e}";
    let change = json!({
        "service": "checkout", "what": "manual", "to": name, "note": name, "subject": name,
        "ref": "javascript:alert(1)",
    });
    let told = server.post("/api/v1/changes", "", change).await;
    assert_eq!(told.status, 201, "{}", told.text);
    let service = page(&server, "/services/checkout").await;
    assert!(!service.contains("<script>alert"), "{service}");
    let start = service.find("/changes/").unwrap();
    let link = service[start..].split('"').next().unwrap().replace("&#38;", "&");
    let text = page(&server, &link).await;
    assert!(!text.contains("<script>alert") && !text.contains("href=\"javascript"), "{text}");
    let missing = server.request("GET", "/nowhere<script>", "").header("accept", "text/html");
    let missing = Answer::of(missing.send().await.unwrap()).await;
    assert_eq!((missing.status, missing.header("content-type")), (404, "text/html; charset=utf-8"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_signs_in_with_a_token_and_out_again() {
    let server = shop().await;
    let id = analyses::ended(&server, "checkout").await;
    let token = server.token(Role::Act, &["checkout"]).await;
    // The client follows to the form.
    let asked = server.get("/services?after=a", "").await;
    assert!(asked.text.contains("value=\"/services?after=a\""), "{}", asked.text);
    let sign_in = async |token: &str, origin: &str| {
        let body = format!("token={token}&next=/services/checkout");
        let request = server.request("POST", "/sign-in", "").header("origin", origin).body(body);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        Answer::of(server.unfollowed(request).await).await
    };
    let own = format!("http://{}", server.address);
    assert_eq!(sign_in("serin_x", &own).await.status, 401);
    assert_eq!(sign_in(&token, "http://evil.example").await.status, 403);
    let signed_in = sign_in(&token, &own).await;
    assert_eq!((signed_in.status, signed_in.header("location")), (303, "/services/checkout"));
    let cookie = signed_in.header("set-cookie").to_owned();
    assert!(cookie.contains("HttpOnly; SameSite=Strict") && !cookie.contains(&token), "{cookie}");
    let cookie = cookie.split(';').next().unwrap();
    let get = async |path: &str| {
        let request = server.request("GET", path, "").header("cookie", cookie);
        Answer::of(request.send().await.unwrap()).await
    };
    let verdict = get(&format!("/analyses/{id}")).await;
    assert!(verdict.text.contains("Was it right?"), "{}", verdict.text);
    assert_eq!(get("/services/cart").await.status, 403);
    // The form is taken from our own page alone.
    let start = verdict.text.find("action=\"/verdicts/").unwrap() + 8;
    let action = verdict.text[start..].split('"').next().unwrap();
    for (origin, status) in [("http://evil.example", 403), (own.as_str(), 303)] {
        let form = server.request("POST", action, "").header("cookie", cookie);
        let form = form.header("origin", origin).body("label=wrong&reason=it+burned");
        let form = form.header("content-type", "application/x-www-form-urlencoded");
        assert_eq!(server.unfollowed(form).await.status(), status, "{origin}");
    }
    assert!(get(&format!("/analyses/{id}")).await.text.contains("it was wrong: it burned"));
    let out = server.request("POST", "/sign-out", "").header("cookie", cookie);
    assert_eq!(server.unfollowed(out.header("origin", &own)).await.status(), 303);
    assert!(get("/services/checkout").await.text.contains("<h1>Sign in</h1>"));
}

/// Signs somebody in, and returns what their browser keeps.
async fn signed_in(server: &Running, token: &str) -> String {
    let answer = form(server, "", "/sign-in", &format!("token={token}")).await;
    assert_eq!(answer.status, 303, "{}", answer.text);
    answer.header("set-cookie").split(';').next().unwrap().to_owned()
}

/// Sends a form from a page of the server.
async fn form(server: &Running, cookie: &str, path: &str, body: &str) -> Answer {
    let request = server.request("POST", path, "").header("cookie", cookie);
    let request = request.header("origin", format!("http://{}", server.address));
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    Answer::of(server.unfollowed(request.body(body.to_owned())).await).await
}

async fn page_of(server: &Running, cookie: &str, path: &str) -> Answer {
    let request = server.request("GET", path, "").header("cookie", cookie);
    Answer::of(request.send().await.unwrap()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_behind_a_trusted_proxy_with_tls_goes_over_tls_alone() {
    for (yaml, is_secure) in [("trusted_proxies: [127.0.0.0/8]\n", true), ("", false)] {
        let server = Running::with(yaml).await;
        let token = server.token(Role::Read, &[]).await;
        let request = server.request("POST", "/sign-in", "").body(format!("token={token}"));
        let request = request
            .header("content-type", "application/x-www-form-urlencoded")
            .header("origin", format!("http://{}", server.address))
            .header("x-forwarded-proto", "https");
        let signed_in = Answer::of(server.unfollowed(request).await).await;
        assert_eq!(signed_in.status, 303, "{}", signed_in.text);
        assert_eq!(signed_in.header("set-cookie").ends_with("; Secure"), is_secure);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_token_locks_the_door_and_is_shown_once() {
    let server = shop().await;
    assert!(page(&server, "/settings").await.contains("There is none yet"));
    let refused = form(&server, "", "/settings/tokens", "name=ann&role=read&days=90").await;
    assert_eq!(refused.status, 422, "{}", refused.text);
    assert!(refused.text.contains("first token"), "{}", refused.text);
    let first = form(&server, "", "/settings/tokens", "name=ann&role=admin&days=0").await;
    assert_eq!((first.status, first.header("cache-control")), (200, "no-store"));
    let token = secret(&first.text);
    assert!(server.get("/settings", "").await.text.contains("<h1>Sign in</h1>"));
    let cookie = signed_in(&server, &token).await;
    let settings = page_of(&server, &cookie, "/settings").await.text;
    assert!(settings.contains("ann") && !settings.contains(&token), "{settings}");
}

fn secret(page: &str) -> String {
    let start = page.find("class=\"secret\">").unwrap() + 15;
    page[start..].split('<').next().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_admin_issues_and_revokes_tokens_and_sees_who_did_what() {
    let server = shop().await;
    let admin = signed_in(&server, &server.token(Role::Admin, &[]).await).await;
    let body = "name=deploy+bot&role=submit&services=checkout,+cart&days=7";
    let issued = form(&server, &admin, "/settings/tokens", body).await;
    assert_eq!((issued.status, issued.header("cache-control")), (200, "no-store"));
    let token = secret(&issued.text);
    assert!(issued.text.contains("checkout, cart"), "{}", issued.text);
    let change = || json!({"service": "cart", "what": "deploy", "to": "2"});
    assert_eq!(server.post("/api/v1/changes", &token, change()).await.status, 201);
    let settings = page_of(&server, &admin, "/settings").await.text;
    assert!(settings.contains("deploy bot") && settings.contains("change."), "{settings}");
    let start = settings.find("aria-label=\"Revoke deploy bot\"").unwrap();
    let action = settings[..start].rfind("action=\"").unwrap() + 8;
    let action = settings[action..].split('"').next().unwrap();
    // Who may look may not revoke.
    let reader = signed_in(&server, &server.token(Role::Read, &[]).await).await;
    assert_eq!(form(&server, &reader, action, "").await.status, 403);
    assert!(!page_of(&server, &reader, "/settings").await.text.contains("deploy bot"));
    assert_eq!(form(&server, &admin, action, "").await.status, 303);
    assert_eq!(server.post("/api/v1/changes", &token, change()).await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_switch_is_said_on_every_page() {
    let server = shop().await;
    let person = signed_in(&server, &server.token(Role::Act, &[]).await).await;
    let limited = signed_in(&server, &server.token(Role::Act, &["cart"]).await).await;
    assert_eq!(form(&server, &limited, "/settings/acting", "to=pause").await.status, 403);
    for (to, is_paused) in [("pause&reason=a+fire", true), ("resume", false)] {
        let answer = form(&server, &person, "/settings/acting", &format!("to={to}")).await;
        assert_eq!(answer.status, 303, "{}", answer.text);
        let text = page_of(&server, &person, "/services").await.text;
        assert_eq!(
            text.contains("All acting is paused</strong>: <bdi>a fire"),
            is_paused,
            "{text}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_decided_instead_is_taken_down() {
    let server = shop().await;
    let id = analyses::ended(&server, "checkout").await;
    let person = signed_in(&server, &server.token(Role::Act, &[]).await).await;
    let text = page_of(&server, &person, &format!("/analyses/{id}")).await.text;
    let start = text.find("action=\"/verdicts/").unwrap() + 8;
    let verdict = text[start..].split("/labels").next().unwrap();
    let path = format!("{verdict}/overrides");
    let answer = form(&server, &person, &path, "decision=roll_back&reason=support+called").await;
    assert_eq!(answer.status, 303, "{}", answer.text);
    let text = page_of(&server, &person, verdict).await.text;
    assert!(text.contains("rolled back all the same") && text.contains("support called"), "{text}");
    let wrong = form(&server, &person, &path, "decision=explode").await;
    assert_eq!(wrong.status, 422, "{}", wrong.text);
}
