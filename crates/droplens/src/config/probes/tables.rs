//! One table for each kind of probe: what all have in common, and what only that kind has.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use droplens_model::Name;
use droplens_model::sample::probes::{Limits, ProbeKind};
use droplens_probe::spec::{
    Ask, DnsSpec, DnsTransport, EchoSpec, HttpVersion, PathProtocol, PathSpec, PmtuSpec, TcpSpec,
    TlsSpec,
};
use serde::Deserialize;

use super::places::{
    DomainName, Given, Host, HostOnly, HostPort, NameServer, Place, TlsServer, Url,
};
use super::values::{
    BodyBytes, Class, Device, Dscp, Families, Hops, Interval, Labels, PacketSize, Payload, PerHop,
    Port, ProbeName, Redirects, Slow, SourceAddress, StepLimits, Timeout,
};
use super::words::{Codes, RecordType};

/// What the tables of all kinds have in common.
#[derive(Clone, Debug)]
pub(crate) struct Common {
    pub(crate) name: Name,
    pub(crate) interval: Duration,
    pub(crate) timeout: Duration,
    pub(crate) labels: Labels,
    pub(crate) source: Option<SourceAddress>,
    pub(crate) interface: Option<Name>,
    pub(crate) dscp: u8,
    pub(crate) family: Families,
    pub(crate) limits: Limits,
}

/// What one target is to be asked.
#[derive(Clone, Debug)]
pub(crate) struct Aim {
    /// The host to be resolved.
    pub(crate) host: Name,
    /// The device, if the target names it.
    pub(crate) zone: Option<Name>,
    /// What it is asked.
    pub(crate) ask: Ask,
}

impl Aim {
    fn at(host: &Host, ask: Ask) -> Self {
        Self {
            host: Arc::clone(&host.name),
            zone: host.zone.clone(),
            ask,
        }
    }
}

/// The table of a kind.
pub(crate) trait Table {
    /// How its targets are written.
    type Target: Place;
    /// The kind.
    const KIND: ProbeKind;

    /// What all have in common.
    fn common(&self) -> Common;

    /// The targets, and where they stand.
    fn targets(&self) -> &[Given<Self::Target>];

    /// What a target is asked; an error where target and table do not go together.
    fn aim(&self, target: &Self::Target) -> Result<Aim, String>;
}

macro_rules! table {
    (
        $(#[$doc:meta])*
        $table:ident: $kind:ident, $targets:ident = $target:ty,
        every $interval:expr, within $timeout:expr
        $(, $field:ident: $type:ty = $default:expr)* $(,)?
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub(crate) struct $table {
            name: Option<ProbeName>,
            $targets: Vec<Given<$target>>,
            interval: Interval,
            timeout: Timeout,
            labels: Labels,
            source: Option<SourceAddress>,
            interface: Option<Device>,
            dscp: Dscp,
            family: Families,
            class: Option<Class>,
            slow: Option<Slow>,
            limits: StepLimits,
            $($field: $type,)*
        }

        impl Default for $table {
            fn default() -> Self {
                Self {
                    name: None,
                    $targets: Vec::new(),
                    interval: Interval($interval),
                    timeout: Timeout($timeout),
                    labels: Labels::default(),
                    source: None,
                    interface: None,
                    dscp: Dscp::default(),
                    family: Families::default(),
                    class: None,
                    slow: None,
                    limits: StepLimits::default(),
                    $($field: $default,)*
                }
            }
        }

        impl Table for $table {
            type Target = $target;
            const KIND: ProbeKind = ProbeKind::$kind;

            fn common(&self) -> Common {
                Common {
                    name: self
                        .name
                        .as_ref()
                        .map_or_else(|| Self::KIND.id().into(), |name| Arc::clone(&name.0)),
                    interval: self.interval.0,
                    timeout: self.timeout.0,
                    labels: self.labels.clone(),
                    source: self.source,
                    interface: self.interface.as_ref().map(|device| Arc::clone(&device.0)),
                    dscp: self.dscp.0,
                    family: self.family,
                    limits: self.limits.all(self.class, self.slow),
                }
            }

            fn targets(&self) -> &[Given<$target>] {
                &self.$targets
            }

            fn aim(&self, target: &$target) -> Result<Aim, String> {
                $table::aim(self, target)
            }
        }
    };
}

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

table! {
    /// Echo requests.
    Icmp: Icmp, targets = HostOnly,
    every seconds(1), within seconds(1),
    payload: Payload = Payload(EchoSpec::default().payload),
    dont_fragment: bool = false,
}

impl Icmp {
    #[expect(clippy::unnecessary_wraps, reason = "as the other kinds")]
    fn aim(&self, target: &HostOnly) -> Result<Aim, String> {
        let spec = EchoSpec {
            payload: self.payload.0,
            dont_fragment: self.dont_fragment,
        };
        Ok(Aim::at(&target.host, Ask::Icmp(spec)))
    }
}

table! {
    /// TCP connections.
    Tcp: Tcp, targets = HostPort,
    every seconds(5), within seconds(3),
}

impl Tcp {
    #[expect(
        clippy::unnecessary_wraps,
        clippy::unused_self,
        reason = "as the other kinds"
    )]
    fn aim(&self, target: &HostPort) -> Result<Aim, String> {
        let spec = TcpSpec { port: target.port };
        Ok(Aim::at(&target.host, Ask::Tcp(spec)))
    }
}

