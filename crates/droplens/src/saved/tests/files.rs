//! Files that snapshots are written to and read from.

use std::fs;
use std::path::{Path, PathBuf};

use droplens_model::{PairError, pair};

use super::super::read::read;
use super::super::{Output, WriteError};
use super::*;
use crate::command::snapshot::take;
use crate::config::Config;

/// A new directory, removed on drop.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Self {
        let name = format!("droplens-saved-{name}-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn files(&self) -> Vec<PathBuf> {
        let files = fs::read_dir(&self.0).unwrap();
        files.map(|file| file.unwrap().path()).collect()
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _gone = fs::remove_dir_all(&self.0);
    }
}

fn write(path: &Path, saved: &SavedSnapshot) -> Result<(), WriteError> {
    Output::new(path).unwrap().write(saved)
}

#[test]
fn a_file_is_whole_and_replaces_an_older_one() {
    let directory = Directory::new("whole");
    let path = directory.0.join("a.gz");
    write(&path, &unreadable()).unwrap();
    write(&path, &complete()).unwrap();
    assert_eq!(read(&path).unwrap(), complete());
    assert_eq!(directory.files(), [path]);
}

#[test]
fn what_was_read_live_is_read_back_and_can_be_compared() {
    let cli = <crate::cli::Cli as clap::Parser>::parse_from(["droplens"]);
    let take = || take(&cli.options, &Config::default()).unwrap();
    let (first, second) = (take(), take());
    let directory = Directory::new("live");
    let path = directory.0.join("live.gz");
    write(&path, &first).unwrap();
    let read = read(&path).unwrap();
    assert_eq!(read, first);
    for source in [Source::Softnet, Source::Links, Source::Snmp, Source::Limits] {
        assert_eq!(read.snapshot.state(source).id(), "ok");
    }
    let delta = pair(&read, &second).unwrap();
    assert!(delta.moved(Source::Softnet) && !delta.softnet().is_empty());
    assert_eq!(pair(&second, &read).unwrap_err(), PairError::Reversed);
}

#[test]
fn a_link_stays_one_and_a_device_too() {
    let directory = Directory::new("link");
    let (path, link) = (directory.0.join("a.gz"), directory.0.join("link"));
    write(&path, &unreadable()).unwrap();
    std::os::unix::fs::symlink(&path, &link).unwrap();
    write(&link, &complete()).unwrap();
    assert!(link.is_symlink());
    assert_eq!(read(&path).unwrap(), complete());
    write(Path::new("/dev/null"), &complete()).unwrap();
    assert!(!fs::metadata("/dev/null").unwrap().is_file());
}

#[test]
fn a_place_where_nothing_can_be_made_is_a_mistake_of_the_caller() {
    let directory = Directory::new("nowhere");
    for path in [directory.0.join("none/a.gz"), directory.0.clone()] {
        let error = write(&path, &complete()).unwrap_err();
        assert!(error.is_usage(), "{error}");
        assert!(
            error.to_string().contains(path.to_str().unwrap()),
            "{error}"
        );
    }
    assert!(directory.files().is_empty());
}

#[test]
fn an_error_names_the_file() {
    let directory = Directory::new("errors");
    let path = directory.0.join("b.gz");
    let told = read(&path).unwrap_err().to_string();
    assert!(told.starts_with(path.to_str().unwrap()), "{told}");
    assert!(told.contains("No such file"), "{told}");
    fs::write(&path, "nothing of the kind").unwrap();
    let told = read(&path).unwrap_err().to_string();
    assert!(told.starts_with(path.to_str().unwrap()), "{told}");
    assert!(matches!(
        read(&directory.0).unwrap_err().fault,
        Fault::Unreadable(_)
    ));
}
