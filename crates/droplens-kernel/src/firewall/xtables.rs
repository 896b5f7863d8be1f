//! The entries of an `ip_tables` or `ip6_tables` table, as the kernel shows them: one block of
//! `struct ipt_entry` or `struct ip6t_entry`, each with its matches and its target. Structures have
//! the layout of this process's architecture, into which the kernel puts them.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::mem::offset_of;

use droplens_model::sample::firewall::{
    BaseChain, ChainName, Count, Counted, DropRule, Hook, Hooks, Policy, RuleId, Ruleset,
    TableFamily, Verdict,
};
use droplens_model::{Family, Name};

use super::reach;
use crate::error::ParseError;
use crate::netlink::{u16_at, u32_at, u64_at};

/// `NF_INET_NUMHOOKS`, in its order.
const HOOKS: [(Hook, &str); 5] = [
    (Hook::Prerouting, "PREROUTING"),
    (Hook::Input, "INPUT"),
    (Hook::Forward, "FORWARD"),
    (Hook::Output, "OUTPUT"),
    (Hook::Postrouting, "POSTROUTING"),
];

/// Bytes of `struct xt_entry_match` and `struct xt_entry_target` before their data.
const EXTENSION: usize = 32;
/// Where their name is, with room for `XT_EXTENSION_MAXNAMELEN` bytes.
const EXTENSION_NAME: std::ops::Range<usize> = 2..31;
/// The target's verdict: `-NF_DROP - 1`.
const DROP: i32 = -1;

/// `struct ipt_entry`, as far as its layout goes.
#[repr(C)]
struct Entry4 {
    address: [u32; 21],
    cache: u32,
    target_offset: u16,
    next_offset: u16,
    come_from: u32,
    packets: u64,
    bytes: u64,
}

/// `struct ip6t_entry`, as far as its layout goes.
#[repr(C)]
struct Entry6 {
    address: [u32; 34],
    cache: u32,
    target_offset: u16,
    next_offset: u16,
    come_from: u32,
    packets: u64,
    bytes: u64,
}

/// Where the parts of an entry are.
#[derive(Clone, Copy, Debug)]
struct Layout {
    /// Bytes of the addresses, devices and protocol it is about, at the start.
    address: usize,
    target_offset: usize,
    next_offset: usize,
    packets: usize,
    bytes: usize,
    /// Bytes before the matches.
    length: usize,
}

macro_rules! layout {
    ($entry:ident) => {
        Layout {
            address: offset_of!($entry, cache),
            target_offset: offset_of!($entry, target_offset),
            next_offset: offset_of!($entry, next_offset),
            packets: offset_of!($entry, packets),
            bytes: offset_of!($entry, bytes),
            length: size_of::<$entry>(),
        }
    };
}

/// What `struct ipt_getinfo` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Info {
    valid_hooks: u32,
    hook_entry: [u32; 5],
    underflow: [u32; 5],
    entries: u32,
    /// Bytes of all entries.
    pub(super) size: u32,
}

impl Info {
    /// Parses `struct ipt_getinfo`.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        let word = |index: usize| u32_at(bytes, 32 + 4 * index);
        let five = |start: usize| -> Option<[u32; 5]> {
            let mut words = [0; 5];
            for (index, to) in words.iter_mut().enumerate() {
                *to = word(start + index)?;
            }
            Some(words)
        };
        let parse = || {
            Some(Self {
                valid_hooks: word(0)?,
                hook_entry: five(1)?,
                underflow: five(6)?,
                entries: word(11)?,
                size: word(12)?,
            })
        };
        parse().ok_or(ParseError::new("ipt_getinfo is too short"))
    }

    /// The hooks that the table has, with the name of its chain and the numbers of its first and
    /// last byte.
    fn hooks(&self) -> impl Iterator<Item = (Hook, &'static str, u32, u32)> {
        let ends = self.hook_entry.into_iter().zip(self.underflow);
        let hooks = HOOKS.into_iter().zip(ends).zip(0..);
        let valid = self.valid_hooks;
        hooks
            .filter(move |(_, bit)| valid & 1 << bit != 0)
            .map(|(((hook, name), (start, end)), _)| (hook, name, start, end))
    }
}

