//! Requests over HTTP/1.1.

use droplens_model::sample::probes::{FailureReason, HttpDetails, Phase};
use droplens_probe::errand::{Ending, Report};
use droplens_tests::lab::Namespace;
use droplens_tests::needs_root;
use droplens_tests::servers::http::{Log, Step, page, plain};
use droplens_tests::servers::web::{WebServer, closes, resets, says, silent};

use crate::asking::{BOTH, LONG, SHORT, failure, get, is_answered, steps};

fn details(report: &Report) -> &HttpDetails {
    report.details.http.as_ref().expect("details")
}

/// Asks a server that does this.
fn meet(script: Vec<Step>, patience: std::time::Duration) -> Report {
    let namespace = Namespace::new();
    let server = WebServer::start(
        &namespace,
        "127.0.0.1",
        plain(&Log::default(), move |_| script.clone()),
    );
    get(&namespace, server.address(), patience, |spec| {
        spec.most_bytes = 10_000;
    })
}

fn send(text: &str) -> Step {
    Step::Send(text.into())
}

#[test]
fn a_page_is_asked_for_as_it_should_be() {
    needs_root!();
    for ip in BOTH {
        let (namespace, log) = (Namespace::new(), Log::default());
        let server = WebServer::start(
            &namespace,
            ip,
            plain(&log, |_| page("200 OK", &[], "hello")),
        );
        let to = server.address();
        let report = get(&namespace, to, LONG, |spec| {
            spec.headers = vec![("x-probe".into(), "1".into())];
            spec.expect_body = vec!["^hello$".into()];
        });
        assert_eq!(report.failure, None);
        assert!(is_answered(&report));
        assert_eq!(
            steps(&report),
            [Phase::Connect, Phase::Processing, Phase::Transfer]
        );
        let expected = HttpDetails {
            status: Some(200),
            version: Some("HTTP/1.1".to_owned()),
            body_bytes: 5,
            content_length: Some(5),
            redirects: 0,
            url: Some(format!("http://{to}/page?a=b")),
        };
        assert_eq!(details(&report), &expected);
        let asked = log.all().remove(0);
        assert_eq!(asked.line, "GET /page?a=b HTTP/1.1");
        assert_eq!(asked.header("host"), Some(&*to.to_string()));
        assert_eq!(asked.header("accept-encoding"), Some("identity"));
        assert_eq!(asked.header("x-probe"), Some("1"));
        assert_eq!(asked.header("connection"), Some("close"));
        assert!(
            asked
                .header("user-agent")
                .expect("a name")
                .starts_with("droplens/")
        );
    }
}

#[test]
fn each_request_has_a_connection_of_its_own() {
    needs_root!();
    let (namespace, log) = (Namespace::new(), Log::default());
    let server = WebServer::start(
        &namespace,
        "127.0.0.1",
        plain(&log, |_| page("204 No Content", &[], "")),
    );
    for asked in 1..=3 {
        let report = get(&namespace, server.address(), LONG, |_| ());
        assert_eq!(report.failure, None);
        assert_eq!(server.served(), asked);
    }
}

#[test]
fn a_body_is_sent_with_the_method_that_is_configured() {
    needs_root!();
    let (namespace, log) = (Namespace::new(), Log::default());
    let server = WebServer::start(
        &namespace,
        "127.0.0.1",
        plain(&log, |_| page("201 Created", &[], "")),
    );
    let report = get(&namespace, server.address(), LONG, |spec| {
        spec.method = "POST".into();
        spec.body = Some("{\"a\":1}".into());
    });
    assert_eq!(report.failure, None);
    let asked = log.all().remove(0);
    assert_eq!(
        (&*asked.line, &asked.body[..]),
        ("POST /page?a=b HTTP/1.1", &b"{\"a\":1}"[..])
    );
    let report = get(&namespace, server.address(), LONG, |spec| {
        spec.method = "HEAD".into();
    });
    assert_eq!(
        (report.failure.as_ref(), details(&report).body_bytes),
        (None, 0)
    );
}

#[test]
fn what_is_not_as_expected_is_a_failure_of_its_own_kind() {
    needs_root!();
    let namespace = Namespace::new();
    let serve = plain(&Log::default(), |_| {
        page("503 Service Unavailable", &["x-cache: MISS"], "down")
    });
    let server = WebServer::start(&namespace, "127.0.0.1", serve);
    let to = server.address();
    let report = get(&namespace, to, LONG, |_| ());
    assert_eq!(
        failure(&report),
        (
            FailureReason::HttpStatus,
            "the server answers 503 Service Unavailable instead of 200 to 299"
        )
    );
    assert!(is_answered(&report));
    let report = get(&namespace, to, LONG, |spec| {
        spec.expect_status = vec![503];
        spec.expect_headers = vec![("x-cache".into(), "^HIT".into())];
    });
    assert_eq!(failure(&report).0, FailureReason::HttpHeader);
    let report = get(&namespace, to, LONG, |spec| {
        spec.expect_status = vec![503];
        spec.refuse_body = vec!["(?i)DOWN".into()];
    });
    assert_eq!(failure(&report).0, FailureReason::HttpBody);
    let report = get(&namespace, to, LONG, |spec| {
        spec.expect_status = vec![200, 503];
    });
    assert_eq!(report.failure, None);
}

