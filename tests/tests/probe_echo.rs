//! Echo requests over a wire that knows what it did to them.

use std::thread::sleep;
use std::time::Duration;

use droplens_model::Pattern;
use droplens_model::sample::probes::{Probes, Strays};
use droplens_probe::echo::Sockets;
use droplens_probe::flight::Patience;
use droplens_probe::sys::egress::EchoKind;
use droplens_probe::targets::TargetWish;
use droplens_tests::lab::Namespace;
use droplens_tests::probing::{self, Probing, for_both_kinds, outcomes, wish};
use droplens_tests::wire::{Impairment, Loss, Reorder, Wire};
use droplens_tests::{needs_root, wait};

/// Answers after a second are late, after three none is waited for.
const PATIENCE: Patience = Patience {
    timeout: Duration::from_secs(1),
    late: Duration::from_secs(2),
};

/// A prober on the left of a wire, and many addresses that answer on its right.
struct Setup {
    _left: Namespace,
    _right: Namespace,
    wire: Wire,
    probing: Probing,
}

impl Setup {
    fn new(kind: EchoKind) -> Self {
        let (left, right) = (Namespace::new(), Namespace::new());
        let wire = Wire::join(&left, "w0", &right, "w1", 1);
        left.ip("route add 10.92.0.0/24 via 10.91.1.2");
        right.ip("route add local 10.92.0.0/24 dev lo");
        left.ip("route add fd92::/64 via fd91:1::2");
        right.ip("route add local fd92::/64 dev lo");
        for side in [&left, &right] {
            side.sysctl("net/ipv4/ping_group_range", "0 0");
            // Each packet is to be answered.
            side.sysctl("net/ipv4/icmp_ratelimit", "0");
            side.sysctl("net/ipv6/icmp/ratelimit", "0");
        }
        let probing = Probing::start(&left, |random| Sockets::open_only(kind, random));
        Self {
            _left: left,
            _right: right,
            wire,
            probing,
        }
    }

    /// Probes until so many were sent, and until all has ended.
    fn run_until(&self, wishes: &[TargetWish], sent: u64) -> Probes {
        self.probing.aim(wishes.to_vec());
        wait::until("enough is sent", || {
            let now = total_sent(&self.probing.sample());
            if now >= sent {
                Ok(())
            } else {
                Err(format!("{now} sent"))
            }
        });
        self.probing.settle(wishes.to_vec())
    }

    /// Probes for a while and until all has ended.
    fn run(&self, wishes: &[TargetWish], time: Duration) -> Probes {
        self.probing.aim(wishes.to_vec());
        sleep(time);
        self.probing.settle(wishes.to_vec())
    }
}

fn total_sent(sample: &Probes) -> u64 {
    probing::addresses(sample).map(|one| one.sent).sum()
}

fn many(count: u8, millis: u64) -> Vec<TargetWish> {
    (1..=count)
        .map(|host| wish(&format!("10.92.0.{host}"), millis, PATIENCE))
        .collect()
}

#[test]
fn ten_thousand_probes_are_counted_as_the_wire_counts_them() {
    needs_root!();
    for_both_kinds(|kind| {
        let setup = Setup::new(kind);
        let mut wishes = many(10, 20);
        wishes.extend((1..=10).map(|host| wish(&format!("fd92::{host}"), 20, PATIENCE)));
        setup.wire.forward.set(Impairment::loss(Loss::Random(0.03)));
        setup.wire.backward.set(Impairment {
            duplicate: 0.02,
            ..Impairment::default()
        });
        setup.run_until(&wishes, 8_000);
        // And a while in which every answer is late.
        setup.wire.forward.set(Impairment::default());
        let late = Impairment {
            loss: Loss::Random(0.03),
            ..Impairment::delay(Duration::from_millis(1_300))
        };
        setup.wire.backward.set(late);
        let sample = setup.run_until(&wishes, 10_000);
        let [forward, backward] = setup.wire.counts();
        let found = outcomes(&sample);
        let sent = total_sent(&sample);
        let duplicates: u64 = probing::addresses(&sample).map(|one| one.duplicates).sum();
        println!("{kind:?}: {sent} sent, {found:?}, {duplicates} duplicates");
        assert!(sent >= 10_000, "{sent}");
        assert_eq!(sent, forward.received.icmp);
        assert_eq!(found.lost, forward.lost.icmp + backward.lost.icmp);
        assert_eq!(found.late, backward.delayed.icmp);
        assert_eq!(duplicates, backward.duplicated.icmp);
        assert_eq!(found.ok + found.late + found.lost, sent);
        assert_eq!(sample.prober.socket_overflows, 0);
        assert_eq!(sample.prober.strays, Strays::default());
        assert!(sample.prober.kernel_stamps);
        assert!(found.late > 100 && found.lost > 100 && duplicates > 50);
    });
}

