//! What the thread does.

use std::iter;
use std::net::IpAddr;
use std::sync::mpsc::{Receiver, SyncSender};
use std::time::Duration;

use droplens_model::Moment;
use droplens_model::sample::probes::{Outcome, Probes};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::errands::Errands;
use super::{Letter, Mailbox, Settings};
use crate::echo::Driver;
use crate::engine::{Engine, Order, Rules};
use crate::random::Random;
use crate::spec::Ask;
use crate::sys::clock::{clocks, monotonic};
use crate::targets::TargetWish;

/// So many probes are begun before they are sent, if they may wait for each other: as many as the kernel
/// sends in some tenths of a millisecond.
const TOGETHER: usize = 32;

pub(super) struct Worker {
    engine: Engine,
    driver: Driver,
    errands: Errands,
    mailbox: Mailbox,
    /// Room for what is due.
    orders: Vec<Order>,
}

impl Worker {
    pub(super) fn new(settings: Settings, mut random: Random, mailbox: Mailbox) -> Self {
        let Settings {
            rules,
            runtime,
            sockets,
            resolver,
        } = settings;
        let driver = Driver::new(sockets, &mut random);
        let mut engine = Engine::new(rules, random);
        // From now on it knows the time.
        engine.woke(clocks());
        engine.rotate(driver.spares());
        Self {
            engine,
            driver,
            errands: Errands::new(runtime, mailbox.clone(), resolver),
            mailbox,
            orders: Vec::with_capacity(TOGETHER),
        }
    }

    /// Works until told to stop.
    pub(super) fn run(mut self, letters: &Receiver<Letter>) {
        loop {
            let next = self.engine.next_wake();
            let tick = self.engine.tick(self.driver.room());
            self.sleep(next, tick);
            self.engine.woke(clocks());
            self.driver.receive(&mut self.engine);
            let Some(samples) = self.read(letters) else {
                return;
            };
            self.engine.expire(monotonic());
            let together = tick.is_some();
            self.driver.begin(together);
            let sent = self.send(together);
            if sent && !together {
                // They would wake this thread for themselves.
                self.driver.receive_stamps(&mut self.engine);
            }
            for answer in samples {
                // Whoever asked may have gone.
                let _ = answer.try_send(self.sample());
            }
        }
    }

    /// Sleeps until `next` or a letter comes; with a tick for at least that long, whatever the sockets
    /// receive.
    fn sleep(&self, next: Option<Moment>, tick: Option<Duration>) {
        let now = monotonic();
        let mut wait = next.map(|next| next.since(now));
        let mut waiting = vec![PollFd::new(&self.mailbox.waker, PollFlags::IN)];
        match tick {
            Some(tick) => wait = wait.map(|wait| wait.max(tick)),
            None => waiting.extend(self.driver.waiting()),
        }
        // A wait too long for the kernel's clock is none that ends.
        let timeout = wait.and_then(|wait| Timespec::try_from(wait).ok());
        // A signal wakes early, which does no harm; nothing else can fail.
        let _ = poll(&mut waiting, timeout.as_ref());
        let mut ready = waiting.iter().map(|waited| !waited.revents().is_empty());
        if ready.next() == Some(true) {
            // Before the letters are read: one that comes after that wakes again.
            self.mailbox.waker.calm();
        }
    }

    /// Does what the letters say. Samples are answered last; none means to stop.
    fn read(&mut self, letters: &Receiver<Letter>) -> Option<Vec<SyncSender<Probes>>> {
        let (mut samples, mut changed) = (Vec::new(), false);
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
                Letter::Stop => return None,
            }
            changed = true;
        }
        if changed {
            self.errands.keep(|ticket| self.engine.is_under_way(ticket));
        }
        Some(samples)
    }

    fn reload(&mut self, wishes: Vec<TargetWish>, rules: Rules) {
        let literals: Vec<_> = wishes
            .iter()
            .filter_map(|wish| Some((wish.key.clone(), literal(&wish.host)?)))
            .collect();
        self.engine.regulate(rules);
        self.engine.reload(wishes);
        for (key, address) in literals {
            self.engine.resolved(&key, &[address]);
        }
    }

    /// Sends what is due, some together if they may wait for each other. Whether that was anything.
    fn send(&mut self, together: bool) -> bool {
        let most = if together { TOGETHER } else { 1 };
        let mut sent = false;
        loop {
            // Begun before the first is sent, whose way through the kernel drives all else out of the
            // processor's caches.
            let now = monotonic();
            let due = iter::from_fn(|| self.engine.due(now));
            self.orders.extend(due.take(most));
            if self.orders.is_empty() {
                return sent;
            }
            for order in self.orders.drain(..) {
                if matches!(order.request.ask, Ask::Icmp(_)) {
                    self.driver.send(&mut self.engine, &order);
                    sent = true;
                } else if !self.errands.begin(&order) {
                    self.engine.leave_out(order.ticket);
                }
            }
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
