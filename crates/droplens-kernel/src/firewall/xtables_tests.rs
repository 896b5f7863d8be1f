use proptest::prelude::*;

use super::*;

/// An extension: a match or a target.
fn extension(name: &str, data: &[u8]) -> Vec<u8> {
    let mut bytes = u16::try_from(EXTENSION + data.len())
        .unwrap()
        .to_ne_bytes()
        .to_vec();
    bytes.extend(name.as_bytes());
    bytes.resize(EXTENSION, 0);
    bytes.extend(data);
    bytes
}

/// The standard target; padded, as the kernel aligns it.
fn standard(verdict: i32) -> Vec<u8> {
    let mut data = verdict.to_ne_bytes().to_vec();
    data.resize(8, 0);
    extension("", &data)
}

fn head(name: &str) -> Vec<u8> {
    let mut data = name.as_bytes().to_vec();
    data.resize(32, 0);
    extension("ERROR", &data)
}

fn comment(text: &str) -> Vec<u8> {
    let mut data = text.as_bytes().to_vec();
    data.resize(256, 0);
    extension("comment", &data)
}

/// A table being written.
#[derive(Default)]
struct Block {
    bytes: Vec<u8>,
    entries: u32,
}

impl Block {
    /// Where the next entry will be.
    fn here(&self) -> u32 {
        self.bytes.len().try_into().unwrap()
    }

    /// Appends an entry of these matches and this target, which counted so many packets.
    fn entry(&mut self, matches: &[u8], target: &[u8], packets: u64) {
        let layout = layout!(Entry4);
        let mut entry = vec![0; layout.length];
        let target_offset = layout.length + matches.len();
        let next_offset = target_offset + target.len();
        let mut put = |at: usize, bytes: &[u8]| entry[at..at + bytes.len()].copy_from_slice(bytes);
        put(
            layout.target_offset,
            &u16::try_from(target_offset).unwrap().to_ne_bytes(),
        );
        put(
            layout.next_offset,
            &u16::try_from(next_offset).unwrap().to_ne_bytes(),
        );
        put(layout.packets, &packets.to_ne_bytes());
        put(layout.bytes, &(10 * packets).to_ne_bytes());
        self.bytes.extend(entry);
        self.bytes.extend(matches);
        self.bytes.extend(target);
        self.entries += 1;
    }
}

const ACCEPT: i32 = -2;
const RETURN: i32 = -5;

/// INPUT (policy drop) with four rules, OUTPUT (policy accept), and a chain that INPUT jumps to.
fn table() -> (Info, Vec<u8>) {
    let mut block = Block::default();
    let input = block.here();
    block.entry(&comment("why"), &standard(DROP), 3);
    block.entry(&[], &extension("REJECT", &[0; 8]), 4);
    let jump = block.here();
    block.entry(&[], &standard(0), 5);
    block.entry(&[], &standard(ACCEPT), 6);
    let input_end = block.here();
    block.entry(&[], &standard(DROP), 7);
    let output = block.here();
    block.entry(&[], &standard(ACCEPT), 8);
    block.entry(&[], &head("sub"), 0);
    let sub = block.here();
    block.entry(&[], &standard(DROP), 9);
    block.entry(&[], &standard(DROP), 10);
    block.entry(&[], &standard(RETURN), 11);
    block.entry(&[], &head("ERROR"), 0);
    let at = jump as usize + layout!(Entry4).length + EXTENSION;
    block.bytes[at..at + 4].copy_from_slice(&sub.to_ne_bytes());
    let info = Info {
        valid_hooks: 1 << 1 | 1 << 3,
        hook_entry: [0, input, 0, output, 0],
        underflow: [0, input_end, 0, output, 0],
        entries: block.entries,
        size: block.here(),
    };
    (info, block.bytes)
}

