//! A server that runs for a test.

use std::sync::Arc;
use std::time::Duration;

use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::Value;
use serin_ledger::Ledger;
use serin_ledger::fact::Role;
use serin_model::Timestamp;
use serin_runner::live::{MOST_IN_FLIGHT, Stores, SystemClock};
use serin_server::{Config, Grant, Observed, Server, issue_token};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::databases::{self, File, Place};

/// A server on a free port of this machine.
pub(crate) struct Running {
    pub(crate) address: String,
    pub(crate) location: String,
    client: Client,
    end: Option<oneshot::Sender<()>>,
    ended: Option<JoinHandle<()>>,
    _place: Box<dyn Place + Send + Sync>,
}

/// The stores that Checks name, at this machine's time.
pub(crate) fn observed() -> Observed {
    let sources = Arc::new(Stores::new(std::env::temp_dir(), MOST_IN_FLIGHT));
    Observed { sources, clock: Arc::new(SystemClock::default()) }
}

impl Running {
    pub(crate) async fn start() -> Self {
        Self::with("").await
    }

    /// Starts one with a configuration, on a file.
    pub(crate) async fn with(yaml: &str) -> Self {
        Self::on(Box::new(File::new()), yaml).await
    }

    pub(crate) async fn on(place: Box<dyn Place + Send + Sync>, yaml: &str) -> Self {
        Self::watching(place, yaml, observed()).await
    }

    /// Starts one whose analyses get points from somewhere else.
    pub(crate) async fn watching(
        place: Box<dyn Place + Send + Sync>,
        yaml: &str,
        observed: Observed,
    ) -> Self {
        let mut config = Config::read("serve.yaml", yaml).unwrap();
        config.listen = Some("127.0.0.1:0".parse().unwrap());
        let location = place.location();
        let opened = location.clone();
        let open = move || Ok(databases::open(&opened));
        let server = Server::bind(&config, false, observed, open).await.unwrap();
        let address = server.address().unwrap().to_string();
        let (end, ending) = oneshot::channel();
        let ended = tokio::spawn(server.run(async {
            let _ = ending.await;
        }));
        // A second call finds the provider of the first, which is the same one.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder().no_proxy().timeout(Duration::from_secs(20)).build().unwrap();
        let (end, ended) = (Some(end), Some(ended));
        Self { address, location, client, end, ended, _place: place }
    }

    /// Tells it to end, and starts another one on the same ledger.
    pub(crate) async fn again(self, observed: Observed) -> Self {
        self.again_with("", observed).await
    }

    /// Tells it to end, and starts another one with a configuration on the same ledger.
    pub(crate) async fn again_with(mut self, yaml: &str, observed: Observed) -> Self {
        self.end().await;
        Self::watching(self._place, yaml, observed).await
    }

    /// Tells it to end, and waits until it has.
    pub(crate) async fn end(&mut self) {
        self.end.take().unwrap().send(()).unwrap();
        self.ended.take().unwrap().await.unwrap();
    }

    /// Looks at its ledger beside it.
    pub(crate) async fn ledger<T: Send + 'static>(
        &self,
        look: impl FnOnce(&mut Ledger) -> T + Send + 'static,
    ) -> T {
        let location = self.location.clone();
        tokio::task::spawn_blocking(move || look(&mut databases::open(&location))).await.unwrap()
    }

    /// Issues a token beside it, and waits until the server has noticed.
    pub(crate) async fn token(&self, role: Role, services: &[&str]) -> String {
        self.token_until(role, services, None).await
    }

    pub(crate) async fn token_until(
        &self,
        role: Role,
        services: &[&str],
        expires_at: Option<Timestamp>,
    ) -> String {
        let grant = Grant {
            name: format!("a token that may {}", role.as_str()),
            role,
            services: services.iter().map(|&service| service.to_owned()).collect(),
            expires_at,
            by: "ann".to_owned(),
        };
        let issue = move |ledger: &mut Ledger| issue_token(ledger, &grant).unwrap();
        let token = self.ledger(issue).await.expose().to_owned();
        // So often the server looks for tokens that it does not know.
        tokio::time::sleep(Duration::from_millis(150)).await;
        token
    }

    pub(crate) fn request(&self, method: &str, path: &str, token: &str) -> RequestBuilder {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let request = self.client.request(method, format!("http://{}{path}", self.address));
        if token.is_empty() { request } else { request.bearer_auth(token) }
    }

    /// Sends a request, and does not go where the answer leads.
    pub(crate) async fn unfollowed(&self, request: RequestBuilder) -> Response {
        let client = Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
        client.build().unwrap().execute(request.build().unwrap()).await.unwrap()
    }

    pub(crate) async fn get(&self, path: &str, token: &str) -> Answer {
        Answer::of(self.request("GET", path, token).send().await.unwrap()).await
    }

    pub(crate) async fn post(&self, path: &str, token: &str, body: Value) -> Answer {
        Answer::of(self.request("POST", path, token).json(&body).send().await.unwrap()).await
    }
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) async fn of(response: Response) -> Self {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Self { status, headers, text: response.text().await.unwrap() }
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Returns kind and place of a problem, after a look at its shape.
    pub(crate) fn problem(&self) -> String {
        assert_eq!(self.header("content-type"), "application/problem+json", "{}", self.text);
        let json = self.json();
        assert_eq!(json["status"], self.status, "{json}");
        assert!(!json["title"].as_str().unwrap().is_empty() && json["detail"].is_string());
        let name = json["type"].as_str().unwrap().strip_prefix("urn:serin:problem:").unwrap();
        match json["place"].as_str() {
            Some(place) => format!("{} {name} {place}", self.status),
            None => format!("{} {name}", self.status),
        }
    }
}
