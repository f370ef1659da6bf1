//! Which hosts and addresses may be asked on somebody else's behalf.

use std::net::IpAddr;

use ipnet::IpNet;
use reqwest::Url;

/// Which hosts and addresses may be asked. A Check that comes over a network could otherwise have serin ask
/// whatever serin reaches, and tell what it answers.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Egress {
    hosts: Vec<HostRule>,
    networks: Vec<IpNet>,
    /// Whether everything else may be asked as well, but for addresses that no store has.
    is_open: bool,
}

/// A host that may be asked, whatever its address.
#[derive(Clone, Debug, Eq, PartialEq)]
struct HostRule {
    /// In lower case, without the dot at the end.
    name: String,
    /// Whether the name is what others end with.
    is_suffix: bool,
    port: Option<u16>,
}

/// What may be done with a host.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum HostVerdict {
    /// It may be asked.
    Allowed,
    /// It may be asked where its address may be.
    ByAddress,
    /// It may not.
    Refused,
}

impl Egress {
    /// Everything may be asked but addresses that no store has, such as those of a cloud's metadata: for a server that
    /// nobody else reaches.
    #[must_use]
    pub fn open() -> Self {
        Self { is_open: true, ..Self::default() }
    }

    /// Only what is named may be asked.
    ///
    /// * `rules`: each a host (`prometheus.monitoring`), the end of hosts (`*.example.com`), either with a port behind
    ///   `:`, an address, or a network (`10.2.0.0/16`).
    ///
    /// # Errors
    ///
    /// The rule that is none of these.
    pub fn only<'a>(rules: impl IntoIterator<Item = &'a str>) -> Result<Self, String> {
        let mut egress = Self::default();
        for rule in rules {
            let address = rule.trim_matches(['[', ']']).parse::<IpAddr>();
            if let Ok(network) = rule.parse::<IpNet>() {
                egress.networks.push(network);
            } else if let Ok(address) = address {
                egress.networks.push(IpNet::from(address.to_canonical()));
            } else {
                egress.hosts.push(host_rule(rule).ok_or_else(|| rule.to_owned())?);
            }
        }
        Ok(egress)
    }

    /// Says whether an address may be asked that a Check names.
    ///
    /// # Errors
    ///
    /// What is wrong with it, as a sentence.
    pub(crate) fn verdict(&self, url: &Url) -> HostVerdict {
        let Some(host) = url.host_str() else { return HostVerdict::Refused };
        if let Ok(address) = host.trim_matches(['[', ']']).parse::<IpAddr>() {
            let is_allowed = self.allows(address);
            return if is_allowed { HostVerdict::Allowed } else { HostVerdict::Refused };
        }
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        let port = url.port_or_known_default();
        if self.hosts.iter().any(|rule| rule.takes(&host, port)) {
            return HostVerdict::Allowed;
        }
        match self.is_open || !self.networks.is_empty() {
            true => HostVerdict::ByAddress,
            false => HostVerdict::Refused,
        }
    }

    /// Returns whether an address may be asked that nobody named by its host.
    pub(crate) fn allows(&self, address: IpAddr) -> bool {
        // A mapped address is the address that it maps.
        let address = address.to_canonical();
        if self.networks.iter().any(|network| network.contains(&address)) {
            return true;
        }
        self.is_open && !has_no_store(address)
    }
}

fn host_rule(rule: &str) -> Option<HostRule> {
    let (name, port) = match rule.rsplit_once(':') {
        Some((name, port)) => (name, Some(port.parse().ok()?)),
        None => (rule, None),
    };
    let (name, is_suffix) = match name.strip_prefix("*.") {
        Some(name) => (name, true),
        None => (name, false),
    };
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    let is_label = |label: &str| {
        !label.is_empty()
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    // What ends with a number is an address in one of its odder spellings, and never a host.
    let is_number = name.rsplit('.').next()?.bytes().all(|byte| byte.is_ascii_digit());
    let is_name = name.split('.').all(is_label) && !is_number;
    is_name.then_some(HostRule { name, is_suffix, port })
}

impl HostRule {
    fn takes(&self, host: &str, port: Option<u16>) -> bool {
        if self.port.is_some() && self.port != port {
            return false;
        }
        if !self.is_suffix {
            return host == self.name;
        }
        let before = host.strip_suffix(self.name.as_str());
        before.and_then(|before| before.strip_suffix('.')).is_some_and(|before| !before.is_empty())
    }
}

/// Link-local, multicast, unspecified and broadcast addresses: a cloud's metadata is among them.
fn has_no_store(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            address.is_link_local()
                || address.is_multicast()
                || address.is_unspecified()
                || address.is_broadcast()
        }
        IpAddr::V6(address) => {
            address.is_unicast_link_local()
                || address.is_multicast()
                || address.is_unspecified()
                || AWS_METADATA == address.segments()
        }
    }
}

