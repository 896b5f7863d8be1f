//! Questions to a name server.

use droplens_model::Name;

/// How a question travels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DnsTransport {
    /// A datagram; TCP if the answer is truncated.
    #[default]
    Udp,
    /// TCP only.
    Tcp,
}

/// One question to the target, which is a name server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DnsSpec {
    /// The server's port.
    pub port: u16,
    /// The name that is asked for.
    pub query: Name,
    /// The type of record, such as `A` or `SOA`.
    pub record: Name,
    /// How it travels.
    pub transport: DnsTransport,
    /// The answers that are right, as in a zone file without name, class and TTL, in any order: an
    /// answer must have exactly these. Empty: any answer will do.
    pub expect: Vec<Name>,
    /// The response codes that are right.
    pub expect_codes: Vec<Name>,
    /// Whether a random label is put before the name, so that no cache knows the answer.
    pub cache_busting: bool,
    /// Whether the server is to ask others (RD).
    pub recursion: bool,
    /// Whether DNSSEC is asked for (DO and AD).
    pub dnssec: bool,
}
