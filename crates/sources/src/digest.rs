//! What was read, byte for byte.

use std::fmt::Write as _;
use std::io::{self, Read};

use sha2::{Digest as _, Sha256};

use crate::collect::Series;

/// Reads through to another reader, and remembers what went by.
#[derive(Debug)]
pub struct DigestReader<R> {
    inner: R,
    hasher: Sha256,
    bytes: u64,
}

/// The identity of a file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Digest {
    /// The SHA-256 of its bytes as stored, in hexadecimal.
    pub sha256: String,
    /// How many bytes it has.
    pub bytes: u64,
}

impl<R: Read> DigestReader<R> {
    /// Creates a reader that has not read anything.
    pub fn new(inner: R) -> Self {
        Self { inner, hasher: Sha256::new(), bytes: 0 }
    }

    /// Reads what is left, and returns the identity of all that went by.
    ///
    /// # Errors
    ///
    /// Those of the inner reader.
    pub fn finish(mut self) -> io::Result<Digest> {
        io::copy(&mut self, &mut io::sink())?;
        Ok(Digest { sha256: hexadecimal(&self.hasher.finalize()), bytes: self.bytes })
    }
}

impl Digest {
    /// Returns the identity of a text.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let sha256 = hexadecimal(&Sha256::digest(text.as_bytes()));
        Self { sha256, bytes: text.len() as u64 }
    }
}

impl Digest {
    /// Returns the identity of points, whatever they were written in.
    ///
    /// * `series`: in the order of their names.
    pub(crate) fn of_points(series: &[Series]) -> Self {
        let (mut hasher, mut bytes) = (Sha256::new(), 0);
        let mut add = |part: &[u8]| {
            hasher.update((part.len() as u64).to_le_bytes());
            hasher.update(part);
            bytes += part.len() as u64;
        };
        for series in series {
            add(series.metric.as_deref().unwrap_or_default().as_bytes());
            for (name, value) in &series.labels {
                add(name.as_bytes());
                add(value.as_bytes());
            }
            for sample in &series.samples {
                add(&sample.time.as_millis().to_le_bytes());
                add(&sample.value.to_bits().to_le_bytes());
            }
        }
        Self { sha256: hexadecimal(&hasher.finalize()), bytes }
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Fails where another reader goes on for too long, so that a small file cannot unpack without end.
#[derive(Debug)]
pub(crate) struct LimitedReader<R> {
    inner: R,
    most: u64,
    left: u64,
}

impl<R: Read> LimitedReader<R> {
    /// Creates a reader of at most `most` bytes.
    pub(crate) fn new(inner: R, most: u64) -> Self {
        Self { inner, most, left: most }
    }
}

impl<R: Read> Read for LimitedReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.left = self.left.checked_sub(read as u64).ok_or_else(|| {
            let problem = format!("it is larger than {} GiB unpacked", self.most >> 30);
            io::Error::new(io::ErrorKind::FileTooLarge, problem)
        })?;
        Ok(read)
    }
}

impl<R: Read> Read for DigestReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.hasher.update(&buffer[..read]);
        self.bytes += read as u64;
        Ok(read)
    }
}
