//! Parsing the replies of the `ethtool` family, each given as its attributes.
//!
//! What a driver does not report is missing from the reply, or there with the value
//! `ETHTOOL_STAT_NOT_SET`.

use droplens_model::sample::ethtool::{
    Channels, Fec, LinkModes, LinkState, Pause, Rings, StandardStatistic,
};

use super::words;
use crate::error::ParseError;
use crate::netlink::{Attribute, Attributes, u32_at, u64_at};

/// `SPEED_UNKNOWN`.
const SPEED_UNKNOWN: u32 = u32::MAX;
/// `ETHTOOL_STAT_NOT_SET`.
const NOT_SET: u64 = u64::MAX;

/// `ETHTOOL_A_BITSET_VALUE`.
const BITSET_VALUE: u16 = 4;
/// `ETHTOOL_A_BITSET_MASK`.
const BITSET_MASK: u16 = 5;

/// `ETHTOOL_A_LINKSTATE_*`.
mod linkstate {
    pub(super) const LINK: u16 = 2;
    pub(super) const SQI: u16 = 3;
    pub(super) const SQI_MAX: u16 = 4;
    pub(super) const EXT_STATE: u16 = 5;
    pub(super) const EXT_SUBSTATE: u16 = 6;
    pub(super) const EXT_DOWN_CNT: u16 = 7;
}

/// `ETHTOOL_A_LINKMODES_*`.
mod linkmodes {
    pub(super) const AUTONEG: u16 = 2;
    pub(super) const OURS: u16 = 3;
    pub(super) const PEER: u16 = 4;
    pub(super) const SPEED: u16 = 5;
}

/// `ETHTOOL_A_RINGS_*`.
mod rings {
    pub(super) const RX_MAX: u16 = 2;
    pub(super) const TX_MAX: u16 = 5;
    pub(super) const RX: u16 = 6;
    pub(super) const TX: u16 = 9;
}

/// `ETHTOOL_A_CHANNELS_*`.
mod channels {
    pub(super) const RX_MAX: u16 = 2;
    pub(super) const TX_MAX: u16 = 3;
    pub(super) const COMBINED_MAX: u16 = 5;
    pub(super) const RX_COUNT: u16 = 6;
    pub(super) const TX_COUNT: u16 = 7;
    pub(super) const COMBINED_COUNT: u16 = 9;
}

/// `ETHTOOL_A_PAUSE_*` and `ETHTOOL_A_PAUSE_STAT_*`.
mod pause {
    pub(super) const RX: u16 = 3;
    pub(super) const TX: u16 = 4;
    pub(super) const STATS: u16 = 5;
    pub(super) const STAT_TX_FRAMES: u16 = 2;
    pub(super) const STAT_RX_FRAMES: u16 = 3;
}

/// `ETHTOOL_A_FEC_*` and `ETHTOOL_A_FEC_STAT_*`.
mod fec {
    pub(super) const STATS: u16 = 5;
    pub(super) const STAT_CORRECTED: u16 = 2;
    pub(super) const STAT_UNCORR: u16 = 3;
    pub(super) const STAT_CORR_BITS: u16 = 4;
}

/// `ETHTOOL_A_STATS_*` and `ETHTOOL_A_STATS_GRP_*`.
mod stats {
    pub(super) const GRP: u16 = 4;
    pub(super) const GRP_ID: u16 = 2;
    pub(super) const GRP_STAT: u16 = 4;
}

/// Parses an `ETHTOOL_MSG_LINKSTATE_GET_REPLY`.
pub(super) fn link_state(attributes: Attributes<'_>) -> Result<LinkState, ParseError> {
    let mut state = LinkState::default();
    let (mut quality, mut best) = (None, None);
    for attribute in attributes {
        let attribute = attribute?;
        match attribute.kind {
            linkstate::LINK => state.detected = attribute.u8()? != 0,
            linkstate::SQI => quality = Some(attribute.u32()?),
            linkstate::SQI_MAX => best = Some(attribute.u32()?),
            linkstate::EXT_STATE => state.reason = Some(words::reason(attribute.u8()?).into()),
            linkstate::EXT_SUBSTATE => state.substate = Some(attribute.u8()?),
            linkstate::EXT_DOWN_CNT => state.down_count = Some(attribute.u32()?.into()),
            _ => {}
        }
    }
    state.signal_quality = quality.zip(best);
    Ok(state)
}

/// Parses an `ETHTOOL_MSG_LINKMODES_GET_REPLY` with compact bitsets.
pub(super) fn link_modes(attributes: Attributes<'_>) -> Result<LinkModes, ParseError> {
    let mut modes = LinkModes::default();
    for attribute in attributes {
        let attribute = attribute?;
        match attribute.kind {
            linkmodes::AUTONEG => modes.autonegotiation = attribute.u8()? != 0,
            // The mask of our modes is what is supported, their value what is advertised.
            linkmodes::OURS => modes.supported_speed = fastest(&attribute, BITSET_MASK)?,
            linkmodes::PEER => modes.peer_speed = fastest(&attribute, BITSET_VALUE)?,
            linkmodes::SPEED => {
                let speed = attribute.u32()?;
                let known = speed != 0 && speed != SPEED_UNKNOWN;
                modes.speed = known.then(|| u64::from(speed) * 1_000_000);
            }
            _ => {}
        }
    }
    Ok(modes)
}

