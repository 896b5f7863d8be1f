use super::*;

/// An Ethernet frame around an IPv4 packet with this protocol and what follows its header.
fn v4(number: u8, fragment: u16, rest: &[u8]) -> Vec<u8> {
    let mut frame = vec![0; 12];
    frame.extend([0x08, 0x00, 0x45, 0]);
    let length = u16::try_from(20 + rest.len()).unwrap();
    frame.extend(length.to_be_bytes());
    frame.extend([0, 1]);
    frame.extend(fragment.to_be_bytes());
    frame.extend([64, number, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
    frame.extend(rest);
    frame
}

fn v6(next: u8, rest: &[u8]) -> Vec<u8> {
    let mut frame = vec![0; 12];
    frame.extend([0x86, 0xdd, 0x60, 0, 0, 0]);
    frame.extend(u16::try_from(rest.len()).unwrap().to_be_bytes());
    frame.extend([next, 64]);
    frame.extend([0; 32]);
    frame.extend(rest);
    frame
}

/// A UDP header from port 5000 to 53, without checksum, and four bytes.
const UDP: [u8; 12] = [0x13, 0x88, 0, 53, 0, 12, 0, 0, 1, 2, 3, 4];

#[test]
fn udp_over_both() {
    for (frame, length, at) in [(v4(17, 0x4000, &UDP), 32, 34), (v6(17, &UDP), 52, 54)] {
        let packet = Packet::of(&frame).unwrap();
        assert_eq!((packet.protocol, packet.length), (Protocol::Udp, length));
        assert_eq!(packet.ports, Some((5000, 53)));
        assert_eq!(packet.fragile(&frame), Some(at + 8..at + 12));
        assert!(packet.is_chosen_by(Filter::Port(Protocol::Udp, 53)));
        assert!(packet.is_chosen_by(Filter::Port(Protocol::Udp, 5000)));
        assert!(!packet.is_chosen_by(Filter::Port(Protocol::Tcp, 53)));
        assert!(!packet.is_chosen_by(Filter::Protocol(Protocol::Icmp)));
    }
}

#[test]
fn without_a_payload_the_checksum_is_fragile() {
    let frame = v4(17, 0, &UDP[..8]);
    let packet = Packet::of(&frame).unwrap();
    assert_eq!(packet.fragile(&frame), Some(40..42));
}

#[test]
fn a_later_fragment_has_no_ports() {
    let frame = v4(17, 0x0010, &UDP);
    let packet = Packet::of(&frame).unwrap();
    assert_eq!((packet.protocol, packet.ports), (Protocol::Udp, None));
    let frame = v6(44, &[&[17, 0, 0, 0x10, 0, 0, 0, 1], &UDP[..]].concat());
    let packet = Packet::of(&frame).unwrap();
    assert_eq!((packet.protocol, packet.ports), (Protocol::Udp, None));
}

#[test]
fn neighbours_are_left_alone() {
    let mut arp = v4(17, 0, &UDP);
    arp.splice(12..14, [0x08, 0x06]);
    let solicitation = v6(58, &[135, 0, 0, 0]);
    let hop_by_hop = [58, 0, 5, 2, 0, 0, 1, 0];
    let membership = v6(0, &[&hop_by_hop[..], &[143, 0, 0, 0]].concat());
    for frame in [arp, v4(2, 0, &UDP), solicitation, membership] {
        assert_eq!(Packet::of(&frame), None);
    }
    let echo = v6(58, &[128, 0, 0, 0]);
    assert_eq!(Packet::of(&echo).unwrap().protocol, Protocol::Icmp);
}

#[test]
fn no_cut_frame_breaks_it() {
    let hop_by_hop = v6(0, &[&[17, 0, 0, 0, 0, 0, 0, 0], &UDP[..]].concat());
    for frame in [v4(17, 0, &UDP), v4(6, 0, &UDP), hop_by_hop] {
        for length in 0..frame.len() {
            let cut = &frame[..length];
            if let Some(range) = Packet::of(cut).and_then(|packet| packet.fragile(cut)) {
                assert!(range.start < range.end && range.end <= length);
            }
        }
    }
}
