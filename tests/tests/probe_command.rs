//! `droplens probe`: the five answers, exit codes, text and JSON.
#![expect(clippy::expect_used, reason = "a panic is the failure report")]

use std::process::Command;

use droplens_tests::agent::nobody;
use droplens_tests::binary::droplens;
use droplens_tests::lab::{Finished, Namespace, run, veth};
use droplens_tests::scratch::Scratch;
use droplens_tests::servers::dns::{Answer, DnsServer, alias};
use droplens_tests::servers::http::{Log, page, plain, secure};
use droplens_tests::servers::identity::{Authority, EXPIRED, VALID};
use droplens_tests::servers::tcp::{Manner, TcpServer};
use droplens_tests::servers::tls::{self, config};
use droplens_tests::servers::web::WebServer;
use droplens_tests::{json, needs_root};
use hickory_proto::op::ResponseCode;
use serde_json::Value;

/// What the question was, and its verdict.
fn verdicts(answer: &Value) -> Vec<(&str, &str)> {
    let answers = answer["answers"].as_array().expect("answers");
    let word = |value: &'_ Value| value.as_str().map(str::to_owned).expect("a word");
    let words = answers
        .iter()
        .map(|answer| (word(&answer["question"]), word(&answer["verdict"])));
    words
        .map(|(question, verdict)| (known(&question), known(&verdict)))
        .collect()
}

/// The same word, for good.
fn known(word: &str) -> &'static str {
    const WORDS: &[&str] = &[
        "reachable",
        "port",
        "name",
        "handshake",
        "application",
        "ok",
        "fails",
        "loses",
        "unknown",
        "not_asked",
    ];
    WORDS
        .iter()
        .find(|known| **known == word)
        .expect("a known word")
}

/// Asks, with few pings so that it is quick.
fn probe(namespace: &Namespace, arguments: &[&str]) -> Finished {
    let mut command = namespace.command(droplens());
    command.args(["probe", "--count=5", "--interval=20ms"]);
    namespace.run(command.args(arguments))
}

/// Asks with files in place of `/etc/resolv.conf` and `/etc/hosts`.
fn probe_names(namespace: &Namespace, resolv: &str, hosts: &str, arguments: &[&str]) -> Finished {
    let scratch = Scratch::new();
    let mut command = Command::new("unshare");
    command
        .args(["--mount", "sh", "-c"])
        .arg("mount --bind \"$1\" /etc/resolv.conf && mount --bind \"$2\" /etc/hosts && shift 2 && exec \"$@\"")
        .arg("sh")
        .arg(scratch.write("resolv.conf", resolv))
        .arg(scratch.write("hosts", hosts))
        .arg(droplens())
        .args(["probe", "--count=5", "--interval=20ms"]);
    namespace.run(command.args(arguments))
}

/// The answers of JSON, whatever the exit code.
#[track_caller]
fn answers(finished: &Finished, code: i32) -> Value {
    assert_eq!(finished.code, Some(code), "{finished:?}");
    json::parse(&finished.stdout)
}

#[track_caller]
fn tells(finished: &Finished, code: i32, told: &[&str]) {
    assert_eq!(finished.code, Some(code), "{finished:?}");
    for told in told {
        assert!(
            finished.stdout.contains(told),
            "{told}: {}",
            finished.stdout
        );
    }
}

