//! Listening, and ending.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use ipnet::IpNet;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serin_ledger::{ITSELF, Ledger, LedgerError, Tokens};
use serin_runner::live::{Live, LiveClock, LiveError, Sources};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_io_timeout::TimeoutStream;
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt as _;

use crate::acting::act_on_verdicts;
use crate::api;
use crate::app::{App, Settings};
use crate::books::Books;
use crate::checks_config::ChecksConfig;
use crate::client::Client;
use crate::config::{Config, TlsFiles};
use crate::reconcile::reconcile;
use crate::schedule::begin_by_the_clock;

/// A server that listens.
#[derive(Debug)]
pub struct Server {
    app: Arc<App>,
    listener: TcpListener,
    tls: Option<Arc<ServerConfig>>,
    trusted_proxies: Arc<[IpNet]>,
    checks: Option<ChecksConfig>,
}

/// Where live analyses get points and time from.
pub struct Observed {
    /// The sources that Checks name.
    pub sources: Arc<dyn Sources>,
    /// What time it is.
    pub clock: Arc<dyn LiveClock>,
}

impl std::fmt::Debug for Observed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Observed").field("clock", &self.clock).finish_non_exhaustive()
    }
}

/// Why a server does not begin.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// Everybody who reaches the address could do everything.
    #[error(
        "`{listen}` can be reached from elsewhere, and no token was ever issued: whoever asks could do \
         everything\n\nhint: issue one first, with `serin token issue --role admin --name …`; or let everybody do \
         everything, with `--open`"
    )]
    Open {
        /// The address.
        listen: SocketAddr,
    },
    /// The address cannot be listened at.
    #[error(
        "serin cannot listen at `{listen}`: {error}\n\nhint: see that nobody else does, or choose another with `--listen`"
    )]
    Listen {
        /// The address.
        listen: SocketAddr,
        /// What the system said.
        error: std::io::Error,
    },
    /// The certificate or its key is of no use.
    #[error(
        "`{path}` is of no use for TLS: {problem}\n\nhint: give files in PEM, the certificate's chain with its own first"
    )]
    Tls {
        /// The file.
        path: String,
        /// What is wrong.
        problem: String,
    },
    /// The ledger does not open.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The analyses that ran cannot be gone on with.
    #[error(transparent)]
    Live(#[from] LiveError),
    /// The system gives no threads.
    #[error("the system starts no thread: {0}\n\nhint: see how many it allows")]
    Thread(std::io::Error),
}

/// Where a server listens unless it is told otherwise.
pub const USUAL_ADDRESS: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 7878);

impl Server {
    /// Opens the ledger and the address.
    ///
    /// * `is_open`: whether everybody may do everything, token or not.
    /// * `observed`: where live analyses get points and time from.
    /// * `open_ledger`: opens the ledger once more; it is called on a thread that may block.
    ///
    /// # Errors
    ///
    /// Why it does not begin; then it holds nothing.
    pub async fn bind(
        config: &Config,
        is_open: bool,
        observed: Observed,
        open_ledger: impl Fn() -> Result<Ledger, LedgerError> + Send + 'static,
    ) -> Result<Self, ServeError> {
        let listen = config.listen.unwrap_or(USUAL_ADDRESS);
        let is_loopback = config.is_loopback();
        let tls = config.tls.as_ref().map(tls).transpose()?.map(Arc::new);
        let readers = config.limits.readers;
        let opened = tokio::task::spawn_blocking(move || {
            let mut ledger = open_ledger()?;
            let tokens = ledger.project::<Tokens>(Some(ITSELF))?.state;
            if !is_loopback && !is_open && tokens.is_empty() {
                return Err(ServeError::Open { listen });
            }
            let readers = (0..readers).map(|_| open_ledger()).collect::<Result<_, _>>()?;
            let own = open_ledger()?;
            Ok((Books::open(ledger, readers).map_err(ServeError::Thread)?, own))
        });
        let (books, own) = opened.await.map_err(|error| ServeError::Thread(error.into()))??;
        let Observed { sources, clock } = observed;
        let judging = Arc::clone(&sources);
        let live = Live::start(books.writer(), own, sources, clock, config.limits.at_once).await?;
        let listener = TcpListener::bind(listen).await;
        let listener = listener.map_err(|error| ServeError::Listen { listen, error })?;
        let settings = Settings {
            open: is_open,
            is_loopback,
            is_encrypted: tls.is_some(),
            open_metrics: config.open_metrics,
            acting: config.on_verdict.0.clone(),
            limits: config.limits.clone(),
        };
        let app = Arc::new(App::new(books, live, judging, config.schedules.0.clone(), settings));
        let (trusted_proxies, checks) =
            (config.trusted_proxies.clone().into(), config.checks.clone());
        Ok(Self { app, listener, tls, trusted_proxies, checks })
    }

    /// Returns the address that it listens at.
    ///
    /// # Errors
    ///
    /// What the system said.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Returns the analyses that run, for those who begin some without a request.
    #[must_use]
    pub fn live(&self) -> Live {
        self.app.live.clone()
    }

