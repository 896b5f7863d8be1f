//! How far the counters of firewall rules moved.

use super::pairs::pairs;
use super::{Delta, both, step};
use crate::sample::firewall::{BaseChain, Counted, DropRule, Firewall, Hooks, RuleId, Ruleset};
use crate::{Name, Place};

/// A rule or policy that counts exactly what it drops, between two readings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleDelta {
    /// [`Place::Rule`]: the rule by its comment, else by its handle or position.
    pub place: Place,
    /// The hooks at which it drops.
    pub hooks: Hooks,
    /// Packets dropped.
    pub packets: u64,
}

impl Delta<'_> {
    /// The rules and policies that dropped; none if the rules were not read again.
    pub fn firewall(&self) -> Vec<RuleDelta> {
        let Some((from, to)) = both(&self.from.firewall, &self.to.firewall) else {
            return Vec::new();
        };
        let part = |ruleset: fn(&Firewall) -> Option<&Ruleset>| (ruleset(from), ruleset(to));
        let nftables = part(|firewall| firewall.nftables.as_ref().ok());
        let legacy = part(|firewall| firewall.legacy.as_ref().ok());
        let mut moved = Vec::new();
        for (from, to) in [nftables, legacy] {
            if let (Some(from), Some(to)) = (from, to) {
                rules(from, to, &mut moved);
                policies(from, to, &mut moved);
            }
        }
        moved
    }
}

fn rules(from: &Ruleset, to: &Ruleset, moved: &mut Vec<RuleDelta>) {
    let key = |rule: &DropRule| (rule.chain.clone(), identity(rule.id));
    for (from, to) in pairs(&from.rules, &to.rules, key) {
        let before = from.map_or(0, exactly);
        let packets = step(before, exactly(to));
        if packets > 0 {
            let rule = to.comment.clone().unwrap_or_else(|| number(to.id));
            moved.push(RuleDelta {
                place: Place::Rule {
                    family: to.chain.family.id().into(),
                    table: to.chain.table.clone(),
                    chain: to.chain.name.clone(),
                    rule,
                },
                hooks: to.hooks,
                packets,
            });
        }
    }
}

fn policies(from: &Ruleset, to: &Ruleset, moved: &mut Vec<RuleDelta>) {
    let counted = |chain: &BaseChain| match chain.counter {
        Some(count) if chain.drops_by_policy() => count.packets,
        _ => 0,
    };
    for (from, to) in pairs(&from.chains, &to.chains, |chain| chain.chain.clone()) {
        let packets = step(from.map_or(0, counted), counted(to));
        if packets > 0 {
            moved.push(RuleDelta {
                place: Place::Rule {
                    family: to.chain.family.id().into(),
                    table: to.chain.table.clone(),
                    chain: to.chain.name.clone(),
                    rule: "policy".into(),
                },
                hooks: Hooks::NONE.with(to.hook),
                packets,
            });
        }
    }
}

const fn exactly(rule: &DropRule) -> u64 {
    match &rule.counted {
        Counted::Exactly(count) => count.packets,
        _ => 0,
    }
}

/// What stays the same while a rule lives.
const fn identity(id: RuleId) -> (bool, u64) {
    match id {
        RuleId::Handle(handle) => (false, handle),
        RuleId::Line { fingerprint, .. } => (true, fingerprint),
    }
}

fn number(id: RuleId) -> Name {
    match id {
        RuleId::Handle(handle) => format!("handle {handle}").into(),
        RuleId::Line { line, .. } => format!("rule {line}").into(),
    }
}
