//! What watches hosts that run droplens: a real Prometheus and a real Alertmanager with the
//! repository's own rules and routes, and a [`Receiver`] of what they say.

pub mod hosts;
mod notices;
mod receiver;
mod scaled;
mod servers;
pub mod services;
pub mod trouble;

pub use notices::{Notice, Notices};
pub use receiver::Receiver;
pub use scaled::scaled;
pub use servers::{Alertmanager, Prometheus, Server, with_its_templates};