/// Amazon's metadata, `fd00:ec2::254`.
const AWS_METADATA: [u16; 8] = [0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_named_may_be_asked() {
        use HostVerdict::{Allowed, ByAddress, Refused};
        let named = Egress::only(["prometheus.monitoring:9090", "*.metrics.example.com"]).unwrap();
        let network = Egress::only(["10.2.0.0/16", "::1"]).unwrap();
        let open = Egress::open();
        let nothing = Egress::only([]).unwrap();
        let rows = [
            // address, nothing, named, network, open
            ("http://prometheus.monitoring:9090", Refused, Allowed, ByAddress, ByAddress),
            ("http://PROMETHEUS.monitoring.:9090/x", Refused, Allowed, ByAddress, ByAddress),
            ("http://prometheus.monitoring:9091", Refused, Refused, ByAddress, ByAddress),
            ("http://prometheus.monitoring.evil.org:9090", Refused, Refused, ByAddress, ByAddress),
            ("https://eu.metrics.example.com", Refused, Allowed, ByAddress, ByAddress),
            ("https://metrics.example.com", Refused, Refused, ByAddress, ByAddress),
            ("https://evilmetrics.example.com", Refused, Refused, ByAddress, ByAddress),
            ("http://eu.metrics.example.com@evil.org", Refused, Refused, ByAddress, ByAddress),
            ("http://10.2.3.4:9090", Refused, Refused, Allowed, Allowed),
            ("http://10.3.3.4:9090", Refused, Refused, Refused, Allowed),
            ("http://[::ffff:10.2.3.4]:9090", Refused, Refused, Allowed, Allowed),
            ("http://[::1]:9090", Refused, Refused, Allowed, Allowed),
            ("http://127.0.0.1:9090", Refused, Refused, Refused, Allowed),
            // Odd spellings of 127.0.0.1 and of 169.254.169.254, which a URL's parser knows.
            ("http://2130706433/", Refused, Refused, Refused, Allowed),
            ("http://0251.0376.0251.0376/", Refused, Refused, Refused, Refused),
            ("http://0xa9fea9fe/", Refused, Refused, Refused, Refused),
            ("http://169.254.169.254/latest", Refused, Refused, Refused, Refused),
            ("http://[::ffff:169.254.169.254]/", Refused, Refused, Refused, Refused),
            ("http://[fe80::1]/", Refused, Refused, Refused, Refused),
            ("http://[fd00:ec2::254]/", Refused, Refused, Refused, Refused),
            ("http://0.0.0.0:9090", Refused, Refused, Refused, Refused),
        ];
        for (url, by_nothing, by_name, by_network, by_all) in rows {
            let url = Url::parse(url).unwrap();
            let verdicts = [&nothing, &named, &network, &open].map(|egress| egress.verdict(&url));
            assert_eq!(verdicts, [by_nothing, by_name, by_network, by_all], "{url}");
        }
    }

    #[test]
    fn a_named_network_holds_even_what_no_store_has() {
        let egress = Egress::only(["169.254.10.0/24"]).unwrap();
        assert!(egress.allows("169.254.10.9".parse().unwrap()));
        assert!(!egress.allows("169.254.169.254".parse().unwrap()));
    }

    #[test]
    fn what_is_no_rule_is_named() {
        let rules = ["", "*", "*.", "http://x", "a b", "x:port", "x:99999", "1.2.3", "10.0.0.0/99"];
        for rule in rules {
            assert_eq!(Egress::only([rule]), Err(rule.to_owned()), "{rule}");
        }
    }
}
