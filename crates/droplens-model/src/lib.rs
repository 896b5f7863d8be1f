//! The words of droplens: plain types that every other crate speaks.
//!
//! Nothing here does I/O, reads a clock or knows about threads. Data flows one way through the
//! house (kernel -> bytes -> [`sample`] -> [`Snapshot`] -> metrics and diagnosis), and this crate
//! holds the types that are handed over at each step, together with the arithmetic that belongs
//! to them: unwrapping 32-bit counters ([`wrap`]), keeping totals monotonic while members come
//! and go ([`totals`]) and remembering the highest short-term rate ([`peaks`]).
#![forbid(unsafe_code)]

mod domain;
pub mod driver_table;
mod ids;
pub mod peaks;
mod reading;
pub mod sample;
mod snapshot;
mod source;
pub mod totals;
pub mod track;
pub mod wrap;

pub use domain::{Cause, Domain};
pub use ids::{CpuId, Family, IfIndex, Name, PerFamily};
pub use reading::{Failure, Moment, Part, Reading, Reason, Stamped, State};
pub use snapshot::{Derived, Gap, Pace, Snapshot};
pub use source::{Cadence, Source, Spec, UnknownSource};
