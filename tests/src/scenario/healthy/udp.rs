//! Busy UDP.

use std::time::Duration;

use crate::lab::{Namespace, load, paced, veth};
use crate::scenario::{Expect, Scenario, Seen, Watch};

pub(super) const ALL: &[Scenario] = &[Scenario {
    name: "udp-within-limits",
    about: "2 000 datagrams per second that are read, and some that are answered",
    expect: Expect::Clean,
    alone: false,
    run: within_limits,
}];

fn within_limits() -> Seen {
    let (left, right) = (Namespace::new(), Namespace::new());
    veth(&left, "v0", &right, "v1", 1);
    let receiver = load::udp(&right, "10.9.1.2:9000");
    // A reader that waits for a CPU must not lose any.
    rustix::net::sockopt::set_socket_recv_buffer_size_force(&receiver, 8 << 20)
        .expect("a large buffer");
    let sender = load::udp(&left, "10.9.1.1:9000");
    let watch = Watch::start(&right);
    receiver
        .set_read_timeout(Some(Duration::from_millis(500)))
        .expect("a timeout");
    let read = std::thread::scope(|scope| {
        let reading = scope.spawn(|| {
            let (mut buffer, mut read) = ([0; 2048], 0_u64);
            while let Ok((length, from)) = receiver.recv_from(&mut buffer) {
                read += 1;
                if read.is_multiple_of(40) {
                    receiver
                        .send_to(buffer.get(..length).unwrap_or_default(), from)
                        .expect("an answer");
                }
            }
            read
        });
        let pace = paced::Pace {
            per_second: 2_000,
            lasts: Duration::from_secs(2),
            size: 500,
        };
        let sent = paced::send(&sender, "10.9.1.2:9000", pace);
        let read = reading.join().expect("reading");
        assert_eq!(read, sent, "datagrams were lost");
        read
    });
    assert_eq!(load::drain(&sender) as u64, read / 40, "answers were lost");
    watch.verdict(&Expect::Clean, None)
}
