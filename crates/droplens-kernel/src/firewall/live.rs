use std::net::UdpSocket;

use droplens_model::Family;
use droplens_model::sample::firewall::{
    Count, Counted, DropRule, Firewall, Hook, Policy, RuleId, TableFamily, Verdict,
};

use super::*;
use crate::testing::{command, in_namespace};

/// Bytes of an IPv4 packet with a UDP datagram of one byte.
const PACKET: u64 = 20 + 8 + 1;

fn send(port: u16, count: u32) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    for _ in 0..count {
        // Rules of the output hook refuse it, and a reject tells of itself at a later send.
        let _refused = socket.send_to(b"x", ("127.0.0.1", port));
    }
}

fn nft(words: &str) {
    command("nft", words);
}

fn read(reader: &mut FirewallReader) -> Firewall {
    let sample = reader.read().unwrap();
    assert!(sample.is_known(), "{sample:?}");
    sample
}

fn counted(packets: u64) -> Counted {
    Counted::Exactly(Count {
        packets,
        bytes: packets * PACKET,
    })
}

fn rules(sample: &Firewall) -> &[DropRule] {
    &sample.nftables.as_ref().unwrap().rules
}

#[test]
fn drops_are_counted_one_by_one() {
    in_namespace(|| {
        let mut reader = FirewallReader::new(&Root::default());
        assert_eq!(read(&mut reader).nftables, Ok(Ruleset::default()));
        nft("add table inet t");
        nft("add counter inet t seen");
        nft("add counter inet t shared");
        nft("add chain inet t in { type filter hook input priority 5 ; policy drop ; }");
        nft("add rule inet t in udp dport 9000 counter drop comment \"the_first\"");
        nft("add rule inet t in udp dport 9001 counter name seen log drop");
        nft("add rule inet t in udp dport 9002 counter name shared drop");
        nft("add rule inet t in udp dport 9003 counter name shared accept");
        nft("add rule inet t in udp dport 9004 counter reject");
        nft("add rule inet t in udp dport 9005 drop");
        nft("add rule inet t in counter udp dport 9006 drop");
        nft("add rule inet t in udp dport 9007 counter accept");
        let zero = read(&mut reader);
        assert_eq!(rules(&zero).len(), 6);
        for (port, count) in (9000..9010).zip(1..) {
            send(port, count);
        }
        let sample = read(&mut reader);
        let together = Counted::Together(
            "shared".into(),
            Count {
                packets: 7,
                bytes: 7 * PACKET,
            },
        );
        let expected = [
            (Verdict::Drop, counted(1)),
            (Verdict::Drop, counted(2)),
            (Verdict::Drop, together),
            (Verdict::Reject, counted(5)),
            (Verdict::Drop, Counted::No),
            // Its counter counts what other ports get as well.
            (Verdict::Drop, Counted::No),
        ];
        let found: Vec<_> = rules(&sample)
            .iter()
            .map(|rule| (rule.verdict, rule.counted.clone()))
            .collect();
        assert_eq!(found, expected);
        let first = &rules(&sample)[0];
        assert_eq!(first.comment.as_deref(), Some("the_first"));
        assert_eq!(first.chain.family, TableFamily::Inet);
        assert_eq!((&*first.chain.table, &*first.chain.name), ("t", "in"));
        assert!(matches!(first.id, RuleId::Handle(handle) if handle > 0));

        let ruleset = sample.nftables.as_ref().unwrap();
        let counters: Vec<_> = ruleset
            .counters
            .iter()
            .map(|counter| (&*counter.table, &*counter.name, counter.count.packets))
            .collect();
        assert_eq!(counters, [("t", "seen", 2), ("t", "shared", 7)]);
        let [chain] = &ruleset.chains[..] else {
            panic!("{ruleset:?}");
        };
        assert_eq!((chain.hook, chain.priority), (Hook::Input, Some(5)));
        assert_eq!((chain.policy, chain.active), (Policy::Drop, true));
        // A change is noticed, and the counters of what stays go on.
        nft("add rule inet t in udp dport 9008 counter drop");
        send(9008, 3);
        let changed = read(&mut reader);
        assert_eq!(rules(&changed).len(), 7);
        assert_eq!(rules(&changed)[6].counted, counted(3));
        assert_eq!(rules(&changed)[0].counted, counted(1));
    });
}

