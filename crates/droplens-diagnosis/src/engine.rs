//! The running agent's diagnosis: takes in every new snapshot, keeps what reports need.
//!
//! Pure like the rest: the caller brings snapshots and the time.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use droplens_model::delta::Delta;
use droplens_model::{
    Cause, CauseStanding, DeviceDrops, Domain, Event, Finding, Judgement, Moment, Name,
    PathDirection, Pattern, Place, Report, Severity, Snapshot, Source, Timestamp,
};

use crate::events::Events;
use crate::history::{Chart, Past};
use crate::ledger::Ledger;
use crate::rhythm::Rhythm;
use crate::symptoms::Retransmissions;
use crate::thresholds::Thresholds;
use crate::verdict::{self, Context};
use crate::view::View;

/// Findings are looked for this often, in a window of [`WINDOW`].
const ROUND: Duration = Duration::from_secs(1);

/// Long enough for rates to mean something, short enough to see an end.
const WINDOW: Duration = Duration::from_secs(10);

/// Accounts of devices that are gone are folded into the host's this often.
const TIDY: Duration = Duration::from_secs(300);

/// The diagnosis of a running agent.
#[derive(Debug, Default)]
pub struct Engine {
    thresholds: Thresholds,
    ledger: Ledger,
    events: Events,
    past: Past,
    chart: Chart,
    rhythm: Rhythm,
    present: Option<Arc<Snapshot>>,
    active: BTreeMap<(Cause, Place), Active>,
    /// Causes of which the last look found remarks only.
    remarks: BTreeSet<Cause>,
    kinds: BTreeMap<Name, Option<Name>>,
    last_round: Option<Moment>,
    last_tidy: Option<Moment>,
    asked: BTreeMap<Source, Moment>,
}

#[derive(Clone, Copy, Debug)]
struct Active {
    since: Timestamp,
    seen: Moment,
}

/// What the engine wants after a snapshot.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Wishes {
    /// Sources that would explain what others counted: they should be read at once.
    pub read: BTreeSet<Source>,
    /// Bursts that ended, to be logged. What is only a remark is not among them.
    pub ended: Vec<Event>,
}

impl Engine {
    /// An engine that speaks beyond these thresholds.
    pub fn new(thresholds: Thresholds) -> Self {
        Self {
            thresholds,
            ..Self::default()
        }
    }

    /// Takes over changed thresholds.
    pub const fn set_thresholds(&mut self, thresholds: Thresholds) {
        self.thresholds = thresholds;
    }

    /// Takes in a newer snapshot.
    pub fn observe(&mut self, snapshot: &Arc<Snapshot>, now: Moment, wall: Timestamp) -> Wishes {
        let Some(before) = self.present.replace(Arc::clone(snapshot)) else {
            self.past.keep(snapshot, now, wall);
            self.events.observe(self.ledger.accounts(), now, wall);
            return Wishes::default();
        };
        let delta = Delta::new(&before, snapshot);
        self.ledger.advance(delta, now);
        let mut ended = self.events.observe(self.ledger.accounts(), now, wall);
        if delta.moved(Source::Snmp) {
            self.rhythm.add(Retransmissions::between(&delta).lost());
        }
        self.past.keep(snapshot, now, wall);
        if self.last_round.is_none_or(|last| now.since(last) >= ROUND) {
            self.last_round = Some(now);
            self.round(snapshot, now, wall);
        }
        // A burst ends so long after its last packet that the last look has seen all of it.
        ended.retain(|burst| !self.remarks.contains(&burst.cause));
        Wishes {
            read: self.wanted(snapshot, now),
            ended,
        }
    }

    /// Once a second: charts, findings, tidying up.
    fn round(&mut self, snapshot: &Arc<Snapshot>, now: Moment, wall: Timestamp) {
        self.chart.second(self.sums(), wall);
        if let Some(kept) = self.past.before(WINDOW, now) {
            let delta = Delta::new(&kept.snapshot, snapshot);
            let ledger = Ledger::explained(delta);
            let edges = self.past.edges(kept, snapshot, now);
            let view = View::new(delta, &ledger, now.since(kept.at), &self.thresholds)
                .with_edges(edges)
                .ending(wall);
            let findings = verdict::findings(&view);
            self.remarks = findings.iter().map(|finding| finding.cause).collect();
            for finding in findings {
                if finding.severity != Severity::Info {
                    self.remarks.remove(&finding.cause);
                    let key = (finding.cause, finding.place);
                    let active = self.active.entry(key).or_insert(Active {
                        since: wall,
                        seen: now,
                    });
                    active.seen = now;
                }
            }
        }
        let hold = self.thresholds.hold;
        self.active
            .retain(|_, active| now.since(active.seen) < hold);
        if let Some(links) = snapshot.links.ok() {
            for link in &links.links {
                if !self.kinds.contains_key(link.name()) {
                    let kind = link.attributes.kind.clone();
                    self.kinds.insert(link.name().clone(), kind);
                }
            }
        }
        if self.last_tidy.is_none_or(|last| now.since(last) >= TIDY) {
            self.last_tidy = Some(now);
            self.tidy(snapshot);
        }
    }

