//! What is kept of each list of sockets while its messages come in.

use droplens_model::Family;
use droplens_model::sample::connections::{
    Connection, ListenerDetail, Owner, Receiving, UdpDetail,
};
use droplens_model::sample::sockets::TcpState;

use super::details::{Details, Names};
use super::peers::Peers;
use super::ranking::Top;
use crate::error::ParseError;
use crate::sockets::message::SocketMessage;

/// What finds the owner of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Traces {
    pub(super) uid: u32,
    /// 0 for a connection that nobody accepted yet.
    pub(super) inode: u32,
    pub(super) cgroup: Option<u64>,
}

/// A socket whose owner is still to be found.
#[derive(Debug)]
pub(super) struct Found<T> {
    pub(super) item: T,
    pub(super) traces: Traces,
}

impl<T> Found<T> {
    const fn new(item: T, socket: &SocketMessage<'_>, details: &Details<'_>) -> Self {
        let traces = Traces {
            uid: socket.uid,
            inode: socket.inode,
            cgroup: details.cgroup,
        };
        Self { item, traces }
    }
}

/// One kind of list.
pub(super) trait Collect: Sized {
    /// An empty one, that keeps this many of the worst.
    fn new(most: usize) -> Self;

    /// Takes in a socket.
    fn take(&mut self, family: Family, socket: &SocketMessage<'_>) -> Result<(), ParseError>;

    /// Takes in another one.
    fn merge(&mut self, other: Self);
}

/// TCP connections.
#[derive(Debug)]
pub(super) struct Tcp {
    pub(super) sockets: u64,
    /// Whether it retransmits now, and how much it retransmitted.
    pub(super) worst: Top<(bool, u64), Found<Connection>>,
    /// Bytes waiting.
    pub(super) stuck: Top<u64, Found<Connection>>,
    pub(super) peers: Peers,
    names: Names,
}

impl Collect for Tcp {
    fn new(most: usize) -> Self {
        Self {
            sockets: 0,
            worst: Top::new(most),
            stuck: Top::new(most),
            peers: Peers::default(),
            names: Names::default(),
        }
    }

    fn take(&mut self, family: Family, socket: &SocketMessage<'_>) -> Result<(), ParseError> {
        // A state that this version does not know.
        let Some(state) = TcpState::from_number(socket.state) else {
            return Ok(());
        };
        let details = Details::parse(socket)?;
        self.sockets += 1;
        self.peers
            .count(socket.remote(family).ip(), socket, details.info);
        let key = (
            socket.is_retransmitting(),
            details.info.total_retransmits(socket),
        );
        // Most connections have nothing to tell: they are not looked at any further.
        let suffers = key > (false, 0);
        let waits = socket.receive_queue > 0 || socket.send_queue > 0;
        if !suffers && !waits && !socket.is_probing_zero_window() {
            return Ok(());
        }
        let mut connection = connection(family, state, socket, &details);
        connection.congestion_control = self.names.intern(details.congestion_control);
        let found = |connection| Found::new(connection, socket, &details);
        if connection.stuck().is_some() {
            let waiting = connection.receiving.queue.max(connection.sending.queue);
            self.stuck.offer(waiting, || found(connection.clone()));
        }
        if suffers {
            self.worst.offer(key, || found(connection));
        }
        Ok(())
    }

    fn merge(&mut self, other: Self) {
        self.sockets += other.sockets;
        self.worst.merge(other.worst);
        self.stuck.merge(other.stuck);
        self.peers.merge(other.peers);
    }
}

/// A connection without its names.
fn connection(
    family: Family,
    state: TcpState,
    socket: &SocketMessage<'_>,
    details: &Details<'_>,
) -> Connection {
    let Details { info, memory, .. } = details;
    Connection {
        family,
        local: socket.local(family),
        remote: socket.remote(family),
        state,
        congestion_control: None,
        retransmission: info.retransmission(socket),
        path: info.path(),
        sending: info.sending(socket),
        receiving: Receiving {
            queue: socket.receive_queue.into(),
            memory: memory.received.into(),
            buffer: memory.receive_buffer.into(),
            last_data: info.last_data(),
            drops: memory.drops.into(),
        },
        owner: Owner::default(),
    }
}

/// TCP listeners.
#[derive(Debug)]
pub(super) struct Listeners {
    /// Whether it is full, its drops, and how many wait.
    pub(super) worst: Top<(bool, u64, u64), Found<ListenerDetail>>,
}

impl Collect for Listeners {
    fn new(most: usize) -> Self {
        Self {
            worst: Top::new(most),
        }
    }

    fn take(&mut self, family: Family, socket: &SocketMessage<'_>) -> Result<(), ParseError> {
        let details = Details::parse(socket)?;
        let listener = ListenerDetail {
            family,
            local: socket.local(family),
            queue: socket.receive_queue.into(),
            limit: socket.send_queue.into(),
            drops: details.memory.drops.into(),
            owner: Owner::default(),
            open_files: None,
        };
        // One more than the limit fits in.
        let half_full = listener.queue.saturating_mul(2) > listener.limit;
        if listener.drops > 0 || half_full {
            let key = (listener.is_full(), listener.drops, listener.queue);
            self.worst
                .offer(key, || Found::new(listener, socket, &details));
        }
        Ok(())
    }

    fn merge(&mut self, other: Self) {
        self.worst.merge(other.worst);
    }
}

/// UDP sockets.
#[derive(Debug)]
pub(super) struct Udp {
    /// Drops, and bytes waiting.
    pub(super) worst: Top<(u64, u64), Found<UdpDetail>>,
}

impl Collect for Udp {
    fn new(most: usize) -> Self {
        Self {
            worst: Top::new(most),
        }
    }

