//! Looks after all sources once a second: deadlines, the CPU budget, changes of plan.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use droplens_kernel::clock::now;
use droplens_model::{Failure, Moment, Reason, Source};

use super::Plan;
use super::board::{Board, lock};
use super::budget::{Demand, intervals};
use super::pace::Pace;

/// How often it does its round.
const ROUND: Duration = Duration::from_secs(1);

/// After this long without a round something is badly wrong.
const SILENCE: Duration = Duration::from_secs(10);

/// Speaks to the supervisor's thread.
#[derive(Debug)]
pub(super) struct Handle {
    plans: Mutex<Option<mpsc::Sender<Plan>>>,
    last_round: Arc<AtomicU64>,
}

impl Handle {
    /// Hands over a changed plan; it takes effect at once.
    pub(super) fn apply(&self, plan: Plan) {
        if let Some(plans) = &*lock(&self.plans) {
            let _stopped = plans.send(plan);
        }
    }

    /// Makes the thread end.
    pub(super) fn stop(&self) {
        lock(&self.plans).take();
    }

    /// Whether it does its rounds.
    pub(super) fn is_alive(&self, now: Moment) -> bool {
        let last = Moment(Duration::from_millis(
            self.last_round.load(Ordering::Relaxed),
        ));
        now.since(last) < SILENCE
    }
}

/// Starts the thread; the plan takes effect before this returns.
pub(super) fn start(
    board: Arc<Board>,
    paces: Vec<Arc<Pace>>,
    plan: Plan,
) -> std::io::Result<Handle> {
    let last_round = Arc::new(AtomicU64::new(millis(now())));
    let (sender, plans) = mpsc::channel();
    let round = Arc::clone(&last_round);
    spread(&paces, &plan);
    std::thread::Builder::new()
        .name("supervisor".into())
        .stack_size(256 << 10)
        .spawn(move || {
            let mut plan = plan;
            loop {
                match plans.recv_timeout(ROUND) {
                    Ok(changed) => plan = changed,
                    Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => return,
                }
                let now = now();
                report_overdue(&board, &paces, now);
                spread(&paces, &plan);
                round.store(millis(now), Ordering::Relaxed);
            }
        })?;
    Ok(Handle {
        plans: Mutex::new(Some(sender)),
        last_round,
    })
}

fn millis(at: Moment) -> u64 {
    u64::try_from(at.0.as_millis()).unwrap_or(u64::MAX)
}

/// Reports the sources whose reading goes on past their deadline.
fn report_overdue(board: &Board, paces: &[Arc<Pace>], now: Moment) {
    for pace in paces {
        let source = pace.source();
        let deadline = source.spec().deadline;
        let since = pace.running_since();
        if since.is_some_and(|since| now.since(since) > deadline) {
            let detail = format!("no answer from {} within {deadline:?}", source.spec().reads);
            board.fail(
                source,
                now,
                Failure {
                    reason: Reason::Deadline,
                    detail,
                },
            );
        }
    }
}

/// Sets every source's interval within the budget.
fn spread(paces: &[Arc<Pace>], plan: &Plan) {
    let enabled = |source: Source| !plan.disabled.contains(&source);
    let demands: Vec<_> = paces
        .iter()
        .map(|pace| {
            let spec = pace.source().spec();
            let cost = if enabled(pace.source()) {
                pace.typical_cost()
            } else {
                Duration::ZERO
            };
            Demand {
                nominal: spec.cadence.interval(),
                ceiling: spec.ceiling,
                cost,
            }
        })
        .collect();
    for (pace, interval) in paces.iter().zip(intervals(&demands, plan.cpu_budget)) {
        pace.set(whole(interval), enabled(pace.source()));
    }
}

/// Rounds up to whole 10 ms, so that a cost that wavers does not move the interval all the time.
fn whole(interval: Duration) -> Duration {
    const STEP: u128 = 10;
    let steps = interval.as_millis().div_ceil(STEP);
    Duration::from_millis(u64::try_from(steps * STEP).unwrap_or(u64::MAX))
}
