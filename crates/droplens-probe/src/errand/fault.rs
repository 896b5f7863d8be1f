//! What steps of an errand have in common: the one deadline, and how they end early.

use std::future::Future;
use std::time::Duration;

use droplens_model::Moment;
use droplens_model::sample::probes::{FailureReason, Outcome};
use tokio::time::{Instant, timeout_at};

use super::{Ending, Report, Task};

/// Why an errand went no further.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Fault {
    pub(super) reason: FailureReason,
    /// A sentence for people.
    pub(super) message: String,
    pub(super) end: End,
}

/// What a fault means for the ending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The peer said something, if not what was hoped for.
    Heard,
    /// The peer said nothing, or not all, until the deadline.
    Unheard,
    /// It could not be sent, or an ICMP error came back.
    Outcome(Outcome),
}

impl Fault {
    /// The peer's answer is not what was hoped for.
    pub(super) fn heard(reason: FailureReason, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
            end: End::Heard,
        }
    }

    /// The deadline passed.
    pub(super) fn unheard(reason: FailureReason, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
            end: End::Unheard,
        }
    }

    /// Takes it into the report of an errand that ended at `now`.
    pub(super) fn tell(self, report: &mut Report, now: Moment) {
        report.ending = match self.end {
            End::Heard => Ending::Answered(now),
            End::Unheard => Ending::Silent,
            End::Outcome(outcome) => Ending::Ended(outcome),
        };
        report.failure = Some((self.reason, self.message));
    }
}

/// When an errand ends at the latest, whatever step it is at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadline(Instant);

impl Deadline {
    /// Of an errand that begins now.
    pub(super) fn of(task: &Task) -> Self {
        Self(Instant::now() + task.patience())
    }

    /// This much sooner or later than now, but no later than this deadline.
    pub(super) fn within(self, most: Duration) -> Self {
        Self(self.0.min(Instant::now() + most))
    }

    /// What comes of it; none if it takes longer.
    pub(super) async fn wait<T>(self, step: impl Future<Output = T>) -> Option<T> {
        timeout_at(self.0, step).await.ok()
    }

    /// What comes of it, or `late` if it takes longer.
    pub(super) async fn keep<T>(
        self,
        step: impl Future<Output = Result<T, Fault>>,
        late: impl FnOnce() -> Fault,
    ) -> Result<T, Fault> {
        self.wait(step).await.unwrap_or_else(|| Err(late()))
    }
}
