//! What must hold whatever somebody wrote.

use serin_check::{WriteError, WrittenAnalysis, read, write};
use serin_model::{Observations, Point};

/// Asserts that an error can be read on a terminal: short, and without control characters.
pub fn error_is_legible(error: &str) {
    assert!(error.chars().count() < LONGEST, "{} characters: {error}", error.chars().count());
    let control = error.chars().find(|c| c.is_control() && *c != '\n');
    assert!(control.is_none(), "{control:?} in {error:?}");
}

/// A problem and a hint of 300 characters each, a line of 160, and their frame.
const LONGEST: usize = 1500;

/// Asserts that what was read from a Check file can be written, and reads back the same.
pub fn survives_writing(written: &WrittenAnalysis) {
    match write(written, &["a\u{1b}[31m comment\nof two lines".to_owned()]) {
        Ok(text) => {
            let again = read("again", &text).expect("what was written is read");
            assert_eq!(again.analysis, written.analysis);
            assert_eq!(again.source, written.source);
        }
        Err(error) => panic!("cannot be written: {error}"),
    }
}

/// Asserts that a converted analysis reads back the same, or says why it is none.
pub fn converts(written: &WrittenAnalysis) {
    match write(written, &written.notes) {
        Ok(text) => {
            let again = read("again", &text).expect("what was written is read");
            let once_more = write(&again, &[]).expect("what was read is written");
            assert_eq!(read("once more", &once_more).expect("read").analysis, again.analysis);
        }
        Err(error @ WriteError::Refused { .. }) => error_is_legible(&error.to_string()),
        Err(error) => panic!("{error}"),
    }
}

/// Asserts that points are in ascending time, each moment once, and buckets are whole.
pub fn is_in_order(observations: &Observations) {
    match observations {
        Observations::Ratio(points) => {
            ascending(points);
            assert!(points.iter().all(|point| point.value.bad >= 0.0 && point.value.total >= 0.0));
        }
        Observations::Count(points) => ascending(points),
        Observations::Value(points) => ascending(points),
        Observations::Histogram { bounds, points } => {
            ascending(points);
            let buckets = bounds.as_slice().len() + 1;
            assert!(points.iter().all(|point| point.value.len() == buckets));
            assert!(points.iter().flat_map(|point| &point.value).all(|count| *count >= 0.0));
        }
    }
}

fn ascending<T>(points: &[Point<T>]) {
    assert!(points.windows(2).all(|pair| pair[0].time < pair[1].time));
}
