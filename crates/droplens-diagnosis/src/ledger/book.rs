//! Books moves of counters so that each lost packet is counted once, and never taken back.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use droplens_model::{Cause, Moment, Name, Place, Source};

use super::counter::Counter;
use super::table::{Pool, Scope, entry, feeders};

/// How long an explanation waits for the counter that contains it. A container is read at most a
/// second after what it contains; what nobody claims by then was counted by something outside
/// this host's view, such as another network namespace.
const EXPLANATION_KEEPS: Duration = Duration::from_secs(3);

/// One counter that moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Move {
    /// The counter.
    pub counter: Counter,
    /// Where it counts.
    pub place: Place,
    /// How far it moved.
    pub packets: u64,
    /// When it was read.
    pub at: Moment,
    /// Pools it feeds beyond those of the table: a driver statistic's containers differ from
    /// driver to driver.
    pub feeds: Vec<Pool>,
}

/// What the packets that a counter alone explains mean, resolved for one moment.
pub(super) trait Judge {
    /// The cause, if there is one.
    fn cause(&self, counter: Counter, place: &Place, at: Moment) -> Option<Cause>;
}

/// When each source was read last; none for one that cannot be read and need not be waited for.
pub(super) type Clock<'a> = &'a dyn Fn(Source) -> Option<Moment>;

/// Accounts of lost packets.
#[derive(Clone, Debug, Default)]
pub(super) struct Book {
    accounts: BTreeMap<(Cause, Place), u64>,
    explained: HashMap<(Pool, Place), Vec<Explained>>,
    pending: Vec<Pending>,
}

#[derive(Clone, Copy, Debug)]
struct Explained {
    packets: u64,
    at: Moment,
}

#[derive(Clone, Debug)]
struct Pending {
    counter: Counter,
    place: Place,
    packets: u64,
    at: Moment,
    pool: Pool,
}

impl Book {
    /// Packets by cause and place. None of them ever falls.
    pub(super) fn accounts(&self) -> &BTreeMap<(Cause, Place), u64> {
        &self.accounts
    }

    /// Takes in moves and books what can be booked. Moves of counters that contain others wait
    /// until those have been read at least as late.
    pub(super) fn enter(
        &mut self,
        moves: Vec<Move>,
        now: Moment,
        clock: Clock<'_>,
        judge: &dyn Judge,
    ) {
        for Move {
            counter,
            place,
            packets,
            at,
            feeds,
        } in moves
        {
            if packets == 0 {
                continue;
            }
            let entry = entry(counter);
            for &pool in entry.feeds.iter().chain(&feeds) {
                let explained = Explained { packets, at: now };
                self.explained
                    .entry((pool, scoped(pool, &place)))
                    .or_default()
                    .push(explained);
            }
            match entry.draws {
                None => self.book(counter, place, packets, at, judge),
                Some(pool) => self.pending.push(Pending {
                    counter,
                    place,
                    packets,
                    at,
                    pool,
                }),
            }
        }
        self.resolve(judge, |pending| {
            feeders(pending.pool).all(|source| clock(source).is_none_or(|read| read >= pending.at))
        });
        self.forget(now);
    }

    /// Adds the accounts of some devices to those of the host, cause by cause.
    pub(crate) fn fold(&mut self, gone: impl Fn(&Name) -> bool) {
        let is_gone = |place: &Place| place.device().is_some_and(&gone);
        let accounts = std::mem::take(&mut self.accounts);
        for ((cause, place), packets) in accounts {
            let place = if is_gone(&place) { Place::Host } else { place };
            *self.accounts.entry((cause, place)).or_default() += packets;
        }
    }

    /// Books everything that waits: nothing more will be read.
    pub(super) fn settle(&mut self, judge: &dyn Judge) {
        self.resolve(judge, |_| true);
    }

    /// The sources that pending moves wait for.
    pub(super) fn awaited(&self, clock: Clock<'_>) -> BTreeSet<Source> {
        let waiting = self.pending.iter().flat_map(|pending| {
            feeders(pending.pool)
                .filter(|source| clock(*source).is_some_and(|read| read < pending.at))
        });
        waiting.collect()
    }

