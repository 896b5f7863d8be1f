//! Judges what was read: which packets were lost, where, why, and what to do about it.
//!
//! Pure, as the model is: nothing here reads the kernel or a clock. Everything is a function of
//! snapshots, so the same code judges a running host and saved snapshots.
#![forbid(unsafe_code)]

mod counters;
pub mod ledger;
