//! TCP connections.

/// A connection that is opened and closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TcpSpec {
    /// The port.
    pub port: u16,
}