#[test]
fn rules_policies_and_jumps_are_found() {
    let (info, block) = table();
    let ruleset = parse(Family::V4, "filter", &info, &block).unwrap();
    let chains: Vec<_> = ruleset
        .chains
        .iter()
        .map(|base| {
            (
                &*base.chain.name,
                base.hook,
                base.policy,
                base.counter.unwrap().packets,
            )
        })
        .collect();
    let expected = [
        ("INPUT", Hook::Input, Policy::Drop, 7),
        ("OUTPUT", Hook::Output, Policy::Accept, 8),
    ];
    assert_eq!(chains, expected);

    let rules: Vec<_> = ruleset
        .rules
        .iter()
        .map(|rule| {
            let RuleId::Line { line, .. } = rule.id else {
                panic!("{rule:?}");
            };
            let Counted::Exactly(Count { packets, .. }) = rule.counted else {
                panic!("{rule:?}");
            };
            (
                &*rule.chain.name,
                line,
                rule.verdict,
                rule.comment.as_deref(),
                packets,
            )
        })
        .collect();
    let expected = [
        ("INPUT", 1, Verdict::Drop, Some("why"), 3),
        ("INPUT", 2, Verdict::Reject, None, 4),
        ("sub", 1, Verdict::Drop, None, 9),
        ("sub", 2, Verdict::Drop, None, 10),
    ];
    assert_eq!(rules, expected);
    let input = Hooks::NONE.with(Hook::Input);
    assert!(ruleset.rules.iter().all(|rule| rule.hooks == input));
    // Equal rules are two, and each keeps its own hash.
    let mut ids: Vec<_> = ruleset.rules.iter().map(|rule| rule.id).collect();
    ids.dedup_by_key(|id| match id {
        RuleId::Line { fingerprint, .. } => *fingerprint,
        RuleId::Handle(handle) => *handle,
    });
    assert_eq!(ids.len(), 4);
}

#[test]
fn a_hash_does_not_depend_on_counters_or_places() {
    let hashes = |rules: &[(&str, u64)]| -> Vec<u64> {
        let mut block = Block::default();
        for (text, packets) in rules {
            block.entry(&comment(text), &standard(DROP), *packets);
        }
        let end = block.here();
        block.entry(&[], &standard(ACCEPT), 0);
        let info = Info {
            valid_hooks: 1 << 1,
            hook_entry: [0; 5],
            underflow: [0, end, 0, 0, 0],
            entries: block.entries,
            size: block.here(),
        };
        let rules = parse(Family::V4, "filter", &info, &block.bytes)
            .unwrap()
            .rules;
        let hash = |rule: &DropRule| match rule.id {
            RuleId::Line { fingerprint, .. } => fingerprint,
            RuleId::Handle(_) => panic!("{rule:?}"),
        };
        rules.iter().map(hash).collect()
    };
    let before = hashes(&[("a", 1), ("b", 2)]);
    let after = hashes(&[("new", 0), ("a", 5), ("b", 6)]);
    assert_eq!(before, after[1..]);
    assert_ne!(after[0], after[1]);
}

#[test]
fn a_table_cut_short_is_refused() {
    let (info, block) = table();
    for length in 0..block.len() {
        assert!(parse(Family::V4, "filter", &info, &block[..length]).is_err());
    }
    assert!(Info::parse(&[0; 83]).is_err());
}

#[test]
fn the_layout_is_that_of_the_kernel_s_headers() {
    let (v4, v6) = (layout!(Entry4), layout!(Entry6));
    // 84 bytes of struct ipt_ip, 136 of struct ip6t_ip6; 4 bytes of padding follow on
    // architectures that align 64-bit numbers to 8.
    let padding = if align_of::<u64>() == 8 { 4 } else { 0 };
    assert_eq!(
        (v4.address, v4.target_offset, v4.packets, v4.length),
        (84, 88, 96, 112)
    );
    assert_eq!(
        (v6.address, v6.target_offset, v6.packets),
        (136, 140, 148 + padding)
    );
    assert_eq!(v6.length, 164 + padding);
}

proptest! {
    #[test]
    fn any_bytes_are_parsed_or_refused(
        block in proptest::collection::vec(any::<u8>(), 0..400),
        info in proptest::collection::vec(any::<u8>(), 84),
    ) {
        let info = Info::parse(&info).unwrap();
        for family in Family::ALL {
            let _ = parse(family, "filter", &info, &block);
        }
    }

    #[test]
    fn any_damage_is_parsed_or_refused(
        at in 0_usize..1_500, noise in any::<u16>(), entries in 0_u32..20, end in any::<u16>(),
    ) {
        let (mut info, mut block) = table();
        if let Some(bytes) = block.get_mut(at..at + 2) {
            bytes.copy_from_slice(&noise.to_ne_bytes());
        }
        info.entries = entries;
        info.underflow[1] = u32::from(end);
        let _ = parse(Family::V4, "filter", &info, &block);
    }
}
