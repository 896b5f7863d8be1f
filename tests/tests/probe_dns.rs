//! DNS probes against a name server that answers as each test wants, in network namespaces.

#![expect(clippy::unwrap_used, reason = "a panic is the failure report")]

use std::net::SocketAddr;
use std::time::Duration;

use droplens_model::Cause;
use droplens_model::sample::probes::{
    DnsDetails, FailureReason, IcmpError, Outcome, Phase, SendFailure,
};
use droplens_probe::errand::{Ending, Report};
use droplens_probe::spec::{DnsSpec, DnsTransport};
use droplens_tests::asking::{self, dns_spec, run, waiting, with};
use droplens_tests::lab::{Namespace, veth};
use droplens_tests::needs_root;
use droplens_tests::servers::dns::{Answer, Asked, DnsServer, alias};
use hickory_proto::op::{Message, ResponseCode};

/// A host that asks itself.
fn alone(answer: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> (Namespace, DnsServer) {
    let host = Namespace::new();
    let server = DnsServer::start(&host, "127.0.0.1:0", answer);
    (host, server)
}

fn www(server: &DnsServer) -> DnsSpec {
    dns_spec(server.address(), "www.example", "A")
}

fn ask(host: &Namespace, server: &DnsServer, spec: DnsSpec) -> Report {
    run(host, asking::dns(server.address(), spec))
}

fn failure(report: &Report) -> Option<FailureReason> {
    report.failure.as_ref().map(|(reason, _)| *reason)
}

#[track_caller]
fn answered(report: &Report) -> &DnsDetails {
    let in_order = matches!(report.ending, Ending::Answered(at) if at >= report.sent);
    assert!(in_order, "{report:?}");
    report.details.dns.as_ref().unwrap()
}

fn address(asked: &Asked) -> Message {
    asked.addresses(300, &["192.0.2.1", "2001:db8::1"])
}

fn bytes(message: &Message) -> Vec<u8> {
    message.to_vec().unwrap()
}

#[test]
fn a_question_is_asked_once_and_answered() {
    needs_root!();
    let host = Namespace::new();
    for at in ["127.0.0.1:0", "[::1]:0"] {
        for transport in [DnsTransport::Udp, DnsTransport::Tcp] {
            let server = DnsServer::start(&host, at, |asked| {
                let mut message = asked.reply();
                message.add_answer(alias("www.example.", 60, "web.example."));
                let mut target = address(asked).answers;
                target[0].name = "web.example.".parse().unwrap();
                message.add_answers(target);
                message.metadata.authentic_data = true;
                message.into()
            });
            let spec = DnsSpec {
                transport,
                dnssec: true,
                expect: vec!["192.0.2.1".into()],
                ..www(&server)
            };
            let report = ask(&host, &server, spec);
            let details = answered(&report);
            assert_eq!(report.failure, None);
            assert_eq!(details.answers, ["A 192.0.2.1"]);
            assert_eq!(details.aliases, ["web.example"]);
            assert!(details.authenticated && !details.truncated && !report.truncated);
            assert_eq!((details.code.as_str(), details.ttl), ("NOERROR", Some(60)));
            let asked = server.asked();
            assert_eq!(asked.len(), 1);
            assert_eq!(asked[0].over_tcp, transport == DnsTransport::Tcp);
            let edns = asked[0].message.edns.as_ref().unwrap();
            assert_eq!((edns.max_payload(), edns.flags().dnssec_ok), (1232, true));
            let phases: Vec<Phase> = report.phases.iter().map(|(phase, _)| *phase).collect();
            let expected: &[Phase] = match transport {
                DnsTransport::Udp => &[Phase::Resolve],
                DnsTransport::Tcp => &[Phase::Connect, Phase::Resolve],
            };
            assert_eq!(phases, expected);
        }
    }
}

#[test]
fn each_code_is_told_as_it_came_and_is_no_loss() {
    needs_root!();
    let (host, server) = alone(|asked| {
        let code = asked.name().trim_start_matches("code").parse().unwrap();
        asked.code(ResponseCode::from(0, code)).into()
    });
    for (code, name, reason) in [
        (0, "NOERROR", FailureReason::DnsNoAnswer),
        (1, "FORMERR", FailureReason::DnsOtherCode),
        (2, "SERVFAIL", FailureReason::DnsServerFailure),
        (3, "NXDOMAIN", FailureReason::DnsNoName),
        (4, "NOTIMP", FailureReason::DnsOtherCode),
        (5, "REFUSED", FailureReason::DnsRefused),
        (6, "YXDOMAIN", FailureReason::DnsOtherCode),
        (7, "YXRRSET", FailureReason::DnsOtherCode),
        (8, "NXRRSET", FailureReason::DnsOtherCode),
        (9, "NOTAUTH", FailureReason::DnsOtherCode),
        (10, "NOTZONE", FailureReason::DnsOtherCode),
        (11, "RCODE11", FailureReason::DnsOtherCode),
        (15, "RCODE15", FailureReason::DnsOtherCode),
    ] {
        let spec = dns_spec(server.address(), &format!("code{code}"), "A");
        let report = ask(&host, &server, spec);
        assert_eq!(answered(&report).code, name);
        assert_eq!(failure(&report), Some(reason), "{name}");
    }
    assert_eq!(server.asked().len(), 13);
}

#[test]
fn a_code_beyond_four_bits_is_read_out_of_edns() {
    needs_root!();
    let (host, server) = alone(|asked| {
        let mut message = asked.code(ResponseCode::BADVERS);
        message.edns.clone_from(&asked.message.edns);
        message.into()
    });
    let report = ask(&host, &server, www(&server));
    assert_eq!(answered(&report).code, "BADVERS");
    assert_eq!(failure(&report), Some(FailureReason::DnsOtherCode));
}

#[test]
fn a_truncated_answer_is_an_event_and_asked_again_over_tcp() {
    needs_root!();
    let (host, server) = alone(|asked| {
        if asked.over_tcp {
            return address(asked).into();
        }
        let mut message = asked.reply();
        message.metadata.truncation = true;
        message.into()
    });
    let report = ask(&host, &server, www(&server));
    let details = answered(&report);
    assert!(report.truncated && details.truncated);
    assert_eq!(details.answers, ["A 192.0.2.1"]);
    assert_eq!(report.failure, None);
    let over_tcp: Vec<bool> = server.asked().iter().map(|asked| asked.over_tcp).collect();
    assert_eq!(over_tcp, [false, true]);
}

#[test]
fn a_truncated_answer_without_tcp_is_no_loss_but_a_refusal() {
    needs_root!();
    let host = Namespace::new();
    let server = DnsServer::start(&host, "127.0.0.1:0", |asked| {
        let mut message = asked.reply();
        message.metadata.truncation = true;
        message.into()
    });
    host.nft(
        "add table inet t; add chain inet t in { type filter hook input priority 0; }; \
         add rule inet t in tcp flags & (syn|ack) == syn reject with tcp reset",
    );
    let report = ask(&host, &server, www(&server));
    assert!(matches!(report.ending, Ending::Answered(_)), "{report:?}");
    assert!(report.truncated);
    assert_eq!(failure(&report), Some(FailureReason::ConnectRefused));
}

#[test]
fn what_is_no_answer_does_not_end_the_waiting() {
    needs_root!();
    let (host, server) = alone(|asked| {
        let right = address(asked);
        let mut other_id = right.clone();
        other_id.metadata.id ^= 1;
        let mut other_name = right.clone();
        other_name.queries[0].set_name("evil.example.".parse().unwrap());
        let mut question = right.clone();
        question.metadata.message_type = hickory_proto::op::MessageType::Query;
        let strays = [&other_id, &other_name, &question];
        let mut all: Vec<Vec<u8>> = strays.iter().map(|message| bytes(message)).collect();
        all.extend([vec![], vec![0; 5], vec![0xff; 1_400], bytes(&right)]);
        Answer::Raw(all)
    });
    for transport in [DnsTransport::Udp, DnsTransport::Tcp] {
        let spec = DnsSpec {
            transport,
            ..www(&server)
        };
        let report = ask(&host, &server, spec);
        assert_eq!(answered(&report).answers, ["A 192.0.2.1"]);
        assert_eq!(report.failure, None, "{transport:?}");
    }
}

#[test]
fn when_nothing_better_comes_it_was_malformed() {
    needs_root!();
    let (host, server) = alone(|asked| {
        let mut message = bytes(&address(asked));
        match asked.name().as_str() {
            "id.example" => message[0] ^= 1,
            "question.example" => message[13] ^= 1,
            "cut.example" => message.truncate(message.len() - 2),
            "loop.example" => {
                // The name of the only record, which is a pointer, points to itself.
                let at = message.len() - 16;
                assert_eq!(message[at] & 0xc0, 0xc0);
                message[at + 1] = u8::try_from(at).unwrap();
            }
            "nothing.example" => message.clear(),
            "garbage.example" => message = vec![0xa5; 1_200],
            other => panic!("{other}"),
        }
        Answer::Raw(vec![message])
    });
    for query in [
        "id.example",
        "question.example",
        "cut.example",
        "loop.example",
        "nothing.example",
        "garbage.example",
    ] {
        for transport in [DnsTransport::Udp, DnsTransport::Tcp] {
            let spec = DnsSpec {
                transport,
                ..dns_spec(server.address(), query, "A")
            };
            let task = waiting(
                asking::dns(server.address(), spec),
                Duration::from_millis(150),
            );
            let report = run(&host, task);
            let reason = failure(&report);
            assert_eq!(
                reason,
                Some(FailureReason::DnsMalformed),
                "{query} {transport:?}"
            );
            // Something came back, so the packet was not lost.
            assert!(matches!(report.ending, Ending::Answered(_)));
            assert_eq!(report.details.dns, None);
        }
    }
}

#[test]
fn silence_is_silence_over_udp_and_tcp() {
    needs_root!();
    let (host, server) = alone(|_| Answer::Later(Duration::from_secs(1), Message::query()));
    for transport in [DnsTransport::Udp, DnsTransport::Tcp] {
        let spec = DnsSpec {
            transport,
            ..www(&server)
        };
        let task = asking::dns(server.address(), spec);
        let report = run(&host, waiting(task, Duration::from_millis(200)));
        assert_eq!(report.ending, Ending::Silent);
        assert_eq!(failure(&report), Some(FailureReason::DnsTimeout));
    }
}

#[test]
fn a_connection_that_is_closed_without_an_answer_was_reset() {
    needs_root!();
    let (host, server) = alone(|_| Answer::Nothing);
    let spec = DnsSpec {
        transport: DnsTransport::Tcp,
        ..www(&server)
    };
    let report = ask(&host, &server, spec);
    assert!(matches!(report.ending, Ending::Answered(_)), "{report:?}");
    assert_eq!(failure(&report), Some(FailureReason::Reset));
}

#[test]
fn a_late_answer_is_an_answer_with_its_time() {
    needs_root!();
    let pause = Duration::from_millis(1_200);
    let (host, server) = alone(move |asked| Answer::Later(pause, address(asked)));
    let report = ask(&host, &server, www(&server));
    // The timeout is 1 s, so the engine will call it late.
    let Ending::Answered(at) = report.ending else {
        panic!("{report:?}");
    };
    assert!(at.since(report.sent) >= pause);
    assert_eq!(report.failure, None);
}

#[test]
fn a_server_that_is_not_running_is_an_icmp_error() {
    needs_root!();
    let (client, server) = (Namespace::new(), Namespace::new());
    veth(&client, "cl", &server, "se", 1);
    for (side, device, host) in [(&client, "cl", 1), (&server, "se", 2)] {
        side.sysctl(&format!("net/ipv6/conf/{device}/disable_ipv6"), "0");
        side.ip(&format!("addr add fd00:9::{host}/64 dev {device} nodad"));
    }
    for (at, kind, code) in [("10.9.1.2:53", 3, 3), ("[fd00:9::2]:53", 1, 4)] {
        let at: SocketAddr = at.parse().unwrap();
        let report = run(&client, asking::dns(at, dns_spec(at, "www.example", "A")));
        let error = Outcome::IcmpError(IcmpError { kind, code });
        assert_eq!(report.ending, Ending::Ended(error), "{report:?}");
        assert_eq!(failure(&report), Some(FailureReason::Unreachable));
    }
}

#[test]
fn what_this_host_does_not_send_is_told_with_the_reason() {
    needs_root!();
    let (client, server) = (Namespace::new(), Namespace::new());
    veth(&client, "cl", &server, "se", 1);
    client.nft(
        "add table inet t; add chain inet t out { type filter hook output priority 0; }; \
         add rule inet t out udp dport 53 drop",
    );
    client.sysctl("net/ipv4/neigh/cl/retrans_time_ms", "100");
    for (at, outcome, reason) in [
        (
            "10.9.1.2:53",
            Outcome::SendError(SendFailure::NotPermitted),
            FailureReason::NotPermitted,
        ),
        (
            "192.0.2.1:53",
            Outcome::SendError(SendFailure::Unreachable),
            FailureReason::NoRoute,
        ),
        // A neighbour that does not answer, asked on a port that may pass.
        (
            "10.9.1.77:54",
            Outcome::LocalDrop(Some(Cause::NeighbourUnresolved)),
            FailureReason::NoRoute,
        ),
    ] {
        let at: SocketAddr = at.parse().unwrap();
        let report = run(&client, asking::dns(at, dns_spec(at, "www.example", "A")));
        let unsent = Ending::Ended(outcome);
        assert_eq!(
            (report.ending, failure(&report)),
            (unsent, Some(reason)),
            "{report:?}"
        );
    }
}

#[test]
fn questions_leave_from_where_they_are_wished_to() {
    needs_root!();
    let (client, server) = (Namespace::new(), Namespace::new());
    veth(&client, "cl", &server, "se", 1);
    client.ip("addr add 10.9.1.100/24 dev cl");
    server.nft(
        "add table inet t; add counter inet t ef; \
         add chain inet t in { type filter hook input priority 0; }; \
         add rule inet t in ip dscp 46 udp dport 53 counter name ef",
    );
    let names = DnsServer::start(&server, "10.9.1.2:53", |asked| address(asked).into());
    let task = with(asking::dns(names.address(), www(&names)), |request| {
        request.egress.source = Some("10.9.1.100".parse().unwrap());
        request.egress.interface = Some("cl".into());
        request.egress.dscp = 46;
    });
    let report = run(&client, task);
    assert_eq!(answered(&report).answers, ["A 192.0.2.1"]);
    assert_eq!(names.asked()[0].from.ip().to_string(), "10.9.1.100");
    let said = server.sh("nft list counter inet t ef");
    assert!(said.contains("packets 1 "), "{said}");
}

#[test]
fn names_ports_and_ids_of_questions_are_new_each_time() {
    needs_root!();
    let (host, server) = alone(|asked| address(asked).into());
    let spec = DnsSpec {
        cache_busting: true,
        ..www(&server)
    };
    for _ in 0..20 {
        let report = ask(&host, &server, spec.clone());
        assert_eq!(report.failure, None);
    }
    let asked = server.asked();
    let different = |of: &dyn Fn(&Asked) -> String| {
        let all: std::collections::HashSet<String> = asked.iter().map(of).collect();
        all.len()
    };
    assert!(
        asked
            .iter()
            .all(|asked| asked.name().ends_with(".www.example"))
    );
    assert_eq!(different(&|asked| asked.name()), 20);
    // Of 65 536 or 28 000, a few may meet by chance.
    assert!(different(&|asked| asked.message.id.to_string()) > 15);
    assert!(different(&|asked| asked.from.port().to_string()) > 15);
}

#[test]
fn an_answer_that_is_not_the_expected_one_fails_and_is_told() {
    needs_root!();
    let (host, server) = alone(|asked| address(asked).into());
    let spec = DnsSpec {
        expect: vec!["192.0.2.99".into()],
        ..www(&server)
    };
    let report = ask(&host, &server, spec);
    assert_eq!(answered(&report).answers, ["A 192.0.2.1"]);
    let (reason, text) = report.failure.unwrap();
    assert_eq!(reason, FailureReason::DnsUnexpected);
    assert!(
        text.contains("192.0.2.1") && text.contains("192.0.2.99"),
        "{text}"
    );
}

#[test]
fn a_huge_answer_over_tcp_is_taken_whole_and_kept_in_part() {
    needs_root!();
    let (host, server) = alone(|asked| {
        let mut message = asked.reply();
        let all: Vec<String> = (0..2_000_u32)
            .map(|number| std::net::Ipv4Addr::from(0x0a00_0000 + number).to_string())
            .collect();
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        message.add_answers(asked.addresses(1, &all).answers);
        message.into()
    });
    let spec = DnsSpec {
        transport: DnsTransport::Tcp,
        ..www(&server)
    };
    let report = ask(&host, &server, spec);
    let details = answered(&report);
    assert_eq!(report.failure, None);
    assert!(details.bytes > 30_000, "{}", details.bytes);
    assert_eq!(details.answers.len(), 64);
}