#[test]
fn a_page_over_tls_answers_all_five_questions() {
    needs_root!();
    let namespace = Namespace::new();
    let (scratch, root) = (Scratch::new(), Authority::root());
    let authorities = scratch.write("root.pem", root.pem());
    let authorities = authorities.to_str().expect("a plain path");
    let config = config(root.issue(&["www.example"], VALID), &tls::Manner::default());
    let serve = secure(config, &Log::default(), |_| page("200 OK", &[], "fine"));
    let server = WebServer::start(&namespace, "127.0.0.1", serve);
    let url = format!("https://www.example:{}/", server.address().port());
    let hosts = "127.0.0.1 www.example\n";
    let resolv = "nameserver 127.0.0.99\n";
    let asked = ["--json", "--ca-file", authorities, &url];
    let answer = answers(&probe_names(&namespace, resolv, hosts, &asked), 0);
    assert_eq!(answer["schema"], "droplens.probe/1");
    assert_eq!(answer["status"], "ok");
    assert_eq!(
        verdicts(&answer),
        [
            ("reachable", "ok"),
            ("port", "ok"),
            ("name", "ok"),
            ("handshake", "ok"),
            ("application", "ok")
        ]
    );
    let host = &answer["addresses"][0];
    assert_eq!(
        host["echo"]["loss"],
        serde_json::json!({"lost": 0, "of": 5})
    );
    let times = host["echo"]["round_trip_seconds"].as_array();
    assert_eq!(times.map(Vec::len), Some(5));
    assert_eq!(host["pmtu"]["details"]["pmtu"]["bytes"], 65_535);
    assert_eq!(host["path"]["details"]["path"]["reached"], true);
    assert_eq!(host["http"]["details"]["http"]["status"], 200);
    let text = probe_names(&namespace, resolv, hosts, &["--ca-file", authorities, &url]);
    tells(
        &text,
        0,
        &["5 of 5 pings", "TLSv1.3", "status 200", "path MTU 65535"],
    );
}

#[test]
fn a_closed_port_fails_and_the_host_is_reachable_all_the_same() {
    needs_root!();
    let namespace = Namespace::new();
    for target in ["127.0.0.1:7", "[::1]:7"] {
        let answer = answers(&probe(&namespace, &["--json", target]), 1);
        assert_eq!(
            verdicts(&answer)[..2],
            [("reachable", "ok"), ("port", "fails")],
            "{target}"
        );
        let text = probe(&namespace, &["--no-path", "--no-pmtu", target]);
        tells(&text, 1, &["connection refused", "next: "]);
    }
}

#[test]
fn a_host_that_is_down_is_not_reachable() {
    needs_root!();
    let (here, there) = (Namespace::new(), Namespace::new());
    veth(&here, "v0", &there, "v1", 77);
    let answer = answers(&probe(&here, &["--json", "10.9.77.9:80"]), 1);
    assert_eq!(
        verdicts(&answer)[..2],
        [("reachable", "fails"), ("port", "fails")]
    );
    let answer = answers(&probe(&here, &["--json", "192.0.2.1"]), 1);
    assert_eq!(verdicts(&answer)[0], ("reachable", "fails"));
    tells(&probe(&here, &["192.0.2.1"]), 1, &["no route", "next: "]);
}

#[test]
fn a_certificate_that_has_expired_is_shown_with_its_dates() {
    needs_root!();
    let namespace = Namespace::new();
    let (scratch, root) = (Scratch::new(), Authority::root());
    let authorities = scratch.write("root.pem", root.pem());
    let authorities = authorities.to_str().expect("a plain path");
    let config = config(root.issue(&["127.0.0.1"], EXPIRED), &tls::Manner::default());
    let server = WebServer::start(&namespace, "127.0.0.1", tls::shakes(config));
    let url = format!("https://{}/", server.address());
    let asked = ["--no-path", "--no-pmtu", "--ca-file", authorities, &url];
    let until = format!("to {}-01-01", EXPIRED.1);
    let text = probe(&namespace, &asked);
    tells(
        &text,
        1,
        &[&until, "expired", "next: renew", "the handshake fails"],
    );
}

