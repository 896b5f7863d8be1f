//! What probes lost, and what that says about the path.

use std::cmp::Reverse;

use droplens_model::delta::ProbeDelta;
use droplens_model::sample::probes::{LossRatio, RotationKind};
use droplens_model::{
    Cause, Finding, PathDirection, Place, ProbeTransport as Transport, Severity, Source,
};

use crate::counters as c;
use crate::draft::Draft;
use crate::probed::{
    ENOUGH, LOST, hosts, is_down, is_silent, is_unreachable, own, packets, place, sum,
};
use crate::view::View;

/// More peers than this are not told one by one.
const PEERS: usize = 8;

/// A host that drops each packet with the same chance loses as many connection attempts as echo
/// requests. If so few attempts went well by chance in less than one of 20 cases, only echo requests
/// are lost.
const CHANCE: f64 = 0.05;

/// An address that loses probes.
struct Lossy<'v, 'a> {
    probe: &'v ProbeDelta<'a>,
    transport: Transport,
    /// In the window.
    window: LossRatio,
    /// In the window, or in a longer one with the same end if the window proves nothing by itself.
    judged: LossRatio,
    is_wide: bool,
}

impl<'v, 'a> Lossy<'v, 'a> {
    /// The probes of an address, if their losses mean something.
    fn of(view: &'v View<'a>, probe: &'v ProbeDelta<'a>) -> Option<Self> {
        let transport = Transport::of(probe.target.kind)?;
        // A query without an answer tells more of the server than of the path.
        if transport == Transport::Dns || is_silent(probe) {
            return None;
        }
        let window = packets(probe);
        if window.lost == 0 {
            return None;
        }
        let proves = |loss: &LossRatio| {
            loss.lost >= LOST
                && loss.of >= ENOUGH
                && loss.interval().0 >= view.thresholds.probe_loss_ratio
        };
        let wide = || view.wider(probe).map(packets).filter(proves);
        let (judged, is_wide) = if proves(&window) {
            (window, false)
        } else {
            (wide()?, true)
        };
        Some(Self {
            probe,
            transport,
            window,
            judged,
            is_wide,
        })
    }

    /// Whether connections to the same host lose nothing, so that only echo requests are lost:
    /// connection attempts that went well, or none if that cannot be said.
    fn only_echo(&self, view: &View<'_>) -> Option<u64> {
        // What another identifier ended was a fault of the path, though connections did not meet it.
        if self.transport != Transport::Icmp || self.healed() > 0 {
            return None;
        }
        let others = view.probes().iter().filter(|other| {
            other.address.address == self.probe.address.address
                && Transport::of(other.target.kind) == Some(Transport::Tcp)
        });
        let same_window = |other| match view.wider(other) {
            Some(wide) if self.is_wide => packets(wide),
            _ => packets(other),
        };
        let tcp = others.map(same_window).fold(LossRatio::default(), sum);
        let ratio = self.judged.ratio().unwrap_or(0.0);
        let chance = (1.0 - ratio).powf(tcp.of as f64);
        (tcp.lost == 0 && tcp.of >= ENOUGH && chance < CHANCE).then_some(tcp.of)
    }

    /// Outages in the window that another ICMP identifier ended.
    fn healed(&self) -> u64 {
        self.probe.rotations(RotationKind::Healed)
    }

    fn draft<'d>(&self, draft: Draft<'d>) -> Draft<'d> {
        let (low, high) = self.judged.interval();
        let probe = self.probe;
        let unit = match self.transport {
            Transport::Tcp => "SYN segments",
            Transport::Icmp | Transport::Dns => "echo requests",
        };
        draft
            .delta(Source::Probes, "lost", self.window.lost, unit)
            .delta(
                Source::Probes,
                "answered",
                probe.answered(),
                "outcomes ok, late",
            )
            .delta(
                Source::Probes,
                "sent again",
                probe.syn_retransmits(),
                "tcpi_total_retrans",
            )
            .gauge(
                Source::Probes,
                "share lost",
                self.judged.ratio(),
                format!("{} of {} {unit}", self.judged.lost, self.judged.of),
            )
            .gauge(
                Source::Probes,
                "share lost, at least",
                Some(low),
                "95 % confidence, Wilson",
            )
            .gauge(
                Source::Probes,
                "share lost, at most",
                Some(high),
                "95 % confidence, Wilson",
            )
    }
}

