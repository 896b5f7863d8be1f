//! The figures are those that the usual tools print at the same time.
#![expect(clippy::expect_used, reason = "a panic is the failure report")]

use droplens_tests::agent::{Agent, Options};
use droplens_tests::exposition::Metrics;
use droplens_tests::lab::{Namespace, load, veth};
use droplens_tests::{json, needs_root};
use serde_json::Value;

/// Scrapes until the metrics are as new as what `tool` said before, and checks that they are not
/// newer than what it says afterwards: in a quiet namespace that leaves one value.
fn agree(
    agent: &Agent<'_>,
    tool: impl Fn() -> Vec<u64>,
    shown: impl Fn(&Metrics) -> Option<Vec<u64>>,
) -> Metrics {
    let before = tool();
    let metrics = agent.scrape_until("the tool's figures", |metrics| {
        let now = shown(metrics).ok_or("no such series")?;
        let reached = now.iter().zip(&before).all(|(now, before)| now >= before);
        reached
            .then_some(())
            .ok_or_else(|| format!("{now:?}, the tool says {before:?}"))
    });
    let now = shown(&metrics).expect("the series were just there");
    let after = tool();
    for ((now, after), place) in now.iter().zip(&after).zip(0..) {
        assert!(
            now <= after,
            "figure {place}: {now:?}, the tool says {before:?} then {after:?}"
        );
    }
    metrics
}

fn link(shown: &Metrics, direction: &str, what: &str) -> Option<u64> {
    let name = format!("droplens_link_{direction}_{what}_total");
    let found = shown.all(&name, &[("device", "v0")]).next()?;
    droplens_tests::exposition::whole(found.value)
}

#[test]
fn links_agree_with_ip() {
    needs_root!();
    let (left, right) = (Namespace::new(), Namespace::new());
    veth(&left, "v0", &right, "v1", 1);
    let agent = Options::new()
        .config("[devices]\nfold_kinds = []\n")
        .start(&left);
    let sender = load::udp(&left, "10.9.1.1:0");
    load::send(&sender, "10.9.1.2:9000", 77, 321);
    let figures = [("rx", "receive"), ("tx", "transmit")]
        .map(|pair| ["bytes", "packets", "errors", "dropped"].map(|what| (pair, what)));
    let tool = || {
        let said = json::parse(&left.ip("-s -j link show v0"));
        let number = |&((short, _), what): &((&str, &str), &str)| {
            json::number(&said, &format!("/0/stats64/{short}/{what}"))
        };
        figures.as_flattened().iter().map(number).collect()
    };
    agree(&agent, tool, |metrics| {
        figures
            .as_flattened()
            .iter()
            .map(|&((_, direction), what)| link(metrics, direction, what))
            .collect()
    });
    agent.stop();
}

#[test]
fn qdiscs_agree_with_tc() {
    needs_root!();
    let (left, right) = (Namespace::new(), Namespace::new());
    veth(&left, "v0", &right, "v1", 1);
    left.tc("qdisc add dev v0 root handle 3: pfifo limit 100");
    let agent = Options::new()
        .config("[devices]\nfold_kinds = []\n")
        .start(&left);
    let sender = load::udp(&left, "10.9.1.1:0");
    load::send(&sender, "10.9.1.2:9000", 55, 200);
    let tool = || {
        let said = json::parse(&left.tc("-s -j qdisc show dev v0"));
        ["drops", "requeues", "overlimits", "bytes", "packets"]
            .map(|what| json::number(&said, &format!("/0/{what}")))
            .to_vec()
    };
    let labels = [("device", "v0"), ("kind", "pfifo"), ("handle", "3:")];
    agree(&agent, tool, |metrics| {
        [
            "dropped_packets",
            "requeues",
            "overlimits",
            "transmit_bytes",
            "transmit_packets",
        ]
        .iter()
        .map(|what| {
            let name = format!("droplens_qdisc_{what}_total");
            metrics
                .get(&name, &labels)
                .and_then(droplens_tests::exposition::whole)
        })
        .collect()
    });
    agent.stop();
}

