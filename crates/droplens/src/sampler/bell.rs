//! Wakes a sleeping thread.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use super::board::lock;

/// A bell that is heard even if it was rung before anybody listened.
#[derive(Debug, Default)]
pub(super) struct Bell {
    rung: Mutex<bool>,
    sound: Condvar,
}

impl Bell {
    /// Rings.
    pub(super) fn ring(&self) {
        *lock(&self.rung) = true;
        self.sound.notify_all();
    }

    /// Sleeps until it rings, or for this long.
    pub(super) fn sleep(&self, longest: Duration) {
        let rung = lock(&self.rung);
        let waited = self.sound.wait_timeout_while(rung, longest, |rung| !*rung);
        *waited.unwrap_or_else(PoisonError::into_inner).0 = false;
    }
}
