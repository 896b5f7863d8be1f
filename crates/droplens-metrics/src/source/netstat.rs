//! Protocol counters of `snmp`, `snmp6` and `netstat`. Which keys exist depends on the kernel, so
//! their families are made from its layout, once for each layout.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use droplens_model::Source;
use droplens_model::sample::netstat::{Counters, Key, Layout};

use crate::encoder::{Encoder, Label};
use crate::family::{Descriptor, families};
use crate::{Kind, Origin};

families! {
    Origin::Source(Source::Snmp);
    ICMP_IN: Counter "droplens_icmp_receive_messages_total" ["family", "type"] Constant(512),
        "ICMP messages received by type number; the kernel lists those seen (IcmpMsg InType*, Icmp6InType*).";
    ICMP_OUT: Counter "droplens_icmp_transmit_messages_total" ["family", "type"] Constant(512),
        "ICMP messages sent by type number; the kernel lists those seen (IcmpMsg OutType*, Icmp6OutType*).";
}

/// What the keys that matter most for lost packets mean.
pub(crate) static WELL_KNOWN: &[(&str, &str, &str)] = &[
    (
        "Ip",
        "InHdrErrors",
        "Packets dropped for a bad header, checksum or expired TTL",
    ),
    (
        "Ip",
        "InAddrErrors",
        "Packets dropped because their address is not for this host and it does not route",
    ),
    (
        "Ip",
        "InDiscards",
        "Packets dropped on receipt for lack of memory or by policy",
    ),
    (
        "Ip",
        "OutDiscards",
        "Packets dropped on sending: qdisc, device, neighbour table or memory",
    ),
    ("Ip", "OutNoRoutes", "Packets dropped for lack of a route"),
    ("Ip", "ReasmFails", "Failed reassemblies of fragments"),
    (
        "Ip",
        "ReasmTimeout",
        "Reassemblies given up because a fragment did not come",
    ),
    (
        "Ip",
        "FragFails",
        "Packets dropped because they needed fragmentation and forbade it",
    ),
    ("Tcp", "RetransSegs", "Segments sent again"),
    ("Tcp", "InErrs", "Bad segments received"),
    ("Tcp", "OutRsts", "Segments sent with a reset"),
    (
        "Tcp",
        "EstabResets",
        "Established connections that were reset",
    ),
    ("Tcp", "AttemptFails", "Connection attempts that failed"),
    ("Tcp", "CurrEstab", "Connections established now"),
    (
        "Udp",
        "RcvbufErrors",
        "Datagrams dropped because a receive buffer was full, part of InErrors",
    ),
    (
        "Udp",
        "SndbufErrors",
        "Datagrams not sent for lack of buffer, or dropped below the socket",
    ),
    (
        "Udp",
        "InErrors",
        "Datagrams dropped on receipt; contains RcvbufErrors, InCsumErrors and MemErrors",
    ),
    (
        "Udp",
        "InCsumErrors",
        "Datagrams dropped for a bad checksum, part of InErrors",
    ),
    (
        "Udp",
        "MemErrors",
        "Datagrams dropped because the memory of all UDP sockets was used up, part of InErrors",
    ),
    ("Udp", "NoPorts", "Datagrams for a port without a socket"),
    (
        "TcpExt",
        "ListenOverflows",
        "Connections dropped because an accept queue was full, part of ListenDrops",
    ),
    (
        "TcpExt",
        "ListenDrops",
        "Connections dropped by listeners; contains ListenOverflows",
    ),
    (
        "TcpExt",
        "TCPBacklogDrop",
        "Segments dropped because the backlog of a socket was full",
    ),
    (
        "TcpExt",
        "TCPRcvQDrop",
        "Segments dropped because a receive queue was full",
    ),
    (
        "TcpExt",
        "PruneCalled",
        "Times a receive queue was pruned for lack of buffer",
    ),
    (
        "TcpExt",
        "RcvPruned",
        "Segments dropped from a receive queue for lack of buffer",
    ),
    (
        "TcpExt",
        "TCPZeroWindowDrop",
        "Segments dropped because the window was closed",
    ),
    (
        "TcpExt",
        "TCPTimeWaitOverflow",
        "Connections not kept in TIME-WAIT because there were too many",
    ),
    (
        "TcpExt",
        "TCPReqQFullDrop",
        "Connection requests dropped because the SYN queue was full",
    ),
    (
        "TcpExt",
        "TCPReqQFullDoCookies",
        "SYN cookies sent because the SYN queue was full",
    ),
    ("TcpExt", "TCPTimeouts", "Retransmission timeouts"),
    (
        "TcpExt",
        "TCPSynRetrans",
        "SYN and SYN-ACK segments sent again",
    ),
    (
        "TcpExt",
        "TCPLostRetransmit",
        "Retransmissions that were lost, too",
    ),
    (
        "TcpExt",
        "TCPRetransFail",
        "Retransmissions that could not be sent",
    ),
    (
        "TcpExt",
        "TCPMemoryPressures",
        "Times TCP came under memory pressure",
    ),
    (
        "TcpExt",
        "TCPToZeroWindowAdv",
        "Times this host closed a window: the application does not read",
    ),
    ("TcpExt", "TCPMTUPFail", "Failed probes of the path MTU"),
    (
        "TcpExt",
        "IPReversePathFilter",
        "Packets dropped by the reverse path filter",
    ),
    (
        "IpExt",
        "InNoRoutes",
        "Packets dropped because they could not be forwarded",
    ),
    (
        "IpExt",
        "InTruncatedPkts",
        "Packets dropped because they were shorter than their header says",
    ),
    (
        "IpExt",
        "InCsumErrors",
        "Packets dropped for a bad checksum, part of Ip InHdrErrors",
    ),
    (
        "Ip6",
        "InNoRoutes",
        "Packets dropped because they could not be forwarded",
    ),
    (
        "Ip6",
        "OutNoRoutes",
        "Packets not sent for lack of a route; routine where programs try IPv6 first",
    ),
    (
        "Ip6",
        "InDiscards",
        "Packets dropped on receipt for lack of memory or by policy",
    ),
    ("Ip6", "OutDiscards", "Packets dropped on sending"),
    (
        "Icmp6",
        "InPktTooBigs",
        "Reports of a smaller path MTU received",
    ),
    (
        "Udp6",
        "RcvbufErrors",
        "Datagrams dropped because a receive buffer was full, part of InErrors",
    ),
    (
        "Udp6",
        "SndbufErrors",
        "Datagrams not sent for lack of buffer, or dropped below the socket",
    ),
];

