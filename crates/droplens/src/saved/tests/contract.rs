//! What later versions have to read.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;

use super::*;

/// The form as the first version wrote it, unpacked. It is never changed: a later form gets a file
/// of its own.
const FIRST: &[u8] = include_bytes!("../../../../../tests/fixtures/saved/1.json");

/// The fields without which the rest means nothing, or would mean something else: those that tell
/// what an element is, and the counters of the first form. Nothing is ever added here to a source
/// that was released: whoever does makes old snapshots unreadable. A new source brings what its own
/// first form has.
const REQUIRED: &[(&str, &str)] = &[
    (
        "",
        "at boot_id droplens host kernel namespace schema snapshot taken",
    ),
    ("conntrack: ", "entries limit"),
    ("conntrack: statistics", "ok"),
    (
        "conntrack: statistics.ok.*",
        "cpu drop early_drop error found insert_failed invalid search_restart",
    ),
    ("cpu: cpus.*", "cpu irq softirq steal"),
    ("driver: devices.*", "device index layout values"),
    ("driver: devices.*.layout", "statistics"),
    ("driver: devices.*.layout.statistics.*", "counter name"),
    ("ethtool: devices.*.standard.*", "group name value"),
    ("firewall: legacy", "ok"),
    ("firewall: legacy.ok.chains.*", "active chain hook policy"),
    ("firewall: legacy.ok.chains.*.chain", "family name table"),
    (
        "firewall: legacy.ok.rules.*",
        "chain counted hooks id verdict",
    ),
    ("firewall: legacy.ok.rules.*.chain", "family name table"),
    ("firewall: legacy.ok.rules.*.counted", "exactly"),
    ("firewall: legacy.ok.rules.*.id", "line"),
    ("firewall: legacy.ok.rules.*.id.line", "fingerprint line"),
    ("firewall: nftables", "ok"),
    ("firewall: nftables.ok.chains.*", "active chain hook policy"),
    ("firewall: nftables.ok.chains.*.chain", "family name table"),
    (
        "firewall: nftables.ok.counters.*",
        "count family name table",
    ),
    (
        "firewall: nftables.ok.rules.*",
        "chain counted hooks id verdict",
    ),
    ("firewall: nftables.ok.rules.*.chain", "family name table"),
    ("firewall: nftables.ok.rules.*.counted", "exactly together"),
    ("firewall: nftables.ok.rules.*.id", "handle"),
    ("interrupts: devices.*", "device lines"),
    ("links: links.*", "attributes statistics"),
    (
        "links: links.*.attributes",
        "index loopback mtu name oper_state physical qdisc receive_queues transmit_queue_length transmit_queues up xdp",
    ),
    ("neighbours: tables.*", "entries family statistics"),
    (
        "probes: targets.*",
        "addresses asked_for kind probe state target",
    ),
    (
        "probes: targets.*.addresses.*",
        "address burst_durations burst_packets duplicates gap_packets in_flight outcomes pattern reordered round_trips sent stale unanswered_consecutive",
    ),
    ("probes: targets.*.addresses.*.failures.*", "count reason"),
    ("probes: targets.*.addresses.*.pattern", "pattern"),
    ("qdiscs: classes.*", "key statistics"),
    ("qdiscs: classes.*.detail", "kind"),
    ("qdiscs: classes.*.key", "device handle kind parent"),
    ("qdiscs: qdiscs.*", "key statistics"),
    ("qdiscs: qdiscs.*.detail", "kind"),
    ("qdiscs: qdiscs.*.key", "device handle kind parent"),
    ("snapshot.SOURCE", "ok"),
    ("snapshot.SOURCE.ok", "at value"),
    (
        "sockets: listeners.*",
        "accept_queue accept_queue_limit drops family fullest port sockets",
    ),
    (
        "sockets: udp.*",
        "drops family port receive_queue_bytes sockets",
    ),
    ("sockstat: values.*", "key protocol value"),
    ("softirqs: vectors.*", "name"),
    ("softnet: cpus.*", "cpu dropped processed time_squeezed"),
];

/// Each form has a file, which with `UPDATE_GOLDEN` is made for a new form, and never overwritten.
#[test]
fn the_newest_form_has_its_file() {
    let saved = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/saved");
    let (_, form) = SAVED_SCHEMA.split_once('/').unwrap();
    let path = format!("{saved}/{form}.json");
    if std::env::var_os("UPDATE_GOLDEN").is_some() && !Path::new(&path).exists() {
        std::fs::write(&path, document(&complete()).unwrap()).unwrap();
    }
    let file = std::fs::read(&path).expect("a file of this form: make it with UPDATE_GOLDEN=1");
    let written: Value = serde_json::from_slice(&file).unwrap();
    assert_eq!(written["schema"], SAVED_SCHEMA);
    decode(file.as_slice()).unwrap();
}

