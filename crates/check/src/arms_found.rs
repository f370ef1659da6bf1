//! Which labels tell the two versions of a service apart, as far as its series say.

use std::collections::{BTreeMap, BTreeSet};

use serin_model::LabelSelector;

/// The labels of one series.
pub type Labels = BTreeMap<String, String>;

/// Two arms that the labels of a service's series tell apart.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ArmsFound {
    /// Selects the version already trusted.
    pub control: LabelSelector,
    /// Selects the version under test.
    pub canary: LabelSelector,
    /// Why these, in a sentence for whoever checks it.
    pub because: String,
}

/// Finds the label by whose values one version is a control and another a canary.
///
/// The words decide: a value that is called `canary`, `preview` or the like, and one that is called
/// `stable`, `primary` or the like, or that is the other's name without its `-canary`. Flagger calls them
/// `shop-primary` and `shop`. Of two values one may be called a canary anywhere in it, such as the version
/// `1.5.0-canary`. A label that only has two values does not say which of them is on trial.
///
/// # Errors
///
/// The labels that have from two to eight values, with the values, where none is so called; without those
/// that tell requests apart.
pub fn find_arms(series: &[Labels]) -> Result<ArmsFound, BTreeMap<String, BTreeSet<String>>> {
    let mut values: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let names: BTreeSet<&String> = series.iter().flat_map(Labels::keys).collect();
    for name in names {
        // A series without the label has it empty, as in PromQL.
        let of = |labels: &Labels| labels.get(name).cloned().unwrap_or_default();
        values.insert(name.clone(), series.iter().map(of).collect());
    }
    values.retain(|name, values| {
        let is_of_versions = !REPLICAS.contains(&name.as_str()) && !is_of_requests(name);
        (2..=MOST_VALUES).contains(&values.len()) && is_of_versions
    });
    let pairs = values.iter().flat_map(|(name, values)| {
        let pairs =
            values.iter().flat_map(|control| values.iter().map(move |canary| (control, canary)));
        pairs.filter_map(move |(control, canary)| {
            let of_two = || (values.len() == 2).then(|| named_anywhere(control, canary)).flatten();
            let likeness = likeness(name, control, canary).or_else(of_two)?;
            Some((likeness, name, control, canary))
        })
    });
    // The likeliest; of two that are as likely the label that people use first, then the first by name.
    let usual = |name: &str| USUAL.iter().position(|usual| *usual == name).unwrap_or(USUAL.len());
    let best = pairs.min_by_key(|(likeness, name, ..)| (*likeness, usual(name)));
    let Some((_, name, control, canary)) = best else { return Err(values) };
    let selector = |value: &String| LabelSelector::from([(name.clone(), value.clone())]);
    Ok(ArmsFound {
        control: selector(control),
        canary: selector(canary),
        because: format!("The label `{name}` has the values {}.", listed(&values[name])),
    })
}

/// Returns how surely one value is a control and the other its canary; the less the surer.
fn likeness(name: &str, control: &str, canary: &str) -> Option<u8> {
    if control == canary {
        return None;
    }
    let is_word = |text: &str, words: &[&str]| words.contains(&text.to_ascii_lowercase().as_str());
    let flag = name == "canary" || name.ends_with("_canary") || name.ends_with("_is_canary");
    if flag && is_word(canary, &["true", "1", "yes"]) && is_word(control, &["false", "0", "no", ""])
    {
        return Some(0);
    }
    if is_word(canary, CANARY) {
        return is_word(control, CONTROL).then_some(1);
    }
    let (stem, word) = canary.rsplit_once(['-', '_', '.']).unwrap_or((canary, ""));
    if !is_word(word, CANARY) {
        // Flagger leaves the name to the canary, and gives the version already trusted another.
        let of_flagger = control.rsplit_once('-');
        return of_flagger.is_some_and(|own| own == (canary, "primary")).then_some(4);
    }
    let of_control = control.rsplit_once(['-', '_', '.']);
    let is_named = of_control.is_some_and(|(own, word)| own == stem && is_word(word, CONTROL));
    if is_named { Some(2) } else { (control == stem).then_some(3) }
}

/// Returns how surely one of two values is a canary, that is called so anywhere in it.
fn named_anywhere(control: &str, canary: &str) -> Option<u8> {
    let is_called = |text: &str| {
        let mut words = text.split(['-', '_', '.', '+']);
        words.any(|word| matches!(word.to_ascii_lowercase().as_str(), "canary" | "candidate"))
    };
    (is_called(canary) && !is_called(control)).then_some(5)
}

/// Returns whether a label tells requests apart, and so never versions.
fn is_of_requests(name: &str) -> bool {
    let words = ["le", "quantile", "code", "status", "method", "handler", "path", "route", "uri"];
    name.split('_').any(|word| words.contains(&word))
}

/// Returns what a service's name may be followed by where the label of the service tells its arms apart: a
/// regular expression.
#[must_use]
pub fn arm_suffixes() -> String {
    let words: Vec<&str> = CANARY.iter().chain(CONTROL).copied().collect();
    format!("[-_.]({})", words.join("|"))
}

