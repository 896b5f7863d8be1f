//! Where the built `droplens` is.

use std::path::{Path, PathBuf};

/// The built `droplens`: `DROPLENS_BINARY`, else the one beside this test's own executable, so
/// that a debug test runs the debug binary.
///
/// # Panics
///
/// When there is none, saying how to get one.
pub fn droplens() -> PathBuf {
    if let Some(given) = std::env::var_os("DROPLENS_BINARY") {
        return given.into();
    }
    let path = profile_directory().join("droplens");
    assert!(
        path.is_file(),
        "{} is not there: run `cargo build -p droplens` (with --release for release tests)",
        path.display()
    );
    path
}

/// The repository.
pub fn repository() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here)
}

/// `target` or whatever directory cargo builds into.
pub fn target_directory() -> PathBuf {
    let profile = profile_directory();
    profile.parent().unwrap_or(&profile).to_owned()
}

/// `target/debug` or `target/release`: test executables are in `deps` below it.
fn profile_directory() -> PathBuf {
    let executable = std::env::current_exe().expect("the path of this test");
    let directory = executable.parent().unwrap_or(&executable);
    if directory.ends_with("deps") {
        directory.parent().unwrap_or(directory).to_owned()
    } else {
        directory.to_owned()
    }
}
