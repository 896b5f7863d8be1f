//! Filters of raw sockets, which otherwise receive every ICMP packet of the host.

use std::ffi::{c_int, c_void};
use std::io;
use std::os::fd::{AsFd, AsRawFd};

use droplens_model::Family;
use rustix::io::Errno;

use super::value::set;

/// `ICMP_FILTER` of `linux/icmp.h` and `ICMPV6_FILTER` of `linux/icmpv6.h`.
const ICMP_FILTER: c_int = 1;
const ICMP6_FILTER: c_int = 1;

/// One instruction of classic BPF.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instruction {
    /// What it does.
    pub code: u16,
    /// How many instructions a true condition skips.
    pub yes: u8,
    /// How many a false one skips.
    pub no: u8,
    /// Its operand.
    pub operand: u32,
}

/// Lets only these ICMP types through.
pub fn pass_types(socket: &impl AsFd, family: Family, types: &[u8]) -> io::Result<()> {
    // A bit that is set blocks its type, in words of the host's byte order. ICMP types from 32 on
    // always pass.
    let mut words = [u32::MAX; 8];
    for kind in types {
        if let Some(word) = words.get_mut(usize::from(kind / 32)) {
            *word &= !(1 << (kind % 32));
        }
    }
    let bytes = words.map(u32::to_ne_bytes);
    let bytes = bytes.as_flattened();
    match family {
        Family::V4 => {
            let first = bytes.get(..size_of::<u32>()).unwrap_or_default();
            set(socket, libc::SOL_RAW, ICMP_FILTER, first)
        }
        Family::V6 => set(socket, libc::SOL_ICMPV6, ICMP6_FILTER, bytes),
    }
}

/// Lets only packets through for which the program returns something.
#[expect(unsafe_code, reason = "no safe wrapper of this option exists")]
pub fn attach(socket: &impl AsFd, program: &[Instruction]) -> io::Result<()> {
    let mut program: Vec<libc::sock_filter> = program
        .iter()
        .map(|instruction| libc::sock_filter {
            code: instruction.code,
            jt: instruction.yes,
            jf: instruction.no,
            k: instruction.operand,
        })
        .collect();
    let length = u16::try_from(program.len()).map_err(|_| io::Error::from(Errno::INVAL))?;
    let argument = libc::sock_fprog {
        len: length,
        filter: program.as_mut_ptr(),
    };
    let size = libc::socklen_t::try_from(size_of_val(&argument)).unwrap_or_default();
    // SAFETY: the descriptor is borrowed, so it is open. `argument` has the form that the option asks for
    // and points to `length` instructions, which live until the call returns. The kernel copies
    // and checks them, and writes nothing.
    let result = unsafe {
        libc::setsockopt(
            socket.as_fd().as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_ATTACH_FILTER,
            (&raw const argument).cast::<c_void>(),
            size,
        )
    };
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}
