//! Where a ledger is, what time it is there, and whom to trust on the way.

use std::net::IpAddr;
use std::path::Path;

use rustls::ClientConfig;
use serin_ledger::{Ledger, LedgerError, PostgresAddress, Pruning, Retention};

use crate::authorities::{only_these, use_ring, usual_authorities};
use crate::http::Names;
use crate::moment::now;

/// Opens a ledger, and brings it to the newest format.
///
/// A password may stand in the address or in `PGPASSWORD`. Elsewhere than on this machine the connection is
/// encrypted, unless the address says `sslmode=disable`; `PGSSLROOTCERT` names a file with the only
/// authorities to trust.
///
/// * `location`: a path, or `postgres://user@host/database`.
/// * `create`: whether to make a file that is not there.
///
/// # Errors
///
/// Where it is no ledger, a newer one, or cannot be opened.
pub fn open_ledger(location: &str, create: bool) -> Result<Ledger, LedgerError> {
    if !["postgres://", "postgresql://"].iter().any(|scheme| location.starts_with(scheme)) {
        return Ledger::open_file(Path::new(location), create);
    }
    let mut address = PostgresAddress {
        url: location.to_owned(),
        password: std::env::var("PGPASSWORD").ok(),
        addresses: Vec::new(),
        tls: None,
    };
    if let Some(host) = address.host()? {
        address.addresses = addresses(&host)?;
        let is_off = location.contains("sslmode=disable");
        if !is_off && !address.addresses.iter().all(IpAddr::is_loopback) {
            address.tls = Some(tls()?);
        }
    }
    Ledger::open_postgres(address)
}

/// Lets go of evidence by a policy, counted from this moment.
///
/// * `is_rehearsal`: only says what would go.
///
/// # Errors
///
/// What the database did; then nothing was pruned.
pub fn prune_ledger(
    ledger: &mut Ledger,
    retention: &Retention,
    is_rehearsal: bool,
) -> Result<Pruning, LedgerError> {
    ledger.prune(now(), retention, is_rehearsal)
}

/// Asks as serin does everywhere, not the C library.
fn addresses(host: &str) -> Result<Vec<IpAddr>, LedgerError> {
    if let Ok(address) = host.trim_matches(['[', ']']).parse() {
        return Ok(vec![address]);
    }
    let unreachable = |problem: String| LedgerError::Unreachable {
        place: format!("postgres://{host}"),
        problem: format!("DNS: {problem}"),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| unreachable(error.to_string()))?;
    let found = runtime.block_on(Names::default().addresses(host));
    found.map_err(|error| unreachable(error.to_string()))
}

fn tls() -> Result<ClientConfig, LedgerError> {
    let roots = match std::env::var("PGSSLROOTCERT") {
        Ok(path) => {
            let unusable = |problem: String| LedgerError::Unopened { place: path.clone(), problem };
            let pem = std::fs::read(&path).map_err(|error| unusable(error.to_string()))?;
            only_these(&pem).ok_or_else(|| unusable("it has no certificate in PEM".to_owned()))?
        }
        Err(_) => usual_authorities(),
    };
    use_ring();
    Ok(ClientConfig::builder().with_root_certificates(roots).with_no_client_auth())
}
