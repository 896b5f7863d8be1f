//! Hosts that pass on what is not for them.

use droplens_model::Cause;

use crate::agent::Options;
use crate::lab::transfer::Transfer;
use crate::lab::{Namespace, Router, load, veth};
use crate::scenario::{Expect, Scenario, Seen, Watch, scenario};

use super::clean;
use crate::scenario::faults::possible;

pub(super) const ALL: &[Scenario] = &[
    clean(
        "nat-router",
        "a router masquerades TCP and 200 flows of UDP, and drops what is invalid",
        nat_router,
    ),
    clean(
        "vxlan-overlay",
        "TCP and UDP through a VXLAN tunnel that begins here",
        vxlan_overlay,
    ),
    traced(
        "traced-router",
        "somebody traces the path through a router every two seconds",
        || traced_router(Router::SERVER_V4),
    ),
    traced(
        "traced-router6",
        "somebody traces the path through a router over IPv6 every two seconds",
        || traced_router(Router::SERVER_V6),
    ),
    clean("bridge", "a bridge with busy ports", || bridge("0")),
    clean(
        "bridge-netfilter",
        "a bridge with busy ports whose packets pass the packet filter",
        || bridge("1"),
    ),
];

/// Packets that are meant not to arrive: their drops are counted, and no fault.
const TRACED: Expect = Expect::Remark(Cause::TtlExpired);

const fn traced(name: &'static str, about: &'static str, run: fn() -> Seen) -> Scenario {
    scenario(name, about, TRACED, run)
}

fn traced_router(target: &str) -> Seen {
    let three = Router::new();
    let watch = Watch::start(&three.router);
    let toml = format!("[[probe.path]]\ninterval = \"2s\"\ntargets = [\"{target}\"]\n");
    let client = Options::new().config(&toml).start(&three.client);
    client.probes_until("three rounds", |probes| {
        let targets = probes.targets.iter();
        let addresses = targets.flat_map(|target| &target.addresses);
        let answered: u64 = addresses.map(|one| one.outcomes.ok).sum();
        (answered >= 3).then_some(()).ok_or(format!("{answered}"))
    });
    watch.verdict(&TRACED, None)
}

fn nat_router() -> Seen {
    let three = Router::new();
    // The server does not know the way to the client.
    three.server.ip("route del default");
    three.router.nft(
        "table inet t {
           chain f { type filter hook forward priority 0; policy drop;
             ct state established,related accept;
             ct state invalid drop;
             iifname rc accept; };
           chain i { type filter hook input priority 0; policy drop;
             iifname lo accept; ct state established accept; meta l4proto icmpv6 accept; };
           chain n { type nat hook postrouting priority 100; oifname rs masquerade; };
         }",
    );
    let watch = Watch::start(&three.router);
    let sink = load::sink(&three.server, "10.90.2.2:9001", 1 << 20);
    let senders: Vec<_> = (0..200)
        .map(|_| load::udp(&three.client, "10.90.1.1:0"))
        .collect();
    for sender in &senders {
        load::send(sender, "10.90.2.2:9001", 3, 100);
    }
    assert_eq!(load::drain(&sink), 600, "UDP through the router");
    Transfer::of(16 << 20).run(&three.client, &three.server, "10.90.2.2:9000");
    watch.verdict(&Expect::Clean, None)
}

fn vxlan_overlay() -> Seen {
    let (left, right) = (Namespace::new(), Namespace::new());
    veth(&left, "v0", &right, "v1", 1);
    for (side, device, own, other) in [(&left, "v0", 1, 2), (&right, "v1", 2, 1)] {
        side.ip(&format!(
            "link add x0 type vxlan id 7 local 10.9.1.{own} remote 10.9.1.{other} dstport 4789 dev {device}"
        ));
        side.ip(&format!("addr add 10.95.0.{own}/24 dev x0"));
        side.ip("link set x0 up");
    }
    possible(&left);
    let watch = Watch::start(&left);
    let sink = load::sink(&right, "10.95.0.2:9001", 1 << 20);
    load::send(
        &load::udp(&left, "10.95.0.1:0"),
        "10.95.0.2:9001",
        300,
        1000,
    );
    assert_eq!(load::drain(&sink), 300, "UDP through the tunnel");
    Transfer::of(8 << 20).run(&left, &right, "10.95.0.2:9000");
    Transfer::of(8 << 20).run(&right, &left, "10.95.0.1:9000");
    watch.verdict(&Expect::Clean, None)
}

fn bridge(netfilter: &str) -> Seen {
    let (left, middle, right) = (Namespace::new(), Namespace::new(), Namespace::new());
    veth(&left, "v0", &middle, "p0", 1);
    veth(&right, "v1", &middle, "p1", 2);
    middle.ip("link add br0 type bridge");
    middle.sysctl("net/bridge/bridge-nf-call-iptables", netfilter);
    middle.sysctl("net/bridge/bridge-nf-call-ip6tables", netfilter);
    for port in ["p0", "p1"] {
        middle.ip(&format!("addr flush dev {port}"));
        middle.ip(&format!("link set {port} master br0"));
    }
    middle.ip("link set br0 up");
    left.ip("addr add 10.96.0.1/24 dev v0");
    right.ip("addr add 10.96.0.2/24 dev v1");
    possible(&middle);
    let watch = Watch::start(&middle);
    let sink = load::sink(&right, "10.96.0.2:9001", 1 << 20);
    load::send(
        &load::udp(&left, "10.96.0.1:0"),
        "10.96.0.2:9001",
        300,
        1000,
    );
    assert_eq!(load::drain(&sink), 300, "UDP through the bridge");
    Transfer::of(16 << 20).run(&left, &right, "10.96.0.2:9000");
    watch.verdict(&Expect::Clean, None)
}
