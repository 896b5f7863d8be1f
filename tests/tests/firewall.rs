//! What packet filters drop, told exactly through /metrics.

use droplens_tests::agent::Options;
use droplens_tests::exposition::{Metrics, whole};
use droplens_tests::lab::{Namespace, load};
use droplens_tests::{needs_root, skip};

const DROPS: &str = "droplens_firewall_drop_packets_total";
const RULES: &str = "droplens_firewall_drop_rules";
const COUNTERS: &str = "droplens_firewall_named_packets_total";

/// Sends so many datagrams to each of these ports on the loopback device.
fn send(namespace: &Namespace, ports: &[(u16, usize)]) {
    let sender = load::udp(namespace, "127.0.0.1:0");
    for (port, count) in ports {
        load::send(&sender, &format!("127.0.0.1:{port}"), *count, 100);
    }
}

fn drops(metrics: &Metrics, family: &str, chain: &str, rule: &str) -> Option<u64> {
    let labels = [("family", family), ("chain", chain), ("rule", rule)];
    let mut found = metrics.all(DROPS, &labels);
    let series = found.next()?;
    assert!(found.next().is_none(), "{labels:?} more than once");
    whole(series.value)
}

#[test]
fn drops_of_nftables_by_rule_and_named_counter() {
    needs_root!();
    let namespace = Namespace::new();
    namespace.nft(
        "add table inet t
         add counter inet t seen
         add chain inet t guard
         add chain inet t in { type filter hook input priority 0; policy accept; }
         add chain inet t through { type filter hook forward priority 0; policy drop; }
         add rule inet t in udp dport 9000 counter drop comment \"first of all\"
         add rule inet t in udp dport 9001 counter name seen drop comment \"named\"
         add rule inet t in udp dport 9002 counter reject comment \"refused\"
         add rule inet t in udp dport 9003 drop comment \"silent\"
         add rule inet t in udp dport 9004 jump guard
         add rule inet t guard counter drop comment \"twice\"
         add rule inet t in udp dport 9005 counter drop comment \"twice\"
         add rule inet t in udp dport 9006 counter comment \"passes\"",
    );
    let agent = Options::new().start(&namespace);
    let started = agent.scrape_until_value("droplens_source_up", &[("source", "firewall")], 1);
    for rule in ["first of all", "named", "refused", "twice"] {
        let before: u64 = started.all(DROPS, &[("rule", rule)]).map(|_| 1).sum();
        assert!(before > 0, "{rule} is not there from the start");
        assert_eq!(started.sum(DROPS, &[("rule", rule)]), 0);
    }
    let ports = [
        (9000, 3),
        (9001, 5),
        (9002, 7),
        (9003, 11),
        (9004, 13),
        (9005, 17),
        (9006, 19),
    ];
    send(&namespace, &ports);
    let metrics = agent.scrape_until("all drops", |metrics| {
        let told = metrics.sum(DROPS, &[]);
        let wanted = 3 + 5 + 7 + 13 + 17;
        (told == wanted).then_some(()).ok_or(format!("{told}"))
    });
    for (chain, rule, count) in [
        ("in", "first of all", 3),
        ("in", "named", 5),
        ("in", "refused", 7),
        ("guard", "twice", 13),
        ("in", "twice", 17),
    ] {
        assert_eq!(drops(&metrics, "inet", chain, rule), Some(count), "{rule}");
    }
    assert_eq!(drops(&metrics, "inet", "in", "silent"), None, "not counted");
    assert_eq!(
        metrics.count(COUNTERS, &[("table", "t"), ("name", "seen")]),
        5
    );
    let rules = |counted| [("family", "inet"), ("hook", "input"), ("counted", counted)];
    assert_eq!(metrics.count(RULES, &rules("yes")), 5);
    assert_eq!(metrics.count(RULES, &rules("no")), 1);
    let policy = metrics.all("droplens_firewall_policy_drop", &[("chain", "through")]);
    assert_eq!(policy.count(), 1);
    assert_eq!(metrics.all("droplens_firewall_policy_drop", &[]).count(), 1);

    // A rule that goes takes nothing back, and one that comes is counted from its start.
    namespace.nft("flush chain inet t guard; add rule inet t guard counter drop comment \"new\"");
    send(&namespace, &[(9004, 2)]);
    let metrics = agent.scrape_until("the new rule", |metrics| {
        let told = drops(metrics, "inet", "guard", "new");
        (told == Some(2)).then_some(()).ok_or(format!("{told:?}"))
    });
    assert_eq!(drops(&metrics, "inet", "guard", "twice"), None);
    assert_eq!(drops(&metrics, "inet", "in", "twice"), Some(17));
    agent.stop();
}

