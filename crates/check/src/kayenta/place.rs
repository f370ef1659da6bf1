//! Where in a JSON text a value stands. The parser does not say, and only an error asks.

use serin_model::Place;

/// One step from a value to one inside it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step<'a> {
    /// To the value of a key.
    Key(&'a str),
    /// To an item of a list, from zero.
    Index(usize),
}

/// Returns the place of the value that `steps` lead to, in a text that is JSON.
pub(crate) fn place_of(text: &str, steps: &[Step<'_>]) -> Option<Place> {
    let mut walk = Walk { text, at: 0 };
    for step in steps {
        match step {
            Step::Key(key) => walk.enter_object(key)?,
            Step::Index(index) => walk.enter_list(*index)?,
        }
    }
    walk.skip_space();
    let before = text.get(..walk.at).filter(|_| walk.at < text.len())?;
    let line_start = before.rfind('\n').map_or(0, |end| end + 1);
    Some(Place {
        line: 1 + before.matches('\n').count() as u64,
        column: 1 + before[line_start..].chars().count() as u64,
    })
}

struct Walk<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Walk<'a> {
    /// Goes to the value of a key; of a key that is there twice to the last, as the parser does.
    fn enter_object(&mut self, wanted: &str) -> Option<()> {
        let mut found = None;
        self.take(b'{')?;
        while self.peek()? == b'"' {
            let key: String = serde_json::from_str(self.skip_value()?).ok()?;
            self.take(b':')?;
            if key == wanted {
                found = Some(self.at);
            }
            self.skip_value()?;
            if self.take(b',').is_none() {
                break;
            }
        }
        self.at = found?;
        Some(())
    }

    fn enter_list(&mut self, index: usize) -> Option<()> {
        self.take(b'[')?;
        for _ in 0..index {
            self.skip_value()?;
            self.take(b',')?;
        }
        Some(())
    }

    fn skip_space(&mut self) {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_start_matches([' ', '\t', '\r', '\n']).len();
    }

    fn peek(&mut self) -> Option<u8> {
        self.skip_space();
        self.text.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    /// Passes over a value of any depth, and returns its text.
    fn skip_value(&mut self) -> Option<&'a str> {
        self.skip_space();
        let start = self.at;
        let mut depth = 0;
        loop {
            match self.text.as_bytes().get(self.at)? {
                b'"' => self.skip_string()?,
                b'{' | b'[' => {
                    depth += 1;
                    self.at += 1;
                }
                b'}' | b']' => {
                    depth -= 1;
                    self.at += 1;
                }
                _ => self.at += 1,
            }
            let next = self.text.as_bytes().get(self.at);
            if depth == 0 && next.is_none_or(|next| b",:]} \t\r\n".contains(next)) {
                return self.text.get(start..self.at);
            }
        }
    }

    fn skip_string(&mut self) -> Option<()> {
        let bytes = self.text.as_bytes();
        self.at += 1;
        while *bytes.get(self.at)? != b'"' {
            self.at += if bytes[self.at] == b'\\' { 2 } else { 1 };
        }
        self.at += 1;
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Step, place_of};
    use serin_model::Place;

    const TEXT: &str = r#"{
  "a\"}": [1, {"b": "x]\\", "b": 2}],
  "é": {"c": [[], -1.5e3 , null]}
}"#;

    fn at(steps: &[Step<'_>]) -> Option<(u64, u64)> {
        place_of(TEXT, steps).map(|Place { line, column }| (line, column))
    }

    #[test]
    fn a_value_is_found_by_its_steps() {
        assert_eq!(at(&[]), Some((1, 1)));
        assert_eq!(at(&[Step::Key("a\"}"), Step::Index(0)]), Some((2, 12)));
        assert_eq!(at(&[Step::Key("a\"}"), Step::Index(1), Step::Key("b")]), Some((2, 34)));
        assert_eq!(at(&[Step::Key("é"), Step::Key("c"), Step::Index(1)]), Some((3, 19)));
        assert_eq!(at(&[Step::Key("é"), Step::Key("c"), Step::Index(2)]), Some((3, 28)));
    }

    #[test]
    fn what_is_not_there_has_no_place() {
        assert_eq!(at(&[Step::Key("z")]), None);
        assert_eq!(at(&[Step::Index(0)]), None);
        assert_eq!(at(&[Step::Key("é"), Step::Key("c"), Step::Index(9)]), None);
        assert_eq!(place_of("", &[]), None);
    }
}
