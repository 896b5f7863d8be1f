//! A socket that is opened when it is first needed, and anew after an error.

use std::time::Duration;

use neli::consts::socket::NlFamily;

use super::{Completeness, Netlink, Request};
use crate::ReadError;
use crate::error::ParseError;

/// A netlink socket of the network namespace of the thread that makes the first request.
#[derive(Debug)]
pub struct LazyNetlink {
    family: NlFamily,
    timeout: Duration,
    socket: Option<Netlink>,
}

impl LazyNetlink {
    /// A socket of this family, not opened yet; `timeout` is that of [`Netlink::open`].
    pub const fn new(family: NlFamily, timeout: Duration) -> Self {
        Self {
            family,
            timeout,
            socket: None,
        }
    }

    /// As [`Netlink::request`]. After an error the socket is closed: a late answer to this
    /// request cannot be taken for that to the next one.
    pub fn request<T>(
        &mut self,
        request: &Request,
        state: &mut T,
        restart: impl FnMut(&mut T),
        handle: impl FnMut(&mut T, u16, &[u8]) -> Result<(), ParseError>,
    ) -> Result<Completeness, ReadError> {
        let mut socket = match self.socket.take() {
            Some(socket) => socket,
            None => Netlink::open(self.family, self.timeout)?,
        };
        let completeness = socket.request(request, state, restart, handle)?;
        self.socket = Some(socket);
        Ok(completeness)
    }
}
