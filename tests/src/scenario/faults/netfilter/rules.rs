//! Rules and policies that count what they drop.

use droplens_model::{Cause, Place};

use crate::lab::{Namespace, Router, load};
use crate::scenario::{Expect, Packets, Scenario, Seen, Watch, exactly, expected};

const DROP: Expect = exactly(Cause::FirewallDrop);
/// More is dropped silently than by rules that count.
const INPUT: Expect = expected(
    Cause::UnaccountedIpInput,
    Packets::Exact,
    &[Cause::FirewallDrop],
);
const OUTPUT: Expect = expected(
    Cause::UnaccountedIpOutput,
    Packets::Exact,
    &[Cause::FirewallDrop],
);

const COUNT: usize = 300;

const fn scenario(name: &'static str, about: &'static str, run: fn() -> Seen) -> Scenario {
    Scenario {
        name,
        about,
        expect: DROP,
        alone: false,
        run,
    }
}

pub(super) const ALL: &[Scenario] = &[
    scenario(
        "firewall-rule",
        "an nft rule with counter and comment drops UDP",
        || {
            by_nft(
                "input",
                "udp dport 9000 counter drop comment \"no games\"",
                ["inet", "t", "c", "no games"],
                V4,
            )
        },
    ),
    scenario(
        "firewall-rule6",
        "an nft rule with counter drops UDP over IPv6",
        || {
            by_nft(
                "input",
                "udp dport 9000 counter drop",
                ["inet", "t", "c", "handle 3"],
                V6,
            )
        },
    ),
    scenario(
        "firewall-named-counter",
        "an nft rule with a named counter drops UDP",
        || {
            by_nft(
                "input",
                "udp dport 9000 counter name seen drop comment named",
                ["inet", "t", "c", "named"],
                V4,
            )
        },
    ),
    scenario(
        "firewall-reject",
        "an nft rule in a chain of its own rejects UDP",
        || {
            by_nft(
                "input",
                "udp dport 9000 jump guard",
                ["inet", "t", "guard", "go away"],
                V4,
            )
        },
    ),
    scenario(
        "firewall-forward",
        "an nft rule with counter drops forwarded UDP",
        || {
            by_nft(
                "forward",
                "udp dport 9000 counter drop comment through",
                ["inet", "t", "c", "through"],
                V4,
            )
        },
    ),
    scenario(
        "firewall-output",
        "an nft rule with counter drops UDP in OUTPUT",
        || {
            by_nft(
                "output",
                "udp dport 9000 counter drop comment out",
                ["inet", "t", "c", "out"],
                V6,
            )
        },
    ),
    scenario(
        "firewall-ingress",
        "an nft rule at a device drops UDP before the IP layer",
        at_device,
    ),
    scenario(
        "firewall-iptables-nft",
        "a rule of iptables-nft drops UDP",
        || {
            by_iptables(
                "iptables-nft",
                "-A INPUT -p udp --dport 9000 -m comment --comment old -j DROP",
                ["ip", "filter", "INPUT", "old"],
                V4,
            )
        },
    ),
    scenario(
        "firewall-iptables-nft-policy",
        "the policy of iptables-nft drops UDP",
        || {
            by_iptables(
                "iptables-nft",
                "-P INPUT DROP",
                ["ip", "filter", "INPUT", "policy"],
                V4,
            )
        },
    ),
    scenario(
        "firewall-iptables-legacy",
        "a rule of iptables-legacy drops UDP",
        || {
            by_iptables(
                "iptables-legacy",
                "-A INPUT -p udp --dport 9000 -m comment --comment older -j DROP",
                ["ip", "filter", "INPUT", "older"],
                V4,
            )
        },
    ),
    scenario(
        "firewall-iptables-legacy-reject6",
        "a rule of ip6tables-legacy rejects UDP over IPv6",
        || {
            by_iptables(
                "ip6tables-legacy",
                "-A INPUT -p udp --dport 9000 -j REJECT",
                ["ip6", "filter", "INPUT", "rule 2"],
                V6,
            )
        },
    ),
    scenario(
        "firewall-iptables-legacy-policy",
        "the policy of iptables-legacy drops UDP",
        || {
            by_iptables(
                "iptables-legacy",
                "-P INPUT DROP",
                ["ip", "filter", "INPUT", "policy"],
                V4,
            )
        },
    ),
    Scenario {
        expect: INPUT,
        ..scenario(
            "firewall-and-silent-input",
            "rules with and without counter drop UDP in INPUT",
            || counted_and_silent("input", &INPUT),
        )
    },
    Scenario {
        expect: OUTPUT,
        ..scenario(
            "firewall-and-silent-forward",
            "rules with and without counter drop forwarded UDP",
            || counted_and_silent("forward", &OUTPUT),
        )
    },
    Scenario {
        expect: OUTPUT,
        ..scenario(
            "firewall-and-silent-output",
            "rules with and without counter drop UDP in OUTPUT",
            || counted_and_silent("output", &OUTPUT),
        )
    },
];

