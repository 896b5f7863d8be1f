//! The terminal as a device: its keyboard, and giving it back.

use std::fs::File;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::termios::{self, LocalModes, OptionalActions, SpecialCodeIndex, Termios};

use super::screen::LEAVE;

/// The terminal that controls this process.
pub(super) const TERMINAL: &str = "/dev/tty";

/// A keyboard whose keys are not shown and need no Enter. Dropping it makes it as it was before.
pub(super) struct Quiet {
    terminal: File,
    before: Termios,
}

impl Quiet {
    /// None without a terminal that controls this process.
    pub(super) fn enter() -> Option<Self> {
        let terminal = File::open(TERMINAL).ok()?;
        let before = termios::tcgetattr(&terminal).ok()?;
        let quiet = quiet(before.clone());
        termios::tcsetattr(&terminal, OptionalActions::Now, &quiet).ok()?;
        Some(Self { terminal, before })
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        // Keys typed meanwhile were not meant for the shell. If the terminal is gone, so be it.
        let _gone = termios::tcsetattr(&self.terminal, OptionalActions::Flush, &self.before);
    }
}

/// Ctrl-C still makes a signal, so that it ends a process that hangs. Ctrl-Z does not: it would
/// leave the shell on the alternate screen.
fn quiet(mut modes: Termios) -> Termios {
    modes
        .local_modes
        .remove(LocalModes::ICANON | LocalModes::ECHO);
    for (code, value) in [
        (SpecialCodeIndex::VMIN, 1),
        (SpecialCodeIndex::VTIME, 0),
        (SpecialCodeIndex::VSUSP, 0),
    ] {
        modes.special_codes[code] = value;
    }
    modes
}

/// Leaves the alternate screen before the message of a panic is printed: it would vanish with
/// that screen. Panics of other threads, which may be caught, leave it alone.
pub(super) fn leave_before_a_panic_speaks(taken: Arc<AtomicBool>) {
    let owner = std::thread::current().id();
    let speak = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if std::thread::current().id() == owner && taken.swap(false, Ordering::AcqRel) {
            let mut out = io::stdout();
            let _gone = out.write_all(LEAVE.as_bytes()).and_then(|()| out.flush());
        }
        speak(panic);
    }));
}
