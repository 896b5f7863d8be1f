//! Domains (places on the packet path) and causes (ways to lose packets there).
//!
//! The ids are part of the public contract: they are metric labels, JSON values and the file
//! names of the runbook.

use std::fmt;

macro_rules! causes {
    ($(
        $(#[$domain_doc:meta])*
        $domain:ident $domain_id:literal {
            $( $(#[$doc:meta])* $cause:ident $id:literal $effect:ident, )+
        }
    )+) => {
        /// A place on the packet path where packets can be lost, in packet order.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Domain {
            $( $(#[$domain_doc])* $domain, )+
        }

        impl Domain {
            /// Every domain, in packet order.
            pub const ALL: &'static [Self] = &[$(Self::$domain),+];

            /// The stable id.
            pub const fn id(self) -> &'static str {
                match self { $(Self::$domain => $domain_id,)+ }
            }

            /// The causes that belong to this domain.
            pub const fn causes(self) -> &'static [Cause] {
                match self { $(Self::$domain => &[$(Cause::$cause),+],)+ }
            }
        }

        /// A specific way to lose packets, or to come under pressure, in one domain.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Cause {
            $($( $(#[$doc])* $cause, )+)+
        }

        impl Cause {
            /// Every cause, in packet order of the domains.
            pub const ALL: &'static [Self] = &[$($(Self::$cause,)+)+];

            /// The stable id.
            pub const fn id(self) -> &'static str {
                match self { $($(Self::$cause => $id,)+)+ }
            }

            /// The domain this cause belongs to.
            pub const fn domain(self) -> Domain {
                match self { $($(Self::$cause => Domain::$domain,)+)+ }
            }

            /// Whether the cause loses packets; pressure and anomalies do not.
            pub const fn is_loss(self) -> bool {
                match self { $($(Self::$cause => causes!(@ $effect),)+)+ }
            }
        }
    };
    (@ loss) => { true };
    (@ pressure) => { false };
}

causes! {
    /// The wire and its optics.
    Link "link" {
        /// The carrier was lost.
        LinkDown "link_down" loss,
        /// The carrier comes and goes.
        LinkFlap "link_flap" loss,
        /// Frames arrived damaged: CRC, FCS, frame or symbol errors.
        LinkErrors "link_errors" loss,
        /// Forward error correction gave up on a code word.
        FecUncorrectable "fec_uncorrectable" loss,
        /// Receive power, bias or temperature of the optics is outside its limits.
        OpticsOutOfRange "optics_out_of_range" loss,
    }
    /// The network card, its driver and their rings.
    Nic "nic" {
        /// The receive ring had no free descriptor.
        NicRxRingOverflow "nic_rx_ring_overflow" loss,
        /// The transmit ring was full and the driver dropped.
        NicTxRingFull "nic_tx_ring_full" loss,
        /// The transmit watchdog fired and the ring was reset.
        NicTxTimeout "nic_tx_timeout" loss,
        /// An XDP program dropped the packet.
        XdpDrop "xdp_drop" loss,
        /// The cloud provider's allowance for this instance was exceeded.
        CloudAllowanceExceeded "cloud_allowance_exceeded" loss,
    }
    /// The per-CPU receive work of the kernel.
    Softnet "softnet" {
        /// A CPU's input backlog was full.
        SoftnetBacklogOverflow "softnet_backlog_overflow" loss,
        /// One flow exceeded its share of a nearly full backlog.
        SoftnetFlowLimit "softnet_flow_limit" loss,
        /// A receive pass ran out of budget or time with work left.
        SoftnetTimeSqueeze "softnet_time_squeeze" pressure,
        /// One CPU does nearly all the receive work.
        SoftirqImbalance "softirq_imbalance" pressure,
    }
    /// Virtual devices.
    Virtual "virtual" {
        /// The reader of a tun or tap device is too slow.
        TunQueueFull "tun_queue_full" loss,
        /// A veth pair dropped.
        VethDrop "veth_drop" loss,
        /// A bridge dropped.
        BridgeDrop "bridge_drop" loss,
        /// A member of a bond is down.
        BondMemberDown "bond_member_down" loss,
        /// A VXLAN device dropped.
        VxlanDrop "vxlan_drop" loss,
    }
    /// The IP layer.
    Ip "ip" {
        /// No route to the destination.
        NoRoute "no_route" loss,
        /// The reverse-path filter refused the source address.
        RpFilter "rp_filter" loss,
        /// A damaged or unacceptable IP header.
        HeaderErrors "header_errors" loss,
        /// Time to live or hop limit used up.
        TtlExpired "ttl_expired" loss,
        /// A transport or header checksum was wrong.
        ChecksumErrors "checksum_errors" loss,
        /// Fragments could not be put together.
        ReassemblyFailed "reassembly_failed" loss,
        /// A packet that had to be fragmented could not be.
        FragmentationFailed "fragmentation_failed" loss,
        /// The next hop's link-layer address could not be resolved.
        NeighbourUnresolved "neighbour_unresolved" loss,
        /// The neighbour table is full.
        NeighbourTableFull "neighbour_table_full" loss,
        /// Packets that entered the IP layer and left it nowhere.
        UnaccountedIpInput "unaccounted_ip_input" loss,
        /// Packets that the IP layer meant to send and did not.
        UnaccountedIpOutput "unaccounted_ip_output" loss,
        /// The destination address is not valid here.
        AddressErrors "address_errors" loss,
    }
    /// Firewall and connection tracking.
    Netfilter "netfilter" {
        /// The connection tracking table is full.
        ConntrackTableFull "conntrack_table_full" loss,
        /// The connection tracking table is nearly full.
        ConntrackNearFull "conntrack_near_full" pressure,
        /// A connection could not be inserted: a clash of two entries.
        ConntrackInsertFailed "conntrack_insert_failed" loss,
        /// Packets that connection tracking calls invalid.
        ConntrackInvalid "conntrack_invalid" pressure,
        /// A firewall rule or policy dropped.
        FirewallDrop "firewall_drop" loss,
        /// The reader of an NFQUEUE is too slow.
        NfqueueDrop "nfqueue_drop" loss,
    }
    /// Sockets and the applications behind them.
    Socket "socket" {
        /// A UDP socket's receive buffer was full.
        UdpReceiveBufferFull "udp_receive_buffer_full" loss,
        /// A UDP socket's send buffer was full.
        UdpSendBufferFull "udp_send_buffer_full" loss,
        /// The memory limit of UDP was reached.
        UdpMemoryLimit "udp_memory_limit" loss,
        /// Nobody listens on the destination port.
        UdpNoPort "udp_no_port" pressure,
        /// A listener's accept queue was full.
        TcpAcceptQueueFull "tcp_accept_queue_full" loss,
        /// A listener's queue of half-open connections was full.
        TcpSynQueueFull "tcp_syn_queue_full" loss,
        /// Received segments were pruned for want of receive buffer.
        TcpReceiveQueueFull "tcp_receive_queue_full" loss,
        /// A socket's backlog was full while its owner held it.
        TcpBacklogDrop "tcp_backlog_drop" loss,
        /// TCP as a whole is short of memory.
        TcpMemoryPressure "tcp_memory_pressure" pressure,
        /// An application does not read and its window closed.
        ZeroWindow "zero_window" pressure,
        /// An application does not close its half-closed connections.
        CloseWaitLeak "close_wait_leak" pressure,
        /// Too many connections in TIME-WAIT.
        TimeWaitOverflow "time_wait_overflow" loss,
        /// No ephemeral port is left for a destination.
        EphemeralPortsExhausted "ephemeral_ports_exhausted" loss,
        /// Connections are reset.
        TcpResets "tcp_resets" pressure,
    }
    /// Queueing disciplines and policers.
    Qdisc "qdisc" {
        /// A queueing discipline dropped.
        QdiscOverflow "qdisc_overflow" loss,
        /// A class of a queueing discipline dropped.
        QdiscClassOverflow "qdisc_class_overflow" loss,
        /// A policer dropped.
        PolicerDrop "policer_drop" loss,
    }
    /// The network beyond this host.
    Path "path" {
        /// Packets are lost on the way.
        PathLoss "path_loss" loss,
        /// Large packets vanish without a message.
        PathMtuBlackhole "path_mtu_blackhole" loss,
        /// Packets arrive out of order.
        PathReordering "path_reordering" pressure,
        /// Packets arrive twice.
        PathDuplication "path_duplication" pressure,
        /// A target does not answer at all.
        TargetUnreachable "target_unreachable" loss,
        /// A router limits its ICMP answers.
        IcmpRateLimited "icmp_rate_limited" pressure,
        /// Round trips take longer than those to such a target should.
        PathLatency "path_latency" pressure,
    }
    /// The service at the other end.
    Service "service" {
        /// The port is closed.
        ConnectRefused "connect_refused" loss,
        /// The connection attempt timed out.
        ConnectTimeout "connect_timeout" loss,
        /// A name could not be resolved.
        DnsFailure "dns_failure" loss,
        /// Name resolution is slow.
        DnsSlow "dns_slow" pressure,
        /// A certificate is about to expire.
        TlsCertificateExpiring "tls_certificate_expiring" pressure,
        /// An HTTP request failed.
        HttpFailure "http_failure" loss,
        /// Connection, TLS handshake or answer take long.
        ServiceSlow "service_slow" pressure,
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.id())
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.id())
    }
}

impl std::str::FromStr for Cause {
    type Err = UnknownCause;

    fn from_str(id: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .iter()
            .copied()
            .find(|cause| cause.id() == id)
            .ok_or_else(|| UnknownCause(id.to_owned()))
    }
}

impl std::str::FromStr for Domain {
    type Err = UnknownCause;

    fn from_str(id: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .iter()
            .copied()
            .find(|domain| domain.id() == id)
            .ok_or_else(|| UnknownCause(id.to_owned()))
    }
}

crate::serial::by_id!(Domain, Cause);

/// A domain or cause id that droplens does not know.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("unknown cause or domain {0:?}")]
pub struct UnknownCause(String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_unique_and_parse_back() {
        let mut seen = std::collections::HashSet::new();
        for &cause in Cause::ALL {
            assert!(seen.insert(cause.id()), "{cause} twice");
            assert_eq!(cause.id().parse(), Ok(cause));
            assert!(cause.domain().causes().contains(&cause));
        }
        assert_eq!("lost".parse::<Cause>(), Err(UnknownCause("lost".into())));
    }

    #[test]
    fn domains_come_in_packet_order() {
        let ids: Vec<_> = Domain::ALL.iter().map(|domain| domain.id()).collect();
        assert_eq!(
            ids,
            [
                "link",
                "nic",
                "softnet",
                "virtual",
                "ip",
                "netfilter",
                "socket",
                "qdisc",
                "path",
                "service"
            ]
        );
    }
}
