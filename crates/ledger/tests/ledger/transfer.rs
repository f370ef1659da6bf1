//! From one ledger to another, and back.

use std::io::Write as _;
use std::process::{Command, Stdio};

use proptest::prelude::*;
use serin_ledger::{Cause, Evidence, Header, Imported, Key, Ledger, Parcel, Retention, Submission};
use serin_model::Outcome;

use crate::databases::{File, Place, on_each};
use crate::sample::*;

fn import(ledger: &mut Ledger, export: &str) -> Result<Imported, String> {
    ledger.import(&mut export.as_bytes()).map_err(|error| error.to_string())
}

/// A ledger in a file, to export from.
fn filled() -> (File, Ledger) {
    let file = File::new();
    let mut ledger = file.open();
    fill(&mut ledger);
    (file, ledger)
}

#[test]
fn an_export_has_the_same_bytes_after_a_round_trip_through_any_database() {
    let (_file, mut original) = filled();
    let retention = Retention { labelled: Some(std::time::Duration::ZERO), ..Retention::default() };
    assert!(original.prune(minute(1000), &retention, false).unwrap().evidence > 0);
    let export = exported(&mut original);
    on_each(|place| {
        let ledger = &mut place().open();
        let imported = import(ledger, &export).unwrap();
        assert_eq!(
            (imported.new_events, imported.new_evidence),
            (imported.events, imported.evidence)
        );
        assert_eq!(exported(ledger), export);
        assert_eq!(verified(ledger), "well");

        let again = import(ledger, &export).unwrap();
        assert_eq!(again, Imported { new_events: 0, new_evidence: 0, ..imported });
        assert_eq!(exported(ledger), export);
        // And it goes on from there as the original does.
        let grown = append(ledger, change("2.0", 2000), Vec::new());
        assert_eq!(grown.position, original.head().unwrap().position + 1);
        assert!(append(ledger, change("1.0", 0), Vec::new()).was_known);
    });
}

#[test]
fn an_export_is_lines_of_json() {
    let mut ledger = File::new().open();
    whole(&mut ledger, "1.0", 0, Outcome::Pass);
    insta::assert_snapshot!("export", exported(&mut ledger));
}

/// What Python says of an export that knows the specification alone, or `None` without Python.
fn by_the_specification(export: &str) -> Option<String> {
    let python = Command::new("python3")
        .arg("tests/oracle/verify_export.py")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut python) = python else {
        println!("skipped: Python is not installed");
        return None;
    };
    // It ends at the first thing that is wrong, and reads no further.
    let _ = python.stdin.take().unwrap().write_all(export.as_bytes());
    let output = python.wait_with_output().unwrap();
    let said = if output.status.success() { output.stdout } else { output.stderr };
    String::from_utf8(said).unwrap().trim_end().lines().last().map(str::to_owned)
}

#[test]
fn an_export_is_verified_by_its_specification_alone() {
    let (_file, mut ledger) = filled();
    let retention = Retention { labelled: Some(std::time::Duration::ZERO), ..Retention::default() };
    ledger.prune(minute(1000), &retention, false).unwrap();
    let header = Header {
        key: Key::new("a \"quoted\" source", "schön \u{2028} 🐦 / \\"),
        causes: vec![Cause::Key(Key::new("x", "y"))],
        ..change("1.0", 0).header().clone()
    };
    let odd = Submission::of_parts(header, change("1.0", 0).body().clone()).unwrap();
    append(&mut ledger, odd, Vec::new());
    let export = exported(&mut ledger);
    let head = ledger.head().unwrap();
    let evidence = export.lines().filter(|line| line.starts_with("{\"evidence\"")).count();
    let Some(said) = by_the_specification(&export) else { return };
    assert_eq!(said, format!("{} {evidence} {}", head.position, head.link));
    let changed = export.replacen("\"to\":\"1.1\"", "\"to\":\"6.6\"", 1);
    assert_eq!(by_the_specification(&changed).unwrap(), "AssertionError: 7");
}

#[test]
fn a_ledger_that_has_grown_gives_what_is_new() {
    on_each(|place| {
        let (_file, mut original) = filled();
        let ledger = &mut place().open();
        import(ledger, &exported(&mut original)).unwrap();
        whole(&mut original, "3.0", 1000, Outcome::Pass);
        let imported = import(ledger, &exported(&mut original)).unwrap();
        assert_eq!((imported.new_events, imported.new_evidence), (6, 4));
        assert_eq!(exported(ledger), exported(&mut original));
    });
}

