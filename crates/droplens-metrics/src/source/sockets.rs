//! TCP and UDP sockets, summed up.

use std::fmt;

use droplens_model::sample::sockets::{EphemeralPorts, Listener, Sockets, TcpState, UdpPort};
use droplens_model::{Family, Source};

use crate::Origin;
use crate::context::Context;
use crate::encoder::{Encoder, Label, cell};
use crate::family::families;
use crate::ports::{Places, Port};

families! {
    Origin::Source(Source::Sockets);
    STATES: Gauge "droplens_tcp_sockets" ["family", "state"] Constant(22),
        "TCP sockets by state; request sockets count as syn_recv (idiag_state).";
    RETRANSMITTING: Gauge "droplens_tcp_retransmitting_sockets" ["family"] Constant(2),
        "TCP sockets that now wait for an acknowledgement after a retransmission (idiag_retrans).";
    PROBING: Gauge "droplens_tcp_zero_window_probing_sockets" ["family"] Constant(2),
        "TCP sockets that now probe a closed window (idiag_timer).";
    AVAILABLE: Gauge "droplens_ephemeral_ports_limit" [] Constant(1),
        "Ports that outgoing connections may use (ip_local_port_range without ip_local_reserved_ports).";
    USED: Gauge "droplens_ephemeral_ports_used" [] Constant(1),
        "Different ports of that range in use by TCP sockets (sock_diag).";
    BUSIEST: Gauge "droplens_ephemeral_ports_used_by_busiest_destination" [] Constant(1),
        "Ports of that range in use towards the one destination with the most; each destination has the whole range (sock_diag).";
    CONNECTIONS_AGE: Gauge "droplens_tcp_connections_list_age_seconds" [] Constant(1),
        "Time since all TCP connections were last listed: how old the numbers of retransmitting and probing sockets and of ephemeral ports are. 0 unless there are so many connections that listing them at each reading costs too much (sock_diag).";
    QUEUE: Gauge "droplens_tcp_accept_queue_connections" ["family", "port"] Rule("listeners up to top_ports, and other"),
        "Connections waiting to be accepted, in all sockets of the port (idiag_rqueue).";
    QUEUE_LIMIT: Gauge "droplens_tcp_accept_queue_limit_connections" ["family", "port"] Rule("listeners up to top_ports, and other"),
        "The most connections that may wait, in all sockets of the port (idiag_wqueue).";
    LISTENER_DROPS: Counter "droplens_tcp_listener_dropped_total" ["family", "port"] Rule("listeners up to top_ports, and other"),
        "Packets that the listening sockets of the port dropped (SK_MEMINFO_DROPS).";
    UDP_DROPS: Counter "droplens_udp_port_dropped_total" ["family", "port"] Rule("dropping ports up to top_ports, and other"),
        "Datagrams that the sockets of the local port dropped (SK_MEMINFO_DROPS).";
}

/// Which ports have series of their own.
#[derive(Debug, Default)]
pub(crate) struct Ports {
    listeners: Places,
    udp: Places,
}

pub(crate) fn encode(
    sockets: &Sockets,
    context: &Context<'_>,
    ports: &mut Ports,
    encoder: &mut Encoder<'_>,
) -> fmt::Result {
    let Sockets {
        tcp,
        retransmitting,
        zero_window_probing,
        listeners,
        udp,
        ephemeral,
        connections_age,
        complete: _,
    } = sockets;
    encoder.family(STATES.descriptor(), |series| {
        for (family, states) in tcp.iter() {
            for state in TcpState::ALL {
                series.push([family.id().into(), state.id().into()], states.get(state))?;
            }
        }
        Ok(())
    })?;
    for (family, counts) in [
        (&RETRANSMITTING, retransmitting),
        (&PROBING, zero_window_probing),
    ] {
        let counts = counts.iter();
        encoder.series(family, counts.map(|(of, count)| ([of.id().into()], *count)))?;
    }
    let EphemeralPorts {
        available,
        used,
        used_by_busiest_destination,
    } = *ephemeral;
    encoder.single(&AVAILABLE, available)?;
    encoder.single(&USED, used)?;
    encoder.single(&BUSIEST, used_by_busiest_destination)?;

    encoder.single(&CONNECTIONS_AGE, connections_age.as_secs_f64())?;

    let most = context.options.top_ports;
    for listener in listeners {
        ports
            .listeners
            .observe((listener.family, listener.port), listener.drops, most);
    }
    // Ports get a place once they drop, and stay in the sample from then on.
    for port in udp.iter().filter(|port| port.drops > 0) {
        ports
            .udp
            .observe((port.family, port.port), port.drops, most);
    }
    ports.listeners.finish();
    ports.udp.finish();
    encode_queues(&ports.listeners, listeners, encoder)?;
    let drops = listeners
        .iter()
        .map(|one| ((one.family, one.port), one.drops));
    encode_drops(&LISTENER_DROPS, &ports.listeners, drops, encoder)?;
    let drops = udp.iter().map(udp_drops);
    encode_drops(&UDP_DROPS, &ports.udp, drops, encoder)
}

/// The accept queues of the ports that are shown, and the sums of the others.
fn encode_queues(
    places: &Places,
    listeners: &[Listener],
    encoder: &mut Encoder<'_>,
) -> fmt::Result {
    let row = |listener: &Listener| {
        let Listener {
            family,
            port,
            sockets: _,
            accept_queue,
            accept_queue_limit,
            fullest: _, // diagnosis names it
            drops: _,   // a counter: told apart
        } = *listener;
        ((family, port), [accept_queue, accept_queue_limit])
    };
    let others = Family::ALL.map(|family| {
        let hidden = listeners
            .iter()
            .map(row)
            .filter(|(port, _)| port.0 == family && !places.shows(*port));
        let sums = hidden.fold([0_u64; 2], |[queue, limit], (_, [own_queue, own_limit])| {
            [
                queue.saturating_add(own_queue),
                limit.saturating_add(own_limit),
            ]
        });
        ([family.id().into(), Label::Text("other")], sums.map(cell))
    });
    let shown = listeners
        .iter()
        .map(row)
        .filter(|(port, _)| places.shows(*port));
    let shown =
        shown.map(|((family, port), values)| ([family.id().into(), port.into()], values.map(cell)));
    encoder.table([&QUEUE, &QUEUE_LIMIT], shown.chain(others))
}

fn udp_drops(udp: &UdpPort) -> (Port, u64) {
    let UdpPort {
        family,
        port,
        sockets: _,
        receive_queue_bytes: _, // reports name it
        drops,
    } = *udp;
    ((family, port), drops)
}

/// The counters of the ports that are shown, and that of the others, which is there from the
/// start.
fn encode_drops(
    family: &crate::Family,
    places: &Places,
    drops: impl Iterator<Item = (Port, u64)>,
    encoder: &mut Encoder<'_>,
) -> fmt::Result {
    let shown = drops
        .filter(|(port, _)| places.shows(*port))
        .map(|((of, port), drops)| ([of.id().into(), port.into()], drops));
    let others = Family::ALL
        .into_iter()
        .map(|of| ([of.id().into(), Label::Text("other")], places.others(of)));
    encoder.series(family, shown.chain(others))
}
