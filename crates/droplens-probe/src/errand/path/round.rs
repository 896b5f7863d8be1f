//! One round over the hops of a path, without sockets or a clock: which packet to send when, and what
//! the answers mean.
//!
//! The first packets look for the target, a few hops ahead of the answers. The others follow hop by hop,
//! so that packets to one hop are as far apart as possible: routers send few ICMP errors.

#[cfg(test)]
mod tests;

use std::net::IpAddr;
use std::time::Duration;

use droplens_model::sample::probes::{Hop, IcmpError, PathDetails};
use droplens_model::{Family, Moment, Name};

/// How many hops beyond the last that answered are looked at.
const AHEAD: u8 = 5;

/// More packets to a silent hop right before the end of the path: it may be the end itself, whose answers
/// were lost.
const IN_DOUBT: usize = 3;

/// How a round is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    /// The target.
    pub(super) target: IpAddr,
    /// The most hops.
    pub(super) most_hops: u8,
    /// Packets to each hop.
    pub(super) packets: usize,
    /// Time from one packet to the next, at least.
    pub(super) pace: Duration,
    /// How long an answer is waited for.
    pub(super) wait: Duration,
    /// Packets that can be under way at once.
    pub(super) window: usize,
}

/// What is to be done now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Send a packet with this time to live. Packets are numbered from 0.
    Send {
        /// Its number.
        number: usize,
        /// Its time to live.
        ttl: u8,
    },
    /// Nothing until then, unless an answer comes.
    Wait(Moment),
    /// The round is over.
    Done,
}

/// An answer to a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// That of the target to what was asked.
    Reply,
    /// An ICMP error.
    Error(IcmpError),
}

/// A router that does not let packets through, and says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    /// The time to live of the packets that got there.
    pub(super) ttl: u8,
    /// Which one.
    pub(super) from: IpAddr,
    /// What it says.
    pub(super) error: IcmpError,
}

#[derive(Clone, Copy, Debug)]
struct Packet {
    ttl: u8,
    sent: Moment,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Waiting,
    Missing,
    /// The kernel did not take it.
    Unsent,
    /// Nobody can tell whether it was answered.
    Unclear,
    Answered {
        from: IpAddr,
        at: Moment,
    },
}

/// The round.
#[derive(Debug)]
pub(super) struct Round {
    plan: Plan,
    packets: Vec<Packet>,
    /// The time to live with which packets get to the target.
    target: Option<u8>,
    refusal: Option<Refusal>,
    /// The packet that the target answered first.
    first_reply: Option<usize>,
}

impl Round {
    /// A round that begins.
    pub(super) const fn new(plan: Plan) -> Self {
        Self {
            plan,
            packets: Vec::new(),
            target: None,
            refusal: None,
            first_reply: None,
        }
    }

    /// What is to be done. A packet to send counts as sent now.
    pub(super) fn next(&mut self, now: Moment) -> Step {
        self.expire(now);
        if let Some(last) = self.packets.last() {
            let due = last.sent + self.plan.pace;
            if now < due {
                return Step::Wait(due);
            }
        }
        if self.waiting().count() >= self.plan.window {
            return self.pause();
        }
        match self.choose() {
            Choice::Send(ttl) => {
                let number = self.packets.len();
                self.packets.push(Packet {
                    ttl,
                    sent: now,
                    state: State::Waiting,
                });
                Step::Send { number, ttl }
            }
            Choice::Wait => self.pause(),
        }
    }

    /// Takes in that a packet was not sent.
    pub(super) fn not_sent(&mut self, number: usize) {
        if let Some(packet) = self.packets.get_mut(number) {
            packet.state = State::Unsent;
        }
    }

    /// Takes in an answer; only the first to each packet counts, even if it is late.
    pub(super) fn heard(&mut self, number: usize, from: IpAddr, answer: Answer, at: Moment) {
        let Some(packet) = self.packets.get_mut(number) else {
            return;
        };
        if !matches!(packet.state, State::Waiting | State::Missing) {
            return;
        }
        packet.state = State::Answered { from, at };
        let ttl = packet.ttl;
        let reached = match answer {
            Answer::Reply => true,
            Answer::Error(error) if is_time_exceeded(self.plan.target, error) => false,
            // The target itself refuses: packets get there.
            Answer::Error(_) if from == self.plan.target => true,
            Answer::Error(error) => {
                if self.refusal.is_none_or(|known| ttl < known.ttl) {
                    self.refusal = Some(Refusal { ttl, from, error });
                }
                false
            }
        };
        if reached {
            self.first_reply.get_or_insert(number);
            self.target = self.target.into_iter().chain([ttl]).min();
        }
    }

