//! What two-sample procedures share: the alternative, and what they refuse.

/// The alternative hypothesis of a two-sample test.
///
/// The direction is that of the *first* sample relative to the second.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Alternative {
    /// The first sample tends to be larger.
    Greater,
    /// The first sample tends to be smaller.
    Less,
    /// The samples differ, in either direction.
    TwoSided,
}

/// Why a two-sample procedure has no answer.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SampleError {
    /// The confidence level is not between 0 and 1, both excluded.
    #[error("confidence level {value} is not between 0 and 1")]
    Confidence {
        /// The level asked for.
        value: f64,
    },
    /// All values of a sample are equal, and the question is about their
    /// differences.
    #[error("all values of sample `{sample}` are equal")]
    Constant {
        /// The name of the parameter.
        sample: &'static str,
    },
    /// A sample has no values.
    #[error("sample `{sample}` is empty")]
    Empty {
        /// The name of the parameter.
        sample: &'static str,
    },
    /// A sample holds a NaN, or an infinity where only finite values will do.
    #[error("sample `{sample}` has the unusable value {value} at index {index}")]
    NotFinite {
        /// The name of the parameter.
        sample: &'static str,
        /// Where in the sample the first such value is, counted from 0.
        index: usize,
        /// The value itself.
        value: f64,
    },
    /// A number is outside the range in which the question makes sense.
    #[error("`{parameter}` is {value}, not {range}")]
    OutOfRange {
        /// The name of the parameter.
        parameter: &'static str,
        /// The value given.
        value: f64,
        /// The range in words, such as "between 0 and 1".
        range: &'static str,
    },
    /// A sample has more values than can be dealt with.
    #[error("sample `{sample}` has more than {most} values; take fewer, or an approximate method")]
    TooMany {
        /// The name of the parameter.
        sample: &'static str,
        /// The most values there may be.
        most: usize,
    },
    /// Two samples are not as long as each other, and their values are pairs.
    #[error("samples of {n_x} and {n_y} values are not pairs")]
    Unpaired {
        /// The number of values in the first sample.
        n_x: usize,
        /// The number of values in the second sample.
        n_y: usize,
    },
    /// The exact null distribution of samples this large costs too much.
    #[error(
        "the exact distribution for samples of {n_x} and {n_y} values is too large; \
         use the asymptotic method"
    )]
    TooLarge {
        /// The number of values in the first sample.
        n_x: usize,
        /// The number of values in the second sample.
        n_y: usize,
    },
}

/// Checks that a sample has values, all of them in one order: infinities are
/// welcome, NaN is not.
pub(crate) fn check_ordered(sample: &'static str, values: &[f64]) -> Result<(), SampleError> {
    check(sample, values, |value| !value.is_nan())
}

/// Checks that a sample has values, all of them finite.
pub(crate) fn check_finite(sample: &'static str, values: &[f64]) -> Result<(), SampleError> {
    check(sample, values, f64::is_finite)
}

fn check(
    sample: &'static str,
    values: &[f64],
    is_usable: fn(f64) -> bool,
) -> Result<(), SampleError> {
    if values.is_empty() {
        return Err(SampleError::Empty { sample });
    }
    match values.iter().enumerate().find(|&(_, &value)| !is_usable(value)) {
        Some((index, &value)) => Err(SampleError::NotFinite { sample, index, value }),
        None => Ok(()),
    }
}

/// Checks that a number lies between 0 and 1, both excluded.
pub(crate) fn check_open_unit(parameter: &'static str, value: f64) -> Result<(), SampleError> {
    if 0.0 < value && value < 1.0 {
        return Ok(());
    }
    Err(SampleError::OutOfRange { parameter, value, range: "between 0 and 1" })
}

/// Checks that a number is finite and more than 0.
pub(crate) fn check_positive(parameter: &'static str, value: f64) -> Result<(), SampleError> {
    if 0.0 < value && value < f64::INFINITY {
        return Ok(());
    }
    Err(SampleError::OutOfRange { parameter, value, range: "finite and more than 0" })
}

/// Checks that a number is finite and not negative.
pub(crate) fn check_not_negative(parameter: &'static str, value: f64) -> Result<(), SampleError> {
    if (0.0..f64::INFINITY).contains(&value) {
        return Ok(());
    }
    Err(SampleError::OutOfRange { parameter, value, range: "finite and at least 0" })
}
