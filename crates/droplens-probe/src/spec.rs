//! What a probe asks, and from where. Plain data: what the configuration says, worked out.

mod dns;
mod echo;
mod host_port;
pub(crate) mod http;
mod path;
mod pmtu;
mod tcp;
mod tls;

use std::net::IpAddr;

use droplens_model::Name;
use droplens_model::sample::probes::ProbeKind;

use crate::flight::Patience;

pub use dns::{DnsSpec, DnsTransport};
pub use echo::EchoSpec;
pub use host_port::{HostPort, HostPortError};
pub use http::{HttpSpec, HttpSpecError, HttpUrl, HttpVersion, UrlError};
pub use path::{PathProtocol, PathSpec};
pub use pmtu::PmtuSpec;
pub use tcp::TcpSpec;
pub use tls::TlsSpec;

/// What a probe asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// An echo request.
    Icmp(EchoSpec),
    /// A TCP connection.
    Tcp(TcpSpec),
    /// A question to a name server.
    Dns(DnsSpec),
    /// A TLS handshake.
    Tls(TlsSpec),
    /// An HTTP request.
    Http(HttpSpec),
    /// The largest packet that gets through.
    Pmtu(PmtuSpec),
    /// The hops on the way.
    Path(PathSpec),
}

impl Ask {
    /// The kind.
    pub const fn kind(&self) -> ProbeKind {
        match self {
            Self::Icmp(_) => ProbeKind::Icmp,
            Self::Tcp(_) => ProbeKind::Tcp,
            Self::Dns(_) => ProbeKind::Dns,
            Self::Tls(_) => ProbeKind::Tls,
            Self::Http(_) => ProbeKind::Http,
            Self::Pmtu(_) => ProbeKind::Pmtu,
            Self::Path(_) => ProbeKind::Path,
        }
    }
}

/// How a target is asked: the same for many targets, which share it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// What.
    pub ask: Ask,
    /// From where.
    pub egress: Egress,
    /// How long answers are waited for.
    pub patience: Patience,
}

/// From where a probe is sent, and how its packets are marked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Egress {
    /// The own address that packets bear; the kernel chooses if none is given. Targets of the other
    /// family are not probed with it.
    pub source: Option<IpAddr>,
    /// The device that packets leave by (`SO_BINDTODEVICE`).
    pub interface: Option<Name>,
    /// The differentiated services code point, 0 to 63.
    pub dscp: u8,
}
