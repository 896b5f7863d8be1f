//! What a socket received, taken in.

use std::net::IpAddr;

use droplens_model::sample::probes::{IcmpError, Outcome};
use droplens_model::{Family, Moment};

use super::stamps::Stamps;
use crate::engine::{Claim, Engine, Stray};
use crate::flight::{Arrival, Stamp};
use crate::icmp::{self, HEADER, NotOurs, Quoted, Received};
use crate::sys::clock::monotonic;
use crate::sys::egress::{EchoKind, is_own};
use crate::sys::message::{Message, Origin};
use crate::sys::transfer::Packet;

/// What a socket is, and by what its packets are known.
#[derive(Clone, Copy, Debug)]
pub(super) struct Own {
    pub(super) family: Family,
    pub(super) kind: EchoKind,
    pub(super) identifier: u16,
}

impl Own {
    /// Takes in what came as a packet.
    pub(super) fn take(self, packet: &Packet<'_>, read: Moment, engine: &mut Engine) {
        let bytes = match (self.family, self.kind) {
            (Family::V4, EchoKind::Raw) => icmp::skip_ipv4(packet.payload),
            _ => Ok(packet.payload),
        };
        let received = bytes.and_then(|bytes| Ok((bytes.len(), icmp::read(self.family, bytes)?)));
        let (length, received) = match received {
            // A packet that there was no room for is longer than any request was.
            _ if packet.truncated => return engine.astray(Stray::Malformed),
            Ok(received) => received,
            Err(NotOurs::Checksum) => return engine.astray(Stray::Checksum),
            Err(NotOurs::OtherType(_)) => return,
            Err(_) => return engine.astray(Stray::Malformed),
        };
        match received {
            Received::Echo(icmp::EchoKind::Request, _) => {}
            Received::Echo(icmp::EchoKind::Reply, echo) => {
                let Some(peer) = packet.peer else {
                    return;
                };
                if echo.identifier != self.identifier {
                    return engine.astray(Stray::Identifier);
                }
                let claim = Claim {
                    peer: peer.ip(),
                    nonce: echo.nonce,
                    sequence: echo.sequence,
                    payload: Some(length.saturating_sub(HEADER)),
                };
                let stamp = packet.messages().find_map(stamp_of);
                engine.answer(claim, Arrival { read, stamp });
            }
            Received::Trouble(trouble) => {
                let (destination, quoted) = (trouble.destination, trouble.quoted);
                let from = packet.peer.map(|peer| peer.ip());
                let told = (from, trouble.error);
                self.fail(destination, quoted, told, engine);
            }
        }
    }

    /// Takes in what came through the error queue: the stamp of a transmission, or an ICMP error. Whether
    /// it was the latter.
    pub(super) fn take_error(
        self,
        packet: &Packet<'_>,
        stamps: &mut Stamps,
        engine: &mut Engine,
    ) -> bool {
        let error = packet.messages().find_map(|message| match message {
            Message::Error(error) => Some(error),
            _ => None,
        });
        match error.map(|error| error.origin) {
            Some(Origin::Transmission(number)) => {
                let stamp = packet.messages().find_map(stamp_of);
                if let Some(stamp) = stamp
                    && let Some(ticket) = stamps.came(number, stamp, monotonic())
                {
                    engine.stamp(ticket, stamp);
                }
                false
            }
            Some(Origin::Icmp { kind, code, .. }) => {
                let quoted = icmp::read_quoted(self.family, packet.payload);
                if let (Ok(quoted), Some(peer)) = (quoted, packet.peer) {
                    let from = error.and_then(|error| error.offender);
                    let error = IcmpError { kind, code };
                    self.fail(peer.ip(), quoted, (from, error), engine);
                }
                true
            }
            // What this host refuses, sending tells.
            _ => false,
        }
    }

    /// Ends the probe that an ICMP error, from whoever sent it, is about.
    fn fail(
        self,
        destination: IpAddr,
        quoted: Quoted,
        (from, error): (Option<IpAddr>, IcmpError),
        engine: &mut Engine,
    ) {
        let ticket = match quoted {
            Quoted::Whole(echo) if echo.identifier == self.identifier => engine.ticket(Claim {
                peer: destination,
                nonce: echo.nonce,
                sequence: echo.sequence,
                payload: None,
            }),
            Quoted::Header {
                identifier: quoted,
                sequence,
            } if quoted == self.identifier => engine.ticket_by_header(destination, sequence),
            // About another program's request.
            _ => None,
        };
        if let Some(ticket) = ticket {
            let dropped = from.and_then(|from| icmp::own_drop(error, from, destination, is_own));
            let outcome = dropped.map_or(Outcome::IcmpError(error), |(cause, _)| {
                Outcome::LocalDrop(Some(cause))
            });
            engine.end(ticket, outcome);
        }
    }
}

const fn stamp_of(message: Message) -> Option<Stamp> {
    match message {
        Message::Stamp(stamp) => Some(stamp),
        _ => None,
    }
}
