//! What can drop packets in nftables and in the older iptables (`ip_tables`, `ip6_tables`).
//!
//! The rules that `iptables-nft` writes are nftables rules; those of `iptables-legacy` live apart.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::serial::part;
use crate::{Family, Name, Part};

/// The packet filters of this network namespace.
///
/// Not looked at: ebtables-legacy, arptables-legacy, and flow offload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Firewall {
    /// nftables; empty where the kernel does not have it, since nothing can be there then.
    #[serde(with = "part", default = "part::missing")]
    pub nftables: Part<Ruleset>,
    /// `ip_tables` and `ip6_tables`; empty where the kernel has no such table.
    #[serde(with = "part", default = "part::missing")]
    pub legacy: Part<Ruleset>,
    /// Whether the rules stood still while they were listed.
    #[serde(default)]
    pub complete: bool,
}

/// What of one packet filter can drop, and its counters.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Ruleset {
    /// Every rule that ends in drop or reject, in the kernel's order.
    pub rules: Vec<DropRule>,
    /// Every base chain.
    pub chains: Vec<BaseChain>,
    /// Every named counter. `ip_tables` has none.
    pub counters: Vec<NamedCounter>,
}

/// A rule that drops or rejects what reaches its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DropRule {
    /// The chain it stands in.
    pub chain: ChainName,
    /// What tells it from the others of its table (nftables) or chain (`ip_tables`).
    pub id: RuleId,
    /// The administrator's comment.
    pub comment: Option<Name>,
    /// What it does.
    pub verdict: Verdict,
    /// What counts its drops.
    pub counted: Counted,
    /// The hooks from which packets can come to it, by jumps and gotos; none if nothing leads
    /// there or the table is dormant.
    pub hooks: Hooks,
}

/// A chain that a hook calls.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BaseChain {
    /// The chain.
    pub chain: ChainName,
    /// The hook (`NFTA_HOOK_HOOKNUM`).
    pub hook: Hook,
    /// Its place among the chains of the hook, lower first (`NFTA_HOOK_PRIORITY`). `ip_tables` does
    /// not tell it.
    pub priority: Option<i32>,
    /// What happens to packets that reach its end.
    pub policy: Policy,
    /// What the policy was applied to. `ip_tables` always counts, nftables where it was asked to.
    pub counter: Option<Count>,
    /// Whether packets pass: not in a dormant table.
    pub active: bool,
}

/// A named counter of nftables (`NFT_OBJECT_COUNTER`): what all rules that name it count together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedCounter {
    /// The family of its table.
    pub family: TableFamily,
    /// Its table.
    pub table: Name,
    /// Its name.
    pub name: Name,
    /// What it counted, dropped or not.
    pub count: Count,
}

/// A chain, by the names that lead to it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ChainName {
    /// The family of its table.
    pub family: TableFamily,
    /// Its table.
    pub table: Name,
    /// Its own name.
    pub name: Name,
}

/// What tells a rule from others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleId {
    /// nftables: the handle, unique in the table, kept for life (`NFTA_RULE_HANDLE`).
    Handle(u64),
    /// `ip_tables`: rules have no identity there.
    Line {
        /// The position in the chain, from 1, as `iptables -L --line-numbers` shows it. It moves
        /// when rules are put before it.
        line: u32,
        /// A hash of the chain and of all that the rule says, which stays when the rule moves.
        fingerprint: u64,
    },
}

/// What a rule does with a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Drops it silently.
    Drop,
    /// Drops it and tells the sender.
    Reject,
}

/// What happens at the end of a base chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Policy {
    /// The packet passes.
    Accept,
    /// The packet is dropped.
    Drop,
}

/// Packets and their bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Count {
    /// Packets.
    pub packets: u64,
    /// Bytes.
    pub bytes: u64,
}

/// What counts the drops of a rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Counted {
    /// Nothing: the rule has no counter, or further conditions stand between counter and verdict.
    No,
    /// A counter that counts exactly the packets of this rule: its own, or a named one that no
    /// other rule uses.
    Exactly(Count),
    /// A named counter that other rules use, too: what all of them counted, dropped or not.
    Together(Name, Count),
}

/// The family of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TableFamily {
    /// IPv4 (`NFPROTO_IPV4`).
    Ip,
    /// IPv6 (`NFPROTO_IPV6`).
    Ip6,
    /// IPv4 and IPv6 (`NFPROTO_INET`).
    Inet,
    /// ARP (`NFPROTO_ARP`).
    Arp,
    /// Frames that a bridge passes on (`NFPROTO_BRIDGE`).
    Bridge,
    /// Any packet at a device (`NFPROTO_NETDEV`).
    Netdev,
}

/// `handle 7` or `rule 7`.
impl fmt::Display for RuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Handle(handle) => write!(f, "handle {handle}"),
            Self::Line { line, .. } => write!(f, "rule {line}"),
        }
    }
}

impl TableFamily {
    /// Every family.
    pub const ALL: [Self; 6] = [
        Self::Ip,
        Self::Ip6,
        Self::Inet,
        Self::Arp,
        Self::Bridge,
        Self::Netdev,
    ];

