//! Files with lists of targets, read again when they change.

use std::collections::BTreeMap;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Reporter;
use super::group::{self, Group, LARGEST};
use crate::config::{FileDiscovery, FilePattern};

/// How often it is looked whether files changed: inotify does not tell of network file systems, nor of
/// the way in which Kubernetes changes mounted files.
const LOOKED_AT: Duration = Duration::from_secs(2);

/// Files that are read at most.
const MOST_FILES: usize = 1_000;

/// Follows the files.
pub(super) async fn follow(place: FileDiscovery, reporter: Reporter) {
    let mut files = Files::default();
    let mut ticks = tokio::time::interval(LOOKED_AT);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut patterns = place.files;
    let mut last = None;
    loop {
        ticks.tick().await;
        // Files can hang, on a network file system.
        let looked = tokio::task::spawn_blocking(move || {
            let found = files.look(&patterns);
            (files, patterns, found)
        });
        let Ok((again, same, found)) = looked.await else {
            reporter.tell(
                None,
                Some("reading files panicked; please report this".into()),
            );
            return;
        };
        (files, patterns) = (again, same);
        if last.as_ref() != Some(&found) {
            let (groups, failure) = found.clone();
            if !reporter.tell(Some(groups), failure) {
                return;
            }
            last = Some(found);
        }
    }
}

/// By what a changed file is known.
type Mark = (u64, u64, u64, (i64, i64), (i64, i64));

/// What is known of the files.
#[derive(Debug, Default)]
struct Files(BTreeMap<PathBuf, File>);

#[derive(Debug)]
struct File {
    mark: Option<Mark>,
    groups: Vec<Group>,
    failure: Option<String>,
}

impl Files {
    /// All targets as of now, and what failed. A file that cannot be read or understood keeps its last
    /// list; so do all files of a directory that cannot be listed. One that a pattern no longer finds
    /// is gone with its targets; one that is named by itself is missed.
    fn look(&mut self, patterns: &[FilePattern]) -> (Vec<Group>, Option<String>) {
        let (mut paths, mut failures) = (Vec::new(), Vec::new());
        for pattern in patterns {
            match list(pattern) {
                Ok(found) => paths.extend(found),
                Err(why) => {
                    failures.push(why);
                    let known = self.0.keys().filter(|path| fits(pattern, path));
                    paths.extend(known.cloned().collect::<Vec<_>>());
                }
            }
        }
        paths.sort_unstable();
        paths.dedup();
        if paths.len() > MOST_FILES {
            failures.push(format!(
                "{} files, at most {MOST_FILES} are read",
                paths.len()
            ));
            paths.truncate(MOST_FILES);
        }
        self.0.retain(|path, _| paths.binary_search(path).is_ok());
        for path in paths {
            self.0
                .entry(path.clone())
                .or_insert_with(File::new)
                .renew(&path);
        }
        failures.extend(self.0.values().filter_map(|file| file.failure.clone()));
        let groups = self.0.values().flat_map(|file| file.groups.iter().cloned());
        let failure = (!failures.is_empty()).then(|| failures.join("; "));
        (groups.collect(), failure)
    }
}

impl File {
    const fn new() -> Self {
        Self {
            mark: None,
            groups: Vec::new(),
            failure: None,
        }
    }

    fn renew(&mut self, path: &Path) {
        let told = |why: String| Some(format!("{}: {why}", path.display()));
        let mark = match std::fs::metadata(path).map(|metadata| mark(&metadata)) {
            Ok(mark) => mark,
            Err(error) => {
                (self.mark, self.failure) = (None, told(error.to_string()));
                return;
            }
        };
        if self.mark == Some(mark) {
            return;
        }
        match read(path) {
            Ok(groups) => (self.groups, self.failure) = (groups, None),
            Err(why) => self.failure = told(why),
        }
        // Taken before the reading, so that a change meanwhile is another one.
        self.mark = Some(mark);
    }
}

fn mark(metadata: &std::fs::Metadata) -> Mark {
    (
        metadata.dev(),
        metadata.ino(),
        metadata.size(),
        (metadata.mtime(), metadata.mtime_nsec()),
        (metadata.ctime(), metadata.ctime_nsec()),
    )
}

