//! The programs that droplens is compared with.

use std::path::PathBuf;

use crate::binary::target_directory;

/// A program, from `PATH` or from where `make tools` unpacked it; `None` if it is nowhere.
pub fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let unpacked = target_directory().join("tools");
    std::env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/sbin".into()])
        .chain([unpacked.join("usr/bin"), unpacked.join("cargo/bin")])
        .map(|directory| directory.join(program))
        .find(|candidate| candidate.is_file())
}

/// A program, or says loudly that the test is skipped for want of it.
pub fn find_or_skip(test: &str, program: &str) -> Option<PathBuf> {
    let found = find(program);
    if found.is_none() {
        crate::skip::because(test, &format!("{program} is not here: run `make tools`"));
    }
    found
}
