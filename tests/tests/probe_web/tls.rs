//! Handshakes.

use droplens_model::sample::probes::{FailureReason, Phase, TlsDetails};
use droplens_probe::errand::{Ending, Report};
use droplens_tests::lab::Namespace;
use droplens_tests::needs_root;
use droplens_tests::servers::identity::{Authority, EXPIRED, Identity, NOT_YET, VALID, Years};
use droplens_tests::servers::tls::{Manner, config, resets_after_certificate, shakes};
use droplens_tests::servers::web::{WebServer, closes, resets, says, silent};
use rustls::version::{TLS12, TLS13};

use crate::asking::{
    BOTH, LONG, SHORT, authority_file, failure, file_of, is_answered, shake, steps,
};

const NAME: &[&str] = &["www.example"];

fn details(report: &Report) -> &TlsDetails {
    report.details.tls.as_ref().expect("details")
}

/// Shakes hands with a server of this identity, and trusts this text (PEM).
fn meet(identity: Identity, trusted: &str) -> Report {
    let namespace = Namespace::new();
    let server = WebServer::start(
        &namespace,
        "127.0.0.1",
        shakes(config(identity, &Manner::default())),
    );
    let (_file, path) = file_of(trusted);
    shake(&namespace, server.address(), LONG, |spec| {
        spec.authorities = Some(path.into());
    })
}

#[test]
fn a_good_handshake_tells_version_cipher_and_chain() {
    needs_root!();
    let root = Authority::root();
    let middle = root.intermediate(Years(2021, 2180));
    for ip in BOTH {
        for (version, name) in [(&TLS12, "TLSv1.2"), (&TLS13, "TLSv1.3")] {
            let namespace = Namespace::new();
            let manner = Manner {
                versions: vec![version],
                ..Manner::default()
            };
            let names = ["www.example", "192.0.2.7"];
            let config = config(middle.issue(&names, Years(2022, 2170)), &manner);
            let server = WebServer::start(&namespace, ip, shakes(config));
            let (_file, path) = authority_file(&root);
            let report = shake(&namespace, server.address(), LONG, |spec| {
                spec.authorities = Some(path.into());
            });
            assert_eq!(report.failure, None, "{ip} {name}");
            assert!(is_answered(&report));
            assert_eq!(steps(&report), [Phase::Connect, Phase::Tls]);
            assert!(report.details.tcp.is_some());
            let tls = details(&report);
            assert_eq!(tls.version.as_deref(), Some(name));
            let cipher = tls.cipher.as_deref().expect("a cipher");
            let known = if name == "TLSv1.3" {
                "TLS_"
            } else {
                "TLS_ECDHE_ECDSA_"
            };
            assert!(cipher.starts_with(known), "{cipher}");
            assert_eq!(
                (tls.distrust.as_deref(), tls.protocol.as_deref()),
                (None, None)
            );
            let told: Vec<_> = tls
                .chain
                .iter()
                .map(|c| (&*c.subject, &*c.issuer))
                .collect();
            assert_eq!(
                told,
                [
                    ("CN=www.example", "CN=the middle"),
                    ("CN=the middle", "CN=the root")
                ]
            );
            assert_eq!(tls.chain[0].names, names);
            assert_eq!(
                tls.chain[0].not_before.to_string(),
                "2022-01-01T00:00:00.000Z"
            );
            assert_eq!(
                tls.chain[0].not_after.to_string(),
                "2170-01-01T00:00:00.000Z"
            );
            assert_eq!(
                tls.chain[1].not_after.to_string(),
                "2180-01-01T00:00:00.000Z"
            );
        }
    }
}

