//! Reads the kernel.
//!
//! One module per [source](droplens_model::Source), each a pure parser (bytes -> sample) and a
//! thin [`Reader`] that fetches the bytes. Everything that touches the kernel lives in this
//! crate: files below a [`Root`], [`netlink`] sockets, the ethtool ioctl and the socket options of
//! `ip_tables`. [`connections`] is no source: it is read when a person asks which sockets suffer.
//!
//! Readers keep buffers and the state that turns 32-bit counters into 64-bit ones, so one reader
//! is made per source and used again and again from one thread. Netlink sockets are opened at the
//! first reading, by the thread that reads: they belong to that thread's network namespace.

pub mod clock;
pub mod connections;
pub mod conntrack;
pub mod cpu;
pub mod driver;
mod error;
pub mod ethtool;
pub mod firewall;
pub mod interrupts;
mod ioctl;
pub mod limits;
pub mod links;
pub mod namespaces;
pub mod neighbours;
pub mod netlink;
pub mod netstat;
pub mod pressure;
pub mod process;
pub mod qdiscs;
mod root;
pub mod routes;
pub mod sockets;
mod sockopt;
pub mod sockstat;
pub mod softirqs;
pub mod softnet;
#[cfg(test)]
mod testing;
mod text;

pub use error::{ParseError, ReadError};
pub use root::{FileReader, Root};

/// Reads one source.
pub trait Reader: Send {
    /// What a reading yields.
    type Sample;

    /// Reads the source once. Blocks for as long as the kernel takes.
    fn read(&mut self) -> Result<Self::Sample, ReadError>;
}
