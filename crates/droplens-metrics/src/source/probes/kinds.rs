//! What only probes of some kinds find out: steps, certificates, zones, path MTU and path.

use std::fmt;

use droplens_model::sample::probes::{
    Address, Details, DnsDetails, HttpDetails, PathDetails, PhaseSummary, PhaseTimes, PmtuDetails,
    ProbeKind, RotationKind, Target, TlsDetails,
};
use droplens_model::{Source, Timestamp};

use super::{connects, differences, each, labels, seconds};
use crate::Origin;
use crate::encoder::{Encoder, Histogram, Value, maybe};
use crate::family::families;

families! {
    Origin::Source(Source::Probes);
    DUPLICATES: Counter "droplens_probe_duplicates_total" ["probe", "target", "address", "family"] Rule("addresses of icmp probes"),
        "Copies of answers that had been received already (RFC 5560).";
    REORDERED: Counter "droplens_probe_reordered_total" ["probe", "target", "address", "family"] Rule("addresses of icmp probes"),
        "Answers that came after the answer to a later probe (RFC 4737, over the round trip).";
    STALE: Counter "droplens_probe_stale_answers_total" ["probe", "target", "address", "family"] Rule("addresses of icmp probes"),
        "Answers to probes that had ended in another way, or too long ago to tell.";
    ROTATIONS: Counter "droplens_probe_identifier_rotations_total" ["probe", "target", "address", "family", "outcome"] Rule("3 x addresses of icmp probes"),
        "Trials with another ICMP identifier in an outage: only that one was answered and is used from then on, so stale NAT or connection tracking on the path was the fault (healed), neither one was (unhealed), or the usual one was again (recovered).";
    SYN: Counter "droplens_probe_tcp_syn_retransmits_total" ["probe", "target", "address", "family"] Rule("addresses of tcp, tls and http probes"),
        "SYN segments that were sent again (tcpi_total_retrans).";
    PHASES: Histogram "droplens_probe_phase_seconds" ["probe", "target", "address", "family", "phase"] Rule("14 x phases (at most 5) x addresses of probes with steps"),
        "Times of each step: resolve, connect, tls, processing (request to first byte), transfer.";
    TRUNCATED: Counter "droplens_probe_dns_truncated_total" ["probe", "target", "address", "family"] Rule("addresses of dns probes"),
        "DNS answers that did not fit into a datagram.";
    SERIAL: Gauge "droplens_probe_dns_serial" ["probe", "target", "address", "family"] Rule("addresses of dns probes"),
        "Serial number of the zone, where the probe asks for the SOA record; servers that differ for long have stale data.";
    EXPIRY: Gauge "droplens_probe_tls_certificate_expiry_timestamp_seconds" ["probe", "target", "address", "family", "scope"] Rule("2 x addresses of tls and http probes"),
        "When the server's own certificate (scope leaf) and the first one of its chain (scope chain) expire, in seconds since 1970; known of untrusted ones too.";
    TRUSTED: Gauge "droplens_probe_tls_chain_trusted" ["probe", "target", "address", "family"] Rule("addresses of tls and http probes"),
        "Whether the chain of certificates is trusted.";
    STATUS: Gauge "droplens_probe_http_status_code" ["probe", "target", "address", "family"] Rule("addresses of http probes"),
        "Status code of the newest response.";
    PMTU: Gauge "droplens_pmtu_bytes" ["probe", "target", "address", "family"] Rule("addresses of pmtu probes"),
        "The largest packet that arrived, with its IP header.";
    BLACKHOLE: Gauge "droplens_pmtu_blackhole" ["probe", "target", "address", "family"] Rule("addresses of pmtu probes"),
        "Whether larger packets vanish without a message.";
    HOPS: Gauge "droplens_path_hops" ["probe", "target", "address", "family"] Rule("addresses of path probes"),
        "Hops up to the target, or the last one that answered.";
    CHANGES: Counter "droplens_path_changes_total" ["probe", "target", "address", "family"] Rule("addresses of path probes"),
        "Times the path became another one.";
}

pub(in crate::source) fn encode(targets: &[Target], encoder: &mut Encoder<'_>) -> fmt::Result {
    let rows = each(targets).map(|(target, address)| {
        let echo = target.kind == ProbeKind::Icmp;
        let dns = target.kind == ProbeKind::Dns;
        let cells = [
            maybe(echo.then_some(address.duplicates)),
            maybe(echo.then_some(address.reordered)),
            maybe(echo.then_some(address.stale)),
            maybe(connects(target.kind).then_some(address.syn_retransmits)),
            maybe(dns.then_some(address.truncated)),
        ];
        (labels(target, address), cells)
    });
    encoder.table([&DUPLICATES, &REORDERED, &STALE, &SYN, &TRUNCATED], rows)?;
    encode_rotations(targets, encoder)?;
    encode_phases(targets, encoder)?;
    encode_details(targets, encoder)
}

