use proptest::prelude::*;

use super::*;
use crate::firewall::expression::Counter;
use crate::testing::{attribute, concat};
use droplens_model::sample::firewall::Verdict;

/// Payloads of messages of Linux 6.18 on x86-64 (little-endian headers).
mod captured {
    /// `table ip filter` of iptables-nft.
    pub(super) const TABLE: &str =
        "020000080b00010066696c746572000008000300000000010c00040000000000000000020800020000000000";
    /// `chain inet t in { type filter hook input priority -5; policy drop; }`.
    pub(super) const CHAIN: &str = "01000008060001007400000007000300696e00000c000200000000000000000214000400080001000000000108000200fffffffb08000500000000000b00070066696c746572000008000a00000000010800060000000002";
    /// `chain inet t sub`.
    pub(super) const REGULAR: &str =
        "01000008060001007400000008000300737562000c00020000000000000000030800060000000001";
    /// `udp dport 9000 counter packets 3 bytes 87 drop comment "first"`.
    pub(super) const DROP: &str = "01000008060001007400000007000200696e00000c00030000000000000000041001040024000100090001006d6574610000000014000200080002000000001008000100000000012c00010008000100636d700020000200080001000000000108000200000000000c0003000500010011000000340001000c0001007061796c6f6164002400020008000100000000010800020000000002080003000000000208000400000000022c00010008000100636d700020000200080001000000000108000200000000000c00030006000100232800002c0001000c000100636f756e746572001c0002000c00010000000000000000570c0002000000000000000003300001000e000100696d6d6564696174650000001c0002000800010000000000100002000c00020008000100000000000c0007000006666972737400";
    /// `udp dport vmap { 1 : drop, 2 : jump sub }`.
    pub(super) const MAP: &str = "01000008060001007400000007000200696e00000c00030000000000000000060c0006000000000000000004c000040024000100090001006d6574610000000014000200080002000000001008000100000000012c00010008000100636d700020000200080001000000000108000200000000000c0003000500010011000000340001000c0001007061796c6f616400240002000800010000000001080002000000000208000300000000020800040000000002380001000b0001006c6f6f6b75700000280002000b0001005f5f6d6170300000080002000000000108000300000000000800050000000000";
    /// The elements of that map.
    pub(super) const ELEMENTS: &str = "0100000806000100740000000b0002005f5f6d61703000004c000300280001000c0001000600010000020000180002001400020008000100fffffffd0800020073756200200001000c0001000600010000010000100002000c0002000800010000000000";
    /// `counter inet t named`, not used by any rule.
    pub(super) const COUNTER: &str = "0100000806000100740000000a0002006e616d656400000008000300000000010c000600000000000000000108000500000000001c0004000c00010000000000000000000c0002000000000000000000";
}

fn bytes(hex: &str) -> Vec<u8> {
    let digit = |pair: &[u8]| std::str::from_utf8(pair).unwrap().to_owned();
    hex.as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(&digit(pair), 16).unwrap())
        .collect()
}

#[cfg(target_endian = "little")]
#[test]
fn captured_tables_and_chains_are_understood() {
    let table = bytes(captured::TABLE);
    let message = Message::parse(&table).unwrap();
    assert_eq!(
        (message.family, message.generation),
        (Some(TableFamily::Ip), 8)
    );
    let (name, dormant) = ("filter", false);
    assert_eq!(message.table(), Ok(TableMessage { name, dormant }));
    let chain = bytes(captured::CHAIN);
    let expected = ChainMessage {
        table: "t",
        name: "in",
        hook: Some((Hook::Input, -5)),
        policy: Some(Policy::Drop),
        counter: None,
    };
    assert_eq!(Message::parse(&chain).unwrap().chain(), Ok(expected));
    let regular = bytes(captured::REGULAR);
    let regular = Message::parse(&regular).unwrap().chain().unwrap();
    assert_eq!(
        (regular.name, regular.hook, regular.policy),
        ("sub", None, None)
    );
}

