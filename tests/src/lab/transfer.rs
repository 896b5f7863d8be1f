//! A bulk transfer by TCP.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::panic::resume_unwind;
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use socket2::{Domain, Protocol, SockRef, Socket, Type};

use super::Namespace;

/// How often the two ends look whether their time is over.
const LOOK: Duration = Duration::from_millis(50);

/// What is to be moved, and how.
#[derive(Debug, Clone, Copy)]
pub struct Transfer {
    /// Bytes to move.
    pub bytes: u64,
    /// It is broken off after this time.
    pub limit: Duration,
    /// The sender's congestion control, such as `cubic`; the host's default if `None`.
    pub congestion: Option<&'static str>,
    /// How the receiver reads.
    pub reader: Reader,
    /// The receiver's `SO_RCVBUF`; if `None`, the kernel adapts it. With one of a few packets the
    /// window may shrink without ever being advertised as zero.
    pub receive_buffer: Option<usize>,
}

/// How the receiver reads.
#[derive(Debug, Clone, Copy)]
pub enum Reader {
    /// As fast as it can.
    Eager,
    /// So many bytes, then a pause.
    Slow {
        /// Bytes at a time.
        bytes: usize,
        /// How long it does nothing then.
        pause: Duration,
    },
    /// Not at all: its window closes.
    Never,
}

/// What was moved.
#[derive(Debug, Clone, Copy)]
pub struct Moved {
    /// Bytes the sender's kernel took.
    pub sent: u64,
    /// Bytes the receiver read.
    pub received: u64,
    /// How long it took, connecting included.
    pub took: Duration,
}

impl Transfer {
    /// So many bytes with CUBIC, read at once, within the time that no test needs.
    pub fn of(bytes: u64) -> Self {
        Self {
            bytes,
            limit: crate::wait::PATIENCE,
            congestion: Some("cubic"),
            reader: Reader::Eager,
            receive_buffer: None,
        }
    }

    /// Moves the bytes from one namespace to an address and port in another, and returns when all
    /// have been read or the time is over; then the connection is reset.
    ///
    /// # Panics
    ///
    /// When one of the ends fails other than by time.
    pub fn run(self, from: &Namespace, to: &Namespace, address: &str) -> Moved {
        let start = Instant::now();
        let deadline = start + self.limit;
        let address: SocketAddr = address.parse().expect("an address");
        let listener = to
            .enter(|| self.listen(address))
            .unwrap_or_else(|error| panic!("cannot listen on {address}: {error}"));
        let address = listener.local_addr().expect("the listener's address");
        let (sent, received) = thread::scope(|scope| {
            let reading = scope.spawn(|| self.receive(&listener, deadline));
            let sent = from.enter(|| self.send(address, deadline));
            let received = reading.join();
            (sent, received.unwrap_or_else(|panic| resume_unwind(panic)))
        });
        Moved {
            sent: sent.unwrap_or_else(|error| panic!("cannot send to {address}: {error}")),
            received: received.unwrap_or_else(|error| panic!("cannot receive: {error}")),
            took: start.elapsed(),
        }
    }

    fn listen(self, address: SocketAddr) -> io::Result<TcpListener> {
        let kind = Domain::for_address(address);
        let socket = Socket::new(kind, Type::STREAM, Some(Protocol::TCP))?;
        socket.set_reuse_address(true)?;
        if let Some(bytes) = self.receive_buffer {
            // Accepted connections inherit it.
            socket.set_recv_buffer_size(bytes)?;
        }
        socket.bind(&address.into())?;
        socket.listen(1)?;
        Ok(socket.into())
    }

    fn receive(self, listener: &TcpListener, deadline: Instant) -> io::Result<u64> {
        if !someone_connects(listener, deadline)? {
            return Ok(0);
        }
        let (mut stream, _) = listener.accept()?;
        stream.set_read_timeout(Some(LOOK))?;
        let (size, pause) = match self.reader {
            Reader::Eager => (1 << 16, Duration::ZERO),
            Reader::Slow { bytes, pause } => (bytes, pause),
            Reader::Never => {
                thread::sleep(deadline.saturating_duration_since(Instant::now()));
                return Ok(0);
            }
        };
        let mut buffer = vec![0; size];
        let mut received = 0;
        while Instant::now() < deadline {
            match stream.read(&mut buffer) {
                Ok(0) => break,
                Ok(length) => received += length as u64,
                Err(error) if is_not_yet(&error) => {}
                Err(error) if error.kind() == ErrorKind::ConnectionReset => break,
                Err(error) => return Err(error),
            }
            thread::sleep(pause);
        }
        Ok(received)
    }

    fn send(self, to: SocketAddr, deadline: Instant) -> io::Result<u64> {
        let patience = deadline.saturating_duration_since(Instant::now());
        let mut stream = match self.connect(to, patience) {
            Err(error) if is_not_yet(&error) => return Ok(0),
            stream => stream?,
        };
        stream.set_write_timeout(Some(LOOK))?;
        stream.set_read_timeout(Some(LOOK))?;
        let payload = vec![0x64; 1 << 16];
        let mut sent = 0;
        while sent < self.bytes && Instant::now() < deadline {
            let left = usize::try_from(self.bytes - sent).unwrap_or(usize::MAX);
            let next = payload.get(..left).unwrap_or(&payload);
            match stream.write(next) {
                Ok(length) => sent += length as u64,
                Err(error) if is_not_yet(&error) => {}
                // The receiver's time is over too.
                Err(error) if is_reset(&error) => return Ok(sent),
                Err(error) => return Err(error),
            }
        }
        if !is_read_to_the_end(&mut stream, deadline)? {
            SockRef::from(&stream).set_linger(Some(Duration::ZERO))?;
        }
        Ok(sent)
    }

    fn connect(self, to: SocketAddr, patience: Duration) -> io::Result<TcpStream> {
        let socket = Socket::new(Domain::for_address(to), Type::STREAM, Some(Protocol::TCP))?;
        if let Some(congestion) = self.congestion {
            rustix::net::sockopt::set_tcp_congestion(&socket, congestion)?;
        }
        socket.connect_timeout(&to.into(), patience)?;
        Ok(socket.into())
    }
}

/// Whether the receiver has closed the connection before the time was over.
fn is_read_to_the_end(stream: &mut TcpStream, deadline: Instant) -> io::Result<bool> {
    if stream.shutdown(Shutdown::Write).is_err() {
        return Ok(false);
    }
    while Instant::now() < deadline {
        match stream.read(&mut [0]) {
            Ok(_) => return Ok(true),
            Err(error) if is_not_yet(&error) => {}
            Err(error) if is_reset(&error) => return Ok(false),
            Err(error) => return Err(error),
        }
    }
    Ok(false)
}
/// Whether a connection waits before the time is over.
fn someone_connects(listener: &TcpListener, deadline: Instant) -> io::Result<bool> {
    let patience = deadline.saturating_duration_since(Instant::now());
    let patience = Timespec::try_from(patience).unwrap_or_default();
    let mut waiting = [PollFd::new(listener, PollFlags::IN)];
    Ok(poll(&mut waiting, Some(&patience))? > 0)
}

fn is_not_yet(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

fn is_reset(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionReset | ErrorKind::BrokenPipe
    )
}
