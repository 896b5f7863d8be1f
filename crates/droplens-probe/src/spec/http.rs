//! HTTP requests.

use droplens_model::Name;

use super::TlsSpec;

/// Which version is spoken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HttpVersion {
    /// HTTP/2 if the server agrees to it in the TLS handshake, else HTTP/1.1.
    #[default]
    Any,
    /// HTTP/1.1.
    Http1,
    /// HTTP/2.
    Http2,
}

/// One request on a new connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpSpec {
    /// The URL.
    pub url: Name,
    /// The port of the URL, stated or not.
    pub port: u16,
    /// The handshake, for `https`.
    pub tls: Option<TlsSpec>,
    /// The method.
    pub method: Name,
    /// Headers that are sent besides the usual ones.
    pub headers: Vec<(Name, Name)>,
    /// The body that is sent.
    pub body: Option<Name>,
    /// The version.
    pub version: HttpVersion,
    /// The status codes that are right; empty: 200 to 299.
    pub expect_status: Vec<u16>,
    /// Regular expressions that the body must match.
    pub expect_body: Vec<Name>,
    /// Regular expressions that the body must not match.
    pub refuse_body: Vec<Name>,
    /// Headers that must be there, with a regular expression for the value.
    pub expect_headers: Vec<(Name, Name)>,
    /// How many redirects are followed.
    pub redirects: u32,
    /// How many bytes of the body are read at most.
    pub most_bytes: u64,
}
