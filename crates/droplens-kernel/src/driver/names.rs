//! Taking queue numbers out of the names of driver statistics.
//!
//! Every driver spells queues its own way; the rules here cover the ways that are in use, and
//! leave alone the numbers that are no queues: frame sizes (`rx_64_bytes`), priorities
//! (`rx_prio3_discards`), protocols (`rx_l4_csum_errors`), standards (`tx_timeout_1588`).

/// Words after which a number, attached or as the next part, is the number of a queue or of what
/// serves one.
const QUEUES: [&str; 9] = [
    "queue", "q", "rxq", "txq", "ring", "ch", "channel", "cpu", "rvec",
];

/// Words to which a number must be attached, or joined by a hyphen (`rx3_bytes`, `tx-3.packets`);
/// after an underscore it is a size (`rx_64_bytes`).
const DIRECTIONS: [&str; 2] = ["rx", "tx"];

/// A name without indices, and the indices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Split {
    /// The name without its indices.
    pub(super) counter: String,
    /// The indices, dot-separated.
    pub(super) queue: Option<String>,
}

/// Splits the names of one device's statistics, which must be in the driver's order: vmxnet3
/// heads the statistics of a queue with one called `Rx Queue#`.
pub(super) fn split<'a>(names: impl Iterator<Item = &'a str>) -> Vec<Split> {
    let mut block = Block::default();
    names.map(|name| block.split(name)).collect()
}

/// The block of a queue in which a name stands.
#[derive(Default)]
struct Block {
    heading: String,
    queue: Option<usize>,
}

impl Block {
    fn split(&mut self, name: &str) -> Split {
        if name.ends_with("Queue#") {
            // The heading's value is the queue's number, which counts from 0.
            self.queue = match self.queue {
                Some(queue) if self.heading == name => Some(queue + 1),
                _ => Some(0),
            };
            name.clone_into(&mut self.heading);
        } else if !name.starts_with(' ') {
            self.queue = None;
            return split_one(name);
        }
        Split {
            counter: name.trim().to_owned(),
            queue: self.queue.map(|queue| queue.to_string()),
        }
    }
}

fn split_one(name: &str) -> Split {
    let mut indices = Vec::new();
    let name = take_brackets(name, &mut indices);
    let counter = take_numbers(name, &mut indices);
    let queue = (!indices.is_empty()).then(|| indices.join("."));
    Split { counter, queue }
}

/// `[3]: rx_discards` (bnxt) and `rx_bytes[3]` (gve).
fn take_brackets<'a>(name: &'a str, indices: &mut Vec<&'a str>) -> &'a str {
    if let Some((index, rest)) = name.strip_prefix('[').and_then(|rest| rest.split_once(']'))
        && is_number(index)
    {
        indices.push(index);
        return rest.trim_start_matches([':', ' ']);
    }
    if let Some((rest, index)) = name
        .strip_suffix(']')
        .and_then(|rest| rest.rsplit_once('['))
        && is_number(index)
    {
        indices.push(index);
        return rest;
    }
    name
}

/// Numbers attached to or following a word that names a queue.
fn take_numbers<'a>(name: &'a str, indices: &mut Vec<&'a str>) -> String {
    let mut counter = String::with_capacity(name.len());
    let mut before = "";
    for part in name.split_inclusive(['_', '-', '.', ' ', ':']) {
        let (word, separator) = match part.char_indices().next_back() {
            Some((at, last)) if !last.is_ascii_alphanumeric() => part.split_at(at),
            _ => (part, ""),
        };
        let stem = word.trim_end_matches(|character: char| character.is_ascii_digit());
        let number = word.strip_prefix(stem).unwrap_or_default();
        if stem.is_empty() && is_number(number) && is_index_after(before, &counter) {
            indices.push(number);
            // The separator before the number goes with it.
            counter.pop();
        } else if !number.is_empty() && is_attached(stem) {
            indices.push(number);
            counter.push_str(stem);
        } else {
            counter.push_str(word);
        }
        counter.push_str(separator);
        before = word;
    }
    counter
}

/// Whether a number that follows this word is an index.
fn is_index_after(word: &str, so_far: &str) -> bool {
    QUEUES.contains(&word) || (DIRECTIONS.contains(&word) && so_far.ends_with('-'))
}

/// Whether a number attached to this word is an index.
fn is_attached(stem: &str) -> bool {
    QUEUES.contains(&stem) || DIRECTIONS.contains(&stem)
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn one(name: &str) -> (String, Option<String>) {
        let split = split_one(name);
        (split.counter, split.queue)
    }

    #[test]
    fn queues_are_taken_out_of_every_drivers_names() {
        for (name, counter, queue) in [
            ("rx_queue_3_drops", "rx_queue_drops", "3"),
            ("rx3_bytes", "rx_bytes", "3"),
            ("tx0_tx_timeouts", "tx_tx_timeouts", "0"),
            ("queue_12_tx_cnt", "queue_tx_cnt", "12"),
            ("tx-3.packets", "tx.packets", "3"),
            ("rx-0.rx_packets", "rx.rx_packets", "0"),
            ("[3]: rx_ucast_packets", "rx_ucast_packets", "3"),
            ("rx_queue_drop_cnt[31]", "rx_queue_drop_cnt", "31"),
            ("cpu5_vf_rx_bytes", "cpu_vf_rx_bytes", "5"),
            ("ch2_events", "ch_events", "2"),
            ("txq7: packets", "txq: packets", "7"),
            ("cpu1_queue_2_drops", "cpu_queue_drops", "1.2"),
            ("rvec_4_rx_pkts", "rvec_rx_pkts", "4"),
        ] {
            assert_eq!(one(name), (counter.into(), Some(queue.into())), "{name}");
        }
    }

    #[test]
    fn other_numbers_stay() {
        for name in [
            "rx_64_bytes",
            "rx_65_to_127_byte_packets",
            "tx_timeout_1588",
            "rx_prio0_buf_discard",
            "rx_prio3_discards",
            "rx_l4_csum_errors",
            "port.rx_size_127",
            "pfc_pri7_rx_duration_us",
            "rx_missed_errors",
            "tx_prio_3_packets",
            "",
        ] {
            assert_eq!(one(name), (name.to_owned(), None));
        }
    }

    #[test]
    fn indented_names_belong_to_the_queue_above() {
        let names = [
            "Tx Queue#",
            "  ring full",
            "Tx Queue#",
            "  ring full",
            "Rx Queue#",
            "  pkts rx OOB",
            "     err",
            "tx timeout count",
        ];
        let found: Vec<_> = split(names.into_iter())
            .into_iter()
            .map(|split| (split.counter, split.queue.unwrap_or_default()))
            .collect();
        let expected = [
            ("Tx Queue#", "0"),
            ("ring full", "0"),
            ("Tx Queue#", "1"),
            ("ring full", "1"),
            ("Rx Queue#", "0"),
            ("pkts rx OOB", "0"),
            ("err", "0"),
            ("tx timeout count", ""),
        ];
        assert_eq!(found, expected.map(|(a, b)| (a.to_owned(), b.to_owned())));
    }

    proptest! {
        #[test]
        fn any_name_is_split_into_no_more_than_it_had(name in "\\PC{0,32}") {
            let split = split_one(&name);
            let queue = split.queue.unwrap_or_default();
            prop_assert!(split.counter.len() + queue.len() <= name.len());
            prop_assert!(queue.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.'));
        }
    }
}