    /// Takes in an answer that does not say which packet it is to. It is to the only one that is waited
    /// for. If there are more, none of them counts, and from now on there is one at a time.
    pub(super) fn heard_something(&mut self, from: IpAddr, answer: Answer, at: Moment) {
        let waiting = |packet: &Packet| packet.state == State::Waiting;
        match (
            self.waiting().count(),
            self.packets.iter().position(waiting),
        ) {
            (1, Some(number)) => self.heard(number, from, answer, at),
            _ if self.plan.window > 1 => {
                self.plan.window = 1;
                for packet in &mut self.packets {
                    if packet.state == State::Waiting {
                        packet.state = State::Unclear;
                    }
                }
            }
            _ => {}
        }
    }

    /// When the packet was sent that the target answered first, and when the answer came.
    pub(super) fn reply(&self) -> Option<(Moment, Moment)> {
        let packet = self.packets.get(self.first_reply?)?;
        match packet.state {
            State::Answered { at, .. } => Some((packet.sent, at)),
            _ => None,
        }
    }

    /// Who refused to pass packets on, if the target was not reached.
    pub(super) fn refusal(&self) -> Option<Refusal> {
        self.refusal.filter(|_| self.target.is_none())
    }

    /// The last hop that answered, with its address.
    pub(super) fn last_answer(&self) -> Option<(u8, IpAddr)> {
        let answers = self.packets.iter().filter_map(|packet| match packet.state {
            State::Answered { from, .. } => Some((packet.ttl, from)),
            _ => None,
        });
        answers.max_by_key(|(ttl, _)| *ttl)
    }

    /// What the round found out. Packets that are still waited for are left out.
    pub(super) fn details(&self, protocol: Name) -> PathDetails {
        let end = self.known_end().unwrap_or_else(|| self.explored());
        let mut hops: Vec<Hop> = (1..=end).map(Hop::new).collect();
        for packet in &self.packets {
            let Some(hop) = hops.iter_mut().find(|hop| hop.ttl == packet.ttl) else {
                continue;
            };
            match packet.state {
                State::Waiting | State::Unsent | State::Unclear => {}
                State::Missing => hop.sent += 1,
                State::Answered { from, at } => {
                    hop.sent += 1;
                    hop.answer(from, at.since(packet.sent));
                }
            }
        }
        PathDetails::new(hops, self.target, Some(protocol))
    }

    fn expire(&mut self, now: Moment) {
        for packet in &mut self.packets {
            if packet.state == State::Waiting && now >= packet.sent + self.plan.wait {
                packet.state = State::Missing;
            }
        }
    }

    fn choose(&self) -> Choice {
        let explored = self.explored();
        let answered = self.last_answer().map_or(0, |(ttl, _)| ttl);
        let end = match self.known_end() {
            Some(end) => end,
            None if explored < self.plan.most_hops && explored < answered.saturating_add(AHEAD) => {
                return Choice::Send(explored + 1);
            }
            // One of those that are under way may still be answered.
            None if self.waiting().next().is_some() => return Choice::Wait,
            None => explored.min(answered.saturating_add(1)),
        };
        let fewest = (1..=end).map(|ttl| (self.sent_to(ttl), ttl)).min();
        if let Some((sent, ttl)) = fewest
            && sent < self.plan.packets
        {
            return Choice::Send(ttl);
        }
        let before = self.known_end().map_or(0, |end| end - 1);
        let answers = |packet: &Packet| {
            packet.ttl == before && matches!(packet.state, State::Answered { .. })
        };
        if before > 0
            && !self.packets.iter().any(answers)
            && self.sent_to(before) < self.plan.packets + IN_DOUBT
        {
            return Choice::Send(before);
        }
        Choice::Wait
    }

    /// Waits for the packets under way; if there are none, the round is over.
    fn pause(&self) -> Step {
        // Packets beyond the end tell nothing.
        let end = self.known_end().unwrap_or(u8::MAX);
        let open = self.waiting().filter(|packet| packet.ttl <= end);
        let ends = open.map(|packet| packet.sent + self.plan.wait);
        ends.min().map_or(Step::Done, Step::Wait)
    }

    fn waiting(&self) -> impl Iterator<Item = &Packet> {
        let waiting = |packet: &&Packet| packet.state == State::Waiting;
        self.packets.iter().filter(waiting)
    }

    /// The hop behind which there is nothing to look for.
    fn known_end(&self) -> Option<u8> {
        let refused = self.refusal.map(|refusal| refusal.ttl);
        self.target.or(refused)
    }

    fn explored(&self) -> u8 {
        let clear = self.clear().map(|packet| packet.ttl);
        clear.max().unwrap_or(0)
    }

    fn sent_to(&self, ttl: u8) -> usize {
        self.clear().filter(|packet| packet.ttl == ttl).count()
    }

    fn clear(&self) -> impl Iterator<Item = &Packet> {
        let clear = |packet: &&Packet| packet.state != State::Unclear;
        self.packets.iter().filter(clear)
    }
}

enum Choice {
    Send(u8),
    Wait,
}

/// Whether an ICMP error says that the time to live ran out on the way (code 0).
fn is_time_exceeded(target: IpAddr, error: IcmpError) -> bool {
    let kind = match Family::of(target) {
        Family::V4 => 11,
        Family::V6 => 3,
    };
    error.kind == kind
}
