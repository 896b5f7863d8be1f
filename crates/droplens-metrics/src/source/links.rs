//! Network devices.

use std::fmt;

use droplens_model::peaks::LinkPeaks;
use droplens_model::sample::links::{
    Duplex, KindTotals, Link, LinkAttributes, LinkStatistics, Links, Xdp,
};
use droplens_model::{Name, Source};

use crate::context::Context;
use crate::encoder::{Encoder, Label, Value, cell, maybe};
use crate::family::families;
use crate::{Family, Origin};

families! {
    Origin::Source(Source::Links);
    RX_BYTES: Counter "droplens_link_receive_bytes_total" ["device"] PerDevice(1), "Bytes received (rtnl_link_stats64 rx_bytes).";
    RX_PACKETS: Counter "droplens_link_receive_packets_total" ["device"] PerDevice(1), "Good packets received (rtnl_link_stats64 rx_packets).";
    RX_ERRORS: Counter "droplens_link_receive_errors_total" ["device"] PerDevice(1), "Bad packets received (rtnl_link_stats64 rx_errors).";
    RX_DROPPED: Counter "droplens_link_receive_dropped_total" ["device"] PerDevice(1),
        "Packets received and dropped; contains softnet drops, frames nobody wanted and with some drivers hardware drops (rtnl_link_stats64 rx_dropped).";
    TX_BYTES: Counter "droplens_link_transmit_bytes_total" ["device"] PerDevice(1), "Bytes sent (rtnl_link_stats64 tx_bytes).";
    TX_PACKETS: Counter "droplens_link_transmit_packets_total" ["device"] PerDevice(1), "Packets sent (rtnl_link_stats64 tx_packets).";
    TX_ERRORS: Counter "droplens_link_transmit_errors_total" ["device"] PerDevice(1), "Transmit problems (rtnl_link_stats64 tx_errors).";
    TX_DROPPED: Counter "droplens_link_transmit_dropped_total" ["device"] PerDevice(1), "Packets dropped on their way out (rtnl_link_stats64 tx_dropped).";
    RX_MISSED: Counter "droplens_link_receive_missed_total" ["device"] PerDevice(1), "Packets the host had no buffer for (rtnl_link_stats64 rx_missed_errors).";
    RX_CRC: Counter "droplens_link_receive_crc_errors_total" ["device"] PerDevice(1), "Packets received with a CRC error (rtnl_link_stats64 rx_crc_errors).";
    RX_LENGTH: Counter "droplens_link_receive_length_errors_total" ["device"] PerDevice(1), "Packets received with a wrong length (rtnl_link_stats64 rx_length_errors).";
    RX_FRAME: Counter "droplens_link_receive_frame_errors_total" ["device"] PerDevice(1), "Packets received with a frame alignment error (rtnl_link_stats64 rx_frame_errors).";
    RX_OVER: Counter "droplens_link_receive_over_errors_total" ["device"] PerDevice(1), "Receiver ring overflows, driver dependent (rtnl_link_stats64 rx_over_errors).";
    RX_FIFO: Counter "droplens_link_receive_fifo_errors_total" ["device"] PerDevice(1), "Receiver FIFO errors (rtnl_link_stats64 rx_fifo_errors).";
    RX_NOHANDLER: Counter "droplens_link_receive_nohandler_total" ["device"] PerDevice(1),
        "Packets received on an inactive device such as a standby bond member; harmless (rtnl_link_stats64 rx_nohandler).";
    RX_OTHERHOST: Counter "droplens_link_receive_otherhost_dropped_total" ["device"] PerDevice(1),
        "Packets for the link-layer address of another host; harmless (rtnl_link_stats64 rx_otherhost_dropped).";
    RX_MULTICAST: Counter "droplens_link_receive_multicast_total" ["device"] PerDevice(1), "Multicast packets received (rtnl_link_stats64 multicast).";
    RX_COMPRESSED: Counter "droplens_link_receive_compressed_total" ["device"] PerDevice(1), "Compressed packets received (rtnl_link_stats64 rx_compressed).";
    TX_ABORTED: Counter "droplens_link_transmit_aborted_errors_total" ["device"] PerDevice(1), "Aborted transmissions (rtnl_link_stats64 tx_aborted_errors).";
    TX_CARRIER: Counter "droplens_link_transmit_carrier_errors_total" ["device"] PerDevice(1), "Transmissions lost with the carrier (rtnl_link_stats64 tx_carrier_errors).";
    TX_FIFO: Counter "droplens_link_transmit_fifo_errors_total" ["device"] PerDevice(1), "Transmitter FIFO errors (rtnl_link_stats64 tx_fifo_errors).";
    TX_HEARTBEAT: Counter "droplens_link_transmit_heartbeat_errors_total" ["device"] PerDevice(1), "Heartbeat (SQE test) errors (rtnl_link_stats64 tx_heartbeat_errors).";
    TX_WINDOW: Counter "droplens_link_transmit_window_errors_total" ["device"] PerDevice(1), "Late collisions (rtnl_link_stats64 tx_window_errors).";
    TX_COMPRESSED: Counter "droplens_link_transmit_compressed_total" ["device"] PerDevice(1), "Compressed packets sent (rtnl_link_stats64 tx_compressed).";
    COLLISIONS: Counter "droplens_link_transmit_collisions_total" ["device"] PerDevice(1), "Collisions (rtnl_link_stats64 collisions).";
    CARRIER_CHANGES: Counter "droplens_link_carrier_changes_total" ["device"] PerDevice(1), "Changes of the carrier, both ways (IFLA_CARRIER_CHANGES).";
    CARRIER_UP: Counter "droplens_link_carrier_up_total" ["device"] PerDevice(1), "Times the carrier came (IFLA_CARRIER_UP_COUNT).";
    CARRIER_DOWN: Counter "droplens_link_carrier_down_total" ["device"] PerDevice(1), "Times the carrier went (IFLA_CARRIER_DOWN_COUNT).";
    UP: Gauge "droplens_link_up" ["device"] PerDevice(1), "Whether the device is administratively up (IFF_UP).";
    CARRIER: Gauge "droplens_link_carrier" ["device"] PerDevice(1), "Whether the device has a carrier; absent while it is administratively down (IFLA_CARRIER).";
    OPERSTATE: Gauge "droplens_link_operstate" ["device", "state"] PerDevice(1), "Always 1, for the operational state the device is in (IFLA_OPERSTATE).";
    MTU: Gauge "droplens_link_mtu_bytes" ["device"] PerDevice(1), "Largest packet the device sends (IFLA_MTU).";
    QUEUE_LENGTH: Gauge "droplens_link_transmit_queue_limit_packets" ["device"] PerDevice(1), "Length of the transmit queue, which bounds pfifo qdiscs and the queue of tun devices (IFLA_TXQLEN).";
    TX_QUEUES: Gauge "droplens_link_transmit_queues" ["device"] PerDevice(1), "Transmit queues (IFLA_NUM_TX_QUEUES).";
    RX_QUEUES: Gauge "droplens_link_receive_queues" ["device"] PerDevice(1), "Receive queues (IFLA_NUM_RX_QUEUES).";
    SPEED: Gauge "droplens_link_speed_bytes_per_second" ["device"] PerDevice(1), "Speed of the link; hardware only, absent when the driver does not know (ETHTOOL_GLINKSETTINGS speed).";
    INFO: Info "droplens_link_info" ["device", "kind", "master", "qdisc", "duplex", "xdp"] PerDevice(1),
        "What the device is: its kind (IFLA_INFO_KIND, or physical, loopback, other), the device it belongs to (IFLA_MASTER), its root qdisc, duplex and XDP program.";
    PEAK_RX_BYTES: Gauge "droplens_link_peak_receive_bytes_per_second" ["device"] PerDevice(1), "Highest short-term receive rate over the last minute; of folded devices the highest of one (rtnl_link_stats64 rx_bytes).";
    PEAK_RX_PACKETS: Gauge "droplens_link_peak_receive_packets_per_second" ["device"] PerDevice(1), "Highest short-term receive rate over the last minute; of folded devices the highest of one (rtnl_link_stats64 rx_packets).";
    PEAK_TX_BYTES: Gauge "droplens_link_peak_transmit_bytes_per_second" ["device"] PerDevice(1), "Highest short-term transmit rate over the last minute; of folded devices the highest of one (rtnl_link_stats64 tx_bytes).";
    PEAK_TX_PACKETS: Gauge "droplens_link_peak_transmit_packets_per_second" ["device"] PerDevice(1), "Highest short-term transmit rate over the last minute; of folded devices the highest of one (rtnl_link_stats64 tx_packets).";
    LINKS: Gauge "droplens_links" ["kind"] Rule("kinds of devices"), "Network devices of each kind in this network namespace, folded or not (RTM_GETLINK).";
}