#[test]
fn a_name_that_does_not_resolve_fails() {
    needs_root!();
    let namespace = Namespace::new();
    let _server = DnsServer::start(&namespace, "127.0.0.1:53", |asked| {
        if asked.name() == "www.example" {
            let mut reply = asked.addresses(60, &[]);
            reply.add_answer(alias("www.example.", 60, "web.example."));
            let data = hickory_proto::rr::RData::A(hickory_proto::rr::rdata::A(
                std::net::Ipv4Addr::LOCALHOST,
            ));
            let name = hickory_proto::rr::Name::from_ascii("web.example.").expect("a name");
            if asked.kind() == "A" {
                reply.add_answer(hickory_proto::rr::Record::from_rdata(name, 60, data));
            }
            return reply.into();
        }
        asked.code(ResponseCode::NXDomain).into()
    });
    let resolv = "nameserver 127.0.0.1\n";
    let gone = probe_names(&namespace, resolv, "", &["--json", "gone.example:80"]);
    let answer = answers(&gone, 1);
    assert_eq!(verdicts(&answer)[2], ("name", "fails"));
    assert_eq!(verdicts(&answer)[0], ("reachable", "not_asked"));
    let found = probe_names(&namespace, resolv, "", &["www.example"]);
    tells(
        &found,
        0,
        &["alias of web.example", "127.0.0.1", "valid for 1 min"],
    );
}

#[test]
fn a_name_server_is_asked_a_question() {
    needs_root!();
    let namespace = Namespace::new();
    let server = DnsServer::start(&namespace, "127.0.0.1:53", |asked| {
        let mut reply = asked.reply();
        // Over UDP the answer does not fit.
        reply.metadata.truncation = !asked.over_tcp;
        reply.into()
    });
    let answer = answers(&probe(&namespace, &["--json", "127.0.0.1:53"]), 0);
    assert_eq!(verdicts(&answer)[1], ("port", "ok"));
    assert_eq!(verdicts(&answer)[4], ("application", "ok"));
    let dns = &answer["addresses"][0]["dns"]["details"]["dns"];
    assert_eq!(
        (&dns["code"], &dns["truncated"]),
        (&"NOERROR".into(), &true.into())
    );
    let asked: Vec<_> = server
        .asked()
        .iter()
        .map(|asked| (asked.name(), asked.kind(), asked.over_tcp))
        .collect();
    let question = |over_tcp| (String::new(), "NS".to_owned(), over_tcp);
    assert_eq!(asked, [question(false), question(true)]);
}

#[test]
fn a_name_server_that_refuses_answers_and_one_that_fails_does_not() {
    needs_root!();
    for (code, exit, verdict, told) in [
        (ResponseCode::Refused, 0, "ok", "refuses this one"),
        (ResponseCode::ServFail, 1, "fails", "SERVFAIL for ."),
    ] {
        let namespace = Namespace::new();
        let server = DnsServer::start(&namespace, "127.0.0.1:53", move |asked| {
            asked.code(code).into()
        });
        let answer = answers(&probe(&namespace, &["--json", "127.0.0.1:53"]), exit);
        assert_eq!(verdicts(&answer)[4], ("application", verdict));
        assert_eq!(server.asked().len(), 1, "an answer is not asked for again");
        tells(&probe(&namespace, &["127.0.0.1:53"]), exit, &[told]);
    }
}

#[test]
fn a_name_server_that_datagrams_do_not_reach_is_asked_over_tcp() {
    needs_root!();
    let namespace = Namespace::new();
    let _server = DnsServer::start(&namespace, "127.0.0.1:53", |asked| {
        if asked.over_tcp {
            asked.reply().into()
        } else {
            Answer::Nothing
        }
    });
    let asked = ["--no-path", "--no-pmtu", "127.0.0.1:53"];
    let text = probe(&namespace, &asked);
    tells(
        &text,
        1,
        &["over TCP, but none over UDP", "next: let UDP port 53"],
    );
    // Without TCP the server is one all the same.
    namespace.nft(
        "add table inet t; add chain inet t c { type filter hook input priority 0; }; \
         add rule inet t c tcp dport 53 drop",
    );
    let asked = ["--json", "--no-path", "--no-pmtu", "127.0.0.1:53"];
    let answer = answers(&probe(&namespace, &asked), 1);
    assert_eq!(verdicts(&answer)[1], ("port", "fails"));
    assert_eq!(verdicts(&answer)[4], ("application", "fails"));
}

