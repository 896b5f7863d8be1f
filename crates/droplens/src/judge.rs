//! The agent's diagnosis at work: follows every snapshot, answers for the pages.

mod burst_log;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use droplens_diagnosis::verdict::Context;
use droplens_diagnosis::{Engine, Thresholds};
use droplens_model::{Event, Judgement, Moment, Report, Snapshot, Source, Timestamp};
use serde::Serialize;

use self::burst_log::BurstLog;
use crate::host::Host;
use crate::sampler::Follower;

/// The diagnosis of the running agent.
pub(crate) struct Judge {
    host: Host,
    engine: Mutex<Engine>,
    log: Mutex<BurstLog>,
}

impl Judge {
    /// A judge of this host.
    pub(crate) fn new(host: Host, thresholds: Thresholds) -> Self {
        Self {
            host,
            engine: Mutex::new(Engine::new(thresholds)),
            log: Mutex::default(),
        }
    }

    fn engine(&self) -> std::sync::MutexGuard<'_, Engine> {
        self.engine.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes over changed thresholds.
    pub(crate) fn set_thresholds(&self, thresholds: Thresholds) {
        self.engine().set_thresholds(thresholds);
    }

    /// The host it judges.
    pub(crate) const fn host(&self) -> &Host {
        &self.host
    }

    /// The verdict on the last `length`, as far as the past reaches.
    pub(crate) fn report(&self, length: Duration, now: Moment) -> Option<Report> {
        let context = context(&self.host, Timestamp::default(), length);
        self.engine().report(now, context)
    }

    /// The bursts that are remembered, oldest first.
    pub(crate) fn events(&self) -> Vec<Event> {
        self.engine().events()
    }

    /// What there is to tell in numbers.
    pub(crate) fn judgement(&self) -> Judgement {
        self.engine().judgement()
    }

    /// Packets lost per second and domain in the last 15 minutes.
    pub(crate) fn history(&self) -> History {
        let engine = self.engine();
        let chart = engine.chart();
        let domains: Vec<_> = chart
            .domains()
            .map(|(domain, lost)| DomainHistory { domain, lost })
            .collect();
        History {
            schema: "droplens.history/1",
            end: chart.end(),
            step_seconds: 1,
            seconds: domains.first().map_or(0, |domain| domain.lost.len()),
            domains,
        }
    }
}

impl Follower for Judge {
    fn follow(&self, snapshot: &Arc<Snapshot>, now: Moment) -> Vec<Source> {
        let wishes = self.engine().observe(snapshot, now, wall());
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        log.bursts(&wishes.ended, now);
        wishes.read.into_iter().collect()
    }
}

/// Who asks, and about what time.
pub(crate) fn context(host: &Host, start: Timestamp, length: Duration) -> Context {
    Context {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        host: host.name.clone(),
        start,
        length,
        others_not_seen: host.others_not_seen.unwrap_or(0),
    }
}

/// Now, on the calendar.
pub(crate) fn wall() -> Timestamp {
    SystemTime::now().into()
}

/// Packets lost per second, as JSON.
#[derive(Debug, Serialize)]
pub(crate) struct History {
    schema: &'static str,
    end: Timestamp,
    step_seconds: u64,
    seconds: usize,
    domains: Vec<DomainHistory>,
}

#[derive(Debug, Serialize)]
struct DomainHistory {
    domain: droplens_model::Domain,
    lost: Vec<u64>,
}
