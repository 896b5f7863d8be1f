//! What droplens tells Prometheus: the catalogue of metric families, the code that fills them from
//! a snapshot, and the exposition formats.
//!
//! Families, their labels and the code that fills them share one short file per source below
//! [`source`], and one for what the diagnosis says. A scrape is one call of [`Exposition::render`]: the snapshot's readings are encoded
//! by a custom collector registered in the same registry as the agent's ordinary metrics, so there
//! is one exposition, one order and one cap on its size. Nothing here does I/O or reads a clock.
#![forbid(unsafe_code)]

pub mod catalogue;
mod context;
mod encoder;
mod exposition;
mod family;
mod format;
mod judgement;
mod options;
pub mod own;
mod ports;
mod selection;
pub mod source;
mod tally;

pub use exposition::{Exposition, View};
pub use family::{Bound, Family, Kind, Origin};
pub use format::Format;
pub use options::{Build, Options};
pub use selection::{Selection, UnknownId};
