//! Small counts hidden in a percentage: 35.714 is 5 of 14.
//!
//! A share of few events is a fraction with a small denominator, and a number with all its digits
//! shows which. A share of exactly nothing or of all hides its denominator; it stands for at least
//! one event, and for about as many as the same replica, or else the arms, showed at other times.

use serde::{Deserialize, Serialize};

use super::rates::Tally;

/// The largest denominator that is looked for: above it, digits that were rounded would fit by chance.
const LARGEST_DENOMINATOR: u32 = 200;

/// How close a value must come to a fraction, relative to one.
const CLOSENESS: f64 = 1e-9;

/// Which whole a share is a part of.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Whole {
    One,
    Hundred,
}

impl Whole {
    pub(crate) fn size(self) -> f64 {
        match self {
            Self::One => 1.0,
            Self::Hundred => 100.0,
        }
    }
}

/// What a value looks like.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Look {
    /// Nothing or all.
    End,
    /// A fraction of so many that no short decimal could be.
    Fraction(u32),
    /// A short decimal, which may be a fraction of so many.
    ShortDecimal(u32),
    /// No share of few events.
    Other,
}

/// Whether the values of a metric are shares of small counts, as far as they were seen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Fractions {
    whole: Whole,
    fractions: u64,
    /// Short decimals, which any gauge may show.
    short: u64,
    others: u64,
    /// Denominators that were seen, faded: sum and weight.
    denominators: (f64, f64),
}

impl Fractions {
    pub(crate) fn new(whole: Whole) -> Self {
        Self { whole, fractions: 0, short: 0, others: 0, denominators: (0.0, 0.0) }
    }

    /// Returns what a share of all is written as: one, or a hundred.
    pub(crate) fn whole(&self) -> f64 {
        self.whole.size()
    }

    /// Takes note of a value.
    pub(crate) fn observe(&mut self, value: f64) {
        match self.look(value) {
            Look::End => {}
            Look::Fraction(denominator) => {
                self.fractions += 1;
                let (sum, weight) = self.denominators;
                self.denominators = (0.9 * sum + f64::from(denominator), 0.9 * weight + 1.0);
            }
            Look::ShortDecimal(_) => self.short += 1,
            Look::Other => self.others += 1,
        }
    }

    /// Returns whether what was seen is shares of small counts: at least one value shows it, or there
    /// was nothing but nothing and all.
    pub(crate) fn hold(&self) -> bool {
        self.others == 0 && (self.fractions > 0 || self.short == 0)
    }

    /// Returns whether a value was seen that is no share of few.
    pub(crate) fn are_refuted(&self) -> bool {
        self.others > 0
    }

    /// Returns whether a denominator was ever seen.
    pub(crate) fn are_shown(&self) -> bool {
        self.others == 0 && self.fractions > 0
    }

    /// Returns a share as counts, the part counted that is bad.
    ///
    /// * `bad_is_high`: whether the share itself is bad, or what it lacks to the whole.
    pub(crate) fn tally(&self, value: f64, bad_is_high: bool) -> Option<Tally> {
        let usual = if self.denominators.1 > 0.0 {
            (self.denominators.0 / self.denominators.1).max(1.0)
        } else {
            1.0
        };
        let exposure = match self.look(value) {
            Look::End => usual,
            Look::Fraction(denominator) | Look::ShortDecimal(denominator) => f64::from(denominator),
            Look::Other => return None,
        };
        let share = value / self.whole.size();
        let bad = if bad_is_high { share } else { 1.0 - share };
        // A count is whole but for rounding.
        Some(Tally { events: (bad * exposure).clamp(0.0, exposure), exposure })
    }

    /// Returns whether a value tells that something was counted, and not only that nothing was bad.
    pub(crate) fn tells(&self, value: f64) -> bool {
        matches!(self.look(value), Look::Fraction(_) | Look::ShortDecimal(_))
    }

    fn look(&self, value: f64) -> Look {
        let share = value / self.whole.size();
        if share == 0.0 || share == 1.0 {
            return Look::End;
        }
        if !(share > 0.0 && share < 1.0) {
            return Look::Other;
        }
        let Some(denominator) = denominator(share) else { return Look::Other };
        if is_short_decimal(value) {
            Look::ShortDecimal(denominator)
        } else {
            Look::Fraction(denominator)
        }
    }
}

/// Returns the smallest denominator of which `share` is a fraction.
fn denominator(share: f64) -> Option<u32> {
    (2..=LARGEST_DENOMINATOR).find(|denominator| {
        let part = share * f64::from(*denominator);
        (part - libm::round(part)).abs() < CLOSENESS * f64::from(*denominator)
    })
}

/// A number that somebody rounded, or that is an integer: any of them is a fraction of a hundred.
fn is_short_decimal(value: f64) -> bool {
    let scaled = value * 1e4;
    (scaled - libm::round(scaled)).abs() < 1e-7
}

#[cfg(test)]
mod tests {
    use super::{Fractions, Whole};

    fn seen(whole: Whole, values: &[f64]) -> Fractions {
        let mut fractions = Fractions::new(whole);
        values.iter().for_each(|value| fractions.observe(*value));
        fractions
    }

    #[test]
    fn a_share_of_few_events_shows_how_many_there_were() {
        for (part, all) in [(5.0, 14.0), (1.0, 3.0), (83.0, 166.0), (7.0, 199.0)] {
            let share = 100.0 * part / all;
            let fractions = seen(Whole::Hundred, &[share]);
            let tally = fractions.tally(share, true).unwrap();
            assert!((tally.events / tally.exposure - part / all).abs() < 1e-12);
            // The smallest denominator: never more events than there were.
            assert!(tally.exposure <= all && tally.exposure.fract() == 0.0, "{part} of {all}");
        }
    }

    #[test]
    fn what_is_no_fraction_of_few_is_no_count() {
        for value in [7.71484375, 2.345_678_901_234_567, 99.999, -1.0, 101.0, f64::NAN] {
            let fractions = seen(Whole::Hundred, &[100.0 / 3.0, value]);
            assert!(!fractions.hold() || value == 99.999, "{value}");
        }
    }

    #[test]
    fn integers_and_rounded_numbers_show_nothing() {
        let fractions = seen(Whole::Hundred, &[7.0, 25.0, 12.5, 0.0, 100.0]);
        assert!(!fractions.hold() && !fractions.are_refuted());
    }

    #[test]
    fn nothing_and_all_stand_for_what_the_others_usually_show() {
        assert_eq!(seen(Whole::Hundred, &[100.0]).tally(100.0, false).unwrap().exposure, 1.0);
        let fractions = seen(Whole::Hundred, &[100.0 * 5.0 / 14.0, 100.0 * 3.0 / 14.0]);
        let tally = fractions.tally(100.0, false).unwrap();
        assert!(tally.events == 0.0 && (tally.exposure - 14.0).abs() < 1e-9, "{tally:?}");
    }
}
