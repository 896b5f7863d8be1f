//! What can be wrong with one direction of a wire.

use std::time::Duration;

use serde::de::Error;
use serde::{Deserialize, Deserializer};

use super::Protocol;

/// What one direction does to IP packets; by default nothing.
///
/// As JSON, names are in lower case and durations are milliseconds.
///
/// In this order a packet is lost, queued for the [`Rate`], corrupted, held back for reordering,
/// delayed and duplicated.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Impairment {
    /// Which packets can be lost, corrupted, duplicated and reordered. Delay, jitter and rate are
    /// the same for all, as they are on a path.
    pub only: Filter,
    /// Time on the way.
    #[serde(deserialize_with = "milliseconds")]
    pub delay: Duration,
    /// Up to so much more or less than `delay`, evenly spread. It never changes the order of
    /// packets: like in a queue, each waits for the one before.
    #[serde(deserialize_with = "milliseconds")]
    pub jitter: Duration,
    /// Packets that vanish.
    pub loss: Loss,
    /// Probability that a packet comes twice.
    pub duplicate: f64,
    /// Packets that are overtaken by later ones.
    pub reorder: Option<Reorder>,
    /// Probability that one bit of the payload is changed, which makes the checksum wrong.
    pub corrupt: f64,
    /// A limit of throughput.
    pub rate: Option<Rate>,
}

impl Impairment {
    /// Nothing but loss.
    pub fn loss(loss: Loss) -> Self {
        Self {
            loss,
            ..Self::default()
        }
    }

    /// Nothing but a delay.
    pub fn delay(delay: Duration) -> Self {
        Self {
            delay,
            ..Self::default()
        }
    }

    /// The same for some packets only.
    #[must_use]
    pub fn only(self, only: Filter) -> Self {
        Self { only, ..self }
    }
}

/// Which packets an impairment applies to.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Filter {
    /// Every IP packet.
    #[default]
    All,
    /// One protocol.
    Protocol(Protocol),
    /// One protocol, to or from this port.
    Port(Protocol, u16),
}

/// How packets vanish. The state of each (its count, its phase) begins when it is set.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Loss {
    /// They do not.
    #[default]
    None,
    /// Each with this probability, independently.
    Random(f64),
    /// Two states between which each packet may switch: Gilbert's and Elliott's model of bursts.
    GilbertElliott(GilbertElliott),
    /// All for `lasts` at the end of each period of `every`.
    Burst {
        /// The period.
        #[serde(deserialize_with = "milliseconds")]
        every: Duration,
        /// How long of it nothing passes.
        #[serde(deserialize_with = "milliseconds")]
        lasts: Duration,
    },
    /// Each n-th; 0 is none.
    Every(u32),
    /// So many from now on.
    Next(u64),
    /// Those whose IP packet, headers included, is larger than so many bytes; silently, as a path
    /// with a broken path MTU discovery does.
    Larger(usize),
    /// Those whose bytes, from the IP header on, are like this.
    #[serde(skip)]
    Matching(fn(&[u8]) -> bool),
}

/// The probabilities of the two states, per packet.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GilbertElliott {
    /// From good to bad.
    pub worsen: f64,
    /// From bad to good.
    pub recover: f64,
    /// Loss in the good state.
    pub loss_good: f64,
    /// Loss in the bad state.
    pub loss_bad: f64,
}

impl Loss {
    /// A Gilbert model (all is lost in the bad state, nothing in the good one) with this mean loss
    /// and this mean length of a burst in packets.
    pub fn bursts(mean_loss: f64, mean_length: f64) -> Self {
        let recover = mean_length.recip();
        Self::GilbertElliott(GilbertElliott {
            worsen: recover * mean_loss / (1.0 - mean_loss),
            recover,
            loss_good: 0.0,
            loss_bad: 1.0,
        })
    }
}

/// Holding packets back until later ones have passed.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reorder {
    /// Probability that a packet is held back.
    pub probability: f64,
    /// How many packets pass it; those that are held back themselves do not count.
    pub behind: u32,
    /// It goes on after this time even if fewer have passed, and counts as reordered only if one
    /// has.
    #[serde(deserialize_with = "milliseconds")]
    pub at_most: Duration,
}

/// A limit of throughput, with a queue that drops at its tail.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// Bits per second, counting Ethernet frames without preamble and checksum.
    pub bits_per_second: u64,
    /// Bytes that may wait.
    pub queue: usize,
}

fn milliseconds<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    let seconds = f64::deserialize(from)? / 1000.0;
    Duration::try_from_secs_f64(seconds).map_err(D::Error::custom)
}
