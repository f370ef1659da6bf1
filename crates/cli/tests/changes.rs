//! `serin note`, `changes`, `known-good`, `verdicts`, `label`, `override` and `scorecard` as users type them.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod serin;

use insta::assert_snapshot;
use serde_json::Value;
use serin::{root, serin, serin_with_input};

/// A ledger of three analyses, as version 1 of the format wrote it.
const SAMPLE: &str = "crates/ledger/tests/ledger/format-1.db";

/// A folder with the sample ledger.
struct Folder(tempfile::TempDir);

impl Folder {
    fn with_sample() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::copy(root().join(SAMPLE), folder.path().join("serin.db")).unwrap();
        Self(folder)
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }

    /// Runs a verb on the ledger, and shows what it says without ids of events that are new.
    fn shown(&self, words: &[&str]) -> String {
        let ledger = self.path("serin.db");
        let run = serin(&[words, &["--ledger", &ledger]].concat());
        let shown = format!("$ serin {}\n{}", words.join(" "), run.shown());
        without_new_ids(&shown).replace(&format!("{}/", self.0.path().display()), "")
    }

    fn session(&self, lines: &[&[&str]]) -> String {
        lines.iter().map(|words| self.shown(words)).collect::<Vec<_>>().join("\n")
    }

    fn json(&self, words: &[&str]) -> Value {
        let ledger = self.path("serin.db");
        let run = serin(&[words, &["--format", "json", "--ledger", &ledger]].concat());
        assert_eq!(run.code, 0, "{}", run.shown());
        serde_json::from_str(&run.stdout).unwrap()
    }
}

/// Ids begin with the time of arrival, which a test does not know; those of the sample are of 2020.
fn without_new_ids(text: &str) -> String {
    let is_id = |word: &str| word.len() == 36 && word.matches('-').count() == 4;
    let shown = |word: &str| {
        let id = word.trim_end_matches([',', '\n']);
        if is_id(id) && !id.starts_with("0174") { word.replace(id, "ID") } else { word.to_owned() }
    };
    text.split_inclusive([' ', '\n'])
        .map(|word| {
            let (word, end) = word.split_at(word.trim_end_matches([' ', '\n']).len());
            shown(word) + end
        })
        .collect()
}

const PROD: [&str; 4] = ["--service", "checkout", "--label", "environment=prod"];

fn note<'a>(words: &[&'a str]) -> Vec<&'a str> {
    [&["note"], words, &PROD].concat()
}

#[test]
fn changes_are_noted_and_listed_since_the_last_one_known_to_be_good() {
    let folder = Folder::with_sample();
    let deploy = ["deploy", "--from", "1.3", "--to", "1.4", "--ref", "81f3", "--at"];
    let shown = folder.session(&[
        &["known-good", "--service", "checkout"],
        &note(&[&deploy[..], &["2020-09-13T18:00:00Z"]].concat()),
        &note(&[&deploy[..], &["2020-09-13T18:00:00Z"]].concat()),
        &note(&["flag", "--note", "new basket", "--at", "1600020300", "--change", "change/flag"]),
        &["changes", "--service", "checkout"],
        &["changes", "--service", "checkout", "--since", "2020-09-13T17:30:00Z"],
        &["changes", "--service", "checkout", "--label", "environment=test"],
        &["known-good", "--service", "shop"],
    ]);
    assert_snapshot!(shown);
}

#[test]
fn a_rollback_takes_back_the_change_that_it_comes_from() {
    let folder = Folder::with_sample();
    let rollback = ["rollback", "--at", "2020-09-13T17:00:00Z"];
    let shown = folder.session(&[
        &note(&[&rollback[..], &["--from", "1.1", "--id", "run-1"]].concat()),
        &note(&[&rollback[..], &["--id", "run-2"]].concat()),
        &note(&[&rollback[..], &["--from", "6.6", "--id", "run-3"]].concat()),
        &note(&["heal", "--of", "change/1.0", "--id", "run-4"]),
        // Again, and without the moment: it is the same change.
        &note(&["heal", "--of", "change/1.0", "--id", "run-4"]),
        &note(&["rollback", "--from", "1.1", "--id", "run-1"]),
        &["verdicts", "--service", "checkout"],
        &note(&["heal", "--of", "change/9", "--id", "run-5"]),
        &note(&["deploy", "--to", "1.4", "--id", "run-4"]),
    ]);
    assert_snapshot!(shown);
}

#[test]
fn a_ledger_is_made_for_the_first_note() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new.db").display().to_string();
    let words = ["note", "deploy", "--service", "shop", "--to", "1", "--ledger", &path];
    let run = serin(&words);
    assert_eq!((run.code, run.stdout.starts_with("noted: change/")), (0, true), "{}", run.shown());
    assert_eq!(serin(&["ledger", "verify", "--ledger", &path]).code, 0);
}

