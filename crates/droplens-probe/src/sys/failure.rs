//! What it means when the kernel does not take a packet.

use std::io;

use droplens_model::sample::probes::SendFailure;
use rustix::io::Errno;

/// Why a packet was not taken, or a socket not opened.
pub fn send_failure(error: &io::Error) -> SendFailure {
    let Some(errno) = error.raw_os_error().map(Errno::from_raw_os_error) else {
        return match error.kind() {
            io::ErrorKind::PermissionDenied => SendFailure::NotPermitted,
            io::ErrorKind::WouldBlock | io::ErrorKind::OutOfMemory => SendFailure::NoBuffers,
            io::ErrorKind::AddrNotAvailable => SendFailure::NoDevice,
            _ => SendFailure::Other,
        };
    };
    match errno {
        Errno::PERM | Errno::ACCESS => SendFailure::NotPermitted,
        Errno::NOBUFS | Errno::NOMEM | Errno::AGAIN => SendFailure::NoBuffers,
        Errno::MSGSIZE => SendFailure::TooBig,
        // A host without IPv6 has no way to an IPv6 address.
        Errno::NETUNREACH | Errno::HOSTUNREACH | Errno::HOSTDOWN | Errno::AFNOSUPPORT => {
            SendFailure::Unreachable
        }
        Errno::ADDRNOTAVAIL | Errno::NETDOWN | Errno::NODEV | Errno::NXIO => SendFailure::NoDevice,
        _ => SendFailure::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_error_has_its_meaning() {
        let of = |errno: Errno| send_failure(&io::Error::from(errno));
        assert_eq!(of(Errno::PERM), SendFailure::NotPermitted);
        assert_eq!(of(Errno::NOBUFS), SendFailure::NoBuffers);
        assert_eq!(of(Errno::MSGSIZE), SendFailure::TooBig);
        assert_eq!(of(Errno::NETUNREACH), SendFailure::Unreachable);
        assert_eq!(of(Errno::NODEV), SendFailure::NoDevice);
        assert_eq!(of(Errno::PROTO), SendFailure::Other);
        let foreign = io::Error::from(io::ErrorKind::AddrNotAvailable);
        assert_eq!(send_failure(&foreign), SendFailure::NoDevice);
    }
}
