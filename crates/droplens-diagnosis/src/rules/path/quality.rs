//! What else probes tell of a path: the largest packet, and how long a round trip takes.

use droplens_model::sample::probes::ProbeKind;
use droplens_model::{Cause, Finding, PathDirection, Severity, Source};

use crate::draft::Draft;
use crate::probed::{place, round_trips};
use crate::view::View;

/// Large packets vanish, and nobody says so: the newest search for the path MTU found that.
pub(super) fn blackhole(view: &View<'_>) -> Vec<Finding> {
    let probes = view.probes().iter();
    let holes = probes.filter_map(|probe| {
        let pmtu = probe.address.details.pmtu.filter(|pmtu| pmtu.blackhole)?;
        let place = place(probe);
        let largest = pmtu
            .bytes
            .map_or_else(|| "some size".to_owned(), |bytes| format!("{bytes} bytes"));
        let mut finding = Draft::loss(view, Cause::PathMtuBlackhole, place.clone(), 0)
            .severity(Severity::Warning)
            .summary(format!(
                "packets to {place} larger than {largest} vanish without a message"
            ))
            .gauge(
                Source::Probes,
                "largest packet that arrives",
                pmtu.bytes.map(f64::from),
                "bytes with the IP header",
            )
            .gauge(
                Source::Probes,
                "MTU of the device",
                pmtu.device_mtu.map(f64::from),
                "IFLA_MTU",
            )
            .gauge(
                Source::Probes,
                "MTU that the kernel had remembered",
                pmtu.cached.map(f64::from),
                "IP_MTU",
            )
            .ruled_out(&[Cause::FragmentationFailed])
            .next("Let ICMP \"too big\" through on the way, or lower the MTU of the route or clamp the MSS; meanwhile net.ipv4.tcp_mtu_probing=1 helps TCP.");
        finding.direction = Some(PathDirection::Forward);
        Some(finding)
    });
    holes.collect()
}

/// Round trips take longer than the site, or the class of the target, says they should.
pub(super) fn latency(view: &View<'_>) -> Vec<Finding> {
    let probes = view.probes().iter();
    let slow = probes.filter_map(|probe| {
        let limit = probe.target.limits.round_trip?;
        // Others' times are of more than one round trip.
        if !matches!(probe.target.kind, ProbeKind::Icmp | ProbeKind::Tcp) {
            return None;
        }
        let times = round_trips(view, probe)?;
        if !times.times().are_above(limit) {
            return None;
        }
        let place = place(probe);
        let seconds = |share| Some(times.times().quantile(share)?.as_secs_f64());
        Some(
            Draft::pressure(view, Cause::PathLatency, place.clone())
                .summary(format!("round trips to {place} take longer than {limit:?}"))
                .gauge(Source::Probes, "median round trip in seconds", seconds(0.5), "estimate of a histogram")
                .gauge(Source::Probes, "99th percentile in seconds", seconds(0.99), "estimate of a histogram")
                .gauge(Source::Probes, "limit in seconds", Some(limit.as_secs_f64()), "of the target or its class")
                .ruled_out(&[Cause::PathLoss])
                .next("Has the path changed (route and hops below)? If the base rose, it is longer; if only the tail did, a queue on the way is full: see who fills it."),
        )
    });
    slow.collect()
}
