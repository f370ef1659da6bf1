//! Checks of a folder as a library applies them: at once, in a race, and for a live analysis.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::path::Path;

use serin_ledger::{AppliedChecks, Ledger, Refusal, Scope};
use serin_model::Timestamp;
use serin_runner::checks::{
    ApplyAsked, ChecksError, ChecksPlan, ChecksSource, WrittenChecks, applied_check, apply_checks,
};
use tempfile::TempDir;

fn check(service: &str, more: &str) -> String {
    format!(
        "service: {service}
{more}
arms: {{control: {{track: stable}}, canary: {{track: canary}}}}
checks:
  memory:
    gauge: process_resident_memory_bytes{{$arm}}
    worse: higher
    compare: {{tolerance: 25%}}
"
    )
}

type Label = (&'static str, &'static str);

/// A folder of Checks and a ledger.
struct Place(TempDir);

impl Place {
    fn with(files: &[(&str, String)]) -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        std::fs::create_dir(place.folder()).unwrap();
        for (name, text) in files {
            std::fs::write(place.folder().join(name), text).unwrap();
        }
        place
    }

    fn folder(&self) -> std::path::PathBuf {
        self.0.path().join("checks")
    }

    fn ledger(&self) -> Ledger {
        Ledger::open_file(&self.0.path().join("serin.db"), true).unwrap()
    }

    fn read(&self) -> Result<WrittenChecks, ChecksError> {
        WrittenChecks::read(
            &ChecksSource::Folder { path: self.folder(), name: None },
            Path::new("/nowhere"),
        )
    }
}

fn asked() -> ApplyAsked {
    ApplyAsked {
        by: "ann".to_owned(),
        prune: true,
        prune_limit: ApplyAsked::USUAL_PRUNE_LIMIT,
        allow_empty: false,
        take_over: false,
    }
}

#[test]
fn of_two_that_apply_at_once_one_is_refused_and_looks_anew() {
    let place = Place::with(&[("a.yaml", check("a", "")), ("b.yaml", check("b", ""))]);
    let ledger = &mut place.ledger();
    let now = Timestamp::from_seconds(1_600_000_000);
    let parcel = |ledger: &mut Ledger, by: &str| {
        let applied = ledger.project::<AppliedChecks>(None).unwrap().state;
        let asked = ApplyAsked { by: by.to_owned(), ..asked() };
        ChecksPlan::of(place.read().unwrap(), &applied).parcel(&asked, now).unwrap()
    };
    let (ann, bob) = (parcel(ledger, "ann").unwrap(), parcel(ledger, "bob").unwrap());
    let answers = ledger.append(&[ann.clone(), bob]).unwrap();
    assert!(answers[0].is_ok());
    assert!(matches!(answers[1], Err(Refusal::Conflict { .. })), "{answers:?}");
    // Handed in again it is known, and planned again there is nothing to do.
    assert!(ledger.append(&[ann]).unwrap()[0].as_ref().unwrap().iter().all(|it| it.was_known));
    assert_eq!(parcel(ledger, "bob"), None);
    assert_eq!(ledger.head().unwrap().position, 2);
}

#[test]
fn many_that_apply_the_same_folder_apply_it_once() {
    let files: Vec<_> =
        (0..20).map(|index| (format!("{index}.yaml"), check(&format!("s{index}"), ""))).collect();
    let files: Vec<_> = files.iter().map(|(name, text)| (name.as_str(), text.clone())).collect();
    let place = Place::with(&files);
    drop(place.ledger());
    let did = std::thread::scope(|scope| {
        let apply = || {
            let written = place.read().unwrap();
            apply_checks(&mut place.ledger(), &written, &asked()).unwrap().1
        };
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(apply)).collect();
        threads.into_iter().map(|it| it.join().unwrap()).collect::<Vec<_>>()
    });
    assert_eq!(did.iter().filter(|did| **did).count(), 1, "{did:?}");
    let ledger = &mut place.ledger();
    assert_eq!(ledger.head().unwrap().position, 20);
    assert!(ledger.verify(None).unwrap().is_well());
}

