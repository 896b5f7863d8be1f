//! Conservation: what enters the IP layer must leave it somewhere.
//!
//! A firewall rule without a counter, or a policy, drops silently: no counter of the kernel moves.
//! But the packets that entered minus those that left by a counted door are exactly the dropped
//! ones. Such a gap is a loss only where something can drop silently; elsewhere it is multicast that
//! nobody joined and the like, and only worth a remark.

use droplens_model::delta::Delta;
use droplens_model::sample::firewall::Hook;
use droplens_model::{Family, PerFamily, Place, Snapshot};

use super::book::Move;
use super::counter::Counter;
use super::moves::read_at;
use crate::counters as c;

/// The kernel adds up each CPU's counters one after the other, so while packets flow a gap wavers
/// by a few; it may not run up a debt that hides real drops.
const SKEW: i64 = 64;

/// The balances of the IP layer.
#[derive(Clone, Debug, Default)]
pub struct Conservation {
    input: PerFamily<Balance>,
    output: PerFamily<Balance>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Balance {
    /// What is missing since the start, where something can drop silently.
    missing: i64,
    /// How much of it has been told. Never falls.
    told: i64,
    /// What was missing while nothing could drop silently.
    harmless: u64,
}

/// The two directions in which packets pass the IP layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// From receiving to delivering or forwarding.
    Input,
    /// From a request to send, or forwarding, to a device's queue.
    Output,
}

impl Conservation {
    /// Takes in one delta and tells what went missing.
    pub(super) fn observe(&mut self, delta: &Delta<'_>) -> Vec<Move> {
        let mut moves = Vec::new();
        for family in Family::ALL {
            for side in [Side::Input, Side::Output] {
                let counter = match side {
                    Side::Input => Counter::InputGap(family),
                    Side::Output => Counter::OutputGap(family),
                };
                let Some(gap) = gap(delta, side, family) else {
                    continue;
                };
                let silent = can_drop_silently(delta.to, side, family);
                let gap = match side {
                    Side::Input if silent => beyond(gap, noise(delta, family)),
                    _ => gap,
                };
                let balance = self.balance(side).get_mut(family);
                moves.push(Move {
                    counter,
                    place: Place::Family(family),
                    packets: balance.observe(gap, silent),
                    at: read_at(delta, counter.source()).unwrap_or_default(),
                    feeds: Vec::new(),
                });
            }
        }
        moves
    }

    /// Packets missing where nothing can drop silently.
    pub fn harmless(&self, side: Side, family: Family) -> u64 {
        match side {
            Side::Input => self.input.get(family).harmless,
            Side::Output => self.output.get(family).harmless,
        }
    }

    const fn balance(&mut self, side: Side) -> &mut PerFamily<Balance> {
        match side {
            Side::Input => &mut self.input,
            Side::Output => &mut self.output,
        }
    }
}

impl Balance {
    /// Adds a gap; returns how many packets are newly known to be missing.
    fn observe(&mut self, gap: i64, silent: bool) -> u64 {
        if !silent {
            self.harmless = self.harmless.saturating_add_signed(gap);
            return 0;
        }
        self.missing = self.missing.saturating_add(gap).max(self.told - SKEW);
        let news = u64::try_from(self.missing - self.told).unwrap_or(0);
        self.told = self.told.max(self.missing);
        news
    }
}

/// Packets that went in and did not come out; none on kernels that do not count one of the doors.
///
/// Counters of both files are needed, so the gap stands still while one of them is not read.
pub fn gap(delta: &Delta<'_>, side: Side, family: Family) -> Option<i64> {
    let moved = |counters: &PerFamily<_>| delta.protocol(*counters.get(family));
    let or_zero = |counters: &PerFamily<_>| moved(counters).unwrap_or(0);
    let (entered, left) = match side {
        Side::Input => {
            let entered = moved(&c::IN_RECEIVES)?;
            let mut left = moved(&c::IN_DELIVERS)? + moved(&c::FORWARDED)?;
            for refused in [
                &c::IN_HDR_ERRORS,
                &c::IN_ADDR_ERRORS,
                &c::IN_UNKNOWN_PROTOS,
                &c::IN_DISCARDS,
                &c::IN_TRUNCATED,
                &c::IN_NO_ROUTES,
            ] {
                left += or_zero(refused);
            }
            if family == Family::V4 {
                left += delta.protocol_or_zero(c::RP_FILTER);
            }
            // Kernels that count what they transmit (6.7) count a packet as forwarded before they
            // see that it is too big, older ones afterwards.
            if moved(&c::OUT_TRANSMITS).is_none() {
                left += delta.protocol_or_zero(match family {
                    Family::V4 => c::FRAG_FAILS.v4,
                    Family::V6 => c::IN_TOO_BIG,
                });
            }
            // Connection tracking puts fragments of IPv6 together without counting them, and those
            // of forwarded packets are made again: nothing else makes a router fragment.
            if family == Family::V6 {
                let again = or_zero(&c::FRAG_OKS);
                if again <= moved(&c::FORWARDED)? {
                    left += or_zero(&c::FRAG_CREATES).saturating_sub(again);
                }
            }
            // Fragments become fewer packets, or none.
            (
                entered + or_zero(&c::REASM_OKS),
                left + or_zero(&c::REASM_REQDS),
            )
        }
        Side::Output => {
            let entered =
                moved(&c::OUT_REQUESTS)? + moved(&c::FORWARDED)? + or_zero(&c::FRAG_CREATES);
            let left = moved(&c::OUT_TRANSMITS)? + or_zero(&c::FRAG_OKS) + or_zero(&c::FRAG_FAILS);
            (entered, left)
        }
    };
    Some(
        i64::try_from(entered)
            .ok()?
            .saturating_sub(i64::try_from(left).ok()?),
    )
}