#[test]
fn both_kinds_of_iptables_side_by_side() {
    needs_root!();
    let namespace = Namespace::new();
    for (program, port) in [("iptables-nft", 9000), ("iptables-legacy", 9010)] {
        let rule = |port: u16, rest: &str| {
            namespace.sh(&format!("{program} -A INPUT -p udp --dport {port} {rest}"));
        };
        rule(port, &format!("-m comment --comment {program} -j DROP"));
        rule(port + 1, "-j REJECT");
        rule(port + 2, "-m comment --comment both -j DROP");
    }
    let agent = Options::new().start(&namespace);
    agent.scrape_until_value("droplens_source_up", &[("source", "firewall")], 1);
    // nftables chains come after those of iptables-legacy, which drop first.
    send(
        &namespace,
        &[
            (9000, 3),
            (9001, 5),
            (9002, 7),
            (9010, 11),
            (9011, 13),
            (9012, 17),
        ],
    );
    let metrics = agent.scrape_until("all drops", |metrics| {
        let told = metrics.sum(DROPS, &[]);
        (told == 56).then_some(()).ok_or(format!("{told}"))
    });
    for (rule, count) in [
        ("iptables-nft", 3),
        ("iptables-legacy", 11),
        ("both", 7 + 17),
        ("rule 2", 13),
    ] {
        assert_eq!(drops(&metrics, "ip", "INPUT", rule), Some(count), "{rule}");
    }
    // A rule before it moves a rule without comment, but not what it counted before.
    namespace.sh("iptables-legacy -I INPUT -p udp --dport 9019 -j DROP");
    send(&namespace, &[(9011, 1), (9019, 2)]);
    let metrics = agent.scrape_until("the moved rule", |metrics| {
        let told = metrics.sum(DROPS, &[("rule", "rule 1")]);
        (told == 2).then_some(()).ok_or(format!("{told}"))
    });
    assert_eq!(drops(&metrics, "ip", "INPUT", "rule 3"), Some(1));
    agent.stop();
}

#[test]
fn more_rules_than_series_are_told_together() {
    needs_root!();
    let namespace = Namespace::new();
    let table = "add table ip t\nadd chain ip t in { type filter hook input priority 0; }\n";
    let rule = |port| {
        format!("add counter ip t c{port}\nadd rule ip t in udp dport {port} counter drop\n")
    };
    let rules: String = std::iter::once(table.to_owned())
        .chain((10_000..10_200).map(rule))
        .collect();
    namespace.nft(&rules);
    let agent = Options::new().start(&namespace);
    agent.scrape_until_value("droplens_source_up", &[("source", "firewall")], 1);
    let ports: Vec<_> = (10_000..10_200).map(|port| (port, 2)).collect();
    send(&namespace, &ports);
    let metrics = agent.scrape_until("all drops", |metrics| {
        let told = metrics.sum(DROPS, &[]);
        (told == 400).then_some(()).ok_or(format!("{told}"))
    });
    assert_eq!(metrics.all(DROPS, &[]).count(), 65);
    assert_eq!(metrics.sum(DROPS, &[("rule", "other")]), 2 * (200 - 64));
    assert_eq!(
        metrics.all(COUNTERS, &[]).count(),
        1,
        "none has counted yet"
    );
    agent.stop();
}

#[test]
fn an_ordinary_user_is_told_what_is_missing() {
    needs_root!();
    let namespace = Namespace::new();
    namespace.nft("add table ip t; add chain ip t in { type filter hook input priority 0; policy drop; }; add rule ip t in iif lo accept");
    let agent = Options::new().unprivileged().start(&namespace);
    let labels = [
        ("source", "firewall"),
        ("state", "unsupported"),
        ("reason", "permission"),
    ];
    let metrics = agent.scrape_until_value("droplens_source_info", &labels, 1);
    let shown = metrics.all("droplens_firewall_policy_drop", &[]).count()
        + metrics.all(RULES, &[]).count()
        + metrics.all("droplens_firewall_readable", &[]).count();
    assert_eq!(shown, 0, "figures without a reading");
    agent.stop();
}

#[test]
fn reading_changes_nothing() {
    needs_root!();
    let namespace = Namespace::new();
    let names = || {
        ["ip_tables_names", "ip6_tables_names"].map(|file| {
            let path = format!("/proc/thread-self/net/{file}");
            namespace.enter(|| std::fs::read_to_string(path)).ok()
        })
    };
    let before = names();
    if before.iter().all(Option::is_none) {
        skip::because("reading_changes_nothing", "this kernel has no ip_tables");
        return;
    }
    let agent = Options::new().start(&namespace);
    agent.scrape_until_value("droplens_source_up", &[("source", "firewall")], 1);
    assert_eq!(names(), before);
    assert_eq!(namespace.sh("nft list ruleset"), "");
    let metrics = agent.scrape();
    for filter in ["nftables", "iptables-legacy"] {
        let labels = [("filter", filter)];
        assert_eq!(metrics.count("droplens_firewall_readable", &labels), 1);
    }
    agent.stop();
}
