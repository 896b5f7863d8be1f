//! The IP layer: routes, headers, fragments, neighbours, and what conservation finds missing.

mod expired;

use droplens_model::delta::Protocol;
use droplens_model::{Cause, Family, Finding, Place, Severity, Source};

use super::Rule;
use crate::counters as c;
use crate::draft::Draft;
use crate::ledger::conservation::Side;
use crate::view::{Needs, View};

const INPUT: Needs = Needs::Any(&[Source::Snmp, Source::Snmp6]);

pub(super) const RULES: &[Rule] = &[
    Rule::new(Cause::NoRoute, INPUT, no_route),
    Rule::new(Cause::RpFilter, Needs::All(&[Source::Netstat]), rp_filter),
    Rule::new(Cause::HeaderErrors, INPUT, header_errors),
    Rule::new(Cause::TtlExpired, INPUT, expired::ttl_expired),
    Rule::new(Cause::ChecksumErrors, INPUT, checksum_errors),
    Rule::new(Cause::ReassemblyFailed, INPUT, reassembly_failed),
    Rule::new(Cause::FragmentationFailed, INPUT, fragmentation_failed),
    Rule::new(
        Cause::NeighbourUnresolved,
        Needs::All(&[Source::Neighbours]),
        neighbour_unresolved,
    ),
    Rule::new(
        Cause::NeighbourTableFull,
        Needs::All(&[Source::Neighbours]),
        neighbour_table_full,
    ),
    Rule::new(
        Cause::UnaccountedIpInput,
        Needs::All(&[Source::Firewall]),
        unaccounted_input,
    ),
    Rule::new(
        Cause::UnaccountedIpOutput,
        Needs::Part(Source::Firewall, output_is_counted),
        unaccounted_output,
    ),
    Rule::new(Cause::AddressErrors, INPUT, address_errors),
];

/// Findings whose evidence is a list of protocol counters.
fn plain(
    view: &View<'_>,
    cause: Cause,
    what: &str,
    counters: &[Protocol],
    next: &str,
) -> Vec<Finding> {
    let losses = view.losses(cause).into_iter();
    losses
        .map(|draft| {
            let family = match draft.place() {
                Place::Family(family) => Some(*family),
                _ => None,
            };
            let of_family = counters
                .iter()
                .filter(|counter| match (family, counter.source) {
                    (Some(Family::V6), source) => source == Source::Snmp6,
                    (Some(Family::V4), source) => source != Source::Snmp6,
                    (None, _) => true,
                });
            let counters: Vec<Protocol> = of_family.copied().collect();
            draft.what(what).protocols(&counters).next(next)
        })
        .collect()
}

fn no_route(view: &View<'_>) -> Vec<Finding> {
    let mut findings = plain(
        view,
        Cause::NoRoute,
        "no route to the destination",
        &[c::OUT_NO_ROUTES.v4, c::IN_NO_ROUTES.v4, c::IN_NO_ROUTES.v6],
        "Compare `ip route get ADDRESS` with what you expect; look for a missing default route or a withdrawn prefix.",
    );
    // Programs that try IPv6 first move this on any host without IPv6 routes.
    let v6 = view.moved(c::OUT_NO_ROUTES.v6);
    if v6 > 0 {
        findings.push(
            Draft::pressure(view, Cause::NoRoute, Place::Family(Family::V6))
                .severity(Severity::Info)
                .what("programs try IPv6, but there is no route for it,")
                .protocol(c::OUT_NO_ROUTES.v6)
                .next("Nothing, unless IPv6 is meant to work here."),
        );
    }
    findings
}

fn rp_filter(view: &View<'_>) -> Vec<Finding> {
    plain(
        view,
        Cause::RpFilter,
        "the reverse-path filter refuses source addresses",
        &[c::RP_FILTER],
        "Packets come in where answers would not go out: fix the asymmetric route, or set net.ipv4.conf.IFACE.rp_filter to 2 there.",
    )
}

