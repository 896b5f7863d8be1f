//! Text that is shown again and again: in place on a terminal, one after the other elsewhere.

mod screen;
mod terminal;
mod wishes;

use std::io;

use rustix::termios;

use screen::{Screen, Size};
use terminal::Quiet;
pub(crate) use wishes::Wish;
use wishes::Wishes;

/// The size of terminals that do not tell it.
const UNTOLD: Size = Size {
    rows: 24,
    columns: 80,
};

/// Standard output, with what the user wishes meanwhile. Dropping it gives the terminal back as
/// it was.
pub(crate) struct Live {
    // In this order: the screen is left before the keyboard is given back.
    screen: Screen<io::Stdout>,
    _keyboard: Option<Quiet>,
    wishes: Wishes,
}

impl Live {
    /// Takes over the terminal, if standard output is one. To be called in a tokio runtime that
    /// drives I/O.
    pub(crate) fn start() -> io::Result<Self> {
        // Before the terminal is touched, so that no signal can end the process without the
        // terminal being given back.
        let signals = wishes::Signals::new()?;
        let terminal = termios::isatty(io::stdout());
        let keyboard = terminal.then(Quiet::enter).flatten();
        let wishes = Wishes::new(signals, keyboard.is_some())?;
        let screen = if terminal {
            let screen = Screen::live(io::stdout())?;
            terminal::leave_before_a_panic_speaks(screen.taken());
            screen
        } else {
            Screen::plain(io::stdout())
        };
        Ok(Self {
            screen,
            _keyboard: keyboard,
            wishes,
        })
    }

    /// Shows `text` in place of the last one, or after it.
    pub(crate) fn show(&mut self, text: &str) -> io::Result<()> {
        let size = termios::tcgetwinsize(io::stdout()).ok();
        let size = size.filter(|size| size.ws_row > 0 && size.ws_col > 0);
        let size = size.map_or(UNTOLD, |size| Size {
            rows: size.ws_row.into(),
            columns: size.ws_col.into(),
        });
        self.screen.show(text, size)
    }

    /// Waits for a key or a signal. May be cancelled without losing any.
    pub(crate) async fn wish(&mut self) -> Wish {
        self.wishes.next().await
    }
}
