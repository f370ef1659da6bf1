//! Which machine asks, and who.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, OnceLock};

use axum::http::HeaderMap;
use ipnet::IpNet;

/// Whoever asks, though it is through proxies that are trusted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Client {
    pub(crate) address: IpAddr,
    /// Whether a trusted proxy says that it was asked over HTTPS.
    pub(crate) is_encrypted: bool,
}

/// Who asks, once that is known: whoever logs a request has it before.
#[derive(Clone, Debug, Default)]
pub(crate) struct Visitor(Arc<OnceLock<String>>);

impl Visitor {
    /// Says who it is.
    pub(crate) fn is(&self, source: &str) {
        self.0.get_or_init(|| source.to_owned());
    }

    pub(crate) fn get(&self) -> &str {
        self.0.get().map_or("nobody", String::as_str)
    }
}

impl Default for Client {
    fn default() -> Self {
        Self { address: IpAddr::V4(Ipv4Addr::UNSPECIFIED), is_encrypted: false }
    }
}

impl Client {
    /// Follows `X-Forwarded-For` from its end, as long as those who wrote it are trusted; `X-Forwarded-Proto` is
    /// believed of the one who is nearest.
    pub(crate) fn of(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> Self {
        let is_trusted = |address: IpAddr| {
            trusted.iter().any(|network| network.contains(&address.to_canonical()))
        };
        let mut client = peer.to_canonical();
        let is_https = headers.get("x-forwarded-proto").is_some_and(|scheme| scheme == "https");
        let is_encrypted = is_trusted(client) && is_https;
        let lines = headers.get_all("x-forwarded-for").iter().rev();
        let named = lines.flat_map(|line| line.to_str().unwrap_or_default().rsplit(','));
        for named in named {
            if !is_trusted(client) {
                break;
            }
            let Ok(next) = named.trim().parse::<IpAddr>() else { break };
            client = next.to_canonical();
        }
        Self { address: client, is_encrypted }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_proxies_say_is_believed_of_trusted_ones_alone() {
        let trusted: [IpNet; 2] = ["10.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()];
        let rows = [
            // peer, headers, client
            ("192.0.2.1", vec!["203.0.113.9"], "192.0.2.1"),
            ("10.0.0.1", vec!["203.0.113.9"], "203.0.113.9"),
            ("::ffff:10.0.0.1", vec!["203.0.113.9"], "203.0.113.9"),
            ("10.0.0.1", vec!["1.2.3.4, 203.0.113.9, 10.2.2.2"], "203.0.113.9"),
            ("10.0.0.1", vec!["1.2.3.4", "203.0.113.9"], "203.0.113.9"),
            ("10.0.0.1", vec!["nonsense"], "10.0.0.1"),
            ("10.0.0.1", vec![], "10.0.0.1"),
            ("::1", vec!["2001:db8::1"], "2001:db8::1"),
        ];
        for (peer, forwarded, client) in rows {
            let mut headers = HeaderMap::new();
            for line in forwarded {
                headers.append("x-forwarded-for", line.parse().unwrap());
            }
            headers.insert("x-forwarded-proto", "https".parse().unwrap());
            let found = Client::of(peer.parse().unwrap(), &headers, &trusted);
            assert_eq!(found.address, client.parse::<IpAddr>().unwrap(), "{peer} {headers:?}");
            assert_eq!(found.is_encrypted, peer != "192.0.2.1", "{peer}");
            headers.insert("x-forwarded-proto", "http".parse().unwrap());
            assert!(!Client::of(peer.parse().unwrap(), &headers, &trusted).is_encrypted);
        }
    }
}
