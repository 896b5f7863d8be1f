use std::net::IpAddr;
use std::time::Duration;

use droplens_model::Moment;
use droplens_model::sample::probes::{HopVerdict, IcmpError, PathDetails};
use proptest::prelude::*;

use HopVerdict::{Answers, Silent};

use super::{AHEAD, Answer, IN_DOUBT, Plan, Round, Step};

const EXPIRED: IcmpError = IcmpError { kind: 11, code: 0 };
const PROHIBITED: IcmpError = IcmpError { kind: 3, code: 13 };

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn router(ttl: u8) -> IpAddr {
    IpAddr::from([192, 0, 2, ttl])
}

/// The target is router 200.
fn plan() -> Plan {
    Plan {
        target: router(200),
        most_hops: 30,
        packets: 3,
        pace: ms(20),
        wait: ms(1_000),
        window: 64,
    }
}

/// A network: which of the packets are answered by whom.
struct Network<F> {
    plan: Plan,
    round_trip: Duration,
    /// What the packet with this number and time to live gets.
    fate: F,
}

impl<F: FnMut(usize, u8) -> Option<(IpAddr, Answer)>> Network<F> {
    /// Runs a round to its end, and tells all packets that were sent.
    fn run(mut self) -> (Round, Vec<(Moment, u8)>) {
        let mut round = Round::new(self.plan);
        let (mut now, mut sent, mut coming) = (Moment(ms(5_000)), Vec::new(), Vec::new());
        for _ in 0..10_000 {
            coming.retain(|(at, number, from, answer)| {
                let due = *at <= now;
                if due {
                    round.heard(*number, *from, *answer, *at);
                }
                !due
            });
            match round.next(now) {
                Step::Done => return (round, sent),
                Step::Send { number, ttl } => {
                    assert_eq!(number, sent.len());
                    sent.push((now, ttl));
                    if let Some((from, answer)) = (self.fate)(number, ttl) {
                        coming.push((now + self.round_trip, number, from, answer));
                    }
                }
                Step::Wait(until) => {
                    assert!(until > now, "waiting for what is over");
                    let next = coming.iter().map(|(at, ..)| *at).min();
                    now = next.into_iter().chain([until]).min().unwrap();
                }
            }
        }
        panic!("a round without end");
    }
}

/// Each hop answers, and the target is at `length`.
fn healthy(length: u8) -> impl FnMut(usize, u8) -> Option<(IpAddr, Answer)> {
    move |_, ttl| {
        Some(if ttl < length {
            (router(ttl), Answer::Error(EXPIRED))
        } else {
            (router(200), Answer::Reply)
        })
    }
}

fn run(
    round_trip: u64,
    fate: impl FnMut(usize, u8) -> Option<(IpAddr, Answer)>,
) -> (PathDetails, Round, Vec<(Moment, u8)>) {
    let network = Network {
        plan: plan(),
        round_trip: ms(round_trip),
        fate,
    };
    let (round, sent) = network.run();
    (round.details("icmp".into()), round, sent)
}

fn verdicts(path: &PathDetails) -> Vec<HopVerdict> {
    path.hops.iter().map(|hop| hop.verdict).collect()
}

#[test]
fn each_hop_gets_its_packets_far_apart_and_the_target_ends_it() {
    let (path, round, sent) = run(5, healthy(4));
    assert_eq!(
        (path.hops.len(), path.target_ttl, path.reached),
        (4, Some(4), true)
    );
    for hop in &path.hops {
        assert_eq!((hop.sent, hop.answered), (3, 3));
        assert_eq!(hop.best, Some(ms(5)));
    }
    let ttls: Vec<u8> = sent.iter().map(|(_, ttl)| *ttl).collect();
    assert_eq!(ttls, [1, 2, 3, 4, 1, 2, 3, 4, 1, 2, 3, 4]);
    assert_eq!(path.hops[3].addresses, [router(200)]);
    let (asked, answered) = round.reply().unwrap();
    assert_eq!(answered.since(asked), ms(5));
}

