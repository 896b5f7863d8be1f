//! The counters that the ledger knows, whatever surface they come from.

use droplens_model::delta::Protocol;
use droplens_model::{Cause, Family, Source};

/// A kernel counter that counts lost packets, or contains ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Counter {
    /// A protocol counter.
    Protocol(Protocol),
    /// `softnet_stat` column 2, per CPU.
    SoftnetDropped,
    /// `softnet_stat` column 11, per CPU.
    SoftnetFlowLimit,
    /// `rx_crc_errors`, `rx_frame_errors` and `rx_length_errors` of a card.
    CardDamaged,
    /// `rx_errors` of a card.
    CardReceiveErrors,
    /// `rx_missed_errors`, `rx_fifo_errors` or `rx_over_errors` of a card, whichever moved most:
    /// drivers count the same packets in one or more of them.
    CardMissed,
    /// `tx_errors` of a card.
    CardTransmitErrors,
    /// `tx_dropped` of a card.
    CardTransmitDropped,
    /// A driver statistic that the reviewed table maps to this cause.
    Driver(Cause),
    /// `tx_dropped` of a tun or tap device.
    TunTransmitDropped,
    /// `tx_dropped` of a veth device.
    VethTransmitDropped,
    /// Drops and errors of a bridge device.
    BridgeDropped,
    /// Drops and errors of a VXLAN device.
    VxlanDropped,
    /// Drops of a qdisc that no class or child of it counts.
    QdiscDropped,
    /// Drops of a class or of the qdisc attached to it.
    ClassDropped,
    /// Drops of an ingress qdisc: its filters and policers.
    IngressDropped,
    /// Drops of a clsact qdisc: its filters and policers of both directions.
    FilterDropped,
    /// ctnetlink `drop`.
    ConntrackDrop,
    /// ctnetlink `insert_failed`.
    ConntrackInsertFailed,
    /// The counter of a firewall rule or chain that drops in a hook of the IP layer.
    FirewallRule,
    /// The counter of a firewall rule or chain that drops at a device or in a bridge.
    DeviceFirewallRule,
    /// `ndts_res_failed` of a neighbour table.
    NeighbourFailed,
    /// `ndts_table_fulls` of a neighbour table.
    NeighbourFull,
    /// Packets that entered the IP layer and left it nowhere.
    InputGap(Family),
    /// Packets that the IP layer meant to send and did not.
    OutputGap(Family),
}

impl Counter {
    /// Where it is read.
    pub const fn source(self) -> Source {
        match self {
            Self::Protocol(counter) => counter.source,
            Self::SoftnetDropped | Self::SoftnetFlowLimit => Source::Softnet,
            Self::CardDamaged
            | Self::CardReceiveErrors
            | Self::CardMissed
            | Self::CardTransmitErrors
            | Self::CardTransmitDropped
            | Self::TunTransmitDropped
            | Self::VethTransmitDropped
            | Self::BridgeDropped
            | Self::VxlanDropped => Source::Links,
            Self::Driver(_) => Source::Driver,
            Self::QdiscDropped
            | Self::ClassDropped
            | Self::IngressDropped
            | Self::FilterDropped => Source::Qdiscs,
            Self::ConntrackDrop | Self::ConntrackInsertFailed => Source::Conntrack,
            Self::FirewallRule | Self::DeviceFirewallRule => Source::Firewall,
            Self::NeighbourFailed | Self::NeighbourFull => Source::Neighbours,
            Self::InputGap(Family::V4) | Self::OutputGap(Family::V4) => Source::Snmp,
            Self::InputGap(Family::V6) | Self::OutputGap(Family::V6) => Source::Snmp6,
        }
    }

    /// How the kernel calls it, and where.
    pub fn kernel(self) -> String {
        let name = match self {
            Self::Protocol(counter) => return counter.kernel(),
            Self::Driver(cause) => return format!("ethtool -S: statistics that mean {cause}"),
            Self::InputGap(family) => return balance(family, "input"),
            Self::OutputGap(family) => return balance(family, "output"),
            Self::SoftnetDropped => "softnet_stat column 2 (dropped)",
            Self::SoftnetFlowLimit => "softnet_stat column 11 (flow_limit_count)",
            Self::CardDamaged => "card: rx_crc_errors + rx_frame_errors + rx_length_errors",
            Self::CardReceiveErrors => "card: rx_errors",
            Self::CardMissed => {
                "card: the largest of rx_missed_errors, rx_fifo_errors, rx_over_errors"
            }
            Self::CardTransmitErrors => "card: tx_errors",
            Self::CardTransmitDropped => "card: tx_dropped",
            Self::TunTransmitDropped => "tun, tap: tx_dropped",
            Self::VethTransmitDropped => "veth: tx_dropped",
            Self::BridgeDropped => "bridge: tx_dropped + tx_errors + rx_errors",
            Self::VxlanDropped => "vxlan: tx_dropped + tx_errors + rx_errors",
            Self::QdiscDropped => "qdisc: drops that none of its children counts (TCA_STATS_QUEUE)",
            Self::ClassDropped => "class: drops (TCA_STATS_QUEUE)",
            Self::IngressDropped => "ingress: drops (TCA_STATS_QUEUE)",
            Self::FilterDropped => "clsact: drops (TCA_STATS_QUEUE)",
            Self::ConntrackDrop => "conntrack drop (CTA_STATS_DROP)",
            Self::ConntrackInsertFailed => "conntrack insert_failed (CTA_STATS_INSERT_FAILED)",
            Self::FirewallRule => "rule or policy with a counter, in a hook of the IP layer",
            Self::DeviceFirewallRule => "rule or policy with a counter, at a device or in a bridge",
            Self::NeighbourFailed => "ndts_res_failed (NDTA_STATS)",
            Self::NeighbourFull => "ndts_table_fulls (NDTA_STATS)",
        };
        name.to_owned()
    }
}

fn balance(family: Family, side: &str) -> String {
    format!("balance of {} {side}", family.id())
}
