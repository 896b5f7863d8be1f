//! The prober in ordinary life, and when it is stopped.

use std::collections::BTreeMap;
use std::time::Duration;

use droplens_model::Moment;
use droplens_model::sample::probes::{IcmpError, LossRatio, Outcome};

use super::{Rules, World, address, claim, key, wish};
use crate::engine::{Claim, Order};
use crate::flight::Match;
use crate::schedule::Budget;

const FAST: Option<Duration> = Some(Duration::from_millis(3));

fn world() -> World {
    let mut world = World::with([wish("a", 200)]);
    world.engine.resolved(&key("a"), &[address(1)]);
    world
}

#[test]
fn a_healthy_path_loses_nothing() {
    let mut world = world();
    world.run(Duration::from_secs(600), |_, _| FAST);
    let found = world.only();
    assert!((2_900..3_100).contains(&found.sent), "{}", found.sent);
    assert_eq!(found.outcomes.ok + found.in_flight, found.sent);
    assert_eq!(found.loss().lost, 0);
    assert_eq!(found.round_trips.count, found.outcomes.ok);
    assert_eq!(found.jitter, Some(Duration::ZERO));
}

#[test]
fn an_outage_is_seen_at_once_and_counted_in_the_end() {
    let mut world = world();
    world.run(Duration::from_secs(10), |_, _| FAST);
    world.run(Duration::from_secs(5), |_, _| None);
    let during = world.only();
    assert!(during.unanswered_consecutive >= 15, "{during:?}");
    assert_eq!(during.outcomes.lost, 0);
    world.run(Duration::from_secs(20), |_, _| FAST);
    let after = world.only();
    assert_eq!(after.unanswered_consecutive, 0);
    assert!((20..=30).contains(&after.outcomes.lost), "{after:?}");
    assert_eq!(
        (after.burst_packets.count, after.burst_packets.sum),
        (1, after.outcomes.lost)
    );
    let seconds = after.burst_durations.sum.as_secs_f64();
    assert!((4.7..5.5).contains(&seconds), "{seconds}");
}

#[test]
fn a_slow_path_is_late_and_a_very_slow_one_lost() {
    let mut world = world();
    world.run(Duration::from_secs(60), |_, _| {
        Some(Duration::from_millis(1_500))
    });
    let slow = world.only();
    assert!(slow.outcomes.late > 200);
    assert_eq!((slow.outcomes.ok, slow.loss().lost), (0, 0));
    assert_eq!(slow.round_trips.count, slow.outcomes.late);
    world.run(Duration::from_secs(60), |_, _| {
        Some(Duration::from_secs(12))
    });
    let lost = world.only();
    assert!(lost.outcomes.lost > 200);
    assert_eq!(
        lost.round_trips.count, lost.outcomes.late,
        "no time of a lost probe"
    );
    assert!(lost.stale > 200);
}

/// SIGSTOP of five seconds: answers wait in the socket's buffer.
#[test]
fn a_stopped_prober_loses_nothing() {
    for rtt in [1, 40, 900] {
        let mut world = world();
        world.run(Duration::from_secs(30), |_, _| {
            Some(Duration::from_millis(rtt))
        });
        // In the worst moment: a probe has just been sent.
        let mut sent = false;
        while !sent {
            world.run(Duration::from_millis(1), |_, _| {
                sent = true;
                Some(Duration::from_millis(rtt))
            });
        }
        world.pass(Duration::from_secs(5));
        world.run(Duration::from_secs(30), |_, _| {
            Some(Duration::from_millis(rtt))
        });
        let found = world.only();
        assert_eq!(found.loss().lost, 0, "{rtt}: {found:?}");
        assert_eq!(found.outcomes.late, 0, "{rtt}: {found:?}");
        assert!(
            (1..=7).contains(&found.outcomes.aborted),
            "{rtt}: {found:?}"
        );
        let within = found.round_trips.buckets[12];
        assert_eq!(within, found.round_trips.count, "no time holds the stop");
        let prober = world.engine.sample().prober;
        assert_eq!((prober.stalls, prober.suspends), (1, 0));
        assert!(prober.stalled > Duration::from_millis(4_900));
        assert!(prober.skipped >= 20, "a stop is not made up for by a burst");
    }
}