/// The family of each statistic, in the order of [`LinkStatistics::to_array`].
static STATISTICS: [&Family; LinkStatistics::COUNT] = [
    &RX_PACKETS,
    &TX_PACKETS,
    &RX_BYTES,
    &TX_BYTES,
    &RX_ERRORS,
    &TX_ERRORS,
    &RX_DROPPED,
    &TX_DROPPED,
    &RX_MULTICAST,
    &COLLISIONS,
    &RX_LENGTH,
    &RX_OVER,
    &RX_CRC,
    &RX_FRAME,
    &RX_FIFO,
    &RX_MISSED,
    &TX_ABORTED,
    &TX_CARRIER,
    &TX_FIFO,
    &TX_HEARTBEAT,
    &TX_WINDOW,
    &RX_COMPRESSED,
    &TX_COMPRESSED,
    &RX_NOHANDLER,
    &RX_OTHERHOST,
];

pub(super) fn encode(
    links: &Links,
    context: &Context<'_>,
    encoder: &mut Encoder<'_>,
) -> fmt::Result {
    let Links { links, complete: _ } = links;
    let shown = || links.iter().filter(|link| !context.is_folded(link));
    let folded = || {
        let kinds = context.derived.links_by_kind.iter();
        kinds.filter(|totals| context.folds(&totals.kind))
    };
    encoder.table(
        STATISTICS,
        shown()
            .map(|link| ([link.name().into()], counters(link.statistics)))
            .chain(folded().map(|totals| (kind_label(totals), counters(totals.statistics)))),
    )?;
    let changes = shown().filter_map(|link| {
        let changes = link.attributes.carrier_changes?;
        Some(([link.name().into()], changes))
    });
    let folded_changes = folded().map(|totals| (kind_label(totals), totals.carrier_changes));
    encoder.series(&CARRIER_CHANGES, changes.chain(folded_changes))?;
    encoder.table(
        [
            &CARRIER_UP,
            &CARRIER_DOWN,
            &UP,
            &CARRIER,
            &MTU,
            &QUEUE_LENGTH,
            &TX_QUEUES,
            &RX_QUEUES,
            &SPEED,
        ],
        shown().map(|link| attributes(&link.attributes)),
    )?;
    encoder.series(
        &OPERSTATE,
        shown().map(|link| {
            let state = link.attributes.oper_state.id();
            ([link.name().into(), state.into()], 1_u64)
        }),
    )?;
    encoder.series(&INFO, shown().map(|link| (info(link, context), 1_u64)))?;
    encode_peaks(links, context, encoder)?;
    encoder.series(
        &LINKS,
        count_kinds(links)
            .into_iter()
            .map(|(kind, devices)| ([kind.into()], devices)),
    )
}

