//! Asks one target the five questions, in this order: is it reachable, does the port answer, does the
//! name resolve, does the handshake succeed, does the application answer?
//!
//! [`subject`] reads what is asked about, [`ask`] asks, [`evidence`] is what came back, and
//! [`answers`] makes the answers of it, purely.

mod advice;
pub(crate) mod answers;
pub(crate) mod ask;
pub(crate) mod evidence;
pub(crate) mod judge;
pub(crate) mod subject;
#[cfg(test)]
mod tests;
mod way;

use droplens_model::Timestamp;
use serde::Serialize;

use answers::{Answer, Verdict};
use evidence::{Host, NameEvidence};

/// The form of the JSON.
pub(crate) const PROBE_SCHEMA: &str = "droplens.probe/1";

/// The five answers and what they are based on.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Inquiry {
    /// [`PROBE_SCHEMA`].
    pub(crate) schema: &'static str,
    /// The version of droplens.
    pub(crate) droplens: &'static str,
    /// The target as it was given.
    pub(crate) target: String,
    /// When it began.
    pub(crate) at: Timestamp,
    /// How long it took.
    pub(crate) seconds: f64,
    /// The worst of the answers.
    pub(crate) status: Verdict,
    /// The answers, in the order of the questions.
    pub(crate) answers: Vec<Answer>,
    /// What the name stands for.
    pub(crate) name: NameEvidence,
    /// What each address answered.
    pub(crate) addresses: Vec<Host>,
}
