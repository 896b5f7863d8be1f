//! Outages that another identifier ends, and those that it does not.

use std::sync::Arc;
use std::time::Duration;

use droplens_model::Moment;
use droplens_model::sample::probes::{Address, Outcome, Rotations, SendFailure};

use super::{World, address, key, wish};
use crate::engine::{Identifier, Order, Spares};
use crate::random::Random;
use crate::spec::{Ask, TcpSpec};

const FAST: Option<Duration> = Some(Duration::from_millis(3));
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);

fn world(millis: u64) -> World {
    let mut world = World::with([wish("a", millis)]);
    world.engine.rotate(Spares { v4: true, v6: true });
    world.engine.resolved(&key("a"), &[address(1)]);
    world
}

fn answered_if(answered: bool) -> Option<Duration> {
    FAST.filter(|_| answered)
}

/// A network that sees the first identifier alone, and answers each request so.
fn keeps_the_first(answer: Option<Duration>) -> impl FnMut(&Order, Moment) -> Option<Duration> {
    move |order, _| {
        assert_eq!(order.identifier, Identifier::First);
        answer
    }
}

fn rotations(healed: u64, unhealed: u64, recovered: u64) -> Rotations {
    Rotations {
        healed,
        unhealed,
        recovered,
    }
}

fn adds_up(found: &Address) {
    let ended = found.outcomes.total();
    assert_eq!(found.sent, ended + found.in_flight, "{found:?}");
}

#[test]
fn a_stale_identifier_is_left_and_the_target_heals() {
    for millis in [20, 200, 1_000, 30_000] {
        let mut world = world(millis);
        let mut most = Duration::from_millis(millis) * 20 + MINUTE;
        world.run(most, |_, _| FAST);
        let before = world.only();
        assert_eq!(before.rotations, Rotations::default());
        // NAT has forgotten how to translate the first one back.
        let (mut first, mut second) = (0_u64, 0_u64);
        world.run(most, |order, _| {
            match order.identifier {
                Identifier::First => first += 1,
                Identifier::Second => second += 1,
            }
            answered_if(order.identifier == Identifier::Second)
        });
        let found = world.only();
        assert_eq!(found.rotations, rotations(1, 0, 0), "{millis}");
        assert!(second > 3 && first > 5, "{millis}: {first}, {second}");
        // From then on it bears the second one, and nothing is lost any more.
        most += Duration::from_secs(15);
        world.run(most, |order, _| {
            assert_eq!(order.identifier, Identifier::Second);
            answered_if(true)
        });
        let after = world.only();
        adds_up(&after);
        assert_eq!(after.rotations, found.rotations);
        assert_eq!(after.outcomes.lost, first, "{millis}: each once");
        assert_eq!(after.outcomes.ok + after.in_flight, after.sent - first);
        assert_eq!(after.duplicates + after.stale, 0);
        assert_eq!(after.unanswered_consecutive, 0);
    }
}

/// Trials take the place of probes that were due anyway.
#[test]
fn trials_send_nothing_beyond_what_is_due() {
    let sent = |spare: bool| {
        let mut world = world(200);
        world.engine.rotate(Spares {
            v4: spare,
            v6: spare,
        });
        world.run(MINUTE, |_, _| FAST);
        let mut others = 0;
        world.run(HOUR, |order, _| {
            others += u64::from(order.identifier == Identifier::Second);
            None
        });
        (world.only().sent, others)
    };
    let (with, tried) = sent(true);
    let (without, none) = sent(false);
    assert_eq!((with, none), (without, 0));
    assert!(tried > 0);
}

#[test]
fn an_outage_of_everything_is_tried_ever_less_often() {
    let mut world = world(200);
    world.run(MINUTE, |_, _| FAST);
    let mut others = Vec::new();
    world.run(HOUR, |order, now| {
        if order.identifier == Identifier::Second {
            others.push(now);
        }
        None
    });
    let found = world.only();
    // After 10 s, then 2, 4 and 8 minutes later, then every 10 minutes.
    assert_eq!(found.rotations, rotations(0, 8, 0));
    assert!(others.len() <= 8 * 6, "{}", others.len());
    let mut gaps: Vec<u64> = others
        .windows(2)
        .map(|pair| pair[1].since(pair[0]).as_secs())
        .filter(|gap| *gap > 1)
        .collect();
    gaps.sort_unstable();
    assert!(gaps[0] >= 118, "routers forget in between: {gaps:?}");
    // It comes back by itself, and stays what it was.
    world.run(HOUR, keeps_the_first(FAST));
    let after = world.only();
    assert_eq!(after.rotations, found.rotations);
    adds_up(&after);
}

