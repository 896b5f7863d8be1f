//! Local ports that connections of this host use.

use std::hash::{BuildHasher, RandomState};

use droplens_model::sample::sockets::EphemeralPorts;

use super::message::SocketMessage;
use super::ports::PortSet;

/// Collects the local ports in use, and towards whom.
#[derive(Debug, Default)]
pub(super) struct Ephemeral {
    /// The ports the kernel may take.
    available: PortSet,
    /// Ports that somebody listens on: their connections came in.
    listening: PortSet,
    used: PortSet,
    /// For each outgoing connection 48 bits of its destination's hash, then its local port: one
    /// number to sort, no table to fill. Among 50 000 destinations two share a hash once in
    /// 200 000 readings.
    pairs: Vec<u64>,
    hasher: RandomState,
}

impl Ephemeral {
    /// Begins a reading; `available` are the ports the kernel may take.
    pub(super) fn begin(&mut self, available: PortSet) {
        self.available = available;
        self.listening.clear();
        self.used.clear();
        self.pairs.clear();
    }

    /// Throws the list of connections away. Ports in use are not: they were, a moment ago.
    pub(super) fn restart(&mut self) {
        self.pairs.clear();
    }

    /// Somebody listens on this port.
    pub(super) fn listening(&mut self, port: u16) {
        self.listening.insert(port);
    }

    /// Whether the kernel may take this port.
    pub(super) fn is_available(&self, port: u16) -> bool {
        self.available.contains(port)
    }

    /// Takes in a connection. The listening ports must be known by now.
    pub(super) fn count(&mut self, socket: &SocketMessage<'_>) {
        let port = socket.local_port;
        if !self.available.contains(port) {
            return;
        }
        self.used.insert(port);
        if self.listening.contains(port) || socket.remote_port == 0 {
            return;
        }
        let destination = (socket.family, socket.remote_port, socket.remote_address);
        let hash = self.hasher.hash_one(destination);
        self.pairs.push(hash << 16 | u64::from(port));
    }

    /// The figures.
    pub(super) fn finish(&mut self) -> EphemeralPorts {
        self.pairs.sort_unstable();
        self.pairs.dedup();
        let busiest = self
            .pairs
            .chunk_by(|one, other| one >> 16 == other >> 16)
            .map(<[u64]>::len)
            .max()
            .unwrap_or(0);
        EphemeralPorts {
            available: self.available.len(),
            used: self.used.len(),
            used_by_busiest_destination: u32::try_from(busiest).unwrap_or(u32::MAX),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::message::tests::Described;
    use super::*;

    fn count(ephemeral: &mut Ephemeral, local_port: u16, remote_address: u8) {
        let bytes = Described {
            local_port,
            remote_address,
            remote_port: 443,
            ..Described::default()
        }
        .bytes();
        ephemeral.count(&SocketMessage::parse(&bytes).unwrap());
    }

    #[test]
    fn each_destination_has_the_range_to_itself() {
        let mut ephemeral = Ephemeral::default();
        for _ in 0..2 {
            ephemeral.begin(PortSet::parse_range(b"40000 40009").unwrap());
            ephemeral.listening(40_005);
            for (port, destination) in
                [(40_000, 1), (40_001, 1), (40_000, 2), (40_005, 1), (443, 1)]
            {
                count(&mut ephemeral, port, destination);
            }
            // From another local address, the same port: it is used up once.
            count(&mut ephemeral, 40_001, 1);
            let expected = EphemeralPorts {
                available: 10,
                used: 3,
                used_by_busiest_destination: 2,
            };
            assert_eq!(ephemeral.finish(), expected);
        }
    }

    #[test]
    fn a_list_that_is_read_again_counts_once() {
        let mut ephemeral = Ephemeral::default();
        ephemeral.begin(PortSet::parse_range(b"40000 40009").unwrap());
        count(&mut ephemeral, 40_001, 1);
        ephemeral.restart();
        count(&mut ephemeral, 40_001, 1);
        count(&mut ephemeral, 40_002, 1);
        assert_eq!(ephemeral.finish().used_by_busiest_destination, 2);
    }
}