/// Broadcasts and multicasts that may have found nobody who wants them. A filter that drops by
/// default drops them as well, on any network, and nobody misses them.
fn noise(delta: &Delta<'_>, family: Family) -> i64 {
    let moved = |counter| i64::try_from(delta.protocol_or_zero(counter)).unwrap_or(i64::MAX);
    let multicast = moved(*c::IN_MULTICAST.get(family));
    match family {
        Family::V4 => multicast.saturating_add(moved(c::IN_BROADCAST)),
        Family::V6 => {
            let delivered = [
                c::IN_NEIGHBOUR_SOLICITS,
                c::IN_ROUTER_ADVERTISEMENTS,
                c::IN_ROUTER_SOLICITS,
                c::IN_GROUP_QUERIES,
                c::IN_GROUP_REPORTS,
            ];
            let delivered = delivered.into_iter().map(moved);
            delivered.fold(multicast, i64::saturating_sub).max(0)
        }
    }
}

/// What of a gap remains when this much of it may be noise. A gap that is none stays as it is.
fn beyond(gap: i64, noise: i64) -> i64 {
    gap.min(gap.saturating_sub(noise).max(0))
}

/// Whether a rule without a counter, or a policy, can drop packets on this side. Older kernels
/// count a forwarded packet behind the forward hook, newer ones before it.
fn can_drop_silently(snapshot: &Snapshot, side: Side, family: Family) -> bool {
    let hooks = match side {
        Side::Input => [Hook::Prerouting, Hook::Input, Hook::Forward],
        Side::Output => [Hook::Forward, Hook::Output, Hook::Postrouting],
    };
    let firewall = snapshot.firewall.last().map(|firewall| &*firewall.value);
    firewall.is_some_and(|firewall| hooks.iter().any(|hook| firewall.can_drop(family, *hook)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::counters::snapshots;

    proptest! {
        /// A gap that wavers is told once, and what is told never exceeds what was missing by more
        /// than the wavering.
        #[test]
        fn a_wavering_gap_is_told_within_its_wavering(
            steps in prop::collection::vec((0_u16..20, -5_i64..=5), 1..200),
        ) {
            let mut balance = Balance::default();
            let (mut told, mut real, mut last) = (0, 0_i64, 0);
            for (drops, waver) in steps {
                real += i64::from(drops);
                told += i64::try_from(balance.observe(i64::from(drops) + waver - last, true)).unwrap();
                last = waver;
                prop_assert!(told >= real - 5 && told <= real + 5, "{told} of {real}");
            }
        }
    }

    #[test]
    fn where_nothing_can_drop_a_gap_is_no_loss() {
        let mut balance = Balance::default();
        assert_eq!(balance.observe(7, false), 0);
        assert_eq!(balance.harmless, 7);
        assert_eq!(balance.observe(3, true), 3);
    }

    #[test]
    fn a_packet_too_big_to_forward_leaves_no_gap_on_any_kernel() {
        for newer in [true, false] {
            let at = |second, packets| {
                let mut counters = Vec::new();
                for family in Family::ALL {
                    let forwarded = if newer { packets } else { 0 };
                    counters.extend([
                        (*c::IN_RECEIVES.get(family), packets),
                        (*c::IN_DELIVERS.get(family), 0),
                        (*c::FORWARDED.get(family), forwarded),
                        (*c::FRAG_FAILS.get(family), packets),
                        (*c::OUT_REQUESTS.get(family), 0),
                    ]);
                    if newer {
                        counters.push((*c::OUT_TRANSMITS.get(family), 0));
                    }
                }
                counters.push((c::IN_TOO_BIG, packets));
                snapshots::of(second, &counters)
            };
            let (from, to) = (at(1, 0), at(2, 100));
            let delta = Delta::new(&from, &to);
            for family in Family::ALL {
                assert_eq!(gap(&delta, Side::Input, family), Some(0));
                let output = newer.then_some(0);
                assert_eq!(gap(&delta, Side::Output, family), output);
            }
        }
    }

    #[test]
    fn noise_hides_no_more_than_itself() {
        assert_eq!(beyond(10, 0), 10);
        assert_eq!(beyond(10, 4), 6);
        assert_eq!(beyond(10, 40), 0);
        assert_eq!(beyond(-3, 40), -3);
        assert_eq!(beyond(0, 40), 0);
    }

    #[test]
    fn multicast_that_was_delivered_is_no_noise() {
        let at = |second, multicast, solicits| {
            snapshots::of(
                second,
                &[
                    (c::IN_MULTICAST.v6, multicast),
                    (c::IN_NEIGHBOUR_SOLICITS, solicits),
                    (c::IN_MULTICAST.v4, multicast),
                    (c::IN_BROADCAST, 3),
                ],
            )
        };
        let (from, to) = (at(1, 0, 0), at(2, 10, 7));
        assert_eq!(noise(&Delta::new(&from, &to), Family::V6), 3);
        assert_eq!(noise(&Delta::new(&from, &to), Family::V4), 10);
        let to = at(2, 10, 12);
        assert_eq!(noise(&Delta::new(&from, &to), Family::V6), 0, "unicast");
    }
}