#[test]
fn reordered_answers_are_counted_as_the_wire_counts_them() {
    needs_root!();
    let setup = Setup::new(EchoKind::Ping);
    setup.wire.backward.set(Impairment {
        reorder: Some(Reorder {
            probability: 0.05,
            behind: 2,
            at_most: Duration::from_millis(500),
        }),
        ..Impairment::default()
    });
    // One target alone, since the wire orders packets whoever they are for.
    let sample = setup.run(&many(1, 4), Duration::from_secs(10));
    let one = probing::address(&sample, [10, 92, 0, 1]);
    let truth = setup.wire.backward.counts();
    assert!(truth.reordered.icmp > 50, "{truth:?}");
    assert_eq!(one.reordered, truth.reordered.icmp);
    assert_eq!((one.outcomes.ok, one.duplicates), (one.sent, 0));
}

#[test]
fn bursts_are_as_long_as_the_wire_makes_them() {
    needs_root!();
    let setup = Setup::new(EchoKind::Ping);
    setup
        .wire
        .forward
        .set(Impairment::loss(Loss::bursts(0.1, 6.0)));
    let wishes = many(1, 4);
    setup.run(&wishes, Duration::from_secs(12));
    let truth = setup.wire.forward.counts();
    // A last answer ends the last burst.
    setup.wire.forward.set(Impairment::default());
    let sample = setup.run(&wishes, Duration::from_millis(100));
    let one = probing::address(&sample, [10, 92, 0, 1]);
    let bursts = one.burst_packets;
    assert_eq!(bursts.sum, truth.lost.icmp);
    let (mean, true_mean) = (
        bursts.sum as f64 / bursts.count as f64,
        truth.lost.icmp as f64 / truth.loss_runs as f64,
    );
    println!("mean burst {mean:.2}, on the wire {true_mean:.2}");
    assert!((mean / true_mean - 1.0).abs() < 0.15);
    let found = one.pattern;
    assert_eq!(found.pattern(), Pattern::Burst, "{found:?}");
}

/// The patterns that twenty targets show.
fn patterns(loss: Loss, millis: u64, time: Duration) -> Vec<Pattern> {
    let setup = Setup::new(EchoKind::Ping);
    setup.wire.forward.set(Impairment::loss(loss));
    let sample = setup.run(&many(20, millis), time);
    probing::addresses(&sample)
        .map(|one| one.pattern.pattern())
        .collect()
}

#[test]
fn random_loss_bursts_and_periods_are_told_apart() {
    needs_root!();
    // On the wire twenty targets share a burst.
    let bursts = Loss::bursts(0.15, 120.0);
    let periodic = Loss::Burst {
        every: Duration::from_secs(3),
        lasts: Duration::from_millis(200),
    };
    std::thread::scope(|scope| {
        for (expected, loss, millis, seconds) in [
            (Pattern::Random, Loss::Random(0.1), 25, 12),
            (Pattern::Burst, bursts, 25, 15),
            (Pattern::Periodic, periodic, 50, 40),
        ] {
            scope.spawn(move || {
                let found = patterns(loss, millis, Duration::from_secs(seconds));
                assert_eq!(found, [expected; 20]);
            });
        }
    });
}

/// Prints how far measured round-trip times are from those of the wire.
#[test]
fn round_trips_are_those_of_the_wire() {
    needs_root!();
    let setup = Setup::new(EchoKind::Ping);
    let half = Impairment::delay(Duration::from_micros(12_400));
    setup.wire.set(half);
    let sample = setup.run(&many(10, 50), Duration::from_secs(5));
    let (mut count, mut near, mut sum) = (0, 0, Duration::ZERO);
    for one in probing::addresses(&sample) {
        let times = one.round_trips;
        let [.., within, _, _, _, _, _] = times.buckets;
        (count, near, sum) = (count + times.count, near + within, sum + times.sum);
        // Never less than what the wire takes: the bound below it is empty.
        let [.., below, _, _, _, _, _, _] = times.buckets;
        assert_eq!(below, 0);
        let least = Duration::from_micros(24_800) * u32::try_from(times.count).expect("a number");
        assert!(times.sum >= least);
    }
    let mean = sum / u32::try_from(count).expect("a number");
    println!(
        "{near} of {count} within 0.2 ms of 24.8 ms, mean {mean:?}, variation {:?}",
        probing::address(&sample, [10, 92, 0, 1]).delay_variation
    );
    assert!(count > 500);
}
