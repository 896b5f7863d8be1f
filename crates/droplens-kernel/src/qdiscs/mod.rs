//! Queueing disciplines and classes.

mod detail;
#[cfg(test)]
mod live;
mod message;

use droplens_model::sample::qdiscs::{Class, Qdisc, QdiscKey, Qdiscs, QueueStatistics, TcHandle};
use droplens_model::wrap::Unwrapper;
use droplens_model::{IfIndex, Name, Source};
use neli::consts::socket::NlFamily;

use self::detail::COUNTERS;
use self::message::{RawStatistics, TCMSG, TcMessage};
use crate::error::ParseError;
use crate::netlink::{LazyNetlink, Request};
use crate::{ReadError, Reader};

/// `RTM_NEWQDISC`.
const RTM_NEWQDISC: u16 = 36;
/// `RTM_GETQDISC`.
const RTM_GETQDISC: u16 = 38;
/// `RTM_NEWTCLASS`.
const RTM_NEWTCLASS: u16 = 40;
/// `RTM_GETTCLASS`.
const RTM_GETTCLASS: u16 = 42;

/// Kinds whose classes count for themselves. The classes of others (`mq`, `mqprio`, `fq_codel`,
/// `sfq`, ...) are transmit queues or flows: they repeat their qdiscs, or are too many.
const CLASSFUL: [&str; 9] = [
    "htb", "hfsc", "prio", "drr", "qfq", "ets", "cbq", "multiq", "atm",
];

/// Reads every qdisc, including ingress and clsact, and the classes of those that shape.
#[derive(Debug)]
pub struct QdiscsReader {
    netlink: LazyNetlink,
    request: Request,
    collector: Collector,
}

impl Default for QdiscsReader {
    fn default() -> Self {
        Self::new()
    }
}

impl QdiscsReader {
    /// A reader; the socket is opened at the first reading.
    pub fn new() -> Self {
        Self {
            netlink: LazyNetlink::new(NlFamily::Route, Source::Qdiscs.spec().deadline),
            request: Request::dump("RTM_GETQDISC", RTM_GETQDISC).body(&[0; TCMSG]),
            collector: Collector::default(),
        }
    }
}

impl Reader for QdiscsReader {
    type Sample = Qdiscs;

    fn read(&mut self) -> Result<Qdiscs, ReadError> {
        let collector = &mut self.collector;
        let mut complete = self
            .netlink
            .request(
                &self.request,
                collector,
                Collector::restart_qdiscs,
                Collector::qdisc,
            )?
            .is_complete();
        // Classes are listed per device only.
        for device in std::mem::take(&mut collector.classful) {
            collector.classes_before = collector.sample.classes.len();
            complete &= self
                .netlink
                .request(
                    &classes_of(device),
                    collector,
                    Collector::restart_classes,
                    Collector::class,
                )?
                .is_complete();
        }
        Ok(collector.finish(complete))
    }
}

fn classes_of(device: IfIndex) -> Request {
    let mut body = [0; TCMSG];
    if let Some(field) = body.get_mut(4..8) {
        field.copy_from_slice(&device.0.to_ne_bytes());
    }
    Request::dump("RTM_GETTCLASS", RTM_GETTCLASS).body(&body)
}

/// What is collected while messages come in, and what is kept from reading to reading.
#[derive(Debug, Default)]
struct Collector {
    sample: Qdiscs,
    /// Devices whose classes are to be asked for.
    classful: Vec<IfIndex>,
    /// How many classes the devices before the present one had.
    classes_before: usize,
    kinds: Kinds,
    queues: Unwrapper<UnwrapKey, 4>,
    details: Unwrapper<UnwrapKey, COUNTERS>,
}

/// A [`QdiscKey`] that is cheap to hash, and whether it is that of a class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct UnwrapKey {
    class: bool,
    kind: usize,
    device: u32,
    handle: u32,
    parent: u32,
}

impl Collector {
    fn restart_qdiscs(&mut self) {
        self.sample.qdiscs.clear();
        self.classful.clear();
    }

    fn restart_classes(&mut self) {
        self.sample.classes.truncate(self.classes_before);
    }

    fn qdisc(&mut self, kind: u16, payload: &[u8]) -> Result<(), ParseError> {
        if kind != RTM_NEWQDISC {
            return Ok(());
        }
        let message = TcMessage::parse(payload)?;
        let device = IfIndex(message.device);
        if CLASSFUL.contains(&message.kind) && self.classful.last() != Some(&device) {
            self.classful.push(device);
        }
        let (key, unwrap) = self.keys(&message, false);
        // noqueue has no queue and counts nothing; a host may have thousands.
        if message.kind == "noqueue" {
            self.sample.qdiscs.push(Qdisc {
                key,
                statistics: QueueStatistics::default(),
                detail: droplens_model::sample::qdiscs::QdiscDetail::None,
            });
            return Ok(());
        }
        let statistics = self.statistics(unwrap, &message.queue);
        let detail = detail::of_qdisc(&message, |raw| self.details.observe(unwrap, raw))?;
        self.sample.qdiscs.push(Qdisc {
            key,
            statistics,
            detail,
        });
        Ok(())
    }

