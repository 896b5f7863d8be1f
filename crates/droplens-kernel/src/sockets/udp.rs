//! UDP: sockets by local port.

use droplens_model::Family;
use droplens_model::sample::sockets::UdpPort;

use super::drops::{MOST_PORTS, PortDrops};
use super::message::SocketMessage;

/// The most ports of a family that are listed: those with drops (at most 1 024), then those with
/// the most bytes waiting, then the lowest.
pub(super) const MOST_LISTED: usize = 2_048;

// Ports with drops are never folded, so that their counters never fall.
const _: () = assert!(MOST_PORTS < MOST_LISTED);

/// One socket: its port, and the bytes that wait in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct UdpSocket {
    port: u16,
    queue: u32,
}

impl UdpSocket {
    pub(super) const fn new(socket: &SocketMessage<'_>) -> Self {
        Self {
            port: socket.local_port,
            queue: socket.receive_queue,
        }
    }
}

/// Puts the sockets of one family together by port. Listed are ports with drops or with bytes
/// waiting and those of servers, outside the ephemeral range; all others are one entry, port 0.
pub(super) fn ports(
    family: Family,
    sockets: &mut [UdpSocket],
    drops: &PortDrops,
    is_ephemeral: impl Fn(u16) -> bool,
) -> Vec<UdpPort> {
    let new = |port: u16| UdpPort {
        family,
        port,
        sockets: 0,
        receive_queue_bytes: 0,
        drops: drops.get((family, port)),
    };
    let mut other = new(0);
    let mut listed = Vec::new();
    sockets.sort_unstable_by_key(|socket| socket.port);
    for group in sockets.chunk_by(|one, other| one.port == other.port) {
        let Some(first) = group.first() else {
            continue;
        };
        let mut port = new(first.port);
        port.sockets = u32::try_from(group.len()).unwrap_or(u32::MAX);
        port.receive_queue_bytes = group.iter().map(|socket| u64::from(socket.queue)).sum();
        if port.drops > 0 || port.receive_queue_bytes > 0 || !is_ephemeral(port.port) {
            listed.push(port);
        } else {
            fold(&mut other, &port);
        }
    }
    let living = listed.len();
    for ((_, port), _) in drops
        .iter()
        .filter(|((of, port), _)| *of == family && *port != 0)
    {
        let lives = listed.get(..living).is_some_and(|living| {
            living
                .binary_search_by_key(&port, |listed| listed.port)
                .is_ok()
        });
        if !lives {
            listed.push(new(port));
        }
    }
    listed.sort_unstable_by_key(|port| {
        let worst_first = std::cmp::Reverse((port.drops, port.receive_queue_bytes));
        (worst_first, port.port)
    });
    for port in listed.drain(MOST_LISTED.min(listed.len())..) {
        fold(&mut other, &port);
    }
    listed.sort_unstable_by_key(|port| port.port);
    if other.sockets > 0 || other.drops > 0 {
        listed.push(other);
    }
    listed
}

/// Adds a port without drops to the others.
fn fold(other: &mut UdpPort, port: &UdpPort) {
    other.sockets = other.sockets.saturating_add(port.sockets);
    other.receive_queue_bytes += port.receive_queue_bytes;
}

/// So ports with drops are never folded into the others.
const _: () = assert!(MOST_PORTS < MOST_LISTED);

#[cfg(test)]
mod tests {
    use super::*;

    fn list(sockets: &[(u16, u32)], drops: &PortDrops) -> Vec<(u16, u32, u64, u64)> {
        let mut sockets: Vec<_> = sockets
            .iter()
            .map(|&(port, queue)| UdpSocket { port, queue })
            .collect();
        ports(Family::V4, &mut sockets, drops, |port| port >= 32_768)
            .iter()
            .map(|port| {
                (
                    port.port,
                    port.sockets,
                    port.receive_queue_bytes,
                    port.drops,
                )
            })
            .collect()
    }

    #[test]
    fn idle_ephemeral_ports_are_told_together() {
        let mut drops = PortDrops::default();
        drops.observe((Family::V4, 40_001), 1, 5);
        drops.observe((Family::V4, 41_000), 2, 6);
        drops.observe((Family::V6, 42_000), 3, 7);
        let sockets = [
            (53, 0),
            (40_001, 0),
            (40_002, 9),
            (53, 4),
            (40_003, 0),
            (40_004, 0),
        ];
        assert_eq!(
            list(&sockets, &drops),
            [
                (53, 2, 4, 0),
                (40_001, 1, 0, 5),
                (40_002, 1, 9, 0),
                (41_000, 0, 0, 6),
                (0, 2, 0, 0),
            ]
        );
    }

    #[test]
    fn the_list_is_bounded_and_no_socket_or_drop_is_lost() {
        let mut drops = PortDrops::default();
        for port in 20_000..22_000 {
            drops.observe((Family::V4, port), u64::from(port), 1);
        }
        let sockets: Vec<_> = (1..=30_000).map(|port| (port, 1)).collect();
        let listed = list(&sockets, &drops);
        assert_eq!(listed.len(), MOST_LISTED + 1);
        assert_eq!(listed.iter().map(|port| port.1).sum::<u32>(), 30_000);
        assert_eq!(listed.iter().map(|port| port.2).sum::<u64>(), 30_000);
        assert_eq!(listed.iter().map(|port| port.3).sum::<u64>(), 2_000);
    }
}
