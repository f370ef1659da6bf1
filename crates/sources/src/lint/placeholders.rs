//! What dashboards and templates of other tools leave in a query.

use crate::rows::shown;

/// A variable that nobody fills in.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Placeholder {
    /// The variable as written, cut.
    pub(super) name: String,
    /// Whose it is.
    pub(super) owner: &'static str,
    /// The query without such variables, where they are only lengths of time.
    pub(super) repaired: Option<String>,
}

/// Finds the first placeholder of another tool in a query.
pub(super) fn placeholder(text: &str) -> Option<Placeholder> {
    let (name, owner, _) = first(text)?;
    let (name, mut rest) = (shown(&name, 60), text.to_owned());
    // Each turn takes one away.
    while let Some((found, _, at)) = first(&rest) {
        let (before, after) = (&rest[..at], &rest[at + found.len()..]);
        let is_length = before.trim_end().ends_with('[')
            && after.trim_start().starts_with([']', ':'])
            && !before.is_empty();
        if !is_length {
            return Some(Placeholder { name, owner, repaired: None });
        }
        rest = format!("{before}$step{after}");
    }
    Some(Placeholder { name, owner, repaired: Some(rest) })
}

/// Returns the first placeholder, whose it is, and where it stands.
fn first(text: &str) -> Option<(String, &'static str, usize)> {
    let bracketed = |open: &str, close: &str, owner: &'static str| {
        let at = text.find(open)?;
        // The bracket of the range stands before it.
        let at = at + usize::from(text[at..].starts_with("[[["));
        let length = text[at..].find(close)? + close.len();
        // A range of a selector without a name is no template.
        let inside = &text[at + open.len()..at + length - close.len()];
        let is_name = !inside.trim().is_empty()
            && inside.chars().all(|it| it.is_alphanumeric() || " ._-|()'\"$:".contains(it));
        is_name.then(|| (text[at..at + length].to_owned(), owner, at))
    };
    let dollars = || {
        text.match_indices('$').find_map(|(at, _)| {
            let rest = &text[at + 1..];
            let (name, length) = match rest.strip_prefix('{') {
                Some(inside) => {
                    let name = inside.split_once('}')?.0;
                    (name, name.len() + 2)
                }
                None => {
                    let is_part = |it: char| it.is_ascii_alphanumeric() || it == '_';
                    let end = rest.find(|it| !is_part(it)).unwrap_or(rest.len());
                    (&rest[..end], end)
                }
            };
            let is_name = name.starts_with(|it: char| it.is_ascii_alphabetic() || it == '_');
            let is_ours = matches!(name, "arm" | "step" | "window");
            (is_name && !is_ours).then(|| (text[at..=at + length].to_owned(), owner(name), at))
        })
    };
    let all = [
        bracketed("{{", "}}", "a template such as Flagger's, Argo's or Helm's"),
        bracketed("[[", "]]", "an old Grafana dashboard"),
        bracketed("%(", ")s", "a Python or Jsonnet template"),
        dollars(),
    ];
    all.into_iter().flatten().min_by_key(|(_, _, at)| *at)
}

fn owner(name: &str) -> &'static str {
    if name.starts_with("__") {
        "Grafana"
    } else if matches!(name, "scope" | "location") {
        "Kayenta"
    } else {
        "a dashboard or another tool"
    }
}

#[cfg(test)]
mod tests {
    use super::placeholder;

    #[test]
    fn lengths_of_time_are_repaired_and_the_rest_is_named() {
        let repaired = |text| placeholder(text).map(|it| (it.name, it.repaired));
        let found =
            |name: &str, text: Option<&str>| Some((name.to_owned(), text.map(str::to_owned)));
        let cases = [
            (
                "rate(a{$arm}[$__rate_interval])",
                found("$__rate_interval", Some("rate(a{$arm}[$step])")),
            ),
            (
                "rate(a{$arm}[{{ interval }}])",
                found("{{ interval }}", Some("rate(a{$arm}[$step])")),
            ),
            ("rate(a[[[range]]])", found("[[range]]", Some("rate(a[$step])"))),
            ("rate(a{ns=\"$ns\",$arm}[$__interval])", found("$ns", None)),
            ("a{app=\"{{args.service-name}}\"}", found("{{args.service-name}}", None)),
            ("a{asg=\"${scope}\"}", found("${scope}", None)),
            ("a{code=~\"5..$\", $arm, ${arm}}[$step:$window]", None),
            ("{__name__=\"a\"}", None),
        ];
        for (text, expected) in cases {
            assert_eq!(repaired(text), expected, "{text}");
        }
    }
}
