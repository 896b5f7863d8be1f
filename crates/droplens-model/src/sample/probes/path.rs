//! The hops on the way to a target, and what the loss of each of them means.
//!
//! A round sends a few packets to each hop. [`PathDetails::merge`] puts rounds together;
//! [`judge`] tells loss on the way from routers that only limit how many ICMP errors they send.

#[cfg(test)]
mod tests;

use std::net::IpAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::LossRatio;
use crate::Name;
use crate::serial::{maybe_nanoseconds, words};

/// Addresses of one hop that are kept.
const MOST_ADDRESSES: usize = 8;

words! {
    /// What is to be thought of the loss of a hop.
    HopVerdict {
        /// It answers.
        Answers "answers",
        /// Loses some, and all later hops and the target lose as well.
        Loses "loses",
        /// Loses some that later hops do not: it only limits how many answers it sends.
        RateLimitSuspected "rate_limit_suspected",
        /// Never answers, though later hops do.
        Silent "silent",
        /// Never answers, nor does anything later.
        Unreached "unreached",
    }
}

/// One hop of a path. The counters and times are of all rounds since the path last changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hop {
    /// The time to live with which packets get to it.
    pub ttl: u8,
    /// Addresses that answered since the path last changed, the newest first and the one that was
    /// known first last; at most 8. More than one is load balancing (ECMP).
    pub addresses: Vec<IpAddr>,
    /// Packets that were sent.
    pub sent: u64,
    /// Answers.
    pub answered: u64,
    /// The fastest round trip.
    #[serde(with = "maybe_nanoseconds")]
    pub best: Option<Duration>,
    /// The mean round trip.
    #[serde(with = "maybe_nanoseconds")]
    pub mean: Option<Duration>,
    /// The slowest round trip.
    #[serde(with = "maybe_nanoseconds")]
    pub worst: Option<Duration>,
    /// What that means.
    pub verdict: HopVerdict,
}

/// A path.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PathDetails {
    /// The hops that were looked at, up to the target if it is known where that is.
    pub hops: Vec<Hop>,
    /// Whether the target answered in the newest round.
    pub reached: bool,
    /// The time to live with which packets get to the target, if it has answered since the path
    /// last changed. Then the last hop is the target.
    pub target_ttl: Option<u8>,
    /// The transport that was sent: `icmp`, `udp` or `tcp`.
    pub protocol: Option<Name>,
    /// A number that stands for the sequence of addresses; silent hops are left out of it, so it
    /// also becomes another one when a hop answers for the first time.
    pub hash: u64,
    /// How often the path became another one, since the start.
    pub changes: u64,
}

impl Hop {
    /// A hop of which nothing is known yet.
    pub const fn new(ttl: u8) -> Self {
        Self {
            ttl,
            addresses: Vec::new(),
            sent: 0,
            answered: 0,
            best: None,
            mean: None,
            worst: None,
            verdict: HopVerdict::Unreached,
        }
    }

    /// Counts an answer.
    pub fn answer(&mut self, from: IpAddr, round_trip: Duration) {
        let one = Self {
            addresses: vec![from],
            answered: 1,
            best: Some(round_trip),
            mean: Some(round_trip),
            worst: Some(round_trip),
            ..Self::new(self.ttl)
        };
        self.add(&one);
    }

    /// Unanswered packets out of all.
    pub const fn loss(&self) -> LossRatio {
        LossRatio {
            lost: self.sent.saturating_sub(self.answered),
            of: self.sent,
        }
    }

    /// Whether it may be the same hop: no other addresses than before, as far as it answered.
    fn is_like(&self, other: &Self) -> bool {
        self.addresses.is_empty()
            || other.addresses.is_empty()
            || self
                .addresses
                .iter()
                .any(|one| other.addresses.contains(one))
    }

    /// Adds what was found out later.
    fn add(&mut self, newer: &Self) {
        for address in newer.addresses.iter().rev() {
            self.note(*address);
        }
        self.mean = mean((self.mean, self.answered), (newer.mean, newer.answered));
        self.best = self.best.into_iter().chain(newer.best).min();
        self.worst = self.worst.max(newer.worst);
        self.sent = self.sent.saturating_add(newer.sent);
        self.answered = self.answered.saturating_add(newer.answered);
    }

    /// Puts an address first. The one that was known first stays last, since the hash is made of it.
    fn note(&mut self, address: IpAddr) {
        let first = self.addresses.pop();
        self.addresses.retain(|known| *known != address);
        if first.is_some_and(|first| first != address) {
            self.addresses.insert(0, address);
        }
        self.addresses.truncate(MOST_ADDRESSES - 1);
        self.addresses.push(first.unwrap_or(address));
    }
}

impl PathDetails {
    /// Of the hops of one round, in order, and the one that is the target if that answered. Hops behind it
    /// are left out; the verdicts and the hash are worked out.
    pub fn new(hops: Vec<Hop>, target_ttl: Option<u8>, protocol: Option<Name>) -> Self {
        let mut path = Self {
            hops,
            reached: target_ttl.is_some(),
            target_ttl,
            protocol,
            hash: 0,
            changes: 0,
        };
        path.conclude();
        path
    }

