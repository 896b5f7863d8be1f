//! From the configuration to the wishes of the prober.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use droplens_model::sample::probes::ProbeKind;
use droplens_model::{Family, Name};
use droplens_probe::flight::Patience;
use droplens_probe::spec::{Ask, DnsTransport, Egress, PathProtocol, Request};
use droplens_probe::targets::{TargetKey, TargetWish};

use super::places::Place;
use super::tables::{Aim, Common, Table};
use super::values::Labels;

/// A target that is to be probed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Planned {
    /// What the prober is to do.
    pub(crate) wish: TargetWish,
    /// The only family of addresses that is probed, if not all are.
    pub(crate) family: Option<Family>,
}

/// A table of probes, whatever its kind.
pub(crate) trait Template {
    /// The kind.
    fn kind(&self) -> ProbeKind;

    /// The probe's name.
    fn name(&self) -> Name;

    /// The targets that are configured, each with its place in the text.
    fn configured(&self) -> Vec<(Range<usize>, Result<Planned, String>)>;

    /// A target that was discovered, with the labels it brings.
    fn discovered(
        &self,
        target: &str,
        labels: &BTreeMap<String, String>,
    ) -> Result<Planned, String>;
}

impl<T: Table> Template for T {
    fn kind(&self) -> ProbeKind {
        T::KIND
    }

    fn name(&self) -> Name {
        self.common().name
    }

    fn configured(&self) -> Vec<(Range<usize>, Result<Planned, String>)> {
        let common = self.common();
        self.targets()
            .iter()
            .map(|target| {
                let planned = match &target.place {
                    Ok(place) => planned(self, &common, place, &common.labels),
                    Err(why) => Err(why.clone()),
                };
                (target.at.clone(), planned)
            })
            .collect()
    }

    fn discovered(
        &self,
        target: &str,
        labels: &BTreeMap<String, String>,
    ) -> Result<Planned, String> {
        let common = self.common();
        let labels = common.labels.with(labels)?;
        planned(self, &common, &target.parse()?, &labels)
    }
}

fn planned<T: Table>(
    table: &T,
    common: &Common,
    target: &T::Target,
    labels: &Labels,
) -> Result<Planned, String> {
    let Aim { host, zone, ask } = table.aim(target)?;
    let address: Option<IpAddr> = host.parse().ok();
    let source = common.source.map(|source| source.0);
    let family = only_family(common.family.only(), source, address)?;
    let interface = match (&common.interface, zone) {
        (Some(device), Some(zone)) if *device != zone => {
            return Err(format!(
                "the target names the device {zone:?}, and interface says {device:?}"
            ));
        }
        (Some(device), _) => Some(Arc::clone(device)),
        (None, zone) => zone,
    };
    let bytes = bytes(&ask, family);
    let wish = TargetWish {
        key: TargetKey {
            probe: Arc::clone(&common.name),
            target: Arc::clone(target.text()),
        },
        host,
        request: Arc::new(Request {
            ask,
            egress: Egress {
                source,
                interface,
                dscp: common.dscp,
            },
            patience: patience(T::KIND, common.timeout),
        }),
        interval: common.interval,
        bytes,
        asked_for: true,
        labels: labels.pairs(),
        limits: common.limits,
    };
    Ok(Planned { wish, family })
}

/// How long answers are waited for. A search or a round over all hops is many packets, each of which is
/// given the timeout; what is known after half a minute is all.
fn patience(kind: ProbeKind, timeout: Duration) -> Patience {
    const WHOLE: Duration = Duration::from_secs(30);
    let usual = Patience {
        timeout,
        ..Patience::default()
    };
    match kind {
        ProbeKind::Pmtu | ProbeKind::Path => Patience {
            late: WHOLE.saturating_sub(timeout).max(usual.late),
            ..usual
        },
        _ => usual,
    }
}

/// The only family that can be probed, if not all can.
fn only_family(
    wanted: Option<Family>,
    source: Option<IpAddr>,
    target: Option<IpAddr>,
) -> Result<Option<Family>, String> {
    let of = |address: IpAddr| match address {
        IpAddr::V4(_) => Family::V4,
        IpAddr::V6(_) => Family::V6,
    };
    let (source, target) = (source.map(of), target.map(of));
    for (one, other, what) in [
        (
            wanted,
            source,
            "family and source are of different families",
        ),
        (
            wanted,
            target,
            "family and target are of different families",
        ),
        (
            source,
            target,
            "source and target are of different families",
        ),
    ] {
        if one.is_some() && other.is_some() && one != other {
            return Err(what.into());
        }
    }
    Ok(wanted.or(source).or(target))
}

