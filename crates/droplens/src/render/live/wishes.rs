//! What the user wishes: by a key, by a signal, by making the window larger.

use std::io;

use tokio::net::unix::pipe::{OpenOptions, Receiver};
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::terminal::TERMINAL;

/// What the user wishes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    /// To see it drawn anew: the size of the window has changed, or a key asks for it.
    Redraw,
    /// To end: `q`, Ctrl-C, Ctrl-D, or a signal that ends processes.
    Quit,
}

/// The signals that concern a terminal.
pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
    resized: Signal,
}

impl Signals {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
            resized: signal(SignalKind::window_change())?,
        })
    }

    async fn next(&mut self) -> Wish {
        tokio::select! {
            _ = self.interrupt.recv() => Wish::Quit,
            _ = self.terminate.recv() => Wish::Quit,
            _ = self.hangup.recv() => Wish::Quit,
            _ = self.resized.recv() => Wish::Redraw,
        }
    }
}

/// Signals and keys.
pub(super) struct Wishes {
    signals: Signals,
    keys: Option<Receiver>,
}

impl Wishes {
    /// With `keys`, those of the controlling terminal, which must come without Enter.
    pub(super) fn new(signals: Signals, keys: bool) -> io::Result<Self> {
        // A terminal is not a pipe, but is waited for and read like one. Opened anew, it does not
        // make standard input non-blocking for the shell as well.
        let open = || OpenOptions::new().unchecked(true).open_receiver(TERMINAL);
        Ok(Self {
            signals,
            keys: keys.then(open).transpose()?,
        })
    }

    pub(super) async fn next(&mut self) -> Wish {
        match &self.keys {
            None => self.signals.next().await,
            Some(keys) => tokio::select! {
                wish = self.signals.next() => wish,
                wish = pressed(keys) => wish,
            },
        }
    }
}

/// Waits for a key that means something. A keyboard that is gone wishes nothing: a signal tells.
async fn pressed(keys: &Receiver) -> Wish {
    let mut buffer = [0; 64];
    loop {
        if keys.readable().await.is_err() {
            return std::future::pending().await;
        }
        match keys.try_read(&mut buffer) {
            Ok(0) => return std::future::pending().await,
            Ok(length) => {
                if let Some(wish) = buffer.get(..length).and_then(meaning) {
                    return wish;
                }
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => return std::future::pending().await,
        }
    }
}

/// What keys read together mean. Keys with names (arrows) are sequences that begin with Escape;
/// none of them means anything here.
fn meaning(keys: &[u8]) -> Option<Wish> {
    const INTERRUPT: u8 = 0x03;
    const END: u8 = 0x04;
    const REDRAW: u8 = 0x0c;
    if keys.first() == Some(&0x1b) {
        return None;
    }
    let wish = |key: &u8| match *key {
        b'q' | b'Q' | INTERRUPT | END => Some(Wish::Quit),
        b' ' | b'\r' | b'\n' | REDRAW => Some(Wish::Redraw),
        _ => None,
    };
    let wishes: Vec<_> = keys.iter().filter_map(wish).collect();
    let quit = wishes.contains(&Wish::Quit).then_some(Wish::Quit);
    quit.or_else(|| wishes.first().copied())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_mean_what_people_expect() {
        assert_eq!(meaning(b"q"), Some(Wish::Quit));
        assert_eq!(meaning(b" q"), Some(Wish::Quit));
        assert_eq!(meaning(b"\x03"), Some(Wish::Quit));
        assert_eq!(meaning(b"\n"), Some(Wish::Redraw));
        assert_eq!(meaning(b"x"), None);
        assert_eq!(meaning(b"\x1b[A"), None);
        assert_eq!(meaning(b""), None);
    }

    #[tokio::test]
    async fn a_window_that_changes_asks_for_a_new_picture() {
        let mut wishes = Wishes::new(Signals::new().unwrap(), false).unwrap();
        let own = rustix::process::getpid();
        rustix::process::kill_process(own, rustix::process::Signal::WINCH).unwrap();
        assert_eq!(wishes.next().await, Wish::Redraw);
        rustix::process::kill_process(own, rustix::process::Signal::TERM).unwrap();
        assert_eq!(wishes.next().await, Wish::Quit);
    }
}
