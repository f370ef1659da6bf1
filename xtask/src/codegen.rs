//! Files that are made from the code and kept in the repository.

use std::fs;

use anyhow::{Context, bail};

use crate::command::{Cargo, root};
use crate::source_pages;

/// Writes the generated files, or checks that they are up to date.
pub(crate) fn run(check: bool) -> anyhow::Result<()> {
    let mut stale = Vec::new();
    for (path, text) in generated()? {
        let file = root().join(&path);
        if fs::read_to_string(&file).is_ok_and(|existing| existing == text) {
            continue;
        }
        if check {
            stale.push(path);
        } else {
            if let Some(folder) = file.parent() {
                fs::create_dir_all(folder)?;
            }
            fs::write(&file, text).with_context(|| path.clone())?;
            println!("wrote {path}");
        }
    }
    if !stale.is_empty() {
        bail!("{} is not up to date: run `cargo xtask codegen`", stale.join(", "));
    }
    println!("generated files are up to date");
    Ok(())
}

/// Returns the paths and the texts of all generated files.
fn generated() -> anyhow::Result<Vec<(String, String)>> {
    let schema =
        |of: &str| anyhow::Ok((format!("docs/schema/{of}-v1.json"), serin(&["schema", of])?));
    let formats = [
        "check",
        "report",
        "plan",
        "selftest",
        "lint",
        "fleet",
        "changes",
        "verdicts",
        "replay",
        "scorecard",
        "checks",
    ];
    let mut all = formats.into_iter().map(schema).collect::<anyhow::Result<Vec<_>>>()?;
    all.push(("docs/reference/api-v1.json".to_owned(), serin(&["schema", "api"])?));
    all.push(("docs/reference/commands.md".to_owned(), commands()?));
    all.push(("docs/reference/packs.md".to_owned(), serin(&["packs", "--markdown"])?));
    all.push(("docs/reference/lint-codes.md".to_owned(), lint_codes()?));
    all.extend(source_pages::pages(&serin(&["sources", "--json"])?)?);
    Ok(all)
}

/// What `serin lint` finds, code by code.
fn lint_codes() -> anyhow::Result<String> {
    let codes = serin(&["lint", "--codes"])?;
    Ok(format!(
        "# What lint finds\n\nThe codes of [`serin lint`](../guide/lint.md). Made by `cargo xtask codegen`; \
         change the code instead.\n\n{codes}"
    ))
}

/// What every verb says of itself.
fn commands() -> anyhow::Result<String> {
    let mut text =
        "# Commands\n\nWhat `serin --help` says, verb by verb. Made by `cargo xtask codegen`; \
                    change the code instead.\n"
            .to_owned();
    let overview = serin(&["--help"])?;
    let mut pages = vec![("serin".to_owned(), overview.clone())];
    for verb in verbs(&overview) {
        let help = serin(&[verb, "--help"])?;
        pages.push((format!("serin {verb}"), help.clone()));
        for part in verbs(&help) {
            pages.push((format!("serin {verb} {part}"), serin(&[verb, part, "--help"])?));
        }
    }
    for (name, help) in pages {
        let lines: Vec<&str> = help.lines().map(str::trim_end).collect();
        text.push_str(&format!("\n## {name}\n\n```text\n{}\n```\n", lines.join("\n")));
    }
    Ok(text)
}

/// Returns the verbs that an overview lists, but for clap's own `help`.
fn verbs(overview: &str) -> impl Iterator<Item = &str> {
    let listed = overview.lines().skip_while(|line| *line != "Commands:").skip(1);
    let listed = listed.take_while(|line| !line.is_empty());
    listed.filter_map(|line| line.split_whitespace().next()).filter(|verb| *verb != "help")
}

fn serin(words: &[&str]) -> anyhow::Result<String> {
    let mut all = vec!["run", "--quiet", "--locked", "--package", "serin", "--"];
    all.extend(words);
    Cargo::new(&all).output()
}
