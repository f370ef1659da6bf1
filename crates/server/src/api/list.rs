//! How lists are asked for, and told in parts.

use std::collections::BTreeMap;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serin_ledger::Entry;
use serin_model::Timestamp;

use crate::api::wire::Page;
use crate::problem::{Kind, Problem};

/// How many things a part of a list has at most.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limit(pub(crate) usize);

/// Unless the client says otherwise.
const USUAL: usize = 50;
const MOST: usize = 500;

impl Default for Limit {
    fn default() -> Self {
        Self(USUAL)
    }
}

impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let limit = text.parse().ok().filter(|limit| (1..=MOST).contains(limit));
        limit.map(Self).ok_or_else(|| D::Error::custom("write a whole number from 1 to 500"))
    }
}

/// Labels of a scope, written as `environment=production,region=eu`. Nothing at all is a scope without labels.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Labels(pub(crate) BTreeMap<String, String>);

impl<'de> Deserialize<'de> for Labels {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let pairs = text.split(',').filter(|pair| !pair.is_empty());
        let labels = pairs.map(|pair| {
            let (name, value) = pair.split_once('=').filter(|(name, _)| !name.is_empty())?;
            Some((name.to_owned(), value.to_owned()))
        });
        let labels: Option<BTreeMap<_, _>> = labels.collect();
        let hint = "write labels as `environment=production,region=eu`";
        labels.map(Self).ok_or_else(|| D::Error::custom(hint))
    }
}

/// Where the next part of a list begins that is sorted by moment and position, newest first.
pub(crate) type Age = (Timestamp, u64);

/// Returns when an entry occurred, and where it stands.
pub(crate) fn age<F>(entry: &Entry<F>) -> Age {
    (entry.occurred_at, entry.position)
}

/// Reads what a part of a list said of the next one.
pub(crate) fn read_cursor(cursor: Option<&String>) -> Result<Option<Age>, Problem> {
    let Some(cursor) = cursor else { return Ok(None) };
    let age = cursor.split_once('.').and_then(|(millis, position)| {
        Some((Timestamp::from_millis(millis.parse().ok()?), position.parse().ok()?))
    });
    age.map(Some).ok_or_else(unknown_cursor)
}

pub(crate) fn unknown_cursor() -> Problem {
    Problem::new(Kind::Malformed, "`cursor` is none that this list gave")
        .hint("send the `next` of the part before, or no cursor to begin anew")
}

/// Takes the part of a list that follows a cursor.
///
/// * `newest_first`: the whole list.
pub(crate) fn page<'a, T: 'a, W: From<&'a T>>(
    newest_first: impl Iterator<Item = &'a T>,
    age: impl Fn(&T) -> Age,
    cursor: Option<Age>,
    limit: Limit,
) -> Page<W> {
    let mut rest = newest_first.skip_while(|item| cursor.is_some_and(|cursor| age(item) >= cursor));
    let taken: Vec<&T> = rest.by_ref().take(limit.0).collect();
    let last = taken.last().filter(|_| rest.next().is_some());
    let next = last.map(|last| {
        let (moment, position) = age(last);
        format!("{}.{position}", moment.as_millis())
    });
    Page { items: taken.into_iter().map(W::from).collect(), next }
}