/// The speed of the fastest link mode in one of the bitmaps of a bitset.
fn fastest(bitset: &Attribute<'_>, bitmap: u16) -> Result<Option<u64>, ParseError> {
    let Some(bitmap) = bitset.nested().find(bitmap)? else {
        return Ok(None);
    };
    let words = (0_u32..).zip(bitmap.payload.chunks_exact(4));
    let set = words.flat_map(|(index, bytes)| {
        let word = u32_at(bytes, 0).unwrap_or_default();
        (0..u32::BITS)
            .filter(move |bit| word & (1 << bit) != 0)
            .map(move |bit| index.saturating_mul(u32::BITS).saturating_add(bit))
    });
    Ok(set.filter_map(words::speed).max())
}

/// Parses an `ETHTOOL_MSG_RINGS_GET_REPLY`.
pub(super) fn ring_sizes(attributes: Attributes<'_>) -> Result<Rings, ParseError> {
    let mut sizes = Rings::default();
    for attribute in attributes {
        let attribute = attribute?;
        let field = match attribute.kind {
            rings::RX_MAX => &mut sizes.receive_max,
            rings::TX_MAX => &mut sizes.transmit_max,
            rings::RX => &mut sizes.receive,
            rings::TX => &mut sizes.transmit,
            _ => continue,
        };
        *field = Some(attribute.u32()?);
    }
    Ok(sizes)
}

/// Parses an `ETHTOOL_MSG_CHANNELS_GET_REPLY`.
pub(super) fn channel_counts(attributes: Attributes<'_>) -> Result<Channels, ParseError> {
    let mut counts = Channels::default();
    for attribute in attributes {
        let attribute = attribute?;
        let field = match attribute.kind {
            channels::RX_MAX => &mut counts.receive_max,
            channels::TX_MAX => &mut counts.transmit_max,
            channels::COMBINED_MAX => &mut counts.combined_max,
            channels::RX_COUNT => &mut counts.receive,
            channels::TX_COUNT => &mut counts.transmit,
            channels::COMBINED_COUNT => &mut counts.combined,
            _ => continue,
        };
        *field = Some(attribute.u32()?);
    }
    Ok(counts)
}

/// Parses an `ETHTOOL_MSG_PAUSE_GET_REPLY`.
pub(super) fn pause_frames(attributes: Attributes<'_>) -> Result<Pause, ParseError> {
    let mut frames = Pause::default();
    for attribute in attributes {
        let attribute = attribute?;
        match attribute.kind {
            pause::RX => frames.receive_enabled = attribute.u8()? != 0,
            pause::TX => frames.transmit_enabled = attribute.u8()? != 0,
            pause::STATS => {
                let counters = attribute.nested();
                frames.transmit_frames = counter(counters.clone(), pause::STAT_TX_FRAMES)?;
                frames.receive_frames = counter(counters, pause::STAT_RX_FRAMES)?;
            }
            _ => {}
        }
    }
    Ok(frames)
}

/// Parses an `ETHTOOL_MSG_FEC_GET_REPLY`.
pub(super) fn error_correction(attributes: Attributes<'_>) -> Result<Fec, ParseError> {
    let Some(counters) = attributes.find(fec::STATS)? else {
        return Ok(Fec::default());
    };
    let counters = counters.nested();
    // Each is an array of the total and then each lane, or empty where it is not counted.
    Ok(Fec {
        corrected_blocks: counter(counters.clone(), fec::STAT_CORRECTED)?,
        uncorrectable_blocks: counter(counters.clone(), fec::STAT_UNCORR)?,
        corrected_bits: counter(counters, fec::STAT_CORR_BITS)?,
    })
}

/// The first number of a counter's attribute, if the driver counts it.
fn counter(attributes: Attributes<'_>, kind: u16) -> Result<Option<u64>, ParseError> {
    let found = attributes.find(kind)?;
    Ok(found
        .and_then(|attribute| u64_at(attribute.payload, 0))
        .filter(|&value| value != NOT_SET))
}

/// Parses an `ETHTOOL_MSG_STATS_GET_REPLY` without the histograms.
pub(super) fn standard(attributes: Attributes<'_>) -> Result<Vec<StandardStatistic>, ParseError> {
    let mut statistics = Vec::new();
    for attribute in attributes {
        let attribute = attribute?;
        if attribute.kind != stats::GRP {
            continue;
        }
        let number = attribute.nested().find(stats::GRP_ID)?;
        let number = number.map(|number| number.u32()).transpose()?;
        let number = number.and_then(|number| usize::try_from(number).ok());
        let Some(group) = number.and_then(|number| words::GROUPS.get(number)) else {
            continue; // a group newer than this table
        };
        for part in attribute.nested() {
            let part = part?;
            if part.kind == stats::GRP_STAT {
                standard_of_group(&mut statistics, group, &part)?;
            }
        }
    }
    Ok(statistics)
}

/// Each statistic is in a nest of its own, as an attribute whose type is the statistic's number.
fn standard_of_group(
    statistics: &mut Vec<StandardStatistic>,
    group: &words::Group,
    nest: &Attribute<'_>,
) -> Result<(), ParseError> {
    for statistic in nest.nested() {
        let statistic = statistic?;
        let Some(&name) = group.statistics.get(usize::from(statistic.kind)) else {
            continue;
        };
        let value = statistic.uint()?;
        if value != NOT_SET {
            statistics.push(StandardStatistic {
                group: group.name.into(),
                name: name.into(),
                value,
            });
        }
    }
    Ok(())
}

#[cfg(test)]
#[path = "parse_tests.rs"]
mod tests;
