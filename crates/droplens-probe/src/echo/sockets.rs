//! The sockets, which may be opened before privileges are dropped.

use std::io;
use std::net::IpAddr;

use droplens_model::Family;
use droplens_model::sample::probes::SendFailure;

use super::filter;
use crate::random::Random;
use crate::spec::Egress;
use crate::sys::egress::{EchoKind, EchoSocket, open_echo, open_ping, open_raw};

/// The sockets for echo requests, as far as they could be opened.
#[derive(Debug)]
pub struct Sockets {
    pub(super) v4: io::Result<Pair>,
    pub(super) v6: io::Result<Pair>,
}

/// Two of one family, of the same kind, with different identifiers.
#[derive(Debug)]
pub(super) struct Pair {
    pub(super) first: EchoSocket,
    /// Opened as early, since a privilege that it takes is dropped afterwards.
    pub(super) second: Option<EchoSocket>,
}

impl Sockets {
    /// Opens them: ping sockets where they are permitted, raw ones elsewhere, which takes
    /// `CAP_NET_RAW`. Where neither is, probes will say so.
    pub fn open(random: &mut Random) -> Self {
        Self::with(random, |family, identifier| {
            open_echo(family, &Egress::default(), identifier)
        })
    }

    /// Opens them of one kind only.
    pub fn open_only(kind: EchoKind, random: &mut Random) -> Self {
        Self::with(random, |family, identifier| {
            open_as(family, kind, identifier)
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

    fn with(
        random: &mut Random,
        mut open: impl FnMut(Family, u16) -> io::Result<EchoSocket>,
    ) -> Self {
        let mut pair = |family| {
            let first = open(family, identifier(random))?;
            let another = loop {
                let another = identifier(random);
                if another != first.identifier {
                    break another;
                }
            };
            let second = open_as(family, first.kind, another)
                .and_then(|second| {
                    // Nothing that is meant for the first one is to wait in it.
                    if second.kind == EchoKind::Raw {
                        filter::close(&second.socket, family)?;
                    }
                    Ok(second)
                })
                .ok();
            Ok(Pair { first, second })
        };
        Self {
            v4: pair(Family::V4),
            v6: pair(Family::V6),
        }
    }
}

/// The kernel chooses the identifiers of ping sockets itself.
fn open_as(family: Family, kind: EchoKind, identifier: u16) -> io::Result<EchoSocket> {
    match kind {
        EchoKind::Ping => open_ping(family, &Egress::default()),
        EchoKind::Raw => open_raw(family, &Egress::default(), identifier),
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
