//! The one table of what each counter means and which counters count the same packets.
//!
//! A counter that contains others *draws* from a pool; the counters inside it *feed* that pool.
//! What a counter moved beyond what it can draw is its own: packets that nothing else explains.
//! A pool belongs to a device, to an address family or to the host, as its scope says.

use droplens_model::delta::Protocol;
use droplens_model::{Cause, Family, Source};

use super::counter::Counter;
use crate::counters as c;

/// What a counter's own packets are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// Lost by this cause.
    Lost(Cause),
    /// Header errors of a router are used-up hop limits if it has sent "time exceeded" lately,
    /// else damaged headers: the messages are limited in rate, so their number proves nothing.
    HeaderOrTtl,
    /// Lost to a missing carrier if there is or was one lately, to a full send buffer if UDP says
    /// so at the same time; otherwise nothing can be said.
    DownOrSendBuffer,
    /// Lost to a missing carrier if the device has or had none lately, else by its pair.
    DownOrPair,
    /// Lost to a full table if it is or was nearly full lately, else to a failed insertion.
    TableFullOrClash,
    /// Counted elsewhere, or not lost: only feeds pools.
    Elsewhere,
}

impl Meaning {
    /// The causes it can be, the one without any sign of another first.
    pub fn causes(self) -> Vec<Cause> {
        match self {
            Self::Lost(cause) => vec![cause],
            Self::HeaderOrTtl => vec![Cause::HeaderErrors, Cause::TtlExpired],
            Self::DownOrSendBuffer => vec![Cause::LinkDown, Cause::UdpSendBufferFull],
            Self::DownOrPair => vec![Cause::VethDrop, Cause::LinkDown],
            Self::TableFullOrClash => {
                vec![Cause::ConntrackInsertFailed, Cause::ConntrackTableFull]
            }
            Self::Elsewhere => Vec::new(),
        }
    }
}

/// Packets that one counter has explained to another that contains it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Pool {
    /// Explained header errors.
    HeaderErrors,
    /// Explained drops of listeners.
    ListenDrops,
    /// Explained pruning of receive queues.
    ReceivePruned,
    /// Explained bad TCP segments.
    TcpErrors,
    /// Explained packets discarded on the way out.
    OutDiscards,
    /// Explained softnet drops.
    SoftnetDropped,
    /// Softnet drops, which devices that hand packets to a backlog count as well.
    Backlog,
    /// Explained receive errors of a card.
    CardReceiveErrors,
    /// Explained damaged frames.
    CardDamaged,
    /// Explained misses.
    CardMissed,
    /// Explained transmit errors of a card.
    CardTransmitErrors,
    /// Explained transmit drops of a card.
    CardTransmitDropped,
    /// Explained conntrack drops.
    ConntrackDrop,
    /// Explained gaps of the IP layer: drops in its hooks that something counts.
    Hooks,
}

/// To whom a pool belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The counter's own place.
    Same,
    /// The host: places of the two sides differ.
    Host,
}

impl Pool {
    /// To whom it belongs.
    pub const fn scope(self) -> Scope {
        match self {
            // The flow limit counts on the CPU that steers, the drop on the one steered to.
            Self::SoftnetDropped | Self::OutDiscards | Self::Backlog | Self::Hooks => Scope::Host,
            _ => Scope::Same,
        }
    }
}

/// One line of the table.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// The counter.
    pub counter: Counter,
    /// What its own packets are.
    pub meaning: Meaning,
    /// The pools of the counters that contain it.
    pub feeds: &'static [Pool],
    /// The pool of the counters that it contains.
    pub draws: Option<Pool>,
    /// Under which condition it holds, for people.
    pub condition: &'static str,
}

const fn lost(counter: Counter, cause: Cause) -> Entry {
    Entry {
        counter,
        meaning: Meaning::Lost(cause),
        feeds: &[],
        draws: None,
        condition: "always",
    }
}

