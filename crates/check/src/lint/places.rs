//! Where the keys of a Check file stand.

use std::collections::BTreeMap;
use std::ops::Range;

use serin_model::{FileError, Finding, Place};

use crate::file::{CheckChange, CheckEntry, CheckFile};
use crate::layers::Texts;
use crate::scalar::Placed;

/// Where the values of a Check file's keys stand.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Places {
    /// With the bytes that they take, where the parser knows them.
    values: BTreeMap<Key, (Place, Option<Range<usize>>)>,
}

/// The check, or nothing for the file, and the key below it.
type Key = (Option<String>, String);

impl Places {
    /// Finds the keys of a Check file.
    ///
    /// # Errors
    ///
    /// [`FileError`] for a text that is none.
    pub fn of(name: &str, text: &str) -> Result<Self, FileError> {
        let file = Texts::default().parse(name, text)?;
        let mut places = Self::default();
        places.add_file(&file);
        for (name, change) in file.checks.iter().flat_map(|checks| &checks.value.0) {
            if let CheckChange::Entry(entry) = &change.value {
                places.add(Some(name), "", change);
                places.add_check(name, entry);
            }
        }
        Ok(places)
    }

    /// Says where a finding is: at its key, else at its check, else nowhere.
    pub fn mark(&self, finding: &mut Finding) {
        let key = finding.key.clone().unwrap_or_default();
        let place = self.place(finding.check.as_deref(), &key);
        finding.line = place.map(|place| place.line);
        finding.column = place.map(|place| place.column);
    }

    /// Returns where a key's value stands, or what is around it.
    fn place(&self, check: Option<&str>, key: &str) -> Option<Place> {
        let check = check.map(str::to_owned);
        let outer = key.split('.').next().unwrap_or_default();
        let keys = [key, outer, ""];
        let found = |key: &str| self.values.get(&(check.clone(), key.to_owned()));
        let of_file = |key: &str| self.values.get(&(None, key.to_owned()));
        let found = keys.into_iter().find_map(found).or_else(|| of_file(key));
        found.map(|(place, _)| *place)
    }

    /// Returns the bytes that a query takes, quotes and all, where the parser knows them.
    pub(super) fn bytes(&self, check: &str, key: &str) -> Option<Range<usize>> {
        self.values.get(&(Some(check.to_owned()), key.to_owned()))?.1.clone()
    }

    fn add<T>(&mut self, check: Option<&str>, key: &str, value: &Placed<T>) {
        if let Some(place) = value.place {
            let key = (check.map(str::to_owned), key.to_owned());
            self.values.insert(key, (place, value.bytes()));
        }
    }

    fn add_file(&mut self, file: &CheckFile) {
        file.checks.iter().for_each(|checks| self.add(None, "checks", checks));
        for (key, value) in [("step", &file.step), ("horizon", &file.horizon)] {
            value.iter().for_each(|value| self.add(None, key, value));
        }
        file.source.iter().for_each(|value| self.add(None, "source", value));
        file.arms.iter().for_each(|value| self.add(None, "arms", value));
        file.replica.iter().for_each(|value| self.add(None, "replica", value));
        file.minimum_points.iter().for_each(|value| self.add(None, "minimum_points", value));
    }

    fn add_check(&mut self, name: &str, written: &CheckEntry) {
        let check = Some(name);
        if let Some(ratio) = &written.ratio {
            self.add(check, "ratio.bad", &ratio.bad);
            self.add(check, "ratio.total", &ratio.total);
        }
        if let Some(count) = &written.count {
            self.add(check, "count.events", &count.events);
            count.exposure.iter().for_each(|query| self.add(check, "count.exposure", query));
        }
        let queries = [
            ("histogram", &written.histogram),
            ("gauge", &written.gauge),
            ("quantile", &written.quantile),
        ];
        for (key, query) in queries {
            query.iter().for_each(|query| self.add(check, key, query));
        }
        if let Some(compare) = &written.compare {
            self.add(check, "compare", compare);
            let compare = &compare.value;
            compare.tolerance.iter().for_each(|it| self.add(check, "compare.tolerance", it));
            compare.unacceptable.iter().for_each(|it| self.add(check, "compare.unacceptable", it));
            compare.floor.iter().for_each(|it| self.add(check, "compare.floor", it));
        }
        if let Some(limit) = &written.limit {
            self.add(check, "limit", limit);
            limit.value.above.iter().for_each(|it| self.add(check, "limit.above", it));
            limit.value.below.iter().for_each(|it| self.add(check, "limit.below", it));
        }
        written.minimum_points.iter().for_each(|it| self.add(check, "minimum_points", it));
    }
}
