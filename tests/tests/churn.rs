//! Devices that come and go while droplens is scraped.

use droplens_tests::agent::Options;
use droplens_tests::lab::{Namespace, veth_many};
use droplens_tests::needs_root;

const ROUNDS: usize = 6;
const PAIRS: usize = 50;
const SENT: &str = "droplens_link_transmit_packets_total";

/// Lines for `ip -batch`, some for each pair.
fn batch(line: impl FnMut(usize) -> String) -> String {
    (0..PAIRS).map(line).collect()
}

#[test]
fn three_hundred_pairs_come_and_go() {
    needs_root!();
    let namespace = Namespace::new();
    let agent = Options::new().start(&namespace);
    let folded = [("device", "kind:veth")];
    let mut highest = 0;
    for round in 0..ROUNDS {
        veth_many(&namespace, &format!("c{round}x"), PAIRS);
        let up =
            batch(|pair| format!("link set c{round}x{pair}a up\nlink set c{round}x{pair}b up\n"));
        namespace.ip_batch(&up);
        let metrics = agent.scrape_until("every device", |metrics| {
            match metrics.get("droplens_links", &[("kind", "veth")]) {
                Some(100.0) => Ok(()),
                other => Err(format!("{other:?} of 100")),
            }
        });
        let packets = metrics.count(SENT, &folded);
        assert!(
            packets >= highest,
            "folded packets fell from {highest} to {packets}"
        );
        highest = packets;
        let gone = batch(|pair| format!("link del c{round}x{pair}a\n"));
        namespace.ip_batch(&gone);
        let after = agent.scrape().count(SENT, &folded);
        assert!(
            after >= highest,
            "folded packets fell from {highest} to {after}"
        );
        highest = after;
    }
    assert!(highest > 0, "devices that come up speak IPv6");
    agent.stop();
}

#[test]
fn the_series_of_a_removed_device_are_gone() {
    needs_root!();
    let namespace = Namespace::new();
    let agent = Options::new()
        .config("[devices]\nfold_kinds = []\n")
        .start(&namespace);
    veth_many(&namespace, "g", 3);
    let device = [("device", "g1a")];
    agent.scrape_until("the device", |metrics| {
        metrics
            .all("droplens_link_up", &device)
            .next()
            .map(drop)
            .ok_or("none".to_owned())
    });
    namespace.ip("link del g1a");
    let metrics = agent.scrape_until("the device's end", |metrics| {
        match metrics
            .series()
            .iter()
            .find(|series| series.label("device") == Some("g1a"))
        {
            Some(left) => Err(format!("{left:?}")),
            None => Ok(()),
        }
    });
    assert!(
        metrics
            .get("droplens_link_up", &[("device", "g2a")])
            .is_some()
    );
    agent.stop();
}
