//! The sysctl limits: those that bound a queue under a name beside that queue's, and all of them
//! as the kernel keeps them.

use std::fmt;

use droplens_model::Source;
use droplens_model::sample::limits::{Limit, Limits};

use crate::context::Context;
use crate::encoder::{Encoder, Label};
use crate::family::families;
use crate::{Family, Origin};

families! {
    Origin::Source(Source::Limits);
    BACKLOG: Gauge "droplens_softnet_backlog_limit_packets" [] Constant(1), "The most packets in the input backlog of a CPU (netdev_max_backlog).";
    ACCEPT: Gauge "droplens_tcp_accept_queue_maximum_connections" [] Constant(1), "The most connections any listener may ask to have waiting (somaxconn).";
    SYN: Gauge "droplens_tcp_syn_queue_limit_connections" [] Constant(1), "The most half-open connections of a listener (tcp_max_syn_backlog).";
    TIME_WAIT: Gauge "droplens_tcp_time_wait_limit" [] Constant(1), "The most connections in TIME-WAIT (tcp_max_tw_buckets).";
    ORPHANS: Gauge "droplens_tcp_orphans_limit" [] Constant(1), "The most TCP sockets that no process holds (tcp_max_orphans).";
    TCP_MEMORY: Gauge "droplens_tcp_memory_limit_bytes" ["bound"] Constant(3), "Memory of all TCP sockets (tcp_mem, in bytes).";
    UDP_MEMORY: Gauge "droplens_udp_memory_limit_bytes" ["bound"] Constant(3), "Memory of all UDP sockets (udp_mem, in bytes).";
    TCP_RECEIVE: Gauge "droplens_tcp_receive_buffer_limit_bytes" ["bound"] Constant(3), "Receive buffer of a TCP socket (tcp_rmem).";
    TCP_SEND: Gauge "droplens_tcp_send_buffer_limit_bytes" ["bound"] Constant(3), "Send buffer of a TCP socket (tcp_wmem).";
    SYSCTL: Gauge "droplens_sysctl_limit" ["path", "position"] Rule("about 60: each number of each limit that exists"),
        "Every sysctl that bounds a queue or decides what happens at its end, in the unit of the kernel (/proc/sys).";
}

pub(super) fn encode(limits: &Limits, _: &Context<'_>, encoder: &mut Encoder<'_>) -> fmt::Result {
    let Limits {
        values,
        congestion_control: _, // words, not numbers
        default_qdisc: _,
        page_size,
    } = limits;
    for (family, limit) in [
        (&BACKLOG, Limit::NetdevMaxBacklog),
        (&ACCEPT, Limit::Somaxconn),
        (&SYN, Limit::TcpMaxSynBacklog),
        (&TIME_WAIT, Limit::TcpMaxTwBuckets),
        (&ORPHANS, Limit::TcpMaxOrphans),
    ] {
        encoder.series(family, limits.get(limit).map(|value| ([], value)))?;
    }
    let pages = ["low", "pressure", "high"];
    let buffer = ["minimum", "default", "maximum"];
    for (family, limit, bounds, unit) in [
        (&TCP_MEMORY, Limit::TcpMem, pages, *page_size),
        (&UDP_MEMORY, Limit::UdpMem, pages, *page_size),
        (&TCP_RECEIVE, Limit::TcpRmem, buffer, 1),
        (&TCP_SEND, Limit::TcpWmem, buffer, 1),
    ] {
        triple(
            family,
            limits.all(limit).unwrap_or(&[]),
            bounds,
            unit,
            encoder,
        )?;
    }
    encoder.family(SYSCTL.descriptor(), |series| {
        for (limit, numbers) in values {
            for (position, number) in (1..).zip(numbers) {
                series.push([limit.path().into(), Label::Number(position)], *number)?;
            }
        }
        Ok(())
    })
}

fn triple(
    family: &Family,
    values: &[u64],
    bounds: [&str; 3],
    unit: u64,
    encoder: &mut Encoder<'_>,
) -> fmt::Result {
    let rows = bounds.into_iter().zip(values);
    encoder.series(
        family,
        rows.map(|(bound, value)| ([bound.into()], value.saturating_mul(unit))),
    )
}
