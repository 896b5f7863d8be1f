//! Finding the owners of the few sockets that are told of.

use std::collections::{HashMap, HashSet};

use droplens_model::Name;
use droplens_model::sample::connections::{OpenFiles, Owner, ProcessRef};

use super::collect::Traces;
use super::{cgroups, processes};
use crate::Root;

/// The owners of some sockets.
#[derive(Debug)]
pub(super) struct Owners {
    units: HashMap<u64, Name>,
    /// Processes by socket, then by number.
    holders: HashMap<u32, u32>,
    processes: HashMap<u32, ProcessRef>,
}

impl Owners {
    /// Looks for all of them at once.
    pub(super) fn find(root: &Root, sockets: &[Traces]) -> Self {
        let inodes: HashSet<_> = sockets.iter().map(|traces| traces.inode).collect();
        let groups: HashSet<_> = sockets.iter().filter_map(|traces| traces.cgroup).collect();
        let holders = processes::holders(root, inodes.into_iter().filter(|i| *i != 0).collect());
        let pids: HashSet<_> = holders.values().copied().collect();
        let processes = pids
            .into_iter()
            .filter_map(|pid| Some((pid, processes::process(root, pid)?)))
            .collect();
        Self {
            units: cgroups::units(root, groups),
            holders,
            processes,
        }
    }

    /// The owner of one of them.
    pub(super) fn owner(&self, traces: Traces) -> Owner {
        let unit = traces.cgroup.and_then(|group| self.units.get(&group));
        let pid = self.holders.get(&traces.inode);
        Owner {
            uid: traces.uid,
            unit: unit.cloned(),
            process: pid.and_then(|pid| self.processes.get(pid)).cloned(),
        }
    }

    /// The open files of the process that has one of them open.
    pub(super) fn open_files(&self, root: &Root, traces: Traces) -> Option<OpenFiles> {
        processes::open_files(root, *self.holders.get(&traces.inode)?)
    }
}
