//! The sockets, which may be opened before privileges are dropped.

use std::io;
use std::net::IpAddr;

use droplens_model::Family;
use droplens_model::sample::probes::SendFailure;

use crate::random::Random;
use crate::spec::Egress;
use crate::sys::egress::{EchoKind, EchoSocket, open_echo, open_ping, open_raw};

/// The sockets for echo requests, as far as they could be opened.
#[derive(Debug)]
pub struct Sockets {
    pub(super) v4: io::Result<EchoSocket>,
    pub(super) v6: io::Result<EchoSocket>,
}

impl Sockets {
    /// Opens them: ping sockets where they are permitted, raw ones elsewhere, which takes
    /// `CAP_NET_RAW`. Where neither is, probes will say so.
    pub fn open(random: &mut Random) -> Self {
        Self::with(|family| open_echo(family, &Egress::default(), identifier(random)))
    }

    /// Opens them of one kind only.
    pub fn open_only(kind: EchoKind, random: &mut Random) -> Self {
        Self::with(|family| match kind {
            EchoKind::Ping => open_ping(family, &Egress::default()),
            EchoKind::Raw => open_raw(family, &Egress::default(), identifier(random)),
        })
    }

    /// Why there is no socket for a family; none if there is one.
    pub fn trouble(&self, family: Family) -> Option<&io::Error> {
        let side = match family {
            Family::V4 => &self.v4,
            Family::V6 => &self.v6,
        };
        side.as_ref().err()
    }

    fn with(mut open: impl FnMut(Family) -> io::Result<EchoSocket>) -> Self {
        Self {
            v4: open(Family::V4),
            v6: open(Family::V6),
        }
    }
}

fn identifier(random: &mut Random) -> u16 {
    (random.number() >> 48) as u16
}

/// Says once why there are no echo requests, and what to do.
pub(super) fn complain(address: IpAddr, why: &io::Error, failure: SendFailure) {
    if failure == SendFailure::NotPermitted {
        tracing::error!(
            "cannot send echo requests to {address}: neither a ping socket nor a raw one is permitted ({why}). \
             Grant CAP_NET_RAW, or let the group of this process into net.ipv4.ping_group_range, \
             whose default of \"1 0\" is nobody"
        );
    } else {
        tracing::error!("cannot send echo requests to {address}: opening a socket failed: {why}");
    }
}
