//! TCP: sockets by state, and the accept queues of listeners.

use droplens_model::Family;
use droplens_model::sample::sockets::{Listener, TcpStates};

use super::drops::{PortDrops, PortKey};
use super::message::SocketMessage;

/// Sums over the TCP sockets of one family that do not listen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Connections {
    pub(super) states: TcpStates,
    pub(super) retransmitting: u64,
    pub(super) zero_window_probing: u64,
    /// Those that `/proc/net/sockstat` has as `inuse`.
    pub(super) in_use: u64,
}

impl Connections {
    pub(super) fn count(&mut self, socket: &SocketMessage<'_>) {
        self.states.count(socket.state);
        self.retransmitting += u64::from(socket.is_retransmitting());
        self.zero_window_probing += u64::from(socket.is_probing_zero_window());
        self.in_use += u64::from(socket.is_in_use());
    }
}

/// One listening socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ListenSocket {
    port: u16,
    queue: u32,
    limit: u32,
}

impl ListenSocket {
    pub(super) const fn new(socket: &SocketMessage<'_>) -> Self {
        Self {
            port: socket.local_port,
            queue: socket.receive_queue,
            limit: socket.send_queue,
        }
    }

    /// Puts this one into the place of the fullest if it is fuller: a queue is full when it is
    /// longer than its limit, so a limit of 0 holds one.
    fn fuller_than(self, (queue, limit): (u64, u64)) -> bool {
        u64::from(self.queue) * (limit + 1) > queue * (u64::from(self.limit) + 1)
    }
}

/// Puts the sockets of one family together by port, in order of the port; drops of ports that are
/// not told apart come last, as port 0.
pub(super) fn listeners(
    family: Family,
    sockets: &mut [ListenSocket],
    drops: &PortDrops,
) -> Vec<Listener> {
    let new = |port: u16| Listener {
        family,
        port,
        sockets: 0,
        accept_queue: 0,
        accept_queue_limit: 0,
        fullest: (0, 0),
        drops: drops.get((family, port)),
    };
    sockets.sort_unstable_by_key(|socket| socket.port);
    let mut listeners: Vec<_> = sockets
        .chunk_by(|one, other| one.port == other.port)
        .filter_map(|group| {
            let mut listener = new(group.first()?.port);
            for (index, socket) in group.iter().enumerate() {
                listener.sockets = listener.sockets.saturating_add(1);
                listener.accept_queue += u64::from(socket.queue);
                listener.accept_queue_limit += u64::from(socket.limit);
                if index == 0 || socket.fuller_than(listener.fullest) {
                    listener.fullest = (socket.queue.into(), socket.limit.into());
                }
            }
            Some(listener)
        })
        .collect();
    let others: PortKey = (family, 0);
    if drops.get(others) > 0 {
        listeners.push(new(others.1));
    }
    listeners
}

#[cfg(test)]
mod tests {
    use super::super::message::tests::Described;
    use super::*;
    use droplens_model::sample::sockets::TcpState;

    #[test]
    fn timers_tell_who_retransmits_and_who_probes() {
        let mut connections = Connections::default();
        for (state, timer, retransmits) in [
            (1, 0, 0),
            (1, 1, 0),
            (1, 1, 2),
            (1, 4, 0),
            (12, 1, 1),
            (6, 3, 0),
        ] {
            let bytes = Described {
                state,
                timer,
                retransmits,
                ..Described::default()
            }
            .bytes();
            connections.count(&SocketMessage::parse(&bytes).unwrap());
        }
        assert_eq!(connections.states.get(TcpState::Established), 4);
        assert_eq!(connections.states.get(TcpState::SynRecv), 1);
        assert_eq!(connections.states.get(TcpState::TimeWait), 1);
        assert_eq!(
            (connections.retransmitting, connections.zero_window_probing),
            (2, 1)
        );
    }

    #[test]
    fn sockets_that_share_a_port_are_one_listener() {
        let socket = |port, queue, limit| ListenSocket { port, queue, limit };
        let mut sockets = [
            socket(443, 5, 100),
            socket(22, 0, 128),
            socket(443, 3, 2),
            socket(443, 0, 0),
        ];
        let mut drops = PortDrops::default();
        drops.observe((Family::V4, 443), 1, 9);
        let listeners = listeners(Family::V4, &mut sockets, &drops);
        assert_eq!(listeners.len(), 2);
        assert_eq!((listeners[0].port, listeners[0].fullest), (22, (0, 128)));
        let expected = Listener {
            family: Family::V4,
            port: 443,
            sockets: 3,
            accept_queue: 8,
            accept_queue_limit: 102,
            fullest: (3, 2),
            drops: 9,
        };
        assert_eq!(listeners[1], expected);
    }

    #[test]
    fn the_fullest_is_that_nearest_to_its_limit() {
        let full = ListenSocket {
            port: 1,
            queue: 1,
            limit: 0,
        };
        assert!(full.fuller_than((0, 0)) && full.fuller_than((100, 128)));
        assert!(!full.fuller_than((129, 128)) && !full.fuller_than((3, 1)));
    }
}
