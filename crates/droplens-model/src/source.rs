//! The table of sources: everything droplens reads, declared in one place.

use std::fmt;
use std::time::Duration;

/// How often a source is read when the CPU budget allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cadence {
    /// Ten times a second: cheap counters in which bursts must show.
    Fast,
    /// Once a second: the rest of the cheap ones.
    Base,
    /// Every 15 seconds: what costs more, or changes rarely.
    Slow,
}

impl Cadence {
    /// The interval when nothing stretches it.
    pub const fn interval(self) -> Duration {
        match self {
            Self::Fast => Duration::from_millis(100),
            Self::Base => Duration::from_secs(1),
            Self::Slow => Duration::from_secs(15),
        }
    }
}

/// What is fixed about a source.
#[derive(Clone, Copy, Debug)]
pub struct Spec {
    /// The stable id: label value, configuration key and name in `doctor`.
    pub id: &'static str,
    /// How often it is read.
    pub cadence: Cadence,
    /// The longest interval to which the CPU budget may stretch the cadence.
    pub ceiling: Duration,
    /// How long one reading may take before it is reported as failed.
    pub deadline: Duration,
    /// The kernel surface that is read.
    pub reads: &'static str,
    /// What it takes beyond an ordinary user and any kernel since 4.18, and what to do if absent.
    pub needs: &'static str,
    /// One line for people: what this source tells.
    pub about: &'static str,
}

