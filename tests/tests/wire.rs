//! The wire does exactly what its counts say.
#![expect(clippy::expect_used, reason = "a panic is the failure report")]

use std::io::{Read, Write};
use std::net::UdpSocket;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use droplens_tests::lab::{Namespace, load};
use droplens_tests::scratch::Scratch;
use droplens_tests::wire::{Counts, Filter, Impairment, Loss, Protocol, Rate, Reorder, Wire};
use droplens_tests::{json, needs_root, wait};

/// Two namespaces with a wire, and a socket at each end.
struct Ends {
    left: Namespace,
    right: Namespace,
    wire: Wire,
    sender: UdpSocket,
    receiver: UdpSocket,
}

const TO: &str = "10.91.1.2:9000";

impl Ends {
    fn new() -> Self {
        let (left, right) = (Namespace::new(), Namespace::new());
        let wire = Wire::join(&left, "w0", &right, "w1", 1);
        let (sender, receiver) = (load::udp(&left, "10.91.1.1:0"), load::udp(&right, TO));
        rustix::net::sockopt::set_socket_recv_buffer_size_force(&receiver, 32 << 20)
            .expect("room for all that is sent");
        Self {
            left,
            right,
            wire,
            sender,
            receiver,
        }
    }

    /// Sends datagrams with their number in them.
    fn send(&self, count: u32) {
        for number in 0..count {
            self.sender
                .send_to(&number.to_be_bytes(), TO)
                .expect("sending");
        }
    }

    /// The counts once all that was sent has arrived or not, and the numbers that did.
    fn outcome(&self, sent: u64) -> (Counts, Vec<u32>) {
        let counts = self
            .wire
            .forward
            .settle(|counts| counts.received.udp == sent);
        self.receiver.set_nonblocking(true).expect("non-blocking");
        let mut numbers = Vec::new();
        let mut number = [0; 4];
        while self.receiver.recv(&mut number).is_ok() {
            numbers.push(u32::from_be_bytes(number));
        }
        (counts, numbers)
    }

    fn kernel_counter(&self, key: &str) -> u64 {
        let all = json::parse(&self.right.sh("nstat -a -z -s -j"));
        json::number(&all, &format!("/kernel/{key}"))
    }
}

fn count(length: usize) -> u64 {
    u64::try_from(length).expect("a length")
}

#[test]
fn nothing_is_impaired_unless_asked() {
    needs_root!();
    let ends = Ends::new();
    ends.send(2000);
    let (counts, numbers) = ends.outcome(2000);
    assert_eq!(numbers, (0..2000).collect::<Vec<_>>());
    assert_eq!((counts.forwarded.udp, counts.lost.total()), (2000, 0));
    assert_eq!((counts.delayed.udp, counts.failed.udp), (0, 0));
}

#[test]
fn each_tenth_is_lost() {
    needs_root!();
    let ends = Ends::new();
    ends.wire.forward.set(Impairment::loss(Loss::Every(10)));
    ends.send(2000);
    let (counts, numbers) = ends.outcome(2000);
    let expected: Vec<_> = (0..2000).filter(|number| number % 10 != 9).collect();
    assert_eq!(numbers, expected);
    assert_eq!((counts.lost.udp, counts.loss_runs), (200, 200));
    assert_eq!(counts.forwarded.udp, 1800);
    assert_eq!(ends.wire.backward.counts().received.udp, 0);
}

#[test]
fn random_losses_are_all_counted() {
    needs_root!();
    let ends = Ends::new();
    ends.wire.forward.set(Impairment::loss(Loss::Random(0.01)));
    ends.send(5000);
    let (counts, numbers) = ends.outcome(5000);
    assert_eq!(5000 - counts.lost.udp, count(numbers.len()));
    assert_eq!(counts.forwarded.udp, count(numbers.len()));
    assert!((10..=120).contains(&counts.lost.udp), "{counts:?}");
}

#[test]
fn bursts_are_as_long_as_counted() {
    needs_root!();
    let ends = Ends::new();
    ends.wire
        .forward
        .set(Impairment::loss(Loss::bursts(0.1, 10.0)));
    ends.send(10_000);
    let (counts, numbers) = ends.outcome(10_000);
    assert_eq!(10_000 - counts.lost.udp, count(numbers.len()));
    // The gaps between the numbers that arrived are the bursts, apart from one at either end.
    let gaps = numbers
        .windows(2)
        .filter(|pair| matches!(pair, [one, next] if next - one > 1));
    let at_the_ends =
        u64::from(numbers.first() != Some(&0)) + u64::from(numbers.last() != Some(&9999));
    assert_eq!(count(gaps.count()) + at_the_ends, counts.loss_runs);
    let mean = counts.lost.udp as f64 / counts.loss_runs as f64;
    assert!((6.0..16.0).contains(&mean), "bursts of {mean}: {counts:?}");
}