    /// Containers come and go; what their devices lost stays in the sums, their names do not.
    fn tidy(&mut self, snapshot: &Snapshot) {
        let Some(links) = snapshot.links.ok().filter(|links| links.complete) else {
            return;
        };
        let here: BTreeSet<&Name> = links
            .links
            .iter()
            .map(droplens_model::sample::links::Link::name)
            .collect();
        self.kinds.retain(|name, _| here.contains(name));
        self.ledger.fold(|device| !here.contains(device));
        self.events.absorb(self.ledger.accounts());
    }

    fn sums(&self) -> [u64; Domain::ALL.len()] {
        let mut sums = [0; Domain::ALL.len()];
        for ((cause, _), packets) in self.ledger.accounts() {
            if let Some(sum) = sums.get_mut(cause.domain() as usize) {
                *sum += packets;
            }
        }
        sums
    }

    /// Sources to be read at once, none of them more often than once a second.
    fn wanted(&mut self, snapshot: &Snapshot, now: Moment) -> BTreeSet<Source> {
        let mut wanted = self.ledger.awaited(snapshot);
        wanted.retain(|source| {
            let due = self
                .asked
                .get(source)
                .is_none_or(|last| now.since(*last) >= ROUND);
            if due {
                self.asked.insert(*source, now);
            }
            due
        });
        wanted
    }

    /// The verdict on the last `context.length`, as far as the past reaches; the context's times
    /// are set to the window that was found.
    pub fn report(&self, now: Moment, mut context: Context) -> Option<Report> {
        let present = self.present.as_ref()?;
        let kept = self.past.before(context.length, now)?;
        context.length = now.since(kept.at);
        context.start = kept.wall;
        let delta = Delta::new(&kept.snapshot, present);
        let edges = self.past.edges(kept, present, now);
        let mut report = verdict::judge_between(delta, edges, &context, &self.thresholds);
        for finding in &mut report.findings {
            self.date(finding);
        }
        let start = context.start;
        report.events = self.events.list();
        report
            .events
            .retain(|event| event.ongoing || event.start.after(seconds(event.seconds)) >= start);
        Some(report)
    }

    /// Adds what only the past tells.
    fn date(&self, finding: &mut Finding) {
        let key = (finding.cause, finding.place.clone());
        finding.since = self.active.get(&key).map(|active| active.since);
        if finding.cause == Cause::PathLoss && finding.pattern.is_none() {
            finding.pattern = Some(match finding.direction {
                // The rhythm is that of this host's own retransmissions.
                Some(PathDirection::Forward) => self.rhythm.pattern(),
                _ => Pattern::Unknown,
            });
        }
    }

    /// The bursts that are remembered, oldest first.
    pub fn events(&self) -> Vec<Event> {
        self.events.list()
    }

    /// Packets lost per second and domain.
    pub const fn chart(&self) -> &Chart {
        &self.chart
    }

    /// What there is to tell in numbers.
    pub fn judgement(&self) -> Judgement {
        let present = self.present.clone().unwrap_or_default();
        let causes = Cause::ALL.iter().map(|&cause| CauseStanding {
            cause,
            observable: verdict::sight(cause, &present).is_ok(),
            active: self.active.keys().any(|(active, _)| *active == cause),
            drops: self.ledger.packets(cause),
            events: self
                .events
                .totals()
                .get(&cause)
                .copied()
                .unwrap_or_default(),
        });
        Judgement {
            causes: causes.collect(),
            devices: self.device_drops(),
        }
    }

    fn device_drops(&self) -> Vec<DeviceDrops> {
        let mut sums = BTreeMap::<(Cause, &Name), u64>::new();
        for ((cause, place), packets) in self.ledger.accounts() {
            if let Some(device) = place.device() {
                *sums.entry((*cause, device)).or_default() += packets;
            }
        }
        sums.into_iter()
            .map(|((cause, device), drops)| DeviceDrops {
                cause,
                device: device.clone(),
                kind: self.kinds.get(device).cloned().flatten(),
                drops,
            })
            .collect()
    }
}

fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}