fn counters(statistics: LinkStatistics) -> [Option<Value>; LinkStatistics::COUNT] {
    statistics.to_array().map(cell)
}

fn kind_label(totals: &KindTotals) -> [Label<'_>; 1] {
    [Label::DevicesOf(&totals.kind)]
}

fn attributes(attributes: &LinkAttributes) -> ([Label<'_>; 1], [Option<Value>; 9]) {
    let LinkAttributes {
        name,
        up,
        carrier,
        carrier_up,
        carrier_down,
        mtu,
        transmit_queue_length,
        transmit_queues,
        receive_queues,
        speed,
        // Families of their own, and labels of the info.
        carrier_changes: _,
        oper_state: _,
        kind: _,
        loopback: _,
        physical: _,
        master: _,
        qdisc: _,
        xdp: _,
        duplex: _,
        // Ties devices together within the agent; says nothing without the other indices.
        index: _,
        lower: _,
    } = attributes;
    let cells = [
        maybe(*carrier_up),
        maybe(*carrier_down),
        cell(*up),
        maybe(*carrier),
        cell(*mtu),
        cell(*transmit_queue_length),
        cell(*transmit_queues),
        cell(*receive_queues),
        maybe(speed.map(|bits| bits / 8)),
    ];
    ([name.into()], cells)
}

fn info<'l>(link: &'l Link, context: &Context<'l>) -> [Label<'l>; 6] {
    let attributes = &link.attributes;
    let master = attributes.master.and_then(|index| context.device(index));
    [
        link.name().into(),
        kind(attributes).into(),
        master.unwrap_or(Label::Text("")),
        (&attributes.qdisc).into(),
        attributes.duplex.map_or("", Duplex::id).into(),
        xdp(attributes.xdp).into(),
    ]
}

