//! Network devices.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use droplens_model::sample::links::{Duplex, Link, LinkAttributes, LinkStatistics, Links};
use droplens_model::wrap::Unwrapper;
use droplens_model::{IfIndex, Name, Reason, Source};
use neli::consts::socket::NlFamily;

use crate::ioctl::{EthtoolSocket, LinkSettings};
use crate::netlink::{Completeness, Netlink, Request};
use crate::{ReadError, Reader, Root};

mod parse;

use parse::RawLink;

/// `RTM_NEWLINK`.
const NEW_LINK: u16 = 16;
/// `RTM_GETLINK`.
const GET_LINK: u16 = 18;
/// `RTM_NEWSTATS`.
const NEW_STATS: u16 = 92;
/// `RTM_GETSTATS`.
const GET_STATS: u16 = 94;
/// `IFLA_STATS_FILTER_BIT(IFLA_STATS_LINK_64)`.
const LINK_64: u32 = 1;

/// How long attributes are taken for unchanged.
const ATTRIBUTES_LAST: Duration = Duration::from_secs(1);
/// How long speed and duplex are taken for unchanged when the link's state did not change. Asking
/// makes some drivers ask their firmware, under the lock of all network configuration.
const SETTINGS_LAST: Duration = Duration::from_secs(15);

/// Reads the devices of the calling thread's network namespace.
///
/// Most readings ask only for statistics (`RTM_GETSTATS`), which costs a third of what the whole
/// list of devices (`RTM_GETLINK`) does; the list is read once a second and when a device is
/// new or gone.
#[derive(Debug)]
pub struct LinksReader {
    root: Root,
    netlink: Option<Netlink>,
    ethtool: Option<EthtoolSocket>,
    statistics_alone: bool,
    known: Known,
    settings: HashMap<IfIndex, Settings>,
    carrier: Unwrapper<(IfIndex, Name), 3>,
}

/// The attributes as last read.
#[derive(Debug, Default)]
struct Known {
    /// Sorted by index.
    attributes: Vec<Arc<LinkAttributes>>,
    /// `tx_dropped` of all devices at that time.
    refused: u64,
    complete: bool,
    at: Option<Instant>,
}

/// Speed and duplex as last read, and what must not have changed for them to hold.
#[derive(Debug)]
struct Settings {
    at: Instant,
    of: (Name, Option<bool>, Option<u64>),
    value: Option<LinkSettings>,
}

impl Reader for LinksReader {
    type Sample = Links;

    fn read(&mut self) -> Result<Links, ReadError> {
        let mut netlink = match self.netlink.take() {
            Some(netlink) => netlink,
            None => Netlink::open(NlFamily::Route, Source::Links.spec().deadline)?,
        };
        // After an error the socket is not put back: late answers must not meet a new request.
        let links = self.read_through(&mut netlink, Instant::now())?;
        self.netlink = Some(netlink);
        Ok(links)
    }
}

impl LinksReader {
    /// A reader; the root is where older kernels are asked which devices are hardware.
    pub fn new(root: &Root) -> Self {
        Self {
            root: root.clone(),
            netlink: None,
            ethtool: None,
            statistics_alone: true,
            known: Known::default(),
            settings: HashMap::new(),
            carrier: Unwrapper::default(),
        }
    }

    fn read_through(&mut self, netlink: &mut Netlink, now: Instant) -> Result<Links, ReadError> {
        let fresh = |at: Instant| now.saturating_duration_since(at) < ATTRIBUTES_LAST;
        if self.statistics_alone && self.known.at.is_some_and(fresh) {
            match dump_statistics(netlink) {
                Ok((statistics, completeness)) => {
                    if let Some(links) = self.known.with(&statistics, completeness) {
                        return Ok(links);
                    }
                }
                Err(error) if error.reason() == Reason::NotSupported => {
                    self.statistics_alone = false;
                }
                Err(error) => return Err(error),
            }
        }
        let (raw, completeness) = dump(netlink)?;
        Ok(self.refresh(raw, completeness, now))
    }

