//! One errand of a prober in a namespace, without the engine around it.

use std::net::{IpAddr, SocketAddr};

use droplens_probe::errand::{self, Report, Task};
use droplens_probe::flight::Patience;
use droplens_probe::resolve::Resolver;
use droplens_probe::spec::Ask;
use rustix::thread::{CapabilitySet, CapabilitySets, set_capabilities};

use crate::asking::{self, run, with, within};
use crate::lab::Namespace;

/// Asks a target once, without any capability: as a user would that is not root.
///
/// # Panics
///
/// As [`ask`] does.
pub fn ask_unprivileged(namespace: &Namespace, target: &str, ask: Ask, nonce: u64) -> Report {
    let task = task(target, ask, nonce);
    within(namespace, async {
        // Capabilities belong to threads, and this one ends here.
        let dropped = CapabilitySets {
            effective: CapabilitySet::empty(),
            permitted: CapabilitySet::empty(),
            inheritable: CapabilitySet::empty(),
        };
        set_capabilities(None, dropped).expect("dropping capabilities");
        errand::run(task, &Resolver::system()).await
    })
}

/// Asks a target once. The nonce tells which flow the packets are of.
///
/// # Panics
///
/// When the target is no address, or the runtime cannot be made.
pub fn ask(namespace: &Namespace, target: &str, ask: Ask, nonce: u64) -> Report {
    run(namespace, task(target, ask, nonce))
}

fn task(target: &str, ask: Ask, nonce: u64) -> Task {
    let address: IpAddr = target.parse().expect("an address");
    let task = asking::task(SocketAddr::new(address, 0), ask);
    let patient = with(task, |request| request.patience = Patience::default());
    Task { nonce, ..patient }
}
