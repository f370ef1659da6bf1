//! From names to addresses.
//!
//! The C library's own look-up loads whatever the machine's `nsswitch.conf` names, together with the
//! machine's C library: in a static binary that ends in a crash. This one reads `/etc/resolv.conf`
//! and `/etc/hosts`, and asks name servers itself.

use std::error::Error;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, OnceLock};

use super::egress::Egress;
use hickory_resolver::TokioResolver;
use hickory_resolver::config::{LookupIpStrategy, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::Name;
use reqwest::dns::{Addrs, Name as HostName, Resolve, Resolving};

/// Resolves names as this machine is told to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names {
    /// Which addresses may be asked; all, unless said.
    egress: Option<Arc<Egress>>,
    resolver: Arc<OnceLock<Result<TokioResolver, String>>>,
}

impl Names {
    /// Finds no address but those that may be asked. The connection goes to one that was found here, whatever the
    /// name means a moment later.
    pub(crate) fn within(egress: &Arc<Egress>) -> Self {
        Self { egress: Some(Arc::clone(egress)), ..Self::default() }
    }

    /// Returns whether addresses are left out.
    pub(crate) fn are_limited(&self) -> bool {
        self.egress.is_some()
    }

    fn resolver(&self) -> Result<&TokioResolver, String> {
        let resolver = self.resolver.get_or_init(|| {
            // Without a configuration there is no server to ask; asking one of our own choice would
            // tell strangers the names inside.
            let mut builder = TokioResolver::builder_tokio().unwrap_or_else(|_| {
                let nobody = ResolverConfig::default();
                TokioResolver::builder_with_config(nobody, TokioRuntimeProvider::default())
            });
            builder.options_mut().ip_strategy = LookupIpStrategy::Ipv6AndIpv4;
            builder.build().map_err(|error| error.to_string())
        });
        resolver.as_ref().map_err(Clone::clone)
    }

    /// Returns the addresses of a name.
    ///
    /// # Errors
    ///
    /// Why there is none.
    pub(crate) async fn addresses(
        &self,
        host: &str,
    ) -> Result<Vec<IpAddr>, Box<dyn Error + Send + Sync>> {
        // Names of services may hold `_`, which strict names may not.
        let name = Name::from_ascii(host)?;
        let found: Vec<IpAddr> = self.resolver()?.lookup_ip(name).await?.iter().collect();
        let Some(egress) = &self.egress else { return Ok(found) };
        let allowed: Vec<IpAddr> = found.into_iter().filter(|it| egress.allows(*it)).collect();
        if allowed.is_empty() {
            return Err(format!("no address of `{host}` may be asked").into());
        }
        Ok(allowed)
    }
}

impl Resolve for Names {
    fn resolve(&self, host: HostName) -> Resolving {
        let names = self.clone();
        Box::pin(async move {
            let found = names.addresses(host.as_str()).await?;
            let addresses = found.into_iter().map(|address| SocketAddr::new(address, 0));
            Ok(Box::new(addresses) as Addrs)
        })
    }
}
