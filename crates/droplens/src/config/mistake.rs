//! What is wrong with a configuration, and where.

use std::fmt;
use std::ops::Range;

/// What is wrong with a configuration; shown with line, column and a caret.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Mistake {
    /// It is no TOML, has an unknown key or a wrong value.
    #[error(transparent)]
    Toml(Box<toml::de::Error>),
    /// Values that are right by themselves do not go together.
    #[error("{0}")]
    Conflict(Box<Conflict>),
}

impl From<toml::de::Error> for Mistake {
    fn from(error: toml::de::Error) -> Self {
        Self::Toml(error.into())
    }
}

/// Values that do not go together.
#[derive(Debug)]
pub(crate) struct Conflict {
    place: Place,
    why: String,
    other: Option<(Place, &'static str)>,
}

impl Conflict {
    /// At these bytes of the text.
    pub(super) fn new(text: &str, at: Range<usize>, why: impl Into<String>) -> Self {
        Self {
            place: Place::of(text, at),
            why: why.into(),
            other: None,
        }
    }

    /// With another place, and what is there.
    pub(super) fn and(mut self, text: &str, at: Range<usize>, what: &'static str) -> Self {
        self.other = Some((Place::of(text, at), what));
        self
    }
}

/// As the errors of the TOML parser look.
impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { place, why, other } = self;
        writeln!(
            f,
            "TOML parse error at line {}, column {}\n{place}\n{why}",
            place.line, place.column
        )?;
        if let Some((place, what)) = other {
            writeln!(f, "{what} at line {}, column {}", place.line, place.column)?;
            writeln!(f, "{place}")?;
        }
        Ok(())
    }
}

/// A place in the text.
#[derive(Debug)]
struct Place {
    line: usize,
    column: usize,
    text: String,
    width: usize,
}

impl Place {
    fn of(text: &str, at: Range<usize>) -> Self {
        let start = (0..=at.start.min(text.len()))
            .rev()
            .find(|at| text.is_char_boundary(*at))
            .unwrap_or_default();
        let (before, after) = text.split_at(start);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let head = before.get(line_start..).unwrap_or_default();
        let tail = after.lines().next().unwrap_or_default();
        let marked = tail.get(..at.end.saturating_sub(start)).unwrap_or(tail);
        Self {
            line: before.matches('\n').count() + 1,
            column: head.chars().count() + 1,
            text: format!("{head}{tail}"),
            width: marked.chars().count().max(1),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = self.line.to_string();
        let margin = " ".repeat(number.len());
        writeln!(f, "{margin} |\n{number} | {}", self.text)?;
        let indent = " ".repeat(self.column - 1);
        write!(f, "{margin} | {indent}{}", "^".repeat(self.width))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_places_are_shown_as_the_parser_shows_its_own() {
        let text = "[a]\nb = [\"\u{fc}\", \"x\"]\nc = \"x\"\n";
        let first = text.find("\"x\"").unwrap();
        let second = text.rfind("\"x\"").unwrap();
        let conflict =
            Conflict::new(text, second..second + 3, "twice").and(text, first..first + 3, "first");
        assert_eq!(
            conflict.to_string(),
            "TOML parse error at line 3, column 5\n  |\n3 | c = \"x\"\n  |     ^^^\ntwice\n\
             first at line 2, column 11\n  |\n2 | b = [\"\u{fc}\", \"x\"]\n  |           ^^^\n"
        );
    }

    #[test]
    fn any_range_is_survived() {
        for (start, end) in [(0, 0), (3, 1), (99, 200), (2, 3)] {
            let _ = Conflict::new("a\u{fc}\n", start..end, "").to_string();
        }
    }
}
