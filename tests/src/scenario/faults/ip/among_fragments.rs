//! Silent drops among fragments, which connection tracking and sockets turn into fewer packets.

use droplens_model::Cause;

use crate::lab::{Router, load};
use crate::scenario::{Expect, Scenario, Seen, Watch, exactly, scenario};

/// Silent drops.
const SILENT: usize = 400;

const INPUT: Expect = exactly(Cause::UnaccountedIpInput);
const OUTPUT: Expect = exactly(Cause::UnaccountedIpOutput);

pub(super) const ALL: &[Scenario] = &[
    scenario(
        "silent-among-fragments",
        "silent drops on a host that puts fragments together",
        INPUT,
        || among_fragments("input", "10.90.2.2"),
    ),
    scenario(
        "silent-among-fragments6",
        "the same with IPv6",
        INPUT,
        || among_fragments("input", "[fd90:2::2]"),
    ),
    scenario(
        "silent-among-fragments-router",
        "silent drops on a router that puts fragments together and makes them again",
        OUTPUT,
        || among_fragments("forward", "10.90.2.2"),
    ),
    scenario(
        "silent-among-fragments-router6",
        "the same with IPv6",
        OUTPUT,
        || among_fragments("forward", "[fd90:2::2]"),
    ),
    scenario(
        "silent-among-fragments-output",
        "silent drops on a host that sends fragments",
        OUTPUT,
        || among_fragments("output", "10.90.2.2"),
    ),
];

/// Datagrams of several fragments arrive whole at the server, smaller ones are dropped at a hook.
fn among_fragments(hook: &str, server: &str) -> Seen {
    let three = Router::new();
    let (host, expect) = match hook {
        "input" => (&three.server, INPUT),
        "forward" => (&three.router, OUTPUT),
        _ => (&three.client, OUTPUT),
    };
    // Only a router puts together what it forwards.
    let track = match hook {
        "forward" => "ct state invalid accept;",
        _ => "",
    };
    host.nft(&format!(
        "table inet t {{ chain c {{ type filter hook {hook} priority 0; {track} udp dport 1 drop; }}; }}"
    ));
    let address = format!("{server}:9000");
    let sink = load::sink(&three.server, &address, 4 << 20);
    let watch = Watch::start(host);
    let any = if server.starts_with('[') {
        "[::]:0"
    } else {
        "0.0.0.0:0"
    };
    let sender = load::udp(&three.client, any);
    for _ in 0..10 {
        load::send(&sender, &address, 15, 4_000);
        load::send(&sender, &format!("{server}:1"), SILENT / 10, 100);
    }
    assert_eq!(load::drain(&sink), 150, "datagrams that arrived");
    watch.verdict(&expect, Some(SILENT as u64))
}
