//! Figures by remote address, in bounded memory.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::net::IpAddr;

use droplens_model::sample::connections::Peer;

use super::info::TcpInfo;
use super::ranking;
use crate::sockets::message::SocketMessage;

/// The most peers that are counted at a time, about 4 MB.
const MOST: usize = 32_768;

/// The peers seen so far. When there are too many, the better half is forgotten.
#[derive(Debug)]
pub(super) struct Peers {
    peers: HashMap<IpAddr, Peer>,
    /// Whether none was forgotten.
    pub(super) exact: bool,
}

impl Default for Peers {
    fn default() -> Self {
        Self {
            peers: HashMap::new(),
            exact: true,
        }
    }
}

impl Peers {
    /// Takes in a connection with this remote address.
    pub(super) fn count(&mut self, address: IpAddr, socket: &SocketMessage<'_>, info: TcpInfo<'_>) {
        if address.is_unspecified() {
            return;
        }
        let (bytes_sent, bytes_retrans) = info.bytes().unwrap_or_default();
        self.add(Peer {
            address,
            connections: 1,
            retransmitting: socket.is_retransmitting().into(),
            retransmits: info.total_retransmits(socket),
            bytes_sent,
            bytes_retrans,
        });
    }

    /// Takes in what another list counted.
    pub(super) fn merge(&mut self, other: Self) {
        self.exact &= other.exact;
        for peer in other.peers.into_values() {
            self.add(peer);
        }
    }

    /// The peers to which most was sent again.
    pub(super) fn worst(self, most: usize) -> Vec<Peer> {
        let suffering = self.peers.into_values().filter(|peer| peer.retransmits > 0);
        ranking::top(most, suffering.collect(), key)
    }

    fn add(&mut self, more: Peer) {
        if self.peers.len() >= MOST && !self.peers.contains_key(&more.address) {
            self.forget();
        }
        self.peers
            .entry(more.address)
            .and_modify(|peer| {
                for (sum, more) in [
                    (&mut peer.connections, more.connections),
                    (&mut peer.retransmitting, more.retransmitting),
                    (&mut peer.retransmits, more.retransmits),
                    (&mut peer.bytes_sent, more.bytes_sent),
                    (&mut peer.bytes_retrans, more.bytes_retrans),
                ] {
                    *sum = sum.saturating_add(more);
                }
            })
            .or_insert(more);
    }

    fn forget(&mut self) {
        self.exact = false;
        let all = self.peers.drain().map(|(_, peer)| peer).collect();
        let kept = ranking::top(MOST / 2, all, key);
        self.peers
            .extend(kept.into_iter().map(|peer| (peer.address, peer)));
    }
}

/// The order of peers; the address makes it the same at each reading.
fn key(peer: &Peer) -> (u64, u64, u64, Reverse<IpAddr>) {
    (
        peer.retransmits,
        peer.retransmitting,
        peer.connections,
        Reverse(peer.address),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sockets::message::tests::Described;
    use std::net::Ipv4Addr;

    fn peer(number: u32, retransmits: u64) -> Peer {
        Peer {
            address: Ipv4Addr::from(number).into(),
            connections: 1,
            retransmitting: 0,
            retransmits,
            bytes_sent: 1_000,
            bytes_retrans: 10,
        }
    }

    #[test]
    fn connections_with_one_address_are_one_peer() {
        let mut peers = Peers::default();
        let mut other = Peers::default();
        peers.add(peer(1, 2));
        for (number, retransmits) in [(1, 3), (2, 9), (3, 0)] {
            other.add(peer(number, retransmits));
        }
        peers.merge(other);
        assert!(peers.exact);
        let worst = peers.worst(10);
        let expected = Peer {
            connections: 2,
            bytes_sent: 2_000,
            bytes_retrans: 20,
            ..peer(1, 5)
        };
        assert_eq!(worst, [peer(2, 9), expected]);
        assert_eq!(worst[1].retransmit_ratio(), Some(0.01));
    }

    #[test]
    fn a_connection_is_counted_with_its_timer() {
        let bytes = Described {
            timer: 1,
            retransmits: 4,
            ..Described::default()
        }
        .bytes();
        let socket = SocketMessage::parse(&bytes).unwrap();
        let mut peers = Peers::default();
        let count = |peers: &mut Peers, address: [u8; 4]| {
            peers.count(address.into(), &socket, TcpInfo::default());
        };
        count(&mut peers, [10, 0, 0, 1]);
        count(&mut peers, [0, 0, 0, 0]);
        let worst = peers.worst(10);
        assert_eq!(worst.len(), 1);
        assert_eq!((worst[0].retransmitting, worst[0].retransmits), (1, 4));
    }

    #[test]
    fn the_worst_are_found_among_too_many() {
        let mut peers = Peers::default();
        for number in 1..=100_000 {
            peers.add(peer(
                number,
                u64::from(number % 1_000 == 0) * u64::from(number),
            ));
            assert!(peers.peers.len() <= MOST);
        }
        assert!(!peers.exact);
        let worst: Vec<_> = peers.worst(3).iter().map(|peer| peer.retransmits).collect();
        assert_eq!(worst, [100_000, 99_000, 98_000]);
    }
}
