//! The socket options through which `ip_tables` and `ip6_tables` show their rules.
//!
//! They can be asked on any socket of the family, in the network namespace in which it was opened;
//! a datagram socket takes no privilege to open, the options take `CAP_NET_ADMIN`.

use std::ffi::{c_int, c_void};
use std::io;
use std::os::fd::AsRawFd;

use droplens_model::Family;
use socket2::{Domain, Socket, Type};

/// `IPT_SO_GET_INFO` and `IP6T_SO_GET_INFO`.
const GET_INFO: c_int = 64;
/// `IPT_SO_GET_ENTRIES` and `IP6T_SO_GET_ENTRIES`.
const GET_ENTRIES: c_int = 65;
/// `XT_TABLE_MAXNAMELEN`, with the closing NUL.
const NAME_LENGTH: usize = 32;
/// No table is larger; the kernel itself refuses to make one of 2 GiB.
const LARGEST: usize = 1 << 30;

/// `struct ipt_getinfo` and `struct ip6t_getinfo`: the name and 13 numbers.
pub(crate) const INFO_LENGTH: usize = NAME_LENGTH + 13 * 4;

/// `struct ipt_get_entries` and `struct ip6t_get_entries`, in the layout of this process's
/// architecture: the entries are aligned as the 64-bit counters in them.
#[repr(C)]
struct GetEntries {
    name: [u8; NAME_LENGTH],
    size: u32,
    entries: [u64; 0],
}

/// A socket to ask for the tables of one family through.
#[derive(Debug)]
pub(crate) struct TablesSocket {
    socket: Socket,
    level: c_int,
}

impl TablesSocket {
    /// Opens a socket.
    pub(crate) fn open(family: Family) -> io::Result<Self> {
        let (domain, level) = match family {
            Family::V4 => (Domain::IPV4, libc::IPPROTO_IP),
            Family::V6 => (Domain::IPV6, libc::IPPROTO_IPV6),
        };
        let socket = Socket::new(domain, Type::DGRAM, None)?;
        Ok(Self { socket, level })
    }

    /// `struct ipt_getinfo` of a table. The kernel makes or loads a table that is not there: ask
    /// only for those that `/proc/net/ip_tables_names` lists.
    pub(crate) fn info(&self, table: &str) -> io::Result<Vec<u8>> {
        let mut argument = vec![0; INFO_LENGTH];
        write_name(&mut argument, table)?;
        self.ask(GET_INFO, &mut argument)?;
        Ok(argument)
    }

    /// The entries of a table, which has `size` bytes of them. `EAGAIN` if it has not any more.
    pub(crate) fn entries(&self, table: &str, size: u32) -> io::Result<Vec<u8>> {
        let length = usize::try_from(size).ok().filter(|size| *size <= LARGEST);
        let length = length.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))?;
        let header = size_of::<GetEntries>();
        let mut argument = vec![0; header.saturating_add(length)];
        write_name(&mut argument, table)?;
        let at = std::mem::offset_of!(GetEntries, size);
        if let Some(field) = argument.get_mut(at..at.saturating_add(size_of::<u32>())) {
            field.copy_from_slice(&size.to_ne_bytes());
        }
        self.ask(GET_ENTRIES, &mut argument)?;
        Ok(argument.split_off(std::mem::offset_of!(GetEntries, entries)))
    }

    /// One of the two options above, and no other.
    #[expect(unsafe_code, reason = "no safe wrapper of these options exists")]
    fn ask(&self, option: c_int, argument: &mut [u8]) -> io::Result<()> {
        let mut length = libc::socklen_t::try_from(argument.len())
            .map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
        // SAFETY: the descriptor is open for as long as `self.socket` is borrowed. `argument` is
        // `length` bytes that may be read and written, and `length` a number that may be. The
        // kernel reads the table's name and the size from the start of `argument` and, for these
        // two options (the only callers pass no other), writes nothing beyond its `length` bytes:
        // it refuses any length that is not that of its answer. It keeps no pointer.
        let result = unsafe {
            libc::getsockopt(
                self.socket.as_raw_fd(),
                self.level,
                option,
                argument.as_mut_ptr().cast::<c_void>(),
                &raw mut length,
            )
        };
        if result < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(())
    }
}

/// Puts a name at the start; it must leave room for a closing NUL.
fn write_name(argument: &mut [u8], table: &str) -> io::Result<()> {
    let name = table.as_bytes();
    match argument.get_mut(..name.len()) {
        Some(field) if name.len() < NAME_LENGTH && !name.contains(&0) => {
            field.copy_from_slice(name);
            Ok(())
        }
        _ => Err(io::Error::from_raw_os_error(libc::ENOENT)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_does_not_fit_is_no_table() {
        let mut argument = [0; INFO_LENGTH];
        for name in ["a\0b", &"x".repeat(NAME_LENGTH)] {
            let error = write_name(&mut argument, name).unwrap_err();
            assert_eq!(error.raw_os_error(), Some(libc::ENOENT), "{name:?}");
        }
        assert!(write_name(&mut argument, &"x".repeat(NAME_LENGTH - 1)).is_ok());
        assert_eq!(argument[NAME_LENGTH - 2..NAME_LENGTH], [b'x', 0]);
    }

    #[test]
    fn a_size_out_of_reason_is_refused_before_any_memory_is_taken() {
        let socket = TablesSocket::open(Family::V4).unwrap();
        let error = socket.entries("filter", u32::MAX).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    }
}
