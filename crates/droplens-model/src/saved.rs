//! Snapshots that are kept, to be compared with others later.
//!
//! Later versions must read what this one writes. So fields are never renamed or given another
//! meaning, and new ones may be missing: a new counter is an `Option`, since a zero in its place
//! would look as if everything it ever counted had happened after the old snapshot.

use serde::{Deserialize, Serialize};

use crate::delta::{Delta, Protocol};
use crate::sample::softnet::SoftnetCpu;
use crate::{Moment, Snapshot, Timestamp};

/// The version of the saved form. It changes only if older versions would misunderstand it.
pub const SAVED_SCHEMA: &str = "droplens.snapshot/1";

/// A snapshot together with what tells whether another one can be compared with it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SavedSnapshot {
    /// [`SAVED_SCHEMA`].
    pub schema: String,
    /// The version of droplens that wrote it.
    pub droplens: String,
    /// The host's name.
    pub host: String,
    /// What identifies the boot (`/proc/sys/kernel/random/boot_id`); empty if unknown.
    pub boot_id: String,
    /// The kernel's release (`uname -r`).
    pub kernel: String,
    /// The network namespace that was read: the inode number in `net:[4026531840]`; 0 if unknown.
    pub namespace: u64,
    /// Other network namespaces with processes in them, which were not looked at; none if unknown.
    pub others_not_seen: Option<u64>,
    /// When it was taken, by the calendar.
    pub taken: Timestamp,
    /// When it was taken, by the clock of its readings.
    pub at: Moment,
    /// The readings.
    pub snapshot: Snapshot,
}

/// Why two snapshots cannot be compared.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.told("the earlier snapshot", "the later snapshot"))]
pub enum PairError {
    /// They are of different hosts.
    OtherHost {
        /// The first one's.
        from: String,
        /// The second one's.
        to: String,
    },
    /// The host was started anew in between.
    OtherBoot,
    /// They are of different network namespaces.
    OtherNamespace {
        /// The first one's inode number.
        from: u64,
        /// The second one's.
        to: u64,
    },
    /// The second one was taken before the first one.
    Reversed,
    /// Both are the same one.
    Same,
    /// Counters that only grow stand lower in the second one.
    Fell(Vec<Fall>),
}

/// A counter that stands lower than before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fall {
    /// The counter, as the kernel calls it.
    pub counter: String,
    /// Its value in the first snapshot.
    pub from: u64,
    /// Its value in the second one.
    pub to: u64,
}

impl PairError {
    /// The error in words, with these names for the first and the second snapshot.
    pub fn told(&self, from: &str, to: &str) -> String {
        match self {
            Self::OtherHost {
                from: first,
                to: second,
            } => format!(
                "{from} was taken on host {first:?}, {to} on host {second:?}: \
                 compare two snapshots of the same host"
            ),
            Self::OtherBoot => format!(
                "the host was started anew between {from} and {to}, and its counters with it: \
                 compare two snapshots of the same boot"
            ),
            Self::OtherNamespace {
                from: first,
                to: second,
            } => format!(
                "{from} was taken in network namespace net:[{first}], {to} in net:[{second}], \
                 which has counters of its own: take both in the same one"
            ),
            Self::Reversed => format!("{to} was taken before {from}: swap them"),
            Self::Same => format!(
                "{from} and {to} are the same snapshot: take another one later and compare with that"
            ),
            Self::Fell(falls) => {
                let falls: Vec<_> = falls
                    .iter()
                    .map(|fall| format!("{} from {} to {}", fall.counter, fall.from, fall.to))
                    .collect();
                format!(
                    "counters that only grow fell between {from} and {to}: {}; \
                     take both snapshots anew and in the same way",
                    falls.join(", ")
                )
            }
        }
    }
}

/// What happened between two saved snapshots, if that can be told.
pub fn pair<'a>(from: &'a SavedSnapshot, to: &'a SavedSnapshot) -> Result<Delta<'a>, PairError> {
    // A host that got another name in between has kept its boot.
    let same_boot = from.boot_id == to.boot_id;
    if from.host != to.host && (!same_boot || from.boot_id.is_empty()) {
        return Err(PairError::OtherHost {
            from: from.host.clone(),
            to: to.host.clone(),
        });
    }
    if !same_boot {
        return Err(PairError::OtherBoot);
    }
    if from.namespace != to.namespace {
        return Err(PairError::OtherNamespace {
            from: from.namespace,
            to: to.namespace,
        });
    }
    if from.at == to.at {
        return Err(PairError::Same);
    }
    if to.at < from.at {
        return Err(PairError::Reversed);
    }
    let falls = falls(&from.snapshot, &to.snapshot);
    if !falls.is_empty() {
        return Err(PairError::Fell(falls));
    }
    Ok(Delta::new(&from.snapshot, &to.snapshot))
}

/// Totals of each protocol, which only ever grow while a network namespace exists.
const TOTALS: &[Protocol] = &[
    Protocol::snmp("Ip", "InReceives"),
    Protocol::snmp("Ip", "OutRequests"),
    Protocol::snmp("Icmp", "InMsgs"),
    Protocol::snmp("Tcp", "InSegs"),
    Protocol::snmp("Tcp", "OutSegs"),
    Protocol::snmp("Udp", "InDatagrams"),
    Protocol::snmp("Udp", "OutDatagrams"),
    Protocol::snmp6("Ip6", "InReceives"),
    Protocol::snmp6("Ip6", "OutRequests"),
    Protocol::snmp6("Udp6", "InDatagrams"),
    Protocol::netstat("IpExt", "InOctets"),
    Protocol::netstat("IpExt", "OutOctets"),
];

/// Takes one counter out of a CPU's.
type OfCpu = fn(&SoftnetCpu) -> u64;

/// The counters of a CPU's receive work that are looked at.
const RECEIVE_WORK: [(&str, OfCpu); 3] = [
    ("processed", |cpu| cpu.processed),
    ("dropped", |cpu| cpu.dropped),
    ("time_squeezed", |cpu| cpu.time_squeezed),
];

fn falls(from: &Snapshot, to: &Snapshot) -> Vec<Fall> {
    let mut falls = Vec::new();
    for &total in TOTALS {
        if let (Some(from), Some(to)) = (total.value(from), total.value(to))
            && to < from
        {
            falls.push(Fall {
                counter: total.kernel(),
                from,
                to,
            });
        }
    }
    let (Some(from), Some(to)) = (from.softnet.ok(), to.softnet.ok()) else {
        return falls;
    };
    for to in &to.cpus {
        let Some(from) = from.cpus.iter().find(|from| from.cpu == to.cpu) else {
            continue;
        };
        for (name, counter) in RECEIVE_WORK {
            let (from, now) = (counter(from), counter(to));
            // What the kernel keeps in 32 bits wraps; only a value that a reader has unwrapped
            // cannot fall. See `step32`.
            if now < from && from > u64::from(u32::MAX) {
                falls.push(Fall {
                    counter: format!("softnet {name} of CPU {}", to.cpu),
                    from,
                    to: now,
                });
            }
        }
    }
    falls
}

#[cfg(test)]
mod tests;
