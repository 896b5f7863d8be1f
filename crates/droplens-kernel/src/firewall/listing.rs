//! What one listing of `nf_tables` comes to: chains, rules and counters joined.

use std::collections::{HashMap, HashSet};

use droplens_model::Name;
use droplens_model::sample::firewall::{
    BaseChain, ChainName, Count, Hooks, NamedCounter, Policy, TableFamily, Verdict,
};

use super::chains::Chains;
use super::expression::{Counter, End};
use super::known::Known;
use super::message::{ChainMessage, CounterMessage, RuleMessage, TableMessage};
use super::reach;

/// A verdict map that rules ask.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct MapName {
    pub(super) family: TableFamily,
    pub(super) table: Name,
    pub(super) set: String,
}

/// A rule that drops, or may drop as its map says.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) chain: usize,
    pub(super) handle: u64,
    pub(super) comment: Option<Name>,
    pub(super) verdict: Verdict,
    pub(super) counter: CounterOf,
    map: Option<usize>,
}

impl Draft {
    /// Whether a map decides.
    pub(super) const fn is_by_map(&self) -> bool {
        self.map.is_some()
    }
}

/// Where the counter of a rule is.
#[derive(Debug)]
pub(super) enum CounterOf {
    Nowhere,
    Own(Count),
    Named(String),
}

/// What is collected while messages come in.
#[derive(Debug, Default)]
pub(super) struct Listing {
    chains: Chains,
    dormant: HashSet<(TableFamily, String)>,
    base: Vec<(usize, BaseChain)>,
    counters: Vec<(NamedCounter, u32)>,
    drafts: Vec<Draft>,
    jumps: Vec<(usize, usize)>,
    maps: Vec<MapName>,
    map_numbers: HashMap<MapName, usize>,
    /// Which chains ask which maps.
    asks: Vec<(usize, usize)>,
    /// Which maps lead to which chains.
    leads: Vec<(usize, usize)>,
    /// Which maps drop.
    dropping: HashSet<usize>,
    /// Whether maps were not looked into.
    suspect: bool,
}

impl Listing {
    pub(super) fn restart_tables(&mut self) {
        self.dormant.clear();
    }

    pub(super) fn table(&mut self, family: TableFamily, table: &TableMessage<'_>) {
        if table.dormant {
            self.dormant.insert((family, table.name.to_owned()));
        }
    }

    pub(super) fn restart_chains(&mut self) {
        self.chains = Chains::default();
        self.base.clear();
    }

    pub(super) fn chain(&mut self, family: TableFamily, message: &ChainMessage<'_>) {
        let number = self.chains.insert(family, message.table, message.name);
        let (Some((hook, priority)), Some(chain)) = (message.hook, self.chains.name(number)) else {
            return;
        };
        let active = !self.dormant.contains(&(family, message.table.to_owned()));
        self.base.push((
            number,
            BaseChain {
                chain: chain.clone(),
                hook,
                priority: Some(priority),
                policy: message.policy.unwrap_or(Policy::Accept),
                counter: message.counter,
                active,
            },
        ));
    }

    pub(super) fn restart_counters(&mut self) {
        self.counters.clear();
    }

    pub(super) fn counter(&mut self, family: TableFamily, message: &CounterMessage<'_>) {
        let before = self.counters.last().map(|(last, _)| &last.table);
        let table = match before.filter(|before| &***before == message.table) {
            Some(before) => Name::clone(before),
            None => message.table.into(),
        };
        self.counters.push((
            NamedCounter {
                family,
                table,
                name: message.name.into(),
                count: message.count,
            },
            message.uses,
        ));
    }

    pub(super) fn restart_rules(&mut self) {
        self.drafts.clear();
        self.jumps.clear();
        self.maps.clear();
        self.map_numbers.clear();
        self.asks.clear();
        self.leads.clear();
        self.dropping.clear();
    }