    fn class(&mut self, kind: u16, payload: &[u8]) -> Result<(), ParseError> {
        if kind != RTM_NEWTCLASS {
            return Ok(());
        }
        let message = TcMessage::parse(payload)?;
        if !CLASSFUL.contains(&message.kind) {
            return Ok(());
        }
        let (key, unwrap) = self.keys(&message, true);
        let statistics = self.statistics(unwrap, &message.queue);
        let detail = detail::of_class(&message, |raw| self.details.observe(unwrap, raw))?;
        self.sample.classes.push(Class {
            key,
            leaf: (message.info != 0).then_some(TcHandle(message.info)),
            statistics,
            detail,
        });
        Ok(())
    }

    fn keys(&mut self, message: &TcMessage<'_>, class: bool) -> (QdiscKey, UnwrapKey) {
        let (kind, name) = self.kinds.intern(message.kind);
        let key = QdiscKey {
            device: IfIndex(message.device),
            handle: TcHandle(message.handle),
            parent: TcHandle(message.parent),
            kind: name,
        };
        let unwrap = UnwrapKey {
            class,
            kind,
            device: message.device,
            handle: message.handle,
            parent: message.parent,
        };
        (key, unwrap)
    }

    fn statistics(&mut self, key: UnwrapKey, raw: &RawStatistics) -> QueueStatistics {
        let [packets, drops, requeues, overlimits] = self
            .queues
            .observe(key, [raw.packets, raw.drops, raw.requeues, raw.overlimits]);
        QueueStatistics {
            bytes: raw.bytes,
            packets: raw.packets64.unwrap_or(packets),
            drops,
            requeues,
            overlimits,
            backlog_packets: raw.backlog_packets,
            backlog_bytes: raw.backlog_bytes,
        }
    }

    /// Hands the sample over. Objects that are gone are forgotten, unless the list may have
    /// missed some that are not.
    fn finish(&mut self, complete: bool) -> Qdiscs {
        if complete {
            self.queues.finish();
            self.details.finish();
        }
        let next = Qdiscs {
            qdiscs: Vec::with_capacity(self.sample.qdiscs.len()),
            classes: Vec::with_capacity(self.sample.classes.len()),
            complete: false,
        };
        let mut sample = std::mem::replace(&mut self.sample, next);
        sample.complete = complete;
        sample
    }
}

/// The names of the kinds seen; the kernel has a few dozen at most.
#[derive(Debug, Default)]
struct Kinds(Vec<Name>);

impl Kinds {
    /// The shared name and its number.
    fn intern(&mut self, kind: &str) -> (usize, Name) {
        if let Some(found) = self.0.iter().enumerate().find(|(_, name)| &***name == kind) {
            return (found.0, Name::clone(found.1));
        }
        let name = Name::from(kind);
        self.0.push(Name::clone(&name));
        (self.0.len() - 1, name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{attribute, words};

    fn payload(kind: &str, device: u32, drops: u32) -> Vec<u8> {
        let mut bytes = words(&[0, device, 0x0001_0000, 0xffff_ffff, 0]);
        bytes.extend(attribute(1, format!("{kind}\0").as_bytes()));
        let queue = attribute(3, &words(&[0, 0, drops, 0, 0]));
        bytes.extend(attribute(7, &queue));
        bytes
    }

    fn read(collector: &mut Collector, messages: &[Vec<u8>]) -> Qdiscs {
        collector.restart_qdiscs();
        for message in messages {
            collector.qdisc(RTM_NEWQDISC, message).unwrap();
        }
        collector.finish(true)
    }

    #[test]
    fn drops_are_unwrapped_for_each_qdisc_by_itself() {
        let mut collector = Collector::default();
        read(
            &mut collector,
            &[payload("tbf", 1, u32::MAX - 9), payload("tbf", 2, 7)],
        );
        let sample = read(
            &mut collector,
            &[payload("tbf", 1, 10), payload("tbf", 2, 8)],
        );
        let drops: Vec<_> = sample
            .qdiscs
            .iter()
            .map(|qdisc| qdisc.statistics.drops)
            .collect();
        assert_eq!(drops, [u64::from(u32::MAX) + 11, 8]);
    }

    #[test]
    fn another_kind_at_the_same_place_is_another_qdisc() {
        let mut collector = Collector::default();
        read(&mut collector, &[payload("tbf", 1, 1_000)]);
        let sample = read(&mut collector, &[payload("htb", 1, 1)]);
        assert_eq!(sample.qdiscs[0].statistics.drops, 1);
        assert_eq!(collector.classful, [IfIndex(1)]);
    }

    #[test]
    fn a_restart_throws_away_what_was_collected() {
        let mut collector = Collector::default();
        collector
            .qdisc(RTM_NEWQDISC, &payload("tbf", 1, 3))
            .unwrap();
        let sample = read(&mut collector, &[payload("tbf", 1, 5)]);
        assert_eq!(sample.qdiscs.len(), 1);
        assert_eq!(sample.qdiscs[0].statistics.drops, 5);
    }

    #[test]
    fn kinds_are_shared_between_readings() {
        let mut collector = Collector::default();
        let first = read(&mut collector, &[payload("noqueue", 1, 0)]);
        let second = read(&mut collector, &[payload("noqueue", 2, 0)]);
        let kind = |sample: &Qdiscs| Name::clone(&sample.qdiscs[0].key.kind);
        assert!(Name::ptr_eq(&kind(&first), &kind(&second)));
    }
}
