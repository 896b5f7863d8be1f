//! TLS handshakes.

use droplens_model::Name;

/// A TLS handshake on a new connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsSpec {
    /// The port.
    pub port: u16,
    /// The name that the certificate must be for, and that is sent (SNI).
    pub server_name: Name,
    /// Whether a certificate that is not trusted is a failure. Its dates are reported either way.
    pub verify: bool,
    /// A file of certificates (PEM) to trust instead of the system's.
    pub authorities: Option<Name>,
}