    pub(super) fn rule(&mut self, family: TableFamily, message: &RuleMessage<'_>) {
        let RuleMessage {
            table,
            chain,
            handle,
            comment,
            effect,
        } = *message;
        let Some(chain) = self.chains.find(family, table, chain) else {
            return;
        };
        let counter = match effect.counter {
            Counter::None => CounterOf::Nowhere,
            Counter::Own(count) => CounterOf::Own(count),
            Counter::Named(name) => CounterOf::Named(name.to_owned()),
        };
        let (verdict, map) = match effect.end {
            End::Other => return,
            End::Drop(verdict) => (verdict, None),
            End::Jump(target) => {
                if let Some(target) = self.chains.sibling(chain, target) {
                    self.jumps.push((chain, target));
                }
                return;
            }
            End::Map(set) => {
                let Some(map) = self.map(chain, set) else {
                    return;
                };
                self.asks.push((chain, map));
                (Verdict::Drop, Some(map))
            }
        };
        self.drafts.push(Draft {
            chain,
            handle,
            comment: comment.map(Name::from),
            verdict,
            counter,
            map,
        });
    }

    /// The number of the map that a chain's rule asks.
    fn map(&mut self, chain: usize, set: &str) -> Option<usize> {
        let ChainName { family, table, .. } = self.chains.name(chain)?;
        let name = MapName {
            family: *family,
            table: Name::clone(table),
            set: set.to_owned(),
        };
        if let Some(known) = self.map_numbers.get(&name) {
            return Some(*known);
        }
        let number = self.maps.len();
        self.map_numbers.insert(name.clone(), number);
        self.maps.push(name);
        Some(number)
    }

    /// The verdict maps that rules ask.
    pub(super) fn maps(&self) -> &[MapName] {
        &self.maps
    }

    pub(super) fn restart_elements(&mut self, map: usize) {
        self.leads.retain(|(from, _)| *from != map);
        self.dropping.remove(&map);
    }

    pub(super) fn element(&mut self, map: usize, end: End<'_>) {
        match end {
            End::Drop(_) => {
                self.dropping.insert(map);
            }
            End::Jump(chain) => {
                let name = self.maps.get(map);
                let found = name.and_then(|name| self.chains.find(name.family, &name.table, chain));
                if let Some(chain) = found {
                    self.leads.push((map, chain));
                }
            }
            End::Other | End::Map(_) => {}
        }
    }

    /// Takes every map for one that drops and leads to each chain of its table.
    pub(super) const fn suspect_maps(&mut self) {
        self.suspect = true;
    }

    /// Joins all that was collected.
    pub(super) fn finish(self) -> Known {
        let hooks = self.hooks();
        let mut known = Known::new(self.chains, self.base, self.counters);
        for draft in self.drafts {
            let drops = |map| self.suspect || self.dropping.contains(&map);
            if draft.map.is_none_or(drops) {
                let hooks = hooks.get(draft.chain).copied().unwrap_or_default();
                known.push(draft, hooks);
            }
        }
        known
    }

    /// The hooks from which packets come to each chain. Maps are stations on the way, and so are
    /// the tables of those maps that were not looked into.
    fn hooks(&self) -> Vec<Hooks> {
        let chains = self.chains.len();
        let map = |number: usize| chains.saturating_add(number);
        let mut tables = HashMap::<(TableFamily, &str), usize>::new();
        let mut jumps = self.jumps.clone();
        jumps.extend(self.asks.iter().map(|(chain, asked)| (*chain, map(*asked))));
        jumps.extend(self.leads.iter().map(|(from, chain)| (map(*from), *chain)));
        if self.suspect {
            let first = chains.saturating_add(self.maps.len());
            let mut station = |family, table| {
                let next = first.saturating_add(tables.len());
                *tables.entry((family, table)).or_insert(next)
            };
            for (number, name) in self.maps.iter().enumerate() {
                jumps.push((map(number), station(name.family, &name.table)));
            }
            for (number, name) in self.chains.names().iter().enumerate() {
                jumps.push((station(name.family, &name.table), number));
            }
        }
        let stations = chains
            .saturating_add(self.maps.len())
            .saturating_add(tables.len());
        let mut hooks = vec![Hooks::NONE; stations];
        for (number, base) in self.base.iter().filter(|(_, base)| base.active) {
            if let Some(hooks) = hooks.get_mut(*number) {
                *hooks = hooks.with(base.hook);
            }
        }
        reach::spread(&mut hooks, jumps);
        hooks
    }
}

#[cfg(test)]
#[path = "listing_tests.rs"]
mod tests;
