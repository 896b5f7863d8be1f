//! The prober as a whole, without its sockets.
//!
//! The caller's loop, in this order, since a probe may only be called lost when everything that was
//! received has been taken in, and an answer only be called late when this process was running:
//!
//! 1. [`Engine::woke`] with the clocks, after sleeping until [`Engine::next_wake`] at the latest;
//! 2. every packet that waits in the sockets to [`Engine::answer`], [`Engine::stamp`] and
//!    [`Engine::end`];
//! 3. [`Engine::expire`];
//! 4. [`Engine::due`] until it has no more, each sent; what cannot be sent to [`Engine::end`].

mod registry;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use droplens_model::Moment;
use droplens_model::sample::probes::{Outcome, Prober, Strays};
use rustc_hash::FxHashMap;

use crate::errand::Report;
use crate::flight::{Absence, Arrival, Match, Stamp};
use crate::random::Random;
use crate::schedule::{self, Budget, Demand, Lag, Timers};
use crate::spec::{Ask, Request};
use crate::targets::TargetKey;
use crate::vigil::{Clocks, HEARTBEAT, Vigil};
use registry::{Held, Place};

pub use crate::stream::Identifier;

/// A stream, as timers, tickets and its packets name it: by a number drawn at random from so many that
/// nobody can guess it and that it never comes again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct StreamId(u64);

/// A probe that was begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ticket {
    stream: StreamId,
    sequence: u32,
}

#[cfg(test)]
impl Ticket {
    /// Of a stream that there is not.
    pub(crate) const fn numbered(sequence: u32) -> Self {
        Self {
            stream: StreamId(0),
            sequence,
        }
    }
}

/// A probe to be sent now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// The probe, for what is to be told of it later.
    pub ticket: Ticket,
    /// What is asked.
    pub request: Arc<Request>,
    /// Where to.
    pub address: IpAddr,
    /// Which ICMP identifier an echo request bears.
    pub identifier: Identifier,
}

impl Order {
    /// What tells our packets from others'.
    pub const fn nonce(&self) -> u64 {
        self.ticket.stream.0
    }

    /// The probe's number.
    pub const fn sequence(&self) -> u32 {
        self.ticket.sequence
    }
}

/// What a packet says about itself: whom it comes from, or for an ICMP error, where the packet in it
/// was going, and what our payload says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The address that was probed.
    pub peer: IpAddr,
    /// The nonce.
    pub nonce: u64,
    /// The number.
    pub sequence: u32,
    /// The bytes after the ICMP header of a reply, which has as many as the request.
    pub payload: Option<usize>,
}

/// Why a reply that seems to be ours cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stray {
    /// Not the ICMP identifier that was sent.
    Identifier,
    /// A wrong checksum.
    Checksum,
    /// Cut off or garbled.
    Malformed,
}

/// What is configured for all targets.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rules {
    /// What all probes together may send.
    pub budget: Budget,
}

/// The address families in which echo requests can bear a second ICMP identifier.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spares {
    /// IPv4.
    pub v4: bool,
    /// IPv6.
    pub v6: bool,
}

/// The prober.
#[derive(Debug)]
pub struct Engine {
    rules: Rules,
    spares: Spares,
    random: Random,
    vigil: Vigil,
    targets: BTreeMap<TargetKey, Held>,
    streams: FxHashMap<StreamId, Place>,
    sends: Timers<StreamId>,
    checks: Timers<StreamId>,
    demand: Demand,
    shortest: Duration,
    stretch: f64,
    /// By how much a probe may be begun before its time, to go with others.
    early: Duration,
    /// Until then a probe may be waiting for an answer in time.
    attentive: Moment,
    lag: Lag,
    skipped: u64,
    stalls: u64,
    stalled: Duration,
    suspends: u64,
    strays: Strays,
}

impl Engine {
    /// Without targets.
    pub fn new(rules: Rules, random: Random) -> Self {
        Self {
            rules,
            spares: Spares::default(),
            random,
            vigil: Vigil::default(),
            targets: BTreeMap::new(),
            streams: FxHashMap::default(),
            sends: Timers::default(),
            checks: Timers::default(),
            demand: Demand::default(),
            shortest: Duration::ZERO,
            stretch: 1.0,
            early: Duration::ZERO,
            attentive: Moment::default(),
            lag: Lag::default(),
            skipped: 0,
            stalls: 0,
            stalled: Duration::ZERO,
            suspends: 0,
            strays: Strays::default(),
        }
    }

