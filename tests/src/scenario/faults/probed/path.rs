//! What is wrong on the way to a target, or with the target as a whole.

use std::time::Duration;

use droplens_model::sample::probes::OutcomeKind;
use droplens_model::{Cause, Pattern};

use super::{uncounted, until_ended};
use crate::lab::{Chain, Namespace, veth};
use crate::scenario::{Expect, Packets, Scenario, Seen, Watch, exactly, expected, scenario};
use crate::servers::tcp::{Manner, TcpServer};
use crate::wire::{Filter, Impairment, Loss, Protocol, Wire};

/// Probes and the wire count the same packets.
const LOSS: Expect = exactly(Cause::PathLoss);
const RANDOM: Expect = LOSS.with(Pattern::Random);
const PERIODIC: Expect = LOSS.with(Pattern::Periodic);
const HOLE: Expect = uncounted(Cause::PathMtuBlackhole);
const HOLE_V4: Expect = HOLE.at(Chain::TARGET_V4);
const HOLE_V6: Expect = HOLE.at(Chain::TARGET_V6);
const DEAD: Expect = expected(Cause::TargetUnreachable, Packets::Some, &[]).at(V4);
const LIMITED: Expect = uncounted(Cause::IcmpRateLimited).at("10.9.1.2");
const SLOW: Expect = uncounted(Cause::PathLatency).at(V4);

pub(super) const ALL: &[Scenario] = &[
    scenario(
        "probe-loss-random",
        "a fifth of the echo requests of a probe is lost on the way",
        RANDOM,
        || echoes(&RANDOM, V4, Loss::Random(0.2), 40),
    ),
    scenario(
        "probe-loss-random6",
        "a fifth of the echo requests of a probe over IPv6 is lost on the way",
        RANDOM,
        || echoes(&RANDOM, V6, Loss::Random(0.2), 40),
    ),
    scenario(
        "probe-loss-periodic",
        "echo requests of a probe are lost for 60 ms every 400 ms",
        PERIODIC,
        || {
            let loss = Loss::Burst {
                every: Duration::from_millis(400),
                lasts: Duration::from_millis(60),
            };
            echoes(&PERIODIC, V4, loss, 45)
        },
    ),
    scenario(
        "probe-loss-tcp",
        "8 SYN segments of a probe are lost on the way",
        LOSS,
        segments,
    ),
    scenario(
        "probe-blackhole",
        "a router drops packets above 1300 bytes and says nothing",
        HOLE_V4,
        || black_hole(&HOLE_V4, Chain::TARGET_V4),
    ),
    scenario(
        "probe-blackhole6",
        "a router drops IPv6 packets above 1300 bytes and says nothing",
        HOLE_V6,
        || black_hole(&HOLE_V6, Chain::TARGET_V6),
    ),
    scenario(
        "probe-target-silent",
        "a probed host does not answer any more",
        DEAD,
        silence,
    ),
    scenario(
        "probe-target-unreachable",
        "a router says that the network of a probed host is unreachable",
        TOLD,
        told,
    ),
    scenario(
        "probe-icmp-limited",
        "a probed host answers few echo requests, and all connection attempts",
        LIMITED,
        limited,
    ),
    scenario(
        "probe-latency",
        "round trips take 40 ms where 20 ms are the limit",
        SLOW,
        latency,
    ),
];

const TOLD: Expect = expected(Cause::TargetUnreachable, Packets::Some, &[]).at(Chain::TARGET_V4);

const V4: &str = "10.91.1.2";
const V6: &str = "fd91:1::2";

/// Echo requests so often that losses have a pattern, and given up soon.
fn icmp(target: &str) -> String {
    format!("[[probe.icmp]]\ninterval = \"20ms\"\ntimeout = \"200ms\"\ntargets = [\"{target}\"]\n")
}

/// Two hosts and a wire between them.
fn pair() -> (Namespace, Namespace, Wire) {
    let (left, right) = (Namespace::new(), Namespace::new());
    let wire = Wire::join(&left, "w0", &right, "w1", 1);
    (left, right, wire)
}

