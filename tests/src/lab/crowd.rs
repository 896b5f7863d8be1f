//! Many TCP connections asked for at once.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use socket2::{Domain, Protocol, Socket, Type};

use super::Namespace;

/// What came of them.
#[derive(Debug, Default)]
pub struct Crowd {
    /// Connections that were made, open until dropped.
    pub connected: Vec<TcpStream>,
    /// How many were refused.
    pub refused: usize,
    /// How many had no answer in time; they have given up.
    pub unanswered: usize,
    /// How many could not even ask, for want of a local port.
    pub no_port: usize,
}

/// Asks for `count` connections at once and waits for their answers no longer than `patience`.
///
/// # Panics
///
/// When a connection fails in an unexpected way.
pub fn connect(namespace: &Namespace, to: &str, count: usize, patience: Duration) -> Crowd {
    let to: SocketAddr = to.parse().expect("an address");
    let deadline = Instant::now() + patience;
    let mut crowd = Crowd::default();
    let mut waiting = Vec::new();
    let asked: Vec<_> = namespace.enter(|| (0..count).map(|_| ask(to)).collect());
    for asked in asked {
        match asked {
            Ok(socket) => waiting.push(socket),
            Err(error) if is(&error, Errno::ADDRNOTAVAIL) => crowd.no_port += 1,
            Err(error) => crowd.count_failure(&error),
        }
    }
    while !waiting.is_empty() && Instant::now() < deadline {
        let answered = answered(&waiting, deadline);
        let mut still = Vec::new();
        for (socket, answered) in waiting.into_iter().zip(answered) {
            if answered {
                crowd.take(socket);
            } else {
                still.push(socket);
            }
        }
        waiting = still;
    }
    crowd.unanswered += waiting.len();
    crowd
}

impl Crowd {
    fn take(&mut self, socket: Socket) {
        match socket.take_error().expect("the outcome of a connection") {
            None => {
                socket.set_nonblocking(false).expect("blocking");
                self.connected.push(socket.into());
            }
            Some(error) => self.count_failure(&error),
        }
    }

    fn count_failure(&mut self, error: &io::Error) {
        match error.kind() {
            io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionReset => self.refused += 1,
            io::ErrorKind::TimedOut => self.unanswered += 1,
            _ => panic!("a connection failed: {error}"),
        }
    }
}

fn ask(to: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(to), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    match socket.connect(&to.into()) {
        Err(error) if !is(&error, Errno::INPROGRESS) => Err(error),
        _ => Ok(socket),
    }
}

fn is(error: &io::Error, errno: Errno) -> bool {
    error.raw_os_error() == Some(errno.raw_os_error())
}

/// Which of them have an answer, once one has or the time is over.
fn answered(sockets: &[Socket], deadline: Instant) -> Vec<bool> {
    let mut waiting: Vec<_> = sockets
        .iter()
        .map(|socket| PollFd::new(socket, PollFlags::OUT))
        .collect();
    let patience = deadline.saturating_duration_since(Instant::now());
    let patience = Timespec::try_from(patience).unwrap_or_default();
    match poll(&mut waiting, Some(&patience)) {
        Ok(_) | Err(Errno::INTR) => {}
        Err(error) => panic!("waiting for connections: {error}"),
    }
    waiting.iter().map(|fd| !fd.revents().is_empty()).collect()
}
