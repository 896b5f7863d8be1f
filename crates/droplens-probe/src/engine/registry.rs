//! Targets and addresses that come, stay and go. What stays keeps its counters.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use droplens_model::Moment;
use droplens_model::sample::probes::{Probes, Target};

use super::{Engine, Rules, StreamId};
use crate::icmp;
use crate::schedule::{self, Demand};
use crate::spec::{Ask, Request};
use crate::stream::Stream;
use crate::targets::{self, TargetKey, TargetWish};

/// A target.
#[derive(Debug)]
pub(super) struct Held {
    wish: Arc<TargetWish>,
    streams: Vec<(IpAddr, StreamId)>,
    left_out: u32,
    resolves: bool,
}

/// A stream and its dates. Timers with other dates than these are out of date.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) stream: Stream,
    pub(super) request: Arc<Request>,
    /// Time between two probes, on average.
    pub(super) interval: Duration,
    /// Bytes of payload now and before the last change, since answers to both may come.
    pub(super) sizes: [usize; 2],
    pub(super) send_at: Moment,
    pub(super) check_at: Option<Moment>,
}

impl Engine {
    /// Takes in which targets are wanted now. Those that were wanted before keep their addresses
    /// and counters; of two wishes for the same target the later one counts.
    pub fn reload(&mut self, wishes: impl IntoIterator<Item = TargetWish>) {
        let wishes = shared(wishes);
        let gone: Vec<StreamId> = self
            .targets
            .iter()
            .filter(|(key, _)| !wishes.contains_key(*key))
            .flat_map(|(_, held)| held.streams.iter().map(|(_, id)| *id))
            .collect();
        self.targets.retain(|key, _| wishes.contains_key(key));
        for id in gone {
            self.streams.remove(&id);
        }
        let mut changed = Vec::new();
        for (key, wish) in wishes {
            let held = self.targets.entry(key).or_insert_with(|| Held {
                wish: Arc::clone(&wish),
                streams: Vec::new(),
                left_out: 0,
                resolves: false,
            });
            if held.wish != wish {
                held.wish = wish;
                changed.extend(
                    held.streams
                        .iter()
                        .map(|(_, id)| (*id, Arc::clone(&held.wish))),
                );
            }
        }
        self.weigh();
        for (id, wish) in changed {
            self.adapt(id, &wish);
        }
    }

    /// Takes in other rules for all.
    pub fn regulate(&mut self, rules: Rules) {
        self.rules = rules;
        self.weigh();
    }

    /// Takes in the addresses to which a target's name resolves. No address at all is the same as
    /// a failure. Unknown targets are left alone: a reload may have removed them meanwhile.
    /// So are addresses of another family than that of the source.
    pub fn resolved(&mut self, key: &TargetKey, addresses: &[IpAddr]) {
        let Some(held) = self.targets.get_mut(key) else {
            return;
        };
        let source = held.wish.request.egress.source;
        let reachable = |address: &IpAddr| {
            let source = source.map(|source| source.to_canonical().is_ipv4());
            source.is_none_or(|v4| v4 == address.to_canonical().is_ipv4())
        };
        let addresses: Vec<IpAddr> = addresses.iter().copied().filter(reachable).collect();
        if addresses.is_empty() {
            self.unresolved(key);
            return;
        }
        let wish = Arc::clone(&held.wish);
        let before: Vec<(IpAddr, StreamId)> = std::mem::take(&mut held.streams);
        let known: Vec<IpAddr> = before.iter().map(|(address, _)| *address).collect();
        let (chosen, left_out) = targets::choose(&known, &addresses);
        held.left_out = left_out;
        held.resolves = true;
        let (mut streams, mut new) = (Vec::new(), Vec::new());
        for address in chosen {
            match before.iter().find(|(known, _)| *known == address) {
                Some(kept) => streams.push(*kept),
                None => new.push(address),
            }
        }
        let kept: BTreeSet<StreamId> = streams.iter().map(|(_, id)| *id).collect();
        for address in new {
            streams.push((address, self.next_id()));
        }
        let begun: Vec<(IpAddr, StreamId)> = streams
            .iter()
            .filter(|(_, id)| !kept.contains(id))
            .copied()
            .collect();
        if let Some(held) = self.targets.get_mut(key) {
            held.streams = streams;
        }
        for (_, id) in before.iter().filter(|(_, id)| !kept.contains(id)) {
            self.streams.remove(id);
        }
        // Before the streams are made, since their first dates depend on the stretch.
        self.weigh();
        for (address, id) in begun {
            self.begin(id, address, &wish);
        }
    }

    /// Takes in that a target's name does not resolve now. Its last addresses are probed on: that
    /// the name server fails says nothing about them.
    pub fn unresolved(&mut self, key: &TargetKey) {
        if let Some(held) = self.targets.get_mut(key) {
            held.resolves = false;
        }
    }