#[test]
fn a_long_way_is_overshot_by_few_packets() {
    let (path, _, sent) = run(300, healthy(4));
    assert_eq!((path.hops.len(), path.hops[3].sent), (4, 3));
    assert!(sent.len() <= 12 + usize::from(AHEAD), "{sent:?}");
}

#[test]
fn silent_hops_are_stepped_over() {
    let mut fate = healthy(6);
    let (path, ..) = run(5, |number, ttl| {
        fate(number, ttl).filter(|_| ![2, 3].contains(&ttl))
    });
    assert_eq!(
        verdicts(&path),
        [Answers, Silent, Silent, Answers, Answers, Answers]
    );
}

#[test]
fn a_dead_end_is_given_up_after_a_few_hops() {
    let mut fate = healthy(9);
    let (path, round, sent) = run(5, |number, ttl| fate(number, ttl).filter(|_| ttl <= 2));
    assert_eq!(
        (path.hops.len(), path.reached),
        (usize::from(2 + AHEAD), false)
    );
    assert_eq!(
        verdicts(&path)[2..],
        [HopVerdict::Unreached; AHEAD as usize]
    );
    assert_eq!(round.last_answer(), Some((2, router(2))));
    assert!(sent.len() <= 3 * 3 + usize::from(AHEAD), "{sent:?}");
}

#[test]
fn a_router_that_refuses_ends_the_path() {
    let (path, round, _) = run(5, |_, ttl| {
        let error = if ttl < 2 { EXPIRED } else { PROHIBITED };
        Some((router(ttl.min(2)), Answer::Error(error)))
    });
    assert_eq!((path.hops.len(), path.reached), (2, false));
    let refusal = round.refusal().unwrap();
    assert_eq!(
        (refusal.ttl, refusal.from, refusal.error),
        (2, router(2), PROHIBITED)
    );
}

#[test]
fn a_target_that_refuses_is_reached() {
    let (path, round, _) = run(5, |_, ttl| {
        Some(if ttl < 3 {
            (router(ttl), Answer::Error(EXPIRED))
        } else {
            (router(200), Answer::Error(PROHIBITED))
        })
    });
    assert_eq!((path.target_ttl, round.refusal()), (Some(3), None));
}

#[test]
fn a_target_whose_answer_was_lost_is_not_taken_for_a_farther_one() {
    // Nothing comes back of the first three packets to hop 4, which is the target.
    let mut lost = 3;
    let mut fate = healthy(4);
    let (path, ..) = run(5, |number, ttl| {
        lost -= usize::from(ttl == 4 && lost > 0);
        fate(number, ttl).filter(|_| ttl != 4 || lost == 0)
    });
    assert_eq!(path.target_ttl, Some(4));
}

#[test]
fn a_router_that_refuses_only_sometimes_keeps_its_place() {
    let mut lost = true;
    let (_, round, _) = run(5, |_, ttl| {
        let error = if ttl < 2 { EXPIRED } else { PROHIBITED };
        let swallowed = ttl == 2 && std::mem::take(&mut lost);
        (!swallowed).then_some((router(ttl.min(2)), Answer::Error(error)))
    });
    assert_eq!(round.refusal().unwrap().ttl, 2);
}

