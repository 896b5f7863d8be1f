//! Asks a name server one question. One probe is one question: nothing is asked twice, but over TCP
//! what was truncated over UDP.

mod exchange;
mod judge;
mod question;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::time::Duration;

use droplens_model::Moment;
use droplens_model::sample::probes::{FailureReason, Outcome, Phase, SendFailure};
use rustix::rand::{GetRandomFlags, getrandom};

use super::deadline::Deadline;
use super::{Ending, Report, Task, tcp};
use crate::random::Random;
use crate::spec::{DnsSpec, DnsTransport};
use crate::sys::clock::monotonic;
use exchange::Reply;
use question::Question;

/// Whether the question can be asked, and what is expected come at all. A text says what is wrong.
pub fn check(spec: &DnsSpec) -> Result<(), String> {
    let label = spec.cache_busting.then(|| label(u64::MAX));
    let question = Question::new(spec, 0, label.as_deref())?;
    judge::check(spec, &question)
}

pub(super) async fn run(task: &Task, spec: &DnsSpec) -> Report {
    let mut report = Report::new(monotonic());
    let label = spec.cache_busting.then(|| label(unguessable(task)));
    let [high, low, ..] = unguessable(task).to_be_bytes();
    let id = u16::from_be_bytes([high, low]);
    let question = match Question::new(spec, id, label.as_deref()) {
        Ok(question) => question,
        Err(text) => {
            report.ending = Ending::Ended(Outcome::SendError(SendFailure::Other));
            report.failure = Some((FailureReason::Other, text));
            return report;
        }
    };
    let ask = Ask {
        task,
        spec,
        deadline: Deadline::of(task),
        server: SocketAddr::new(task.address, spec.port),
        question,
    };
    match spec.transport {
        DnsTransport::Udp => ask.udp(&mut report).await,
        DnsTransport::Tcp => ask.tcp(&mut report, None).await,
    }
    report
}

struct Ask<'a> {
    task: &'a Task,
    spec: &'a DnsSpec,
    deadline: Deadline,
    server: SocketAddr,
    question: Question,
}

impl Ask<'_> {
    async fn udp(&self, report: &mut Report) {
        let (egress, question) = (self.task.egress(), &self.question);
        let asked = exchange::over_udp(egress, self.server, question, &self.deadline);
        let (sent, reply) = asked.await;
        report.sent = sent;
        if matches!(reply, Reply::Truncated) {
            report.truncated = true;
            let took = monotonic().since(sent);
            return self.tcp(report, Some(took)).await;
        }
        self.learn(report, reply, sent);
    }

    /// Asks over TCP; `before` is the time that the truncated answer took.
    async fn tcp(&self, report: &mut Report, before: Option<Duration>) {
        let connected = match tcp::open(self.task.egress(), self.server, &self.deadline).await {
            Ok(connected) => connected,
            Err(unopened) => {
                if before.is_none() {
                    report.sent = unopened.sent;
                }
                return unopened.note(report);
            }
        };
        if before.is_none() {
            report.sent = connected.sent;
        }
        connected.note(report);
        let opened = connected.opened;
        let (stream, question) = (&connected.stream, &self.question);
        let reply = exchange::over_tcp(stream, self.server, question, &self.deadline).await;
        tcp::close(connected.stream);
        // The time of the first answer belongs to the same step.
        let from = opened.0.saturating_sub(before.unwrap_or_default());
        self.learn(report, reply, Moment(from));
    }

    fn learn(&self, report: &mut Report, reply: Reply, from: Moment) {
        match reply {
            Reply::Answer { at, message, bytes } => {
                let (mut details, failure) =
                    judge::judge(self.spec, &self.question, &message, bytes);
                details.truncated = report.truncated;
                report.ending = Ending::Answered(at);
                report.phases.push((Phase::Resolve, at.since(from)));
                report.details.dns = Some(details);
                report.failure = failure;
            }
            Reply::Failed(trouble) => {
                report.ending = trouble.ending;
                report.failure = Some(trouble.failure);
            }
            // Asked again over TCP, where there is no such reply.
            Reply::Truncated => {}
        }
    }
}

/// 64 random bits: of the kernel, or, early in the boot, out of the task's nonce.
fn unguessable(task: &Task) -> u64 {
    let mut bytes = [0; 8];
    match getrandom(&mut bytes, GetRandomFlags::NONBLOCK) {
        Ok(8) => u64::from_ne_bytes(bytes),
        _ => Random::seeded(task.nonce ^ u64::from(task.sequence)).number(),
    }
}

/// A label that no cache knows.
fn label(number: u64) -> String {
    format!("droplens-{number:016x}")
}
