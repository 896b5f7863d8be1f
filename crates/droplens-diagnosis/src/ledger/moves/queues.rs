//! Queues: the drops of a tree of qdiscs and classes, each taken where it happened.
//!
//! A qdisc's drops contain those of its classes and of the qdiscs attached to them. So the drops of
//! each are what its children do not count. A class and the one qdisc attached to it show the same
//! drops; they belong to the class.

use std::collections::HashMap;

use droplens_model::delta::QueueDelta;
use droplens_model::sample::qdiscs::{QdiscKey, TcHandle};
use droplens_model::{IfIndex, Place};

use super::Moves;
use crate::ledger::counter::Counter;

/// Kinds whose classes are queues of their own; those of the others stand for hardware queues or
/// for the one queue inside.
const CLASSFUL: &[&str] = &["htb", "hfsc", "prio", "drr", "qfq", "ets", "cbq"];

pub(super) fn gather(moves: &mut Moves<'_>) {
    let qdiscs = moves.delta.qdiscs();
    let classes = moves.delta.classes();
    if qdiscs
        .iter()
        .chain(&classes)
        .all(|queue| queue.statistics.drops == 0)
    {
        return;
    }
    let shares = shares(&qdiscs, &classes);
    for (key, counter, drops) in shares {
        let Some(device) = moves.delta.device_name(key.device) else {
            continue;
        };
        let place = || Place::Queue {
            device: device.clone(),
            kind: key.kind.clone(),
            handle: key.handle,
            parent: key.parent,
        };
        moves.add(counter, place, drops);
    }
}

/// The drops of each queue that none of its children counts.
fn shares<'a>(
    qdiscs: &[QueueDelta<'a>],
    classes: &[QueueDelta<'a>],
) -> Vec<(&'a QdiscKey, Counter, u64)> {
    // What the children of a qdisc (by its handle) count, and what the qdisc at a class counts.
    let mut below = HashMap::<(IfIndex, u16), u64>::new();
    let mut attached = HashMap::<(IfIndex, TcHandle), u64>::new();
    let own_class =
        |class: &QueueDelta<'_>| class.statistics.drops > 0 && CLASSFUL.contains(&&*class.key.kind);
    for class in classes.iter().filter(|class| own_class(class)) {
        *below.entry(major(class.key)).or_default() += class.statistics.drops;
        attached.insert((class.key.device, class.key.handle), class.statistics.drops);
    }
    for qdisc in qdiscs {
        let parent = qdisc.key.parent;
        let inner = parent != TcHandle::ROOT && parent != TcHandle::INGRESS;
        if inner && !attached.contains_key(&(qdisc.key.device, parent)) {
            let of = (qdisc.key.device, parent.major());
            *below.entry(of).or_default() += qdisc.statistics.drops;
        }
    }
    let mut shares = Vec::new();
    for class in classes.iter().filter(|class| own_class(class)) {
        shares.push((class.key, Counter::ClassDropped, class.statistics.drops));
    }
    for qdisc in qdiscs {
        let key = qdisc.key;
        let drops = qdisc.statistics.drops;
        let filters = match key.kind.as_ref() {
            "ingress" => Some(Counter::IngressDropped),
            "clsact" => Some(Counter::FilterDropped),
            _ => None,
        };
        if let Some(counter) = filters {
            shares.push((key, counter, drops));
            continue;
        }
        // The class it is attached to has them already.
        let told = attached
            .get(&(key.device, key.parent))
            .copied()
            .unwrap_or(0);
        // Default qdiscs below a multi-queue one all have handle 0: they have no children.
        let children = match key.handle.major() {
            0 => 0,
            major => below.get(&(key.device, major)).copied().unwrap_or(0),
        };
        let own = drops.saturating_sub(told.max(children));
        shares.push((key, Counter::QdiscDropped, own));
    }
    shares
}

fn major(class: &QdiscKey) -> (IfIndex, u16) {
    (class.device, class.handle.major())
}

#[cfg(test)]
mod tests {
    use droplens_model::sample::qdiscs::QueueStatistics;

    use super::*;

    fn key(kind: &str, handle: u32, parent: TcHandle) -> QdiscKey {
        QdiscKey {
            device: IfIndex(2),
            handle: TcHandle(handle),
            parent,
            kind: kind.into(),
        }
    }

    fn queue(key: &QdiscKey, drops: u64) -> QueueDelta<'_> {
        let statistics = QueueStatistics {
            drops,
            ..QueueStatistics::default()
        };
        QueueDelta { key, statistics }
    }

    fn own(qdiscs: &[(QdiscKey, u64)], classes: &[(QdiscKey, u64)]) -> Vec<(String, u64)> {
        let list = |queues: &'_ [(QdiscKey, u64)]| -> Vec<(QdiscKey, u64)> { queues.to_vec() };
        let (qdiscs, classes) = (list(qdiscs), list(classes));
        let deltas = |queues: &'static [(QdiscKey, u64)]| -> Vec<QueueDelta<'static>> {
            queues
                .iter()
                .map(|(key, drops)| queue(key, *drops))
                .collect()
        };
        let qdiscs = deltas(Box::leak(qdiscs.into_boxed_slice()));
        let classes = deltas(Box::leak(classes.into_boxed_slice()));
        let mut own: Vec<_> = shares(&qdiscs, &classes)
            .into_iter()
            .filter(|(_, _, drops)| *drops > 0)
            .map(|(key, counter, drops)| {
                let class = if counter == Counter::ClassDropped {
                    "class "
                } else {
                    ""
                };
                (format!("{class}{} {}", key.kind, key.handle), drops)
            })
            .collect();
        own.sort();
        own
    }

    #[test]
    fn a_class_has_its_drops_and_the_root_only_what_is_left() {
        let qdiscs = [
            (key("htb", 0x1_0000, TcHandle::ROOT), 12),
            (key("pfifo", 0x10_0000, TcHandle(0x1_000a)), 9),
        ];
        let classes = [
            (key("htb", 0x1_0001, TcHandle(0x1_0000)), 0),
            (key("htb", 0x1_000a, TcHandle(0x1_0001)), 9),
        ];
        assert_eq!(
            own(&qdiscs, &classes),
            [("class htb 1:a".to_owned(), 9), ("htb 1:".to_owned(), 3)]
        );
    }

    #[test]
    fn multi_queue_roots_repeat_their_children() {
        let qdiscs = [
            (key("mq", 0x8001_0000, TcHandle::ROOT), 7),
            (key("fq_codel", 0, TcHandle(0x8001_0001)), 3),
            (key("fq_codel", 0, TcHandle(0x8001_0002)), 4),
        ];
        assert_eq!(
            own(&qdiscs, &[]),
            [("fq_codel 0:".to_owned(), 3), ("fq_codel 0:".to_owned(), 4)]
        );
    }

    #[test]
    fn the_queue_inside_a_tbf_repeats_it() {
        let qdiscs = [
            (key("tbf", 0x1_0000, TcHandle::ROOT), 7),
            (key("bfifo", 0x10_0000, TcHandle(0x1_0001)), 7),
        ];
        let classes = [(key("tbf", 0x1_0001, TcHandle(0x1_0000)), 7)];
        assert_eq!(own(&qdiscs, &classes), [("bfifo 10:".to_owned(), 7)]);
    }
}
