//! The names of chains, and their numbers.

use std::collections::HashMap;
use std::fmt::Write;

use droplens_model::Name;
use droplens_model::sample::firewall::{ChainName, TableFamily};

/// The names of chains, numbered in the kernel's order. Rules come chain by chain, so the last one
/// found is tried first.
#[derive(Debug, Default)]
pub(super) struct Chains {
    names: Vec<ChainName>,
    numbers: HashMap<String, usize>,
    key: String,
    last: Option<usize>,
}

impl Chains {
    /// The number of a chain, a new one if it has none yet.
    pub(super) fn insert(&mut self, family: TableFamily, table: &str, name: &str) -> usize {
        if let Some(known) = self.find(family, table, name) {
            return known;
        }
        let before = self.names.last().map(|last| &last.table);
        let table = match before.filter(|before| &***before == table) {
            Some(before) => Name::clone(before),
            None => table.into(),
        };
        self.names.push(ChainName {
            family,
            table,
            name: name.into(),
        });
        let number = self.names.len() - 1;
        self.numbers.insert(self.key.clone(), number);
        number
    }

    /// The number of a chain.
    pub(super) fn find(&mut self, family: TableFamily, table: &str, name: &str) -> Option<usize> {
        if let Some(chain) = self.last.and_then(|last| self.names.get(last))
            && (chain.family, &*chain.table, &*chain.name) == (family, table, name)
        {
            return self.last;
        }
        self.key.clear();
        // Writing to a String cannot fail; names contain no NUL.
        let _ok = write!(self.key, "{}\0{table}\0{name}", family.id());
        self.last = self.numbers.get(&self.key).copied();
        self.last
    }

    /// How many there are.
    pub(super) const fn len(&self) -> usize {
        self.names.len()
    }

    /// All names, in the order of their numbers.
    pub(super) fn names(&self) -> &[ChainName] {
        &self.names
    }

    /// The name of a chain.
    pub(super) fn name(&self, number: usize) -> Option<&ChainName> {
        self.names.get(number)
    }

    /// The chain of this name in the same table as another one.
    pub(super) fn sibling(&mut self, number: usize, name: &str) -> Option<usize> {
        let ChainName { family, table, .. } = self.names.get(number)?.clone();
        self.find(family, &table, name)
    }
}
