//! How far protocol counters moved.

use std::sync::Arc;

use super::{Delta, both, step};
use crate::sample::netstat::Counters;
use crate::{Reading, Snapshot, Source};

/// A protocol counter by the kernel's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Protocol {
    /// [`Source::Snmp`], [`Source::Snmp6`] or [`Source::Netstat`].
    pub source: Source,
    /// The group, such as `TcpExt`.
    pub group: &'static str,
    /// The key within the group, such as `ListenDrops`.
    pub key: &'static str,
}

impl Protocol {
    /// A counter of `/proc/net/snmp`.
    pub const fn snmp(group: &'static str, key: &'static str) -> Self {
        Self {
            source: Source::Snmp,
            group,
            key,
        }
    }

    /// A counter of `/proc/net/snmp6`.
    pub const fn snmp6(group: &'static str, key: &'static str) -> Self {
        Self {
            source: Source::Snmp6,
            group,
            key,
        }
    }

    /// A counter of `/proc/net/netstat`.
    pub const fn netstat(group: &'static str, key: &'static str) -> Self {
        Self {
            source: Source::Netstat,
            group,
            key,
        }
    }

    /// How the kernel writes it: `TcpExt ListenDrops`, `Udp6RcvbufErrors`.
    pub fn kernel(self) -> String {
        match self.source {
            Source::Snmp6 => format!("{}{}", self.group, self.key),
            _ => format!("{} {}", self.group, self.key),
        }
    }

    const fn reading(self, snapshot: &Snapshot) -> &Reading<Counters> {
        match self.source {
            Source::Snmp6 => &snapshot.snmp6,
            Source::Netstat => &snapshot.netstat,
            _ => &snapshot.snmp,
        }
    }

    /// Its value, if this kernel has it and it could be read. Gauges such as `CurrEstab` are
    /// fine; negative values, which mean "no limit", are none.
    pub fn value(self, snapshot: &Snapshot) -> Option<u64> {
        let value = self.reading(snapshot).ok()?.get(self.group, self.key)?;
        u64::try_from(value).ok()
    }
}

impl Delta<'_> {
    /// How far a protocol counter moved; none if this kernel does not have it or it could not be
    /// read again.
    pub fn protocol(&self, counter: Protocol) -> Option<u64> {
        let Some((from, to)) = both(counter.reading(self.from), counter.reading(self.to)) else {
            // Not read again: it has not moved as far as anybody knows.
            let known = counter.value(self.to).and(counter.value(self.from));
            return known.map(|_| 0);
        };
        let at = to.layout.position(counter.group, counter.key)?;
        // The layout is the same one as long as the kernel's headers stay the same.
        let before = if Arc::ptr_eq(&from.layout, &to.layout) {
            from.values.get(at).copied()
        } else {
            from.get(counter.group, counter.key)
        };
        let to = u64::try_from(*to.values.get(at)?).ok()?;
        let from = before.and_then(|before| u64::try_from(before).ok());
        Some(step(from.unwrap_or(0), to))
    }

    /// The same, where a counter that this kernel lacks has not moved.
    pub fn protocol_or_zero(&self, counter: Protocol) -> u64 {
        self.protocol(counter).unwrap_or(0)
    }
}
