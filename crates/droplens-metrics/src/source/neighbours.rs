//! Neighbour tables, ARP and NDP.

use std::fmt;

use droplens_model::Source;
use droplens_model::sample::neighbours::{NeighbourStatistics, NeighbourTable, Neighbours};

use crate::Origin;
use crate::context::Context;
use crate::encoder::{Encoder, Label, Value, cell, maybe};
use crate::family::families;

families! {
    Origin::Source(Source::Neighbours);
    ENTRIES: Gauge "droplens_neighbour_entries" ["family"] Constant(2),
        "Entries of the table in all network namespaces (ndtc_entries).";
    KEEP: Gauge "droplens_neighbour_collection_minimum_entries" ["family"] Constant(2),
        "Entries below which none is collected (gc_thresh1).";
    SOFT: Gauge "droplens_neighbour_collection_threshold_entries" ["family"] Constant(2),
        "Entries above which they are collected after 5 s (gc_thresh2).";
    LIMIT: Gauge "droplens_neighbour_entries_limit" ["family"] Constant(2),
        "The most entries there may be (gc_thresh3).";
    STATES: Gauge "droplens_neighbour_state_entries" ["family", "state"] Constant(16),
        "Entries of this network namespace by state (NUD_*).";
    ALLOCS: Counter "droplens_neighbour_allocated_total" ["family"] Constant(2),
        "Entries made, in all network namespaces (ndt_stats allocs).";
    DESTROYS: Counter "droplens_neighbour_destroyed_total" ["family"] Constant(2),
        "Entries removed, in all network namespaces (ndt_stats destroys).";
    GROWS: Counter "droplens_neighbour_hash_grows_total" ["family"] Constant(2),
        "Times the hash table grew, in all network namespaces (ndt_stats hash_grows).";
    FAILED: Counter "droplens_neighbour_resolution_failed_total" ["family"] Constant(2),
        "Addresses that could not be resolved; packets for them are dropped, in all network namespaces (ndt_stats res_failed).";
    LOOKUPS: Counter "droplens_neighbour_lookups_total" ["family"] Constant(2),
        "Look-ups, in all network namespaces (ndt_stats lookups).";
    HITS: Counter "droplens_neighbour_hits_total" ["family"] Constant(2),
        "Look-ups that found an entry, in all network namespaces (ndt_stats hits).";
    MCAST: Counter "droplens_neighbour_receive_multicast_probes_total" ["family"] Constant(2),
        "Multicast probes received, in all network namespaces (ndt_stats rcv_probes_mcast).";
    UCAST: Counter "droplens_neighbour_receive_unicast_probes_total" ["family"] Constant(2),
        "Unicast probes received, in all network namespaces (ndt_stats rcv_probes_ucast).";
    PERIODIC: Counter "droplens_neighbour_periodic_collections_total" ["family"] Constant(2),
        "Periodic collections, in all network namespaces (ndt_stats periodic_gc_runs).";
    FORCED: Counter "droplens_neighbour_forced_collections_total" ["family"] Constant(2),
        "Collections because the table was nearly full, in all network namespaces (ndt_stats forced_gc_runs).";
    FULLS: Counter "droplens_neighbour_table_full_total" ["family"] Constant(2),
        "Times an entry could not be made because the table was full, in all network namespaces (ndt_stats table_fulls).";
}

pub(super) fn encode(
    neighbours: &Neighbours,
    _: &Context<'_>,
    encoder: &mut Encoder<'_>,
) -> fmt::Result {
    let Neighbours {
        tables,
        states,
        complete: _,
    } = neighbours;
    encoder.table(
        [
            &ENTRIES, &KEEP, &SOFT, &LIMIT, &ALLOCS, &DESTROYS, &GROWS, &FAILED, &LOOKUPS, &HITS,
            &MCAST, &UCAST, &PERIODIC, &FORCED, &FULLS,
        ],
        tables.iter().map(row),
    )?;
    encoder.family(STATES.descriptor(), |series| {
        for (family, states) in states.iter() {
            for (state, entries) in states.iter() {
                series.push([family.id().into(), state.into()], entries)?;
            }
        }
        Ok(())
    })
}

fn row(table: &NeighbourTable) -> ([Label<'_>; 1], [Option<Value>; 15]) {
    let NeighbourTable {
        family,
        entries,
        threshold1,
        threshold2,
        threshold3,
        statistics,
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
        cell(entries),
        maybe(threshold1),
        maybe(threshold2),
        maybe(threshold3),
        cell(allocs),
        cell(destroys),
        cell(hash_grows),
        cell(res_failed),
        cell(lookups),
        cell(hits),
        cell(rcv_probes_mcast),
        cell(rcv_probes_ucast),
        cell(periodic_gc_runs),
        cell(forced_gc_runs),
        cell(table_fulls),
    ];
    ([family.id().into()], cells)
}
