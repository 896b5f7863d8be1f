//! Alerts about links, cards, the receive work of CPUs, virtual devices and the IP layer.

use droplens_model::Cause;

use super::declaration::{Alert, RATE, bound};
use super::kinds::{changed, lost, lost_at_device, ticket};
use super::proof::Shape::{Level, Rate, Then};
use super::proof::{cases, context, input};

pub(super) fn alerts() -> Vec<Alert> {
    let mut alerts = vec![link_down(), link_flapping()];
    alerts.extend(cards());
    alerts.push(softnet());
    alerts.push(lost(
        "SoftnetFlowLimit",
        Cause::SoftnetFlowLimit,
        10.0,
        ("one flow has more than its share of a CPU's backlog", "20"),
        "One flow suffers, by a limit that somebody set; the host is well.",
    ));
    alerts.extend(virtual_devices());
    alerts.extend(ip());
    alerts
}

fn link_down() -> Alert {
    Alert {
        hold: "5m",
        keep: "5m",
        summary: "No carrier at {{ $labels.device }} of {{ $labels.instance }}.".to_owned(),
        description:
            "{{ $labels.device }} of {{ $labels.instance }} had a carrier and has lost it."
                .to_owned(),
        ..ticket(
            "LinkDown",
            Cause::LinkDown,
            "A host whose only link is down is a DroplensDown; another one has lost its reserve. A port that never had a carrier is not in use.",
            changed("LinkDown", ("droplens_link_carrier", 0, 1), "device")
                + "\nand on (job, instance, device)\n  droplens_link_info{kind=\"physical\"}",
            cases(
                "",
                vec![
                    input(
                        "droplens_link_carrier{device=\"eth0\"}",
                        Then(1.0, 0.0),
                        Level(1.0),
                        Level(0.0),
                    ),
                    context(
                        "droplens_link_info{device=\"eth0\",kind=\"physical\",master=\"\"}",
                        Level(1.0),
                        Level(1.0),
                    ),
                ],
            )
            .labels(&[("device", "eth0")]),
        )
    }
}

fn link_flapping() -> Alert {
    Alert {
        bounds: vec![bound("changes", 5.0, "5 changes in 15 minutes")],
        hold: "0s",
        summary: "{{ $labels.device }} of {{ $labels.instance }} flaps.".to_owned(),
        description: "The carrier of {{ $labels.device }} of {{ $labels.instance }} went or came {{ $value | humanize }} times within 15 minutes.".to_owned(),
        ..ticket(
            "LinkFlapping",
            Cause::LinkFlap,
            "Each flap loses packets and a little time; a restart of the peer is two changes. Folded devices (kind:veth) come and go by nature.",
            "increase(droplens_link_carrier_changes_total{device!~\"kind:.*\"}[15m]) > $changes",
            cases(
                "15",
                vec![input(
                    "droplens_link_carrier_changes_total{device=\"eth0\"}",
                    Rate(1.0 / 60.0),
                    Rate(0.3 / 60.0),
                    Rate(0.0),
                )],
            )
            .labels(&[("device", "eth0")]),
        )
    }
}

