use droplens_model::sample::links::OperState;

use super::*;
use crate::testing::{attribute, concat};

fn raw(index: u32, name: &str, changes: u32) -> RawLink {
    let mut closed = name.as_bytes().to_vec();
    closed.push(0);
    let message = concat(&[
        vec![0; 4],
        index.to_ne_bytes().to_vec(),
        1_u32.to_ne_bytes().to_vec(),
        vec![0; 4],
        attribute(3, &closed),
        attribute(35, &changes.to_ne_bytes()),
    ]);
    parse::link(&message).unwrap()
}

fn reader() -> LinksReader {
    LinksReader::new(&Root::new("/nowhere"))
}

#[test]
fn attributes_are_shared_until_they_change() {
    let mut reader = reader();
    let now = Instant::now();
    let list = |changes| vec![raw(1, "a", 3), raw(2, "b", changes)];
    let first = reader.refresh(list(5), Completeness::Complete, now);
    let second = reader.refresh(list(6), Completeness::Complete, now);
    let same = |n: usize| Arc::ptr_eq(&first.links[n].attributes, &second.links[n].attributes);
    assert!(same(0) && !same(1));
    assert_eq!(second.links[1].attributes.carrier_changes, Some(6));
    assert_eq!(
        second.links[1].attributes.carrier_up, None,
        "the kernel did not tell"
    );
}

#[test]
fn carrier_changes_go_on_over_a_wrap_but_not_into_a_new_device() {
    let mut reader = reader();
    let now = Instant::now();
    let mut changes = |name, raw_changes| {
        let list = vec![raw(2, name, raw_changes)];
        let links = reader.refresh(list, Completeness::Complete, now);
        links.links[0].attributes.carrier_changes
    };
    assert_eq!(changes("a", u32::MAX), Some(u64::from(u32::MAX)));
    assert_eq!(changes("a", 1), Some(u64::from(u32::MAX) + 2));
    assert_eq!(changes("b", 1), Some(1));
}

#[test]
fn statistics_are_joined_only_to_the_same_devices() {
    let mut reader = reader();
    let list = vec![raw(1, "a", 0), raw(4, "b", 0)];
    reader.refresh(list, Completeness::Complete, Instant::now());
    let with = |indices: &[u32]| {
        let statistics: Vec<_> = indices
            .iter()
            .map(|&index| {
                let statistics = LinkStatistics {
                    rx_dropped: u64::from(index),
                    ..LinkStatistics::default()
                };
                (IfIndex(index), statistics)
            })
            .collect();
        reader.known.with(&statistics, Completeness::Complete)
    };
    let links = with(&[1, 4]).unwrap();
    assert_eq!(links.get(IfIndex(4)).unwrap().statistics.rx_dropped, 4);
    assert!(links.complete);
    for changed in [&[1][..], &[1, 5], &[1, 4, 5], &[]] {
        assert_eq!(with(changed), None, "{changed:?}");
    }
}

#[test]
fn a_list_with_holes_says_so() {
    let mut reader = reader();
    let now = Instant::now();
    assert!(
        !reader
            .refresh(vec![raw(1, "a", 0)], Completeness::Partial, now)
            .complete
    );
    let statistics = [(IfIndex(1), LinkStatistics::default())];
    let links = reader
        .known
        .with(&statistics, Completeness::Complete)
        .unwrap();
    assert!(
        !links.complete,
        "what was missing from the list is still missing"
    );
}

#[test]
fn speed_and_duplex_are_unknown_when_the_driver_says_so() {
    let settings = |speed, duplex| LinkSettings { speed, duplex };
    assert_eq!(
        settings(200_000, 1).bits_per_second(),
        Some(200_000_000_000)
    );
    assert_eq!(settings(10, 0).duplex(), Some(Duplex::Half));
    for unknown in [0, 0xffff, u32::MAX] {
        assert_eq!(settings(unknown, 255).bits_per_second(), None);
    }
    assert_eq!(settings(10, 255).duplex(), None);
}

#[test]
fn hardware_is_told_from_what_is_made_in_software() {
    let directory = std::env::temp_dir().join(format!("droplens-links-{}", std::process::id()));
    std::fs::create_dir_all(directory.join("sys/class/net/eth9/device")).unwrap();
    let reader = LinksReader::new(&Root::new(&directory));
    let physical = |name: &str, kind: Option<&str>, parent| {
        let mut attributes = raw(1, name, 0).attributes;
        attributes.kind = kind.map(Name::from);
        reader.is_physical(&attributes, parent, None)
    };
    assert!(physical("eth9", None, false), "an older kernel: /sys tells");
    assert!(physical("eth1", None, true));
    assert!(!physical("eth1", None, false));
    assert!(!physical("eth9", Some("macvlan"), true));
    assert!(physical("ib0", Some("ipoib"), true));
    std::fs::remove_dir_all(directory).unwrap();
}

