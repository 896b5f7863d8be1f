//! Driver statistics as `ethtool -S` prints them.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Cause, IfIndex, Name};

/// The driver statistics of every device whose driver has any.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Driver {
    /// The devices, sorted by index.
    pub devices: Vec<DriverDevice>,
}

/// The statistics of one device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DriverDevice {
    /// The device's index.
    pub index: IfIndex,
    /// The device's name.
    pub device: Name,
    /// The names and meanings of the statistics, shared between samples while they stay the same.
    pub layout: Arc<DriverLayout>,
    /// The values, in the layout's order.
    pub values: Vec<u64>,
}

/// What a driver's statistics are called and what they mean.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Written")]
pub struct DriverLayout {
    /// The driver's name, such as `virtio_net`.
    pub driver: Name,
    /// Its version or the kernel's, and the firmware's, as the driver tells.
    pub firmware: Name,
    /// The statistics, in the driver's order.
    pub statistics: Vec<DriverStatistic>,
    /// The statistics that tell of losses or errors, those of all queues together: name without
    /// queue, meaning, and where they stand. Follows from the statistics.
    #[serde(skip)]
    pub losses: Vec<DriverLoss>,
}

/// Statistics of the same name for all queues, which tell of a loss or an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DriverLoss {
    /// The name without queue number.
    pub counter: Name,
    /// What it means.
    pub meaning: Meaning,
    /// Positions in [`DriverLayout::statistics`].
    pub positions: Vec<usize>,
}

/// A layout as it is written: without what follows from the rest.
#[derive(Deserialize)]
struct Written {
    #[serde(default)]
    driver: Name,
    #[serde(default)]
    firmware: Name,
    statistics: Vec<DriverStatistic>,
}

impl From<Written> for DriverLayout {
    fn from(written: Written) -> Self {
        Self::new(written.driver, written.firmware, written.statistics)
    }
}

impl DriverLayout {
    /// A layout of these statistics.
    pub fn new(driver: Name, firmware: Name, statistics: Vec<DriverStatistic>) -> Self {
        let mut losses = Vec::<DriverLoss>::new();
        let mut places = HashMap::<&Name, usize>::new();
        for (position, statistic) in statistics.iter().enumerate() {
            let DriverStatistic {
                counter,
                meaning,
                name: _,
                queue: _,
            } = statistic;
            if *meaning == Meaning::Other {
                continue;
            }
            let place = *places.entry(counter).or_insert(losses.len());
            match losses.get_mut(place) {
                Some(loss) => loss.positions.push(position),
                None => losses.push(DriverLoss {
                    counter: counter.clone(),
                    meaning: *meaning,
                    positions: vec![position],
                }),
            }
        }
        Self {
            driver,
            firmware,
            statistics,
            losses,
        }
    }
}

impl DriverDevice {
    /// Each loss or error with its sum over all queues.
    pub fn losses(&self) -> impl Iterator<Item = (&DriverLoss, u64)> {
        self.layout.losses.iter().map(|loss| {
            let values = loss
                .positions
                .iter()
                .filter_map(|&position| self.values.get(position));
            (
                loss,
                values.fold(0, |sum: u64, value| sum.saturating_add(*value)),
            )
        })
    }
}

/// One statistic of a driver.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DriverStatistic {
    /// The name as the driver prints it: `rx_queue_3_drops`.
    pub name: Name,
    /// The name without queue number or other indices: `rx_queue_drops`.
    pub counter: Name,
    /// The queue or other index that was taken out of the name, dot-separated if several: `3`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue: Option<Name>,
    /// What the statistic means.
    #[serde(default, skip_serializing_if = "Meaning::is_other")]
    pub meaning: Meaning,
}

/// What a driver's statistic means for packets.
///
/// Written as the cause's id, `suspect` or `other`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Meaning {
    /// The reviewed table says: packets lost by this cause.
    Loss(Cause),
    /// Looks like a loss or an error by its name, but is not in the reviewed table.
    Suspect,
    /// Anything else: traffic, buffers, offloads.
    #[default]
    Other,
}

impl Meaning {
    #[expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "the signature that serde asks for"
    )]
    fn is_other(&self) -> bool {
        *self == Self::Other
    }
}

impl Serialize for Meaning {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(match self {
            Self::Loss(cause) => cause.id(),
            Self::Suspect => "suspect",
            Self::Other => "other",
        })
    }
}

impl<'de> Deserialize<'de> for Meaning {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let id = Cow::<str>::deserialize(input)?;
        // A cause that this version does not know is what a suspect is: a loss not in its table.
        Ok(match &*id {
            "other" => Self::Other,
            id => id.parse().map_or(Self::Suspect, Self::Loss),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queues_are_added_up_by_counter() {
        let statistic = |name: &str, counter: &str, meaning| DriverStatistic {
            name: name.into(),
            counter: counter.into(),
            queue: None,
            meaning,
        };
        let loss = Meaning::Loss(Cause::NicRxRingOverflow);
        let layout = DriverLayout::new(
            "test".into(),
            "".into(),
            vec![
                statistic("rx0_packets", "rx_packets", Meaning::Other),
                statistic("rx0_drops", "rx_drops", loss),
                statistic("crc", "crc", Meaning::Suspect),
                statistic("rx1_drops", "rx_drops", loss),
            ],
        );
        let device = DriverDevice {
            index: IfIndex(1),
            device: "eth0".into(),
            layout: layout.into(),
            values: vec![100, 2, 7, 3],
        };
        let losses: Vec<_> = device
            .losses()
            .map(|(loss, sum)| (&*loss.counter, loss.meaning, sum))
            .collect();
        assert_eq!(
            losses,
            [("rx_drops", loss, 5), ("crc", Meaning::Suspect, 7)]
        );
    }
}
