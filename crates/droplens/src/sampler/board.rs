//! Where readings are put and taken from.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use droplens_model::track::Trackers;
use droplens_model::{Derived, Failure, Moment, Pace, Snapshot, Source};

/// The newest reading of every source, and what is followed over time.
#[derive(Debug, Default)]
pub(super) struct Board {
    snapshot: Mutex<Arc<Snapshot>>,
    trackers: Mutex<Trackers>,
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

    /// What the trackers have to tell.
    pub(super) fn derive(&self, now: Moment, paces: Vec<Pace>) -> Derived {
        lock(&self.trackers).derive(now, paces)
    }
}

/// Every change under these locks leaves the data whole, so a panic elsewhere spoils nothing.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