/// However short the stop, no answer becomes late by it.
#[test]
fn a_short_stop_makes_no_answer_late() {
    for stop in (100..3_000).step_by(100) {
        let mut world = World::with([wish("a", 30_000)]);
        world.engine.resolved(&key("a"), &[address(1)]);
        let mut sent = 0;
        while sent < 2 {
            world.run(Duration::from_millis(1), |_, _| {
                sent += 1;
                FAST
            });
        }
        world.engine.next_wake();
        world.pass(Duration::from_millis(stop));
        world.run(Duration::from_secs(12), |_, _| FAST);
        let found = world.only();
        assert_eq!((found.outcomes.late, found.loss().lost), (0, 0), "{stop}");
        assert_eq!(found.outcomes.total(), found.sent, "{stop}");
    }
}

/// Answers of before a suspend never come, and monotonic time stands still meanwhile.
#[test]
fn a_suspended_host_loses_nothing() {
    let mut world = world();
    world.run(Duration::from_secs(30), |_, _| {
        Some(Duration::from_millis(40))
    });
    for _ in 0..50 {
        world.run(Duration::from_millis(37), |_, _| {
            Some(Duration::from_millis(40))
        });
        world.flying.clear();
        world.boot += Duration::from_secs(3_600);
    }
    world.run(Duration::from_secs(30), |_, _| {
        Some(Duration::from_millis(40))
    });
    let found = world.only();
    assert_eq!(found.loss().lost, 0, "{found:?}");
    assert!(found.outcomes.aborted > 0);
    assert_eq!(world.engine.sample().prober.suspends, 50);
}

/// On a host that stalls every two seconds the loss is still found.
#[test]
fn stalls_do_not_hide_loss() {
    let mut world = world();
    let mut turn = 0_u32;
    for _ in 0..300 {
        world.run(Duration::from_secs(2), |_, _| {
            turn += 1;
            FAST.filter(|_| !turn.is_multiple_of(5))
        });
        world.pass(Duration::from_millis(700));
    }
    world.run(Duration::from_secs(20), |_, _| FAST);
    let LossRatio { lost, of } = world.only().loss();
    let ratio = lost as f64 / of as f64;
    assert!((0.08..0.22).contains(&ratio), "{ratio}: {:?}", world.only());
}

#[test]
fn strangers_match_nothing() {
    let mut world = world();
    let mut orders: Vec<Order> = Vec::new();
    world.run(Duration::from_secs(1), |order, _| {
        orders.push(order.clone());
        None
    });
    let now = world.now;
    let good = claim(&orders[0]);
    let bad = [
        Claim {
            nonce: good.nonce ^ 1,
            ..good
        },
        Claim {
            peer: address(9),
            ..good
        },
        Claim {
            sequence: good.sequence.wrapping_sub(1),
            ..good
        },
        Claim {
            sequence: good.sequence.wrapping_add(50),
            ..good
        },
    ];
    let found = bad.map(|claim| world.engine.answer(claim, super::arrival(now)));
    assert_eq!(
        found,
        [None, None, Some(Match::NeverSent), Some(Match::NeverSent)]
    );
    let strays = world.engine.sample().prober.strays;
    assert_eq!((strays.nonce, strays.peer, strays.sequence), (1, 1, 2));
    let seen = world.only();
    assert_eq!((seen.in_flight, seen.outcomes.total()), (seen.sent, 0));
    // The same number twice: the answer, and a duplicate.
    assert!(matches!(
        world.engine.answer(good, super::arrival(now)),
        Some(Match::Answered { .. })
    ));
    assert_eq!(
        world.engine.answer(good, super::arrival(now)),
        Some(Match::Duplicate)
    );
    assert_eq!(
        (world.only().duplicates, world.only().outcomes.total()),
        (1, 1)
    );
    // An ICMP error ends the next one.
    let ticket = world.engine.ticket(claim(&orders[1])).unwrap();
    let error = Outcome::IcmpError(IcmpError { kind: 3, code: 1 });
    assert!(world.engine.end(ticket, error));
    assert!(!world.engine.end(ticket, error));
    assert_eq!(world.only().outcomes.icmp_error, 1);
}