#[test]
fn an_analysis_begins_by_the_check_that_fits_its_scope_best() {
    let place = Place::with(&[
        ("base.yaml", check("checkout", "warm_up: 1m")),
        ("any.yaml", "extends: base.yaml\nscope: {app: $service, tier: any}\n".to_owned()),
        ("eu.yaml", "extends: base.yaml\nscope: {region: eu}\nhorizon: 30m\n".to_owned()),
    ]);
    let ledger = &mut place.ledger();
    apply_checks(ledger, &place.read().unwrap(), &asked()).unwrap();
    let mut found = |labels: &[Label]| {
        let scope = Scope::of_service("checkout");
        let scope = labels.iter().fold(scope, |scope, (name, value)| scope.with(*name, *value));
        applied_check(ledger, &scope).map(|found| {
            let names = found.texts.iter().map(|text| text.name.as_str()).collect::<Vec<_>>();
            (found.scope.to_string(), names.join(" "))
        })
    };
    let rows: [(&[Label], &str, &str); 4] = [
        (&[("region", "eu")], "checkout{region=eu}", "eu.yaml base.yaml"),
        (&[("region", "us")], "checkout", "base.yaml"),
        (&[("tier", "any"), ("region", "us")], "checkout{tier=any}", "any.yaml base.yaml"),
        (&[], "checkout", "base.yaml"),
    ];
    for (labels, scope, names) in rows {
        assert_eq!(found(labels).unwrap(), (scope.to_owned(), names.to_owned()), "{labels:?}");
    }
    // The texts stand alone: the folder may be gone.
    let found = applied_check(ledger, &Scope::of_service("checkout").with("region", "eu")).unwrap();
    std::fs::remove_dir_all(place.folder()).unwrap();
    let mut layers = serin_check::Layers::of(&found.texts[0].name, &found.texts[0].text).unwrap();
    layers.add(&found.texts[1].name, &found.texts[1].text).unwrap();
    let analysis = layers.read().unwrap().analysis;
    assert_eq!(analysis.service, "checkout");
    assert_eq!(analysis.warm_up.map(|it| it.as_secs()), Some(60));
    let missing = applied_check(ledger, &Scope::of_service("cart")).unwrap_err();
    assert!(missing.to_string().starts_with("no Check of `cart` is applied"), "{missing}");
}

#[test]
fn what_is_no_folder_is_no_folder_of_checks() {
    let place = Place::with(&[("a.yaml", check("a", ""))]);
    let file = place.folder().join("a.yaml");
    for folder in [Path::new(""), Path::new("-"), &file, &place.folder().join("nowhere")] {
        let source = ChecksSource::Folder { path: folder.to_owned(), name: None };
        let refused = WrittenChecks::read(&source, Path::new("/nowhere"));
        assert!(matches!(refused, Err(ChecksError::Unreadable { .. })), "{refused:?}");
    }
}

#[test]
fn what_is_beyond_the_limits_is_refused_with_its_file() {
    let long = "x".repeat(300);
    let many: Vec<_> = (0..1001).map(|index| format!("{index}.yaml")).collect();
    let many: Vec<_> = many.iter().map(|name| (name.as_str(), String::new())).collect();
    let rows = [
        ("many", Place::with(&many), "has more than 1000 Check files"),
        (
            "large",
            Place::with(&[("a.yaml", format!("# {}\n", "x".repeat(1 << 20)))]),
            "`FOLDER/a.yaml` is larger than 1048576 bytes",
        ),
        (
            "service",
            Place::with(&[("a.yaml", check(&long, ""))]),
            "`a.yaml`: scope.service: it has 300 characters, at most 128 are taken",
        ),
        (
            "label",
            Place::with(&[("a.yaml", check("a", &format!("scope: {{region: {long}}}")))]),
            "`a.yaml`: scope.labels.region: it has 300 characters, at most 256 are taken",
        ),
    ];
    for (name, place, expected) in rows {
        let refused = place.read().and_then(|written| {
            let plan = ChecksPlan::of(written, &AppliedChecks::default());
            plan.parcel(&asked(), Timestamp::from_seconds(0)).map(drop)
        });
        let folder = place.folder().display().to_string();
        let error = refused.unwrap_err().to_string().replace(&folder, "FOLDER");
        assert!(error.contains(expected), "{name}: {error}");
    }
}
