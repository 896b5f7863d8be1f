//! Outages of one ICMP identifier only, made by a router on the way: another one ends them.
#![expect(clippy::expect_used, reason = "a panic is the failure report")]

use std::time::Duration;

use droplens_model::sample::probes::{Address, Probes, Rotations, Strays};
use droplens_probe::echo::Sockets;
use droplens_probe::flight::Patience;
use droplens_probe::sys::egress::EchoKind;
use droplens_probe::targets::TargetWish;
use droplens_tests::lab::Router;
use droplens_tests::probing::{self, Probing, for_both_kinds, wish};
use droplens_tests::{needs_root, wait};

const PATIENCE: Patience = Patience {
    timeout: Duration::from_millis(500),
    late: Duration::from_millis(500),
};

/// An outage lasts ten seconds before another identifier is tried.
const LONG: Duration = Duration::from_secs(60);

/// A second address of the server.
const OTHER_V4: &str = "10.90.3.1";

/// Learns which identifiers go by.
const LEARN: &str = "table inet t {
    set v4 { typeof icmp id; flags dynamic; size 64; };
    set v6 { typeof icmpv6 id; flags dynamic; size 64; };
    chain c { type filter hook forward priority 0;
        icmp type echo-request update @v4 { icmp id };
        icmpv6 type echo-request update @v6 { icmpv6 id };
    };
}";

/// Drops those that went by, as a firewall does whose state of them is wrong.
const DROP_KNOWN: &str = "flush chain inet t c;
    add rule inet t c icmp type echo-request icmp id @v4 drop;
    add rule inet t c icmpv6 type echo-request icmpv6 id @v6 drop;";

struct Setup {
    three: Router,
    probing: Probing,
    wishes: Vec<TargetWish>,
}

impl Setup {
    /// Probes that go well, through a router with these rules.
    fn new(kind: EchoKind, rules: &str, targets: &[&str]) -> Self {
        let three = Router::new();
        three.server.ip(&format!("addr add {OTHER_V4}/32 dev lo"));
        let over = format!("route add {OTHER_V4} via {}", Router::SERVER_V4);
        three.router.ip(&over);
        three.router.nft(rules);
        three.client.sysctl("net/ipv4/ping_group_range", "0 0");
        let probing = Probing::start(&three.client, |random| Sockets::open_only(kind, random));
        let wishes: Vec<_> = targets
            .iter()
            .map(|target| wish(target, 100, PATIENCE))
            .collect();
        probing.aim(wishes.clone());
        let setup = Self {
            three,
            probing,
            wishes,
        };
        setup.until("all targets answer", |one| one.outcomes.ok >= 10);
        setup
    }

    /// Waits until this holds for all addresses.
    fn until(&self, what: &str, holds: impl Fn(&Address) -> bool) -> Probes {
        let waited = wait::within(LONG, || {
            let sample = self.probing.sample();
            if probing::addresses(&sample).count() == self.wishes.len()
                && probing::addresses(&sample).all(&holds)
            {
                Ok(sample)
            } else {
                let all: Vec<_> = probing::addresses(&sample)
                    .map(|one| (one.address, one.outcomes, one.rotations))
                    .collect();
                Err(format!("{all:?}"))
            }
        });
        waited
            .map_err(|why| format!("{what}: {why}"))
            .expect("it becomes so")
    }