fn cards() -> Vec<Alert> {
    vec![
        lost_at_device(
            "LinkErrors",
            Cause::LinkErrors,
            (0.1, 0.0001),
            "receive",
            ("frames arrive damaged", "2"),
            "A cable or module goes bad slowly; it has to be replaced, not tonight.",
        ),
        Alert {
            bounds: vec![bound("per_second", 0.01, "0.01 code words/s")],
            summary: "Forward error correction gives up at {{ $labels.device }} of {{ $labels.instance }}.".to_owned(),
            description: format!("Forward error correction of {{{{ $labels.device }}}} of {{{{ $labels.instance }}}} could not mend {RATE} code words/s; each held several frames."),
            ..ticket(
                "LinkFecUncorrectable",
                Cause::FecUncorrectable,
                "As LinkErrors, seen earlier.",
                "rate(droplens_ethtool_fec_uncorrectable_blocks_total[15m]) > $per_second",
                cases(
                    "0.05",
                    vec![input(
                        "droplens_ethtool_fec_uncorrectable_blocks_total{device=\"eth0\"}",
                        Rate(0.05),
                        Rate(0.009),
                        Rate(0.0),
                    )],
                )
                .labels(&[("device", "eth0")]),
            )
        },
        lost_at_device(
            "NicReceiveRingOverflow",
            Cause::NicRxRingOverflow,
            (10.0, 0.0001),
            "receive",
            ("the receive ring is full", "200"),
            "Bursts overflow a ring now and then; a share of the traffic for ten minutes is a host too small or badly set.",
        ),
        lost_at_device(
            "NicTransmitRingFull",
            Cause::NicTxRingFull,
            (10.0, 0.0001),
            "transmit",
            ("the transmit ring is full", "200"),
            "As NicReceiveRingOverflow.",
        ),
        Alert {
            bounds: vec![bound("resets", 0.0, "any")],
            hold: "0s",
            summary: "The card of {{ $labels.instance }} was reset by its watchdog.".to_owned(),
            description: "A transmit queue of {{ $labels.instance }} stood still and was reset {{ $value | humanize }} times within 15 minutes.".to_owned(),
            ..ticket(
                "NicTransmitTimeout",
                Cause::NicTxTimeout,
                "The card works again, until the next time: firmware, driver or hypervisor have a fault.",
                "increase(droplens_drops_total{cause=\"nic_tx_timeout\"}[15m]) > $resets",
                cases(
                    "15",
                    vec![input(
                        super::kinds::counter(Cause::NicTxTimeout),
                        Rate(1.0 / 60.0),
                        Rate(0.0),
                        Rate(0.0),
                    )],
                ),
            )
        },
        lost(
            "CloudAllowanceExceeded",
            Cause::CloudAllowanceExceeded,
            1.0,
            ("the cloud provider's allowance is exceeded", "2"),
            "A larger instance or less traffic: a matter of planning.",
        ),
    ]
}

fn softnet() -> Alert {
    const DROPS: &str = "droplens_drops_total{cause=\"softnet_backlog_overflow\"}";
    const PROCESSED: &str = "instance:droplens_softnet_processed:rate5m";
    let expr = format!(
        "rate({DROPS}[5m]) > $per_second\nand\nrate({DROPS}[1h]) > $per_second\n\
         and on (job, instance)\n  rate({DROPS}[5m])\n    > on (job, instance) ($ratio * {PROCESSED})\n\
         and on (job, instance)\n  rate({DROPS}[1h])\n    > on (job, instance) ($ratio * avg_over_time({PROCESSED}[1h:5m]))"
    );
    let mut alert = ticket(
        "SoftnetDrops",
        Cause::SoftnetBacklogOverflow,
        "The CPUs cannot take what arrives: every service of the host loses packets. Both windows, so that neither a burst nor an old fault calls anybody.",
        expr,
        cases(
            "200",
            vec![
                input(
                    super::kinds::counter(Cause::SoftnetBacklogOverflow),
                    Rate(200.0),
                    Rate(90.0),
                    Rate(9.0),
                ),
                context(
                    "droplens_softnet_processed_total{cpu=\"0\"}",
                    Rate(500_000.0),
                    Rate(0.0),
                ),
                context(
                    "droplens_softnet_processed_total{cpu=\"1\"}",
                    Rate(500_000.0),
                    Rate(0.0),
                ),
            ],
        ),
    );
    alert.bounds = vec![
        bound(
            "per_second",
            10.0,
            "10 packets/s in 5 minutes and in 1 hour",
        ),
        bound("ratio", 0.0001, "0.01 % of the packets processed in both"),
    ];
    alert.summary = String::from("The CPUs of {{ $labels.instance }} cannot take what arrives.");
    alert.description = format!(
        "{{{{ $labels.instance }}}} drops {RATE} packets/s because the input backlog of a CPU is full."
    );
    alert.hold("2m").page()
}

