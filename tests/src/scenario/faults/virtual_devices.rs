//! Virtual devices that lose packets.

use droplens_model::Cause;

use crate::json;
use crate::lab::{Namespace, load, veth};
use crate::scenario::{Expect, Scenario, Seen, Watch, exactly};
use crate::wire::Tap;

const TUN: Expect = exactly(Cause::TunQueueFull);
const VETH: Expect = exactly(Cause::VethDrop);
const VXLAN: Expect = exactly(Cause::VxlanDrop);

pub(super) const ALL: &[Scenario] = &[
    Scenario {
        name: "tap-not-read",
        about: "the program behind a TAP device does not read",
        expect: TUN,
        alone: false,
        run: tap_not_read,
    },
    Scenario {
        name: "veth-smaller-mtu",
        about: "the other end of a veth pair has a smaller MTU",
        expect: VETH,
        alone: false,
        run: veth_smaller_mtu,
    },
    Scenario {
        name: "vxlan-no-entry",
        about: "a VXLAN device without a forwarding entry",
        expect: VXLAN,
        alone: false,
        run: vxlan_no_entry,
    },
    Scenario {
        name: "vxlan-no-route",
        about: "a VXLAN device without a route to its remote end",
        expect: VXLAN,
        alone: false,
        run: vxlan_no_route,
    },
];

const NEIGHBOUR: &str = "lladdr 02:00:00:00:00:02 nud permanent";

/// What a device refused to send, as `ip` tells.
fn transmit(namespace: &Namespace, device: &str, statistic: &str) -> u64 {
    let links = json::parse(&namespace.ip(&format!("-s -j link show {device}")));
    json::number(&links, &format!("/0/stats64/tx/{statistic}"))
}

fn tap_not_read() -> Seen {
    let host = Namespace::new();
    host.sysctl("net/ipv6/conf/all/disable_ipv6", "1");
    let _unread = Tap::with_queue(&host, "tap0", 50);
    host.ip("addr add 10.9.1.1/24 dev tap0");
    host.ip(&format!("neigh add 10.9.1.2 dev tap0 {NEIGHBOUR}"));
    let watch = Watch::start(&host);
    let sender = load::udp(&host, "10.9.1.1:0");
    load::send(&sender, "10.9.1.2:9000", 500, 100);
    let truth = transmit(&host, "tap0", "dropped");
    watch.verdict(&TUN, Some(truth))
}

fn veth_smaller_mtu() -> Seen {
    let (left, right) = (Namespace::new(), Namespace::new());
    veth(&left, "v0", &right, "v1", 1);
    right.ip("link set v1 mtu 1000");
    let _sink = load::deep_sink(&right, "10.9.1.2:9000");
    let watch = Watch::start(&left);
    let sender = load::udp(&left, "10.9.1.1:0");
    load::send(&sender, "10.9.1.2:9000", 100, 500);
    load::send(&sender, "10.9.1.2:9000", 300, 1400);
    watch.verdict(&VETH, Some(300))
}

/// A host with a VXLAN device over a veth device.
fn overlay(remote: &str) -> (Namespace, Namespace) {
    let (left, right) = (Namespace::new(), Namespace::new());
    veth(&left, "v0", &right, "v1", 1);
    left.ip(&format!(
        "link add vx0 type vxlan id 42 dstport 4789 local 10.9.1.1 {remote}"
    ));
    left.sysctl("net/ipv6/conf/vx0/disable_ipv6", "1");
    left.ip("addr add 10.9.2.1/24 dev vx0");
    left.ip("link set vx0 up");
    left.ip(&format!("neigh add 10.9.2.2 dev vx0 {NEIGHBOUR}"));
    (left, right)
}

fn vxlan_no_entry() -> Seen {
    let (left, _right) = overlay("");
    let watch = Watch::start(&left);
    let sender = load::udp(&left, "10.9.2.1:0");
    load::send(&sender, "10.9.2.2:9000", 300, 100);
    watch.verdict(&VXLAN, Some(300))
}

fn vxlan_no_route() -> Seen {
    let (left, _right) = overlay("remote 10.77.1.1");
    let watch = Watch::start(&left);
    let sender = load::udp(&left, "10.9.2.1:0");
    load::send(&sender, "10.9.2.2:9000", 300, 100);
    watch.verdict(&VXLAN, Some(300))
}
