//! Against the running kernel, compared with what `tc` says.

use std::net::UdpSocket;

use droplens_model::sample::qdiscs::{ClassDetail, QdiscDetail, Qdiscs, TcHandle};

use super::QdiscsReader;
use crate::Reader;
use crate::testing::{command, in_namespace};

/// Sends `count` datagrams of 1 000 bytes to this host; those a qdisc drops are not missed.
fn flood(count: usize) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    for _ in 0..count {
        let _ = socket.send_to(&[0; 1_000], "127.0.0.1:9");
    }
}

/// The number that follows `name` first after `mark`.
fn number(text: &str, mark: &str, name: &str) -> u64 {
    let object = &text[text.find(mark).unwrap()..];
    let rest = object[object.find(name).unwrap() + name.len()..].trim_start();
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap();
    rest[..end].parse().unwrap()
}

fn read() -> Qdiscs {
    let sample = QdiscsReader::new().read().unwrap();
    assert!(sample.complete);
    sample
}

#[test]
fn a_reading_works_without_privilege() {
    let mut reader = QdiscsReader::new();
    let first = reader.read().unwrap();
    assert_eq!(first.qdiscs.len(), reader.read().unwrap().qdiscs.len());
}

#[test]
fn a_token_bucket_drops_as_tc_says() {
    in_namespace(|| {
        command(
            "tc",
            "qdisc add dev lo root handle 5: tbf rate 8kbit burst 2000 limit 3000",
        );
        flood(50);
        let sample = read();
        let json = command("tc", "-s -j qdisc show dev lo");
        let [qdisc] = &sample.qdiscs[..] else {
            panic!("{sample:?}");
        };
        assert_eq!(
            (&*qdisc.key.kind, qdisc.key.handle),
            ("tbf", TcHandle(0x5_0000))
        );
        assert_eq!(qdisc.key.parent, TcHandle::ROOT);
        assert!(qdisc.statistics.drops > 0);
        assert_eq!(qdisc.statistics.drops, number(&json, "tbf", "\"drops\":"));
        assert_eq!(
            qdisc.statistics.overlimits,
            number(&json, "tbf", "\"overlimits\":")
        );
        assert!(qdisc.statistics.backlog_packets > 0);
        let QdiscDetail::Tbf(tbf) = &qdisc.detail else {
            panic!("{qdisc:?}");
        };
        assert_eq!((tbf.rate_bytes, tbf.limit_bytes), (1_000, 3_000));
    });
}

#[test]
fn classes_of_htb_tell_where_packets_went() {
    in_namespace(|| {
        command("tc", "qdisc add dev lo root handle 1: htb default 10");
        command("tc", "qdisc add dev lo clsact");
        command(
            "tc",
            "class add dev lo parent 1: classid 1:1 htb rate 40gbit ceil 48gbit burst 1000000",
        );
        command(
            "tc",
            "class add dev lo parent 1:1 classid 1:10 htb rate 8kbit ceil 8kbit burst 2000",
        );
        command(
            "tc",
            "qdisc add dev lo parent 1:10 handle 10: pfifo limit 3",
        );
        flood(50);
        let sample = read();
        let text = command("tc", "-s class show dev lo");
        let kinds: Vec<_> = sample.qdiscs.iter().map(|qdisc| &*qdisc.key.kind).collect();
        assert_eq!(kinds, ["htb", "pfifo", "clsact"]);
        assert!(
            matches!(sample.qdiscs[0].detail, QdiscDetail::Htb(htb) if htb.direct_packets == 0)
        );
        assert_eq!(sample.qdiscs[2].key.parent, TcHandle::INGRESS);

        assert_eq!(sample.classes.len(), 2);
        let class = |handle| {
            let class = sample
                .classes
                .iter()
                .find(|class| class.key.handle.0 == handle);
            class.unwrap()
        };
        let (inner, leaf) = (class(0x1_0001), class(0x1_0010));
        assert_eq!((inner.leaf, leaf.leaf), (None, Some(TcHandle(0x10_0000))));
        assert_eq!(leaf.key.parent, inner.key.handle);
        assert!(leaf.statistics.drops > 0);
        assert_eq!(leaf.statistics.drops, number(&text, "1:10", "dropped"));
        assert_eq!(leaf.statistics.drops, sample.qdiscs[0].statistics.drops);
        let ClassDetail::Htb(inner) = &inner.detail else {
            panic!("{inner:?}");
        };
        assert_eq!(
            (inner.rate_bytes, inner.ceil_bytes),
            (5_000_000_000, 6_000_000_000)
        );
    });
}
