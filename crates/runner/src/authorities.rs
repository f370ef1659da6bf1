//! Whom databases are trusted by: what speaks TLS without an HTTP client is told so by serin.

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

/// Returns the authorities of this machine; where it has none, those that browsers trust.
pub(crate) fn usual_authorities() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    let own = rustls_native_certs::load_native_certs().certs;
    if own.is_empty() {
        roots.add_parsable_certificates(webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().cloned());
    } else {
        roots.add_parsable_certificates(own);
    }
    roots
}

/// Reads the only authorities to trust; nothing where a text has no certificate in PEM.
pub(crate) fn only_these(pem: &[u8]) -> Option<RootCertStore> {
    let mut roots = RootCertStore::empty();
    let certificates = CertificateDer::pem_slice_iter(pem);
    roots.add_parsable_certificates(certificates.filter_map(Result::ok));
    (!roots.is_empty()).then_some(roots)
}

/// Has ring do the arithmetic, as for HTTP.
pub(crate) fn use_ring() {
    // A second call finds the provider of the first, which is the same one.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
