//! A TAP device: what the kernel sends through it is read here, what is written here it receives.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{Mode, OFlags};
use rustix::io;

use crate::lab::Namespace;

const IFNAMSIZ: usize = 16;

/// Frames that may wait to be read; more are lost in the device before the wire can count them.
const QUEUE: u32 = 20_000;

/// An open TAP device; closing it removes the device.
///
/// It has no offloads (no `IFF_VNET_HDR`), so each frame is one packet on the wire with all its
/// checksums filled in.
#[derive(Debug)]
pub(crate) struct Tap(OwnedFd);

impl Tap {
    /// Makes a device in a namespace and brings it up.
    ///
    /// # Panics
    ///
    /// When it cannot be made.
    pub(crate) fn new(namespace: &Namespace, name: &str) -> Self {
        Self::with_queue(namespace, name, QUEUE)
    }

    /// The same where only `queue` frames may wait to be read.
    ///
    /// # Panics
    ///
    /// When it cannot be made.
    pub(crate) fn with_queue(namespace: &Namespace, name: &str, queue: u32) -> Self {
        let fd = namespace
            .enter(|| open(name))
            .unwrap_or_else(|error| panic!("cannot make the TAP device {name}: {error}"));
        namespace.ip(&format!("link set {name} txqueuelen {queue} up"));
        Self(fd)
    }

    /// The next frame that waits; `None` if there is none.
    pub(super) fn read<'a>(&self, buffer: &'a mut [u8]) -> io::Result<Option<&'a [u8]>> {
        match io::retry_on_intr(|| io::read(&self.0, &mut *buffer)) {
            Ok(length) => Ok(buffer.get(..length)),
            Err(io::Errno::AGAIN) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Lets the kernel receive a frame; it is through with it when this returns.
    pub(crate) fn write(&self, frame: &[u8]) -> io::Result<()> {
        io::retry_on_intr(|| io::write(&self.0, frame)).map(|_| ())
    }
}

impl AsFd for Tap {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// `struct ifreq` as `TUNSETIFF` reads it: the name, then the flags of a union.
#[repr(C)]
struct Request {
    name: [u8; IFNAMSIZ],
    flags: u16,
    rest: [u8; 22],
}

fn open(name: &str) -> io::Result<OwnedFd> {
    const IFF_TAP: u16 = 0x0002;
    const IFF_NO_PI: u16 = 0x1000;
    let fd = rustix::fs::open(
        "/dev/net/tun",
        OFlags::RDWR | OFlags::NONBLOCK | OFlags::CLOEXEC,
        Mode::empty(),
    )?;
    let mut request = Request {
        name: [0; IFNAMSIZ],
        flags: IFF_TAP | IFF_NO_PI,
        rest: [0; 22],
    };
    // The last byte stays zero.
    for (to, from) in request.name.iter_mut().take(IFNAMSIZ - 1).zip(name.bytes()) {
        *to = from;
    }
    set_interface(&fd, &mut request)?;
    Ok(fd)
}

#[expect(unsafe_code, reason = "no safe wrapper of this ioctl exists")]
fn set_interface(fd: &OwnedFd, request: &mut Request) -> io::Result<()> {
    use rustix::ioctl::{Updater, ioctl, opcode};
    const TUNSETIFF: rustix::ioctl::Opcode = opcode::write::<i32>(b'T', 202);
    // Whatever its number says, the kernel copies a whole ifreq in and out.
    const { assert!(size_of::<Request>() == 40, "the size of struct ifreq") };
    // SAFETY: TUNSETIFF reads and writes one `struct ifreq`, which `Request` is as large as and
    // laid out like; any bytes the kernel leaves there are a valid `Request`.
    unsafe {
        let update = Updater::<TUNSETIFF, Request>::new(request);
        ioctl(fd, update)
    }
}
