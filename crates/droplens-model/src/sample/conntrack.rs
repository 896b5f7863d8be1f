//! Connection tracking: ctnetlink and `/proc/sys/net/netfilter`.

use serde::{Deserialize, Serialize};

use crate::serial::part;
use crate::{CpuId, Part};

/// Connection tracking of this network namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conntrack {
    /// Entries now (`nf_conntrack_count`).
    pub entries: u64,
    /// The most there may be (`nf_conntrack_max`); 0 means no limit. One global value, compared
    /// with each namespace's own count.
    pub limit: u64,
    /// Buckets of the hash table (`nf_conntrack_buckets`).
    pub buckets: Option<u64>,
    /// Expected connections now (`nf_conntrack_expect_max` bounds them).
    pub expectations_limit: Option<u64>,
    /// Statistics per CPU; needs `CAP_NET_ADMIN`.
    #[serde(with = "part", default = "part::missing")]
    pub statistics: Part<Vec<ConntrackCpu>>,
}

/// Statistics of one CPU (`enum ctattr_stats_cpu`), unwrapped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConntrackCpu {
    /// The CPU.
    pub cpu: CpuId,
    /// Entries found.
    pub found: u64,
    /// Packets that could not be tracked.
    pub invalid: u64,
    /// Packets that need no tracking; gone from newer kernels.
    pub ignore: Option<u64>,
    /// Entries inserted; gone from newer kernels.
    pub insert: Option<u64>,
    /// Insertions that failed: an entry was there already. Part of `drop`.
    pub insert_failed: u64,
    /// Packets dropped because no entry could be made.
    pub drop: u64,
    /// Entries evicted to make room; no packet is lost by that.
    pub early_drop: u64,
    /// Packets with an ICMP error that could not be tracked.
    pub error: u64,
    /// Look-ups that had to be repeated because of a resize.
    pub search_restart: u64,
    /// Clashes resolved without a loss.
    pub clash_resolve: Option<u64>,
    /// Insertions refused because a hash chain was too long.
    pub chain_too_long: Option<u64>,
}
