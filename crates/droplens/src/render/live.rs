//! Text that is shown again and again: in place on a terminal, one after the other elsewhere.

mod screen;
mod terminal;
mod wishes;

use std::io;

use rustix::termios;

use screen::Screen;
use terminal::Quiet;
pub(crate) use wishes::Wish;
use wishes::Wishes;

/// Rows where the terminal does not tell.
const ROWS: usize = 24;

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
        let rows = termios::tcgetwinsize(io::stdout()).map_or(0, |size| usize::from(size.ws_row));
        self.screen.show(text, if rows == 0 { ROWS } else { rows })
    }

    /// Waits for a key or a signal. May be cancelled without losing any.
    pub(crate) async fn wish(&mut self) -> Wish {
        self.wishes.next().await
    }
}
