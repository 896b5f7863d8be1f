//! What servers of HTTP and TLS have in common: connections, each served on a thread of its own.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use socket2::SockRef;

use crate::lab::Namespace;
use crate::wait;

/// How often a server looks whether it is to end.
const LOOK: Duration = Duration::from_millis(10);

/// A connection, with or without TLS.
pub trait Line: Read + Write {
    /// The connection below.
    fn socket(&self) -> &TcpStream;

    /// Resets it when it is dropped.
    ///
    /// # Panics
    ///
    /// When that cannot be had.
    fn reset(&self) {
        let socket = SockRef::from(self.socket());
        socket.set_linger(Some(Duration::ZERO)).expect("to reset");
    }
}

impl Line for TcpStream {
    fn socket(&self) -> &TcpStream {
        self
    }
}

/// A server that does the same with each connection.
#[derive(Debug)]
pub struct WebServer {
    address: SocketAddr,
    over: Arc<AtomicBool>,
    served: Arc<AtomicU64>,
    running: Option<JoinHandle<()>>,
}

impl WebServer {
    /// Starts it at this address, on any port. What it does with a connection must end when the
    /// client is gone.
    ///
    /// # Panics
    ///
    /// When the address cannot be had.
    pub fn start(
        namespace: &Namespace,
        ip: &str,
        serve: impl Fn(TcpStream) + Send + Sync + 'static,
    ) -> Self {
        let ip: std::net::IpAddr = ip.parse().expect("an address");
        let listener = namespace.enter(|| TcpListener::bind((ip, 0)).expect("listening"));
        let address = listener.local_addr().expect("its address");
        listener.set_nonblocking(true).expect("not to block");
        let (over, served) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(AtomicU64::new(0)),
        );
        let (ends, counted) = (Arc::clone(&over), Arc::clone(&served));
        let running = std::thread::spawn(move || {
            std::thread::scope(|scope| {
                while !ends.load(Ordering::Relaxed) {
                    let Ok((stream, _)) = listener.accept() else {
                        std::thread::sleep(LOOK);
                        continue;
                    };
                    counted.fetch_add(1, Ordering::Relaxed);
                    stream.set_nonblocking(false).expect("to block");
                    stream
                        .set_read_timeout(Some(wait::PATIENCE))
                        .expect("a time limit");
                    stream
                        .set_write_timeout(Some(wait::PATIENCE))
                        .expect("a time limit");
                    scope.spawn(|| serve(stream));
                }
            });
        });
        Self {
            address,
            over,
            served,
            running: Some(running),
        }
    }

    /// Where it is.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Connections that it took.
    pub fn served(&self) -> u64 {
        self.served.load(Ordering::Relaxed)
    }
}

impl Drop for WebServer {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        if let Some(running) = self.running.take() {
            // Its panic has been told already.
            let _ = running.join();
        }
    }
}

/// Reads until the client is gone.
pub fn hold(line: &mut (impl Read + ?Sized)) {
    while matches!(line.read(&mut [0; 4096]), Ok(read) if read > 0) {}
}

/// Takes a connection and never says anything.
pub fn silent(mut stream: TcpStream) {
    hold(&mut stream);
}

/// Resets the connection once the client has said something.
pub fn resets(mut stream: TcpStream) {
    let _ = stream.read(&mut [0; 4096]);
    stream.reset();
}

/// Closes the connection once the client has said something, without an answer.
pub fn closes(mut stream: TcpStream) {
    let _ = stream.read(&mut [0; 8192]);
}

/// Answers whatever the client says with these bytes, and waits.
pub fn says(bytes: &[u8]) -> impl Fn(TcpStream) + Send + Sync + 'static {
    let bytes = bytes.to_vec();
    move |mut stream: TcpStream| {
        let _ = stream.read(&mut [0; 4096]);
        if stream.write_all(&bytes).is_ok() {
            hold(&mut stream);
        }
    }
}

/// A program that is not interested in what becomes of its bytes.
pub(super) fn send(line: &mut dyn Line, bytes: &[u8]) -> io::Result<()> {
    line.write_all(bytes)?;
    line.flush()
}
