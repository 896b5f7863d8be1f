//! Each threshold of probes changes the verdict: the same measurement is told just below it and not
//! just above it, or the other way round.

use std::time::Duration;

use droplens_model::sample::probes::{Certificate, Phase, ProbeKind, Target, TlsDetails};
use droplens_model::{Cause, Severity};

use super::Thresholds;
use crate::probed::made_up::{END, counts, judge_by, phase, target, times};

const HOST: &str = "192.0.2.7";

fn told(targets: &[Target], set: impl FnOnce(&mut Thresholds)) -> Vec<(Cause, Severity)> {
    let mut thresholds = Thresholds::default();
    set(&mut thresholds);
    let findings = judge_by(&thresholds, &[], targets);
    let told = findings.iter();
    told.map(|finding| (finding.cause, finding.severity))
        .collect()
}

#[test]
fn the_loss_ratio_is_compared_with_what_is_sure() {
    // 10 % were lost, 5.5 % for sure.
    let lossy = [target(ProbeKind::Icmp, HOST, counts(90, 10))];
    let by = |ratio| told(&lossy, |thresholds| thresholds.probe_loss_ratio = ratio);
    assert_eq!(by(0.055), [(Cause::PathLoss, Severity::Warning)]);
    assert_eq!(by(0.056), []);
}

#[test]
fn days_of_certificates_are_compared_with_those_left() {
    let ends = END.after(Duration::from_secs_f64(9.5 * 86_400.0));
    let certified = [target(ProbeKind::Tls, HOST, |address| {
        counts(10, 0)(address);
        address.details.tls = Some(TlsDetails {
            chain: vec![Certificate {
                subject: "CN=api.example".into(),
                issuer: String::new(),
                names: Vec::new(),
                not_before: END,
                not_after: ends,
                fingerprint: String::new(),
            }],
            ..TlsDetails::default()
        });
    })];
    let by = |warning, critical| {
        told(&certified, |thresholds| {
            thresholds.certificate_warning_days = warning;
            thresholds.certificate_critical_days = critical;
        })
    };
    let expiring = |severity| vec![(Cause::TlsCertificateExpiring, severity)];
    assert_eq!(by(9, 1), []);
    assert_eq!(by(10, 1), expiring(Severity::Warning));
    assert_eq!(by(10, 9), expiring(Severity::Warning));
    assert_eq!(by(10, 10), expiring(Severity::Critical));
    // The last days are told, however long before a warning is wanted.
    assert_eq!(by(5, 10), expiring(Severity::Critical));
}

#[test]
fn a_query_is_compared_with_its_time() {
    let server = [target(ProbeKind::Dns, HOST, |address| {
        times(address, 3, Duration::from_millis(80));
    })];
    let by = |millis| {
        told(&server, |thresholds| {
            thresholds.dns_query = Duration::from_millis(millis);
        })
    };
    assert_eq!(by(79), [(Cause::DnsSlow, Severity::Warning)]);
    assert_eq!(by(81), []);
}

#[test]
fn each_step_is_compared_with_its_own_time() {
    type Set = fn(&mut Thresholds, Duration);
    let steps: [(Phase, Cause, Set); 4] = [
        (Phase::Resolve, Cause::DnsSlow, |all, time| {
            all.resolve = time;
        }),
        (Phase::Connect, Cause::ServiceSlow, |all, time| {
            all.connect = time;
        }),
        (Phase::Tls, Cause::ServiceSlow, |all, time| all.tls = time),
        (Phase::Processing, Cause::ServiceSlow, |all, time| {
            all.first_byte = time;
        }),
    ];
    // None of them is slow by the defaults.
    let service = [target(ProbeKind::Http, HOST, |address| {
        for (step, ..) in steps {
            phase(address, step, 3, Duration::from_millis(40));
        }
    })];
    assert_eq!(told(&service, |_| ()), []);
    for (step, cause, set) in steps {
        let by = |millis| {
            told(&service, |thresholds| {
                set(thresholds, Duration::from_millis(millis));
            })
        };
        assert_eq!(by(39), [(cause, Severity::Warning)], "{step}");
        assert_eq!(by(41), [], "{step}");
    }
}