macro_rules! sources {
    ($(
        $(#[doc = $about:literal])+
        $source:ident $id:literal $cadence:ident,
        ceiling $ceiling:literal ms, deadline $deadline:literal ms,
        reads $reads:literal,
        needs $needs:literal;
    )+) => {
        /// A kernel surface that droplens reads.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Source {
            $( $(#[doc = $about])+ $source, )+
        }

        impl Source {
            /// Every source.
            pub const ALL: &'static [Self] = &[$(Self::$source),+];

            /// What is fixed about this source.
            pub const fn spec(self) -> &'static Spec {
                match self {
                    $(Self::$source => const { &Spec {
                        id: $id,
                        cadence: Cadence::$cadence,
                        ceiling: Duration::from_millis($ceiling),
                        deadline: Duration::from_millis($deadline),
                        reads: $reads,
                        needs: $needs,
                        about: concat!($($about),+).trim_ascii(),
                    } },)+
                }
            }
        }
    };
}

sources! {
    /// Per-CPU receive work of the kernel: packets, drops, time squeezes, backlog.
    Softnet "softnet" Fast, ceiling 100 ms, deadline 1000 ms,
        reads "/proc/net/softnet_stat",
        needs "";
    /// Network devices: attributes, state and all 64-bit statistics.
    Links "links" Fast, ceiling 500 ms, deadline 2000 ms,
        reads "rtnetlink RTM_GETSTATS and RTM_GETLINK; ioctl ETHTOOL_GLINKSETTINGS for speed and duplex",
        needs "";
    /// Queueing disciplines and classes: drops, backlog, overlimits, requeues.
    Qdiscs "qdiscs" Fast, ceiling 500 ms, deadline 2000 ms,
        reads "rtnetlink RTM_GETQDISC and RTM_GETTCLASS",
        needs "";
    /// IPv4, ICMP, TCP and UDP counters.
    Snmp "snmp" Fast, ceiling 100 ms, deadline 1000 ms,
        reads "/proc/net/snmp",
        needs "";
    /// IPv6, ICMPv6 and UDPv6 counters.
    Snmp6 "snmp6" Fast, ceiling 100 ms, deadline 1000 ms,
        reads "/proc/net/snmp6",
        needs "IPv6 enabled in the kernel (ipv6.disable=0)";
    /// Extended TCP and IP counters, MPTCP where the kernel has it.
    Netstat "netstat" Fast, ceiling 100 ms, deadline 1000 ms,
        reads "/proc/net/netstat",
        needs "";
    /// Sockets in use and the memory they hold.
    Sockstat "sockstat" Base, ceiling 5000 ms, deadline 1000 ms,
        reads "/proc/net/sockstat, /proc/net/sockstat6",
        needs "";
    /// Softirq, interrupt and steal time of each CPU.
    Cpu "cpu" Base, ceiling 5000 ms, deadline 1000 ms,
        reads "/proc/stat",
        needs "";
    /// Softirqs handled by each CPU.
    Softirqs "softirqs" Base, ceiling 5000 ms, deadline 1000 ms,
        reads "/proc/softirqs",
        needs "";
    /// Hardware interrupts by CPU and by network device.
    Interrupts "interrupts" Slow, ceiling 60000 ms, deadline 5000 ms,
        reads "/proc/interrupts, /sys/class/net/*/device/msi_irqs",
        needs "";
    /// Connection tracking: entries, limit and per-CPU statistics.
    Conntrack "conntrack" Base, ceiling 5000 ms, deadline 2000 ms,
        reads "/proc/sys/net/netfilter/nf_conntrack_{count,max,buckets}; ctnetlink IPCTNL_MSG_CT_GET_STATS_CPU",
        needs "the nf_conntrack module loaded; CAP_NET_ADMIN for the statistics (entries and limit work without)";
    /// Packet filters: rules and policies that drop, in nftables and iptables, with their counters.
    Firewall "firewall" Base, ceiling 15000 ms, deadline 5000 ms,
        reads "nfnetlink NFT_MSG_GETTABLE, GETCHAIN, GETRULE, GETOBJ and GETSETELEM; getsockopt IPT_SO_GET_ENTRIES for the tables in /proc/net/{ip,ip6}_tables_names",
        needs "CAP_NET_ADMIN, for iptables-legacy to be root; where nf_tables may be built in unseen, /lib/modules readable to tell";
    /// TCP and UDP sockets: states, listeners' accept queues, UDP drops by port, ephemeral ports.
    Sockets "sockets" Slow, ceiling 60000 ms, deadline 10000 ms,
        reads "sock_diag SOCK_DIAG_BY_FAMILY",
        needs "kernel options INET_DIAG, INET_TCP_DIAG and INET_UDP_DIAG (modules tcp_diag, udp_diag)";
    /// Neighbour (ARP and NDP) tables: entries by state, thresholds, failures.
    Neighbours "neighbours" Slow, ceiling 60000 ms, deadline 5000 ms,
        reads "rtnetlink RTM_GETNEIGHTBL and RTM_GETNEIGH",
        needs "";
    /// The sysctl limits that bound each queue on the packet path.
    Limits "limits" Slow, ceiling 60000 ms, deadline 2000 ms,
        reads "/proc/sys/net, /proc/sys/fs/file-nr",
        needs "";
    /// Pressure stall information: time lost waiting for CPU, memory and I/O.
    Pressure "pressure" Base, ceiling 5000 ms, deadline 1000 ms,
        reads "/proc/pressure",
        needs "kernel 4.20 with PSI enabled (CONFIG_PSI, psi=1)";
    /// Driver statistics, as `ethtool -S` prints them.
    Driver "driver" Slow, ceiling 60000 ms, deadline 10000 ms,
        reads "ioctl SIOCETHTOOL ETHTOOL_GSTATS",
        needs "";
    /// Link state with its reason, rings, channels, standard MAC and PHY, pause and FEC statistics.
    Ethtool "ethtool" Slow, ceiling 60000 ms, deadline 10000 ms,
        reads "generic netlink `ethtool`",
        needs "kernel 5.6 with CONFIG_ETHTOOL_NETLINK (each group of statistics needs a newer one)";
    /// The agent's own process.
    Process "process" Slow, ceiling 60000 ms, deadline 1000 ms,
        reads "/proc/self/{stat,statm,fd,limits}",
        needs "";
    /// What the own probes found: outcomes, round-trip times, certificates, paths.
    Probes "probes" Base, ceiling 5000 ms, deadline 1000 ms,
        reads "answers to packets that droplens sends",
        needs "CAP_NET_RAW for echo requests, or net.ipv4.ping_group_range with the own group";
}

impl Source {
    /// The stable id: label value, configuration key and name in `doctor`.
    pub const fn id(self) -> &'static str {
        self.spec().id
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.id())
    }
}

impl std::str::FromStr for Source {
    type Err = UnknownSource;

    fn from_str(id: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .iter()
            .copied()
            .find(|source| source.id() == id)
            .ok_or_else(|| UnknownSource(id.to_owned()))
    }
}

crate::serial::by_id!(Source);

/// A source id that droplens does not know.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("unknown source {0:?}, expected one of: {list}", list = Source::ALL.iter().map(|source| source.id()).collect::<Vec<_>>().join(", "))]
pub struct UnknownSource(String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_unique_and_no_ceiling_is_below_its_cadence() {
        let mut seen = std::collections::HashSet::new();
        for &source in Source::ALL {
            let spec = source.spec();
            assert!(seen.insert(spec.id));
            assert!(spec.ceiling >= spec.cadence.interval(), "{source}");
            assert_eq!(spec.id.parse(), Ok(source));
            assert!(!spec.about.is_empty() && !spec.reads.is_empty());
        }
    }

    #[test]
    fn an_unknown_id_is_answered_with_the_known_ones() {
        let error = "softnets".parse::<Source>().unwrap_err().to_string();
        assert!(
            error.contains("softnets") && error.contains("conntrack"),
            "{error}"
        );
    }
}
