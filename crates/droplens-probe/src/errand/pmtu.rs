//! Searches for the largest packet that gets through, with echo requests that must not be cut.
//!
//! The kernel's memory of path MTUs is read before and then passed by (`IP_PMTUDISC_PROBE`), so that a
//! wrong one neither fools the search nor stays unnoticed.

mod search;

use std::io;
use std::time::Duration;

use droplens_model::sample::probes::{FailureReason, IcmpError, Outcome, PmtuDetails};
use droplens_model::{Family, Moment};

use super::line::{About, Heard, Line, Unsent, What};
use super::{Ending, Report, Task, icmp_words, not_sent};
use crate::spec::PmtuSpec;
use crate::sys::clock::monotonic;
use crate::sys::options::{self, Fragmentation};
use search::{Found, News, Search, Sizes};

/// The largest packet that there is, in bytes.
const LARGEST: u32 = 65_535;

/// A number that no packet of a search has.
const NO_PACKET: usize = 0xffff;

/// Time from one packet of a volley to the next.
const PACE: Duration = Duration::from_millis(20);

/// An answer is waited for at least this long beyond twice the round trip.
const MARGIN: Duration = Duration::from_millis(200);

pub(super) async fn run(task: &Task, spec: &PmtuSpec) -> Report {
    let begun = monotonic();
    let mut report = Report::new(begun);
    let mut errand = match Errand::new(task, spec, begun) {
        Ok(errand) => errand,
        Err(error) => {
            not_sent(&mut report, &error);
            return report;
        }
    };
    errand.go().await;
    errand.tell(&mut report);
    report
}

/// A search that is under way.
#[derive(Debug)]
struct Errand {
    line: Line,
    family: Family,
    search: Search,
    known: PmtuDetails,
    /// When each packet was sent.
    sent: Vec<Moment>,
    /// The first packet that was answered: sent and answered.
    reply: Option<(Moment, Moment)>,
    round_trip: Option<Duration>,
    timeout: Duration,
    deadline: Moment,
    /// Why nothing could be sent.
    unsent: Option<io::Error>,
    /// An ICMP error other than "too big", before anything was answered.
    refusal: Option<(std::net::IpAddr, IcmpError)>,
}

impl Errand {
    fn new(task: &Task, spec: &PmtuSpec, begun: Moment) -> io::Result<Self> {
        let family = Family::of(task.address);
        let wanted = spec.most.unwrap_or(LARGEST).min(LARGEST);
        let mut line = Line::echo(task, wanted)?;
        options::fragment(line.socket(), family, Fragmentation::Probing)?;
        let cached = options::path_mtu(line.socket(), family).ok();
        let device_mtu = device_mtu(&mut line, cached);
        let (small, base) = match family {
            Family::V4 => (64, 1_200),
            Family::V6 => (80, 1_280),
        };
        let most = device_mtu.unwrap_or(LARGEST).min(wanted);
        Ok(Self {
            line,
            family,
            search: Search::new(Sizes { small, base, most }),
            known: PmtuDetails {
                device_mtu,
                cached,
                ..PmtuDetails::default()
            },
            sent: Vec::new(),
            reply: None,
            round_trip: None,
            timeout: task.request.patience.timeout,
            deadline: begun + task.patience(),
            unsent: None,
            refusal: None,
        })
    }

    async fn go(&mut self) {
        while monotonic() < self.deadline {
            let volley = self.search.next();
            if volley.is_empty() {
                return;
            }
            for (number, size) in volley {
                self.send(number, size);
                if self.is_hopeless() {
                    return;
                }
                self.listen(monotonic() + PACE).await;
            }
            // What a volley took to be sent is no waiting.
            self.listen(monotonic() + self.wait()).await;
            if self.is_hopeless() {
                return;
            }
            if !self.search.is_settled() && monotonic() < self.deadline {
                self.search.waited();
            }
        }
    }

