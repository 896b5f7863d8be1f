//! What probes found: the default targets, and one target of each kind.

use std::time::Duration;

use droplens_model::Timestamp;
use droplens_model::sample::probes::{
    Address, Certificate, DnsDetails, FailureReason, HttpDetails, OutcomeKind, PathDetails, Phase,
    PhaseSummary, PhaseTimes, PmtuDetails, ProbeKind, Prober, Probes, Strays, Target, TlsDetails,
};

/// What is probed without any configuration on a host with both families: the gateways and three
/// resolvers. All of them answer.
pub(crate) fn defaults() -> Probes {
    let targets = [
        ("gateway", ProbeKind::Icmp, "192.0.2.1"),
        ("gateway", ProbeKind::Icmp, "fe80::1"),
        ("resolver", ProbeKind::Dns, "192.0.2.53"),
        ("resolver", ProbeKind::Dns, "198.51.100.53"),
        ("resolver", ProbeKind::Dns, "2001:db8::53"),
    ];
    let targets = targets.map(|(probe, kind, target)| Target {
        asked_for: false,
        addresses: vec![answering(target, kind)],
        ..Target::new(probe, kind, target)
    });
    Probes {
        targets: targets.into(),
        prober: prober(),
    }
}

fn prober() -> Prober {
    Prober {
        wanted_rate: 2.1,
        effective_rate: 2.1,
        stretch: 1.0,
        schedule_lag: Duration::from_micros(300),
        skipped: 1,
        stalls: 2,
        stalled: Duration::from_millis(1_500),
        suspends: 0,
        strays: Strays {
            nonce: 3,
            peer: 1,
            sequence: 0,
        },
        socket_overflows: 0,
        kernel_stamps: true,
    }
}

/// An address that answered ten probes in time and one late.
fn answering(address: &str, kind: ProbeKind) -> Address {
    let mut answering = Address::new(address.parse().unwrap(), kind);
    answering.sent = 12;
    answering.in_flight = 1;
    (0..10).for_each(|_| answering.outcomes.add(OutcomeKind::Ok));
    answering.outcomes.add(OutcomeKind::Late);
    for microseconds in [
        400, 600, 700, 800, 900, 900, 1_100, 1_200, 1_500, 1_900, 1_200_000,
    ] {
        answering
            .round_trips
            .add(Duration::from_micros(microseconds));
    }
    answering.jitter = Some(Duration::from_micros(120));
    answering.delay_variation = Some(Duration::from_micros(1_500));
    answering
}

/// One target of each kind, all at one address; the first one lost probes.
pub(crate) fn every_kind() -> Probes {
    let target = |&kind: &ProbeKind| {
        let mut address = answering("192.0.2.7", kind);
        match kind {
            ProbeKind::Icmp => lossy(&mut address),
            ProbeKind::Tcp => {
                address.syn_retransmits = 4;
                address.failures.add(FailureReason::ConnectRefused);
            }
            ProbeKind::Dns => {
                address.truncated = 1;
                address.details.dns = Some(DnsDetails {
                    serial: Some(2_026_010_203),
                    ..DnsDetails::default()
                });
            }
            ProbeKind::Tls => address.details.tls = Some(expiring()),
            ProbeKind::Http => {
                address.phases = vec![connect()];
                address.details.http = Some(HttpDetails {
                    status: Some(503),
                    ..HttpDetails::default()
                });
            }
            ProbeKind::Pmtu => {
                address.details.pmtu = Some(PmtuDetails {
                    bytes: Some(1_400),
                    blackhole: true,
                    ..PmtuDetails::default()
                });
            }
            ProbeKind::Path => {
                address.details.path = Some(PathDetails {
                    changes: 2,
                    ..PathDetails::default()
                });
            }
        }
        let name = |text: &str| text.into();
        Target {
            labels: vec![
                (name("region"), name("eu \"1\"")),
                (name("kind"), name("edge")),
            ],
            addresses: vec![address],
            addresses_left_out: 3,
            ..Target::new(kind.id(), kind, "host.example")
        }
    };
    Probes {
        targets: ProbeKind::ALL.iter().map(target).collect(),
        prober: prober(),
    }
}

fn lossy(address: &mut Address) {
    for _ in 0..3 {
        address.outcomes.add(OutcomeKind::Lost);
        address.failures.add(FailureReason::Timeout);
    }
    address.burst_packets.add(3);
    address.burst_durations.add(Duration::from_millis(600));
    address.duplicates = 5;
}

fn connect() -> PhaseSummary {
    let mut times = PhaseTimes::default();
    times.add(Duration::from_millis(30));
    PhaseSummary {
        phase: Phase::Connect,
        times,
        last: Duration::from_millis(30),
    }
}

fn expiring() -> TlsDetails {
    let until = |seconds: u64| Certificate {
        subject: String::new(),
        issuer: String::new(),
        names: Vec::new(),
        not_before: Timestamp(0),
        not_after: Timestamp(seconds * 1_000),
    };
    TlsDetails {
        chain: vec![until(1_800_000_000), until(1_700_000_000)],
        ..TlsDetails::default()
    }
}
