//! The hops on the way.

/// What is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PathProtocol {
    /// Echo requests.
    #[default]
    Icmp,
    /// Datagrams to a port.
    Udp,
    /// SYN segments to a port.
    Tcp,
}

/// One round over all hops, of one flow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathSpec {
    /// What is sent.
    pub protocol: PathProtocol,
    /// The port, for UDP and TCP.
    pub port: u16,
    /// The most hops that are looked at.
    pub most_hops: u8,
    /// Packets to each hop in a round.
    pub packets: u8,
}

impl Default for PathSpec {
    fn default() -> Self {
        Self {
            protocol: PathProtocol::Icmp,
            port: 33_434,
            most_hops: 30,
            packets: 3,
        }
    }
}
