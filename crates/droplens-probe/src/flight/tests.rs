use std::time::Duration;

use droplens_model::Moment;
use droplens_model::sample::probes::{IcmpError, Outcome, SendFailure};

use super::{Absence, Arrival, Ended, Flight, Match, Patience, Stamp};

fn at(millis: u64) -> Moment {
    Moment(Duration::from_millis(millis))
}

fn read(millis: u64) -> Arrival {
    Arrival {
        read: at(millis),
        stamp: None,
    }
}

fn flight() -> Flight {
    Flight::new(Patience::default(), 100, u32::MAX - 1)
}

fn outcome(found: Match) -> Option<(Outcome, Option<Duration>)> {
    match found {
        Match::Answered { ended, .. } => Some((ended.outcome, ended.round_trip)),
        _ => None,
    }
}

fn expired(flight: &mut Flight, millis: u64) -> Vec<Ended> {
    let mut all = Vec::new();
    flight.expire(at(millis), |ended| all.push(ended));
    all
}

fn absent(flight: &mut Flight, from: u64, until: u64, suspended: bool) -> Vec<Ended> {
    let mut all = Vec::new();
    let absence = Absence {
        from: at(from),
        until: at(until),
        suspended,
    };
    flight.absent(absence, |ended| all.push(ended));
    all
}

#[test]
fn a_probe_without_the_report_it_was_to_have_is_aborted() {
    let mut flight = flight().reported();
    let [silent, answered] = [0, 10].map(|millis| flight.begin(at(millis)).unwrap());
    assert_eq!(expired(&mut flight, 5_000), []);
    assert_eq!(flight.unanswered(), 2, "that much is known");
    let ended = flight.end(silent, Outcome::Lost).unwrap();
    assert_eq!(ended.outcome, Outcome::Lost, "a report counts");
    let aborted = expired(&mut flight, 11_011);
    assert_eq!(aborted.len(), 1);
    assert_eq!(aborted[0].outcome, Outcome::Aborted);
    assert_eq!(
        flight.unanswered(),
        1,
        "of the aborted one nothing is known"
    );
    assert_eq!(flight.unanswered_since(), Some(at(0)));
    assert!(!flight.is_under_way(answered));
    let held_up = flight.begin(at(20_000)).unwrap();
    let late = flight.answer(held_up, read(40_000));
    assert!(
        matches!(late, Match::TooLate(ended) if ended.outcome == Outcome::Aborted),
        "{late:?}"
    );
}

#[test]
fn answers_are_in_time_late_or_too_late() {
    let mut flight = flight();
    let [first, second, third] = [(); 3].map(|()| flight.begin(at(0)).unwrap());
    assert_eq!((first, second, third), (u32::MAX - 1, u32::MAX, 0));
    let millis = |millis| Some(Duration::from_millis(millis));
    assert_eq!(
        outcome(flight.answer(first, read(1_000))),
        Some((Outcome::Ok, millis(1_000)))
    );
    assert_eq!(
        outcome(flight.answer(second, read(1_001))),
        Some((Outcome::Late, millis(1_001)))
    );
    assert_eq!(expired(&mut flight, 11_000), []);
    let Match::TooLate(ended) = flight.answer(third, read(11_001)) else {
        panic!("an answer after the end is no answer");
    };
    assert_eq!((ended.outcome, ended.round_trip), (Outcome::Lost, None));
    assert_eq!(flight.answer(third, read(11_002)), Match::Stale);
    assert_eq!(flight.in_flight(), 0);
}

