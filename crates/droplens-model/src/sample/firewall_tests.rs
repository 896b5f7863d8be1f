use super::*;
use crate::{Failure, Reason};

fn chain(family: TableFamily) -> ChainName {
    ChainName {
        family,
        table: "t".into(),
        name: "c".into(),
    }
}

fn rule(family: TableFamily, hooks: &[Hook], counted: Counted) -> DropRule {
    DropRule {
        chain: chain(family),
        id: RuleId::Handle(1),
        comment: None,
        verdict: Verdict::Drop,
        counted,
        hooks: hooks.iter().copied().collect(),
    }
}

fn policy(family: TableFamily, hook: Hook, policy: Policy, counter: Option<Count>) -> BaseChain {
    BaseChain {
        chain: chain(family),
        hook,
        priority: Some(0),
        policy,
        counter,
        active: true,
    }
}

fn firewall(rules: Vec<DropRule>, chains: Vec<BaseChain>) -> Firewall {
    Firewall {
        nftables: Ok(Ruleset::default()),
        legacy: Ok(Ruleset {
            rules,
            chains,
            counters: Vec::new(),
        }),
        complete: true,
    }
}

/// Where something can drop, uncounted and counted.
fn places(firewall: &Firewall) -> [Vec<(Family, Hook)>; 2] {
    let all = || {
        Family::ALL
            .into_iter()
            .flat_map(|family| Hook::ALL.map(|hook| (family, hook)))
    };
    [
        all()
            .filter(|(family, hook)| firewall.can_drop(*family, *hook))
            .collect(),
        all()
            .filter(|(family, hook)| firewall.can_drop_counted(*family, *hook))
            .collect(),
    ]
}

#[test]
fn a_rule_drops_where_its_hooks_and_its_family_are() {
    let inet = firewall(
        vec![rule(
            TableFamily::Inet,
            &[Hook::Input, Hook::Forward],
            Counted::No,
        )],
        vec![],
    );
    let both = [Family::V4, Family::V6];
    let expected: Vec<_> = both
        .into_iter()
        .flat_map(|family| [(family, Hook::Input), (family, Hook::Forward)])
        .collect();
    assert_eq!(places(&inet), [expected, vec![]]);

    let counted = Counted::Exactly(Count::default());
    let ip6 = firewall(
        vec![rule(TableFamily::Ip6, &[Hook::Output], counted)],
        vec![],
    );
    assert_eq!(places(&ip6), [vec![], vec![(Family::V6, Hook::Output)]]);
}

#[test]
fn a_counter_of_several_rules_does_not_tell_what_one_of_them_dropped() {
    let together = Counted::Together("c".into(), Count::default());
    let firewall = firewall(
        vec![rule(TableFamily::Ip, &[Hook::Input], together)],
        vec![],
    );
    assert_eq!(places(&firewall), [vec![(Family::V4, Hook::Input)], vec![]]);
}

#[test]
fn only_an_active_policy_of_drop_drops() {
    let count = Some(Count::default());
    let mut dormant = policy(TableFamily::Ip, Hook::Output, Policy::Drop, None);
    dormant.active = false;
    let firewall = firewall(
        vec![],
        vec![
            policy(TableFamily::Ip, Hook::Input, Policy::Accept, None),
            policy(TableFamily::Ip, Hook::Forward, Policy::Drop, None),
            policy(TableFamily::Ip6, Hook::Forward, Policy::Drop, count),
            dormant,
        ],
    );
    assert_eq!(
        places(&firewall),
        [
            vec![(Family::V4, Hook::Forward)],
            vec![(Family::V6, Hook::Forward)]
        ]
    );
}

#[test]
fn bridges_and_arp_are_not_on_the_path_of_ip() {
    let rules = [TableFamily::Bridge, TableFamily::Arp]
        .map(|family| rule(family, &[Hook::Input], Counted::No));
    let both = firewall(rules.to_vec(), vec![]);
    assert_eq!(places(&both), [vec![], vec![]]);
    assert!(both.can_drop_in_bridges());
    let arp = firewall(rules[1..].to_vec(), vec![]);
    assert!(!arp.can_drop_in_bridges());
    let device = firewall(
        vec![rule(TableFamily::Netdev, &[Hook::Ingress], Counted::No)],
        vec![],
    );
    assert!(
        device.can_drop(Family::V4, Hook::Ingress) && device.can_drop(Family::V6, Hook::Ingress)
    );
}

#[test]
fn nothing_is_known_of_what_could_not_be_read() {
    let mut firewall = firewall(vec![], vec![]);
    assert!(firewall.is_known());
    firewall.nftables = Err(Failure {
        reason: Reason::Permission,
        detail: "no".into(),
    });
    assert!(!firewall.is_known());
    assert!(!firewall.can_drop(Family::V4, Hook::Input));
}
