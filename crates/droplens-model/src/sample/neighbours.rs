//! Neighbour tables (ARP and NDP): rtnetlink `RTM_GETNEIGHTBL` and `RTM_GETNEIGH`.

use serde::{Deserialize, Serialize};

use crate::{Family, PerFamily};

/// The neighbour tables and their entries.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Neighbours {
    /// The tables of IPv4 (`arp_cache`) and IPv6 (`ndisc_cache`).
    pub tables: Vec<NeighbourTable>,
    /// Entries of this network namespace by state.
    pub states: PerFamily<NeighbourStates>,
    /// False when the list kept changing while it was read.
    pub complete: bool,
}

/// One table. Its statistics are global: every network namespace shows the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NeighbourTable {
    /// Address family.
    pub family: Family,
    /// Entries of all network namespaces (`ndtc_entries`).
    pub entries: u64,
    /// No entry is collected below this many (`gc_thresh1`); only in the first namespace.
    pub threshold1: Option<u64>,
    /// Above this many, entries are collected after 5 s (`gc_thresh2`).
    pub threshold2: Option<u64>,
    /// The most there may be (`gc_thresh3`).
    pub threshold3: Option<u64>,
    /// The counters (`struct ndt_stats`).
    pub statistics: NeighbourStatistics,
}

/// Counters of a table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct NeighbourStatistics {
    /// Entries made.
    pub allocs: u64,
    /// Entries removed.
    pub destroys: u64,
    /// Times the hash table grew.
    pub hash_grows: u64,
    /// Addresses that could not be resolved.
    pub res_failed: u64,
    /// Look-ups.
    pub lookups: u64,
    /// Look-ups that found an entry.
    pub hits: u64,
    /// Multicast probes received.
    pub rcv_probes_mcast: u64,
    /// Unicast probes received.
    pub rcv_probes_ucast: u64,
    /// Periodic collections.
    pub periodic_gc_runs: u64,
    /// Collections because the table was nearly full.
    pub forced_gc_runs: u64,
    /// Times an entry could not be made because the table was full; kernel 4.15 or newer.
    pub table_fulls: u64,
}

macro_rules! neighbour_states {
    ($( $(#[$doc:meta])* $field:ident $bit:literal, )+) => {
        /// Entries in each state (`NUD_*`).
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(default)]
        pub struct NeighbourStates { $( $(#[$doc])* pub $field: u64, )+ }

        impl NeighbourStates {
            /// Counts one entry with these `ndm_state` bits; unknown ones are ignored.
            pub const fn count(&mut self, state: u16) {
                match state { $($bit => self.$field += 1,)+ _ => {} }
            }

            /// Every state's label value and its entries.
            pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
                [$((stringify!($field), self.$field)),+].into_iter()
            }
        }
    };
}

neighbour_states! {
    /// Being resolved: packets wait for it.
    incomplete 0x01,
    /// Confirmed.
    reachable 0x02,
    /// To be confirmed at the next use.
    stale 0x04,
    /// Waiting for a confirmation from above.
    delay 0x08,
    /// Being confirmed.
    probe 0x10,
    /// Could not be resolved.
    failed 0x20,
    /// Needs no resolution.
    noarp 0x40,
    /// Set by hand.
    permanent 0x80,
}
