//! Check files on disk that extend each other.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::fs;
use std::path::Path;

use serin_model::Source;
use serin_runner::Question;
use tempfile::TempDir;

/// Writes files into a repository of their own.
fn repository(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join(".git")).unwrap();
    write(folder.path(), files);
    folder
}

fn write(folder: &Path, files: &[(&str, &str)]) {
    for (name, text) in files {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

/// Reads a file, and returns what is asked or the error, with the folder's name taken out.
fn read(folder: &Path, name: &str) -> Result<Question, String> {
    let path = folder.join(name);
    let real = folder.canonicalize().unwrap();
    Question::of_check_file(&path.to_string_lossy()).map_err(|error| {
        let text = error.to_string();
        text.replace(&*real.to_string_lossy(), "…").replace(&*folder.to_string_lossy(), "…")
    })
}

const SERVICE: &str = "service: checkout\nextends: ../team.yaml\n";

#[test]
fn paths_start_at_the_file_that_says_them() {
    let folder = repository(&[
        ("services/checkout/serin.yaml", "service: checkout\nextends: ../../teams/shop.yaml\n"),
        ("teams/shop.yaml", "extends: ../serin/organisation.yaml\nuse: [golden/http]\n"),
        (
            "serin/organisation.yaml",
            "source: {prometheus: {url: http://prometheus:9090, token: {file: token}}}\n",
        ),
    ]);
    let question = read(folder.path(), "services/checkout/serin.yaml").unwrap();
    assert!(matches!(question.written.source, Some(Source::Store(_))));
    let others: Vec<&str> =
        question.others.iter().map(|input| input.path.rsplit('/').next().unwrap()).collect();
    assert_eq!(others, ["shop.yaml", "organisation.yaml"]);
    assert!(question.others.iter().all(|input| input.sha256.len() == 64));
    let asked = question.written.analysis.checks().len();
    assert_eq!(asked, 4);
}

#[test]
fn what_cannot_be_extended_is_refused_where_it_is_written() {
    let folder = repository(&[
        ("missing/serin.yaml", SERVICE),
        ("circle/a/serin.yaml", SERVICE),
        ("circle/team.yaml", "use: [golden/http]\nextends: a/serin.yaml\n"),
        ("itself/serin.yaml", "service: a\nextends: ./serin.yaml\n"),
        ("folder/serin.yaml", "service: a\nextends: ..\n"),
        ("absolute/serin.yaml", "service: a\nextends: /etc/passwd\n"),
        ("escape/serin.yaml", "service: a\nextends: ../../../../../../../../../../../etc/passwd\n"),
        ("input/serin.yaml", "service: a\nextends: '-'\n"),
        ("empty/serin.yaml", "service: a\nextends: ''\n"),
        ("web/serin.yaml", "service: a\nextends: https://example.org/team.yaml\n"),
        ("list/serin.yaml", "service: a\nextends: [a.yaml, b.yaml]\n"),
        ("binary/serin.yaml", "service: a\nextends: team.yaml\n"),
        ("wrong/serin.yaml", "service: a\nextends: team.yaml\n"),
        ("wrong/team.yaml", "use: [golden/http]\nstepp: 15s\n"),
    ]);
    fs::write(folder.path().join("binary/team.yaml"), [0xff, 0xfe, 0x00]).unwrap();
    let mut told = String::new();
    for name in [
        "missing", "circle/a", "itself", "folder", "absolute", "escape", "input", "empty", "web",
        "list", "binary", "wrong",
    ] {
        let error = read(folder.path(), &format!("{name}/serin.yaml")).unwrap_err();
        told += &format!("--- {name}\n{error}\n\n");
    }
    insta::assert_snapshot!(told);
}

#[test]
fn a_row_of_files_has_an_end() {
    let names: Vec<(String, String)> = (0..12)
        .map(|index| (format!("{index}.yaml"), format!("extends: {}.yaml\n", index + 1)))
        .collect();
    let files: Vec<(&str, &str)> =
        names.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let folder = repository(&files);
    let error = read(folder.path(), "0.yaml").unwrap_err();
    assert!(error.contains("8.yaml:1:10: this is the 9th file in a row"), "{error}");
}

#[test]
fn outside_of_a_repository_files_stay_below_the_first() {
    let folder = tempfile::tempdir().unwrap();
    write(
        folder.path(),
        &[
            ("a/serin.yaml", "service: a\nextends: ../team.yaml\n"),
            ("team.yaml", "use: [golden/http]\n"),
            ("b/serin.yaml", "service: b\nextends: below/team.yaml\n"),
            ("b/below/team.yaml", "use: [golden/http]\n"),
        ],
    );
    let error = read(folder.path(), "a/serin.yaml").unwrap_err();
    assert!(error.contains("lies outside of"), "{error}");
    assert!(read(folder.path(), "b/serin.yaml").is_ok());
}
