//! Which process has a socket open: the links in /proc/PID/fd.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::path::Path;
use std::time::{Duration, Instant};

use droplens_model::sample::connections::{OpenFiles, ProcessRef};
use procfs::process::{LimitValue, Process};
use rustix::fs::{Dir, readlinkat_raw};

use crate::Root;
use crate::text::decimal;

/// The most links that are read: a process with a hundred thousand connections has as many.
const MOST_LINKS: usize = 1_000_000;
/// The longest that the search goes on.
const LONGEST: Duration = Duration::from_secs(2);

/// What is left of the bounds of a search.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    links: usize,
    until: Option<Instant>,
}

impl Bounds {
    fn new() -> Self {
        Self {
            links: MOST_LINKS,
            until: Instant::now().checked_add(LONGEST),
        }
    }

    /// Whether one more link may be read. The clock is asked once in a while.
    fn spend(&mut self) -> bool {
        self.links = self.links.saturating_sub(1);
        self.links > 0 && (!self.links.is_multiple_of(256) || self.in_time())
    }

    fn in_time(&self) -> bool {
        self.until.is_some_and(|until| Instant::now() < until)
    }
}

/// The first process that has each of these sockets open, as far as it is found; the files of
/// other users' processes may be hidden.
pub(super) fn holders(root: &Root, wanted: HashSet<u32>) -> HashMap<u32, u32> {
    search(root, wanted, Bounds::new())
}

fn search(root: &Root, mut wanted: HashSet<u32>, mut bounds: Bounds) -> HashMap<u32, u32> {
    let mut holders = HashMap::new();
    for pid in pids(&root.proc("")) {
        if wanted.is_empty() || !bounds.in_time() {
            break;
        }
        for inode in sockets(&root.proc(&format!("{pid}/fd")), &mut bounds) {
            if wanted.remove(&inode) {
                holders.insert(inode, pid);
            }
        }
    }
    holders
}

/// The numbers of the processes, in order: a server's first process comes before its workers.
fn pids(proc: &Path) -> Vec<u32> {
    let entries = fs::read_dir(proc).into_iter().flatten().flatten();
    let mut pids: Vec<_> = entries
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect();
    pids.sort_unstable();
    pids
}

/// The inodes of the sockets to which a directory's links lead.
fn sockets(directory: &Path, bounds: &mut Bounds) -> impl Iterator<Item = u32> {
    let opened = File::open(directory).ok();
    let entries = opened
        .as_ref()
        .and_then(|opened| Dir::read_from(opened).ok());
    entries
        .into_iter()
        .flatten()
        .map_while(move |entry| bounds.spend().then_some(entry))
        .filter_map(move |entry| {
            // Long enough for every socket; what is cut off is none.
            let mut buffer = [0; 32];
            let entry = entry.ok()?;
            let length =
                readlinkat_raw(opened.as_ref()?, entry.file_name(), &mut buffer[..]).ok()?;
            inode(buffer.get(..length)?)
        })
}

/// The inode in `socket:[<inode>]`.
fn inode(link: &[u8]) -> Option<u32> {
    let digits = link.strip_prefix(b"socket:[")?.strip_suffix(b"]")?;
    decimal(digits)?.try_into().ok()
}

/// The process with this number, if it is still there.
pub(super) fn process(root: &Root, pid: u32) -> Option<ProcessRef> {
    let stat = open(root, pid)?.stat().ok()?;
    Some(ProcessRef {
        pid,
        comm: stat.comm.into(),
        state: stat.state,
        threads: u32::try_from(stat.num_threads).unwrap_or(0),
    })
}

/// Its open files, if that may be looked at.
pub(super) fn open_files(root: &Root, pid: u32) -> Option<OpenFiles> {
    let process = open(root, pid)?;
    let limit = process.limits().ok()?.max_open_files.soft_limit;
    Some(OpenFiles {
        open: process.fd_count().ok()? as u64,
        limit: match limit {
            LimitValue::Value(limit) => Some(limit),
            LimitValue::Unlimited => None,
        },
    })
}

fn open(root: &Root, pid: u32) -> Option<Process> {
    Process::new_with_root(root.proc(&pid.to_string())).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Scratch;
    use proptest::prelude::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn only_sockets_have_an_inode() {
        assert_eq!(inode(b"socket:[4711]"), Some(4_711));
        for link in [
            b"pipe:[4711]".as_slice(),
            b"socket:[]",
            b"socket:[1",
            b"socket:[4294967296]",
            b"/dev/null",
            b"",
        ] {
            assert_eq!(inode(link), None, "{link:?}");
        }
    }

    #[test]
    fn the_first_holder_is_found() {
        let scratch = Scratch::new();
        let root = Root::new(scratch.path());
        for (pid, descriptor, link) in [
            (20, 3, "socket:[100]"),
            (9, 4, "socket:[100]"),
            (9, 5, "pipe:[300]"),
            (30, 0, "socket:[200]"),
            (30, 1, "socket:[999]"),
        ] {
            let directory = root.proc(&format!("{pid}/fd"));
            fs::create_dir_all(&directory).unwrap();
            symlink(link, directory.join(descriptor.to_string())).unwrap();
        }
        fs::create_dir_all(root.proc("net/fd")).unwrap();
        let holders = |bounds| search(&root, HashSet::from([100, 200, 300, 400]), bounds);
        assert_eq!(holders(Bounds::new()), HashMap::from([(100, 9), (200, 30)]));
        let none = Bounds {
            until: Some(Instant::now()),
            ..Bounds::new()
        };
        assert!(holders(none).is_empty());
        let few = Bounds {
            links: 1,
            ..Bounds::new()
        };
        assert!(holders(few).is_empty());
    }

    #[test]
    fn this_process_is_described() {
        let root = Root::default();
        let pid = std::process::id();
        let process = process(&root, pid).unwrap();
        assert_eq!(process.pid, pid);
        assert!(!process.comm.is_empty() && process.threads > 0);
        assert!(!process.is_stopped());
        let files = open_files(&root, pid).unwrap();
        assert!(files.open >= 3 && !files.is_exhausted(), "{files:?}");
        assert_eq!(open_files(&Root::new("/nowhere"), pid), None);
    }

    proptest! {
        #[test]
        fn any_link_is_taken(link in proptest::collection::vec(any::<u8>(), 0..40)) {
            let _ = inode(&link);
        }
    }
}