/// One entry.
#[derive(Clone, Copy, Debug)]
struct Entry<'a> {
    start: u32,
    next: u32,
    address: &'a [u8],
    matches: &'a [u8],
    target: &'a str,
    /// What follows the target's header.
    data: &'a [u8],
    count: Count,
}

impl<'a> Entry<'a> {
    /// The entry that starts at this byte of the block.
    fn parse(block: &'a [u8], start: u32, layout: Layout) -> Result<Self, ParseError> {
        const SHORT: ParseError = ParseError::new("entry is longer than its table");
        let bytes = usize::try_from(start)
            .ok()
            .and_then(|start| block.get(start..));
        let bytes = bytes.ok_or(SHORT)?;
        let target = u16_at(bytes, layout.target_offset).ok_or(SHORT)?;
        let next = u16_at(bytes, layout.next_offset).ok_or(SHORT)?;
        let bytes = bytes.get(..usize::from(next)).ok_or(SHORT)?;
        let matches = bytes.get(layout.length..usize::from(target)).ok_or(SHORT)?;
        let target = bytes.get(usize::from(target)..).ok_or(SHORT)?;
        let number = |at| u64_at(bytes, at).ok_or(SHORT);
        Ok(Self {
            start,
            next: start.checked_add(u32::from(next)).ok_or(SHORT)?,
            address: bytes.get(..layout.address).ok_or(SHORT)?,
            matches,
            target: name(target).ok_or(SHORT)?,
            data: target.get(EXTENSION..).ok_or(SHORT)?,
            count: Count {
                packets: number(layout.packets)?,
                bytes: number(layout.bytes)?,
            },
        })
    }

    /// The verdict of the standard target, which has no name: below zero a verdict, else the byte
    /// where to go on.
    fn verdict(&self) -> Option<i32> {
        (self.target.is_empty())
            .then(|| u32_at(self.data, 0))
            .flatten()
            .map(u32::cast_signed)
    }

    fn drops(&self) -> Option<Verdict> {
        match (self.target, self.verdict()) {
            (_, Some(DROP)) => Some(Verdict::Drop),
            ("REJECT", _) => Some(Verdict::Reject),
            _ => None,
        }
    }

    /// Where it jumps or goes; not if that is the next entry, which is what a rule without a target
    /// says.
    fn jump(&self) -> Option<u32> {
        let target = self
            .verdict()
            .and_then(|verdict| u32::try_from(verdict).ok());
        target.filter(|target| *target != self.next)
    }

    /// The chain that starts behind this entry, if it says so.
    fn heads(&self) -> Option<&'a str> {
        (self.target == "ERROR").then(|| text(self.data)).flatten()
    }

    /// What the match `comment` says.
    fn comment(&self) -> Option<&'a str> {
        let mut rest = self.matches;
        while let Some(size) = u16_at(rest, 0).map(usize::from) {
            let extension = rest.get(..size)?;
            if name(extension)? == "comment" {
                return text(extension.get(EXTENSION..)?).filter(|text| !text.is_empty());
            }
            rest = rest.get(size..)?;
        }
        None
    }

    /// A hash of all that the rule says.
    fn fingerprint(&self, chain: &str) -> u64 {
        let mut hasher = DefaultHasher::new();
        (chain, self.address, self.matches, self.target, self.data).hash(&mut hasher);
        hasher.finish()
    }
}

/// The name in a match or target.
fn name(extension: &[u8]) -> Option<&str> {
    text(extension.get(EXTENSION_NAME)?)
}

/// Text up to the first NUL; none if it is not text.
fn text(bytes: &[u8]) -> Option<&str> {
    let end = bytes.iter().position(|byte| *byte == 0);
    std::str::from_utf8(bytes.get(..end.unwrap_or(bytes.len()))?).ok()
}

