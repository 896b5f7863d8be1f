//! Text in which every piece has an ink, and into which nothing gets that a terminal would obey.

use unicode_width::UnicodeWidthStr;

/// How a piece of text looks, by what it means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ink {
    /// Ordinary.
    Plain,
    /// What the eye must find.
    Strong,
    /// What can be read later.
    Dim,
    /// All is well.
    Good,
    /// Somebody should look.
    Warning,
    /// Somebody should look now.
    Bad,
    /// Nobody could look.
    Unknown,
}

impl Ink {
    /// The attributes that choose this ink, as numbers of the escape sequence SGR. Only the
    /// terminal's own palette, so that they can be read on any background.
    pub(super) const fn attributes(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Strong => "1",
            Self::Dim => "2",
            Self::Good => "32",
            Self::Warning => "33",
            Self::Bad => "1;31",
            Self::Unknown => "35",
        }
    }
}

/// One paragraph of text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Text {
    pieces: Vec<(Ink, String)>,
}

impl Text {
    /// Text in one ink.
    pub(super) fn new(ink: Ink, text: &str) -> Self {
        Self::default().and(ink, text)
    }

    /// Ordinary text.
    pub(super) fn plain(text: &str) -> Self {
        Self::new(Ink::Plain, text)
    }

    /// The text followed by more of it.
    #[must_use]
    pub(super) fn and(mut self, ink: Ink, text: &str) -> Self {
        self.push(ink, text);
        self
    }

    /// Adds to the end. The only way in: here everything is made harmless.
    pub(super) fn push(&mut self, ink: Ink, text: &str) {
        if text.is_empty() {
            return;
        }
        let text = text.chars().map(harmless);
        match self.pieces.last_mut() {
            Some((last, piece)) if *last == ink => piece.extend(text),
            _ => self.pieces.push((ink, text.collect())),
        }
    }

    /// Adds all of `other` to the end.
    pub(super) fn append(&mut self, other: &Self) {
        for (ink, piece) in &other.pieces {
            self.push(*ink, piece);
        }
    }

