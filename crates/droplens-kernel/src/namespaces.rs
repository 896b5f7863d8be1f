//! Which network namespaces there are: `/proc/*/ns/net`.

use std::collections::HashSet;
use std::io;

use crate::{ParseError, ReadError, Root};

/// Parses what such a link says, `net:[4026531840]`: the namespace's inode number.
pub fn parse(link: &[u8]) -> Result<u64, ParseError> {
    let number = link
        .strip_prefix(b"net:[")
        .and_then(|rest| rest.strip_suffix(b"]"))
        .and_then(crate::text::decimal);
    number.ok_or_else(|| ParseError::at("no network namespace", 1, link))
}

/// The network namespace of the calling thread, which is the one that netlink asks.
pub fn own(root: &Root) -> Result<u64, ReadError> {
    of(root, "thread-self")
}

/// How many other network namespaces have processes in them, as far as this thread may see.
///
/// Links of other users' processes take `CAP_SYS_PTRACE`; those that may not be read are not
/// counted. None if no other namespace was seen and something may not be read, since then nobody
/// knows. Within a container that has process ids of its own, its processes are all there is.
pub fn others(root: &Root) -> Option<u64> {
    let seen = look(root).ok()?;
    (seen.all || !seen.others.is_empty()).then_some(seen.others.len() as u64)
}

/// The other network namespaces that were seen.
struct Seen {
    others: HashSet<u64>,
    /// Whether every process let itself be looked at.
    all: bool,
}

fn look(root: &Root) -> Result<Seen, ReadError> {
    let own = own(root)?;
    let directory = root.proc("");
    let failed = |error| ReadError::file(&directory, error);
    let mut seen = Seen {
        others: HashSet::new(),
        all: true,
    };
    for entry in std::fs::read_dir(&directory).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        let Some(process) = name.to_str().filter(|name| is_number(name)) else {
            continue;
        };
        match of(root, process) {
            Ok(namespace) if namespace == own => {}
            Ok(namespace) => {
                seen.others.insert(namespace);
            }
            // A process that has ended, or is about to.
            Err(ReadError::File { source, .. }) if is_gone(&source) => {}
            Err(_) => seen.all = false,
        }
    }
    Ok(seen)
}

fn is_number(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_digit())
}

fn of(root: &Root, process: &str) -> Result<u64, ReadError> {
    use std::os::unix::ffi::OsStrExt;
    let path = root.proc(process).join("ns/net");
    let link = std::fs::read_link(&path).map_err(|error| ReadError::file(&path, error))?;
    parse(link.as_os_str().as_bytes()).map_err(|error| ReadError::parse(&path, error))
}

fn is_gone(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(libc::ENOENT | libc::ESRCH | libc::ENOTDIR)
    )
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::path::PathBuf;
    use std::process::Command;

    use super::*;
    use crate::testing::in_namespace;
    use proptest::prelude::*;

    #[test]
    fn the_number_stands_in_brackets() {
        assert_eq!(parse(b"net:[4026531840]"), Ok(4_026_531_840));
        for wrong in ["", "net:[]", "net:[x]", "mnt:[1]", "net:[1", "net:[-1]"] {
            assert!(parse(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_thread_has_its_own_namespace() {
        let root = Root::default();
        let outside = own(&root).unwrap();
        in_namespace(|| assert_ne!(own(&root).unwrap(), outside));
    }

    /// A made-up /proc: links of processes and what they say, or nothing if they may not be read.
    fn made_up(name: &str, processes: &[(&str, Option<&str>)]) -> (PathBuf, Root) {
        let directory = format!("droplens-namespaces-{name}-{}", std::process::id());
        let directory = std::env::temp_dir().join(directory);
        for (process, link) in processes {
            let directory = directory.join("proc").join(process).join("ns");
            fs::create_dir_all(&directory).unwrap();
            let path = directory.join("net");
            match link {
                Some(link) => symlink(link, path).unwrap(),
                // Not a link: reading it fails, for whichever user.
                None => fs::write(path, "").unwrap(),
            }
        }
        let root = Root::new(&directory);
        (directory, root)
    }

    #[test]
    fn each_other_namespace_is_counted_once() {
        let own = ("thread-self", Some("net:[1]"));
        let same = ("10", Some("net:[1]"));
        let (two, also_two) = (("11", Some("net:[2]")), ("12", Some("net:[2]")));
        let (three, hidden) = (("13", Some("net:[3]")), ("14", None));
        for (name, processes, expected) in [
            ("several", &[own, same, two, also_two, three][..], Some(2)),
            ("some-hidden", &[own, same, two, hidden], Some(1)),
            ("all-seen", &[own, same], Some(0)),
            ("own-seen", &[own, same, hidden], None),
            ("no-own", &[two, three], None),
        ] {
            let (directory, root) = made_up(name, processes);
            let counted = others(&root);
            fs::remove_dir_all(directory).unwrap();
            assert_eq!(counted, expected, "{name}");
        }
    }

    #[test]
    fn the_namespace_of_a_process_is_seen_from_another_one() {
        let root = Root::default();
        in_namespace(|| {
            let there = own(&root).unwrap();
            assert!(!look(&root).unwrap().others.contains(&there));
            let mut child = Command::new("sleep").arg("60").spawn().unwrap();
            let mut seen = None;
            in_namespace(|| {
                seen = Some((own(&root).unwrap(), look(&root).unwrap().others));
            });
            child.kill().unwrap();
            child.wait().unwrap();
            let (here, others) = seen.unwrap();
            assert!(others.contains(&there), "{there} is not in {others:?}");
            assert!(!others.contains(&here), "{here} is in {others:?}");
        });
    }

    #[test]
    fn where_there_is_no_proc_nobody_knows() {
        let root = Root::new("/nowhere");
        assert!(own(&root).is_err());
        assert_eq!(others(&root), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let _ = parse(&bytes);
        }

        #[test]
        fn any_number_is_found(number: u64) {
            prop_assert_eq!(parse(format!("net:[{number}]").as_bytes()), Ok(number));
        }
    }
}
