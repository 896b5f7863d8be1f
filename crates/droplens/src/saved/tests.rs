//! What is written is read back, by later versions too, and nothing else is.

mod contract;
mod files;
#[path = "../../../droplens-metrics/tests/host/mod.rs"]
mod host;

use std::time::Duration;

use droplens_model::sample::qdiscs::{
    Class, ClassDetail, Fq, Htb, HtbClass, Qdisc, QdiscDetail, QdiscKey, Qdiscs, QueueStatistics,
    Tbf, TcHandle,
};
use droplens_model::{
    Failure, IfIndex, Moment, Reading, Reason, Snapshot, Source, Stamped, Timestamp,
};
use proptest::prelude::*;

use super::error::Fault;
use super::read::decode;
use super::*;

/// A small host on which every kind of sample has something to say.
fn complete() -> SavedSnapshot {
    let mut snapshot = host::snapshot(host::Size {
        cpus: 2,
        cards: 1,
        queues: 2,
        veths: 1,
        listeners: 2,
        udp_ports: 2,
        rules: 2,
    });
    if let Reading::Ok(Stamped { value, .. }) = &mut snapshot.qdiscs {
        let mut qdiscs = Qdiscs::clone(value);
        shape(&mut qdiscs);
        *value = qdiscs.into();
    }
    SavedSnapshot {
        schema: SAVED_SCHEMA.to_owned(),
        droplens: "0.1.0".to_owned(),
        host: "db-7".to_owned(),
        boot_id: "5f9e8d1c-0000-4000-8000-000000000001".to_owned(),
        kernel: "6.18.0".to_owned(),
        namespace: 4_026_531_840,
        others_not_seen: Some(3),
        taken: Timestamp(1_767_323_045_250),
        at: Moment(Duration::new(100, 123_456_789)),
        snapshot,
    }
}

/// Adds one queueing discipline of each kind that has figures of its own, and a class.
fn shape(qdiscs: &mut Qdiscs) {
    let key = |minor: u32, kind: &str| QdiscKey {
        device: IfIndex(2),
        handle: TcHandle(0x0001_0000 + minor),
        parent: TcHandle::ROOT,
        kind: kind.into(),
    };
    let kinds = [
        QdiscDetail::Fq(Fq {
            horizon_drops: Some(4),
            ..Fq::default()
        }),
        QdiscDetail::Htb(Htb { direct_packets: 5 }),
        QdiscDetail::Tbf(Tbf {
            rate_bytes: u64::MAX,
            limit_bytes: 6,
        }),
    ];
    qdiscs
        .qdiscs
        .extend((0..).zip(kinds).map(|(minor, detail)| Qdisc {
            key: key(minor, "shaped"),
            statistics: QueueStatistics::default(),
            detail,
        }));
    qdiscs.classes.push(Class {
        key: key(10, "htb"),
        leaf: Some(TcHandle(0x0010_0000)),
        statistics: QueueStatistics::default(),
        detail: ClassDetail::Htb(HtbClass {
            lends: 7,
            ..HtbClass::default()
        }),
    });
}

/// The same host where nothing could be read.
fn unreadable() -> SavedSnapshot {
    let mut saved = complete();
    let failure = |reason| Failure {
        reason,
        detail: "because".into(),
    };
    for &source in Source::ALL {
        saved
            .snapshot
            .fail(source, Moment::default(), failure(Reason::Deadline));
    }
    saved.snapshot.softnet = Reading::Disabled;
    saved.snapshot.ethtool = Reading::Pending;
    saved.snapshot.pressure = Reading::Unsupported(failure(Reason::NotSupported));
    saved
}

#[test]
fn what_is_written_is_read_back() {
    for saved in [complete(), unreadable()] {
        assert_eq!(decode(&*encode(&saved).unwrap()).unwrap(), saved);
        assert_eq!(decode(&*document(&saved).unwrap()).unwrap(), saved);
    }
}

#[test]
fn parts_that_failed_are_read_back() {
    let mut saved = complete();
    if let Reading::Ok(Stamped { value, .. }) = &mut saved.snapshot.conntrack {
        let mut conntrack = (**value).clone();
        conntrack.statistics = Err(Failure {
            reason: Reason::Permission,
            detail: "no".into(),
        });
        *value = conntrack.into();
    }
    let read = decode(&*encode(&saved).unwrap()).unwrap();
    assert_eq!(read, saved);
    assert_eq!(read.snapshot.gaps().len(), 1);
}

