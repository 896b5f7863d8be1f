//! The protocol counters that mean something to the diagnosis, by name.
//!
//! Where IPv4 and IPv6 have the same counter it is one [`PerFamily`] value, so that a rule is
//! written once for both.

use droplens_model::PerFamily;
use droplens_model::delta::Protocol;

const fn ip(key: &'static str) -> Protocol {
    Protocol::snmp("Ip", key)
}

const fn ip6(key: &'static str) -> Protocol {
    Protocol::snmp6("Ip6", key)
}

/// The same key of `Ip` and `Ip6`.
const fn both(key: &'static str) -> PerFamily<Protocol> {
    PerFamily {
        v4: ip(key),
        v6: ip6(key),
    }
}

const fn udp(key: &'static str) -> PerFamily<Protocol> {
    PerFamily {
        v4: Protocol::snmp("Udp", key),
        v6: Protocol::snmp6("Udp6", key),
    }
}

const fn tcp_ext(key: &'static str) -> Protocol {
    Protocol::netstat("TcpExt", key)
}

const fn ip_ext(key: &'static str) -> Protocol {
    Protocol::netstat("IpExt", key)
}

macro_rules! counters {
    ($( $(#[$doc:meta])* $name:ident: $type:ty = $value:expr; )+) => {
        $( $(#[$doc])* pub(crate) const $name: $type = $value; )+
    };
}

type Both = PerFamily<Protocol>;

counters! {
    /// Packets received.
    IN_RECEIVES: Both = both("InReceives");
    /// Damaged headers; contains wrong header checksums and used-up hop limits.
    IN_HDR_ERRORS: Both = both("InHdrErrors");
    /// Destination addresses that are not valid here.
    IN_ADDR_ERRORS: Both = both("InAddrErrors");
    /// No handler for the protocol.
    IN_UNKNOWN_PROTOS: Both = both("InUnknownProtos");
    /// Discarded for another reason.
    IN_DISCARDS: Both = both("InDiscards");
    /// Packets handed to a transport.
    IN_DELIVERS: Both = both("InDelivers");
    /// Packets forwarded.
    FORWARDED: Both = PerFamily { v4: ip("ForwDatagrams"), v6: ip6("OutForwDatagrams") };
    /// Packets received shorter than their header says.
    IN_TRUNCATED: Both = PerFamily { v4: ip_ext("InTruncatedPkts"), v6: ip6("InTruncatedPkts") };
    /// Packets received for which there was no route.
    IN_NO_ROUTES: Both = PerFamily { v4: ip_ext("InNoRoutes"), v6: ip6("InNoRoutes") };
    /// IPv6 packets too big for the next link.
    IN_TOO_BIG: Protocol = ip6("InTooBigErrors");
    /// Packets that transports asked to send.
    OUT_REQUESTS: Both = both("OutRequests");
    /// Packets handed to a device's queue; kernel 6.3 or newer.
    OUT_TRANSMITS: Both = both("OutTransmits");
    /// Packets discarded on their way out: refused by a qdisc, a device or a filter.
    OUT_DISCARDS: Both = both("OutDiscards");
    /// Packets not sent for want of a route.
    OUT_NO_ROUTES: Both = both("OutNoRoutes");
    /// Fragments received.
    REASM_REQDS: Both = both("ReasmReqds");
    /// Packets put together from fragments.
    REASM_OKS: Both = both("ReasmOKs");
    /// Packets that could not be put together.
    REASM_FAILS: Both = both("ReasmFails");
    /// Of these: as fragments did not come in time.
    REASM_TIMEOUT: Both = both("ReasmTimeout");
    /// Packets cut into fragments.
    FRAG_OKS: Both = both("FragOKs");
    /// Packets too big that must not be fragmented.
    FRAG_FAILS: Both = both("FragFails");
    /// Fragments made.
    FRAG_CREATES: Both = both("FragCreates");
    /// Multicast packets received, delivered or not; IPv4 counts only groups that were joined.
    IN_MULTICAST: Both = PerFamily { v4: ip_ext("InMcastPkts"), v6: ip6("InMcastPkts") };
    /// Broadcast packets received, delivered or not.
    IN_BROADCAST: Protocol = ip_ext("InBcastPkts");
    /// Neighbours, routers and group members that speak to all: IPv6 multicast that is delivered.
    IN_NEIGHBOUR_SOLICITS: Protocol = Protocol::snmp6("Icmp6", "InNeighborSolicits");
    /// See above.
    IN_ROUTER_ADVERTISEMENTS: Protocol = Protocol::snmp6("Icmp6", "InRouterAdvertisements");
    /// See above.
    IN_ROUTER_SOLICITS: Protocol = Protocol::snmp6("Icmp6", "InRouterSolicits");
    /// See above.
    IN_GROUP_QUERIES: Protocol = Protocol::snmp6("Icmp6", "InGroupMembQueries");
    /// See above.
    IN_GROUP_REPORTS: Protocol = Protocol::snmp6("Icmp6", "InMLDv2Reports");
    /// Wrong IPv4 header checksums; part of `InHdrErrors`.
    IP_IN_CSUM_ERRORS: Protocol = ip_ext("InCsumErrors");
    /// Source addresses that the reverse-path filter refused.
    RP_FILTER: Protocol = tcp_ext("IPReversePathFilter");
    /// ICMP "time exceeded" sent; limited in rate.
    ICMP_OUT_TIME_EXCEEDED: Both = PerFamily {
        v4: Protocol::snmp("Icmp", "OutTimeExcds"),
        v6: Protocol::snmp6("Icmp6", "OutTimeExcds"),
    };
    /// Wrong ICMP checksums.
    ICMP_IN_CSUM_ERRORS: Both = PerFamily {
        v4: Protocol::snmp("Icmp", "InCsumErrors"),
        v6: Protocol::snmp6("Icmp6", "InCsumErrors"),
    };

    /// UDP: receive buffer full.
    UDP_RCVBUF_ERRORS: Both = udp("RcvbufErrors");
    /// UDP: send buffer full, or the packet refused below.
    UDP_SNDBUF_ERRORS: Both = udp("SndbufErrors");
    /// UDP: wrong checksums.
    UDP_IN_CSUM_ERRORS: Both = udp("InCsumErrors");
    /// UDP: memory limit reached.
    UDP_MEM_ERRORS: Both = udp("MemErrors");
    /// UDP: nobody listens.
    UDP_NO_PORTS: Both = udp("NoPorts");

    /// TCP: segments sent, without retransmissions.
    TCP_OUT_SEGS: Protocol = Protocol::snmp("Tcp", "OutSegs");
    /// TCP: segments received.
    TCP_IN_SEGS: Protocol = Protocol::snmp("Tcp", "InSegs");
    /// TCP: segments sent again.
    TCP_RETRANS_SEGS: Protocol = Protocol::snmp("Tcp", "RetransSegs");
    /// TCP: bad segments received; contains wrong checksums.
    TCP_IN_ERRS: Protocol = Protocol::snmp("Tcp", "InErrs");
    /// TCP: wrong checksums.
    TCP_IN_CSUM_ERRORS: Protocol = Protocol::snmp("Tcp", "InCsumErrors");
    /// TCP: connection attempts that failed.
    TCP_ATTEMPT_FAILS: Protocol = Protocol::snmp("Tcp", "AttemptFails");
    /// TCP: connections that were reset.
    TCP_ESTAB_RESETS: Protocol = Protocol::snmp("Tcp", "EstabResets");
    /// TCP: resets sent.
    TCP_OUT_RSTS: Protocol = Protocol::snmp("Tcp", "OutRsts");
    /// TCP: connections opened from here.
    TCP_ACTIVE_OPENS: Protocol = Protocol::snmp("Tcp", "ActiveOpens");

    /// TCP: SYN and SYN-ACK segments sent again.
    TCP_SYN_RETRANS: Protocol = tcp_ext("TCPSynRetrans");
    /// TCP: segments that were to be sent again and were not: a rule, a filter or a queue of this host
    /// dropped them, or there was no memory. They are among those sent again, too.
    TCP_RETRANS_FAIL: Protocol = tcp_ext("TCPRetransFail");
    /// TCP: the peer had a segment twice: the retransmission was unnecessary.
    TCP_DSACK_RECV: Protocol = tcp_ext("TCPDSACKRecv");
    /// TCP: the same, in segments, without copies that nobody can have retransmitted; kernel 5.10
    /// or newer.
    TCP_DSACK_RECV_SEGS: Protocol = tcp_ext("TCPDSACKRecvSegs");
    /// TCP: the peer had more segments twice than this host retransmitted.
    TCP_DSACK_DUBIOUS: Protocol = tcp_ext("TCPDSACKIgnoredDubious");
    /// TCP: a segment came twice, seen by this host as the receiver.
    TCP_DSACK_OLD_SENT: Protocol = tcp_ext("TCPDSACKOldSent");
    /// TCP: the same, while a segment before it was missing.
    TCP_DSACK_OFO_SENT: Protocol = tcp_ext("TCPDSACKOfoSent");
    /// TCP: acknowledgements of early segments held back, since three were sent at once for the
    /// same hole; kernel 4.18 or newer.
    TCP_ACK_COMPRESSED: Protocol = tcp_ext("TCPAckCompressed");
    /// TCP: fast retransmissions.
    TCP_FAST_RETRANS: Protocol = tcp_ext("TCPFastRetrans");
    /// TCP: retransmission timeouts.
    TCP_TIMEOUTS: Protocol = tcp_ext("TCPTimeouts");
    /// TCP: losses found by selective acknowledgements.
    TCP_SACK_RECOVERY: Protocol = tcp_ext("TCPSackRecovery");
    /// TCP: segments that came early and were queued.
    TCP_OFO_QUEUE: Protocol = tcp_ext("TCPOFOQueue");
    /// TCP: reordering found by selective acknowledgements.
    TCP_SACK_REORDER: Protocol = tcp_ext("TCPSACKReorder");
    /// TCP: reordering found by timestamps.
    TCP_TS_REORDER: Protocol = tcp_ext("TCPTSReorder");
    /// TCP: accept queue full; part of `ListenDrops`.
    TCP_LISTEN_OVERFLOWS: Protocol = tcp_ext("ListenOverflows");
    /// TCP: SYN or final ACK dropped by a listener.
    TCP_LISTEN_DROPS: Protocol = tcp_ext("ListenDrops");
    /// TCP: SYN cookies sent because the queue was full.
    TCP_COOKIES: Protocol = tcp_ext("TCPReqQFullDoCookies");
    /// TCP: pruned even after collapsing: the receive buffer is full; part of the two below.
    TCP_RCV_PRUNED: Protocol = tcp_ext("RcvPruned");
    /// TCP: in-order segment dropped for want of receive buffer.
    TCP_RCVQ_DROP: Protocol = tcp_ext("TCPRcvQDrop");
    /// TCP: early segment dropped for want of receive buffer.
    TCP_OFO_DROP: Protocol = tcp_ext("TCPOFODrop");
    /// TCP: segment dropped since the window it met was closed.
    TCP_ZERO_WINDOW_DROP: Protocol = tcp_ext("TCPZeroWindowDrop");
    /// TCP: the socket's backlog was full.
    TCP_BACKLOG_DROP: Protocol = tcp_ext("TCPBacklogDrop");
    /// TCP: this host closed its window.
    TCP_TO_ZERO_WINDOW: Protocol = tcp_ext("TCPToZeroWindowAdv");
    /// TCP: this host opened its window again.
    TCP_FROM_ZERO_WINDOW: Protocol = tcp_ext("TCPFromZeroWindowAdv");
    /// TCP: probes of a closed window sent.
    TCP_WIN_PROBE: Protocol = tcp_ext("TCPWinProbe");
    /// TCP: entered memory pressure.
    TCP_MEMORY_PRESSURES: Protocol = tcp_ext("TCPMemoryPressures");
    /// TCP: connections given up for want of memory.
    TCP_ABORT_ON_MEMORY: Protocol = tcp_ext("TCPAbortOnMemory");
    /// TCP: TIME-WAIT sockets not made since there were too many.
    TCP_TIME_WAIT_OVERFLOW: Protocol = tcp_ext("TCPTimeWaitOverflow");
}

#[cfg(test)]
pub(crate) mod snapshots {
    use std::sync::Arc;
    use std::time::Duration;

    use droplens_model::sample::netstat::{Counters, Key, Layout};
    use droplens_model::{Moment, Reading, Snapshot, Source, Stamped};

    use super::Protocol;

    /// A snapshot with nothing but these counters, read at this second.
    pub(crate) fn of(seconds: u64, counters: &[(Protocol, i128)]) -> Snapshot {
        let reading = |source: Source| {
            let of_source = || {
                counters
                    .iter()
                    .filter(|(counter, _)| counter.source == source)
            };
            let keys = of_source().map(|(counter, _)| Key {
                group: counter.group.into(),
                key: counter.key.into(),
            });
            Reading::Ok(Stamped {
                at: Moment(Duration::from_secs(seconds)),
                took: Duration::ZERO,
                value: Arc::new(Counters {
                    layout: Arc::new(Layout::new(keys.collect())),
                    values: of_source().map(|(_, value)| *value).collect(),
                }),
            })
        };
        Snapshot {
            snmp: reading(Source::Snmp),
            snmp6: reading(Source::Snmp6),
            netstat: reading(Source::Netstat),
            ..Snapshot::default()
        }
    }
}
