//! The web server against clients that are slow, many or rude.
#![expect(clippy::expect_used, reason = "a panic is the failure report")]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use droplens_tests::agent::Options;
use droplens_tests::binary::droplens;
use droplens_tests::exposition::Metrics;
use droplens_tests::lab::{Namespace, load, veth};
use droplens_tests::{http, needs_root};

fn stream(namespace: &Namespace) -> TcpStream {
    load::connect(namespace, "127.0.0.1:13767", Duration::from_secs(2)).expect("a connection")
}

#[test]
fn a_half_sent_request_is_not_waited_for_forever() {
    needs_root!();
    let namespace = Namespace::new();
    let agent = Options::new().start(&namespace);
    let mut half = stream(&namespace);
    half.write_all(b"GET /metrics HTTP/1.1\r\nHost: localh")
        .expect("half a request");
    agent.scrape();
    half.set_read_timeout(Some(Duration::from_secs(60)))
        .expect("a timeout");
    let mut answer = Vec::new();
    half.read_to_end(&mut answer)
        .expect("the server closes the connection");
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.is_empty() || answer.contains("408"), "{answer}");
    agent.stop();
}

#[test]
fn a_thousand_idle_connections_lock_nobody_out() {
    needs_root!();
    let namespace = Namespace::new();
    let agent = Options::new().start(&namespace);
    let idle: Vec<_> = namespace.enter(|| {
        (0..1000)
            .filter_map(|_| TcpStream::connect("127.0.0.1:13767").ok())
            .collect()
    });
    assert_eq!(idle.len(), 1000);
    agent.scrape();
    let status = std::fs::read_dir(format!("/proc/{}/fd", agent.pid())).expect("descriptors");
    let open = status.count();
    assert!(open < 400, "{open} descriptors open for 1 000 idle clients");
    agent.stop();
}

#[test]
fn a_storm_of_scrapes_is_answered() {
    needs_root!();
    let namespace = Namespace::new();
    let agent = Options::new().start(&namespace);
    let answered: usize = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| (0..25).filter(|_| agent.try_scrape().is_ok()).count()))
            .collect();
        clients
            .into_iter()
            .map(|client| client.join().expect("a client"))
            .sum()
    });
    assert_eq!(answered, 200);
    agent.stop();
}

#[test]
fn pages_with_details_check_the_host_header() {
    needs_root!();
    let namespace = Namespace::new();
    let agent = Options::new().start(&namespace);
    let status = |path: &str, host: &str| {
        agent
            .get(path, &[("Host", host)])
            .expect("an answer")
            .status
    };
    assert_eq!(status("/", "localhost:13767"), 200);
    assert_eq!(status("/", "127.0.0.1:13767"), 200);
    assert_eq!(status("/", "rebound.example:13767"), 403);
    assert_eq!(status("/metrics", "rebound.example:13767"), 200);
    assert_eq!(status("/nowhere", "localhost"), 404);
    agent.stop();
}

#[test]
fn a_busy_port_is_explained() {
    needs_root!();
    let namespace = Namespace::new();
    let _listener = load::listen(&namespace, "127.0.0.1:13767", 8);
    let finished = namespace.run(namespace.command(droplens()).args([
        "run",
        "--web.listen-address",
        "127.0.0.1:13767",
    ]));
    assert!(
        matches!(finished.code, Some(code) if code != 0),
        "{finished:?}"
    );
    assert!(
        finished.stderr.contains("13767") && finished.stderr.contains("ss "),
        "{finished:?}"
    );
}

#[test]
fn a_host_without_ipv6_is_served() {
    needs_root!();
    let namespace = Namespace::new();
    namespace.sysctl("net/ipv6/conf/all/disable_ipv6", "1");
    namespace.sysctl("net/ipv6/conf/default/disable_ipv6", "1");
    let agent = Options::new()
        .config("")
        .listening_as_configured()
        .start(&namespace);
    assert_eq!(
        agent
            .scrape()
            .count("droplens_source_up", &[("source", "snmp")]),
        1
    );
    agent.stop();
}

/// What a client on another host is told about a page.
fn remote(client: &Namespace, path: &str) -> http::Answer {
    let server = "10.9.1.1:13767".parse().expect("an address");
    client
        .enter(|| http::get(server, path, &[]))
        .expect("an answer")
}

#[test]
fn only_clients_on_the_host_see_details_unless_others_are_allowed() {
    needs_root!();
    let (host, other) = (Namespace::new(), Namespace::new());
    veth(&host, "v0", &other, "v1", 1);
    let agent = Options::new()
        .config("")
        .listening_as_configured()
        .start(&host);
    let refusal = remote(&other, "/");
    assert_eq!(refusal.status, 403);
    assert!(refusal.text().contains("remote_details"), "{refusal:?}");
    assert_eq!(agent.get("/", &[]).expect("an answer").status, 200);
    for path in ["/metrics", "/-/healthy", "/-/ready"] {
        assert_eq!(remote(&other, path).status, 200, "{path}");
    }
    Metrics::parse(&remote(&other, "/metrics").text()).expect("an exposition");
    agent.stop();

    let agent = Options::new()
        .config("[web]\nremote_details = true\n")
        .listening_as_configured()
        .start(&host);
    assert_eq!(remote(&other, "/").status, 200);
    assert_eq!(remote(&other, "/metrics").status, 200);
    agent.stop();
}
