//! The sysctl limits, each named after the queue it bounds.

use std::fmt;

use droplens_model::Source;
use droplens_model::sample::limits::{Limit, Limits};

use crate::context::Context;
use crate::encoder::{Encoder, Label, Value};
use crate::family::families;
use crate::{Family, Origin};

families! {
    Origin::Source(Source::Limits);
    BACKLOG: Gauge "droplens_softnet_backlog_limit_packets" [] Constant(1),
        "The most packets in the input backlog of a CPU (net.core.netdev_max_backlog).";
    BUDGET: Gauge "droplens_softnet_budget_packets" [] Constant(1),
        "The most packets handled in one receive pass of a CPU (net.core.netdev_budget).";
    BUDGET_TIME: Gauge "droplens_softnet_budget_seconds" [] Constant(1),
        "The longest one receive pass of a CPU may take (net.core.netdev_budget_usecs).";
    DEVICE_WEIGHT: Gauge "droplens_softnet_device_weight_packets" [] Constant(1),
        "The most packets taken from one device in a receive pass (net.core.dev_weight).";
    RECEIVE_BUFFER: Gauge "droplens_socket_receive_buffer_limit_bytes" ["bound"] Constant(2),
        "Receive buffer of a socket: what it starts with (default) and may ask for (max) (net.core.rmem_default, rmem_max).";
    SEND_BUFFER: Gauge "droplens_socket_send_buffer_limit_bytes" ["bound"] Constant(2),
        "Send buffer of a socket: what it starts with (default) and may ask for (max) (net.core.wmem_default, wmem_max).";
    ANCILLARY_BUFFER: Gauge "droplens_socket_ancillary_buffer_limit_bytes" [] Constant(1),
        "The most ancillary buffer of a socket (net.core.optmem_max).";
    ACCEPT_QUEUE: Gauge "droplens_tcp_accept_queue_maximum_connections" [] Constant(1),
        "The most connections waiting in any accept queue, whatever its listener asks for (net.core.somaxconn).";
    SYN_QUEUE: Gauge "droplens_tcp_syn_queue_limit_connections" [] Constant(1),
        "The most half-open connections of a listener (net.ipv4.tcp_max_syn_backlog).";
    TCP_MEMORY: Gauge "droplens_tcp_memory_limit_bytes" ["bound"] Constant(3),
        "Memory of all TCP sockets; droplens_sockstat_memory_bytes tells how much is in use (net.ipv4.tcp_mem, in pages there).";
    UDP_MEMORY: Gauge "droplens_udp_memory_limit_bytes" ["bound"] Constant(3),
        "Memory of all UDP sockets; droplens_sockstat_memory_bytes tells how much is in use (net.ipv4.udp_mem, in pages there).";
    TCP_RECEIVE: Gauge "droplens_tcp_receive_buffer_limit_bytes" ["bound"] Constant(3),
        "Receive buffer of a TCP socket (net.ipv4.tcp_rmem).";
    TCP_SEND: Gauge "droplens_tcp_send_buffer_limit_bytes" ["bound"] Constant(3),
        "Send buffer of a TCP socket (net.ipv4.tcp_wmem).";
    UDP_RECEIVE: Gauge "droplens_udp_receive_buffer_min_bytes" [] Constant(1),
        "Receive buffer a UDP socket keeps under memory pressure (net.ipv4.udp_rmem_min).";
    UDP_SEND: Gauge "droplens_udp_send_buffer_min_bytes" [] Constant(1),
        "Send buffer a UDP socket keeps under memory pressure (net.ipv4.udp_wmem_min).";
    PORT_RANGE: Gauge "droplens_ephemeral_port_range" ["bound"] Constant(2),
        "First and last ephemeral port (net.ipv4.ip_local_port_range).";
    TIME_WAIT: Gauge "droplens_tcp_time_wait_limit_sockets" [] Constant(1),
        "The most connections in TIME-WAIT (net.ipv4.tcp_max_tw_buckets).";
    ORPHANS: Gauge "droplens_tcp_orphans_limit_sockets" [] Constant(1),
        "The most TCP sockets that no process holds any more (net.ipv4.tcp_max_orphans).";
    NEIGHBOURS: Gauge "droplens_neighbour_table_limit_entries" ["family", "bound"] Constant(6),
        "Neighbour table: below thresh1 no entry is collected, above thresh2 after 5 s, thresh3 is the most there may be (net.ipv4.neigh.default.gc_thresh1-3, net.ipv6 likewise).";
    REASSEMBLY: Gauge "droplens_ip_reassembly_limit_bytes" ["family"] Constant(2),
        "The most memory of fragments waiting for the rest (net.ipv4.ipfrag_high_thresh, net.ipv6.ip6frag_high_thresh).";
    OPEN_FILES: Gauge "droplens_open_files_limit" [] Constant(1),
        "The most open files of the whole host (fs.file-max).";
    SYSCTL: Gauge "droplens_sysctl" ["name"] Constant(18),
        "A setting that decides what happens at the end of a queue, in the unit of the sysctl named by the label (/proc/sys).";
    DEFAULTS: Info "droplens_network_defaults_info" ["congestion_control", "qdisc"] Constant(1),
        "Congestion control of new TCP sockets and qdisc of new devices (net.ipv4.tcp_congestion_control, net.core.default_qdisc).";
}

