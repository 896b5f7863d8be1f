//! The sysctl limits that bound each queue: `/proc/sys`.

use serde::{Deserialize, Serialize};

use crate::serial::by_path;

/// The limits that exist on this kernel and in this network namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Limits {
    /// Each limit with its numbers. Written as a map from its path.
    #[serde(with = "by_path")]
    pub values: Vec<(Limit, Vec<u64>)>,
    /// Congestion control algorithm of new TCP sockets (`net.ipv4.tcp_congestion_control`).
    pub congestion_control: Option<String>,
    /// Qdisc of new devices (`net.core.default_qdisc`).
    pub default_qdisc: Option<String>,
    /// Bytes in a page: `tcp_mem` and `udp_mem` are in pages.
    pub page_size: u64,
}

impl Limits {
    /// The first number of a limit.
    pub fn get(&self, limit: Limit) -> Option<u64> {
        self.all(limit)?.first().copied()
    }

    /// All numbers of a limit.
    pub fn all(&self, limit: Limit) -> Option<&[u64]> {
        let (_, values) = self.values.iter().find(|(known, _)| *known == limit)?;
        Some(values)
    }
}

macro_rules! limits {
    ($( $limit:ident $path:literal $bounds:literal, )+) => {
        /// A sysctl that bounds a queue, or decides what happens at its end.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Limit { $( #[doc = $bounds] $limit, )+ }

        impl Limit {
            /// Every limit.
            pub const ALL: &'static [Self] = &[$(Self::$limit),+];

            /// The file below `/proc/sys`.
            pub const fn path(self) -> &'static str {
                match self { $(Self::$limit => $path,)+ }
            }

            /// The limit with this path.
            pub fn from_path(path: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|limit| limit.path() == path)
            }

            /// What it bounds, in one line.
            pub const fn bounds(self) -> &'static str {
                match self { $(Self::$limit => $bounds,)+ }
            }
        }
    };
}

limits! {
    NetdevMaxBacklog "net/core/netdev_max_backlog" "packets in the input backlog of a CPU",
    NetdevBudget "net/core/netdev_budget" "packets handled in one receive pass of a CPU",
    NetdevBudgetUsecs "net/core/netdev_budget_usecs" "microseconds one receive pass of a CPU may take",
    DevWeight "net/core/dev_weight" "packets taken from one device in a receive pass",
    RmemDefault "net/core/rmem_default" "bytes of receive buffer a socket starts with",
    RmemMax "net/core/rmem_max" "bytes of receive buffer a socket may ask for",
    WmemDefault "net/core/wmem_default" "bytes of send buffer a socket starts with",
    WmemMax "net/core/wmem_max" "bytes of send buffer a socket may ask for",
    OptmemMax "net/core/optmem_max" "bytes of ancillary buffer of a socket",
    Somaxconn "net/core/somaxconn" "connections waiting in any accept queue",
    TcpMaxSynBacklog "net/ipv4/tcp_max_syn_backlog" "half-open connections of a listener",
    TcpSyncookies "net/ipv4/tcp_syncookies" "whether SYN cookies answer when that is full (0 no, 1 then, 2 always)",
    TcpAbortOnOverflow "net/ipv4/tcp_abort_on_overflow" "whether a full accept queue resets instead of dropping",
    TcpMem "net/ipv4/tcp_mem" "pages of memory of all TCP sockets: low, pressure, high",
    UdpMem "net/ipv4/udp_mem" "pages of memory of all UDP sockets: low, pressure, high",
    TcpRmem "net/ipv4/tcp_rmem" "bytes of receive buffer of a TCP socket: minimum, default, maximum",
    TcpWmem "net/ipv4/tcp_wmem" "bytes of send buffer of a TCP socket: minimum, default, maximum",
    UdpRmemMin "net/ipv4/udp_rmem_min" "bytes of receive buffer a UDP socket keeps under memory pressure",
    UdpWmemMin "net/ipv4/udp_wmem_min" "bytes of send buffer a UDP socket keeps under memory pressure",
    IpLocalPortRange "net/ipv4/ip_local_port_range" "ephemeral ports: first, last",
    TcpMaxTwBuckets "net/ipv4/tcp_max_tw_buckets" "connections in TIME-WAIT",
    TcpMaxOrphans "net/ipv4/tcp_max_orphans" "TCP sockets that no process holds any more",
    TcpTwReuse "net/ipv4/tcp_tw_reuse" "whether outgoing connections reuse TIME-WAIT ports (0 no, 1 yes, 2 loopback)",
    TcpFinTimeout "net/ipv4/tcp_fin_timeout" "seconds an orphan stays in FIN-WAIT-2",
    TcpSynRetries "net/ipv4/tcp_syn_retries" "retransmissions of a SYN",
    TcpSynackRetries "net/ipv4/tcp_synack_retries" "retransmissions of a SYN-ACK",
    TcpRetries2 "net/ipv4/tcp_retries2" "retransmissions before a connection is given up",
    TcpKeepaliveTime "net/ipv4/tcp_keepalive_time" "idle seconds before the first keepalive probe",
    TcpKeepaliveIntvl "net/ipv4/tcp_keepalive_intvl" "seconds between keepalive probes",
    TcpKeepaliveProbes "net/ipv4/tcp_keepalive_probes" "unanswered keepalive probes before a connection is given up",
    TcpMtuProbing "net/ipv4/tcp_mtu_probing" "whether TCP probes the path MTU (0 no, 1 after a black hole, 2 always)",
    TcpWindowScaling "net/ipv4/tcp_window_scaling" "whether TCP windows may exceed 64 KiB",
    TcpSack "net/ipv4/tcp_sack" "whether TCP acknowledges selectively",
    Ipv4GcThresh1 "net/ipv4/neigh/default/gc_thresh1" "ARP entries below which none is collected",
    Ipv4GcThresh2 "net/ipv4/neigh/default/gc_thresh2" "ARP entries above which they are collected after 5 s",
    Ipv4GcThresh3 "net/ipv4/neigh/default/gc_thresh3" "ARP entries at most",
    Ipv6GcThresh1 "net/ipv6/neigh/default/gc_thresh1" "NDP entries below which none is collected",
    Ipv6GcThresh2 "net/ipv6/neigh/default/gc_thresh2" "NDP entries above which they are collected after 5 s",
    Ipv6GcThresh3 "net/ipv6/neigh/default/gc_thresh3" "NDP entries at most",
    IpfragHighThresh "net/ipv4/ipfrag_high_thresh" "bytes of IPv4 fragments waiting for the rest",
    Ip6fragHighThresh "net/ipv6/ip6frag_high_thresh" "bytes of IPv6 fragments waiting for the rest",
    IcmpRatelimit "net/ipv4/icmp_ratelimit" "milliseconds between ICMP errors to one host",
    IcmpMsgsPerSec "net/ipv4/icmp_msgs_per_sec" "ICMP errors a second in all",
    ConntrackMax "net/netfilter/nf_conntrack_max" "connections tracked",
    ConntrackBuckets "net/netfilter/nf_conntrack_buckets" "buckets of the connection tracking hash table",
    ConntrackExpectMax "net/netfilter/nf_conntrack_expect_max" "connections expected",
    ConntrackTcpTimeoutEstablished "net/netfilter/nf_conntrack_tcp_timeout_established" "seconds an idle established connection stays tracked",
    FileMax "fs/file-max" "open files of the whole host",
}