/// The bytes that one probe sends, with all headers from the IP header on. Where it is not known
/// beforehand it is what a usual probe sends; addresses of names are taken for IPv6 ones, which have
/// the longer header.
pub(crate) fn bytes(ask: &Ask, family: Option<Family>) -> u32 {
    /// A UDP or an ICMP header.
    const DATAGRAM: u32 = 8;
    /// A TCP header with time stamps; a SYN has 8 bytes more.
    const SEGMENT: u32 = 32;
    /// A client's first message (RFC 8446, with the usual extensions) and its last.
    const HANDSHAKE: u32 = 517 + 80;
    /// The record around a request, and the one that ends the connection.
    const RECORDS: u32 = 22 + 24;
    /// What a request has besides URL, headers and body.
    const REQUEST: u32 = 96;
    /// An echo request of a path probe.
    const PATH: u32 = 40;

    let ip = if family == Some(Family::V4) { 20 } else { 40 };
    // SYN, ACK and FIN.
    let connection = 3 * (ip + SEGMENT) + 8;
    let length = |text: &str| u32::try_from(text.len()).unwrap_or(u32::MAX);
    match ask {
        Ask::Icmp(spec) => ip + DATAGRAM + u32::from(spec.payload),
        Ask::Tcp(_) => connection,
        Ask::Dns(spec) => {
            // Header, name, type, class, and the options of EDNS.
            let query = 12 + length(&spec.query) + 2 + 4 + 11;
            match spec.transport {
                DnsTransport::Udp => ip + DATAGRAM + query,
                DnsTransport::Tcp => connection + ip + SEGMENT + 2 + query,
            }
        }
        Ask::Tls(_) => connection + 3 * (ip + SEGMENT) + HANDSHAKE,
        Ask::Http(spec) => {
            let headers = spec.headers.iter();
            let headers: u32 = headers
                .map(|(name, value)| length(name) + length(value) + 4)
                .sum();
            let body = spec.body.as_deref().map_or(0, length);
            let tls = if spec.tls.is_some() {
                3 * (ip + SEGMENT) + HANDSHAKE + RECORDS
            } else {
                0
            };
            // Two more segments acknowledge the response.
            let request = REQUEST + length(&spec.url) + headers + body + 3 * (ip + SEGMENT);
            connection + tls + request
        }
        // The search halves the range, with a small probe beside each large one.
        Ask::Pmtu(spec) => 10 * (spec.most.unwrap_or(1500) + 64),
        Ask::Path(spec) => {
            let each = match spec.protocol {
                PathProtocol::Icmp | PathProtocol::Udp => ip + DATAGRAM + PATH,
                PathProtocol::Tcp => ip + SEGMENT,
            };
            u32::from(spec.most_hops) * u32::from(spec.packets) * each
        }
    }
}

/// Targets that droplens probes without being asked.
pub(crate) fn unasked(
    probe: &str,
    host: IpAddr,
    interface: Option<Name>,
    ask: Ask,
    interval: Duration,
    timeout: Duration,
) -> Planned {
    let family = match host {
        IpAddr::V4(_) => Family::V4,
        IpAddr::V6(_) => Family::V6,
    };
    let name: Name = host.to_string().into();
    let target = match &interface {
        Some(device) => format!("{name}%{device}").into(),
        None => Arc::clone(&name),
    };
    let wish = TargetWish {
        key: TargetKey {
            probe: probe.into(),
            target,
        },
        host: name,
        bytes: bytes(&ask, Some(family)),
        request: Arc::new(Request {
            ask,
            egress: Egress {
                interface,
                ..Egress::default()
            },
            patience: Patience {
                timeout,
                ..Patience::default()
            },
        }),
        interval,
        asked_for: false,
        labels: Vec::new(),
        limits: droplens_model::sample::probes::Limits::default(),
    };
    Planned {
        wish,
        family: Some(family),
    }
}
