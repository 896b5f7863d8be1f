//! Probes that are more than one packet out and one in: each is a task that asks once and comes back
//! with a report. What the report means for the outcome is the engine's to say.

mod connection;
mod deadline;
mod dns;
mod echo;
mod http;
mod line;
mod meter;
mod path;
mod pmtu;
mod tcp;
mod tls;
mod trouble;

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use droplens_model::sample::probes::{Details, FailureReason, IcmpError, Outcome, Phase};
use droplens_model::{Family, Moment};

use crate::resolve::Resolver;
use crate::spec::{Ask, Egress, Request};
use crate::sys::failure::send_failure;

pub use deadline::Deadline;
pub use dns::check as check_dns;
pub use echo::{Echoed, echo};

/// What is to be done.
#[derive(Clone, Debug)]
pub struct Task {
    /// What is asked.
    pub request: Arc<Request>,
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
        &self.request.egress
    }

    /// How long an answer is waited for: an errand ends after this time at the latest.
    pub fn patience(&self) -> Duration {
        self.request.patience.whole()
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

/// Runs an errand to its end; hosts that servers redirect to are found by the resolver. It needs a
/// tokio runtime with time and I/O; dropping the future closes its sockets. An echo request gets a
/// socket of its own here; those of the prober share one.
pub async fn run(task: Task, resolver: &Resolver) -> Report {
    match &task.request.ask {
        Ask::Icmp(spec) => echo(&task, spec).await.report,
        Ask::Tcp(spec) => tcp::run(&task, spec).await,
        Ask::Dns(spec) => dns::run(&task, spec).await,
        // Boxed, since they need much more room than the others.
        Ask::Tls(spec) => Box::pin(tls::run(&task, spec)).await,
        Ask::Http(spec) => Box::pin(http::run(&task, spec, resolver)).await,
        Ask::Pmtu(spec) => pmtu::run(&task, spec).await,
        Ask::Path(spec) => path::run(&task, spec).await,
    }
}

/// Says that nothing could be sent, and why.
fn not_sent(report: &mut Report, error: &io::Error) {
    let outcome = Outcome::SendError(send_failure(error));
    report.ending = Ending::Ended(outcome);
    report.failure = FailureReason::of_outcome(outcome).map(|reason| (reason, error.to_string()));
}

/// What an ICMP error says, in words (RFC 792, RFC 1812, RFC 4443).
fn icmp_words(family: Family, error: IcmpError) -> String {
    let IcmpError { kind, code } = error;
    let words = match (family, kind, code) {
        (Family::V4, 3, 0 | 6 | 11) => "network unreachable",
        (Family::V4, 3, 1 | 7 | 12) => "host unreachable",
        (Family::V4, 3, 2) => "protocol unreachable",
        (Family::V4, 3, 3) | (Family::V6, 1, 4) => "port unreachable",
        (Family::V4, 3, 4) | (Family::V6, 2, _) => "packet too big",
        (Family::V4, 3, 9 | 10 | 13) | (Family::V6, 1, 1 | 5) => {
            "communication administratively prohibited"
        }
        (Family::V6, 1, 0) => "no route to destination",
        (Family::V6, 1, 3) => "address unreachable",
        (Family::V6, 1, 6) => "rejected by a route",
        (Family::V4, 11, _) | (Family::V6, 3, _) => "time to live exceeded",
        _ => return format!("ICMP type {kind}, code {code}"),
    };
    format!("{words} (type {kind}, code {code})")
}
