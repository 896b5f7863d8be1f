//! Driver statistics.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use droplens_model::driver_table::DriverTable;
use droplens_model::sample::driver::{Driver, DriverDevice, DriverLayout, DriverStatistic};
use droplens_model::sample::links::LinkAttributes;
use droplens_model::{IfIndex, Name, Reason, Source};
use neli::consts::socket::NlFamily;

use crate::ioctl::{self, DriverInfo, EthtoolSocket};
use crate::netlink::Netlink;
use crate::{ReadError, Reader, links};

mod names;

/// How often names and values are asked for anew when their numbers do not agree.
const ATTEMPTS: u32 = 3;

/// Reads the driver statistics of all devices of the calling thread's network namespace.
///
/// Names are read once per device and again only when their number changed; a reading then costs
/// one system call per device, and none for devices that have no statistics.
#[derive(Debug, Default)]
pub struct DriverReader {
    sockets: Option<(Netlink, EthtoolSocket)>,
    devices: HashMap<(IfIndex, Name), Known>,
}

/// What is known of a device.
#[derive(Clone, Debug)]
enum Known {
    /// Its driver has no statistics.
    Silent,
    /// Its statistics are called so.
    Layout(Arc<DriverLayout>),
}

impl Reader for DriverReader {
    type Sample = Driver;

    fn read(&mut self) -> Result<Driver, ReadError> {
        let (mut netlink, mut ethtool) = match self.sockets.take() {
            Some(sockets) => sockets,
            None => open()?,
        };
        let links = links::list(&mut netlink)?;
        let mut devices = Vec::new();
        let mut known = HashMap::with_capacity(links.len());
        for link in links.iter().filter(|link| may_have_statistics(link)) {
            let key = (link.index, Arc::clone(&link.name));
            let before = self.devices.remove(&key);
            let Some((now, values)) = read_device(&mut ethtool, &link.name, before)? else {
                continue;
            };
            if let Known::Layout(layout) = &now {
                devices.push(DriverDevice {
                    index: link.index,
                    device: Arc::clone(&link.name),
                    layout: Arc::clone(layout),
                    values,
                });
            }
            known.insert(key, now);
        }
        self.devices = known;
        self.sockets = Some((netlink, ethtool));
        Ok(Driver { devices })
    }
}

impl DriverReader {
    /// A reader; nothing is opened yet.
    pub fn new() -> Self {
        Self::default()
    }
}

fn open() -> Result<(Netlink, EthtoolSocket), ReadError> {
    let netlink = Netlink::open(NlFamily::Route, Source::Driver.spec().deadline)?;
    let ethtool = EthtoolSocket::open().map_err(|source| ReadError::Ioctl {
        request: "socket",
        device: "any".to_owned(),
        source,
    })?;
    Ok((netlink, ethtool))
}

/// Loopback and the purely virtual kinds without `get_sset_count` in their driver are not asked:
/// a host with a thousand containers has thousands of them. veth has statistics and is asked.
fn may_have_statistics(link: &LinkAttributes) -> bool {
    const WITHOUT: [&str; 8] = [
        "tun", "bridge", "macvlan", "macvtap", "ipvlan", "vxlan", "vlan", "dummy",
    ];
    !link.loopback
        && link
            .kind
            .as_deref()
            .is_none_or(|kind| !WITHOUT.contains(&kind))
}

/// Reads one device; none if it vanished or could not make up its mind.
fn read_device(
    ethtool: &mut EthtoolSocket,
    device: &str,
    before: Option<Known>,
) -> Result<Option<(Known, Vec<u64>)>, ReadError> {
    let mut known = before;
    for _ in 0..ATTEMPTS {
        let layout = match known.take() {
            Some(Known::Silent) => return Ok(Some((Known::Silent, Vec::new()))),
            Some(Known::Layout(layout)) => layout,
            None => match read_layout(ethtool, device) {
                Ok(Some(layout)) => Arc::new(layout),
                Ok(None) => return Ok(Some((Known::Silent, Vec::new()))),
                Err(error) => return skip(device, "ETHTOOL_GSTRINGS", error),
            },
        };
        match ethtool.statistics(device, layout.statistics.len()) {
            Ok(Some(values)) => return Ok(Some((Known::Layout(layout), values))),
            // The number changed since the names were read.
            Ok(None) => {}
            Err(error) => return skip(device, "ETHTOOL_GSTATS", error),
        }
    }
    Ok(None)
}

/// A device that has gone, or whose driver refuses now (many do while they reset), must not hide
/// the others; anything else is an error.
fn skip<T>(device: &str, request: &'static str, source: io::Error) -> Result<Option<T>, ReadError> {
    let error = ReadError::Ioctl {
        request,
        device: device.to_owned(),
        source,
    };
    match error.reason() {
        Reason::Permission => Err(error),
        _ => Ok(None),
    }
}

/// The names of a device's statistics; none if it has no statistics.
fn read_layout(ethtool: &mut EthtoolSocket, device: &str) -> io::Result<Option<DriverLayout>> {
    let unsupported = |error: &io::Error| error.raw_os_error() == Some(libc::EOPNOTSUPP);
    let info = match ethtool.driver_info(device) {
        Err(error) if unsupported(&error) => return Ok(None),
        other => other?,
    };
    if info.statistics == 0 {
        return Ok(None);
    }
    match ethtool.statistic_names(device) {
        Err(error) if unsupported(&error) => Ok(None),
        Err(error) => Err(error),
        Ok([]) => Ok(None),
        Ok(names) => Ok(Some(layout(&info, names))),
    }
}

/// Makes sense of a driver's names, of `ETH_GSTRING_LEN` bytes each.
fn layout(info: &DriverInfo, names: &[u8]) -> DriverLayout {
    let names: Vec<String> = ioctl::names(names).collect();
    let split = names::split(names.iter().map(String::as_str));
    let table = DriverTable::get();
    let statistics = names
        .iter()
        .zip(split)
        .map(|(name, split)| DriverStatistic {
            name: Name::from(name.as_str()),
            counter: Name::from(split.counter),
            queue: split.queue.map(Name::from),
            meaning: table.meaning(&info.driver, name),
        });
    DriverLayout::new(
        Name::from(info.driver.as_str()),
        Name::from(info.firmware.as_str()),
        statistics.collect(),
    )
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
