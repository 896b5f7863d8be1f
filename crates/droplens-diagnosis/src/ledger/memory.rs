//! What happened lately, where a counter's meaning depends on it.

use std::collections::BTreeMap;
use std::time::Duration;

use droplens_model::delta::Delta;
use droplens_model::{Cause, Family, Moment, Name, PerFamily, Place, Source};

use super::book::Judge;
use super::counter::Counter;
use super::table::{Meaning, entry};
use crate::counters as c;

/// Messages that are limited to about one a second, and carriers that just came back, still
/// explain what is counted this long after.
const LATELY: Duration = Duration::from_secs(10);

/// A table is nearly full above this share of its limit: entries come and go between readings.
const NEARLY_FULL: f64 = 0.9;

/// The last time of each such happening.
#[derive(Clone, Debug, Default)]
pub(super) struct Memory {
    time_exceeded: PerFamily<Option<Moment>>,
    /// By device; only lately.
    carrier_missing: BTreeMap<Name, Moment>,
    send_buffer_full: PerFamily<Option<Moment>>,
    table_nearly_full: Option<Moment>,
}

impl Memory {
    /// Takes in what happened until `now`.
    pub(super) fn observe(&mut self, delta: &Delta<'_>, now: Moment) {
        for family in Family::ALL {
            // Fragments that came too late make a host send the same message.
            let late = delta.protocol_or_zero(*c::REASM_TIMEOUT.get(family));
            if delta.protocol_or_zero(*c::ICMP_OUT_TIME_EXCEEDED.get(family)) > late {
                *self.time_exceeded.get_mut(family) = Some(now);
            }
            if delta.protocol_or_zero(*c::UDP_SNDBUF_ERRORS.get(family)) > 0 {
                *self.send_buffer_full.get_mut(family) = Some(now);
            }
        }
        self.carrier_missing
            .retain(|_, moment| now.since(*moment) < LATELY);
        for device in carriers_missing(delta) {
            self.carrier_missing.insert(device, now);
        }
        let full = delta.to.conntrack.ok().is_some_and(|conntrack| {
            conntrack.limit > 0 && conntrack.entries as f64 >= NEARLY_FULL * conntrack.limit as f64
        });
        if full || delta.conntrack().is_some_and(|moved| moved.early_drop > 0) {
            self.table_nearly_full = Some(now);
        }
    }
}

/// Devices that should carry packets and have no carrier, or lost it in between. An empty bridge
/// has none by nature.
fn carriers_missing(delta: &Delta<'_>) -> Vec<Name> {
    let Some(links) = delta.to.links.ok() else {
        return Vec::new();
    };
    let down = links.links.iter().filter(|link| {
        let attributes = &link.attributes;
        attributes.up
            && attributes.carrier == Some(false)
            && attributes.kind.as_deref() != Some("bridge")
            && link.statistics.tx_packets > 0
    });
    let troubled = delta.troubled_devices();
    let changed = troubled.iter().filter(|device| device.carrier_changes > 0);
    down.chain(changed.map(|device| device.link))
        .map(|link| link.name().clone())
        .collect()
}

impl Judge for Memory {
    fn cause(&self, counter: Counter, place: &Place, at: Moment) -> Option<Cause> {
        let lately =
            |moment: Option<Moment>| moment.is_some_and(|moment| at.since(moment) < LATELY);
        let down = |device: Option<&Name>| match device {
            Some(device) => lately(self.carrier_missing.get(device).copied()),
            None => self
                .carrier_missing
                .values()
                .any(|moment| lately(Some(*moment))),
        };
        let family = match counter.source() {
            Source::Snmp6 => Family::V6,
            _ => Family::V4,
        };
        match entry(counter).meaning {
            Meaning::Lost(cause) => Some(cause),
            Meaning::Elsewhere => None,
            Meaning::HeaderOrTtl => Some(if lately(*self.time_exceeded.get(family)) {
                Cause::TtlExpired
            } else {
                Cause::HeaderErrors
            }),
            Meaning::DownOrSendBuffer if down(None) => Some(Cause::LinkDown),
            Meaning::DownOrSendBuffer => {
                lately(*self.send_buffer_full.get(family)).then_some(Cause::UdpSendBufferFull)
            }
            Meaning::DownOrPair => Some(match place.device() {
                Some(device) if down(Some(device)) => Cause::LinkDown,
                _ => Cause::VethDrop,
            }),
            Meaning::TableFullOrClash => Some(if lately(self.table_nearly_full) {
                Cause::ConntrackTableFull
            } else {
                Cause::ConntrackInsertFailed
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::counters::snapshots;
    use crate::ledger::Ledger;

    #[test]
    fn messages_about_late_fragments_tell_nothing_of_hop_limits() {
        let lost = |time_exceeded, late| {
            let at = |seconds, header, time_exceeded, late| {
                snapshots::of(
                    seconds,
                    &[
                        (c::IN_HDR_ERRORS.v4, header),
                        (c::ICMP_OUT_TIME_EXCEEDED.v4, time_exceeded),
                        (c::REASM_TIMEOUT.v4, late),
                    ],
                )
            };
            let (from, to) = (at(1, 0, 0, 0), at(2, 10, time_exceeded, late));
            let ledger = Ledger::of(Delta::new(&from, &to));
            [Cause::HeaderErrors, Cause::TtlExpired].map(|cause| ledger.packets(cause))
        };
        assert_eq!(lost(0, 0), [10, 0]);
        assert_eq!(lost(1, 0), [0, 10]);
        assert_eq!(lost(5, 7), [10, 0]);
        assert_eq!(lost(8, 7), [0, 10]);
    }
}
