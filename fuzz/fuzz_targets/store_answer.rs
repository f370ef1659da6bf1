#![no_main]

use std::num::NonZeroUsize;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use serin_check::WrittenAnalysis;
use serin_model::{Credentials, FetchLimits, Store, Timestamp, Tls, Window};
use serin_sources::{Inquiry, SOURCES};

static CHECKS: LazyLock<WrittenAnalysis> = LazyLock::new(|| {
    serin_check::read("serin.yaml", include_str!("recording.yaml")).expect("a Check file")
});

/// The hour in which points are asked for; the corpus has them there.
const WINDOW: Window = Window {
    start: Timestamp::from_seconds(1_600_000_200),
    end: Timestamp::from_seconds(1_600_003_800),
};

// The first byte chooses the source; then bodies, a line each, one for each request, over again.
fuzz_target!(|bytes: &[u8]| {
    let Some((first, bodies)) = bytes.split_first() else { return };
    let source = SOURCES[usize::from(*first) % SOURCES.len()];
    let store = Store {
        kind: source.name().to_owned(),
        url: "http://store".to_owned(),
        credentials: Credentials::None,
        headers: [].into(),
        tls: Tls::default(),
        limits: FetchLimits { in_flight: NonZeroUsize::MIN, ..FetchLimits::default() },
    };
    let inquiry =
        Inquiry::new(&CHECKS.analysis, &store, WINDOW).expect("queries that can be asked");
    let bodies: Vec<&[u8]> = bodies.split(|byte| *byte == b'\n').collect();
    let answers = inquiry.requests().iter().enumerate().map(|(index, request)| {
        let body = bodies[index % bodies.len()];
        if let Some(words) = source.words(body) {
            serin_fuzz::error_is_legible(&words);
        }
        source.read(request, body).map_err(|error| {
            serin_fuzz::error_is_legible(&error.to_string());
            error.to_string()
        })
    });
    let answers = answers.collect();
    let gathered = inquiry.gather(answers);
    assert_eq!(gathered.series.len(), CHECKS.analysis.checks().len());
    for warning in &gathered.warnings {
        serin_fuzz::error_is_legible(&warning.text);
    }
    for series in &gathered.series {
        if let Some(why) = &series.failure {
            serin_fuzz::error_is_legible(why);
        }
        for replica in
            [&series.arms.control, &series.arms.canary].into_iter().flat_map(|arm| &arm.replicas)
        {
            serin_fuzz::is_in_order(&replica.observations);
        }
    }
});
