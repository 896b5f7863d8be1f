//! Hosts with an agent each, at the other end of a network for monitoring.

use std::cell::Cell;

use crate::agent::{Agent, Options};
use crate::lab::{Namespace, veth};

/// The device of each host that Prometheus reaches it by.
pub const DEVICE: &str = "monitoring";

/// Joins hosts to the namespace where Prometheus is.
#[derive(Debug)]
pub struct Hosts<'n> {
    centre: &'n Namespace,
    count: Cell<u8>,
}

/// Networks 10.9.N of hosts begin here, beyond those of the lab.
const FIRST: u8 = 101;

impl<'n> Hosts<'n> {
    /// None yet.
    pub const fn around(centre: &'n Namespace) -> Self {
        Self {
            centre,
            count: Cell::new(0),
        }
    }

    /// Joins a host and tells the address, with port, that an agent on it is to have.
    pub fn join(&self, host: &Namespace) -> String {
        let number = self.count.get();
        self.count.set(number + 1);
        let net = FIRST + number;
        veth(self.centre, &format!("m{number}"), host, DEVICE, net);
        format!("10.9.{net}.2:13767")
    }

    /// How many have joined.
    pub fn count(&self) -> usize {
        usize::from(self.count.get())
    }
}

/// Starts the agent of a host, which shows each device on its own, with these probes.
pub fn agent<'h>(host: &'h Namespace, address: &str, probes: &str) -> Agent<'h> {
    Options::new()
        .config(&format!("[devices]\nfold_kinds = []\n{probes}"))
        .argument("--log-level=warn")
        .address(address)
        .start(host)
}
