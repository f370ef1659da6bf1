#![no_main]

use libfuzzer_sys::fuzz_target;
use serin_check::kayenta::{analysis, read_config, read_request};

const CONFIG: &str = r#"{"name": "c", "applications": ["shop"], "metrics": [{"name": "errors"}]}"#;

fuzz_target!(|text: &str| {
    let config = read_config("config.json", CONFIG).expect("a config");
    match read_request("request.json", text).and_then(|request| analysis(&config, Some(&request))) {
        Ok(written) => serin_fuzz::converts(&written),
        Err(error) => serin_fuzz::error_is_legible(&error.to_string()),
    }
});
