//! Packets that nobody here wants, as there are on any network.

use std::time::Duration;

use super::clean;
use crate::lab::{Namespace, Router, crowd, load, paced};
use crate::scenario::faults::possible;
use crate::scenario::{Expect, Scenario, Seen, Watch};

pub(super) const ALL: &[Scenario] = &[
    clean(
        "multicast-not-joined",
        "300 multicast datagrams for a group that nobody joined",
        || multicast("239.7.7.7:9000", false),
    ),
    clean(
        "multicast-not-joined6",
        "300 IPv6 multicast datagrams for a group that nobody joined",
        || multicast("[ff15::7:7:7]:9000", false),
    ),
    clean(
        "multicast-filtered6",
        "a host that could drop silently gets 300 IPv6 multicast datagrams that nobody joined",
        || multicast("[ff15::7:7:7]:9000", true),
    ),
    clean(
        "broadcast-filtered",
        "a host whose policy is to drop gets 300 broadcasts",
        broadcasts,
    ),
    clean(
        "stray-noise",
        "a host whose policy is to drop gets a little broadcast and multicast",
        stray_noise,
    ),
    clean(
        "port-scan",
        "somebody tries 200 closed ports each of TCP and UDP",
        port_scan,
    ),
    clean(
        "ipv6-without-route",
        "programs try IPv6 first, but there is no route",
        ipv6_without_route,
    ),
    clean(
        "dead-peer",
        "50 connections to an address that a router makes vanish",
        dead_peer,
    ),
];

/// The server gets multicast; its neighbour sends it.
fn multicast(group: &str, filtered: bool) -> Seen {
    let three = Router::new();
    three.router.ip("route add 239.0.0.0/8 dev rs");
    if filtered {
        possible(&three.server);
    }
    let watch = Watch::start(&three.server);
    let sender = if group.starts_with('[') {
        let sender = load::udp(&three.router, "[fd90:2::1]:0");
        let index = device_index(&three.router, Router::TO_SERVER);
        socket2::SockRef::from(&sender)
            .set_multicast_if_v6(index)
            .expect("a device for multicast");
        sender
    } else {
        load::udp(&three.router, "10.90.2.1:0")
    };
    load::send(&sender, group, 300, 100);
    watch.verdict(&Expect::Clean, None)
}

fn device_index(namespace: &Namespace, device: &str) -> u32 {
    let links = crate::json::parse(&namespace.ip(&format!("-j link show {device}")));
    let index = crate::json::number(&links, "/0/ifindex");
    u32::try_from(index).expect("an index")
}

/// The policy of INPUT is to drop.
fn closed(host: &Namespace) {
    host.nft(
        "table inet t { chain c { type filter hook input priority 0; policy drop;
           iifname lo accept; ct state established accept; meta l4proto icmpv6 accept;
         }; }",
    );
}

fn broadcasts() -> Seen {
    let three = Router::new();
    closed(&three.server);
    let watch = Watch::start(&three.server);
    let sender = load::udp(&three.router, "10.90.2.1:0");
    sender.set_broadcast(true).expect("broadcasts");
    load::send(&sender, "10.90.2.255:137", 300, 100);
    watch.verdict(&Expect::Clean, None)
}

fn stray_noise() -> Seen {
    let three = Router::new();
    three.router.ip("route add 239.0.0.0/8 dev rs");
    closed(&three.server);
    let watch = Watch::start(&three.server);
    let sender = load::udp(&three.router, "10.90.2.1:0");
    sender.set_broadcast(true).expect("broadcasts");
    for group in ["239.7.7.7:9000", "10.90.2.255:137"] {
        let pace = paced::Pace {
            per_second: 5,
            lasts: Duration::from_millis(1_500),
            size: 100,
        };
        paced::send(&sender, group, pace);
    }
    watch.verdict(&Expect::Clean, None)
}

fn port_scan() -> Seen {
    let three = Router::new();
    possible(&three.server);
    let watch = Watch::start(&three.server);
    let sender = load::udp(&three.client, "0.0.0.0:0");
    for port in 20_000..20_200 {
        let to = format!("{}:{port}", Router::SERVER_V4);
        load::send(&sender, &to, 1, 0);
        let asked = crowd::connect(&three.client, &to, 1, Duration::from_secs(1));
        assert_eq!(asked.refused, 1, "port {port}");
    }
    watch.verdict(&Expect::Clean, None)
}

fn ipv6_without_route() -> Seen {
    let three = Router::new();
    three.client.ip("-6 route del default");
    possible(&three.client);
    let watch = Watch::start(&three.client);
    let sender = load::udp(&three.client, "[::]:0");
    load::send(&sender, "[2001:db8::9]:443", 300, 100);
    watch.verdict(&Expect::Clean, None)
}

fn dead_peer() -> Seen {
    let three = Router::new();
    three.router.ip("route add blackhole 198.51.100.0/24");
    possible(&three.client);
    let watch = Watch::start(&three.client);
    let asked = crowd::connect(
        &three.client,
        "198.51.100.9:443",
        50,
        Duration::from_millis(3_500),
    );
    assert_eq!(asked.unanswered, 50, "somebody answered");
    watch.verdict(&Expect::Clean, None)
}