#[test]
fn copies_arrive_right_after_the_original() {
    needs_root!();
    let ends = Ends::new();
    ends.wire.forward.set(Impairment {
        duplicate: 0.1,
        ..Impairment::default()
    });
    ends.send(2000);
    let (counts, mut numbers) = ends.outcome(2000);
    assert_eq!(2000 + counts.duplicated.udp, count(numbers.len()));
    assert_eq!(counts.forwarded.udp, count(numbers.len()));
    assert!(numbers.is_sorted());
    numbers.dedup();
    assert_eq!(numbers.len(), 2000);
    assert!(counts.duplicated.udp > 100, "{counts:?}");
}

#[test]
fn reordered_packets_arrive_late() {
    needs_root!();
    let ends = Ends::new();
    ends.wire.forward.set(Impairment {
        reorder: Some(Reorder {
            probability: 0.05,
            behind: 3,
            at_most: Duration::from_millis(20),
        }),
        ..Impairment::default()
    });
    ends.send(2000);
    let (counts, numbers) = ends.outcome(2000);
    let mut newest = None;
    let late = numbers.iter().filter(|number| {
        let late = newest > Some(**number);
        newest = newest.max(Some(**number));
        late
    });
    assert_eq!(counts.reordered.udp, count(late.count()));
    assert_eq!(counts.forwarded.udp, 2000);
    assert!(counts.reordered.udp > 50, "{counts:?}");
}

#[test]
fn corrupted_packets_fail_their_checksum() {
    needs_root!();
    let ends = Ends::new();
    ends.wire.forward.set(Impairment {
        corrupt: 0.1,
        ..Impairment::default()
    });
    ends.send(2000);
    let (counts, numbers) = ends.outcome(2000);
    assert!(counts.corrupted.udp > 100, "{counts:?}");
    // The checksum of small datagrams is looked at when they are read: all have been.
    assert_eq!(ends.kernel_counter("UdpInCsumErrors"), counts.corrupted.udp);
    assert_eq!(2000 - counts.corrupted.udp, count(numbers.len()));
}

#[test]
fn a_black_hole_eats_large_packets_silently() {
    needs_root!();
    let ends = Ends::new();
    ends.wire.forward.set(Impairment::loss(Loss::Larger(1400)));
    // 28 bytes of headers: 1 400 pass, 1 401 do not.
    assert_eq!(ping(&ends.left, "-s 1372 -M do 10.91.1.2"), Some(0));
    assert_eq!(ping(&ends.left, "-s 1373 -M do 10.91.1.2"), Some(1));
    assert_eq!(ping(&ends.left, "-s 1353 -M do fd91:1::2"), Some(1));
    let counts = ends.wire.forward.counts();
    assert_eq!((counts.received.icmp, counts.lost.icmp), (3, 2));
}

/// The exit code of one `ping`: 0 if it was answered, 1 if not.
fn ping(namespace: &Namespace, words: &str) -> Option<i32> {
    let mut ping = std::process::Command::new("ping");
    ping.args(["-c", "1", "-W", "1"]).args(words.split(' '));
    namespace.run(&mut ping).code
}

#[test]
fn echoes_are_delayed_and_counted_apart() {
    needs_root!();
    let ends = Ends::new();
    let delay = Impairment::delay(Duration::from_millis(5));
    ends.wire.set(delay);
    for to in ["10.91.1.2", "fd91:1::2"] {
        assert_eq!(ping(&ends.left, to), Some(0));
    }
    for direction in [&ends.wire.forward, &ends.wire.backward] {
        let counts = direction.counts();
        assert_eq!((counts.delayed.icmp, counts.forwarded.total()), (2, 2));
    }
    // One direction alone, one protocol alone.
    let nothing = Impairment::loss(Loss::Every(1)).only(Filter::Protocol(Protocol::Icmp));
    ends.wire.backward.set(nothing);
    assert_eq!(ping(&ends.left, "10.91.1.2"), Some(1));
    ends.send(10);
    let (counts, numbers) = ends.outcome(10);
    assert_eq!((counts.lost.total(), numbers.len()), (0, 10));
    assert_eq!(ends.wire.backward.counts().lost.icmp, 1);
}

