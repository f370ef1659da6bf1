//! One question about a canary.

use std::num::NonZeroU32;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::guardrail::Guardrail;
use crate::kayenta::KayentaOptions;
use crate::measure::{Measure, MeasureKind};

/// A question about one metric: what to measure, which change is bad, and how much of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Check {
    /// What people call it. Unique in its [`Analysis`](crate::Analysis).
    pub name: String,
    /// What is measured, and how to ask for it.
    pub measure: Measure,
    /// Which change is bad.
    pub worse: Worse,
    /// How much of it a team puts up with.
    pub margins: Margins,
    /// Whether a promotion needs this metric to be proven safe.
    pub gating: bool,
    /// Whether this metric alone can take the score to zero.
    pub critical: bool,
    /// Whether it is judged and shown, but never counted.
    pub muted: bool,
    /// The groups whose score it counts in. In none, it never counts.
    pub groups: Vec<String>,
    /// A bound beside the comparison.
    pub guardrail: Option<Guardrail>,
    /// Fewer points than this on either arm bar a pass.
    pub minimum_points: Option<NonZeroU32>,
    /// Who answers for it.
    pub owner: Option<String>,
    /// What only the `kayenta` judge reads.
    pub kayenta: KayentaOptions,
}

/// Which change of a metric is bad.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Worse {
    /// A rise.
    Higher,
    /// A fall.
    Lower,
    /// Either.
    #[default]
    Either,
}

impl Worse {
    /// Returns the direction a kind has unless a Check says otherwise: more errors, more events and
    /// more latency are worse; a gauge may be bad either way.
    #[must_use]
    pub fn of_kind(kind: MeasureKind) -> Self {
        match kind {
            MeasureKind::Ratio
            | MeasureKind::Histogram
            | MeasureKind::Count
            | MeasureKind::Quantile => Self::Higher,
            MeasureKind::Gauge => Self::Either,
        }
    }
}

/// How much change in the bad direction is tolerated, and how much is unacceptable.
///
/// A relative margin is a fraction of control: 0.25 is a quarter more. The floor is absolute, in the
/// metric's own unit (a share of one for a ratio): a change below it is tolerated however large it
/// is relatively.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Margins {
    tolerance: f64,
    unacceptable: f64,
    floor: f64,
    unacceptable_floor: f64,
    written: WrittenMargins,
}

/// Which margins a Check states itself; the others are defaults.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct WrittenMargins {
    /// Whether `tolerance` is written.
    pub tolerance: bool,
    /// Whether `unacceptable` is written.
    pub unacceptable: bool,
    /// Whether `floor` or `unacceptable_floor` is written.
    pub floor: bool,
}

impl Margins {
    /// Creates margins for a kind of metric. A tolerance or floor that is `None` is the kind's own;
    /// what is unacceptable is, unless said, twice as much.
    ///
    /// # Errors
    ///
    /// [`CheckError`] when a margin is negative or not finite, or when what is unacceptable is not
    /// more than what is tolerated.
    pub fn new(
        kind: MeasureKind,
        tolerance: Option<f64>,
        unacceptable: Option<f64>,
        floor: Option<f64>,
        unacceptable_floor: Option<f64>,
    ) -> Result<Self, CheckError> {
        let written = WrittenMargins {
            tolerance: tolerance.is_some(),
            unacceptable: unacceptable.is_some(),
            floor: floor.is_some() || unacceptable_floor.is_some(),
        };
        let default = Self::of_kind(kind);
        let tolerance = tolerance.unwrap_or(default.tolerance);
        // Who tolerates nothing at all does not tolerate the floor either.
        let default_floor = if written.tolerance && tolerance == 0.0 { 0.0 } else { default.floor };
        let floor = floor.unwrap_or(default_floor);
        let unacceptable = unacceptable.unwrap_or(2.0 * tolerance);
        let unacceptable_floor = unacceptable_floor.unwrap_or(2.0 * floor);
        for (name, value) in [
            ("tolerance", tolerance),
            ("unacceptable", unacceptable),
            ("floor", floor),
            ("unacceptable_floor", unacceptable_floor),
        ] {
            if !value.is_finite() || value < 0.0 {
                return Err(CheckError::Margin { name, value });
            }
        }
        // With no tolerance at all, nothing but zero is twice as much.
        let ordered = unacceptable > tolerance || (tolerance == 0.0 && unacceptable == 0.0);
        if !ordered {
            return Err(CheckError::Unacceptable { tolerance, unacceptable });
        }
        if unacceptable_floor < floor {
            return Err(CheckError::UnacceptableFloor { floor, unacceptable_floor });
        }
        Ok(Self { tolerance, unacceptable, floor, unacceptable_floor, written })
    }

    /// Returns the margins a kind has unless a Check says otherwise; `docs/defaults.md` argues them.
    #[must_use]
    pub fn of_kind(kind: MeasureKind) -> Self {
        let (tolerance, floor) = match kind {
            MeasureKind::Ratio => (0.25, 0.000_5),
            MeasureKind::Histogram | MeasureKind::Quantile => (0.05, 0.0),
            MeasureKind::Count => (0.25, 0.0),
            MeasureKind::Gauge => (0.10, 0.0),
        };
        Self {
            tolerance,
            unacceptable: 2.0 * tolerance,
            floor,
            unacceptable_floor: 2.0 * floor,
            written: WrittenMargins::default(),
        }
    }

    /// Returns which of them a Check states itself.
    #[must_use]
    pub fn written(&self) -> WrittenMargins {
        self.written
    }

    /// Returns the tolerated change, as a fraction of control.
    #[must_use]
    pub fn tolerance(&self) -> f64 {
        self.tolerance
    }

    /// Returns the unacceptable change, as a fraction of control.
    #[must_use]
    pub fn unacceptable(&self) -> f64 {
        self.unacceptable
    }

    /// Returns the absolute change that is always tolerated, in the metric's unit.
    #[must_use]
    pub fn floor(&self) -> f64 {
        self.floor
    }

    /// Returns the absolute change below which nothing is unacceptable, in the metric's unit.
    #[must_use]
    pub fn unacceptable_floor(&self) -> f64 {
        self.unacceptable_floor
    }
}

/// A Check that asks nothing sensible.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CheckError {
    /// A margin below zero, or not a number.
    #[error("`{name}` is {value}; a margin is a finite number, zero or more")]
    Margin {
        /// Which margin.
        name: &'static str,
        /// Its value as given.
        value: f64,
    },
    /// Nothing lies between what is tolerated and what is unacceptable.
    #[error("`unacceptable` ({unacceptable}) must be more than `tolerance` ({tolerance})")]
    Unacceptable {
        /// The tolerated fraction.
        tolerance: f64,
        /// The unacceptable fraction.
        unacceptable: f64,
    },
    /// The unacceptable floor lies below the tolerated one.
    #[error("`unacceptable_floor` ({unacceptable_floor}) must not be below `floor` ({floor})")]
    UnacceptableFloor {
        /// The tolerated absolute change.
        floor: f64,
        /// The absolute change below which nothing is unacceptable.
        unacceptable_floor: f64,
    },
}
