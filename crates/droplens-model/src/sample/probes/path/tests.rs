use std::net::IpAddr;
use std::time::Duration;

use proptest::prelude::*;

use super::{Hop, HopVerdict, PathDetails, judge};
use HopVerdict::{Answers, Loses, RateLimitSuspected, Silent, Unreached};

fn router(number: u8) -> IpAddr {
    IpAddr::from([192, 0, 2, number])
}

/// A hop that answered so many packets out of so many.
fn hop(ttl: u8, answered: u64, sent: u64) -> Hop {
    let mut hop = Hop::new(ttl);
    hop.sent = sent;
    for _ in 0..answered {
        hop.answer(router(ttl), Duration::from_millis(u64::from(ttl)));
    }
    hop
}

fn hops(answered: &[u64], sent: u64) -> Vec<Hop> {
    (1..)
        .zip(answered)
        .map(|(ttl, answered)| hop(ttl, *answered, sent))
        .collect()
}

fn verdicts(answered: &[u64], sent: u64, to_target: bool) -> Vec<HopVerdict> {
    let mut hops = hops(answered, sent);
    judge(&mut hops, to_target);
    hops.iter().map(|hop| hop.verdict).collect()
}

/// A round of three packets in which these addresses answered; 0 is a silent hop, and the last is the
/// target if it is `reached`.
fn round(answers: &[u8], reached: bool) -> PathDetails {
    let hops: Vec<Hop> = (1..)
        .zip(answers)
        .map(|(ttl, number)| {
            let mut hop = Hop::new(ttl);
            hop.sent = 3;
            for _ in 0..if *number > 0 { 3 } else { 0 } {
                hop.answer(router(*number), Duration::from_millis(2));
            }
            hop
        })
        .collect();
    let target = hops.last().map(|hop| hop.ttl).filter(|_| reached);
    PathDetails::new(hops, target, None)
}

fn merged(rounds: &[PathDetails]) -> PathDetails {
    let mut path = rounds[0].clone();
    for round in &rounds[1..] {
        path.merge(round.clone());
    }
    path
}

#[test]
fn loss_counts_from_the_hop_on_behind_which_all_lose() {
    assert_eq!(
        verdicts(&[10, 8, 7, 8], 10, true),
        [Answers, Loses, Loses, Loses]
    );
    assert_eq!(
        verdicts(&[10, 10, 10, 9], 10, true),
        [Answers, Answers, Answers, Loses]
    );
}

#[test]
fn loss_of_one_hop_alone_is_a_limit() {
    let limited = [Answers, RateLimitSuspected, Answers, Answers];
    assert_eq!(verdicts(&[10, 1, 10, 10], 10, true), limited);
    // So it is if the later hops lose far less.
    let limited = [Answers, RateLimitSuspected, Loses, Loses];
    assert_eq!(verdicts(&[200, 60, 196, 195], 200, true), limited);
}

#[test]
fn a_hop_that_never_answers_is_silent_only_if_a_later_one_answers() {
    assert_eq!(verdicts(&[3, 0, 3], 3, true), [Answers, Silent, Answers]);
    assert_eq!(
        verdicts(&[3, 0, 0], 3, false),
        [Answers, Unreached, Unreached]
    );
    assert_eq!(verdicts(&[2, 0, 2], 3, true), [Loses, Silent, Loses]);
}

#[test]
fn without_the_target_the_last_hop_alone_proves_nothing() {
    assert_eq!(
        verdicts(&[3, 2, 0], 3, false),
        [Answers, RateLimitSuspected, Unreached]
    );
    assert_eq!(
        verdicts(&[10, 8, 8, 0], 10, false),
        [Answers, Loses, Loses, Unreached]
    );
}

#[test]
fn rounds_add_up() {
    let mut first = PathDetails::new(hops(&[3, 2], 3), Some(2), Some("icmp".into()));
    let mut slow = Hop::new(2);
    slow.sent = 1;
    slow.answer(router(2), Duration::from_millis(8));
    first.merge(PathDetails::new(vec![hop(1, 1, 1), slow], Some(2), None));
    let [one, two] = &first.hops[..] else {
        panic!("{:?}", first.hops)
    };
    assert_eq!(
        (one.sent, one.answered, two.sent, two.answered),
        (4, 4, 4, 3)
    );
    let ms = |ms| Some(Duration::from_millis(ms));
    assert_eq!((two.best, two.mean, two.worst), (ms(2), ms(4), ms(8)));
    assert_eq!(
        (first.changes, first.protocol.as_deref()),
        (0, Some("icmp"))
    );
}