#[test]
fn a_policy_counts_where_it_was_asked_to() {
    in_namespace(|| {
        let mut reader = FirewallReader::new(&Root::default());
        nft("add table ip t");
        nft("add chain ip t in { type filter hook input priority 0 ; policy drop ; }");
        let sample = read(&mut reader);
        assert_eq!(sample.nftables.as_ref().unwrap().chains[0].counter, None);
        assert!(sample.can_drop(Family::V4, Hook::Input));
        assert!(!sample.can_drop(Family::V6, Hook::Input));
        assert!(!sample.can_drop(Family::V4, Hook::Output));
        // iptables asks for counters in its chains, nft has no word for that.
        command("iptables-nft", "-P INPUT DROP");
        nft("delete table ip t");
        send(9000, 4);
        let sample = read(&mut reader);
        let chains = &sample.nftables.as_ref().unwrap().chains;
        let input = chains.iter().find(|chain| &*chain.chain.name == "INPUT");
        let (packets, bytes) = (4, 4 * PACKET);
        assert_eq!(input.unwrap().counter, Some(Count { packets, bytes }));
        assert!(sample.can_drop_counted(Family::V4, Hook::Input));
        assert!(!sample.can_drop(Family::V4, Hook::Input));
    });
}

#[test]
fn rules_drop_where_jumps_and_maps_lead() {
    in_namespace(|| {
        let mut reader = FirewallReader::new(&Root::default());
        nft("add table inet t");
        nft("add chain inet t deep");
        nft("add chain inet t middle");
        nft("add chain inet t mapped");
        nft("add chain inet t unused");
        nft("add chain inet t through { type filter hook forward priority 0 ; }");
        nft("add chain inet t out { type filter hook output priority 0 ; }");
        nft("add rule inet t through jump middle");
        nft("add rule inet t middle goto deep");
        nft("add rule inet t out udp dport vmap { 1 : accept, 2 : jump mapped }");
        nft("add rule inet t unused drop");
        let sample = read(&mut reader);
        let [unused] = rules(&sample) else {
            panic!("{sample:?}");
        };
        assert!(unused.hooks.is_empty());
        let places = |sample: &Firewall| -> Vec<Hook> {
            let v6 = |hook: &Hook| sample.can_drop(Family::V6, *hook);
            Hook::ALL.into_iter().filter(v6).collect()
        };
        assert_eq!(places(&sample), []);
        nft("add rule inet t deep udp dport 5 drop");
        assert_eq!(places(&read(&mut reader)), [Hook::Forward]);
        nft("add rule inet t mapped drop");
        let both = [Hook::Forward, Hook::Output];
        assert_eq!(places(&read(&mut reader)), both);
        nft("add map inet t verdicts { type inet_service : verdict ; }");
        nft("add chain inet t pre { type filter hook prerouting priority 0 ; }");
        nft("add rule inet t pre udp dport vmap @verdicts");
        assert_eq!(places(&read(&mut reader)), both);
        nft("add element inet t verdicts { 7 : drop }");
        let sample = read(&mut reader);
        assert!(sample.can_drop(Family::V4, Hook::Prerouting));
        // A dormant table lets everything pass.
        nft("add table inet t { flags dormant ; }");
        let sample = read(&mut reader);
        assert_eq!(places(&sample), []);
        assert_eq!(rules(&sample).len(), 4);
    });
}

#[test]
fn iptables_nft_rules_are_rules_of_nftables() {
    in_namespace(|| {
        let mut reader = FirewallReader::new(&Root::default());
        let iptables = |arguments: &str| command("iptables-nft", arguments);
        iptables("-A INPUT -p udp --dport 9003 -m comment --comment its_comment -j DROP");
        iptables("-A INPUT -p udp --dport 9004 -j REJECT");
        iptables("-P FORWARD DROP");
        read(&mut reader);
        send(9003, 4);
        send(9004, 2);
        let sample = read(&mut reader);
        let found: Vec<_> = rules(&sample)
            .iter()
            .map(|rule| (rule.comment.as_deref(), rule.verdict, rule.counted.clone()))
            .collect();
        let expected = [
            (Some("its_comment"), Verdict::Drop, counted(4)),
            (None, Verdict::Reject, counted(2)),
        ];
        assert_eq!(found, expected);
        for hook in [Hook::Input, Hook::Forward] {
            assert!(sample.can_drop_counted(Family::V4, hook));
            assert!(!sample.can_drop(Family::V4, hook));
        }
    });
}

