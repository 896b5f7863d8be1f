mod any_story;
mod life;
mod plain;
mod rotation;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use droplens_model::Moment;
use droplens_model::sample::probes::{Address, Limits};

use super::{Claim, Engine, Order, Rules};
use crate::flight::{Arrival, Patience};
use crate::random::Random;
use crate::spec::{Ask, EchoSpec, Egress, Request};
use crate::targets::{TargetKey, TargetWish};
use crate::vigil::Clocks;

fn key(name: &str) -> TargetKey {
    TargetKey {
        probe: "icmp".into(),
        target: name.into(),
    }
}

fn wish(name: &str, millis: u64) -> TargetWish {
    TargetWish {
        key: key(name),
        host: name.into(),
        request: Arc::new(Request {
            ask: Ask::Icmp(EchoSpec::default()),
            egress: Egress::default(),
            patience: Patience::default(),
        }),
        interval: Duration::from_millis(millis),
        bytes: 84,
        asked_for: true,
        labels: Vec::new(),
        limits: Limits::default(),
    }
}

fn address(last: u8) -> IpAddr {
    IpAddr::from([192, 0, 2, last])
}

fn claim(order: &Order) -> Claim {
    Claim {
        peer: order.address,
        nonce: order.nonce(),
        sequence: order.sequence(),
        payload: Some(56),
    }
}

fn arrival(at: Moment) -> Arrival {
    Arrival {
        read: at,
        stamp: None,
    }
}

/// A prober that runs as its module says, on a clock of its own.
struct World {
    engine: Engine,
    now: Moment,
    boot: Duration,
    /// Answers under way.
    flying: Vec<(Moment, Claim)>,
}

impl World {
    fn new(rules: Rules) -> Self {
        let mut engine = Engine::new(rules, Random::seeded(42));
        let now = Moment(Duration::from_secs(1_000));
        let boot = Duration::from_secs(1_000);
        engine.woke(Clocks {
            monotonic: now,
            boot,
        });
        Self {
            engine,
            now,
            boot,
            flying: Vec::new(),
        }
    }

    fn with(wishes: impl IntoIterator<Item = TargetWish>) -> Self {
        let mut world = Self::new(Rules::default());
        world.engine.reload(wishes);
        world
    }

    fn pass(&mut self, time: Duration) {
        self.now = self.now + time;
        self.boot += time;
    }

    /// Runs for a while; `network` says how long the answer to each probe takes, if one comes.
    fn run(&mut self, time: Duration, mut network: impl FnMut(&Order, Moment) -> Option<Duration>) {
        let end = self.now + time;
        loop {
            self.turn(&mut network);
            let next = self.engine.next_wake();
            let answer = self.flying.iter().map(|(at, _)| *at).min();
            let wake = next.into_iter().chain(answer).min().unwrap_or(end);
            if wake >= end {
                self.pass(end.since(self.now));
                return;
            }
            self.pass(wake.since(self.now));
        }
    }

    /// Wakes up once and does what there is to do.
    fn turn(&mut self, network: &mut impl FnMut(&Order, Moment) -> Option<Duration>) {
        self.engine.woke(Clocks {
            monotonic: self.now,
            boot: self.boot,
        });
        let now = self.now;
        for (_, claim) in self.flying.extract_if(.., |(at, _)| *at <= now) {
            self.engine.answer(claim, arrival(now));
        }
        self.engine.expire(now);
        while let Some(order) = self.engine.due(now) {
            if let Some(time) = network(&order, now) {
                self.flying.push((now + time, claim(&order)));
            }
        }
    }

    /// The only address of the only target.
    fn only(&mut self) -> Address {
        let mut sample = self.engine.sample();
        assert_eq!(sample.targets.len(), 1);
        assert_eq!(sample.targets[0].addresses.len(), 1);
        sample.targets[0].addresses.remove(0)
    }
}
