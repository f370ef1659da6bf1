//! What others copy, looked at as its readers would: pipelines as forges do, manifests, units and rules as those who
//! run them.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, bail};
use tempfile::NamedTempFile;

use crate::command::{find_program, root};
use crate::python::PIPELINE_VALIDATION;
use crate::{chart, tools};

const ACTION: &str = "action.yml";
const WORKFLOW: &str = "examples/pipelines/github.yml";
const TEMPLATE: &str = "ci/gitlab/serin.yml";
const PIPELINE: &str = "examples/pipelines/gitlab-ci.yml";
const SCRIPT: &str = "examples/pipelines/gate.sh";

/// Checks the pipelines by their schemas and with linters, and returns what was skipped.
pub(crate) fn run() -> anyhow::Result<Vec<&'static str>> {
    let mut skipped = Vec::new();
    check_schemas(&mut skipped)?;
    let shellcheck = tools::find("shellcheck");
    lint_scripts(shellcheck.clone(), &mut skipped)?;
    lint_actions(shellcheck, &mut skipped)?;
    audit_actions(&mut skipped)?;
    check_manifests(&mut skipped)?;
    check_unit(&mut skipped)?;
    check_alerts(&mut skipped)?;
    Ok(skipped)
}

/// The oldest Kubernetes whose schemas the manifests are held to.
const KUBERNETES: &str = "1.30";

fn check_manifests(skipped: &mut Vec<&'static str>) -> anyhow::Result<()> {
    let Some(mut check) = PIPELINE_VALIDATION.python() else {
        skipped.push("manifests by their schemas: kubernetes-validate is not installed");
        return Ok(());
    };
    let rendered = tempfile::tempdir()?;
    let mut files = chart::render_all(rendered.path())?;
    let plain = ["packaging/kubernetes/serin.yaml", "packaging/kubernetes/first-token.yaml"];
    files.extend(plain.map(str::to_owned));
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    let run = "from kubernetes_validate.__main__ import main; main()";
    check.args(["-c", run, "--strict", "-k", KUBERNETES]).args(&files);
    succeed(
        "kubernetes-validate",
        &mut check,
        &["packaging/kubernetes", "packaging/helm, rendered"],
    )
}

/// Less is better, from 0 to 100; `systemd-analyze security` calls up to 20 OK.
const MOST_EXPOSED: &str = "--threshold=15";

fn check_unit(skipped: &mut Vec<&'static str>) -> anyhow::Result<()> {
    let Some(program) = find_program("systemd-analyze") else {
        skipped.push("the systemd unit: systemd-analyze is not installed");
        return Ok(());
    };
    let unit = "packaging/systemd/serin.service";
    let mut check = Command::new(program);
    check.args(["security", "--offline=true", "--no-pager", MOST_EXPOSED, unit]);
    succeed("systemd-analyze", &mut check, &[unit])
}

fn check_alerts(skipped: &mut Vec<&'static str>) -> anyhow::Result<()> {
    let Some(program) = find_program("promtool") else {
        skipped.push("the alert rules: promtool is not installed");
        return Ok(());
    };
    let rules = "packaging/prometheus/serin-alerts.yaml";
    succeed("promtool", Command::new(program).args(["check", "rules", rules]), &[rules])
}

fn check_schemas(skipped: &mut Vec<&'static str>) -> anyhow::Result<()> {
    let template = template_as_a_job()?;
    let template = template.path().to_string_lossy();
    // GitLab has tags of its own in YAML.
    let of_gitlab = ["--data-transform", "gitlab-ci"];
    let schemas: [(&str, &[&str], &str, &str); 4] = [
        ("vendor.github-actions", &[], ACTION, ACTION),
        ("vendor.github-workflows", &[], WORKFLOW, WORKFLOW),
        ("vendor.gitlab-ci", &of_gitlab, PIPELINE, PIPELINE),
        ("vendor.gitlab-ci", &of_gitlab, &template, TEMPLATE),
    ];
    for (schema, options, file, name) in schemas {
        let Some(mut check) = PIPELINE_VALIDATION.python() else {
            skipped.push("pipelines by their schemas: check-jsonschema is not installed");
            return Ok(());
        };
        check.args(["-m", "check_jsonschema", "--builtin-schema", schema]).args(options).arg(file);
        succeed("check-jsonschema", &mut check, &[name])?;
    }
    Ok(())
}

/// Returns a copy of GitLab's template whose job is not hidden: a hidden one may be anything.
fn template_as_a_job() -> anyhow::Result<NamedTempFile> {
    let text = fs::read_to_string(root().join(TEMPLATE)).context(TEMPLATE)?;
    let Some((before, after)) = text.split_once("\n.serin:") else {
        bail!("{TEMPLATE} has no job `.serin`");
    };
    let copy = NamedTempFile::with_suffix(".yml")?;
    fs::write(&copy, format!("{before}\nserin:{after}"))?;
    Ok(copy)
}

fn lint_scripts(
    shellcheck: Option<PathBuf>,
    skipped: &mut Vec<&'static str>,
) -> anyhow::Result<()> {
    let Some(shellcheck) = shellcheck else {
        skipped.push("the scripts in pipelines: shellcheck is not installed");
        return Ok(());
    };
    succeed("shellcheck", Command::new(shellcheck).arg(SCRIPT), &[SCRIPT])
}

/// Asks what actionlint asks: keys, expressions, inputs of actions, and the scripts of steps.
fn lint_actions(
    shellcheck: Option<PathBuf>,
    skipped: &mut Vec<&'static str>,
) -> anyhow::Result<()> {
    let Some(lint) = tools::find("jactionlint") else {
        skipped.push("GitHub's files: jactionlint is not installed");
        return Ok(());
    };
    let shellcheck = shellcheck.unwrap_or_default();
    let mut lint = Command::new(lint);
    lint.args(["--profile=correctness", "--strict-exit", "--no-online", "--pyflakes="])
        .arg(format!("--shellcheck={}", shellcheck.display()))
        .args([ACTION, WORKFLOW]);
    succeed("jactionlint", &mut lint, &[ACTION, WORKFLOW])
}

/// Asks who could abuse them.
fn audit_actions(skipped: &mut Vec<&'static str>) -> anyhow::Result<()> {
    let Some(audit) = tools::find("zizmor") else {
        skipped.push("the security of GitHub's files: zizmor is not installed");
        return Ok(());
    };
    let mut audit = Command::new(audit);
    audit
        .args(["--offline", "--quiet", "--no-progress", "--config", "xtask/zizmor.yml"])
        .args([ACTION, WORKFLOW]);
    succeed("zizmor", &mut audit, &[ACTION, WORKFLOW])
}

fn succeed(program: &str, command: &mut Command, files: &[&str]) -> anyhow::Result<()> {
    let output = command.current_dir(root()).output();
    let output = output.with_context(|| format!("{program} does not start"))?;
    let files = files.join(" and ");
    if !output.status.success() {
        let found = [output.stdout, output.stderr].concat();
        bail!("{program} finds fault with {files}:\n{}", String::from_utf8_lossy(&found).trim());
    }
    println!("{files}: {program} finds nothing");
    Ok(())
}
