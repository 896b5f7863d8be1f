//! From what happened between two snapshots to the counters that moved.

mod devices;
mod protocol;
mod queues;
mod tables;

use droplens_model::delta::Delta;
use droplens_model::{Moment, Place, Source, State};

use super::book::Move;
use super::counter::Counter;
use super::table::Pool;

/// Gathers the moves of one delta, each stamped with the time at which its source was read.
pub(super) struct Moves<'a> {
    delta: Delta<'a>,
    moves: Vec<Move>,
}

/// Every counter of the ledger that moved, gaps of the IP layer aside.
pub(super) fn moves(delta: Delta<'_>) -> Vec<Move> {
    let mut moves = Moves {
        delta,
        moves: Vec::new(),
    };
    protocol::gather(&mut moves);
    tables::gather(&mut moves);
    devices::gather(&mut moves);
    queues::gather(&mut moves);
    moves.moves
}

impl Moves<'_> {
    fn add(&mut self, counter: Counter, place: impl FnOnce() -> Place, packets: u64) {
        self.add_feeding(counter, place, packets, Vec::new());
    }

    fn add_feeding(
        &mut self,
        counter: Counter,
        place: impl FnOnce() -> Place,
        packets: u64,
        feeds: Vec<Pool>,
    ) {
        if packets > 0 {
            self.moves.push(Move {
                counter,
                place: place(),
                packets,
                at: read_at(&self.delta, counter.source()).unwrap_or_default(),
                feeds,
            });
        }
    }
}

/// When a source was read last, if its reading is good.
pub(super) fn read_at(delta: &Delta<'_>, source: Source) -> Option<Moment> {
    match delta.to.state(source) {
        State::Ok { at, .. } => Some(at),
        _ => None,
    }
}
