//! Tokens as their holders have them.

use std::fmt;
use std::str::FromStr;

use serin_ledger::Digest;
use subtle::ConstantTimeEq as _;

/// A token: what it is called, and 256 random bits that nobody else knows.
///
/// It is written as `serin_`, twelve hexadecimal digits of its name, `_`, and 64 of the secret. It begins with a word
/// that scanners of repositories can look for. The ledger keeps its SHA-256 alone: nothing slower is needed for
/// what cannot be guessed.
#[derive(Clone)]
pub struct Secret(String);

/// What tokens begin with.
const PREFIX: &str = "serin_";
const ID_DIGITS: usize = 12;
const SECRET_DIGITS: usize = 64;

impl Secret {
    /// Draws a new one.
    ///
    /// # Errors
    ///
    /// Where the system has no random numbers.
    pub fn draw() -> Result<Self, getrandom::Error> {
        let (id, secret) = (random_digits(ID_DIGITS)?, random_digits(SECRET_DIGITS)?);
        Ok(Self(format!("{PREFIX}{id}_{secret}")))
    }

    /// Returns its name, which is no secret.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.0[PREFIX.len()..PREFIX.len() + ID_DIGITS]
    }

    /// Returns what the ledger keeps of it.
    #[must_use]
    pub fn hash(&self) -> Digest {
        Digest::of(self.0.as_bytes())
    }

    /// Returns whether it is the one with this hash, in a time that says nothing about how alike they are.
    #[must_use]
    pub fn has_hash(&self, hash: &Digest) -> bool {
        self.hash().as_bytes().ct_eq(hash.as_bytes()).into()
    }

    /// Returns the token itself, to be shown once.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// Draws random hexadecimal digits.
pub(crate) fn random_digits(digits: usize) -> Result<String, getrandom::Error> {
    let mut bytes = vec![0; digits / 2];
    getrandom::fill(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

impl FromStr for Secret {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        let parts = text.strip_prefix(PREFIX).and_then(|rest| rest.split_once('_'));
        let is_token = parts.is_some_and(|(id, secret)| {
            (id.len(), secret.len()) == (ID_DIGITS, SECRET_DIGITS)
                && id.bytes().chain(secret.bytes()).all(is_digit)
        });
        if is_token { Ok(Self(text.to_owned())) } else { Err(()) }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({}, …)", self.id())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_itself_and_no_other() {
        let (one, other) = (Secret::draw().unwrap(), Secret::draw().unwrap());
        assert!(one.has_hash(&one.hash()) && !one.has_hash(&other.hash()));
        let read: Secret = one.expose().parse().unwrap();
        assert_eq!((read.id(), read.hash()), (one.id(), one.hash()));
        assert_eq!(format!("{one:?}"), format!("Secret({}, …)", one.id()));
    }

    #[test]
    fn what_is_no_token_is_none() {
        let good = format!("serin_{}_{}", "0".repeat(12), "a".repeat(64));
        assert!(good.parse::<Secret>().is_ok());
        let bad = [
            String::new(),
            "serin_".to_owned(),
            good.replace("serin_", "serim_"),
            good.replace('a', "A"),
            format!("{good}a"),
            good.replace("_a", "a"),
            good.replace("0_", "0ä_"),
        ];
        for text in bad {
            assert!(text.parse::<Secret>().is_err(), "{text}");
        }
    }
}
