//! `[modules]`: what `/probe` may be asked to do, with the options of `blackbox_exporter`, whose
//! configuration can be written down here table by table.

mod allowed;
mod options;
mod query;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use toml::Spanned;

pub(crate) use allowed::Allowed;
pub(crate) use options::Family;
pub(crate) use query::Query;

use super::mistake::Conflict;
use super::probes::Timeout;
use options::{Dns, Http, Icmp, Tcp};

/// What a module waits if it does not say how long.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The modules, by name.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(transparent)]
pub(crate) struct Modules(BTreeMap<String, Spanned<Module>>);

/// What a module asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Prober {
    Icmp,
    Tcp,
    Dns,
    Http,
}

/// A module.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Module {
    prober: Prober,
    timeout: Option<Timeout>,
    #[serde(default)]
    icmp: Icmp,
    #[serde(default)]
    tcp: Tcp,
    #[serde(default)]
    dns: Dns,
    #[serde(default)]
    http: Http,
}

impl Modules {
    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The names.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// A module.
    pub(crate) fn get(&self, name: &str) -> Option<&Module> {
        self.0.get(name).map(Spanned::get_ref)
    }

    /// Whether one of them sends echo requests.
    pub(crate) fn send_echoes(&self) -> bool {
        let mut modules = self.0.values();
        modules.any(|module| module.get_ref().prober == Prober::Icmp)
    }
}

impl Module {
    /// How long a probe may take if nobody is in a greater hurry.
    pub(crate) fn timeout(&self) -> Duration {
        self.timeout.map_or(TIMEOUT, |timeout| timeout.0)
    }
}

/// Finds the first module that cannot work, whatever the target.
pub(super) fn check(modules: &Modules, text: &str) -> Result<(), Box<Conflict>> {
    for (name, module) in &modules.0 {
        if let Err(why) = module.get_ref().check() {
            let why = format!("module {name:?}: {why}");
            return Err(Conflict::new(text, module.span(), why).into());
        }
    }
    Ok(())
}
