//! One way to make an HTTP client.

use reqwest::{Client, ClientBuilder};

/// Returns a builder of clients for plain HTTP on this machine, without a proxy.
///
/// Built together with serin, reqwest has TLS in it and asks for a provider of cryptography, used or
/// not.
pub fn client_builder() -> ClientBuilder {
    // A second call finds the provider of the first, which is the same one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder().no_proxy()
}
