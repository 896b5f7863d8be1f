//! The routing tables: default routes, and the way to one destination.
//!
//! No [source](droplens_model::Source): probes ask where their packets go.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use droplens_model::sample::probes::Route;
use droplens_model::{Family, Name};
use neli::consts::socket::NlFamily;

use crate::ReadError;
use crate::error::ParseError;
use crate::netlink::{Attribute, Attributes, LazyNetlink, Request, u32_at};

/// How long the kernel may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// Default routes that are kept at most.
const MOST_DEFAULTS: usize = 64;

/// `RTM_NEWROUTE`.
const RTM_NEWROUTE: u16 = 24;
/// `RTM_GETROUTE`.
const RTM_GETROUTE: u16 = 26;
/// `RTM_NEWLINK`.
const RTM_NEWLINK: u16 = 16;
/// `RTM_GETLINK`.
const RTM_GETLINK: u16 = 18;

/// Bytes of `struct rtmsg`.
const RTMSG: usize = 12;
/// Bytes of `struct ifinfomsg`.
const IFINFOMSG: usize = 16;
/// Bytes of `struct rtnexthop`.
const RTNEXTHOP: usize = 8;

/// `RT_TABLE_MAIN`.
const TABLE_MAIN: u32 = 254;
/// `RTN_UNICAST`.
const UNICAST: u8 = 1;
/// `RTN_LOCAL`.
const LOCAL: u8 = 2;
/// `RTNH_F_DEAD` and `RTNH_F_LINKDOWN`: nothing is sent by this next hop.
const UNUSABLE: u32 = 1 | 16;

/// `AF_INET`.
const AF_INET: u8 = 2;
/// `AF_INET6`.
const AF_INET6: u8 = 10;

/// The attributes of a route that are read (`linux/rtnetlink.h`).
mod rta {
    pub(super) const DST: u16 = 1;
    pub(super) const OIF: u16 = 4;
    pub(super) const GATEWAY: u16 = 5;
    pub(super) const PRIORITY: u16 = 6;
    pub(super) const PREFSRC: u16 = 7;
    pub(super) const METRICS: u16 = 8;
    pub(super) const MULTIPATH: u16 = 9;
    pub(super) const TABLE: u16 = 15;
    pub(super) const VIA: u16 = 18;
}

/// `RTAX_MTU`.
const RTAX_MTU: u16 = 2;
/// `IFLA_IFNAME`.
const IFLA_IFNAME: u16 = 3;
/// `IFLA_MTU`.
const IFLA_MTU: u16 = 4;

/// A router that a default route of the main table names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Gateway {
    /// Its address.
    pub address: IpAddr,
    /// The device by which it is reached; link-local addresses mean nothing without it.
    pub device: Name,
}

/// Asks the kernel for routes.
#[derive(Debug)]
pub struct Routes {
    netlink: LazyNetlink,
}

impl Default for Routes {
    fn default() -> Self {
        Self::new()
    }
}

impl Routes {
    /// The socket is opened at the first question, in the network namespace of the thread that asks.
    pub fn new() -> Self {
        Self {
            netlink: LazyNetlink::new(NlFamily::Route, PATIENCE),
        }
    }

    /// The routers of the default routes of the main table (`RTM_GETROUTE`), of IPv4 and IPv6: of each
    /// family those of the lowest metric, which are the ones in use. Sorted, each once.
    pub fn gateways(&mut self) -> Result<Vec<Gateway>, ReadError> {
        let mut found = Vec::new();
        for family in Family::ALL {
            let mut body = [0; RTMSG];
            body[0] = number(family);
            let request = Request::dump("RTM_GETROUTE", RTM_GETROUTE).body(&body);
            let mut routes: Vec<RawRoute> = Vec::new();
            self.netlink.request(
                &request,
                &mut routes,
                Vec::clear,
                |routes, kind, payload| {
                    if kind == RTM_NEWROUTE && routes.len() < MOST_DEFAULTS {
                        routes.extend(route(payload)?.filter(RawRoute::is_default));
                    }
                    Ok(())
                },
            )?;
            let least = routes.iter().map(|route| route.priority).min();
            let best = routes
                .into_iter()
                .filter(|route| Some(route.priority) == least);
            found.extend(best.flat_map(|route| route.hops));
        }
        let mut gateways = Vec::new();
        for hop in found {
            let Some(address) = hop.gateway.filter(|address| !address.is_unspecified()) else {
                continue;
            };
            // A device that went away meanwhile takes its route with it.
            if let Some((device, _)) = self.device(hop.device)? {
                gateways.push(Gateway { address, device });
            }
        }
        gateways.sort_unstable();
        gateways.dedup();
        Ok(gateways)
    }

