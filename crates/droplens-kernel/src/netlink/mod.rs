//! Netlink: asking, listening to the answer, and walking through it.
//!
//! neli gives the socket and the constants; messages and attributes are walked here by borrowed
//! iterators, since a host can have a hundred thousand of them. All numbers are in the host's
//! byte order unless a protocol says otherwise (ctnetlink and `nf_tables` are big-endian).

mod attributes;
mod generic;
mod lazy;
mod message;
mod socket;

#[cfg(test)]
pub(crate) use attributes::align;
pub use attributes::{Attribute, Attributes};
pub(crate) use attributes::{u16_at, u32_at, u64_at};
pub use generic::Generic;
pub use lazy::LazyNetlink;
pub use message::Request;
pub use socket::{Completeness, Netlink};
