//! One message about a qdisc or a class: `struct tcmsg` and its attributes.

use crate::error::ParseError;
use crate::netlink::{Attributes, u32_at, u64_at};

/// Bytes of `struct tcmsg`.
pub(super) const TCMSG: usize = 20;

/// `TCA_KIND`.
const TCA_KIND: u16 = 1;
/// `TCA_OPTIONS`.
const TCA_OPTIONS: u16 = 2;
/// `TCA_XSTATS`.
const TCA_XSTATS: u16 = 4;
/// `TCA_STATS2`.
const TCA_STATS2: u16 = 7;

/// `TCA_STATS_BASIC`.
const TCA_STATS_BASIC: u16 = 1;
/// `TCA_STATS_QUEUE`.
const TCA_STATS_QUEUE: u16 = 3;
/// `TCA_STATS_APP`.
const TCA_STATS_APP: u16 = 4;
/// `TCA_STATS_BASIC_HW`: the part of `TCA_STATS_BASIC` that the hardware did.
const TCA_STATS_BASIC_HW: u16 = 7;
/// `TCA_STATS_PKT64`: follows a `TCA_STATS_BASIC` whose packets need more than 32 bits.
const TCA_STATS_PKT64: u16 = 8;

/// What a message says, as the kernel says it: nothing is copied, no counter is unwrapped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TcMessage<'a> {
    pub(super) device: u32,
    pub(super) handle: u32,
    pub(super) parent: u32,
    /// Of a class: the handle of the qdisc attached to it.
    pub(super) info: u32,
    pub(super) kind: &'a str,
    pub(super) options: &'a [u8],
    /// The statistics of the kind: `TCA_STATS_APP`, or `TCA_XSTATS` if that is absent.
    pub(super) own: &'a [u8],
    pub(super) queue: RawStatistics,
}

/// `struct gnet_stats_basic`, `struct gnet_stats_queue` and `TCA_STATS_PKT64`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct RawStatistics {
    pub(super) bytes: u64,
    pub(super) packets: u32,
    pub(super) packets64: Option<u64>,
    pub(super) backlog_packets: u32,
    pub(super) backlog_bytes: u32,
    pub(super) drops: u32,
    pub(super) requeues: u32,
    pub(super) overlimits: u32,
}

impl<'a> TcMessage<'a> {
    /// Parses the payload of an `RTM_NEWQDISC` or `RTM_NEWTCLASS` message.
    pub(super) fn parse(payload: &'a [u8]) -> Result<Self, ParseError> {
        let word = |offset| u32_at(payload, offset).ok_or(ParseError::new("tcmsg is too short"));
        let mut message = Self {
            device: word(4)?,
            handle: word(8)?,
            parent: word(12)?,
            info: word(16)?,
            kind: "",
            options: &[],
            own: &[],
            queue: RawStatistics::default(),
        };
        let mut app = None;
        for attribute in Attributes::new(payload.get(TCMSG..).unwrap_or_default()) {
            let attribute = attribute?;
            match attribute.kind {
                TCA_KIND => message.kind = attribute.text()?,
                TCA_OPTIONS => message.options = attribute.payload,
                TCA_XSTATS => message.own = attribute.payload,
                TCA_STATS2 => {
                    let (queue, found) = RawStatistics::parse(attribute.nested())?;
                    message.queue = queue;
                    app = found;
                }
                _ => {}
            }
        }
        if let Some(app) = app {
            message.own = app;
        }
        if message.kind.is_empty() {
            return Err(ParseError::new("qdisc or class without a kind"));
        }
        Ok(message)
    }
}

