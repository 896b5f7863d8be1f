//! Network devices: rtnetlink `RTM_GETLINK` and `RTM_GETSTATS`.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::serial::words;
use crate::{IfIndex, Name};

/// Every network device of this network namespace.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Links {
    /// The devices, sorted by index.
    pub links: Vec<Link>,
    /// False when the device list kept changing while it was read.
    pub complete: bool,
}

impl Links {
    /// The device with this index.
    pub fn get(&self, index: IfIndex) -> Option<&Link> {
        let at = self
            .links
            .binary_search_by_key(&index, |link| link.attributes.index)
            .ok()?;
        self.links.get(at)
    }
}

/// One network device.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Link {
    /// What rarely changes; shared between samples as long as it does not.
    pub attributes: Arc<LinkAttributes>,
    /// The 64-bit statistics.
    pub statistics: LinkStatistics,
}

impl Link {
    /// The device's name.
    pub fn name(&self) -> &Name {
        &self.attributes.name
    }
}

/// The attributes of a device that are not traffic statistics.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LinkAttributes {
    /// Index (`ifi_index`).
    pub index: IfIndex,
    /// Name (`IFLA_IFNAME`).
    pub name: Name,
    /// Kind of a virtual device such as `veth` or `bridge` (`IFLA_INFO_KIND`); none for hardware
    /// and for the loopback device.
    pub kind: Option<Name>,
    /// Whether this is the loopback device (`ARPHRD_LOOPBACK`).
    pub loopback: bool,
    /// Whether hardware, real or emulated, stands behind the device: it has a parent device.
    pub physical: bool,
    /// Whether the device is administratively up (`IFF_UP`).
    pub up: bool,
    /// Operational state (`IFLA_OPERSTATE`).
    pub oper_state: OperState,
    /// Carrier (`IFLA_CARRIER`); none while the device is administratively down.
    pub carrier: Option<bool>,
    /// Changes of the carrier, both ways (`IFLA_CARRIER_CHANGES`, unwrapped).
    pub carrier_changes: Option<u64>,
    /// Times the carrier came (`IFLA_CARRIER_UP_COUNT`, unwrapped).
    pub carrier_up: Option<u64>,
    /// Times the carrier went (`IFLA_CARRIER_DOWN_COUNT`, unwrapped).
    pub carrier_down: Option<u64>,
    /// Largest packet in bytes (`IFLA_MTU`).
    pub mtu: u32,
    /// Length of the transmit queue in packets (`IFLA_TXQLEN`).
    pub transmit_queue_length: u32,
    /// Transmit queues (`IFLA_NUM_TX_QUEUES`).
    pub transmit_queues: u32,
    /// Receive queues (`IFLA_NUM_RX_QUEUES`).
    pub receive_queues: u32,
    /// The bridge, bond or other device this one belongs to (`IFLA_MASTER`).
    pub master: Option<IfIndex>,
    /// The device below this one, or the peer (`IFLA_LINK`), if it is in this namespace.
    pub lower: Option<IfIndex>,
    /// Queueing discipline at the root (`IFLA_QDISC`).
    pub qdisc: Name,
    /// Attached XDP program (`IFLA_XDP_ATTACHED`).
    pub xdp: Xdp,
    /// Link speed in bit/s; hardware only, none when the driver does not know.
    pub speed: Option<u64>,
    /// Duplex; hardware only, none when the driver does not know.
    pub duplex: Option<Duplex>,
}

words! {
    /// Operational state of RFC 2863, as `/sys/class/net/*/operstate` spells it.
    #[derive(Default)]
    OperState {
        /// The driver does not tell.
        #[default]
        Unknown "unknown",
        /// A component is missing.
        NotPresent "notpresent",
        /// Down.
        Down "down",
        /// A lower device is down.
        LowerLayerDown "lowerlayerdown",
        /// In a test mode.
        Testing "testing",
        /// Waiting for an external event, such as authentication.
        Dormant "dormant",
        /// Up.
        Up "up",
    }
}

words! {
    /// Where an XDP program is attached.
    #[derive(Default)]
    Xdp {
        /// No program.
        #[default]
        None "none",
        /// In the driver.
        Driver "driver",
        /// In the kernel's generic path, where its drops are counted nowhere.
        Generic "generic",
        /// In the hardware.
        Hardware "hardware",
        /// In several of these.
        Several "several",
    }
}

words! {
    /// Duplex of a link.
    Duplex {
        /// Half: collisions are normal.
        Half "half",
        /// Full.
        Full "full",
    }
}

macro_rules! link_statistics {
    ($( $(#[$doc:meta])* $field:ident, )+) => {
        /// `struct rtnl_link_stats64`. Fields keep the kernel's names; what the error and drop
        /// counters include differs between drivers.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(default)]
        #[allow(clippy::allow_attributes, reason = "generated")]
        pub struct LinkStatistics { $( $(#[$doc])* pub $field: u64, )+ }

        impl LinkStatistics {
            /// How many statistics there are.
            pub const COUNT: usize = [$(stringify!($field)),+].len();

            /// The kernel's names, in the kernel's order.
            pub const NAMES: [&'static str; Self::COUNT] = [$(stringify!($field)),+];

            /// The values, in the kernel's order.
            pub const fn to_array(self) -> [u64; Self::COUNT] {
                [$(self.$field),+]
            }

            /// The opposite of [`Self::to_array`].
            pub const fn from_array(values: [u64; Self::COUNT]) -> Self {
                let [$($field),+] = values;
                Self { $($field),+ }
            }
        }
    };
}

link_statistics! {
    /// Good packets received.
    rx_packets,
    /// Packets sent.
    tx_packets,
    /// Good bytes received.
    rx_bytes,
    /// Bytes sent.
    tx_bytes,
    /// Bad packets received.
    rx_errors,
    /// Transmit problems.
    tx_errors,
    /// Packets received and dropped, in the host or (some drivers) in the card.
    rx_dropped,
    /// Packets dropped on their way out.
    tx_dropped,
    /// Multicast packets received.
    multicast,
    /// Collisions.
    collisions,
    /// Packets received with a wrong length.
    rx_length_errors,
    /// Receiver ring overflows (driver dependent).
    rx_over_errors,
    /// Packets received with a CRC error.
    rx_crc_errors,
    /// Packets received with a frame alignment error.
    rx_frame_errors,
    /// Receiver FIFO errors.
    rx_fifo_errors,
    /// Packets the host had no buffer for.
    rx_missed_errors,
    /// Aborted transmissions.
    tx_aborted_errors,
    /// Transmissions lost with the carrier.
    tx_carrier_errors,
    /// Transmitter FIFO errors.
    tx_fifo_errors,
    /// Heartbeat (SQE test) errors.
    tx_heartbeat_errors,
    /// Late collisions.
    tx_window_errors,
    /// Compressed packets received.
    rx_compressed,
    /// Compressed packets sent.
    tx_compressed,
    /// Packets received on an inactive device, such as a standby bond member.
    rx_nohandler,
    /// Packets for another host's link-layer address.
    rx_otherhost_dropped,
}

/// All devices of one virtual kind together, with what the deleted ones counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KindTotals {
    /// The kind, such as `veth`.
    pub kind: Name,
    /// The sums, monotonic while devices come and go.
    pub statistics: LinkStatistics,
    /// Changes of the carrier, likewise.
    pub carrier_changes: u64,
}
