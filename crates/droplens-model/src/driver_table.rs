//! The reviewed table of what driver statistics (`ethtool -S`) mean.

use std::collections::HashMap;
use std::sync::LazyLock;

use serde::Deserialize;

use crate::Cause;
use crate::sample::driver::Meaning;

/// The table's source, embedded.
const SOURCE: &str = include_str!("driver_table.toml");

/// What stands for a queue's number in a pattern.
const QUEUE: &str = "{queue}";

/// Everything the table says, by driver.
#[derive(Debug)]
pub struct DriverTable {
    drivers: HashMap<String, Entries>,
}

/// The entries of one driver and the driver's source file.
#[derive(Debug)]
struct Entries {
    source: String,
    counters: Vec<Entry>,
}

/// What the table says of one statistic.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The name as the driver prints it, with `{queue}` for a queue's number.
    #[serde(rename = "name")]
    pub pattern: String,
    /// Which way the counted packets go.
    pub direction: Direction,
    /// What happens to what is counted.
    #[serde(default)]
    pub effect: Effect,
    /// What is counted.
    #[serde(default)]
    pub unit: Unit,
    /// The cause of the loss; none if it fits none.
    #[serde(default, deserialize_with = "cause")]
    pub cause: Option<Cause>,
    /// Patterns of the same driver whose counts are part of this one.
    #[serde(default)]
    pub contains: Vec<String>,
    /// Link statistics that count the same packets too.
    #[serde(default)]
    pub within: Vec<String>,
    /// What is counted, in a few words.
    pub about: String,
}

/// Which way packets go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// Coming in.
    Receive,
    /// Going out.
    Transmit,
    /// Both ways in one count.
    Both,
}

/// What happens to what is counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    /// It is lost, or something failed.
    #[default]
    Loss,
    /// Nothing: it only sounds like a loss.
    None,
    /// What is lost is told queue by queue by other statistics of the driver; this is their sum.
    Sum,
}

/// What is counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    /// Packets.
    #[default]
    Packets,
    /// Something that happened, whatever number of packets it hit.
    Events,
}

fn cause<'de, D: serde::Deserializer<'de>>(input: D) -> Result<Option<Cause>, D::Error> {
    let id = String::deserialize(input)?;
    id.parse().map(Some).map_err(serde::de::Error::custom)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    driver: Vec<FileDriver>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileDriver {
    name: String,
    source: String,
    counter: Vec<Entry>,
}

impl DriverTable {
    /// The embedded table.
    pub fn get() -> &'static Self {
        static TABLE: LazyLock<DriverTable> = LazyLock::new(|| {
            // The tests prove that the embedded file parses; without a table nothing is claimed.
            DriverTable::parse(SOURCE).unwrap_or_else(|_| DriverTable {
                drivers: HashMap::new(),
            })
        });
        &TABLE
    }

    fn parse(source: &str) -> Result<Self, toml::de::Error> {
        let file: File = toml::from_str(source)?;
        let drivers = file.driver.into_iter().map(|driver| {
            let entries = Entries {
                source: driver.source,
                counters: driver.counter,
            };
            (driver.name, entries)
        });
        Ok(Self {
            drivers: drivers.collect(),
        })
    }

    /// The names of the drivers in the table, sorted.
    pub fn drivers(&self) -> Vec<&str> {
        let mut names: Vec<_> = self.drivers.keys().map(String::as_str).collect();
        names.sort_unstable();
        names
    }

    /// Where the meaning of this driver's statistics was looked up, in the kernel's source tree.
    pub fn source(&self, driver: &str) -> Option<&str> {
        Some(&self.drivers.get(driver)?.source)
    }

    /// What the table says of the statistic that this driver prints under this name.
    pub fn entry(&self, driver: &str, name: &str) -> Option<&Entry> {
        let name = name.trim();
        self.drivers
            .get(driver)?
            .counters
            .iter()
            .find(|entry| matches(&entry.pattern, name))
    }

    /// This driver's statistics that count losses of a known cause, as the table lists them.
    pub fn losses(&self, driver: &str) -> impl Iterator<Item = (&Entry, Cause)> {
        let entries = self.drivers.get(driver).map(|entries| &*entries.counters);
        let entries = entries.unwrap_or_default().iter();
        entries.filter_map(|entry| match entry.effect {
            Effect::Loss => Some((entry, entry.cause?)),
            Effect::None | Effect::Sum => None,
        })
    }

    /// The meaning of the statistic that this driver prints under this name; by the look of the
    /// name where the table is silent.
    ///
    /// Sums over queues mean [`Meaning::Other`], so that adding up the statistics of a device that
    /// mean [`Meaning::Loss`] counts each loss once.
    pub fn meaning(&self, driver: &str, name: &str) -> Meaning {
        match self.entry(driver, name) {
            Some(Entry {
                effect: Effect::None | Effect::Sum,
                ..
            }) => Meaning::Other,
            Some(Entry {
                cause: Some(cause), ..
            }) => Meaning::Loss(*cause),
            Some(_) => Meaning::Suspect,
            None if looks_like_loss(name) => Meaning::Suspect,
            None => Meaning::Other,
        }
    }
}

