//! Whatever happens in whatever order, each probe ends once.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use droplens_model::Moment;
use droplens_model::sample::probes::{Address, IcmpError, Outcome, OutcomeKind, SendFailure};
use proptest::prelude::*;

use super::{Rules, World, address, arrival, claim, key, wish};
use crate::engine::{Claim, Clocks, Order, Spares};
use crate::flight::{Arrival, Match, Stamp};
use crate::targets::TargetWish;

#[derive(Clone, Debug)]
enum Step {
    /// Time passes; what is due is sent, what is over ends.
    Work(u64),
    /// An answer to any probe ever sent comes, with kernel stamps of any sense.
    Answer(prop::sample::Index, Option<(u64, u64)>),
    /// An answer to nobody's probe.
    Stray(prop::sample::Index, u64, u32, u8),
    /// An error about any probe ever sent.
    Error(prop::sample::Index, bool),
    /// The process is stopped for a while.
    Stall(u64),
    /// The host is suspended for a while.
    Suspend(u64),
    /// The clock is read as if it had jumped by so many milliseconds.
    Jump(i64),
    /// The name resolves to so many addresses.
    Resolve(u8),
}

fn step() -> impl Strategy<Value = Step> {
    let which = any::<prop::sample::Index>;
    prop_oneof![
        6 => (0_u64..700).prop_map(Step::Work),
        8 => (which(), prop::option::of((0_u64..20_000, 0_u64..20_000)))
            .prop_map(|(which, stamps)| Step::Answer(which, stamps)),
        1 => (which(), any::<u64>(), any::<u32>(), any::<u8>())
            .prop_map(|(which, nonce, sequence, peer)| Step::Stray(which, nonce, sequence, peer)),
        2 => (which(), any::<bool>()).prop_map(|(which, send)| Step::Error(which, send)),
        1 => (0_u64..20_000).prop_map(Step::Stall),
        1 => (0_u64..20_000).prop_map(Step::Suspend),
        1 => (-5_000_i64..5_000).prop_map(Step::Jump),
        1 => (0_u8..12).prop_map(Step::Resolve),
    ]
}

/// What was told to the engine, and what it said.
#[derive(Default)]
struct Told {
    answers: u64,
    answered: u64,
    duplicates: u64,
    stale: u64,
}

fn same_and_no_less(before: &Address, after: &Address) -> Result<(), TestCaseError> {
    for kind in OutcomeKind::ALL {
        prop_assert!(
            after.outcomes.get(*kind) >= before.outcomes.get(*kind),
            "{kind} fell"
        );
    }
    prop_assert!(after.sent >= before.sent && after.silent >= before.silent);
    prop_assert!(after.round_trips.count >= before.round_trips.count);
    Ok(())
}

fn adds_up(found: &Address) -> Result<(), TestCaseError> {
    let ended = found.outcomes.total() + found.silent;
    prop_assert_eq!(found.sent, ended + found.in_flight, "{:?}", found);
    let answered = found.outcomes.ok + found.outcomes.late;
    prop_assert!(found.round_trips.count <= answered);
    prop_assert!(found.burst_packets.sum <= found.loss().lost);
    prop_assert!(found.gap_packets.sum <= answered);
    prop_assert!(found.reordered <= answered);
    prop_assert!(found.unanswered_consecutive <= found.sent);
    let row = found.unanswered_consecutive > 0;
    prop_assert_eq!(row, found.unanswered_for.is_some());
    let (low, high) = found.loss().interval();
    prop_assert!((0.0..=1.0).contains(&low) && low <= high && high <= 1.0);
    Ok(())
}