const fn protocol(counter: Protocol, cause: Cause) -> Entry {
    lost(Counter::Protocol(counter), cause)
}

impl Entry {
    const fn feeds(self, feeds: &'static [Pool]) -> Self {
        Self { feeds, ..self }
    }

    const fn draws(self, pool: Pool) -> Self {
        Self {
            draws: Some(pool),
            ..self
        }
    }

    const fn means(self, meaning: Meaning) -> Self {
        Self { meaning, ..self }
    }

    const fn when(self, condition: &'static str) -> Self {
        Self { condition, ..self }
    }
}

use Cause as L;
use Counter as K;

/// Every counter of the ledger.
pub const TABLE: &[Entry] = &[
    // The IP layer.
    protocol(c::IN_HDR_ERRORS.v4, L::HeaderErrors)
        .means(Meaning::HeaderOrTtl)
        .draws(Pool::HeaderErrors)
        .when("contains wrong header checksums and, on a router, used-up hop limits"),
    protocol(c::IN_HDR_ERRORS.v6, L::HeaderErrors)
        .means(Meaning::HeaderOrTtl)
        .when("contains, on a router, used-up hop limits"),
    protocol(c::IP_IN_CSUM_ERRORS, L::ChecksumErrors).feeds(&[Pool::HeaderErrors]),
    protocol(c::IN_TRUNCATED.v4, L::HeaderErrors),
    protocol(c::IN_TRUNCATED.v6, L::HeaderErrors),
    protocol(c::IN_ADDR_ERRORS.v4, L::AddressErrors),
    protocol(c::IN_ADDR_ERRORS.v6, L::AddressErrors),
    protocol(c::RP_FILTER, L::RpFilter),
    protocol(c::IN_NO_ROUTES.v4, L::NoRoute),
    protocol(c::IN_NO_ROUTES.v6, L::NoRoute),
    protocol(c::OUT_NO_ROUTES.v4, L::NoRoute)
        .when("IPv6 is left out: programs that try IPv6 first move it on any host"),
    protocol(c::REASM_FAILS.v4, L::ReassemblyFailed),
    protocol(c::REASM_FAILS.v6, L::ReassemblyFailed),
    protocol(c::FRAG_FAILS.v4, L::FragmentationFailed),
    protocol(c::FRAG_FAILS.v6, L::FragmentationFailed),
    protocol(c::OUT_DISCARDS.v4, L::LinkDown)
        .means(Meaning::DownOrSendBuffer)
        .draws(Pool::OutDiscards)
        .when("contains what a qdisc, a device or a full neighbour table refused"),
    protocol(c::OUT_DISCARDS.v6, L::LinkDown)
        .means(Meaning::DownOrSendBuffer)
        .draws(Pool::OutDiscards)
        .when("contains what a qdisc, a device or a full neighbour table refused"),
    lost(K::NeighbourFailed, L::NeighbourUnresolved)
        .when("counts addresses, not packets: at least one packet waited for each"),
    lost(K::NeighbourFull, L::NeighbourTableFull).feeds(&[Pool::OutDiscards]),
    // Checksums of the transports.
    protocol(c::UDP_IN_CSUM_ERRORS.v4, L::ChecksumErrors),
    protocol(c::UDP_IN_CSUM_ERRORS.v6, L::ChecksumErrors),
    protocol(c::ICMP_IN_CSUM_ERRORS.v4, L::ChecksumErrors),
    protocol(c::ICMP_IN_CSUM_ERRORS.v6, L::ChecksumErrors),
    protocol(c::TCP_IN_CSUM_ERRORS, L::ChecksumErrors).feeds(&[Pool::TcpErrors]),
    protocol(c::TCP_IN_ERRS, L::HeaderErrors)
        .draws(Pool::TcpErrors)
        .when("contains wrong checksums"),
    // Sockets.
    protocol(c::UDP_RCVBUF_ERRORS.v4, L::UdpReceiveBufferFull),
    protocol(c::UDP_RCVBUF_ERRORS.v6, L::UdpReceiveBufferFull),
    protocol(c::UDP_MEM_ERRORS.v4, L::UdpMemoryLimit),
    protocol(c::UDP_MEM_ERRORS.v6, L::UdpMemoryLimit),
    protocol(c::UDP_SNDBUF_ERRORS.v4, L::UdpSendBufferFull)
        .means(Meaning::Elsewhere)
        .when("all of them are in OutDiscards, whatever refused them"),
    protocol(c::UDP_SNDBUF_ERRORS.v6, L::UdpSendBufferFull)
        .means(Meaning::Elsewhere)
        .when("all of them are in OutDiscards, whatever refused them"),
    protocol(c::TCP_LISTEN_OVERFLOWS, L::TcpAcceptQueueFull).feeds(&[Pool::ListenDrops]),
    protocol(c::TCP_LISTEN_DROPS, L::TcpSynQueueFull)
        .draws(Pool::ListenDrops)
        .when("contains overflows of the accept queue"),
    protocol(c::TCP_RCVQ_DROP, L::TcpReceiveQueueFull).feeds(&[Pool::ReceivePruned]),
    protocol(c::TCP_OFO_DROP, L::TcpReceiveQueueFull).feeds(&[Pool::ReceivePruned]),
    protocol(c::TCP_ZERO_WINDOW_DROP, L::TcpReceiveQueueFull),
    protocol(c::TCP_RCV_PRUNED, L::TcpReceiveQueueFull)
        .draws(Pool::ReceivePruned)
        .when("most pruned segments are counted as dropped from a queue as well"),
    protocol(c::TCP_BACKLOG_DROP, L::TcpBacklogDrop),
    protocol(c::TCP_TIME_WAIT_OVERFLOW, L::TimeWaitOverflow),
    // Receive work.
    lost(K::SoftnetFlowLimit, L::SoftnetFlowLimit).feeds(&[Pool::SoftnetDropped]),
    lost(K::SoftnetDropped, L::SoftnetBacklogOverflow)
        .feeds(&[Pool::Backlog])
        .draws(Pool::SoftnetDropped)
        .when("contains the flow limit's drops"),
    // Cards.
    lost(K::CardDamaged, L::LinkErrors)
        .feeds(&[Pool::CardReceiveErrors])
        .draws(Pool::CardDamaged)
        .when("contains what the driver tells more exactly"),
    lost(K::CardReceiveErrors, L::LinkErrors)
        .draws(Pool::CardReceiveErrors)
        .when("contains damaged frames"),
    lost(K::CardMissed, L::NicRxRingOverflow)
        .draws(Pool::CardMissed)
        .when("contains what the driver tells more exactly"),
    lost(K::CardTransmitErrors, L::LinkErrors)
        .draws(Pool::CardTransmitErrors)
        .when("contains what the driver tells more exactly"),
    lost(K::CardTransmitDropped, L::NicTxRingFull)
        .feeds(&[Pool::OutDiscards])
        .draws(Pool::CardTransmitDropped)
        .when("contains what the driver tells more exactly"),
    // Virtual devices.
    lost(K::TunTransmitDropped, L::TunQueueFull).feeds(&[Pool::OutDiscards]),
    lost(K::VethTransmitDropped, L::VethDrop)
        .means(Meaning::DownOrPair)
        .feeds(&[Pool::OutDiscards])
        .draws(Pool::Backlog)
        .when("contains the drops of the backlog into which the pair hands packets"),
    lost(K::BridgeDropped, L::BridgeDrop),
    lost(K::VxlanDropped, L::VxlanDrop),
    // Queues. The tree of a device's qdiscs and classes is taken apart where it is read.
    lost(K::QdiscDropped, L::QdiscOverflow).feeds(&[Pool::OutDiscards]),
    lost(K::ClassDropped, L::QdiscClassOverflow).feeds(&[Pool::OutDiscards]),
    lost(K::IngressDropped, L::PolicerDrop),
    lost(K::FilterDropped, L::PolicerDrop)
        .feeds(&[Pool::OutDiscards])
        .when("what its egress filters drop, the IP layer counts as discarded"),
    // Netfilter.
    lost(K::ConntrackInsertFailed, L::ConntrackInsertFailed).feeds(&[Pool::ConntrackDrop]),
    lost(K::ConntrackDrop, L::ConntrackTableFull)
        .means(Meaning::TableFullOrClash)
        .feeds(&[Pool::Hooks])
        .draws(Pool::ConntrackDrop)
        .when("contains failed insertions"),
    lost(K::FirewallRule, L::FirewallDrop)
        .feeds(&[Pool::Hooks])
        .when("rules with a counter of their own in the hooks of the IP layer"),
    lost(K::DeviceFirewallRule, L::FirewallDrop)
        .when("rules with a counter of their own before or behind the IP layer"),
    // Conservation.
    lost(K::InputGap(Family::V4), L::UnaccountedIpInput)
        .draws(Pool::Hooks)
        .when("only where something can drop without counting"),
    lost(K::InputGap(Family::V6), L::UnaccountedIpInput)
        .draws(Pool::Hooks)
        .when("only where something can drop without counting"),
    lost(K::OutputGap(Family::V4), L::UnaccountedIpOutput)
        .feeds(&[Pool::OutDiscards])
        .draws(Pool::Hooks)
        .when("only where something can drop without counting"),
    lost(K::OutputGap(Family::V6), L::UnaccountedIpOutput)
        .feeds(&[Pool::OutDiscards])
        .draws(Pool::Hooks)
        .when("only where something can drop without counting"),
];

