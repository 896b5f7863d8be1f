//! What it means when a socket reports an error: that this host did not send, that an ICMP error
//! came, or that the peer refused.

use std::io;
use std::net::IpAddr;
use std::os::fd::AsFd;

use droplens_model::Moment;
use droplens_model::sample::probes::{FailureReason, IcmpError, Outcome, SendFailure};
use rustix::io::Errno;

use super::{Ending, Report};
use crate::icmp::own_drop;
use crate::sys::clock::monotonic;
use crate::sys::failure::send_failure;
use crate::sys::message::{Message, Origin};
use crate::sys::transfer::{Batch, Queue};

/// How an errand ended by an error.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Trouble {
    /// How it ended.
    pub(super) ending: Ending,
    /// Why.
    pub(super) failure: (FailureReason, String),
}

/// An ICMP error as the error queue has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Icmp {
    error: IcmpError,
    offender: Option<IpAddr>,
}

impl Trouble {
    /// The peer said something, if not what was hoped for.
    pub(super) fn heard(reason: FailureReason, text: impl Into<String>) -> Self {
        Self {
            ending: Ending::Answered(monotonic()),
            failure: (reason, text.into()),
        }
    }

    /// The peer said nothing, or not all, for as long as it was waited for.
    pub(super) fn unheard(reason: FailureReason, text: impl Into<String>) -> Self {
        Self {
            ending: Ending::Silent,
            failure: (reason, text.into()),
        }
    }

    /// Ends a report with this.
    pub(super) fn note(self, report: &mut Report) {
        report.ending = self.ending;
        report.failure = Some(self.failure);
    }

    /// This host did not send. `doing` says what it was about to do, such as `connect`.
    pub(super) fn unsent(doing: &str, error: &io::Error) -> Self {
        let failure = send_failure(error);
        let hint = match failure {
            SendFailure::NotPermitted => {
                " (a firewall rule on output, or a route that prohibits it)"
            }
            SendFailure::NoDevice => " (the source address or device is not there)",
            _ => "",
        };
        Self::of_outcome(
            Outcome::SendError(failure),
            format!("this host cannot {doing}: {error}{hint}"),
        )
    }

    /// An ICMP error came back to `own`, about what was sent to `peer`.
    ///
    /// Those that the kernel sent to itself say that this host dropped the packet.
    pub(super) fn of_icmp(icmp: Icmp, own: Option<IpAddr>, peer: IpAddr) -> Self {
        let Icmp { error, offender } = icmp;
        let IcmpError { kind, code } = error;
        let by = offender.map_or_else(String::new, |address| format!(" from {address}"));
        let text = format!("ICMP type {kind} code {code}{by}");
        let dropped =
            offender.and_then(|from| own_drop(error, from, peer, |address| Some(address) == own));
        match dropped {
            None => Self::of_outcome(Outcome::IcmpError(error), text),
            Some((cause, why)) => {
                Self::of_outcome(Outcome::LocalDrop(Some(cause)), format!("{why}: {text}"))
            }
        }
    }

    /// A connected socket reports an error. `icmp` is what its error queue says of it.
    pub(super) fn of_socket(
        error: &io::Error,
        icmp: Option<Icmp>,
        own: Option<IpAddr>,
        peer: IpAddr,
        now: Moment,
    ) -> Self {
        if let Some(icmp) = icmp {
            return Self::of_icmp(icmp, own, peer);
        }
        let answered = |reason, text: &str| Self {
            ending: Ending::Answered(now),
            failure: (reason, text.to_owned()),
        };
        match error.raw_os_error().map(Errno::from_raw_os_error) {
            Some(Errno::CONNREFUSED) => answered(
                FailureReason::ConnectRefused,
                "the port is closed (connection refused)",
            ),
            Some(Errno::CONNRESET | Errno::PIPE | Errno::CONNABORTED) => {
                answered(FailureReason::Reset, "the peer reset the connection")
            }
            Some(Errno::TIMEDOUT) => Self {
                ending: Ending::Silent,
                failure: (
                    FailureReason::ConnectTimeout,
                    "the kernel gave up waiting for an answer".to_owned(),
                ),
            },
            _ => Self::unsent("send", error),
        }
    }

    fn of_outcome(outcome: Outcome, text: String) -> Self {
        let reason = FailureReason::of_outcome(outcome).unwrap_or(FailureReason::Other);
        Self {
            ending: Ending::Ended(outcome),
            failure: (reason, text),
        }
    }
}

/// The newest ICMP error in a socket's error queue, which is empty then.
pub(super) fn newest_icmp(socket: &impl AsFd) -> Option<Icmp> {
    // Bounded, since others may fill the queue.
    const MOST_ROUNDS: usize = 8;
    let mut batch = Batch::new(8, 128);
    let mut newest = None;
    for _ in 0..MOST_ROUNDS {
        let received = batch.receive(socket, Queue::Errors).unwrap_or_default();
        for packet in batch.packets() {
            newest = packet.messages().find_map(icmp).or(newest);
        }
        if received < batch.capacity() {
            break;
        }
    }
    newest
}

fn icmp(message: Message) -> Option<Icmp> {
    match message {
        Message::Error(error) => match error.origin {
            Origin::Icmp { kind, code, .. } => Some(Icmp {
                error: IcmpError { kind, code },
                offender: error.offender,
            }),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use droplens_model::Cause;

    use super::*;

    const OWN: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
    const PEER: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 1));
    const ROUTER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 254));

    fn came(code: u8, offender: IpAddr, peer: IpAddr) -> (Ending, FailureReason) {
        let icmp = Icmp {
            error: IcmpError { kind: 3, code },
            offender: Some(offender),
        };
        let trouble = Trouble::of_icmp(icmp, Some(OWN), peer);
        (trouble.ending, trouble.failure.0)
    }

    fn icmp_error(code: u8) -> (Ending, FailureReason) {
        let outcome = Outcome::IcmpError(IcmpError { kind: 3, code });
        (Ending::Ended(outcome), FailureReason::Unreachable)
    }

    #[test]
    fn what_a_router_or_the_peer_says_is_an_icmp_error() {
        assert_eq!(came(1, ROUTER, PEER), icmp_error(1));
        assert_eq!(came(3, PEER, PEER), icmp_error(3));
    }

    #[test]
    fn what_the_own_kernel_says_was_dropped_here() {
        let dropped = |cause, reason| (Ending::Ended(Outcome::LocalDrop(Some(cause))), reason);
        let unresolved = dropped(Cause::NeighbourUnresolved, FailureReason::NoRoute);
        assert_eq!(came(1, OWN, PEER), unresolved);
        let rejected = dropped(Cause::FirewallDrop, FailureReason::NotPermitted);
        assert_eq!(came(3, OWN, PEER), rejected);
        assert_eq!(came(13, OWN, PEER), rejected);
        assert_eq!(came(4, OWN, PEER), icmp_error(4), "too large is no drop");
    }

    #[test]
    fn probing_oneself_the_own_kernel_is_the_peer() {
        assert_eq!(came(3, OWN, OWN), icmp_error(3));
    }

    #[test]
    fn a_reset_and_a_refusal_are_answers() {
        let now = Moment::default();
        for (errno, reason) in [
            (Errno::CONNREFUSED, FailureReason::ConnectRefused),
            (Errno::CONNRESET, FailureReason::Reset),
        ] {
            let trouble = Trouble::of_socket(&errno.into(), None, Some(OWN), PEER, now);
            assert_eq!(trouble.ending, Ending::Answered(now));
            assert_eq!(trouble.failure.0, reason);
        }
    }
}
