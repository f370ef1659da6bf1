//! What proves something: bytes that are called by their own digest.

use std::io::Read;

use crate::digest::Digest;
use crate::limits::{Invalid, MOST_EVIDENCE_BYTES};

/// The library's own default.
const LEVEL: i32 = 3;

/// A piece of evidence, compressed, and what it is called.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Evidence {
    /// The SHA-256 of the uncompressed bytes.
    digest: Digest,
    /// How many bytes it has uncompressed; at most [`MOST_EVIDENCE_BYTES`].
    size: usize,
    compressed: Vec<u8>,
}

impl Evidence {
    /// Compresses `bytes`, and calls them by their digest.
    ///
    /// # Errors
    ///
    /// Where there are more than [`MOST_EVIDENCE_BYTES`].
    pub fn new(bytes: &[u8]) -> Result<Self, Invalid> {
        if bytes.len() > MOST_EVIDENCE_BYTES {
            let size = bytes.len();
            let problem = format!("it has {size} bytes, at most {MOST_EVIDENCE_BYTES} are taken");
            return Err(Invalid::new("evidence", problem, "store it in several pieces"));
        }
        let compressed = zstd::encode_all(bytes, LEVEL).map_err(|error| {
            Invalid::new(
                "evidence",
                format!("it cannot be compressed: {error}"),
                "see that there is memory",
            )
        })?;
        Ok(Self { digest: Digest::of(bytes), size: bytes.len(), compressed })
    }

    /// Takes what a database has. Nothing is expanded: that is when it is looked at.
    pub(crate) fn stored(digest: Digest, size: usize, compressed: Vec<u8>) -> Self {
        Self { digest, size, compressed }
    }

    /// Returns what it is called: the SHA-256 of the uncompressed bytes.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Returns how many bytes it has uncompressed.
    #[must_use]
    pub fn size(&self) -> usize {
        self.size
    }

    /// Returns the bytes as they are stored: a Zstandard frame.
    #[must_use]
    pub fn compressed(&self) -> &[u8] {
        &self.compressed
    }

    /// Returns the uncompressed bytes. No more is expanded than is allowed, whatever is stored.
    ///
    /// # Errors
    ///
    /// What is wrong with what is stored: the bytes are not those that the digest names.
    pub fn expand(&self) -> Result<Vec<u8>, String> {
        let decoder = zstd::Decoder::new(&*self.compressed);
        let decoder = decoder.map_err(|error| format!("it cannot be expanded: {error}"))?;
        let mut bytes = Vec::with_capacity(self.size.min(MOST_EVIDENCE_BYTES));
        let most = MOST_EVIDENCE_BYTES as u64 + 1;
        let read = decoder.take(most).read_to_end(&mut bytes);
        read.map_err(|error| format!("it cannot be expanded: {error}"))?;
        if bytes.len() > MOST_EVIDENCE_BYTES {
            return Err(format!("it expands to more than {MOST_EVIDENCE_BYTES} bytes"));
        }
        let found = Digest::of(&bytes);
        if found != self.digest {
            return Err(format!("its bytes are those of {found}"));
        }
        if bytes.len() != self.size {
            return Err(format!("it has {} bytes, and shall have {}", bytes.len(), self.size));
        }
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evidence_comes_back_as_it_went_in() -> Result<(), Box<dyn std::error::Error>> {
        let bytes = "time,value\n".repeat(1000).into_bytes();
        let evidence = Evidence::new(&bytes)?;
        assert_eq!(evidence.expand()?, bytes);
        assert!(evidence.compressed().len() < bytes.len() / 20);
        assert_eq!(Evidence::new(b"")?.expand()?, b"");
        Ok(())
    }

    #[test]
    fn a_small_piece_cannot_expand_without_end() -> Result<(), Box<dyn std::error::Error>> {
        let bomb = zstd::encode_all(std::io::repeat(0).take(64 << 20), LEVEL)?;
        let evidence = Evidence::stored(Digest::ZERO, 10, bomb);
        assert_eq!(evidence.expand(), Err("it expands to more than 16777216 bytes".to_owned()));
        Ok(())
    }

    #[test]
    fn damage_is_said() -> Result<(), Box<dyn std::error::Error>> {
        let other = Evidence::new(b"something else")?;
        let swapped = Evidence::stored(Digest::of(b"this"), 4, other.compressed().to_vec());
        let problem = swapped.expand().err().unwrap_or_default();
        assert_eq!(problem, format!("its bytes are those of {}", other.digest()));
        let garbage = Evidence::stored(Digest::of(b"this"), 4, b"garbage".to_vec());
        assert!(garbage.expand().is_err());
        assert!(Evidence::new(&vec![0; MOST_EVIDENCE_BYTES + 1]).is_err());
        Ok(())
    }
}
