//! Which host this is, and which part of it is seen.

use droplens_kernel::{Root, namespaces};
use droplens_model::SavedSnapshot;

/// What tells this host, this boot and this network namespace from others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Host {
    /// Its name (`uname -n`).
    pub(crate) name: String,
    /// What identifies the boot; empty if it cannot be read.
    pub(crate) boot_id: String,
    /// The kernel's release (`uname -r`).
    pub(crate) kernel: String,
    /// Inode number of the network namespace that is read; 0 if it cannot be read.
    pub(crate) namespace: u64,
    /// Other network namespaces with processes in them; see [`namespaces::others`].
    pub(crate) others_not_seen: Option<u64>,
}

impl Host {
    /// Looks at the host. Seeing the namespaces of all processes takes privileges, so this comes
    /// before they are dropped.
    pub(crate) fn read(root: &Root) -> Self {
        let system = rustix::system::uname();
        let boot_id = std::fs::read_to_string(root.proc("sys/kernel/random/boot_id"));
        Self {
            name: system.nodename().to_string_lossy().into_owned(),
            boot_id: boot_id.unwrap_or_default().trim().to_owned(),
            kernel: system.release().to_string_lossy().into_owned(),
            // Netlink asks the running kernel even where the files are recorded ones.
            namespace: namespaces::own(root)
                .or_else(|_| namespaces::own(&Root::default()))
                .unwrap_or(0),
            others_not_seen: namespaces::others(root),
        }
    }
}

impl Host {
    /// The host of a saved snapshot.
    pub(crate) fn of(saved: &SavedSnapshot) -> Self {
        Self {
            name: saved.host.clone(),
            boot_id: saved.boot_id.clone(),
            kernel: saved.kernel.clone(),
            namespace: saved.namespace,
            others_not_seen: saved.others_not_seen,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_host_has_a_boot_and_a_namespace() {
        let host = Host::read(&Root::default());
        assert_eq!(host.boot_id.len(), 36, "{host:?}");
        assert!(!host.name.is_empty() && !host.kernel.is_empty() && host.namespace > 0);
        assert_eq!(Host::read(&Root::new("/nowhere")).boot_id, "");
    }
}