#[test]
fn a_row_of_unanswered_probes_has_a_beginning() {
    let mut flight = flight();
    let row = |flight: &Flight| (flight.unanswered(), flight.unanswered_since());
    let answered = flight.begin(at(0)).unwrap();
    flight.answer(answered, read(10));
    let [late, second, third] = [100, 200, 300].map(|millis| flight.begin(at(millis)).unwrap());
    assert_eq!(row(&flight), (0, None));
    // An error tells at once, and the others are overdue one by one.
    flight.end(third, Outcome::Lost);
    assert_eq!(row(&flight), (1, Some(at(300))));
    assert_eq!(expired(&mut flight, 1_201), []);
    assert_eq!(row(&flight), (3, Some(at(100))));
    flight.answer(late, read(1_300));
    assert_eq!(row(&flight), (2, Some(at(200))));
    flight.answer(second, read(1_400));
    assert_eq!(row(&flight), (1, Some(at(300))));
    let next = flight.begin(at(1_500)).unwrap();
    flight.answer(next, read(1_510));
    assert_eq!(row(&flight), (0, None));
    // A row longer than what is remembered keeps its beginning.
    for second in 2..60 {
        flight.begin(at(second * 1_000)).unwrap();
        expired(&mut flight, second * 1_000);
    }
    assert_eq!(row(&flight), (56, Some(at(2_000))));
}

#[test]
fn a_probe_is_lost_when_nobody_waits_any_more() {
    let mut flight = flight();
    flight.begin(at(0));
    assert_eq!(
        flight.next_check(),
        Some(at(1_000) + Duration::from_nanos(1))
    );
    assert_eq!(expired(&mut flight, 1_001), []);
    assert_eq!((flight.in_flight(), flight.unanswered()), (1, 1));
    assert_eq!(
        flight.next_check(),
        Some(at(11_000) + Duration::from_nanos(1))
    );
    let ended = expired(&mut flight, 11_001);
    assert_eq!(ended.len(), 1);
    assert_eq!(ended[0].outcome, Outcome::Lost);
    assert_eq!((flight.in_flight(), flight.unanswered()), (0, 1));
    assert_eq!(flight.next_check(), None);
}

#[test]
fn only_the_first_answer_counts() {
    let mut flight = flight();
    let first = flight.begin(at(0)).unwrap();
    let second = flight.begin(at(100)).unwrap();
    assert!(outcome(flight.answer(second, read(150))).is_some());
    let Match::Answered { reordered, .. } = flight.answer(first, read(160)) else {
        panic!("an answer out of order is an answer");
    };
    assert!(reordered);
    assert_eq!(flight.answer(first, read(170)), Match::Duplicate);
    assert_eq!(
        flight.answer(second.wrapping_add(1), read(170)),
        Match::NeverSent
    );
    assert_eq!(
        flight.answer(first.wrapping_sub(1), read(170)),
        Match::NeverSent
    );
    assert!(flight.next_in_order().is_some() && flight.next_in_order().is_some());
    // Told or not is the same to whoever answers.
    assert_eq!(flight.answer(first, read(180)), Match::Duplicate);
    assert_eq!(flight.answer(second, read(180)), Match::Duplicate);
    assert_eq!(
        flight.answer(first.wrapping_sub(1), read(180)),
        Match::NeverSent
    );
    // Both are forgotten once another one begins long after.
    flight.begin(at(20_000));
    assert_eq!(flight.answer(first, read(20_001)), Match::Stale);
}

#[test]
fn ended_probes_are_told_in_send_order() {
    let mut flight = flight();
    let sent = [0, 100, 200].map(|millis| flight.begin(at(millis)).unwrap());
    assert!(outcome(flight.answer(sent[2], read(201))).is_some());
    assert!(outcome(flight.answer(sent[1], read(202))).is_some());
    assert_eq!(flight.next_in_order(), None);
    let error = Outcome::IcmpError(IcmpError { kind: 3, code: 1 });
    assert!(flight.end(sent[0], error).is_some());
    assert_eq!(flight.end(sent[0], Outcome::Lost), None);
    let order = [(); 3].map(|()| flight.next_in_order().unwrap());
    assert_eq!(order.map(|ended| ended.number), [0, 1, 2]);
    assert_eq!(
        order.map(|ended| ended.outcome),
        [error, Outcome::Ok, Outcome::Ok]
    );
}

