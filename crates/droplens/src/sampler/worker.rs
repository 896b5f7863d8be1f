//! The thread of one source.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use droplens_kernel::clock::{now, thread_cpu};
use droplens_kernel::{ReadError, Reader};
use droplens_model::track::Trackers;
use droplens_model::{Failure, Moment, Reading, Reason, Snapshot, Source, Stamped};

use super::board::Board;
use super::pace::Pace;

/// Work that is done for one source.
pub(super) trait Work: Send {
    /// The source.
    fn source(&self) -> Source;

    /// Reads it once and puts the reading on the board.
    fn read(&mut self, board: &Board, pace: &Pace);

    /// Says on the board that it is switched off.
    fn rest(&mut self, board: &Board);
}

/// How one source is read, where its reading goes and who follows it.
pub(super) struct Worker<R: Reader> {
    pub(super) source: Source,
    pub(super) reader: R,
    /// Makes the reader anew if it ever panics.
    pub(super) make: Box<dyn Fn() -> R + Send>,
    pub(super) slot: fn(&mut Snapshot) -> &mut Reading<R::Sample>,
    pub(super) track: Option<Track<R::Sample>>,
}

/// Hands a sample to a tracker.
pub(super) type Track<S> = fn(&mut Trackers, &Snapshot, &S, Moment);

impl<R> Work for Worker<R>
where
    R: Reader,
    R::Sample: Send + Sync,
{
    fn source(&self) -> Source {
        self.source
    }

    fn read(&mut self, board: &Board, pace: &Pace) {
        let (started, cpu) = (now(), thread_cpu());
        let result = self.attempt();
        let unsupported = self.publish(board, started, now(), result);
        pace.finished(thread_cpu().saturating_sub(cpu), unsupported);
    }

    fn rest(&mut self, board: &Board) {
        board.update(|snapshot| *(self.slot)(snapshot) = Reading::Disabled);
    }
}

impl<R> Worker<R>
where
    R: Reader,
    R::Sample: Send + Sync,
{
    fn attempt(&mut self) -> Result<R::Sample, Failure> {
        // One source's bug must not take the agent down. After a panic the reader is made anew.
        match catch_unwind(AssertUnwindSafe(|| self.reader.read())) {
            Ok(result) => result.map_err(|error: ReadError| error.into()),
            Err(_panic) => {
                self.reader = (self.make)();
                let detail = format!("the reader of {} panicked; please report this", self.source);
                Err(Failure {
                    reason: Reason::Malformed,
                    detail,
                })
            }
        }
    }

    /// Puts the result on the board; tells whether the source is not offered here.
    fn publish(
        &self,
        board: &Board,
        started: Moment,
        at: Moment,
        result: Result<R::Sample, Failure>,
    ) -> bool {
        match result {
            Ok(sample) => {
                let value = Arc::new(sample);
                let stamped = Stamped {
                    at,
                    took: at.since(started),
                    value: Arc::clone(&value),
                };
                board.update(|snapshot| *(self.slot)(snapshot) = Reading::Ok(stamped));
                if let Some(track) = self.track {
                    board.track(|trackers, snapshot| track(trackers, snapshot, &value, at));
                }
                false
            }
            Err(failure) => {
                let first = board.update(|snapshot| {
                    let reading = (self.slot)(snapshot);
                    let news = reading.state().failure() != Some(&failure);
                    reading.fail(at, failure.clone());
                    news
                });
                if first && failure.reason.is_unsupported() {
                    tracing::info!(source = %self.source, reason = failure.reason.id(), "{failure}");
                } else if first {
                    tracing::warn!(source = %self.source, reason = failure.reason.id(), "{failure}");
                }
                failure.reason.is_unsupported()
            }
        }
    }
}
