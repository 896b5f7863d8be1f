use proptest::prelude::*;

use super::*;
use crate::testing::{attribute, concat};

fn number(kind: u16, value: u32) -> Vec<u8> {
    attribute(kind, &value.to_ne_bytes())
}

fn counters(kind: u16, values: &[u64]) -> Vec<u8> {
    let bytes: Vec<u8> = values
        .iter()
        .flat_map(|value| value.to_ne_bytes())
        .collect();
    attribute(kind, &bytes)
}

fn bitmap(kind: u16, bits: &[u32]) -> Vec<u8> {
    let mut words = [0_u32; 4];
    for bit in bits {
        words[*bit as usize / 32] |= 1 << (bit % 32);
    }
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
    attribute(kind, &bytes)
}

#[test]
fn a_link_that_is_down_tells_why() {
    let bytes = concat(&[
        attribute(1, &number(1, 4)),
        attribute(linkstate::LINK, &[0]),
        number(linkstate::SQI, 3),
        number(linkstate::SQI_MAX, 7),
        attribute(linkstate::EXT_STATE, &[4]),
        attribute(linkstate::EXT_SUBSTATE, &[2]),
        number(linkstate::EXT_DOWN_CNT, 9),
    ]);
    let expected = LinkState {
        detected: false,
        signal_quality: Some((3, 7)),
        reason: Some("no_cable".into()),
        substate: Some(2),
        down_count: Some(9),
    };
    assert_eq!(link_state(Attributes::new(&bytes)), Ok(expected));
}

#[test]
fn the_fastest_supported_and_peer_modes_are_found() {
    let bytes = concat(&[
        attribute(linkmodes::AUTONEG, &[1]),
        attribute(
            linkmodes::OURS,
            &concat(&[
                number(2, 121),
                bitmap(BITSET_VALUE, &[5, 6]),
                bitmap(BITSET_MASK, &[5, 6, 13, 36, 31, 50]),
            ]),
        ),
        attribute(linkmodes::PEER, &bitmap(BITSET_VALUE, &[5, 6, 12])),
        number(linkmodes::SPEED, 10_000),
    ]);
    let expected = LinkModes {
        autonegotiation: true,
        speed: Some(10_000_000_000),
        supported_speed: Some(100_000_000_000),
        peer_speed: Some(10_000_000_000),
    };
    assert_eq!(link_modes(Attributes::new(&bytes)), Ok(expected));
    let unknown = concat(&[
        number(linkmodes::SPEED, SPEED_UNKNOWN),
        attribute(linkmodes::OURS, &bitmap(BITSET_MASK, &[6])),
    ]);
    assert_eq!(
        link_modes(Attributes::new(&unknown)),
        Ok(LinkModes::default())
    );
}

#[test]
fn rings_and_channels_are_not_mixed_up() {
    let bytes = concat(&[
        number(rings::RX_MAX, 8192),
        number(rings::TX_MAX, 4096),
        number(rings::RX, 1024),
        number(rings::TX, 512),
        number(7, 99),
    ]);
    let sizes = ring_sizes(Attributes::new(&bytes)).unwrap();
    assert_eq!((sizes.receive, sizes.receive_max), (Some(1024), Some(8192)));
    assert_eq!(
        (sizes.transmit, sizes.transmit_max),
        (Some(512), Some(4096))
    );
    let bytes = concat(&[
        number(channels::COMBINED_MAX, 64),
        number(channels::COMBINED_COUNT, 8),
        number(channels::TX_COUNT, 2),
        number(4, 99),
        number(8, 99),
    ]);
    let counts = channel_counts(Attributes::new(&bytes)).unwrap();
    let expected = Channels {
        combined: Some(8),
        combined_max: Some(64),
        transmit: Some(2),
        ..Channels::default()
    };
    assert_eq!(counts, expected);
}

#[test]
fn pause_frames_that_are_not_counted_are_unknown() {
    let with = |frames: u64| {
        concat(&[
            attribute(pause::RX, &[1]),
            attribute(pause::TX, &[0]),
            attribute(
                pause::STATS,
                &concat(&[
                    counters(pause::STAT_TX_FRAMES, &[NOT_SET]),
                    counters(pause::STAT_RX_FRAMES, &[frames]),
                ]),
            ),
        ])
    };
    let found = pause_frames(Attributes::new(&with(17))).unwrap();
    assert!(found.receive_enabled && !found.transmit_enabled);
    assert_eq!(
        (found.receive_frames, found.transmit_frames),
        (Some(17), None)
    );
}

#[test]
fn error_correction_is_the_total_and_not_a_lane() {
    let bytes = attribute(
        fec::STATS,
        &concat(&[
            counters(fec::STAT_CORRECTED, &[30, 10, 20]),
            counters(fec::STAT_UNCORR, &[2]),
            attribute(fec::STAT_CORR_BITS, &[]),
        ]),
    );
    let found = error_correction(Attributes::new(&bytes)).unwrap();
    assert_eq!(found.corrected_blocks, Some(30));
    assert_eq!(found.uncorrectable_blocks, Some(2));
    assert_eq!(found.corrected_bits, None);
    assert_eq!(error_correction(Attributes::new(&[])), Ok(Fec::default()));
}

#[test]
fn standard_statistics_have_the_standards_names() {
    let statistic = |id, value| attribute(stats::GRP_STAT, &counters(id, &[value]));
    let bytes = concat(&[
        attribute(
            stats::GRP,
            &concat(&[
                number(stats::GRP_ID, 1),
                number(3, 18),
                statistic(4, 12),
                statistic(21, 3),
                statistic(5, NOT_SET),
                statistic(99, 1),
            ]),
        ),
        attribute(
            stats::GRP,
            &concat(&[number(stats::GRP_ID, 3), statistic(3, 5), counters(5, &[1])]),
        ),
        attribute(
            stats::GRP,
            &concat(&[number(stats::GRP_ID, 77), statistic(0, 1)]),
        ),
    ]);
    let found = standard(Attributes::new(&bytes)).unwrap();
    let found: Vec<_> = found
        .iter()
        .map(|one| (&*one.group, &*one.name, one.value))
        .collect();
    assert_eq!(
        found,
        [
            ("eth-mac", "FrameCheckSequenceErrors", 12),
            ("eth-mac", "FrameTooLongErrors", 3),
            ("rmon", "etherStatsJabbers", 5),
        ]
    );
}

proptest! {
    #[test]
    fn any_bytes_are_parsed_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let attributes = || Attributes::new(&bytes);
        let _ = link_state(attributes());
        let _ = link_modes(attributes());
        let _ = ring_sizes(attributes());
        let _ = channel_counts(attributes());
        let _ = pause_frames(attributes());
        let _ = error_correction(attributes());
        let _ = standard(attributes());
    }

    #[test]
    fn a_bitmap_of_any_length_has_a_speed_or_none(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let message = attribute(linkmodes::OURS, &attribute(BITSET_MASK, &bytes));
        let modes = link_modes(Attributes::new(&message)).unwrap();
        prop_assert!(modes.supported_speed.is_none_or(|speed| speed <= 1_600_000_000_000));
    }
}
