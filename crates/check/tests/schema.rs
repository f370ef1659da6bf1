//! The published JSON Schema of a Check file.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap is a failed test")]

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

#[test]
fn the_published_schema_is_that_of_the_reader() {
    let path = root().join("docs/schema/check-v1.json");
    let published = fs::read_to_string(&path).unwrap_or_default();
    let schema = serde_json::to_string_pretty(&serin_check::json_schema()).unwrap() + "\n";
    assert!(published == schema, "{} is not up to date: run `cargo xtask codegen`", path.display());
}

#[test]
fn every_example_is_valid() {
    let examples = check_files(&root().join("examples"));
    assert!(!examples.is_empty());
    for path in examples {
        let text = fs::read_to_string(&path).unwrap();
        serin_check::read(&path.display().to_string(), &text)
            .unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(problems(&text), Vec::<String>::new(), "{}", path.display());
    }
}

#[test]
fn what_the_writer_writes_is_valid() {
    let config = include_str!("kayenta/config.json");
    let request = include_str!("kayenta/stand_alone.json");
    let config = serin_check::kayenta::read_config("config.json", config).unwrap();
    let request = serin_check::kayenta::read_request("request.json", request).unwrap();
    let written = serin_check::kayenta::analysis(&config, Some(&request)).unwrap();
    assert_eq!(problems(&serin_check::write(&written, &[]).unwrap()), Vec::<String>::new());
}

#[test]
fn an_editor_sees_what_the_reader_refuses() {
    let check = |entry: &str| problems(&format!("service: a\nchecks:\n  m: {{{entry}}}\n"));
    assert_eq!(check("gauge: g, compare: {tolerance: 5%}"), Vec::<String>::new());
    for entry in [
        "gauge: g, quantile: q",
        "gauge: g, tolerance: 5%",
        "gauge: g, worse: up",
        "gauge: g, compare: {tolerance: 5pp}",
        "gauge: g, compare: {tolerance: 5}",
        "gauge: g, limit: {for: 3}",
        "gauge: g, limit: {above: 3, for: many}",
        "gauge: g, gating: 1",
        "ratio: {bad: b}",
    ] {
        assert_ne!(check(entry), Vec::<String>::new(), "{entry}");
    }
    assert_ne!(problems("service: a\nchecks: {}\n"), Vec::<String>::new());
    assert_ne!(problems("service: a\nsource: {}\nchecks: {m: {gauge: g}}\n"), Vec::<String>::new());
    let source = |entry: &str| {
        problems(&format!("service: a\nsource: {{{entry}}}\nchecks: {{m: {{gauge: g}}}}\n"))
    };
    assert_eq!(
        source("prometheus: {url: 'http://a', token: {env: T}, headers: {A: b, C: {file: d}}}"),
        Vec::<String>::new()
    );
    for entry in [
        "prometheus: {}",
        "prometheus: {url: 'http://a', tokn: {env: T}}",
        "prometheus: {url: 'http://a', token: secret}",
        "prometheus: {url: 'http://a', token: {env: T, file: f}}",
        "prometheus: {url: 'http://a'}, file: {path: a.csv}",
        "statsd: {url: 'http://a'}",
    ] {
        assert_ne!(source(entry), Vec::<String>::new(), "{entry}");
    }
    assert_ne!(problems("service: a\nchecks: {m: on}\n"), Vec::<String>::new());
    assert_ne!(problems("service: a\nuse: golden/http\n"), Vec::<String>::new());
}

#[test]
fn what_is_inherited_need_not_be_written() {
    for text in [
        "service: a\nextends: ../team.yaml\n",
        "use: [golden/http]\nscope: {service: $service}\n",
        "service: a\nuse: [golden/http]\nchecks: {errors: {compare: {tolerance: 50%}}, latency: off}\n",
    ] {
        assert_eq!(problems(text), Vec::<String>::new(), "{text}");
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Returns the Check files below a folder: YAML that names a service.
fn check_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(check_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "yaml")
            && fs::read_to_string(&path).unwrap().contains("\nservice:")
        {
            found.push(path);
        }
    }
    found
}

