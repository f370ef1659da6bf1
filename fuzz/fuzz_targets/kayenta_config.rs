#![no_main]

use libfuzzer_sys::fuzz_target;
use serin_check::kayenta::{analysis, read_config};

fuzz_target!(|text: &str| {
    match read_config("config.json", text).and_then(|config| analysis(&config, None)) {
        Ok(written) => serin_fuzz::converts(&written),
        Err(error) => serin_fuzz::error_is_legible(&error.to_string()),
    }
});