    /// The first step to a destination, from this address of one's own or by this device if they are
    /// given. An error of the kernel says that there is none (`ENETUNREACH`, `EHOSTUNREACH`, ...).
    pub fn route(
        &mut self,
        destination: IpAddr,
        source: Option<IpAddr>,
        device: Option<&str>,
    ) -> Result<Route, ReadError> {
        let index = match device {
            Some(device) => Some(self.index(device)?),
            None => None,
        };
        let mut found: Option<RawRoute> = None;
        let request = question(destination, source, index);
        self.netlink.request(
            &request,
            &mut found,
            |found| *found = None,
            |found, kind, payload| {
                if kind == RTM_NEWROUTE {
                    *found = route(payload)?;
                }
                Ok(())
            },
        )?;
        let missing = ReadError::NetlinkParse {
            request: "RTM_GETROUTE",
            source: ParseError::new("no route in the answer"),
        };
        let Some(raw) = found else {
            return Err(missing);
        };
        let Some(hop) = raw.hops.into_iter().next() else {
            return Err(missing);
        };
        let device = self.device(hop.device)?;
        let (device, device_mtu) = device.map_or_else(
            || (Name::from(format!("#{}", hop.device)), None),
            |(name, mtu)| (name, mtu),
        );
        Ok(Route {
            device,
            gateway: hop.gateway,
            source: raw.source,
            mtu: raw.mtu.or(device_mtu),
        })
    }

    /// The name and the MTU of a device, if there is one of this index.
    fn device(&mut self, index: u32) -> Result<Option<(Name, Option<u32>)>, ReadError> {
        let mut body = [0; IFINFOMSG];
        if let Some(field) = body.get_mut(4..8) {
            field.copy_from_slice(&index.to_ne_bytes());
        }
        let request = Request::get("RTM_GETLINK", RTM_GETLINK).body(&body);
        let asked = self.link(&request);
        match asked {
            Err(error) if error.errno() == Some(libc::ENODEV) => Ok(None),
            Err(error) => Err(error),
            Ok(link) => Ok(link.map(|link| (link.name, link.mtu))),
        }
    }

    /// The index of a device.
    fn index(&mut self, device: &str) -> Result<u32, ReadError> {
        let mut name = device.as_bytes().to_vec();
        name.push(0);
        let request = Request::get("RTM_GETLINK", RTM_GETLINK)
            .body(&[0; IFINFOMSG])
            .attribute(IFLA_IFNAME, &name);
        let link = self.link(&request)?;
        link.map(|link| link.index).ok_or(ReadError::NetlinkParse {
            request: "RTM_GETLINK",
            source: ParseError::new("no device in the answer"),
        })
    }

    fn link(&mut self, request: &Request) -> Result<Option<RawLink>, ReadError> {
        let mut found = None;
        self.netlink.request(
            request,
            &mut found,
            |found| *found = None,
            |found, kind, payload| {
                if kind == RTM_NEWLINK {
                    *found = Some(link(payload)?);
                }
                Ok(())
            },
        )?;
        Ok(found)
    }
}

/// Asks for the way of one packet.
fn question(destination: IpAddr, source: Option<IpAddr>, device: Option<u32>) -> Request {
    let bytes = |address: IpAddr| match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    };
    let destination = bytes(destination);
    // struct rtmsg: family, length of the destination and of the source in bits.
    let mut body = [0; RTMSG];
    let (family, bits) = if destination.len() == 4 {
        (AF_INET, 32)
    } else {
        (AF_INET6, 128)
    };
    body[0] = family;
    body[1] = bits;
    let source = source
        .map(bytes)
        .filter(|source| source.len() == destination.len());
    if source.is_some() {
        body[2] = bits;
    }
    let mut request = Request::get("RTM_GETROUTE", RTM_GETROUTE)
        .body(&body)
        .attribute(rta::DST, &destination);
    if let Some(source) = source {
        const RTA_SRC: u16 = 2;
        request = request.attribute(RTA_SRC, &source);
    }
    if let Some(device) = device {
        request = request.attribute(rta::OIF, &device.to_ne_bytes());
    }
    request
}

const fn number(family: Family) -> u8 {
    match family {
        Family::V4 => AF_INET,
        Family::V6 => AF_INET6,
    }
}

/// One way of a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Hop {
    device: u32,
    gateway: Option<IpAddr>,
}

/// A route as one `RTM_NEWROUTE` tells of it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct RawRoute {
    prefix: u8,
    table: u32,
    kind: u8,
    /// Whether it is a copy for one destination (`RTM_F_CLONED`).
    cloned: bool,
    priority: u32,
    source: Option<IpAddr>,
    mtu: Option<u32>,
    hops: Vec<Hop>,
}

impl RawRoute {
    fn is_default(&self) -> bool {
        self.prefix == 0 && self.table == TABLE_MAIN && self.kind == UNICAST && !self.cloned
    }
}

/// A device as one `RTM_NEWLINK` tells of it.
#[derive(Debug, PartialEq, Eq)]
struct RawLink {
    index: u32,
    name: Name,
    mtu: Option<u32>,
}

