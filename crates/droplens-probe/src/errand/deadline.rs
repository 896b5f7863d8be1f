//! The one deadline that all steps of an errand have in common.

use std::future::Future;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::Task;
use super::trouble::Trouble;

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

    /// How long that is from now on.
    pub(super) fn left(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }

    /// What comes of it; none if it takes longer.
    pub(super) async fn wait<T>(self, step: impl Future<Output = T>) -> Option<T> {
        timeout_at(self.0, step).await.ok()
    }

    /// What comes of it, or `late` if it takes longer.
    pub(super) async fn keep<T>(
        self,
        step: impl Future<Output = Result<T, Trouble>>,
        late: impl FnOnce() -> Trouble,
    ) -> Result<T, Trouble> {
        self.wait(step).await.unwrap_or_else(|| Err(late()))
    }
}
