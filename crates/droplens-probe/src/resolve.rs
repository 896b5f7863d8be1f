//! Names to addresses, as this host resolves them: `/etc/hosts`, then the name servers of
//! `/etc/resolv.conf` in their order.
//!
//! One question, asked again only when [`Refresh`] says so: answers are not kept here, so that a name
//! that comes back is found at once, whatever its zone says about how long its absence holds.

mod error;
mod refresh;
mod server;
mod settings;
#[cfg(test)]
mod tests;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use droplens_model::Family;
use hickory_proto::rr::Name;
use tokio::sync::{Mutex, Semaphore};
use tokio::time::timeout;

pub use error::ResolveError;
pub use refresh::Refresh;
use server::Verdict;
use settings::{Loaded, Origin, Settings};

/// Addresses stay valid for this long at least: names are asked for no more often.
pub const SHORTEST: Duration = Duration::from_secs(5);
/// Addresses stay valid for this long at most.
pub const LONGEST: Duration = Duration::from_secs(600);
/// For how long an entry of `/etc/hosts` is taken for valid: looking again costs no packet.
const HOSTS_VALID: Duration = Duration::from_secs(30);
/// How soon to ask again when one family's question got no answer.
const PARTIAL_VALID: Duration = Duration::from_secs(30);
/// The whole of a lookup ends after this time.
const WHOLE: Duration = Duration::from_secs(10);
/// Lookups that go on at a time; more wait for their turn.
const MOST_AT_ONCE: usize = 32;
/// Addresses of one name that are kept.
const MOST_ADDRESSES: usize = 256;

/// What a name stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its addresses, IPv4 first, in the order of the answer, each once. Never empty.
    pub addresses: Vec<IpAddr>,
    /// For how long they are valid: the shortest time to live on the way there, within
    /// [`SHORTEST`] and [`LONGEST`].
    pub valid_for: Duration,
    /// The names that the name is an alias of, one after the other (`CNAME`).
    pub aliases: Vec<String>,
    /// The family whose question got no answer, and why: addresses of that family that were known
    /// before are no worse than they were.
    pub missing: Option<(Family, ResolveError)>,
}

impl Found {
    fn fixed(addresses: Vec<IpAddr>, valid_for: Duration) -> Self {
        Self {
            addresses,
            valid_for,
            aliases: Vec::new(),
            missing: None,
        }
    }
}

/// Resolves names.
#[derive(Debug)]
pub struct Resolver {
    origin: Arc<Origin>,
    loaded: Mutex<Option<Arc<Loaded>>>,
    turns: Semaphore,
}

impl Resolver {
    /// As this host does. Nothing is read before the first lookup; when the files change, they are
    /// read again.
    pub fn system() -> Self {
        Self::of_files("/etc/resolv.conf".into(), "/etc/hosts".into())
    }

    /// As a host with these two files would.
    pub fn of_files(resolv_conf: PathBuf, hosts: PathBuf) -> Self {
        Self::new(Origin::Files { resolv_conf, hosts })
    }

    /// With these name servers only, in this order.
    pub fn of_servers(servers: Vec<SocketAddr>) -> Self {
        Self::new(Origin::Servers(servers))
    }

    fn new(origin: Origin) -> Self {
        Self {
            origin: Arc::new(origin),
            loaded: Mutex::new(None),
            turns: Semaphore::new(MOST_AT_ONCE),
        }
    }

    /// The addresses of a host: a name, or an address, which stands for itself at once. It needs a
    /// tokio runtime with time and I/O and ends after 10 s at the latest, not counting the wait for
    /// its turn when many are looked up at a time.
    pub async fn lookup(&self, host: &str) -> Result<Found, ResolveError> {
        if let Some(address) = literal(host) {
            return Ok(Found::fixed(vec![address], LONGEST));
        }
        let name = parse(host)?;
        // Never closed, so always granted.
        let _turn = self.turns.acquire().await;
        timeout(WHOLE, self.find(host, &name))
            .await
            .unwrap_or_else(|_| {
                Err(ResolveError::TooSlow {
                    host: host.into(),
                    after: WHOLE,
                })
            })
    }

    async fn find(&self, host: &str, name: &Name) -> Result<Found, ResolveError> {
        let loaded = self.load().await?;
        let settings = &loaded.settings;
        let listed = settings.listed(name);
        if !listed.is_empty() {
            return Ok(Found::fixed(listed, HOSTS_VALID));
        }
        if name.is_localhost() {
            // Never asked of a server (RFC 6761, section 6.3).
            let both = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
            return Ok(Found::fixed(both.into(), LONGEST));
        }
        ask(settings, host, name).await
    }

    /// The settings as the files have them now.
    async fn load(&self) -> Result<Arc<Loaded>, ResolveError> {
        let mut held = self.loaded.lock().await;
        let before = held.clone();
        let origin = Arc::clone(&self.origin);
        // Files can hang, on a network file system.
        let now = tokio::task::spawn_blocking(move || Loaded::renew(before, &origin)).await;
        let now = now.map_err(|error| ResolveError::Settings(error.to_string()))??;
        *held = Some(Arc::clone(&now));
        Ok(now)
    }
}

/// Asks for the name with each suffix of the search list, as the C library does.
async fn ask(settings: &Settings, host: &str, name: &Name) -> Result<Found, ResolveError> {
    let mut worst = None;
    for candidate in settings.candidates(name) {
        match ask_in_turn(settings, host, &candidate).await {
            Ok(found) => return Ok(found),
            // A server that does not answer will not answer for the next suffix either.
            Err(error @ ResolveError::NoAnswer { .. }) => return Err(error),
            Err(error) => worst = Some(error.or_rather(worst)),
        }
    }
    Err(worst.unwrap_or_else(|| ResolveError::NoSuchName { host: host.into() }))
}

/// Asks one server after the other until one can tell.
async fn ask_in_turn(settings: &Settings, host: &str, name: &Name) -> Result<Found, ResolveError> {
    let mut first = None;
    let mut silent = Vec::new();
    for server in &settings.servers {
        match server.ask(host, name).await {
            Verdict::Found(found) => return Ok(found),
            Verdict::Negative(error) => return Err(error),
            Verdict::Failed(ResolveError::NoAnswer { mut servers, .. }) => {
                silent.append(&mut servers);
            }
            Verdict::Failed(error) => {
                first.get_or_insert(error);
            }
        }
    }
    // What a server says of itself tells more than the silence of another.
    Err(first.unwrap_or_else(|| ResolveError::NoAnswer {
        host: host.into(),
        servers: silent,
    }))
}

/// An address, perhaps in brackets as in a URL.
fn literal(host: &str) -> Option<IpAddr> {
    let bare = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    bare.unwrap_or(host).parse().ok()
}

fn parse(host: &str) -> Result<Name, ResolveError> {
    let bad = |why: &str| ResolveError::BadName {
        host: host.into(),
        why: why.into(),
    };
    if host.is_empty() {
        return Err(bad("it is empty"));
    }
    if host.contains('%') {
        return Err(bad(
            "an address with a zone is not understood; give the address alone, and the device as `interface`",
        ));
    }
    if host.contains(':') {
        return Err(bad("neither a name nor an IPv6 address"));
    }
    let name = Name::from_str_relaxed(host).map_err(|error| bad(&error.to_string()))?;
    if name.is_root() {
        return Err(bad("the root is no host"));
    }
    Ok(name)
}
