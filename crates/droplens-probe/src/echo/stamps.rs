//! Whose transmission a time stamp is of.
//!
//! The kernel numbers the packets that ask for a stamp. Since Linux 6.13 the number can be given with
//! the packet. Older kernels count themselves, and a packet that was refused may have been counted or
//! not. After such a one nothing is stamped until all that is under way has left, and then the counting
//! begins anew: a stamp that is taken for another packet's would make a wrong time.
//!
//! A stamp costs a sixth of what its probe costs, so where many are sent together not all ask for one
//! ([`sampling`]).

mod sampling;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::time::Duration;

use droplens_model::Moment;

use crate::engine::Ticket;
use crate::flight::Stamp;
use sampling::Sampling;

/// Stamps that are waited for at most. More are asked for only in a burst that no schedule makes.
const MOST: usize = 4_096;

/// No packet waits longer than this to be sent.
const PAUSE: Duration = Duration::from_secs(1);

/// How transmissions are numbered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Numbering {
    /// There are no stamps.
    Off,
    /// By the kernel.
    Counted,
    /// By us.
    Given,
}

/// What to do about the stamp of the next packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Do not ask for it.
    No,
    /// Ask for it.
    Yes,
    /// Ask for it, by this number.
    Numbered(u32),
    /// Begin to count anew, then ask for it.
    Anew,
}

/// The packets whose stamp may come.
#[derive(Debug)]
pub(super) struct Stamps {
    numbering: Numbering,
    next: u32,
    paused: Option<Moment>,
    /// Those that are waited for, by number, up to the next one; none where it came already.
    waiting: VecDeque<Option<Asked>>,
    sampling: Sampling,
}

/// A packet whose stamp was asked for.
#[derive(Clone, Copy, Debug)]
struct Asked {
    ticket: Ticket,
    /// When the kernel said that it had taken it, by the clock of the stamps.
    taken: Stamp,
}

impl Stamps {
    /// Nothing was sent yet.
    pub(super) fn new(numbering: Numbering) -> Self {
        Self {
            numbering,
            next: 0,
            paused: None,
            waiting: VecDeque::new(),
            sampling: Sampling::default(),
        }
    }

    /// How transmissions are numbered.
    pub(super) const fn numbering(&self) -> Numbering {
        self.numbering
    }

    /// Whether there are stamps at all.
    pub(super) fn are_there(&self) -> bool {
        self.numbering != Numbering::Off
    }

    /// Takes in that packets are sent now that waited for each other, or not.
    pub(super) const fn begin(&mut self, together: bool) {
        self.sampling.begin(together);
    }

    /// What to do about the stamp of a packet that is sent now.
    pub(super) fn want(&mut self, now: Moment) -> Wanted {
        match self.numbering {
            Numbering::Off => Wanted::No,
            _ if !self.sampling.asks(now) => Wanted::No,
            Numbering::Given => Wanted::Numbered(self.next),
            Numbering::Counted => match self.paused {
                Some(since) if now.since(since) < PAUSE => Wanted::No,
                Some(_) => {
                    self.paused = None;
                    self.next = 0;
                    self.waiting.clear();
                    Wanted::Anew
                }
                None => Wanted::Yes,
            },
        }
    }

    /// Takes in that a packet was sent as it was wanted, and when that was done.
    pub(super) fn sent(&mut self, wanted: Wanted, ticket: Ticket, taken: impl FnOnce() -> Stamp) {
        if wanted == Wanted::No {
            return;
        }
        self.next = self.next.wrapping_add(1);
        if self.waiting.len() == MOST {
            self.waiting.pop_front();
        }
        self.waiting.push_back(Some(Asked {
            ticket,
            taken: taken(),
        }));
        self.sampling.asked();
    }

    /// Takes in that it was not.
    pub(super) fn refused(&mut self, wanted: Wanted, now: Moment) {
        if self.numbering == Numbering::Counted && wanted != Wanted::No {
            self.paused = Some(now);
        }
    }

    /// The probe whose stamp came.
    pub(super) fn came(&mut self, number: u32, stamp: Stamp, now: Moment) -> Option<Ticket> {
        if self.paused.is_some() {
            return None;
        }
        let back = self.next.wrapping_sub(number) as usize;
        let place = self.waiting.len().checked_sub(back)?;
        let Asked { ticket, taken } = self.waiting.get_mut(place)?.take()?;
        while let Some(None) = self.waiting.front() {
            self.waiting.pop_front();
        }
        self.sampling.came(stamp.0.saturating_sub(taken.0), now);
        Some(ticket)
    }
}
