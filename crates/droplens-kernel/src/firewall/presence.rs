//! Whether nftables is in the kernel, found out without asking it: the first question to a missing
//! `nf_tables` makes the kernel load it.

use std::path::PathBuf;

use crate::{Root, text};

/// What is known about `nf_tables`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Presence {
    /// It is there, or cannot be loaded: asking changes nothing.
    Safe,
    /// It is not there, so it holds no rules.
    Absent,
    /// It may be built in, or loadable and not loaded.
    Unknown,
}

/// Where the kernel tells about its modules.
#[derive(Debug)]
pub(super) struct Modules {
    /// `/sys/module`.
    loaded: PathBuf,
    /// `/proc/modules`: only kernels that can load modules have it.
    loader: PathBuf,
    /// `/proc/sys/kernel/osrelease`.
    release: PathBuf,
    /// `/lib/modules`.
    installed: PathBuf,
    /// `/proc/net/netlink`.
    sockets: PathBuf,
}

impl Modules {
    pub(super) fn new(root: &Root) -> Self {
        Self {
            loaded: root.sys("module"),
            loader: root.proc("modules"),
            release: root.proc("sys/kernel/osrelease"),
            installed: root.lib("modules"),
            sockets: root.net("netlink"),
        }
    }

    pub(super) fn nf_tables(&self) -> Presence {
        if self.loaded.join("nf_tables").exists() || !self.loader.exists() {
            return Presence::Safe;
        }
        // A module's directory has `initstate`, that of built-in code, if there is one, has not;
        // what builds on a loadable nfnetlink is itself loadable, and does nothing without it.
        if self.loaded.join("nfnetlink/initstate").exists() || !self.has_nfnetlink() {
            return Presence::Absent;
        }
        match self.built_in() {
            Some(true) => Presence::Safe,
            Some(false) => Presence::Absent,
            None => Presence::Unknown,
        }
    }

    /// Whether the kernel has a socket of its own for netfilter's netlink (protocol 12) in this
    /// namespace: nfnetlink opens it when it starts. What cannot be read counts as there.
    fn has_nfnetlink(&self) -> bool {
        let Ok(sockets) = std::fs::read(&self.sockets) else {
            return true;
        };
        text::lines(&sockets).any(|(_, line)| {
            let mut fields = text::fields(line).skip(1);
            fields.next() == Some(b"12") && fields.next() == Some(b"0")
        })
    }

    /// What the list of built-in modules says, if it can be read.
    fn built_in(&self) -> Option<bool> {
        let release = std::fs::read_to_string(&self.release).ok()?;
        let list = self.installed.join(release.trim()).join("modules.builtin");
        let list = std::fs::read_to_string(list).ok()?;
        Some(list.lines().any(|line| line.ends_with("/nf_tables.ko")))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    const HEADER: &str = "sk               Eth Pid        Groups\n";
    const NFNETLINK: &str =
        "0000000000000000 0   1   0\n0000000000000000 12  0          00000000\n";

    /// A directory with these files, removed at the end.
    struct Files(PathBuf);

    impl Files {
        fn new(files: &[(&str, &str)]) -> Self {
            static NUMBER: AtomicU32 = AtomicU32::new(0);
            let number = NUMBER.fetch_add(1, Ordering::Relaxed);
            let name = format!("droplens-presence-{}-{number}", std::process::id());
            let directory = std::env::temp_dir().join(name);
            for (file, content) in files {
                let path = directory.join(file);
                fs::create_dir_all(path.parent().unwrap_or(Path::new("/"))).unwrap();
                fs::write(path, content).unwrap();
            }
            Self(directory)
        }

        fn presence(&self) -> Presence {
            Modules::new(&Root::new(&self.0)).nf_tables()
        }
    }

    impl Drop for Files {
        fn drop(&mut self) {
            let _gone = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_loaded_module_or_a_kernel_without_modules_is_asked() {
        let loaded = Files::new(&[
            ("proc/modules", ""),
            ("sys/module/nf_tables/initstate", "live"),
        ]);
        assert_eq!(loaded.presence(), Presence::Safe);
        assert_eq!(Files::new(&[("proc/stat", "")]).presence(), Presence::Safe);
    }

    #[test]
    fn what_builds_on_a_loadable_or_missing_part_is_not_there() {
        let loadable = Files::new(&[
            ("proc/modules", ""),
            ("sys/module/nfnetlink/initstate", "live"),
        ]);
        assert_eq!(loadable.presence(), Presence::Absent);
        let missing = Files::new(&[("proc/modules", ""), ("proc/net/netlink", HEADER)]);
        assert_eq!(missing.presence(), Presence::Absent);
    }

    #[test]
    fn only_the_list_of_built_in_modules_settles_the_rest() {
        let sockets = format!("{HEADER}{NFNETLINK}");
        let list = |list: &str| {
            Files::new(&[
                ("proc/modules", ""),
                ("proc/net/netlink", &sockets),
                ("proc/sys/kernel/osrelease", "6.1.0-x\n"),
                ("lib/modules/6.1.0-x/modules.builtin", list),
            ])
        };
        let with = list("kernel/fs/x.ko\nkernel/net/netfilter/nf_tables.ko\n");
        assert_eq!(with.presence(), Presence::Safe);
        assert_eq!(list("kernel/fs/x.ko\n").presence(), Presence::Absent);
        let unlisted = Files::new(&[("proc/modules", ""), ("proc/net/netlink", &sockets)]);
        assert_eq!(unlisted.presence(), Presence::Unknown);
    }

    #[test]
    fn the_running_kernel_opens_its_netlink_sockets_where_they_are_looked_for() {
        let modules = Modules::new(&Root::default());
        if modules.nf_tables() == Presence::Safe && modules.sockets.exists() {
            assert!(modules.has_nfnetlink());
        }
    }
}
