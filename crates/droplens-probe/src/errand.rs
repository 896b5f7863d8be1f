//! Probes that are more than one packet out and one in: each is a task that asks once and comes back
//! with a report. What the report means for the outcome is the engine's to say.

mod connection;
mod deadline;
mod dns;
mod http;
mod meter;
mod path;
mod pmtu;
mod tcp;
mod tls;
mod trouble;

use std::net::IpAddr;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use droplens_model::sample::probes::{Details, FailureReason, Outcome, Phase};
use droplens_model::{Family, Moment};

use crate::resolve::Resolver;
use crate::spec::{Ask, Egress};
use crate::targets::TargetWish;

pub use dns::check as check_dns;

/// What is to be done.
#[derive(Clone, Debug)]
pub struct Task {
    /// The target, and how it is to be probed.
    pub wish: Arc<TargetWish>,
    /// Where to.
    pub address: IpAddr,
    /// A number that nobody can guess.
    pub nonce: u64,
    /// The probe's number.
    pub sequence: u32,
}

impl Task {
    /// From where.
    pub fn egress(&self) -> &Egress {
        &self.wish.egress
    }

    /// How long an answer is waited for: an errand ends after this time at the latest.
    pub fn patience(&self) -> Duration {
        self.wish.patience.whole()
    }
}

/// What became of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// When the first packet was handed to the kernel (`CLOCK_MONOTONIC`).
    pub sent: Moment,
    /// How it ended.
    pub ending: Ending,
    /// Why it failed, if it did, with a sentence for people. An answered probe can fail.
    pub failure: Option<(FailureReason, String)>,
    /// How long each step took, as far as it got.
    pub phases: Vec<(Phase, Duration)>,
    /// What it found out.
    pub details: Details,
    /// SYN segments that were sent again.
    pub syn_retransmits: u32,
    /// Whether a DNS answer was truncated.
    pub truncated: bool,
}

/// How an errand ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The answer was complete at this time: what was asked for, or a refusal. In time or late is the
    /// engine's to say.
    Answered(Moment),
    /// Nothing came, or not all of it, for as long as it was waited for.
    Silent,
    /// It could not be sent, or an ICMP error came back.
    Ended(Outcome),
}

impl Report {
    /// Of an errand that begins now.
    pub fn new(sent: Moment) -> Self {
        Self {
            sent,
            ending: Ending::Silent,
            failure: None,
            phases: Vec::new(),
            details: Details::default(),
            syn_retransmits: 0,
            truncated: false,
        }
    }

    /// Adds to the time that a step took; with redirects a step can come more than once.
    fn spend(&mut self, phase: Phase, time: Duration) {
        match self.phases.iter_mut().find(|(known, _)| *known == phase) {
            Some((_, spent)) => *spent += time,
            None => self.phases.push((phase, time)),
        }
    }
}

/// Resolves the names that servers redirect to.
static RESOLVER: LazyLock<Resolver> = LazyLock::new(Resolver::system);

/// Runs an errand to its end. It needs a tokio runtime with time and I/O; dropping the future closes
/// its sockets. Echo requests are no errands: they have their own sockets.
pub async fn run(task: Task) -> Report {
    run_with(task, &RESOLVER).await
}

/// Runs an errand to its end, where hosts that servers redirect to are resolved by this resolver
/// instead of as this host does.
pub async fn run_with(task: Task, resolver: &Resolver) -> Report {
    match &task.wish.ask {
        Ask::Icmp(_) => Report::new(crate::sys::clock::monotonic()),
        Ask::Tcp(spec) => tcp::run(&task, spec).await,
        Ask::Dns(spec) => dns::run(&task, spec).await,
        // Boxed, since they need much more room than the others.
        Ask::Tls(spec) => Box::pin(tls::run(&task, spec)).await,
        Ask::Http(spec) => Box::pin(http::run(&task, spec, resolver)).await,
        Ask::Pmtu(spec) => pmtu::run(&task, spec).await,
        Ask::Path(spec) => path::run(&task, spec).await,
    }
}

fn family(address: IpAddr) -> Family {
    match address {
        IpAddr::V4(_) => Family::V4,
        IpAddr::V6(_) => Family::V6,
    }
}
