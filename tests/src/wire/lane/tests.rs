use super::super::{Filter, Loss, Rate, Reorder};
use super::*;

/// A UDP packet over IPv4 from port 5000 to this port, with one byte of payload.
fn packet(port: u8, number: u8) -> Vec<u8> {
    let mut frame = vec![0; 12];
    frame.extend([0x08, 0x00, 0x45, 0, 0, 29, 0, 0, 0, 0, 64, 17, 0, 0]);
    frame.extend([10, 0, 0, 1, 10, 0, 0, 2]);
    frame.extend([0x13, 0x88, 0, port, 0, 9, 1, 1, number]);
    frame
}

fn millis(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// A lane with its clock.
struct Bench {
    lane: Lane,
    start: Instant,
}

impl Bench {
    fn new(impairment: Impairment) -> Self {
        let start = Instant::now();
        let mut lane = Lane::new(1, start);
        lane.set(impairment, start);
        Self { lane, start }
    }

    fn put(&mut self, frame: &[u8], at: u64) {
        self.lane.accept(frame, self.start + millis(at));
    }

    /// The last bytes of the packets that leave at this time.
    fn get(&mut self, at: u64) -> Vec<u8> {
        let mut numbers = Vec::new();
        while let Some(leaving) = self.lane.leave(self.start + millis(at)) {
            numbers.push(*leaving.frame.last().unwrap());
            self.lane.left(&leaving, true);
        }
        numbers
    }
}

#[test]
fn a_delay_is_exact_and_keeps_the_order() {
    let mut bench = Bench::new(Impairment::delay(millis(20)));
    bench.put(&packet(53, 1), 0);
    bench.put(&packet(53, 2), 5);
    assert_eq!(bench.lane.next(), Some(bench.start + millis(20)));
    assert_eq!((bench.get(19), bench.get(20)), (vec![], vec![1]));
    bench
        .lane
        .set(Impairment::default(), bench.start + millis(21));
    bench.put(&packet(53, 3), 21);
    assert_eq!((bench.get(24), bench.get(25)), (vec![], vec![2, 3]));
    assert_eq!(bench.lane.counts().delayed.udp, 3);
    assert_eq!(bench.lane.next(), None);
}

#[test]
fn jitter_stays_within_its_bounds() {
    let impairment = Impairment {
        jitter: millis(3),
        ..Impairment::delay(millis(10))
    };
    for seed in 0..200 {
        let start = Instant::now();
        let mut lane = Lane::new(seed, start);
        lane.set(impairment, start);
        lane.accept(&packet(53, 1), start);
        let at = lane.next().unwrap();
        assert!((millis(7)..millis(13)).contains(&(at - start)));
    }
}

#[test]
fn only_the_chosen_are_lost_but_all_are_delayed() {
    let mut bench = Bench::new(Impairment {
        only: Filter::Port(Protocol::Udp, 53),
        loss: Loss::Every(1),
        ..Impairment::delay(millis(1))
    });
    bench.put(&packet(53, 1), 0);
    bench.put(&packet(54, 2), 0);
    bench.put(&packet(53, 3), 0);
    assert_eq!((bench.get(0), bench.get(1)), (vec![], vec![2]));
    let counts = bench.lane.counts();
    assert_eq!((counts.lost.udp, counts.loss_runs), (2, 1));
}

#[test]
fn neighbours_overtake_everything() {
    let mut bench = Bench::new(Impairment {
        loss: Loss::Every(2),
        ..Impairment::delay(millis(9))
    });
    let mut arp = packet(53, 7);
    arp.splice(12..14, [0x08, 0x06]);
    bench.put(&packet(53, 1), 0);
    bench.put(&arp, 0);
    assert_eq!(bench.get(0), [7]);
    let counts = bench.lane.counts();
    assert_eq!((counts.frames_received, counts.received.total()), (2, 1));
    assert_eq!((counts.frames_forwarded, counts.in_flight), (1, 1));
}

#[test]
fn a_held_packet_is_overtaken_by_as_many_as_asked() {
    let mut bench = Bench::new(Impairment {
        reorder: Some(Reorder {
            probability: 1.0,
            behind: 2,
            at_most: millis(50),
        }),
        ..Impairment::default()
    });
    bench.put(&packet(53, 1), 0);
    assert_eq!((bench.get(0), bench.lane.counts().in_flight), (vec![], 1));
    // Those held back stay so when the impairment ends.
    bench.lane.set(Impairment::default(), bench.start);
    for number in 2..=4 {
        bench.put(&packet(53, number), 1);
    }
    assert_eq!(bench.get(1), [2, 3, 1, 4]);
    assert_eq!(bench.lane.counts().reordered.udp, 1);
}

#[test]
fn a_held_packet_that_nobody_overtakes_is_not_reordered() {
    let mut bench = Bench::new(Impairment {
        reorder: Some(Reorder {
            probability: 1.0,
            behind: 2,
            at_most: millis(50),
        }),
        ..Impairment::default()
    });
    bench.put(&packet(53, 1), 0);
    assert_eq!(bench.lane.next(), Some(bench.start + millis(50)));
    assert_eq!((bench.get(49), bench.get(50)), (vec![], vec![1]));
    let counts = bench.lane.counts();
    assert_eq!((counts.reordered.udp, counts.delayed.udp), (0, 1));
}

#[test]
fn a_rate_sends_one_after_the_other_and_its_queue_overflows() {
    // Frames of 43 bytes at 43 bytes per millisecond, with room for two that wait.
    let mut bench = Bench::new(Impairment {
        rate: Some(Rate {
            bits_per_second: 43 * 8 * 1000,
            queue: 86,
        }),
        ..Impairment::default()
    });
    for number in 1..=4 {
        bench.put(&packet(53, number), 0);
    }
    let left = [1, 2, 3].map(|at| bench.get(at));
    assert_eq!(left, [vec![1], vec![2], vec![]]);
    assert_eq!(bench.lane.counts().overflowed.udp, 2);
    bench.put(&packet(53, 5), 9);
    assert_eq!((bench.get(9), bench.get(10)), (vec![], vec![5]));
}

#[test]
fn copies_and_spoiled_packets_are_counted() {
    let mut bench = Bench::new(Impairment {
        duplicate: 1.0,
        corrupt: 1.0,
        ..Impairment::default()
    });
    bench.put(&packet(53, 1), 0);
    assert_eq!(bench.lane.counts().in_flight, 2);
    let left = bench.get(0);
    assert_eq!(left.len(), 2);
    assert!(left.iter().all(|number| (number ^ 1).is_power_of_two()));
    let counts = bench.lane.counts();
    assert_eq!((counts.duplicated.udp, counts.corrupted.udp), (1, 1));
    assert_eq!((counts.forwarded.udp, counts.in_flight), (2, 0));
}
