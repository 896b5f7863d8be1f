//! The proving ground of droplens.
//!
//! [`lab`] makes network namespaces in which faults are provoked, [`wire`] impairs what passes between
//! them, [`agent`] runs the built
//! `droplens` in them, [`asking`] runs single probes in them against [`servers`] that answer as a test wants, [`exposition`] reads what it says, [`verdict`] asks it where packets are lost. Everything is bounded in packets and
//! time, and nothing outlives the test that made it: namespaces have no name, they end with the
//! last thread, socket and process in them.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "this is the tests' own library: a panic here is the failure report"
)]

pub mod agent;
pub mod asking;
pub mod binary;
pub mod exposition;
pub mod http;
pub mod json;
pub mod lab;
pub mod lineup;
pub mod probing;
pub mod scenario;
pub mod scratch;
pub mod servers;
pub mod skip;
pub mod tools;
pub mod verdict;
pub mod wait;
pub mod wire;