    /// Waits until another identifier has ended the outage of all targets, and sees that nothing is lost
    /// any more.
    fn heals(self) {
        let healed = Rotations {
            healed: 1,
            ..Rotations::default()
        };
        self.until("healed", |one| one.rotations.healed > 0);
        let more = |many: u64| {
            let sample = self.probing.sample();
            let most = probing::addresses(&sample).map(|one| one.outcomes.ok).max();
            let enough = most.unwrap_or(0) + many;
            self.until("more are answered", |one| one.outcomes.ok >= enough)
        };
        // In that time all earlier ones have ended.
        let before = more(30);
        more(50);
        let after = self.probing.settle(self.wishes.clone());
        let lost = |sample: &Probes| probing::outcomes(sample).lost;
        assert!(lost(&before) > 0);
        assert_eq!(lost(&after), lost(&before));
        for one in probing::addresses(&after) {
            assert_eq!(one.rotations, healed, "{one:?}");
            assert_eq!(one.sent, one.outcomes.total(), "{one:?}");
            assert_eq!((one.duplicates, one.stale), (0, 0), "{one:?}");
        }
        // Each socket leaves the answers to the other one's requests alone.
        assert_eq!(after.prober.strays, Strays::default());
    }
}

/// The public address of a router changes. It goes on translating the flows that it knows to the old one,
/// for as long as they go on.
#[test]
fn a_stale_entry_of_nat_is_left_behind() {
    needs_root!();
    let rules = "table ip n { chain c { type nat hook postrouting priority 100;
        oifname rs ip protocol icmp snat to 10.90.2.1; }; }";
    for_both_kinds(|kind| {
        let targets = [Router::SERVER_V4, OTHER_V4];
        let setup = Setup::new(kind, rules, &targets);
        let router = &setup.three.router;
        router.nft(
            "flush chain ip n c; add rule ip n c oifname rs ip protocol icmp snat to 10.90.2.9",
        );
        router.ip("addr del 10.90.2.1/24 dev rs");
        router.ip("addr add 10.90.2.9/24 dev rs");
        router.ip(&format!(
            "route replace {OTHER_V4} via {}",
            Router::SERVER_V4
        ));
        setup.heals();
    });
}

#[test]
fn an_identifier_that_a_firewall_drops_is_left_behind() {
    needs_root!();
    for_both_kinds(|kind| {
        let setup = Setup::new(kind, LEARN, &[Router::SERVER_V4, Router::SERVER_V6]);
        setup.three.router.nft(DROP_KNOWN);
        setup.heals();
    });
}

/// Targets that answer keep their identifier when another one has to change it.
#[test]
fn who_answers_keeps_the_identifier() {
    needs_root!();
    let setup = Setup::new(EchoKind::Raw, LEARN, &[Router::SERVER_V4, OTHER_V4]);
    let router = &setup.three.router;
    router.nft(&format!(
        "flush chain inet t c;
         add rule inet t c ip daddr {OTHER_V4} icmp type echo-request icmp id @v4 drop;"
    ));
    let kept = |one: &Address| one.address.to_string() == Router::SERVER_V4;
    setup.until("healed", |one| kept(one) || one.rotations.healed > 0);
    let sample = setup.probing.settle(setup.wishes.clone());
    let kept = probing::addresses(&sample)
        .find(|one| kept(one))
        .expect("the first target");
    assert_eq!(kept.rotations, Rotations::default());
    assert_eq!(kept.outcomes.ok, kept.sent);
    assert_eq!(sample.prober.strays, Strays::default());
}

#[test]
fn a_path_that_drops_everything_is_not_healed() {
    needs_root!();
    for_both_kinds(|kind| {
        let setup = Setup::new(kind, LEARN, &[Router::SERVER_V4, Router::SERVER_V6]);
        let router = &setup.three.router;
        router.nft("insert rule inet t c meta l4proto { icmp, icmpv6 } drop");
        setup.until("tried in vain", |one| one.rotations.unhealed > 0);
        router.nft("flush chain inet t c");
        setup.until("answered again", |one| one.unanswered_consecutive == 0);
        let sample = setup.probing.settle(setup.wishes.clone());
        for one in probing::addresses(&sample) {
            let once = Rotations {
                unhealed: 1,
                ..Rotations::default()
            };
            assert_eq!(one.rotations, once, "{one:?}");
            assert_eq!(one.sent, one.outcomes.total(), "{one:?}");
        }
        assert_eq!(sample.prober.strays, Strays::default());
    });
}
