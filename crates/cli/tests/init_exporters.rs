//! A first Check file for services that other exporters measure, all in one real Prometheus: by the names
//! and labels that their documents have.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap is a failed test")]

mod real_store;

use std::process::{Command, Output};

use crate::real_store::{Row, filled_with};

type Labels = Vec<(&'static str, String)>;

/// In seconds.
const SCRAPE: i64 = 15;
const SCRAPES: i64 = 120;
/// Requests of a replica between two scrapes.
const REQUESTS: f64 = 60.0;

/// What an exporter counts of requests.
struct Exporter {
    /// The counter of requests, with the label that says how they ended and the words for good and bad.
    requests: (&'static str, &'static str, [&'static str; 2]),
    /// The histogram of their durations, and its edges from fast to slow.
    durations: (&'static str, [&'static str; 3]),
    /// Whether the histogram itself has the label that says how requests ended, and is the counter.
    counts_itself: bool,
    /// What else its series have.
    labels: &'static [(&'static str, &'static str)],
}

const SECONDS: [&str; 3] = ["0.1", "0.5", "+Inf"];
const MILLISECONDS: [&str; 3] = ["100", "500", "+Inf"];

const ENVOY: Exporter = Exporter {
    requests: ("envoy_cluster_upstream_rq_xx", "envoy_response_code_class", ["2", "5"]),
    durations: ("envoy_cluster_upstream_rq_time", MILLISECONDS),
    counts_itself: false,
    labels: &[("envoy_cluster_name", "local_app")],
};
const ISTIO: Exporter = Exporter {
    requests: ("istio_requests_total", "response_code", ["200", "503"]),
    durations: ("istio_request_duration_milliseconds", MILLISECONDS),
    counts_itself: false,
    labels: &[("reporter", "destination"), ("request_protocol", "http")],
};
const OPENTELEMETRY: Exporter = Exporter {
    requests: ("", "http_response_status_code", ["200", "500"]),
    durations: ("http_server_request_duration_seconds", SECONDS),
    counts_itself: true,
    labels: &[("http_request_method", "GET"), ("http_route", "/pay")],
};
const INGRESS: Exporter = Exporter {
    requests: ("nginx_ingress_controller_requests", "status", ["200", "502"]),
    durations: ("nginx_ingress_controller_request_duration_seconds", SECONDS),
    counts_itself: false,
    labels: &[("method", "GET")],
};
const CLIENT: Exporter = Exporter {
    requests: ("http_requests_total", "code", ["200", "500"]),
    durations: ("http_request_duration_seconds", SECONDS),
    counts_itself: false,
    labels: &[("method", "get")],
};

/// A service, and how its labels name it and its arms; `{}` in a value is the service's name.
struct Service {
    name: &'static str,
    exporter: &'static Exporter,
    shared: &'static [(&'static str, &'static str)],
    arms: [&'static [(&'static str, &'static str)]; 2],
    replica: &'static str,
    /// What is said of the arms to `serin init`, where the labels do not.
    said: &'static [&'static str],
    /// The share of the canary's requests that fail.
    failing: f64,
    /// What the verdict may be.
    codes: &'static [i32],
}

const PASSES: &[i32] = &[0, 3];
const FAILS: &[i32] = &[2];

const SERVICES: &[Service] = &[
    Service {
        name: "envoy-good",
        exporter: &ENVOY,
        shared: &[("app", "{}")],
        arms: [&[("version", "1.4.2")], &[("version", "1.5.0-canary")]],
        replica: "pod",
        said: &[],
        failing: 0.01,
        codes: PASSES,
    },
    Service {
        name: "mesh",
        exporter: &ISTIO,
        shared: &[("destination_service_name", "{}")],
        arms: [&[("destination_workload", "{}-primary")], &[("destination_workload", "{}")]],
        replica: "pod",
        said: &[],
        failing: 0.15,
        codes: FAILS,
    },
    Service {
        name: "telemetry",
        exporter: &OPENTELEMETRY,
        shared: &[("service_name", "{}")],
        arms: [&[("deployment_track", "stable")], &[("deployment_track", "canary")]],
        replica: "k8s_pod_name",
        said: &[],
        failing: 0.15,
        codes: FAILS,
    },
    Service {
        name: "ingress",
        exporter: &INGRESS,
        shared: &[("ingress", "{}"), ("controller_pod", "ingress-1")],
        arms: [&[("service", "{}")], &[("service", "{}-canary"), ("canary", "shop-{}-80")]],
        replica: "",
        said: &[],
        failing: 0.15,
        codes: FAILS,
    },
    Service {
        name: "jobs",
        exporter: &CLIENT,
        shared: &[],
        arms: [&[("job", "{}")], &[("job", "{}-canary")]],
        replica: "instance",
        said: &[],
        failing: 0.15,
        codes: FAILS,
    },
    Service {
        name: "deployments",
        exporter: &CLIENT,
        shared: &[("job", "kubernetes-pods")],
        arms: [&[("deployment", "{}")], &[("deployment", "{}-canary")]],
        replica: "pod",
        said: &[],
        failing: 0.01,
        codes: PASSES,
    },
    Service {
        name: "hashes",
        exporter: &CLIENT,
        shared: &[("app_kubernetes_io_name", "{}")],
        arms: [&[("pod_template_hash", "6d4b75cb6d")], &[("pod_template_hash", "7f9c6d5b8c")]],
        replica: "pod",
        said: &[
            "--control",
            "pod_template_hash=6d4b75cb6d",
            "--canary",
            "pod_template_hash=7f9c6d5b8c",
        ],
        failing: 0.15,
        codes: FAILS,
    },
];

/// Half an hour of every service, up to now.
fn rows() -> Vec<Row> {
    let end = jiff::Timestamp::now().as_second() / SCRAPE * SCRAPE;
    let mut rows = Vec::new();
    let mut noise = Noise(7);
    for service in SERVICES {
        for (arm, own) in service.arms.iter().enumerate() {
            let replicas = if service.replica.is_empty() { 1 } else { 3 - arm };
            for replica in 0..replicas {
                let named = |labels: &[(&'static str, &str)]| -> Labels {
                    let filled = |value: &str| value.replace("{}", service.name);
                    labels.iter().map(|(name, value)| (*name, filled(value))).collect()
                };
                let mut labels = [named(service.shared), named(own)].concat();
                labels.extend(named(service.exporter.labels));
                if !service.replica.is_empty() {
                    labels.push((service.replica, format!("{}-{arm}-{replica}", service.name)));
                }
                let failing = if arm == 0 { 0.01 } else { service.failing };
                rows.extend(measured(service.exporter, &labels, failing, end, &mut noise));
            }
        }
    }
    rows
}

/// What a replica's counters say.
fn measured(
    exporter: &Exporter,
    labels: &Labels,
    failing: f64,
    end: i64,
    noise: &mut Noise,
) -> Vec<Row> {
    let mut rows = Vec::new();
    let (counter, outcome, words) = exporter.requests;
    let (histogram, edges) = exporter.durations;
    for (word, share) in words.iter().zip([1.0 - failing, failing]) {
        let told = [labels.clone(), vec![(outcome, (*word).to_owned())]].concat();
        let mut total = 0.0;
        let mut within = [0.0; 3];
        for scrape in 0..SCRAPES {
            let happened = (REQUESTS * share * noise.near_one()).round();
            total += happened;
            // Most are fast, a tenth is slower than the first edge.
            for (count, share) in within.iter_mut().zip([0.9, 0.99, 1.0]) {
                *count += (happened * share).round();
            }
            let mut add = |metric: String, labels: &Labels, value: f64| {
                let labels = labels.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
                let time = (end - (SCRAPES - scrape) * SCRAPE) * 1000;
                rows.push(Row { metric, labels: labels.collect(), time, value });
            };
            if !exporter.counts_itself {
                add(counter.to_owned(), &told, total);
            }
            for (edge, count) in edges.iter().zip(within) {
                let of_edge = [told.clone(), vec![("le", (*edge).to_owned())]].concat();
                add(format!("{histogram}_bucket"), &of_edge, count);
            }
            add(format!("{histogram}_count"), &told, within[2]);
        }
    }
    rows
}

/// The same noise at every run.
struct Noise(u64);

impl Noise {
    /// Returns a number from 0.8 to 1.2.
    fn near_one(&mut self) -> f64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        0.8 + 0.4 * ((self.0 >> 40) as f64 / (1u64 << 24) as f64)
    }
}

fn serin(folder: &std::path::Path, words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_serin"))
        .current_dir(folder)
        .env_remove("SERIN_DEFAULTS")
        .args(words)
        .output()
        .unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// The lines of a first file that say what was found.
fn found(text: &str) -> String {
    let keys = ["- golden/", "scope:", "control:", "canary:", "replica:", "step:"];
    let lines = text.lines().map(str::trim);
    let found: Vec<&str> =
        lines.filter(|line| keys.iter().any(|key| line.starts_with(key))).collect();
    found.join("\n")
}

#[test]
fn services_of_many_exporters_are_found_linted_and_judged() {
    let rows = rows();
    for store in filled_with(&rows) {
        let folder = tempfile::tempdir().unwrap();
        let mut told = String::new();
        for service in SERVICES {
            let path = format!("{}.yaml", service.name);
            let options = ["init", "--source", &store.url, "--service", service.name, "-o", &path];
            let made = serin(folder.path(), &[&options[..], service.said, &["--no-plan"]].concat());
            assert_eq!(made.status.code(), Some(0), "{}: {}", store.name, said(&made));
            let text = std::fs::read_to_string(folder.path().join(&path)).unwrap();
            told.push_str(&format!("{}\n{}\n\n", service.name, found(&text)));
            let asked = ["lint", "--strict", "--last", "25m", &path];
            let linted = serin(folder.path(), &asked);
            assert_eq!(linted.status.code(), Some(0), "{}: {}", store.name, said(&linted));
            let judged = serin(folder.path(), &["judge", &path, "--last", "25m"]);
            let code = judged.status.code().unwrap();
            assert!(service.codes.contains(&code), "{}: {}", store.name, said(&judged));
        }
        insta::assert_snapshot!("what_is_found_of_each", told);
    }
}

#[test]
fn two_versions_alone_do_not_say_which_is_on_trial() {
    for store in filled_with(&rows()) {
        let folder = tempfile::tempdir().unwrap();
        let options = ["init", "--source", &store.url, "--service", "hashes", "-o", "-"];
        let refused = serin(folder.path(), &options);
        assert_eq!(refused.status.code(), Some(1));
        let told = said(&refused);
        let hint = "--control pod_template_hash=6d4b75cb6d --canary pod_template_hash=7f9c6d5b8c";
        assert!(told.contains(hint), "{}: {told}", store.name);
        assert!(!told.contains("code"), "{}: {told}", store.name);
    }
}