impl RawStatistics {
    /// Parses `TCA_STATS2`; also returns the payload of `TCA_STATS_APP`.
    fn parse(attributes: Attributes<'_>) -> Result<(Self, Option<&[u8]>), ParseError> {
        const SHORT: ParseError = ParseError::new("qdisc statistics are too short");
        let mut statistics = Self::default();
        let mut app = None;
        // A 64-bit packet count belongs to the basic statistics before it.
        let mut of_hardware = false;
        for attribute in attributes {
            let attribute = attribute?;
            let word = |offset| u32_at(attribute.payload, offset).ok_or(SHORT);
            match attribute.kind {
                TCA_STATS_BASIC => {
                    statistics.bytes = u64_at(attribute.payload, 0).ok_or(SHORT)?;
                    statistics.packets = word(8)?;
                    of_hardware = false;
                }
                TCA_STATS_BASIC_HW => of_hardware = true,
                TCA_STATS_PKT64 if !of_hardware => statistics.packets64 = Some(attribute.u64()?),
                TCA_STATS_QUEUE => {
                    statistics.backlog_packets = word(0)?;
                    statistics.backlog_bytes = word(4)?;
                    statistics.drops = word(8)?;
                    statistics.requeues = word(12)?;
                    statistics.overlimits = word(16)?;
                }
                TCA_STATS_APP => app = Some(attribute.payload),
                _ => {}
            }
        }
        Ok((statistics, app))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{attribute, words};
    use proptest::prelude::*;

    fn basic(bytes: u64, packets: u32) -> Vec<u8> {
        let mut structure = bytes.to_ne_bytes().to_vec();
        structure.extend(words(&[packets, 0]));
        structure
    }

    fn message(attributes: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = words(&[0, 3, 0x0001_0000, 0xffff_ffff, 2]);
        bytes.extend(attributes.concat());
        bytes
    }

    #[test]
    fn every_part_is_found() {
        let statistics = [
            attribute(TCA_STATS_BASIC, &basic(5_000_000_000, 7)),
            attribute(TCA_STATS_PKT64, &0x1_0000_0007_u64.to_ne_bytes()),
            attribute(TCA_STATS_BASIC_HW, &basic(1, 2)),
            attribute(TCA_STATS_PKT64, &99_u64.to_ne_bytes()),
            attribute(TCA_STATS_APP, b"appl"),
            attribute(TCA_STATS_QUEUE, &words(&[1, 2, 3, 4, 5])),
        ];
        let bytes = message(&[
            attribute(TCA_KIND, b"htb\0"),
            attribute(TCA_OPTIONS, b"opts"),
            attribute(TCA_STATS2, &statistics.concat()),
            attribute(TCA_XSTATS, b"xsta"),
        ]);
        let expected = TcMessage {
            device: 3,
            handle: 0x0001_0000,
            parent: 0xffff_ffff,
            info: 2,
            kind: "htb",
            options: b"opts",
            own: b"appl",
            queue: RawStatistics {
                bytes: 5_000_000_000,
                packets: 7,
                packets64: Some(0x1_0000_0007),
                backlog_packets: 1,
                backlog_bytes: 2,
                drops: 3,
                requeues: 4,
                overlimits: 5,
            },
        };
        assert_eq!(TcMessage::parse(&bytes), Ok(expected));
    }

    #[test]
    fn xstats_stand_in_for_app() {
        let bytes = message(&[attribute(TCA_KIND, b"fq\0"), attribute(TCA_XSTATS, b"xsta")]);
        let parsed = TcMessage::parse(&bytes).unwrap();
        assert_eq!(
            (parsed.own, parsed.queue),
            (b"xsta".as_slice(), RawStatistics::default())
        );
    }

    #[test]
    fn what_is_cut_short_is_an_error() {
        assert!(TcMessage::parse(&words(&[0, 3, 1, 2])).is_err());
        assert!(TcMessage::parse(&message(&[])).is_err(), "no kind");
        let short = attribute(
            TCA_STATS2,
            &attribute(TCA_STATS_QUEUE, &words(&[1, 2, 3, 4])),
        );
        assert!(TcMessage::parse(&message(&[attribute(TCA_KIND, b"fq\0"), short])).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_are_parsed_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = TcMessage::parse(&bytes);
        }

        #[test]
        fn any_cut_is_parsed_or_refused(cut in 0_usize..140, noise in any::<u8>(), at in 0_usize..140) {
            let statistics = attribute(TCA_STATS_BASIC, &basic(1, 2));
            let mut bytes = message(&[
                attribute(TCA_KIND, b"tbf\0"),
                attribute(TCA_STATS2, &[statistics, attribute(TCA_STATS_QUEUE, &words(&[1, 2, 3, 4, 5]))].concat()),
            ]);
            if let Some(byte) = bytes.get_mut(at) {
                *byte = noise;
            }
            let _ = TcMessage::parse(&bytes[..cut.min(bytes.len())]);
        }
    }
}