#[test]
fn neighbours_find_each_other_whatever_is_lost() {
    needs_root!();
    let (left, right) = (Namespace::new(), Namespace::new());
    let wire = Wire::plug(&left, "w0", &right, "w1");
    for (side, device, host) in [(&left, "w0", 1), (&right, "w1", 2)] {
        side.ip(&format!("addr add 10.91.1.{host}/24 dev {device}"));
        side.ip(&format!("addr add fd91:1::{host}/64 dev {device} nodad"));
    }
    wire.backward.set(Impairment::loss(Loss::Every(1)));
    for to in ["10.91.1.2", "fd91:1::2"] {
        assert_eq!(ping(&left, to), Some(1));
        let neighbour = left.ip(&format!("neigh show {to}"));
        assert!(neighbour.contains("lladdr"), "{neighbour}");
    }
    let [forward, backward] = wire.counts();
    assert_eq!((forward.forwarded.total(), backward.lost.total()), (2, 2));
}

#[test]
fn a_device_that_is_down_refuses_and_comes_back() {
    needs_root!();
    let ends = Ends::new();
    ends.right.ip("link set w1 down");
    ends.send(10);
    let counts = ends.wire.forward.settle(|counts| counts.received.udp == 10);
    assert_eq!((counts.failed.udp, counts.forwarded.udp), (10, 0));
    ends.right.ip("link set w1 up");
    ends.send(10);
    let (counts, numbers) = ends.outcome(20);
    assert_eq!((counts.failed.udp, counts.forwarded.udp), (10, 10));
    assert_eq!(numbers.len(), 10);
}

#[test]
fn all_at_once_adds_up() {
    needs_root!();
    let ends = Ends::new();
    ends.wire.forward.set(Impairment {
        loss: Loss::Random(0.05),
        jitter: Duration::from_millis(1),
        duplicate: 0.05,
        reorder: Some(Reorder {
            probability: 0.05,
            behind: 2,
            at_most: Duration::from_millis(5),
        }),
        corrupt: 0.05,
        rate: Some(Rate {
            bits_per_second: 50_000_000,
            queue: 30_000,
        }),
        ..Impairment::delay(Duration::from_millis(2))
    });
    ends.send(3000);
    let (counts, numbers) = ends.outcome(3000);
    let gone = counts.lost.udp + counts.overflowed.udp;
    assert_eq!(3000 + counts.duplicated.udp, counts.forwarded.udp + gone);
    let rejected = ends.kernel_counter("UdpInCsumErrors");
    assert_eq!(counts.forwarded.udp, count(numbers.len()) + rejected);
    // A corrupted packet can have a copy.
    let most = counts.corrupted.udp + counts.duplicated.udp;
    assert!((counts.corrupted.udp..=most).contains(&rejected));
    assert_eq!(counts.delayed.udp, 3000 - gone);
}

#[test]
fn another_process_impairs_and_counts() {
    needs_root!();
    let ends = Ends::new();
    let scratch = Scratch::new();
    let path = scratch.path().join("control");
    let control = ends.wire.control(&path);
    let ask = |request: &str| {
        let mut stream = UnixStream::connect(&path).expect("connecting to the wire");
        writeln!(stream, "{request}").expect("asking");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        json::parse(&answer)
    };
    let set =
        r#"{"forward": {"loss": {"every": 4}, "only": {"port": ["udp", 9000]}, "delay": 0.5}}"#;
    let answer = ask(set);
    assert_eq!(json::number(&answer, "/seed"), ends.wire.seed());
    ends.send(100);
    let (counts, _) = ends.outcome(100);
    assert_eq!((counts.lost.udp, counts.delayed.udp), (25, 75));
    let answer = ask("{}");
    assert_eq!(json::number(&answer, "/forward/lost/udp"), 25);
    assert_eq!(json::number(&answer, "/backward/received/udp"), 0);
    for wrong in [
        r#"{"forward": {"delay": -1}}"#,
        r#"{"forward": {"loose": 1}}"#,
        "no",
    ] {
        assert!(ask(wrong).pointer("/error").is_some(), "{wrong}");
    }
    drop(control);
    assert!(!path.exists());
}

#[test]
fn a_wire_takes_its_devices_with_it() {
    needs_root!();
    let Ends { left, wire, .. } = Ends::new();
    assert!(left.ip("-o link").contains("w0"));
    drop(wire);
    // A program that another test is just starting holds a copy of the device until it runs.
    wait::until("the device is gone", || {
        let links = left.ip("-o link");
        if links.contains("w0") {
            Err(links)
        } else {
            Ok(())
        }
    });
}
