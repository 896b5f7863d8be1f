//! Echo requests.

/// An echo request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EchoSpec {
    /// Bytes after the ICMP header; at least [`crate::icmp::PAYLOAD`].
    pub payload: u16,
    /// Whether routers must not cut it into fragments (DF; IPv6 routers never do).
    pub dont_fragment: bool,
}

impl Default for EchoSpec {
    /// 56 bytes, as `ping` sends.
    fn default() -> Self {
        Self {
            payload: 56,
            dont_fragment: false,
        }
    }
}
