//! `/probe` beside Debian's `blackbox_exporter`, with the same modules and targets.
#![expect(
    clippy::expect_used,
    clippy::float_cmp,
    clippy::panic,
    reason = "a panic is the failure report"
)]

#[path = "probe_endpoint/blackbox.rs"]
mod blackbox;

use std::net::TcpListener;
use std::sync::mpsc::channel;

use droplens_tests::agent::Options;
use droplens_tests::lab::Namespace;
use droplens_tests::scratch::Scratch;
use droplens_tests::servers::dns::{Answer as DnsAnswer, Asked, DnsServer};
use droplens_tests::servers::http::{Log, page, plain, redirect, secure, two};
use droplens_tests::servers::identity::{Authority, EXPIRED, VALID};
use droplens_tests::servers::tcp::{Manner, TcpServer};
use droplens_tests::servers::tls::{Manner as TlsManner, config, shakes};
use droplens_tests::servers::web::WebServer;
use droplens_tests::{needs_root, tools, wait};
use hickory_proto::op::ResponseCode;
use hickory_proto::rr::rdata::{NS, SOA};
use hickory_proto::rr::{Name, RData, Record};

use blackbox::{Blackbox, Pair, Table, YAML, table, toml, value};

fn name(text: &str) -> Name {
    Name::from_ascii(text).expect("a name")
}

fn zone(asked: &Asked) -> DnsAnswer {
    match &*asked.name() {
        "www.example" => {
            let mut reply = asked.addresses(60, &["192.0.2.7", "192.0.2.8"]);
            let server = RData::NS(NS(name("ns.example.")));
            reply.add_authority(Record::from_rdata(name("example."), 60, server));
            reply.into()
        }
        "zone.example" => {
            let mut reply = asked.reply();
            let soa = SOA::new(
                name("ns.example."),
                name("h.example."),
                2_026_112_101,
                1,
                2,
                3,
                4,
            );
            reply.add_answer(Record::from_rdata(
                name("zone.example."),
                60,
                RData::SOA(soa),
            ));
            reply.into()
        }
        _ => asked.code(ResponseCode::NXDomain).into(),
    }
}

#[test]
fn the_metrics_are_those_of_blackbox_exporter() {
    needs_root!();
    let test = "the_metrics_are_those_of_blackbox_exporter";
    let Some(program) = tools::find_or_skip(test, "prometheus-blackbox-exporter") else {
        return;
    };
    let namespace = Namespace::new();
    let (scratch, log, root) = (Scratch::new(), Log::default(), Authority::root());
    let ca = scratch.write("ca.pem", root.pem());
    let ca = ca.to_str().expect("a path");
    let yaml = scratch.write("blackbox.yml", YAML.replace("@CA@", ca));
    let blackbox = Blackbox::start(&namespace, &program, &yaml);
    let agent = Options::new().config(&toml(ca)).start(&namespace);
    let pair = Pair {
        agent: &agent,
        blackbox: &blackbox,
    };

    for (target, family) in [("127.0.0.1", 4.0), ("::1", 6.0)] {
        let table = pair.success("icmp", target);
        assert_eq!(value(&table, "probe_ip_protocol"), family);
        assert!(value(&table, "probe_icmp_reply_hop_limit") >= 64.0);
    }
    pair.success("icmp_large", "127.0.0.1");
    // Nowhere to send it: the namespace has no such route.
    pair.failure("icmp", "192.0.2.1");

    let tcp = TcpServer::start(&namespace, "127.0.0.1:0", Manner::Takes);
    pair.success("tcp", &tcp.address().to_string());
    pair.failure("tcp", "127.0.0.1:1");

    let identity = || root.issue(&["127.0.0.1", "www.example"], VALID);
    let shaker = config(identity(), &TlsManner::default());
    let shaker = WebServer::start(&namespace, "127.0.0.1", shakes(shaker));
    let table = pair.success("tls", &shaker.address().to_string());
    assert!(value(&table, "probe_ssl_earliest_cert_expiry") > 7.0e9);

    let site = |asked: &droplens_tests::servers::http::Asked| match asked.path() {
        "/moved" => redirect(302, "/further"),
        "/further" => redirect(301, "/"),
        "/missing" => page("404 Not Found", &[], ""),
        _ => page("200 OK", &["content-type: text/plain"], "hello"),
    };
    let web = WebServer::start(&namespace, "127.0.0.1", plain(&log, site));
    let at = |path: &str| format!("http://{}{path}", web.address());
    let table = pair.success("web", &at("/"));
    assert_eq!(value(&table, "probe_http_status_code"), 200.0);
    assert_eq!(value(&table, "probe_http_uncompressed_body_length"), 5.0);
    // Without a scheme it is plain HTTP.
    pair.success("web", &web.address().to_string());
    let table = pair.success("web", &at("/moved"));
    assert_eq!(value(&table, "probe_http_redirects"), 2.0);
    pair.success("missing", &at("/missing"));
    pair.failure("web", &at("/missing"));
    let table = pair.failure("refuse", &at("/"));
    assert_eq!(value(&table, "probe_failed_due_to_regex"), 1.0);
    pair.success("demand", &at("/"));
    let table = pair.failure("demand", &at("/missing"));
    assert_eq!(value(&table, "probe_http_status_code"), 404.0);
    pair.failure("only_tls", &at("/"));
    pair.failure("web", "http://127.0.0.1:1/");
    pair.success("stay", &at("/moved"));

    let good = secure(config(identity(), &TlsManner::default()), &log, site);
    let good = WebServer::start(&namespace, "127.0.0.1", good);
    let at = format!("https://{}/", good.address());
    let table = pair.success("web", &at);
    assert_eq!(value(&table, "probe_http_ssl"), 1.0);
    pair.success("lax", &at);
    pair.failure("never_tls", &at);

    let old = root.issue(&["127.0.0.1"], EXPIRED);
    let old = secure(config(old, &TlsManner::default()), &log, site);
    let old = WebServer::start(&namespace, "127.0.0.1", old);
    let at = format!("https://{}/", old.address());
    pair.success("lax", &at);
    // Of a certificate that makes the probe fail droplens tells more: when it expired.
    let more = [
        "probe_ssl_earliest_cert_expiry",
        "probe_ssl_last_chain_expiry_timestamp_seconds",
        "probe_ssl_last_chain_info",
        "probe_tls_version_info",
    ];
    let table = pair.compare("web", &at, &more);
    assert_eq!(value(&table, "probe_success"), 0.0);

    check_versions(&pair, &root, &namespace);

    let server = DnsServer::start(&namespace, "127.0.0.1:0", zone);
    let at = server.address().to_string();
    let table = pair.success("a", &at);
    assert_eq!(value(&table, "probe_dns_answer_rrs"), 2.0);
    assert_eq!(value(&table, "probe_dns_authority_rrs"), 1.0);
    pair.success("a_tcp", &at);
    let table = pair.success("soa", &at);
    assert_eq!(value(&table, "probe_dns_serial"), 2_026_112_101.0);
    let table = pair.failure("none", &at);
    assert_eq!(value(&table, "probe_dns_query_succeeded"), 1.0);
    pair.success("none_is_fine", &at);
    pair.failure("a", "127.0.0.1:1");
    agent.stop();
}