/// How a question travels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Transport {
    #[default]
    Udp,
    Tcp,
}

table! {
    /// Questions to name servers.
    Dns: Dns, servers = NameServer,
    every seconds(10), within seconds(2),
    query: Option<DomainName> = None,
    r#type: Option<RecordType> = None,
    transport: Transport = Transport::Udp,
    expect: Vec<String> = Vec::new(),
    expect_codes: Codes = Codes::default(),
    cache_busting: bool = false,
    recursion: bool = true,
    dnssec: bool = false,
}

impl Dns {
    #[expect(clippy::unnecessary_wraps, reason = "as the other kinds")]
    fn aim(&self, target: &NameServer) -> Result<Aim, String> {
        // Without a name, what every resolver knows and nobody else has to be asked for.
        let (query, usual) = match &self.query {
            Some(query) => (Arc::clone(&query.0), "A"),
            None => (".".into(), "NS"),
        };
        let record = self.r#type.as_ref();
        let spec = DnsSpec {
            port: target.port,
            query,
            record: record.map_or_else(|| usual.into(), |record| Arc::clone(&record.0)),
            transport: match self.transport {
                Transport::Udp => DnsTransport::Udp,
                Transport::Tcp => DnsTransport::Tcp,
            },
            expect: self
                .expect
                .iter()
                .map(|text| text.as_str().into())
                .collect(),
            expect_codes: self.expect_codes.names(),
            cache_busting: self.cache_busting,
            recursion: self.recursion,
            dnssec: self.dnssec,
        };
        Ok(Aim::at(&target.host, Ask::Dns(spec)))
    }
}

table! {
    /// TLS handshakes.
    Tls: Tls, targets = TlsServer,
    every seconds(30), within seconds(5),
    server_name: Option<DomainName> = None,
    verify: bool = true,
    authorities: Option<String> = None,
}

impl Tls {
    #[expect(clippy::unnecessary_wraps, reason = "as the other kinds")]
    fn aim(&self, target: &TlsServer) -> Result<Aim, String> {
        let name = self.server_name.as_ref().map(|name| &name.0);
        let spec = TlsSpec {
            port: target.port,
            server_name: Arc::clone(name.unwrap_or(&target.host.name)),
            verify: self.verify,
            authorities: self.authorities.as_deref().map(Into::into),
        };
        Ok(Aim::at(&target.host, Ask::Tls(spec)))
    }
}

/// The version of HTTP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub(crate) enum Version {
    #[default]
    #[serde(rename = "any")]
    Any,
    #[serde(rename = "1.1")]
    One,
    #[serde(rename = "2")]
    Two,
}