fn read(path: &Path) -> Result<Vec<Group>, String> {
    let file = std::fs::File::open(path).map_err(|error| error.to_string())?;
    let mut bytes = Vec::new();
    let length = file.take(LARGEST + 1).read_to_end(&mut bytes);
    if length.map_err(|error| error.to_string())? as u64 > LARGEST {
        return Err(format!("it is larger than {LARGEST} bytes"));
    }
    if path.extension().is_some_and(|ending| ending == "json") {
        group::json(&bytes)
    } else {
        group::yaml(&bytes)
    }
}

/// The files that a pattern finds.
fn list(pattern: &FilePattern) -> Result<Vec<PathBuf>, String> {
    if let Some(only) = pattern.only() {
        return Ok(vec![only]);
    }
    let directory = pattern.directory();
    let told = |error: std::io::Error| format!("{}: {error}", directory.display());
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(told)? {
        let name = entry.map_err(told)?.file_name();
        if name.to_str().is_some_and(|name| pattern.matches(name)) {
            found.push(directory.join(name));
        }
    }
    Ok(found)
}

fn fits(pattern: &FilePattern, path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    path.parent() == Some(pattern.directory()) && name.is_some_and(|name| pattern.matches(name))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// A directory that vanishes with the test.
    struct Scratch(PathBuf);

    impl Scratch {
        fn new(name: &str) -> Self {
            let path =
                std::env::temp_dir().join(format!("droplens-files-{}-{name}", std::process::id()));
            fs::create_dir(&path).unwrap();
            Self(path)
        }

        fn write(&self, name: &str, text: &str) {
            // As a careful writer does it: a new file, then in the old one's place.
            let new = self.0.join("new");
            fs::write(&new, text).unwrap();
            fs::rename(new, self.0.join(name)).unwrap();
        }

        fn pattern(&self, name: &str) -> FilePattern {
            self.0.join(name).try_into().unwrap()
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn told((groups, failure): (Vec<Group>, Option<String>)) -> (String, Option<String>) {
        let all: Vec<String> = groups.into_iter().flat_map(|group| group.targets).collect();
        (all.join(" "), failure)
    }

    #[test]
    fn a_changed_file_is_read_again_and_a_broken_one_keeps_its_list() {
        let scratch = Scratch::new("changed");
        let patterns = [scratch.pattern("*.json"), scratch.pattern("more.yml")];
        let mut files = Files::default();
        scratch.write("a.json", r#"[{"targets": ["a"]}]"#);
        scratch.write("more.yml", "- targets: [m]\n");
        assert_eq!(told(files.look(&patterns)), ("a m".into(), None));
        scratch.write("a.json", r#"[{"targets": ["a", "b"]}]"#);
        scratch.write("c.json", r#"[{"targets": ["c"]}]"#);
        assert_eq!(told(files.look(&patterns)), ("a b c m".into(), None));
        scratch.write("a.json", "[{\"targets\": [\"z\"");
        let (all, failure) = told(files.look(&patterns));
        assert_eq!(all, "a b c m");
        assert!(failure.unwrap().contains("a.json: EOF"));
        scratch.write("a.json", "[]");
        assert_eq!(told(files.look(&patterns)), ("c m".into(), None));
    }

    #[test]
    fn a_file_that_is_gone_takes_its_targets_along_unless_it_is_named() {
        let scratch = Scratch::new("gone");
        let patterns = [scratch.pattern("*.json"), scratch.pattern("more.yml")];
        let mut files = Files::default();
        scratch.write("a.json", r#"[{"targets": ["a"]}]"#);
        scratch.write("more.yml", "- targets: [m]\n");
        files.look(&patterns);
        fs::remove_file(scratch.0.join("a.json")).unwrap();
        fs::remove_file(scratch.0.join("more.yml")).unwrap();
        let (all, failure) = told(files.look(&patterns));
        assert_eq!(all, "m");
        assert!(failure.unwrap().contains("more.yml: No such file"));
        scratch.write("a.json", r#"[{"targets": ["a"]}]"#);
        files.look(&patterns);
        fs::remove_dir_all(&scratch.0).unwrap();
        let (all, failure) = told(files.look(&patterns));
        assert_eq!(all, "a m");
        assert!(failure.is_some());
    }
}