mod live {
    use std::net::UdpSocket;

    use super::*;
    use crate::testing::{in_namespace, ip};

    fn named<'a>(links: &'a Links, name: &str) -> &'a Link {
        links
            .links
            .iter()
            .find(|link| &**link.name() == name)
            .unwrap()
    }

    #[test]
    fn the_hosts_devices_are_read_with_and_without_their_attributes() {
        let mut reader = LinksReader::new(&Root::default());
        let first = reader.read().unwrap();
        let lo = named(&first, "lo");
        assert!(lo.attributes.loopback && !lo.attributes.physical);
        let again = reader.read().unwrap();
        assert_eq!(named(&again, "lo").attributes.index, lo.attributes.index);
        assert!(again.links.is_sorted_by_key(|link| link.attributes.index));
    }

    #[test]
    fn a_lost_carrier_is_known_as_soon_as_its_drops() {
        in_namespace(|| {
            ip("link add dl0 type veth peer name dl1");
            for command in [
                "addr add 10.9.9.1/24 dev dl0",
                "link set dl0 up",
                "link set dl1 mtu 100",
                "link set dl1 up",
                "neigh replace 10.9.9.2 dev dl0 lladdr 02:00:00:00:00:02 nud permanent",
            ] {
                ip(command);
            }
            let mut reader = LinksReader::new(&Root::default());
            let first = reader.read().unwrap();
            assert_eq!(named(&first, "dl0").attributes.carrier, Some(true));
            let changes = named(&first, "dl0").attributes.carrier_changes.unwrap();

            // Too large for the other end, so that the device counts drops of its own.
            let socket = UdpSocket::bind("10.9.9.1:0").unwrap();
            let dropped = || {
                let _refused = socket.send_to(&[0; 1000], "10.9.9.2:9");
                let links = LinksReader::new(&Root::default()).read().unwrap();
                named(&links, "dl0").statistics.tx_dropped
            };
            let pause = Duration::from_millis(20);
            assert!((0..250).any(|_| dropped() > 0 || {
                std::thread::sleep(pause);
                false
            }));
            ip("link set dl1 down");
            let second = reader.read().unwrap();
            let device = named(&second, "dl0");
            assert!(device.statistics.tx_dropped > 0);
            assert_eq!(device.attributes.carrier, Some(false));
            assert_eq!(device.attributes.carrier_changes, Some(changes + 1));
        });
    }

    #[test]
    fn devices_and_their_packets_are_followed() {
        in_namespace(|| {
            ip("link set lo up");
            ip("link add dl0 type veth peer name dl1");
            let mut reader = LinksReader::new(&Root::default());
            let first = reader.read().unwrap();
            let veth = &named(&first, "dl0").attributes;
            assert_eq!(veth.kind.as_deref(), Some("veth"));
            assert_eq!(veth.lower, Some(named(&first, "dl1").attributes.index));
            assert!(!veth.up && !veth.physical && veth.carrier.is_none());

            let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
            for _ in 0..5 {
                socket.send_to(b"x", socket.local_addr().unwrap()).unwrap();
            }
            let second = reader.read().unwrap();
            let before = named(&first, "lo").statistics;
            let after = named(&second, "lo").statistics;
            assert_eq!(after.rx_packets, before.rx_packets + 5);
            assert_eq!(after.tx_packets, before.tx_packets + 5);
            assert!(Arc::ptr_eq(
                &named(&first, "dl0").attributes,
                &named(&second, "dl0").attributes
            ));

            // A new device shows at once, not only when the attributes are next refreshed.
            ip("link add dl2 type bridge");
            ip("link set dl0 up");
            ip("link set dl1 up");
            let third = reader.read().unwrap();
            assert_eq!(
                named(&third, "dl2").attributes.kind.as_deref(),
                Some("bridge")
            );
            assert_eq!(named(&third, "dl0").attributes.carrier, Some(true));
            // The kernel works the operational state out a little later, by itself.
            let is_up = || {
                let links = LinksReader::new(&Root::default()).read().unwrap();
                named(&links, "dl0").attributes.oper_state == OperState::Up
            };
            let pause = Duration::from_millis(20);
            assert!((0..250).any(|_| is_up() || {
                std::thread::sleep(pause);
                false
            }));
            ip("link del dl0");
            let fourth = reader.read().unwrap();
            assert_eq!(fourth.links.len(), 2, "both ends of the pair are gone");
        });
    }
}