    /// Takes in a later round.
    ///
    /// The path has changed if a hop answers from other addresses only than it had before, or if the
    /// target is farther away. Then all hops count from the start again, since the old packets
    /// went another way. A hop that does not answer in a round, or answers for the first time, is no
    /// change.
    pub fn merge(&mut self, round: Self) {
        let changed = self.is_other_than(&round);
        let Self {
            hops,
            reached,
            target_ttl,
            protocol,
            hash: _,
            changes,
        } = round;
        self.reached = reached;
        self.protocol = protocol.or_else(|| self.protocol.take());
        self.changes = self.changes.saturating_add(changes);
        if changed {
            self.hops = hops;
            self.target_ttl = target_ttl;
            self.changes = self.changes.saturating_add(1);
        } else {
            // A target that is nearer than before was not noticed there, since the packets were lost.
            self.target_ttl = self.target_ttl.into_iter().chain(target_ttl).min();
            for newer in hops {
                match self.hops.iter_mut().find(|hop| hop.ttl == newer.ttl) {
                    Some(known) => known.add(&newer),
                    None => self.hops.push(newer),
                }
            }
        }
        self.conclude();
    }

    fn is_other_than(&self, round: &Self) -> bool {
        let farther =
            matches!((self.target_ttl, round.target_ttl), (Some(old), Some(new)) if new > old);
        let counterpart = |newer: &Hop| self.hops.iter().find(|known| known.ttl == newer.ttl);
        farther
            || round
                .hops
                .iter()
                .any(|newer| counterpart(newer).is_some_and(|known| !known.is_like(newer)))
    }

    fn conclude(&mut self) {
        if let Some(target) = self.target_ttl {
            self.hops.retain(|hop| hop.ttl <= target);
        }
        judge(&mut self.hops, self.target_ttl.is_some());
        self.hash = hash(&self.hops);
    }
}

/// Says of each hop what its loss means; `to_target` is whether the last one is the target.
///
/// Routers send few ICMP errors, so a hop that does not answer each packet may have passed them all on.
/// Its loss counts only if all later hops that answer lose as well: what was lost before a hop is
/// missing behind it too. A hop that surely loses more than any later one limits its answers.
/// Behind the last hop that answers nothing tells, unless it is the target: its loss counts if that of
/// a hop before it does.
pub fn judge(hops: &mut [Hop], to_target: bool) {
    // The least loss of the later hops that answer.
    let mut least: Option<LossRatio> = None;
    for (behind, hop) in hops.iter_mut().rev().enumerate() {
        let loss = hop.loss();
        if hop.answered == 0 {
            hop.verdict = match least {
                Some(_) => HopVerdict::Silent,
                None => HopVerdict::Unreached,
            };
            continue;
        }
        hop.verdict = match least {
            _ if loss.lost == 0 => HopVerdict::Answers,
            Some(least) if least.lost == 0 => HopVerdict::RateLimitSuspected,
            Some(least) if loss.interval().0 > least.interval().1 => HopVerdict::RateLimitSuspected,
            Some(_) => HopVerdict::Loses,
            None if to_target && behind == 0 => HopVerdict::Loses,
            None => HopVerdict::RateLimitSuspected,
        };
        least = match least {
            Some(least) if least.ratio() <= loss.ratio() => Some(least),
            _ => Some(loss),
        };
    }
    if !to_target {
        confirm_last(hops);
    }
}

/// The last hop that answers, of a path that does not reach the target: it loses if the loss of
/// a hop before it counts.
fn confirm_last(hops: &mut [Hop]) {
    let Some(last) = hops.iter().rposition(|hop| hop.answered > 0) else {
        return;
    };
    let Some((last, before)) = hops.get_mut(..=last).and_then(|hops| hops.split_last_mut()) else {
        return;
    };
    let loses = |hop: &Hop| hop.verdict == HopVerdict::Loses;
    if last.loss().lost > 0 && before.iter().any(loses) {
        last.verdict = HopVerdict::Loses;
    }
}

/// FNV-1a over the addresses: stable from version to version, and of no use to an attacker.
fn hash(hops: &[Hop]) -> u64 {
    const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0100_0000_01b3;
    let mut hash = OFFSET;
    let mut take = |bytes: &[u8]| {
        for byte in bytes {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(PRIME);
        }
    };
    for address in hops.iter().filter_map(|hop| hop.addresses.last()) {
        match address {
            IpAddr::V4(address) => take(&address.octets()),
            IpAddr::V6(address) => take(&address.octets()),
        }
    }
    hash
}

/// The mean of two means, each of so many round trips.
fn mean(old: (Option<Duration>, u64), new: (Option<Duration>, u64)) -> Option<Duration> {
    let sum = |(mean, count): (Option<Duration>, u64)| {
        mean.map(|mean| mean.as_nanos().saturating_mul(u128::from(count)))
    };
    let nanos = match (sum(old), sum(new)) {
        (None, None) => return None,
        (one, other) => one.unwrap_or(0).saturating_add(other.unwrap_or(0)),
    };
    let mean = nanos.checked_div(u128::from(old.1.saturating_add(new.1)))?;
    Some(Duration::from_nanos(
        u64::try_from(mean).unwrap_or(u64::MAX),
    ))
}
