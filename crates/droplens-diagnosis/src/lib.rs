//! Judges what was read: which packets were lost, where, why, and what to do about it.
//!
//! Pure, as the model is: nothing here reads the kernel or a clock. Everything is a function of
//! snapshots, so the same code judges a running host and saved snapshots.
//!
//! A [`droplens_model::delta::Delta`] of two snapshots goes into the [`ledger`], which counts each
//! lost packet once, and with it into the [`rules`], which add evidence; [`verdict`] makes the
//! report of it.
#![forbid(unsafe_code)]

mod counters;
mod draft;
mod engine;
mod events;
mod history;
pub mod ledger;
mod probed;
mod rhythm;
pub mod rules;
mod symptoms;
mod thresholds;
pub mod verdict;
mod view;

pub use engine::{Engine, Wishes};
pub use thresholds::Thresholds;
pub use view::{Edges, Needs, Sight, View};
