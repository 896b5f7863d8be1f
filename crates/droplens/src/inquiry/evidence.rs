//! What came back.

use std::net::IpAddr;
use std::time::Duration;

use droplens_model::sample::probes::{
    Address, Details, FailureReason, LossRatio, Outcome, PathDetails, Phase, PmtuDetails,
};
use droplens_probe::errand::{Ending, Report};
use droplens_probe::series::Echoes;
use serde::Serialize;

/// What the name stands for.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct NameEvidence {
    /// The name, or the address.
    pub(crate) host: String,
    /// Whether it is an address, so that there was nothing to resolve.
    pub(crate) is_address: bool,
    /// The names that it is an alias of, one after the other.
    pub(crate) aliases: Vec<String>,
    /// Its addresses, those that were not asked too.
    pub(crate) addresses: Vec<IpAddr>,
    /// For how long they are valid, between 5 and 600 s.
    pub(crate) valid_for_seconds: Option<f64>,
    /// Why the addresses of one family are not known.
    pub(crate) missing: Option<String>,
    /// Why it has no address that can be asked.
    pub(crate) error: Option<NameError>,
    /// How long it took.
    pub(crate) seconds: f64,
}

/// Why a name has no address that can be asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct NameError {
    /// Whether this host could not even ask.
    pub(crate) not_asked: bool,
    /// In words.
    pub(crate) message: String,
}

/// What one address answered. What was not asked is none.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Host {
    /// The address.
    pub(crate) address: IpAddr,
    /// How packets leave for it.
    pub(crate) way: Way,
    /// Echo requests.
    pub(crate) echo: Option<Echo>,
    /// Why no echo request could be sent.
    pub(crate) echo_missing: Option<String>,
    /// The connection.
    pub(crate) tcp: Option<Reply>,
    /// The handshake.
    pub(crate) tls: Option<Reply>,
    /// The request.
    pub(crate) http: Option<Reply>,
    /// The question to a name server: over UDP, and over TCP what was truncated.
    pub(crate) dns: Option<Reply>,
    /// The same over TCP alone, asked when nothing came over UDP.
    pub(crate) dns_tcp: Option<Reply>,
    /// The path MTU.
    pub(crate) pmtu: Option<Reply>,
    /// The path.
    pub(crate) path: Option<Reply>,
}

/// Whether this host can send to an address at all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub(crate) enum Way {
    /// It has a route.
    Known {
        /// The own address that packets bear.
        source: IpAddr,
    },
    /// The routing table has no way there.
    NoRoute {
        /// What the kernel says.
        message: String,
    },
    /// The source address or the device cannot be used.
    Unusable {
        /// What the kernel says.
        message: String,
    },
}

/// What became of echo requests.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Echo {
    /// Lost out of those that could tell.
    pub(crate) loss: LossRatio,
    /// The bounds of the loss ratio with 95 % confidence.
    pub(crate) loss_interval: (f64, f64),
    /// The shortest round trip.
    pub(crate) minimum_seconds: Option<f64>,
    /// The median.
    pub(crate) median_seconds: Option<f64>,
    /// The 95th percentile.
    pub(crate) p95_seconds: Option<f64>,
    /// The longest.
    pub(crate) maximum_seconds: Option<f64>,
    /// Each round trip, in send order.
    pub(crate) round_trip_seconds: Vec<f64>,
    /// All that was counted.
    pub(crate) counted: Address,
}

/// What became of a probe.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Reply {
    /// How long the whole took, if it was answered.
    pub(crate) seconds: Option<f64>,
    /// The error that ended it instead of an answer.
    pub(crate) ended: Option<Outcome>,
    /// Why it failed.
    pub(crate) failure: Option<Fault>,
    /// How long each step took.
    pub(crate) steps: Vec<Step>,
    /// What it found out.
    pub(crate) details: Details,
}

/// Why a probe failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Fault {
    /// Why.
    pub(crate) reason: FailureReason,
    /// In words.
    pub(crate) message: String,
}