/// Servers that agree to both HTTP/2 and HTTP/1.1, to HTTP/1.1 only, or that have no handshake to agree in.
fn check_versions(pair: &Pair<'_, '_>, root: &Authority, namespace: &Namespace) {
    let log = Log::default();
    let version = |table: &Table| value(table, "probe_http_version");
    for (protocols, with, without) in [
        (vec!["h2", "http/1.1"], 2.0, 1.1),
        (vec!["http/1.1"], 1.1, 1.1),
    ] {
        let manner = TlsManner {
            protocols,
            ..TlsManner::default()
        };
        let config = config(root.issue(&["127.0.0.1"], VALID), &manner);
        let both = two(Some(config), &log, |_| (200, "hello".into()));
        let both = WebServer::start(namespace, "127.0.0.1", both);
        let at = format!("https://{}/", both.address());
        assert_eq!(version(&pair.success("web", &at)), with, "{manner:?}");
        assert_eq!(version(&pair.success("one", &at)), without, "{manner:?}");
        let (right, wrong) = if with > 1.9 {
            ("only_two", "only_one")
        } else {
            ("only_one", "only_two")
        };
        pair.success(right, &at);
        // The response is there all the same.
        let table = pair.failure(wrong, &at);
        assert_eq!(version(&table), with);
        assert_eq!(value(&table, "probe_http_status_code"), 200.0);
    }
    // Without TLS nobody can agree to anything else.
    let site = |_: &droplens_tests::servers::http::Asked| page("200 OK", &[], "hello");
    let web = WebServer::start(namespace, "127.0.0.1", plain(&log, site));
    let at = format!("http://{}/", web.address());
    assert_eq!(version(&pair.success("only_one", &at)), 1.1);
    pair.failure("only_two", &at);
}

