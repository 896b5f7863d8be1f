//! A receiver of webhooks.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::notices::PATIENCE;
use super::{Notice, Notices};
use crate::lab::Namespace;
use crate::wait;

/// A message is read no longer, and waited for in turns of this length.
const TURN: Duration = Duration::from_millis(20);
const SLOWEST: Duration = Duration::from_secs(5);

/// No message of these tests is longer.
const LONGEST: u64 = 4 << 20;

/// A running receiver; it ends when dropped.
#[derive(Debug)]
pub struct Receiver {
    notices: Arc<Mutex<Notices>>,
    ends: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Receiver {
    /// Starts one in a namespace.
    ///
    /// # Panics
    ///
    /// When it cannot listen there.
    pub fn start(namespace: &Namespace, address: &str) -> Self {
        let address: SocketAddr = address.parse().expect("an address");
        let listener = namespace
            .enter(|| TcpListener::bind(address))
            .unwrap_or_else(|error| panic!("cannot listen on {address}: {error}"));
        listener.set_nonblocking(true).expect("non-blocking");
        let notices = Arc::<Mutex<Notices>>::default();
        let ends = Arc::<AtomicBool>::default();
        let thread = std::thread::spawn({
            let (notices, ends) = (notices.clone(), ends.clone());
            move || {
                while !ends.load(Ordering::Relaxed) {
                    match listener.accept() {
                        Ok((stream, _)) => match take(stream) {
                            Ok(new) => notices
                                .lock()
                                .unwrap_or_else(PoisonError::into_inner)
                                .0
                                .extend(new),
                            Err(error) => eprintln!("a message that cannot be read: {error}"),
                        },
                        Err(_) => std::thread::sleep(TURN),
                    }
                }
            }
        });
        Self {
            notices,
            ends,
            thread: Some(thread),
        }
    }

    /// What it was told until now.
    pub fn notices(&self) -> Notices {
        self.notices
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Waits until all of these are `firing`, or `resolved`: receiver, name, severity, cause, instance.
    ///
    /// # Panics
    ///
    /// When they do not become so in time.
    #[track_caller]
    pub fn wait_until(&self, wanted: &[[&str; 5]], status: &str) {
        let outcome = wait::within(PATIENCE, || self.notices().are(wanted, status));
        if let Err(reason) = outcome {
            panic!("{reason}\ntold: {:#?}", self.notices().told());
        }
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ended = thread.join();
        }
    }
}

/// Reads one message and answers it.
fn take(stream: TcpStream) -> io::Result<Vec<Notice>> {
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(SLOWEST))?;
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let line = line.trim_end().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().map_err(io::Error::other)?;
        }
    }
    let mut body = Vec::new();
    reader
        .by_ref()
        .take(LONGEST.min(length))
        .read_to_end(&mut body)?;
    reader
        .get_mut()
        .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")?;
    Notice::all_of(&body).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_kept() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let namespace = Namespace::current();
        let receiver = Receiver::start(&namespace, &address.to_string());
        let body = r#"{"receiver":"pager","alerts":[{"status":"firing","labels":{"alertname":"A","instance":"i"},"annotations":{}}]}"#;
        let mut stream = TcpStream::connect(address).unwrap();
        write!(
            stream,
            "POST /page HTTP/1.1\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        let told = ["pager", "A", "", "", "i"];
        receiver.wait_until(&[told], "firing");
        assert!(receiver.notices().are(&[told], "resolved").is_err());
    }
}