fn header_errors(view: &View<'_>) -> Vec<Finding> {
    plain(
        view,
        Cause::HeaderErrors,
        "damaged or unacceptable headers",
        &[
            c::IN_HDR_ERRORS.v4,
            c::IN_HDR_ERRORS.v6,
            c::IN_TRUNCATED.v4,
            c::IN_TRUNCATED.v6,
            c::TCP_IN_ERRS,
        ],
        "Capture them (`tcpdump -vv`) and find the sender: a broken tunnel, an old device or an attack.",
    )
}

fn checksum_errors(view: &View<'_>) -> Vec<Finding> {
    plain(
        view,
        Cause::ChecksumErrors,
        "wrong checksums",
        &[
            c::IP_IN_CSUM_ERRORS,
            c::UDP_IN_CSUM_ERRORS.v4,
            c::UDP_IN_CSUM_ERRORS.v6,
            c::TCP_IN_CSUM_ERRORS,
            c::ICMP_IN_CSUM_ERRORS.v4,
            c::ICMP_IN_CSUM_ERRORS.v6,
        ],
        "Something on the way, or this card's offload, damages packets: compare with checksum offload off (`ethtool -K DEVICE rx off`) and capture the sender.",
    )
}

fn reassembly_failed(view: &View<'_>) -> Vec<Finding> {
    plain(
        view,
        Cause::ReassemblyFailed,
        "fragments cannot be put together",
        &[
            c::REASM_FAILS.v4,
            c::REASM_TIMEOUT.v4,
            c::REASM_REQDS.v4,
            c::REASM_FAILS.v6,
            c::REASM_TIMEOUT.v6,
            c::REASM_REQDS.v6,
        ],
        "Fragments are lost on the way, or there are too many (net.ipv4.ipfrag_high_thresh); better make the senders avoid fragmentation.",
    )
}

fn fragmentation_failed(view: &View<'_>) -> Vec<Finding> {
    plain(
        view,
        Cause::FragmentationFailed,
        "packets too big for the next link",
        &[c::FRAG_FAILS.v4, c::FRAG_FAILS.v6, c::IN_TOO_BIG],
        "Senders learn the smaller MTU by ICMP: make sure it is not filtered, or clamp the MSS (`nft ... tcp option maxseg size set rt mtu`).",
    )
}

fn neighbour_unresolved(view: &View<'_>) -> Vec<Finding> {
    view.losses(Cause::NeighbourUnresolved)
        .into_iter()
        .map(|draft| {
            // The table is one for all namespaces, and a scan of an empty subnet fails in plenty.
            let failed = draft.packets();
            let severity = if view.rate_of(Source::Neighbours, failed) >= 1.0 {
                Severity::Warning
            } else {
                Severity::Info
            };
            draft
                .severity(severity)
                .what("neighbours do not answer")
                .delta(Source::Neighbours, "resolution_failed", failed, "NDTA_STATS ndts_res_failed")
                .next("See which: `ip neigh show nud failed nud incomplete`. The host is off, or in another VLAN or subnet.")
        })
        .collect()
}

fn neighbour_table_full(view: &View<'_>) -> Vec<Finding> {
    view.losses(Cause::NeighbourTableFull)
        .into_iter()
        .map(|draft| {
            let packets = draft.packets();
            let table = match draft.place() {
                Place::Family(family) => view.now().neighbours.ok().and_then(|neighbours| {
                    let mut tables = neighbours.tables.iter();
                    tables.find(|table| table.family == *family)
                }),
                _ => None,
            };
            draft
                .severity(Severity::Critical)
                .what("neighbour table full")
                .delta(Source::Neighbours, "table_full", packets, "NDTA_STATS ndts_table_fulls")
                .gauge(Source::Neighbours, "entries", table.map(|table| table.entries as f64), "NDTA_CONFIG ndtc_entries")
                .gauge(Source::Neighbours, "threshold3", table.and_then(|table| table.threshold3).map(|limit| limit as f64), "gc_thresh3")
                .next("Raise net.ipv4.neigh.default.gc_thresh1, 2 and 3 (or net.ipv6...), and find out why one segment has so many neighbours.")
        })
        .collect()
}

