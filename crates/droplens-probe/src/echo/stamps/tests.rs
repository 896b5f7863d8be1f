use std::time::Duration;

use droplens_model::Moment;

use super::{MOST, Numbering, Stamps, Wanted};
use crate::engine::Ticket;

fn at(millis: u64) -> Moment {
    Moment(Duration::from_millis(millis))
}

fn send(stamps: &mut Stamps, now: Moment, ticket: Ticket) -> Wanted {
    let wanted = stamps.want(now);
    stamps.sent(wanted, ticket);
    wanted
}

#[test]
fn a_stamp_belongs_to_the_packet_of_its_number_once() {
    let mut stamps = Stamps::new(Numbering::Given);
    for number in 0..3 {
        let wanted = send(&mut stamps, at(0), Ticket::numbered(number));
        assert_eq!(wanted, Wanted::Numbered(number));
    }
    assert_eq!(stamps.ticket(1), Some(Ticket::numbered(1)));
    assert_eq!(stamps.ticket(1), None);
    assert_eq!(stamps.ticket(3), None);
    // One that does not come is not waited for without end.
    for number in 3..=u32::try_from(MOST).unwrap() {
        send(&mut stamps, at(0), Ticket::numbered(number));
    }
    assert_eq!(stamps.ticket(0), None);
}

#[test]
fn after_a_refusal_the_counting_begins_anew_once_all_has_left() {
    let mut stamps = Stamps::new(Numbering::Counted);
    assert_eq!(send(&mut stamps, at(0), Ticket::numbered(7)), Wanted::Yes);
    let refused = stamps.want(at(10));
    stamps.refused(refused, at(10));
    // Nobody knows whether the kernel counted that one.
    assert_eq!(send(&mut stamps, at(20), Ticket::numbered(8)), Wanted::No);
    assert_eq!(stamps.ticket(0), None);
    assert!(!stamps.are_reliable());
    assert_eq!(
        send(&mut stamps, at(1_010), Ticket::numbered(9)),
        Wanted::Anew
    );
    assert_eq!(stamps.ticket(0), Some(Ticket::numbered(9)));
    assert!(stamps.are_reliable());
}

#[test]
fn a_refusal_disturbs_no_numbers_of_ours() {
    let mut stamps = Stamps::new(Numbering::Given);
    let refused = stamps.want(at(0));
    stamps.refused(refused, at(0));
    assert_eq!(
        send(&mut stamps, at(1), Ticket::numbered(1)),
        Wanted::Numbered(0)
    );
    assert_eq!(stamps.ticket(0), Some(Ticket::numbered(1)));
}

#[test]
fn stamps_that_do_not_come_are_not_relied_upon() {
    let mut stamps = Stamps::new(Numbering::Given);
    for number in 0..256 {
        send(&mut stamps, at(0), Ticket::numbered(number));
    }
    assert!(!stamps.are_reliable());
    for number in 256..768 {
        send(&mut stamps, at(0), Ticket::numbered(number));
        stamps.ticket(number);
    }
    assert!(stamps.are_reliable());
}