/// The line of a counter; a driver statistic's depends on its cause and on the driver.
pub fn entry(counter: Counter) -> Entry {
    if let Counter::Driver(cause) = counter {
        return lost(counter, cause).when("as the reviewed table of drivers says");
    }
    TABLE
        .iter()
        .find(|entry| entry.counter == counter)
        .copied()
        .unwrap_or(Entry {
            counter,
            meaning: Meaning::Elsewhere,
            feeds: &[],
            draws: None,
            condition: "not in the table",
        })
}

/// The sources of all counters that feed a pool.
pub fn feeders(pool: Pool) -> impl Iterator<Item = Source> {
    let driver = matches!(
        pool,
        Pool::CardDamaged
            | Pool::CardReceiveErrors
            | Pool::CardMissed
            | Pool::CardTransmitErrors
            | Pool::CardTransmitDropped
    );
    TABLE
        .iter()
        .filter(move |entry| entry.feeds.contains(&pool))
        .map(|entry| entry.counter.source())
        .chain(driver.then_some(Source::Driver))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_counter_stands_twice_and_no_pool_is_one_sided() {
        let mut seen = HashSet::new();
        for entry in TABLE {
            assert!(seen.insert(entry.counter), "{:?} twice", entry.counter);
            for pool in entry.feeds {
                let drawn = TABLE.iter().any(|other| other.draws == Some(*pool));
                assert!(drawn, "nobody draws from {pool:?}");
            }
            if let Some(pool) = entry.draws {
                assert!(feeders(pool).next().is_some(), "nobody feeds {pool:?}");
            }
        }
    }

    #[test]
    fn no_counter_contains_itself() {
        for entry in TABLE {
            let mut inside = HashSet::new();
            let mut open = vec![*entry];
            while let Some(outer) = open.pop() {
                for inner in TABLE {
                    if outer.draws.is_some_and(|pool| inner.feeds.contains(&pool)) {
                        assert_ne!(inner.counter, entry.counter);
                        if inside.insert(inner.counter) {
                            open.push(*inner);
                        }
                    }
                }
            }
        }
    }
}