#[test]
fn the_budget_holds_and_is_shared_evenly() {
    let mut world = World::new(Rules {
        budget: Budget {
            packets: 50.0,
            bytes: 1e9,
        },
    });
    let names: Vec<String> = (0..100).map(|n| format!("t{n}")).collect();
    world
        .engine
        .reload(names.iter().map(|name| wish(name, 200)));
    for name in &names {
        world.engine.resolved(&key(name), &[address(1)]);
    }
    let mut busiest = 0;
    let mut second = (Moment::default(), 0);
    world.run(Duration::from_secs(200), |_, now| {
        if now.since(second.0) > Duration::from_secs(1) {
            second = (now, 0);
        }
        second.1 += 1;
        busiest = busiest.max(second.1);
        FAST
    });
    let sample = world.engine.sample();
    assert!((sample.prober.wanted_rate - 500.0).abs() < 1e-6);
    assert!((sample.prober.effective_rate - 50.0).abs() < 1e-6);
    assert!(busiest < 75, "{busiest} in a second");
    for target in &sample.targets {
        let sent = target.addresses[0].sent;
        assert!((90..=110).contains(&sent), "{}: {sent}", target.target);
    }
}

#[test]
fn a_late_prober_shows_its_lag() {
    let mut world = world();
    world.run(Duration::from_secs(5), |_, _| FAST);
    let due = world.engine.sends.next().unwrap();
    world.engine.next_wake();
    let early = due.since(world.now);
    world.pass(early);
    world.pass(Duration::from_millis(150));
    world.run(Duration::from_secs(1), |_, _| FAST);
    let lag = world.engine.sample().prober.schedule_lag;
    assert!(lag >= Duration::from_millis(150), "{lag:?}");
    assert_eq!(world.engine.sample().prober.stalls, 0);
}

/// A thousand targets, five probes a second each, for ten seconds.
#[test]
fn many_targets_share_the_timers() {
    let mut world = World::new(Rules {
        budget: Budget {
            packets: 1e6,
            bytes: 1e9,
        },
    });
    let names: Vec<String> = (0..1_000).map(|n| format!("t{n}")).collect();
    world
        .engine
        .reload(names.iter().map(|name| wish(name, 200)));
    for name in &names {
        world.engine.resolved(&key(name), &[address(1)]);
    }
    for _ in 0..10_000 {
        world.run(Duration::from_millis(1), |_, _| Some(Duration::ZERO));
    }
    let sample = world.engine.sample();
    let sent: u64 = sample.targets.iter().map(|t| t.addresses[0].sent).sum();
    assert!((48_000..52_000).contains(&sent), "{sent}");
}

#[test]
fn probes_that_go_out_in_rounds_keep_their_pace() {
    let millis = Duration::from_millis;
    let names: Vec<String> = (0..20).map(|n| format!("t{n}")).collect();
    let mut world = World::with(names.iter().map(|name| wish(name, 100)));
    for name in &names {
        world.engine.resolved(&key(name), &[address(1)]);
    }
    let mut sent: BTreeMap<u64, Vec<Moment>> = BTreeMap::new();
    let mut rounds = 0;
    let begun = world.now;
    while world.now.since(begun) < Duration::from_secs(60) {
        let tick = world.engine.tick(Some(8 << 20)).expect("many are due");
        world.pass(tick);
        world.turn(&mut |order, now| {
            sent.entry(order.nonce()).or_default().push(now);
            FAST
        });
        rounds += 1;
    }
    assert!((860..900).contains(&rounds), "{rounds}");
    assert_eq!(sent.len(), names.len());
    for times in sent.values() {
        assert!((585..615).contains(&times.len()), "{}", times.len());
        let mut gaps = times
            .iter()
            .zip(times.iter().skip(1))
            .map(|(one, next)| next.since(*one));
        // Rounds are 61 to 75 ms apart. Between 75 and 125 ms are drawn, and of two probes one can go out
        // up to 34 ms early and the other up to 41 ms late.
        assert!(gaps.all(|gap| (millis(61)..millis(200)).contains(&gap)));
    }
    assert_eq!(world.engine.sample().prober.skipped, 0);
    // Where answers may not wait there are no rounds, and nothing goes out before its time.
    assert_eq!(world.engine.tick(None), None);
    assert_eq!(world.engine.early, Duration::ZERO);
}
