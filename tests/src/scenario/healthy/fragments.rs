//! Packets that are cut up and put together again.

use super::clean;
use crate::lab::station::{Kind, Station, V4};
use crate::lab::{Namespace, Router, counted, load};
use crate::scenario::faults::possible;
use crate::scenario::{Expect, Scenario, Seen, Watch};

const COUNT: usize = 200;
/// Larger than any link's MTU here.
const SIZE: usize = 4_000;

pub(super) const ALL: &[Scenario] = &[
    clean(
        "fragments-received",
        "UDP datagrams arrive here in fragments, all of them",
        || whole(|three| &three.server, Kind::V4),
    ),
    clean(
        "fragments-received6",
        "UDP datagrams over IPv6 arrive here in fragments, all of them",
        || whole(|three| &three.server, Kind::V6),
    ),
    clean(
        "fragments-sent",
        "this host sends UDP datagrams in fragments",
        || whole(|three| &three.client, Kind::V4),
    ),
    clean(
        "fragments-sent6",
        "this host sends UDP datagrams over IPv6 in fragments",
        || whole(|three| &three.client, Kind::V6),
    ),
    clean(
        "fragments-tracked",
        "a router with connection tracking passes fragments on",
        || whole(|three| &three.router, Kind::V4),
    ),
    clean(
        "fragments-tracked6",
        "a router with connection tracking passes IPv6 fragments on",
        || whole(|three| &three.router, Kind::V6),
    ),
    clean(
        "fragments-made",
        "a router makes fragments for a link with a smaller MTU",
        made,
    ),
];

/// One of the three is watched while datagrams go from the client to the server in fragments.
fn whole(watched: fn(&Router) -> &Namespace, kind: Kind) -> Seen {
    let three = Router::new();
    three.router.nft("table inet t { chain c { type filter hook forward priority 0; ct state established accept; }; }");
    let watched = watched(&three);
    possible(watched);
    let (any, to) = match kind {
        Kind::V4 => ("0.0.0.0:0", "10.90.2.2:9000"),
        Kind::V6 => ("[::]:0", "[fd90:2::2]:9000"),
    };
    let sink = load::sink(&three.server, to, 4 << 20);
    let watch = Watch::start(watched);
    let sender = load::udp(&three.client, any);
    load::send(&sender, to, COUNT, SIZE);
    assert_eq!(load::drain(&sink), COUNT, "datagrams that arrived");
    let family = if kind == Kind::V4 { "Ip" } else { "Ip6" };
    let cut = counted::nstat(&three.client, &format!("{family}FragOKs"));
    assert_eq!(cut, COUNT as u64, "datagrams cut up");
    watch.verdict(&Expect::Clean, None)
}

fn made() -> Seen {
    let three = Router::new();
    let station = Station::beside(&three.router, "t0");
    three
        .router
        .ip(&format!("link set {} mtu 1280", Router::TO_SERVER));
    possible(&three.router);
    let watch = Watch::start(&three.router);
    for id in 1..=200 {
        let packet = V4 {
            to: [10, 90, 2, 2],
            id,
            ..V4::new(1400)
        };
        station.send(Kind::V4, &packet.bytes());
    }
    let made = counted::nstat(&three.router, "IpFragCreates");
    assert_eq!(made, 400, "fragments");
    watch.verdict(&Expect::Clean, None)
}
