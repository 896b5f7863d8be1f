//! Threads that read: many cheap sources in turn, or one on its own.
//!
//! Waking a thread costs more than reading a small file, so sources that are read at the same
//! moments share a lane. A reader that hangs keeps its thread; another one takes over the lane
//! before the next tick, and the source joins it again when its reading ends.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use droplens_kernel::clock::now;
use droplens_model::Moment;

use super::bell::Bell;
use super::board::{Board, lock};
use super::pace::{Order, Pace};
use super::watch::Watch;
use super::worker::Work;

/// The longest sleep: something always happens sooner than this.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);

/// A thread that does not come to the end of its readings this long after their tick has lost the
/// lane: soon enough for the next tick of the fast sources, and long after any reading that does
/// not wait for somebody.
const LATE: Duration = Duration::from_millis(50);

/// Stack of a reading thread; readers keep their buffers on the heap.
const STACK: usize = 256 << 10;

/// Sources that are read by one thread at a time.
pub(super) struct Lane {
    name: &'static str,
    seats: Vec<Seat>,
    bell: Arc<Bell>,
    board: Arc<Board>,
    /// Counts the threads that have had the lane; only the newest goes on.
    shift: AtomicU64,
    /// Whether all its sources have been stopped.
    ended: AtomicBool,
    /// Goes off when the thread that has the lane is late. A source on its own has none: nobody
    /// else suffers.
    watch: Option<Watch>,
}

/// The place of one source. The work is away while it is being done.
struct Seat {
    pace: Arc<Pace>,
    work: Mutex<Option<Box<dyn Work>>>,
}

/// What became of a seat when its turn came.
enum Turn {
    Done,
    Wait(Duration),
    Away,
    Stopped,
}

/// What is to be done when every seat has had its turn.
enum Pass {
    Again,
    Sleep(Duration),
    Stopped,
}

impl std::fmt::Debug for Lane {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lane")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl Lane {
    /// A lane of these sources, whose grid of ticks begins at `start`.
    pub(super) fn new(
        name: &'static str,
        works: Vec<Box<dyn Work>>,
        board: Arc<Board>,
        start: Moment,
    ) -> io::Result<Self> {
        let bell = Arc::new(Bell::default());
        let seat = |work: Box<dyn Work>| Seat {
            pace: Arc::new(Pace::new(work.source(), start, Arc::clone(&bell))),
            work: Mutex::new(Some(work)),
        };
        let watch = (works.len() > 1).then(Watch::new).transpose()?;
        Ok(Self {
            name,
            seats: works.into_iter().map(seat).collect(),
            bell,
            board,
            shift: AtomicU64::new(0),
            ended: AtomicBool::new(false),
            watch,
        })
    }

    /// The paces of its sources.
    pub(super) fn paces(&self) -> impl Iterator<Item = &Arc<Pace>> {
        self.seats.iter().map(|seat| &seat.pace)
    }

    /// Starts its threads.
    pub(super) fn start(self: &Arc<Self>) -> io::Result<()> {
        self.take_over()?;
        if self.watch.is_some() {
            self.spawn("watch", Self::keep_watch)?;
        }
        Ok(())
    }

    /// Starts a thread that has the lane from now on.
    fn take_over(self: &Arc<Self>) -> io::Result<()> {
        let shift = self.shift.fetch_add(1, Ordering::Relaxed) + 1;
        self.spawn("read", move |lane| lane.run(shift))
    }

    fn spawn(
        self: &Arc<Self>,
        role: &str,
        work: impl FnOnce(&Arc<Self>) + Send + 'static,
    ) -> io::Result<()> {
        let lane = Arc::clone(self);
        thread::Builder::new()
            .name(format!("{role}-{}", self.name))
            .stack_size(STACK)
            .spawn(move || work(&lane))
            .map(drop)
    }

    /// Gives the lane to another thread each time that the one that has it is late.
    fn keep_watch(self: &Arc<Self>) {
        let goes_off = || {
            self.watch
                .as_ref()
                .is_some_and(|watch| watch.wait().is_ok())
        };
        while goes_off() && !self.ended.load(Ordering::Relaxed) {
            if let Err(error) = self.take_over() {
                tracing::error!(%error, lane = self.name, "cannot start another reading thread");
                self.expect_within(LONGEST_SLEEP);
            }
        }
    }

