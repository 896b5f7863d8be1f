//! Packets whose time to live is used up: by a routing loop, or on purpose, by somebody who traces a
//! route through this host.

use droplens_model::{Cause, Family, Finding, Place, Severity};

use super::plain;
use crate::counters as c;
use crate::view::View;

/// One of so many used-up packets at least was answered if they are those of traceroutes. A kernel
/// sends six messages at once and then one a second to each sender: a traceroute gets nearly all, as
/// it waits for them, and a flow that loops next to none.
const ANSWERED: u64 = 2;

pub(super) fn ttl_expired(view: &View<'_>) -> Vec<Finding> {
    let mut findings = plain(
        view,
        Cause::TtlExpired,
        "time to live used up",
        &[
            c::IN_HDR_ERRORS.v4,
            c::IN_HDR_ERRORS.v6,
            c::ICMP_OUT_TIME_EXCEEDED.v4,
            c::ICMP_OUT_TIME_EXCEEDED.v6,
            c::FORWARDED.v4,
            c::FORWARDED.v6,
        ],
        "Look for a routing loop: `traceroute` to the destination shows the same routers again and again.",
    );
    for finding in &mut findings {
        let Place::Family(family) = finding.place else {
            continue;
        };
        if is_traced(view, family, finding.packets) {
            finding.severity = Severity::Info;
            finding.summary = format!(
                "time to live used up on {}, and the senders were told: somebody traces routes through this host",
                finding.place
            );
            "Nothing, if so. A routing loop of very few packets looks the same: `traceroute` to the destination would show the same routers again and again."
                .clone_into(&mut finding.next);
        }
    }
    findings
}

/// Whether these packets are as few as those of traceroutes, and were answered as those are: whoever
/// sent them wanted the answer and not that they arrive.
fn is_traced(view: &View<'_>, family: Family, expired: u64) -> bool {
    // Fragments that came too late make a host send the same message.
    let late = view.moved(*c::REASM_TIMEOUT.get(family));
    let messages = view.moved(*c::ICMP_OUT_TIME_EXCEEDED.get(family));
    let answers = messages.saturating_sub(late);
    let few = view.rate(expired) < view.thresholds.traced_packets_per_second;
    few && answers.saturating_mul(ANSWERED) >= expired
}

#[cfg(test)]
mod tests {
    use droplens_model::{PerFamily, Status};

    use super::*;
    use crate::probed::made_up::{judge, only};

    /// What is found if so many packets expired and so many messages were sent, in 10 s.
    fn found(family: Family, expired: i128, messages: i128, late: i128) -> Finding {
        let of = |counter: &PerFamily<droplens_model::delta::Protocol>| *counter.get(family);
        only(judge(
            &[
                (of(&c::IN_HDR_ERRORS), expired),
                (of(&c::ICMP_OUT_TIME_EXCEEDED), messages),
                (of(&c::REASM_TIMEOUT), late),
                (of(&c::FORWARDED), 32 * expired),
            ],
            &[],
        ))
    }

    #[test]
    fn packets_that_were_answered_are_those_of_traceroutes() {
        for family in Family::ALL {
            let finding = found(family, 15, 15, 0);
            assert_eq!(
                (finding.cause, finding.status),
                (Cause::TtlExpired, Status::Loss)
            );
            assert_eq!((finding.severity, finding.packets), (Severity::Info, 15));
            assert_eq!(finding.place, Place::Family(family));
            assert!(finding.summary.contains("traces"), "{}", finding.summary);
            // Some answers are saved, of many that come at once.
            assert_eq!(found(family, 30, 15, 0).severity, Severity::Info);
        }
    }

    #[test]
    fn a_loop_is_told_since_it_is_not_answered_or_too_many() {
        for family in Family::ALL {
            for (expired, messages, late) in [(30, 14, 0), (30, 20, 6), (300, 16, 0)] {
                let finding = found(family, expired, messages, late);
                assert_ne!(finding.severity, Severity::Info, "{expired} {messages}");
                assert!(finding.summary.starts_with("time to live used up on"));
                assert!(finding.next.contains("loop"), "{}", finding.next);
            }
            // Many senders are answered once each.
            assert_eq!(found(family, 99, 99, 0).severity, Severity::Info);
            assert_eq!(found(family, 100, 100, 0).severity, Severity::Critical);
        }
    }
}