/// A document with another text as its body, and the right checksum.
fn with_body(schema: &str, body: &str) -> String {
    let checksum = checksum(body);
    format!(r#"{{"schema":"{schema}","checksum":"{checksum}","body":{body}}}"#)
}

fn fault(document: impl AsRef<[u8]>) -> Fault {
    decode(document.as_ref()).unwrap_err()
}

#[test]
fn what_is_no_snapshot_is_told_apart() {
    let good = String::from_utf8(document(&complete()).unwrap()).unwrap();
    assert!(matches!(fault(&good[..good.len() - 9]), Fault::Truncated));
    assert!(matches!(fault(""), Fault::Truncated));
    let edited = good.replacen(r#""droplens":"0.1.0""#, r#""droplens":"0.1.1""#, 1);
    assert!(matches!(fault(edited), Fault::Edited));
    for other in [
        "# HELP droplens_up",
        "{}",
        r#"{"a":"#,
        r#"{"schema":"droplens.report/1","checksum":"0","body":1}"#,
        r#"{"schema":"droplens.snapshot/1"}"#,
    ] {
        assert!(matches!(fault(other), Fault::NotSnapshot), "{other}");
    }
    let newer = with_body(
        "droplens.snapshot/12",
        r#"{"droplens":"3.4.5","snapshot":7}"#,
    );
    let told = fault(newer).to_string();
    assert!(
        told.contains("droplens 3.4.5 in the form \"droplens.snapshot/12\""),
        "{told}"
    );
    let malformed = with_body(SAVED_SCHEMA, r#"{"droplens":"0.1.7","host":7}"#);
    let told = fault(malformed).to_string();
    assert!(
        told.contains("0.1.7") && told.contains("integer `7`"),
        "{told}"
    );
}

#[test]
fn a_small_file_that_unpacks_to_a_huge_one_is_refused() {
    let mut bomb = GzEncoder::new(Vec::new(), Compression::fast());
    bomb.write_all(br#"{"schema":"droplens.snapshot/1","#)
        .unwrap();
    let blanks = vec![b' '; 1 << 20];
    for _ in 0..=256 {
        bomb.write_all(&blanks).unwrap();
    }
    let bomb = bomb.finish().unwrap();
    assert!(bomb.len() < 4 << 20);
    assert!(matches!(fault(bomb), Fault::TooLarge));
}

#[test]
fn words_that_only_later_versions_know_do_no_harm() {
    let text = String::from_utf8(document(&complete()).unwrap()).unwrap();
    let raw: serde_json::Value = serde_json::from_str(&text).unwrap();
    let mut body = raw["body"].clone();
    body["weather"] = "fine".into();
    let snapshot = &mut body["snapshot"];
    snapshot["tea"] = serde_json::json!({"ok": {"at": 1, "value": {}}});
    let limits = &mut snapshot["limits"]["ok"]["value"]["values"];
    limits["net/core/new_limit"] = serde_json::json!([1, 2]);
    snapshot["sockets"]["ok"]["value"]["tcp"]["v4"]["dreaming"] = 5.into();
    let qdiscs = &mut snapshot["qdiscs"]["ok"]["value"]["qdiscs"];
    qdiscs[0]["detail"] = serde_json::json!({"kind": "dualpi2", "prob": 3});
    let layout = &mut snapshot["driver"]["ok"]["value"]["devices"][0]["layout"];
    assert_eq!(layout["statistics"][0]["meaning"], "link_errors");
    layout["statistics"][0]["meaning"] = "bit_rot".into();
    let read = decode(with_body(SAVED_SCHEMA, &body.to_string()).as_bytes()).unwrap();
    // Both have gone through a table that sorts keys.
    let expected = with_body(SAVED_SCHEMA, &raw["body"].to_string());
    let mut expected = decode(expected.as_bytes()).unwrap();
    let Reading::Ok(driver) = &read.snapshot.driver else {
        panic!("{read:?}");
    };
    let meaning = driver.value.devices[0].layout.statistics[0].meaning;
    assert_eq!(meaning, droplens_model::sample::driver::Meaning::Suspect);
    expected.snapshot.driver = read.snapshot.driver.clone();
    assert_eq!(read, expected);
}

/// A snapshot that is small enough to be damaged in every place.
fn small() -> SavedSnapshot {
    let complete = complete();
    SavedSnapshot {
        snapshot: Snapshot {
            softnet: complete.snapshot.softnet.clone(),
            snmp: complete.snapshot.snmp.clone(),
            limits: Reading::Disabled,
            ..Snapshot::default()
        },
        ..complete
    }
}

#[test]
fn every_beginning_is_refused() {
    let saved = small();
    for bytes in [encode(&saved).unwrap(), document(&saved).unwrap()] {
        for end in 0..bytes.len() {
            let fault = fault(&bytes[..end]);
            // To the JSON parser a sign without a number is wrong, not short.
            let sign = bytes[..end].ends_with(b":-") && matches!(fault, Fault::Edited);
            assert!(sign || matches!(fault, Fault::Truncated), "{end}: {fault}");
        }
    }
}

proptest! {
    #[test]
    fn a_flipped_bit_is_noticed(at: prop::sample::Index, bit in 0_u8..8) {
        let saved = small();
        let mut plain = document(&saved).unwrap();
        let at_plain = at.index(plain.len());
        plain[at_plain] ^= 1 << bit;
        prop_assert!(decode(&*plain).is_err());
        // Some bits mean nothing, such as the time in the gzip header.
        let mut packed = encode(&saved).unwrap();
        let at_packed = at.index(packed.len());
        packed[at_packed] ^= 1 << bit;
        match decode(&*packed) {
            Ok(read) => prop_assert_eq!(read, saved),
            Err(fault) => prop_assert!(!fault.to_string().is_empty()),
        }
    }

    #[test]
    fn any_bytes_are_refused(mut bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(decode(&*bytes).is_err());
        bytes.splice(..0, [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]);
        prop_assert!(decode(&*bytes).is_err());
    }

    #[test]
    fn any_body_is_refused(body in "\\PC{0,200}") {
        prop_assert!(decode(with_body(SAVED_SCHEMA, &body).as_bytes()).is_err());
    }
}
