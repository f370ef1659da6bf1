//! Packs: checks of the golden signals for what many services are built with.
//!
//! A pack is a Check file without a service, in `packs/` beside this code. The comment above its checks
//! says what it is for, and where each metric's name is from.

use serin_model::{Check, FileError};

use crate::closest::closest;
use crate::file::{CheckChange, Signal};
use crate::layers::{Layers, Texts};

/// Checks that a Check file takes over by naming the pack under `use`.
#[derive(Clone, Copy, Debug)]
pub struct Pack {
    /// Its name, such as `golden/http`.
    pub name: &'static str,
    /// Its text, in YAML.
    pub text: &'static str,
}

/// A check of a pack.
#[derive(Clone, Debug, PartialEq)]
pub struct PackCheck {
    /// What it asks.
    pub check: Check,
    /// Which golden signal it is.
    pub signal: Signal,
    /// Why its margins are what they are, in a sentence.
    pub why: String,
}

macro_rules! pack {
    ($name:literal) => {
        Pack { name: $name, text: include_str!(concat!("../packs/", $name, ".yaml")) }
    };
}

/// Every pack there is, by name: a line each.
pub static PACKS: &[Pack] = &[
    pack!("golden/apisix"),
    pack!("golden/blackbox"),
    pack!("golden/coredns"),
    pack!("golden/django"),
    pack!("golden/envoy"),
    pack!("golden/express"),
    pack!("golden/fastapi"),
    pack!("golden/flask"),
    pack!("golden/go"),
    pack!("golden/grpc"),
    pack!("golden/haproxy"),
    pack!("golden/http"),
    pack!("golden/http-status"),
    pack!("golden/hubble"),
    pack!("golden/ingress-nginx"),
    pack!("golden/istio"),
    pack!("golden/jvm"),
    pack!("golden/kong"),
    pack!("golden/kubernetes"),
    pack!("golden/linkerd"),
    pack!("golden/micrometer"),
    pack!("golden/nginx"),
    pack!("golden/nginx-plus"),
    pack!("golden/node-exporter"),
    pack!("golden/nodejs"),
    pack!("golden/otel-db"),
    pack!("golden/otel-db-1.24"),
    pack!("golden/otel-dotnet"),
    pack!("golden/otel-grpc"),
    pack!("golden/otel-http"),
    pack!("golden/otel-http-1.20"),
    pack!("golden/otel-jvm"),
    pack!("golden/otel-messaging"),
    pack!("golden/otel-nodejs"),
    pack!("golden/otel-rpc"),
    pack!("golden/otel-rpc-1.37"),
    pack!("golden/php-fpm"),
    pack!("golden/process"),
    pack!("golden/prometheus-net"),
    pack!("golden/python"),
    pack!("golden/rails"),
    pack!("golden/spring-kafka"),
    pack!("golden/traefik"),
];

/// Finds a pack by its name.
#[must_use]
pub fn pack_named(name: &str) -> Option<&'static Pack> {
    PACKS.iter().find(|pack| pack.name == name)
}

/// Finds the pack that a name was most likely meant to be; what stands before its `/` may be missing.
#[must_use]
pub fn closest_pack(name: &str) -> Option<&'static Pack> {
    let names: Vec<&str> = PACKS.iter().map(|pack| pack.name).collect();
    let whole = pack_named(&format!("golden/{name}"));
    whole.or_else(|| pack_named(closest(name, &names)?))
}

impl Pack {
    /// Returns what it is for, as the comment above its checks says.
    #[must_use]
    pub fn about(&self) -> String {
        let lines: Vec<&str> = self.comment().take_while(|line| !line.is_empty()).collect();
        lines.join(" ")
    }

    /// Returns the pages that its metrics' names are from.
    pub fn sources(&self) -> impl Iterator<Item = &'static str> + use<> {
        self.comment().filter_map(|line| line.strip_prefix("Source: "))
    }

    fn comment(&self) -> impl Iterator<Item = &'static str> + use<> {
        let lines = self.text.lines().map_while(|line| line.strip_prefix('#'));
        lines.map(str::trim)
    }

    /// Returns its checks, in the order they are written.
    ///
    /// # Errors
    ///
    /// [`FileError`] when it cannot be read, which a test rules out for every pack there is.
    pub fn checks(&self) -> Result<Vec<PackCheck>, FileError> {
        let service = format!("service: pack\nuse: [{}]\n", self.name);
        let analysis = Layers::of(self.name, &service)?.read()?.analysis;
        let written = Texts::default().parse(self.name, self.text)?.checks;
        let changes = written.map(|written| written.value.0).unwrap_or_default();
        let checks = analysis.checks().iter().zip(changes).filter_map(|(check, (_, change))| {
            let CheckChange::Entry(entry) = change.value else { return None };
            Some(PackCheck { check: check.clone(), signal: entry.signal?, why: entry.why? })
        });
        Ok(checks.collect())
    }

    /// Returns the names of its checks.
    pub(crate) fn check_names(&self) -> Vec<String> {
        let written = Texts::default().parse(self.name, self.text).ok();
        let checks = written.and_then(|file| file.checks);
        let names = checks.map(|checks| checks.value.0).unwrap_or_default();
        names.into_iter().map(|(name, _)| name).collect()
    }
}
