//! From a module and a target to what is asked.

use std::sync::Arc;

use droplens_model::Name;
use droplens_probe::spec::{
    Ask, DnsSpec, DnsTransport, EchoSpec, HttpSpec, HttpVersion, TcpSpec, TlsSpec,
};

use super::options::{Family, Http, HttpProtocol, Tls, Transport};
use super::{Module, Prober};
use crate::config::probes::{HostOnly, HostPort, NameServer, TlsServer, Url};

/// Redirects that are followed, as `blackbox_exporter` does.
const REDIRECTS: u32 = 10;

/// Bytes of a body that are read; where it has to be looked at, it is kept in memory.
const MOST_BODY: u64 = 1 << 30;
const MOST_KEPT: u64 = 4 << 20;

/// What a target is to be asked.
#[derive(Clone, Debug)]
pub(crate) struct Query {
    /// The host to be resolved.
    pub(crate) host: Name,
    /// The device of a link-local address.
    pub(crate) zone: Option<Name>,
    /// What it is asked.
    pub(crate) ask: Ask,
    /// The family of addresses that is preferred.
    pub(crate) family: Family,
    /// Whether an address of the other one will do.
    pub(crate) fallback: bool,
    /// Whether TLS is a failure, or must be (HTTP).
    pub(crate) tls: Option<bool>,
    /// The versions that a response may have; empty: any (HTTP).
    pub(crate) versions: Vec<HttpProtocol>,
}

impl Module {
    /// What the target is to be asked, or why that cannot be.
    pub(crate) fn query(&self, target: &str) -> Result<Query, String> {
        match self.prober {
            Prober::Icmp => {
                let target: HostOnly = target.parse()?;
                let options = &self.icmp;
                let spec = EchoSpec {
                    payload: options.payload_size.0,
                    dont_fragment: options.dont_fragment,
                };
                Ok(Query {
                    host: target.host.name,
                    zone: target.host.zone,
                    ask: Ask::Icmp(spec),
                    family: options.preferred_ip_protocol,
                    fallback: options.ip_protocol_fallback,
                    tls: None,
                    versions: Vec::new(),
                })
            }
            Prober::Tcp => self.tcp(target),
            Prober::Dns => self.dns(target),
            Prober::Http => self.http(target),
        }
    }

    fn tcp(&self, target: &str) -> Result<Query, String> {
        let options = &self.tcp;
        let place: HostPort = target.parse()?;
        let ask = if options.tls {
            let server: TlsServer = target.parse()?;
            let plain = TlsSpec {
                port: server.port,
                server_name: server.host.name,
                verify: true,
                authorities: None,
            };
            Ask::Tls(options.tls_config.apply(plain))
        } else {
            Ask::Tcp(TcpSpec { port: place.port })
        };
        Ok(Query {
            host: place.host.name,
            zone: place.host.zone,
            ask,
            family: options.preferred_ip_protocol,
            fallback: options.ip_protocol_fallback,
            tls: None,
            versions: Vec::new(),
        })
    }

    fn dns(&self, target: &str) -> Result<Query, String> {
        let options = &self.dns;
        let place: NameServer = target.parse()?;
        let query = options
            .query_name
            .as_ref()
            .ok_or("prober = \"dns\" needs a query_name in its table `dns`")?;
        let spec = DnsSpec {
            port: place.port,
            query: Arc::clone(&query.0),
            record: options
                .query_type
                .as_ref()
                .map_or_else(|| "ANY".into(), |record| Arc::clone(&record.0)),
            transport: match options.transport_protocol {
                Transport::Udp => DnsTransport::Udp,
                Transport::Tcp => DnsTransport::Tcp,
            },
            expect: Vec::new(),
            expect_codes: options.valid_rcodes.names(),
            cache_busting: false,
            recursion: options.recursion_desired,
            dnssec: false,
        };
        droplens_probe::errand::check_dns(&spec)?;
        Ok(Query {
            host: place.host.name,
            zone: place.host.zone,
            ask: Ask::Dns(spec),
            family: options.preferred_ip_protocol,
            fallback: options.ip_protocol_fallback,
            tls: None,
            versions: Vec::new(),
        })
    }

    fn http(&self, target: &str) -> Result<Query, String> {
        let options = &self.http;
        let has_scheme = target.starts_with("http://") || target.starts_with("https://");
        let place: Url = if has_scheme {
            target.parse()?
        } else {
            format!("http://{target}").parse()?
        };
        let spec = options.spec(place.spec);
        spec.check().map_err(|error| error.to_string())?;
        Ok(Query {
            host: place.host,
            zone: None,
            ask: Ask::Http(spec),
            family: options.preferred_ip_protocol,
            fallback: options.ip_protocol_fallback,
            tls: match (options.fail_if_ssl, options.fail_if_not_ssl) {
                (true, _) => Some(false),
                (false, true) => Some(true),
                (false, false) => None,
            },
            versions: options.valid_http_versions.clone(),
        })
    }

    /// Whether it works with a target that is in order.
    pub(super) fn check(&self) -> Result<(), String> {
        if self.http.fail_if_ssl && self.http.fail_if_not_ssl {
            return Err("fail_if_ssl and fail_if_not_ssl together always fail".into());
        }
        if !self.http.enable_http2 && self.http.valid_http_versions == [HttpProtocol::Two] {
            return Err("without enable_http2 no response has the version HTTP/2.0".into());
        }
        let target = match self.prober {
            Prober::Icmp | Prober::Dns | Prober::Http => "host.example",
            Prober::Tcp => "host.example:1",
        };
        self.query(target).map(drop)
    }
}

impl Http {
    fn spec(&self, mut spec: HttpSpec) -> HttpSpec {
        let names = |list: &[String]| list.iter().map(|text| text.as_str().into()).collect();
        let headers = self.headers.iter();
        spec.method = self.method.as_str().into();
        spec.headers = headers
            .map(|(name, value)| (name.as_str().into(), value.as_str().into()))
            .collect();
        spec.version = if self.enable_http2 {
            HttpVersion::Any
        } else {
            HttpVersion::Http1
        };
        spec.body = self.body.as_deref().map(Into::into);
        spec.expect_status.clone_from(&self.valid_status_codes);
        spec.expect_body = names(&self.fail_if_body_not_matches_regexp);
        spec.refuse_body = names(&self.fail_if_body_matches_regexp);
        spec.redirects = if self.follow_redirects { REDIRECTS } else { 0 };
        spec.most_bytes = if spec.expect_body.is_empty() && spec.refuse_body.is_empty() {
            MOST_BODY
        } else {
            MOST_KEPT
        };
        spec.tls = spec.tls.map(|tls| self.tls_config.apply(tls));
        spec
    }
}

impl Tls {
    fn apply(&self, mut spec: TlsSpec) -> TlsSpec {
        if let Some(name) = &self.server_name {
            spec.server_name = Arc::clone(&name.0);
        }
        spec.verify = !self.insecure_skip_verify;
        spec.authorities = self.ca_file.as_deref().map(Into::into);
        spec
    }
}
