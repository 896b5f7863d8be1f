//! ICMP errors: what they say and about which of our requests.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use droplens_model::sample::probes::IcmpError;
use droplens_model::{Cause, Family};

use super::{Echo, HEADER, NotOurs};

/// Next header values on the way to ICMPv6 that have the common form of extension headers: hop by
/// hop, routing, destination options (RFC 8200, section 4).
const EXTENSIONS: [u8; 3] = [0, 43, 60];

/// More extension headers than this are not worth following.
const MOST_EXTENSIONS: usize = 8;

/// An error about one of our requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// What it says.
    pub error: IcmpError,
    /// The largest packet that would have passed, if it says so.
    pub mtu: Option<u32>,
    /// Where the request was going.
    pub destination: IpAddr,
    /// The request, as far as the error quotes it.
    pub quoted: Quoted,
}

/// How much of the request an error quotes: routers have to quote 8 bytes of it (RFC 792), and most
/// quote it all (RFC 1812, section 4.3.2.3; RFC 4443, section 2.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quoted {
    /// With our payload.
    Whole(Echo),
    /// Only the ICMP header.
    Header {
        /// ICMP identifier.
        identifier: u16,
        /// The lower 16 bits of the probe's number.
        sequence: u16,
    },
}

/// What an error means that this host sent to itself about a packet that its kernel had taken: the
/// cause for which the kernel dropped the packet, and in words; none if it means something else.
///
/// `from` sent the error, `peer` is whom the packet was for. The kernel says so when a neighbour does
/// not answer (`ipv4_link_failure`, `ip6_link_failure`) and when a rule rejects what is sent. A host that
/// probes itself is its own peer, and its errors are a peer's.
pub(crate) fn own_drop(
    error: IcmpError,
    from: IpAddr,
    peer: IpAddr,
    is_own: impl FnOnce(IpAddr) -> bool,
) -> Option<(Cause, &'static str)> {
    let dropped = match (peer, error.kind, error.code) {
        // Net or host unreachable; no route, address unreachable.
        (IpAddr::V4(_), 3, 0 | 1) | (IpAddr::V6(_), 1, 0 | 3) => {
            (Cause::NeighbourUnresolved, "the neighbour does not answer")
        }
        // Port or protocol unreachable, prohibited: what rules reject with. Not too large a packet.
        (IpAddr::V4(_), 3, 2 | 3 | 5..) | (IpAddr::V6(_), 1, _) => (
            Cause::FirewallDrop,
            "a rule of this host's firewall rejects it",
        ),
        _ => return None,
    };
    (from != peer && (from.is_loopback() || is_own(from))).then_some(dropped)
}

/// Reads an ICMP error about an echo request.
pub(super) fn read(family: Family, packet: &[u8]) -> Result<Trouble, NotOurs> {
    let (header, quote) = packet
        .split_first_chunk::<HEADER>()
        .ok_or(NotOurs::Truncated)?;
    let [kind, code, _, _, rest @ ..] = *header;
    let [_, _, mtu_v4 @ ..] = rest;
    let (destination, request, mtu) = match (family, kind) {
        // Destination unreachable, time exceeded, parameter problem.
        (Family::V4, 3 | 11 | 12) => {
            let (destination, request) = quoted_v4(quote)?;
            // RFC 1191: "fragmentation needed" has the MTU of the next hop, or 0 from old routers.
            let mtu = u32::from(u16::from_be_bytes(mtu_v4));
            let mtu = (kind == 3 && code == 4 && mtu > 0).then_some(mtu);
            (IpAddr::V4(destination), request, mtu)
        }
        // Destination unreachable, packet too big, time exceeded, parameter problem.
        (Family::V6, 1..=4) => {
            let (destination, request) = quoted_v6(quote)?;
            let mtu = (kind == 2).then_some(u32::from_be_bytes(rest));
            (IpAddr::V6(destination), request, mtu)
        }
        _ => return Err(NotOurs::OtherType(kind)),
    };
    Ok(Trouble {
        error: IcmpError { kind, code },
        mtu,
        destination,
        quoted: quoted(family, request)?,
    })
}

/// Reads the request that an error quotes.
pub(super) fn quoted(family: Family, request: &[u8]) -> Result<Quoted, NotOurs> {
    let request_type = super::EchoKind::Request.type_of(family);
    let (header, _) = request
        .split_first_chunk::<HEADER>()
        .ok_or(NotOurs::Truncated)?;
    let [quoted_type, 0, _, _, identifier @ .., high, low] = *header else {
        return Err(NotOurs::OtherPayload);
    };
    if quoted_type != request_type {
        return Err(NotOurs::OtherPayload);
    }
    match Echo::read(request) {
        Ok(echo) => Ok(Quoted::Whole(echo)),
        Err(NotOurs::Truncated) => Ok(Quoted::Header {
            identifier: u16::from_be_bytes(identifier),
            sequence: u16::from_be_bytes([high, low]),
        }),
        Err(other) => Err(other),
    }
}

/// What follows the IPv4 header of a packet, as raw sockets receive it.
pub fn skip_ipv4(packet: &[u8]) -> Result<&[u8], NotOurs> {
    let (&[first], _) = packet.split_first_chunk().ok_or(NotOurs::Truncated)?;
    let length = usize::from(first & 0x0f) * 4;
    if first >> 4 != 4 || length < 20 {
        return Err(NotOurs::OtherPayload);
    }
    packet.get(length..).ok_or(NotOurs::Truncated)
}

fn quoted_v4(quote: &[u8]) -> Result<(Ipv4Addr, &[u8]), NotOurs> {
    let request = skip_ipv4(quote)?;
    let (header, _) = quote.split_first_chunk::<20>().ok_or(NotOurs::Truncated)?;
    let [
        ..,
        fragment_high,
        fragment_low,
        _,
        protocol,
        _,
        _,
        _,
        _,
        _,
        _,
        a,
        b,
        c,
        d,
    ] = *header;
    // A later fragment has no ICMP header.
    let offset = u16::from_be_bytes([fragment_high, fragment_low]) & 0x1fff;
    if protocol != 1 || offset != 0 {
        return Err(NotOurs::OtherPayload);
    }
    Ok((Ipv4Addr::new(a, b, c, d), request))
}

fn quoted_v6(quote: &[u8]) -> Result<(Ipv6Addr, &[u8]), NotOurs> {
    let (header, mut rest) = quote.split_first_chunk::<40>().ok_or(NotOurs::Truncated)?;
    let (&[first, _, _, _, _, _, mut next, _], addresses) =
        header.split_first_chunk::<8>().ok_or(NotOurs::Truncated)?;
    let destination = addresses.last_chunk::<16>().ok_or(NotOurs::Truncated)?;
    if first >> 4 != 6 {
        return Err(NotOurs::OtherPayload);
    }
    for _ in 0..MOST_EXTENSIONS {
        if !EXTENSIONS.contains(&next) {
            break;
        }
        let (&[following, length], _) = rest.split_first_chunk().ok_or(NotOurs::Truncated)?;
        rest = rest
            .get((usize::from(length) + 1) * 8..)
            .ok_or(NotOurs::Truncated)?;
        next = following;
    }
    if next != 58 {
        return Err(NotOurs::OtherPayload);
    }
    Ok((Ipv6Addr::from(*destination), rest))
}