/// Parses the payload of an `RTM_NEWROUTE`; none if it is of another protocol.
fn route(payload: &[u8]) -> Result<Option<RawRoute>, ParseError> {
    /// `RTM_F_CLONED`.
    const CLONED: u32 = 0x200;
    let header = payload
        .get(..RTMSG)
        .ok_or(ParseError::new("rtmsg is too short"))?;
    let &[family, prefix, _, _, table, _, _, kind, ..] = header else {
        return Ok(None);
    };
    if family != AF_INET && family != AF_INET6 {
        return Ok(None);
    }
    let flags = u32_at(header, 8).unwrap_or_default();
    let mut route = RawRoute {
        prefix,
        table: u32::from(table),
        kind,
        cloned: flags & CLONED != 0,
        priority: 0,
        source: None,
        mtu: None,
        hops: Vec::new(),
    };
    let (mut device, mut gateway) = (None, None);
    for attribute in Attributes::new(payload.get(RTMSG..).unwrap_or_default()) {
        let attribute = attribute?;
        match attribute.kind {
            rta::OIF => device = Some(attribute.u32()?),
            rta::GATEWAY => gateway = Some(address(attribute.payload)?),
            rta::VIA => gateway = Some(via(&attribute)?),
            rta::PRIORITY => route.priority = attribute.u32()?,
            rta::PREFSRC => route.source = Some(address(attribute.payload)?),
            rta::TABLE => route.table = attribute.u32()?,
            rta::METRICS => {
                let mtu = attribute.nested().find(RTAX_MTU)?;
                route.mtu = mtu.map(|mtu| mtu.u32()).transpose()?.filter(|mtu| *mtu > 0);
            }
            rta::MULTIPATH => route.hops = hops(attribute.payload)?,
            _ => {}
        }
    }
    if let Some(device) = device
        && flags & UNUSABLE == 0
    {
        route.hops.insert(0, Hop { device, gateway });
    }
    // A packet to oneself has no router, whatever is said.
    if route.kind == LOCAL {
        for hop in &mut route.hops {
            hop.gateway = None;
        }
    }
    Ok(Some(route))
}

/// The ways of a route that has several (`struct rtnexthop` and attributes, one after the other).
fn hops(mut bytes: &[u8]) -> Result<Vec<Hop>, ParseError> {
    let mut hops = Vec::new();
    while bytes.len() >= RTNEXTHOP {
        let length = usize::from(u16::from_ne_bytes([
            bytes.first().copied().unwrap_or_default(),
            bytes.get(1).copied().unwrap_or_default(),
        ]));
        let flags = u32::from(bytes.get(2).copied().unwrap_or_default());
        let device = u32_at(bytes, 4).unwrap_or_default();
        let attributes = bytes
            .get(RTNEXTHOP..length)
            .ok_or(ParseError::new("next hop is longer than its route"))?;
        let mut gateway = None;
        for attribute in Attributes::new(attributes) {
            let attribute = attribute?;
            match attribute.kind {
                rta::GATEWAY => gateway = Some(address(attribute.payload)?),
                rta::VIA => gateway = Some(via(&attribute)?),
                _ => {}
            }
        }
        if flags & UNUSABLE == 0 {
            hops.push(Hop { device, gateway });
        }
        bytes = bytes.get((length + 3) & !3..).unwrap_or_default();
    }
    Ok(hops)
}

/// An address of either family, by its length.
fn address(bytes: &[u8]) -> Result<IpAddr, ParseError> {
    if let Ok(bytes) = <[u8; 4]>::try_from(bytes) {
        return Ok(Ipv4Addr::from(bytes).into());
    }
    <[u8; 16]>::try_from(bytes)
        .map(|bytes| Ipv6Addr::from(bytes).into())
        .map_err(|_| ParseError::new("address is neither of IPv4 nor of IPv6"))
}

/// A router of the other family (`struct rtvia`: the family, then the address).
fn via(attribute: &Attribute<'_>) -> Result<IpAddr, ParseError> {
    address(attribute.payload.get(2..).unwrap_or_default())
}

/// Parses the payload of an `RTM_NEWLINK`, as far as routes need it.
fn link(payload: &[u8]) -> Result<RawLink, ParseError> {
    let index = u32_at(payload, 4).ok_or(ParseError::new("link message is too short"))?;
    let attributes = Attributes::new(payload.get(IFINFOMSG..).unwrap_or_default());
    let name = attributes
        .clone()
        .find(IFLA_IFNAME)?
        .ok_or(ParseError::new("link has no name"))?;
    let mtu = attributes.find(IFLA_MTU)?;
    Ok(RawLink {
        index,
        name: name.text()?.into(),
        mtu: mtu.map(|mtu| mtu.u32()).transpose()?,
    })
}

#[cfg(test)]
mod tests;
