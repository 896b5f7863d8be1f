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

impl DnsSpec {
    /// The question that every name server answers, whatever it serves: the name servers of the
    /// root. A resolver has them in its cache, so that nobody else is asked on our behalf. One that
    /// serves certain zones or clients only says no, which is an answer as well.
    pub fn any_server(port: u16, transport: DnsTransport) -> Self {
        Self {
            port,
            query: ".".into(),
            record: "NS".into(),
            transport,
            expect: Vec::new(),
            expect_codes: ["NOERROR", "NXDOMAIN", "REFUSED"].map(Name::from).into(),
            cache_busting: false,
            // Some resolvers refuse questions about their cache alone.
            recursion: true,
            dnssec: false,
        }
    }
}
