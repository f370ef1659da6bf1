//! Where a ledger is, what time it is there, and whom to trust on the way.

use std::net::IpAddr;
use std::path::Path;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use serin_ledger::{Ledger, LedgerError, PostgresAddress, Pruning, Retention};

use crate::http::SystemNames;
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
    let found = runtime.block_on(SystemNames::default().addresses(host));
    found.map_err(|error| unreachable(error.to_string()))
}

fn tls() -> Result<ClientConfig, LedgerError> {
    let mut roots = RootCertStore::empty();
    match std::env::var("PGSSLROOTCERT") {
        Ok(path) => {
            let unusable = |problem: String| LedgerError::Unopened { place: path.clone(), problem };
            let pem = std::fs::read(&path).map_err(|error| unusable(error.to_string()))?;
            let certificates = CertificateDer::pem_slice_iter(&pem);
            roots.add_parsable_certificates(certificates.filter_map(Result::ok));
            if roots.is_empty() {
                return Err(unusable("it has no certificate in PEM".to_owned()));
            }
        }
        Err(_) => {
            let own = rustls_native_certs::load_native_certs().certs;
            let built_in = webpki_root_certs::TLS_SERVER_ROOT_CERTS;
            if own.is_empty() {
                roots.add_parsable_certificates(built_in.iter().cloned());
            } else {
                roots.add_parsable_certificates(own);
            }
        }
    }
    // A second call finds the provider of the first, which is the same one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Ok(ClientConfig::builder().with_root_certificates(roots).with_no_client_auth())
}
