//! Packet filters.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use droplens_model::sample::firewall::{
    BaseChain, ChainName, Counted, DropRule, Firewall, Hook, NamedCounter, Policy, RuleId,
    TableFamily,
};
use droplens_model::{Name, Source};

use crate::Origin;
use crate::encoder::{Encoder, Label};
use crate::family::families;
use crate::tally::Tally;

/// The most series of one family that has no bound of its own.
const MOST: usize = 64;

families! {
    Origin::Source(Source::Firewall);
    READABLE: Gauge "droplens_firewall_readable" ["filter"] Constant(2),
        "Whether the rules of nftables (iptables-nft included) and of iptables-legacy could be read; it takes CAP_NET_ADMIN, and for iptables-legacy to be root. What the kernel does not have is empty and readable.";
    DROPS: Counter "droplens_firewall_drop_packets_total" ["family", "table", "chain", "rule"] Constant(65),
        "Packets dropped or rejected by rules and policies that count exactly these, by comment or else handle or position of the rule; equal ones together, those beyond 64 as rule other, policies as rule policy (NFTA_COUNTER_PACKETS, xt_counters pcnt).";
    RULES: Gauge "droplens_firewall_drop_rules" ["family", "hook", "counted"] Constant(93),
        "Rules that drop or reject packets at the hook (none: nothing leads there), by whether their drops are counted: yes, no, or together with other rules in a named counter (NFT_MSG_GETRULE, IPT_SO_GET_ENTRIES).";
    POLICIES: Gauge "droplens_firewall_policy_drop" ["family", "table", "chain"] Constant(64),
        "Base chains that drop what no rule decided about; the first 64 (NFTA_CHAIN_POLICY).";
    COUNTERS: Counter "droplens_firewall_named_packets_total" ["family", "table", "name"] Constant(65),
        "Packets counted by named counters, dropped or not; those beyond 64 together as name other (NFT_OBJECT_COUNTER).";
}

/// Which rules and named counters have series of their own.
#[derive(Debug)]
pub(crate) struct Rules {
    drops: Tally<(ChainName, RuleName), (ChainName, Member)>,
    counters: Tally<(TableFamily, Name, Name), (TableFamily, Name, Name)>,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            drops: Tally::new(MOST),
            counters: Tally::new(MOST),
        }
    }
}

/// What the label `rule` says.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum RuleName {
    Text(Name),
    Handle(u64),
    Line(u32),
}

/// What tells the counters of one chain name from each other, over time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Member {
    Handle(u64),
    Fingerprint(u64),
    /// Both filters may have a chain of this name.
    Policy {
        legacy: bool,
    },
}

impl RuleName {
    fn of(rule: &DropRule) -> Self {
        // A comment must not be taken for the number of another rule.
        let imitates = |text: &Name| text.starts_with("handle ") || text.starts_with("rule ");
        match (&rule.comment, rule.id) {
            (Some(comment), _) if !imitates(comment) => Self::Text(Name::clone(comment)),
            (_, RuleId::Handle(handle)) => Self::Handle(handle),
            (_, RuleId::Line { line, .. }) => Self::Line(line),
        }
    }

    fn label(&self) -> Label<'_> {
        match self {
            Self::Text(text) => text.into(),
            Self::Handle(handle) => Label::Numbered("handle", *handle),
            Self::Line(line) => Label::Numbered("rule", u64::from(*line)),
        }
    }
}

const fn member(id: RuleId) -> Member {
    match id {
        RuleId::Handle(handle) => Member::Handle(handle),
        RuleId::Line {
            line: _,
            fingerprint,
        } => Member::Fingerprint(fingerprint),
    }
}

pub(super) fn encode(
    firewall: &Firewall,
    rules: &mut Rules,
    encoder: &mut Encoder<'_>,
) -> fmt::Result {
    let Firewall {
        nftables,
        legacy,
        complete: _,
    } = firewall;
    encoder.series(
        &READABLE,
        [
            (["nftables".into()], nftables.is_ok()),
            (["iptables-legacy".into()], legacy.is_ok()),
        ],
    )?;
    encode_drops(firewall, &mut rules.drops, encoder)?;
    encode_rules(firewall, encoder)?;
    encode_policies(firewall, encoder)?;
    encode_counters(firewall, &mut rules.counters, encoder)
}

