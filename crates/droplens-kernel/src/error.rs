//! Why a reading failed.

use std::io;
use std::path::{Path, PathBuf};

use droplens_model::{Failure, Reason};

/// A reading that failed: one variant for each operation that can fail.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// A file could not be opened or read.
    #[error("cannot read {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The contents of a file were not understood.
    #[error("cannot parse {}", path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// What was wrong with it.
        source: ParseError,
    },
    /// A netlink socket could not be opened.
    #[error("cannot open a netlink socket of family {family}")]
    NetlinkOpen {
        /// The netlink family.
        family: &'static str,
        /// The system's error.
        source: io::Error,
    },
    /// A netlink request failed: it could not be sent, or the kernel answered with an error.
    #[error("netlink request {request} failed")]
    Netlink {
        /// The request.
        request: &'static str,
        /// The system's error.
        source: io::Error,
    },
    /// A netlink answer was not understood.
    #[error("cannot parse the answer to netlink request {request}")]
    NetlinkParse {
        /// The request.
        request: &'static str,
        /// What was wrong with it.
        source: ParseError,
    },
    /// Asking would load a kernel module, as far as can be seen.
    #[error("module {module} is not loaded as far as can be seen here, and asking would load it")]
    WouldLoad {
        /// The module.
        module: &'static str,
    },
    /// An ethtool ioctl failed.
    #[error("ethtool request {request} on {device} failed")]
    Ioctl {
        /// The request.
        request: &'static str,
        /// The device.
        device: String,
        /// The system's error.
        source: io::Error,
    },
    /// A table of `ip_tables` or `ip6_tables` could not be read.
    #[error("getsockopt IPT_SO_GET_ENTRIES for table {table} failed")]
    Sockopt {
        /// The table.
        table: String,
        /// The system's error.
        source: io::Error,
    },
    /// There is nothing to read: nobody set it up.
    #[error("{what}")]
    Absent {
        /// What is not there, as a sentence.
        what: &'static str,
    },
    /// No answer came in time.
    #[error("no answer from {what} within {patience:?}")]
    Overdue {
        /// Who was asked.
        what: &'static str,
        /// For how long it was waited for.
        patience: std::time::Duration,
    },
    /// The procfs library failed.
    #[error("cannot read {what}")]
    Procfs {
        /// What was read.
        what: &'static str,
        /// The library's error.
        source: Box<procfs::ProcError>,
    },
}

/// What is wrong with bytes that the kernel gave.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}{}{}", if line > &0 { format!(" in line {line}") } else { String::new() }, if got.is_empty() { String::new() } else { format!(": {got:?}") })]
pub struct ParseError {
    what: &'static str,
    line: usize,
    got: String,
}

impl ParseError {
    /// Something is wrong as such.
    pub const fn new(what: &'static str) -> Self {
        Self {
            what,
            line: 0,
            got: String::new(),
        }
    }

    /// Something is wrong in a line (counted from 1) with these bytes, which are cited, cut short.
    pub fn at(what: &'static str, line: usize, got: &[u8]) -> Self {
        let cited = got.get(..48).unwrap_or(got);
        Self {
            what,
            line,
            got: String::from_utf8_lossy(cited).into_owned(),
        }
    }
}

impl ReadError {
    /// Wraps the error of reading a file.
    pub fn file(path: &Path, source: io::Error) -> Self {
        Self::File {
            path: path.to_owned(),
            source,
        }
    }

    /// Wraps the error of parsing a file.
    pub fn parse(path: &Path, source: ParseError) -> Self {
        Self::Parse {
            path: path.to_owned(),
            source,
        }
    }

    /// The number of the system's error, if it is one of a netlink request.
    pub(crate) fn errno(&self) -> Option<i32> {
        match self {
            Self::Netlink { source, .. } => source.raw_os_error(),
            _ => None,
        }
    }

    /// The bounded reason for labels.
    pub fn reason(&self) -> Reason {
        match self {
            Self::File { source, .. }
            | Self::NetlinkOpen { source, .. }
            | Self::Netlink { source, .. }
            | Self::Ioctl { source, .. }
            | Self::Sockopt { source, .. } => reason_of(source),
            Self::Parse { .. } | Self::NetlinkParse { .. } => Reason::Malformed,
            Self::Overdue { .. } => Reason::Deadline,
            Self::WouldLoad { .. } | Self::Absent { .. } => Reason::Missing,
            Self::Procfs { source, .. } => match &**source {
                procfs::ProcError::PermissionDenied(_) => Reason::Permission,
                procfs::ProcError::NotFound(_) => Reason::Missing,
                procfs::ProcError::Io(source, _) => reason_of(source),
                _ => Reason::Malformed,
            },
        }
    }
}

fn reason_of(error: &io::Error) -> Reason {
    match error.raw_os_error() {
        Some(libc::ENOENT | libc::ENODEV | libc::ENOTDIR) => Reason::Missing,
        Some(libc::EPERM | libc::EACCES) => Reason::Permission,
        Some(
            libc::EOPNOTSUPP
            | libc::EPROTONOSUPPORT
            | libc::EAFNOSUPPORT
            | libc::ESOCKTNOSUPPORT
            | libc::ENOSYS,
        ) => Reason::NotSupported,
        Some(libc::EAGAIN | libc::ETIMEDOUT) => Reason::Deadline,
        Some(libc::EINTR) => Reason::Interrupted,
        None if error.kind() == io::ErrorKind::InvalidData => Reason::Malformed,
        Some(_) | None => Reason::Io,
    }
}

impl From<ReadError> for Failure {
    fn from(error: ReadError) -> Self {
        let reason = error.reason();
        let mut detail = error.to_string();
        let mut cause = std::error::Error::source(&error);
        while let Some(error) = cause {
            detail.push_str(": ");
            detail.push_str(&error.to_string());
            cause = error.source();
        }
        Self { reason, detail }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_tells_what_where_and_why() {
        let error = ReadError::file(
            Path::new("/proc/net/softnet_stat"),
            io::Error::from_raw_os_error(libc::EACCES),
        );
        let failure = Failure::from(error);
        assert_eq!(failure.reason, Reason::Permission);
        assert_eq!(
            failure.detail,
            "cannot read /proc/net/softnet_stat: Permission denied (os error 13)"
        );
        let error = ReadError::parse(
            Path::new("/proc/net/snmp"),
            ParseError::at("not a number", 3, b"x\xff"),
        );
        assert_eq!(
            Failure::from(error).detail,
            "cannot parse /proc/net/snmp: not a number in line 3: \"x\u{fffd}\""
        );
    }
}