#[test]
fn a_change_is_counted_once_and_begins_the_counters_again() {
    let (old, new) = (round(&[1, 2, 9], true), round(&[1, 3, 9], true));
    let path = merged(&[old.clone(), old.clone(), new.clone(), new.clone()]);
    assert_eq!((path.changes, path.hops[1].sent), (1, 6));
    assert_eq!(path.hops[1].addresses, [router(3)]);
    assert_eq!(path.hash, new.hash);
    assert_ne!(path.hash, old.hash);
    let back = merged(&[path, old.clone()]);
    assert_eq!((back.changes, back.hash), (2, old.hash));
}

#[test]
fn silence_is_no_change() {
    let whole = round(&[1, 2, 9], true);
    let path = merged(&[whole.clone(), round(&[1, 0, 9], true), whole.clone()]);
    assert_eq!((path.changes, path.hash), (0, whole.hash));
    assert_eq!((path.hops[1].sent, path.hops[1].answered), (9, 6));
    // Nor is the silence of the target, which keeps its place.
    let path = merged(&[whole.clone(), round(&[1, 2, 0, 0, 0], false)]);
    assert_eq!(
        (path.changes, path.hops.len(), path.target_ttl),
        (0, 3, Some(3))
    );
    assert!(!path.reached);
    assert_eq!((path.hops[2].sent, path.hops[2].answered), (6, 3));
    assert_eq!(path.hops[2].verdict, Loses);
    assert_eq!(path.hash, whole.hash);
}

#[test]
fn a_target_farther_away_is_a_change_even_behind_a_silent_hop() {
    let path = merged(&[round(&[1, 9], true), round(&[1, 0, 9], true)]);
    assert_eq!((path.changes, path.hops.len()), (1, 3));
    // One that turns out to be nearer was overshot.
    let path = merged(&[round(&[1, 0, 9], true), round(&[1, 9], true)]);
    assert_eq!(
        (path.changes, path.hops.len(), path.target_ttl),
        (0, 2, Some(2))
    );
}

#[test]
fn hops_found_later_are_added() {
    let path = merged(&[round(&[1, 0, 0], false), round(&[1, 2, 9], true)]);
    assert_eq!((path.changes, path.hops.len(), path.reached), (0, 3, true));
    assert_eq!(path.hash, round(&[1, 2, 9], true).hash);
}

#[test]
fn alternatives_of_a_hop_are_listed_and_are_no_change() {
    let mut both = round(&[1, 2, 9], true);
    both.hops[1].answer(router(3), Duration::from_millis(1));
    let path = merged(&[
        both.clone(),
        round(&[1, 3, 9], true),
        round(&[1, 2, 9], true),
    ]);
    assert_eq!(path.changes, 0);
    assert_eq!(path.hops[1].addresses, [router(3), router(2)]);
    assert_eq!(path.hash, both.hash);
    let mut many = Hop::new(1);
    for number in 0..20 {
        many.answer(router(number), Duration::ZERO);
    }
    let kept: Vec<IpAddr> = [19, 18, 17, 16, 15, 14, 13, 0].map(router).into();
    assert_eq!(many.addresses, kept);
}

/// What a path really does: the chance in percent that a packet is lost before each hop, and how many
/// answers each hop gives at most.
fn real_path() -> impl Strategy<Value = (Vec<(u8, u64)>, Vec<u8>)> {
    (2_usize..8).prop_flat_map(|length| {
        (
            prop::collection::vec((0_u8..30, 0_u64..60), length),
            prop::collection::vec(0_u8..100, length * 50),
        )
    })
}