const CDEVENTS: &str = r#"
[{"context": {"version": "0.4.1", "id": "d-1", "source": "/ci/42", "type": "dev.cdevents.service.deployed.0.2.0",
   "timestamp": "2026-11-23T14:02:00Z", "links": [{"linkType": "RELATION", "linkKind": "TRIGGER", "target": {"contextId": "b-1"}}]},
  "subject": {"id": "service/checkout", "type": "service",
   "content": {"environment": {"id": "prod"}, "artifactId": "pkg:oci/checkout@1.1"}}},
 {"context": {"id": "b-1", "source": "/ci/42", "type": "dev.cdevents.build.finished.0.2.0", "timestamp": "2026-11-23T13:00:00Z"},
  "subject": {"id": "build/7", "content": {}}},
 {"context": {"id": "e-1", "source": "/ci/42", "type": "dev.cdevents.environment.modified.0.3.0", "timestamp": "2026-11-23T14:10:00Z"},
  "subject": {"id": "prod", "content": {"name": "production"}}}]
{"specversion": "1.0", "id": "r-1", "source": "/ci/42", "type": "dev.cdevents.service.rolledback.0.3.0", "data":
 {"context": {"id": "r-1", "source": "/ci/42", "type": "dev.cdevents.service.rolledback.0.3.0", "timestamp": "2026-11-23T15:30:00.5+01:00",
   "links": [{"linkType": "PATH", "from": {"contextId": "d-1"}}]},
  "subject": {"id": "checkout", "content": {"environment": {"id": "prod"}, "artifactId": "pkg:oci/checkout@1.0"}}}}
"#;

#[test]
fn cdevents_become_changes_and_what_is_none_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("serin.db").display().to_string();
    let read = |extra: &[&str]| {
        let words = [&["note", "--cdevents", "-", "--ledger", &path], extra].concat();
        without_new_ids(&serin_with_input(&words, CDEVENTS.as_bytes()).shown())
    };
    let shown = [read(&[]), read(&[]), read(&["--service", "checkout"])].join("\n");
    assert_snapshot!(shown);
    let listed = serin(&["changes", "--ledger", &path, "--service", "checkout"]);
    assert_snapshot!(listed.shown());
    let export = serin(&["ledger", "export", "--ledger", &path]).stdout;
    assert!(export.contains(r#""causes":[{"source":"/ci/42","source_id":"d-1"}]"#), "{export}");
}

#[test]
fn what_is_no_cdevent_is_said_with_its_place_and_nothing_is_noted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("serin.db").display().to_string();
    let good = r#"{"context": {"id": "1", "source": "s", "type": "dev.cdevents.service.deployed.0.3.0",
        "timestamp": "2026-11-23T14:02:00Z"}, "subject": {"id": "shop"}}"#;
    let long = good.replace("\"shop\"", &format!("\"{}\"", "x".repeat(200)));
    let cases = [
        "".to_owned(),
        format!("{good} {{"),
        format!("{good} {{\"id\": 4}}"),
        good.replace("2026-11-23T14:02:00Z", "yesterday"),
        good.replace("\"shop\"", "4"),
        long,
    ];
    let shown = cases.map(|text| {
        let words = ["note", "--cdevents", "-", "--ledger", &path];
        serin_with_input(&words, text.as_bytes()).shown()
    });
    assert_snapshot!(shown.join("\n"));
    assert!(!folder.path().join("serin.db").exists());
}

#[test]
fn verdicts_are_labelled_and_overridden_by_their_analysis_or_their_event() {
    let folder = Folder::with_sample();
    let shown = folder.session(&[
        &["label", "analysis/1.0", "right", "--by", "bob", "--reason", "a quiet week"],
        &["override", "01748777-a7c0-7000-8000-11e256b4b3b9", "hold", "--by", "eve", "--id", "o-1"],
        &["override", "analysis/1.0", "hold", "--by", "eve", "--id", "o-1"],
        &["label", "analysis/1.1", "wrong", "--by", "bob", "--service", "checkout"],
        &["verdicts", "--service", "checkout"],
        &["known-good", "--service", "checkout"],
        &["label", "analysis/9", "right", "--by", "bob"],
        &["label", "0174880f-eb20-7000-8000-000000000000", "right", "--by", "bob"],
        &["label", "analysis/1.1", "right", "--by", "bob", "--service", "shop"],
        &[
            "label",
            "017487d3-3540-7000-8000-2e1471189606",
            "right",
            "--by",
            "bob",
            "--service",
            "shop",
        ],
        &[
            "override",
            "01748777-a7c0-7000-8000-11e256b4b3b9",
            "promote",
            "--by",
            "eve",
            "--id",
            "o-1",
        ],
        &["label", "analysis/1.1", "maybe", "--by", "bob"],
    ]);
    assert_snapshot!(shown);
}

#[test]
fn what_is_no_verdict_cannot_be_labelled() {
    let folder = Folder::with_sample();
    let change = folder.json(&["changes", "--service", "checkout"]);
    let event = change["scopes"][0]["changes"][0]["event"].as_str().unwrap();
    assert_snapshot!(folder.shown(&["label", event, "right", "--by", "bob"]));
}

#[test]
fn a_scorecard_says_what_is_missing() {
    let folder = Folder::with_sample();
    let shown = folder.session(&[
        &["scorecard"],
        &["scorecard", "--service", "checkout", "--bound", "60%", "--strict"],
        &["label", "analysis/1.0", "right", "--by", "bob"],
        &["scorecard", "--bound", "80%", "--strict"],
        &["scorecard", "--bound", "0%"],
        &["scorecard", "--service", "shop"],
    ]);
    assert_snapshot!(shown);
}

#[test]
fn documents_hold_to_their_schemas() {
    let folder = Folder::with_sample();
    let cases = [
        ("changes", &["changes", "--service", "checkout"][..]),
        ("verdicts", &["verdicts", "--service", "checkout"]),
        ("scorecard", &["scorecard"]),
    ];
    for (name, words) in cases {
        let document = folder.json(words);
        let schema: Value = serde_json::from_str(&serin(&["schema", name]).stdout).unwrap();
        assert_eq!(document["version"], 1, "{name}");
        let required = schema["required"].as_array().unwrap();
        for key in required {
            assert!(document.get(key.as_str().unwrap()).is_some(), "{name} lacks {key}");
        }
    }
}