/// Returns what the schema has against a Check file.
fn problems(text: &str) -> Vec<String> {
    let file: Value = serde_saphyr::from_str(text).unwrap();
    let schema = serin_check::json_schema();
    let mut problems = Vec::new();
    Validator { whole: schema.as_value() }.check(schema.as_value(), &file, "file", &mut problems);
    problems
}

/// As much of JSON Schema as the schema of a Check file uses.
struct Validator<'a> {
    whole: &'a Value,
}

impl Validator<'_> {
    fn check(&self, schema: &Value, value: &Value, at: &str, problems: &mut Vec<String>) {
        let Value::Object(schema) = schema else { return assert_eq!(schema, &Value::Bool(true)) };
        for (keyword, argument) in schema {
            self.keyword(schema, keyword, argument, value, at, problems);
        }
    }

    fn keyword(
        &self,
        schema: &Map<String, Value>,
        keyword: &str,
        argument: &Value,
        value: &Value,
        at: &str,
        problems: &mut Vec<String>,
    ) {
        let holds = match keyword {
            "$ref" => {
                let name = argument.as_str().unwrap().trim_start_matches('#');
                return self.check(self.whole.pointer(name).unwrap(), value, at, problems);
            }
            "properties" => {
                for (key, schema) in argument.as_object().unwrap() {
                    if let Some(value) = value.get(key) {
                        self.check(schema, value, &format!("{at}.{key}"), problems);
                    }
                }
                return;
            }
            "additionalProperties" => {
                let known = schema.get("properties").and_then(Value::as_object);
                let others = value.as_object().into_iter().flatten();
                let others =
                    others.filter(|(key, _)| known.is_none_or(|known| !known.contains_key(*key)));
                for (key, value) in others {
                    let at = format!("{at}.{key}");
                    if argument == &Value::Bool(false) {
                        problems.push(format!("{at} is unknown"));
                    } else {
                        self.check(argument, value, &at, problems);
                    }
                }
                return;
            }
            "items" => {
                for item in value.as_array().into_iter().flatten() {
                    self.check(argument, item, at, problems);
                }
                return;
            }
            "anyOf" => self.matching(argument, value) >= 1,
            "oneOf" => self.matching(argument, value) == 1,
            "type" => match argument {
                Value::Array(types) => types.iter().any(|wanted| is(value, wanted)),
                wanted => is(value, wanted),
            },
            "not" => self.matching(&Value::Array(vec![argument.clone()]), value) == 0,
            "const" => value == argument,
            "required" => argument.as_array().unwrap().iter().all(|key| {
                value.as_object().is_none_or(|value| value.contains_key(key.as_str().unwrap()))
            }),
            "minProperties" => value
                .as_object()
                .is_none_or(|value| value.len() as u64 >= argument.as_u64().unwrap()),
            "maxProperties" => value
                .as_object()
                .is_none_or(|value| value.len() as u64 <= argument.as_u64().unwrap()),
            "minimum" => value.as_f64().is_none_or(|value| value >= argument.as_f64().unwrap()),
            "pattern" => {
                let pattern = regex::Regex::new(argument.as_str().unwrap()).unwrap();
                value.as_str().is_none_or(|text| pattern.is_match(text))
            }
            "$schema" | "$id" | "$defs" | "title" | "description" | "format" => true,
            other => panic!("the schema uses `{other}`, which this test does not know"),
        };
        if !holds {
            problems.push(format!("{at}: `{keyword}` does not hold"));
        }
    }

    fn matching(&self, schemas: &Value, value: &Value) -> usize {
        let matches = |schema: &&Value| {
            let mut problems = Vec::new();
            self.check(schema, value, "", &mut problems);
            problems.is_empty()
        };
        schemas.as_array().unwrap().iter().filter(matches).count()
    }
}

fn is(value: &Value, wanted: &Value) -> bool {
    match wanted.as_str().unwrap() {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "number" => value.is_number(),
        "integer" => value.is_u64() || value.is_i64(),
        "null" => value.is_null(),
        other => panic!("the schema uses the type `{other}`"),
    }
}
