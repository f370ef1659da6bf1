//! Records written as a JSON object a line.

use std::borrow::Cow;
use std::fmt;

use csv::StringRecord;
use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, Visitor};

/// The fields of one line. Those of an object under `labels` are fields like any other.
///
/// Writers name the fields of every line alike, so that the names are kept from line to line.
#[derive(Default)]
pub(crate) struct JsonLine {
    names: Vec<String>,
    texts: StringRecord,
    renamed: bool,
}

impl JsonLine {
    /// Reads a line, and returns whether its fields have other names than those of the line before.
    pub(crate) fn read(&mut self, line: &[u8]) -> Result<bool, String> {
        self.texts.clear();
        self.renamed = self.names.is_empty();
        let mut deserializer = serde_json::Deserializer::from_slice(line);
        let read = Fields { into: self, in_labels: false }.deserialize(&mut deserializer);
        read.and_then(|()| deserializer.end()).map_err(|error| without_place(&error))?;
        if self.names.len() > self.texts.len() {
            self.names.truncate(self.texts.len());
            self.renamed = true;
        }
        Ok(self.renamed)
    }

    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }

    pub(crate) fn texts(&self) -> &StringRecord {
        &self.texts
    }

    fn push(&mut self, name: &str, text: &str) {
        let index = self.texts.len();
        if self.names.get(index).is_none_or(|known| known != name) {
            self.names.truncate(index);
            self.names.push(name.to_owned());
            self.renamed = true;
        }
        self.texts.push_field(text);
    }
}

/// The line is shown otherwise.
fn without_place(error: &serde_json::Error) -> String {
    let message = error.to_string();
    let problem = message.rsplit_once(" at line ").map_or(message.as_str(), |(problem, _)| problem);
    match problem.strip_prefix("invalid type: ").and_then(|types| types.split_once(", expected ")) {
        Some((found, wanted)) => format!("there is {} where {wanted} belongs", in_words(found)),
        None if error.is_data() => problem.to_owned(),
        None => format!("this is not JSON: {problem}"),
    }
}

/// The words of JSON for those of the parser.
fn in_words(found: &str) -> &str {
    match found {
        "sequence" => "a list",
        "map" => "an object",
        other => other,
    }
}

/// An object of fields.
struct Fields<'a> {
    into: &'a mut JsonLine,
    in_labels: bool,
}

impl<'de> DeserializeSeed<'de> for Fields<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Fields<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(Text(name)) = map.next_key()? {
            if name == "labels" && !self.in_labels {
                map.next_value_seed(Fields { into: self.into, in_labels: true })?;
            } else {
                map.next_value_seed(Field { into: self.into, name: &name })?;
            }
        }
        Ok(())
    }
}

/// A text, borrowed where nothing in it is escaped.
struct Text<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Borrowed;

        impl<'de> Visitor<'de> for Borrowed {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }

        deserializer.deserialize_str(Borrowed)
    }
}

/// The value of one field.
struct Field<'a> {
    into: &'a mut JsonLine,
    name: &'a str,
}

impl<'de> DeserializeSeed<'de> for Field<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Field<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a single value in `{}`", crate::rows::shortened(self.name))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        self.into.push(self.name, text);
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.visit_str("")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        self.visit_str(if value { "true" } else { "false" })
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        self.visit_str(&value.to_string())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.visit_str(&value.to_string())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        self.visit_str(&value.to_string())
    }
}
