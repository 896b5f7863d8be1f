//! Asks the network: sends probes to targets and tells what became of each of them.
//!
//! The heart is pure, as the model is: the [`engine::Engine`] opens no socket, reads no clock and draws
//! no random numbers of its own. It is a state machine driven by what its caller tells it, so any interleaving of
//! answers, errors, stalls and jumps of the clock can be tested.
//!
//! A probe goes through [`flight`], where it ends exactly once; in send order the ended ones go on
//! to the [`statistics`]. [`schedule`] says when the next probe is due, [`targets`] what becomes of
//! targets and their addresses, [`vigil`] whether this process was running at all. The packets
//! themselves are written and read in [`icmp`].
//!
//! Around it: [`spec`] says what is asked, [`resolve`] finds the addresses of names, [`echo`] sends
//! the echo requests and reads what comes back, [`errand`] runs the probes that are more than one
//! packet out and one in, and [`sys`] has the system calls. The [`prober`] is a thread that drives
//! them all; a [`series`] is a fixed number of echo requests, for whoever asks just once.

pub mod echo;
pub mod engine;
pub mod errand;
pub mod flight;
pub mod icmp;
pub mod prober;
pub mod random;
mod records;
pub mod resolve;
pub mod schedule;
pub mod series;
pub mod spec;
pub mod statistics;
pub mod stream;
pub mod sys;
pub mod targets;
pub mod vigil;