/// Finds the label that tells replicas apart: no value of it is in both arms.
#[must_use]
pub fn find_replica(
    series: &[Labels],
    control: &LabelSelector,
    canary: &LabelSelector,
) -> Option<String> {
    let is_in = |arm: &LabelSelector, labels: &Labels| {
        arm.iter().all(|(name, value)| labels.get(name).map_or("", String::as_str) == value)
    };
    let of = |arm: &LabelSelector, name: &str| -> BTreeSet<&String> {
        series.iter().filter(|it| is_in(arm, it)).filter_map(|it| it.get(name)).collect()
    };
    let splits = |name: &&&str| {
        let (control, canary) = (of(control, name), of(canary, name));
        !control.is_empty() && control.is_disjoint(&canary)
    };
    REPLICAS.iter().find(splits).map(|name| (*name).to_owned())
}

/// Says values as text, a few of them.
#[must_use]
pub fn listed(values: &BTreeSet<String>) -> String {
    let shown: Vec<String> = values.iter().map(|value| format!("`{value}`")).collect();
    shown.join(", ")
}

const MOST_VALUES: usize = 8;

/// Labels that name a replica, the usual first.
const REPLICAS: [&str; 13] = [
    "pod",
    "kubernetes_pod_name",
    "pod_name",
    "k8s_pod_name",
    "replica",
    "instance",
    "host",
    "hostname",
    "node",
    "server",
    "container_id",
    "host_name",
    "service_instance_id",
];

/// Labels that tell versions apart, the usual first.
const USUAL: [&str; 8] =
    ["track", "canary", "variant", "stage", "release", "deployment", "service", "version"];

const CANARY: &[&str] =
    &["canary", "candidate", "preview", "experiment", "experimental", "new", "next", "green"];

const CONTROL: &[&str] = &[
    "stable",
    "control",
    "baseline",
    "primary",
    "production",
    "prod",
    "main",
    "current",
    "active",
    "old",
    "blue",
    "live",
];

#[cfg(test)]
mod tests {
    use super::{Labels, find_arms, find_replica};

    /// Reads series as `track=stable pod=a; track=canary pod=b`.
    fn series(text: &str) -> Vec<Labels> {
        let labels = |series: &str| {
            let label = |label: &str| {
                label.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()))
            };
            series.split_whitespace().filter_map(label).collect()
        };
        text.split(';').map(labels).collect()
    }

    fn found(text: &str) -> String {
        match find_arms(&series(text)) {
            Ok(arms) => format!("{:?} {:?}", arms.control, arms.canary),
            Err(labels) => format!("none of {labels:?}"),
        }
    }

    #[test]
    fn the_words_in_labels_tell_control_and_canary() {
        for (text, expected) in [
            (
                "track=stable pod=a; track=canary pod=b",
                r#"{"track": "stable"} {"track": "canary"}"#,
            ),
            ("color=blue v=1; color=green v=2", r#"{"color": "blue"} {"color": "green"}"#),
            ("canary=false; canary=true", r#"{"canary": "false"} {"canary": "true"}"#),
            ("job=a; job=a canary=true", r#"{"canary": ""} {"canary": "true"}"#),
            (
                "deployment=shop-primary; deployment=shop-canary; deployment=other",
                r#"{"deployment": "shop-primary"} {"deployment": "shop-canary"}"#,
            ),
            (
                "service=shop; service=shop-canary",
                r#"{"service": "shop"} {"service": "shop-canary"}"#,
            ),
            (
                "service=shop-canary; service=shop; service=pay",
                r#"{"service": "shop"} {"service": "shop-canary"}"#,
            ),
            (
                "env=prod track=canary; env=new track=stable",
                r#"{"track": "stable"} {"track": "canary"}"#,
            ),
            ("version=1 pod=a; version=2 pod=b", r#"none of {"version": {"1", "2"}}"#),
            ("code=200 v=1; code=500 v=2; le=1 v=1", r#"none of {"v": {"1", "2"}}"#),
            (
                "version=1.4.2; version=1.5.0-canary",
                r#"{"version": "1.4.2"} {"version": "1.5.0-canary"}"#,
            ),
            (
                "version=1.4.1; version=1.4.2; version=1.5.0-canary",
                r#"none of {"version": {"1.4.1", "1.4.2", "1.5.0-canary"}}"#,
            ),
            ("handler=list; handler=new-canary", "none of {}"),
            (
                "destination_workload=shop-primary; destination_workload=shop",
                r#"{"destination_workload": "shop-primary"} {"destination_workload": "shop"}"#,
            ),
            ("pod=x-canary; pod=x", "none of {}"),
            ("track=canary", "none of {}"),
        ] {
            assert_eq!(found(text), expected, "{text}");
        }
    }

    #[test]
    fn a_replica_is_in_one_arm_only() {
        let text = "track=stable instance=a:1 pod=x; track=stable instance=b:1 pod=y; \
                    track=canary instance=a:1 pod=z";
        let all = series(text);
        let arms = find_arms(&all).map(|arms| (arms.control, arms.canary));
        let (control, canary) = arms.unwrap_or_default();
        assert_eq!(find_replica(&all, &control, &canary).as_deref(), Some("pod"));
        let mut shared = all;
        shared.iter_mut().for_each(|labels| drop(labels.remove("pod")));
        assert_eq!(find_replica(&shared, &control, &canary), None);
    }
}