/// The addresses that lose probes and answer some, the worst first.
fn lossy<'v, 'a>(view: &'v View<'a>) -> Vec<Lossy<'v, 'a>> {
    let probes = view.probes().iter();
    let lossy = probes.filter_map(|probe| Lossy::of(view, probe));
    // Those that do not answer at all are unreachable, or nobody listens there.
    let answering = lossy.filter(|lossy| match lossy.transport {
        Transport::Tcp => lossy.probe.answered() > 0 && !is_down(lossy.probe),
        _ => !is_unreachable(view, lossy.probe),
    });
    let mut lossy: Vec<_> = answering.collect();
    lossy.sort_by_key(|lossy| Reverse(lossy.window.lost));
    lossy
}

/// Losses on the path, by peer. The direction is what TCP says, if it says anything.
pub(super) fn loss(view: &View<'_>, direction: Option<PathDirection>) -> Vec<Finding> {
    let mut lossy = lossy(view);
    lossy.retain(|lossy| lossy.only_echo(view).is_none());
    let lost: u64 = lossy.iter().map(|lossy| lossy.window.lost).sum();
    let own = own::dropped(view);
    let separable = lost > own;
    let rest = lossy.split_off(lossy.len().min(PEERS));
    let mut findings: Vec<_> = lossy
        .iter()
        .map(|lossy| one(view, lossy, own, separable))
        .collect();
    if !rest.is_empty() {
        let lost = rest.iter().map(|lossy| lossy.window.lost).sum();
        findings.push(
            Draft::loss(view, Cause::PathLoss, Place::Host, lost)
                .summary(format!("probes to {} more addresses are lost", rest.len()))
                .delta(Source::Probes, "lost", lost, "outcomes lost, icmp_error")
                .next("See the probes below: what do the lossy ones have in common?"),
        );
    }
    for finding in &mut findings {
        finding.direction = Some(direction.unwrap_or(PathDirection::Unknown));
        if !separable {
            finding.severity = Severity::Info;
        }
    }
    findings
}

fn one(view: &View<'_>, lossy: &Lossy<'_, '_>, own: u64, separable: bool) -> Finding {
    let place = place(lossy.probe);
    let (low, high) = lossy.judged.interval();
    let share = lossy.judged.ratio().unwrap_or(0.0);
    let transport = lossy.transport.name();
    let when = if lossy.is_wide {
        " of the last 5 min"
    } else {
        ""
    };
    let share = format!(
        "{}{when} (95 %: {} to {})",
        percent(share),
        percent(low),
        percent(high)
    );
    let healed = lossy.healed();
    let (summary, next) = if separable && healed > 0 {
        (
            format!(
                "{transport} probes to {place} were lost on the path until they bore another identifier, {share}"
            ),
            "NAT, a firewall or connection tracking on the path keeps a stale entry for flows that go on: delete it there (on a Linux router, `conntrack -D`), or let them pause for some minutes.",
        )
    } else if separable {
        (
            format!("{transport} probes to {place} are lost on the path, {share}"),
            "No counter of this host explains it: compare with the other targets below, and look at the network they do not share.",
        )
    } else {
        (
            format!(
                "{transport} probes to {place} are lost, {share}, but this host dropped packets meanwhile: not separable"
            ),
            "Repair what this host drops first; see then whether probes are still lost.",
        )
    };
    let draft = Draft::loss(view, Cause::PathLoss, place, lossy.window.lost).summary(summary);
    let mut finding = lossy
        .draft(draft)
        .delta(
            Source::Probes,
            "packets that this host dropped meanwhile",
            own,
            "devices, softnet, qdiscs, conntrack, neighbours",
        )
        .delta(
            Source::Probes,
            "answers came back with another ICMP identifier",
            healed,
            "stale NAT or connection-tracking state on the path",
        )
        .protocols(&[c::TCP_RETRANS_SEGS, c::TCP_OUT_SEGS])
        .ruled_out(&[
            Cause::QdiscOverflow,
            Cause::NicTxRingFull,
            Cause::NicRxRingOverflow,
            Cause::SoftnetBacklogOverflow,
            Cause::NeighbourUnresolved,
        ])
        .next(next);
    finding.pattern = Some(lossy.probe.address.pattern.pattern());
    finding
}

