//! The packs against serin's own lint, and against each other.

use std::collections::BTreeSet;

use serin_check::{PACKS, Pack, PackCheck, lint_margins, read};
use serin_sources::lint_queries;

#[test]
fn lint_finds_nothing_in_a_pack() {
    let mut found = Vec::new();
    for pack in PACKS {
        // A recording refuses all that is not a selector.
        let text = format!(
            "service: shop\nreplica: pod\nsource: {{file: {{path: a.csv, counters: cumulative}}}}\n\
             use: [{}]\n",
            pack.name
        );
        let written = read("serin.yaml", &text).unwrap();
        let queries = lint_queries(&written.analysis, written.source.as_ref(), None);
        let said = lint_margins(&written.analysis).into_iter().chain(queries);
        // What is said of the file as a whole hangs on the packs beside this one.
        let of_checks = said.filter_map(|it| Some((it.check?, it.code)));
        found.extend(of_checks.map(|(check, code)| format!("{}, {check}: {code}", pack.name)));
    }
    let nothing: [String; 0] = [];
    assert_eq!(found, nothing);
}

#[test]
fn packs_that_go_together_do_not_measure_the_same_twice() {
    let all: Vec<(&Pack, Vec<PackCheck>)> =
        PACKS.iter().map(|pack| (pack, pack.checks().unwrap())).collect();
    let names = |checks: &[PackCheck]| -> BTreeSet<String> {
        checks.iter().map(|it| it.check.name.clone()).collect()
    };
    for (at, (pack, checks)) in all.iter().enumerate() {
        for (other, others) in &all[at + 1..] {
            if !names(checks).is_disjoint(&names(others)) {
                continue;
            }
            for it in checks {
                let twice = others.iter().find(|other| other.check.measure == it.check.measure);
                assert!(twice.is_none(), "{} and {}: {}", pack.name, other.name, it.check.name);
            }
        }
    }
}
