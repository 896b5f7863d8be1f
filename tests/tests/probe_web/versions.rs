//! HTTP over TLS, and HTTP/2.

use std::net::SocketAddr;
use std::process::Command;

use droplens_model::sample::probes::{FailureReason, Phase};
use droplens_probe::errand::{Ending, Report};
use droplens_probe::spec::{Ask, HttpSpec, HttpVersion};
use droplens_tests::lab::Namespace;
use droplens_tests::needs_root;
use droplens_tests::servers::http::{Log, Step, page, plain, secure, two};
use droplens_tests::servers::identity::{Authority, EXPIRED, Identity, VALID};
use droplens_tests::servers::tls::{Manner, config};
use droplens_tests::servers::web::{WebServer, says, silent};
use droplens_tests::skip;
use rustls::version::TLS12;

use crate::asking::{
    BOTH, LONG, SHORT, authority_file, failure, get, is_answered, run, steps, task,
};

/// Asks a server of `www.example` by TLS.
fn get_safely(
    namespace: &Namespace,
    to: SocketAddr,
    authorities: &str,
    change: impl FnOnce(&mut HttpSpec),
) -> Report {
    let url = format!("https://www.example:{}/page", to.port());
    let mut spec = HttpSpec::for_url(&url).expect("a URL");
    if let Some(tls) = &mut spec.tls {
        tls.authorities = Some(authorities.into());
    }
    change(&mut spec);
    run(namespace, task(to, Ask::Http(spec), LONG), "")
}

fn version(report: &Report) -> Option<&str> {
    report
        .details
        .http
        .as_ref()
        .and_then(|http| http.version.as_deref())
}

fn protocol(report: &Report) -> Option<&str> {
    report
        .details
        .tls
        .as_ref()
        .and_then(|tls| tls.protocol.as_deref())
}

