//! Reads every source at its own pace and keeps the newest readings together.
//!
//! Sources are read by [`lane`]s: a thread for each slow source, and one for all cheap ones, which
//! are read at the same moments. A reader that hangs holds up nobody, and each source has one
//! reader, so work never piles up: a tick that comes while the last reading is still going on is
//! skipped. A [`supervisor`] looks after deadlines and the CPU budget once a second.
//! Nothing here runs on the async runtime; scrapes await readings through [`Sampler::refresh`].

mod bell;
mod board;
mod budget;
mod lane;
mod pace;
mod sources;
mod supervisor;
mod watch;
mod worker;

use std::sync::Arc;
use std::time::Duration;

use droplens_kernel::Root;
use droplens_model::{Derived, Moment, Snapshot, Source, State};

use crate::probing::Probed;

use board::Board;
use lane::Lane;
use pace::Pace;
use worker::Work;

pub(crate) use board::Follower;
pub(crate) use droplens_kernel::clock::now;

/// What the configuration says about sampling.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Plan {
    /// CPU time all readings together may take, as a share of one core.
    pub(crate) cpu_budget: f64,
    /// Sources that are not read.
    pub(crate) disabled: Vec<Source>,
}

/// The running sampler. Dropping it stops the threads.
#[derive(Debug)]
pub(crate) struct Sampler {
    board: Arc<Board>,
    paces: Vec<Arc<Pace>>,
    supervisor: supervisor::Handle,
}

impl Sampler {
    /// Starts the lanes and the supervisor; somebody may follow what is read. `probed` is what the own
    /// probes find, if there are any.
    pub(crate) fn start(
        root: &Root,
        plan: &Plan,
        probed: Probed,
        follower: Option<Arc<dyn Follower>>,
    ) -> std::io::Result<Self> {
        let board = Arc::new(Board::default());
        let lanes = lanes(sources::workers(root, probed), &board)?;
        // In the order of the sources, whatever lanes they are in.
        let mut paces: Vec<_> = lanes
            .iter()
            .flat_map(|lane| lane.paces().cloned())
            .collect();
        paces.sort_unstable_by_key(|pace| pace.source());
        if let Some(follower) = follower {
            board.followed_by(follower, paces.clone());
        }
        let supervisor = supervisor::start(Arc::clone(&board), paces.clone(), plan.clone())?;
        for lane in &lanes {
            lane.start()?;
        }
        Ok(Self {
            board,
            paces,
            supervisor,
        })
    }

    /// Takes over a changed plan; readings and counters go on.
    pub(crate) fn apply(&self, plan: Plan) {
        self.supervisor.apply(plan);
    }

    /// The newest readings.
    pub(crate) fn snapshot(&self) -> Arc<Snapshot> {
        self.board.snapshot()
    }

    /// What was worked out over time, as of now.
    pub(crate) fn derived(&self, now: Moment) -> Derived {
        self.board
            .derive(now, self.paces.iter().map(|pace| pace.report()).collect())
    }

    /// Whether the supervisor still does its rounds.
    pub(crate) fn is_alive(&self, now: Moment) -> bool {
        self.supervisor.is_alive(now)
    }

    /// Whether every source has been read, or has said why not, since the start.
    pub(crate) fn is_complete(&self) -> bool {
        self.snapshot()
            .states()
            .all(|(_, state)| state != State::Pending)
    }

    /// Reads the slow sources again whose reading is older than `age`, and waits for them, though
    /// no longer than `patience`. Callers at the same time share one reading.
    pub(crate) async fn refresh(&self, age: Duration, patience: Duration) {
        let snapshot = self.snapshot();
        let now = now();
        let stale = self.paces.iter().filter(|pace| {
            // Shorter cadences keep themselves fresher than this.
            pace.source().spec().cadence.interval() > age
                && match snapshot.state(pace.source()) {
                    State::Ok { at, .. } => now.since(at) > age,
                    State::Pending | State::Failed { .. } => true,
                    State::Disabled | State::Unsupported(_) => false,
                }
        });
        let readings: Vec<_> = stale.map(|pace| pace.request()).collect();
        self.wait(readings, patience).await;
    }

    /// Waits until every source has been read once, though no longer than `patience`.
    pub(crate) async fn first_readings(&self, patience: Duration) {
        let readings = self.paces.iter().map(|pace| pace.awaiting(1)).collect();
        self.wait(readings, patience).await;
    }

    async fn wait(&self, readings: Vec<pace::Awaited>, patience: Duration) {
        let all = async {
            for reading in readings {
                reading.done().await;
            }
        };
        // What is late is encoded as it stands; its age tells.
        let _late = tokio::time::timeout(patience, all).await;
    }
}

impl Drop for Sampler {
    fn drop(&mut self) {
        self.supervisor.stop();
        // Threads end by themselves; one whose reader hangs must not hang the exit.
        for pace in &self.paces {
            pace.stop();
        }
    }
}

/// Groups the workers by lane.
fn lanes(mut workers: Vec<Box<dyn Work>>, board: &Arc<Board>) -> std::io::Result<Vec<Arc<Lane>>> {
    // So that what waits for a lock holds up nobody at that tick.
    workers.sort_by_key(|work| sources::may_wait(work.source()));
    let mut groups: Vec<(&'static str, Vec<Box<dyn Work>>)> = Vec::new();
    for work in workers {
        let name = sources::lane(work.source());
        match groups.iter_mut().find(|(known, _)| *known == name) {
            Some((_, works)) => works.push(work),
            None => groups.push((name, vec![work])),
        }
    }
    let start = now();
    groups
        .into_iter()
        .map(|(name, works)| Lane::new(name, works, Arc::clone(board), start).map(Arc::new))
        .collect()
}
