//! The Helm chart, rendered without Helm: by the language of its templates and the few functions that they call.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, bail};
use gtmpl::{Context, FuncError, Template, Value};
use serde_json::{Value as Json, json};
use sha2::{Digest as _, Sha256};

use crate::command::root;

const CHART: &str = "packaging/helm/serin";
const PLAIN: &str = "packaging/kubernetes/serin.yaml";

/// Values that turn on what the chart leaves off.
const EVERYTHING: &str = "\
image: {repository: registry.example.com/serin, tag: 1.2.3}
storage: {className: fast}
postgresPasswordSecret: serin-postgres
env: [{name: STORE_TOKEN, valueFrom: {secretKeyRef: {name: store, key: token}}}]
ingress: {enabled: true, className: nginx, tlsSecret: serin-tls}
service: {port: 80}
";

/// Values of a ledger in PostgreSQL.
const POSTGRES: &str = "\
config: {ledger: 'postgres://serin@db/serin'}
storage: {enabled: false}
networkPolicy: {enabled: false}
";

/// Renders the chart in each of its shapes into a folder, and returns the files. With its usual values it must be the
/// plain manifests.
pub(crate) fn render_all(folder: &Path) -> anyhow::Result<Vec<String>> {
    let plain = documents(&fs::read_to_string(root().join(PLAIN))?)?;
    let usual = render("")?;
    let mut rendered: Vec<Json> =
        usual.iter().map(|(_, text)| read(text)).collect::<Result<_, _>>()?;
    rendered.iter_mut().for_each(forget_what_the_chart_adds);
    for document in &plain {
        if !rendered.contains(document) {
            bail!("{CHART} does not render this of {PLAIN}: {document:#}");
        }
    }
    if rendered.len() != plain.len() {
        bail!("{CHART} renders {} things, and {PLAIN} has {}", rendered.len(), plain.len());
    }
    let first_token = format!("firstToken: true\n{POSTGRES}");
    let shapes = [
        ("usual", ""),
        ("everything", EVERYTHING),
        ("postgres", POSTGRES),
        ("first-token", "firstToken: true\n"),
        ("first-token-postgres", &first_token),
    ];
    let mut files = Vec::new();
    for (shape, values) in shapes {
        for (name, text) in render(values)? {
            let file = folder.join(format!("{shape}-{name}"));
            fs::write(&file, text)?;
            files.push(file.to_string_lossy().into_owned());
        }
    }
    Ok(files)
}

/// Returns what the chart's templates make of its values and these, but for templates that make nothing.
fn render(values: &str) -> anyhow::Result<Vec<(String, String)>> {
    let chart = read(&text("Chart.yaml")?)?;
    if chart["appVersion"] != env!("CARGO_PKG_VERSION") {
        bail!("{CHART}/Chart.yaml is of another version than serin, {}", env!("CARGO_PKG_VERSION"));
    }
    let mut whole = read(&text("values.yaml")?)?;
    if !values.is_empty() {
        merge(&mut whole, read(values)?);
    }
    let data = json!({
        "Values": whole,
        "Release": {"Name": "serin", "Namespace": "default"},
        "Chart": {"Name": chart["name"], "AppVersion": chart["appVersion"]},
    });
    let mut files: Vec<_> = fs::read_dir(root().join(CHART).join("templates"))?
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect::<std::io::Result<_>>()?;
    files.sort();
    let mut rendered = Vec::new();
    for file in files {
        let mut template = Template::default();
        let functions: [(&str, gtmpl::Func); 6] = [
            ("default", default),
            ("nindent", nindent),
            ("quote", quote),
            ("sha256sum", sha256sum),
            ("toJson", to_json),
            // JSON is YAML.
            ("toYaml", to_json),
        ];
        template.add_funcs(&functions);
        let problem = |error: String| anyhow::anyhow!("{CHART}/templates/{file}: {error}");
        let source = text(&format!("templates/{file}"))?;
        template.parse(source).map_err(|error| problem(error.to_string()))?;
        let context = Context::from(to_value(&data));
        let text = template.render(&context).map_err(|error| problem(error.to_string()))?;
        if file != "NOTES.txt" && !text.trim().is_empty() {
            rendered.push((file, text));
        }
    }
    Ok(rendered)
}