/// How a sysctl's number becomes the metric's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Same,
    Pages,
    Microseconds,
}

/// Limits with one number and no label.
static SINGLE: &[(&Family, Limit, Unit)] = &[
    (&BACKLOG, Limit::NetdevMaxBacklog, Unit::Same),
    (&BUDGET, Limit::NetdevBudget, Unit::Same),
    (&BUDGET_TIME, Limit::NetdevBudgetUsecs, Unit::Microseconds),
    (&DEVICE_WEIGHT, Limit::DevWeight, Unit::Same),
    (&ANCILLARY_BUFFER, Limit::OptmemMax, Unit::Same),
    (&ACCEPT_QUEUE, Limit::Somaxconn, Unit::Same),
    (&SYN_QUEUE, Limit::TcpMaxSynBacklog, Unit::Same),
    (&UDP_RECEIVE, Limit::UdpRmemMin, Unit::Same),
    (&UDP_SEND, Limit::UdpWmemMin, Unit::Same),
    (&TIME_WAIT, Limit::TcpMaxTwBuckets, Unit::Same),
    (&ORPHANS, Limit::TcpMaxOrphans, Unit::Same),
    (&OPEN_FILES, Limit::FileMax, Unit::Same),
];

/// The numbers of one limit, by the value of the label `bound`.
type Bounds = (Limit, &'static [&'static str]);

/// Limits with several numbers, or several limits of one queue.
static BOUNDED: &[(&Family, Unit, &[Bounds])] = &[
    (
        &RECEIVE_BUFFER,
        Unit::Same,
        &[
            (Limit::RmemDefault, &["default"]),
            (Limit::RmemMax, &["max"]),
        ],
    ),
    (
        &SEND_BUFFER,
        Unit::Same,
        &[
            (Limit::WmemDefault, &["default"]),
            (Limit::WmemMax, &["max"]),
        ],
    ),
    (
        &TCP_MEMORY,
        Unit::Pages,
        &[(Limit::TcpMem, &["low", "pressure", "high"])],
    ),
    (
        &UDP_MEMORY,
        Unit::Pages,
        &[(Limit::UdpMem, &["low", "pressure", "high"])],
    ),
    (
        &TCP_RECEIVE,
        Unit::Same,
        &[(Limit::TcpRmem, &["min", "default", "max"])],
    ),
    (
        &TCP_SEND,
        Unit::Same,
        &[(Limit::TcpWmem, &["min", "default", "max"])],
    ),
    (
        &PORT_RANGE,
        Unit::Same,
        &[(Limit::IpLocalPortRange, &["first", "last"])],
    ),
];

/// The thresholds of the neighbour tables, by family and bound.
static THRESHOLDS: &[(Limit, [&str; 2])] = &[
    (Limit::Ipv4GcThresh1, ["ipv4", "thresh1"]),
    (Limit::Ipv4GcThresh2, ["ipv4", "thresh2"]),
    (Limit::Ipv4GcThresh3, ["ipv4", "thresh3"]),
    (Limit::Ipv6GcThresh1, ["ipv6", "thresh1"]),
    (Limit::Ipv6GcThresh2, ["ipv6", "thresh2"]),
    (Limit::Ipv6GcThresh3, ["ipv6", "thresh3"]),
];

/// The memory of fragments, by family.
static FRAGMENTS: &[(Limit, [&str; 1])] = &[
    (Limit::IpfragHighThresh, ["ipv4"]),
    (Limit::Ip6fragHighThresh, ["ipv6"]),
];

