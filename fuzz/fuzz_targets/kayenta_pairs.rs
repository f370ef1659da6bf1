#![no_main]

use libfuzzer_sys::fuzz_target;
use serin_check::kayenta::read_pairs;
use serin_model::Observations;

fuzz_target!(|text: &str| {
    match read_pairs("pairs.json", text) {
        Ok(pairs) => {
            assert!(!pairs.series.is_empty());
            for series in &pairs.series {
                for arm in [&series.arms.control, &series.arms.canary] {
                    for replica in &arm.replicas {
                        assert!(matches!(replica.observations, Observations::Value(_)));
                    }
                }
            }
        }
        Err(error) => serin_fuzz::error_is_legible(&error.to_string()),
    }
});
