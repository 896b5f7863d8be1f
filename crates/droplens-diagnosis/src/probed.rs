//! Probes as the rules see them: which can tell, what they lost, and what this host has to do with
//! it.

#[cfg(test)]
pub(crate) mod made_up;
pub(crate) mod own;
pub(crate) mod report;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use droplens_model::delta::ProbeDelta;
use droplens_model::sample::probes::{
    FailureReason, LossRatio, Phase, PhaseTimes, RoundTrips, TargetState,
};
use droplens_model::{Place, ProbeTransport as Transport};

use crate::view::View;

/// Fewer probes than this prove nothing about a ratio: one lost of four may be 5 % or 70 %.
pub(crate) const ENOUGH: u64 = 5;

/// One lost probe is one lost frame, which any network has; it takes two.
pub(crate) const LOST: u64 = 2;

/// One timeout may be one lost datagram; a service that does not answer has two.
pub(crate) const TIMEOUTS: u64 = 2;

/// So many probes in a row without an answer are no coincidence: even with 5 % lost at random that
/// is one in 8 000.
pub(crate) const ROW: u64 = 3;

/// An outage shorter than this is a burst of losses.
const OUTAGE: Duration = Duration::from_secs(5);

/// So many answers show whether a target is slow: the median of fewer is chance.
pub(crate) const ANSWERS: u64 = 3;

/// What a service does not say on a connection that it has taken: no packet of the connecting was
/// lost.
const CONNECTED: &[FailureReason] = &[FailureReason::TlsTimeout, FailureReason::HttpTimeout];

/// Packets that were lost on the way, out of those that could tell. Of connections it is the SYN
/// segments: the kernel repeats them, so a lost one is an answer that came late. What this host
/// itself dropped is neither.
pub(crate) fn packets(probe: &ProbeDelta<'_>) -> LossRatio {
    let outcomes = probe.outcomes();
    let (again, connected) = match Transport::of(probe.target.kind) {
        Some(Transport::Tcp) => (probe.syn_retransmits(), failed(probe, CONNECTED)),
        _ => (0, 0),
    };
    let unanswered = outcomes.lost + outcomes.icmp_error + again;
    LossRatio {
        lost: unanswered.saturating_sub(connected),
        of: unanswered + outcomes.ok + outcomes.late,
    }
}

/// Both together.
pub(crate) const fn sum(one: LossRatio, other: LossRatio) -> LossRatio {
    LossRatio {
        lost: one.lost + other.lost,
        of: one.of + other.of,
    }
}

/// Where a probe goes to.
pub(crate) fn place(probe: &ProbeDelta<'_>) -> Place {
    Place::Peer(name(&probe.target.target, probe.address.address).into())
}

/// A target with its address, if it does not say it itself.
fn name(target: &str, address: IpAddr) -> String {
    let ip = address.to_string();
    if target.contains(&ip) {
        target.to_owned()
    } else {
        format!("{target} ({ip})")
    }
}

/// Whether nobody asked for the target and it never answered: then nothing is lost.
pub(crate) fn is_silent(probe: &ProbeDelta<'_>) -> bool {
    probe.target.state == TargetState::Silent
}

/// How often probes failed for these reasons in the window, if that is more than chance: twice, be
/// it in a wider window, or once and nothing was answered since.
pub(crate) fn timeouts(
    view: &View<'_>,
    probe: &ProbeDelta<'_>,
    reasons: &[FailureReason],
) -> Option<u64> {
    let count = |probe: &ProbeDelta<'_>| failed(probe, reasons);
    let now = count(probe);
    let wide = view.wider(probe).map_or(now, count);
    let row = probe.address.unanswered_consecutive;
    (now > 0 && now.max(wide).max(row) >= TIMEOUTS).then_some(now)
}

/// How often probes failed for one of these reasons.
pub(crate) fn failed(probe: &ProbeDelta<'_>, reasons: &[FailureReason]) -> u64 {
    reasons.iter().map(|reason| probe.failed(*reason)).sum()
}

/// Round-trip times of the window, or of a wider one if it has too few; none if there was no answer
/// in the window, or if even the wider one has too few.
pub(crate) fn round_trips(view: &View<'_>, probe: &ProbeDelta<'_>) -> Option<RoundTrips> {
    let now = probe.round_trips();
    let wide = || view.wider(probe).map(ProbeDelta::round_trips);
    if now.count == 0 {
        return None;
    }
    let all = if now.count < ANSWERS { wide()? } else { now };
    (all.count >= ANSWERS).then_some(all)
}

/// The same of the times of a step.
pub(crate) fn phase(view: &View<'_>, probe: &ProbeDelta<'_>, phase: Phase) -> Option<PhaseTimes> {
    let now = probe.phase(phase).filter(|now| now.count > 0)?;
    let wide = || view.wider(probe)?.phase(phase);
    let all = if now.count < ANSWERS { wide()? } else { now };
    (all.count >= ANSWERS).then_some(all)
}

/// The probes of each address, of all kinds together.
pub(crate) fn hosts<'v, 'a>(view: &'v View<'a>) -> BTreeMap<IpAddr, Vec<&'v ProbeDelta<'a>>> {
    let mut hosts = BTreeMap::<_, Vec<_>>::new();
    for probe in view.probes().iter().filter(|probe| !is_silent(probe)) {
        hosts.entry(probe.address.address).or_default().push(probe);
    }
    hosts
}

/// Whether the address does not answer now: nothing in the whole window, or nothing for some time.
///
/// That time is measured and not worked out from the probes that were begun: while nothing is
/// answered so many wait that further ones are left out, and the row hardly grows.
pub(crate) fn is_down(probe: &ProbeDelta<'_>) -> bool {
    let address = probe.address;
    let outage = address.unanswered_for.is_some_and(|time| time >= OUTAGE);
    address.unanswered_consecutive >= ROW && (probe.answered() == 0 || outage)
}

/// Whether no probe gets an answer from the host: its echo requests do not, or a router says that it
/// cannot be reached, and neither does anything else.
pub(crate) fn is_host_down(probes: &[&ProbeDelta<'_>]) -> bool {
    let mut echo = false;
    for probe in probes {
        let silent = probe.answered() == 0 && probe.address.unanswered_consecutive > 0;
        let told = probe.answered() == 0 && probe.outcomes().icmp_error > 0;
        let down = is_down(probe);
        match Transport::of(probe.target.kind) {
            // Those that lose packets on purpose tell by an answer only.
            None if probe.answered() > 0 => return false,
            Some(_) if !silent && !down && !told => return false,
            Some(Transport::Icmp) => echo |= down || told,
            // A port that is closed is told so, too.
            Some(Transport::Tcp) => echo |= told,
            Some(Transport::Dns) | None => {}
        }
    }
    echo
}

/// Whether the host of this probe is down.
pub(crate) fn is_unreachable(view: &View<'_>, probe: &ProbeDelta<'_>) -> bool {
    let address = probe.address.address;
    let probes = view.probes().iter();
    let of_host: Vec<_> = probes
        .filter(|other| other.address.address == address && !is_silent(other))
        .collect();
    is_host_down(&of_host)
}
