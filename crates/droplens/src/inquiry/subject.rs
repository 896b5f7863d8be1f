//! What is asked about: a host, a port of it, or a web page.

use droplens_probe::spec::{
    Ask, DnsSpec, DnsTransport, HostPort, HostPortError, HttpSpec, TcpSpec, TlsSpec, UrlError,
};

/// Ports where TLS is spoken from the first byte on, as the registry of the IANA has them, and those
/// that are usual.
const TLS_PORTS: &[u16] = &[
    443, 465, 563, 636, 853, 989, 990, 992, 993, 994, 995, 2376, 2484, 3269, 4443, 5061, 5349,
    5671, 5986, 6443, 6514, 6697, 8443, 8883, 9443,
];

/// The port of name servers.
const DNS_PORT: u16 = 53;

/// What is asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Subject {
    /// As it was given.
    pub(crate) text: String,
    /// The name or the address.
    pub(crate) host: String,
    /// The port, if one is known.
    pub(crate) port: Option<u16>,
    /// The handshake, if there is one.
    pub(crate) tls: Option<TlsSpec>,
    /// The request, if there is one.
    pub(crate) http: Option<HttpSpec>,
}

/// Why something cannot be asked about.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SubjectError {
    /// No URL of a web page.
    #[error(transparent)]
    Url(#[from] UrlError),
    /// No host, with or without a port.
    #[error("{0}")]
    HostPort(HostPortError),
}

impl Subject {
    /// Reads `HOST`, `HOST:PORT` or a URL; `authorities` is a file of certificates to trust.
    pub(crate) fn parse(text: &str, authorities: Option<&str>) -> Result<Self, SubjectError> {
        if text.contains("://") {
            let mut http = HttpSpec::for_url(text)?;
            if let Some(tls) = &mut http.tls {
                tls.authorities = authorities.map(Into::into);
            }
            let url = droplens_probe::spec::HttpUrl::parse(text)?;
            return Ok(Self {
                text: text.to_owned(),
                host: url.host().to_owned(),
                port: Some(http.port),
                tls: http.tls.clone(),
                http: Some(http),
            });
        }
        let HostPort { host, port } = HostPort::parse(text).map_err(SubjectError::HostPort)?;
        let tls = port.filter(|port| TLS_PORTS.contains(port));
        let tls = tls.map(|port| TlsSpec {
            port,
            server_name: host.as_str().into(),
            verify: true,
            authorities: authorities.map(Into::into),
        });
        Ok(Self {
            text: text.to_owned(),
            host,
            port,
            tls,
            http: None,
        })
    }

    /// Whether a name server is asked about, so that it is asked a question, too.
    pub(crate) fn is_name_server(&self) -> bool {
        self.port == Some(DNS_PORT) && self.http.is_none()
    }

    /// The question to a name server, if it is one.
    pub(crate) fn dns(&self, transport: DnsTransport) -> Option<Ask> {
        self.is_name_server()
            .then(|| Ask::Dns(DnsSpec::any_server(DNS_PORT, transport)))
    }

    /// The connection, if a port is known.
    pub(crate) fn tcp(&self) -> Option<Ask> {
        self.port.map(|port| Ask::Tcp(TcpSpec { port }))
    }
}
