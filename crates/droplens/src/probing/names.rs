//! Keeps the addresses of names up to date: one task for each name, however many targets have it.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use droplens_model::{Family, Moment, Name};
use droplens_probe::prober::Prober;
use droplens_probe::resolve::{Found, Refresh, ResolveError, Resolver};
use droplens_probe::targets::TargetKey;
use tokio::runtime::Handle;
use tokio::task::AbortHandle;

use crate::config::Planned;
use crate::sampler::now;

/// Who is told about addresses.
pub(super) trait Listener: Send + Sync + 'static {
    /// The target's name has these addresses.
    fn resolved(&self, key: &TargetKey, addresses: &[IpAddr]);

    /// The target's name does not resolve; its addresses stay.
    fn unresolved(&self, key: &TargetKey);
}

impl Listener for Arc<std::sync::OnceLock<Prober>> {
    fn resolved(&self, key: &TargetKey, addresses: &[IpAddr]) {
        if let Some(prober) = self.get() {
            prober.resolved(key, addresses);
        }
    }

    fn unresolved(&self, key: &TargetKey) {
        if let Some(prober) = self.get() {
            prober.unresolved(key);
        }
    }
}

/// The targets of one name, each with the only family that it wants, if any.
type Wanted = BTreeMap<TargetKey, Option<Family>>;

/// Resolves the names of targets.
pub(super) struct Names {
    runtime: Handle,
    resolver: Arc<Resolver>,
    listener: Arc<dyn Listener>,
    hosts: HashMap<Name, Entry>,
}

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Names")
            .field("hosts", &self.hosts.len())
            .finish_non_exhaustive()
    }
}

struct Entry {
    host: Arc<Mutex<Host>>,
    task: AbortHandle,
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What is known of a name.
#[derive(Debug, Default)]
struct Host {
    wanted: Wanted,
    addresses: Vec<IpAddr>,
    /// Whether the newest lookup found addresses; none before the first one.
    resolves: Option<bool>,
}

impl Names {
    pub(super) fn new(runtime: Handle, resolver: Arc<Resolver>, listener: impl Listener) -> Self {
        Self {
            runtime,
            resolver,
            listener: Arc::new(listener),
            hosts: HashMap::new(),
        }
    }

    /// Takes in which targets there are. Addresses that are known are told at once; those given as an
    /// address need no name.
    pub(super) fn apply(&mut self, targets: &[Planned]) {
        let mut wanted: HashMap<Name, Wanted> = HashMap::new();
        for Planned { wish, family } in targets {
            if wish.host.parse::<IpAddr>().is_err() {
                let of_host = wanted.entry(Arc::clone(&wish.host)).or_default();
                of_host.insert(wish.key.clone(), *family);
            }
        }
        self.hosts.retain(|host, _| wanted.contains_key(host));
        for (name, wanted) in wanted {
            if let Some(entry) = self.hosts.get(&name) {
                let mut host = lock(&entry.host);
                host.wanted = wanted;
                host.tell(&*self.listener);
                continue;
            }
            let host = Arc::new(Mutex::new(Host {
                wanted,
                ..Host::default()
            }));
            let task = keep_up_to_date(
                Arc::clone(&name),
                Arc::clone(&host),
                Arc::clone(&self.resolver),
                Arc::clone(&self.listener),
            );
            let task = self.runtime.spawn(task).abort_handle();
            self.hosts.insert(name, Entry { host, task });
        }
    }
}

async fn keep_up_to_date(
    name: Name,
    host: Arc<Mutex<Host>>,
    resolver: Arc<Resolver>,
    listener: Arc<dyn Listener>,
) {
    let mut refresh = Refresh::new(now());
    loop {
        let found = resolver.lookup(&name).await;
        let at = now();
        plan_next(&mut refresh, at, &found);
        {
            let mut host = lock(&host);
            if let Some(news) = host.learn(found) {
                match news {
                    News::Lost(why) => tracing::warn!(
                        "{why}; targets of that name are unresolved, addresses it had are probed on"
                    ),
                    News::Found => tracing::info!(%name, "resolves again"),
                }
            }
            host.tell(&*listener);
        }
        tokio::time::sleep(refresh.next().since(at)).await;
    }
}

fn plan_next(refresh: &mut Refresh, at: Moment, found: &Result<Found, ResolveError>) {
    match found {
        Ok(found) => refresh.found(at, found.valid_for),
        Err(_) => {
            refresh.failed(at);
        }
    }
}

/// What is worth a line in the log.
#[derive(Debug, PartialEq, Eq)]
enum News {
    Lost(String),
    Found,
}

impl Host {
    /// Takes in what a lookup found.
    fn learn(&mut self, found: Result<Found, ResolveError>) -> Option<News> {
        match found {
            Ok(found) => {
                let mut addresses = found.addresses;
                // Of the family that nobody could tell about, what was known is no worse than before.
                if let Some((family, _)) = found.missing {
                    let kept = self.addresses.iter().copied();
                    addresses.extend(kept.filter(|address| family_of(*address) == family));
                }
                self.addresses = addresses;
                let before = self.resolves.replace(true);
                (before == Some(false)).then_some(News::Found)
            }
            Err(error) => {
                let before = self.resolves.replace(false);
                (before != Some(false)).then(|| News::Lost(error.to_string()))
            }
        }
    }

