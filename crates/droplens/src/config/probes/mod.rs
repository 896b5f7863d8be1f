//! What is probed: `[probes]` for all, `[[probe.KIND]]` for each, and `[discovery]` for targets that
//! come and go.

mod check;
mod discovery;
mod places;
mod plan;
mod tables;
#[cfg(test)]
mod tests;
mod values;
mod words;

pub(super) use places::{DomainName, HostOnly, HostPort, NameServer, TlsServer, Url};
pub(super) use values::{Payload, Slow, Timeout};
pub(super) use words::{Codes, RecordType};

use serde::Deserialize;

pub(crate) use discovery::{
    Discovery, DnsDiscovery, FileDiscovery, FilePattern, HttpDiscovery, Lookup,
};
pub(crate) use plan::{Planned, Template, unasked};

use super::values::Positive;
use tables::{Dns, Http, Icmp, Path, Pmtu, Table, Tcp, Tls};

pub(super) use check::check;

/// Targets that are probed at most, configured and discovered ones together.
pub(crate) const MOST_TARGETS: usize = 10_000;

/// What holds for all probes.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Probes {
    pub(crate) defaults: bool,
    pub(crate) packets_per_second: Positive,
    pub(crate) bytes_per_second: Positive,
}

impl Default for Probes {
    fn default() -> Self {
        let budget = droplens_probe::schedule::Budget::default();
        Self {
            defaults: true,
            packets_per_second: Positive(budget.packets),
            bytes_per_second: Positive(budget.bytes),
        }
    }
}

/// The probes of each kind.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Probe {
    icmp: Vec<Icmp>,
    tcp: Vec<Tcp>,
    dns: Vec<Dns>,
    tls: Vec<Tls>,
    http: Vec<Http>,
    pmtu: Vec<Pmtu>,
    path: Vec<Path>,
}

impl Probe {
    /// All tables, by kind.
    pub(crate) fn templates(&self) -> Vec<&dyn Template> {
        fn add<'a, T: Table>(all: &mut Vec<&'a dyn Template>, tables: &'a [T]) {
            all.extend(tables.iter().map(|table| table as &dyn Template));
        }
        let mut all = Vec::new();
        add(&mut all, &self.icmp);
        add(&mut all, &self.tcp);
        add(&mut all, &self.dns);
        add(&mut all, &self.tls);
        add(&mut all, &self.http);
        add(&mut all, &self.pmtu);
        add(&mut all, &self.path);
        all
    }
}