fn virtual_devices() -> Vec<Alert> {
    vec![
        lost(
            "TunQueueFull",
            Cause::TunQueueFull,
            10.0,
            ("the reader of a tun or tap device is too slow", "20"),
            "One virtual machine or tunnel suffers.",
        ),
        lost(
            "VethDrops",
            Cause::VethDrop,
            10.0,
            ("pairs of veth devices drop", "20"),
            "One container suffers. Short bursts come with every restart of one.",
        ),
        lost(
            "VxlanDrops",
            Cause::VxlanDrop,
            10.0,
            ("an overlay drops", "20"),
            "An entry or a route of the overlay is missing for some peers.",
        ),
        Alert {
            hold: "5m",
            keep: "5m",
            summary: "{{ $labels.device }}, a member of {{ $labels.master }}, is down on {{ $labels.instance }}.".to_owned(),
            description: "{{ $labels.master }} of {{ $labels.instance }} goes on without {{ $labels.device }}, which has no carrier.".to_owned(),
            ..ticket(
                "BondMemberDown",
                Cause::BondMemberDown,
                "The bond goes on with the others; the reserve is gone.",
                "droplens_link_carrier\n  * on (job, instance, device) group_left (master) droplens_link_info{master!=\"\"}\n  == 0\nand on (job, instance, master)\n  label_replace(droplens_link_info{kind=\"bond\"}, \"master\", \"$1\", \"device\", \"(.+)\")",
                cases(
                    "",
                    vec![
                        input(
                            "droplens_link_carrier{device=\"eth1\"}",
                            Level(0.0),
                            Level(1.0),
                            Level(1.0),
                        ),
                        context(
                            "droplens_link_info{device=\"eth1\",kind=\"physical\",master=\"bond0\"}",
                            Level(1.0),
                            Level(1.0),
                        ),
                        context(
                            "droplens_link_info{device=\"bond0\",kind=\"bond\",master=\"\"}",
                            Level(1.0),
                            Level(1.0),
                        ),
                    ],
                )
                .labels(&[("device", "eth1"), ("master", "bond0")]),
            )
        },
    ]
}

fn ip() -> Vec<Alert> {
    vec![
        lost(
            "NoRoute",
            Cause::NoRoute,
            10.0,
            ("there is no route to the destination", "20"),
            "A route is missing. Programs that try IPv6 first stay below the bound.",
        ),
        lost(
            "ReversePathFilter",
            Cause::RpFilter,
            10.0,
            ("the reverse path filter refuses the sender's address", "20"),
            "Asymmetric routing, or somebody forges addresses.",
        ),
        lost(
            "HeaderErrors",
            Cause::HeaderErrors,
            10.0,
            ("IP headers are damaged or unacceptable", "20"),
            "A device on the way does it; hardly ever urgent.",
        ),
        lost(
            "TtlExpired",
            Cause::TtlExpired,
            100.0,
            ("the time to live of packets is used up", "200"),
            "A routing loop. Traceroutes stay far below the bound.",
        ),
        lost(
            "ChecksumErrors",
            Cause::ChecksumErrors,
            1.0,
            ("checksums are wrong", "2"),
            "Something on the way changes data: what the checksum did not catch is worse.",
        ),
        lost(
            "ReassemblyFailed",
            Cause::ReassemblyFailed,
            1.0,
            ("fragments cannot be put together", "2"),
            "Large datagrams (DNS, tunnels, storage) do not come through.",
        ),
        lost(
            "FragmentationFailed",
            Cause::FragmentationFailed,
            10.0,
            ("packets are too big for the next link", "20"),
            "A router says so to the senders, who should send smaller ones; if it goes on, they do not hear it.",
        ),
        lost(
            "NeighbourUnresolved",
            Cause::NeighbourUnresolved,
            10.0,
            ("next hops do not answer", "20"),
            "Scans of the own network stay below the bound; a machine that is gone is its own alert.",
        ),
        lost(
            "NeighbourTableFull",
            Cause::NeighbourTableFull,
            0.1,
            ("the neighbour table is full", "0.2"),
            "New peers cannot be reached; known ones can.",
        )
        .hold("5m"),
    ]
}
