//! The fault lab: network namespaces, links between them, and bounded loads.

pub mod bpf;
mod command;
pub mod crowd;
mod links;
pub mod load;
mod namespace;
pub mod paced;
mod router;
pub mod softnet;
pub mod transfer;

pub use command::{Finished, run};
pub use links::{veth, veth_many};
pub use namespace::Namespace;
pub use router::Router;
