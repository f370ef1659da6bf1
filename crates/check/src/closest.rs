//! What a misspelt name was meant to be.

/// Returns the name in `known` that `unknown` was most likely meant to be.
pub(crate) fn closest<'a>(unknown: &str, known: &[&'a str]) -> Option<&'a str> {
    let distance = |name: &str| strsim::damerau_levenshtein(unknown, name);
    let best = known.iter().copied().min_by_key(|name| distance(name))?;
    (distance(best) <= 1 + best.chars().count() / 3).then_some(best)
}
