//! Sockets that the runtime watches.

use std::io;

use socket2::Socket;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Has the runtime of the calling task watch a socket.
#[expect(unsafe_code, reason = "the caller vouches for the descriptor")]
pub fn watch(socket: Socket, interest: Interest) -> io::Result<AsyncFd<Socket>> {
    // SAFETY: a `Socket` owns its descriptor, always has the same one and closes it only when dropped.
    // The `AsyncFd` owns the socket, and nobody can replace it there: its users get shared
    // references.
    let watched = unsafe { AsyncFd::register_with_interest(socket, interest) };
    watched.map_err(io::Error::from)
}