/// A share as people write it, with as many digits as small ones need.
fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent == 0.0 || percent >= 9.95 {
        format!("{percent:.0} %")
    } else if percent >= 0.1 {
        format!("{percent:.1} %")
    } else {
        format!("{percent:.2} %")
    }
}

/// Only echo requests are lost: their answers are limited, and nothing else suffers.
pub(super) fn rate_limited(view: &View<'_>) -> Vec<Finding> {
    let probes = view.probes().iter();
    let limited = probes.filter_map(|probe| {
        let lossy = Lossy::of(view, probe)?;
        let attempts = lossy.only_echo(view)?;
        let place = place(probe);
        let draft = Draft::pressure(view, Cause::IcmpRateLimited, place.clone()).summary(format!(
            "{place} limits its answers to echo requests: {} are lost, and no connection attempt",
            percent(lossy.judged.ratio().unwrap_or(0.0))
        ));
        Some(
            lossy
                .draft(draft)
                .delta(
                    Source::Probes,
                    "connection attempts without a loss",
                    attempts,
                    "TCP to the same address",
                )
                .ruled_out(&[Cause::PathLoss])
                .next("Nothing is wrong with the path: ping this host less often, or rely on the TCP probe."),
        )
    });
    limited.take(PEERS).collect()
}

/// Hosts that do not answer at all.
pub(super) fn unreachable(view: &View<'_>) -> Vec<Finding> {
    let own = own::dropped(view);
    let mut findings = Vec::new();
    for (address, probes) in hosts(view) {
        let Some(first) = probes.first() else {
            continue;
        };
        if !crate::probed::is_host_down(&probes) {
            continue;
        }
        let lost: u64 = probes.iter().map(|probe| packets(probe).lost).sum();
        let told: u64 = probes.iter().map(|probe| probe.outcomes().icmp_error).sum();
        // What did not leave this host says nothing of the target: the own cause tells it.
        let stayed = |probe: &&ProbeDelta<'_>| {
            let outcomes = probe.outcomes();
            outcomes.send_error + outcomes.local_drop
        };
        let stayed: u64 = probes.iter().map(stayed).sum();
        if stayed > lost {
            continue;
        }
        let rows = probes.iter();
        let row = rows.map(|probe| probe.address.unanswered_consecutive).max();
        let row = row.unwrap_or(0);
        let tried = |probe: &&ProbeDelta<'_>| probe.rotations(RotationKind::Unhealed);
        let tried: u64 = probes.iter().map(tried).sum();
        let place = place(first);
        let mut finding = Draft::loss(view, Cause::TargetUnreachable, place.clone(), lost)
            .severity(Severity::Warning)
            .summary(if told > 0 {
                format!("{place} cannot be reached, says a router or the host")
            } else {
                format!("{place} does not answer")
            })
            .gauge(
                Source::Probes,
                "probes in a row without an answer",
                Some(row as f64),
                "unanswered_consecutive",
            )
            .delta(Source::Probes, "ICMP errors", told, "outcome icmp_error")
            .delta(Source::Probes, "lost", lost, "outcomes lost, icmp_error")
            .delta(
                Source::Probes,
                "packets that this host dropped meanwhile",
                own,
                "devices, softnet, qdiscs, conntrack, neighbours",
            )
            .delta(
                Source::Probes,
                "another ICMP identifier was not answered either",
                tried,
                "so no stale state of NAT or connection tracking",
            )
            .ruled_out(&[
                Cause::LinkDown,
                Cause::NoRoute,
                Cause::NeighbourUnresolved,
                Cause::FirewallDrop,
            ])
            .next(format!(
                "Is the host up? See `ip route get {address}`, `ip neigh`, and `traceroute -n {address}` for where the path ends."
            ));
        finding.direction = Some(PathDirection::Unknown);
        finding.pattern = None;
        // Targets that droplens chose by itself may stop answering by choice; and where this host
        // drops as much, nobody can tell.
        let asked_for = probes.iter().any(|probe| probe.target.asked_for);
        if !asked_for || own >= lost.max(row) {
            finding.severity = Severity::Info;
        }
        findings.push(finding);
    }
    findings.sort_by_key(|finding| Reverse((finding.severity, finding.packets)));
    findings.truncate(PEERS);
    findings
}
