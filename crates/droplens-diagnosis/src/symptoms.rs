//! What users of the host feel.

use std::collections::BTreeMap;

use droplens_model::delta::Delta;
use droplens_model::{DeviceLoss, Grade, Name, Symptoms};

use crate::counters as c;
use crate::probed;
use crate::view::View;

/// Retransmissions in a window, and how many of them were no losses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Retransmissions {
    /// Segments sent, retransmissions not counted.
    pub sent: u64,
    /// Segments sent again.
    pub again: u64,
    /// Of these: SYN and SYN-ACK, which tell of a peer.
    pub syn: u64,
    /// Of these: unnecessary, as the peer says. Probes of a closed window and of the last segment
    /// are among them.
    pub spurious: u64,
}

impl Retransmissions {
    /// Those between two snapshots.
    pub(crate) fn between(delta: &Delta<'_>) -> Self {
        Self {
            sent: delta.protocol_or_zero(c::TCP_OUT_SEGS),
            again: delta.protocol_or_zero(c::TCP_RETRANS_SEGS),
            syn: delta.protocol_or_zero(c::TCP_SYN_RETRANS),
            spurious: spurious(delta),
        }
    }

    /// Those that stand for a lost segment, before this host's losses of the last moment are read.
    pub(crate) fn lost_settled(view: &View<'_>) -> u64 {
        let fresh = view.fresh().map_or(0, |end| Self::between(&end).lost());
        Self::between(&view.delta).lost().saturating_sub(fresh)
    }

    /// Those that stand for a lost segment, an estimate.
    pub(crate) const fn lost(self) -> u64 {
        self.again
            .saturating_sub(self.syn)
            .saturating_sub(self.spurious)
    }
}

/// Peers that say which segments came twice count exactly; where they do not, timestamps show that
/// the acknowledged segment was the first one.
fn spurious(delta: &Delta<'_>) -> u64 {
    // The older counter contains copies made on the way, which would hide losses.
    let twice = delta
        .protocol(c::TCP_DSACK_RECV_SEGS)
        .unwrap_or_else(|| delta.protocol_or_zero(c::TCP_DSACK_RECV));
    twice.max(delta.protocol_or_zero(c::TCP_TS_REORDER))
}

/// What the counters of one window say.
pub(crate) fn symptoms(view: &View<'_>) -> Symptoms {
    let retransmissions = Retransmissions::between(&view.delta);
    let moved = |counter| view.delta.protocol(counter);
    let ratio =
        moved(c::TCP_OUT_SEGS).map(|sent| retransmissions.lost() as f64 / sent.max(1) as f64);
    Symptoms {
        tcp_segments_sent: moved(c::TCP_OUT_SEGS),
        tcp_retransmits: moved(c::TCP_RETRANS_SEGS),
        tcp_syn_retransmits: moved(c::TCP_SYN_RETRANS),
        tcp_spurious_retransmits: moved(c::TCP_DSACK_RECV).map(|_| retransmissions.spurious),
        tcp_retransmit_ratio: ratio,
        tcp_retransmit_grade: ratio.map(Grade::of),
        tcp_timeouts: moved(c::TCP_TIMEOUTS),
        tcp_out_of_order: moved(c::TCP_OFO_QUEUE),
        tcp_connect_failures: moved(c::TCP_ATTEMPT_FAILS),
        tcp_resets_received: moved(c::TCP_ESTAB_RESETS),
        tcp_resets_sent: moved(c::TCP_OUT_RSTS),
        probes: probed::report::losses(view),
        devices: devices(view),
    }
}

/// Devices that lost packets, the worst share first.
fn devices(view: &View<'_>) -> Vec<DeviceLoss> {
    let mut lost = BTreeMap::<&Name, u64>::new();
    for ((_, place), packets) in view.ledger.accounts() {
        if let Some(device) = place.device() {
            *lost.entry(device).or_default() += packets;
        }
    }
    let mut devices: Vec<DeviceLoss> = lost
        .into_iter()
        .filter(|(_, lost)| *lost > 0)
        .map(|(name, lost)| {
            let moved = view.device(name).map(|device| device.statistics);
            let packets = moved.map_or(0, |moved| moved.rx_packets + moved.tx_packets);
            let ratio = lost as f64 / (packets + lost) as f64;
            DeviceLoss {
                device: name.clone(),
                packets,
                lost,
                ratio,
                grade: Grade::of(ratio),
            }
        })
        .collect();
    devices.sort_by(|a, b| b.ratio.total_cmp(&a.ratio));
    devices
}