    fn send(&mut self, number: usize, size: u32) {
        self.sent.push(monotonic());
        match self.line.send(number, size, None) {
            Ok(()) => {}
            Err(Unsent::TooBig(mtu)) => {
                let news = News::TooBig { from: None, mtu };
                self.search.heard(number, news);
            }
            Err(Unsent::Failed(error)) => {
                self.search.not_sent(number);
                self.unsent = Some(error);
            }
        }
    }

    /// Listens until then, or until the volley is settled.
    async fn listen(&mut self, until: Moment) {
        let until = until.min(self.deadline);
        while !self.search.is_settled() && !self.is_hopeless() && monotonic() < until {
            for heard in self.line.hear(until).await {
                self.hear(heard);
            }
        }
    }

    fn hear(&mut self, heard: Heard) {
        let Heard {
            about: About::Packet(number),
            from,
            what,
            at,
        } = heard
        else {
            return;
        };
        match what {
            What::Reply => {
                if let Some(sent) = self.sent.get(number) {
                    let round_trip = at.since(*sent);
                    self.reply.get_or_insert((*sent, at));
                    self.round_trip = self.round_trip.max(Some(round_trip));
                }
                self.search.heard(number, News::Arrived);
            }
            What::Error { mtu, .. } if what.is_too_big(self.family) => {
                let from = Some(from);
                self.search.heard(number, News::TooBig { from, mtu });
            }
            What::Error { error, .. } => self.refusal = Some((from, error)),
        }
    }

    /// Whether nothing was answered and there is a reason why nothing will be.
    const fn is_hopeless(&self) -> bool {
        !self.search.has_answered() && (self.unsent.is_some() || self.refusal.is_some())
    }

    fn wait(&self) -> Duration {
        let wait = self.round_trip.map(|time| 2 * time + MARGIN);
        wait.map_or(self.timeout, |wait| wait.min(self.timeout))
    }

    fn tell(self, report: &mut Report) {
        if let Some((sent, answered)) = self.reply {
            report.sent = sent;
            report.ending = Ending::Answered(answered);
        }
        let found = self.search.found();
        match found {
            Found::Nothing => self.tell_nothing(report),
            Found::Open { bytes, below } => {
                let message = format!(
                    "the search did not end in time: packets of {bytes} bytes arrive, whether those of {} \
                     do is not known",
                    below.saturating_sub(1)
                );
                report.failure = Some((FailureReason::Timeout, message));
            }
            Found::Largest { bytes, blackhole } => {
                let (reported_by, reported) = self.search.reported();
                report.details.pmtu = Some(PmtuDetails {
                    bytes: Some(bytes),
                    blackhole,
                    reported_by,
                    reported,
                    ..self.known
                });
                if blackhole {
                    let message = format!(
                        "packets of more than {bytes} bytes vanish, and no router says that they are too \
                         big"
                    );
                    report.failure = Some((FailureReason::PmtuBlackhole, message));
                }
            }
        }
    }

    fn tell_nothing(&self, report: &mut Report) {
        if self.search.has_answered() {
            report.ending = Ending::Silent;
            let message = "it stopped answering while the search went on".to_owned();
            report.failure = Some((FailureReason::Timeout, message));
        } else if let Some((from, error)) = self.refusal {
            report.ending = Ending::Ended(Outcome::IcmpError(error));
            let message = format!("{from} says: {}", icmp_words(self.family, error));
            report.failure = Some((FailureReason::Unreachable, message));
        } else if let Some(error) = &self.unsent {
            not_sent(report, error);
        }
    }
}

/// The MTU of the device, which the kernel tells when it refuses a packet that is larger. Only on devices
/// that take the largest packets there are, one is sent; its answer is nobody's.
fn device_mtu(line: &mut Line, cached: Option<u32>) -> Option<u32> {
    if let Some(mtu) = cached.filter(|mtu| *mtu >= LARGEST) {
        return Some(mtu);
    }
    match line.send(NO_PACKET, LARGEST, None) {
        Err(Unsent::TooBig(mtu)) => mtu,
        _ => None,
    }
}