/// Parses the entries of a table.
pub(super) fn parse(
    family: Family,
    table: &str,
    info: &Info,
    block: &[u8],
) -> Result<Ruleset, ParseError> {
    let (family, layout) = match family {
        Family::V4 => (TableFamily::Ip, layout!(Entry4)),
        Family::V6 => (TableFamily::Ip6, layout!(Entry6)),
    };
    let mut tables = Table::new(family, table, *info);
    let mut start = 0;
    let mut left = info.entries;
    while left > 0 && usize::try_from(start).is_ok_and(|start| start < block.len()) {
        let entry = Entry::parse(block, start, layout)?;
        tables.add(&entry);
        start = entry.next;
        left -= 1;
    }
    if left > 0 {
        return Err(ParseError::new("table has fewer entries than it says"));
    }
    Ok(tables.finish())
}

/// What is known of a table while its entries are walked.
#[derive(Debug)]
struct Table {
    family: TableFamily,
    name: Name,
    info: Info,
    chains: Vec<ChainName>,
    hooks: Vec<Hooks>,
    /// The chains by their first byte.
    starts: HashMap<u32, usize>,
    /// Chains and the bytes to which they jump.
    jumps: Vec<(usize, u32)>,
    /// The position of the last rule in its chain.
    line: u32,
    /// How many equal rules there were.
    equals: HashMap<u64, u32>,
    ruleset: Ruleset,
    /// Which chain each rule is in.
    chain_of: Vec<usize>,
}

impl Table {
    fn new(family: TableFamily, name: &str, info: Info) -> Self {
        Self {
            family,
            name: name.into(),
            info,
            chains: Vec::new(),
            hooks: Vec::new(),
            starts: HashMap::new(),
            jumps: Vec::new(),
            line: 0,
            equals: HashMap::new(),
            ruleset: Ruleset::default(),
            chain_of: Vec::new(),
        }
    }

    fn begin(&mut self, start: u32, name: &str, hooks: Hooks) {
        self.starts.insert(start, self.chains.len());
        self.chains.push(ChainName {
            family: self.family,
            table: Name::clone(&self.name),
            name: name.into(),
        });
        self.hooks.push(hooks);
        self.line = 0;
    }

    fn add(&mut self, entry: &Entry<'_>) {
        let first = self
            .info
            .hooks()
            .find(|(_, _, start, _)| *start == entry.start);
        if let Some((hook, name, ..)) = first {
            self.begin(entry.start, name, Hooks::NONE.with(hook));
        }
        if let Some(name) = entry.heads() {
            self.begin(entry.next, name, Hooks::NONE);
            return;
        }
        let Some(chain) = self.chains.last() else {
            return;
        };
        let drops = entry.drops();
        let last = self.info.hooks().find(|(.., end)| *end == entry.start);
        if let Some((hook, ..)) = last {
            self.ruleset.chains.push(BaseChain {
                chain: chain.clone(),
                hook,
                priority: None,
                policy: drops.map_or(Policy::Accept, |_| Policy::Drop),
                counter: Some(entry.count),
                active: true,
            });
            return;
        }
        self.line = self.line.saturating_add(1);
        let number = self.chains.len() - 1;
        if let Some(target) = entry.jump() {
            self.jumps.push((number, target));
        }
        let Some(verdict) = drops else {
            return;
        };
        let mut fingerprint = entry.fingerprint(&chain.name);
        let equal = self.equals.entry(fingerprint).or_default();
        fingerprint = fingerprint.wrapping_add(u64::from(*equal));
        *equal = equal.saturating_add(1);
        self.chain_of.push(number);
        self.ruleset.rules.push(DropRule {
            chain: chain.clone(),
            id: RuleId::Line {
                line: self.line,
                fingerprint,
            },
            comment: entry.comment().map(Name::from),
            verdict,
            counted: Counted::Exactly(entry.count),
            hooks: Hooks::NONE,
        });
    }

    fn finish(mut self) -> Ruleset {
        let starts = &self.starts;
        let jump = |(from, to): &(usize, u32)| Some((*from, *starts.get(to)?));
        let jumps = self.jumps.iter().filter_map(jump).collect();
        reach::spread(&mut self.hooks, jumps);
        for (rule, chain) in self.ruleset.rules.iter_mut().zip(&self.chain_of) {
            rule.hooks = self.hooks.get(*chain).copied().unwrap_or_default();
        }
        self.ruleset
    }
}

#[cfg(test)]
#[path = "xtables_tests.rs"]
mod tests;
