//! What reports tell of probes.

use std::cmp::Reverse;
use std::time::Duration;

use droplens_model::delta::ProbeDelta;
use droplens_model::sample::probes::{LossRatio, RotationKind, RoundTrips, Target};
use droplens_model::{Grade, ProbeLoss, ProbeReport, ProbeTransport, Timestamp};

use super::{ENOUGH, is_silent, packets, sum};
use crate::view::View;

/// Longer lists are for the API of metrics.
const ADDRESSES: usize = 100;

/// What probes lost, by what they send, all targets together.
pub(crate) fn losses(view: &View<'_>) -> Vec<ProbeLoss> {
    let of = |transport: &ProbeTransport| {
        let own = view.probes().iter().filter(|probe| {
            !is_silent(probe) && ProbeTransport::of(probe.target.kind) == Some(*transport)
        });
        let (loss, times) = own.fold(
            (LossRatio::default(), RoundTrips::default()),
            |(loss, times), probe| (sum(loss, packets(probe)), times.with(&probe.round_trips())),
        );
        let ratio = loss.ratio()?;
        Some(ProbeLoss {
            transport: *transport,
            packets: loss.of,
            lost: loss.lost,
            ratio,
            grade: (loss.of >= ENOUGH).then(|| Grade::of(ratio)),
            round_trip_median: seconds(&times, 0.5),
            round_trip_p99: seconds(&times, 0.99),
        })
    };
    ProbeTransport::ALL.iter().filter_map(of).collect()
}

fn seconds(times: &RoundTrips, share: f64) -> Option<f64> {
    Some(times.times().quantile(share)?.as_secs_f64())
}

/// Every address, those that lose or fail first, and how many are left out for want of room.
pub(crate) fn list(view: &View<'_>) -> (Vec<ProbeReport>, u64) {
    let targets = view.now().probes.ok().into_iter();
    let without = targets
        .flat_map(|probes| &probes.targets)
        .filter(|target| target.addresses.is_empty())
        .map(without_address);
    let mut all: Vec<_> = view.probes().iter().map(|probe| one(view, probe)).collect();
    all.extend(without);
    // The order of the configuration stays where nothing is wrong.
    all.sort_by_key(|probe| Reverse((probe.loss.lost, probe.failed)));
    let left_out = all.len().saturating_sub(ADDRESSES) as u64;
    all.truncate(ADDRESSES);
    (all, left_out)
}

fn without_address(target: &Target) -> ProbeReport {
    ProbeReport {
        probe: target.probe.clone(),
        target: target.target.clone(),
        kind: target.kind,
        state: target.state,
        address: None,
        sent: 0,
        loss: LossRatio::default(),
        loss_interval: LossRatio::default().interval(),
        round_trip_median: None,
        round_trip_p99: None,
        pattern: droplens_model::sample::probes::LossPattern::default(),
        failed: 0,
        last_failure: None,
        certificate_days: None,
        pmtu_bytes: None,
        route: None,
        route_changes: 0,
        identifier_healed: 0,
    }
}

fn one(view: &View<'_>, probe: &ProbeDelta<'_>) -> ProbeReport {
    let address = probe.address;
    let loss = packets(probe);
    let times = probe.round_trips();
    let failed = probe.failed_in_all();
    // A failure may have begun before the window, since it ends with the time to wait.
    let last = address.last_failure.clone().filter(|_| failed > 0);
    ProbeReport {
        address: Some(address.address),
        sent: probe.sent(),
        loss,
        loss_interval: loss.interval(),
        round_trip_median: seconds(&times, 0.5),
        round_trip_p99: seconds(&times, 0.99),
        pattern: address.pattern,
        failed,
        last_failure: last,
        certificate_days: view.end().and_then(|now| days(probe, now)),
        pmtu_bytes: address.details.pmtu.and_then(|pmtu| pmtu.bytes),
        route: address.route.clone(),
        route_changes: probe.route_changes(),
        identifier_healed: probe.rotations(RotationKind::Healed),
        ..without_address(probe.target)
    }
}

/// Days until the first certificate expires; negative if it has.
fn days(probe: &ProbeDelta<'_>, now: Timestamp) -> Option<f64> {
    let tls = probe.address.details.tls.as_ref()?;
    let end = tls.chain.iter().map(|certificate| certificate.not_after);
    let end = end.min()?;
    let days = |span: Duration| span.as_secs_f64() / 86_400.0;
    Some(days(end.since(now)) - days(now.since(end)))
}

#[cfg(test)]
mod tests {
    use droplens_model::delta::Delta;
    use droplens_model::sample::probes::{ProbeKind, TargetState};

    use super::*;
    use crate::ledger::Ledger;
    use crate::probed::made_up::{begun, counts, fail, snapshot, target};
    use crate::thresholds::Thresholds;

    fn with_view<T>(targets: &[Target], look: impl FnOnce(&View<'_>) -> T) -> T {
        let from = snapshot(1, &[], &begun(targets));
        let to = snapshot(11, &[], targets);
        let delta = Delta::new(&from, &to);
        let (ledger, thresholds) = (Ledger::of(delta), Thresholds::default());
        look(&View::new(
            delta,
            &ledger,
            Duration::from_secs(10),
            &thresholds,
        ))
    }

    #[test]
    fn protocols_stand_side_by_side() {
        let mut again = target(ProbeKind::Http, "192.0.2.8", counts(20, 0));
        again.addresses[0].syn_retransmits = 5;
        let mut silent = target(ProbeKind::Icmp, "192.0.2.1", counts(0, 9));
        silent.state = TargetState::Silent;
        let targets = [
            target(ProbeKind::Icmp, "192.0.2.7", counts(90, 10)),
            target(ProbeKind::Icmp, "192.0.2.8", counts(100, 0)),
            target(ProbeKind::Tcp, "192.0.2.7", counts(75, 0)),
            again,
            target(ProbeKind::Dns, "192.0.2.53", counts(3, 1)),
            target(ProbeKind::Pmtu, "192.0.2.7", counts(10, 10)),
            silent,
        ];
        let found = with_view(&targets, losses);
        let found: Vec<_> = (found.iter())
            .map(|loss| (loss.transport, loss.lost, loss.packets, loss.grade))
            .collect();
        assert_eq!(
            found,
            [
                (ProbeTransport::Icmp, 10, 200, Some(Grade::Severe)),
                (ProbeTransport::Tcp, 5, 100, Some(Grade::Severe)),
                (ProbeTransport::Dns, 1, 4, None),
            ]
        );
        assert_eq!(with_view(&[], losses), []);
    }

    #[test]
    fn the_worst_come_first_and_the_list_is_bounded() {
        let mut targets: Vec<_> = (0..150)
            .map(|_| target(ProbeKind::Icmp, "192.0.2.7", counts(10, 0)))
            .collect();
        targets.push(target(ProbeKind::Tcp, "192.0.2.8", |address| {
            counts(10, 0)(address);
            fail(
                address,
                droplens_model::sample::probes::FailureReason::Reset,
                2,
            );
        }));
        targets.push(target(ProbeKind::Icmp, "192.0.2.9", counts(9, 1)));
        targets.push(Target::new("tcp", ProbeKind::Tcp, "gone.example:22"));
        let (list, left_out) = with_view(&targets, list);
        assert_eq!((list.len(), left_out), (100, 53));
        let first: Vec<_> = list.iter().take(2).map(|probe| &*probe.target).collect();
        assert_eq!(first, ["192.0.2.9", "192.0.2.8"]);
        assert_eq!(list[0].loss, LossRatio { lost: 1, of: 10 });
        assert!(list[0].round_trip_median.is_some());
    }
}
