//! Figure for figure with the original judge, on 385 pairs of samples.
//!
//! `data/parity.jsonl` holds what NetflixACAJudge-v1.0 answered to each. Where it drew random noise
//! (`noiseAdded`) only the classification can be compared, and with one point a side not even that.

#![expect(clippy::panic, reason = "a figure on one side alone is a failed test")]

mod kayenta_json;

use kayenta_json::{number, numbers, options};
use serde_json::Value;
use serin_judge::kayenta::{ClassifiedPair, Strictness, classify};

#[test]
fn every_figure_of_the_original() {
    let mut compared = 0;
    for line in include_str!("data/parity.jsonl").lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let (control, canary) = (numbers(&case["control"]), numbers(&case["experiment"]));
        let options = options(&case["kayenta"]);
        let ours = classify(&control, &canary, &options, Strictness::NETFLIX);
        let one_against_one = control.len() == 1 && canary.len() == 1;
        compared += compare(&case, &ours, one_against_one);
    }
    assert!(compared > 1_500, "only {compared} figures were compared");
}

/// Returns how many figures it compared.
fn compare(case: &Value, ours: &ClassifiedPair, one_against_one: bool) -> usize {
    let (id, expected) = (&case["id"], &case["expected"]);
    let noise = expected["noiseAdded"] == true;
    if noise && one_against_one {
        return 0;
    }
    assert_eq!(ours.classification.as_str(), expected["classification"], "{id}");
    assert_eq!(ours.critical, expected["critical"] == true, "{id}");
    if noise {
        return 2;
    }
    let figures = [
        ("deviation", ours.deviation),
        ("effectSize", ours.effect_size),
        ("lower", ours.shift.map(|shift| shift.lower)),
        ("upper", ours.shift.map(|shift| shift.upper)),
        ("estimate", ours.shift.map(|shift| shift.estimate)),
    ];
    for (name, figure) in figures {
        match (figure, number(&expected[name])) {
            (None, None) => {}
            (Some(ours), Some(original)) => {
                let error = (ours - original).abs() / original.abs().max(1.0);
                assert!(error <= 1e-9, "{id} {name}: {ours}, the original says {original}");
            }
            (ours, original) => panic!("{id} {name}: {ours:?}, the original says {original:?}"),
        }
    }
    7
}
