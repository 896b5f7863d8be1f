use std::time::Duration;

use droplens_model::Moment;

use super::{MOST, Numbering, Stamps, Wanted};
use crate::engine::Ticket;
use crate::flight::Stamp;

fn at(millis: u64) -> Moment {
    Moment(Duration::from_millis(millis))
}

fn stamp(micros: u64) -> Stamp {
    Stamp(Duration::from_micros(micros))
}

fn send(stamps: &mut Stamps, now: Moment, ticket: Ticket) -> Wanted {
    let wanted = stamps.want(now);
    stamps.sent(wanted, ticket, || stamp(1_000));
    wanted
}

fn came(stamps: &mut Stamps, number: u32) -> Option<Ticket> {
    stamps.came(number, stamp(1_010), at(0))
}

#[test]
fn a_stamp_belongs_to_the_packet_of_its_number_once() {
    let mut stamps = Stamps::new(Numbering::Given);
    for number in 0..3 {
        let wanted = send(&mut stamps, at(0), Ticket::numbered(number));
        assert_eq!(wanted, Wanted::Numbered(number));
    }
    assert_eq!(came(&mut stamps, 1), Some(Ticket::numbered(1)));
    assert_eq!(came(&mut stamps, 1), None);
    assert_eq!(came(&mut stamps, 3), None);
    // One that does not come is not waited for without end.
    for number in 3..=u32::try_from(MOST).unwrap() {
        send(&mut stamps, at(0), Ticket::numbered(number));
    }
    assert_eq!(came(&mut stamps, 0), None);
}

#[test]
fn after_a_refusal_the_counting_begins_anew_once_all_has_left() {
    let mut stamps = Stamps::new(Numbering::Counted);
    assert_eq!(send(&mut stamps, at(0), Ticket::numbered(7)), Wanted::Yes);
    let refused = stamps.want(at(10));
    stamps.refused(refused, at(10));
    // Nobody knows whether the kernel counted that one.
    assert_eq!(send(&mut stamps, at(20), Ticket::numbered(8)), Wanted::No);
    assert_eq!(came(&mut stamps, 0), None);
    assert_eq!(
        send(&mut stamps, at(1_010), Ticket::numbered(9)),
        Wanted::Anew
    );
    assert_eq!(came(&mut stamps, 0), Some(Ticket::numbered(9)));
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
    assert_eq!(came(&mut stamps, 0), Some(Ticket::numbered(1)));
}

#[test]
fn of_packets_that_are_sent_together_the_first_asks_until_one_had_to_queue() {
    let mut stamps = Stamps::new(Numbering::Given);
    let asking = |stamps: &mut Stamps, now, together| {
        stamps.begin(together);
        let wanted = (0..4).map(|number| send(stamps, now, Ticket::numbered(number)));
        wanted.filter(|wanted| *wanted != Wanted::No).count()
    };
    assert_eq!(asking(&mut stamps, at(0), false), 4);
    assert_eq!(asking(&mut stamps, at(20), true), 1);
    assert_eq!(came(&mut stamps, 4), Some(Ticket::numbered(0)));
    assert_eq!(asking(&mut stamps, at(40), true), 1);
    // This one left 2 ms after the call.
    let ticket = stamps.came(5, stamp(3_000), at(60));
    assert_eq!(ticket, Some(Ticket::numbered(0)));
    assert_eq!(asking(&mut stamps, at(60), true), 4);
    assert_eq!(asking(&mut stamps, at(10_059), true), 4);
    assert_eq!(asking(&mut stamps, at(10_060), true), 1);
}
