//! The fault lab: network namespaces, links between them, and bounded loads.

mod command;
mod links;
pub mod load;
mod namespace;

pub use command::{Finished, run};
pub use links::{veth, veth_many};
pub use namespace::Namespace;
