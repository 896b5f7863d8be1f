//! A port of the host that leads into a namespace.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use droplens_tests::lab::Namespace;

/// Connections at the same time; more are closed at once.
const CONNECTIONS: usize = 32;
/// How often it is looked whether all is over.
const LOOK: Duration = Duration::from_millis(50);
/// Nothing is waited for longer.
const PATIENCE: Duration = Duration::from_secs(10);

/// A port on which it is listened, on this host only.
pub(crate) struct Door(TcpListener);

impl Door {
    pub(crate) fn open(port: u16) -> Result<Self, String> {
        let listener = TcpListener::bind(("127.0.0.1", port))
            .and_then(|listener| listener.set_nonblocking(true).map(|()| listener));
        listener.map(Self).map_err(|error| {
            format!("cannot listen on 127.0.0.1:{port}: {error}: is another demo running?")
        })
    }

    /// Carries connections to an address in the namespace until all is over.
    pub(crate) fn carry(&self, namespace: &Namespace, to: SocketAddr, over: &AtomicBool) {
        let open = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            while !over.load(Ordering::Relaxed) {
                match self.0.accept() {
                    Ok((outside, _)) if open.load(Ordering::Relaxed) < CONNECTIONS => {
                        let open = &open;
                        open.fetch_add(1, Ordering::Relaxed);
                        scope.spawn(move || {
                            // A connection that fails is the business of its two ends.
                            let _ = join(&outside, namespace, to, over);
                            open.fetch_sub(1, Ordering::Relaxed);
                        });
                    }
                    Ok(_) => {}
                    Err(_) => std::thread::sleep(LOOK),
                }
            }
        });
    }
}

/// Copies both ways until both ends are through, nobody said anything for a while, or all is over: whoever
/// keeps a connection open and asks again and again does not hold up the end.
fn join(
    outside: &TcpStream,
    namespace: &Namespace,
    to: SocketAddr,
    over: &AtomicBool,
) -> io::Result<()> {
    let inside = namespace.enter(|| TcpStream::connect_timeout(&to, PATIENCE))?;
    outside.set_nonblocking(false)?;
    for end in [outside, &inside] {
        end.set_read_timeout(Some(LOOK))?;
        end.set_write_timeout(Some(PATIENCE))?;
    }
    std::thread::scope(|scope| {
        scope.spawn(|| copy(outside, &inside, over));
        copy(&inside, outside, over);
    });
    Ok(())
}

fn copy(mut from: &TcpStream, mut to: &TcpStream, over: &AtomicBool) {
    let mut buffer = vec![0; 16 * 1024];
    let mut heard = Instant::now();
    while !over.load(Ordering::Relaxed) && heard.elapsed() < PATIENCE {
        match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(length) => {
                heard = Instant::now();
                let said = buffer.get(..length).unwrap_or_default();
                if to.write_all(said).is_err() {
                    break;
                }
            }
            Err(error) => match error.kind() {
                ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted => {}
                _ => break,
            },
        }
    }
    // Either end may leave whenever it likes.
    let _ = to.shutdown(Shutdown::Both);
    let _ = from.shutdown(Shutdown::Both);
}