#[test]
fn iptables_legacy_counts_every_rule_and_policy() {
    in_namespace(|| {
        let mut reader = FirewallReader::new(&Root::default());
        let before = read(&mut reader);
        assert_eq!(before.legacy, Ok(Ruleset::default()));
        let Ok(names) = std::fs::read_to_string("/proc/thread-self/net/ip_tables_names") else {
            eprintln!("SKIPPED: this kernel has no ip_tables");
            return;
        };
        assert_eq!(names, "", "reading made no table");
        let iptables = |arguments: &str| command("iptables-legacy", arguments);
        iptables("-N deep");
        iptables("-A INPUT -p udp --dport 9003 -m comment --comment its_comment -j DROP");
        iptables("-A INPUT -p udp --dport 9004 -j REJECT");
        iptables("-A INPUT -p udp --dport 9005 -j deep");
        iptables("-A deep -j DROP");
        iptables("-P FORWARD DROP");
        command("ip6tables-legacy", "-A OUTPUT -p udp --dport 9003 -j DROP");
        read(&mut reader);
        send(9003, 4);
        send(9004, 2);
        send(9005, 3);
        let to6 = UdpSocket::bind("[::1]:0").unwrap();
        let _refused = to6.send_to(b"x", ("::1", 9003));
        let sample = read(&mut reader);
        let legacy = sample.legacy.as_ref().unwrap();
        let found: Vec<_> = legacy
            .rules
            .iter()
            .map(|rule| {
                let chain = (rule.chain.family, &*rule.chain.name);
                (
                    chain,
                    rule.comment.as_deref(),
                    rule.verdict,
                    rule.counted.clone(),
                )
            })
            .collect();
        let v6 = Counted::Exactly(Count {
            packets: 1,
            bytes: 40 + 8 + 1,
        });
        let input = (TableFamily::Ip, "INPUT");
        let expected = [
            (input, Some("its_comment"), Verdict::Drop, counted(4)),
            (input, None, Verdict::Reject, counted(2)),
            ((TableFamily::Ip, "deep"), None, Verdict::Drop, counted(3)),
            ((TableFamily::Ip6, "OUTPUT"), None, Verdict::Drop, v6),
        ];
        assert_eq!(found, expected);
        assert!(legacy.rules[2].hooks.contains(Hook::Input));
        let policies: Vec<_> = legacy
            .chains
            .iter()
            .map(|chain| (chain.chain.family, chain.hook, chain.policy))
            .collect();
        let hooks = [Hook::Input, Hook::Forward, Hook::Output];
        let of = |family, dropping: Option<Hook>| {
            hooks.map(|hook| {
                let drops = dropping == Some(hook);
                (
                    family,
                    hook,
                    if drops { Policy::Drop } else { Policy::Accept },
                )
            })
        };
        let expected = [
            of(TableFamily::Ip, Some(Hook::Forward)),
            of(TableFamily::Ip6, None),
        ];
        assert_eq!(policies, expected.as_flattened());
        assert!(sample.can_drop_counted(Family::V6, Hook::Output));
        assert!(!sample.can_drop(Family::V6, Hook::Output));
        // What was sent went through OUTPUT, and so did the reports of rejection, which came in.
        let [accepted, forwarded, sent] =
            [0, 1, 2].map(|chain: usize| legacy.chains[chain].counter.unwrap().packets);
        assert_eq!((forwarded, sent), (0, 4 + 2 + 3 + accepted));
        let names = std::fs::read_to_string("/proc/thread-self/net/ip_tables_names");
        assert_eq!(names.unwrap(), "filter\n", "reading made no further table");
    });
}

#[test]
fn families_have_their_own_hooks() {
    in_namespace(|| {
        let mut reader = FirewallReader::new(&Root::default());
        let on = |family: &str, hook: &str, device: &str| {
            nft(&format!("add table {family} t"));
            nft(&format!(
                "add chain {family} t {hook} {{ type filter hook {hook} {device} priority 0 ; }}"
            ));
            nft(&format!("add rule {family} t {hook} counter drop"));
        };
        on("netdev", "ingress", "device lo");
        on("netdev", "egress", "device lo");
        on("inet", "ingress", "device lo");
        on("bridge", "forward", "");
        on("arp", "output", "");
        on("ip6", "postrouting", "");
        let sample = read(&mut reader);
        let ruleset = sample.nftables.as_ref().unwrap();
        let mut found: Vec<_> = ruleset
            .chains
            .iter()
            .map(|chain| (chain.chain.family, chain.hook))
            .collect();
        found.sort_unstable();
        let expected = [
            (TableFamily::Ip6, Hook::Postrouting),
            (TableFamily::Inet, Hook::Ingress),
            (TableFamily::Arp, Hook::Output),
            (TableFamily::Bridge, Hook::Forward),
            (TableFamily::Netdev, Hook::Ingress),
            (TableFamily::Netdev, Hook::Egress),
        ];
        assert_eq!(found, expected);
        assert_eq!(ruleset.rules.len(), expected.len());
        let v4 = |hook: &Hook| sample.can_drop_counted(Family::V4, *hook);
        let hooks: Vec<_> = Hook::ALL.into_iter().filter(v4).collect();
        assert_eq!(hooks, [Hook::Ingress, Hook::Egress]);
        assert!(sample.can_drop_counted(Family::V6, Hook::Postrouting));
        assert!(sample.can_drop_in_bridges());
    });
}
