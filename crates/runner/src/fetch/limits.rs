//! How much a store may say.

/// The largest answer, unpacked: 64 MiB.
pub(crate) const MOST_BYTES: usize = 64 << 20;

/// All answers to one analysis together, unpacked: 1 GiB.
pub(crate) const MOST_BYTES_TOGETHER: usize = 1 << 30;
