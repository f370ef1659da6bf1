//! Files that are made from the code and kept in the repository.

use std::fs;

use anyhow::{Context, bail};

use crate::command::{Cargo, root};

/// Writes the generated files, or checks that they are up to date.
pub(crate) fn run(check: bool) -> anyhow::Result<()> {
    let mut stale = Vec::new();
    for (path, text) in generated()? {
        let file = root().join(path);
        if fs::read_to_string(&file).is_ok_and(|existing| existing == text) {
            continue;
        }
        if check {
            stale.push(path);
        } else {
            if let Some(folder) = file.parent() {
                fs::create_dir_all(folder)?;
            }
            fs::write(&file, text).with_context(|| path.to_owned())?;
            println!("wrote {path}");
        }
    }
    if !stale.is_empty() {
        bail!("{} is not up to date: run `cargo xtask codegen`", stale.join(", "));
    }
    println!("generated files are up to date");
    Ok(())
}

fn generated() -> anyhow::Result<Vec<(&'static str, String)>> {
    Ok(vec![
        ("docs/schema/check-v1.json", serin(&["schema", "check"])?),
        ("docs/schema/report-v1.json", serin(&["schema", "report"])?),
        ("docs/reference/commands.md", commands()?),
    ])
}

/// What every verb says of itself.
fn commands() -> anyhow::Result<String> {
    let mut text =
        "# Commands\n\nWhat `serin --help` says, verb by verb. Made by `cargo xtask codegen`; \
                    change the code instead.\n"
            .to_owned();
    for verb in ["", "judge", "convert", "bench", "schema"] {
        let words: Vec<&str> =
            [verb, "--help"].into_iter().filter(|word| !word.is_empty()).collect();
        let name = if verb.is_empty() { "serin".to_owned() } else { format!("serin {verb}") };
        let help = serin(&words)?;
        let lines: Vec<&str> = help.lines().map(str::trim_end).collect();
        text.push_str(&format!("\n## {name}\n\n```text\n{}\n```\n", lines.join("\n")));
    }
    Ok(text)
}

fn serin(words: &[&str]) -> anyhow::Result<String> {
    let mut all = vec!["run", "--quiet", "--locked", "--package", "serin", "--"];
    all.extend(words);
    Cargo::new(&all).output()
}
