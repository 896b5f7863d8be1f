//! What the tests of several modules need.

use std::process::Command;

use crate::netlink::align;

/// An attribute with its padding.
pub(crate) fn attribute(kind: u16, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.extend(u16::try_from(4 + payload.len()).unwrap().to_ne_bytes());
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(payload);
    bytes.resize(align(bytes.len()), 0);
    bytes
}

/// Several attributes or other pieces of a message one after another.
pub(crate) fn concat(pieces: &[Vec<u8>]) -> Vec<u8> {
    pieces.concat()
}

/// Runs `test` in a fresh thread with a network namespace of its own, which ends with it. Says
/// loudly that it did not where the privilege is missing.
pub(crate) fn in_namespace(test: impl FnOnce() + Send + 'static) {
    let thread = std::thread::spawn(move || {
        #[expect(unsafe_code, reason = "no safe wrapper")]
        // SAFETY: only this thread, which nothing else uses, leaves its network namespace.
        let result = unsafe { libc::unshare(libc::CLONE_NEWNET) };
        if result != 0 {
            let error = std::io::Error::last_os_error();
            eprintln!("SKIPPED: no network namespace without privilege: {error}");
            return;
        }
        test();
    });
    if let Err(panic) = thread.join() {
        std::panic::resume_unwind(panic);
    }
}

/// Runs a command line of `ip`.
pub(crate) fn ip(arguments: &str) {
    let status = Command::new("ip")
        .args(arguments.split_whitespace())
        .status()
        .expect("the ip command");
    assert!(status.success(), "ip {arguments}");
}
