use droplens_model::sample::firewall::{Counted, Hook};

use super::super::expression::Effect;
use super::*;

const INET: TableFamily = TableFamily::Inet;

/// One base chain `in` at the input hook, two regular ones, in two tables.
fn listing() -> Listing {
    let mut listing = Listing::default();
    for (table, name, hook) in [
        ("t", "in", Some((Hook::Input, 0))),
        ("t", "sub", None),
        ("u", "out", Some((Hook::Output, 0))),
        ("u", "sub", None),
    ] {
        let message = ChainMessage {
            table,
            name,
            hook,
            ..ChainMessage::default()
        };
        listing.chain(INET, &message);
    }
    listing
}

fn add<'a>(listing: &mut Listing, at: (&'a str, &'a str), end: End<'a>, counter: Counter<'a>) {
    let message = RuleMessage {
        table: at.0,
        chain: at.1,
        handle: 9,
        comment: None,
        effect: Effect {
            end,
            counter,
            comment: None,
        },
    };
    listing.rule(INET, &message);
}

const DROP: End<'_> = End::Drop(Verdict::Drop);

fn hooks_of_rules(listing: Listing) -> Vec<(String, Hooks)> {
    let rules = listing.finish().ruleset().rules;
    rules
        .iter()
        .map(|rule| {
            (
                format!("{} {}", rule.chain.table, rule.chain.name),
                rule.hooks,
            )
        })
        .collect()
}

#[test]
fn a_jump_leads_to_the_chain_of_its_own_table() {
    let mut listing = listing();
    add(&mut listing, ("t", "sub"), DROP, Counter::None);
    add(&mut listing, ("u", "sub"), DROP, Counter::None);
    add(&mut listing, ("t", "in"), End::Jump("sub"), Counter::None);
    let expected = [
        ("t sub".to_owned(), Hooks::NONE.with(Hook::Input)),
        ("u sub".to_owned(), Hooks::NONE),
    ];
    assert_eq!(hooks_of_rules(listing), expected);
}

#[test]
fn maps_that_are_not_looked_into_may_do_anything_in_their_table() {
    let mut listing = listing();
    add(&mut listing, ("t", "in"), End::Map("m"), Counter::None);
    add(&mut listing, ("t", "sub"), DROP, Counter::None);
    add(&mut listing, ("u", "sub"), DROP, Counter::None);
    listing.suspect_maps();
    let input = Hooks::NONE.with(Hook::Input);
    let expected = [
        ("t in".to_owned(), input),
        ("t sub".to_owned(), input),
        ("u sub".to_owned(), Hooks::NONE),
    ];
    assert_eq!(hooks_of_rules(listing), expected);
}

#[test]
fn a_map_drops_only_if_one_of_its_elements_does_and_its_counter_counts_others_too() {
    let own = Counter::Own(Count {
        packets: 7,
        bytes: 8,
    });
    let mut listing = listing();
    add(&mut listing, ("t", "in"), End::Map("drops"), own);
    add(&mut listing, ("t", "in"), End::Map("passes"), own);
    add(&mut listing, ("t", "sub"), DROP, own);
    listing.element(0, DROP);
    listing.element(1, DROP);
    listing.restart_elements(1);
    listing.element(1, End::Jump("sub"));
    listing.element(1, End::Other);
    let rules = listing.finish().ruleset().rules;
    let [by_map, by_jump] = &rules[..] else {
        panic!("{rules:?}");
    };
    assert_eq!((&*by_map.chain.name, &by_map.counted), ("in", &Counted::No));
    assert!(by_jump.is_counted());
    assert!(by_jump.hooks.contains(Hook::Input));
}

#[test]
fn a_named_counter_is_exact_only_for_its_one_user() {
    for (uses, exact) in [(1, true), (2, false)] {
        let mut listing = listing();
        let counter = CounterMessage {
            table: "t",
            name: "seen",
            uses,
            count: Count {
                packets: 3,
                bytes: 4,
            },
        };
        listing.counter(INET, &counter);
        add(&mut listing, ("t", "in"), DROP, Counter::Named("seen"));
        // A counter of the same name in another table is not there.
        add(&mut listing, ("u", "out"), DROP, Counter::Named("seen"));
        let mut known = listing.finish();
        let more = Count {
            packets: 5,
            bytes: 6,
        };
        known.counter(
            INET,
            &CounterMessage {
                count: more,
                ..counter
            },
        );
        let rules = known.ruleset().rules;
        let expected = if exact {
            Counted::Exactly(more)
        } else {
            Counted::Together("seen".into(), more)
        };
        assert_eq!(rules[0].counted, expected);
        assert_eq!(rules[1].counted, Counted::No);
    }
}
