//! Packet filters of a host made up for tests.

use droplens_model::sample::firewall::{
    BaseChain, ChainName, Count, Counted, DropRule, Firewall, Hook, Hooks, NamedCounter, Policy,
    RuleId, Ruleset, TableFamily, Verdict,
};

use super::Size;

fn chain(family: TableFamily, table: &str, name: &str) -> ChainName {
    ChainName {
        family,
        table: table.into(),
        name: name.into(),
    }
}

fn count(packets: u64) -> Count {
    Count {
        packets,
        bytes: 100 * packets,
    }
}

fn base(chain: ChainName, policy: Policy, counter: Option<Count>) -> BaseChain {
    BaseChain {
        chain,
        hook: Hook::Input,
        priority: Some(0),
        policy,
        counter,
        active: true,
    }
}

fn rule(chain: &ChainName, id: RuleId, comment: Option<&str>, counted: Counted) -> DropRule {
    DropRule {
        chain: chain.clone(),
        id,
        comment: comment.map(Into::into),
        verdict: Verdict::Drop,
        counted,
        hooks: Hooks::NONE.with(Hook::Input),
    }
}

pub(super) fn firewall(size: Size) -> Firewall {
    let inet = chain(TableFamily::Inet, "t", "in");
    let legacy = chain(TableFamily::Ip, "filter", "INPUT");
    let exactly = |packets| Counted::Exactly(count(packets));
    let mut rules: Vec<_> = (0..size.rules)
        .map(|number| rule(&inet, RuleId::Handle(number), None, exactly(number)))
        .collect();
    rules.extend([
        rule(&inet, RuleId::Handle(5_000), Some("say \"no\""), exactly(7)),
        rule(&inet, RuleId::Handle(5_001), Some("say \"no\""), exactly(8)),
        rule(&inet, RuleId::Handle(5_002), Some("handle 1"), exactly(9)),
        rule(&inet, RuleId::Handle(5_003), None, Counted::No),
        DropRule {
            hooks: Hooks::NONE,
            ..rule(
                &inet,
                RuleId::Handle(5_004),
                None,
                Counted::Together("seen".into(), count(3)),
            )
        },
    ]);
    let line = |line: u32| RuleId::Line {
        line,
        fingerprint: u64::from(line),
    };
    let lines = (0..u32::try_from(size.rules).unwrap()).map(line);
    let counter = |number: u64| NamedCounter {
        family: TableFamily::Inet,
        table: "t".into(),
        name: format!("seen{number}").into(),
        count: count(number),
    };
    Firewall {
        nftables: Ok(Ruleset {
            rules,
            chains: vec![
                base(inet, Policy::Drop, None),
                base(legacy.clone(), Policy::Drop, Some(count(2))),
            ],
            counters: (0..size.rules).map(counter).collect(),
        }),
        legacy: Ok(Ruleset {
            rules: lines
                .map(|id| rule(&legacy, id, None, exactly(1)))
                .collect(),
            chains: vec![base(legacy, Policy::Drop, Some(count(4)))],
            counters: Vec::new(),
        }),
        complete: true,
    }
}
