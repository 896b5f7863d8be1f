//! Answers about made-up targets.

use std::time::Duration;

use droplens_model::Timestamp;
use droplens_model::sample::probes::{
    Address, Certificate, Details, DnsDetails, DnsRecords, FailureReason, Hop, HttpDetails,
    OutcomeKind, PathDetails, Phase, PmtuDetails, ProbeKind, TlsDetails,
};
use droplens_probe::series::Echoes;

use crate::inquiry::answers::worst;
use crate::inquiry::evidence::{Echo, Fault, Host, NameError, NameEvidence, Reply, Step, Way};
use crate::inquiry::judge::judge;
use crate::inquiry::subject::Subject;
use crate::inquiry::{Inquiry, PROBE_SCHEMA};

const DAY: u64 = 86_400_000;

fn inquiry(target: &str, name: NameEvidence, addresses: Vec<Host>) -> Inquiry {
    let subject = Subject::parse(target, None).unwrap();
    let answers = judge(&subject, &name, &addresses);
    Inquiry {
        schema: PROBE_SCHEMA,
        droplens: "0.0.0",
        target: target.into(),
        at: Timestamp(1_767_323_045_250),
        seconds: 2.31,
        status: worst(&answers),
        answers,
        name,
        addresses,
    }
}

fn name(host: &str, addresses: &[&str]) -> NameEvidence {
    NameEvidence {
        host: host.into(),
        addresses: addresses
            .iter()
            .map(|address| address.parse().unwrap())
            .collect(),
        aliases: vec!["web-7.example".into()],
        valid_for_seconds: Some(300.0),
        seconds: 0.0042,
        ..NameEvidence::default()
    }
}

fn host(address: &str, source: &str) -> Host {
    let source = source.parse().unwrap();
    Host::new(address.parse().unwrap(), Way::Known { source })
}

/// So many echo requests that were lost, and the round trips of the others in microseconds.
fn echo(host: &Host, lost: u64, round_trips: &[u64]) -> Echo {
    let mut counted = Address::new(host.address, ProbeKind::Icmp);
    for _ in 0..lost {
        counted.outcomes.add(OutcomeKind::Lost);
    }
    for _ in round_trips {
        counted.outcomes.add(OutcomeKind::Ok);
    }
    Echo::of(Echoes {
        counted,
        round_trips: round_trips
            .iter()
            .copied()
            .map(Duration::from_micros)
            .collect(),
    })
}

#[expect(clippy::unnecessary_wraps, reason = "hosts hold replies so")]
fn fine(steps: &[(Phase, f64)], details: Details) -> Option<Reply> {
    let steps = steps.iter().map(|(phase, seconds)| Step {
        phase: *phase,
        seconds: *seconds,
    });
    Some(Reply {
        seconds: Some(0.01),
        steps: steps.collect(),
        details,
        ..Reply::default()
    })
}

fn session(until: Timestamp) -> Details {
    Details {
        tls: Some(TlsDetails {
            version: Some("TLSv1.3".into()),
            cipher: Some("TLS_AES_256_GCM_SHA384".into()),
            protocol: Some("h2".into()),
            chain: vec![Certificate {
                subject: "CN=www.example".into(),
                issuer: "CN=Example \x1b[2J Root".into(),
                names: vec!["www.example".into(), "example".into()],
                not_before: Timestamp(1_735_689_600_000),
                not_after: until,
                fingerprint: String::new(),
            }],
            distrust: None,
        }),
        ..Details::default()
    }
}

fn pmtu(bytes: u32) -> Option<Reply> {
    let details = Details {
        pmtu: Some(PmtuDetails {
            bytes: Some(bytes),
            device_mtu: Some(1500),
            ..PmtuDetails::default()
        }),
        ..Details::default()
    };
    fine(&[], details)
}

fn hop(ttl: u8, address: &str, answered: u64) -> Hop {
    let mut hop = Hop::new(ttl);
    for number in 0..answered {
        let time = Duration::from_micros(300 * u64::from(ttl) + 10 * number);
        hop.answer(address.parse().unwrap(), time);
    }
    hop.sent = 3;
    hop
}

fn path(hops: Vec<Hop>, target: Option<u8>) -> Option<Reply> {
    let details = Details {
        path: Some(PathDetails::new(hops, target, Some("icmp".into()))),
        ..Details::default()
    };
    fine(&[], details)
}

/// Everything works, but for IPv6, which this host has no route for.
pub(super) fn all_fine() -> Inquiry {
    let mut v4 = host("192.0.2.7", "192.0.2.99");
    v4.echo = Some(echo(
        &v4,
        0,
        &[310, 320, 330, 322, 318, 420, 640, 315, 900, 325],
    ));
    v4.tcp = fine(&[(Phase::Connect, 0.000_34)], Details::default());
    let left = Timestamp(1_767_323_045_250 + 40 * DAY);
    let steps = [(Phase::Connect, 0.000_35), (Phase::Tls, 0.0021)];
    v4.tls = fine(&steps, session(left));
    let response = Details {
        http: Some(HttpDetails {
            status: Some(200),
            version: Some("HTTP/2".into()),
            body_bytes: 1204,
            ..HttpDetails::default()
        }),
        ..Details::default()
    };
    v4.http = fine(
        &[(Phase::Processing, 0.012), (Phase::Transfer, 0.0004)],
        response,
    );
    v4.pmtu = pmtu(1500);
    let hops = vec![
        hop(1, "192.0.2.1", 3),
        hop(2, "198.51.100.1", 0),
        hop(3, "192.0.2.7", 3),
    ];
    v4.path = path(hops, Some(3));
    let v6 = Host::new(
        "2001:db8::7".parse().unwrap(),
        Way::NoRoute {
            message: "this host has no route to 2001:db8::7: Network is unreachable".into(),
        },
    );
    let name = name("www.example", &["192.0.2.7", "2001:db8::7"]);
    inquiry("https://www.example/", name, vec![v4, v6])
}

