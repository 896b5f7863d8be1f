//! The search for the largest packet that gets through, without sockets or a clock (in the manner of
//! RFC 8899, section 5).
//!
//! Packets go in volleys. A size is too big if somebody says so, or if it was lost [`LOSSES`] times while
//! small packets sent after it were answered. What is known of each size is kept, so that an answer
//! that comes late corrects what was concluded without it.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::net::IpAddr;

/// A size that is lost so often, with small packets answered, does not get through.
const LOSSES: usize = 3;

/// The smallest size that is concluded to be too big has to be lost so often: a lossy path loses
/// a few in a row now and then.
const SURE_LOSSES: usize = 2 * LOSSES;

/// Small packets in a row without an answer, after which the target is given up.
const SMALL_LOSSES: usize = 4;

/// The most packets of one search: a black hole between 1 200 and 65 535 bytes takes a little less.
const MOST_PACKETS: usize = 150;

/// The sizes between which the search goes on, in bytes with the IP header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sizes {
    /// Of the small packets, which get through if anything does.
    pub(super) small: u32,
    /// Of those that have to get through everywhere.
    pub(super) base: u32,
    /// The largest.
    pub(super) most: u32,
}

/// What became of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum News {
    /// It was answered.
    Arrived,
    /// It is too big.
    TooBig {
        /// Who says so; none if it is the own host, whose device takes only so much.
        from: Option<IpAddr>,
        /// The largest packet that would pass; old routers do not say.
        mtu: Option<u32>,
    },
}

/// How the search ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// The target answers nothing, or not any more: nothing can be said.
    Nothing,
    /// Not ended: the largest size that arrived and the smallest that may not.
    Open {
        /// Arrived.
        bytes: u32,
        /// Not known to arrive.
        below: u32,
    },
    /// This is the largest that gets through.
    Largest {
        /// Its size.
        bytes: u32,
        /// Whether larger ones vanish without anybody saying so.
        blackhole: bool,
    },
}

/// A packet that was sent.
#[derive(Clone, Copy, Debug)]
struct Packet {
    size: u32,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// It is waited for.
    Waiting,
    /// It was answered.
    Arrived,
    /// It was too big.
    Refused,
    /// Waited for in vain.
    Missing,
    /// Not waited for any longer, since nothing depended on it.
    Dropped,
}

/// The search. Packets are numbered in the order in which they are sent, from 0.
#[derive(Debug)]
pub(super) struct Search {
    sizes: Sizes,
    packets: Vec<Packet>,
    /// The first of the volley that is under way.
    volley: usize,
    /// The newest packet that was answered.
    newest: Option<usize>,
    /// Sizes that somebody said are too big, or that are above what he said would pass.
    refused: BTreeSet<u32>,
    /// The smallest MTU that was said, by whomever.
    hint: Option<u32>,
    /// The smallest MTU that a router said, and which one.
    report: Option<(u32, IpAddr)>,
    /// The router that spoke last, whether with an MTU or not.
    reporter: Option<IpAddr>,
}

impl Search {
    /// A search between these sizes, which are put in order.
    pub(super) fn new(sizes: Sizes) -> Self {
        let most = sizes.most.max(sizes.small);
        Self {
            sizes: Sizes {
                small: sizes.small,
                base: sizes.base.clamp(sizes.small, most),
                most,
            },
            packets: Vec::new(),
            volley: 0,
            newest: None,
            refused: BTreeSet::new(),
            hint: None,
            report: None,
            reporter: None,
        }
    }

    /// The packets to send next, in this order, by number and size; none if the search is over.
    pub(super) fn next(&mut self) -> Vec<(usize, u32)> {
        self.leave(State::Dropped);
        let first = self.packets.len();
        let mut sizes = self.plan();
        if first + sizes.len() > MOST_PACKETS {
            sizes.clear();
        }
        self.volley = first;
        self.packets.extend(sizes.iter().map(|size| Packet {
            size: *size,
            state: State::Waiting,
        }));
        (first..).zip(sizes).collect()
    }

    /// Takes in that a volley was waited for long enough.
    pub(super) fn waited(&mut self) {
        self.leave(State::Missing);
    }

    /// Takes in that a packet was not sent.
    pub(super) fn not_sent(&mut self, number: usize) {
        if let Some(packet) = self.packets.get_mut(number) {
            packet.state = State::Dropped;
        }
    }

    /// Takes in what became of a packet, of this volley or an earlier one.
    pub(super) fn heard(&mut self, number: usize, news: News) {
        let Some(packet) = self.packets.get_mut(number) else {
            return;
        };
        let size = packet.size;
        match news {
            News::Arrived => {
                packet.state = State::Arrived;
                self.newest = self.newest.max(Some(number));
            }
            News::TooBig { from, mtu } => {
                packet.state = State::Refused;
                self.refused.insert(size);
                self.reporter = from.or(self.reporter);
                let Some(mtu) = mtu.filter(|mtu| (self.sizes.small..size).contains(mtu)) else {
                    return;
                };
                self.refused.insert(mtu + 1);
                self.hint = self.hint.into_iter().chain([mtu]).min();
                let smaller = self.report.is_none_or(|(known, _)| mtu < known);
                if let Some(from) = from.filter(|_| smaller) {
                    self.report = Some((mtu, from));
                }
            }
        }
    }

