//! What is written to show one text after the other.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

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

    /// Shows `text` on a screen of so many `rows`.
    pub(super) fn show(&mut self, text: &str, rows: usize) -> io::Result<()> {
        let shown = if self.taken.is_some() {
            frame(text, rows)
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
fn frame(text: &str, rows: usize) -> String {
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
        frame.push_str(line);
    }
    if lines > shown {
        if shown > 0 {
            frame.push_str("\r\n");
        }
        let more = lines - shown;
        // Writing to a String cannot fail.
        let _ok = write!(frame, "{REST}({more} more lines: `droplens report`)");
    }
    frame.push_str(END);
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(screen: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        screen(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_terminal_is_drawn_over_in_place_and_given_back() {
        let text = written(|out| {
            let mut screen = Screen::live(out).unwrap();
            screen.show("one\ntwo\n", 24).unwrap();
            screen.show("three\n", 24).unwrap();
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
            let frame = frame("1\n2\n3\n4\n", rows);
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
    fn elsewhere_texts_follow_each_other_without_any_sequence() {
        let text = written(|out| {
            let mut screen = Screen::plain(out);
            screen.show("one\n", 1).unwrap();
            screen.show("two\nthree\n", 1).unwrap();
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
