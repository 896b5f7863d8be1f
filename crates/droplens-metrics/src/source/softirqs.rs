//! Softirqs handled by each CPU.

use std::fmt;

use droplens_model::Source;
use droplens_model::sample::softirqs::{SoftirqVector, Softirqs};

use crate::Origin;
use crate::context::Context;
use crate::encoder::Encoder;
use crate::family::families;

families! {
    Origin::Source(Source::Softirqs);
    NET_RX: Counter "droplens_softirq_net_rx_total" ["cpu"] PerCpu(1),
        "Times the CPU ran the receive softirq (/proc/softirqs NET_RX).";
    NET_TX: Counter "droplens_softirq_net_tx_total" ["cpu"] PerCpu(1),
        "Times the CPU ran the transmit softirq (/proc/softirqs NET_TX).";
    ALL: Counter "droplens_softirqs_total" ["vector"] Rule("softirq vectors (10)"),
        "Times softirqs ran, by vector, all CPUs together (/proc/softirqs).";
}

pub(super) fn encode(
    softirqs: &Softirqs,
    _: &Context<'_>,
    encoder: &mut Encoder<'_>,
) -> fmt::Result {
    let Softirqs { cpus, vectors } = softirqs;
    for (family, wanted) in [(&NET_RX, "NET_RX"), (&NET_TX, "NET_TX")] {
        let counts = vectors.iter().find(|vector| &*vector.name == wanted);
        let counts = counts.map_or(&[][..], |vector| &vector.counts);
        encoder.series(
            family,
            cpus.iter()
                .zip(counts)
                .map(|(cpu, count)| ([(*cpu).into()], *count)),
        )?;
    }
    encoder.series(
        &ALL,
        vectors.iter().map(|vector| {
            let SoftirqVector { name, counts } = vector;
            ([name.into()], counts.iter().sum::<u64>())
        }),
    )
}
