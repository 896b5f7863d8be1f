//! Skipping a test, never silently.

use std::io::Write;

/// Whether this process may make namespaces and devices. If not, says so.
///
/// # Panics
///
/// When `CI=true`: there, nothing may be skipped.
pub fn unless_root(test: &str) -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        because(test, "it makes network namespaces, which takes root");
    }
    root
}

/// Says that a test was skipped, and why, past the test harness's capture of output.
///
/// # Panics
///
/// When `CI=true`: there, nothing may be skipped.
pub fn because(test: &str, reason: &str) {
    assert!(
        std::env::var_os("CI").is_none_or(|value| value != "true"),
        "{test} would be skipped, which CI does not allow: {reason}"
    );
    // A lost line on a closed standard error is no reason to fail.
    let _ = writeln!(std::io::stderr(), "SKIPPED {test}: {reason}");
}

/// Leaves the test, loudly, when it cannot make namespaces.
#[macro_export]
macro_rules! needs_root {
    () => {
        if !$crate::skip::unless_root(concat!(module_path!(), ":", line!())) {
            return;
        }
    };
}