#[test]
fn an_outage_that_ends_during_a_trial_heals_by_itself() {
    // After each number of probes with the second identifier that are still lost.
    for still_lost in 0..3 {
        let mut world = world(200);
        world.run(MINUTE, |_, _| FAST);
        let (mut over, mut tried) = (false, 0);
        world.run(MINUTE, |order, _| {
            if order.identifier == Identifier::Second {
                over |= tried == still_lost;
                tried += 1;
            }
            answered_if(over)
        });
        assert_eq!(world.only().rotations, rotations(0, 0, 1), "{still_lost}");
        world.run(MINUTE, keeps_the_first(FAST));
    }
}

#[test]
fn what_never_answered_is_not_tried() {
    let mut world = world(200);
    world.run(HOUR, keeps_the_first(None));
    assert_eq!(world.only().rotations, Rotations::default());
}

#[test]
fn where_there_is_no_second_identifier_none_is_borne() {
    let mut world = world(200);
    world.engine.rotate(Spares {
        v4: false,
        v6: true,
    });
    world.run(MINUTE, |_, _| FAST);
    world.run(HOUR, keeps_the_first(None));
    assert_eq!(world.only().rotations, Rotations::default());
}

#[test]
fn connections_have_no_identifier() {
    let mut tcp = wish("a", 200);
    Arc::make_mut(&mut tcp.request).ask = Ask::Tcp(TcpSpec { port: 80 });
    let mut world = World::with([tcp]);
    world.engine.rotate(Spares { v4: true, v6: true });
    world.engine.resolved(&key("a"), &[address(1)]);
    world.run(MINUTE, |_, _| FAST);
    world.run(HOUR, keeps_the_first(None));
    assert_eq!(world.only().rotations, Rotations::default());
}

/// Whoever says why it does not get through, that is no stale state.
#[test]
fn errors_are_no_silence() {
    let mut world = world(200);
    world.run(MINUTE, |_, _| FAST);
    let mut orders: Vec<Order> = Vec::new();
    for _ in 0..9_000 {
        world.run(Duration::from_millis(20), |order, _| {
            orders.push(order.clone());
            None
        });
        for order in orders.drain(..) {
            assert_eq!(order.identifier, Identifier::First);
            let refused = Outcome::SendError(SendFailure::Unreachable);
            assert!(world.engine.end(order.ticket, refused));
        }
    }
    let found = world.only();
    assert!(found.unanswered_consecutive > 800);
    assert_eq!(found.rotations, Rotations::default());
}

#[test]
fn a_stop_in_the_middle_of_a_trial_proves_nothing() {
    let mut world = world(200);
    world.run(MINUTE, |_, _| FAST);
    let mut tried = 0;
    while tried < 2 {
        world.run(Duration::from_millis(20), |order, _| {
            tried += u64::from(order.identifier == Identifier::Second);
            None
        });
    }
    world.engine.next_wake();
    world.pass(MINUTE);
    world.run(Duration::from_secs(30), |order, _| {
        assert_eq!(order.identifier, Identifier::First);
        None
    });
    assert_eq!(world.only().rotations, Rotations::default());
    world.run(3 * MINUTE, |_, _| None);
    assert_eq!(world.only().rotations, rotations(0, 1, 0));
    adds_up(&world.only());
}

/// Each public address that a router gets makes the identifier in use stale; the other one has been
/// forgotten by then.
#[test]
fn the_first_identifier_serves_again() {
    let mut world = world(200);
    world.run(MINUTE, |_, _| FAST);
    for stale in [Identifier::First, Identifier::Second, Identifier::First] {
        world.run(HOUR, |order, _| answered_if(order.identifier != stale));
    }
    let found = world.only();
    assert_eq!(found.rotations, rotations(3, 0, 0));
    adds_up(&found);
}

/// A path that loses three of ten at random makes for silences, if it is asked seldom, and no fault of an
/// identifier.
#[test]
fn random_loss_is_not_taken_for_a_stale_identifier() {
    let mut world = world(5_000);
    let mut random = Random::seeded(7);
    world.run(MINUTE, |_, _| FAST);
    world.run(200 * HOUR, |_, _| {
        let drawn = random.between(Duration::ZERO, Duration::from_secs(10));
        answered_if(drawn >= Duration::from_secs(3))
    });
    let found = world.only();
    assert!(found.rotations.recovered > 100, "{:?}", found.rotations);
    assert!(
        found.rotations.healed * 50 < found.rotations.recovered,
        "{:?}",
        found.rotations
    );
    adds_up(&found);
}