    /// What there is to tell.
    pub fn sample(&mut self) -> Probes {
        let now = self.vigil.now();
        let mut all = Vec::with_capacity(self.targets.len());
        for (key, held) in &self.targets {
            let mut judged = false;
            let mut addresses = Vec::with_capacity(held.streams.len());
            for (_, id) in &held.streams {
                if let Some(place) = self.streams.get_mut(id) {
                    judged |= place.stream.is_judged();
                    addresses.push(place.stream.sample(now));
                }
            }
            all.push(Target {
                probe: Arc::clone(&key.probe),
                kind: held.wish.request.ask.kind(),
                target: Arc::clone(&key.target),
                asked_for: held.wish.asked_for,
                labels: held.wish.labels.clone(),
                limits: held.wish.limits,
                state: targets::state(held.resolves, judged),
                addresses,
                addresses_left_out: held.left_out,
            });
        }
        Probes {
            targets: all,
            prober: self.prober(),
        }
    }

    /// The newest round-trip times to an address of a target, in send order: at most 128.
    pub fn newest_round_trips(&self, key: &TargetKey, address: IpAddr) -> Vec<Duration> {
        let streams = self.targets.get(key).map(|held| held.streams.iter());
        let stream = streams
            .into_iter()
            .flatten()
            .find(|(known, _)| *known == address);
        let place = stream.and_then(|(_, id)| self.streams.get(id));
        place.map_or_else(Vec::new, |place| {
            place.stream.newest_round_trips().collect()
        })
    }

    fn next_id(&mut self) -> StreamId {
        loop {
            let id = StreamId(self.random.number());
            if !self.streams.contains_key(&id) {
                return id;
            }
        }
    }

    fn begin(&mut self, id: StreamId, address: IpAddr, wish: &TargetWish) {
        let phase = schedule::phase(wish.interval, self.stretch, &mut self.random);
        let send_at = self.vigil.now() + phase;
        // Any number will do to begin with; a random one tells a restarted prober from before.
        let sequence = (self.random.number() >> 32) as u32;
        let stream = Stream::new(address, wish, sequence);
        self.sends.add(send_at, id);
        let place = Place {
            stream,
            request: Arc::clone(&wish.request),
            interval: wish.interval,
            sizes: [payload(wish); 2],
            send_at,
            check_at: None,
        };
        self.streams.insert(id, place);
    }

    /// Takes in a changed wish for a kept stream.
    fn adapt(&mut self, id: StreamId, wish: &TargetWish) {
        let Some(place) = self.streams.get_mut(&id) else {
            return;
        };
        place.stream.adapt(wish);
        let [now, _] = place.sizes;
        if payload(wish) != now {
            place.sizes = [payload(wish), now];
        }
        let phase = schedule::phase(wish.interval, self.stretch, &mut self.random);
        place.send_at = place.send_at.min(self.vigil.now() + phase);
        place.request = Arc::clone(&wish.request);
        place.interval = wish.interval;
        self.sends.add(place.send_at, id);
    }

    /// Works out anew by how much the budget stretches the intervals.
    fn weigh(&mut self) {
        let mut demand = Demand::default();
        // A target that does not resolve yet is expected to have an address soon. Otherwise the
        // first ones to resolve would begin at full speed.
        let mut expected = Demand::default();
        for held in self.targets.values() {
            let (interval, bytes) = (held.wish.interval, held.wish.bytes);
            for _ in &held.streams {
                demand.add(interval, bytes);
            }
            for _ in 0..held.streams.len().max(1) {
                expected.add(interval, bytes);
            }
        }
        self.demand = demand;
        let intervals = self.targets.values().map(|held| held.wish.interval);
        self.shortest = intervals.min().unwrap_or_default();
        self.stretch = self.rules.budget.stretch(expected);
    }
}

/// The wishes by their keys, each request no more than once where the same is wanted of one target after
/// another: what is touched for each probe had better be the same memory for many of them.
fn shared(wishes: impl IntoIterator<Item = TargetWish>) -> BTreeMap<TargetKey, Arc<TargetWish>> {
    let mut before: Option<Arc<Request>> = None;
    let each = wishes.into_iter().map(|mut wish| {
        match &before {
            Some(before) if *before == wish.request => wish.request = Arc::clone(before),
            _ => before = Some(Arc::clone(&wish.request)),
        }
        (wish.key.clone(), Arc::new(wish))
    });
    each.collect()
}

/// Bytes of payload of an echo request; of no meaning for anything else.
fn payload(wish: &TargetWish) -> usize {
    match &wish.request.ask {
        Ask::Icmp(spec) => usize::from(spec.payload).max(icmp::PAYLOAD),
        _ => 0,
    }
}
