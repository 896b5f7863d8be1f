//! How losses follow each other. There is nothing to tell of a target that never lost a probe, so
//! these appear with the first run of losses.

use std::fmt;

use droplens_model::Source;
use droplens_model::sample::probes::{BurstDurations, BurstPackets, GapPackets, Target};

use super::{differences, each, labels};
use crate::Origin;
use crate::encoder::{Encoder, Histogram};
use crate::family::families;

families! {
    Origin::Source(Source::Probes);
    PACKETS: Histogram "droplens_probe_loss_burst_packets" ["probe", "target", "address", "family"] Rule("11 x addresses that lost probes"),
        "Lost probes in a row, in the order of sending (loss periods of RFC 3357); absent before the first run that ended.";
    GAPS: Histogram "droplens_probe_loss_gap_packets" ["probe", "target", "address", "family"] Rule("11 x addresses that lost probes"),
        "Answered probes between two runs of lost ones (loss distances of RFC 3357, less one); absent before the second run.";
    DURATIONS: Histogram "droplens_probe_loss_burst_duration_seconds" ["probe", "target", "address", "family"] Rule("11 x addresses that lost probes"),
        "From the sending of the first lost probe of a run to that of the next one that was answered; absent before the first run that ended.";
}

/// A histogram with its bounds as numbers.
type Told = ([f64; 8], [u64; 8], f64, u64);

pub(in crate::source) fn encode(targets: &[Target], encoder: &mut Encoder<'_>) -> fmt::Result {
    let mut tell = |family: &crate::Family, told: fn(&super::Address) -> Told| {
        encoder.family(family.descriptor(), |series| {
            for (target, address) in each(targets) {
                let (bounds, buckets, sum, count) = told(address);
                if count > 0 {
                    let buckets: [_; 9] = differences(&bounds, &buckets, count);
                    let histogram = Histogram {
                        sum,
                        count,
                        buckets: &buckets,
                    };
                    series.push_histogram(labels(target, address), histogram)?;
                }
            }
            Ok(())
        })
    };
    tell(&PACKETS, |address| {
        let BurstPackets {
            count,
            sum,
            buckets,
        } = address.burst_packets;
        let bounds = BurstPackets::BOUNDS.map(|bound| bound as f64);
        (bounds, buckets, sum as f64, count)
    })?;
    tell(&GAPS, |address| {
        let GapPackets {
            count,
            sum,
            buckets,
        } = address.gap_packets;
        let bounds = GapPackets::BOUNDS.map(|bound| bound as f64);
        (bounds, buckets, sum as f64, count)
    })?;
    tell(&DURATIONS, |address| {
        let BurstDurations {
            count,
            sum,
            buckets,
        } = address.burst_durations;
        let bounds = BurstDurations::BOUNDS.map(|bound| bound.as_secs_f64());
        (bounds, buckets, sum.as_secs_f64(), count)
    })
}
