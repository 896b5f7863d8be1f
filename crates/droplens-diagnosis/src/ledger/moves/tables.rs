//! Receive work, connection tracking and neighbour tables.

use droplens_model::Place;
use droplens_model::delta::ConntrackDelta;
use droplens_model::sample::firewall::Hook;

use super::Moves;
use crate::ledger::counter::Counter;

/// Hooks whose drops the conservation of the IP layer misses.
const IP_HOOKS: [Hook; 5] = [
    Hook::Prerouting,
    Hook::Input,
    Hook::Forward,
    Hook::Output,
    Hook::Postrouting,
];

pub(super) fn gather(moves: &mut Moves<'_>) {
    for softnet in moves.delta.softnet() {
        let place = || Place::Cpu(softnet.cpu);
        moves.add(Counter::SoftnetFlowLimit, place, softnet.flow_limit);
        moves.add(Counter::SoftnetDropped, place, softnet.dropped);
    }
    if let Some(ConntrackDelta {
        drop,
        insert_failed,
        early_drop: _,
        invalid: _,
    }) = moves.delta.conntrack()
    {
        moves.add(
            Counter::ConntrackInsertFailed,
            || Place::Host,
            insert_failed,
        );
        moves.add(Counter::ConntrackDrop, || Place::Host, drop);
    }
    for rule in moves.delta.firewall() {
        let counter = if IP_HOOKS.iter().any(|hook| rule.hooks.contains(*hook)) {
            Counter::FirewallRule
        } else {
            Counter::DeviceFirewallRule
        };
        moves.add(counter, || rule.place.clone(), rule.packets);
    }
    for table in moves.delta.neighbours() {
        let place = || Place::Family(table.family);
        moves.add(Counter::NeighbourFailed, place, table.failed);
        moves.add(Counter::NeighbourFull, place, table.full);
    }
}