/// How long a step took.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Step {
    /// Which.
    pub(crate) phase: Phase,
    /// How long.
    pub(crate) seconds: f64,
}

impl Host {
    /// An address that nothing was asked yet.
    pub(crate) const fn new(address: IpAddr, way: Way) -> Self {
        Self {
            address,
            way,
            echo: None,
            echo_missing: None,
            tcp: None,
            tls: None,
            http: None,
            dns: None,
            dns_tcp: None,
            pmtu: None,
            path: None,
        }
    }

    /// What the application said: to a request, or a name server to a question.
    pub(crate) fn application(&self) -> Option<&Reply> {
        let over_tcp = self.dns_tcp.as_ref().filter(|reply| reply.is_answered());
        self.http.as_ref().or(over_tcp).or(self.dns.as_ref())
    }

    /// Whether a service of it said anything, if only no.
    pub(crate) fn serves(&self) -> bool {
        let replies = [&self.tcp, &self.dns, &self.dns_tcp];
        let mut replies = replies.into_iter().flatten();
        replies.any(Reply::is_answered)
    }

    /// The path MTU, as far as it is known.
    pub(crate) fn pmtu(&self) -> Option<&PmtuDetails> {
        self.pmtu.as_ref()?.details.pmtu.as_ref()
    }

    /// The path, as far as it is known.
    pub(crate) fn path(&self) -> Option<&PathDetails> {
        self.path.as_ref()?.details.path.as_ref()
    }
}

impl Reply {
    /// Of what an errand came back with.
    pub(crate) fn of(report: Report) -> Self {
        let Report {
            sent,
            ending,
            failure,
            phases,
            details,
            syn_retransmits: _,
            truncated: _,
        } = report;
        let (seconds, ended) = match ending {
            Ending::Answered(at) => (Some(at.since(sent).as_secs_f64()), None),
            Ending::Silent => (None, None),
            Ending::Ended(outcome) => (None, Some(outcome)),
        };
        let failure = failure.map(|(reason, message)| Fault { reason, message });
        let silence = || Fault {
            reason: FailureReason::Timeout,
            message: "no answer".to_owned(),
        };
        let failure = failure.or_else(|| seconds.is_none().then(silence));
        let steps = phases.into_iter().map(|(phase, took)| Step {
            phase,
            seconds: took.as_secs_f64(),
        });
        Self {
            seconds,
            ended,
            failure,
            steps: steps.collect(),
            details,
        }
    }

    /// Whether the other side said anything, if only no.
    pub(crate) const fn is_answered(&self) -> bool {
        self.seconds.is_some()
    }

    /// Whether it got what it asked for.
    pub(crate) const fn is_fine(&self) -> bool {
        self.failure.is_none()
    }
}

impl Echo {
    /// Of what came back.
    pub(crate) fn of(echoes: Echoes) -> Self {
        let Echoes {
            counted,
            round_trips,
        } = echoes;
        let mut sorted = round_trips.clone();
        sorted.sort_unstable();
        let loss = counted.loss();
        Self {
            loss,
            loss_interval: loss.interval(),
            minimum_seconds: seconds(sorted.first()),
            median_seconds: seconds(quantile(&sorted, 50)),
            p95_seconds: seconds(quantile(&sorted, 95)),
            maximum_seconds: seconds(sorted.last()),
            round_trip_seconds: round_trips.iter().map(Duration::as_secs_f64).collect(),
            counted,
        }
    }

    /// Whether any was answered.
    pub(crate) const fn is_answered(&self) -> bool {
        self.loss.of > self.loss.lost
    }
}

fn seconds(time: Option<&Duration>) -> Option<f64> {
    time.map(Duration::as_secs_f64)
}

/// The smallest of the times that so many per cent do not exceed (nearest rank).
fn quantile(sorted: &[Duration], percent: usize) -> Option<&Duration> {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1)
}
