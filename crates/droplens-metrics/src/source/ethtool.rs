//! What the `ethtool` netlink family tells about each device.

use std::fmt;

use droplens_model::Source;
use droplens_model::sample::ethtool::{
    Channels, Ethtool, EthtoolDevice, Fec, LinkModes, LinkState, Pause, Rings, StandardStatistic,
};

use crate::Origin;
use crate::context::Context;
use crate::encoder::{Encoder, Label, Value, cell, maybe};
use crate::family::families;

families! {
    Origin::Source(Source::Ethtool);
    DETECTED: Gauge "droplens_ethtool_link_detected" ["device"] PerDevice(1), "Whether the PHY sees a link (ETHTOOL_A_LINKSTATE_LINK).";
    DOWN: Counter "droplens_ethtool_link_down_total" ["device"] PerDevice(1), "Times the PHY saw the link go down (ETHTOOL_A_LINKSTATE_EXT_DOWN_CNT).";
    REASON: Info "droplens_ethtool_link_down_reason_info" ["device", "reason", "substate"] PerDevice(1),
        "Why the link is down, as far as the driver knows (ETHTOOL_A_LINKSTATE_EXT_STATE, EXT_SUBSTATE).";
    QUALITY: Gauge "droplens_ethtool_signal_quality_index" ["device"] PerDevice(1), "Signal quality index of the PHY (ETHTOOL_A_LINKSTATE_SQI).";
    QUALITY_MAX: Gauge "droplens_ethtool_signal_quality_index_max" ["device"] PerDevice(1), "The best signal quality index the PHY can tell (ETHTOOL_A_LINKSTATE_SQI_MAX).";
    AUTONEGOTIATION: Gauge "droplens_ethtool_autonegotiation" ["device"] PerDevice(1), "Whether autonegotiation is on (ETHTOOL_A_LINKMODES_AUTONEG).";
    SPEED: Gauge "droplens_ethtool_speed_bytes_per_second" ["device"] PerDevice(1), "Speed of the link (ETHTOOL_A_LINKMODES_SPEED).";
    SUPPORTED: Gauge "droplens_ethtool_supported_speed_bytes_per_second" ["device"] PerDevice(1), "Fastest mode that the device supports (ETHTOOL_A_LINKMODES_OURS).";
    PEER: Gauge "droplens_ethtool_peer_speed_bytes_per_second" ["device"] PerDevice(1), "Fastest mode that the link partner advertises (ETHTOOL_A_LINKMODES_PEER).";
    RING: Gauge "droplens_ethtool_ring_descriptors" ["device", "ring"] PerDevice(2), "Descriptors of the ring (ETHTOOL_A_RINGS_RX, TX).";
    RING_LIMIT: Gauge "droplens_ethtool_ring_limit_descriptors" ["device", "ring"] PerDevice(2), "The most descriptors the ring can have (ETHTOOL_A_RINGS_RX_MAX, TX_MAX).";
    CHANNELS: Gauge "droplens_ethtool_channels" ["device", "channel"] PerDevice(3), "Channels (queues with an interrupt) in use (ETHTOOL_A_CHANNELS_*_COUNT).";
    CHANNELS_LIMIT: Gauge "droplens_ethtool_channels_limit" ["device", "channel"] PerDevice(3), "The most channels the device can use (ETHTOOL_A_CHANNELS_*_MAX).";
    PAUSE: Gauge "droplens_ethtool_pause_enabled" ["device", "direction"] PerDevice(2), "Whether pause frames are honoured (receive) and sent (transmit) (ETHTOOL_A_PAUSE_RX, TX).";
    PAUSE_RX: Counter "droplens_ethtool_pause_receive_frames_total" ["device"] PerDevice(1), "Pause frames received: the peer asked this host to stop sending (ETHTOOL_A_PAUSE_STAT_RX_FRAMES).";
    PAUSE_TX: Counter "droplens_ethtool_pause_transmit_frames_total" ["device"] PerDevice(1), "Pause frames sent: this host could not keep up (ETHTOOL_A_PAUSE_STAT_TX_FRAMES).";
    FEC_CORRECTED: Counter "droplens_ethtool_fec_corrected_blocks_total" ["device"] PerDevice(1), "Code words that forward error correction put right (ETHTOOL_A_FEC_STAT_CORRECTED).";
    FEC_UNCORRECTABLE: Counter "droplens_ethtool_fec_uncorrectable_blocks_total" ["device"] PerDevice(1), "Code words that forward error correction could not put right: frames were lost (ETHTOOL_A_FEC_STAT_UNCORR).";
    FEC_BITS: Counter "droplens_ethtool_fec_bit_corrections_total" ["device"] PerDevice(1), "Bits that forward error correction put right (ETHTOOL_A_FEC_STAT_CORR_BITS).";
    STANDARD: Counter "droplens_ethtool_standard_total" ["device", "group", "name"] Rule("devices x 43 standard statistics"),
        "Statistics as IEEE 802.3 and RFC 2819 define them, where the driver tells them (ETHTOOL_MSG_STATS_GET).";
}

/// A row of a table whose only label is the device.
type Row<'l, const F: usize> = ([Label<'l>; 1], [Option<Value>; F]);