    /// Lets probes bear another ICMP identifier in an outage, where there is one.
    pub const fn rotate(&mut self, spares: Spares) {
        self.spares = spares;
    }

    /// When to wake up at the latest, if there is something to do at all. The caller sleeps now.
    pub fn next_wake(&mut self) -> Option<Moment> {
        let now = self.vigil.now();
        let heartbeat = (now < self.attentive).then(|| now + HEARTBEAT);
        let next = [self.sends.next(), self.checks.next(), heartbeat];
        let next = next.into_iter().flatten().min();
        self.vigil.sleep(next.unwrap_or(Moment(Duration::MAX)));
        next
    }

    /// Takes in that the caller woke up.
    pub fn woke(&mut self, clocks: Clocks) {
        if let Some(absence) = self.vigil.woke(clocks) {
            self.absent(absence);
        }
    }

    /// The next probe that is due, begun as of `now`.
    pub fn due(&mut self, now: Moment) -> Option<Order> {
        let now = self.look(now);
        let horizon = now + self.early;
        while let Some((at, id)) = self.sends.pop(horizon) {
            let Some(place) = self.streams.get_mut(&id) else {
                continue;
            };
            if place.send_at != at {
                continue;
            }
            let interval = place.interval;
            self.lag.add(now, now.since(at));
            place.send_at = at + schedule::spread(interval, self.stretch, &mut self.random);
            if place.send_at <= now {
                // Missed ones are not made up for: that would be a burst.
                let each = interval.mul_f64(self.stretch).as_nanos().max(1);
                let missed = now.since(at).as_nanos() / each;
                self.skipped += u64::try_from(missed).unwrap_or(u64::MAX).max(1);
                place.send_at = now + schedule::spread(interval, self.stretch, &mut self.random);
            }
            if place.send_at <= horizon {
                // Not twice in one round; it goes out in the next one.
                place.send_at = now + self.early * 2;
            }
            self.sends.add(place.send_at, id);
            let Some(sequence) = place.stream.begin(now) else {
                self.skipped += 1;
                continue;
            };
            let rotates = match place.stream.address() {
                IpAddr::V4(_) => self.spares.v4,
                IpAddr::V6(_) => self.spares.v6,
            };
            let request = Arc::clone(&place.request);
            let identifier = if rotates && matches!(request.ask, Ask::Icmp(_)) {
                place.stream.identifier(now)
            } else {
                Identifier::default()
            };
            let timeout = request.patience.timeout;
            let order = Order {
                ticket: Ticket {
                    stream: id,
                    sequence,
                },
                address: place.stream.address(),
                identifier,
                request,
            };
            self.attentive = self.attentive.max(now + timeout);
            self.plan_check(id);
            return Some(order);
        }
        None
    }

    /// Takes in the kernel's time stamp of a probe's transmission.
    pub fn stamp(&mut self, ticket: Ticket, stamp: Stamp) {
        if let Some(place) = self.streams.get_mut(&ticket.stream) {
            place.stream.stamp(ticket.sequence, stamp);
        }
    }

    /// The probe under way that a packet claims to belong to; none, counted as a stray, if there is
    /// none with that nonce or if it went to another address.
    pub fn ticket(&mut self, claim: Claim) -> Option<Ticket> {
        let stream = StreamId(claim.nonce);
        let Some(place) = self.streams.get(&stream) else {
            self.strays.nonce += 1;
            return None;
        };
        if place.stream.address() != claim.peer.to_canonical() {
            self.strays.peer += 1;
            return None;
        }
        if claim
            .payload
            .is_some_and(|size| !place.sizes.contains(&size))
        {
            self.strays.malformed += 1;
            return None;
        }
        Some(Ticket {
            stream,
            sequence: claim.sequence,
        })
    }

    /// The probe under way to an address whose number ends in these bits: all that an ICMP error
    /// which quotes no more than a header says. None if that is nobody's or several targets'.
    pub fn ticket_by_header(&self, destination: IpAddr, sequence: u16) -> Option<Ticket> {
        let destination = destination.to_canonical();
        let mut found = self.streams.iter().filter_map(|(id, place)| {
            let here = place.stream.address() == destination;
            let sequence = here.then(|| place.stream.under_way_like(sequence))??;
            Some(Ticket {
                stream: *id,
                sequence,
            })
        });
        let only = found.next()?;
        found.next().is_none().then_some(only)
    }

    /// Counts a reply that cannot be ours.
    pub const fn astray(&mut self, stray: Stray) {
        match stray {
            Stray::Identifier => self.strays.identifier += 1,
            Stray::Checksum => self.strays.checksum += 1,
            Stray::Malformed => self.strays.malformed += 1,
        }
    }

