//! What those who run the server have done about verdicts.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use serin_model::Outcome;
use serin_runner::{ActingRule, parse_length};

/// A rule, with the keys as they are written.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenRule {
    name: String,
    outcomes: Vec<Outcome>,
    #[serde(default)]
    services: Vec<String>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    command: String,
    act: Option<String>,
    undo: Option<String>,
    #[serde(default = "usual_time")]
    time: String,
    #[serde(default = "usual_within")]
    within: String,
}

fn usual_time() -> String {
    "1m".to_owned()
}

fn usual_within() -> String {
    "10m".to_owned()
}

/// Rules, whose names tell them apart.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(try_from = "Vec<WrittenRule>")]
pub struct ActingRules(pub Vec<ActingRule>);

impl TryFrom<Vec<WrittenRule>> for ActingRules {
    type Error = String;

    fn try_from(written: Vec<WrittenRule>) -> Result<Self, String> {
        let mut rules: Vec<ActingRule> = Vec::with_capacity(written.len());
        for rule in written {
            let rule = read(rule)?;
            if rules.iter().any(|it| it.name == rule.name) {
                return Err(format!("two rules of `on_verdict` are called `{}`", rule.name));
            }
            rules.push(rule);
        }
        Ok(Self(rules))
    }
}

fn read(rule: WrittenRule) -> Result<ActingRule, String> {
    let WrittenRule { name, outcomes, services, labels, command, act, undo, time, within } = rule;
    let of = |problem: &str| format!("the rule `{name}` of `on_verdict` {problem}");
    let has_control = name.chars().any(char::is_control);
    if name.trim().is_empty() || name.chars().count() > MOST_NAME || has_control {
        return Err(format!(
            "`name` of a rule of `on_verdict` is no name of 1 to {MOST_NAME} characters"
        ));
    }
    if outcomes.is_empty() {
        return Err(of("has no `outcomes`: `fail`, `inconclusive` or `pass`"));
    }
    if command.trim().is_empty() {
        return Err(of("has an empty `command`"));
    }
    let words = [("act", act.as_ref()), ("undo", undo.as_ref())];
    if let Some((key, _)) =
        words.iter().find(|(_, text)| text.is_some_and(|it| it.len() > MOST_WORDS))
    {
        return Err(of(&format!("has an `{key}` of more than {MOST_WORDS} bytes")));
    }
    let (time, within): (Duration, Duration) = (parse_length(&time)?, parse_length(&within)?);
    if time > LONGEST || within > LONGEST {
        return Err(of("has a `time` or `within` of more than a day"));
    }
    let act = act.unwrap_or_else(|| name.clone());
    Ok(ActingRule { name, outcomes, services, labels, command, act, undo, time, within })
}

const MOST_NAME: usize = 80;
const MOST_WORDS: usize = 1000;
const LONGEST: Duration = Duration::from_secs(86_400);
