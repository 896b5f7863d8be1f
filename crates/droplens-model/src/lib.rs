//! The words of droplens: plain types that every other crate speaks.
//!
//! Nothing here does I/O, reads a clock or knows about threads. Data flows one way through the
//! house (kernel -> bytes -> [`sample`] -> [`Snapshot`] -> metrics and diagnosis), and this crate
//! holds the types that are handed over at each step, together with the arithmetic that belongs
//! to them: unwrapping 32-bit counters ([`wrap`]), keeping totals monotonic while members come
//! and go ([`totals`]) and remembering the highest short-term rate ([`peaks`]).
#![forbid(unsafe_code)]

pub mod delta;
mod domain;
pub mod driver_table;
mod finding;
mod ids;
mod judgement;
pub mod peaks;
mod place;
mod reading;
mod report;
pub mod sample;
mod saved;
mod serial;
mod snapshot;
mod source;
pub mod totals;
pub mod track;
mod wall;
pub mod wrap;

pub use domain::{Cause, Domain};
pub use finding::{Event, Evidence, Finding, PathDirection, Pattern, Severity, Status};
pub use ids::{CpuId, Family, IfIndex, Name, PerFamily, Word};
pub use judgement::{CauseStanding, DeviceDrops, EventTotals, Judgement};
pub use place::Place;
pub use reading::{Failure, Moment, Part, Reading, Reason, Stamped, State};
pub use report::{
    DeviceLoss, DomainReport, Grade, ProbeLoss, ProbeReport, ProbeTransport, REPORT_SCHEMA, Report,
    Scope, SourceReport, Symptoms,
};
pub use saved::{Fall, PairError, SAVED_SCHEMA, SavedSnapshot, pair};
pub use snapshot::{Derived, Gap, Pace, Snapshot};
pub use source::{Cadence, Source, Spec, UnknownSource};
pub use wall::Timestamp;
