//! One module per source: the typed, plain reading of one kernel surface at one instant.
//!
//! Counters are `u64` and only ever grow for as long as the object lives: readers unwrap what the
//! kernel keeps in 32 bits. `Option` means that this kernel or driver does not tell.

pub mod connections;
pub mod conntrack;
pub mod cpu;
pub mod driver;
pub mod ethtool;
pub mod firewall;
pub mod interrupts;
pub mod limits;
pub mod links;
pub mod neighbours;
pub mod netstat;
pub mod pressure;
pub mod probes;
pub mod process;
pub mod qdiscs;
pub mod sockets;
pub mod sockstat;
pub mod softirqs;
pub mod softnet;