/// The path loses, large packets vanish, and the certificate has expired.
pub(super) fn much_fails() -> Inquiry {
    let mut lossy = host("192.0.2.7", "192.0.2.99");
    lossy.echo = Some(echo(
        &lossy,
        3,
        &[20_310, 20_320, 21_330, 20_322, 20_318, 24_000, 20_400],
    ));
    lossy.tcp = fine(&[(Phase::Connect, 0.0204)], Details::default());
    let mut expired = fine(
        &[(Phase::Connect, 0.0204), (Phase::Tls, 0.0421)],
        session(Timestamp(1_767_323_045_250 - 3 * DAY)),
    )
    .unwrap();
    expired.failure = Some(Fault {
        reason: FailureReason::TlsExpired,
        message: "the certificate has expired".into(),
    });
    lossy.tls = Some(expired);
    lossy.pmtu = pmtu(1400);
    if let Some(PmtuDetails { blackhole, .. }) = lossy
        .pmtu
        .as_mut()
        .and_then(|reply| reply.details.pmtu.as_mut())
    {
        *blackhole = true;
    }
    let hops = vec![
        hop(1, "192.0.2.1", 3),
        hop(2, "198.51.100.1", 2),
        hop(3, "192.0.2.7", 2),
    ];
    lossy.path = path(hops, Some(3));
    let name = name("www.example", &["192.0.2.7"]);
    inquiry("https://www.example/", name, vec![lossy])
}

/// Large packets vanish from one of two addresses; the other one is gone.
pub(super) fn blackhole_and_silence() -> Inquiry {
    let mut black = host("192.0.2.7", "192.0.2.99");
    black.echo = Some(echo(&black, 0, &[310, 320, 330, 322]));
    black.tcp = fine(&[(Phase::Connect, 0.0004)], Details::default());
    black.pmtu = pmtu(1400);
    if let Some(found) = black
        .pmtu
        .as_mut()
        .and_then(|reply| reply.details.pmtu.as_mut())
    {
        found.blackhole = true;
    }
    let mut gone = host("2001:db8::7", "2001:db8::99");
    gone.echo = Some(echo(&gone, 10, &[]));
    gone.tcp = Some(Reply {
        failure: Some(Fault {
            reason: FailureReason::ConnectTimeout,
            message: "no answer from [2001:db8::7]:5432 within 3 s".into(),
        }),
        ..Reply::default()
    });
    gone.path = path(
        vec![hop(1, "2001:db8::1", 3), hop(2, "2001:db8::2", 0)],
        None,
    );
    let name = name("db.example", &["192.0.2.7", "2001:db8::7"]);
    inquiry("db.example:5432", name, vec![black, gone])
}

/// One address of a name server answers, the other one over TCP only.
pub(super) fn name_servers() -> Inquiry {
    let response = |code: &str, answer: u32, bytes: u32| Details {
        dns: Some(DnsDetails {
            code: code.into(),
            records: DnsRecords {
                answer,
                ..DnsRecords::default()
            },
            bytes,
            ..DnsDetails::default()
        }),
        ..Details::default()
    };
    let connects = || fine(&[(Phase::Connect, 0.0003)], Details::default());
    let mut good = host("192.0.2.53", "192.0.2.99");
    good.echo = Some(echo(&good, 0, &[310, 320, 330, 322]));
    good.tcp = connects();
    good.dns = fine(&[(Phase::Resolve, 0.0007)], response("REFUSED", 0, 28));
    let mut walled = host("2001:db8::53", "2001:db8::99");
    walled.echo = Some(echo(&walled, 4, &[]));
    walled.tcp = connects();
    walled.dns = Some(Reply {
        failure: Some(Fault {
            reason: FailureReason::DnsTimeout,
            message: "no answer from [2001:db8::53]:53 within 2 s".into(),
        }),
        ..Reply::default()
    });
    let steps = [(Phase::Connect, 0.0003), (Phase::Resolve, 0.0005)];
    walled.dns_tcp = fine(&steps, response("NOERROR", 13, 811));
    let name = name("ns.example", &["192.0.2.53", "2001:db8::53"]);
    inquiry("ns.example:53", name, vec![good, walled])
}

/// There is no such name.
pub(super) fn no_name() -> Inquiry {
    let name = NameEvidence {
        host: "gone.example".into(),
        error: Some(NameError {
            not_asked: false,
            message: "there is no host `gone.example`".into(),
        }),
        ..NameEvidence::default()
    };
    inquiry("gone.example", name, Vec::new())
}
