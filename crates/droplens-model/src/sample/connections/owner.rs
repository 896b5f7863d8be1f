//! Whose a socket is.

use serde::{Deserialize, Serialize};

use crate::Name;

/// Whose a socket is, as far as that can be told without privilege.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// The user that made the socket (`idiag_uid`); 0 for a connection nobody accepted yet.
    pub uid: u32,
    /// The systemd unit, pod or container, from the control group of the socket; kernel 5.9 or
    /// newer.
    pub unit: Option<Name>,
    /// A process that has the socket open: the first if there are several. None if nobody has, or
    /// its files may not be looked at.
    pub process: Option<ProcessRef>,
}

/// A process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessRef {
    /// Its number in the namespace of the /proc that was read.
    pub pid: u32,
    /// Its name, cut by the kernel to 15 bytes.
    pub comm: Name,
    /// Its main thread's state as in /proc/PID/stat: `R`, `S`, `D`, `T` for stopped, ...
    pub state: char,
    /// How many threads it has.
    pub threads: u32,
}

impl ProcessRef {
    /// Whether a signal or a debugger stopped it.
    pub const fn is_stopped(&self) -> bool {
        matches!(self.state, 'T' | 't')
    }
}

/// A process's open files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenFiles {
    /// Open files.
    pub open: u64,
    /// The most there may be (`RLIMIT_NOFILE`, soft); none if unlimited.
    pub limit: Option<u64>,
}

impl OpenFiles {
    /// Whether no further file can be opened, so that `accept` fails.
    pub fn is_exhausted(&self) -> bool {
        self.limit.is_some_and(|limit| self.open >= limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_files_are_exhausted_at_their_limit() {
        let exhausted = |open, limit| OpenFiles { open, limit }.is_exhausted();
        assert!(exhausted(1_024, Some(1_024)));
        assert!(!exhausted(1_023, Some(1_024)));
        assert!(!exhausted(u64::MAX, None));
    }
}
