//! Targets that others know: lists in the formats of Prometheus, looked up again and again. If that
//! fails, the last list is kept.

mod dns;
mod file;
mod group;
mod http;

use std::collections::BTreeMap;
use std::fmt;

use droplens_metrics::own;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use tokio::runtime::Handle;
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::AbortHandle;

use super::director::Command;
use crate::config::{Discovery, DnsDiscovery, FileDiscovery, HttpDiscovery};

pub(super) use group::Group;

/// Where targets are discovered.
#[derive(Clone, Debug, PartialEq)]
enum Place {
    File(FileDiscovery),
    Http(Box<HttpDiscovery>),
    Dns(DnsDiscovery),
}

impl Place {
    /// The probe that the targets join.
    fn probe(&self) -> &str {
        match self {
            Self::File(place) => place.probe.get_ref(),
            Self::Http(place) => place.probe.get_ref(),
            Self::Dns(place) => place.probe.get_ref(),
        }
    }

    const fn kind(&self) -> &'static str {
        match self {
            Self::File(_) => "file",
            Self::Http(_) => "http",
            Self::Dns(_) => "dns",
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(place) => {
                let files: Vec<String> = place.files.iter().map(ToString::to_string).collect();
                f.write_str(&files.join(", "))
            }
            Self::Http(place) => f.write_str(&place.url.spec.url),
            Self::Dns(place) => {
                let names: Vec<&str> = place.names.iter().map(|name| &*name.0).collect();
                f.write_str(&names.join(", "))
            }
        }
    }
}

/// What a scout found: the whole list, or part of it where only a part can be told, and what failed.
#[derive(Debug)]
pub(super) struct Finding {
    scout: u64,
    groups: Option<Vec<Group>>,
    failure: Option<String>,
}

/// Tells the director what was found.
#[derive(Debug)]
struct Reporter {
    scout: u64,
    commands: UnboundedSender<Command>,
}

impl Reporter {
    /// False if nobody wants to know any more.
    fn tell(&self, groups: Option<Vec<Group>>, failure: Option<String>) -> bool {
        let finding = Finding {
            scout: self.scout,
            groups,
            failure,
        };
        self.commands.send(Command::Discovered(finding)).is_ok()
    }

    fn found(&self, found: Result<Vec<Group>, String>) -> bool {
        match found {
            Ok(groups) => self.tell(Some(groups), None),
            Err(why) => self.tell(None, Some(why)),
        }
    }
}

type Labels = [(&'static str, String); 2];

/// How discovery does.
#[derive(Clone, Debug, Default)]
pub(crate) struct Instruments {
    up: Family<Labels, Gauge>,
    targets: Family<Labels, Gauge>,
}

impl Instruments {
    /// Puts them into the registry.
    pub(crate) fn register(&self, registry: &mut Registry) {
        own::register(registry, &own::DISCOVERY_UP, self.up.clone());
        own::register(registry, &own::DISCOVERY_TARGETS, self.targets.clone());
    }
}

/// Looks at one place.
#[derive(Debug)]
struct Scout {
    id: u64,
    place: Place,
    task: AbortHandle,
    groups: Vec<Group>,
    failure: Option<String>,
    /// Whether it has come back at all.
    returned: bool,
}

impl Drop for Scout {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// All who look.
#[derive(Debug)]
pub(super) struct Scouts {
    runtime: Handle,
    instruments: Instruments,
    all: Vec<Scout>,
    next: u64,
}

impl Scouts {
    pub(super) fn new(runtime: Handle, instruments: Instruments) -> Self {
        Self {
            runtime,
            instruments,
            all: Vec::new(),
            next: 0,
        }
    }

    /// Takes in where to look. Who looks at a place that stays goes on, with what was found there.
    pub(super) fn apply(&mut self, discovery: &Discovery, commands: &UnboundedSender<Command>) {
        let files = discovery.file.iter().cloned().map(Place::File);
        let http = discovery
            .http
            .iter()
            .cloned()
            .map(|place| Place::Http(Box::new(place)));
        let dns = discovery.dns.iter().cloned().map(Place::Dns);
        let shown = self.summary();
        let mut before = std::mem::take(&mut self.all);
        for place in files.chain(http).chain(dns) {
            let kept = before.iter().position(|scout| scout.place == place);
            let scout = match kept {
                Some(kept) => before.swap_remove(kept),
                None => self.send_out(place, commands),
            };
            self.all.push(scout);
        }
        // Series of places that are gone must not stay.
        if self.summary().keys().ne(shown.keys()) {
            self.instruments.up.clear();
            self.instruments.targets.clear();
        }
        self.publish();
    }

    fn send_out(&mut self, place: Place, commands: &UnboundedSender<Command>) -> Scout {
        self.next += 1;
        let reporter = Reporter {
            scout: self.next,
            commands: commands.clone(),
        };
        let task = match place.clone() {
            Place::File(place) => self.runtime.spawn(file::follow(place, reporter)),
            Place::Http(place) => self.runtime.spawn(http::follow(*place, reporter)),
            Place::Dns(place) => self.runtime.spawn(dns::follow(place, reporter)),
        };
        Scout {
            id: self.next,
            place,
            task: task.abort_handle(),
            groups: Vec::new(),
            failure: None,
            returned: false,
        }
    }

    /// Takes in what was found. A failure is told once.
    pub(super) fn learn(&mut self, finding: Finding) {
        let Some(scout) = self.all.iter_mut().find(|scout| scout.id == finding.scout) else {
            return;
        };
        scout.returned = true;
        if let Some(groups) = finding.groups {
            scout.groups = groups;
        }
        let (kind, place) = (scout.place.kind(), &scout.place);
        match &finding.failure {
            Some(why) if scout.failure.as_ref() != Some(why) => {
                tracing::warn!("discovery ({kind} {place}) failed, the last list is kept: {why}");
            }
            None if scout.failure.is_some() => {
                tracing::info!("discovery ({kind} {place}) works again");
            }
            _ => {}
        }
        scout.failure = finding.failure;
        self.publish();
    }

    /// What was found, with the name of the probe that it joins.
    pub(super) fn found(&self) -> impl Iterator<Item = (&str, &[Group])> {
        self.all
            .iter()
            .map(|scout| (scout.place.probe(), scout.groups.as_slice()))
    }

    /// Says how it goes. Several places of one kind for one probe are told together.
    fn publish(&self) {
        for (labels, (up, targets)) in self.summary() {
            let number = i64::try_from(targets).unwrap_or(i64::MAX);
            self.instruments.targets.get_or_create(&labels).set(number);
            self.instruments
                .up
                .get_or_create(&labels)
                .set(i64::from(up));
        }
    }

    fn summary(&self) -> BTreeMap<Labels, (bool, usize)> {
        let mut all = BTreeMap::new();
        for scout in &self.all {
            let probe = scout.place.probe().to_owned();
            let labels = [("probe", probe), ("source", scout.place.kind().to_owned())];
            let (up, targets) = all.entry(labels).or_insert((true, 0));
            *up &= scout.returned && scout.failure.is_none();
            *targets += scout
                .groups
                .iter()
                .map(|group| group.targets.len())
                .sum::<usize>();
        }
        all
    }
}
