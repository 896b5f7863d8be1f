//! When a source is read next: on its ticks, or at once when somebody asks.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use droplens_kernel::clock::now;
use droplens_model::{Moment, Source};
use tokio::sync::watch;

use super::bell::Bell;
use super::board::lock;

/// A source that this kernel does not offer is looked for again this often: a module may be
/// loaded, a capability granted.
const LOOK_AGAIN: Duration = Duration::from_secs(15);

/// What is due this soon is done now: sources of a lane stay together.
const SLACK: Duration = Duration::from_millis(4);

/// The pace of one source, shared by its lane, the supervisor and scrapes.
#[derive(Debug)]
pub(super) struct Pace {
    source: Source,
    state: Mutex<State>,
    bell: Arc<Bell>,
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
    /// Switched off, and whether that has been said.
    Off(bool),
    Stopped,
}

/// What is to be done for a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// Read the source now.
    Read,
    /// Say that the source was switched off.
    Rest,
    /// Nothing for this long, unless the bell rings.
    Wait(Duration),
    /// Nothing, ever again.
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
    /// The pace of a source whose first tick is at `start`; `bell` wakes whoever follows it.
    pub(super) fn new(source: Source, start: Moment, bell: Arc<Bell>) -> Self {
        let state = State {
            interval: source.spec().cadence.interval(),
            mode: Mode::On,
            requested: false,
            pause: Duration::ZERO,
            due: start,
            running_since: None,
            cpu: Duration::ZERO,
            typical_cost: Duration::ZERO,
        };
        Self {
            source,
            state: Mutex::new(state),
            bell,
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
        let mut state = lock(&self.state);
        let mode = match (enabled, state.mode) {
            (true, _) => Mode::On,
            (false, Mode::Off(said)) => Mode::Off(said),
            (false, _) => Mode::Off(false),
        };
        if state.mode == Mode::Stopped || (state.interval, state.mode) == (interval, mode) {
            return;
        }
        state.interval = interval;
        state.mode = mode;
        state.due = state.due.min(now() + interval);
        self.bell.ring();
    }

    /// Asks for a reading now, unless one is going on: that one will do.
    pub(super) fn request(&self) -> Awaited {
        let mut state = lock(&self.state);
        state.requested = state.running_since.is_none();
        // Before the lock is released: a reading that ends right after it is the one asked for, and
        // the next one may be a minute away.
        let awaited = self.awaiting(*self.ended.borrow() + 1);
        drop(state);
        self.bell.ring();
        awaited
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
        self.bell.ring();
    }

    /// What is to be done now.
    pub(super) fn next(&self, now: Moment) -> Order {
        let mut state = lock(&self.state);
        match state.mode {
            Mode::Stopped => Order::Stop,
            Mode::Off(said) if !said => {
                state.mode = Mode::Off(true);
                Order::Rest
            }
            Mode::Off(_) => Order::Wait(LOOK_AGAIN),
            Mode::On if state.requested || state.due <= now + SLACK => {
                state.start(now);
                Order::Read
            }
            Mode::On => Order::Wait(state.due.since(now)),
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
        // Under the lock, so that a request sees either the reading going on or its end.
        self.count();
    }

    /// Notes that the source said that it is switched off: nobody needs to wait for it.
    pub(super) fn rested(&self) {
        self.count();
    }

    /// One more reading has ended. Mostly nobody waits for it, and nobody needs to be woken.
    fn count(&self) {
        self.ended.send_if_modified(|ended| {
            *ended += 1;
            self.ended.receiver_count() > 0
        });
    }
}

impl State {
    /// Starts a reading and sets the time of the next: on the grid of ticks, and ticks that were
    /// missed are skipped. A reading on request moves the grid, so that a slow source is not
    /// read twice in a row.
    fn start(&mut self, now: Moment) {
        let interval = self.interval.max(self.pause);
        self.due = if self.requested {
            now + interval
        } else {
            let missed = now.since(self.due).as_nanos() / interval.as_nanos().max(1);
            self.due + interval * u32::try_from(missed).unwrap_or(u32::MAX).saturating_add(1)
        };
        self.requested = false;
        self.running_since = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TICK: Duration = Duration::from_millis(100);

    fn pace(source: Source) -> (Pace, Moment) {
        let start = now();
        (Pace::new(source, start, Arc::default()), start)
    }

    #[test]
    fn ticks_keep_to_their_grid_and_missed_ones_are_skipped() {
        let (pace, start) = pace(Source::Softnet);
        let due = || lock(&pace.state).due;
        assert_eq!(pace.next(start + Duration::from_millis(3)), Order::Read);
        assert_eq!(due(), start + TICK, "a late start does not move the grid");
        assert_eq!(pace.next(start + TICK / 2), Order::Wait(TICK / 2));
        assert_eq!(pace.next(start + TICK * 5 + TICK / 2), Order::Read);
        assert_eq!(due(), start + TICK * 6, "no pile-up after a stall");
        assert_eq!(
            pace.next(start + TICK * 5 + Duration::from_millis(97)),
            Order::Read,
            "nearly due is due"
        );
        assert_eq!(due(), start + TICK * 7);
    }

    #[test]
    fn a_request_moves_the_grid() {
        let (pace, start) = pace(Source::Sockets);
        assert_eq!(pace.next(start), Order::Read);
        pace.finished(Duration::ZERO, false);
        let _awaited = pace.request();
        assert_eq!(pace.next(start + Duration::from_secs(10)), Order::Read);
        assert_eq!(lock(&pace.state).due, start + Duration::from_secs(25));
    }

    #[test]
    fn a_request_is_met_by_the_reading_that_it_causes_however_quick_that_is() {
        let (pace, _) = pace(Source::Sockets);
        let pace = Arc::new(pace);
        std::thread::scope(|scope| {
            let reader = scope.spawn(|| {
                let mut readings = 0;
                loop {
                    match pace.next(now()) {
                        Order::Read => {
                            pace.finished(Duration::ZERO, false);
                            readings += 1;
                        }
                        Order::Stop => return readings,
                        Order::Wait(_) | Order::Rest => std::hint::spin_loop(),
                    }
                }
            });
            let runtime = tokio::runtime::Builder::new_current_thread()
                .build()
                .unwrap();
            for _ in 0..100_000 {
                // Hangs if a request waits for a reading that nobody asked for.
                runtime.block_on(pace.request().done());
            }
            pace.stop();
            assert!(reader.join().unwrap() >= 100_000);
        });
    }

    #[test]
    fn a_request_during_a_reading_waits_for_that_one() {
        let (pace, start) = pace(Source::Sockets);
        assert_eq!(pace.next(start), Order::Read);
        let _awaited = pace.request();
        assert!(!lock(&pace.state).requested);
        pace.finished(Duration::from_millis(8), false);
        assert_eq!(pace.report().readings, 1);
        pace.finished(Duration::ZERO, false);
        assert_eq!(pace.typical_cost(), Duration::from_millis(7));
    }

    #[test]
    fn what_is_not_offered_is_looked_for_less_often() {
        let (pace, start) = pace(Source::Softnet);
        assert_eq!(pace.next(start), Order::Read);
        pace.finished(Duration::ZERO, true);
        assert_eq!(pace.next(start + TICK), Order::Read);
        assert_eq!(lock(&pace.state).due, start + TICK + LOOK_AGAIN);
    }

    #[test]
    fn a_source_switched_off_says_so_once_and_can_be_stopped() {
        let (pace, start) = pace(Source::Sockets);
        pace.set(Duration::from_secs(15), false);
        assert_eq!(pace.next(start), Order::Rest);
        assert_eq!(pace.next(start), Order::Wait(LOOK_AGAIN));
        pace.set(Duration::from_secs(15), true);
        assert_eq!(pace.next(start), Order::Read);
        pace.stop();
        pace.set(Duration::from_secs(15), true);
        assert_eq!(pace.next(start), Order::Stop);
    }
}