/// Loses echo requests until so many are lost; the truth is what the wire lost.
fn echoes(expect: &Expect, target: &str, loss: Loss, count: u64) -> Seen {
    let (left, _right, wire) = pair();
    let watch = Watch::probing(&icmp(target), &left);
    let only = Filter::Protocol(Protocol::Icmp);
    wire.forward.set(Impairment::loss(loss).only(only));
    wire.forward.settle(|counts| counts.lost.icmp >= count);
    wire.forward.set(Impairment::default());
    let dropped = wire.forward.counts().lost.icmp;
    until_ended(&watch, OutcomeKind::Lost, dropped);
    watch.verdict(expect, Some(dropped))
}

/// The kernel repeats the segments, so that none of the probes themselves is lost.
fn segments() -> Seen {
    let (left, right, wire) = pair();
    let _server = TcpServer::start(&right, "10.91.1.2:9000", Manner::Takes);
    let toml =
        "[[probe.tcp]]\ninterval = \"50ms\"\ntimeout = \"2s\"\ntargets = [\"10.91.1.2:9000\"]\n";
    let watch = Watch::probing(toml, &left);
    let syn = |packet: &[u8]| packet.get(9) == Some(&6) && packet.get(33) == Some(&2);
    wire.forward.set(Impairment::loss(Loss::Matching(syn)));
    wire.forward.settle(|counts| counts.lost.tcp >= 8);
    wire.forward.set(Impairment::default());
    let lost = wire.forward.counts().lost.tcp;
    watch.verdict(&LOSS, Some(lost))
}

/// The middle router's next link takes less than the others, and it keeps that to itself.
fn black_hole(expect: &Expect, target: &str) -> Seen {
    let chain = Chain::new();
    let toml = format!(
        "[[probe.pmtu]]\ninterval = \"1s\"\ntimeout = \"200ms\"\ntargets = [\"{target}\"]\n"
    );
    let watch = Watch::probing(&toml, chain.client());
    chain.middle().nft("add table inet t; add chain inet t c { type filter hook output priority 0; }; add rule inet t c icmp type destination-unreachable drop; add rule inet t c icmpv6 type packet-too-big drop");
    chain.set_mtu(3, 1_300);
    watch.verdict(expect, None)
}

fn silence() -> Seen {
    let (left, _right, wire) = pair();
    let watch = Watch::probing(&icmp(V4), &left);
    wire.forward.set(Impairment::loss(Loss::Next(u64::MAX)));
    until_ended(&watch, OutcomeKind::Lost, 1);
    watch.verdict(&DEAD, None)
}

fn told() -> Seen {
    let chain = Chain::new();
    let watch = Watch::probing(&icmp(Chain::TARGET_V4), chain.client());
    chain.middle().ip("route replace unreachable 10.93.4.0/24");
    watch.verdict(&TOLD, None)
}

fn limited() -> Seen {
    let (left, right) = (Namespace::new(), Namespace::new());
    veth(&left, "v0", &right, "v1", 1);
    let _server = TcpServer::start(&right, "10.9.1.2:9000", Manner::Takes);
    let toml = format!(
        "{}[[probe.tcp]]\ninterval = \"100ms\"\ntargets = [\"10.9.1.2:9000\"]\n",
        icmp("10.9.1.2")
    );
    let watch = Watch::probing(&toml, &left);
    right.nft("add table ip t; add chain ip t c { type filter hook input priority 0; }; add rule ip t c icmp type echo-request limit rate over 20/second drop");
    until_ended(&watch, OutcomeKind::Lost, 20);
    watch.verdict(&LIMITED, None)
}

fn latency() -> Seen {
    let (left, _right, wire) = pair();
    let toml =
        format!("[[probe.icmp]]\ninterval = \"50ms\"\nslow = \"20ms\"\ntargets = [\"{V4}\"]\n");
    let watch = Watch::probing(&toml, &left);
    let delay = Impairment::delay(Duration::from_millis(20));
    wire.set(delay);
    watch.verdict(&SLOW, None)
}