    /// Tells all targets of the name.
    fn tell(&self, listener: &dyn Listener) {
        let Some(resolves) = self.resolves else {
            return;
        };
        for (key, family) in &self.wanted {
            let fits = |address: &IpAddr| family.is_none_or(|only| family_of(*address) == only);
            let fitting: Vec<IpAddr> = self.addresses.iter().copied().filter(fits).collect();
            if !fitting.is_empty() {
                listener.resolved(key, &fitting);
            }
            if fitting.is_empty() || !resolves {
                listener.unresolved(key);
            }
        }
    }
}

const fn family_of(address: IpAddr) -> Family {
    match address {
        IpAddr::V4(_) => Family::V4,
        IpAddr::V6(_) => Family::V6,
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[derive(Clone, Debug, Default)]
    struct Ear(Arc<Mutex<Vec<String>>>);

    impl Listener for Ear {
        fn resolved(&self, key: &TargetKey, addresses: &[IpAddr]) {
            let line = format!("{} = {addresses:?}", key.target);
            lock(&self.0).push(line);
        }

        fn unresolved(&self, key: &TargetKey) {
            lock(&self.0).push(format!("{} unresolved", key.target));
        }
    }

    #[expect(clippy::unnecessary_wraps, reason = "as the resolver answers")]
    fn found(addresses: &[&str], missing: Option<Family>) -> Result<Found, ResolveError> {
        let no_answer = ResolveError::NoAnswer {
            host: "a".into(),
            servers: Vec::new(),
        };
        Ok(Found {
            addresses: addresses
                .iter()
                .map(|address| address.parse().unwrap())
                .collect(),
            valid_for: Duration::from_secs(60),
            aliases: Vec::new(),
            missing: missing.map(|family| (family, no_answer)),
        })
    }

    fn gone() -> Result<Found, ResolveError> {
        Err(ResolveError::NoSuchName { host: "a".into() })
    }

    fn host(families: &[(&str, Option<Family>)]) -> Host {
        let key = |target: &str| TargetKey {
            probe: "icmp".into(),
            target: target.into(),
        };
        let wanted = families
            .iter()
            .map(|(target, family)| (key(target), *family));
        Host {
            wanted: wanted.collect(),
            ..Host::default()
        }
    }

    fn told(host: &Host) -> Vec<String> {
        let ear = Ear::default();
        host.tell(&ear);
        std::mem::take(&mut lock(&ear.0))
    }

    #[test]
    fn a_name_that_stops_resolving_keeps_its_addresses_and_is_told_of_once() {
        let mut host = host(&[("a", None)]);
        assert!(told(&host).is_empty());
        assert_eq!(host.learn(found(&["192.0.2.1"], None)), None);
        assert_eq!(told(&host), ["a = [192.0.2.1]"]);
        assert!(matches!(host.learn(gone()), Some(News::Lost(_))));
        assert_eq!(host.learn(gone()), None);
        assert_eq!(told(&host), ["a = [192.0.2.1]", "a unresolved"]);
        assert_eq!(host.learn(found(&["192.0.2.2"], None)), Some(News::Found));
        assert_eq!(told(&host), ["a = [192.0.2.2]"]);
    }

    #[test]
    fn a_target_gets_the_addresses_of_its_family_only() {
        let mut host = host(&[
            ("4", Some(Family::V4)),
            ("6", Some(Family::V6)),
            ("any", None),
        ]);
        host.learn(found(&["192.0.2.1", "192.0.2.2"], None));
        assert_eq!(
            told(&host),
            [
                "4 = [192.0.2.1, 192.0.2.2]",
                "6 unresolved",
                "any = [192.0.2.1, 192.0.2.2]"
            ]
        );
    }

    #[test]
    fn a_family_without_an_answer_keeps_what_was_known() {
        let mut host = host(&[("a", None)]);
        host.learn(found(&["192.0.2.1", "fd00::1"], None));
        host.learn(found(&["192.0.2.2"], Some(Family::V6)));
        assert_eq!(told(&host), ["a = [192.0.2.2, fd00::1]"]);
        host.learn(found(&["192.0.2.2"], None));
        assert_eq!(told(&host), ["a = [192.0.2.2]"]);
    }
}
