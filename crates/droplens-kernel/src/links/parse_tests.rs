use proptest::prelude::*;

use super::*;
use crate::testing::{attribute, concat};

fn header(kind: u16, index: u32, flags: u32) -> Vec<u8> {
    concat(&[
        vec![0, 0],
        kind.to_ne_bytes().to_vec(),
        index.to_ne_bytes().to_vec(),
        flags.to_ne_bytes().to_vec(),
        vec![0; 4],
    ])
}

fn number(kind: u16, value: u32) -> Vec<u8> {
    attribute(kind, &value.to_ne_bytes())
}

fn counters(values: impl IntoIterator<Item = u64>) -> Vec<u8> {
    values.into_iter().flat_map(u64::to_ne_bytes).collect()
}

#[test]
#[cfg(target_endian = "little")]
fn a_recorded_virtio_device_is_understood() {
    let bytes = include_bytes!("../../fixtures/netlink/newlink_virtio_6.18_le.bin");
    let found = link(bytes).unwrap();
    let expected = LinkAttributes {
        name: "eth0".into(),
        up: true,
        oper_state: OperState::Up,
        carrier: Some(true),
        mtu: 1400,
        transmit_queue_length: 1000,
        transmit_queues: 1,
        receive_queues: 1,
        qdisc: "pfifo_fast".into(),
        ..blank(IfIndex(4))
    };
    assert_eq!(found.attributes, expected);
    assert_eq!(found.carrier, [Some(2), Some(1), Some(1)]);
    assert!(found.parent);
    let statistics = LinkStatistics {
        rx_packets: 9_770,
        tx_packets: 5_613,
        rx_bytes: 315_025_353,
        tx_bytes: 540_873,
        ..LinkStatistics::default()
    };
    assert_eq!(found.statistics, statistics);

    let bytes = include_bytes!("../../fixtures/netlink/newstats_virtio_6.18_le.bin");
    assert_eq!(stats(bytes).unwrap(), Some((IfIndex(4), statistics)));
}

#[test]
fn statistics_of_an_old_kernel_end_early() {
    let kernel_4_5 = counters(1..=23);
    let found = statistics(&kernel_4_5);
    assert_eq!((found.rx_packets, found.tx_compressed), (1, 23));
    assert_eq!((found.rx_nohandler, found.rx_otherhost_dropped), (0, 0));
    let newer_than_known = counters(1..=40);
    assert_eq!(statistics(&newer_than_known).rx_otherhost_dropped, 25);
}

#[test]
fn a_bridge_member_of_another_namespaces_peer_is_understood() {
    let bytes = concat(&[
        header(1, 7, UP),
        attribute(ifla::IFNAME, b"veth7\0"),
        number(ifla::LINK, 2),
        number(ifla::LINK_NETNSID, 0),
        number(ifla::MASTER, 5),
        attribute(ifla::OPERSTATE, &[3]),
        attribute(ifla::CARRIER, &[0]),
        number(ifla::CARRIER_CHANGES, u32::MAX),
        attribute(ifla::LINKINFO, &attribute(INFO_KIND, b"veth\0")),
        attribute(ifla::XDP, &attribute(XDP_ATTACHED, &[2])),
    ]);
    let found = link(&bytes).unwrap();
    let expected = LinkAttributes {
        name: "veth7".into(),
        kind: Some("veth".into()),
        up: true,
        oper_state: OperState::LowerLayerDown,
        carrier: Some(false),
        master: Some(IfIndex(5)),
        xdp: Xdp::Generic,
        ..blank(IfIndex(7))
    };
    assert_eq!(
        found.attributes, expected,
        "index 2 is not one of this namespace"
    );
    assert_eq!(found.carrier, [Some(u32::MAX), None, None]);
    assert!(!found.parent);
}

#[test]
fn a_device_that_is_down_has_no_carrier_and_a_tunnel_no_lower_device() {
    let bytes = concat(&[
        header(LOOPBACK, 1, 0),
        attribute(ifla::IFNAME, b"lo\0"),
        attribute(ifla::CARRIER, &[1]),
        number(ifla::LINK, 0),
    ]);
    let found = link(&bytes).unwrap().attributes;
    assert!(found.loopback && !found.up);
    assert_eq!((found.carrier, found.lower), (None, None));
}

#[test]
fn a_name_that_is_not_text_does_not_hide_the_device() {
    let bytes = concat(&[header(1, 3, 0), attribute(ifla::IFNAME, b"e\xff\0")]);
    assert_eq!(&*link(&bytes).unwrap().attributes.name, "e\u{fffd}");
}

#[test]
fn what_is_cut_short_is_refused() {
    assert!(link(&header(1, 3, 0)[..8]).is_err());
    assert!(link(&header(1, 3, 0)).is_err(), "a device without a name");
    let bytes = concat(&[
        header(1, 3, 0),
        attribute(ifla::IFNAME, b"a\0"),
        attribute(ifla::MTU, &[1, 2]),
    ]);
    assert!(link(&bytes).is_err(), "half an MTU");
    assert!(stats(&[0; 4]).is_err());
    assert_eq!(stats(&[0; 12]).unwrap(), None);
}

proptest! {
    #[test]
    fn any_bytes_are_parsed_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = link(&bytes);
        let _ = stats(&bytes);
    }

    #[test]
    fn a_message_cut_anywhere_is_parsed_or_refused(cut in 0_usize..1496) {
        let bytes = include_bytes!("../../fixtures/netlink/newlink_virtio_6.18_le.bin");
        let _ = link(&bytes[..cut]);
    }

    #[test]
    fn statistics_come_back_as_they_were_sent(values in any::<[u64; 25]>()) {
        let mut bytes = vec![0; 4];
        bytes.extend(9_u32.to_ne_bytes());
        bytes.extend([0; 4]);
        bytes.extend(attribute(STATS_LINK_64, &counters(values)));
        let expected = LinkStatistics::from_array(values);
        prop_assert_eq!(stats(&bytes), Ok(Some((IfIndex(9), expected))));
    }
}