#[test]
fn answers_that_do_not_say_to_what_are_told_apart_one_at_a_time() {
    // The second hop quotes too little. Its answers take longer than the pace.
    let mut round = Round::new(plan());
    let (mut now, mut coming) = (Moment(ms(0)), Vec::new());
    let path = loop {
        now = now + ms(5);
        coming.retain(|(at, number, ttl)| {
            if *at > now {
                return true;
            }
            match ttl {
                1 => round.heard(*number, router(1), Answer::Error(EXPIRED), now),
                2 => round.heard_something(router(2), Answer::Error(EXPIRED), now),
                _ => round.heard(*number, router(200), Answer::Reply, now),
            }
            false
        });
        match round.next(now) {
            Step::Send { number, ttl } => coming.push((now + ms(70), number, ttl)),
            Step::Wait(_) => {}
            Step::Done => break round.details("udp".into()),
        }
    };
    assert_eq!((path.hops.len(), path.target_ttl), (3, Some(3)));
    for hop in &path.hops {
        assert_eq!(hop.verdict, Answers, "{path:?}");
        assert_eq!(hop.addresses.len(), 1);
    }
    assert_eq!(path.hops[1].addresses, [router(2)]);
}

#[test]
fn what_comes_late_or_twice_counts_once() {
    let mut round = Round::new(plan());
    let start = Moment(ms(0));
    assert_eq!(round.next(start), Step::Send { number: 0, ttl: 1 });
    let late = start + ms(3_000);
    round.next(late);
    round.heard(0, router(1), Answer::Error(EXPIRED), late);
    round.heard(0, router(2), Answer::Error(EXPIRED), late);
    round.heard(77, router(3), Answer::Reply, late);
    let path = round.details("udp".into());
    assert_eq!((path.hops[0].sent, path.hops[0].answered), (1, 1));
    assert_eq!(path.hops[0].worst, Some(ms(3_000)));
}

proptest! {
    #[test]
    fn every_round_ends_within_its_bounds(
        length in 1_u8..40,
        silent in prop::collection::btree_set(1_u8..40, 0..12),
        loss in 0_u64..100,
        seed: u64,
        round_trip in 0_u64..1_500,
        packets in 1_usize..6,
        window in 1_usize..10,
    ) {
        let mut dice = crate::random::Random::seeded(seed);
        let mut fate = healthy(length);
        let plan = Plan { packets, window, ..plan() };
        let network = Network {
            plan,
            round_trip: ms(round_trip),
            fate: |number: usize, ttl: u8| {
                let lost = dice.number() % 100 < loss || silent.contains(&ttl.min(length));
                fate(number, ttl).filter(|_| !lost)
            },
        };
        let (round, sent) = network.run();
        let path = round.details("tcp".into());
        // Each hop that an answer unmasks as not the last leaves the one before it in doubt.
        let bound = usize::from(plan.most_hops) * packets + usize::from(AHEAD) * IN_DOUBT;
        prop_assert!(sent.len() <= bound);
        for hop in 1..=plan.most_hops {
            let to = sent.iter().filter(|(_, ttl)| *ttl == hop).count();
            prop_assert!(to <= packets + IN_DOUBT);
        }
        prop_assert!(sent.iter().all(|(_, ttl)| (1..=plan.most_hops).contains(ttl)));
        prop_assert!(sent.windows(2).all(|pair| pair[1].0.since(pair[0].0) >= plan.pace));
        for (at, _) in &sent {
            let open = sent.iter().filter(|(other, _)| other <= at && at.since(*other) < ms(round_trip.min(1_000)));
            prop_assert!(open.count() <= window.max(1));
        }
        // What is said of each hop is so.
        for hop in &path.hops {
            let to = sent.iter().filter(|(_, ttl)| *ttl == hop.ttl).count() as u64;
            prop_assert!(hop.answered <= hop.sent && hop.sent <= to);
            for address in &hop.addresses {
                let expected = if hop.ttl < length { router(hop.ttl) } else { router(200) };
                prop_assert_eq!(*address, expected);
            }
        }
        if let Some(ttl) = path.target_ttl {
            prop_assert!(ttl >= length);
        }
        if loss == 0 && silent.is_empty() && round_trip < 1_000 && length <= plan.most_hops {
            prop_assert_eq!(path.target_ttl, Some(length));
            prop_assert!(path.hops.iter().all(|hop| hop.verdict == Answers));
        }
    }
}
