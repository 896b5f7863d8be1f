//! Gives up every privilege that is not needed, before any thread is started.

use std::io;

use caps::{CapSet, Capability, CapsHashSet};

/// The capabilities that some source or feature of this configuration can use.
///
/// `CAP_NET_ADMIN`: ctnetlink statistics, and details of sockets and links that the kernel tells
/// nobody else.
const WANTED: &[Capability] = &[Capability::CAP_NET_ADMIN];

/// What is kept besides those that all commands want.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keep {
    /// Nothing.
    Nothing,
    /// `CAP_NET_RAW`: probes open raw sockets later, and send by a device of their choice.
    RawSockets,
}

/// Whether this process may open raw sockets.
pub(crate) fn may_open_raw_sockets() -> bool {
    caps::has_cap(None, CapSet::Effective, Capability::CAP_NET_RAW).unwrap_or_default()
}

/// Why privileges could not be dropped.
#[derive(Debug, thiserror::Error)]
#[error("cannot drop capabilities ({set:?} set)")]
pub(crate) struct PrivilegeError {
    set: CapSet,
    source: caps::errors::CapsError,
}

/// Keeps only the wanted capabilities of those this process has, in every set.
///
/// Capabilities belong to threads: call this while there is only one.
pub(crate) fn drop_unneeded(also: Keep) -> Result<(), PrivilegeError> {
    let failed = |set| move |source| PrivilegeError { set, source };
    let permitted = caps::read(None, CapSet::Permitted).map_err(failed(CapSet::Permitted))?;
    let raw = (also == Keep::RawSockets).then_some(Capability::CAP_NET_RAW);
    let keep: CapsHashSet = WANTED
        .iter()
        .copied()
        .chain(raw)
        .filter(|cap| permitted.contains(cap))
        .collect();

    // What is not in the bounding set cannot come back through an exec. Shrinking it takes
    // CAP_SETPCAP, so it comes first; an ordinary user lacks that, and has nothing to lose.
    if permitted.contains(&Capability::CAP_SETPCAP) {
        let bounding = caps::read(None, CapSet::Bounding).map_err(failed(CapSet::Bounding))?;
        for &cap in bounding.difference(&keep) {
            caps::drop(None, CapSet::Bounding, cap).map_err(failed(CapSet::Bounding))?;
        }
    }
    // Kernels before 4.3 have no ambient set; droplens needs a newer one anyway.
    caps::clear(None, CapSet::Ambient).map_err(failed(CapSet::Ambient))?;
    caps::set(None, CapSet::Inheritable, &CapsHashSet::new())
        .map_err(failed(CapSet::Inheritable))?;
    caps::set(None, CapSet::Effective, &keep).map_err(failed(CapSet::Effective))?;
    caps::set(None, CapSet::Permitted, &keep).map_err(failed(CapSet::Permitted))
}

/// Works without needless privileges, on a thread of its own: they belong to threads, and the
/// calling one keeps those it has for what its user may do but the work need not.
pub(crate) fn without<T: Send>(work: impl FnOnce() -> io::Result<T> + Send) -> io::Result<T> {
    let work = || {
        drop_unneeded(Keep::Nothing).map_err(io::Error::other)?;
        work()
    };
    std::thread::scope(|scope| scope.spawn(work).join())
        .unwrap_or_else(|_| Err(io::Error::other("the thread that reads panicked")))
}

/// The names of the capabilities this process can use now.
pub(crate) fn effective() -> Vec<String> {
    let mut names: Vec<_> = caps::read(None, CapSet::Effective)
        .unwrap_or_default()
        .iter()
        .map(ToString::to_string)
        .collect();
    names.sort_unstable();
    names
}
