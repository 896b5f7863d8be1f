//! The fault lab: network namespaces, links between them, and bounded loads.

pub mod bpf;
mod chain;
mod command;
pub mod counted;
pub mod crowd;
mod host;
mod links;
pub mod load;
mod namespace;
pub mod paced;
mod router;
pub mod softnet;
pub mod station;
pub mod transfer;
mod trouble;

pub use chain::Chain;
pub use command::{Finished, run};
pub use host::HostSetting;
pub use links::{veth, veth_many, veth_offloading};
pub use namespace::Namespace;
pub use router::Router;
pub use trouble::Trouble;
