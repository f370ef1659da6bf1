//! What a misspelt name was meant to be.

/// Returns the name in `known` that `unknown` was most likely meant to be.
pub(crate) fn closest<'a>(unknown: &str, known: &[&'a str]) -> Option<&'a str> {
    // The distance costs the product of both lengths, and somebody else chose this one.
    if unknown.len() > LONGEST_NAME {
        return None;
    }
    let distance = |name: &str| strsim::damerau_levenshtein(unknown, name);
    let best = known.iter().copied().min_by_key(|name| distance(name))?;
    let shorter = unknown.chars().count().min(best.chars().count());
    (distance(best) <= 1 + shorter / 3).then_some(best)
}

const LONGEST_NAME: usize = 80;
