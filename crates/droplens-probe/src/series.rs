//! A fixed number of echo requests to each of a few addresses, for whoever asks just once.
//!
//! The engine counts them as it counts those of the agent, so a packet is lost here under the same
//! conditions as there.

use std::net::IpAddr;
use std::time::Duration;

use droplens_model::sample::probes::Address;
use rustix::event::{Timespec, poll};

use crate::echo::{Driver, Sockets};
use crate::engine::{Engine, Rules};
use crate::random::Random;
use crate::sys::clock::{clocks, monotonic};
use crate::targets::TargetWish;

/// The most echo requests to one address: as many round-trip times are kept.
pub const MOST: u16 = 128;

/// An interval so long that nothing is sent any more.
const NEVER: Duration = Duration::from_secs(100_000);

/// How long the thread sleeps at most, so that it ends when its time is over.
const NAP: Duration = Duration::from_millis(50);

/// What became of the echo requests to an address.
#[derive(Clone, Debug, PartialEq)]
pub struct Echoes {
    /// The address, counted as the agent counts it.
    pub counted: Address,
    /// Each round-trip time, in send order.
    pub round_trips: Vec<Duration>,
}

/// Sends `count` echo requests, at most [`MOST`], to each of the addresses and waits until the last of
/// them has ended, but no longer than `whole`. It blocks the thread. The interval and how long
/// answers are waited for are the wish's; the answer is in the order of the addresses.
pub fn send(
    wish: &TargetWish,
    addresses: &[IpAddr],
    count: u16,
    whole: Duration,
    sockets: Sockets,
    mut random: Random,
) -> Vec<Echoes> {
    let driver = Driver::new(sockets, &mut random);
    let mut series = Series {
        engine: Engine::new(Rules::default(), random),
        driver,
        lines: addresses
            .iter()
            .map(|address| Line::new(wish, *address))
            .collect(),
        count: u64::from(count.clamp(1, MOST)),
    };
    series.begin();
    let end = monotonic() + whole;
    while monotonic() < end && !series.is_over() {
        series.turn();
    }
    series.conclude()
}

/// Each address is a target of its own, so that each can stop on its own.
struct Line {
    wish: TargetWish,
    address: IpAddr,
    begun: u64,
}

impl Line {
    fn new(wish: &TargetWish, address: IpAddr) -> Self {
        let mut wish = wish.clone();
        wish.key.target = address.to_string().into();
        Self {
            wish,
            address,
            begun: 0,
        }
    }
}

struct Series {
    engine: Engine,
    driver: Driver,
    lines: Vec<Line>,
    count: u64,
}

impl Series {
    fn begin(&mut self) {
        self.engine.woke(clocks());
        self.aim();
        for line in &self.lines {
            self.engine.resolved(&line.wish.key, &[line.address]);
        }
        self.slow_down();
    }

    fn aim(&mut self) {
        let wishes: Vec<TargetWish> = self.lines.iter().map(|line| line.wish.clone()).collect();
        self.engine.reload(wishes);
    }

    /// The last request of a line has its date already when the one before it is sent. From then on no
    /// more are wanted.
    fn slow_down(&mut self) {
        let mut changed = false;
        for line in &mut self.lines {
            if line.begun + 1 >= self.count && line.wish.interval != NEVER {
                line.wish.interval = NEVER;
                changed = true;
            }
        }
        if changed {
            self.aim();
        }
    }

    /// One turn of the loop that the engine asks for.
    fn turn(&mut self) {
        let now = monotonic();
        let next = self.engine.next_wake();
        let nap = next.map_or(NAP, |next| next.since(now).min(NAP));
        let mut waiting: Vec<_> = self.driver.waiting().collect();
        // A wait too long for the kernel's clock is none that ends; a signal wakes early.
        let _ = poll(&mut waiting, Timespec::try_from(nap).ok().as_ref());
        drop(waiting);
        self.engine.woke(clocks());
        self.driver.receive(&mut self.engine);
        self.engine.expire(monotonic());
        let mut sent = false;
        while let Some(order) = self.engine.due(monotonic()) {
            self.driver.send(&mut self.engine, &order);
            sent = true;
            let mut lines = self.lines.iter_mut();
            if let Some(line) = lines.find(|line| line.address == order.address) {
                line.begun += 1;
            }
            self.slow_down();
        }
        if sent {
            self.driver.receive_stamps(&mut self.engine);
        }
    }

    fn is_over(&mut self) -> bool {
        if self.lines.iter().any(|line| line.begun < self.count) {
            return false;
        }
        let sample = self.engine.sample();
        let mut addresses = sample.targets.iter().flat_map(|target| &target.addresses);
        addresses.all(|address| address.in_flight == 0)
    }

    fn conclude(mut self) -> Vec<Echoes> {
        let sample = self.engine.sample();
        let counted = |line: &Line| {
            let mut all = sample.targets.iter().flat_map(|target| &target.addresses);
            all.find(|address| address.address == line.address).cloned()
        };
        let lines = self.lines.iter();
        let echoes = lines.filter_map(|line| {
            Some(Echoes {
                counted: counted(line)?,
                round_trips: self.engine.newest_round_trips(&line.wish.key, line.address),
            })
        });
        echoes.collect()
    }
}
