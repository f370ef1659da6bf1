#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    match serin_check::read("serin.yaml", text) {
        Ok(written) => serin_fuzz::survives_writing(&written),
        Err(error) => serin_fuzz::error_is_legible(&error.to_string()),
    }
});