fn play(steps: Vec<Step>, asked_for: bool) -> Result<(), TestCaseError> {
    let mut world = World::new(Rules::default());
    world.engine.rotate(Spares { v4: true, v6: true });
    let wish = TargetWish {
        asked_for,
        ..wish("a", 200)
    };
    world.engine.reload([wish]);
    world.engine.resolved(&key("a"), &[address(1)]);
    let mut orders: Vec<Order> = Vec::new();
    let mut before: BTreeMap<IpAddr, Address> = BTreeMap::new();
    for step in steps {
        let now = world.now;
        let mut told = Told::default();
        match step {
            Step::Work(millis) => {
                let end = now + Duration::from_millis(millis);
                world.run(end.since(now), |order, _| {
                    orders.push(order.clone());
                    None
                });
            }
            Step::Answer(which, stamps) if !orders.is_empty() => {
                let order = which.get(&orders);
                let stamp = |millis| Stamp(Duration::from_millis(millis));
                if let Some((sent, _)) = stamps {
                    world.engine.stamp(order.ticket, stamp(sent));
                }
                let arrival = Arrival {
                    read: now,
                    stamp: stamps.map(|(_, received)| stamp(received)),
                };
                let found = world.engine.answer(claim(order), arrival);
                told.answers = u64::from(found.is_some());
                match found {
                    Some(Match::Answered { ended, .. }) => {
                        prop_assert!(matches!(ended.outcome, Outcome::Ok | Outcome::Late));
                        told.answered = 1;
                    }
                    Some(Match::Duplicate) => told.duplicates = 1,
                    Some(Match::Stale | Match::TooLate(_)) => told.stale = 1,
                    other => prop_assert!(other.is_none(), "it was sent: {other:?}"),
                }
            }
            Step::Stray(which, nonce, sequence, peer) if !orders.is_empty() => {
                let good = claim(which.get(&orders));
                let strays = [
                    Claim { nonce, ..good },
                    Claim {
                        peer: address(peer.saturating_add(100)),
                        ..good
                    },
                    Claim {
                        sequence: sequence | 1 << 31,
                        nonce,
                        ..good
                    },
                ];
                for stray in strays {
                    prop_assert_eq!(world.engine.answer(stray, arrival(now)), None);
                }
            }
            Step::Error(which, send) if !orders.is_empty() => {
                let outcome = if send {
                    Outcome::SendError(SendFailure::NoBuffers)
                } else {
                    Outcome::IcmpError(IcmpError { kind: 3, code: 0 })
                };
                let ticket = which.get(&orders).ticket;
                world.engine.end(ticket, outcome);
                prop_assert!(!world.engine.end(ticket, outcome), "it ended already");
            }
            Step::Stall(millis) => world.pass(Duration::from_millis(millis)),
            Step::Suspend(millis) => world.boot += Duration::from_millis(millis),
            Step::Jump(millis) => {
                let by = Duration::from_millis(millis.unsigned_abs());
                let jumped = if millis < 0 {
                    Moment(now.0.saturating_sub(by))
                } else {
                    now + by
                };
                world.engine.woke(Clocks {
                    monotonic: jumped,
                    boot: world.boot,
                });
                world.engine.expire(jumped);
                orders.extend(std::iter::from_fn(|| world.engine.due(jumped)));
            }
            Step::Resolve(many) => {
                let found: Vec<IpAddr> = (1..=many).map(address).collect();
                world.engine.resolved(&key("a"), &found);
            }
            Step::Answer(..) | Step::Stray(..) | Step::Error(..) => {}
        }
        let sample = world.engine.sample();
        let after: BTreeMap<IpAddr, Address> = sample.targets[0]
            .addresses
            .iter()
            .map(|found| (found.address, found.clone()))
            .collect();
        let mut moved = Told::default();
        for (address, found) in &after {
            adds_up(found)?;
            if let Some(before) = before.get(address) {
                same_and_no_less(before, found)?;
                moved.duplicates += found.duplicates - before.duplicates;
                moved.stale += found.stale - before.stale;
                let answered = |found: &Address| found.outcomes.ok + found.outcomes.late;
                moved.answered += answered(found) - answered(before);
            }
        }
        prop_assert_eq!(moved.answered, told.answered);
        prop_assert_eq!(moved.duplicates, told.duplicates);
        prop_assert_eq!(moved.stale, told.stale);
        prop_assert_eq!(told.answers, told.answered + told.duplicates + told.stale);
        before = after;
    }
    // When it is over, nothing is left under way.
    let quiet = Duration::from_secs(60);
    world.engine.reload([]);
    prop_assert!(world.engine.sample().targets.is_empty());
    world.run(quiet, |_, _| None);
    prop_assert!(world.engine.streams.is_empty());
    Ok(())
}

proptest! {
    #[test]
    fn each_probe_ends_once(
        steps in prop::collection::vec(step(), 1..120),
        asked_for: bool,
    ) {
        play(steps, asked_for)?;
    }
}
