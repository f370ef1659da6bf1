//! Numbers in JSON, which has no word for those that are not finite.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Writes a number, or `null` where it is not finite.
pub(crate) fn serialize<S: Serializer>(number: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    number.is_finite().then_some(*number).serialize(serializer)
}

/// Reads a number, and `null` as NaN.
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or(f64::NAN))
}
