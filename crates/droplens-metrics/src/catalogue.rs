//! Every family there is, and the reference for people.

use std::fmt::Write;

use crate::{Family, source};

/// Every family, in the order in which they are written.
pub fn all() -> impl Iterator<Item = &'static Family> {
    source::ALL
        .iter()
        .flat_map(|families| families.iter().copied())
}

/// The reference of all metrics, in Markdown.
pub fn reference() -> String {
    let mut out = String::from("# Metrics\n");
    let mut origin = None;
    for family in all() {
        if origin != Some(family.origin) {
            origin = Some(family.origin);
            let id = family.origin.id();
            out.push_str("\n## ");
            out.push_str(id);
            out.push_str(
                "\n\n| name | type | labels | at most | meaning |\n|---|---|---|---|---|\n",
            );
        }
        let Family {
            name,
            kind,
            help,
            labels,
            bound,
            origin: _,
        } = family;
        let help = help.replace('*', "\\*");
        let labels = labels.join(", ");
        // Writing to a `String` cannot fail.
        let _ = writeln!(
            out,
            "| `{name}` | {} | {labels} | {bound} | {help} |",
            kind.id()
        );
    }
    out.push_str(
        "\n## Protocol counters (snmp, snmp6, netstat)\n\nEvery key the kernel has, as `droplens_netstat_<group>_<key>_total` in lower case; values \
         that are not counters are gauges without `_total`. Those that tell most about lost packets:\n\n| kernel name | meaning |\n|---|---|\n",
    );
    for (group, key, meaning) in source::netstat::WELL_KNOWN {
        let _ = writeln!(out, "| {group} {key} | {meaning} |");
    }
    out
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::Kind;

    #[test]
    fn names_and_helps_keep_the_conventions() {
        let mut names = HashSet::new();
        for family in all() {
            let name = family.name;
            assert!(names.insert(name), "{name} is there twice");
            assert!(name.starts_with("droplens_") || name.starts_with("process_"));
            let lower = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
            assert!(name.chars().all(lower), "{name}");
            assert_eq!(
                family.kind == Kind::Counter,
                name.ends_with("_total"),
                "{name}"
            );
            assert_eq!(family.kind == Kind::Info, name.ends_with("_info"), "{name}");
            for suffix in ["_count", "_sum", "_bucket", "_created"] {
                assert!(!name.ends_with(suffix), "{name}");
            }
            assert!(family.help.ends_with('.'), "{name}");
            assert!(!family.help.contains(['\n', '\\', '"', '|']), "{name}");
            assert!(!family.labels.contains(&"type") || name.starts_with("droplens_icmp_"));
        }
    }

    #[test]
    fn the_reference_has_every_family() {
        let reference = reference();
        assert!(all().all(|family| reference.contains(&format!("`{}`", family.name))));
    }
}