/// Every counter that nstat knows, by the name it has in /metrics.
#[test]
fn protocol_counters_agree_with_nstat() {
    needs_root!();
    let namespace = Namespace::new();
    let agent = Options::new().start(&namespace);
    let sender = load::udp(&namespace, "127.0.0.1:0");
    load::send(&sender, "127.0.0.1:9", 33, 10);
    let counters = || -> Vec<(String, u64)> {
        let said = json::parse(&namespace.sh("nstat -a -z -s -j"));
        let all = said
            .pointer("/kernel")
            .and_then(Value::as_object)
            .expect("counters");
        all.iter()
            .filter_map(|(key, value)| Some((metric_name(key)?, value.as_u64()?)))
            .collect()
    };
    let names: Vec<String> = counters().into_iter().map(|(name, _)| name).collect();
    assert!(
        names.len() > 200,
        "nstat knows only {} counters",
        names.len()
    );
    agree(
        &agent,
        || counters().into_iter().map(|(_, value)| value).collect(),
        |metrics| {
            let whole = droplens_tests::exposition::whole;
            names
                .iter()
                .map(|name| metrics.get(name, &[]).and_then(whole))
                .collect()
        },
    );
    agent.stop();
}

/// `UdpRcvbufErrors` is `droplens_netstat_udp_rcvbuferrors_total`. Message types of ICMP, of which
/// a kernel shows those that it has seen, and what is not a counter are left out.
fn metric_name(key: &str) -> Option<String> {
    const GROUPS: &[&str] = &[
        "UdpLite6", "UdpLite", "TcpExt", "IpExt", "MPTcpExt", "Icmp6", "Ip6", "Udp6", "Icmp",
        "Tcp", "Udp", "Ip",
    ];
    const GAUGES: &[&str] = &["MPTcpExtMPCurrEstab"];
    if key.starts_with("IcmpMsg") || key.contains("Type") || GAUGES.contains(&key) {
        return None;
    }
    let group = GROUPS.iter().find(|group| key.starts_with(**group))?;
    let rest = key.strip_prefix(group)?;
    Some(format!("droplens_netstat_{group}_{rest}_total").to_lowercase())
}

#[test]
fn sockets_agree_with_ss() {
    needs_root!();
    let namespace = Namespace::new();
    let agent = Options::new().start(&namespace);
    let _listeners: Vec<_> = (9001..9008)
        .map(|port| load::listen(&namespace, &format!("127.0.0.1:{port}"), 8))
        .collect();
    let patience = std::time::Duration::from_secs(2);
    let _clients: Vec<_> = (9001..9006)
        .map(|port| load::connect(&namespace, &format!("127.0.0.1:{port}"), patience))
        .collect();
    let listening = namespace.sh("ss -Htln4").lines().count() as u64;
    assert_eq!(listening, 8, "seven and the agent's own");
    let labels = [("family", "ipv4"), ("state", "listen")];
    agent.scrape_until_value("droplens_tcp_sockets", &labels, listening);
    // Both ends of five connections, and the scrape's own two.
    let established = namespace.sh("ss -Htn4 state established").lines().count() as u64;
    assert_eq!(established, 10);
    let labels = [("family", "ipv4"), ("state", "established")];
    agent.scrape_until_value("droplens_tcp_sockets", &labels, established + 2);
    agent.stop();
}

