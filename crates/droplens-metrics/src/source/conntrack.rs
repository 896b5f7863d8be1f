//! Connection tracking.

use std::fmt;

use droplens_model::Source;
use droplens_model::sample::conntrack::{Conntrack, ConntrackCpu};

use crate::Origin;
use crate::context::Context;
use crate::encoder::{Encoder, cell, maybe};
use crate::family::families;

families! {
    Origin::Source(Source::Conntrack);
    ENTRIES: Gauge "droplens_conntrack_entries" [] Constant(1),
        "Connections tracked now in this network namespace (nf_conntrack_count).";
    LIMIT: Gauge "droplens_conntrack_entries_limit" [] Constant(1),
        "The most connections tracked; 0 means no limit, so guard ratios with a limit above 0 (nf_conntrack_max).";
    BUCKETS: Gauge "droplens_conntrack_buckets" [] Constant(1),
        "Buckets of the hash table (nf_conntrack_buckets).";
    EXPECTATIONS: Gauge "droplens_conntrack_expectations_limit" [] Constant(1),
        "The most expected connections (nf_conntrack_expect_max).";
    READABLE: Gauge "droplens_conntrack_statistics_readable" [] Constant(1),
        "Whether the statistics could be read (1) or only entries and limit (0); they need CAP_NET_ADMIN (IPCTNL_MSG_CT_GET_STATS_CPU).";
    FOUND: Counter "droplens_conntrack_found_total" [] Constant(1),
        "Entries found, all CPUs together (conntrack statistic found).";
    INVALID: Counter "droplens_conntrack_invalid_total" [] Constant(1),
        "Packets that could not be tracked; not dropped by that alone, all CPUs together (conntrack statistic invalid).";
    IGNORED: Counter "droplens_conntrack_ignored_total" [] Constant(1),
        "Packets that need no tracking, all CPUs together (conntrack statistic ignore).";
    INSERTED: Counter "droplens_conntrack_inserted_total" [] Constant(1),
        "Entries inserted, all CPUs together (conntrack statistic insert).";
    INSERT_FAILED: Counter "droplens_conntrack_insert_failed_total" [] Constant(1),
        "Packets dropped because an entry was there already, part of dropped, all CPUs together (conntrack statistic insert_failed).";
    DROPPED: Counter "droplens_conntrack_dropped_total" [] Constant(1),
        "Packets dropped because no entry could be made, all CPUs together (conntrack statistic drop).";
    EARLY: Counter "droplens_conntrack_early_dropped_total" [] Constant(1),
        "Entries evicted to make room; no packet is lost by that, all CPUs together (conntrack statistic early_drop).";
    ERRORS: Counter "droplens_conntrack_errors_total" [] Constant(1),
        "Packets with an ICMP error that could not be tracked, all CPUs together (conntrack statistic error).";
    RESTARTS: Counter "droplens_conntrack_search_restarts_total" [] Constant(1),
        "Look-ups repeated because of a resize, all CPUs together (conntrack statistic search_restart).";
    CLASH: Counter "droplens_conntrack_clash_resolved_total" [] Constant(1),
        "Clashes resolved without a loss, all CPUs together (conntrack statistic clash_resolve).";
    CHAIN: Counter "droplens_conntrack_chain_too_long_total" [] Constant(1),
        "Insertions refused because a hash chain was too long, all CPUs together (conntrack statistic chain_too_long).";
}

pub(super) fn encode(
    conntrack: &Conntrack,
    _: &Context<'_>,
    encoder: &mut Encoder<'_>,
) -> fmt::Result {
    let Conntrack {
        entries,
        limit,
        buckets,
        expectations_limit,
        statistics,
    } = conntrack;
    let cells = [
        cell(*entries),
        cell(*limit),
        maybe(*buckets),
        maybe(*expectations_limit),
        cell(statistics.is_ok()),
    ];
    encoder.table(
        [&ENTRIES, &LIMIT, &BUCKETS, &EXPECTATIONS, &READABLE],
        std::iter::once(([], cells)),
    )?;
    let sums = statistics.as_deref().ok().and_then(sums);
    encoder.table(
        [
            &FOUND,
            &INVALID,
            &IGNORED,
            &INSERTED,
            &INSERT_FAILED,
            &DROPPED,
            &EARLY,
            &ERRORS,
            &RESTARTS,
            &CLASH,
            &CHAIN,
        ],
        sums.into_iter().map(|sums| ([], sums.map(maybe))),
    )
}

/// Each statistic summed over the CPUs; none without CPUs.
fn sums(cpus: &[ConntrackCpu]) -> Option<[Option<u64>; 11]> {
    let rows = cpus.iter().map(|cpu| {
        let ConntrackCpu {
            cpu: _,
            found,
            invalid,
            ignore,
            insert,
            insert_failed,
            drop,
            early_drop,
            error,
            search_restart,
            clash_resolve,
            chain_too_long,
        } = *cpu;
        [
            Some(found),
            Some(invalid),
            ignore,
            insert,
            Some(insert_failed),
            Some(drop),
            Some(early_drop),
            Some(error),
            Some(search_restart),
            clash_resolve,
            chain_too_long,
        ]
    });
    rows.reduce(|mut sums, row| {
        for (sum, value) in sums.iter_mut().zip(row) {
            *sum = sum.zip(value).map(|(sum, value)| sum.saturating_add(value));
        }
        sums
    })
}