#[test]
fn nobody_is_probed_who_is_not_listed() {
    needs_root!();
    let namespace = Namespace::new();
    let server = TcpServer::start(&namespace, "127.0.0.1:0", Manner::Takes);
    let agent = Options::new().start(&namespace);
    let told = |path: &str| {
        let answer = agent.get(path, &[]).expect("an answer");
        (answer.status, answer.text())
    };
    let path = format!("/probe?module=tcp&target={}", server.address());
    let (status, why) = told(&path);
    assert!(status == 404 && why.contains("[modules]"), "{status} {why}");

    let reload = |toml: &str| {
        agent.rewrite_config(toml);
        agent.signal(rustix::process::Signal::HUP);
    };
    let module = "[modules.tcp]\nprober = \"tcp\"\n";
    reload(module);
    let why = wait::until("the module is there", || match told(&path) {
        (403, why) => Ok(why),
        other => Err(format!("{other:?}")),
    });
    assert!(why.contains("probe_targets in [web]"), "{why}");

    reload(&format!("[web]\nprobe_targets = [\"127.0.0.1\"]\n{module}"));
    wait::until("the target is allowed", || match told(&path) {
        (200, text)
            if text.contains("\nprobe_success 1\n") || text.ends_with("probe_success 1\n") =>
        {
            Ok(())
        }
        other => Err(format!("{other:?}")),
    });
    for (path, status, part) in [
        (
            "/probe?module=tcp&target=127.0.0.2:80",
            403,
            "probe_targets",
        ),
        (
            "/probe?module=tcp&target=localhost:80",
            403,
            "probe_targets",
        ),
        ("/probe?module=udp&target=127.0.0.1:80", 400, "has tcp"),
        ("/probe?module=tcp&target=127.0.0.1", 400, "no port"),
        ("/probe?module=tcp", 400, "Target"),
        ("/probe?target=127.0.0.1:80", 400, "Module"),
    ] {
        let (answered, why) = told(path);
        assert!(
            answered == status && why.contains(part),
            "{path}: {answered} {why}"
        );
    }
    let (_, text) = told("/probe?module=tcp&target=127.0.0.1:1&debug=true");
    assert!(
        text.starts_with("# droplens: the probe failed, connect_refused: "),
        "{text}"
    );
    assert_eq!(value(&table(&text), "probe_success"), 0.0);
    agent.stop();
}

/// The most probes at a time, as the endpoint has it.
const MOST_AT_ONCE: usize = 32;

#[test]
fn more_probes_than_may_run_at_once_are_refused_until_others_end() {
    needs_root!();
    let namespace = Namespace::new();
    // Connections are taken by the kernel, and nobody ever answers.
    let silent = namespace.enter(|| TcpListener::bind("127.0.0.1:0").expect("listening"));
    let address = silent.local_addr().expect("its address");
    let agent = Options::new()
        .config(
            "[web]\nprobe_targets = [\"127.0.0.1\"]\n[modules]\nweb = {prober = \"http\", timeout = \"60s\"}\n",
        )
        .start(&namespace);
    let path = format!("/probe?module=web&target=http://{address}/");
    let (tell, told) = channel();
    std::thread::scope(|scope| {
        for _ in 0..MOST_AT_ONCE + 3 {
            let (tell, agent, path) = (tell.clone(), &agent, &path);
            scope.spawn(move || {
                let answer = agent.get(path, &[]).expect("an answer");
                let _ = tell.send((answer.status, answer.text()));
            });
        }
        // Those that are refused come back at once.
        for _ in 0..3 {
            let (status, why) = told.recv().expect("a refusal");
            assert_eq!(status, 503, "{why}");
            assert!(why.contains("32 probes are under way"), "{why}");
        }
        // All connections are reset, so that the probes end.
        drop(silent);
        for _ in 0..MOST_AT_ONCE {
            let (status, text) = told.recv().expect("a probe's end");
            assert_eq!(status, 200, "{text}");
            assert_eq!(value(&table(&text), "probe_success"), 0.0);
        }
    });
    let answer = agent.get(&path, &[]).expect("an answer");
    assert_eq!(answer.status, 200, "there is room again");
    agent.stop();
}

#[test]
fn without_privileges_echo_requests_go_where_ping_sockets_are_allowed() {
    needs_root!();
    for (allowed, success) in [("1 0", 0.0), ("0 2147483647", 1.0)] {
        let namespace = Namespace::new();
        namespace.sysctl("net/ipv4/ping_group_range", allowed);
        let agent = Options::new()
            .config(
                "[web]\nprobe_targets = [\"127.0.0.1\", \"::1\"]\n[modules]\nicmp = {prober = \"icmp\", timeout = \"5s\"}\n",
            )
            .unprivileged()
            .start(&namespace);
        for target in ["127.0.0.1", "::1"] {
            let path = format!("/probe?module=icmp&target={target}&debug=true");
            let answer = agent.get(&path, &[]).expect("an answer");
            let text = answer.text();
            assert_eq!(answer.status, 200, "{text}");
            assert_eq!(value(&table(&text), "probe_success"), success, "{text}");
            let why = "# droplens: the probe failed, not_permitted: ";
            assert_eq!(text.starts_with(why), success == 0.0, "{text}");
            assert_eq!(text.contains("CAP_NET_RAW"), success == 0.0, "{text}");
        }
        agent.stop();
    }
}
