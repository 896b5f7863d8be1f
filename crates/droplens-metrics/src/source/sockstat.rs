//! Sockets in use and the memory they hold.

use std::fmt;

use droplens_model::Source;
use droplens_model::sample::sockstat::{Sockstat, SockstatValue};

use crate::Origin;
use crate::context::Context;
use crate::encoder::Encoder;
use crate::family::families;

families! {
    Origin::Source(Source::Sockstat);
    USED: Gauge "droplens_sockstat_sockets_used" [] Constant(1),
        "Sockets of all kinds in use (/proc/net/sockstat sockets used).";
    INUSE: Gauge "droplens_sockstat_sockets" ["protocol"] Constant(16),
        "Sockets in use by protocol (/proc/net/sockstat inuse).";
    MEMORY: Gauge "droplens_sockstat_memory_bytes" ["protocol"] Constant(16),
        "Memory of all sockets of the protocol, or of waiting fragments; droplens_tcp_memory_limit_bytes and droplens_udp_memory_limit_bytes bound it (/proc/net/sockstat mem, memory).";
    QUEUES: Gauge "droplens_sockstat_fragment_queues" ["protocol"] Constant(2),
        "Packets being put together from fragments (/proc/net/sockstat FRAG inuse).";
    ORPHANS: Gauge "droplens_sockstat_tcp_orphans" [] Constant(1),
        "TCP sockets that no process holds any more; droplens_tcp_orphans_limit_sockets bounds them (/proc/net/sockstat TCP orphan).";
    TIME_WAIT: Gauge "droplens_sockstat_tcp_time_wait" [] Constant(1),
        "TCP connections in TIME-WAIT; droplens_tcp_time_wait_limit_sockets bounds them (/proc/net/sockstat TCP tw).";
    ALLOCATED: Gauge "droplens_sockstat_tcp_allocated" [] Constant(1),
        "TCP sockets allocated in any state (/proc/net/sockstat TCP alloc).";
}

pub(super) fn encode(
    sockstat: &Sockstat,
    _: &Context<'_>,
    encoder: &mut Encoder<'_>,
) -> fmt::Result {
    let Sockstat { values, page_size } = sockstat;
    for (family, protocol, key) in [
        (&USED, "sockets", "used"),
        (&ORPHANS, "TCP", "orphan"),
        (&TIME_WAIT, "TCP", "tw"),
        (&ALLOCATED, "TCP", "alloc"),
    ] {
        let value = sockstat.get(protocol, key);
        encoder.series(family, value.map(|value| ([], value)))?;
    }
    for (family, fragments) in [(&INUSE, false), (&QUEUES, true)] {
        let inuse = values.iter().filter(|value| {
            &*value.key == "inuse" && value.protocol.starts_with("FRAG") == fragments
        });
        encoder.series(
            family,
            inuse.map(|value| ([(&value.protocol).into()], value.value)),
        )?;
    }
    encoder.series(
        &MEMORY,
        values.iter().filter_map(|value| {
            let SockstatValue {
                protocol,
                key,
                value,
            } = value;
            let unit = match &**key {
                "mem" => *page_size,
                "memory" => 1,
                _ => return None,
            };
            Some(([protocol.into()], value.saturating_mul(unit)))
        }),
    )
}
