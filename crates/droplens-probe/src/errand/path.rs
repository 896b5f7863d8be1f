//! Sends a round of packets with rising time to live. All of them are of one flow (Paris traceroute), the
//! same in all rounds, so that routers that share load send them the same way.

mod round;

use std::io;
use std::time::Duration;

use droplens_model::sample::probes::{FailureReason, Outcome};
use droplens_model::{Family, Moment, Name};

use super::line::{About, Heard, Line, TcpLine, Unsent, What};
use super::{Ending, Report, Task, icmp_words, not_sent};
use crate::spec::{PathProtocol, PathSpec};
use crate::sys::clock::monotonic;
use round::{Answer, Plan, Round, Step};

/// Time from one packet to the next: routers often send no more than a few ICMP errors at once.
const PACE: Duration = Duration::from_millis(20);

/// Packets that are under way at once.
const WINDOW: usize = 64;

/// An attempt to connect is given up before the kernel would send its SYN again, after 1 s.
const ATTEMPT: Duration = Duration::from_millis(900);

pub(super) async fn run(task: &Task, spec: &PathSpec) -> Report {
    let begun = monotonic();
    let mut report = Report::new(begun);
    let mut line = match Way::open(task, spec) {
        Ok(line) => line,
        Err(error) => {
            not_sent(&mut report, &error);
            return report;
        }
    };
    let mut round = Round::new(plan(task, spec));
    let unsent = go(&mut line, &mut round, begun + task.patience()).await;
    tell(task, spec, &round, unsent, &mut report);
    report
}

fn plan(task: &Task, spec: &PathSpec) -> Plan {
    let timeout = task.request.patience.timeout;
    let (wait, window) = match spec.protocol {
        PathProtocol::Icmp | PathProtocol::Udp => (timeout, WINDOW),
        PathProtocol::Tcp => (timeout.min(ATTEMPT), 1),
    };
    Plan {
        target: task.address,
        most_hops: spec.most_hops,
        packets: usize::from(spec.packets),
        pace: PACE,
        wait,
        window,
    }
}

/// Runs the round to its end, or to the deadline, and returns why a packet could not be sent.
async fn go(line: &mut Way, round: &mut Round, deadline: Moment) -> Option<io::Error> {
    let mut unsent = None;
    loop {
        let now = monotonic();
        let until = match round.next(now) {
            _ if now >= deadline => return unsent,
            Step::Done => return unsent,
            Step::Wait(until) => until,
            Step::Send { number, ttl } => {
                if let Err(error) = line.send(number, ttl) {
                    round.not_sent(number);
                    unsent = Some(error);
                }
                continue;
            }
        };
        for heard in line.hear(until.min(deadline)).await {
            let Heard {
                about,
                from,
                what,
                at,
            } = heard;
            let answer = match what {
                What::Reply => Answer::Reply,
                What::Error { error, .. } => Answer::Error(error),
            };
            match about {
                About::Packet(number) => round.heard(number, from, answer, at),
                About::Unclear => round.heard_something(from, answer, at),
            }
        }
    }
}

fn tell(
    task: &Task,
    spec: &PathSpec,
    round: &Round,
    unsent: Option<io::Error>,
    report: &mut Report,
) {
    let nothing = round.last_answer().is_none();
    if let Some(error) = unsent.filter(|_| nothing) {
        not_sent(report, &error);
        return;
    }
    report.details.path = Some(round.details(name(spec.protocol)));
    if let Some((sent, answered)) = round.reply() {
        report.sent = sent;
        report.ending = Ending::Answered(answered);
    } else if let Some(refusal) = round.refusal() {
        report.ending = Ending::Ended(Outcome::IcmpError(refusal.error));
        let words = icmp_words(Family::of(task.address), refusal.error);
        let message = format!("hop {} ({}) says: {words}", refusal.ttl, refusal.from);
        report.failure = Some((FailureReason::Unreachable, message));
    } else {
        report.ending = Ending::Silent;
        let message = match round.last_answer() {
            Some((ttl, from)) => format!("nothing answers behind hop {ttl} ({from})"),
            None => "no hop answers".to_owned(),
        };
        report.failure = Some((FailureReason::PathIncomplete, message));
    }
}

fn name(protocol: PathProtocol) -> Name {
    Name::from(match protocol {
        PathProtocol::Icmp => "icmp",
        PathProtocol::Udp => "udp",
        PathProtocol::Tcp => "tcp",
    })
}

/// What packets go over.
enum Way {
    Line(Line),
    Tcp(TcpLine),
}

impl Way {
    fn open(task: &Task, spec: &PathSpec) -> io::Result<Self> {
        Ok(match spec.protocol {
            PathProtocol::Icmp => Self::Line(Line::echo(task, 0)?),
            PathProtocol::Udp => Self::Line(Line::udp(task, spec.port)?),
            PathProtocol::Tcp => Self::Tcp(TcpLine::new(task, spec.port)),
        })
    }

    fn send(&mut self, number: usize, ttl: u8) -> io::Result<()> {
        match self {
            Self::Line(line) => line
                .send(number, 0, Some(ttl))
                .map_err(|unsent| match unsent {
                    Unsent::TooBig(_) => io::Error::from(rustix::io::Errno::MSGSIZE),
                    Unsent::Failed(error) => error,
                }),
            Self::Tcp(line) => line.send(number, ttl),
        }
    }

    async fn hear(&mut self, until: Moment) -> Vec<Heard> {
        match self {
            Self::Line(line) => line.hear(until).await,
            Self::Tcp(line) => line.hear(until).await,
        }
    }
}
