//! Packet filters that drop without counting.

use std::time::Duration;

use droplens_model::Cause;

use crate::lab::counted::Counted;
use crate::lab::{Namespace, Router, crowd, load};
use crate::scenario::{Expect, Scenario, Seen, Watch, exactly, scenario};

const INPUT: Expect = exactly(Cause::UnaccountedIpInput);
const OUTPUT: Expect = exactly(Cause::UnaccountedIpOutput);

pub(super) const ALL: &[Scenario] = &[
    scenario(
        "silent-drop-input",
        "a rule without counter drops UDP in INPUT",
        INPUT,
        || drop_by(RULE, "input", UDP),
    ),
    scenario(
        "silent-drop-input-tcp6",
        "a rule without counter drops TCP over IPv6 in INPUT",
        INPUT,
        || drop_by(RULE, "input", TCP6),
    ),
    scenario(
        "silent-policy-input-tcp",
        "the policy of INPUT drops TCP",
        INPUT,
        || drop_by(POLICY, "input", TCP),
    ),
    scenario(
        "silent-policy-input-udp6",
        "the policy of INPUT drops UDP over IPv6",
        INPUT,
        || drop_by(POLICY, "input", UDP6),
    ),
    scenario(
        "silent-drop-prerouting",
        "a rule without counter drops UDP in PREROUTING",
        INPUT,
        || drop_by(RULE, "prerouting", UDP),
    ),
    scenario(
        "silent-drop-forward",
        "a rule without counter drops forwarded UDP",
        OUTPUT,
        || drop_by(RULE, "forward", UDP),
    ),
    scenario(
        "silent-drop-forward-udp6",
        "a rule without counter drops forwarded UDP over IPv6",
        OUTPUT,
        || drop_by(RULE, "forward", UDP6),
    ),
    scenario(
        "silent-policy-forward-tcp",
        "the policy of FORWARD drops TCP",
        OUTPUT,
        || drop_by(POLICY, "forward", TCP),
    ),
    scenario(
        "silent-policy-forward-tcp6",
        "the policy of FORWARD drops TCP over IPv6",
        OUTPUT,
        || drop_by(POLICY, "forward", TCP6),
    ),
    scenario(
        "silent-drop-postrouting",
        "a rule without counter drops UDP of others in POSTROUTING",
        OUTPUT,
        || drop_by(RULE, "postrouting", UDP),
    ),
    scenario(
        "silent-drop-postrouting-tcp6",
        "a rule without counter drops TCP of others over IPv6 in POSTROUTING",
        OUTPUT,
        || drop_by(RULE, "postrouting", TCP6),
    ),
    scenario(
        "silent-drop-output",
        "a rule without counter drops UDP in OUTPUT",
        OUTPUT,
        || drop_by(RULE, "output", UDP),
    ),
    scenario(
        "silent-drop-output-udp6",
        "a rule without counter drops UDP over IPv6 in OUTPUT",
        OUTPUT,
        || drop_by(RULE, "output", UDP6),
    ),
    scenario(
        "silent-drop-output-tcp",
        "a rule without counter drops TCP in OUTPUT",
        OUTPUT,
        || drop_by(RULE, "output", TCP),
    ),
    scenario(
        "silent-policy-output-tcp6",
        "the policy of OUTPUT drops TCP over IPv6",
        OUTPUT,
        || drop_by(POLICY, "output", TCP6),
    ),
];

/// Makes it possible that packets are dropped silently in every hook, though none is: what is
/// missing from the balance of the IP layer must be explained to the last packet then.
pub(in crate::scenario) fn possible(host: &Namespace) {
    for hook in ["prerouting", "input", "forward", "output", "postrouting"] {
        host.nft(&format!(
            "table inet possible {{ chain {hook} {{ type filter hook {hook} priority 0; udp dport 1 drop; }}; }}"
        ));
    }
}

/// How a chain drops: its policy and its rules.
type How = (&'static str, &'static str);

const RULE: How = ("accept", "meta l4proto { tcp, udp } th dport 9000 drop");
/// What a host cannot do without passes.
const POLICY: How = (
    "drop",
    "iifname lo accept; oifname lo accept; meta l4proto icmpv6 accept",
);

/// A transport, and the server's address.
type Load = (&'static str, &'static str);

const UDP: Load = ("udp", "10.90.2.2:9000");
const UDP6: Load = ("udp", "[fd90:2::2]:9000");
const TCP: Load = ("tcp", "10.90.2.2:9000");
const TCP6: Load = ("tcp", "[fd90:2::2]:9000");

/// The client's packets for the server are dropped at a hook of the host that has it.
fn drop_by((policy, rules): How, hook: &str, (transport, to): Load) -> Seen {
    let three = Router::new();
    let (host, expect) = match hook {
        "prerouting" | "input" => (&three.server, INPUT),
        "output" => (&three.client, OUTPUT),
        _ => (&three.router, OUTPUT),
    };
    host.nft(&format!(
        "table inet t {{ chain c {{ type filter hook {hook} priority 0; policy {policy}; {rules}; }}; }}"
    ));
    let sent = Counted::at(&three.client, "output", &format!("{transport} dport 9000"));
    let watch = Watch::start(host);
    if transport == "udp" {
        datagrams(&three.client, to);
    } else {
        // Each asks twice: the second SYN comes after a second.
        let asked = crowd::connect(&three.client, to, 100, Duration::from_millis(1_500));
        assert!(asked.connected.is_empty(), "somebody was let in");
    }
    watch.verdict(&expect, Some(sent.packets()))
}

fn datagrams(client: &Namespace, to: &str) {
    let any = if to.starts_with('[') {
        "[::]:0"
    } else {
        "0.0.0.0:0"
    };
    load::send(&load::udp(client, any), to, 500, 100);
}