fn text(file: &str) -> anyhow::Result<String> {
    let path = root().join(CHART).join(file);
    fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))
}

fn read(yaml: &str) -> anyhow::Result<Json> {
    serde_saphyr::from_str(yaml).with_context(|| format!("it is no YAML:\n{yaml}"))
}

fn documents(yaml: &str) -> anyhow::Result<Vec<Json>> {
    let mut documents: Vec<Json> = yaml.split("\n---\n").map(read).collect::<Result<_, _>>()?;
    documents.iter_mut().for_each(read_configuration);
    Ok(documents)
}

/// The configuration is a text in a manifest: what it says counts, and not how.
fn read_configuration(document: &mut Json) {
    if let Some(text) = document.pointer_mut("/data/serve.yaml")
        && let Some(Ok(read)) = text.as_str().map(read)
    {
        *text = read;
    }
}

fn forget_what_the_chart_adds(document: &mut Json) {
    read_configuration(document);
    if let Some(Json::Object(metadata)) = document.pointer_mut("/spec/template/metadata") {
        metadata.remove("annotations");
    }
    if let Some(Json::Object(container)) = document.pointer_mut("/spec/template/spec/containers/0")
    {
        container.remove("imagePullPolicy");
    }
}

/// Lays values over others, key by key.
fn merge(under: &mut Json, over: Json) {
    match (under, over) {
        (Json::Object(under), Json::Object(over)) => {
            for (key, value) in over {
                merge(under.entry(key).or_insert(Json::Null), value);
            }
        }
        (under, over) => *under = over,
    }
}

fn to_value(json: &Json) -> Value {
    match json {
        Json::Null => Value::Nil,
        Json::Bool(is) => Value::Bool(*is),
        Json::Number(number) => match number.as_i64() {
            Some(whole) => Value::from(whole),
            None => Value::from(number.as_f64().unwrap_or_default()),
        },
        Json::String(text) => Value::from(text.clone()),
        Json::Array(values) => Value::Array(values.iter().map(to_value).collect()),
        Json::Object(map) => {
            Value::Map(map.iter().map(|(key, value)| (key.clone(), to_value(value))).collect())
        }
    }
}

fn of_value(value: &Value) -> Json {
    match value {
        Value::Bool(is) => Json::Bool(*is),
        Value::String(text) => Json::String(text.clone()),
        Value::Array(values) => values.iter().map(of_value).collect(),
        Value::Map(map) | Value::Object(map) => {
            map.iter().map(|(key, value)| (key.clone(), of_value(value))).collect()
        }
        Value::Number(number) => match number.as_i64() {
            Some(whole) => json!(whole),
            None => json!(number.as_f64()),
        },
        Value::Nil | Value::NoValue | Value::Function(_) => Json::Null,
    }
}

fn argument(arguments: &[Value], place: usize) -> Result<&Value, FuncError> {
    arguments.get(place).ok_or(FuncError::AtLeastXArgs("it".to_owned(), place + 1))
}

fn to_json(arguments: &[Value]) -> Result<Value, FuncError> {
    Ok(Value::from(of_value(argument(arguments, 0)?).to_string()))
}

fn quote(arguments: &[Value]) -> Result<Value, FuncError> {
    let text = argument(arguments, 0)?.to_string();
    Ok(Value::from(Json::from(text).to_string()))
}

fn sha256sum(arguments: &[Value]) -> Result<Value, FuncError> {
    let digest = Sha256::digest(argument(arguments, 0)?.to_string());
    Ok(Value::from(digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>()))
}

fn nindent(arguments: &[Value]) -> Result<Value, FuncError> {
    let width = argument(arguments, 0)?.to_string().parse().unwrap_or(0);
    let indent = format!("\n{}", " ".repeat(width));
    let text = argument(arguments, 1)?.to_string();
    Ok(Value::from(format!("{indent}{}", text.replace('\n', &indent))))
}

fn default(arguments: &[Value]) -> Result<Value, FuncError> {
    let (usual, given) = (argument(arguments, 0)?, argument(arguments, 1)?);
    let is_given = !matches!(given, Value::Nil | Value::NoValue) && given.to_string() != "";
    Ok(if is_given { given.clone() } else { usual.clone() })
}
