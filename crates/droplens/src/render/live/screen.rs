//! What is written to show one text after the other.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use unicode_width::UnicodeWidthChar;

/// Takes the alternate screen, hides the cursor, and cuts long lines instead of wrapping them:
/// a line more than expected would scroll the first one away.
const ENTER: &str = "\x1b[?1049h\x1b[?25l\x1b[?7l";

/// Undoes [`ENTER`].
pub(super) const LEAVE: &str = "\x1b[?7h\x1b[?25h\x1b[?1049l";

/// Holds the picture until [`END`], in terminals that know it; then to the upper left corner.
const BEGIN: &str = "\x1b[?2026h\x1b[H";

/// Clears what is below, and shows the picture.
const END: &str = "\x1b[J\x1b[?2026l";

/// Clears to the end of the line. Before the line is written: after one that is as wide as the
/// screen, the cursor stands on its last character, which would be cleared as well.
const REST: &str = "\x1b[K";

/// The size of a screen, in characters.
#[derive(Clone, Copy, Debug)]
pub(super) struct Size {
    pub(super) rows: usize,
    pub(super) columns: usize,
}

/// Where texts are shown.
pub(super) struct Screen<W: Write> {
    out: W,
    /// Whether the alternate screen is to be left; none where there is no terminal.
    taken: Option<Arc<AtomicBool>>,
    first: bool,
}

impl<W: Write> Screen<W> {
    /// Shows texts one after the other.
    pub(super) const fn plain(out: W) -> Self {
        Self {
            out,
            taken: None,
            first: true,
        }
    }

    /// Shows texts in place, on the alternate screen of a terminal.
    pub(super) fn live(out: W) -> io::Result<Self> {
        let mut screen = Self {
            out,
            taken: Some(Arc::new(AtomicBool::new(true))),
            first: true,
        };
        screen.write(ENTER)?;
        Ok(screen)
    }

    /// Whether the alternate screen is to be left; whoever sets this to `false` must leave it.
    pub(super) fn taken(&self) -> Arc<AtomicBool> {
        self.taken.clone().unwrap_or_default()
    }

    /// Shows `text` on a screen of this size.
    pub(super) fn show(&mut self, text: &str, size: Size) -> io::Result<()> {
        let shown = if self.taken.is_some() {
            frame(text, size)
        } else if self.first {
            text.to_owned()
        } else {
            format!("\n{text}")
        };
        self.first = false;
        self.write(&shown)
    }

    /// Writes all of it at once, so that nobody sees half a picture.
    fn write(&mut self, text: &str) -> io::Result<()> {
        self.out.write_all(text.as_bytes())?;
        self.out.flush()
    }
}

impl<W: Write> Drop for Screen<W> {
    fn drop(&mut self) {
        let taken = self.taken.as_ref();
        if taken.is_some_and(|taken| taken.swap(false, Ordering::AcqRel)) {
            // If the terminal is gone, there is nothing to give back.
            let _gone = self.write(LEAVE);
        }
    }
}

/// The sequences that put `text` in place of what is there. Each line is cleared only when it is
/// written over, so nothing flickers.
fn frame(text: &str, Size { rows, columns }: Size) -> String {
    let lines = text.lines().count();
    let shown = if lines > rows {
        rows.saturating_sub(1)
    } else {
        lines
    };
    let mut frame = BEGIN.to_owned();
    for (index, line) in text.lines().take(shown).enumerate() {
        if index > 0 {
            frame.push_str("\r\n");
        }
        frame.push_str(REST);
        frame.push_str(&cut(line, columns));
    }
    if lines > shown {
        if shown > 0 {
            frame.push_str("\r\n");
        }
        let more = lines - shown;
        // Writing to a String cannot fail.
        let hint = format!("({more} more lines: `droplens report`)");
        let _ok = write!(frame, "{REST}{}", cut(&hint, columns));
    }
    frame.push_str(END);
    frame
}

/// As much of a line as fits, with all of its sequences for colour: they take no columns, and the
/// last one ends what an earlier one began.
fn cut(line: &str, columns: usize) -> String {
    let mut shown = String::with_capacity(line.len());
    let mut taken = 0;
    let mut within_sequence = false;
    for char in line.chars() {
        if within_sequence || char == '\x1b' {
            within_sequence = char != 'm';
            shown.push(char);
            continue;
        }
        taken += char.width().unwrap_or(0);
        if taken <= columns {
            shown.push(char);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn size(rows: usize, columns: usize) -> Size {
        Size { rows, columns }
    }

    fn written(screen: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        screen(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_terminal_is_drawn_over_in_place_and_given_back() {
        let text = written(|out| {
            let mut screen = Screen::live(out).unwrap();
            screen.show("one\ntwo\n", size(24, 80)).unwrap();
            screen.show("three\n", size(24, 80)).unwrap();
        });
        assert_eq!(
            text,
            "\x1b[?1049h\x1b[?25l\x1b[?7l\
             \x1b[?2026h\x1b[H\x1b[Kone\r\n\x1b[Ktwo\x1b[J\x1b[?2026l\
             \x1b[?2026h\x1b[H\x1b[Kthree\x1b[J\x1b[?2026l\
             \x1b[?7h\x1b[?25h\x1b[?1049l"
        );
    }

    #[test]
    fn a_text_higher_than_the_screen_says_how_much_is_missing() {
        let lines = |rows| {
            let frame = frame("1\n2\n3\n4\n", size(rows, 80));
            assert!(!frame.ends_with('\n'), "the last row must not scroll");
            frame
                .replace("\x1b[K", "")
                .replace(BEGIN, "")
                .replace(END, "")
        };
        assert_eq!(lines(4), "1\r\n2\r\n3\r\n4");
        assert_eq!(lines(3), "1\r\n2\r\n(2 more lines: `droplens report`)");
        assert_eq!(lines(1), "(4 more lines: `droplens report`)");
    }

    #[test]
    fn a_line_wider_than_the_screen_is_cut_with_its_colour() {
        assert_eq!(cut("abcdef", 3), "abc");
        assert_eq!(cut("\x1b[1;31mabc\x1b[0m def", 2), "\x1b[1;31mab\x1b[0m");
        assert_eq!(cut("サーバ", 5), "サー");
        assert!(frame("abcdef\n", size(2, 4)).contains("\x1b[Kabcd\x1b[J"));
    }

    #[test]
    fn elsewhere_texts_follow_each_other_without_any_sequence() {
        let text = written(|out| {
            let mut screen = Screen::plain(out);
            screen.show("one\n", size(1, 3)).unwrap();
            screen.show("two\nthree\n", size(1, 3)).unwrap();
        });
        assert_eq!(text, "one\n\ntwo\nthree\n");
    }

    #[test]
    fn a_panic_gives_the_terminal_back_once() {
        let text = written(|out| {
            let unwound = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                let _screen = Screen::live(out).unwrap();
                std::panic::resume_unwind(Box::new("as a panic does"));
            }));
            assert!(unwound.is_err());
        });
        assert_eq!(text, format!("{ENTER}{LEAVE}"));
    }

    #[test]
    fn a_screen_that_was_left_already_is_not_left_again() {
        let text = written(|out| {
            let screen = Screen::live(out).unwrap();
            assert!(screen.taken().swap(false, Ordering::AcqRel));
        });
        assert_eq!(text, ENTER);
    }
}