#[test]
fn a_server_that_never_answers_is_a_timeout() {
    needs_root!();
    for ip in BOTH {
        let namespace = Namespace::new();
        let server = WebServer::start(&namespace, ip, silent);
        let report = get(&namespace, server.address(), SHORT, |_| ());
        assert_eq!(report.ending, Ending::Silent);
        assert_eq!(
            failure(&report),
            (
                FailureReason::HttpTimeout,
                "the server took the request and never answers"
            )
        );
        assert_eq!(steps(&report), [Phase::Connect]);
        assert_eq!(details(&report).status, None);
    }
}

#[test]
fn a_server_that_answers_forever_ends_at_the_deadline_or_the_limit() {
    needs_root!();
    // Slowly: the head, or the body.
    let drip = |text: &str| Step::Drip(text.into());
    for script in [
        vec![drip("x")],
        vec![send("HTTP/1.1 200 OK\r\n"), drip("x-a: b\r\n")],
        vec![send("HTTP/1.1 200 OK\r\n\r\n"), drip("x")],
        vec![
            send("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhello"),
            Step::Hold,
        ],
        vec![drip("HTTP/1.1 102 Processing\r\n\r\n")],
    ] {
        let report = meet(script.clone(), SHORT);
        let (reason, why) = failure(&report);
        if reason == FailureReason::HttpMalformed {
            assert!(
                matches!(&script[..], [Step::Drip(bytes)] if bytes == b"x"),
                "{why}"
            );
            continue;
        }
        assert_eq!(
            (reason, report.ending),
            (FailureReason::HttpTimeout, Ending::Silent),
            "{why}"
        );
        assert!(
            why.starts_with("the response is not complete in time"),
            "{why}"
        );
    }
    // As fast as it can.
    let block = "x".repeat(10_000);
    let forever = |text: &str| Step::Forever(text.into());
    for (script, reason) in [
        (
            vec![send("HTTP/1.1 200 OK\r\n\r\n"), forever(&block)],
            FailureReason::HttpTooLarge,
        ),
        (
            vec![
                send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"),
                forever("1\r\nx\r\n"),
            ],
            FailureReason::HttpTooLarge,
        ),
        (
            vec![forever("HTTP/1.1 102 Processing\r\n\r\n")],
            FailureReason::HttpTooLarge,
        ),
        (
            vec![send("HTTP/1.1 200 OK\r\nx-a: "), forever(&block)],
            FailureReason::HttpMalformed,
        ),
        (vec![forever(&block)], FailureReason::HttpMalformed),
    ] {
        let report = meet(script, LONG);
        let (found, why) = failure(&report);
        assert_eq!(found, reason, "{why}");
        assert!(is_answered(&report), "{why}");
    }
}

#[test]
fn a_body_as_large_as_allowed_is_no_failure_and_one_byte_more_is() {
    needs_root!();
    for (size, failed) in [(10_000, false), (10_001, true)] {
        let report = meet(page("200 OK", &[], &"x".repeat(size)), LONG);
        assert_eq!(report.failure.is_some(), failed, "{size}");
        if failed {
            assert_eq!(
                failure(&report),
                (
                    FailureReason::HttpTooLarge,
                    "the body is larger than 10000 bytes"
                )
            );
        }
    }
}

#[test]
fn garbage_is_malformed_and_shown() {
    needs_root!();
    let namespace = Namespace::new();
    for answer in [
        &b"220 mail.example ESMTP\r\n\r\n"[..],
        &[0; 100],
        b"HTTP/9.9 200 OK\r\n\r\n",
        b"\x15\x03\x03\x00\x02\x02\x0a",
    ] {
        let server = WebServer::start(&namespace, "127.0.0.1", says(answer));
        let report = get(&namespace, server.address(), LONG, |_| ());
        let (reason, why) = failure(&report);
        assert_eq!(reason, FailureReason::HttpMalformed, "{why}");
        assert!(why.contains("it begins with \""), "{why}");
        assert!(is_answered(&report));
    }
    for head in [
        "content-length: 5\r\ncontent-length: 6",
        "content-length: x",
        "transfer-encoding: chunked",
    ] {
        let report = meet(
            vec![send(&format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\nzz\r\n"))],
            LONG,
        );
        assert_eq!(
            failure(&report).0,
            FailureReason::HttpMalformed,
            "{head}: {report:?}"
        );
    }
}

#[test]
fn a_connection_that_ends_in_the_middle_is_a_reset() {
    needs_root!();
    for ip in BOTH {
        let namespace = Namespace::new();
        for serve in [resets as fn(std::net::TcpStream), closes] {
            let server = WebServer::start(&namespace, ip, serve);
            let report = get(&namespace, server.address(), LONG, |_| ());
            assert_eq!(failure(&report).0, FailureReason::Reset);
            assert!(is_answered(&report));
        }
    }
    let begun = "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhello";
    for script in [
        vec![send(begun), Step::Reset],
        vec![send(begun)],
        vec![send("HTTP/1.1 200")],
    ] {
        let report = meet(script, LONG);
        let (reason, why) = failure(&report);
        assert_eq!(reason, FailureReason::Reset, "{why}");
    }
}

#[test]
fn a_closed_port_is_refused() {
    needs_root!();
    for ip in BOTH {
        let namespace = Namespace::new();
        let server = WebServer::start(&namespace, ip, silent);
        let closed = server.address();
        drop(server);
        let report = get(&namespace, closed, LONG, |_| ());
        assert_eq!(failure(&report).0, FailureReason::ConnectRefused);
        assert_eq!(report.details.http, None);
    }
}
