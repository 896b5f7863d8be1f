//! When a source is read next: on its ticks, or at once when somebody asks.

use std::sync::{Condvar, Mutex};
use std::time::Duration;

use droplens_model::{Moment, Source};
use tokio::sync::watch;

use super::board::lock;
use super::clock::now;

/// A source that this kernel does not offer is looked for again this often: a module may be
/// loaded, a capability granted.
const LOOK_AGAIN: Duration = Duration::from_secs(15);

/// The pace of one source, shared by its worker, the supervisor and scrapes.
#[derive(Debug)]
pub(super) struct Pace {
    source: Source,
    state: Mutex<State>,
    wake: Condvar,
    /// How many readings have ended, well or not.
    ended: watch::Sender<u64>,
}

#[derive(Debug)]
struct State {
    interval: Duration,
    mode: Mode,
    requested: bool,
    /// No tick comes sooner than this after the last one.
    pause: Duration,
    due: Moment,
    running_since: Option<Moment>,
    cpu: Duration,
    typical_cost: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    On,
    Off,
    Stopped,
}

/// What a worker is told to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// Read the source now.
    Read,
    /// The source was switched off: say so, then ask again.
    Rest,
    /// End.
    Stop,
}

/// A reading somebody waits for.
#[derive(Debug)]
pub(super) struct Awaited {
    number: u64,
    ended: watch::Receiver<u64>,
}

impl Awaited {
    /// Returns when the reading has ended, or never will.
    pub(super) async fn done(mut self) {
        let _closed = self.ended.wait_for(|&ended| ended >= self.number).await;
    }
}

impl Pace {
    pub(super) fn new(source: Source) -> Self {
        let state = State {
            interval: source.spec().cadence.interval(),
            mode: Mode::On,
            requested: false,
            pause: Duration::ZERO,
            due: now(),
            running_since: None,
            cpu: Duration::ZERO,
            typical_cost: Duration::ZERO,
        };
        Self {
            source,
            state: Mutex::new(state),
            wake: Condvar::new(),
            ended: watch::Sender::new(0),
        }
    }

    pub(super) const fn source(&self) -> Source {
        self.source
    }

    /// What there is to tell about it.
    pub(super) fn report(&self) -> droplens_model::Pace {
        let State { interval, cpu, .. } = *lock(&self.state);
        let readings = *self.ended.borrow();
        droplens_model::Pace {
            source: self.source,
            interval,
            readings,
            cpu,
        }
    }

    /// CPU time a reading typically takes at present.
    pub(super) fn typical_cost(&self) -> Duration {
        lock(&self.state).typical_cost
    }

    /// Since when a reading has been going on.
    pub(super) fn running_since(&self) -> Option<Moment> {
        lock(&self.state).running_since
    }

    /// Sets the interval and whether the source is read at all.
    pub(super) fn set(&self, interval: Duration, enabled: bool) {
        let mode = if enabled { Mode::On } else { Mode::Off };
        let mut state = lock(&self.state);
        if state.mode == Mode::Stopped || (state.interval, state.mode) == (interval, mode) {
            return;
        }
        state.interval = interval;
        state.mode = mode;
        state.due = state.due.min(now() + interval);
        self.wake.notify_all();
    }

    /// Asks for a reading now, unless one is going on: that one will do.
    pub(super) fn request(&self) -> Awaited {
        let mut state = lock(&self.state);
        state.requested = state.running_since.is_none();
        self.wake.notify_all();
        drop(state);
        self.awaiting(*self.ended.borrow() + 1)
    }

    /// The reading with this number, counted from 1.
    pub(super) fn awaiting(&self, number: u64) -> Awaited {
        Awaited {
            number,
            ended: self.ended.subscribe(),
        }
    }

    /// Makes the worker end.
    pub(super) fn stop(&self) {
        lock(&self.state).mode = Mode::Stopped;
        self.wake.notify_all();
    }

    /// Sleeps until there is something to do. `resting` says that the worker already knows that
    /// its source is switched off.
    pub(super) fn next(&self, resting: bool) -> Order {
        let mut state = lock(&self.state);
        loop {
            let now = now();
            let pause = match state.mode {
                Mode::Stopped => return Order::Stop,
                Mode::Off if !resting => return Order::Rest,
                Mode::Off => LOOK_AGAIN,
                Mode::On if state.requested || state.due <= now => {
                    state.start(now);
                    return Order::Read;
                }
                Mode::On => state.due.since(now),
            };
            state = match self.wake.wait_timeout(state, pause) {
                Ok((state, _)) => state,
                Err(poisoned) => poisoned.into_inner().0,
            };
        }
    }

    /// Notes that the reading has ended, and what it cost.
    pub(super) fn finished(&self, cost: Duration, unsupported: bool) {
        let mut state = lock(&self.state);
        state.running_since = None;
        state.pause = if unsupported {
            LOOK_AGAIN
        } else {
            Duration::ZERO
        };
        state.cpu += cost;
        state.typical_cost = if state.typical_cost.is_zero() {
            cost
        } else {
            // A moving average over about eight readings: one slow reading is no reason to slow
            // down, several are.
            (state.typical_cost * 7 + cost) / 8
        };
        drop(state);
        self.ended.send_modify(|ended| *ended += 1);
    }

    /// Notes that the source said that it is switched off: nobody needs to wait for it.
    pub(super) fn rested(&self) {
        self.ended.send_modify(|ended| *ended += 1);
    }
}

impl State {
    /// Starts a reading and sets the time of the next: on the grid of ticks, and ticks that were
    /// missed are skipped. A reading on request moves the grid, so that a slow source is not
    /// read twice in a row.
    fn start(&mut self, now: Moment) {
        let interval = self.interval.max(self.pause);
        self.due = if self.requested || now.since(self.due) >= interval {
            now + interval
        } else {
            self.due + interval
        };
        self.requested = false;
        self.running_since = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_keep_to_their_grid_and_missed_ones_are_skipped() {
        let pace = Pace::new(Source::Softnet);
        let start = lock(&pace.state).due;
        let interval = Duration::from_millis(100);
        let mut state = lock(&pace.state);
        state.start(start + Duration::from_millis(3));
        assert_eq!(
            state.due,
            start + interval,
            "a late start does not move the grid"
        );
        state.start(start + interval * 5);
        assert_eq!(state.due, start + interval * 6, "no pile-up after a stall");
    }

    #[test]
    fn a_request_moves_the_grid() {
        let pace = Pace::new(Source::Sockets);
        let mut state = lock(&pace.state);
        let start = state.due;
        state.start(start);
        state.requested = true;
        state.start(start + Duration::from_secs(10));
        assert_eq!(state.due, start + Duration::from_secs(25));
    }

    #[test]
    fn a_request_during_a_reading_waits_for_that_one() {
        let pace = Pace::new(Source::Sockets);
        assert_eq!(pace.next(false), Order::Read);
        let _awaited = pace.request();
        assert!(!lock(&pace.state).requested);
        pace.finished(Duration::from_millis(8), false);
        assert_eq!(*pace.ended.borrow(), 1);
        pace.finished(Duration::ZERO, false);
        assert_eq!(pace.typical_cost(), Duration::from_millis(7));
    }

    #[test]
    fn a_source_switched_off_rests_once_and_can_be_stopped() {
        let pace = Pace::new(Source::Sockets);
        pace.set(Duration::from_secs(15), false);
        assert_eq!(pace.next(false), Order::Rest);
        pace.stop();
        assert_eq!(pace.next(true), Order::Stop);
    }
}