fn encode_drops(
    firewall: &Firewall,
    drops: &mut Tally<(ChainName, RuleName), (ChainName, Member)>,
    encoder: &mut Encoder<'_>,
) -> fmt::Result {
    let mut counted = Vec::new();
    for (part, legacy) in [(&firewall.nftables, false), (&firewall.legacy, true)] {
        let Ok(ruleset) = part else { continue };
        for rule in &ruleset.rules {
            if let Counted::Exactly(count) = rule.counted {
                let name = RuleName::of(rule);
                counted.push((&rule.chain, name, member(rule.id), count.packets));
            }
        }
        let policies = ruleset
            .chains
            .iter()
            .filter(|chain| chain.drops_by_policy());
        for BaseChain { chain, counter, .. } in policies {
            if let Some(count) = counter {
                let name = RuleName::Text("policy".into());
                counted.push((chain, name, Member::Policy { legacy }, count.packets));
            }
        }
    }
    drops.start(counted.len());
    for (chain, name, member, packets) in counted {
        drops.observe((chain.clone(), name), (chain.clone(), member), packets);
    }
    drops.finish();
    encoder.family(DROPS.descriptor(), |series| {
        for ((chain, rule), packets) in drops.shown() {
            let [family, table, chain] = labels(chain);
            series.push([family, table, chain, rule.label()], packets)?;
        }
        match drops.others() {
            Some(packets) => {
                let nowhere = Label::Text("");
                series.push([nowhere, nowhere, nowhere, "other".into()], packets)
            }
            None => Ok(()),
        }
    })
}

fn encode_rules(firewall: &Firewall, encoder: &mut Encoder<'_>) -> fmt::Result {
    // For each family and hook that has base chains, and for rules to which nothing leads.
    let mut sums = BTreeMap::<(TableFamily, Option<Hook>), [u64; 3]>::new();
    for ruleset in firewall.rulesets() {
        for chain in &ruleset.chains {
            sums.entry((chain.chain.family, Some(chain.hook)))
                .or_default();
        }
        for rule in &ruleset.rules {
            let hooks = Hook::ALL
                .into_iter()
                .filter(|hook| rule.hooks.contains(*hook));
            let nowhere = rule.hooks.is_empty().then_some(None);
            for hook in hooks.map(Some).chain(nowhere) {
                let [yes, no, together] = sums.entry((rule.chain.family, hook)).or_default();
                let sum = match rule.counted {
                    Counted::Exactly(_) => yes,
                    Counted::No => no,
                    Counted::Together(..) => together,
                };
                *sum = sum.saturating_add(1);
            }
        }
    }
    encoder.family(RULES.descriptor(), |series| {
        for ((family, hook), sums) in &sums {
            let hook = hook.map_or("none", Hook::id);
            for (counted, sum) in ["yes", "no", "together"].into_iter().zip(sums) {
                series.push([family.id().into(), hook.into(), counted.into()], *sum)?;
            }
        }
        Ok(())
    })
}

fn encode_policies(firewall: &Firewall, encoder: &mut Encoder<'_>) -> fmt::Result {
    let dropping = firewall.rulesets().flat_map(|ruleset| {
        ruleset.chains.iter().filter_map(|base| {
            let BaseChain {
                chain,
                hook: _,     // chains are told by name
                priority: _, // reports name it
                policy,
                counter: _, // written as rule "policy"
                active,
            } = base;
            (*active && *policy == Policy::Drop).then_some(chain)
        })
    });
    // Both filters may have a chain of the same name.
    let dropping: BTreeSet<&ChainName> = dropping.collect();
    let dropping = dropping.into_iter().take(MOST);
    encoder.series(&POLICIES, dropping.map(|chain| (labels(chain), 1_u64)))
}

fn encode_counters(
    firewall: &Firewall,
    tally: &mut Tally<(TableFamily, Name, Name), (TableFamily, Name, Name)>,
    encoder: &mut Encoder<'_>,
) -> fmt::Result {
    let all = || {
        let rulesets = firewall.rulesets();
        rulesets.flat_map(|ruleset| &ruleset.counters)
    };
    tally.start(all().count());
    for counter in all() {
        let NamedCounter {
            family,
            table,
            name,
            count,
        } = counter;
        let key = (*family, Name::clone(table), Name::clone(name));
        tally.observe(key.clone(), key, count.packets);
    }
    tally.finish();
    encoder.family(COUNTERS.descriptor(), |series| {
        for ((family, table, name), packets) in tally.shown() {
            series.push([family.id().into(), table.into(), name.into()], packets)?;
        }
        match tally.others() {
            Some(packets) => {
                let nowhere = Label::Text("");
                series.push([nowhere, nowhere, "other".into()], packets)
            }
            None => Ok(()),
        }
    })
}

fn labels(chain: &ChainName) -> [Label<'_>; 3] {
    let ChainName {
        family,
        table,
        name,
    } = chain;
    [family.id().into(), table.into(), name.into()]
}
