//! What the tests of several modules need: messages and network namespaces.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::netlink::align;

/// Bytes of an attribute's header.
const HEADER: usize = 4;

/// An attribute with its padding, in the host's byte order.
pub(crate) fn attribute(kind: u16, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.extend(u16::try_from(HEADER + payload.len()).unwrap().to_ne_bytes());
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(payload);
    bytes.resize(align(bytes.len()), 0);
    bytes
}

/// Numbers as a structure of the kernel holds them.
pub(crate) fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_ne_bytes()).collect()
}

/// Runs `test` in a new thread with a network namespace of its own, where only `lo` is, and up.
/// Says so and does nothing if the privilege for that is lacking.
pub(crate) fn in_namespace(test: impl FnOnce() + Send) {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            if let Err(error) = new_namespace() {
                skip(&format!("no network namespace of its own: {error}"));
                return;
            }
            command("ip", "link set lo up");
            test();
        });
        if let Err(panic) = thread.join() {
            std::panic::resume_unwind(panic);
        }
    });
}

/// Says that a test did nothing, past the harness, which keeps what passing tests print to itself.
/// Where everything has to run, that is a failure.
pub(crate) fn skip(why: &str) {
    assert!(std::env::var_os("CI").is_none(), "SKIPPED in CI: {why}");
    let _closed = writeln!(std::io::stderr(), "SKIPPED: {why}");
}

#[expect(
    unsafe_code,
    reason = "rustix leaves sharing of descriptors to the caller"
)]
fn new_namespace() -> rustix::io::Result<()> {
    // SAFETY: only the network namespace is left, the table of descriptors stays shared.
    unsafe { rustix::thread::unshare_unsafe(rustix::thread::UnshareFlags::NEWNET) }
}

/// Runs a command in the calling thread's namespace and returns what it prints.
pub(crate) fn command(program: &str, arguments: &str) -> String {
    let output = std::process::Command::new(program)
        .args(arguments.split_whitespace())
        .output()
        .unwrap();
    assert!(output.status.success(), "{program} {arguments}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Runs `ip` with these words.
pub(crate) fn ip(arguments: &str) {
    command("ip", arguments);
}

/// Several attributes or other pieces of a message one after another.
pub(crate) fn concat(pieces: &[Vec<u8>]) -> Vec<u8> {
    pieces.concat()
}

/// A new directory, removed on drop.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("droplens-kernel-{}-{count}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _gone = std::fs::remove_dir_all(&self.0);
    }
}
