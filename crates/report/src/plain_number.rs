//! Numbers as programs read them.

/// Returns the shortest decimal that reads back as `value`, with an exponent far from one: `0.0392`,
/// `1.5e300`. Not for numbers that are not finite.
pub(crate) fn plain_number(value: f64) -> String {
    let size = value.abs();
    if size == 0.0 || (1e-5..1e16).contains(&size) {
        // A negative zero says nothing that zero does not.
        format!("{}", value + 0.0)
    } else {
        format!("{value:e}")
    }
}

#[cfg(test)]
mod tests {
    use super::plain_number;

    #[test]
    fn numbers_are_short_and_read_back() {
        let written = [
            (0.0, "0"),
            (-0.0, "0"),
            (75.0, "75"),
            (0.1 + 0.2, "0.30000000000000004"),
            (-1.25e-7, "-1.25e-7"),
            (1.5e300, "1.5e300"),
            (5e-324, "5e-324"),
        ];
        for (value, text) in written {
            assert_eq!(plain_number(value), text);
            assert_eq!(text.parse(), Ok(value));
        }
    }
}
