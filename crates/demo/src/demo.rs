//! A server in front of the shop, and a ledger behind it.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serin_ledger::fact::{Alteration, ChangeNoted};
use serin_ledger::{Fact, Key, Ledger, LedgerError, Scope};
use serin_model::Timestamp;
use serin_runner::live::{LiveClock as _, LiveError};
use serin_runner::{Note, note_at};
use serin_server::{Config, Limits, Observed, ServeError, Server, USUAL_ADDRESS};
use tempfile::TempDir;

use crate::clock::FastClock;
use crate::crew::{CREW, Crew, CrewError};
use crate::past;
use crate::present::Present;
use crate::shop::Shop;
use crate::source::ShopSource;

/// What somebody wants to see.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The address to listen at, on this machine; the usual one, or a free one where that is taken.
    pub listen: Option<SocketAddr>,
    /// Which shop.
    pub seed: u64,
    /// How much faster than time its time passes, from 1 to [`MOST_SPEED`](Self::MOST_SPEED).
    pub speed: u32,
    /// When the doors open.
    pub opening: Timestamp,
    /// A file for the ledger, which stays. Without one it is in a temporary folder.
    pub ledger: Option<PathBuf>,
}

impl Wanted {
    /// The speed that is usual: a minute passes in a second.
    pub const SPEED: u32 = 60;

    /// Faster than that, a step is over before it is judged.
    pub const MOST_SPEED: u32 = 1_200;
}

/// Why there is no demo.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DemoError {
    /// Others could reach it.
    #[error(
        "`{listen}` can be reached from elsewhere, and the demo lets everybody do everything\n\nhint: choose an \
         address of this machine, such as 127.0.0.1:{port}; `serin serve` has tokens", port = listen.port()
    )]
    NotLocal {
        /// The address.
        listen: SocketAddr,
    },
    /// The ledger is somebody's own.
    #[error(
        "`{path}` is a ledger, and not of a demo\n\nhint: name a file that is not there yet, and leave your own alone"
    )]
    OtherLedger {
        /// The file.
        path: String,
    },
    /// There is no folder for the ledger.
    #[error("there is no temporary folder: {0}\n\nhint: name a file with `--ledger`")]
    Folder(std::io::Error),
    /// The system gives no threads.
    #[error("the system starts no thread: {0}\n\nhint: see how many it allows")]
    Thread(std::io::Error),
    /// An analysis of the past did not come to an end.
    #[error(
        "an analysis cannot go on: {why}\n\nhint: start the demo anew, with another `--ledger`"
    )]
    Stuck {
        /// Why.
        why: String,
    },
    /// The ledger does not do it.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// It cannot be served.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// Nothing can be judged.
    #[error(transparent)]
    Live(#[from] LiveError),
    /// The people of the shop cannot go on.
    #[error("{0}")]
    Crew(String),
}

impl From<CrewError> for DemoError {
    fn from(error: CrewError) -> Self {
        Self::Crew(error.to_string())
    }
}

/// A shop that is open, with everything around it.
#[derive(Debug)]
pub struct Demo {
    crew: Crew,
    clock: FastClock,
    server: Server,
    ledger: PathBuf,
    folder: Option<TempDir>,
}

impl Demo {
    /// Opens a ledger, has the past lived through, and listens.
    ///
    /// A ledger of an earlier demo is gone on with: its shop, and the analyses that ran.
    ///
    /// # Errors
    ///
    /// [`DemoError`]; then nothing stays but what was written to a ledger that somebody named.
    pub async fn open(wanted: &Wanted) -> Result<Self, DemoError> {
        if let Some(listen) = wanted.listen.filter(|listen| !listen.ip().is_loopback()) {
            return Err(DemoError::NotLocal { listen });
        }
        let listen = chosen(wanted.listen)?;
        let folder = match &wanted.ledger {
            Some(_) => None,
            None => Some(tempfile::Builder::new().prefix("serin-demo-").tempdir()),
        };
        let folder = folder.transpose().map_err(DemoError::Folder)?;
        let inside = folder.as_ref().map(|folder| folder.path().join("serin.db"));
        let ledger = wanted.ledger.clone().or(inside).unwrap_or_default();
        let (shop, begin) = prepare(wanted, &ledger).await?;
        let crew = Crew::new(shop, Ledger::open_file(&ledger, true)?);
        let clock = FastClock::start(begin, wanted.speed.clamp(1, Wanted::MOST_SPEED));
        let server = serve(listen, shop, clock, &ledger).await?;
        Ok(Self { crew, clock, server, ledger, folder })
    }