#[test]
fn the_row_of_unanswered_probes_ends_with_an_answer_to_a_later_one() {
    let mut flight = flight();
    let sent = [0, 100, 200, 300].map(|millis| flight.begin(at(millis)).unwrap());
    flight.end(sent[3], Outcome::SendError(SendFailure::Unreachable));
    assert_eq!(flight.unanswered(), 1);
    assert_eq!(expired(&mut flight, 1_250), []);
    assert_eq!(flight.unanswered(), 4);
    assert!(outcome(flight.answer(sent[1], read(1_300))).is_some());
    assert_eq!(flight.unanswered(), 2);
    assert!(outcome(flight.answer(sent[0], read(1_300))).is_some());
    assert_eq!(
        flight.unanswered(),
        2,
        "an older answer says nothing about the newer probes"
    );
}

#[test]
fn a_stop_of_five_seconds_loses_nothing() {
    let mut flight = flight();
    let waiting = flight.begin(at(9_000)).unwrap();
    let fresh = flight.begin(at(10_500)).unwrap();
    assert_eq!(expired(&mut flight, 10_600), []);
    let aborted = absent(&mut flight, 10_600, 15_600, false);
    assert_eq!(aborted.len(), 1);
    assert_eq!(aborted[0].outcome, Outcome::Aborted);
    assert_eq!(flight.answer(fresh, read(15_600)), Match::Stale);
    // It was overdue when the stop began: five seconds more to wait for it, and a late answer
    // whose time nobody knows.
    assert_eq!(expired(&mut flight, 24_900), []);
    assert_eq!(
        outcome(flight.answer(waiting, read(24_900))),
        Some((Outcome::Late, None))
    );
}

#[test]
fn a_suspend_aborts_everything() {
    let mut flight = flight();
    flight.begin(at(0));
    flight.begin(at(5_000));
    assert_eq!(absent(&mut flight, 5_001, 5_002, true).len(), 2);
    assert_eq!(flight.in_flight(), 0);
}

#[test]
fn stamps_of_the_kernel_tell_the_time_if_they_make_sense() {
    let stamp = |millis| Some(Stamp(Duration::from_millis(millis)));
    for (sent, received, expected) in [
        (stamp(70_000), stamp(70_040), 40),
        (stamp(70_000), stamp(60_000), 60), // set back
        (stamp(70_000), stamp(80_000), 60), // set forward
        (stamp(70_000), None, 60),
        (None, stamp(70_040), 60),
    ] {
        let mut flight = flight();
        let sequence = flight.begin(at(1_000)).unwrap();
        if let Some(sent) = sent {
            flight.stamp(sequence, sent);
        }
        let arrival = Arrival {
            read: at(1_060),
            stamp: received,
        };
        let found = outcome(flight.answer(sequence, arrival));
        assert_eq!(
            found,
            Some((Outcome::Ok, Some(Duration::from_millis(expected))))
        );
    }
}

#[test]
fn there_is_never_more_than_the_ring_holds() {
    let mut flight = Flight::new(Patience::default(), 3, 0);
    assert!((0..3).all(|_| flight.begin(at(0)).is_some()));
    assert_eq!(flight.begin(at(0)), None);
    expired(&mut flight, 11_001);
    assert_eq!(flight.begin(at(11_001)), None, "not told in order yet");
    while flight.next_in_order().is_some() {}
    assert_eq!(flight.begin(at(11_001)), Some(3));
}

#[test]
fn of_those_that_ended_no_more_are_remembered_than_the_ring_holds() {
    let mut flight = Flight::new(Patience::default(), 3, 0);
    for millis in 0..5 {
        let sequence = flight.begin(at(millis)).unwrap();
        if sequence == 3 {
            flight.end(sequence, Outcome::SendError(SendFailure::NoBuffers));
        } else {
            flight.answer(sequence, read(millis));
        }
        assert!(flight.next_in_order().is_some());
    }
    flight.begin(at(5)).unwrap();
    let found = [1, 2, 3, 4].map(|sequence| flight.answer(sequence, read(6)));
    let [second, third, refused, fifth] = found;
    assert_eq!(second, Match::Stale, "forgotten");
    assert_eq!([third, fifth], [Match::Duplicate; 2]);
    assert_eq!(refused, Match::Stale, "never answered");
}
