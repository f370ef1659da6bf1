//! A first Check file from what a real Prometheus has of the rig's recordings, and no file at all.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap is a failed test")]

mod real_store;

use std::path::Path;
use std::process::{Command, Output};

use crate::real_store::{RealStore, Row, filled_with};

/// The recordings behind the balancer, as the Prometheus that made them had them, but up to now. Each is
/// a service of its own.
fn rows() -> Vec<Row> {
    ["good", "slow", "failing", "silent"].into_iter().flat_map(recorded).collect()
}

fn recorded(recording: &str) -> Vec<Row> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join(format!("../../examples/storefront/{recording}.csv.gz"));
    let file = std::fs::File::open(path).unwrap();
    let mut reader = csv::Reader::from_reader(flate2::read::MultiGzDecoder::new(file));
    let names: Vec<String> = reader.headers().unwrap().iter().map(str::to_owned).collect();
    let row = |record: csv::StringRecord| {
        let fields = || names.iter().map(String::as_str).zip(&record);
        let of = |wanted: &str| fields().find(|(name, _)| *name == wanted).unwrap().1;
        let labels = fields().filter(|(name, value)| {
            !["time", "metric", "value"].contains(name) && !value.is_empty()
        });
        let labels = labels.chain([("service", recording), ("job", "rig")]);
        let time: jiff::Timestamp = of("time").parse().unwrap();
        Row {
            metric: of("metric").to_owned(),
            labels: labels.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            time: time.as_millisecond(),
            value: of("value").parse().unwrap(),
        }
    };
    let mut rows: Vec<Row> = reader.records().map(|record| row(record.unwrap())).collect();
    let last = rows.iter().map(|row| row.time).max().unwrap();
    let later = jiff::Timestamp::now().as_millisecond() - 10_000 - last;
    rows.iter_mut().for_each(|row| row.time += later);
    rows
}

/// Runs serin in a folder, without defaults of whoever runs the test.
fn serin(folder: &Path, words: &[&str]) -> Output {
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

/// Replaces what differs from run to run.
fn without_addresses(text: &str, store: &RealStore) -> String {
    text.replace(&store.url, "http://prometheus:9090")
}

#[test]
fn a_first_file_finds_the_golden_signals_and_judges_as_the_recordings_are() {
    for store in filled_with(&rows()) {
        let folder = tempfile::tempdir().unwrap();
        for (service, expected) in
            [("good", &[0, 3][..]), ("slow", &[2]), ("failing", &[2]), ("silent", &[2, 3])]
        {
            let path = format!("{service}.yaml");
            let options = ["init", "--source", &store.url, "--service", service, "-o", &path];
            let made = serin(folder.path(), &[&options[..], &["--no-plan"]].concat());
            assert_eq!(made.status.code(), Some(0), "{}: {}", store.name, said(&made));
            if service == "good" {
                let told = String::from_utf8_lossy(&made.stdout).into_owned();
                insta::assert_snapshot!("init_says_what_it_found", told);
                let text = std::fs::read_to_string(folder.path().join(&path)).unwrap();
                insta::assert_snapshot!("init_writes", without_addresses(&text, &store));
            }
            let judged = serin(folder.path(), &["judge", &path, "--last", "10m"]);
            let code = judged.status.code().unwrap();
            assert!(expected.contains(&code), "{}, {service}: {}", store.name, said(&judged));
        }
        let again = serin(
            folder.path(),
            &["init", "--source", &store.url, "--service", "good", "-o", "good.yaml"],
        );
        assert_eq!(again.status.code(), Some(1));
        assert!(said(&again).contains("`good.yaml` is there already"), "{}", said(&again));
        if store.name != "prometheus" {
            continue;
        }
        let forced =
            ["init", "--source", &store.url, "--service", "good", "-o", "good.yaml", "--force"];
        let forced = serin(folder.path(), &forced);
        assert_eq!(forced.status.code(), Some(0), "{}", said(&forced));
        assert!(said(&forced).contains("With 5 % of the traffic"), "{}", said(&forced));
    }
}

#[test]
fn a_service_needs_no_file() {
    for store in filled_with(&rows()) {
        let folder = tempfile::tempdir().unwrap();
        let arms = ["--control", "track=stable", "--canary", "track=canary"];
        let asked = |verb: &'static str, service: &'static str| {
            [&[verb, "--service", service][..], &arms[..]].concat()
        };
        // Nothing but the store: its packs, its replicas and its pace are found.
        let alone = ["--source", store.url.as_str(), "--last", "10m"];
        let judged = serin(folder.path(), &[asked("judge", "slow"), alone.to_vec()].concat());
        assert_eq!(judged.status.code(), Some(2), "{}: {}", store.name, said(&judged));
        assert!(said(&judged).contains("no file names checks: judged are those of the packs"));
        // A file of defaults in the working folder, which an organisation's extends.
        let organisation = format!(
            "source: {{prometheus: {{url: '{}'}}}}\nscope: {{service: $service}}\nreplica: pod\n\
             arms: {{control: {{track: stable}}, canary: {{track: canary}}}}\n",
            store.url
        );
        std::fs::write(folder.path().join("organisation.yaml"), organisation).unwrap();
        let defaults = "extends: organisation.yaml\nuse: [golden/http, golden/process]\nstep: 5s\n";
        std::fs::write(folder.path().join("serin.yaml"), defaults).unwrap();
        for (service, code) in [("failing", 2), ("slow", 2)] {
            let judged = serin(folder.path(), &["judge", "--service", service, "--last", "10m"]);
            assert_eq!(judged.status.code(), Some(code), "{}: {}", store.name, said(&judged));
        }
        let start = (jiff::Timestamp::now().as_second() - 500).to_string();
        let live = ["--start", &start, "--warm-up", "0s", "--horizon", "6m", "--history", "0s"];
        let watched = serin(folder.path(), &[asked("watch", "failing"), live.to_vec()].concat());
        assert_eq!(watched.status.code(), Some(2), "{}: {}", store.name, said(&watched));
        let left_out = "left out, as the source has nothing of them on either arm: `open files` of golden/process";
        let text = said(&watched).split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(text.contains(left_out), "{}: {text}", store.name);
        let planned = serin(folder.path(), &["plan", "--service", "good", "--history", "10m"]);
        assert_eq!(planned.status.code(), Some(0), "{}: {}", store.name, said(&planned));
    }
}

#[test]
fn what_is_not_found_is_said_with_what_to_do() {
    for store in filled_with(&rows()) {
        let folder = tempfile::tempdir().unwrap();
        let mut told = String::new();
        for words in [
            &["--service", "nowhere"][..],
            &["--service", "good", "--control", "track=new", "--canary", "track=canary"],
            &["--control", "pod=x"],
            &[],
        ] {
            let output =
                serin(folder.path(), &[&["init", "--source", &store.url][..], words].concat());
            assert_eq!(output.status.code(), Some(1));
            told += &format!("$ serin init {}\n{}\n", words.join(" "), said(&output));
        }
        let told = without_addresses(&told, &store);
        insta::assert_snapshot!("init_says_what_is_missing", told);
        assert!(std::fs::read_dir(folder.path()).unwrap().next().is_none(), "a file was written");
    }
}
