//! Which servers are asked, and what `/etc/hosts` says.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use hickory_proto::op::Query;
use hickory_proto::rr::{Name, RecordType};
use hickory_resolver::Hosts;
use hickory_resolver::system_conf::parse_resolv_conf;

use super::error::ResolveError;
use super::server::Server;

/// Bytes of `resolv.conf` that are read.
const MOST_RESOLV_CONF: u64 = 64 * 1024;
/// Bytes of `hosts` that are read: lists of advertisers' names have some megabytes.
const MOST_HOSTS: u64 = 16 * 1024 * 1024;
/// Name servers that are asked; the C library asks no more.
const MOST_SERVERS: usize = 3;
/// Suffixes that are tried.
const MOST_SUFFIXES: usize = 6;
/// How long one server is given to answer: within these, what `resolv.conf` says.
const PATIENCE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(3));

/// Where the settings are from.
#[derive(Debug)]
pub(super) enum Origin {
    /// Files, looked at before each lookup.
    Files {
        /// `resolv.conf`.
        resolv_conf: PathBuf,
        /// `hosts`.
        hosts: PathBuf,
    },
    /// Given.
    Servers(Vec<SocketAddr>),
}

/// Settings, and the state of the files that they were read from.
#[derive(Debug)]
pub(super) struct Loaded {
    stamps: [Option<Stamp>; 2],
    pub(super) settings: Settings,
}

/// What tells whether a file was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
}

impl Stamp {
    fn of(path: &Path) -> Option<Self> {
        let data = std::fs::metadata(path).ok()?;
        Some(Self {
            device: data.dev(),
            inode: data.ino(),
            size: data.len(),
            modified: (data.mtime(), data.mtime_nsec()),
        })
    }
}

impl Loaded {
    /// What is there now: the former, unless a file changed.
    pub(super) fn renew(
        before: Option<Arc<Self>>,
        origin: &Origin,
    ) -> Result<Arc<Self>, ResolveError> {
        // Before reading: a change in between is noticed the next time.
        let stamps = match origin {
            Origin::Files { resolv_conf, hosts } => [Stamp::of(resolv_conf), Stamp::of(hosts)],
            Origin::Servers(_) => [None, None],
        };
        if let Some(before) = before.filter(|before| before.stamps == stamps) {
            return Ok(before);
        }
        let settings = match origin {
            Origin::Files { resolv_conf, hosts } => Settings::read(resolv_conf, hosts),
            Origin::Servers(servers) => Settings::given(servers),
        }?;
        Ok(Arc::new(Self { stamps, settings }))
    }
}

/// How names are resolved.
pub(super) struct Settings {
    pub(super) servers: Vec<Server>,
    search: Vec<Name>,
    ndots: usize,
    hosts: Hosts,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("servers", &self.servers)
            .field("search", &self.search)
            .finish_non_exhaustive()
    }
}

impl Settings {
    fn given(servers: &[SocketAddr]) -> Result<Self, ResolveError> {
        Ok(Self {
            servers: all(servers.iter().copied(), PATIENCE.0, true)?,
            search: Vec::new(),
            ndots: 1,
            hosts: Hosts::default(),
        })
    }

    fn read(resolv_conf: &Path, hosts: &Path) -> Result<Self, ResolveError> {
        let mut text = read(resolv_conf, MOST_RESOLV_CONF);
        // Without a server the C library asks one on this host, and so does this.
        let parsed = parse_resolv_conf(&text).or_else(|_| {
            text.extend_from_slice(b"\nnameserver 127.0.0.1\n");
            parse_resolv_conf(&text)
        });
        let (config, options) = parsed.map_err(|error| {
            ResolveError::Settings(format!("{}: {error}", resolv_conf.display()))
        })?;
        let servers = config.name_servers().iter();
        let servers = servers.map(|server| SocketAddr::new(server.ip, 53));
        let domain = config.domain().cloned();
        let search = match config.search() {
            [] => domain.into_iter().collect(),
            search => search.iter().take(MOST_SUFFIXES).cloned().collect(),
        };
        let mut listed = Hosts::default();
        if let Err(error) = listed.read_hosts_conf(read(hosts, MOST_HOSTS).as_slice()) {
            tracing::warn!(file = %hosts.display(), %error, "not all of the host names were read");
        }
        Ok(Self {
            servers: all(
                servers,
                options.timeout.clamp(PATIENCE.0, PATIENCE.1),
                options.edns0,
            )?,
            search,
            ndots: options.ndots,
            hosts: listed,
        })
    }

    /// What `/etc/hosts` says of a name, IPv4 first.
    pub(super) fn listed(&self, name: &Name) -> Vec<IpAddr> {
        let types = [RecordType::A, RecordType::AAAA].into_iter();
        let lookups = types.filter_map(|kind| {
            self.hosts
                .lookup_static_host(&Query::query(name.to_lowercase(), kind))
        });
        let addresses: Vec<Vec<IpAddr>> = lookups
            .map(|lookup| {
                let answers = lookup.answers().iter();
                answers.filter_map(|record| record.data.ip_addr()).collect()
            })
            .collect();
        super::server::once_each(addresses.into_iter().flatten())
    }

    /// The full names that a name may stand for, in the order in which they are tried.
    pub(super) fn candidates(&self, name: &Name) -> Vec<Name> {
        let mut full = name.clone();
        full.set_fqdn(true);
        if name.is_fqdn() {
            return vec![full];
        }
        let longer = self.search.iter().filter_map(|suffix| {
            let mut longer = name.clone().append_domain(suffix).ok()?;
            longer.set_fqdn(true);
            Some(longer)
        });
        let dots = usize::from(name.num_labels()).saturating_sub(1);
        let mut candidates: Vec<Name> = longer.collect();
        // A name with dots enough is tried as it is first, others last.
        let place = if dots >= self.ndots {
            0
        } else {
            candidates.len()
        };
        candidates.insert(place, full);
        candidates
    }
}

fn all(
    addresses: impl Iterator<Item = SocketAddr>,
    patience: Duration,
    edns: bool,
) -> Result<Vec<Server>, ResolveError> {
    addresses
        .take(MOST_SERVERS)
        .map(|address| Server::new(address, patience, edns))
        .collect()
}

/// The beginning of a file; nothing if it cannot be read.
fn read(path: &Path, most: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(most).read_to_end(&mut bytes));
    match read {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            tracing::warn!(file = %path.display(), %error, "cannot be read");
        }
        Ok(length) if u64::try_from(length).is_ok_and(|length| length >= most) => {
            tracing::warn!(file = %path.display(), most, "only the beginning is read");
        }
        _ => {}
    }
    bytes
}