    /// Another thread takes over unless this is said again within this time.
    fn expect_within(&self, time: Duration) {
        if let Some(Err(error)) = self.watch.as_ref().map(|watch| watch.put_off(time)) {
            tracing::error!(%error, lane = self.name, "cannot set the timer of a lane");
        }
    }

    fn run(&self, shift: u64) {
        self.expect_within(LATE);
        let mut news = false;
        while let Some(pass) = self.pass(shift) {
            match pass {
                Pass::Again => news = true,
                Pass::Sleep(pause) => {
                    // The lane of the cheap sources is the one whose readings are followed.
                    if std::mem::take(&mut news) && self.watch.is_some() {
                        self.board.follow(now());
                    }
                    self.expect_within(pause + LATE);
                    self.bell.sleep(pause);
                }
                Pass::Stopped => {
                    self.ended.store(true, Ordering::Relaxed);
                    return self.expect_within(Duration::ZERO);
                }
            }
        }
        // Whoever has the lane now may have found a seat empty.
        self.bell.ring();
    }

    /// Gives every source its turn; none if another thread has the lane.
    fn pass(&self, shift: u64) -> Option<Pass> {
        let mut pause = LONGEST_SLEEP;
        let mut running = false;
        for seat in &self.seats {
            if self.shift.load(Ordering::Relaxed) != shift {
                return None;
            }
            match seat.turn(&self.board) {
                Turn::Done => (running, pause) = (true, Duration::ZERO),
                Turn::Wait(wait) => (running, pause) = (true, pause.min(wait)),
                Turn::Away => running = true,
                Turn::Stopped => {}
            }
        }
        Some(match (running, pause) {
            (false, _) => Pass::Stopped,
            (true, Duration::ZERO) => Pass::Again,
            (true, pause) => Pass::Sleep(pause),
        })
    }
}

impl Seat {
    fn turn(&self, board: &Board) -> Turn {
        let Some(mut work) = lock(&self.work).take() else {
            return Turn::Away;
        };
        let turn = match self.pace.next(now()) {
            Order::Wait(wait) => Turn::Wait(wait),
            Order::Stop => Turn::Stopped,
            Order::Read => {
                work.read(board, &self.pace);
                Turn::Done
            }
            Order::Rest => {
                work.rest(board);
                self.pace.rested();
                Turn::Done
            }
        };
        *lock(&self.work) = Some(work);
        turn
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use droplens_model::Source;

    use super::*;

    /// Work that tells when it is done, and hangs for as long as it is told.
    struct Told {
        source: Source,
        done: mpsc::Sender<Source>,
        hang: Option<mpsc::Receiver<()>>,
    }

    impl Work for Told {
        fn source(&self) -> Source {
            self.source
        }

        fn read(&mut self, _board: &Board, pace: &Pace) {
            if let Some(hang) = self.hang.take() {
                let _released = hang.recv();
            }
            let _gone = self.done.send(self.source);
            pace.finished(Duration::ZERO, false);
        }

        fn rest(&mut self, _board: &Board) {}
    }

    #[test]
    fn a_lane_goes_on_without_the_one_that_hangs_and_with_it_again() {
        let (done, reads) = mpsc::channel();
        let (release, hang) = mpsc::channel();
        let work = |source, hang| -> Box<dyn Work> {
            Box::new(Told {
                source,
                done: done.clone(),
                hang,
            })
        };
        let works = vec![work(Source::Snmp, Some(hang)), work(Source::Softnet, None)];
        let lane = Lane::new("test", works, Arc::default(), now()).unwrap();
        let lane = Arc::new(lane);
        lane.start().unwrap();
        assert_eq!(reads.recv().unwrap(), Source::Softnet);
        assert_eq!(reads.recv().unwrap(), Source::Softnet);
        assert!(lane.seats[0].pace.running_since().is_some(), "still hangs");
        release.send(()).unwrap();
        while reads.recv().unwrap() != Source::Snmp {}
        while reads.recv().unwrap() != Source::Snmp {}
        lane.paces().for_each(|pace| pace.stop());
    }
}
