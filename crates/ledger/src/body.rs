//! What an event says, as JSON in its one canonical form.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::digest::Digest;
use crate::limits::{Invalid, MOST_BODY_BYTES, MOST_BODY_DEPTH};

/// The body of an event: a JSON object in its canonical form.
///
/// Canonical is without spaces, with keys sorted by their bytes, so that two who say the same say it in the
/// same bytes. The ledger keeps these bytes, and hands them out as they are: keys that this version of serin
/// does not know survive.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Body {
    text: Box<str>,
    /// The digest of the text: chain, rows and comparisons all want it.
    digest: Digest,
}

impl Body {
    /// Reads a JSON text. Of a key that stands twice, the last counts.
    ///
    /// # Errors
    ///
    /// Where it is not JSON, not an object, or beyond [the limits](crate::limits).
    pub fn read(text: &str) -> Result<Self, Invalid> {
        if text.len() > MOST_BODY_BYTES * 2 {
            return Err(too_large(text.len()));
        }
        let value: Value = serde_json::from_str(text).map_err(|error| {
            Invalid::new("body", format!("it is no JSON: {error}"), "write a JSON object")
        })?;
        Self::of(&value)
    }

    /// Writes a value in its canonical form.
    ///
    /// # Errors
    ///
    /// Where it is not an object, or beyond [the limits](crate::limits).
    pub fn of(value: &Value) -> Result<Self, Invalid> {
        if !value.is_object() {
            return Err(Invalid::new("body", "it is no JSON object", "write `{…}`"));
        }
        let mut text = String::new();
        write_canonical(&mut text, value, 1)?;
        if text.len() > MOST_BODY_BYTES {
            return Err(too_large(text.len()));
        }
        Ok(Self::trusted(text))
    }

    /// Takes a text to the letter, as it came out of a ledger: a newer serin may write numbers otherwise.
    fn verbatim(text: &str) -> Result<Self, String> {
        let read = Self::read(text);
        read.map_err(|invalid| format!("{}: {}", invalid.place, invalid.problem))?;
        Ok(Self::trusted(text.to_owned()))
    }

    /// Takes a text without a look: what vouches for it is its digest.
    pub(crate) fn trusted(text: String) -> Self {
        Self { digest: Digest::of(text.as_bytes()), text: text.into() }
    }

    /// Returns the JSON text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the SHA-256 of the text.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }
}

fn too_large(bytes: usize) -> Invalid {
    Invalid::new(
        "body",
        format!("it has {bytes} bytes, at most {MOST_BODY_BYTES} are taken"),
        "put what is large into a piece of evidence",
    )
}

fn write_canonical(text: &mut String, value: &Value, depth: usize) -> Result<(), Invalid> {
    let is_nested = value.is_object() || value.is_array();
    if is_nested && depth > MOST_BODY_DEPTH {
        let problem = format!("it has more than {MOST_BODY_DEPTH} levels");
        return Err(Invalid::new("body", problem, "write it flatter"));
    }
    match value {
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by_key(|(key, _)| key.as_bytes());
            text.push('{');
            for (index, (key, member)) in members.into_iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                text.push_str(&Value::from(key.as_str()).to_string());
                text.push(':');
                write_canonical(text, member, depth + 1)?;
            }
            text.push('}');
        }
        Value::Array(items) => {
            text.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                write_canonical(text, item, depth + 1)?;
            }
            text.push(']');
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            text.push_str(&value.to_string());
        }
    }
    Ok(())
}

impl Serialize for Body {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let raw: &RawValue =
            serde_json::from_str(&self.text).map_err(<S::Error as serde::ser::Error>::custom)?;
        raw.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Body {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        Self::verbatim(raw.get()).map_err(<D::Error as serde::de::Error>::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> String {
        match Body::read(text) {
            Ok(body) => body.as_str().to_owned(),
            Err(invalid) => invalid.to_string(),
        }
    }

    #[test]
    fn a_body_has_one_form() {
        let canonical = r#"{"a":[1,2.5,"\n"],"b":{"x":null,"y":true}}"#;
        assert_eq!(read(r#" {"b": {"y":true, "x":null}, "a":[1, 2.5,"\u000a"]} "#), canonical);
        assert_eq!(read(canonical), canonical);
    }

    #[test]
    fn what_is_no_body_is_refused() {
        let deep = format!("{}{}", "{\"a\":".repeat(32), "{}".to_owned() + &"}".repeat(32));
        let large = format!("{{\"a\":\"{}\"}}", "x".repeat(MOST_BODY_BYTES));
        let said = [read("[]"), read("{"), read(&deep), read(&large)].join("\n---\n");
        insta::assert_snapshot!(said, @r"
        body: it is no JSON object

        hint: write `{…}`
        ---
        body: it is no JSON: EOF while parsing an object at line 1 column 1

        hint: write a JSON object
        ---
        body: it has more than 32 levels

        hint: write it flatter
        ---
        body: it has 262152 bytes, at most 262144 are taken

        hint: put what is large into a piece of evidence
        ");
    }
}
