//! Values inside a JSON document, each with its path for error messages.

use std::collections::BTreeMap;

use serde_json::Value;
use serin_model::{FileError, Place, Timestamp};

use crate::scalar::Moment;

/// A value, and where in which file it stands.
#[derive(Clone, Debug)]
pub(crate) struct Json<'a> {
    pub(crate) file: &'a str,
    pub(crate) path: String,
    pub(crate) value: &'a Value,
}

/// Parses a whole document.
pub(crate) fn parse(file: &str, text: &str) -> Result<Value, FileError> {
    serde_json::from_str(text).map_err(|error| {
        let place = (error.line() > 0)
            .then(|| Place { line: error.line() as u64, column: error.column().max(1) as u64 });
        let message = error.to_string();
        let problem = message.split(" at line ").next().unwrap_or("not JSON").to_lowercase();
        let error = FileError::new(file, text, place, &problem);
        if text.trim().is_empty() {
            return error.with_hint("the file is empty");
        }
        error.with_hint("this must be one JSON document, as Kayenta stores it")
    })
}

impl<'a> Json<'a> {
    pub(crate) fn document(file: &'a str, value: &'a Value) -> Self {
        Self { file, path: String::new(), value }
    }

    /// Returns the value under `key`; `null` counts as absent.
    pub(crate) fn get(&self, key: &str) -> Option<Self> {
        let value = self.value.get(key).filter(|value| !value.is_null())?;
        let path =
            if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) };
        Some(Self { file: self.file, path, value })
    }

    pub(crate) fn require(&self, key: &str) -> Result<Self, FileError> {
        self.get(key).ok_or_else(|| {
            let at = if self.path.is_empty() { "the document" } else { self.path.as_str() };
            FileError::new(self.file, "", None, &format!("{at} has no `{key}`"))
                .with_hint(&format!("add `{key}`, as in Kayenta's own files"))
        })
    }

    pub(crate) fn error(&self, problem: &str) -> FileError {
        let at = if self.path.is_empty() { "the document" } else { self.path.as_str() };
        FileError::new(self.file, "", None, &format!("{at} {problem}"))
    }

    fn wrong_type(&self, wanted: &str) -> FileError {
        let found = match self.value {
            Value::Null => "null".to_owned(),
            Value::Bool(boolean) => format!("the boolean {boolean}"),
            Value::Number(number) => format!("the number {number}"),
            Value::String(text) => format!("the string \"{}\"", shortened(text)),
            Value::Array(_) => "a list".to_owned(),
            Value::Object(_) => "an object".to_owned(),
        };
        self.error(&format!("is {found}, not {wanted}")).with_hint(&format!(
            "write {wanted} here; Kayenta fails the whole judgement on this, without naming it"
        ))
    }

    pub(crate) fn text(&self) -> Result<&'a str, FileError> {
        self.value.as_str().ok_or_else(|| self.wrong_type("a string"))
    }

    pub(crate) fn number(&self) -> Result<f64, FileError> {
        self.value.as_f64().ok_or_else(|| self.wrong_type("a number"))
    }

    pub(crate) fn boolean(&self) -> Result<bool, FileError> {
        self.value.as_bool().ok_or_else(|| self.wrong_type("true or false"))
    }

    pub(crate) fn items(&self) -> Result<Vec<Self>, FileError> {
        let items = self.value.as_array().ok_or_else(|| self.wrong_type("a list"))?;
        let at = |index| format!("{}[{index}]", self.path);
        let item = |(index, value)| Self { file: self.file, path: at(index), value };
        Ok(items.iter().enumerate().map(item).collect())
    }

    pub(crate) fn entries(&self) -> Result<BTreeMap<&'a str, Self>, FileError> {
        let map = self.value.as_object().ok_or_else(|| self.wrong_type("an object"))?;
        let at = |key: &str| {
            if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
        };
        let entry = |(key, value): (&'a String, &'a Value)| {
            (key.as_str(), Self { file: self.file, path: at(key), value })
        };
        Ok(map.iter().map(entry).collect())
    }

    pub(crate) fn moment(&self) -> Result<Timestamp, FileError> {
        match Moment::parse(self.text()?) {
            Ok(moment) => Ok(moment.0),
            Err(message) => {
                let (problem, hint) = message.split_once('\n').unwrap_or((&message, ""));
                Err(self.error(&format!("is no moment: {problem}")).with_hint(hint))
            }
        }
    }

    /// Returns a number of minutes, whole and not negative.
    pub(crate) fn minutes(&self) -> Result<std::time::Duration, FileError> {
        let minutes = self.value.as_u64().filter(|&minutes| minutes <= MOST_MINUTES);
        let minutes = minutes.ok_or_else(|| self.wrong_type("a whole number of minutes"))?;
        Ok(std::time::Duration::from_secs(60 * minutes))
    }
}

/// Ten years; more is a mistake.
const MOST_MINUTES: u64 = 10 * 366 * 24 * 60;

fn shortened(text: &str) -> String {
    text.chars().take(60).collect()
}
