//! Short outages of the path between client and server, which probes find as runs of loss.

use std::time::Duration;

use droplens_tests::lab::Namespace;

/// Outages are so far apart.
pub(crate) const PAUSE: Duration = Duration::from_secs(6);

/// How long the outages are, one after the other: an echo request is sent every 200 ms.
const LENGTHS: [Duration; 4] = [
    Duration::from_millis(250),
    Duration::from_millis(450),
    Duration::from_millis(250),
    Duration::from_millis(1_100),
];

/// What the router drops by a rule that is always there; the server's echo requests still arrive.
const RULES: &str = "table inet outage {
    set broken { type ipv4_addr; }
    chain c { type filter hook forward priority 0; icmp type echo-request ip daddr @broken counter drop comment outage; }
}";

/// Each call is an outage.
pub(crate) fn on(router: &Namespace) -> impl FnMut() {
    router.nft(RULES);
    let mut lengths = LENGTHS.iter().cycle();
    move || {
        let length = lengths.next().copied().unwrap_or_default();
        router.nft("add element inet outage broken { 10.90.2.2 }");
        std::thread::sleep(length);
        router.nft("delete element inet outage broken { 10.90.2.2 }");
    }
}
