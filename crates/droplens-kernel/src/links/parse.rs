//! Parsing `RTM_NEWLINK` and `RTM_NEWSTATS`.

use droplens_model::sample::links::{LinkAttributes, LinkStatistics, OperState, Xdp};
use droplens_model::{IfIndex, Name};

use crate::error::ParseError;
use crate::netlink::{Attribute, Attributes, u16_at, u32_at, u64_at};

/// Bytes of `struct ifinfomsg`.
const LINK_HEADER: usize = 16;
/// Bytes of `struct if_stats_msg`.
const STATS_HEADER: usize = 12;
/// `ARPHRD_LOOPBACK`.
const LOOPBACK: u16 = 772;
/// `IFF_UP`.
const UP: u32 = 1;

/// `IFLA_STATS_LINK_64`.
const STATS_LINK_64: u16 = 1;
/// `IFLA_INFO_KIND`.
const INFO_KIND: u16 = 1;
/// `IFLA_XDP_ATTACHED`.
const XDP_ATTACHED: u16 = 2;

/// The attributes of `RTM_NEWLINK` that are read (`linux/if_link.h`).
mod ifla {
    pub(super) const IFNAME: u16 = 3;
    pub(super) const MTU: u16 = 4;
    pub(super) const LINK: u16 = 5;
    pub(super) const QDISC: u16 = 6;
    pub(super) const MASTER: u16 = 10;
    pub(super) const TXQLEN: u16 = 13;
    pub(super) const OPERSTATE: u16 = 16;
    pub(super) const LINKINFO: u16 = 18;
    pub(super) const STATS64: u16 = 23;
    pub(super) const NUM_TX_QUEUES: u16 = 31;
    pub(super) const NUM_RX_QUEUES: u16 = 32;
    pub(super) const CARRIER: u16 = 33;
    pub(super) const CARRIER_CHANGES: u16 = 35;
    pub(super) const LINK_NETNSID: u16 = 37;
    pub(super) const XDP: u16 = 43;
    pub(super) const CARRIER_UP_COUNT: u16 = 47;
    pub(super) const CARRIER_DOWN_COUNT: u16 = 48;
    pub(super) const PARENT_DEV_NAME: u16 = 56;
}

/// A device as one `RTM_NEWLINK` tells of it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct RawLink {
    /// The attributes, as far as rtnetlink tells them: speed and duplex are missing, `physical`
    /// is unset and the carrier counters are left to `carrier`.
    pub(super) attributes: LinkAttributes,
    /// Carrier changes, ups and downs, modulo 2^32.
    pub(super) carrier: [Option<u32>; 3],
    /// Whether a parent device is named; older kernels never name one.
    pub(super) parent: bool,
    /// The statistics; all zero if the kernel sent none.
    pub(super) statistics: LinkStatistics,
}

impl RawLink {
    /// The attributes, with `physical` as far as the named parent tells.
    pub(super) fn into_attributes(self) -> LinkAttributes {
        LinkAttributes {
            physical: self.parent && self.attributes.kind.is_none(),
            ..self.attributes
        }
    }
}

/// Parses the payload of an `RTM_NEWLINK`.
pub(super) fn link(payload: &[u8]) -> Result<RawLink, ParseError> {
    let header = (u16_at(payload, 2), u32_at(payload, 4), u32_at(payload, 8));
    let (Some(kind), Some(index), Some(flags)) = header else {
        return Err(ParseError::new("link message is too short"));
    };
    let mut link = RawLink {
        attributes: blank(IfIndex(index)),
        carrier: [None; 3],
        parent: false,
        statistics: LinkStatistics::default(),
    };
    link.attributes.loopback = kind == LOOPBACK;
    link.attributes.up = flags & UP != 0;
    let mut elsewhere = false;
    for attribute in Attributes::new(payload.get(LINK_HEADER..).unwrap_or_default()) {
        let attribute = attribute?;
        elsewhere |= attribute.kind == ifla::LINK_NETNSID;
        take(&mut link, &attribute)?;
    }
    if link.attributes.name.is_empty() {
        return Err(ParseError::new("link message without a name"));
    }
    if elsewhere {
        // The index is one of another namespace and would name the wrong device here.
        link.attributes.lower = None;
    }
    if !link.attributes.up {
        // What the kernel says of a device that is administratively down is what it was before.
        link.attributes.carrier = None;
    }
    Ok(link)
}

