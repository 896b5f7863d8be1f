//! Sockets in use and their memory: `/proc/net/sockstat` and `/proc/net/sockstat6`.

use serde::{Deserialize, Serialize};

use crate::Name;

/// The numbers of both files.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Sockstat {
    /// Every number, in the kernel's order. Memory (`mem`) is in pages, except for `FRAG` and
    /// `FRAG6` (`memory`), which are in bytes.
    pub values: Vec<SockstatValue>,
    /// Bytes in a page, to make pages comparable.
    pub page_size: u64,
}

impl Sockstat {
    /// The number of a protocol and key, such as `TCP` and `tw`.
    pub fn get(&self, protocol: &str, key: &str) -> Option<u64> {
        self.values
            .iter()
            .find(|value| &*value.protocol == protocol && &*value.key == key)
            .map(|value| value.value)
    }
}

/// One number of the files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SockstatValue {
    /// The word before the colon: `sockets`, `TCP`, `UDP6`, `FRAG`, ...
    pub protocol: Name,
    /// The key: `inuse`, `orphan`, `tw`, `alloc`, `mem`, ...
    pub key: Name,
    /// The number.
    pub value: u64,
}
