//! A page for each source, made from what its adapter says of itself.

use std::fs;

use anyhow::{Context, bail};

use crate::command::root;

/// Returns the pages of `docs/sources` with their paths, the index among them.
///
/// * `listed`: what `serin sources --json` prints.
pub(crate) fn pages(listed: &str) -> anyhow::Result<Vec<(String, String)>> {
    let sources: Vec<serde_json::Value> = serde_json::from_str(listed)?;
    let mut pages = Vec::new();
    let mut rows = String::new();
    for source in &sources {
        let (Some(name), Some(about)) = (source["name"].as_str(), source["about"].as_str()) else {
            bail!("a source without a name: {source}");
        };
        if name == "file" {
            rows += &format!("| [`file`](../guide/recordings.md) | {about} |\n");
            continue;
        }
        rows += &format!("| [`{name}`]({name}.md) | {about} |\n");
        let (path, said) = module_documentation(name)?;
        let text = format!(
            "# `{name}`\n\n<!-- Made from {path} by `cargo xtask codegen`; change that instead. -->\n\n{said}"
        );
        pages.push((format!("docs/sources/{name}.md"), text));
    }
    pages.push(("docs/sources/README.md".to_owned(), index(&rows)));
    Ok(pages)
}

fn index(rows: &str) -> String {
    format!(
        "# Sources\n\n\
         <!-- Made by `cargo xtask codegen`; change xtask/src/source_pages.rs instead. -->\n\n\
         Where metrics can come from: the key under `source` in a Check file. A selector such as\n\
         `http_requests_total{{code=~\"5..\", $arm}}` is the same question to each of them, so that the same\n\
         Check file works with another source ([decision 12](../adr/0012-selectors-everywhere-and-each-store-in-its-own-words.md)).\n\
         `cloudwatch`, `datadog`, `datadog_v1` and `postgres` alone are asked in their own language.\n\
         Each page says what is asked, what the store's own language is, and whether a real server was asked.\n\n\
         | source | speaks to |\n| --- | --- |\n{rows}\n\
         What they have in common (secrets, TLS, limits, warnings, failures) stands in\n\
         [the guide to Prometheus](../guide/prometheus.md#who-asks-and-whom-to-trust);\n\
         how to add one, in [the contract](../spec/source.md).\n"
    )
}

/// Returns where an adapter is, and its module's documentation as Markdown.
fn module_documentation(name: &str) -> anyhow::Result<(String, String)> {
    let folder = "crates/sources/src";
    let places = [
        format!("{folder}/{name}.rs"),
        format!("{folder}/{name}/mod.rs"),
        format!("{folder}/relatives/{name}.rs"),
    ];
    let Some(path) = places.into_iter().find(|path| root().join(path).is_file()) else {
        bail!("the source `{name}` has no file of its name under {folder}");
    };
    let code = fs::read_to_string(root().join(&path)).with_context(|| path.clone())?;
    let lines = code.lines().map_while(|line| line.strip_prefix("//!"));
    let text: Vec<&str> = lines.map(|line| line.strip_prefix(' ').unwrap_or(line)).collect();
    if text.is_empty() {
        bail!("{path} says nothing of itself: begin it with `//! …`");
    }
    Ok((path, text.join("\n") + "\n"))
}
