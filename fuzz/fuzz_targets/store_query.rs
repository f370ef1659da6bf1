#![no_main]

use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use serin_model::{LabelSelector, Query, Step, Timestamp, Window};
use serin_sources::{Asked, Points, Quantity, SOURCES};

// A query on the first line, the value of the arm's label on the others.
fuzz_target!(|text: &str| {
    let (query, value) = text.split_once('\n').unwrap_or((text, "canary"));
    let Some(query) = Query::new(query) else { return };
    let arm = LabelSelector::from([("track".to_owned(), value.to_owned())]);
    let window = Window {
        start: Timestamp::from_seconds(1_600_000_200),
        end: Timestamp::from_seconds(1_600_003_800),
    };
    for source in SOURCES {
        for quantity in [Quantity::Counter, Quantity::Buckets, Quantity::Level] {
            let (step, timeout) = (Step::MINUTE, Duration::from_secs(30));
            let asked = Asked { query: &query, quantity, arm: &arm, window, step, timeout };
            match source.plan(&asked) {
                Err(error) => serin_fuzz::error_is_legible(&error.to_string()),
                Ok(plan) => {
                    assert!(!plan.requests.is_empty());
                    let looks_back = |it: &Points| matches!(it, Points::LastBefore(_));
                    let back = plan.requests.iter().filter(|it| looks_back(&it.points)).count();
                    assert!(back <= 1 && (quantity != Quantity::Level || back == 0));
                }
            }
        }
    }
});
