use super::*;
use crate::testing::attribute;

fn expression(name: &str, data: &[Vec<u8>]) -> Vec<u8> {
    let name = attribute(NFTA_EXPR_NAME, name.as_bytes());
    let data = attribute(NFTA_EXPR_DATA, &data.concat());
    attribute(1, &[name, data].concat())
}

fn big(kind: u16, number: u32) -> Vec<u8> {
    attribute(kind, &number.to_be_bytes())
}

fn counter(packets: u64) -> Vec<u8> {
    let packets = attribute(NFTA_COUNTER_PACKETS, &packets.to_be_bytes());
    let bytes = attribute(NFTA_COUNTER_BYTES, &9_u64.to_be_bytes());
    expression("counter", &[bytes, packets])
}

fn named() -> Vec<u8> {
    let name = attribute(NFTA_OBJREF_IMM_NAME, b"seen\0");
    expression(
        "objref",
        &[big(NFTA_OBJREF_IMM_TYPE, NFT_OBJECT_COUNTER), name],
    )
}

fn verdict(code: u32, chain: &[u8]) -> Vec<u8> {
    let mut verdict = big(NFTA_VERDICT_CODE, code);
    if !chain.is_empty() {
        verdict.extend(attribute(NFTA_VERDICT_CHAIN, chain));
    }
    let data = attribute(NFTA_IMMEDIATE_DATA, &attribute(NFTA_DATA_VERDICT, &verdict));
    expression(
        "immediate",
        &[big(NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT), data],
    )
}

fn drop() -> Vec<u8> {
    verdict(NF_DROP, b"")
}

/// A part of a rule that came from xtables.
fn xt(kind: &str, name: &[u8]) -> Vec<u8> {
    expression(kind, &[attribute(NFTA_XT_NAME, name)])
}

/// What these expressions come to, as end and counter.
fn effect(expressions: &[Vec<u8>]) -> (String, String) {
    let bytes = expressions.concat();
    let effect = Effect::parse(Attributes::new(&bytes)).unwrap();
    (format!("{:?}", effect.end), format!("{:?}", effect.counter))
}

const OWN: &str = "Own(Count { packets: 5, bytes: 9 })";

#[test]
fn only_a_counter_that_leads_straight_to_the_verdict_counts_it() {
    let log = || expression("log", &[]);
    let compare = || expression("cmp", &[]);
    let dropped = |counter: &str| ("Drop(Drop)".to_owned(), counter.to_owned());
    assert_eq!(effect(&[compare(), counter(5), drop()]), dropped(OWN));
    assert_eq!(effect(&[counter(5), log(), drop()]), dropped(OWN));
    assert_eq!(effect(&[named(), drop()]), dropped("Named(\"seen\")"));
    assert_eq!(effect(&[drop()]), dropped("None"));
    for between in ["cmp", "limit", "lookup", "meta", "quota", "unheard-of"] {
        let between = expression(between, &[]);
        assert_eq!(effect(&[counter(5), between, drop()]), dropped("None"));
    }
    assert_eq!(
        effect(&[drop(), counter(5)]),
        dropped("None"),
        "never reached"
    );
}

#[test]
fn every_way_to_drop_is_known() {
    let reject = || expression("reject", &[]);
    for (end, told) in [
        (reject(), "Drop(Reject)"),
        (xt("target", b"REJECT\0"), "Drop(Reject)"),
        (xt("target", b"DROP\0"), "Drop(Drop)"),
        (verdict(NFT_JUMP, b"there\0"), "Jump(\"there\")"),
        (verdict(NFT_GOTO, b"there\0"), "Jump(\"there\")"),
        (xt("target", b"LOG\0"), "Other"),
        (verdict(1, b""), "Other"), // NF_ACCEPT
        (expression("queue", &[]), "Other"),
    ] {
        assert_eq!(effect(&[end]).0, told);
    }
    let map = [
        attribute(NFTA_LOOKUP_SET, b"verdicts\0"),
        big(NFTA_LOOKUP_DREG, NFT_REG_VERDICT),
    ];
    assert_eq!(effect(&[expression("lookup", &map)]).0, "Map(\"verdicts\")");
    // A map that gives a value.
    let map = [attribute(NFTA_LOOKUP_SET, b"m\0"), big(NFTA_LOOKUP_DREG, 1)];
    assert_eq!(
        effect(&[expression("lookup", &map), drop()]).0,
        "Drop(Drop)"
    );
    // A value for another register.
    let value = expression("immediate", &[big(NFTA_IMMEDIATE_DREG, 1)]);
    assert_eq!(effect(&[value, drop()]).0, "Drop(Drop)");
}

#[test]
fn a_comment_of_iptables_is_a_match_that_always_matches() {
    let mut info = b"why it is here\0".to_vec();
    info.resize(256, 0);
    let comment = expression(
        "match",
        &[
            attribute(NFTA_XT_NAME, b"comment\0"),
            attribute(NFTA_MATCH_INFO, &info),
        ],
    );
    let bytes = [counter(5), comment, drop()].concat();
    let effect = Effect::parse(Attributes::new(&bytes)).unwrap();
    assert_eq!(effect.comment, Some("why it is here"));
    assert!(matches!(effect.counter, Counter::Own(_)));
}
