//! Control groups by number: the number of a group of the unified hierarchy is the inode of its
//! directory.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::os::unix::fs::DirEntryExt;
use std::path::PathBuf;

use droplens_model::Name;

use super::unit::unit;
use crate::Root;

/// The most directories that are looked at; a host has some hundreds of groups.
const MOST: usize = 10_000;

/// The units of these control groups, as far as they are found.
pub(super) fn units(root: &Root, mut wanted: HashSet<u64>) -> HashMap<u64, Name> {
    let mut units = HashMap::new();
    let Some(hierarchy) = unified(root) else {
        return units;
    };
    // Paths below the hierarchy; the groups nearest to the root come first.
    let mut level = vec![String::new()];
    let mut left = MOST;
    while !level.is_empty() {
        let mut below = Vec::new();
        for path in level {
            if wanted.is_empty() || left == 0 {
                return units;
            }
            left -= 1;
            // A group can be gone by now.
            let entries = fs::read_dir(hierarchy.join(path.trim_start_matches('/')));
            for entry in entries.into_iter().flatten().flatten() {
                let is_group = entry.file_type().is_ok_and(|kind| kind.is_dir());
                let (true, Ok(name)) = (is_group, entry.file_name().into_string()) else {
                    continue;
                };
                let path = format!("{path}/{name}");
                if wanted.remove(&entry.ino())
                    && let Some(unit) = unit(&path)
                {
                    units.insert(entry.ino(), unit);
                }
                below.push(path);
            }
        }
        level = below;
    }
    units
}

/// Where the unified hierarchy is: at the root, or beside those of version 1.
pub(super) fn unified(root: &Root) -> Option<PathBuf> {
    ["fs/cgroup", "fs/cgroup/unified"]
        .map(|place| root.sys(place))
        .into_iter()
        .find(|place| place.join("cgroup.controllers").is_file())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Scratch;
    use std::os::unix::fs::MetadataExt;

    #[test]
    fn groups_are_found_by_their_inode() {
        for place in ["sys/fs/cgroup", "sys/fs/cgroup/unified"] {
            let scratch = Scratch::new();
            let hierarchy = scratch.path().join(place);
            let group = |path: &str| {
                let path = hierarchy.join(path);
                fs::create_dir_all(&path).unwrap();
                fs::metadata(path).unwrap().ino()
            };
            let nginx = group("system.slice/nginx.service");
            let slice = group("system.slice");
            let other = group("system.slice/other.service");
            fs::write(hierarchy.join("cgroup.controllers"), "memory\n").unwrap();
            let root = Root::new(scratch.path());
            let units = units(&root, HashSet::from([nginx, slice, u64::MAX]));
            assert_eq!(units, HashMap::from([(nginx, "nginx.service".into())]));
            assert!(!units.contains_key(&other));
        }
    }

    #[test]
    fn without_the_unified_hierarchy_nothing_is_found() {
        let scratch = Scratch::new();
        fs::create_dir_all(scratch.path().join("sys/fs/cgroup/memory")).unwrap();
        let units = units(&Root::new(scratch.path()), HashSet::from([1]));
        assert!(units.is_empty());
    }
}
