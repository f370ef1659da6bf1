//! Absolute bounds that hold beside the comparison.

use std::num::NonZeroU32;

/// A bound that the canary must not break, whatever the control does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Guardrail {
    /// The bound.
    pub bound: Bound,
    /// How many consecutive points must break it. A gap neither counts nor starts over.
    pub consecutive: NonZeroU32,
    /// How many events those points must hold together: all events of a ratio or a histogram, the
    /// counted ones of a count. Values without events, and bounds from below, need none.
    pub minimum_events: u32,
}

impl Guardrail {
    /// How many points in a row break a guardrail unless a Check says otherwise.
    pub const DEFAULT_CONSECUTIVE: NonZeroU32 = NonZeroU32::new(3).expect("three is not zero");

    /// How many events a broken run must hold unless a Check says otherwise.
    pub const DEFAULT_MINIMUM_EVENTS: u32 = 20;
}

/// Which side of which value is out of bounds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bound {
    /// Values above this one break the guardrail. Invariant: finite.
    Above(f64),
    /// Values below this one break the guardrail. Invariant: finite.
    Below(f64),
}

impl Bound {
    /// Creates a bound that values above it break.
    ///
    /// # Errors
    ///
    /// [`GuardrailError::NotFinite`] when `value` is NaN or infinite: nothing could break it.
    pub fn above(value: f64) -> Result<Self, GuardrailError> {
        finite(value).map(Self::Above)
    }

    /// Creates a bound that values below it break.
    ///
    /// # Errors
    ///
    /// [`GuardrailError::NotFinite`] when `value` is NaN or infinite: nothing could break it.
    pub fn below(value: f64) -> Result<Self, GuardrailError> {
        finite(value).map(Self::Below)
    }

    /// Returns whether `value` is out of bounds; NaN never is.
    #[must_use]
    pub fn is_broken_by(self, value: f64) -> bool {
        match self {
            Self::Above(bound) => value > bound,
            Self::Below(bound) => value < bound,
        }
    }

    /// Returns the bound itself.
    #[must_use]
    pub fn value(self) -> f64 {
        match self {
            Self::Above(bound) | Self::Below(bound) => bound,
        }
    }
}

fn finite(value: f64) -> Result<f64, GuardrailError> {
    if value.is_finite() { Ok(value) } else { Err(GuardrailError::NotFinite { value }) }
}

/// A guardrail that could never be broken.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum GuardrailError {
    /// The bound is not a number that a metric could pass.
    #[error("a limit must be a finite number, not {value}")]
    NotFinite {
        /// The bound as given.
        value: f64,
    },
}