    /// Whether it is known what was asked with the volley, so that nothing needs to be waited for.
    pub(super) fn is_settled(&self) -> bool {
        let volley = self.packets.get(self.volley..).unwrap_or_default();
        let told = |packet: &Packet| packet.state != State::Waiting;
        volley.iter().all(told)
            || volley
                .iter()
                .any(|packet| packet.size != self.sizes.small && told(packet))
    }

    /// Whether the target has answered anything.
    pub(super) const fn has_answered(&self) -> bool {
        self.newest.is_some()
    }

    /// Who said that packets are too big, and the smallest MTU that was said.
    pub(super) fn reported(&self) -> (Option<IpAddr>, Option<u32>) {
        match self.report {
            Some((mtu, from)) => (Some(from), Some(mtu)),
            None => (self.reporter, None),
        }
    }

    /// What was found out so far.
    pub(super) fn found(&self) -> Found {
        if self.newest.is_none() || self.unanswered() >= SMALL_LOSSES {
            return Found::Nothing;
        }
        let bytes = self.arrived();
        match self.too_big(bytes) {
            _ if bytes >= self.sizes.most => Found::Largest {
                bytes,
                blackhole: false,
            },
            None => Found::Open {
                bytes,
                below: self.sizes.most + 1,
            },
            Some((below, refused)) => {
                let sure = refused || self.lost(below) >= SURE_LOSSES;
                // Somebody who speaks without an MTU may have been heard only some of the time.
                let blackhole = !refused && (self.reporter.is_none() || self.report.is_some());
                if sure && (below == bytes + 1 || blackhole) {
                    Found::Largest { bytes, blackhole }
                } else {
                    Found::Open { bytes, below }
                }
            }
        }
    }

    /// What is to be sent next.
    fn plan(&self) -> Vec<u32> {
        let unanswered = self.unanswered();
        if unanswered >= SMALL_LOSSES {
            return Vec::new();
        }
        if self.newest.is_none() || unanswered > 0 {
            return vec![self.sizes.small];
        }
        let bytes = self.arrived();
        match self.too_big(bytes) {
            _ if bytes >= self.sizes.most => Vec::new(),
            None => self.attempt(self.sizes.most),
            Some((size, _)) if size > bytes + 1 => self.attempt(self.between(bytes, size)),
            Some((size, false)) if self.lost(size) < SURE_LOSSES => self.attempt(size),
            Some(_) => Vec::new(),
        }
    }

    /// A size between one that arrives and one that does not: what was said would pass, then what has
    /// to get through everywhere, then the middle.
    fn between(&self, arrives: u32, too_big: u32) -> u32 {
        let inside = |size: &u32| *size > arrives && *size < too_big;
        let said = self.hint.filter(inside);
        let base = Some(self.sizes.base).filter(inside);
        said.or(base).unwrap_or(arrives + (too_big - arrives) / 2)
    }

    /// The first time one packet, in the hope that it arrives; then the rest at once, each with a small
    /// one behind it that must be answered for the loss to count.
    fn attempt(&self, size: u32) -> Vec<u32> {
        if !self.packets.iter().any(|packet| packet.size == size) {
            return vec![size];
        }
        let lost = self.lost(size);
        let wanted = if lost < LOSSES { LOSSES } else { SURE_LOSSES };
        // The small ones confirm the first one too.
        let first = usize::from(lost == 0);
        [size, self.sizes.small].repeat((wanted - lost - first).max(1))
    }

    /// The largest size that arrived.
    fn arrived(&self) -> u32 {
        let arrived = self.packets.iter();
        arrived
            .filter(|packet| packet.state == State::Arrived)
            .map(|packet| packet.size)
            .max()
            .unwrap_or(0)
    }

    /// The smallest size above one that does not get through, and whether somebody said so.
    fn too_big(&self, above: u32) -> Option<(u32, bool)> {
        let refused = self.refused.range(above + 1..).next();
        let lost = self.packets.iter().map(|packet| packet.size);
        let lost = lost
            .filter(|size| *size > above && self.lost(*size) >= LOSSES)
            .min();
        match (refused, lost) {
            (Some(refused), Some(lost)) if lost < *refused => Some((lost, false)),
            (Some(refused), _) => Some((*refused, true)),
            (None, lost) => lost.map(|size| (size, false)),
        }
    }

    /// How often a size was lost, while something that was sent after it was answered.
    fn lost(&self, size: u32) -> usize {
        let before = self.packets.get(..self.newest.unwrap_or(0));
        let before = before.unwrap_or_default().iter();
        before
            .filter(|packet| packet.size == size && packet.state == State::Missing)
            .count()
    }

    /// Small packets that were lost after the newest one that was answered.
    fn unanswered(&self) -> usize {
        let after = self.newest.map_or(0, |newest| newest + 1);
        let after = self.packets.get(after..).unwrap_or_default().iter();
        let missing = |packet: &&Packet| packet.state == State::Missing;
        after
            .filter(missing)
            .filter(|packet| packet.size == self.sizes.small)
            .count()
    }

    fn leave(&mut self, state: State) {
        let volley = self.packets.get_mut(self.volley..).unwrap_or_default();
        for packet in volley {
            if packet.state == State::Waiting {
                packet.state = state;
            }
        }
    }
}
