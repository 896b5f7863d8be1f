//! Protocol counters by group and key: `/proc/net/snmp`, `/proc/net/snmp6`, `/proc/net/netstat`.

use rustc_hash::FxHashMap;
use std::sync::Arc;

use crate::Name;

/// The counters of one such file.
///
/// Which keys exist depends on the kernel, so they are data here. The layout is shared between
/// samples for as long as the kernel's headers stay the same.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// The keys.
    pub layout: Arc<Layout>,
    /// The values, in the layout's order. Wider than 64 bits since the kernel prints unsigned
    /// 64-bit counters beside negative numbers (`Tcp MaxConn` is -1 for "no limit").
    pub values: Vec<i128>,
}

impl Counters {
    /// The value of a key, if this kernel has it.
    pub fn get(&self, group: &str, key: &str) -> Option<i128> {
        self.values.get(self.layout.position(group, key)?).copied()
    }

    /// Every key with its value, in the kernel's order.
    pub fn iter(&self) -> impl Iterator<Item = (&Key, i128)> {
        self.layout.keys().iter().zip(self.values.iter().copied())
    }
}

/// Group and key of one counter, as the kernel writes them (`TcpExt`, `ListenOverflows`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    /// The group: the word before the colon; for `snmp6` the leading `Ip6`, `Icmp6`, `Udp6` or
    /// `UdpLite6` of the key.
    pub group: Name,
    /// The key within the group.
    pub key: Name,
}

/// The keys of a file, in the kernel's order.
#[derive(Clone, Debug, Default)]
pub struct Layout {
    keys: Vec<Key>,
    /// By group, then by key, so that looking up takes no allocation.
    positions: FxHashMap<Name, FxHashMap<Name, usize>>,
}

impl PartialEq for Layout {
    fn eq(&self, other: &Self) -> bool {
        self.keys == other.keys
    }
}

impl Eq for Layout {}

impl Layout {
    /// A layout of these keys; of a key given twice the first one is found.
    pub fn new(keys: Vec<Key>) -> Self {
        let mut positions = FxHashMap::<Name, FxHashMap<Name, usize>>::default();
        for (position, Key { group, key }) in keys.iter().enumerate() {
            let group = positions.entry(group.clone()).or_default();
            group.entry(key.clone()).or_insert(position);
        }
        Self { keys, positions }
    }

    /// The keys, in the kernel's order.
    pub fn keys(&self) -> &[Key] {
        &self.keys
    }

    /// Where a key stands.
    pub fn position(&self, group: &str, key: &str) -> Option<usize> {
        self.positions.get(group)?.get(key).copied()
    }
}