#[test]
fn conntrack_statistics_agree_with_conntrack() {
    needs_root!();
    let namespace = Namespace::new();
    namespace.nft("add table ip t; add chain ip t c { type filter hook output priority 0; }; add rule ip t c ct state invalid counter");
    let agent = Options::new().start(&namespace);
    let sender = load::udp(&namespace, "127.0.0.1:0");
    load::send(&sender, "127.0.0.1:9", 10, 10);
    // The kernel's word, and the one in the metric's name.
    let keys = [
        ("found", "found"),
        ("invalid", "invalid"),
        ("insert", "inserted"),
        ("insert_failed", "insert_failed"),
        ("drop", "dropped"),
        ("early_drop", "early_dropped"),
        ("search_restart", "search_restarts"),
        ("clash_resolve", "clash_resolved"),
    ];
    let tool = || {
        let said = namespace.sh("conntrack -S");
        let sum = |key: &str| -> u64 {
            said.split_whitespace()
                .filter_map(|word| {
                    word.strip_prefix(key)?
                        .strip_prefix('=')?
                        .parse::<u64>()
                        .ok()
                })
                .sum()
        };
        keys.iter().map(|(key, _)| sum(key)).collect()
    };
    agree(&agent, tool, |metrics| {
        keys.iter()
            .map(|(_, key)| {
                let name = format!("droplens_conntrack_{key}_total");
                metrics.all(&name, &[]).next()?;
                Some(metrics.sum(&name, &[]))
            })
            .collect()
    });
    agent.stop();
}

/// The number after a word of `ss -s`, such as `timewait`.
fn after(text: &str, word: &str) -> u64 {
    let (_, rest) = text.split_once(word).expect(word);
    let rest = rest.trim_start();
    let end = rest
        .find(|character: char| !character.is_ascii_digit())
        .unwrap_or(rest.len());
    rest[..end].parse().expect(word)
}

#[test]
fn socket_totals_agree_with_ss() {
    needs_root!();
    let namespace = Namespace::new();
    let agent = Options::new().start(&namespace);
    let listener = load::listen(&namespace, "127.0.0.1:9001", 16);
    let patience = std::time::Duration::from_secs(2);
    let connect = || {
        let client = load::connect(&namespace, "127.0.0.1:9001", patience).expect("a connection");
        (client, listener.accept().expect("its other end").0)
    };
    let _pairs: Vec<_> = (0..6).map(|_| connect()).collect();
    for _ in 0..4 {
        // Who closes first has to wait.
        let (client, server) = connect();
        drop(client);
        drop(server);
    }
    let _udp: Vec<_> = ["127.0.0.1:0", "127.0.0.1:0", "[::1]:0"]
        .map(|address| load::udp(&namespace, address))
        .into();
    let tool = || namespace.sh("ss -s");

    // Every scrape leaves one more connection in TIME-WAIT, so that figure only grows.
    let waiting = [("state", "time_wait")];
    let time_wait = || vec![after(&tool(), "timewait"); 2];
    assert!(time_wait() >= vec![4; 2]);
    agree(&agent, time_wait, |metrics| {
        let whole = droplens_tests::exposition::whole;
        let counted = metrics.get("droplens_sockstat_tcp_time_wait", &[])?;
        metrics.all("droplens_tcp_sockets", &waiting).next()?;
        Some(vec![
            whole(counted)?,
            metrics.sum("droplens_tcp_sockets", &waiting),
        ])
    });

    // Both ends of six, and of the scrape's own while it lasts.
    let established = after(&tool(), "estab");
    assert_eq!(established, 12);
    let state = [("family", "ipv4"), ("state", "established")];
    agent.scrape_until_value("droplens_tcp_sockets", &state, established + 2);

    let said = tool();
    let udp = said
        .lines()
        .find_map(|line| line.strip_prefix("UDP"))
        .expect("a line about UDP");
    let udp: Vec<u64> = udp
        .split_whitespace()
        .map(|number| number.parse().expect("a number"))
        .collect();
    assert_eq!(udp, [3, 2, 1], "{said}");
    for (protocol, sockets) in [("UDP", 2), ("UDP6", 1)] {
        let labels = [("protocol", protocol)];
        agent.scrape_until_value("droplens_sockstat_sockets", &labels, sockets);
    }
    agent.stop();
}
