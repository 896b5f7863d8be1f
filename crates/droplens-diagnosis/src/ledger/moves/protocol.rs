//! Protocol counters: every one that stands in the table.

use droplens_model::{Family, Place, Source};

use super::Moves;
use crate::ledger::counter::Counter;
use crate::ledger::table::TABLE;

pub(super) fn gather(moves: &mut Moves<'_>) {
    for entry in TABLE {
        if let Counter::Protocol(protocol) = entry.counter {
            let packets = moves.delta.protocol_or_zero(protocol);
            let place = || match (protocol.source, protocol.group) {
                (Source::Snmp6, _) => Place::Family(Family::V6),
                // These count both families.
                (_, "Tcp" | "TcpExt") => Place::Host,
                _ => Place::Family(Family::V4),
            };
            moves.add(entry.counter, place, packets);
        }
    }
}