/// The keys whose values go up and down, or never change.
const GAUGES: &[(&str, &str)] = &[
    ("Ip", "Forwarding"),
    ("Ip", "DefaultTTL"),
    ("Tcp", "RtoAlgorithm"),
    ("Tcp", "RtoMin"),
    ("Tcp", "RtoMax"),
    ("Tcp", "MaxConn"),
    ("Tcp", "CurrEstab"),
    ("MPTcpExt", "MPCurrEstab"),
];

/// The families of the three sources, as long as their layouts stay the same.
#[derive(Debug, Default)]
pub(crate) struct Names {
    snmp: Made,
    snmp6: Made,
    netstat: Made,
}

/// The families made from one layout.
#[derive(Debug, Default)]
struct Made {
    layout: Arc<Layout>,
    /// One for each key; none for a key that is there twice.
    families: Vec<Option<(String, Kind, String)>>,
}

impl Made {
    fn update(&mut self, layout: &Arc<Layout>) {
        if Arc::ptr_eq(&self.layout, layout) {
            return;
        }
        if self.layout != *layout {
            let mut taken = HashSet::new();
            let families = layout.keys().iter().map(|key| {
                let kind = kind(key);
                let name = name(key, kind);
                taken.insert(name.clone()).then(|| (name, kind, help(key)))
            });
            self.families = families.collect();
        }
        self.layout = Arc::clone(layout);
    }
}