    /// Whether a probe has not ended, nor its target been removed.
    pub fn is_under_way(&self, ticket: Ticket) -> bool {
        self.streams
            .get(&ticket.stream)
            .is_some_and(|place| place.stream.is_under_way(ticket.sequence))
    }

    /// Takes in that a probe is left out after all.
    pub fn leave_out(&mut self, ticket: Ticket) {
        self.skipped += u64::from(self.end(ticket, Outcome::Aborted));
    }

    /// Probes per second that the budget lets through.
    pub fn rate(&self) -> f64 {
        self.demand.packets / self.stretch
    }

    /// The time to the next round of probes, if so many bytes of answers may wait and have `room`: for so
    /// long what is due, and what was received, may wait for more of it. None if there is so little that
    /// nothing would come together.
    pub fn tick(&mut self, room: Option<usize>) -> Option<Duration> {
        let demand = Demand {
            packets: self.rate(),
            bytes: self.demand.bytes / self.stretch,
        };
        let shortest = self.shortest.mul_f64(self.stretch);
        let tick = room.and_then(|room| schedule::tick(demand, shortest, room));
        self.early = tick.unwrap_or_default() / 2;
        tick.map(|tick| schedule::round(tick, &mut self.random))
    }

    /// Takes in an answer. None if it is a stray.
    pub fn answer(&mut self, claim: Claim, arrival: Arrival) -> Option<Match> {
        self.look(arrival.read);
        let ticket = self.ticket(claim)?;
        let place = self.streams.get_mut(&ticket.stream)?;
        let found = place.stream.answer(ticket.sequence, arrival);
        self.strays.sequence += u64::from(found == Match::NeverSent);
        Some(found)
    }

    /// Ends a probe without an answer: it could not be sent, an ICMP error came back, or the host
    /// provably dropped it. False if it is not under way.
    pub fn end(&mut self, ticket: Ticket, outcome: Outcome) -> bool {
        let now = self.vigil.now();
        self.streams
            .get_mut(&ticket.stream)
            .is_some_and(|place| place.stream.end(ticket.sequence, outcome, now))
    }

    /// Takes in the report of an errand. False if its probe is not under way any more: what was found
    /// out while nobody can vouch for the time does not count.
    pub fn conclude(&mut self, ticket: Ticket, report: Report, read: Moment) -> bool {
        self.look(read);
        let Some(place) = self.streams.get_mut(&ticket.stream) else {
            return false;
        };
        place.stream.conclude(ticket.sequence, report, read)
    }

    /// Ends the probes that were waited for long enough.
    pub fn expire(&mut self, now: Moment) {
        let now = self.look(now);
        while let Some((at, id)) = self.checks.pop(now) {
            let Some(place) = self.streams.get_mut(&id) else {
                continue;
            };
            if place.check_at == Some(at) {
                place.check_at = None;
                place.stream.expire(now);
                self.plan_check(id);
            }
        }
    }

    fn prober(&self) -> Prober {
        Prober {
            wanted_rate: self.demand.packets,
            effective_rate: self.rate(),
            stretch: self.stretch,
            schedule_lag: self.lag.longest(self.vigil.now()),
            skipped: self.skipped,
            stalls: self.stalls,
            stalled: self.stalled,
            suspends: self.suspends,
            strays: self.strays,
            socket_overflows: 0,
            kernel_stamps: false,
        }
    }

    /// Takes in that it runs, and returns the time, which never goes backwards.
    fn look(&mut self, now: Moment) -> Moment {
        if let Some(absence) = self.vigil.seen(now) {
            self.absent(absence);
        }
        self.vigil.now()
    }

    fn absent(&mut self, absence: Absence) {
        if absence.suspended {
            self.suspends += 1;
        } else {
            self.stalls += 1;
            self.stalled += absence.until.since(absence.from);
        }
        let ids: Vec<StreamId> = self.streams.keys().copied().collect();
        for id in ids {
            if let Some(place) = self.streams.get_mut(&id) {
                place.stream.absent(absence);
            }
            self.plan_check(id);
        }
    }

    /// Sees to it that the stream is looked at when its next probe runs out of time.
    fn plan_check(&mut self, id: StreamId) {
        let Some(place) = self.streams.get_mut(&id) else {
            return;
        };
        let Some(next) = place.stream.next_check() else {
            return;
        };
        if place.check_at.is_none_or(|at| next < at) {
            place.check_at = Some(next);
            self.checks.add(next, id);
        }
    }
}