#[cfg(target_endian = "little")]
#[test]
fn captured_rules_are_understood() {
    let drop = bytes(captured::DROP);
    let expected = RuleMessage {
        table: "t",
        chain: "in",
        handle: 4,
        comment: Some("first"),
        effect: Effect {
            end: End::Drop(Verdict::Drop),
            counter: Counter::Own(Count {
                packets: 3,
                bytes: 87,
            }),
            comment: None,
        },
    };
    assert_eq!(Message::parse(&drop).unwrap().rule(), Ok(expected));
    let map = bytes(captured::MAP);
    let rule = Message::parse(&map).unwrap().rule().unwrap();
    assert_eq!((rule.handle, rule.comment), (6, None));
    assert_eq!(rule.effect.end, End::Map("__map0"));
    let mut told = Vec::new();
    let elements = bytes(captured::ELEMENTS);
    let elements = Message::parse(&elements).unwrap();
    elements.elements(|end| told.push(end)).unwrap();
    assert_eq!(told, [End::Jump("sub"), End::Drop(Verdict::Drop)]);
}

#[cfg(target_endian = "little")]
#[test]
fn a_captured_counter_is_understood_and_other_objects_are_left() {
    let mut counter = bytes(captured::COUNTER);
    let expected = CounterMessage {
        table: "t",
        name: "named",
        uses: 0,
        count: Count::default(),
    };
    assert_eq!(
        Message::parse(&counter).unwrap().counter(),
        Ok(Some(expected))
    );
    let kind = counter
        .windows(8)
        .position(|window| window == [8, 0, 3, 0, 0, 0, 0, 1])
        .unwrap();
    counter[kind + 7] = 2; // NFT_OBJECT_QUOTA
    assert_eq!(Message::parse(&counter).unwrap().counter(), Ok(None));
}

#[test]
fn hooks_are_numbered_by_family() {
    let of = |family| -> Vec<_> { (0..8).map(|number| hook_of(family, number)).collect() };
    let inet = of(TableFamily::Inet);
    assert_eq!(inet[1], Some(Hook::Input));
    assert_eq!((inet[5], inet[6]), (Some(Hook::Ingress), None));
    assert_eq!(of(TableFamily::Ip)[4..6], [Some(Hook::Postrouting), None]);
    assert_eq!(
        of(TableFamily::Arp)[..2],
        [Some(Hook::Input), Some(Hook::Output)]
    );
    let netdev = of(TableFamily::Netdev);
    assert_eq!(netdev[..3], [Some(Hook::Ingress), Some(Hook::Egress), None]);
}

#[test]
fn a_comment_is_found_among_other_values_or_there_is_none() {
    assert_eq!(user_comment(b"\x07\x02xy\x00\x06first\x00"), Some("first"));
    assert_eq!(user_comment(b"\x00\x06fir"), None, "cut short");
    assert_eq!(user_comment(b"\x00\x02\xff\x00"), None, "not text");
    assert_eq!(user_comment(b"\x00\x01\x00"), None, "empty");
    assert_eq!(user_comment(b""), None);
}

#[test]
fn a_table_may_be_dormant_and_an_unknown_family_is_told_apart() {
    let header = vec![99, 0, 0x12, 0x34];
    let flags = attribute(NFTA_TABLE_FLAGS, &1_u32.to_be_bytes());
    let payload = concat(&[header, attribute(NFTA_TABLE_NAME, b"t\0"), flags]);
    let message = Message::parse(&payload).unwrap();
    assert_eq!((message.family, message.generation), (None, 0x1234));
    assert!(message.table().unwrap().dormant);
    let nameless = Message::parse(&payload[..4]).unwrap();
    assert!(nameless.clone().table().is_err() && nameless.rule().is_err());
}

/// Everything that can be asked of a message.
fn parse_all(payload: &[u8]) {
    let Ok(message) = Message::parse(payload) else {
        return;
    };
    let _ = message.clone().generation_id();
    let _ = message.clone().table();
    let _ = message.clone().chain();
    let _ = message.clone().rule();
    let _ = message.clone().counter();
    let _ = message.elements(|_| ());
}

proptest! {
    #[test]
    fn any_bytes_are_parsed_or_refused(payload in proptest::collection::vec(any::<u8>(), 0..300)) {
        parse_all(&payload);
        let _ = user_comment(&payload);
    }

    #[test]
    fn any_damage_is_parsed_or_refused(
        message in 0_usize..7, cut in 0_usize..400, at in 0_usize..400, noise in any::<u8>(),
    ) {
        use captured::{CHAIN, COUNTER, DROP, ELEMENTS, MAP, REGULAR, TABLE};
        let mut payload = bytes([TABLE, CHAIN, REGULAR, DROP, MAP, ELEMENTS, COUNTER][message]);
        if let Some(byte) = payload.get_mut(at) {
            *byte = noise;
        }
        payload.truncate(cut);
        parse_all(&payload);
    }
}
