//! Redirects.

use std::net::SocketAddr;

use droplens_model::sample::probes::{FailureReason, HttpDetails, Phase};
use droplens_probe::errand::Report;
use droplens_probe::spec::{Ask, HttpSpec};
use droplens_tests::lab::Namespace;
use droplens_tests::needs_root;
use droplens_tests::servers::http::{Asked, Log, Step, page, plain, redirect, secure};
use droplens_tests::servers::identity::{Authority, VALID};
use droplens_tests::servers::tls::{Manner, config};
use droplens_tests::servers::web::WebServer;

use crate::asking::{BOTH, LONG, authority_file, failure, get, run, steps, task};

fn details(report: &Report) -> &HttpDetails {
    report.details.http.as_ref().expect("details")
}

fn start(
    namespace: &Namespace,
    ip: &str,
    log: &Log,
    answer: impl Fn(&Asked) -> Vec<Step> + Send + Sync + 'static,
) -> WebServer {
    WebServer::start(namespace, ip, plain(log, answer))
}

/// Redirects from one number to the next up to this one.
fn count_to(last: u32) -> impl Fn(&Asked) -> Vec<Step> + Send + Sync + 'static {
    move |asked| {
        let number: u32 = asked.path().trim_start_matches('/').parse().unwrap_or(0);
        if number < last {
            redirect(302, &format!("/{}", number + 1))
        } else {
            page("200 OK", &[], "there")
        }
    }
}

#[test]
fn redirects_are_followed_as_far_as_allowed() {
    needs_root!();
    let (namespace, log) = (Namespace::new(), Log::default());
    let server = start(&namespace, "127.0.0.1", &log, count_to(3));
    let to = server.address();
    let report = get(&namespace, to, LONG, |spec| spec.redirects = 3);
    assert_eq!(report.failure, None);
    let http = details(&report);
    assert_eq!(
        (http.redirects, http.status, http.body_bytes),
        (3, Some(200), 5)
    );
    assert_eq!(http.url.as_deref(), Some(&*format!("http://{to}/3")));
    assert_eq!(
        steps(&report),
        [Phase::Connect, Phase::Processing, Phase::Transfer]
    );
    assert_eq!((server.served(), log.all().len()), (4, 4));

    let report = get(&namespace, to, LONG, |spec| spec.redirects = 2);
    let (reason, why) = failure(&report);
    assert_eq!(reason, FailureReason::HttpRedirects);
    assert_eq!(
        why,
        format!("more than 2 redirects, the last one to http://{to}/3")
    );

    let report = get(&namespace, to, LONG, |spec| spec.redirects = 0);
    assert_eq!(failure(&report).0, FailureReason::HttpStatus);
    let report = get(&namespace, to, LONG, |spec| spec.expect_status = vec![302]);
    assert_eq!(
        (report.failure.as_ref(), details(&report).redirects),
        (None, 0)
    );
}

#[test]
fn a_loop_ends_when_it_closes() {
    needs_root!();
    for ip in BOTH {
        let (namespace, log) = (Namespace::new(), Log::default());
        let server = start(&namespace, ip, &log, |asked| {
            redirect(301, if asked.path() == "/a" { "/b" } else { "/a" })
        });
        let report = get(&namespace, server.address(), LONG, |_| ());
        let (reason, why) = failure(&report);
        assert_eq!(reason, FailureReason::HttpRedirects);
        assert!(why.contains("redirects in a loop, back to"), "{why}");
        assert_eq!(log.all().len(), 3);
    }
}

#[test]
fn a_redirect_to_nowhere_is_told() {
    needs_root!();
    let namespace = Namespace::new();
    for (location, part) in [
        ("ftp://www.example/", "begins with ftp://"),
        ("http://", "names no host"),
        (
            "http://nowhere.example/",
            "redirected to http://nowhere.example/, but",
        ),
    ] {
        let server = start(&namespace, "127.0.0.1", &Log::default(), move |_| {
            redirect(302, location)
        });
        let report = get(&namespace, server.address(), LONG, |_| ());
        let (reason, why) = failure(&report);
        assert_eq!(reason, FailureReason::HttpRedirects, "{why}");
        assert!(why.contains(part), "{why}");
    }
}

#[test]
fn another_host_is_resolved_and_gets_no_secrets() {
    needs_root!();
    for ip in BOTH {
        let (namespace, first_log, log) = (Namespace::new(), Log::default(), Log::default());
        let other = start(&namespace, ip, &log, |_| page("200 OK", &[], "there"));
        let port = other.address().port();
        let first = start(&namespace, ip, &first_log, move |_| {
            redirect(307, &format!("http://other.example:{port}/x"))
        });
        let to = first.address();
        let mut spec = HttpSpec::for_url(&format!("http://{to}/")).expect("a URL");
        spec.headers = vec![
            ("authorization".into(), "Bearer a".into()),
            ("x-probe".into(), "1".into()),
        ];
        // Both families are known; the one that is probed is chosen.
        let hosts = "127.0.0.1 other.example\n::1 other.example\n";
        let report = run(&namespace, task(to, Ask::Http(spec), LONG), hosts);
        assert_eq!(report.failure, None, "{ip}");
        assert!(steps(&report).contains(&Phase::Resolve));
        let secret = |log: &Log| log.all()[0].header("authorization").is_some();
        assert_eq!((secret(&first_log), secret(&log)), (true, false));
        assert_eq!(log.all()[0].header("x-probe"), Some("1"));
        assert_eq!(
            log.all()[0].header("host"),
            Some(&*format!("other.example:{port}"))
        );
    }
}

#[test]
fn the_same_host_is_asked_at_the_address_that_is_probed() {
    needs_root!();
    let namespace = Namespace::new();
    let root = Authority::root();
    let (_file, path) = authority_file(&root);
    let identity = root.issue(&["www.example"], VALID);
    let config = config(identity, &Manner::default());
    let serve = secure(config, &Log::default(), |_| page("200 OK", &[], "there"));
    let safe = WebServer::start(&namespace, "127.0.0.1", serve);
    let port = safe.address().port();
    let open = start(&namespace, "127.0.0.1", &Log::default(), move |_| {
        redirect(301, &format!("https://www.example:{port}/"))
    });
    let ask = |redirecting: SocketAddr, trusted: Option<&str>| {
        let url = format!("http://www.example:{}/", redirecting.port());
        let mut spec = HttpSpec::for_url(&url).expect("a URL");
        spec.tls = trusted.map(|path| droplens_probe::spec::TlsSpec {
            port: 443,
            server_name: "unused.example".into(),
            verify: true,
            authorities: Some(path.into()),
        });
        // The name stands for no address, so that it must not be resolved.
        run(&namespace, task(redirecting, Ask::Http(spec), LONG), "")
    };
    let report = ask(open.address(), Some(&path));
    assert_eq!(report.failure, None);
    assert_eq!(
        steps(&report),
        [
            Phase::Connect,
            Phase::Processing,
            Phase::Transfer,
            Phase::Tls
        ]
    );
    let tls = report.details.tls.as_ref().expect("details");
    assert_eq!(tls.chain[0].subject, "CN=www.example");
    // Where nothing is configured for TLS, the system's authorities count.
    let report = ask(open.address(), None);
    let (reason, why) = failure(&report);
    assert!(
        [FailureReason::TlsUntrusted, FailureReason::Other].contains(&reason),
        "{why}"
    );
}
