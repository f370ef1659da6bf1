//! Values inside a JSON document, each with its path for error messages.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use serin_model::{FileError, Place, Timestamp};

use super::place::{Step, place_of};
use crate::explain::mistake;
use crate::scalar::Moment;

/// A value, and where in which file it stands.
#[derive(Clone, Debug)]
pub(crate) struct Json<'a> {
    file: &'a str,
    text: &'a str,
    /// The metric it belongs to, where that says more than the path.
    metric: Option<&'a str>,
    steps: Vec<Step<'a>>,
    pub(crate) value: &'a Value,
}

/// Parses a whole document.
pub(crate) fn parse(file: &str, text: &str) -> Result<Value, FileError> {
    serde_json::from_str(text).map_err(|error| {
        if text.trim().is_empty() {
            return mistake(file, text, None, "the file is empty", "write one JSON document");
        }
        let place = (error.line() > 0)
            .then(|| Place { line: error.line() as u64, column: error.column().max(1) as u64 });
        let message = error.to_string();
        let problem = message.split(" at line ").next().unwrap_or("not JSON").to_lowercase();
        let hint = "this must be one JSON document, as Kayenta stores it";
        mistake(file, text, place, &problem, hint)
    })
}

impl<'a> Json<'a> {
    /// Creates the whole of a document.
    ///
    /// * `text`: what it was parsed from, for the line of an error; empty if it is not at hand.
    pub(crate) fn document(file: &'a str, text: &'a str, value: &'a Value) -> Self {
        Self { file, text, metric: None, steps: Vec::new(), value }
    }

    /// Returns the same value as one that belongs to a metric.
    pub(crate) fn of_metric(mut self, metric: &'a str) -> Self {
        self.metric = Some(metric);
        self
    }

    fn child(&self, step: Step<'a>, value: &'a Value) -> Self {
        let mut child = Self { value, ..self.clone() };
        child.steps.push(step);
        child
    }

    /// Returns the value under `key`; `null` counts as absent.
    pub(crate) fn get(&self, key: &'a str) -> Result<Option<Self>, FileError> {
        let map = self.value.as_object().ok_or_else(|| self.wrong_type("an object"))?;
        let value = map.get(key).filter(|value| !value.is_null());
        Ok(value.map(|value| self.child(Step::Key(key), value)))
    }

    pub(crate) fn require(&self, key: &'a str) -> Result<Self, FileError> {
        self.get(key)?.ok_or_else(|| {
            self.error(
                &format!("has no `{key}`"),
                &format!("add `{key}`, as in Kayenta's own files"),
            )
        })
    }

    /// Creates an error about this value.
    ///
    /// * `problem`: goes on where the value's path ends.
    pub(crate) fn error(&self, problem: &str, hint: &str) -> FileError {
        let metric = self.metric.map(|metric| format!("metric `{metric}`: ")).unwrap_or_default();
        let problem = format!("{metric}{} {problem}", self.path());
        mistake(self.file, self.text, place_of(self.text, &self.steps), &problem, hint)
    }

    fn path(&self) -> String {
        let mut path = String::new();
        for step in &self.steps {
            match step {
                Step::Key(key) if path.is_empty() => path.push_str(key),
                Step::Key(key) => path.extend([".", key]),
                Step::Index(index) => path += &format!("[{index}]"),
            }
        }
        if path.is_empty() { "the document".to_owned() } else { path }
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
        let hint = match self.metric {
            Some(_) => format!(
                "write {wanted} here; Kayenta fails the whole judgement on this, without naming it"
            ),
            None => format!("write {wanted} here"),
        };
        self.error(&format!("is {found}, not {wanted}"), &hint)
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
        let item = |(index, value)| self.child(Step::Index(index), value);
        Ok(items.iter().enumerate().map(item).collect())
    }

    pub(crate) fn entries(&self) -> Result<BTreeMap<&'a str, Self>, FileError> {
        let map = self.value.as_object().ok_or_else(|| self.wrong_type("an object"))?;
        let entry = |(key, value): (&'a String, &'a Value)| {
            (key.as_str(), self.child(Step::Key(key), value))
        };
        Ok(map.iter().map(entry).collect())
    }

    pub(crate) fn moment(&self) -> Result<Timestamp, FileError> {
        Moment::parse(self.text()?).map(|moment| moment.0).map_err(|message| {
            let (problem, hint) = message.rsplit_once('\n').unwrap_or((&message, ""));
            self.error(&format!("is no moment: {problem}"), hint)
        })
    }

    /// Returns a number of minutes, whole and not negative.
    pub(crate) fn minutes(&self) -> Result<Duration, FileError> {
        let minutes = self.value.as_u64().filter(|&minutes| minutes <= MOST_MINUTES);
        let minutes = minutes.ok_or_else(|| self.wrong_type("a whole number of minutes"))?;
        Ok(Duration::from_secs(60 * minutes))
    }

    /// Returns a whole number from `least` up.
    pub(crate) fn whole(&self, least: i64, unit: &str) -> Result<i64, FileError> {
        let whole = self.value.as_i64().filter(|&whole| whole >= least);
        whole.ok_or_else(|| self.wrong_type(&format!("a whole number of {unit} from {least} up")))
    }
}

/// Ten years; more is a mistake.
const MOST_MINUTES: u64 = 10 * 366 * 24 * 60;

fn shortened(text: &str) -> String {
    text.chars().take(60).collect()
}
