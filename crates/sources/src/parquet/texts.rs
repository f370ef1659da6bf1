//! Texts of a column as numbers.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Float64Type, Int32Type};
use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType;

use super::batch::integers;

/// The texts of one column, each by a number of its own that holds for the whole file. Zero is no
/// text at all.
pub(crate) struct Texts {
    all: Vec<Rc<str>>,
    numbers: BTreeMap<Rc<str>, u32>,
    /// The dictionary of the batch before, and the number of each of its entries once it was met.
    dictionary: Option<ArrayRef>,
    of_entries: Vec<u32>,
}

/// A number that was not looked up yet.
const UNKNOWN: u32 = u32::MAX;

impl Texts {
    pub(crate) fn new() -> Self {
        let nothing: Rc<str> = Rc::from("");
        Self {
            all: vec![Rc::clone(&nothing)],
            numbers: BTreeMap::from([(nothing, 0)]),
            dictionary: None,
            of_entries: Vec::new(),
        }
    }

    /// Returns the text of a number that this gave out.
    pub(crate) fn text(&self, number: u32) -> &Rc<str> {
        &self.all[number as usize]
    }

    /// Writes the number of each row's text. A row without one, and a text that is not UTF-8, has
    /// none.
    pub(crate) fn read(&mut self, column: &ArrayRef, numbers: &mut Vec<u32>) {
        numbers.clear();
        match column.data_type() {
            DataType::Dictionary(..) => self.read_dictionary(column, numbers),
            DataType::Utf8 => {
                let texts = column.as_string::<i32>();
                self.read_each(texts.iter(), numbers);
            }
            DataType::Binary => {
                let texts = column.as_binary::<i32>().iter();
                self.read_each(texts.map(|text| std::str::from_utf8(text?).ok()), numbers);
            }
            DataType::Boolean => {
                let name = |value: bool| if value { "true" } else { "false" };
                self.read_each(column.as_boolean().iter().map(|it| it.map(name)), numbers);
            }
            DataType::Float64 => {
                let values = column.as_primitive::<Float64Type>().iter();
                self.read_changing(values.map(|value| value.map(f64::to_bits)), numbers, |bits| {
                    float_text(f64::from_bits(bits))
                });
            }
            DataType::Float32 => {
                let values = column.as_primitive::<Float32Type>().iter();
                self.read_changing(values.map(|value| value.map(f32::to_bits)), numbers, |bits| {
                    let value = f32::from_bits(bits);
                    if value.is_finite() { value.to_string() } else { float_text(value.into()) }
                });
            }
            _ => match integers(column) {
                Some(values) => {
                    self.read_changing(values.into_iter(), numbers, |value| value.to_string());
                }
                None => numbers.resize(column.len(), 0),
            },
        }
    }

    /// The entries of a dictionary are looked up once, when a row first has them.
    fn read_dictionary(&mut self, column: &ArrayRef, numbers: &mut Vec<u32>) {
        let column = column.as_dictionary::<Int32Type>();
        let entries = column.values();
        let is_known = self.dictionary.as_ref().is_some_and(|known| {
            Arc::ptr_eq(known, entries) || known.to_data().ptr_eq(&entries.to_data())
        });
        if !is_known {
            self.of_entries.clear();
            self.of_entries.resize(entries.len(), UNKNOWN);
            self.dictionary = Some(Arc::clone(entries));
        }
        let texts = entries.as_string::<i32>();
        for key in column.keys() {
            let Some(key) = key.and_then(|key| usize::try_from(key).ok()) else {
                numbers.push(0);
                continue;
            };
            let mut number = self.of_entries.get(key).copied().unwrap_or(0);
            if number == UNKNOWN {
                let text = if texts.is_null(key) { "" } else { texts.value(key) };
                number = self.number(text);
                self.of_entries[key] = number;
            }
            numbers.push(number);
        }
    }

    fn read_each<'a>(
        &mut self,
        texts: impl Iterator<Item = Option<&'a str>>,
        numbers: &mut Vec<u32>,
    ) {
        let mut last = 0;
        for text in texts {
            let text = text.unwrap_or_default().trim();
            if *self.all[last as usize] != *text {
                last = self.number(text);
            }
            numbers.push(last);
        }
    }

    fn read_changing<T: Copy + PartialEq>(
        &mut self,
        values: impl Iterator<Item = Option<T>>,
        numbers: &mut Vec<u32>,
        text: impl Fn(T) -> String,
    ) {
        let mut last = (None, 0);
        for value in values {
            if value != last.0 {
                last = (value, value.map_or(0, |value| self.number(&text(value))));
            }
            numbers.push(last.1);
        }
    }

    fn number(&mut self, text: &str) -> u32 {
        let text = text.trim();
        if let Some(&known) = self.numbers.get(text) {
            return known;
        }
        let number = u32::try_from(self.all.len()).unwrap_or(UNKNOWN).min(UNKNOWN - 1);
        let text: Rc<str> = Rc::from(text);
        self.all.push(Rc::clone(&text));
        self.numbers.insert(text, number);
        number
    }
}

/// Writes a number as the upper edges of Prometheus's histograms are written.
fn float_text(value: f64) -> String {
    if value == f64::INFINITY { "+Inf".to_owned() } else { value.to_string() }
}