#[test]
fn a_bad_certificate_has_its_reason_and_still_its_dates() {
    needs_root!();
    let root = Authority::root();
    let cases = [
        (
            root.issue(NAME, EXPIRED),
            FailureReason::TlsExpired,
            "the certificate of `CN=www.example` expired on 2021-01-01",
        ),
        (
            root.issue(NAME, NOT_YET),
            FailureReason::TlsNotYetValid,
            "is not valid before 2150-01-01",
        ),
        (
            root.issue(&["a.example", "b.example"], VALID),
            FailureReason::TlsWrongName,
            "the certificate is not for www.example, only for a.example, b.example",
        ),
        (
            root.issue_common_name("www.example"),
            FailureReason::TlsWrongName,
            "a common name does not count",
        ),
        (
            Identity::of_version_1("www.example"),
            FailureReason::TlsWrongName,
            "X.509 version 1",
        ),
        (
            Identity::self_signed("www.example", VALID),
            FailureReason::TlsUntrusted,
            "is self-signed",
        ),
        (
            Identity::self_signed_authority("www.example"),
            FailureReason::TlsUntrusted,
            "is self-signed",
        ),
        (
            Identity::self_signed("www.example", EXPIRED),
            FailureReason::TlsExpired,
            "expired on",
        ),
        (
            Authority::named("a stranger").issue(NAME, VALID),
            FailureReason::TlsUntrusted,
            "sends no intermediate certificate along",
        ),
        (
            Authority::root().issue(NAME, VALID),
            FailureReason::TlsUntrusted,
            "by another authority of the same name",
        ),
        (
            Authority::named("a stranger")
                .intermediate(VALID)
                .issue(NAME, VALID),
            FailureReason::TlsUntrusted,
            "whose issuer is `CN=the middle`",
        ),
        (
            root.intermediate(EXPIRED).issue(NAME, VALID),
            FailureReason::TlsExpired,
            "the intermediate certificate of `CN=the middle` expired on 2021-01-01",
        ),
        (
            root.intermediate(NOT_YET).issue(NAME, VALID),
            FailureReason::TlsNotYetValid,
            "the intermediate certificate of `CN=the middle` is not valid before",
        ),
    ];
    for (identity, reason, part) in cases {
        let sent = identity.chain.len();
        let report = meet(identity, &root.pem());
        let (found, why) = failure(&report);
        assert_eq!(found, reason, "{why}");
        assert!(why.contains(part), "{why}");
        assert!(is_answered(&report), "{why}");
        let tls = details(&report);
        assert_eq!(tls.chain.len(), sent, "{why}");
        assert!(
            tls.chain
                .iter()
                .all(|certificate| certificate.not_after.0 > 0)
        );
        assert_eq!(tls.distrust.as_deref(), Some(why));
        assert!(tls.version.is_some(), "{why}");
        assert_eq!(steps(&report), [Phase::Connect, Phase::Tls]);
    }
}

#[test]
fn several_reasons_are_all_told() {
    needs_root!();
    let report = meet(
        Identity::self_signed("a.example", EXPIRED),
        &Authority::root().pem(),
    );
    assert_eq!(failure(&report).0, FailureReason::TlsExpired);
    let told = details(&report).distrust.clone().expect("distrust");
    assert!(
        told.contains("expired on") && told.contains("; the certificate is not for www.example"),
        "{told}"
    );
}

#[test]
fn a_certificate_that_is_trusted_itself_needs_no_authority() {
    needs_root!();
    for identity in [
        Identity::self_signed("www.example", VALID),
        Identity::self_signed_authority("www.example"),
    ] {
        let pem = identity.pem();
        let report = meet(identity, &pem);
        assert_eq!(report.failure, None);
        assert_eq!(details(&report).distrust, None);
    }
    let expired = Identity::self_signed("www.example", EXPIRED);
    let pem = expired.pem();
    assert_eq!(failure(&meet(expired, &pem)).0, FailureReason::TlsExpired);
}

#[test]
fn an_address_is_a_name_of_a_certificate_like_any_other() {
    needs_root!();
    let root = Authority::root();
    let (_file, path) = authority_file(&root);
    for ip in BOTH {
        let namespace = Namespace::new();
        for (names, right) in [(vec![ip], true), (vec!["192.0.2.7", "fd90:1::7"], false)] {
            let config = config(root.issue(&names, VALID), &Manner::default());
            let server = WebServer::start(&namespace, ip, shakes(config));
            let report = shake(&namespace, server.address(), LONG, |spec| {
                spec.server_name = ip.into();
                spec.authorities = Some(path.as_str().into());
            });
            let reason = report.failure.as_ref().map(|(reason, _)| *reason);
            assert_eq!(
                reason,
                (!right).then_some(FailureReason::TlsWrongName),
                "{ip}: {report:?}"
            );
        }
    }
}

#[test]
fn without_verification_distrust_is_told_and_no_failure() {
    needs_root!();
    let namespace = Namespace::new();
    for identity in [
        Identity::self_signed("a.example", EXPIRED),
        Identity::of_version_1("a.example"),
    ] {
        let server = WebServer::start(
            &namespace,
            "127.0.0.1",
            shakes(config(identity, &Manner::default())),
        );
        let report = shake(&namespace, server.address(), LONG, |spec| {
            spec.verify = false;
        });
        assert_eq!(report.failure, None);
        assert!(details(&report).distrust.is_some());
        assert_eq!(details(&report).chain.len(), 1);
    }
}

#[test]
fn authorities_that_cannot_be_read_are_no_fault_of_the_server() {
    needs_root!();
    let namespace = Namespace::new();
    let identity = Identity::self_signed("www.example", VALID);
    let server = WebServer::start(
        &namespace,
        "127.0.0.1",
        shakes(config(identity, &Manner::default())),
    );
    let report = shake(&namespace, server.address(), LONG, |spec| {
        spec.authorities = Some("/nowhere/authorities.pem".into());
    });
    let (reason, why) = failure(&report);
    assert_eq!(reason, FailureReason::Other);
    assert!(
        why.starts_with("cannot read the authorities in /nowhere/authorities.pem: "),
        "{why}"
    );
    assert_eq!(details(&report).chain.len(), 1);
}

