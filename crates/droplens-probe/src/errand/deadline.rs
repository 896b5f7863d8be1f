//! The one deadline that all steps of an errand have in common, or all errands of an inquiry.

use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::Task;
use super::trouble::Trouble;
use crate::vigil::STALL;

/// When an errand ends at the latest, whatever step it is at. Clones are the same one.
///
/// A deadline that is noticed late passed while this process was stopped or starved. The answer may
/// have come meanwhile, and steps that were to follow could not be taken, so it is waited for once
/// more: as long again as it was late, but no longer than from the start.
#[derive(Clone, Debug)]
pub struct Deadline {
    end: Instant,
    patience: Duration,
    second: Arc<OnceLock<Instant>>,
}

impl Deadline {
    /// Of an errand that begins now.
    pub(super) fn of(task: &Task) -> Self {
        Self::after(task.patience())
    }

    /// This long after now.
    pub fn after(patience: Duration) -> Self {
        Self {
            end: Instant::now() + patience,
            patience,
            second: Arc::default(),
        }
    }

    /// This much later than now, but no later than this deadline.
    pub(super) fn within(&self, most: Duration) -> Self {
        Self::after(most.min(self.left()))
    }

    /// The time that is left for further steps.
    pub fn left(&self) -> Duration {
        let over = self.end <= Instant::now();
        let second = over.then(|| self.second()).flatten();
        let end = second.unwrap_or(self.end);
        end.saturating_duration_since(Instant::now())
    }

    /// How long it was from the beginning.
    pub(super) const fn patience(&self) -> Duration {
        self.patience
    }

    /// What comes of it; none if it takes longer.
    pub async fn wait<T>(&self, step: impl Future<Output = T>) -> Option<T> {
        let mut step = pin!(step);
        if let Ok(done) = timeout_at(self.end, step.as_mut()).await {
            return Some(done);
        }
        timeout_at(self.second()?, step).await.ok()
    }

    /// What comes of it, or `late` if it takes longer.
    pub(super) async fn keep<T>(
        &self,
        step: impl Future<Output = Result<T, Trouble>>,
        late: impl FnOnce() -> Trouble,
    ) -> Result<T, Trouble> {
        self.wait(step).await.unwrap_or_else(|| Err(late()))
    }

    /// Now that the time is over: until when it is waited on, if this process was not there.
    fn second(&self) -> Option<Instant> {
        if let Some(second) = self.second.get() {
            return Some(*second);
        }
        let late = self.end.elapsed();
        let again = late.min(self.patience);
        (late > STALL).then(|| *self.second.get_or_init(|| Instant::now() + again))
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use tokio::runtime::{Builder, Runtime};
    use tokio::sync::oneshot;
    use tokio::task::yield_now;

    use super::*;

    const PATIENCE: Duration = Duration::from_millis(500);

    fn runtime() -> Runtime {
        Builder::new_current_thread().enable_all().build().unwrap()
    }

    /// Nothing else runs on the runtime meanwhile.
    fn stall() {
        thread::sleep(PATIENCE + 2 * STALL);
    }

    #[test]
    fn what_takes_longer_is_not_waited_for() {
        runtime().block_on(async {
            let deadline = Deadline::after(Duration::from_millis(20));
            assert_eq!(deadline.wait(async { 7 }).await, Some(7));
            let never = std::future::pending::<()>();
            assert_eq!(deadline.wait(never).await, None);
            assert_eq!(deadline.left(), Duration::ZERO);
        });
    }

    /// The answer is there at the end of the stall, but takes some more steps to be seen.
    #[test]
    fn an_answer_that_came_during_a_stall_is_taken() {
        runtime().block_on(async {
            let deadline = Deadline::after(PATIENCE);
            let (server, answer) = oneshot::channel();
            let task = tokio::spawn(async move {
                stall();
                for _ in 0..10 {
                    yield_now().await;
                }
                server.send(7).unwrap();
            });
            assert_eq!(deadline.wait(answer).await, Some(Ok(7)));
            task.await.unwrap();
            // No further step gets a time of its own.
            let second = *deadline.second.get().unwrap();
            assert_eq!(deadline.wait(std::future::pending::<()>()).await, None);
            assert_eq!(deadline.second.get(), Some(&second));
        });
    }

    #[test]
    fn steps_after_a_stall_have_time() {
        runtime().block_on(async {
            let deadline = Deadline::after(PATIENCE);
            stall();
            let left = deadline.left();
            assert!(!left.is_zero() && left <= PATIENCE, "{left:?}");
            assert!(deadline.left() <= left, "the same time");
        });
    }
}
