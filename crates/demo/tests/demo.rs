//! A demo from its past to its going on.
#![allow(clippy::unwrap_used, reason = "what helps a test may fail as the test does")]

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;

use serin_demo::shop::{Kind, SERVICES, Shop};
use serin_demo::{Demo, DemoError, Wanted, check_files};
use serin_ledger::fact::{Alteration, Label};
use serin_ledger::{Ledger, Scope, Scorecard, Selection, ServiceHistory};
use serin_model::{Outcome, Timestamp};
use serin_runner::{Note, note_at};

/// 2026-11-23T08:00:00Z
const OPENING: Timestamp = Timestamp::from_seconds(1_795_420_800);

fn wanted(ledger: &Path) -> Wanted {
    Wanted {
        listen: Some(SocketAddr::from(([127, 0, 0, 1], 0))),
        seed: 3,
        speed: 1,
        opening: OPENING,
        ledger: Some(ledger.to_owned()),
    }
}

fn events(path: &Path) -> usize {
    let mut ledger = Ledger::open_file(path, false).unwrap();
    ledger.events(&Selection::default(), 0, 10_000).unwrap().len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_past_is_full_and_a_kept_ledger_is_gone_on_with() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("demo.db");
    let demo = Demo::open(&wanted(&path)).await.unwrap();
    assert!(demo.now() >= OPENING);
    drop(demo);

    let mut ledger = Ledger::open_file(&path, false).unwrap();
    let shop = Shop { seed: 3, opening: OPENING };
    let (mut changes, mut labels) = (BTreeSet::new(), BTreeSet::new());
    let mut overridden = 0;
    for service in &SERVICES {
        let scorecard = ledger.project::<Scorecard>(Some(service.name)).unwrap().state;
        let history: &ServiceHistory = scorecard.history();
        let verdicts = history.verdicts();
        assert_eq!(verdicts.len(), 8, "{}", service.name);
        for verdict in verdicts {
            let fact = &verdict.entry.fact;
            let number = fact.change.as_ref().unwrap().rsplit_once("--").unwrap().1;
            let canary = shop.canary(service, -number.parse::<i64>().unwrap()).unwrap();
            let right = match canary.kind {
                Kind::Good => Outcome::Pass,
                Kind::Slow | Kind::Failing | Kind::Silent => Outcome::Fail,
                Kind::Undecidable => Outcome::Inconclusive,
            };
            assert_eq!(fact.outcome, right, "{canary:?}: {:?}", fact.reason);
            let minutes = canary.age(verdict.entry.occurred_at) / 60;
            assert!((3..=36).contains(&minutes), "{canary:?}: {minutes} minutes");
            labels.extend(verdict.label().map(|label| label == Label::Right));
            overridden += usize::from(verdict.decision().is_some());
        }
        let known_good = history.known_good(&Scope::of_service(service.name));
        assert_eq!(known_good.is_some(), service.name != "gift-cards", "{}", service.name);
        changes.extend(history.changes().iter().map(|change| format!("{:?}", change.fact.what)));
    }
    let all =
        [Alteration::Deploy, Alteration::Rollback, Alteration::Flag, Alteration::Infrastructure];
    assert_eq!(changes, all.iter().map(|what| format!("{what:?}")).collect());
    assert_eq!(labels, BTreeSet::from([true, false]), "some verdicts were right, and some wrong");
    assert!(overridden >= 8, "{overridden} verdicts were overridden");
    drop(ledger);

    let before = events(&path);
    let again = Wanted { seed: 99, ..wanted(&path) };
    let demo = Demo::open(&again).await.unwrap();
    assert!(demo.now() >= OPENING, "its time goes on where it was");
    drop(demo);
    assert_eq!(events(&path), before, "the past is written once");
}

#[tokio::test]
async fn nobodys_own_ledger_is_written_to() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("serin.db");
    let mut ledger = Ledger::open_file(&path, true).unwrap();
    let note = Note {
        scope: Scope::of_service("checkout"),
        change: serin_ledger::fact::ChangeNoted {
            what: Alteration::Deploy,
            from: None,
            to: Some("1.1".to_owned()),
            reference: None,
            ended_at: None,
            note: None,
        },
        occurred_at: None,
        source: "a pipeline".to_owned(),
        source_id: None,
        subject: None,
        of: None,
        causes: Vec::new(),
    };
    note_at(&mut ledger, &note, OPENING).unwrap();
    let error = Demo::open(&wanted(&path)).await.unwrap_err();
    assert!(matches!(error, DemoError::OtherLedger { .. }), "{error}");
    assert_eq!(events(&path), 1);
}

#[tokio::test]
async fn others_do_not_reach_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("serin.db");
    let listen = Some("0.0.0.0:0".parse().unwrap());
    let error = Demo::open(&Wanted { listen, ..wanted(&path) }).await.unwrap_err();
    assert!(matches!(error, DemoError::NotLocal { .. }), "{error}");
    assert!(!path.exists());
}

#[test]
fn every_service_has_a_check_file_that_can_be_read() {
    let (shared, own) = check_files().split_first().unwrap();
    let names: Vec<&str> = own.iter().filter_map(|file| file.name.strip_suffix(".yaml")).collect();
    assert_eq!(names, SERVICES.map(|service| service.name));
    for file in own {
        let mut layers = serin_check::Layers::of(file.name, file.text).unwrap();
        assert_eq!(layers.extends(), Some(shared.name));
        layers.add(shared.name, shared.text).unwrap();
        let written = layers.read().unwrap();
        assert_eq!(Some(written.analysis.service.as_str()), file.name.strip_suffix(".yaml"));
        assert!(written.source.is_some(), "{} names a store", file.name);
    }
}