/// Settings and timeouts, under the sysctl's own name.
static SETTINGS: &[(Limit, [&str; 1])] = &[
    (Limit::TcpSyncookies, ["net.ipv4.tcp_syncookies"]),
    (
        Limit::TcpAbortOnOverflow,
        ["net.ipv4.tcp_abort_on_overflow"],
    ),
    (Limit::TcpTwReuse, ["net.ipv4.tcp_tw_reuse"]),
    (Limit::TcpFinTimeout, ["net.ipv4.tcp_fin_timeout"]),
    (Limit::TcpSynRetries, ["net.ipv4.tcp_syn_retries"]),
    (Limit::TcpSynackRetries, ["net.ipv4.tcp_synack_retries"]),
    (Limit::TcpRetries2, ["net.ipv4.tcp_retries2"]),
    (Limit::TcpKeepaliveTime, ["net.ipv4.tcp_keepalive_time"]),
    (Limit::TcpKeepaliveIntvl, ["net.ipv4.tcp_keepalive_intvl"]),
    (Limit::TcpKeepaliveProbes, ["net.ipv4.tcp_keepalive_probes"]),
    (Limit::TcpMtuProbing, ["net.ipv4.tcp_mtu_probing"]),
    (Limit::TcpWindowScaling, ["net.ipv4.tcp_window_scaling"]),
    (Limit::TcpSack, ["net.ipv4.tcp_sack"]),
    (Limit::IcmpRatelimit, ["net.ipv4.icmp_ratelimit"]),
    (Limit::IcmpMsgsPerSec, ["net.ipv4.icmp_msgs_per_sec"]),
    (
        Limit::ConntrackTcpTimeoutEstablished,
        ["net.netfilter.nf_conntrack_tcp_timeout_established"],
    ),
];

/// Limits that the source of the queue itself tells.
#[cfg(test)]
static ELSEWHERE: &[Limit] = &[
    Limit::ConntrackMax,
    Limit::ConntrackBuckets,
    Limit::ConntrackExpectMax,
];

pub(super) fn encode(
    limits: &Limits,
    _context: &Context<'_>,
    encoder: &mut Encoder<'_>,
) -> fmt::Result {
    let Limits {
        values: _,
        congestion_control,
        default_qdisc,
        page_size,
    } = limits;
    let convert = |unit, number: u64| match unit {
        Unit::Same => Value::from(number),
        // Limits near the largest number mean that there is none.
        Unit::Pages => Value::from(number.saturating_mul(*page_size)),
        Unit::Microseconds => Value::from(number as f64 / 1e6),
    };
    for &(family, limit, unit) in SINGLE {
        let value = limits.get(limit).map(|number| ([], convert(unit, number)));
        encoder.series(family, value)?;
    }
    for &(family, unit, rows) in BOUNDED {
        encoder.family(family.descriptor(), |series| {
            for &(limit, bounds) in rows {
                let numbers = limits.all(limit).unwrap_or_default();
                for (&bound, &number) in bounds.iter().zip(numbers) {
                    series.push([bound.into()], convert(unit, number))?;
                }
            }
            Ok(())
        })?;
    }
    encoder.series(&NEIGHBOURS, labelled(limits, THRESHOLDS))?;
    encoder.series(&REASSEMBLY, labelled(limits, FRAGMENTS))?;
    encoder.series(&SYSCTL, labelled(limits, SETTINGS))?;
    let labels = [congestion_control, default_qdisc]
        .map(|word| Label::Text(word.as_deref().unwrap_or_default()));
    encoder.series(&DEFAULTS, [(labels, 1_u64)])
}

/// The limits of a table that exist here, with their labels.
fn labelled<'l, const L: usize>(
    limits: &'l Limits,
    table: &'static [(Limit, [&'static str; L])],
) -> impl Iterator<Item = ([Label<'static>; L], u64)> + use<'l, L> {
    table
        .iter()
        .filter_map(|&(limit, labels)| Some((labels.map(Label::Text), limits.get(limit)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_limit_is_told_in_one_place() {
        let mut told: Vec<Limit> = SINGLE.iter().map(|(_, limit, _)| *limit).collect();
        told.extend(
            BOUNDED
                .iter()
                .flat_map(|(_, _, rows)| rows.iter().map(|row| row.0)),
        );
        told.extend(THRESHOLDS.iter().map(|row| row.0));
        told.extend(FRAGMENTS.iter().map(|row| row.0));
        told.extend(SETTINGS.iter().map(|row| row.0));
        told.extend(ELSEWHERE);
        for limit in Limit::ALL {
            assert_eq!(
                told.iter().filter(|one| *one == limit).count(),
                1,
                "{limit:?}"
            );
        }
    }

    #[test]
    fn settings_keep_the_name_of_their_sysctl() {
        for (limit, [name]) in SETTINGS {
            assert_eq!(limit.path().replace('/', "."), *name);
        }
    }
}