#[test]
fn the_first_form_is_read_for_ever() {
    let saved = decode(FIRST).unwrap();
    assert_eq!(saved.host, "db-7");
    let read = |source: &&Source| saved.snapshot.state(**source).id() == "ok";
    assert!(Source::ALL.iter().filter(read).count() >= 18);
    // Whatever the file says is still known.
    let written: Value = serde_json::from_slice(FIRST).unwrap();
    let rewritten = serde_json::to_value(&saved).unwrap();
    let mut lost = Vec::new();
    compare(&written["body"], &rewritten, "", &mut lost);
    assert_eq!(lost, Vec::<String>::new());
}

/// Lists what the first value has and the second has not.
fn compare(first: &Value, second: &Value, path: &str, lost: &mut Vec<String>) {
    match (first, second) {
        (Value::Object(first), Value::Object(second)) => {
            for (key, value) in first {
                let path = format!("{path}.{key}");
                match second.get(key) {
                    Some(second) => compare(value, second, &path, lost),
                    None => lost.push(path),
                }
            }
        }
        (Value::Array(first), Value::Array(second)) if first.len() == second.len() => {
            for (place, (first, second)) in first.iter().zip(second).enumerate() {
                compare(first, second, &format!("{path}[{place}]"), lost);
            }
        }
        (first, second) if first == second => {}
        _ => lost.push(path.to_owned()),
    }
}

#[test]
fn old_snapshots_may_lack_whatever_is_not_required() {
    let whole = serde_json::to_value(complete()).unwrap();
    let mut paths = BTreeSet::new();
    list(&whole, &mut Vec::new(), &mut paths);
    let reads =
        |body: &Value| decode(with_body(SAVED_SCHEMA, &body.to_string()).as_bytes()).is_ok();
    let mut rest = whole.clone();
    let mut required = BTreeMap::<String, BTreeSet<&str>>::new();
    let mut removed = 0;
    for path in &paths {
        let mut one_less = whole.clone();
        remove(&mut one_less, path);
        if reads(&one_less) {
            remove(&mut rest, path);
            removed += 1;
        } else {
            let (field, inside) = path.split_last().unwrap();
            required.entry(short(inside)).or_default().insert(field);
        }
    }
    let required: Vec<_> = required
        .into_iter()
        .map(|(inside, fields)| (inside, fields.into_iter().collect::<Vec<_>>().join(" ")))
        .collect();
    let expected: Vec<_> = REQUIRED
        .iter()
        .map(|&(inside, fields)| (inside.to_owned(), fields.to_owned()))
        .collect();
    assert_eq!(required, expected);
    assert!(removed > paths.len() / 2);
    assert!(reads(&rest), "{rest:#}");
}

/// Where something stands, without the names of sources where all are alike.
fn short(path: &[String]) -> String {
    match path {
        [_, _] => "snapshot.SOURCE".to_owned(),
        [_, _, ok] => format!("snapshot.SOURCE.{ok}"),
        [_, source, _, _, rest @ ..] => format!("{source}: {}", rest.join(".")),
        path => path.join("."),
    }
}

/// Every key of every object, as a path on which `*` stands for any place of a list.
fn list(value: &Value, path: &mut Vec<String>, paths: &mut BTreeSet<Vec<String>>) {
    let mut inside = |step: &str, value, is_key| {
        path.push(step.to_owned());
        if is_key {
            paths.insert(path.clone());
        }
        list(value, path, paths);
        path.pop();
    };
    match value {
        Value::Object(fields) => fields
            .iter()
            .for_each(|(key, value)| inside(key, value, true)),
        Value::Array(values) => values.iter().for_each(|value| inside("*", value, false)),
        _ => {}
    }
}

fn remove(value: &mut Value, path: &[String]) {
    match (value, path) {
        (Value::Object(fields), [key]) => {
            fields.remove(key);
        }
        (Value::Object(fields), [key, rest @ ..]) => {
            if let Some(value) = fields.get_mut(key) {
                remove(value, rest);
            }
        }
        (Value::Array(values), [_, rest @ ..]) => {
            for value in values {
                remove(value, rest);
            }
        }
        _ => {}
    }
}
