//! The tasks under way.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::task::AbortHandle;

use super::{Letter, Mailbox};
use crate::engine::{Order, Ticket};
use crate::errand::{self, Report, Task};
use crate::resolve::Resolver;

/// Tasks at the same time, each with a socket or two.
const MOST: usize = 512;

/// Tasks at the same time that ask the same address, whichever targets they belong to.
const MOST_AT_ONE_ADDRESS: usize = 16;

pub(super) struct Errands {
    runtime: Handle,
    mailbox: Mailbox,
    resolver: Arc<Resolver>,
    running: HashMap<Ticket, (IpAddr, AbortHandle)>,
    at: HashMap<IpAddr, usize>,
}

impl Errands {
    pub(super) fn new(runtime: Handle, mailbox: Mailbox, resolver: Arc<Resolver>) -> Self {
        Self {
            runtime,
            mailbox,
            resolver,
            running: HashMap::new(),
            at: HashMap::new(),
        }
    }

    /// Begins one; false if too many are under way.
    pub(super) fn begin(&mut self, order: &Order) -> bool {
        let at = self.at.entry(order.address).or_default();
        if self.running.len() >= MOST || *at >= MOST_AT_ONE_ADDRESS {
            return false;
        }
        *at += 1;
        let task = Task {
            request: Arc::clone(&order.request),
            address: order.address,
            nonce: order.nonce(),
            sequence: order.sequence(),
        };
        let mut sender = Sender {
            ticket: order.ticket,
            mailbox: self.mailbox.clone(),
            report: None,
        };
        let resolver = Arc::clone(&self.resolver);
        let running = self.runtime.spawn(async move {
            sender.keep(errand::run(task, &resolver).await);
        });
        let running = (order.address, running.abort_handle());
        self.running.insert(order.ticket, running);
        true
    }

    /// Takes in that one ended.
    pub(super) fn ended(&mut self, ticket: Ticket) {
        let Some((address, _)) = self.running.remove(&ticket) else {
            return;
        };
        if let Some(at) = self.at.get_mut(&address) {
            *at -= 1;
            if *at == 0 {
                self.at.remove(&address);
            }
        }
    }

    /// Ends those that nobody waits for. They say so when they have ended.
    pub(super) fn keep(&self, is_wanted: impl Fn(Ticket) -> bool) {
        for (ticket, (_, running)) in &self.running {
            if !is_wanted(*ticket) {
                running.abort();
            }
        }
    }
}

impl Drop for Errands {
    fn drop(&mut self) {
        self.keep(|_| false);
    }
}

/// Sends the report when the task ends, or says that there is none, if it was ended or panicked.
struct Sender {
    ticket: Ticket,
    mailbox: Mailbox,
    report: Option<Box<Report>>,
}

impl Sender {
    /// Takes the report. A method, since it must move into the task as a whole, to be dropped there.
    fn keep(&mut self, report: Report) {
        self.report = Some(Box::new(report));
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        let letter = Letter::Concluded(self.ticket, self.report.take());
        // Without a prober nobody wants to know.
        self.mailbox.put(letter);
    }
}
