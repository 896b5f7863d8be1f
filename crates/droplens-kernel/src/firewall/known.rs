//! A rule set that is known, and how its counters are brought up to date without listing it anew.

use std::collections::HashMap;

use droplens_model::sample::firewall::{
    BaseChain, ChainName, Counted, DropRule, Hooks, NamedCounter, RuleId, Ruleset, TableFamily,
};

use super::chains::Chains;
use super::expression::Counter;
use super::listing::{CounterOf, Draft};
use super::message::{ChainMessage, CounterMessage, RuleMessage};

/// A rule set with the places of its counters.
#[derive(Debug)]
pub(super) struct Known {
    ruleset: Ruleset,
    chains: Chains,
    /// Rules with counters of their own, by chain and handle.
    rules: HashMap<(usize, u64), usize>,
    /// Rules with named counters, and these.
    named_rules: Vec<(usize, usize)>,
    /// How many rules and elements use each named counter.
    uses: Vec<u32>,
    /// Named counters, by family and name of the table, and their own.
    counters: HashMap<(TableFamily, Box<str>, Box<str>), usize>,
    /// The base chains, by number of the chain.
    base: HashMap<usize, usize>,
}

impl Known {
    /// A rule set without rules.
    pub(super) fn new(
        chains: Chains,
        base: Vec<(usize, BaseChain)>,
        counters: Vec<(NamedCounter, u32)>,
    ) -> Self {
        let (numbers, base): (Vec<_>, Vec<_>) = base.into_iter().unzip();
        let (counters, uses): (Vec<_>, Vec<_>) = counters.into_iter().unzip();
        let positions = counters.iter().enumerate().map(|(position, counter)| {
            let name = (&*counter.table, &*counter.name);
            ((counter.family, name.0.into(), name.1.into()), position)
        });
        Self {
            counters: positions.collect(),
            base: numbers.into_iter().zip(0..).collect(),
            uses,
            chains,
            rules: HashMap::new(),
            named_rules: Vec::new(),
            ruleset: Ruleset {
                rules: Vec::new(),
                chains: base,
                counters,
            },
        }
    }

    /// Adds a rule.
    pub(super) fn push(&mut self, draft: Draft, hooks: Hooks) {
        let Some(chain) = self.chains.name(draft.chain).cloned() else {
            return;
        };
        let position = self.ruleset.rules.len();
        let counted = match draft.counter {
            // Only some of what comes to a map is dropped.
            _ if draft.is_by_map() => Counted::No,
            CounterOf::Nowhere => Counted::No,
            CounterOf::Own(count) => {
                self.rules.insert((draft.chain, draft.handle), position);
                Counted::Exactly(count)
            }
            CounterOf::Named(name) => {
                let name = (chain.family, (*chain.table).into(), name.into());
                match self.counters.get(&name) {
                    Some(&counter) => {
                        self.named_rules.push((position, counter));
                        self.counted_by(counter)
                    }
                    None => Counted::No,
                }
            }
        };
        self.ruleset.rules.push(DropRule {
            chain,
            id: RuleId::Handle(draft.handle),
            comment: draft.comment,
            verdict: draft.verdict,
            counted,
            hooks,
        });
    }

    /// What a named counter says about a rule that uses it.
    fn counted_by(&self, counter: usize) -> Counted {
        let uses = self.uses.get(counter).copied().unwrap_or(u32::MAX);
        match self.ruleset.counters.get(counter) {
            Some(NamedCounter { count, .. }) if uses <= 1 => Counted::Exactly(*count),
            Some(NamedCounter { name, count, .. }) => Counted::Together(name.clone(), *count),
            None => Counted::No,
        }
    }

    /// The chains that have to be listed for the rules' own counters.
    pub(super) fn counting_chains(&self) -> Vec<ChainName> {
        let mut numbers: Vec<_> = self.rules.keys().map(|(chain, _)| *chain).collect();
        numbers.sort_unstable();
        numbers.dedup();
        let names = numbers
            .into_iter()
            .filter_map(|number| self.chains.name(number));
        names.cloned().collect()
    }

    /// Whether there are named counters.
    pub(super) fn has_counters(&self) -> bool {
        !self.ruleset.counters.is_empty()
    }

    /// Whether there are base chains that count.
    pub(super) fn has_counting_chains(&self) -> bool {
        self.ruleset
            .chains
            .iter()
            .any(|chain| chain.counter.is_some())
    }

    /// Takes in the counter of a chain.
    pub(super) fn chain(&mut self, family: TableFamily, message: &ChainMessage<'_>) {
        let number = self.chains.find(family, message.table, message.name);
        let position = number.and_then(|number| self.base.get(&number));
        if let Some(chain) = position.and_then(|at| self.ruleset.chains.get_mut(*at)) {
            chain.counter = message.counter;
        }
    }

    /// Takes in the counter of a rule.
    pub(super) fn rule(&mut self, family: TableFamily, message: &RuleMessage<'_>) {
        let Counter::Own(count) = message.effect.counter else {
            return;
        };
        let chain = self.chains.find(family, message.table, message.chain);
        let position = chain.and_then(|chain| self.rules.get(&(chain, message.handle)));
        if let Some(rule) = position.and_then(|at| self.ruleset.rules.get_mut(*at)) {
            rule.counted = Counted::Exactly(count);
        }
    }

    /// Takes in a named counter.
    pub(super) fn counter(&mut self, family: TableFamily, message: &CounterMessage<'_>) {
        let name = (family, message.table.into(), message.name.into());
        let position = self.counters.get(&name);
        if let Some(counter) = position.and_then(|at| self.ruleset.counters.get_mut(*at)) {
            counter.count = message.count;
        }
    }

    /// The rule set with the counters taken in so far.
    pub(super) fn ruleset(&mut self) -> Ruleset {
        for (rule, counter) in &self.named_rules {
            let counted = self.counted_by(*counter);
            if let Some(rule) = self.ruleset.rules.get_mut(*rule) {
                rule.counted = counted;
            }
        }
        self.ruleset.clone()
    }
}
