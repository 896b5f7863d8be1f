//! What the `ethtool` generic netlink family tells about each device.

use serde::{Deserialize, Serialize};

use crate::{IfIndex, Name, Word};

/// Every device that answers at least one of the questions.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Ethtool {
    /// The devices, sorted by index.
    pub devices: Vec<EthtoolDevice>,
}

/// The answers of one device; empty where the driver or the kernel does not tell.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct EthtoolDevice {
    /// The device's index.
    pub index: Option<IfIndex>,
    /// The device's name.
    pub device: Option<Name>,
    /// Link state (`ETHTOOL_MSG_LINKSTATE_GET`).
    pub link: Option<LinkState>,
    /// Link modes (`ETHTOOL_MSG_LINKMODES_GET`).
    pub modes: Option<LinkModes>,
    /// Ring sizes (`ETHTOOL_MSG_RINGS_GET`).
    pub rings: Option<Rings>,
    /// Channels (`ETHTOOL_MSG_CHANNELS_GET`).
    pub channels: Option<Channels>,
    /// Pause frames (`ETHTOOL_MSG_PAUSE_GET` with statistics).
    pub pause: Option<Pause>,
    /// Forward error correction (`ETHTOOL_MSG_FEC_GET` with statistics).
    pub fec: Option<Fec>,
    /// Standard statistics (`ETHTOOL_MSG_STATS_GET`), without the histograms of packet sizes.
    pub standard: Vec<StandardStatistic>,
}

/// Link state with its reason.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LinkState {
    /// Whether the PHY sees a link.
    pub detected: bool,
    /// Signal quality index (`SQI`) and its maximum.
    pub signal_quality: Option<(u32, u32)>,
    /// Why the link is down, as a word (`ETHTOOL_A_LINKSTATE_EXT_STATE`).
    pub reason: Option<Word>,
    /// The finer reason's number (`ETHTOOL_A_LINKSTATE_EXT_SUBSTATE`).
    pub substate: Option<u8>,
    /// Times the PHY saw the link go down (`ETHTOOL_A_LINKSTATE_EXT_DOWN_CNT`).
    pub down_count: Option<u64>,
}

/// Negotiated and possible link modes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LinkModes {
    /// Whether autonegotiation is on.
    pub autonegotiation: bool,
    /// Speed in bit/s; none when unknown.
    pub speed: Option<u64>,
    /// The fastest mode that this side supports, in bit/s; none when it lists none.
    pub supported_speed: Option<u64>,
    /// The fastest mode that the peer advertises, in bit/s; none when it lists none.
    pub peer_speed: Option<u64>,
}

/// Descriptors of the rings: in use and at most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Rings {
    /// Receive ring.
    pub receive: Option<u32>,
    /// Receive ring at most.
    pub receive_max: Option<u32>,
    /// Transmit ring.
    pub transmit: Option<u32>,
    /// Transmit ring at most.
    pub transmit_max: Option<u32>,
}

/// Channels (queues with an interrupt): in use and at most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Channels {
    /// Receive only.
    pub receive: Option<u32>,
    /// Receive only at most.
    pub receive_max: Option<u32>,
    /// Transmit only.
    pub transmit: Option<u32>,
    /// Transmit only at most.
    pub transmit_max: Option<u32>,
    /// Both ways.
    pub combined: Option<u32>,
    /// Both ways at most.
    pub combined_max: Option<u32>,
}

/// Pause frames of IEEE 802.3 annex 31B.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Pause {
    /// Whether received pause frames are honoured.
    pub receive_enabled: bool,
    /// Whether pause frames are sent.
    pub transmit_enabled: bool,
    /// Pause frames received.
    pub receive_frames: Option<u64>,
    /// Pause frames sent.
    pub transmit_frames: Option<u64>,
}

/// Forward error correction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Fec {
    /// Code words corrected, all lanes.
    pub corrected_blocks: Option<u64>,
    /// Code words that could not be corrected, all lanes.
    pub uncorrectable_blocks: Option<u64>,
    /// Bits corrected, all lanes.
    pub corrected_bits: Option<u64>,
}

/// One statistic of a standard group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StandardStatistic {
    /// The group: `eth-phy`, `eth-mac`, `eth-ctrl` or `rmon`.
    pub group: Word,
    /// The standard's name for it, such as `FrameCheckSequenceErrors`.
    pub name: Word,
    /// The value.
    pub value: u64,
}
