//! Bursts: when packets were lost, for how long, how many, how fast.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use droplens_model::{Cause, Event, EventTotals, Moment, Place, Timestamp};

/// A burst ends when nothing was lost for this long.
const QUIET: Duration = Duration::from_secs(1);

/// The shortest time between two samples of a counter.
const SAMPLE: Duration = Duration::from_millis(100);

/// So many ended bursts are remembered.
const REMEMBERED: usize = 256;

/// So many bursts can go on at the same time; more are added to their cause's on this host.
const OPEN: usize = 256;

/// Finds bursts in the ledger's steps.
#[derive(Clone, Debug, Default)]
pub(crate) struct Events {
    accounts: BTreeMap<(Cause, Place), u64>,
    open: BTreeMap<(Cause, Place), Open>,
    ended: VecDeque<Event>,
    totals: BTreeMap<Cause, EventTotals>,
    last_id: u64,
    last_step: Option<Moment>,
}

#[derive(Clone, Debug)]
struct Open {
    id: u64,
    start: Timestamp,
    first: Moment,
    last: Moment,
    packets: u64,
    peak_rate: f64,
}

impl Events {
    /// Takes in the accounts as they stand now. Returns the bursts that ended.
    pub(crate) fn observe(
        &mut self,
        accounts: &BTreeMap<(Cause, Place), u64>,
        now: Moment,
        wall: Timestamp,
    ) -> Vec<Event> {
        // What was there before the first look is no burst of now.
        let interval = self.last_step.map(|last| now.since(last));
        self.last_step = Some(now);
        for (account, &packets) in accounts {
            let known = self.accounts.get(account).copied();
            if known == Some(packets) {
                continue;
            }
            self.accounts.insert(account.clone(), packets);
            let step = packets - known.unwrap_or(0).min(packets);
            if let Some(interval) = interval {
                self.add(account, step, now, wall, interval);
            }
        }
        self.close(now)
    }

    fn add(
        &mut self,
        account: &(Cause, Place),
        packets: u64,
        now: Moment,
        wall: Timestamp,
        interval: Duration,
    ) {
        let key = if self.open.len() < OPEN || self.open.contains_key(account) {
            account.clone()
        } else {
            (account.0, Place::Host)
        };
        let last_id = &mut self.last_id;
        let open = self.open.entry(key).or_insert_with(|| {
            *last_id += 1;
            // It began somewhere between the last step and this one.
            let half = interval / 2;
            Open {
                id: *last_id,
                start: wall.before(half),
                first: Moment(now.0.saturating_sub(half)),
                last: now,
                packets: 0,
                peak_rate: 0.0,
            }
        });
        open.packets += packets;
        open.last = now;
        // A report takes a look of its own in between, but counters are read no more often.
        let rate = packets as f64 / interval.max(SAMPLE).as_secs_f64();
        open.peak_rate = open.peak_rate.max(rate);
    }

    fn close(&mut self, now: Moment) -> Vec<Event> {
        let mut ended = Vec::new();
        self.open.retain(|account, open| {
            let over = now.since(open.last) >= QUIET;
            if over {
                ended.push(event(account, open, false));
            }
            !over
        });
        for event in &ended {
            self.totals
                .entry(event.cause)
                .or_default()
                .add(Duration::from_secs_f64(event.seconds));
            self.ended.push_back(event.clone());
        }
        while self.ended.len() > REMEMBERED {
            self.ended.pop_front();
        }
        ended
    }

    /// The bursts that are remembered and those still going on, in the order of their beginning.
    pub(crate) fn list(&self) -> Vec<Event> {
        let open = self.open.iter();
        let open = open.map(|(account, open)| event(account, open, true));
        let mut all: Vec<Event> = self.ended.iter().cloned().chain(open).collect();
        all.sort_by_key(|event| (event.start, event.id));
        all
    }

    /// How many bursts there were by cause, and how long they were. Only those that ended.
    pub(crate) const fn totals(&self) -> &BTreeMap<Cause, EventTotals> {
        &self.totals
    }

    /// Takes over an account that has grown without a loss: others were added to it.
    pub(crate) fn absorb(&mut self, accounts: &BTreeMap<(Cause, Place), u64>) {
        self.accounts.clone_from(accounts);
    }
}

fn event((cause, place): &(Cause, Place), open: &Open, ongoing: bool) -> Event {
    Event {
        id: open.id,
        domain: cause.domain(),
        cause: *cause,
        place: place.clone(),
        start: open.start,
        seconds: open.last.since(open.first).as_secs_f64(),
        packets: open.packets,
        peak_rate: open.peak_rate,
        ongoing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 100 ms steps; each number is what the account stands at.
    fn run(steps: &[u64]) -> Events {
        let mut events = Events::default();
        for (step, &packets) in steps.iter().enumerate() {
            let millis = 100 * u64::try_from(step).unwrap();
            let accounts = BTreeMap::from([((Cause::QdiscOverflow, Place::Host), packets)]);
            events.observe(
                &accounts,
                Moment(Duration::from_millis(millis)),
                Timestamp(1_000_000 + millis),
            );
        }
        events
    }

    #[test]
    fn losses_in_neighbouring_steps_are_one_burst() {
        let mut steps = vec![7, 7, 27, 57, 57];
        steps.extend([57; 12]);
        let events = run(&steps);
        let list = events.list();
        assert_eq!(list.len(), 1, "{list:?}");
        let event = &list[0];
        assert_eq!((event.packets, event.ongoing), (50, false));
        assert_eq!(event.start, Timestamp(1_000_150));
        assert!((event.seconds - 0.15).abs() < 1e-9);
        assert!((event.peak_rate - 300.0).abs() < 1e-6);
        assert_eq!(events.totals()[&Cause::QdiscOverflow].count, 1);
    }

    #[test]
    fn a_pause_of_a_second_parts_two_bursts_and_one_may_still_go_on() {
        let mut steps = vec![0, 5];
        steps.extend([5; 12]);
        steps.push(6);
        let list = run(&steps).list();
        let seen: Vec<_> = list
            .iter()
            .map(|event| (event.packets, event.ongoing))
            .collect();
        assert_eq!(seen, [(5, false), (1, true)]);
    }
}
