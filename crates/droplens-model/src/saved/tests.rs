//! Which snapshots can be compared.

use std::time::Duration;

use super::*;
use crate::sample::netstat::{Counters, Key, Layout};
use crate::sample::softnet::Softnet;
use crate::{CpuId, Reading, Stamped};

fn read<T>(at: Moment, value: T) -> Reading<T> {
    Reading::Ok(Stamped {
        at,
        took: Duration::ZERO,
        value: value.into(),
    })
}

fn saved(second: u64, received: i128, processed: u64) -> SavedSnapshot {
    let at = Moment(Duration::from_secs(second));
    let key = Key {
        group: "Ip".into(),
        key: "InReceives".into(),
    };
    let counters = Counters {
        layout: Layout::new(vec![key]).into(),
        values: vec![received],
    };
    let cpu = SoftnetCpu {
        cpu: CpuId(2),
        processed,
        dropped: 0,
        time_squeezed: 0,
        received_rps: None,
        flow_limit: None,
        backlog: None,
    };
    SavedSnapshot {
        schema: SAVED_SCHEMA.into(),
        droplens: "0.1.0".into(),
        host: "db-7".into(),
        boot_id: "b1".into(),
        kernel: "6.18.0".into(),
        namespace: 4_026_531_840,
        others_not_seen: Some(2),
        taken: Timestamp(1_700_000_000_000 + second * 1_000),
        at,
        snapshot: Snapshot {
            snmp: read(at, counters),
            softnet: read(at, Softnet { cpus: vec![cpu] }),
            ..Snapshot::default()
        },
    }
}

fn told(from: &SavedSnapshot, to: &SavedSnapshot) -> String {
    pair(from, to).unwrap_err().told("A.gz", "B.gz")
}

#[test]
fn two_snapshots_of_one_boot_are_subtracted() {
    let (from, to) = (saved(1, 100, 10), saved(9, 130, 15));
    let delta = pair(&from, &to).unwrap();
    assert_eq!(delta.protocol(Protocol::snmp("Ip", "InReceives")), Some(30));
    assert_eq!(delta.softnet()[0].processed, 5);
    let mut renamed = to.clone();
    renamed.host = "db-8".into();
    assert!(pair(&from, &renamed).is_ok(), "the boot is the same");
}

#[test]
fn what_cannot_be_compared_is_told_with_the_names_of_both() {
    let from = saved(1, 100, 10);
    let other = |change: fn(&mut SavedSnapshot)| {
        let mut to = saved(9, 130, 15);
        change(&mut to);
        let text = told(&from, &to);
        assert!(text.contains("A.gz") && text.contains("B.gz"), "{text}");
        text
    };
    let text = other(|to| {
        to.host = "db-8".into();
        to.boot_id = "b2".into();
    });
    assert!(
        text.contains("\"db-7\"") && text.contains("\"db-8\""),
        "{text}"
    );
    let text = other(|to| to.boot_id = "b2".into());
    assert!(text.contains("started anew"), "{text}");
    let text = other(|to| to.namespace = 7);
    assert!(text.contains("net:[4026531840], B.gz in net:[7]"), "{text}");
    assert_eq!(pair(&from, &from).unwrap_err(), PairError::Same);
}

#[test]
fn hosts_without_a_known_boot_are_told_apart_by_name() {
    let (mut from, mut to) = (saved(1, 100, 10), saved(9, 130, 15));
    from.boot_id.clear();
    to.boot_id.clear();
    assert!(pair(&from, &to).is_ok());
    to.host = "db-8".into();
    assert!(matches!(pair(&from, &to), Err(PairError::OtherHost { .. })));
}

#[test]
fn the_wrong_order_comes_with_the_advice_to_swap() {
    assert_eq!(
        told(&saved(9, 130, 15), &saved(1, 100, 10)),
        "B.gz was taken before A.gz: swap them"
    );
}

#[test]
fn counters_that_fell_are_named() {
    let text = told(&saved(1, 100, 1 << 33), &saved(9, 99, 15));
    for told in [
        "Ip InReceives from 100 to 99",
        "softnet processed of CPU 2 from 8589934592 to 15",
    ] {
        assert!(text.contains(told), "{text}");
    }
}

#[test]
fn a_32_bit_counter_may_wrap_between_two_snapshots() {
    let (from, to) = (saved(1, 1, u64::from(u32::MAX)), saved(9, 1, 4));
    assert_eq!(pair(&from, &to).unwrap().softnet()[0].processed, 5);
}

#[test]
fn a_snapshot_is_read_back_as_it_was() {
    let saved = saved(1, i128::from(u64::MAX), 10);
    let text = serde_json::to_string(&saved).unwrap();
    assert!(text.contains(r#""value":{"Ip":{"InReceives":18446744073709551615}}"#));
    assert_eq!(serde_json::from_str::<SavedSnapshot>(&text).unwrap(), saved);
}