    /// The pieces in order.
    pub(super) fn pieces(&self) -> impl Iterator<Item = (Ink, &str)> {
        self.pieces.iter().map(|(ink, text)| (*ink, text.as_str()))
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// Columns that it takes.
    pub(super) fn width(&self) -> usize {
        self.pieces().map(|(_, text)| text.width()).sum()
    }

    /// Columns of the longest word.
    pub(super) fn longest_word(&self) -> usize {
        let words = self.words().into_iter().map(|(_, word)| word.width());
        words.max().unwrap_or_default()
    }

    /// The text in lines of at most `first` columns, and `rest` for those after the first, broken
    /// at spaces. A word that is wider has a line of its own and sticks out: an address or a file
    /// name cut in two is of no use.
    pub(super) fn lines(&self, first: usize, rest: usize) -> Vec<Self> {
        let mut lines = Vec::new();
        let mut line = Self::default();
        for (gap, word) in self.words() {
            let width = if lines.is_empty() { first } else { rest };
            if !line.is_empty() && line.width() + gap + word.width() > width {
                lines.push(std::mem::take(&mut line));
            }
            if let (Some((before, _)), Some((after, _))) = (line.pieces.last(), word.pieces.first())
            {
                let ink = if before == after { *after } else { Ink::Plain };
                line.push(ink, &" ".repeat(gap));
            }
            line.append(&word);
        }
        if !line.is_empty() {
            lines.push(line);
        }
        lines
    }

    /// The words, each after the spaces before it (at most two); the groups of a number (`1 204`)
    /// are one.
    fn words(&self) -> Vec<(usize, Self)> {
        let mut words: Vec<(usize, Self)> = Vec::new();
        let mut gap = 0;
        for (ink, piece) in self.pieces() {
            for (index, part) in piece.split(' ').enumerate() {
                gap += usize::from(index > 0);
                if part.is_empty() {
                    continue;
                }
                match words.last_mut() {
                    Some((_, word)) if gap == 0 => word.push(ink, part),
                    Some((_, word)) if word.ends_with_digit() && is_group(part) => {
                        word.push(ink, " ");
                        word.push(ink, part);
                    }
                    _ => words.push((gap.min(2), Self::new(ink, part))),
                }
                gap = 0;
            }
        }
        words
    }

    fn ends_with_digit(&self) -> bool {
        let last = self.pieces.last();
        last.is_some_and(|(_, text)| text.ends_with(|last: char| last.is_ascii_digit()))
    }
}

/// Whether this begins with exactly three digits, as the groups of a number do.
fn is_group(word: &str) -> bool {
    word.chars().take_while(char::is_ascii_digit).count() == 3
}

/// What may be shown in place of a character. Names of processes, devices and rules, and answers
/// of other hosts, are chosen by others: a terminal must neither obey them (escape sequences) nor
/// show them in another order or not at all (marks of direction and of no width).
fn harmless(char: char) -> char {
    match char {
        '\t' | '\n' | '\r' => ' ',
        _ if char.is_control() => char::REPLACEMENT_CHARACTER,
        '\u{00ad}'
        | '\u{061c}'
        | '\u{180e}'
        | '\u{feff}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{fff0}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e0fff}' => char::REPLACEMENT_CHARACTER,
        _ => char,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn flat(text: &Text) -> String {
        text.pieces().map(|(_, text)| text).collect()
    }

    fn lines(text: &str, width: usize) -> Vec<String> {
        Text::plain(text)
            .lines(width, width)
            .iter()
            .map(flat)
            .collect()
    }

    #[test]
    fn nothing_that_a_terminal_obeys_gets_through() {
        let text = flat(&Text::plain(
            "a\x1b[2Jb\x07\u{9b}31mc\x7f\0d\u{202e}e\u{200b}f\ng",
        ));
        assert_eq!(
            text,
            "a\u{fffd}[2Jb\u{fffd}\u{fffd}31mc\u{fffd}\u{fffd}d\u{fffd}e\u{fffd}f g"
        );
    }

    #[test]
    fn names_in_other_scripts_stay_as_they_are() {
        for name in ["grün", "демон", "サーバ", "ολα"] {
            assert_eq!(flat(&Text::plain(name)), name);
        }
        assert_eq!(Text::plain("サーバ").width(), 6);
    }

    #[test]
    fn lines_break_at_words_and_never_within_a_number() {
        assert_eq!(lines("lost 1 204 packets", 9), ["lost", "1 204", "packets"]);
        assert_eq!(lines("a  bc   def", 5), ["a  bc", "def"]);
        assert_eq!(
            lines("see https://example.org/ now", 8),
            ["see", "https://example.org/", "now"]
        );
        assert_eq!(lines("", 8), [""; 0]);
    }

    #[test]
    fn a_word_may_change_its_ink() {
        let text = Text::new(Ink::Strong, "next:")
            .and(Ink::Plain, " a")
            .and(Ink::Dim, "b c");
        let broken = text.lines(8, 6);
        assert_eq!(
            broken.iter().map(flat).collect::<Vec<_>>(),
            ["next: ab", "c"]
        );
        assert_eq!(broken[0].pieces[1], (Ink::Plain, " a".to_owned()));
        assert_eq!(broken[1].pieces[0], (Ink::Dim, "c".to_owned()));
    }

    proptest! {
        #[test]
        fn breaking_loses_no_word_and_keeps_to_the_width(
            text in "([a-z0-9 \u{e9}\u{30b5}\u{1b}]{0,8}){0,8}", width in 0_usize..30,
        ) {
            let whole = Text::plain(&text);
            let broken = whole.lines(width, width);
            let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
            let again: Vec<_> = broken.iter().flat_map(|line| words(&flat(line))).collect();
            prop_assert_eq!(again, words(&flat(&whole)));
            for line in broken {
                prop_assert!(line.width() <= width || line.words().len() == 1);
            }
        }
    }
}
