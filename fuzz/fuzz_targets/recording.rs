#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use serin_check::WrittenAnalysis;
use serin_model::CounterForm;
use serin_sources::read_recording;

static CHECKS: LazyLock<WrittenAnalysis> = LazyLock::new(|| {
    serin_check::read("serin.yaml", include_str!("recording.yaml")).expect("a Check file")
});

fuzz_target!(|bytes: &[u8]| {
    let counters = match bytes.len() % 3 {
        0 => CounterForm::Increments,
        1 => CounterForm::Cumulative,
        _ => CounterForm::Unstated,
    };
    let recording = match read_recording("recording", bytes, &CHECKS.analysis, counters) {
        Ok(recording) => recording,
        Err(error) => return serin_fuzz::error_is_legible(&error.to_string()),
    };
    assert_eq!(recording.digest.bytes, bytes.len() as u64);
    assert_eq!(recording.series.len(), CHECKS.analysis.checks().len());
    let arms = recording.series.iter().map(|series| &series.arms);
    for replica in arms.flat_map(|arms| [&arms.control, &arms.canary]).flat_map(|arm| &arm.replicas)
    {
        serin_fuzz::is_in_order(&replica.observations);
    }
});