fn kind(attributes: &LinkAttributes) -> &str {
    match (&attributes.kind, attributes.physical, attributes.loopback) {
        (Some(kind), _, _) => kind,
        (None, true, _) => "physical",
        (None, false, true) => "loopback",
        (None, false, false) => "other",
    }
}

const fn xdp(xdp: Xdp) -> &'static str {
    match xdp {
        Xdp::None => "",
        Xdp::Driver => "driver",
        Xdp::Generic => "generic",
        Xdp::Hardware => "hardware",
        Xdp::Several => "several",
    }
}

fn count_kinds(links: &[Link]) -> Vec<(&str, u64)> {
    let mut kinds = Vec::<(&str, u64)>::with_capacity(16);
    for kind in links.iter().map(|link| kind(&link.attributes)) {
        match kinds.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, devices)) => *devices += 1,
            None => kinds.push((kind, 1)),
        }
    }
    kinds
}

fn encode_peaks(links: &[Link], context: &Context<'_>, encoder: &mut Encoder<'_>) -> fmt::Result {
    let mut folded = Vec::<(&Name, LinkPeaks)>::with_capacity(context.options.fold_kinds.len());
    for link in links.iter().filter(|link| context.is_folded(link)) {
        let Some((kind, peaks)) = link.attributes.kind.as_ref().zip(peaks_of(link, context)) else {
            continue;
        };
        match folded.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, highest)) => *highest = higher(*highest, peaks),
            None => folded.push((kind, peaks)),
        }
    }
    let shown = links
        .iter()
        .filter(|link| !context.is_folded(link))
        .filter_map(|link| Some(([link.name().into()], peaks_of(link, context)?)));
    let folded = folded
        .iter()
        .map(|(kind, peaks)| ([Label::DevicesOf(kind)], *peaks));
    encoder.table(
        [
            &PEAK_RX_BYTES,
            &PEAK_RX_PACKETS,
            &PEAK_TX_BYTES,
            &PEAK_TX_PACKETS,
        ],
        shown.chain(folded).map(|(labels, peaks)| {
            let LinkPeaks {
                receive_bytes,
                receive_packets,
                transmit_bytes,
                transmit_packets,
            } = peaks;
            let cells = [
                receive_bytes,
                receive_packets,
                transmit_bytes,
                transmit_packets,
            ];
            (labels, cells.map(cell))
        }),
    )
}

fn peaks_of(link: &Link, context: &Context<'_>) -> Option<LinkPeaks> {
    let peaks = &context.derived.link_peaks;
    let at = peaks.binary_search_by_key(&link.attributes.index, |(index, _)| *index);
    Some(peaks.get(at.ok()?)?.1)
}

fn higher(a: LinkPeaks, b: LinkPeaks) -> LinkPeaks {
    LinkPeaks {
        receive_bytes: a.receive_bytes.max(b.receive_bytes),
        receive_packets: a.receive_packets.max(b.receive_packets),
        transmit_bytes: a.transmit_bytes.max(b.transmit_bytes),
        transmit_packets: a.transmit_packets.max(b.transmit_packets),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_statistic_goes_to_the_family_that_names_it() {
        for (name, family) in LinkStatistics::NAMES.iter().zip(STATISTICS) {
            let kernel = format!("(rtnl_link_stats64 {name}).");
            assert!(family.help.ends_with(&kernel), "{name}: {}", family.help);
        }
    }
}