/// Whether a name is the pattern with some number in place of `{queue}`.
fn matches(pattern: &str, name: &str) -> bool {
    let Some((before, after)) = pattern.split_once(QUEUE) else {
        return pattern == name;
    };
    name.strip_prefix(before)
        .and_then(|rest| rest.strip_suffix(after))
        .is_some_and(|queue| !queue.is_empty() && queue.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Words with which a name that tells of a loss or an error begins one of its parts.
const WORDS: [&str; 22] = [
    "drop",
    "discard",
    "err",
    "miss",
    "fail",
    "fifo",
    "nobuf",
    "overrun",
    "overflow",
    "timeout",
    "crc",
    "fcs",
    "bad",
    "lost",
    "jabber",
    "fragments",
    "undersize",
    "oversize",
    "runt",
    "abort",
    "collision",
    "exceeded",
];

/// Phrases that tell of a loss only as a whole.
const PHRASES: [&str; 5] = ["no_buf", "no_dma", "out_of_buf", "no_memory", "oob"];

/// Parts of names that tell that no packet is meant.
const NOT_PACKETS: [&str; 4] = ["fdir", "irq", "tstamp", "cache"];

fn looks_like_loss(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    if NOT_PACKETS.iter().any(|word| name.contains(word)) {
        return false;
    }
    let mut parts = name.split(|character: char| !character.is_ascii_alphanumeric());
    parts.any(|part| WORDS.iter().any(|word| part.starts_with(word)))
        || PHRASES.iter().any(|phrase| name.contains(phrase))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::links::LinkStatistics;
    use proptest::prelude::*;

    /// Whether an entry adds up the queues of another one.
    fn sums(entries: &Entries, entry: &Entry) -> bool {
        let part = |pattern: &str| entries.counters.iter().find(|one| one.pattern == pattern);
        entry.effect != Effect::None
            && !entry.pattern.contains(QUEUE)
            && matches!(&entry.contains[..], [part_of] if part_of.contains(QUEUE) && part(part_of.as_str()).is_some())
    }

    #[test]
    fn no_two_statistics_of_a_driver_count_the_same_loss() {
        let table = DriverTable::get();
        for entries in table.drivers.values() {
            for entry in entries
                .counters
                .iter()
                .filter(|entry| entry.cause.is_some())
            {
                let overlaps = entries
                    .counters
                    .iter()
                    .any(|other| other.cause.is_some() && other.contains.contains(&entry.pattern));
                assert!(!overlaps, "{}", entry.pattern);
            }
        }
        assert_eq!(
            table.meaning("bnxt_en", "rx_total_ring_discards"),
            Meaning::Other
        );
    }

    #[test]
    fn the_embedded_table_is_sound() {
        let table = DriverTable::parse(SOURCE).unwrap();
        assert_eq!(table.drivers().len(), 15);
        for (driver, entries) in &table.drivers {
            assert!(!entries.source.is_empty() && !entries.counters.is_empty());
            let mut seen = std::collections::HashSet::new();
            for entry in &entries.counters {
                assert!(
                    seen.insert(&entry.pattern),
                    "{driver}: {} twice",
                    entry.pattern
                );
                assert!(entry.pattern.matches(QUEUE).count() <= 1);
                assert!(!entry.about.is_empty());
                assert!(
                    entry.effect == Effect::Loss || entry.cause.is_none(),
                    "{driver}: {} loses nothing by a cause",
                    entry.pattern
                );
                assert!(entry.cause.is_none_or(Cause::is_loss));
                assert_eq!(
                    entry.effect == Effect::Sum,
                    sums(entries, entry),
                    "{driver}: {}",
                    entry.pattern
                );
                assert!(!entry.contains.contains(&entry.pattern));
                for name in &entry.within {
                    assert!(
                        LinkStatistics::NAMES.contains(&name.as_str()),
                        "{driver}: {name}"
                    );
                }
            }
        }
        assert_eq!(DriverTable::get().drivers(), table.drivers());
    }

    #[test]
    fn known_statistics_have_their_cause() {
        let table = DriverTable::get();
        for (driver, name, cause) in [
            ("virtio_net", "rx12_xdp_drops", "xdp_drop"),
            ("virtio_net", "rx_queue_0_xdp_drops", "xdp_drop"),
            ("virtio_net", "tx3_tx_timeouts", "nic_tx_timeout"),
            ("veth", "rx_queue_0_drops", "veth_drop"),
            (
                "ena",
                "conntrack_allowance_exceeded",
                "cloud_allowance_exceeded",
            ),
            ("ena", "queue_7_rx_xdp_drop", "xdp_drop"),
            ("gve", "rx_xdp_drop[31]", "xdp_drop"),
            ("mlx5_core", "rx_out_of_buffer", "nic_rx_ring_overflow"),
            ("mlx5_core", "rx_crc_errors_phy", "link_errors"),
            ("ixgbe", "rx_no_dma_resources", "nic_rx_ring_overflow"),
            ("i40e", "port.rx_dropped", "nic_rx_ring_overflow"),
            ("ice", "rx_dropped.nic", "nic_rx_ring_overflow"),
            ("igb", "rx_queue_3_drops", "nic_rx_ring_overflow"),
            ("bnxt_en", "[5]: rx_discards", "nic_rx_ring_overflow"),
            ("vmxnet3", "  pkts rx OOB", "nic_rx_ring_overflow"),
            ("hv_netvsc", "tx_no_space", "nic_tx_ring_full"),
            ("e1000e", "rx_missed_errors", "nic_rx_ring_overflow"),
            ("tg3", "rx_fcs_errors", "link_errors"),
            ("r8169", "rx_missed", "nic_rx_ring_overflow"),
        ] {
            let meaning = table.meaning(driver, name);
            assert_eq!(
                meaning,
                Meaning::Loss(cause.parse().unwrap()),
                "{driver} {name}"
            );
        }
    }

    #[test]
    fn what_only_sounds_like_a_loss_is_none() {
        let table = DriverTable::get();
        for (driver, name) in [
            ("ixgbe", "fdir_miss"),
            ("ixgbe", "rx_csum_offload_errors"),
            ("bnxt_en", "[2]: missed_irqs"),
            ("hv_netvsc", "tx_busy"),
            ("igb", "dropped_smbus"),
            ("unknown", "rx_xdp_redirect"),
            ("unknown", "queue_3_tx_unmask_interrupt"),
            ("unknown", "tx_hwtstamp_timeouts"),
            ("unknown", "rx_cache_miss"),
            ("unknown", "rx_queue_0_packets"),
        ] {
            assert_eq!(
                table.meaning(driver, name),
                Meaning::Other,
                "{driver} {name}"
            );
        }
    }

    #[test]
    fn a_loss_without_a_cause_and_an_unknown_one_are_suspect() {
        let table = DriverTable::get();
        for (driver, name) in [
            ("virtio_net", "rx0_drops"),
            ("ena", "queue_0_rx_empty_rx_ring"),
            ("unknown", "rx_missed_errors"),
            ("unknown", "rx_no_buffer_count"),
            ("unknown", "port.rx_fifo_errors"),
            ("unknown", "tx_csum_err"),
            ("unknown", "Rx OOB"),
        ] {
            assert_eq!(
                table.meaning(driver, name),
                Meaning::Suspect,
                "{driver} {name}"
            );
        }
    }

    #[test]
    fn a_queue_is_a_number_and_nothing_else() {
        assert!(matches("rx{queue}_drops", "rx0_drops"));
        for name in [
            "rx_drops",
            "rx_xdp_drops",
            "rxA_drops",
            "rx1_drop",
            "rx1_dropsx",
        ] {
            assert!(!matches("rx{queue}_drops", name), "{name}");
        }
    }

    proptest! {
        #[test]
        fn any_name_has_a_meaning(name in "\\PC{0,40}") {
            for driver in DriverTable::get().drivers() {
                let _ = DriverTable::get().meaning(driver, &name);
            }
        }
    }
}