#[test]
fn a_server_that_never_shakes_hands_is_a_timeout() {
    needs_root!();
    for ip in BOTH {
        let namespace = Namespace::new();
        let server = WebServer::start(&namespace, ip, silent);
        let report = shake(&namespace, server.address(), SHORT, |_| ());
        assert_eq!(report.ending, Ending::Silent);
        assert_eq!(failure(&report).0, FailureReason::TlsTimeout);
        assert_eq!(steps(&report), [Phase::Connect]);
        assert_eq!(report.details.tls, None);
    }
    // The beginning of a record that never becomes whole.
    let namespace = Namespace::new();
    let server = WebServer::start(&namespace, "127.0.0.1", says(&[22, 3, 3, 64, 0, 2]));
    let report = shake(&namespace, server.address(), SHORT, |_| ());
    assert_eq!(
        failure(&report),
        (
            FailureReason::TlsTimeout,
            "the server began to answer the TLS handshake and went no further (6 bytes)"
        )
    );
}

#[test]
fn what_is_no_tls_is_a_failed_handshake_that_shows_it() {
    needs_root!();
    let namespace = Namespace::new();
    for (answer, part) in [
        (
            &b"HTTP/1.1 400 Bad Request\r\n\r\n"[..],
            "speaks plain HTTP on this port",
        ),
        (
            b"220 mail.example ESMTP\r\n",
            "begins with \"220 mail.example ESMTP\\r\\n\"",
        ),
        (&[0xff; 3000], "speaks something else than TLS"),
        // An alert: no common version.
        (
            &[21, 3, 3, 0, 2, 2, 70],
            "speaks neither TLS 1.2 nor TLS 1.3",
        ),
        (&[21, 3, 3, 0, 2, 2, 40], "alert: HandshakeFailure"),
    ] {
        let server = WebServer::start(&namespace, "127.0.0.1", says(answer));
        let report = shake(&namespace, server.address(), LONG, |_| ());
        let (reason, why) = failure(&report);
        assert_eq!(reason, FailureReason::TlsHandshake, "{why}");
        assert!(why.contains(part), "{why}");
        assert!(is_answered(&report), "{why}");
    }
}

#[test]
fn a_reset_is_a_reset_and_a_closed_port_is_refused() {
    needs_root!();
    for ip in BOTH {
        let namespace = Namespace::new();
        let server = WebServer::start(&namespace, ip, resets);
        let report = shake(&namespace, server.address(), LONG, |_| ());
        assert_eq!(failure(&report).0, FailureReason::Reset);
        assert!(is_answered(&report));
        let server = WebServer::start(&namespace, ip, closes);
        let report = shake(&namespace, server.address(), LONG, |_| ());
        assert_eq!(
            failure(&report),
            (
                FailureReason::Reset,
                "the server closed the connection in the middle of the TLS handshake"
            )
        );
        let closed = server.address();
        drop(server);
        let report = shake(&namespace, closed, LONG, |_| ());
        assert_eq!(failure(&report).0, FailureReason::ConnectRefused);
        assert!(is_answered(&report));
    }
}

#[test]
fn a_certificate_is_told_of_even_if_the_handshake_then_fails() {
    needs_root!();
    let namespace = Namespace::new();
    let manner = Manner {
        versions: vec![&TLS12],
        ..Manner::default()
    };
    let config = config(Identity::self_signed("www.example", EXPIRED), &manner);
    let server = WebServer::start(&namespace, "127.0.0.1", resets_after_certificate(config));
    let report = shake(&namespace, server.address(), LONG, |_| ());
    assert_eq!(failure(&report).0, FailureReason::Reset);
    let tls = details(&report);
    assert_eq!(
        tls.chain[0].not_after.to_string(),
        "2021-01-01T00:00:00.000Z"
    );
    assert!(tls.distrust.is_some());
}

#[test]
fn a_server_that_insists_on_a_client_certificate_is_told_as_such() {
    needs_root!();
    let namespace = Namespace::new();
    for version in [&TLS12, &TLS13] {
        let manner = Manner {
            versions: vec![version],
            wants_client: true,
            ..Manner::default()
        };
        let config = config(Identity::self_signed("www.example", VALID), &manner);
        let server = WebServer::start(&namespace, "127.0.0.1", shakes(config));
        let report = shake(&namespace, server.address(), LONG, |spec| {
            spec.verify = false;
        });
        let (reason, why) = failure(&report);
        // In TLS 1.2 the server may hang up while the client is still talking; then its alert is lost.
        let hung_up = version.version == TLS12.version && reason == FailureReason::Reset;
        assert!(hung_up || reason == FailureReason::TlsHandshake, "{why}");
        assert!(why.contains("client certificate"), "{why}");
        assert_eq!(details(&report).chain.len(), 1);
    }
}
