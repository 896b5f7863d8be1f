//! What the thread does.

use std::net::IpAddr;
use std::sync::mpsc::{Receiver, SyncSender};
use std::time::Duration;

use droplens_model::Moment;
use droplens_model::sample::probes::{Outcome, Probes};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::errands::Errands;
use super::{Letter, Mailbox, Settings};
use crate::echo::Driver;
use crate::engine::{Engine, Rules};
use crate::random::Random;
use crate::spec::Ask;
use crate::sys::clock::{clocks, monotonic};
use crate::targets::TargetWish;

/// From so many probes a second on, replies are not read one by one.
const BUSY: f64 = 200.0;

/// Then the thread wakes up for about so many probes at a time: waking costs as much as a few of them,
/// and more in a row could fill a queue on the way.
const AT_A_TIME: f64 = 16.0;

/// Bounds of the time from one such waking to the next.
const TICKS: (Duration, Duration) = (Duration::from_millis(4), Duration::from_millis(20));

pub(super) struct Worker {
    engine: Engine,
    driver: Driver,
    errands: Errands,
    mailbox: Mailbox,
    /// The shortest interval of a target.
    shortest: Duration,
}

impl Worker {
    pub(super) fn new(settings: Settings, mut random: Random, mailbox: Mailbox) -> Self {
        let Settings {
            rules,
            runtime,
            sockets,
        } = settings;
        let driver = Driver::new(sockets, &mut random);
        let mut engine = Engine::new(rules, random);
        // From now on it knows the time.
        engine.woke(clocks());
        Self {
            engine,
            driver,
            errands: Errands::new(runtime, mailbox.clone()),
            mailbox,
            shortest: Duration::MAX,
        }
    }

    /// Works until told to stop.
    pub(super) fn run(mut self, letters: &Receiver<Letter>) {
        loop {
            let next = self.engine.next_wake();
            let mail = self.sleep(next);
            self.engine.woke(clocks());
            self.driver.receive(&mut self.engine);
            let mut samples = Vec::new();
            if mail && !self.read(letters, &mut samples) {
                return;
            }
            self.engine.expire(monotonic());
            self.send();
            for answer in samples {
                // Whoever asked may have gone.
                let _ = answer.try_send(self.sample());
            }
        }
    }

    /// Whether replies are read at fixed times, whenever they come.
    fn is_busy(&self) -> bool {
        self.engine.rate() >= BUSY && self.driver.is_patient()
    }

    fn tick(&self) -> Duration {
        let tick = Duration::from_secs_f64(AT_A_TIME / self.engine.rate().max(BUSY));
        // Of two probes to one address within a tick, one would be left out.
        tick.clamp(TICKS.0, TICKS.1).min(self.shortest / 2)
    }

    /// Sleeps, and tells whether there are letters.
    fn sleep(&self, next: Option<Moment>) -> bool {
        let now = monotonic();
        let mut wait = next.map(|next| next.since(now));
        let mut waiting = vec![PollFd::new(&self.mailbox.waker, PollFlags::IN)];
        if self.is_busy() {
            wait = wait.map(|wait| wait.max(self.tick()));
        } else {
            waiting.extend(self.driver.waiting());
        }
        // A wait too long for the kernel's clock is none that ends.
        let timeout = wait.and_then(|wait| Timespec::try_from(wait).ok());
        // A signal wakes early, which does no harm; nothing else can fail.
        let _ = poll(&mut waiting, timeout.as_ref());
        waiting
            .first()
            .is_some_and(|mail| !mail.revents().is_empty())
    }

    /// Does what the letters say, but for samples, which are answered last. False means to stop.
    fn read(&mut self, letters: &Receiver<Letter>, samples: &mut Vec<SyncSender<Probes>>) -> bool {
        let mut changed = false;
        self.mailbox.waker.calm();
        for letter in letters.try_iter() {
            match letter {
                Letter::Reload(wishes, rules) => self.reload(wishes, rules),
                Letter::Resolved(key, addresses) => self.engine.resolved(&key, &addresses),
                Letter::Unresolved(key) => self.engine.unresolved(&key),
                Letter::Sample(answer) => samples.push(answer),
                Letter::Concluded(ticket, report) => {
                    self.errands.ended(ticket);
                    match report {
                        Some(report) => {
                            self.engine.conclude(ticket, *report, monotonic());
                        }
                        None => {
                            self.engine.end(ticket, Outcome::Aborted);
                        }
                    }
                    continue;
                }
                Letter::Stop => return false,
            }
            changed = true;
        }
        if changed {
            self.errands.keep(|ticket| self.engine.is_under_way(ticket));
        }
        true
    }

    fn reload(&mut self, wishes: Vec<TargetWish>, rules: Rules) {
        let literals: Vec<_> = wishes
            .iter()
            .filter_map(|wish| Some((wish.key.clone(), literal(&wish.host)?)))
            .collect();
        let shortest = wishes.iter().map(|wish| wish.interval).min();
        self.shortest = shortest.unwrap_or(Duration::MAX);
        self.engine.regulate(rules);
        self.engine.reload(wishes);
        for (key, address) in literals {
            self.engine.resolved(&key, &[address]);
        }
    }

    /// Sends what is due.
    fn send(&mut self) {
        let mut sent = false;
        while let Some(order) = self.engine.due(monotonic()) {
            if matches!(order.wish.ask, Ask::Icmp(_)) {
                self.driver.send(&mut self.engine, &order);
                sent = true;
            } else if !self.errands.begin(&order) {
                self.engine.leave_out(order.ticket);
            }
        }
        // When replies are waited for they would wake us, one by one.
        if sent && !self.is_busy() {
            self.driver.receive_stamps(&mut self.engine);
        }
    }

    fn sample(&mut self) -> Probes {
        let mut sample = self.engine.sample();
        sample.prober.socket_overflows = self.driver.overflows();
        sample.prober.kernel_stamps = self.driver.has_stamps();
        sample
    }
}

/// The address that a host is, if it is one; IPv6 ones may be in brackets.
fn literal(host: &str) -> Option<IpAddr> {
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    bare.unwrap_or(host).parse().ok()
}