    /// Answers until `end` is there; then lets requests end that were begun, up to the limit.
    pub async fn run(self, end: impl Future<Output = ()>) {
        let router = api::router(&self.app);
        let graceful = GracefulShutdown::new();
        let places = Arc::new(Semaphore::new(self.app.settings.limits.connections));
        let following = {
            let app = Arc::clone(&self.app);
            tokio::spawn(async move { app.books.follow().await })
        };
        let checks = self.checks.clone();
        let reconciling =
            checks.map(|checks| tokio::spawn(reconcile(Arc::clone(&self.app), checks)));
        let scheduling = (!self.app.scheduled.schedules.is_empty())
            .then(|| tokio::spawn(begin_by_the_clock(Arc::clone(&self.app))));
        let rules = self.app.settings.acting.clone();
        let acting = (!rules.is_empty())
            .then(|| tokio::spawn(act_on_verdicts(Arc::clone(&self.app), rules)));
        tokio::pin!(end);
        loop {
            tokio::select! {
                () = &mut end => break,
                accepted = self.accept(&places) => {
                    let Some((stream, peer, place)) = accepted else { continue };
                    let connection = Connection {
                        app: Arc::clone(&self.app),
                        router: router.clone(),
                        peer,
                        trusted_proxies: Arc::clone(&self.trusted_proxies),
                        tls: self.tls.clone().map(TlsAcceptor::from),
                        _place: place,
                    };
                    tokio::spawn(connection.serve(stream, graceful.watcher()));
                }
            }
        }
        drop(self.listener);
        tracing::info!("ending: requests that were begun are answered");
        self.app.ending.send_replace(true);
        let limit = self.app.settings.limits.end_time;
        let answered = tokio::time::timeout(limit, graceful.shutdown());
        let acted = async {
            let Some(mut acting) = acting else { return };
            if tokio::time::timeout(limit, &mut acting).await.is_err() {
                acting.abort();
                tracing::error!("an act was not waited for: nobody may know whether it was done");
            }
        };
        let (answered, ()) = tokio::join!(answered, acted);
        if answered.is_err() {
            tracing::warn!("some requests were cut off");
        }
        following.abort();
        for looking in [reconciling, scheduling].into_iter().flatten() {
            looking.abort();
        }
    }

    /// Waits for a place and for a client.
    async fn accept(
        &self,
        places: &Arc<Semaphore>,
    ) -> Option<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
        let place = Arc::clone(places).acquire_owned().await.ok()?;
        match self.listener.accept().await {
            Ok((stream, peer)) => Some((stream, peer, place)),
            Err(error) => {
                // Such as too many open files: there are fewer in a moment.
                tracing::warn!(%error, "a connection was not accepted");
                tokio::time::sleep(ACCEPT_AGAIN).await;
                None
            }
        }
    }
}

const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// A client's connection.
struct Connection {
    app: Arc<App>,
    router: Router,
    peer: SocketAddr,
    trusted_proxies: Arc<[IpNet]>,
    tls: Option<TlsAcceptor>,
    _place: OwnedSemaphorePermit,
}

impl Connection {
    async fn serve(self, stream: TcpStream, watcher: Watcher) {
        let connections = self.app.metrics.connections.clone();
        connections.inc();
        // Answers are small, and nobody waits for more to come.
        let _ = stream.set_nodelay(true);
        let limits = &self.app.settings.limits;
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(limits.write_time));
        let stream = Box::pin(stream);
        match &self.tls {
            None => self.answer(stream, watcher).await,
            Some(acceptor) => {
                let handshake = tokio::time::timeout(limits.header_time, acceptor.accept(stream));
                if let Ok(Ok(stream)) = handshake.await {
                    self.answer(stream, watcher).await;
                }
            }
        }
        connections.dec();
    }

    async fn answer(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin + 'static,
        watcher: Watcher,
    ) {
        let limits = &self.app.settings.limits;
        let service = hyper::service::service_fn(|request| self.ask(request));
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.header_time)
            .max_buf_size(limits.header_bytes)
            .serve_connection(TokioIo::new(stream), service);
        if let Err(error) = watcher.watch(connection).await {
            tracing::debug!(client = %self.peer, %error, "a connection broke off");
        }
    }

    async fn ask(
        &self,
        request: Request<Incoming>,
    ) -> Result<axum::response::Response, Infallible> {
        let mut request = request.map(Body::new);
        let client = Client::of(self.peer.ip(), request.headers(), &self.trusted_proxies);
        request.extensions_mut().insert(client);
        self.router.clone().oneshot(request).await
    }
}

fn tls(files: &TlsFiles) -> Result<ServerConfig, ServeError> {
    let of = |path: &std::path::Path| {
        let path = path.display().to_string();
        move |problem: String| ServeError::Tls { path: path.clone(), problem }
    };
    let unusable = of(&files.certificate);
    let chain: Result<Vec<_>, _> =
        CertificateDer::pem_file_iter(&files.certificate).and_then(Iterator::collect);
    let chain = chain.map_err(|error| unusable(error.to_string()))?;
    if chain.is_empty() {
        return Err(unusable("there is no certificate in it".to_owned()));
    }
    let bad_key = of(&files.key);
    let key =
        PrivateKeyDer::from_pem_file(&files.key).map_err(|error| bad_key(error.to_string()))?;
    // A second call finds the provider of the first, which is the same one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key);
    let mut config = config.map_err(|error| unusable(error.to_string()))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}
