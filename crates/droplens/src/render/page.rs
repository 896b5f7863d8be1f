//! The text being written: lines, paragraphs and headings.

use std::borrow::Cow;

use unicode_width::UnicodeWidthChar;

use super::style::Style;
use super::text::{Ink, Text};

/// The text being written.
pub(super) struct Page {
    style: Style,
    out: String,
}

impl Page {
    pub(super) const fn new(style: Style) -> Self {
        Self {
            style,
            out: String::new(),
        }
    }

    pub(super) const fn style(&self) -> Style {
        self.style
    }

    pub(super) fn finish(self) -> String {
        self.out
    }

    /// Ends what came before with an empty line, and names what follows.
    pub(super) fn heading(&mut self, title: &str) {
        self.blank();
        self.line(0, &Text::new(Ink::Strong, title));
    }

    pub(super) fn blank(&mut self) {
        if !self.out.is_empty() {
            self.out.push('\n');
        }
    }

    /// A paragraph whose lines begin at column `indent`, those after the first at `hanging`.
    pub(super) fn paragraph(&mut self, indent: usize, hanging: usize, text: &Text) {
        let mut at = indent;
        let room = |taken| self.style.width.saturating_sub(taken);
        for line in text.lines(room(indent), room(hanging)) {
            self.line(at, &line);
            at = hanging;
        }
    }

    /// One line that begins at column `indent`, however wide it is.
    pub(super) fn line(&mut self, indent: usize, text: &Text) {
        self.out.extend(std::iter::repeat_n(' ', indent));
        for (ink, piece) in text.pieces() {
            let piece = self.spelled(piece);
            let attributes = ink.attributes();
            if self.style.colour && !attributes.is_empty() {
                self.out.push_str("\x1b[");
                self.out.push_str(attributes);
                self.out.push('m');
                self.out.push_str(&piece);
                self.out.push_str("\x1b[0m");
            } else {
                self.out.push_str(&piece);
            }
        }
        self.out.truncate(self.out.trim_end_matches(' ').len());
        self.out.push('\n');
    }

    /// The piece in the characters that can be shown, and as wide as before.
    fn spelled<'a>(&self, piece: &'a str) -> Cow<'a, str> {
        if self.style.unicode || piece.is_ascii() {
            return Cow::Borrowed(piece);
        }
        let spell = |char: char| {
            let width = char.width().unwrap_or(1);
            let (shown, times) = if char.is_ascii() {
                (char, 1)
            } else {
                ('?', width)
            };
            std::iter::repeat_n(shown, times)
        };
        Cow::Owned(piece.chars().flat_map(spell).collect())
    }
}
