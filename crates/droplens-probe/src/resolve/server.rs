//! One name server, asked for both kinds of addresses of one name.

use std::collections::HashSet;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use droplens_model::Family;
use hickory_proto::op::ResponseCode;
use hickory_proto::rr::{Name, RData, Record, RecordType};
use hickory_resolver::TokioResolver;
use hickory_resolver::config::{NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError, NoRecords};

use super::error::ResolveError;
use super::{Found, LONGEST, MOST_ADDRESSES, PARTIAL_VALID, SHORTEST};

/// What a server says of a name.
pub(super) enum Verdict {
    /// Addresses.
    Found(Found),
    /// There are none.
    Negative(ResolveError),
    /// It cannot tell; another one may.
    Failed(ResolveError),
}

/// A name server.
pub(super) struct Server {
    address: SocketAddr,
    resolver: TokioResolver,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Server").field(&self.address).finish()
    }
}

impl Server {
    /// A server that is given this long to answer.
    pub(super) fn new(
        address: SocketAddr,
        patience: Duration,
        edns: bool,
    ) -> Result<Self, ResolveError> {
        let mut config = NameServerConfig::udp_and_tcp(address.ip());
        for connection in &mut config.connections {
            connection.port = address.port();
        }
        let mut options = ResolverOpts::default();
        options.timeout = patience;
        options.attempts = 0;
        options.edns0 = edns;
        // What the next lookup finds must be what is true then.
        options.cache_size = 0;
        options.use_hosts_file = ResolveHosts::Never;
        let config = ResolverConfig::from_name_servers(vec![config]);
        let provider = TokioRuntimeProvider::default();
        let resolver = TokioResolver::builder_with_config(config, provider)
            .with_options(options)
            .build()
            .map_err(|error| ResolveError::Settings(format!("name server {address}: {error}")))?;
        Ok(Self { address, resolver })
    }

    /// Asks for the addresses of both families at once. `host` is what errors call the name.
    pub(super) async fn ask(&self, host: &str, name: &Name) -> Verdict {
        let (v4, v6) = tokio::join!(
            self.question(host, name, RecordType::A),
            self.question(host, name, RecordType::AAAA),
        );
        match (v4, v6) {
            (Answer::Records(mut v4), Answer::Records(v6)) => {
                v4.extend(v6);
                found(host, name, &v4, None)
            }
            (Answer::Records(records), Answer::Failed(why)) => {
                found(host, name, &records, Some((Family::V6, why)))
            }
            (Answer::Failed(why), Answer::Records(records)) => {
                found(host, name, &records, Some((Family::V4, why)))
            }
            (Answer::Records(records), _) | (_, Answer::Records(records)) => {
                found(host, name, &records, None)
            }
            // Without the other family's answer nobody can say that there is no address.
            (Answer::Failed(why), _) | (_, Answer::Failed(why)) => Verdict::Failed(why),
            (Answer::NoName, Answer::NoName) => {
                Verdict::Negative(ResolveError::NoSuchName { host: host.into() })
            }
            (Answer::Empty | Answer::NoName, Answer::Empty | Answer::NoName) => {
                Verdict::Negative(ResolveError::NoAddress { host: host.into() })
            }
        }
    }

    async fn question(&self, host: &str, name: &Name, kind: RecordType) -> Answer {
        let answer = self.resolver.lookup(name.clone(), kind).await;
        match answer {
            Ok(lookup) => Answer::Records(lookup.answers().to_vec()),
            Err(NetError::Dns(DnsError::NoRecordsFound(NoRecords { response_code, .. }))) => {
                match response_code {
                    ResponseCode::NXDomain => Answer::NoName,
                    _ => Answer::Empty,
                }
            }
            Err(error) => Answer::Failed(self.failure(host, &error)),
        }
    }

    fn failure(&self, host: &str, error: &NetError) -> ResolveError {
        let (host, server) = (host.to_owned(), self.address);
        match error {
            NetError::Timeout => ResolveError::NoAnswer {
                host,
                servers: vec![server],
            },
            NetError::Dns(DnsError::ResponseCode(code)) => ResolveError::Code {
                host,
                server,
                code: crate::records::code_name(*code),
            },
            NetError::Io(error) => ResolveError::NotAsked {
                host,
                server,
                why: error.to_string(),
            },
            // The library keeps the error of the socket to itself.
            NetError::NoConnections => ResolveError::NotAsked {
                host,
                server,
                why: "it cannot be reached from here".into(),
            },
            NetError::Busy => ResolveError::NotAsked {
                host,
                server,
                why: "too many questions are waiting".into(),
            },
            _ => ResolveError::Malformed {
                host,
                server,
                why: error.to_string(),
            },
        }
    }
}

/// The answer to one question.
enum Answer {
    /// Records, among them aliases.
    Records(Vec<Record>),
    /// The name has none of this type.
    Empty,
    /// There is no such name.
    NoName,
    /// No answer that says either.
    Failed(ResolveError),
}

fn found(
    host: &str,
    name: &Name,
    records: &[Record],
    missing: Option<(Family, ResolveError)>,
) -> Verdict {
    let used = |record: &&Record| record.data.ip_addr().is_some() || as_alias(record).is_some();
    let shortest = records.iter().filter(used).map(|record| record.ttl).min();
    let mut valid_for = Duration::from_secs(u64::from(shortest.unwrap_or_default()));
    if missing.is_some() {
        valid_for = valid_for.min(PARTIAL_VALID);
    }
    let addresses = records.iter().filter_map(|record| record.data.ip_addr());
    let addresses = once_each(addresses);
    if addresses.is_empty() {
        return match missing {
            Some((_, why)) => Verdict::Failed(why),
            None => Verdict::Negative(ResolveError::NoAddress { host: host.into() }),
        };
    }
    Verdict::Found(Found {
        addresses,
        valid_for: valid_for.clamp(SHORTEST, LONGEST),
        aliases: crate::records::aliases(name, records),
        missing,
    })
}

fn as_alias(record: &Record) -> Option<&Name> {
    match &record.data {
        RData::CNAME(target) => Some(target),
        _ => None,
    }
}

/// Each address once, in the order of their first appearance.
pub(super) fn once_each(addresses: impl Iterator<Item = IpAddr>) -> Vec<IpAddr> {
    let mut seen = HashSet::new();
    addresses
        .filter(|address| seen.insert(*address))
        .take(MOST_ADDRESSES)
        .collect()
}