    /// Takes in a whole list of devices.
    fn refresh(&mut self, raw: Vec<RawLink>, completeness: Completeness, now: Instant) -> Links {
        let mut links = Vec::with_capacity(raw.len());
        for link in raw {
            let statistics = link.statistics;
            let old = self.known.get(link.attributes.index).cloned();
            let attributes = self.complete(link, old.as_deref(), now);
            let attributes = match old {
                Some(old) if *old == attributes => old,
                _ => Arc::new(attributes),
            };
            links.push(Link {
                attributes,
                statistics,
            });
        }
        if completeness.is_complete() {
            // A device missing from a list with holes may come back with its counters.
            self.carrier.finish();
        }
        self.known = Known {
            attributes: links
                .iter()
                .map(|link| Arc::clone(&link.attributes))
                .collect(),
            refused: refused(links.iter().map(|link| &link.statistics)),
            complete: completeness.is_complete(),
            at: Some(now),
        };
        let Self {
            settings, known, ..
        } = self;
        settings.retain(|&index, _| known.get(index).is_some());
        Links {
            links,
            complete: completeness.is_complete(),
        }
    }

    /// Adds to a device's attributes what rtnetlink alone does not tell.
    fn complete(
        &mut self,
        link: RawLink,
        old: Option<&LinkAttributes>,
        now: Instant,
    ) -> LinkAttributes {
        let mut attributes = link.attributes;
        let raw = link.carrier.map(Option::unwrap_or_default);
        let key = (attributes.index, Arc::clone(&attributes.name));
        let totals = self.carrier.observe(key, raw);
        let [changes, up, down] = [0, 1, 2].map(|n: usize| {
            // Old kernels do not count ups and downs; that is not "none so far".
            link.carrier.get(n).copied().flatten()?;
            totals.get(n).copied()
        });
        attributes.carrier_changes = changes;
        attributes.carrier_up = up;
        attributes.carrier_down = down;
        attributes.physical = self.is_physical(&attributes, link.parent, old);
        if attributes.physical {
            let settings = self.settings(&attributes, now);
            attributes.speed = settings.and_then(LinkSettings::bits_per_second);
            attributes.duplex = settings.and_then(LinkSettings::duplex);
        }
        attributes
    }

    fn is_physical(
        &self,
        attributes: &LinkAttributes,
        parent: bool,
        old: Option<&LinkAttributes>,
    ) -> bool {
        if attributes.loopback || !attributes.kind.as_deref().is_none_or(is_hardware_kind) {
            return false;
        }
        if parent {
            return true;
        }
        // Kernels before 5.14 name no parents. The answer does not change while a device lives.
        match old {
            Some(old) if old.name == attributes.name => old.physical,
            _ => {
                let file = format!("class/net/{}/device", attributes.name);
                self.root.sys(&file).exists()
            }
        }
    }

    fn settings(&mut self, attributes: &LinkAttributes, now: Instant) -> Option<LinkSettings> {
        let of = (
            Arc::clone(&attributes.name),
            attributes.carrier,
            attributes.carrier_changes,
        );
        if let Some(settings) = self.settings.get(&attributes.index)
            && settings.of == of
            && now.saturating_duration_since(settings.at) < SETTINGS_LAST
        {
            return settings.value;
        }
        let value = self.ask_settings(&attributes.name);
        let settings = Settings { at: now, of, value };
        self.settings.insert(attributes.index, settings);
        value
    }

    /// Speed and duplex are an extra: a driver that refuses, or a device that has just gone,
    /// leaves them unknown.
    fn ask_settings(&mut self, device: &str) -> Option<LinkSettings> {
        if self.ethtool.is_none() {
            self.ethtool = EthtoolSocket::open().ok();
        }
        self.ethtool.as_mut()?.link_settings(device).ok()
    }
}

impl LinkSettings {
    /// Speed in bit/s, if known.
    fn bits_per_second(self) -> Option<u64> {
        // SPEED_UNKNOWN is -1; a few drivers say 0 or 65535, which older interfaces had for it.
        match self.speed {
            0 | 0xffff | u32::MAX => None,
            megabits => Some(u64::from(megabits) * 1_000_000),
        }
    }

