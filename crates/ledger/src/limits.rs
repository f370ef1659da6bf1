//! How much a ledger takes, and what it says of more.

/// Characters of the name of a source, of a kind, of a service, and of a label's name.
pub const MOST_NAME_CHARACTERS: usize = 128;
/// Characters of a source's own id, of a subject, and of a label's value.
pub const MOST_VALUE_CHARACTERS: usize = 256;
/// Labels of a scope.
pub const MOST_LABELS: usize = 32;
/// Causes of an event.
pub const MOST_CAUSES: usize = 64;
/// Pieces of evidence of an event.
pub const MOST_EVIDENCE: usize = 64;
/// Bytes of a body, in its canonical form.
pub const MOST_BODY_BYTES: usize = 256 << 10;
/// Levels of a body, itself the first.
pub const MOST_BODY_DEPTH: usize = 32;
/// Bytes of a piece of evidence, uncompressed.
pub const MOST_EVIDENCE_BYTES: usize = 16 << 20;
/// Events of a parcel.
pub const MOST_PARCEL_EVENTS: usize = 1000;
/// Bytes of all evidence of a parcel, uncompressed.
pub const MOST_PARCEL_BYTES: usize = 64 << 20;
/// The last moment: the end of the year 9999, in milliseconds since 1970.
pub const MOST_MILLIS: i64 = 253_402_300_799_999;

/// Something in an event that the ledger does not take.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{place}: {problem}\n\nhint: {hint}")]
pub struct Invalid {
    /// Where it is, as a path in the event, such as `scope.labels`.
    pub place: String,
    /// What is wrong with it.
    pub problem: String,
    /// What to do.
    pub hint: String,
}

impl Invalid {
    pub(crate) fn new(
        place: impl Into<String>,
        problem: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        Self { place: place.into(), problem: problem.into(), hint: hint.into() }
    }
}

/// Checks a text that names something: not empty, not too long, one line.
pub(crate) fn check_text(place: &str, text: &str, most: usize) -> Result<(), Invalid> {
    let characters = text.chars().count();
    if characters == 0 {
        return Err(Invalid::new(place, "it is empty", "write at least one character"));
    }
    if characters > most {
        let problem = format!("it has {characters} characters, at most {most} are taken");
        return Err(Invalid::new(place, problem, "shorten it; put what is long into the body"));
    }
    if text.chars().any(char::is_control) {
        let problem = "it has control characters, such as a line break or a tab";
        return Err(Invalid::new(place, problem, "write it without them"));
    }
    Ok(())
}

/// Checks that there are not too many of something.
pub(crate) fn check_count(
    place: &str,
    count: usize,
    most: usize,
    hint: &str,
) -> Result<(), Invalid> {
    if count <= most {
        return Ok(());
    }
    Err(Invalid::new(place, format!("there are {count}, at most {most} are taken"), hint))
}

/// Checks that a moment lies in the years 1970 to 9999.
pub(crate) fn check_time(place: &str, millis: i64) -> Result<(), Invalid> {
    if (0..=MOST_MILLIS).contains(&millis) {
        return Ok(());
    }
    let problem = format!("{millis} ms since 1970 is not in the years 1970 to 9999");
    Err(Invalid::new(place, problem, "see that it is in milliseconds, and the clock is right"))
}