fn manner(protocols: &[&'static str]) -> Manner {
    Manner {
        protocols: protocols.to_vec(),
        ..Manner::default()
    }
}

#[test]
fn http_over_tls_has_all_steps() {
    needs_root!();
    let root = Authority::root();
    let (_file, path) = authority_file(&root);
    for ip in BOTH {
        let namespace = Namespace::new();
        let config = config(root.issue(&["www.example"], VALID), &manner(&["http/1.1"]));
        let log = Log::default();
        let serve = secure(config, &log, |_| page("200 OK", &[], "hello"));
        let server = WebServer::start(&namespace, ip, serve);
        let report = get_safely(&namespace, server.address(), &path, |_| ());
        assert_eq!(report.failure, None);
        assert_eq!(
            steps(&report),
            [
                Phase::Connect,
                Phase::Tls,
                Phase::Processing,
                Phase::Transfer
            ]
        );
        assert_eq!(
            (version(&report), protocol(&report)),
            (Some("HTTP/1.1"), Some("http/1.1"))
        );
        let host = format!("www.example:{}", server.address().port());
        assert_eq!(log.all()[0].header("host"), Some(&*host));
    }
}

#[test]
fn nothing_is_asked_of_a_server_that_is_not_trusted() {
    needs_root!();
    let namespace = Namespace::new();
    let (_file, path) = authority_file(&Authority::root());
    let log = Log::default();
    let identity = Identity::self_signed("www.example", EXPIRED);
    let serve = secure(config(identity, &manner(&[])), &log, |_| {
        page("200 OK", &[], "")
    });
    let server = WebServer::start(&namespace, "127.0.0.1", serve);
    let report = get_safely(&namespace, server.address(), &path, |_| ());
    assert_eq!(failure(&report).0, FailureReason::TlsExpired);
    assert_eq!(steps(&report), [Phase::Connect, Phase::Tls]);
    assert_eq!(log.all().len(), 0);
    let report = get_safely(&namespace, server.address(), &path, |spec| {
        spec.tls.as_mut().expect("https").verify = false;
    });
    assert_eq!(report.failure, None);
    assert_eq!(log.all().len(), 1);
}

#[test]
fn http_2_is_agreed_on_in_the_handshake() {
    needs_root!();
    let root = Authority::root();
    let (_file, path) = authority_file(&root);
    for ip in BOTH {
        let namespace = Namespace::new();
        let config = config(
            root.issue(&["www.example"], VALID),
            &manner(&["h2", "http/1.1"]),
        );
        let log = Log::default();
        let serve = two(Some(config), &log, |_| (200, "hello".to_owned()));
        let server = WebServer::start(&namespace, ip, serve);
        for wanted in [HttpVersion::Any, HttpVersion::Http2] {
            let report = get_safely(&namespace, server.address(), &path, |spec| {
                spec.version = wanted;
                spec.expect_body = vec!["^hello$".into()];
            });
            assert_eq!(report.failure, None, "{wanted:?}");
            assert_eq!(
                (version(&report), protocol(&report)),
                (Some("HTTP/2.0"), Some("h2"))
            );
            assert_eq!(
                steps(&report),
                [
                    Phase::Connect,
                    Phase::Tls,
                    Phase::Processing,
                    Phase::Transfer
                ]
            );
        }
        let whole = format!(
            "GET https://www.example:{}/page HTTP/2.0",
            server.address().port()
        );
        assert_eq!(log.all()[0].line, whole);
    }
}

#[test]
fn a_server_without_http_2_fails_only_who_insists_on_it() {
    needs_root!();
    let root = Authority::root();
    let (_file, path) = authority_file(&root);
    let namespace = Namespace::new();
    for protocols in [&["http/1.1"][..], &[]] {
        let config = config(root.issue(&["www.example"], VALID), &manner(protocols));
        let serve = secure(config, &Log::default(), |_| page("200 OK", &[], ""));
        let server = WebServer::start(&namespace, "127.0.0.1", serve);
        let ask = |version| {
            get_safely(&namespace, server.address(), &path, |spec| {
                spec.version = version;
            })
        };
        assert_eq!(ask(HttpVersion::Any).failure, None);
        assert_eq!(ask(HttpVersion::Http1).failure, None);
        assert_eq!(
            failure(&ask(HttpVersion::Http2)).0,
            FailureReason::TlsHandshake
        );
    }
}

#[test]
fn http_2_without_tls_is_spoken_by_prior_knowledge() {
    needs_root!();
    for ip in BOTH {
        let (namespace, log) = (Namespace::new(), Log::default());
        let serve = two(None, &log, |path| {
            (if path == "/page" { 200 } else { 404 }, "x".repeat(400_000))
        });
        let server = WebServer::start(&namespace, ip, serve);
        let ask = |most| {
            get(&namespace, server.address(), LONG, |spec| {
                spec.version = HttpVersion::Http2;
                spec.most_bytes = most;
            })
        };
        let report = ask(400_000);
        assert_eq!(report.failure, None);
        assert_eq!(version(&report), Some("HTTP/2.0"));
        assert_eq!(
            report.details.http.as_ref().map(|http| http.body_bytes),
            Some(400_000)
        );
        assert_eq!(failure(&ask(399_999)).0, FailureReason::HttpTooLarge);
    }
}

#[test]
fn what_is_no_http_2_is_malformed_and_silence_a_timeout() {
    needs_root!();
    let namespace = Namespace::new();
    let ask = |to, patience| {
        get(&namespace, to, patience, |spec| {
            spec.version = HttpVersion::Http2;
        })
    };
    let server = WebServer::start(
        &namespace,
        "127.0.0.1",
        plain(&Log::default(), |_| page("400 Bad Request", &[], "")),
    );
    let report = ask(server.address(), LONG);
    let (reason, why) = failure(&report);
    assert_eq!(reason, FailureReason::HttpMalformed, "{why}");
    assert!(why.contains("begins with \"HTTP/1.1 400"), "{why}");
    assert!(is_answered(&report));
    // Settings, and a GOAWAY.
    let away = [
        &[0, 0, 0, 4, 0, 0, 0, 0, 0][..],
        &[0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 11],
    ]
    .concat();
    let server = WebServer::start(&namespace, "127.0.0.1", says(&away));
    let report = ask(server.address(), LONG);
    let (reason, why) = failure(&report);
    assert_eq!(reason, FailureReason::Reset, "{why}");
    let server = WebServer::start(&namespace, "127.0.0.1", silent);
    let report = ask(server.address(), SHORT);
    assert_eq!(
        (failure(&report).0, report.ending),
        (FailureReason::HttpTimeout, Ending::Silent)
    );
}

#[test]
fn a_client_certificate_that_is_asked_for_too_late_is_told_as_such() {
    needs_root!();
    let root = Authority::root();
    let (_file, path) = authority_file(&root);
    let namespace = Namespace::new();
    let manner = Manner {
        wants_client: true,
        ..Manner::default()
    };
    let config = config(root.issue(&["www.example"], VALID), &manner);
    let serve = secure(config, &Log::default(), |_| page("200 OK", &[], ""));
    let server = WebServer::start(&namespace, "127.0.0.1", serve);
    let report = get_safely(&namespace, server.address(), &path, |_| ());
    let (reason, why) = failure(&report);
    assert_eq!(reason, FailureReason::TlsHandshake, "{why}");
    assert!(why.contains("client certificate"), "{why}");
}

#[test]
fn a_response_that_is_cut_off_within_tls_is_a_reset() {
    needs_root!();
    let root = Authority::root();
    let (_file, path) = authority_file(&root);
    let namespace = Namespace::new();
    let config = config(root.issue(&["www.example"], VALID), &manner(&[]));
    let begun = Step::Send("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhello".into());
    for script in [vec![begun.clone(), Step::Reset], vec![begun]] {
        let serve = secure(config.clone(), &Log::default(), move |_| script.clone());
        let server = WebServer::start(&namespace, "127.0.0.1", serve);
        let report = get_safely(&namespace, server.address(), &path, |_| ());
        let (reason, why) = failure(&report);
        assert_eq!(reason, FailureReason::Reset, "{why}");
    }
}

#[test]
fn curl_agrees_on_status_and_versions() {
    needs_root!();
    if Command::new("curl").arg("--version").output().is_err() {
        skip::because(
            "curl_agrees_on_status_and_versions",
            "curl is not installed",
        );
        return;
    }
    let root = Authority::root();
    let (_file, path) = authority_file(&root);
    let namespace = Namespace::new();
    for (status, old) in [(200, false), (404, true)] {
        let mut manner = manner(&["h2"]);
        if old {
            manner.versions = vec![&TLS12];
        }
        let config = config(root.issue(&["www.example"], VALID), &manner);
        let serve = two(Some(config), &Log::default(), move |_| {
            (status, "hello".to_owned())
        });
        let server = WebServer::start(&namespace, "127.0.0.1", serve);
        let to = server.address();
        let report = get_safely(&namespace, to, &path, |spec| {
            spec.expect_status = vec![status];
        });
        assert_eq!(report.failure, None);
        let http = report.details.http.as_ref().expect("details");
        let tls = report.details.tls.as_ref().expect("details");

        let url = format!("https://www.example:{}/page", to.port());
        let told = namespace.enter(|| {
            Command::new("curl")
                .args([
                    "--silent",
                    "--verbose",
                    "--output",
                    "/dev/null",
                    "--cacert",
                    &path,
                ])
                .args(["--resolve", &format!("www.example:{}:127.0.0.1", to.port())])
                .args([
                    "--write-out",
                    "%{http_code} %{http_version} %{size_download}",
                    &url,
                ])
                .output()
                .expect("curl")
        });
        let said = String::from_utf8_lossy(&told.stdout).into_owned();
        let ours = format!("{} 2 {}", http.status.unwrap_or_default(), http.body_bytes);
        assert_eq!(said, ours);
        let trace = String::from_utf8_lossy(&told.stderr).into_owned();
        let agreed = format!(
            "SSL connection using {} / ",
            tls.version.as_deref().unwrap_or_default()
        );
        assert!(trace.contains(&agreed), "{agreed}: {trace}");
    }
}
