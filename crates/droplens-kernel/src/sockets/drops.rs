//! Drops by port, kept while sockets come and go.

use droplens_model::Family;
use droplens_model::totals::Totals;
use droplens_model::wrap::Unwrapper;

/// The most ports whose drops are told apart; those of any further ports are kept together, so
/// that a host whose ports change all the time does not fill the memory.
pub(super) const MOST_PORTS: usize = 1_024;

/// A family and a port; port 0 stands for all that are not told apart.
pub(super) type PortKey = (Family, u16);

/// What the sockets of each port dropped. A socket without drops costs nothing.
#[derive(Debug, Default)]
pub(super) struct PortDrops {
    counters: Unwrapper<u64, 1>,
    totals: Totals<PortKey, u64, 1>,
    ports: usize,
}

impl PortDrops {
    /// Takes in one socket's counter.
    pub(super) fn observe(&mut self, port: PortKey, cookie: u64, drops: u32) {
        if drops == 0 {
            return;
        }
        let [drops] = self.counters.observe(cookie, [drops]);
        let key = if self.totals.get(&port).is_some() {
            port
        } else if self.ports < MOST_PORTS {
            self.ports += 1;
            port
        } else {
            (port.0, 0)
        };
        self.totals.observe(&key, cookie, [drops]);
    }

    /// Ends a reading: sockets not seen in it are gone, what they dropped stays.
    pub(super) fn finish(&mut self) {
        self.counters.finish();
        self.totals.finish();
    }

    /// What the sockets of one port dropped.
    pub(super) fn get(&self, port: PortKey) -> u64 {
        self.totals.get(&port).map_or(0, |[drops]| *drops)
    }

    /// Every port with drops.
    pub(super) fn iter(&self) -> impl Iterator<Item = (PortKey, u64)> {
        self.totals.iter().map(|(port, [drops])| (*port, *drops))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_keeps_what_its_gone_sockets_dropped() {
        let mut drops = PortDrops::default();
        drops.observe((Family::V4, 53), 1, 10);
        drops.observe((Family::V6, 53), 2, 5);
        drops.finish();
        drops.observe((Family::V4, 53), 3, 2);
        drops.finish();
        assert_eq!(drops.get((Family::V4, 53)), 12);
        assert_eq!(drops.get((Family::V6, 53)), 5);
    }

    #[test]
    fn a_counter_that_wraps_goes_on() {
        let mut drops = PortDrops::default();
        drops.observe((Family::V4, 53), 1, u32::MAX);
        drops.finish();
        drops.observe((Family::V4, 53), 1, 4);
        assert_eq!(drops.get((Family::V4, 53)), u64::from(u32::MAX) + 5);
    }

    #[test]
    fn the_number_of_ports_is_bounded_and_nothing_is_lost() {
        let mut drops = PortDrops::default();
        for port in 1..=2_000_u16 {
            drops.observe((Family::V4, port), u64::from(port), 3);
        }
        drops.finish();
        assert_eq!(drops.iter().count(), MOST_PORTS + 1);
        assert_eq!(drops.get((Family::V4, 0)), 3 * (2_000 - MOST_PORTS as u64));
        assert_eq!(drops.iter().map(|(_, drops)| drops).sum::<u64>(), 6_000);
    }
}
