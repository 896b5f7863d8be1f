//! A line of TCP connection attempts, one at a time: each is a socket of its own with a time to live of its
//! own, and all have the same ports, so that they take the same way. No privilege is needed.
//!
//! Who sent an ICMP error to a connection attempt is told by Linux 5.8 and newer.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use droplens_model::{Family, Moment};
use rustix::io::Errno;
use socket2::Socket;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::{About, Heard, Told, What, first_free, icmp_error, source_ports};
use crate::errand::Task;
use crate::sys::clock::monotonic;
use crate::sys::egress;
use crate::sys::options;
use crate::sys::transfer::{Batch, Queue};
use crate::sys::watch;

/// What a socket can become ready for here.
const ALL: Interest = Interest::READABLE
    .add(Interest::WRITABLE)
    .add(Interest::ERROR);

/// Connection attempts.
#[derive(Debug)]
pub(in crate::errand) struct TcpLine {
    task: Task,
    target: SocketAddr,
    /// The port that the attempts come from, once one has been made.
    port: Option<u16>,
    /// The attempt that is under way.
    attempt: Option<(usize, AsyncFd<Socket>)>,
    batch: Batch,
}

impl TcpLine {
    /// To a port.
    pub(in crate::errand) fn new(task: &Task, port: u16) -> Self {
        Self {
            task: task.clone(),
            target: SocketAddr::new(task.address, port),
            port: None,
            attempt: None,
            batch: Batch::new(1, 128),
        }
    }

    /// Gives up the attempt before and makes another one.
    pub(in crate::errand) fn send(&mut self, number: usize, ttl: u8) -> io::Result<()> {
        self.attempt = None;
        let (family, egress) = (Family::of(self.task.address), self.task.egress());
        let open = |port| egress::open_tcp_from(family, egress, port);
        let socket = match self.port {
            Some(port) => open(port)?,
            None => first_free(source_ports(self.task.nonce), open)
                .or_else(|_| egress::open_tcp(family, egress))?,
        };
        options::set_ttl(&socket, family, ttl)?;
        options::report_errors(&socket, family)?;
        options::without_flow_label(&socket, family)?;
        // A connection that is made after all is torn down at once, so that its ports are free.
        socket.set_linger(Some(Duration::ZERO))?;
        match socket.connect(&self.target.into()) {
            Err(error) if !is_under_way(&error) => return Err(error),
            _ => {}
        }
        self.port = socket.local_addr()?.as_socket().map(|own| own.port());
        self.attempt = Some((number, watch::watch(socket, ALL)?));
        Ok(())
    }

    /// Waits until then for what becomes of the attempt.
    pub(in crate::errand) async fn hear(&mut self, until: Moment) -> Vec<Heard> {
        loop {
            let left = until.since(monotonic());
            let Some((number, socket)) = &self.attempt else {
                tokio::time::sleep(left).await;
                return Vec::new();
            };
            match tokio::time::timeout(left, socket.ready(ALL)).await {
                Ok(Ok(mut ready)) => ready.clear_ready(),
                // Over.
                Ok(Err(_)) | Err(_) => return Vec::new(),
            }
            let (from, at) = (self.target.ip(), monotonic());
            let about = About::Packet(*number);
            let mut told = None;
            while let Ok(1..) = self.batch.receive(socket, Queue::Errors) {
                told = self.batch.packets().find_map(|packet| icmp_error(&packet));
                if told.is_some() {
                    break;
                }
            }
            let heard = match (told, socket.get_ref().take_error()) {
                (Some(Told::Icmp { from, what }), _) => Some((from, what)),
                // A connection, or a refusal, is an answer of the target.
                (_, Ok(None)) if socket.get_ref().peer_addr().is_ok() => Some((from, What::Reply)),
                (_, Ok(Some(error))) if error.kind() == io::ErrorKind::ConnectionRefused => {
                    Some((from, What::Reply))
                }
                // Not told who sent the error, or not ready after all.
                _ => None,
            };
            if let Some((from, what)) = heard {
                self.attempt = None;
                return vec![Heard {
                    about,
                    from,
                    what,
                    at,
                }];
            }
        }
    }
}

fn is_under_way(error: &io::Error) -> bool {
    error.raw_os_error() == Some(Errno::INPROGRESS.raw_os_error())
}