fn encode_rotations(targets: &[Target], encoder: &mut Encoder<'_>) -> fmt::Result {
    encoder.family(ROTATIONS.descriptor(), |series| {
        let echo = each(targets).filter(|(target, _)| target.kind == ProbeKind::Icmp);
        for (target, address) in echo {
            let [probe, name, ip, family] = labels(target, address);
            for outcome in RotationKind::ALL {
                let labels = [probe, name, ip, family, outcome.id().into()];
                series.push(labels, address.rotations.get(*outcome))?;
            }
        }
        Ok(())
    })
}

fn encode_phases(targets: &[Target], encoder: &mut Encoder<'_>) -> fmt::Result {
    encoder.family(PHASES.descriptor(), |series| {
        for (target, address) in each(targets) {
            for summary in &address.phases {
                let PhaseSummary {
                    phase,
                    times,
                    last: _, // the histogram has it
                } = summary;
                let PhaseTimes {
                    count,
                    sum,
                    buckets,
                } = *times;
                let bounds = PhaseTimes::BOUNDS.map(|bound| bound.as_secs_f64());
                let buckets: [_; PhaseTimes::BOUNDS.len() + 1] =
                    differences(&bounds, &buckets, count);
                let [probe, name, ip, family] = labels(target, address);
                let histogram = Histogram {
                    sum: sum.as_secs_f64(),
                    count,
                    buckets: &buckets,
                };
                series.push_histogram([probe, name, ip, family, phase.id().into()], histogram)?;
            }
        }
        Ok(())
    })
}

fn encode_details(targets: &[Target], encoder: &mut Encoder<'_>) -> fmt::Result {
    encoder.family(EXPIRY.descriptor(), |series| {
        for (target, address) in each(targets) {
            let Some(tls) = &address.details.tls else {
                continue;
            };
            let [probe, name, ip, family] = labels(target, address);
            for (scope, expiry) in [("leaf", leaf(tls)), ("chain", earliest(tls))] {
                if let Some(expiry) = expiry {
                    let labels = [probe, name, ip, family, scope.into()];
                    series.push(labels, seconds(expiry))?;
                }
            }
        }
        Ok(())
    })?;
    let rows = each(targets)
        .map(|(target, address)| (labels(target, address), cells(target.kind, address)));
    encoder.table(
        [
            &SERIAL, &TRUSTED, &STATUS, &PMTU, &BLACKHOLE, &HOPS, &CHANGES,
        ],
        rows,
    )
}

fn leaf(tls: &TlsDetails) -> Option<Timestamp> {
    tls.chain.first().map(|certificate| certificate.not_after)
}

fn earliest(tls: &TlsDetails) -> Option<Timestamp> {
    let ends = tls.chain.iter().map(|certificate| certificate.not_after);
    ends.min()
}

/// The gauges of the newest probe. What is words or a list is for reports.
fn cells(kind: ProbeKind, address: &Address) -> [Option<Value>; 7] {
    let Details {
        tcp: _, // all connections together are a counter
        dns,
        tls,
        http,
        pmtu,
        path,
    } = &address.details;
    let serial = dns.as_ref().and_then(|dns| {
        let DnsDetails {
            code: _, // the failures have it
            answers: _,
            aliases: _,
            authoritative: _,
            authenticated: _,
            truncated: _, // a counter of all
            serial,
            ttl: _,
            bytes: _,
            records: _,
        } = dns;
        *serial
    });
    let trusted = tls.as_ref().map(|tls| {
        let TlsDetails {
            version: _,
            cipher: _,
            protocol: _,
            chain: _, // EXPIRY
            distrust,
        } = tls;
        distrust.is_none()
    });
    let status = http.as_ref().and_then(|http| {
        let HttpDetails {
            status,
            version: _,
            body_bytes: _,
            content_length: _,
            redirects: _,
            url: _,
        } = http;
        *status
    });
    let (bytes, blackhole) = pmtu.as_ref().map_or((None, false), |pmtu| {
        let PmtuDetails {
            bytes,
            device_mtu: _,
            blackhole,
            reported_by: _,
            reported: _,
            cached: _,
        } = *pmtu;
        (bytes, blackhole)
    });
    let (hops, changes) = path.as_ref().map_or((None, 0), |path| {
        let PathDetails {
            hops,
            reached: _,
            protocol: _,
            hash: _,
            target_ttl: _,
            changes,
        } = path;
        (Some(hops.len() as u64), *changes)
    });
    [
        maybe(serial),
        maybe(trusted),
        maybe(status.map(u64::from)),
        maybe(bytes),
        // At 0 from the start, as nothing vanished so far.
        maybe((kind == ProbeKind::Pmtu).then_some(blackhole)),
        maybe(hops),
        maybe((kind == ProbeKind::Path).then_some(changes)),
    ]
}
