//! A first Check file for a service, with comments for whoever goes on with it.

use std::fmt::Write;

use serin_model::{LabelSelector, Step};

/// What a first Check file says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Draft {
    /// The service under test.
    pub service: String,
    /// The file that it extends.
    pub extends: Option<String>,
    /// The kind of store and its address.
    pub store: Option<(String, String)>,
    /// The labels of the control, and those of the canary.
    pub arms: Option<(LabelSelector, LabelSelector)>,
    /// Why they are taken for the arms' labels.
    pub arms_because: String,
    /// The labels that both arms share.
    pub scope: LabelSelector,
    /// The label that tells replicas apart.
    pub replica: Option<String>,
    /// The resolution.
    pub step: Option<Step>,
    /// The packs, each with what was found of it.
    pub packs: Vec<(String, String)>,
    /// What else a reader should know, a line each.
    pub notes: Vec<String>,
}

impl Draft {
    /// Writes it as a Check file.
    ///
    /// * `commented`: whether for people, or only for serin.
    #[must_use]
    pub fn text(&self, commented: bool) -> String {
        let mut text = String::new();
        let comment = |text: &mut String, line: &str| {
            if commented {
                let line: String = line.chars().filter(|it| !it.is_control()).collect();
                let _ = writeln!(text, "# {line}");
            }
        };
        comment(
            &mut text,
            "Made by `serin init`; it is yours to change. docs/guide/check-file.md says what else",
        );
        comment(&mut text, "it can hold, and `serin packs` what the packs ask.");
        let _ = writeln!(text, "service: {}", quoted(&self.service));
        if let Some(path) = &self.extends {
            let _ = writeln!(text, "extends: {}", quoted(path));
        }
        if let Some((kind, url)) = &self.store {
            let _ = writeln!(text, "source:\n  {kind}: {{url: {}}}", quoted(url));
        }
        if !self.scope.is_empty() {
            comment(&mut text, "Both arms have these labels; `$service` is the service's name.");
            let _ = writeln!(text, "scope: {}", self.labels(&self.scope));
        }
        if let Some((control, canary)) = &self.arms {
            comment(&mut text, &self.arms_because);
            let (control, canary) = (labels(control), labels(canary));
            let _ = writeln!(text, "arms:\n  control: {control}\n  canary: {canary}");
        }
        match &self.replica {
            Some(replica) => {
                let _ = writeln!(text, "replica: {}", quoted(replica));
            }
            None if self.step.is_some() => {
                comment(
                    &mut text,
                    "No label was found that tells replicas apart, such as `replica: pod`.",
                );
            }
            None => {}
        }
        if let Some(step) = self.step {
            comment(
                &mut text,
                "How often the store has a value: a longer step has fewer points, and is slower to tell.",
            );
            let _ = writeln!(text, "step: {}s", step.seconds());
        }
        if !self.packs.is_empty() {
            text.push_str("use:\n");
            for (pack, found) in &self.packs {
                let end = if commented { format!("  # {found}") } else { String::new() };
                let _ = writeln!(text, "  - {pack}{end}");
            }
        }
        if commented {
            text.push_str(EXAMPLE);
        }
        for note in &self.notes {
            comment(&mut text, note);
        }
        text
    }

    fn labels(&self, scope: &LabelSelector) -> String {
        let named = |value: &str| {
            if value == self.service { "$service".to_owned() } else { value.to_owned() }
        };
        labels(&scope.iter().map(|(name, value)| (name.clone(), named(value))).collect())
    }
}

const EXAMPLE: &str = "\
# A check of a pack is changed key by key, and left out with `off`:
# checks:
#   errors: {compare: {tolerance: 50%}, limit: {above: 2%, for: 3}}
#   latency: off
";

fn labels(labels: &LabelSelector) -> String {
    let label = |(name, value): (&String, &String)| format!("{}: {}", quoted(name), quoted(value));
    format!("{{{}}}", labels.iter().map(label).collect::<Vec<_>>().join(", "))
}

/// Writes a text as YAML, plain where it can be nothing else.
fn quoted(text: &str) -> String {
    let is_plain = |it: char| it.is_ascii_alphanumeric() || "-_$/.".contains(it);
    let first = |it: char| it.is_ascii_alphabetic() || it == '$';
    let words = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    let plain = text.starts_with(first)
        && text.chars().all(is_plain)
        && !words.contains(&text.to_ascii_lowercase().as_str());
    if plain { text.to_owned() } else { serde_json::Value::from(text).to_string() }
}

#[cfg(test)]
mod tests {
    use super::{Draft, LabelSelector, Step};

    fn selector(labels: &[(&str, &str)]) -> LabelSelector {
        labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_draft_reads_back_as_what_it_says() {
        for (service, value) in
            [("checkout", "canary"), ("a: b # c", "true"), ("\"x\"\n", "1.10"), ("on", "{ä}")]
        {
            let draft = Draft {
                service: service.to_owned(),
                store: Some(("prometheus".to_owned(), "http://prometheus:9090".to_owned())),
                arms: Some((selector(&[("track", "stable")]), selector(&[("track", value)]))),
                arms_because: "a\nb: c".to_owned(),
                scope: selector(&[("app", service)]),
                replica: Some("pod".to_owned()),
                step: Step::from_seconds(15),
                packs: vec![("golden/http".to_owned(), "all 4".to_owned())],
                notes: vec!["x\u{1b}[31m".to_owned()],
                ..Draft::default()
            };
            for commented in [true, false] {
                let text = draft.text(commented);
                assert_eq!(text.contains('#'), commented || service.contains('#'), "{text}");
                let written = crate::read("serin.yaml", &text).map_err(|error| error.to_string());
                let analysis = written.map(|written| written.analysis);
                assert_eq!(analysis.as_ref().map(|it| it.service.clone()), Ok(service.to_owned()));
                let canary = selector(&[("track", value), ("app", service)]);
                assert_eq!(analysis.map(|it| it.arms.canary), Ok(canary));
            }
        }
    }
}
