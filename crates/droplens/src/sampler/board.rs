//! Where readings are put and taken from.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use droplens_model::track::Trackers;
use droplens_model::{Derived, Failure, Moment, Pace, Snapshot, Source};

use super::pace;

/// A reading that typically takes this much CPU time is not asked for out of turn.
const COSTLY: Duration = Duration::from_millis(5);

/// Looks at every new snapshot, right after the cheap sources have been read.
pub(crate) trait Follower: Send + Sync {
    /// Takes in a snapshot; returns the sources that should be read at once, since they may
    /// explain what it shows.
    fn follow(&self, snapshot: &Arc<Snapshot>, now: Moment) -> Vec<Source>;
}

/// The newest reading of every source, and what is followed over time.
#[derive(Default)]
pub(super) struct Board {
    snapshot: Mutex<Arc<Snapshot>>,
    trackers: Mutex<Trackers>,
    follower: OnceLock<Following>,
}

/// Who follows, and the paces of the sources it may ask for.
struct Following {
    follower: Arc<dyn Follower>,
    paces: Vec<Arc<pace::Pace>>,
}

impl std::fmt::Debug for Board {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Board").finish_non_exhaustive()
    }
}

impl Board {
    /// The newest readings.
    pub(super) fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&lock(&self.snapshot))
    }

    /// Puts a new reading in. Whoever holds the old snapshot keeps it unchanged.
    pub(super) fn update<T>(&self, change: impl FnOnce(&mut Snapshot) -> T) -> T {
        change(Arc::make_mut(&mut lock(&self.snapshot)))
    }

    /// Reports one source as failed.
    pub(super) fn fail(&self, source: Source, at: Moment, failure: Failure) {
        self.update(|snapshot| snapshot.fail(source, at, failure));
    }

    /// Lets a tracker take in a sample.
    pub(super) fn track(&self, observe: impl FnOnce(&mut Trackers, &Snapshot)) {
        let snapshot = self.snapshot();
        observe(&mut lock(&self.trackers), &snapshot);
    }

    /// Has every new snapshot followed from now on.
    pub(super) fn followed_by(&self, follower: Arc<dyn Follower>, paces: Vec<Arc<pace::Pace>>) {
        let _followed_already = self.follower.set(Following { follower, paces });
    }

    /// Shows the present snapshot to the follower, if there is one.
    pub(super) fn follow(&self, now: Moment) {
        if let Some(Following { follower, paces }) = self.follower.get() {
            for source in follower.follow(&self.snapshot(), now) {
                let pace = paces.iter().find(|pace| pace.source() == source);
                // A costly source comes in its own time: an explanation may wait, the host may not.
                if let Some(pace) = pace.filter(|pace| pace.typical_cost() < COSTLY) {
                    let _not_awaited = pace.request();
                }
            }
        }
    }

    /// What the trackers have to tell.
    pub(super) fn derive(&self, now: Moment, paces: Vec<Pace>) -> Derived {
        lock(&self.trackers).derive(now, paces)
    }
}

/// Every change under these locks leaves the data whole, so a panic elsewhere spoils nothing.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