    fn resolve(&mut self, judge: &dyn Judge, ready: impl Fn(&Pending) -> bool) {
        let (ready, waiting) = std::mem::take(&mut self.pending)
            .into_iter()
            .partition(ready);
        self.pending = waiting;
        let mut ready: Vec<Pending> = ready;
        // A container that is inside another one itself has fed that one already, whole.
        for Pending {
            counter,
            place,
            packets,
            at,
            pool,
        } in ready.drain(..)
        {
            let own = packets - self.draw(pool, &place, packets);
            self.book(counter, place, own, at, judge);
        }
    }

    /// Takes up to `wanted` packets out of a pool.
    fn draw(&mut self, pool: Pool, place: &Place, wanted: u64) -> u64 {
        let Some(explained) = self.explained.get_mut(&(pool, scoped(pool, place))) else {
            return 0;
        };
        let mut left = wanted;
        for part in explained.iter_mut() {
            let taken = part.packets.min(left);
            part.packets -= taken;
            left -= taken;
        }
        explained.retain(|part| part.packets > 0);
        wanted - left
    }

    fn book(&mut self, counter: Counter, place: Place, own: u64, at: Moment, judge: &dyn Judge) {
        if own == 0 {
            return;
        }
        if let Some(cause) = judge.cause(counter, &place, at) {
            let account = self.accounts.entry((cause, place)).or_default();
            *account = account.saturating_add(own);
        }
    }

    fn forget(&mut self, now: Moment) {
        let waited_for: BTreeSet<Pool> = self.pending.iter().map(|pending| pending.pool).collect();
        self.explained.retain(|(pool, _), parts| {
            if !waited_for.contains(pool) {
                parts.retain(|part| now.since(part.at) < EXPLANATION_KEEPS);
            }
            !parts.is_empty()
        });
    }
}

