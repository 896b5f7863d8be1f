//! Asks the network: sends probes to targets and tells what became of each of them.
//!
//! Pure, as the model is: nothing here opens a socket, reads a clock or draws random numbers of its
//! own. The [`engine::Engine`] is a state machine driven by what its caller tells it, so any interleaving of
//! answers, errors, stalls and jumps of the clock can be tested.
//!
//! A probe goes through [`flight`], where it ends exactly once; in send order the ended ones go on
//! to the [`statistics`]. [`schedule`] says when the next probe is due, [`targets`] what becomes of
//! targets and their addresses, [`vigil`] whether this process was running at all. The packets
//! themselves are written and read in [`icmp`].
#![forbid(unsafe_code)]

pub mod engine;
pub mod flight;
pub mod icmp;
pub mod random;
pub mod schedule;
pub mod statistics;
pub mod stream;
pub mod targets;
pub mod vigil;
