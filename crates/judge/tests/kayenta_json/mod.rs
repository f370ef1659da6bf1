//! Reads the cases of the reference's tests, which are written in its own JSON.

#![allow(dead_code, reason = "each test file reads its own part")]
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use serde_json::Value;
use serin_judge::kayenta::MetricOptions;
use serin_model::{
    EffectSizeMeasure, EffectSizeOptions, KayentaOptions, NanStrategy, Outliers, Worse,
};

/// Reads numbers, of which `"NaN"` is one.
pub(crate) fn numbers(values: &Value) -> Vec<f64> {
    values.as_array().unwrap().iter().map(|value| value.as_f64().unwrap_or(f64::NAN)).collect()
}

/// Reads a figure; `null`, `"NaN"` and an absent one do not exist.
pub(crate) fn number(value: &Value) -> Option<f64> {
    value.as_f64()
}

/// Reads `analysisConfigurations.canary`.
pub(crate) fn options(config: &Value) -> MetricOptions {
    let measure = match config["effectSize"]["measure"].as_str() {
        Some("cles") => EffectSizeMeasure::CommonLanguage,
        _ => EffectSizeMeasure::MeanRatio,
    };
    let none = EffectSizeOptions::without_margin(measure);
    let bound = |name: &str, default| config["effectSize"][name].as_f64().unwrap_or(default);
    MetricOptions {
        worse: match config["direction"].as_str() {
            Some("increase") => Worse::Higher,
            Some("decrease") => Worse::Lower,
            _ => Worse::Either,
        },
        critical: config["critical"] == true,
        kayenta: KayentaOptions {
            nan_strategy: match config["nanStrategy"].as_str() {
                Some("replace") => NanStrategy::Replace,
                _ => NanStrategy::Remove,
            },
            outliers: match config["outliers"]["strategy"].as_str() {
                Some("remove") => Outliers::Remove {
                    factor: config["outliers"]["outlierFactor"].as_f64().unwrap_or(3.0),
                },
                _ => Outliers::Keep,
            },
            must_have_data: config["mustHaveData"] == true,
            effect_size: EffectSizeOptions {
                measure,
                allowed_increase: bound("allowedIncrease", none.allowed_increase),
                allowed_decrease: bound("allowedDecrease", none.allowed_decrease),
                critical_increase: bound("criticalIncrease", none.critical_increase),
                critical_decrease: bound("criticalDecrease", none.critical_decrease),
            },
        },
    }
}
