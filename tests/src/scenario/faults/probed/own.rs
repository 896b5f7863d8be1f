//! Probes that the host itself drops: the host is to blame, and not the path.

use droplens_model::Cause;

use crate::json;
use crate::lab::{Namespace, veth};
use crate::scenario::{Expect, Packets, Scenario, Seen, Watch, expected, scenario};
use crate::servers::tcp::{Manner, TcpServer};
use crate::wait;

const QUEUE: Expect = expected(Cause::QdiscOverflow, Packets::Some, &[]);
const FIREWALL: Expect = expected(Cause::FirewallDrop, Packets::Some, &[]);
/// The rule has no counter, so that only conservation tells.
const SILENT: Expect = expected(Cause::UnaccountedIpOutput, Packets::Some, &[]);
const NEIGHBOUR: Expect = expected(Cause::NeighbourUnresolved, Packets::Some, &[]);

pub(super) const ALL: &[Scenario] = &[
    scenario(
        "probe-own-queue",
        "the token bucket of the own device refuses echo requests of a probe",
        QUEUE,
        || queue(&icmp("10.9.1.2")),
    ),
    scenario(
        "probe-own-queue-tcp",
        "the token bucket of the own device drops SYN segments of a probe",
        QUEUE,
        || queue(TCP),
    ),
    scenario(
        "probe-own-rule",
        "an own rule with counter on output drops the echo requests of a probe",
        FIREWALL,
        || {
            rule(
                &FIREWALL,
                &icmp("10.9.1.2"),
                "icmp type echo-request counter drop",
            )
        },
    ),
    scenario(
        "probe-own-rule-silent",
        "an own rule without counter on output drops the echo requests of a probe",
        SILENT,
        || rule(&SILENT, &icmp("10.9.1.2"), "icmp type echo-request drop"),
    ),
    scenario(
        "probe-own-reject",
        "an own rule on output rejects the connection attempts of a probe",
        SILENT,
        || rule(&SILENT, TCP, "tcp dport 9000 reject"),
    ),
    scenario(
        "probe-own-rule-tcp",
        "an own rule with counter on output drops the SYN segments of a probe",
        FIREWALL,
        || rule(&FIREWALL, TCP, "tcp dport 9000 counter drop"),
    ),
    Scenario {
        name: "probe-own-neighbour",
        about: "the neighbour that a probe is for is not there",
        expect: NEIGHBOUR,
        alone: true,
        run: || neighbour(&icmp("10.9.1.9")),
    },
    Scenario {
        name: "probe-own-neighbour-tcp",
        about: "the neighbour that a probe connects to is not there",
        expect: NEIGHBOUR,
        alone: true,
        run: || neighbour(&TCP.replace("1.2:", "1.9:")),
    },
];

const TCP: &str =
    "[[probe.tcp]]\ninterval = \"50ms\"\ntimeout = \"2s\"\ntargets = [\"10.9.1.2:9000\"]\n";

fn icmp(target: &str) -> String {
    format!("[[probe.icmp]]\ninterval = \"50ms\"\ntimeout = \"200ms\"\ntargets = [\"{target}\"]\n")
}

fn pair() -> (Namespace, Namespace) {
    let (left, right) = (Namespace::new(), Namespace::new());
    veth(&left, "v0", &right, "v1", 1);
    (left, right)
}

/// The device may send less than the probe does.
fn queue(probes: &str) -> Seen {
    let (left, right) = pair();
    let _server = TcpServer::start(&right, "10.9.1.2:9000", Manner::Takes);
    let watch = Watch::probing(probes, &left);
    left.tc("qdisc add dev v0 root handle 7: tbf rate 8kbit burst 200 limit 300");
    wait::until("20 drops of the queue", || {
        let qdiscs = json::parse(&left.tc("-s -j qdisc show dev v0"));
        let drops = json::number(&qdiscs, "/0/drops");
        (drops >= 20).then_some(()).ok_or(format!("{drops}"))
    });
    watch.verdict(&QUEUE, None)
}

fn rule(expect: &Expect, probes: &str, rule: &str) -> Seen {
    let (left, right) = pair();
    let _server = TcpServer::start(&right, "10.9.1.2:9000", Manner::Takes);
    let watch = Watch::probing(probes, &left);
    left.nft(&format!("add table ip t; add chain ip t c {{ type filter hook output priority 0; }}; add rule ip t c {rule}"));
    watch.verdict(expect, None)
}

fn neighbour(probes: &str) -> Seen {
    let (left, _right) = pair();
    let watch = Watch::probing(probes, &left);
    watch.verdict(&NEIGHBOUR, None)
}