    fn take(&mut self, family: Family, socket: &SocketMessage<'_>) -> Result<(), ParseError> {
        let details = Details::parse(socket)?;
        let drops = u64::from(details.memory.drops);
        let queue = u64::from(socket.receive_queue);
        if drops == 0 && queue == 0 {
            return Ok(());
        }
        self.worst.offer((drops, queue), || {
            let udp = UdpDetail {
                family,
                local: socket.local(family),
                remote: (socket.remote_port > 0).then(|| socket.remote(family)),
                queue,
                buffer: details.memory.receive_buffer.into(),
                drops,
                owner: Owner::default(),
            };
            Found::new(udp, socket, &details)
        });
        Ok(())
    }

    fn merge(&mut self, other: Self) {
        self.worst.merge(other.worst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sockets::message::tests::Described;
    use crate::sockets::message::{INET_DIAG_CONG, INET_DIAG_INFO};
    use crate::testing::{attribute, words};
    use proptest::prelude::*;

    const ESTABLISHED: u8 = TcpState::Established as u8;

    /// A list that took in these messages.
    fn collected<T: Collect>(messages: &[Vec<u8>]) -> T {
        let mut list = T::new(3);
        for message in messages {
            let socket = SocketMessage::parse(message).unwrap();
            list.take(Family::V4, &socket).unwrap();
        }
        list
    }

    /// A connection with this local port, with a `tcp_info` that ends with its retransmits.
    fn retransmitted(described: Described, total: u32) -> Vec<u8> {
        let mut info = [0; 26];
        info[25] = total;
        let mut bytes = described.bytes();
        bytes.extend(attribute(INET_DIAG_INFO, &words(&info)));
        bytes.extend(attribute(INET_DIAG_CONG, b"cubic\0"));
        bytes
    }

    #[test]
    fn those_that_retransmit_now_come_first() {
        let described = |local_port, timer, retransmits| Described {
            state: ESTABLISHED,
            timer,
            retransmits,
            local_port,
            inode: local_port.into(),
            ..Described::default()
        };
        let list: Tcp = collected(&[
            retransmitted(described(1, 0, 0), 0),
            retransmitted(described(2, 0, 0), 1),
            retransmitted(described(3, 0, 0), 900),
            retransmitted(described(4, 1, 2), 5),
            retransmitted(described(5, 1, 0), 7),
            retransmitted(
                Described {
                    state: 77,
                    ..described(6, 1, 9)
                },
                9,
            ),
        ]);
        assert_eq!(list.sockets, 5, "a state nobody knows is left out");
        let worst = list.worst.into_items();
        let ports: Vec<_> = worst.iter().map(|it| it.item.local.port()).collect();
        assert_eq!(ports, [4, 3, 5]);
        let first = &worst[0];
        assert_eq!(first.item.congestion_control.as_deref(), Some("cubic"));
        let traces = Traces {
            uid: 1_000,
            inode: 4,
            cgroup: None,
        };
        assert_eq!(first.traces, traces);
        assert!(list.stuck.into_items().is_empty());
    }

    #[test]
    fn those_with_most_waiting_are_stuck_first() {
        let probing = |local_port, queues| Described {
            state: ESTABLISHED,
            timer: 4,
            local_port,
            queues,
            ..Described::default()
        };
        let mut list: Tcp = collected(&[probing(1, (0, 5)).bytes(), probing(2, (9, 0)).bytes()]);
        let other: Tcp = collected(&[probing(3, (0, 0)).bytes(), probing(4, (0, 7)).bytes()]);
        list.merge(other);
        assert_eq!(list.sockets, 4);
        let stuck = list.stuck.into_items();
        let ports: Vec<_> = stuck.iter().map(|it| it.item.local.port()).collect();
        assert_eq!(ports, [2, 4, 1]);
        assert!(list.worst.into_items().is_empty());
    }

    #[test]
    fn only_listeners_that_fill_or_drop_are_told() {
        let listener = |local_port, queues, drops| {
            Described {
                state: TcpState::Listen as u8,
                local_port,
                queues,
                drops,
                ..Described::default()
            }
            .bytes()
        };
        let list: Listeners = collected(&[
            listener(1, (0, 0), 0),
            listener(2, (64, 128), 0),
            listener(3, (65, 128), 0),
            listener(4, (0, 128), 9),
            listener(5, (129, 128), 1),
        ]);
        let worst = list.worst.into_items();
        let ports: Vec<_> = worst.iter().map(|it| it.item.local.port()).collect();
        assert_eq!(ports, [5, 4, 3]);
    }

    #[test]
    fn only_udp_sockets_with_drops_or_unread_bytes_are_told() {
        let socket = |local_port, remote_port, received, drops| {
            Described {
                local_port,
                remote_port,
                queues: (received, 0),
                drops,
                ..Described::default()
            }
            .bytes()
        };
        let list: Udp = collected(&[
            socket(1, 0, 0, 0),
            socket(2, 0, 500, 0),
            socket(3, 53, 0, 2),
        ]);
        let worst = list.worst.into_items();
        let told: Vec<_> = worst
            .iter()
            .map(|it| (it.item.local.port(), it.item.remote.is_some()))
            .collect();
        assert_eq!(told, [(3, true), (2, false)]);
    }

    proptest! {
        #[test]
        fn any_bytes_are_taken_or_refused(mut bytes in proptest::collection::vec(any::<u8>(), 72..400)) {
            // A family that the parser knows.
            bytes[0] = if bytes[0] % 2 == 0 { 2 } else { 10 };
            let socket = SocketMessage::parse(&bytes).unwrap();
            for family in Family::ALL {
                let _ = Tcp::new(2).take(family, &socket);
                let _ = Listeners::new(2).take(family, &socket);
                let _ = Udp::new(2).take(family, &socket);
            }
        }
    }
}
