//! How a probe ends: once, and in one way.

use serde::{Deserialize, Serialize};

use super::LossRatio;
use crate::Cause;
use crate::serial::words;

words! {
    /// The outcome without its detail, as the metric label has it.
    OutcomeKind {
        /// Answered in time.
        Ok "ok",
        /// Answered after the timeout, while it was still waited for.
        Late "late",
        /// Never answered.
        Lost "lost",
        /// The kernel did not take the packet.
        SendError "send_error",
        /// An ICMP error came instead of an answer.
        IcmpError "icmp_error",
        /// This host provably dropped the packet.
        LocalDrop "local_drop",
        /// The prober was not running, so nothing can be said.
        Aborted "aborted",
    }
}

words! {
    /// Why the kernel did not take a packet.
    SendFailure {
        /// A firewall rule on output, or no permission (`EPERM`, `EACCES`).
        NotPermitted "not_permitted",
        /// No memory or a full queue (`ENOBUFS`, `ENOMEM`, `EAGAIN`).
        NoBuffers "no_buffers",
        /// Larger than the known MTU of the path (`EMSGSIZE`).
        TooBig "too_big",
        /// No route, or the neighbour does not answer (`ENETUNREACH`, `EHOSTUNREACH`).
        Unreachable "unreachable",
        /// The own address or device is gone (`EADDRNOTAVAIL`, `ENETDOWN`, `ENODEV`).
        NoDevice "no_device",
        /// Any other error.
        Other "other",
    }
}

/// Type and code of an ICMP error. The family of the probe tells which ICMP it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct IcmpError {
    /// The type, such as 3 (destination unreachable) in ICMP.
    #[serde(rename = "type")]
    pub kind: u8,
    /// The code within the type.
    pub code: u8,
}

/// How a probe ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Answered in time.
    Ok,
    /// Answered after the timeout, while it was still waited for.
    Late,
    /// Never answered.
    Lost,
    /// The kernel did not take the packet.
    SendError(SendFailure),
    /// An ICMP error came instead of an answer.
    IcmpError(IcmpError),
    /// This host provably dropped the packet, for this cause if it is known.
    LocalDrop(Option<Cause>),
    /// The prober was not running, so nothing can be said.
    Aborted,
}

impl Outcome {
    /// The outcome without its detail.
    pub const fn kind(self) -> OutcomeKind {
        match self {
            Self::Ok => OutcomeKind::Ok,
            Self::Late => OutcomeKind::Late,
            Self::Lost => OutcomeKind::Lost,
            Self::SendError(_) => OutcomeKind::SendError,
            Self::IcmpError(_) => OutcomeKind::IcmpError,
            Self::LocalDrop(_) => OutcomeKind::LocalDrop,
            Self::Aborted => OutcomeKind::Aborted,
        }
    }

    /// Whether the packet was lost: true or false, or none if the outcome cannot tell, because
    /// the packet was not sent or nobody listened for its answer.
    pub const fn is_loss(self) -> Option<bool> {
        match self {
            Self::Ok | Self::Late => Some(false),
            Self::Lost | Self::IcmpError(_) | Self::LocalDrop(_) => Some(true),
            Self::SendError(_) | Self::Aborted => None,
        }
    }
}

/// Probes that ended, by outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Outcomes {
    /// Answered in time.
    pub ok: u64,
    /// Answered after the timeout.
    pub late: u64,
    /// Never answered.
    pub lost: u64,
    /// Not taken by the kernel.
    pub send_error: u64,
    /// Answered by an ICMP error.
    pub icmp_error: u64,
    /// Dropped on this host.
    pub local_drop: u64,
    /// The prober was not running.
    pub aborted: u64,
}

impl Outcomes {
    /// Counts one more.
    pub const fn add(&mut self, kind: OutcomeKind) {
        let counter = match kind {
            OutcomeKind::Ok => &mut self.ok,
            OutcomeKind::Late => &mut self.late,
            OutcomeKind::Lost => &mut self.lost,
            OutcomeKind::SendError => &mut self.send_error,
            OutcomeKind::IcmpError => &mut self.icmp_error,
            OutcomeKind::LocalDrop => &mut self.local_drop,
            OutcomeKind::Aborted => &mut self.aborted,
        };
        *counter += 1;
    }

    /// How many ended so.
    pub const fn get(&self, kind: OutcomeKind) -> u64 {
        match kind {
            OutcomeKind::Ok => self.ok,
            OutcomeKind::Late => self.late,
            OutcomeKind::Lost => self.lost,
            OutcomeKind::SendError => self.send_error,
            OutcomeKind::IcmpError => self.icmp_error,
            OutcomeKind::LocalDrop => self.local_drop,
            OutcomeKind::Aborted => self.aborted,
        }
    }

    /// All of them.
    pub fn total(&self) -> u64 {
        OutcomeKind::ALL.iter().map(|kind| self.get(*kind)).sum()
    }

    /// Lost probes out of those that could tell.
    pub const fn loss(&self) -> LossRatio {
        let lost = self.lost + self.icmp_error + self.local_drop;
        LossRatio {
            lost,
            of: lost + self.ok + self.late,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_outcome_counts_in_its_own_place() {
        let mut outcomes = Outcomes::default();
        for (times, kind) in (1..).zip(OutcomeKind::ALL) {
            (0..times).for_each(|_| outcomes.add(*kind));
        }
        for (times, kind) in (1..).zip(OutcomeKind::ALL) {
            assert_eq!(outcomes.get(*kind), times, "{kind}");
        }
        assert_eq!(outcomes.total(), 28);
        // ok 1, late 2, lost 3, icmp_error 5, local_drop 6; send_error and aborted cannot tell.
        assert_eq!(outcomes.loss(), LossRatio { lost: 14, of: 17 });
    }

    #[test]
    fn an_outcome_reads_back_as_it_was_written() {
        for outcome in [
            Outcome::Ok,
            Outcome::SendError(SendFailure::TooBig),
            Outcome::IcmpError(IcmpError { kind: 3, code: 1 }),
            Outcome::LocalDrop(Some(Cause::QdiscOverflow)),
        ] {
            let text = serde_json::to_string(&outcome).unwrap();
            assert_eq!(serde_json::from_str::<Outcome>(&text).unwrap(), outcome);
        }
    }
}
