//! A wire that other processes can watch and impair.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use serde::Deserialize;
use serde_json::{Value, json};

use super::worker::Worker;
use super::{Direction, Impairment};

/// A client that says nothing is not waited for longer.
const PATIENCE: Duration = Duration::from_secs(1);

/// No request is longer, in bytes.
const LONGEST: u64 = 4096;

/// A Unix stream socket that answers one line of JSON per connection with another one.
///
/// `{}` asks for the counts of both directions, and
/// `{"forward": {"delay": 20, "loss": {"random": 0.01}}}` sets an [`Impairment`] before it does. The
/// answer is `{"seed": ..., "forward": {...}, "backward": {...}}` with [`Counts`](super::Counts), or
/// `{"error": "..."}`, with which nothing has been set.
#[derive(Debug)]
pub struct Control {
    path: PathBuf,
    _worker: Worker,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    forward: Option<Impairment>,
    backward: Option<Impairment>,
}

/// The wire as its control knows it.
struct Wire {
    forward: Direction,
    backward: Direction,
    seed: u64,
}

impl Control {
    pub(super) fn new(path: &Path, forward: Direction, backward: Direction, seed: u64) -> Self {
        let listener = UnixListener::bind(path)
            .unwrap_or_else(|error| panic!("cannot bind {}: {error}", path.display()));
        let wire = Wire {
            forward,
            backward,
            seed,
        };
        Self {
            path: path.to_owned(),
            _worker: Worker::start("wire-control", move |stop| wire.serve(&listener, stop)),
        }
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        // Whoever removed it before wanted it gone too.
        let _ = std::fs::remove_file(&self.path);
    }
}

impl Wire {
    fn serve(&self, listener: &UnixListener, stop: &OwnedFd) {
        loop {
            let mut waiting = [stop.as_fd(), listener.as_fd()]
                .map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN));
            match poll(&mut waiting, None) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => panic!("the wire's control cannot wait: {error}"),
            }
            let [stopped, asked] = waiting.map(|fd| !fd.revents().is_empty());
            if stopped {
                return;
            }
            if asked && let Ok((client, _)) = listener.accept() {
                // A client that is gone or says nothing gets no answer.
                let _ = self.answer(&client);
            }
        }
    }

    fn answer(&self, mut client: &UnixStream) -> io::Result<()> {
        client.set_read_timeout(Some(PATIENCE))?;
        client.set_write_timeout(Some(PATIENCE))?;
        let mut line = String::new();
        BufReader::new(client.take(LONGEST)).read_line(&mut line)?;
        let answer = match serde_json::from_str(&line) {
            Ok(request) => self.obey(&request),
            Err(error) => json!({"error": error.to_string()}),
        };
        client.write_all(format!("{answer}\n").as_bytes())
    }

    fn obey(&self, request: &Request) -> Value {
        if let Some(impairment) = request.forward {
            self.forward.set(impairment);
        }
        if let Some(impairment) = request.backward {
            self.backward.set(impairment);
        }
        json!({
            "seed": self.seed,
            "forward": self.forward.counts(),
            "backward": self.backward.counts(),
        })
    }
}
