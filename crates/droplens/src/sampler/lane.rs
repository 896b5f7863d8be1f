//! Threads that read: several cheap sources in turn, or one on its own.
//!
//! Waking a thread costs more than reading a small file, so sources that are read at the same
//! moments share a lane. A reader that hangs past its deadline keeps its thread; another one
//! takes over the lane, and the source joins it again when its reading ends.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use droplens_model::Moment;

use super::bell::Bell;
use super::board::{Board, lock};
use super::clock::now;
use super::pace::{Order, Pace};
use super::worker::Work;

/// The longest sleep: something always happens sooner than this.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);

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
    /// When the reading began on whose account the lane changed threads last.
    relieved: Mutex<Option<Moment>>,
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
    ) -> Self {
        let bell = Arc::new(Bell::default());
        let seat = |work: Box<dyn Work>| Seat {
            pace: Arc::new(Pace::new(work.source(), start, Arc::clone(&bell))),
            work: Mutex::new(Some(work)),
        };
        Self {
            name,
            seats: works.into_iter().map(seat).collect(),
            bell,
            board,
            shift: AtomicU64::new(0),
            relieved: Mutex::new(None),
        }
    }

    /// The paces of its sources.
    pub(super) fn paces(&self) -> impl Iterator<Item = &Arc<Pace>> {
        self.seats.iter().map(|seat| &seat.pace)
    }

    /// Starts a thread that has the lane from now on.
    pub(super) fn start(self: &Arc<Self>) -> io::Result<()> {
        let shift = self.shift.fetch_add(1, Ordering::Relaxed) + 1;
        let lane = Arc::clone(self);
        thread::Builder::new()
            .name(format!("read-{}", self.name))
            .stack_size(STACK)
            .spawn(move || lane.run(shift))
            .map(drop)
    }

    /// Gives the lane to another thread, once for each reading that hangs and only if others
    /// suffer.
    pub(super) fn relieve(self: &Arc<Self>, hanging_since: Moment) {
        let news = lock(&self.relieved).replace(hanging_since) != Some(hanging_since);
        if news
            && self.seats.len() > 1
            && let Err(error) = self.start()
        {
            tracing::error!(%error, lane = self.name, "cannot start another reading thread");
        }
    }

    fn run(&self, shift: u64) {
        while self.shift.load(Ordering::Relaxed) == shift {
            let mut pause = LONGEST_SLEEP;
            let mut running = false;
            for seat in &self.seats {
                match seat.turn(&self.board) {
                    Turn::Done => (running, pause) = (true, Duration::ZERO),
                    Turn::Wait(wait) => (running, pause) = (true, pause.min(wait)),
                    Turn::Away => running = true,
                    Turn::Stopped => {}
                }
                if self.shift.load(Ordering::Relaxed) != shift {
                    break;
                }
            }
            if !running {
                return;
            }
            if !pause.is_zero() {
                self.bell.sleep(pause);
            }
        }
        // Whoever has the lane now may have found a seat empty.
        self.bell.ring();
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
        let lane = Arc::new(Lane::new("test", works, Arc::default(), now()));
        lane.start().unwrap();
        let hanging = &lane.seats[0].pace;
        while hanging.running_since().is_none() {
            thread::yield_now();
        }
        lane.relieve(hanging.running_since().unwrap());
        lane.relieve(hanging.running_since().unwrap());
        assert_eq!(reads.recv().unwrap(), Source::Softnet);
        assert_eq!(reads.recv().unwrap(), Source::Softnet);
        assert_eq!(lane.shift.load(Ordering::Relaxed), 2, "relieved once");
        release.send(()).unwrap();
        while reads.recv().unwrap() != Source::Snmp {}
        while reads.recv().unwrap() != Source::Snmp {}
        lane.paces().for_each(|pace| pace.stop());
    }
}