fn address_errors(view: &View<'_>) -> Vec<Finding> {
    plain(
        view,
        Cause::AddressErrors,
        "destinations that are not valid here",
        &[c::IN_ADDR_ERRORS.v4, c::IN_ADDR_ERRORS.v6],
        "Packets for other hosts come here: find the sender's wrong route or static neighbour entry, or switch forwarding on if this is a router.",
    )
}

/// Kernels before 6.3 do not count what leaves the IP layer.
fn output_is_counted(snapshot: &droplens_model::Snapshot) -> Result<(), String> {
    match c::OUT_TRANSMITS.v4.value(snapshot) {
        Some(_) => Ok(()),
        None => Err("this kernel does not count OutTransmits (6.3 or newer does)".to_owned()),
    }
}

fn unaccounted_input(view: &View<'_>) -> Vec<Finding> {
    unaccounted(
        view,
        Cause::UnaccountedIpInput,
        Side::Input,
        "packets entered the IP layer and vanished",
        &[c::IN_RECEIVES, c::IN_DELIVERS, c::FORWARDED],
        "A firewall rule or policy without a counter drops them: `nft list ruleset`, and add `counter` before `drop` in the input and forward chains. Impossible source addresses vanish like this, too (net.ipv4.conf.all.log_martians), and fragments of IPv6 that connection tracking puts together.",
    )
}

fn unaccounted_output(view: &View<'_>) -> Vec<Finding> {
    unaccounted(
        view,
        Cause::UnaccountedIpOutput,
        Side::Output,
        "packets were to be sent and vanished",
        &[c::OUT_REQUESTS, c::FORWARDED, c::OUT_TRANSMITS],
        "A firewall rule or policy without a counter drops them: `nft list ruleset`, and add `counter` before `drop` in the forward, output and postrouting chains.",
    )
}

fn unaccounted(
    view: &View<'_>,
    cause: Cause,
    side: Side,
    what: &str,
    counters: &[droplens_model::PerFamily<Protocol>],
    next: &str,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    for draft in view.losses(cause) {
        let Place::Family(family) = *draft.place() else {
            continue;
        };
        // Multicast that nobody joined and broadcasts look the same; a default policy drops them.
        let background = draft.packets() < BACKGROUND || view.rate(draft.packets()) < 1.0;
        let draft = if background {
            draft.severity(Severity::Info)
        } else {
            draft
        };
        let counters: Vec<Protocol> = counters
            .iter()
            .map(|counter| *counter.get(family))
            .collect();
        findings.push(
            draft
                .what(what)
                .protocols(&counters)
                .ruled_out(&[
                    Cause::ConntrackTableFull,
                    Cause::FirewallDrop,
                    Cause::RpFilter,
                    Cause::HeaderErrors,
                ])
                .next(next),
        );
    }
    // What a rule or connection tracking counted is in the gap as well.
    let explained = HOOKS.iter().map(|cause| view.lost(*cause)).sum();
    for family in Family::ALL {
        let gap = view.ledger.conservation().harmless(side, family);
        let harmless = gap.saturating_sub(explained);
        if harmless >= BACKGROUND {
            findings.push(
                Draft::pressure(view, cause, Place::Family(family))
                    .severity(Severity::Info)
                    .summary(format!(
                        "{harmless} {} packets are in no counter, though nothing can drop them silently",
                        Place::Family(family)
                    ))
                    .next("Nothing: multicast that nobody here joined looks like this."),
            );
        }
    }
    findings
}

/// Causes whose counted drops are gaps of the IP layer, too.
const HOOKS: &[Cause] = &[
    Cause::ConntrackTableFull,
    Cause::ConntrackInsertFailed,
    Cause::FirewallDrop,
];

/// A gap below this is what any network makes: router advertisements, multicast, broadcasts.
const BACKGROUND: u64 = 20;