/// Encodes one of the three sources.
pub(crate) fn encode(
    source: Source,
    counters: &Counters,
    names: &mut Names,
    encoder: &mut Encoder<'_>,
) -> fmt::Result {
    let Counters { layout, values } = counters;
    let made = match source {
        Source::Snmp => &mut names.snmp,
        Source::Snmp6 => &mut names.snmp6,
        _ => &mut names.netstat,
    };
    made.update(layout);
    for (family, value) in made.families.iter().zip(values) {
        let Some((name, kind, help)) = family else {
            continue;
        };
        let descriptor = Descriptor {
            name,
            kind: *kind,
            help,
            labels: &[],
        };
        encoder.family(descriptor, |series| series.push([], *value))?;
    }
    Ok(())
}

/// Encodes the ICMP messages by type of both address families.
pub(crate) fn encode_icmp(
    snmp: Option<&Counters>,
    snmp6: Option<&Counters>,
    encoder: &mut Encoder<'_>,
) -> fmt::Result {
    let files = [("ipv4", "IcmpMsg", snmp), ("ipv6", "Icmp6", snmp6)];
    for (family, prefix) in [(&ICMP_IN, "InType"), (&ICMP_OUT, "OutType")] {
        encoder.family(family.descriptor(), |series| {
            for (family, group, counters) in files {
                for (key, value) in counters.into_iter().flat_map(Counters::iter) {
                    let number = key.key.strip_prefix(prefix);
                    let number = number.and_then(|number| number.parse::<u8>().ok());
                    if let Some(number) = number.filter(|_| &*key.group == group) {
                        let labels = [family.into(), Label::Number(number.into())];
                        series.push(labels, value)?;
                    }
                }
            }
            Ok(())
        })?;
    }
    Ok(())
}

fn kind(key: &Key) -> Kind {
    if GAUGES.contains(&(&*key.group, &*key.key)) {
        Kind::Gauge
    } else {
        Kind::Counter
    }
}

fn name(key: &Key, kind: Kind) -> String {
    let mut name = String::from("droplens_netstat_");
    name.extend(plain(&key.group));
    name.push('_');
    name.extend(plain(&key.key));
    if kind == Kind::Counter {
        name.push_str("_total");
    }
    name
}

/// Lower case, without anything that has no place in a metric's name.
fn plain(word: &str) -> impl Iterator<Item = char> {
    word.chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|character| character.to_ascii_lowercase())
}

fn help(key: &Key) -> String {
    let Key { group, key } = key;
    let known = WELL_KNOWN
        .iter()
        .find(|(known_group, known_key, _)| *known_group == &**group && *known_key == &**key);
    known.map_or_else(
        || format!("Kernel counter {group} {key}."),
        |(_, _, meaning)| format!("{meaning} ({group} {key})."),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(group: &str, key: &str) -> Key {
        Key {
            group: group.into(),
            key: key.into(),
        }
    }

    #[test]
    fn names_are_the_contract() {
        for (group, word, expected) in [
            (
                "Udp",
                "RcvbufErrors",
                "droplens_netstat_udp_rcvbuferrors_total",
            ),
            (
                "TcpExt",
                "ListenOverflows",
                "droplens_netstat_tcpext_listenoverflows_total",
            ),
            ("Tcp", "CurrEstab", "droplens_netstat_tcp_currestab"),
            (
                "MPTcpExt",
                "MPCurrEstab",
                "droplens_netstat_mptcpext_mpcurrestab",
            ),
            ("Ip6", "In_Octets", "droplens_netstat_ip6_inoctets_total"),
        ] {
            let key = key(group, word);
            assert_eq!(name(&key, kind(&key)), expected);
        }
    }

    #[test]
    fn a_layout_is_made_once_and_a_name_given_once() {
        let layout = Arc::new(Layout::new(vec![
            key("Udp", "NoPorts"),
            key("Udp", "NOPORTS"),
        ]));
        let mut made = Made::default();
        made.update(&layout);
        assert!(made.families[0].is_some() && made.families[1].is_none());
        let first = made.families[0].as_ref().unwrap().0.as_ptr();
        made.update(&Arc::new(Layout::clone(&layout)));
        assert_eq!(made.families[0].as_ref().unwrap().0.as_ptr(), first);
    }
}