    /// Returns the address that it listens at.
    ///
    /// # Errors
    ///
    /// What the system said.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.server.address()
    }

    /// Returns where the ledger is.
    #[must_use]
    pub fn ledger(&self) -> &Path {
        &self.ledger
    }

    /// Returns what time it is in the shop.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Goes on until `end` is there. Returns the temporary folder of the ledger, if there is one: nobody may be at work
    /// in it any more when it is dropped, so that the Tokio runtime must be shut down first.
    ///
    /// # Errors
    ///
    /// [`DemoError`] when the ledger cannot be written any more.
    pub async fn run(
        self,
        end: impl Future<Output = ()>,
    ) -> Result<Option<TempDir>, (DemoError, Option<TempDir>)> {
        let Self { crew, clock, server, folder, .. } = self;
        let present = Present::new(&crew, server.live(), clock);
        tokio::select! {
            () = server.run(end) => Ok(folder),
            error = present.go_on() => Err((error.into(), folder)),
        }
    }
}

/// Finds out which shop it is and what time it is there, and writes the past of a ledger that is new.
async fn prepare(wanted: &Wanted, path: &Path) -> Result<(Shop, Timestamp), DemoError> {
    let mut ledger = Ledger::open_file(path, true)?;
    let head = ledger.head()?;
    let Some(last) = head.id else {
        let shop = Shop { seed: wanted.seed, opening: wanted.opening };
        note_opening(&mut ledger, shop)?;
        let other = Ledger::open_file(path, false)?;
        let crew = Crew::new(shop, Ledger::open_file(path, false)?);
        past::live_through(&crew, ledger, other).await?;
        return Ok((shop, shop.opening));
    };
    let other = || DemoError::OtherLedger { path: path.display().to_string() };
    let opening = ledger.event_of_key(&Key::new(CREW, OPENING))?.ok_or_else(other)?;
    let Fact::ChangeNoted(noted) = opening.fact() else { return Err(other()) };
    let seed = noted.reference.and_then(|it| it.strip_prefix(SEED)?.parse().ok());
    let opening = opening.header.occurred_at.after(PREPARED);
    let shop = Shop { seed: seed.ok_or_else(other)?, opening };
    let last = ledger.event(last)?.map_or(opening, |event| event.known_at);
    Ok((shop, last.max(opening)))
}

/// What the first event of a demo is called.
const OPENING: &str = "opening";

/// How it says which shop it is.
const SEED: &str = "seed ";

/// How long before the opening that is.
const PREPARED: Duration = Duration::from_secs(51 * 3600);

fn note_opening(ledger: &mut Ledger, shop: Shop) -> Result<(), DemoError> {
    let at = shop.opening.before(PREPARED);
    let note = Note {
        scope: Scope::of_service("checkout"),
        change: ChangeNoted {
            what: Alteration::Infrastructure,
            from: None,
            to: None,
            reference: Some(format!("{SEED}{}", shop.seed)),
            ended_at: None,
            note: Some("the simulated shop moved to new machines".to_owned()),
        },
        occurred_at: Some(at),
        source: CREW.to_owned(),
        source_id: Some(OPENING.to_owned()),
        subject: None,
        of: None,
        causes: Vec::new(),
    };
    note_at(ledger, &note, at).map_err(CrewError::from)?;
    Ok(())
}

/// Returns the address to listen at: what is taken is found out before there is anything to do.
fn chosen(listen: Option<SocketAddr>) -> Result<SocketAddr, ServeError> {
    let wanted = listen.unwrap_or(USUAL_ADDRESS);
    match (TcpListener::bind(wanted), listen) {
        (Ok(_), _) => Ok(wanted),
        // Somebody else has it, most likely a `serin serve`: any other will do.
        (Err(_), None) => Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))),
        (Err(error), Some(listen)) => Err(ServeError::Listen { listen, error }),
    }
}

async fn serve(
    listen: SocketAddr,
    shop: Shop,
    clock: FastClock,
    ledger: &Path,
) -> Result<Server, ServeError> {
    let config = Config {
        listen: Some(listen),
        limits: Limits { end_time: END, readers: READERS, ..Limits::default() },
        ..Config::default()
    };
    let observed = Observed { sources: Arc::new(ShopSource(shop)), clock: Arc::new(clock) };
    let ledger = ledger.to_owned();
    Server::bind(&config, false, observed, move || Ledger::open_file(&ledger, true)).await
}

/// How long requests may go on after the end.
const END: Duration = Duration::from_millis(500);

/// As many as one person needs.
const READERS: usize = 2;
