//! A network namespace without a name.

use std::ffi::OsStr;
use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::panic::resume_unwind;
use std::process::{Command, Stdio};
use std::thread;

use rustix::thread::{LinkNameSpaceType, UnshareFlags, move_into_link_name_space};

use super::{Finished, run};

/// A network namespace, kept alive by an open file and by whatever runs in it.
///
/// It has no name anywhere, so nothing is left even when the test process is killed.
#[derive(Debug)]
pub struct Namespace(OwnedFd);

impl Namespace {
    /// A new namespace, its loopback device up.
    ///
    /// # Panics
    ///
    /// When it cannot be made: it takes root.
    #[expect(clippy::new_without_default, reason = "it makes a namespace")]
    pub fn new() -> Self {
        let made = thread::spawn(|| {
            leave_namespace();
            File::open("/proc/thread-self/ns/net").expect("the thread's own namespace")
        });
        let namespace = Self(
            made.join()
                .unwrap_or_else(|panic| resume_unwind(panic))
                .into(),
        );
        namespace.ip("link set lo up");
        namespace
    }

    /// The namespace of the calling thread.
    ///
    /// # Panics
    ///
    /// When it cannot be opened.
    pub fn current() -> Self {
        let file = File::open("/proc/thread-self/ns/net").expect("the thread's own namespace");
        Self(file.into())
    }

    /// Whether this is the namespace of the calling thread, to which the mounted /sys belongs.
    ///
    /// # Panics
    ///
    /// When the namespaces cannot be compared.
    fn is_current(&self) -> bool {
        let identity = |namespace: &OwnedFd| {
            let stat = rustix::fs::fstat(namespace).expect("a namespace's identity");
            (stat.st_dev, stat.st_ino)
        };
        identity(&self.0) == identity(&Self::current().0)
    }

    /// Does something in the namespace, on a thread of its own. Sockets opened there belong to
    /// the namespace for good and may be taken out of it.
    ///
    /// # Panics
    ///
    /// With whatever `work` panics.
    pub fn enter<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        let inside = || {
            move_into_link_name_space(self.0.as_fd(), Some(LinkNameSpaceType::Network))
                .expect("entering a network namespace");
            work()
        };
        thread::scope(|scope| scope.spawn(inside).join())
            .unwrap_or_else(|panic| resume_unwind(panic))
    }

    /// A program that sees the /sys of this namespace when it is started in it, under the process
    /// id that the caller gets.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        if self.is_current() {
            return Command::new(program);
        }
        let mut command = Command::new("unshare");
        command
            .args(["--mount", "sh", "-c"])
            .args(["mount -t sysfs droplens-test /sys && exec \"$@\"", "sh"])
            .arg(program);
        command
    }

    /// Runs a program in the namespace to its end. Unless it is a [`Self::command`], it sees /proc/net
    /// of the namespace, but the host's /sys.
    pub fn run(&self, command: &mut Command) -> Finished {
        self.enter(|| run(command))
    }

    /// Runs a program given in words, which must succeed, and gives its output.
    #[track_caller]
    pub fn sh(&self, words: &str) -> String {
        let mut words = words.split_whitespace();
        let program = words.next().expect("a program");
        self.run(Command::new(program).args(words)).success()
    }

    /// Runs `ip` with these words.
    #[track_caller]
    pub fn ip(&self, words: &str) -> String {
        self.sh(&format!("ip {words}"))
    }

    /// Runs `ip` once for many commands, one a line.
    ///
    /// # Panics
    ///
    /// When one of them fails.
    #[track_caller]
    pub fn ip_batch(&self, lines: &str) {
        let output = self.enter(|| -> std::io::Result<_> {
            let mut child = Command::new("ip")
                .args(["-batch", "-"])
                .stdin(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()?;
            child.stdin.take().map_or(Ok(()), |mut input| {
                std::io::Write::write_all(&mut input, lines.as_bytes())
            })?;
            child.wait_with_output()
        });
        let output = output.expect("running ip -batch");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "ip -batch failed: {said}");
    }

    /// Runs `tc` with these words.
    #[track_caller]
    pub fn tc(&self, words: &str) -> String {
        self.sh(&format!("tc {words}"))
    }

    /// Loads an nftables rule set.
    #[track_caller]
    pub fn nft(&self, rules: &str) {
        self.run(Command::new("nft").arg(rules)).success();
    }

    /// Sets a sysctl of this namespace, such as `net/ipv6/conf/all/disable_ipv6`. The thread's
    /// own view of /proc/sys is that of its namespace.
    #[track_caller]
    pub fn sysctl(&self, key: &str, value: &str) {
        let path = format!("/proc/sys/{key}");
        self.enter(|| std::fs::write(&path, value))
            .unwrap_or_else(|error| panic!("cannot write {value} to {path}: {error}"));
    }

    /// The contents of a file of /proc/net as this namespace has it.
    #[track_caller]
    pub fn proc_net(&self, file: &str) -> String {
        let path = format!("/proc/thread-self/net/{file}");
        self.enter(|| std::fs::read_to_string(&path))
            .unwrap_or_else(|error| panic!("cannot read {path}: {error}"))
    }

    /// A path that names this namespace to `ip`, for as long as the test process lives.
    pub fn path(&self) -> String {
        format!("/proc/{}/fd/{}", std::process::id(), self.0.as_raw_fd())
    }
}

#[expect(unsafe_code, reason = "unshare(2) has no safe wrapper")]
fn leave_namespace() {
    // SAFETY: only the network namespace is left. The danger of unshare(2) is a table of file
    // descriptors that threads no longer share (CLONE_FILES), which is not asked for.
    unsafe { rustix::thread::unshare_unsafe(UnshareFlags::NEWNET) }
        .expect("making a network namespace");
}