#[test]
fn a_host_that_ignores_pings_is_reachable_if_its_port_answers() {
    needs_root!();
    let namespace = Namespace::new();
    namespace.sysctl("net/ipv4/icmp_echo_ignore_all", "1");
    let server = TcpServer::start(&namespace, "127.0.0.1:0", Manner::Takes);
    let target = server.address().to_string();
    let answer = answers(&probe(&namespace, &["--json", &target]), 0);
    assert_eq!(
        verdicts(&answer)[..2],
        [("reachable", "ok"), ("port", "ok")]
    );
    assert_eq!(answer["addresses"][0]["echo"]["loss"]["lost"], 5);
    tells(
        &probe(&namespace, &["127.0.0.1"]),
        1,
        &["many hosts ignore pings"],
    );
}

#[test]
fn an_error_of_the_application_fails_last() {
    needs_root!();
    let namespace = Namespace::new();
    let serve = plain(&Log::default(), |_| {
        page("500 Internal Server Error", &[], "no")
    });
    let server = WebServer::start(&namespace, "127.0.0.1", serve);
    let url = format!("http://{}/", server.address());
    let answer = answers(&probe(&namespace, &["--json", &url]), 1);
    assert_eq!(
        verdicts(&answer),
        [
            ("reachable", "ok"),
            ("port", "ok"),
            ("name", "not_asked"),
            ("handshake", "not_asked"),
            ("application", "fails")
        ]
    );
    tells(
        &probe(&namespace, &[&url]),
        1,
        &["500", "next: the network is fine"],
    );
}

#[test]
fn without_privileges_the_port_is_asked_all_the_same() {
    needs_root!();
    let (namespace, scratch) = (Namespace::new(), Scratch::new());
    let server = TcpServer::start(&namespace, "127.0.0.1:0", Manner::Takes);
    let target = server.address().to_string();
    let mut command = nobody(&scratch);
    let answer = namespace.run(command.args(["probe", "--json", &target]));
    let answer = answers(&answer, 0);
    assert_eq!(
        verdicts(&answer)[..2],
        [("reachable", "ok"), ("port", "ok")]
    );
    let mut command = nobody(&scratch);
    let text = namespace.run(command.args(["probe", "127.0.0.1"]));
    tells(
        &text,
        3,
        &["echo requests", "CAP_NET_RAW", "ping_group_range"],
    );
}

#[test]
fn what_is_no_target_is_a_usage_error() {
    for (arguments, told) in [
        (&["db.example:70000"][..], "from 1 to 65535"),
        (&["http://"], "names no host"),
        (&["ftp://db.example/"], "only http:// and https://"),
        (&["a b"], "neither a name nor an address"),
        (&["fe80::1%eth0"], "interface"),
        (&["127.0.0.1", "--source=::1", "-4"], "other address family"),
        (&["127.0.0.1", "--count=0"], "count"),
        (&["127.0.0.1", "--dscp=64"], "dscp"),
        (&["127.0.0.1", "--interval=1ms"], "10ms"),
    ] {
        let finished = run(Command::new(droplens()).arg("probe").args(arguments));
        assert_eq!(finished.code, Some(2), "{arguments:?}: {finished:?}");
        assert!(finished.stderr.contains(told), "{told}: {finished:?}");
    }
}

#[test]
fn a_source_that_this_host_does_not_have_leaves_nothing_to_look_at() {
    needs_root!();
    let namespace = Namespace::new();
    let asked = probe(&namespace, &["--source=192.0.2.77", "127.0.0.1"]);
    tells(
        &asked,
        3,
        &["cannot send from 192.0.2.77", "next: check --source"],
    );
}
