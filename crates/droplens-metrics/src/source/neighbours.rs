//! Neighbour (ARP and NDP) tables.

use std::fmt;

use droplens_model::Source;
use droplens_model::sample::neighbours::{NeighbourStatistics, NeighbourTable, Neighbours};

use crate::Origin;
use crate::context::Context;
use crate::encoder::{Encoder, Label, Value, cell};
use crate::family::families;

families! {
    Origin::Source(Source::Neighbours);
    RESOLUTION_FAILED: Counter "droplens_neighbour_resolutions_failed_total" ["family"] Constant(2),
        "Next hops whose link-layer address could not be resolved; the packets waiting for it were lost (ndt_stats ndts_res_failed).";
    TABLE_FULL: Counter "droplens_neighbour_table_full_total" ["family"] Constant(2),
        "Times a neighbour could not be added because the table was full (ndt_stats ndts_table_fulls).";
    TABLE_ENTRIES: Gauge "droplens_neighbour_table_entries" ["family"] Constant(2),
        "Entries of the table in all network namespaces; droplens_neighbour_table_limit_entries bounds it (ndt_config ndtc_entries).";
    ALLOCATED: Counter "droplens_neighbour_entries_allocated_total" ["family"] Constant(2), "Entries added (ndt_stats ndts_allocs).";
    DESTROYED: Counter "droplens_neighbour_entries_destroyed_total" ["family"] Constant(2), "Entries removed (ndt_stats ndts_destroys).";
    FORCED_GC: Counter "droplens_neighbour_forced_gc_runs_total" ["family"] Constant(2),
        "Collections forced by a nearly full table (ndt_stats ndts_forced_gc_runs).";
    PERIODIC_GC: Counter "droplens_neighbour_periodic_gc_runs_total" ["family"] Constant(2), "Periodic collections (ndt_stats ndts_periodic_gc_runs).";
    LOOKUPS: Counter "droplens_neighbour_lookups_total" ["family"] Constant(2), "Look-ups (ndt_stats ndts_lookups).";
    HITS: Counter "droplens_neighbour_lookup_hits_total" ["family"] Constant(2), "Look-ups that found an entry (ndt_stats ndts_hits).";
    HASH_GROWS: Counter "droplens_neighbour_hash_grows_total" ["family"] Constant(2), "Times the hash table grew (ndt_stats ndts_hash_grows).";
    PROBES_MULTICAST: Counter "droplens_neighbour_multicast_probes_received_total" ["family"] Constant(2), "Multicast probes received (ndt_stats ndts_rcv_probes_mcast).";
    PROBES_UNICAST: Counter "droplens_neighbour_unicast_probes_received_total" ["family"] Constant(2), "Unicast probes received (ndt_stats ndts_rcv_probes_ucast).";
    ENTRIES: Gauge "droplens_neighbour_entries" ["family", "state"] Rule("2 families x 8 states"),
        "Entries of this network namespace in each state (ndmsg ndm_state).";
}

pub(super) fn encode(
    neighbours: &Neighbours,
    _context: &Context<'_>,
    encoder: &mut Encoder<'_>,
) -> fmt::Result {
    let Neighbours {
        tables,
        states,
        // A gap of the source, not a figure.
        complete: _,
    } = neighbours;
    encoder.table(
        [
            &RESOLUTION_FAILED,
            &TABLE_FULL,
            &TABLE_ENTRIES,
            &ALLOCATED,
            &DESTROYED,
            &FORCED_GC,
            &PERIODIC_GC,
            &LOOKUPS,
            &HITS,
            &HASH_GROWS,
            &PROBES_MULTICAST,
            &PROBES_UNICAST,
        ],
        tables.iter().map(row),
    )?;
    encoder.family(ENTRIES.descriptor(), |series| {
        for (family, states) in states.iter() {
            for (state, entries) in states.iter() {
                series.push([family.id().into(), state.into()], entries)?;
            }
        }
        Ok(())
    })
}

fn row(table: &NeighbourTable) -> ([Label<'static>; 1], [Option<Value>; 12]) {
    let NeighbourTable {
        family,
        entries,
        statistics,
        // The sysctl limits tell them, in every namespace that has them.
        threshold1: _,
        threshold2: _,
        threshold3: _,
    } = *table;
    let NeighbourStatistics {
        allocs,
        destroys,
        hash_grows,
        res_failed,
        lookups,
        hits,
        rcv_probes_mcast,
        rcv_probes_ucast,
        periodic_gc_runs,
        forced_gc_runs,
        table_fulls,
    } = statistics;
    let cells = [
        cell(res_failed),
        cell(table_fulls),
        cell(entries),
        cell(allocs),
        cell(destroys),
        cell(forced_gc_runs),
        cell(periodic_gc_runs),
        cell(lookups),
        cell(hits),
        cell(hash_grows),
        cell(rcv_probes_mcast),
        cell(rcv_probes_ucast),
    ];
    ([family.id().into()], cells)
}
