//! What the standard library has no words for: clocks, socket options, control messages. The only
//! module with `unsafe`.
//!
//! [`egress`] opens the sockets of all kinds of probes, so that source address, device and DSCP mean
//! the same everywhere. [`options`] sets what only some of them need. [`transfer`] sends and receives
//! with the control messages of [`control`], which [`message`] reads.

pub mod clock;
pub mod control;
pub mod egress;
pub mod failure;
pub mod filter;
pub mod message;
pub mod options;
pub mod tcp;
pub mod transfer;
mod value;
pub mod wake;
pub mod watch;
