//! The published shape of a Check file, for editors.

use crate::file::CheckFile;

/// Returns the JSON Schema of a Check file (draft 2020-12).
#[must_use]
pub fn json_schema() -> schemars::Schema {
    let mut schema = schemars::schema_for!(CheckFile);
    schema.insert("$id".to_owned(), "urn:serin:check:v1".into());
    schema.insert("title".to_owned(), "serin Check file".into());
    schema
}
