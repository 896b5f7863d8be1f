//! The kernel's numbers as words: reasons for a link to be down, standard statistics, link modes.

/// `ETHTOOL_STATS_*`: the groups of standard statistics that are asked for, by number.
pub(super) const GROUPS: [Group; 4] = [
    Group {
        name: "eth-phy",
        statistics: &["SymbolErrorDuringCarrier"],
    },
    Group {
        name: "eth-mac",
        statistics: &[
            "FramesTransmittedOK",
            "SingleCollisionFrames",
            "MultipleCollisionFrames",
            "FramesReceivedOK",
            "FrameCheckSequenceErrors",
            "AlignmentErrors",
            "OctetsTransmittedOK",
            "FramesWithDeferredXmissions",
            "LateCollisions",
            "FramesAbortedDueToXSColls",
            "FramesLostDueToIntMACXmitError",
            "CarrierSenseErrors",
            "OctetsReceivedOK",
            "FramesLostDueToIntMACRcvError",
            "MulticastFramesXmittedOK",
            "BroadcastFramesXmittedOK",
            "FramesWithExcessiveDeferral",
            "MulticastFramesReceivedOK",
            "BroadcastFramesReceivedOK",
            "InRangeLengthErrors",
            "OutOfRangeLengthField",
            "FrameTooLongErrors",
        ],
    },
    Group {
        name: "eth-ctrl",
        statistics: &[
            "MACControlFramesTransmitted",
            "MACControlFramesReceived",
            "UnsupportedOpcodesReceived",
        ],
    },
    Group {
        name: "rmon",
        statistics: &[
            "etherStatsUndersizePkts",
            "etherStatsOversizePkts",
            "etherStatsFragments",
            "etherStatsJabbers",
        ],
    },
];

/// A group of standard statistics.
pub(super) struct Group {
    /// Its name.
    pub(super) name: &'static str,
    /// The standard's names, by the kernel's number (`ETHTOOL_A_STATS_*`).
    pub(super) statistics: &'static [&'static str],
}

/// `enum ethtool_link_ext_state`.
pub(super) fn reason(state: u8) -> &'static str {
    const REASONS: [&str; 11] = [
        "autoneg",
        "link_training_failure",
        "link_logical_mismatch",
        "bad_signal_integrity",
        "no_cable",
        "cable_issue",
        "eeprom_issue",
        "calibration_failure",
        "power_budget_exceeded",
        "overheat",
        "module",
    ];
    REASONS.get(usize::from(state)).copied().unwrap_or("other")
}

/// Ranges of `ETHTOOL_LINK_MODE_*_BIT` with their speed in Mbit/s. Bits that are no speeds
/// (autonegotiation, ports, pause, FEC) are in none, nor are bits newer than this table.
const SPEEDS: [(u32, u32, u64); 35] = [
    (0, 1, 10),
    (2, 3, 100),
    (4, 5, 1_000),
    (12, 12, 10_000),
    (15, 15, 2_500),
    (17, 17, 1_000),
    (18, 20, 10_000),
    (21, 22, 20_000),
    (23, 26, 40_000),
    (27, 30, 56_000),
    (31, 33, 25_000),
    (34, 35, 50_000),
    (36, 39, 100_000),
    (40, 40, 50_000),
    (41, 41, 1_000),
    (42, 46, 10_000),
    (47, 47, 2_500),
    (48, 48, 5_000),
    (52, 56, 50_000),
    (57, 61, 100_000),
    (62, 66, 200_000),
    (67, 67, 100),
    (68, 68, 1_000),
    (69, 73, 400_000),
    (75, 79, 100_000),
    (80, 84, 200_000),
    (85, 89, 400_000),
    (90, 91, 100),
    (92, 92, 10),
    (93, 98, 800_000),
    (99, 102, 10),
    (103, 108, 200_000),
    (109, 114, 400_000),
    (115, 120, 800_000),
    (121, 124, 1_600_000),
];

/// The speed of a link mode in bit/s; none if the bit is no speed.
pub(super) fn speed(bit: u32) -> Option<u64> {
    SPEEDS
        .iter()
        .find(|(first, last, _)| (*first..=*last).contains(&bit))
        .map(|(_, _, megabits)| megabits * 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn link_modes_have_their_speed() {
        for (bit, megabits) in [
            (0, Some(10)),       // 10baseT/Half
            (5, Some(1_000)),    // 1000baseT/Full
            (6, None),           // Autoneg
            (10, None),          // FIBRE
            (13, None),          // Pause
            (16, None),          // Backplane
            (31, Some(25_000)),  // 25000baseCR/Full
            (38, Some(100_000)), // 100000baseCR4/Full
            (48, Some(5_000)),   // 5000baseT/Full
            (50, None),          // FEC_RS
            (74, None),          // FEC_LLRS
            (89, Some(400_000)), // 400000baseCR4/Full
            (500, None),
        ] {
            assert_eq!(
                speed(bit),
                megabits.map(|speed: u64| speed * 1_000_000),
                "{bit}"
            );
        }
        let ordered = SPEEDS.windows(2).all(|pair| pair[0].1 < pair[1].0);
        assert!(ordered, "ranges neither overlap nor go back");
    }

    #[test]
    fn reasons_have_words() {
        assert_eq!(
            (reason(0), reason(4), reason(200)),
            ("autoneg", "no_cable", "other")
        );
    }
}