table! {
    /// HTTP requests.
    Http: Http, targets = Url,
    every seconds(30), within seconds(10),
    method: String = "GET".into(),
    headers: BTreeMap<String, String> = BTreeMap::new(),
    body: Option<String> = None,
    version: Version = Version::Any,
    expect_status: Vec<u16> = Vec::new(),
    expect_body: Vec<String> = Vec::new(),
    refuse_body: Vec<String> = Vec::new(),
    expect_headers: BTreeMap<String, String> = BTreeMap::new(),
    redirects: Redirects = Redirects(10),
    body_bytes: BodyBytes = BodyBytes(1 << 20),
    server_name: Option<DomainName> = None,
    verify: bool = true,
    authorities: Option<String> = None,
}

impl Http {
    fn aim(&self, target: &Url) -> Result<Aim, String> {
        let names = |list: &[String]| list.iter().map(|text| text.as_str().into()).collect();
        let pairs = |map: &BTreeMap<String, String>| {
            let pair =
                |(name, value): (&String, &String)| (Name::from(&**name), Name::from(&**value));
            map.iter().map(pair).collect()
        };
        let mut spec = target.spec.clone();
        spec.method = self.method.as_str().into();
        spec.headers = pairs(&self.headers);
        spec.body = self.body.as_deref().map(Into::into);
        spec.version = match self.version {
            Version::Any => HttpVersion::Any,
            Version::One => HttpVersion::Http1,
            Version::Two => HttpVersion::Http2,
        };
        spec.expect_status.clone_from(&self.expect_status);
        spec.expect_body = names(&self.expect_body);
        spec.refuse_body = names(&self.refuse_body);
        spec.expect_headers = pairs(&self.expect_headers);
        spec.redirects = self.redirects.0;
        spec.most_bytes = self.body_bytes.0;
        if let Some(tls) = &mut spec.tls {
            if let Some(name) = &self.server_name {
                tls.server_name = Arc::clone(&name.0);
            }
            tls.verify = self.verify;
            tls.authorities = self.authorities.as_deref().map(Into::into);
        }
        spec.check().map_err(|error| error.to_string())?;
        Ok(Aim {
            host: Arc::clone(&target.host),
            zone: None,
            ask: Ask::Http(spec),
        })
    }
}

table! {
    /// The largest packet that gets through.
    Pmtu: Pmtu, targets = HostOnly,
    every seconds(300), within seconds(1),
    most: Option<PacketSize> = None,
}

impl Pmtu {
    #[expect(clippy::unnecessary_wraps, reason = "as the other kinds")]
    fn aim(&self, target: &HostOnly) -> Result<Aim, String> {
        let spec = PmtuSpec {
            most: self.most.map(|size| size.0),
        };
        Ok(Aim::at(&target.host, Ask::Pmtu(spec)))
    }
}

/// What a path probe sends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Protocol {
    #[default]
    Icmp,
    Udp,
    Tcp,
}

table! {
    /// The hops on the way.
    Path: Path, targets = HostOnly,
    every seconds(60), within seconds(1),
    protocol: Protocol = Protocol::Icmp,
    port: Port = Port(PathSpec::default().port),
    hops: Hops = Hops(PathSpec::default().most_hops),
    packets: PerHop = PerHop(PathSpec::default().packets),
}

impl Path {
    #[expect(clippy::unnecessary_wraps, reason = "as the other kinds")]
    fn aim(&self, target: &HostOnly) -> Result<Aim, String> {
        let spec = PathSpec {
            protocol: match self.protocol {
                Protocol::Icmp => PathProtocol::Icmp,
                Protocol::Udp => PathProtocol::Udp,
                Protocol::Tcp => PathProtocol::Tcp,
            },
            port: self.port.0,
            most_hops: self.hops.0,
            packets: self.packets.0,
        };
        Ok(Aim::at(&target.host, Ask::Path(spec)))
    }
}
