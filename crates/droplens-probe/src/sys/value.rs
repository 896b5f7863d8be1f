//! Socket options as bytes. Which option takes which bytes is for `options` to know.

use std::ffi::{c_int, c_void};
use std::io;
use std::os::fd::{AsFd, AsRawFd};

/// Sets an option whose value is plain bytes without pointers.
#[expect(unsafe_code, reason = "no safe wrapper of these options exists")]
pub(super) fn set(socket: &impl AsFd, level: c_int, name: c_int, value: &[u8]) -> io::Result<()> {
    let length = libc::socklen_t::try_from(value.len())
        .map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
    // SAFETY: the descriptor is borrowed, so it is open. The kernel reads at most `length` bytes
    // from `value`, which are there, and keeps no pointer to them.
    let result = unsafe {
        libc::setsockopt(
            socket.as_fd().as_raw_fd(),
            level,
            name,
            value.as_ptr().cast::<c_void>(),
            length,
        )
    };
    done(result)
}

/// Sets an option that is an `int`.
pub(super) fn set_int(
    socket: &impl AsFd,
    level: c_int,
    name: c_int,
    value: c_int,
) -> io::Result<()> {
    set(socket, level, name, &value.to_ne_bytes())
}

/// Reads an option into `value` and returns how many bytes it has.
#[expect(unsafe_code, reason = "no safe wrapper of these options exists")]
pub(super) fn get(
    socket: &impl AsFd,
    level: c_int,
    name: c_int,
    value: &mut [u8],
) -> io::Result<usize> {
    let mut length = libc::socklen_t::try_from(value.len())
        .map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
    // SAFETY: the descriptor is borrowed, so it is open. `value` is `length` bytes that may be
    // written, `length` a number that may be; the options of this crate are ones of which the
    // kernel writes no more than `length` bytes. It keeps no pointer.
    let result = unsafe {
        libc::getsockopt(
            socket.as_fd().as_raw_fd(),
            level,
            name,
            value.as_mut_ptr().cast::<c_void>(),
            &raw mut length,
        )
    };
    done(result)?;
    Ok(length as usize)
}

/// Reads an option that is an `int`.
pub(super) fn get_int(socket: &impl AsFd, level: c_int, name: c_int) -> io::Result<c_int> {
    let mut value = [0; size_of::<c_int>()];
    get(socket, level, name, &mut value)?;
    Ok(c_int::from_ne_bytes(value))
}

fn done(result: c_int) -> io::Result<()> {
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}
