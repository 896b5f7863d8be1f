//! The ledger: every lost packet once, by cause and place.
//!
//! [`moves`] finds the counters that moved between two snapshots, the [`table`] says what each
//! means and which contain others, the [`book`] takes the one apart by the other. Counts never fall
//! and never take anything back: what a catch-all counter says waits until everything that could
//! explain it has been read as late.

mod book;
pub mod conservation;
mod counter;
mod memory;
mod moves;
pub mod table;

use std::collections::{BTreeMap, BTreeSet};

use droplens_model::delta::Delta;
use droplens_model::{Cause, Moment, Name, Place, Snapshot, Source};

use book::{Book, Move};
use conservation::Conservation;
use memory::Memory;

pub use counter::Counter;

/// Packets lost, by cause and place.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    book: Book,
    memory: Memory,
    conservation: Conservation,
}

impl Ledger {
    /// What one pair of snapshots shows.
    pub fn of(delta: Delta<'_>) -> Self {
        let mut ledger = Self::default();
        ledger.advance(delta, newest(delta.to));
        ledger.settle();
        ledger
    }

    /// The same without what still waits for an explanation: of a running agent, whose next
    /// readings will bring it.
    pub fn explained(delta: Delta<'_>) -> Self {
        let mut ledger = Self::default();
        ledger.advance(delta, newest(delta.to));
        ledger
    }

    /// Takes in what happened since the snapshot before.
    pub fn advance(&mut self, delta: Delta<'_>, now: Moment) {
        self.memory.observe(&delta, now);
        let mut moves: Vec<Move> = moves::moves(delta);
        moves.extend(self.conservation.observe(&delta));
        let clock = |source| moves::read_at(&delta, source);
        self.book.enter(moves, now, &clock, &self.memory);
    }

    /// Books everything that still waits for an explanation.
    pub fn settle(&mut self) {
        self.book.settle(&self.memory);
    }

    /// The sources that something waits for: they should be read at once.
    pub fn awaited(&self, snapshot: &Snapshot) -> BTreeSet<Source> {
        let delta = Delta::new(snapshot, snapshot);
        self.book.awaited(&|source| moves::read_at(&delta, source))
    }

    /// Adds the accounts of some devices to those of the host, cause by cause.
    pub fn fold(&mut self, gone: impl Fn(&Name) -> bool) {
        self.book.fold(gone);
    }

    /// Packets by cause and place. None of these numbers ever falls.
    pub fn accounts(&self) -> &BTreeMap<(Cause, Place), u64> {
        self.book.accounts()
    }

    /// The gaps of the IP layer that nothing explains and that need not be losses.
    pub fn conservation(&self) -> &Conservation {
        &self.conservation
    }

    /// Packets lost by one cause, everywhere.
    pub fn packets(&self, cause: Cause) -> u64 {
        self.places(cause).map(|(_, packets)| packets).sum()
    }

    /// Where packets were lost by one cause.
    pub fn places(&self, cause: Cause) -> impl Iterator<Item = (&Place, u64)> {
        self.accounts()
            .range((cause, Place::Host)..)
            .take_while(move |((other, _), _)| *other == cause)
            .map(|((_, place), packets)| (place, *packets))
    }
}

/// When the newest reading of a snapshot ended.
pub(crate) fn newest(snapshot: &Snapshot) -> Moment {
    snapshot
        .states()
        .filter_map(|(_, state)| match state {
            droplens_model::State::Ok { at, .. } => Some(at),
            _ => None,
        })
        .max()
        .unwrap_or_default()
}
