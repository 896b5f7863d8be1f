//! Datagrams at a steady rate.

use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

/// How many datagrams, and how fast.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Datagrams per second.
    pub per_second: u32,
    /// For how long.
    pub lasts: Duration,
    /// Bytes of payload, at least 8: each begins with its number, from 0, as a big-endian `u64`.
    pub size: usize,
}

/// Sends them by an absolute schedule, so that being late with one does not delay the next, and
/// tells how many were sent; that is always `per_second * lasts`, rounded up.
///
/// # Panics
///
/// When sending fails.
pub fn send(socket: &UdpSocket, to: &str, pace: Pace) -> u64 {
    let to: SocketAddr = to.parse().expect("an address");
    let mut payload = vec![0; pace.size.max(8)];
    let gap = Duration::from_secs(1) / pace.per_second.max(1);
    let start = Instant::now();
    let mut number = 0_u64;
    let mut due = Duration::ZERO;
    while due < pace.lasts {
        std::thread::sleep(due.saturating_sub(start.elapsed()));
        let (head, _) = payload.split_at_mut(8);
        head.copy_from_slice(&number.to_be_bytes());
        socket
            .send_to(&payload, to)
            .unwrap_or_else(|error| panic!("cannot send to {to}: {error}"));
        number += 1;
        due += gap;
    }
    number
}