/// The place of a pool that a counter in this place feeds or draws from.
fn scoped(pool: Pool, place: &Place) -> Place {
    match pool.scope() {
        Scope::Host => Place::Host,
        Scope::Same => match place.device() {
            Some(device) => Place::Device(device.clone()),
            None => place.clone(),
        },
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use proptest::prelude::*;

    use super::super::table::{Meaning, TABLE};
    use super::*;

    /// Takes the table at its word.
    struct Plain;

    impl Judge for Plain {
        fn cause(&self, counter: Counter, _place: &Place, _at: Moment) -> Option<Cause> {
            match entry(counter).meaning {
                Meaning::Lost(cause) => Some(cause),
                Meaning::HeaderOrTtl => Some(Cause::HeaderErrors),
                Meaning::DownOrSendBuffer => Some(Cause::LinkDown),
                Meaning::DownOrPair => Some(Cause::VethDrop),
                Meaning::TableFullOrClash => Some(Cause::ConntrackTableFull),
                Meaning::Elsewhere => None,
            }
        }
    }

    /// Every chain of counters that one packet can move: a counter, one of its containers, one of
    /// that one's containers and so on.
    fn chains() -> Vec<Vec<Counter>> {
        let mut chains: Vec<Vec<Counter>> = TABLE.iter().map(|entry| vec![entry.counter]).collect();
        let mut next = 0;
        while let Some(chain) = chains.get(next).cloned() {
            next += 1;
            let outermost = entry(*chain.last().unwrap());
            for pool in outermost.feeds {
                for container in TABLE.iter().filter(|other| other.draws == Some(*pool)) {
                    let mut longer = chain.clone();
                    longer.push(container.counter);
                    chains.push(longer);
                }
            }
        }
        // A packet moves all of its containers or the story is not over.
        chains.retain(|chain| entry(*chain.last().unwrap()).feeds.is_empty());
        chains.retain(|chain| entry(chain[0]).meaning != Meaning::Elsewhere);
        chains
    }

    fn place(counter: Counter) -> Place {
        match counter {
            Counter::Protocol(protocol) if protocol.source == Source::Snmp6 => {
                Place::Family(droplens_model::Family::V6)
            }
            _ => Place::Device(Name::from("eth0")),
        }
    }

    proptest! {
        /// Packets are lost at random; each moves a counter and everything that contains it. The
        /// sources are read in any order and skip rounds. In the end every packet is booked once.
        #[test]
        fn each_packet_is_booked_once_whatever_the_order_of_reading(
            losses in prop::collection::vec((any::<prop::sample::Index>(), 1_u64..50, 0_u64..20), 1..40),
            skipped in prop::collection::vec(any::<bool>(), 20 * Source::ALL.len()),
        ) {
            let chains = chains();
            let mut book = Book::default();
            let mut counters: HashMap<Counter, u64> = HashMap::new();
            let mut read: HashMap<Counter, u64> = HashMap::new();
            let times: RefCell<HashMap<Source, Moment>> = RefCell::default();
            let clock = |source: Source| Some(times.borrow().get(&source).copied().unwrap_or_default());
            let mut total = 0;
            let mut before = BTreeMap::new();
            // Rounds are 100 ms; the last two read everything.
            for round in 0..22_u64 {
                for (chain, packets, _) in losses.iter().filter(|loss| loss.2 == round) {
                    total += packets;
                    for counter in chain.get(&chains) {
                        *counters.entry(*counter).or_default() += packets;
                    }
                }
                let now = Moment(Duration::from_millis(100 * (round + 1)));
                let mut moves = Vec::new();
                for (number, source) in Source::ALL.iter().enumerate() {
                    let at = usize::try_from(round).unwrap() * Source::ALL.len() + number;
                    if round < 20 && skipped[at] {
                        continue;
                    }
                    times.borrow_mut().insert(*source, now);
                    for (counter, value) in counters.iter().filter(|(counter, _)| counter.source() == *source) {
                        let last = read.insert(*counter, *value).unwrap_or(0);
                        moves.push(Move {
                            counter: *counter,
                            place: place(*counter),
                            packets: value - last,
                            at: now,
                            feeds: vec![],
                        });
                    }
                }
                book.enter(moves, now, &clock, &Plain);
                for (account, packets) in &before {
                    prop_assert!(book.accounts()[account] >= *packets, "{account:?} fell");
                }
                before.clone_from(book.accounts());
            }
            book.settle(&Plain);
            prop_assert_eq!(book.accounts().values().sum::<u64>(), total);
        }
    }

    #[test]
    fn a_container_waits_for_what_it_contains_and_names_it() {
        let mut book = Book::default();
        let at = |millis| Moment(Duration::from_millis(millis));
        let moved = |counter, packets, millis| Move {
            counter,
            place: Place::Device("eth0".into()),
            packets,
            at: at(millis),
            feeds: vec![],
        };
        let early = |source| Some(at(if source == Source::Driver { 50 } else { 100 }));
        book.enter(
            vec![moved(Counter::CardMissed, 10, 100)],
            at(100),
            &early,
            &Plain,
        );
        assert!(book.accounts().is_empty());
        assert_eq!(book.awaited(&early), BTreeSet::from([Source::Driver]));

        let late = |_| Some(at(200));
        let mut driver = moved(Counter::Driver(Cause::CloudAllowanceExceeded), 7, 200);
        driver.feeds = vec![Pool::CardMissed];
        book.enter(vec![driver], at(200), &late, &Plain);
        let booked: Vec<_> = book
            .accounts()
            .iter()
            .map(|((cause, _), packets)| (*cause, *packets))
            .collect();
        assert_eq!(
            booked,
            [
                (Cause::NicRxRingOverflow, 3),
                (Cause::CloudAllowanceExceeded, 7)
            ]
        );
    }

    #[test]
    fn an_explanation_that_nobody_claims_hides_nothing_later() {
        let mut book = Book::default();
        let clock = |_| None;
        let at = |secs| Moment(Duration::from_secs(secs));
        let moved = |counter, secs| Move {
            counter,
            place: Place::Host,
            packets: 5,
            at: at(secs),
            feeds: vec![],
        };
        // Another namespace's packets were dropped by the backlog of a CPU.
        book.enter(
            vec![moved(Counter::SoftnetDropped, 1)],
            at(1),
            &clock,
            &Plain,
        );
        book.enter(vec![], at(10), &clock, &Plain);
        book.enter(
            vec![moved(Counter::VethTransmitDropped, 11)],
            at(11),
            &clock,
            &Plain,
        );
        assert_eq!(
            book.accounts()[&(Cause::VethDrop, Place::Host)],
            5,
            "the pair's own drops"
        );
    }
}