/// The server's address.
type Server = &'static str;

const V4: Server = "10.90.2.2";
const V6: Server = "[fd90:2::2]";

fn send(client: &Namespace, server: Server, port: u16, count: usize) {
    let any = if server == V6 { "[::]:0" } else { "0.0.0.0:0" };
    let sender = load::udp(client, any);
    load::send(&sender, &format!("{server}:{port}"), count, 100);
}

/// Where the packets of the client meet a hook on their way to the server.
fn host<'a>(three: &'a Router, hook: &str) -> &'a Namespace {
    match hook {
        "output" => &three.client,
        "forward" => &three.router,
        _ => &three.server,
    }
}

/// A rule of nft in a chain `c` of a hook drops.
fn by_nft(hook: &str, rule: &str, place: [&str; 4], server: Server) -> Seen {
    let three = Router::new();
    let host = host(&three, hook);
    host.nft(&format!(
        "add table inet t
         add counter inet t seen
         add chain inet t guard
         add chain inet t c {{ type filter hook {hook} priority 0; }}
         add rule inet t guard counter reject comment \"go away\"
         add rule inet t c {rule}"
    ));
    let place = if place[3] == "handle 3" {
        let handle = handle(host);
        [place[0], place[1], place[2], &handle].map(ToOwned::to_owned)
    } else {
        place.map(ToOwned::to_owned)
    };
    dropped(&three, host, server, &place)
}

/// The handle of the only rule of the chain.
fn handle(host: &Namespace) -> String {
    let listed = host.sh("nft -a list chain inet t c");
    let rule = listed.lines().find(|line| line.contains("drop"));
    let handle = rule.and_then(|rule| rule.split("# ").last());
    handle.expect("a rule with a handle").trim().to_owned()
}

/// A rule or policy of iptables drops; what the host cannot do without passes.
fn by_iptables(program: &str, rule: &str, place: [&str; 4], server: Server) -> Seen {
    let three = Router::new();
    let host = &three.server;
    host.sh(&format!("{program} -A INPUT -i lo -j ACCEPT"));
    host.sh(&format!("{program} {rule}"));
    dropped(&three, host, server, &place.map(ToOwned::to_owned))
}

fn at_device() -> Seen {
    let three = Router::new();
    let host = &three.server;
    host.nft("table netdev t { chain c { type filter hook ingress device s0 priority 0; udp dport 9000 counter drop comment early; }; }");
    let place = ["netdev", "t", "c", "early"].map(ToOwned::to_owned);
    dropped(&three, host, V4, &place)
}

fn dropped(three: &Router, host: &Namespace, server: Server, place: &[String; 4]) -> Seen {
    let watch = Watch::start(host);
    send(&three.client, server, 9000, COUNT);
    let seen = watch.verdict(&DROP, Some(COUNT as u64));
    let [family, table, chain, rule] = place.each_ref().map(|word| word.as_str().into());
    let place = Place::Rule {
        family,
        table,
        chain,
        rule,
    };
    let first = seen.report.findings.first();
    assert_eq!(first.map(|finding| &finding.place), Some(&place));
    seen
}

fn counted_and_silent(hook: &str, expect: &Expect) -> Seen {
    let three = Router::new();
    let host = host(&three, hook);
    host.nft(&format!(
        "table inet t {{ chain c {{ type filter hook {hook} priority 0;
           udp dport 9000 counter drop;
           udp dport 9001 drop;
         }}; }}"
    ));
    let watch = Watch::start(host);
    for _ in 0..10 {
        send(&three.client, V4, 9000, COUNT / 20);
        send(&three.client, V4, 9001, COUNT / 10);
    }
    let seen = watch.verdict(expect, Some(COUNT as u64));
    let counted = seen.report.findings.iter();
    let counted = counted.filter(|finding| finding.cause == Cause::FirewallDrop);
    let counted: Vec<u64> = counted.map(|finding| finding.packets).collect();
    assert_eq!(counted, [COUNT as u64 / 2], "the rule that counts");
    seen
}