proptest! {
    #[test]
    fn loss_that_later_hops_do_not_have_never_counts(
        answered in prop::collection::vec(0_u64..=20, 1..12),
        to_target: bool,
    ) {
        let found = verdicts(&answered, 20, to_target);
        for (at, verdict) in found.iter().enumerate() {
            let later = &answered[at + 1..];
            let a_later_one_loses_nothing = later.contains(&20);
            match verdict {
                Answers => prop_assert_eq!(answered[at], 20),
                Loses => {
                    prop_assert!(answered[at] < 20 && answered[at] > 0);
                    prop_assert!(!a_later_one_loses_nothing, "{:?} {:?}", answered, found);
                }
                RateLimitSuspected => prop_assert!(answered[at] < 20 && answered[at] > 0),
                Silent => prop_assert!(answered[at] == 0 && later.iter().any(|n| *n > 0)),
                Unreached => prop_assert!(answered[at] == 0 && later.iter().all(|n| *n == 0)),
            }
        }
        // Loss that counts is a stretch up to the end: behind the first hop that loses, none that
        // answers is without loss.
        let first = found.iter().position(|verdict| *verdict == Loses);
        for verdict in first.map_or(&[][..], |first| &found[first..]) {
            prop_assert_ne!(*verdict, Answers);
        }
    }

    #[test]
    fn routers_that_limit_their_answers_never_make_a_loss(
        mut answered in prop::collection::vec(0_u64..=20, 1..12),
    ) {
        answered.push(20);
        for verdict in verdicts(&answered, 20, true) {
            prop_assert_ne!(verdict, Loses);
        }
    }

    #[test]
    fn the_same_loss_from_a_link_on_counts_from_there_on(
        before in 0_usize..6,
        behind in 1_usize..6,
        answered in 1_u64..20,
        to_target: bool,
    ) {
        let mut all = vec![20; before];
        all.extend(vec![answered; behind]);
        let found = verdicts(&all, 20, to_target);
        prop_assert!(found[..before].iter().all(|verdict| *verdict == Answers));
        let expected = if to_target || behind > 1 { Loses } else { RateLimitSuspected };
        prop_assert!(found[before..].iter().all(|verdict| *verdict == expected), "{:?}", found);
    }

    #[test]
    fn packets_that_are_really_lost_count_and_others_never_do(
        (path, dice) in real_path(),
    ) {
        // Fifty packets to each hop: each link may lose it, and the hop may have no answer left.
        let mut dice = dice.into_iter();
        let mut hops: Vec<Hop> = (1..).zip(&path).map(|(ttl, _)| hop(ttl, 0, 50)).collect();
        let target = hops.len() - 1;
        let mut lost_before = vec![0; path.len()];
        for _ in 0..50 {
            for (at, hop) in hops.iter_mut().enumerate() {
                let roll = dice.next().unwrap();
                let mut chance = 0;
                let lossy = path[..=at].iter().position(|(link, _)| {
                    chance += link / 4;
                    roll < chance
                });
                if lossy.is_some() {
                    lost_before[at] += 1;
                } else if at == target || hop.answered < path[at].1 {
                    hop.answer(router(hop.ttl), Duration::ZERO);
                }
            }
        }
        judge(&mut hops, true);
        if lost_before[target] == 0 {
            prop_assert!(hops.iter().all(|hop| hop.verdict != Loses), "{:?}", hops);
        }
        if lost_before[target] > 0 && lost_before[target] < 50 {
            prop_assert_eq!(hops[target].verdict, Loses);
        }
    }

    #[test]
    fn merging_loses_no_packet_and_counts_at_most_one_change_a_round(
        rounds in prop::collection::vec(
            (prop::collection::vec(0_u8..4, 1..5), any::<bool>()),
            1..12,
        ),
    ) {
        let rounds: Vec<PathDetails> = rounds
            .iter()
            .map(|(answers, reached)| {
                let mut answers = answers.clone();
                if *reached {
                    answers.push(9);
                }
                round(&answers, *reached)
            })
            .collect();
        let mut path = rounds[0].clone();
        for next in &rounds[1..] {
            let before = path.clone();
            path.merge(next.clone());
            let step = path.changes - before.changes;
            prop_assert!(step <= 1);
            prop_assert_eq!(path.reached, next.reached);
            for hop in &path.hops {
                prop_assert!(hop.answered <= hop.sent);
                let of = |path: &PathDetails| {
                    let same = path.hops.iter().find(|other| other.ttl == hop.ttl);
                    same.map_or((0, 0), |hop| (hop.sent, hop.answered))
                };
                let (old, new) = (if step == 1 { (0, 0) } else { of(&before) }, of(next));
                prop_assert_eq!((hop.sent, hop.answered), (old.0 + new.0, old.1 + new.1));
            }
            prop_assert!(path.hops.windows(2).all(|pair| pair[0].ttl < pair[1].ttl));
            // The same round again is never a change.
            let mut again = path.clone();
            again.merge(next.clone());
            prop_assert_eq!(again.changes, path.changes);
        }
    }
}