pub(super) fn encode(
    ethtool: &Ethtool,
    context: &Context<'_>,
    encoder: &mut Encoder<'_>,
) -> fmt::Result {
    let Ethtool { devices } = ethtool;
    let shown = || {
        devices
            .iter()
            .filter_map(|device| Some((context.device(device.index?)?, device)))
    };
    encoder.table(
        [&DETECTED, &DOWN, &QUALITY, &QUALITY_MAX],
        shown().filter_map(|(label, device)| Some(link(label, device.link.as_ref()?))),
    )?;
    encoder.family(REASON.descriptor(), |series| {
        for (label, device) in shown() {
            let Some(LinkState {
                reason: Some(reason),
                substate,
                ..
            }) = &device.link
            else {
                continue;
            };
            let substate = substate.map_or(Label::Text(""), |number| Label::Number(number.into()));
            series.push([label, (&**reason).into(), substate], 1_u64)?;
        }
        Ok(())
    })?;
    encoder.table(
        [&AUTONEGOTIATION, &SPEED, &SUPPORTED, &PEER],
        shown().filter_map(|(label, device)| Some(modes(label, device.modes.as_ref()?))),
    )?;
    encoder.table(
        [&RING, &RING_LIMIT],
        shown().flat_map(|(label, device)| device.rings.iter().flat_map(move |r| rings(label, *r))),
    )?;
    encoder.table(
        [&CHANNELS, &CHANNELS_LIMIT],
        shown().flat_map(|(label, device)| {
            device
                .channels
                .iter()
                .flat_map(move |c| channels(label, *c))
        }),
    )?;
    encoder.series(
        &PAUSE,
        shown().flat_map(|(label, device)| {
            device.pause.iter().flat_map(move |pause| {
                [
                    ([label, "receive".into()], pause.receive_enabled),
                    ([label, "transmit".into()], pause.transmit_enabled),
                ]
            })
        }),
    )?;
    encoder.table(
        [&PAUSE_RX, &PAUSE_TX],
        shown().filter_map(|(label, device)| Some(pause(label, device.pause.as_ref()?))),
    )?;
    encoder.table(
        [&FEC_CORRECTED, &FEC_UNCORRECTABLE, &FEC_BITS],
        shown().filter_map(|(label, device)| Some(fec(label, device.fec.as_ref()?))),
    )?;
    encoder.series(
        &STANDARD,
        shown().flat_map(|(label, device)| {
            let EthtoolDevice {
                standard,
                // Told above.
                index: _,
                device: _,
                link: _,
                modes: _,
                rings: _,
                channels: _,
                pause: _,
                fec: _,
            } = device;
            standard.iter().map(move |statistic| {
                let StandardStatistic { group, name, value } = statistic;
                ([label, (&**group).into(), (&**name).into()], *value)
            })
        }),
    )
}

fn link<'l>(label: Label<'l>, link: &LinkState) -> Row<'l, 4> {
    let LinkState {
        detected,
        signal_quality,
        down_count,
        // Labels of the reason.
        reason: _,
        substate: _,
    } = *link;
    let quality = signal_quality.map(|(now, _)| now);
    let best = signal_quality.map(|(_, best)| best);
    (
        [label],
        [
            cell(detected),
            maybe(down_count),
            maybe(quality),
            maybe(best),
        ],
    )
}

fn modes<'l>(label: Label<'l>, modes: &LinkModes) -> Row<'l, 4> {
    let LinkModes {
        autonegotiation,
        speed,
        supported_speed,
        peer_speed,
    } = *modes;
    let bytes = |bits: Option<u64>| maybe(bits.map(|bits| bits / 8));
    (
        [label],
        [
            cell(autonegotiation),
            bytes(speed),
            bytes(supported_speed),
            bytes(peer_speed),
        ],
    )
}

fn rings(label: Label<'_>, rings: Rings) -> [([Label<'_>; 2], [Option<Value>; 2]); 2] {
    let Rings {
        receive,
        receive_max,
        transmit,
        transmit_max,
    } = rings;
    [
        (
            [label, "receive".into()],
            [maybe(receive), maybe(receive_max)],
        ),
        (
            [label, "transmit".into()],
            [maybe(transmit), maybe(transmit_max)],
        ),
    ]
}

fn channels(label: Label<'_>, channels: Channels) -> [([Label<'_>; 2], [Option<Value>; 2]); 3] {
    let Channels {
        receive,
        receive_max,
        transmit,
        transmit_max,
        combined,
        combined_max,
    } = channels;
    [
        (
            [label, "receive".into()],
            [maybe(receive), maybe(receive_max)],
        ),
        (
            [label, "transmit".into()],
            [maybe(transmit), maybe(transmit_max)],
        ),
        (
            [label, "combined".into()],
            [maybe(combined), maybe(combined_max)],
        ),
    ]
}

fn pause<'l>(label: Label<'l>, pause: &Pause) -> Row<'l, 2> {
    let Pause {
        receive_frames,
        transmit_frames,
        // Told above.
        receive_enabled: _,
        transmit_enabled: _,
    } = *pause;
    ([label], [maybe(receive_frames), maybe(transmit_frames)])
}

fn fec<'l>(label: Label<'l>, fec: &Fec) -> Row<'l, 3> {
    let Fec {
        corrected_blocks,
        uncorrectable_blocks,
        corrected_bits,
    } = *fec;
    (
        [label],
        [
            maybe(corrected_blocks),
            maybe(uncorrectable_blocks),
            maybe(corrected_bits),
        ],
    )
}