    /// The word of `nft`, which is the label value.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Ip => "ip",
            Self::Ip6 => "ip6",
            Self::Inet => "inet",
            Self::Arp => "arp",
            Self::Bridge => "bridge",
            Self::Netdev => "netdev",
        }
    }

    /// Whether its chains see IP packets of this family as such: those of bridges are frames.
    pub const fn applies_to(self, family: Family) -> bool {
        match self {
            Self::Inet | Self::Netdev => true,
            Self::Ip => matches!(family, Family::V4),
            Self::Ip6 => matches!(family, Family::V6),
            Self::Arp | Self::Bridge => false,
        }
    }
}

/// A place on the packet path where chains are called. Of the families `arp` and `bridge` they are
/// places of their own, on another path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hook {
    /// At the device, before everything else (families `netdev` and `inet`).
    Ingress,
    /// Before routing.
    Prerouting,
    /// To a local socket.
    Input,
    /// Through this host.
    Forward,
    /// From a local socket.
    Output,
    /// After routing.
    Postrouting,
    /// At the device, before the queueing discipline (family `netdev`).
    Egress,
}

impl Hook {
    /// Every hook, in the order of the packet path.
    pub const ALL: [Self; 7] = [
        Self::Ingress,
        Self::Prerouting,
        Self::Input,
        Self::Forward,
        Self::Output,
        Self::Postrouting,
        Self::Egress,
    ];

    /// The word of `nft`, which is the label value.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Ingress => "ingress",
            Self::Prerouting => "prerouting",
            Self::Input => "input",
            Self::Forward => "forward",
            Self::Output => "output",
            Self::Postrouting => "postrouting",
            Self::Egress => "egress",
        }
    }
}

/// A set of hooks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Hooks(u8);

impl Hooks {
    /// No hook.
    pub const NONE: Self = Self(0);

    /// These and one more.
    #[must_use]
    pub const fn with(self, hook: Hook) -> Self {
        Self(self.0 | 1 << hook as u8)
    }

    /// These and those.
    #[must_use]
    pub const fn union(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    /// Whether a hook is among them.
    pub const fn contains(self, hook: Hook) -> bool {
        self.0 & 1 << hook as u8 != 0
    }

    /// Whether there is none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl FromIterator<Hook> for Hooks {
    fn from_iter<I: IntoIterator<Item = Hook>>(hooks: I) -> Self {
        hooks.into_iter().fold(Self::NONE, Self::with)
    }
}

impl DropRule {
    /// Whether its drops are counted exactly.
    pub const fn is_counted(&self) -> bool {
        matches!(self.counted, Counted::Exactly(_))
    }

    fn can_drop(&self, family: Family, hook: Hook) -> bool {
        self.chain.family.applies_to(family) && self.hooks.contains(hook)
    }
}

impl BaseChain {
    /// Whether packets are dropped at its end.
    pub fn drops_by_policy(&self) -> bool {
        self.active && self.policy == Policy::Drop
    }

    fn can_drop(&self, family: Family, hook: Hook) -> bool {
        self.chain.family.applies_to(family) && self.hook == hook && self.drops_by_policy()
    }
}

impl Firewall {
    /// The rule sets that could be read.
    pub fn rulesets(&self) -> impl Iterator<Item = &Ruleset> {
        [&self.nftables, &self.legacy]
            .into_iter()
            .filter_map(|part| part.as_ref().ok())
    }

    /// Whether a packet of this family can be dropped at this hook without being counted as
    /// dropped: by a rule without a counter of its own, or by a policy without counter. A rule in
    /// a regular chain is at every hook whose base chains lead to it.
    ///
    /// Speaks for what could be read; see [`Self::is_known`].
    pub fn can_drop(&self, family: Family, hook: Hook) -> bool {
        self.drops_at(family, hook, false)
    }

    /// Whether a packet of this family can be dropped at this hook by a rule or policy that counts
    /// exactly what it drops.
    pub fn can_drop_counted(&self, family: Family, hook: Hook) -> bool {
        self.drops_at(family, hook, true)
    }

    fn drops_at(&self, family: Family, hook: Hook, counted: bool) -> bool {
        self.rulesets().any(|ruleset| {
            let by_rule = ruleset
                .rules
                .iter()
                .any(|rule| rule.is_counted() == counted && rule.can_drop(family, hook));
            let by_policy = ruleset
                .chains
                .iter()
                .any(|chain| chain.counter.is_some() == counted && chain.can_drop(family, hook));
            by_rule || by_policy
        })
    }

    /// Whether a bridge can drop frames by a rule or policy of family `bridge`, counted or not.
    pub fn can_drop_in_bridges(&self) -> bool {
        let bridge = |chain: &ChainName| chain.family == TableFamily::Bridge;
        self.rulesets().any(|ruleset| {
            let mut rules = ruleset.rules.iter().filter(|rule| bridge(&rule.chain));
            let mut chains = ruleset.chains.iter().filter(|chain| bridge(&chain.chain));
            rules.any(|rule| !rule.hooks.is_empty()) || chains.any(BaseChain::drops_by_policy)
        })
    }

    /// Whether everything could be read, so that "cannot drop" is knowledge.
    pub fn is_known(&self) -> bool {
        self.complete && self.nftables.is_ok() && self.legacy.is_ok()
    }
}

#[cfg(test)]
#[path = "firewall_tests.rs"]
mod tests;
