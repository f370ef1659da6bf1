//! What is shipped beside the binary asks for what the server has.

use std::collections::BTreeSet;
use std::fs;

use serde_json::json;
use serin_server::Config;

use crate::analyses;
use crate::databases::File;
use crate::running::Running;

fn packaged(path: &str) -> String {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../packaging/");
    fs::read_to_string(format!("{folder}{path}")).unwrap()
}

/// Returns the names of all samples that metrics in this text may have.
fn names(metrics: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for line in metrics.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
        let (name, kind) = line.split_once(' ').unwrap();
        let endings: &[&str] = match kind {
            "counter" => &["_total"],
            "histogram" => &["_bucket", "_sum", "_count"],
            "info" => &["_info"],
            _ => &[""],
        };
        names.extend(endings.iter().map(|ending| format!("{name}{ending}")));
    }
    names
}

/// Returns what a text calls like metrics of serin.
fn asked(text: &str) -> BTreeSet<String> {
    let words = text.split(|it: char| !it.is_ascii_alphanumeric() && it != '_');
    words.filter(|word| word.starts_with("serin_")).map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn dashboard_and_alerts_ask_for_metrics_that_there_are() {
    let server = Running::watching(Box::new(File::new()), "", analyses::shop()).await;
    let begun = server.post("/api/v1/analyses", "", analyses::asked("checkout", "now")).await;
    assert_eq!(begun.status, 201, "{}", begun.text);
    let paused = server.post("/api/v1/acting/pause", "", json!({"reason": "a fire"})).await;
    assert_eq!(paused.status, 201, "{}", paused.text);
    // A family without a member is not written.
    assert_eq!(server.get("/api/v1/acting", "serin_0").await.status, 401);
    let metrics = server.get("/metrics", "").await.text;
    for line in ["serin_acting_paused 1", "serin_analyses{state=\"stuck\"} 0"] {
        assert!(metrics.lines().any(|it| it == line), "{metrics}");
    }
    let running = metrics.lines().filter(|line| line.starts_with("serin_analyses{"));
    let running: f64 =
        running.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()).sum();
    assert!(running == 1.0, "{metrics}");
    let there = names(&metrics);
    for file in ["grafana/serin.json", "prometheus/serin-alerts.yaml"] {
        let asked = asked(&packaged(file));
        assert!(asked.len() >= 4, "{file}");
        let missing: Vec<_> = asked.difference(&there).collect();
        assert!(missing.is_empty(), "{file} asks for {missing:?}; there are {there:?}");
    }
}

#[test]
fn configurations_that_are_shipped_are_read() {
    let manifest = packaged("kubernetes/serin.yaml");
    let (_, block) = manifest.split_once("  serve.yaml: |\n").unwrap();
    let mapped: String = block
        .lines()
        .map_while(|line| line.strip_prefix("    "))
        .map(|line| format!("{line}\n"))
        .collect();
    for (name, text) in [("systemd", packaged("systemd/serve.yaml")), ("kubernetes", mapped)] {
        let config = Config::read(name, &text).unwrap();
        assert!(config.ledger.is_some() && config.listen.is_some(), "{name}");
        config.egress().unwrap();
    }
}