    /// Duplex, if known.
    const fn duplex(self) -> Option<Duplex> {
        match self.duplex {
            0 => Some(Duplex::Half),
            1 => Some(Duplex::Full),
            _ => None,
        }
    }
}

impl Known {
    fn get(&self, index: IfIndex) -> Option<&Arc<LinkAttributes>> {
        let at = self
            .attributes
            .binary_search_by_key(&index, |attributes| attributes.index)
            .ok()?;
        self.attributes.get(at)
    }

    /// The known devices with these statistics; none if the devices are no longer the same, or one
    /// refused packets meanwhile: whether it had a carrier must be as new as that.
    fn with(
        &self,
        statistics: &[(IfIndex, LinkStatistics)],
        completeness: Completeness,
    ) -> Option<Links> {
        if self.attributes.len() != statistics.len()
            || self.refused != refused(statistics.iter().map(|(_, statistics)| statistics))
        {
            return None;
        }
        let links = self
            .attributes
            .iter()
            .zip(statistics)
            .map(|(attributes, (index, statistics))| {
                (attributes.index == *index).then(|| Link {
                    attributes: Arc::clone(attributes),
                    statistics: *statistics,
                })
            })
            .collect::<Option<_>>()?;
        Some(Links {
            links,
            complete: self.complete && completeness.is_complete(),
        })
    }
}

/// Packets that devices did not send. Only compared with itself, so it may wrap.
fn refused<'a>(statistics: impl Iterator<Item = &'a LinkStatistics>) -> u64 {
    statistics.fold(0, |sum, device| sum.wrapping_add(device.tx_dropped))
}

/// Kinds that name hardware; every other kind is made in software, whatever lies below it.
pub(crate) fn is_hardware_kind(kind: &str) -> bool {
    matches!(kind, "ipoib" | "dsa" | "wwan")
}

/// The devices of the socket's namespace, sorted by index, as rtnetlink alone tells of them: for
/// readers that ask each device something else.
pub(crate) fn list(netlink: &mut Netlink) -> Result<Vec<LinkAttributes>, ReadError> {
    let (links, _) = dump(netlink)?;
    Ok(links.into_iter().map(RawLink::into_attributes).collect())
}

/// Asks for all devices, sorted by index.
fn dump(netlink: &mut Netlink) -> Result<(Vec<RawLink>, Completeness), ReadError> {
    // No IFLA_EXT_MASK: without it the kernel sends no virtual functions, but the statistics.
    let request = Request::dump("RTM_GETLINK", GET_LINK).body(&[0; 16]);
    let mut links = Vec::new();
    let completeness =
        netlink.request(&request, &mut links, Vec::clear, |links, kind, payload| {
            if kind == NEW_LINK {
                links.push(parse::link(payload)?);
            }
            Ok(())
        })?;
    links.sort_by_key(|link| link.attributes.index);
    links.dedup_by_key(|link| link.attributes.index);
    Ok((links, completeness))
}

/// The statistics of devices.
type Statistics = Vec<(IfIndex, LinkStatistics)>;

/// Asks for the statistics of all devices, sorted by index.
fn dump_statistics(netlink: &mut Netlink) -> Result<(Statistics, Completeness), ReadError> {
    let mut header = [0; 12];
    if let Some(filter) = header.get_mut(8..) {
        filter.copy_from_slice(&LINK_64.to_ne_bytes());
    }
    let request = Request::dump("RTM_GETSTATS", GET_STATS).body(&header);
    let mut statistics = Vec::new();
    let completeness = netlink.request(
        &request,
        &mut statistics,
        Vec::clear,
        |statistics, kind, payload| {
            if kind == NEW_STATS {
                statistics.extend(parse::stats(payload)?);
            }
            Ok(())
        },
    )?;
    statistics.sort_by_key(|&(index, _)| index);
    statistics.dedup_by_key(|&mut (index, _)| index);
    Ok((statistics, completeness))
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
