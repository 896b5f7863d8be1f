//! How far round-trip times are from those that a capture on the device saw, packet by packet.
//!
//! Many addresses are asked now and then, so that each sample holds at most one new answer of each
//! address: the growth of its sum is the time of that one packet. The truth is `tcpdump`'s: the
//! kernel's stamps of the request leaving and the reply coming in.

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::net::IpAddr;
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use droplens_probe::echo::Sockets;
use droplens_probe::flight::Patience;
use droplens_tests::lab::Namespace;
use droplens_tests::probing::{Probing, addresses, wish};
use droplens_tests::tools;
use droplens_tests::wire::{Impairment, Wire};

/// Addresses, each asked every [`INTERVAL`].
const ADDRESSES: u32 = 1_000;

const INTERVAL: Duration = Duration::from_secs(2);

/// Packets that are compared, at least.
const ENOUGH: usize = 10_000;

/// How often a sample is taken: more often than two answers of one address can come.
const LOOK: Duration = Duration::from_millis(500);

/// Each way.
const DELAY: Duration = Duration::from_millis(10);

pub(crate) fn print() {
    let Some(tcpdump) = tools::find("tcpdump") else {
        println!("Round-trip times: not measured, tcpdump is not installed.\n");
        return;
    };
    let (left, right) = (Namespace::new(), Namespace::new());
    let wire = Wire::join(&left, "w0", &right, "w1", 1);
    left.ip("route add 10.92.0.0/16 via 10.91.1.2");
    right.ip("route add local 10.92.0.0/16 dev lo");
    wire.set(Impairment::delay(DELAY));
    let mut capture = Capture::start(&left, &tcpdump);
    let probing = Probing::start(&left, Sockets::open);
    let interval = u64::try_from(INTERVAL.as_millis()).unwrap_or(u64::MAX);
    let wishes = (0..ADDRESSES).map(|n| {
        let address = format!("10.92.{}.{}", n / 250, n % 250 + 1);
        wish(&address, interval, Patience::default())
    });
    probing.aim(wishes.collect());
    let mut measured: HashMap<IpAddr, Vec<Duration>> = HashMap::new();
    let mut known: HashMap<IpAddr, (u64, Duration)> = HashMap::new();
    let mut count = 0;
    while count < ENOUGH {
        thread::sleep(LOOK);
        for one in addresses(&probing.sample()) {
            let times = &one.round_trips;
            let (answers, sum) = known
                .insert(one.address, (times.count, times.sum))
                .unwrap_or_default();
            assert!(times.count - answers <= 1, "one answer between two looks");
            if times.count > answers {
                let time = times.sum.saturating_sub(sum);
                measured.entry(one.address).or_default().push(time);
                count += 1;
            }
        }
    }
    drop(probing);
    let truth = capture.stop();
    let mut errors: Vec<i128> = Vec::new();
    for (address, times) in &measured {
        let true_times = truth.get(address).map_or(&[][..], Vec::as_slice);
        let pairs = times.iter().zip(true_times);
        errors.extend(pairs.map(|(time, truth)| nanos(*time) - nanos(*truth)));
    }
    report(errors);
}

fn report(mut errors: Vec<i128>) {
    errors.sort_unstable();
    let mut sizes: Vec<i128> = errors.iter().map(|error| error.abs()).collect();
    sizes.sort_unstable();
    // Shares in thousandths.
    let at = |sorted: &[i128], share: usize| {
        let error = sorted.get((sorted.len() - 1) * share / 1_000);
        error.map_or(f64::NAN, |nanos| *nanos as f64 / 1e3)
    };
    println!("### Round-trip times at {} ms\n", 2 * DELAY.as_millis());
    println!(
        "{} packets, each compared with tcpdump's times on the device of its own host: median error {:+.1} µs, \
         size of the error p50 {:.1} µs, p99 {:.1} µs, p99.9 {:.1} µs, largest {:.1} µs.\n",
        errors.len(),
        at(&errors, 500),
        at(&sizes, 500),
        at(&sizes, 990),
        at(&sizes, 999),
        at(&sizes, 1_000)
    );
}

fn nanos(time: Duration) -> i128 {
    i128::try_from(time.as_nanos()).unwrap_or(i128::MAX)
}

/// A capture of echo requests and replies.
struct Capture {
    child: Child,
    pairs: Receiver<(IpAddr, Duration)>,
}

impl Capture {
    fn start(namespace: &Namespace, tcpdump: &std::path::Path) -> Self {
        let mut command = namespace.command(tcpdump);
        command
            .args([
                "-i", "w0", "-n", "-l", "-tt", "--nano", "-B", "8192", "icmp",
            ])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = namespace.enter(|| command.spawn()).expect("tcpdump starts");
        // It says when it listens.
        let mut said = BufReader::new(child.stderr.take().expect("its errors")).lines();
        let listening = said.any(|line| line.is_ok_and(|line| line.contains("listening")));
        assert!(listening, "tcpdump listens");
        thread::spawn(move || said.for_each(drop));
        let output = BufReader::new(child.stdout.take().expect("its output"));
        let (found, pairs) = channel();
        thread::spawn(move || {
            let mut open = HashMap::new();
            for line in output.lines().map_while(Result::ok) {
                let Some(packet) = Packet::parse(&line) else {
                    continue;
                };
                if packet.request {
                    open.insert((packet.far, packet.sequence), packet.at);
                } else if let Some(sent) = open.remove(&(packet.far, packet.sequence))
                    && found
                        .send((packet.far, packet.at.saturating_sub(sent)))
                        .is_err()
                {
                    break;
                }
            }
        });
        Self { child, pairs }
    }

    /// The times of each address, in the order of its answers.
    fn stop(&mut self) -> HashMap<IpAddr, Vec<Duration>> {
        let mut times: HashMap<IpAddr, Vec<Duration>> = HashMap::new();
        // What came in last may still be on its way through tcpdump.
        while let Ok((address, time)) = self.pairs.recv_timeout(Duration::from_secs(2)) {
            times.entry(address).or_default().push(time);
        }
        times
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _status = self.child.wait();
    }
}

/// A line of tcpdump.
struct Packet {
    at: Duration,
    request: bool,
    /// The address that is probed.
    far: IpAddr,
    /// Identifier and sequence number, as tcpdump writes them.
    sequence: String,
}

impl Packet {
    /// `1700000000.123456789 IP 10.91.1.1 > 10.92.0.1: ICMP echo request, id 7, seq 1, length 64`.
    fn parse(line: &str) -> Option<Self> {
        let (head, tail) = line.split_once(": ICMP echo ")?;
        let mut words = head.split_whitespace();
        let (seconds, fraction) = words.next()?.split_once('.')?;
        let at = Duration::new(seconds.parse().ok()?, fraction.parse().ok()?);
        let (from, to) = (words.nth(1)?, words.nth(1)?);
        let (kind, rest) = tail.split_once(", ")?;
        let request = kind == "request";
        Some(Self {
            at,
            request,
            far: if request { to } else { from }.parse().ok()?,
            sequence: rest.split(", length").next()?.to_owned(),
        })
    }
}
