//! The action, the template and the examples that others copy: their scripts are run as they stand.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod serin;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use serin::root;

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

fn yaml(path: &str) -> Value {
    serde_saphyr::from_str(&read(path)).unwrap()
}

#[test]
fn the_guide_shows_the_examples_as_they_are() {
    let guide = read("docs/guide/pipelines.md");
    let mut shown = 0;
    for file in fs::read_dir(root().join("examples/pipelines")).unwrap() {
        let path = file.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        assert!(guide.contains(&format!("\n{text}```\n")), "{} differs", path.display());
        shown += 1;
    }
    assert!(shown >= 5, "the folder has the examples");
}

/// A folder in which scripts run as steps of a pipeline do.
struct Workspace {
    folder: tempfile::TempDir,
}

/// What a script left behind.
struct Ended {
    code: i32,
    text: String,
    outputs: String,
}

impl Workspace {
    /// Creates a folder with the example's Check file, and with `serin` on the search path.
    fn new(recording: &str) -> Self {
        let workspace = Self { folder: tempfile::tempdir().unwrap() };
        for name in ["bin", "temporary"] {
            fs::create_dir(workspace.path(name)).unwrap();
        }
        let binary = assert_cmd::cargo::cargo_bin("serin");
        std::os::unix::fs::symlink(binary, workspace.path("bin/serin")).unwrap();
        let data = format!("examples/checkout/{recording}.csv.gz");
        fs::copy(root().join(data), workspace.path("good.csv.gz")).unwrap();
        fs::copy(root().join("examples/checkout/serin.yaml"), workspace.path("serin.yaml"))
            .unwrap();
        workspace.program("promote.sh", "echo promoted");
        workspace.program("roll-back.sh", "echo rolled back");
        workspace
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a script.
    fn program(&self, name: &str, script: &str) {
        let path = self.path(name);
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Makes the canary neither good nor bad: too few points.
    fn unclear(self) -> Self {
        let check = fs::read_to_string(self.path("serin.yaml")).unwrap();
        fs::write(self.path("serin.yaml"), format!("minimum_points: 500\n{check}")).unwrap();
        self
    }

    fn run(&self, shell: &str, script: &str, variables: &[(&str, &str)]) -> Ended {
        let search = format!("{}:{}", self.path("bin").display(), std::env::var("PATH").unwrap());
        let outputs = self.path("outputs");
        let output = Command::new(shell)
            .args(["-c", script])
            .env_clear()
            .env("PATH", search)
            .env("GITHUB_ACTIONS", "true")
            .env("GITHUB_OUTPUT", &outputs)
            .env("RUNNER_OS", "Linux")
            .env("RUNNER_ARCH", "X64")
            .env("RUNNER_TEMP", self.path("temporary"))
            .envs(variables.iter().copied())
            .current_dir(self.folder.path())
            .output()
            .unwrap();
        let text = [output.stdout, output.stderr].concat();
        Ended {
            code: output.status.code().unwrap(),
            text: String::from_utf8(text).unwrap(),
            outputs: fs::read_to_string(outputs).unwrap_or_default(),
        }
    }
}

/// Returns the script of a step of the action, and its inputs' defaults by the variables it reads.
fn step(index: usize) -> (String, Vec<(String, String)>) {
    let action = yaml("action.yml");
    let step = &action["runs"]["steps"][index];
    let variables = step["env"].as_object().unwrap().iter().map(|(name, value)| {
        let input = value.as_str().unwrap().strip_prefix("${{ inputs.");
        let input = input.and_then(|input| input.strip_suffix(" }}"));
        let default = input.map_or(&Value::Null, |input| &action["inputs"][input]["default"]);
        let default = default.as_str().unwrap_or_default().to_owned();
        (name.clone(), if default.contains("${{") { String::new() } else { default })
    });
    (step["run"].as_str().unwrap().to_owned(), variables.collect())
}

fn run_step(workspace: &Workspace, index: usize, given: &[(&str, &str)]) -> Ended {
    let (script, defaults) = step(index);
    let defaults: Vec<(&str, &str)> =
        defaults.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    workspace.run("bash", &script, &[&defaults, given].concat())
}

const JUDGE: [(&str, &str); 2] = [("SERIN", "serin"), ("CHECK_FILE", "serin.yaml")];

#[test]
fn the_action_ends_as_the_verdict_does() {
    let unclear = || Workspace::new("good").unclear();
    let no = ("FAIL_ON_FAIL", "false");
    let none = ("FAIL_ON_INCONCLUSIVE", "false");
    for (workspace, given, code, outcome) in [
        (Workspace::new("good"), &[][..], 0, "pass"),
        (Workspace::new("failing"), &[], 2, "fail"),
        (Workspace::new("failing"), &[none], 2, "fail"),
        (Workspace::new("failing"), &[no], 0, "fail"),
        (unclear(), &[], 3, "inconclusive"),
        (unclear(), &[no], 3, "inconclusive"),
        (unclear(), &[none], 0, "inconclusive"),
    ] {
        let ended = run_step(&workspace, 1, &[&JUDGE, given].concat());
        assert_eq!(ended.code, code, "{outcome}: {}", ended.text);
        assert!(ended.outputs.contains(&format!("\n{outcome}\n")), "{}", ended.outputs);
        assert!(ended.outputs.contains("\ncode="), "{}", ended.outputs);
        for report in ["serin-report.html", "serin-report.json"] {
            assert!(workspace.path(report).is_file(), "{report}");
        }
    }
}

#[test]
fn the_action_fails_where_there_is_no_verdict() {
    let workspace = Workspace::new("good");
    let lenient = [("FAIL_ON_FAIL", "false"), ("FAIL_ON_INCONCLUSIVE", "false")];
    let missing = [("SERIN", "serin"), ("CHECK_FILE", "missing.yaml")];
    let ended = run_step(&workspace, 1, &[&missing[..], &lenient].concat());
    assert_eq!((ended.code, &*ended.outputs), (1, "code=1\n"), "{}", ended.text);
}

#[test]
fn the_action_takes_several_lines_as_several_arguments() {
    let workspace = Workspace::new("failing");
    fs::copy(workspace.path("serin.yaml"), workspace.path("a b; echo $(id).yaml")).unwrap();
    let files = "serin.yaml\na b; echo $(id).yaml\n";
    let given = [
        ("SERIN", "serin"),
        ("CHECK_FILE", files),
        ("REPORTS", "all files.md\nlines=all.log\n"),
        ("MORE", "--format\nlines\n"),
    ];
    let ended = run_step(&workspace, 1, &given);
    assert_eq!(ended.code, 2, "{}", ended.text);
    let log = fs::read_to_string(workspace.path("all.log")).unwrap();
    assert_eq!(log.matches("serin verdict=fail").count(), 2);
    assert!(workspace.path("all files.md").is_file());
}

#[test]
fn the_action_finds_a_binary_or_says_what_it_needs() {
    let workspace = Workspace::new("good");
    let found = run_step(&workspace, 0, &[("BINARY", "serin")]);
    let path = workspace.path("bin/serin");
    assert_eq!((found.code, found.outputs), (0, format!("binary={}\n", path.display())));
    for (given, message) in [
        (("BINARY", "no-such-program"), "there is no program `no-such-program`"),
        (("BINARY", ""), "give the input `version`"),
        (("VERSION", "1.2.3/../../x"), "is no version"),
        (("RUNNER_OS", "Plan9"), "give the input `version`"),
    ] {
        let ended = run_step(&workspace, 0, &[given]);
        assert_eq!(ended.code, 1);
        assert!(ended.text.contains(message), "{}", ended.text);
    }
}

/// Puts a release where a `curl` of our own looks for it: the archive, and its list of checksums.
fn release(workspace: &Workspace, checksum: Option<&str>) -> String {
    let releases = workspace.path("releases");
    let folder = "serin-1.2.3-x86_64-linux";
    fs::create_dir_all(releases.join(folder)).unwrap();
    fs::write(releases.join(folder).join("serin"), "#!/bin/sh\necho released\n").unwrap();
    let archive = "serin-1.2.3-x86_64-linux.tar.gz";
    let in_folder = |script: &str| {
        let ended =
            Command::new("sh").args(["-c", script]).current_dir(&releases).output().unwrap();
        assert!(ended.status.success());
        String::from_utf8(ended.stdout).unwrap()
    };
    in_folder(&format!("tar -czf {archive} {folder}"));
    let true_checksum = in_folder(&format!("sha256sum {archive}"))[..64].to_owned();
    let line = format!("{}  {archive}\n", checksum.unwrap_or(&true_checksum));
    fs::write(releases.join("SHA256SUMS"), format!("{}  other.tar.gz\n{line}", "0".repeat(64)))
        .unwrap();
    workspace.program(
        "bin/curl",
        &format!(
            "while [ $# -gt 1 ]; do shift; done\necho \"$1\" >> '{}'\ncp \"{}/${{1##*/}}\" .",
            workspace.path("asked").display(),
            releases.display()
        ),
    );
    true_checksum
}

const RELEASE: [(&str, &str); 3] =
    [("VERSION", "1.2.3"), ("REPOSITORY", "owner/serin"), ("SERVER", "https://github.example")];

fn downloaded(outputs: &str) -> &Path {
    Path::new(outputs.trim().strip_prefix("binary=").unwrap())
}

#[test]
fn the_action_downloads_a_release_and_checks_it() {
    let workspace = Workspace::new("good");
    let checksum = release(&workspace, None);
    let ended = run_step(&workspace, 0, &RELEASE);
    assert_eq!(ended.code, 0, "{}", ended.text);
    let said = Command::new(downloaded(&ended.outputs)).output().unwrap().stdout;
    assert_eq!(said, b"released\n");
    let asked = fs::read_to_string(workspace.path("asked")).unwrap();
    let from = "https://github.example/owner/serin/releases/download/v1.2.3";
    assert_eq!(asked, format!("{from}/serin-1.2.3-x86_64-linux.tar.gz\n{from}/SHA256SUMS\n"));
    let pinned = run_step(&workspace, 0, &[&RELEASE[..], &[("SHA256", &*checksum)]].concat());
    assert_eq!(pinned.code, 0, "{}", pinned.text);
}

#[test]
fn the_action_runs_nothing_that_its_checksum_does_not_vouch_for() {
    let wrong = "f".repeat(64);
    let workspace = Workspace::new("good");
    release(&workspace, Some(&wrong));
    let listed = run_step(&workspace, 0, &RELEASE);
    release(&workspace, None);
    let pinned = run_step(&workspace, 0, &[&RELEASE[..], &[("SHA256", &*wrong)]].concat());
    fs::write(workspace.path("releases/SHA256SUMS"), "").unwrap();
    let unlisted = run_step(&workspace, 0, &RELEASE);
    fs::remove_file(workspace.path("releases/SHA256SUMS")).unwrap();
    let missing = run_step(&workspace, 0, &RELEASE);
    for (ended, message) in [
        (listed, "is not what its checksum says"),
        (pinned, "is not what its checksum says"),
        (unlisted, "does not name"),
        (missing, "cannot be downloaded"),
    ] {
        assert_eq!((ended.code, &*ended.outputs), (1, ""), "{}", ended.text);
        assert!(ended.text.contains(message), "{}", ended.text);
    }
}

#[test]
fn every_output_of_the_action_comes_from_a_step() {
    let action = yaml("action.yml");
    let judge = &action["runs"]["steps"][1];
    assert_eq!(judge["id"], "judge");
    let ended = run_step(&Workspace::new("good"), 1, &JUDGE);
    for (name, output) in action["outputs"].as_object().unwrap() {
        assert_eq!(output["value"], format!("${{{{ steps.judge.outputs.{name} }}}}"));
        let is_set = |line: &str| {
            line.starts_with(&format!("{name}<<")) || line.starts_with(&format!("{name}="))
        };
        assert!(ended.outputs.lines().any(is_set), "{name}: {}", ended.outputs);
    }
}

#[test]
fn the_gitlab_job_ends_as_the_verdict_does_and_leaves_its_artifacts() {
    let template = yaml("ci/gitlab/serin.yml");
    let job = &template[".serin"];
    let script = job["script"][0].as_str().unwrap();
    let variables: Vec<(&str, &str)> = job["variables"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str().unwrap()))
        .collect();
    let mut artifacts: Vec<&str> = job["artifacts"]["paths"]
        .as_array()
        .unwrap()
        .iter()
        .map(|path| path.as_str().unwrap())
        .collect();
    artifacts.extend(
        job["artifacts"]["reports"]
            .as_object()
            .unwrap()
            .values()
            .map(|path| path.as_str().unwrap()),
    );
    for (workspace, code) in [
        (Workspace::new("good"), 0),
        (Workspace::new("failing"), 2),
        (Workspace::new("good").unclear(), 3),
    ] {
        let ended = workspace.run("sh", script, &variables);
        assert_eq!(ended.code, code, "{}", ended.text);
        for artifact in &artifacts {
            assert!(workspace.path(artifact).is_file(), "{artifact}");
        }
        let roll_back = yaml("examples/pipelines/gitlab-ci.yml");
        let roll_back = roll_back["roll-back"]["script"][0].as_str().unwrap().to_owned();
        let ended = workspace.run("sh", &roll_back, &[]);
        assert_eq!(ended.text, if code == 2 { "rolled back\n" } else { "" });
    }
    let data = [&variables[..], &[("SERIN_DATA", "missing.csv")]].concat();
    let workspace = Workspace::new("good");
    assert_eq!(workspace.run("sh", script, &data).code, 1);
    assert!(!workspace.path("serin-report.log").exists());
}

#[test]
fn the_shell_gate_promotes_a_pass_and_rolls_back_a_failure_alone() {
    let gate = read("examples/pipelines/gate.sh");
    for (workspace, code, said) in [
        (Workspace::new("good"), 0, "promoted"),
        (Workspace::new("failing"), 2, "rolled back"),
        (Workspace::new("good").unclear(), 3, "serin cannot tell"),
    ] {
        let ended = workspace.run("sh", &gate, &[]);
        assert_eq!(ended.code, code, "{}", ended.text);
        assert!(ended.text.contains(said), "{}", ended.text);
    }
    let workspace = Workspace::new("good");
    fs::remove_file(workspace.path("serin.yaml")).unwrap();
    let ended = workspace.run("sh", &gate, &[]);
    assert_eq!(ended.code, 1);
    assert!(ended.text.contains("stays where it is"), "{}", ended.text);
    assert!(!ended.text.contains("promoted") && !ended.text.contains("rolled back"));
}
