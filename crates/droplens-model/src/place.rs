//! Where on the host something happened.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::sample::qdiscs::TcHandle;
use crate::{CpuId, Family, Name};

/// Where packets were lost, as exactly as the counter tells.
///
/// Written as a map of labels: `{"device":"eth0"}`, `{"cpu":"3"}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(
    into = "BTreeMap<String, String>",
    try_from = "BTreeMap<String, String>"
)]
pub enum Place {
    /// Somewhere on this host.
    #[default]
    Host,
    /// One address family.
    Family(Family),
    /// One CPU.
    Cpu(CpuId),
    /// One network device.
    Device(Name),
    /// One qdisc or class of a device.
    Queue {
        /// The device.
        device: Name,
        /// Kind of the qdisc.
        kind: Name,
        /// Its handle, or the class's.
        handle: TcHandle,
        /// Where it is attached.
        parent: TcHandle,
    },
    /// One local port.
    Port {
        /// Address family.
        family: Family,
        /// The port.
        port: u16,
    },
    /// One firewall rule, or the policy of a chain.
    Rule {
        /// The table's family as nft and iptables spell it: `ip`, `ip6`, `inet`, ...
        family: Name,
        /// The table.
        table: Name,
        /// The chain.
        chain: Name,
        /// The rule's comment or handle, or `policy`.
        rule: Name,
    },
    /// Another host.
    Peer(Name),
}

impl Place {
    /// The device, if it is one's or part of one.
    pub const fn device(&self) -> Option<&Name> {
        match self {
            Self::Device(device) | Self::Queue { device, .. } => Some(device),
            _ => None,
        }
    }

    /// Label names and values, at most one of each name.
    pub fn labels(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Host => Vec::new(),
            Self::Family(family) => vec![("family", family.id().into())],
            Self::Cpu(cpu) => vec![("cpu", cpu.to_string())],
            Self::Device(device) => vec![("device", device.to_string())],
            Self::Queue {
                device,
                kind,
                handle,
                parent,
            } => vec![
                ("device", device.to_string()),
                ("kind", kind.to_string()),
                ("handle", handle.to_string()),
                ("parent", parent.to_string()),
            ],
            Self::Port { family, port } => {
                vec![("family", family.id().into()), ("port", port.to_string())]
            }
            Self::Rule {
                family,
                table,
                chain,
                rule,
            } => vec![
                ("family", family.to_string()),
                ("table", table.to_string()),
                ("chain", chain.to_string()),
                ("rule", rule.to_string()),
            ],
            Self::Peer(peer) => vec![("peer", peer.to_string())],
        }
    }
}

impl fmt::Display for Place {
    /// For people: `eth0`, `CPU 3`, `tbf 1: on eth0`, `port 53 (ipv4)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host => f.write_str("this host"),
            Self::Family(Family::V4) => f.write_str("IPv4"),
            Self::Family(Family::V6) => f.write_str("IPv6"),
            Self::Cpu(cpu) => write!(f, "CPU {cpu}"),
            Self::Device(device) => f.write_str(device),
            Self::Queue {
                device,
                kind,
                handle: TcHandle(0),
                parent: TcHandle::ROOT,
            } => write!(f, "{kind} on {device}"),
            Self::Queue {
                device,
                kind,
                handle,
                ..
            } => write!(f, "{kind} {handle} on {device}"),
            Self::Port { family, port } => write!(f, "port {port} ({})", family.id()),
            Self::Rule {
                family,
                table,
                chain,
                rule,
            } => write!(f, "{family} {table} {chain}, {rule}"),
            Self::Peer(peer) => f.write_str(peer),
        }
    }
}

impl From<Place> for BTreeMap<String, String> {
    fn from(place: Place) -> Self {
        let labels = place.labels().into_iter();
        labels
            .map(|(name, value)| (name.to_owned(), value))
            .collect()
    }
}

impl TryFrom<BTreeMap<String, String>> for Place {
    type Error = String;

    fn try_from(labels: BTreeMap<String, String>) -> Result<Self, Self::Error> {
        let get = |name: &str| labels.get(name).map(String::as_str);
        let name = |label: &str| get(label).unwrap_or_default().into();
        let number = |text: &str| format!("{text:?} is no number");
        Ok(if get("rule").is_some() {
            Self::Rule {
                family: name("family"),
                table: name("table"),
                chain: name("chain"),
                rule: name("rule"),
            }
        } else if let Some(handle) = get("handle") {
            Self::Queue {
                device: name("device"),
                kind: name("kind"),
                handle: handle.parse()?,
                parent: get("parent").unwrap_or("root").parse()?,
            }
        } else if let Some(device) = get("device") {
            Self::Device(device.into())
        } else if let Some(cpu) = get("cpu") {
            Self::Cpu(CpuId(cpu.parse().map_err(|_| number(cpu))?))
        } else if let Some(port) = get("port") {
            Self::Port {
                family: get("family").unwrap_or("ipv4").parse()?,
                port: port.parse().map_err(|_| number(port))?,
            }
        } else if let Some(peer) = get("peer") {
            Self::Peer(peer.into())
        } else if let Some(family) = get("family") {
            Self::Family(family.parse()?)
        } else {
            Self::Host
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_place_survives_its_labels() {
        for place in [
            Place::Host,
            Place::Family(Family::V6),
            Place::Cpu(CpuId(3)),
            Place::Device("eth0".into()),
            Place::Queue {
                device: "eth0".into(),
                kind: "htb".into(),
                handle: TcHandle(0x1_000a),
                parent: TcHandle::ROOT,
            },
            Place::Port {
                family: Family::V4,
                port: 53,
            },
            Place::Rule {
                family: "inet".into(),
                table: "filter".into(),
                chain: "input".into(),
                rule: "handle 7".into(),
            },
            Place::Peer("192.0.2.1".into()),
        ] {
            let labels = BTreeMap::from(place.clone());
            assert_eq!(Place::try_from(labels), Ok(place));
        }
    }

    #[test]
    fn a_place_reads_well() {
        let queue = Place::Queue {
            device: "eth0".into(),
            kind: "tbf".into(),
            handle: TcHandle(0x1_0000),
            parent: TcHandle::ROOT,
        };
        assert_eq!(queue.to_string(), "tbf 1: on eth0");
        assert_eq!(Place::Cpu(CpuId(3)).to_string(), "CPU 3");
    }
}