#[test]
fn a_ledger_of_many_pages_and_batches_moves_too() {
    let file = File::new();
    let mut original = file.open();
    for first in (0..2500).step_by(500) {
        let parcels = (first..first + 500).map(|number| {
            let piece = Evidence::new(format!("piece {}", number % 30).as_bytes()).unwrap();
            let event = change(&number.to_string(), number).proven_by(vec![piece.digest()]);
            Parcel::new(minute(number), vec![piece], vec![event.unwrap()]).unwrap()
        });
        let answers = original.append(&parcels.collect::<Vec<_>>()).unwrap();
        assert!(answers.iter().all(Result::is_ok));
    }
    let export = exported(&mut original);
    on_each(|place| {
        let ledger = &mut place().open();
        let imported = import(ledger, &export).unwrap();
        assert_eq!((imported.new_events, imported.new_evidence), (2500, 30));
        assert_eq!(exported(ledger), export);
        let found = ledger.verify(None).unwrap();
        assert!(found.is_well() && found.events == 2500 && found.evidence == 30, "{found:?}");
    });
}

#[test]
fn an_import_that_broke_off_anywhere_goes_on_where_it_was() {
    let (_file, mut original) = filled();
    let export = exported(&mut original);
    on_each(|place| {
        let ledger = &mut place().open();
        for cut in (0..export.len()).step_by(export.len() / 9) {
            let cut = export.floor_char_boundary(cut);
            let said = import(ledger, &export[..cut]).unwrap_err();
            assert!(said.starts_with("line "), "{said}");
            assert!(verified(ledger) == "well", "cut at {cut}");
        }
        import(ledger, &export).unwrap();
        assert_eq!(exported(ledger), export);
    });
}

#[test]
fn another_ledger_and_damaged_exports_are_refused() {
    let (_file, mut original) = filled();
    let export = exported(&mut original);
    let position = original.head().unwrap().position;
    let first_event = export.lines().position(|line| line.starts_with("{\"event\"")).unwrap();
    let evidence = export.lines().nth(1).unwrap();
    let without = |skipped: usize| -> String {
        let lines = export.lines().enumerate().filter(|(index, _)| *index != skipped);
        lines.map(|(_, line)| format!("{line}\n")).collect()
    };
    let cases = [
        ("empty", String::new()),
        ("something else", "time,value\n1,2\n".to_owned()),
        ("another format", export.replacen("\"format\":1", "\"format\":9", 1)),
        ("a changed body", export.replacen("\"to\":\"1.1\"", "\"to\":\"6.6\"", 1)),
        ("an event left out", without(first_event + 3)),
        ("evidence left out", without(1)),
        (
            "changed evidence",
            export.replacen(evidence, &evidence.replacen("base64\":\"", "base64\":\"AAAA", 1), 1),
        ),
        (
            "no base64",
            export.replacen(evidence, &evidence.replacen("base64\":\"", "base64\":\"*", 1), 1),
        ),
        (
            "more than it says",
            export.replacen(&format!("\"position\":{position},"), "\"position\":3,", 1),
        ),
        ("two in one", format!("{}{export}", &export[..export.rfind("{\"end\"").unwrap()])),
    ];
    on_each(|place| {
        let mut said = String::new();
        for (name, export) in &cases {
            let ledger = &mut place().open();
            said += &format!(
                "{name}\n  {}\n",
                import(ledger, export).unwrap_err().replace("\n\n", "\n  ")
            );
            assert_eq!(verified(ledger), "well");
        }
        let ledger = &mut place().open();
        whole(ledger, "6.6", 0, Outcome::Pass);
        let before = exported(ledger);
        let refused = import(ledger, &export).unwrap_err();
        said += &format!("another ledger\n  {}\n", refused.replace("\n\n", "\n  "));
        let events = |export: &str| {
            export
                .lines()
                .filter(|line| line.starts_with("{\"event\""))
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        assert_eq!(events(&exported(ledger)), events(&before));
        insta::assert_snapshot!("refused_imports", said);
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn whatever_an_export_is_made_into_is_refused_or_the_same(
        mutations in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let original = std::fs::read("tests/ledger/format-1.jsonl").unwrap();
        let mut bytes = original.clone();
        for (index, byte) in mutations {
            bytes[index.index(original.len())] = byte;
        }
        let file = File::new();
        let mut ledger = file.open();
        if ledger.import(&mut &*bytes).is_ok() {
            prop_assert_eq!(exported(&mut ledger).into_bytes(), original);
        }
        prop_assert_eq!(verified(&mut ledger), "well");
    }
}