fn take(link: &mut RawLink, attribute: &Attribute<'_>) -> Result<(), ParseError> {
    let attributes = &mut link.attributes;
    match attribute.kind {
        ifla::IFNAME => attributes.name = name(attribute),
        ifla::MTU => attributes.mtu = attribute.u32()?,
        ifla::LINK => attributes.lower = device(attribute)?,
        ifla::QDISC => attributes.qdisc = name(attribute),
        ifla::MASTER => attributes.master = device(attribute)?,
        ifla::TXQLEN => attributes.transmit_queue_length = attribute.u32()?,
        ifla::OPERSTATE => attributes.oper_state = oper_state(attribute.u8()?),
        ifla::LINKINFO => {
            attributes.kind = attribute.nested().find(INFO_KIND)?.as_ref().map(name);
        }
        ifla::STATS64 => link.statistics = statistics(attribute.payload),
        ifla::NUM_TX_QUEUES => attributes.transmit_queues = attribute.u32()?,
        ifla::NUM_RX_QUEUES => attributes.receive_queues = attribute.u32()?,
        ifla::CARRIER => attributes.carrier = Some(attribute.u8()? != 0),
        ifla::XDP => attributes.xdp = xdp(attribute)?,
        ifla::CARRIER_CHANGES => link.carrier[0] = Some(attribute.u32()?),
        ifla::CARRIER_UP_COUNT => link.carrier[1] = Some(attribute.u32()?),
        ifla::CARRIER_DOWN_COUNT => link.carrier[2] = Some(attribute.u32()?),
        ifla::PARENT_DEV_NAME => link.parent = true,
        _ => {}
    }
    Ok(())
}

fn blank(index: IfIndex) -> LinkAttributes {
    LinkAttributes {
        index,
        name: Name::from(""),
        kind: None,
        loopback: false,
        physical: false,
        up: false,
        oper_state: OperState::Unknown,
        carrier: None,
        carrier_changes: None,
        carrier_up: None,
        carrier_down: None,
        mtu: 0,
        transmit_queue_length: 0,
        transmit_queues: 0,
        receive_queues: 0,
        master: None,
        lower: None,
        qdisc: Name::from(""),
        xdp: Xdp::None,
        speed: None,
        duplex: None,
    }
}

/// A name up to its NUL. The kernel allows any bytes in a device's name: one that is not text
/// must not hide all other devices.
fn name(attribute: &Attribute<'_>) -> Name {
    let end = attribute.payload.iter().position(|&byte| byte == 0);
    let bytes = attribute.payload.get(..end.unwrap_or(usize::MAX));
    String::from_utf8_lossy(bytes.unwrap_or(attribute.payload)).into()
}

/// A device's index; zero is none (tunnels have a lower device of zero).
fn device(attribute: &Attribute<'_>) -> Result<Option<IfIndex>, ParseError> {
    let index = attribute.u32()?;
    Ok((index != 0).then_some(IfIndex(index)))
}

/// `IF_OPER_*`.
const fn oper_state(state: u8) -> OperState {
    match state {
        1 => OperState::NotPresent,
        2 => OperState::Down,
        3 => OperState::LowerLayerDown,
        4 => OperState::Testing,
        5 => OperState::Dormant,
        6 => OperState::Up,
        _ => OperState::Unknown,
    }
}

/// `XDP_ATTACHED_*`.
fn xdp(attribute: &Attribute<'_>) -> Result<Xdp, ParseError> {
    let Some(attached) = attribute.nested().find(XDP_ATTACHED)? else {
        return Ok(Xdp::None);
    };
    Ok(match attached.u8()? {
        0 => Xdp::None,
        1 => Xdp::Driver,
        2 => Xdp::Generic,
        3 => Xdp::Hardware,
        _ => Xdp::Several,
    })
}

/// Parses the payload of an `RTM_NEWSTATS`; a device without the asked statistics is none.
pub(super) fn stats(payload: &[u8]) -> Result<Option<(IfIndex, LinkStatistics)>, ParseError> {
    let Some(index) = u32_at(payload, 4) else {
        return Err(ParseError::new("statistics message is too short"));
    };
    let attributes = Attributes::new(payload.get(STATS_HEADER..).unwrap_or_default());
    let found = attributes.find(STATS_LINK_64)?;
    Ok(found.map(|found| (IfIndex(index), statistics(found.payload))))
}

/// `struct rtnl_link_stats64`, of which older kernels send the first fields only.
fn statistics(bytes: &[u8]) -> LinkStatistics {
    let mut values = [0; LinkStatistics::COUNT];
    for (index, value) in values.iter_mut().enumerate() {
        *value = u64_at(bytes, 8 * index).unwrap_or_default();
    }
    LinkStatistics::from_array(values)
}

#[cfg(test)]
#[path = "parse_tests.rs"]
mod tests;
