//! The ledger's overlap table, for people: which counter means what, and which contain others.

use std::collections::BTreeSet;
use std::fmt::Write;

use droplens_diagnosis::ledger::table::{Entry, Meaning, TABLE};
use droplens_model::driver_table::{DriverTable, Unit};
use droplens_model::{Cause, Domain};

const INTRODUCTION: &str = "\
# The ledger

Many counters of the kernel count the same lost packet. The ledger books each packet once, at the counter that says most about it. This
is its table, generated from `crates/droplens-diagnosis/src/ledger/table.rs`; [ARCHITECTURE.md](../ARCHITECTURE.md) tells how it is used.

- **lost by**: the cause of the packets that no other counter explains; *nothing* where all of them are counted elsewhere.
- **contains**: counters that may count the same packets and explain them better. What they moved is subtracted.
- **contained in**: counters from which its own packets are subtracted.

A counter is subtracted only at the same device or address family, except where the two sides count in different places: qdiscs, devices,
the neighbour tables and the firewall know no address family, and a pair of veth devices no CPU.

Three counters have a meaning that depends on what happened within the last 10 s:

- Ip and Ip6 `InHdrErrors`: `ttl_expired` if an ICMP \"time exceeded\" was sent, else `header_errors`.
- Ip and Ip6 `OutDiscards`: `link_down` if a carrier was missing; else `udp_send_buffer_full` if UDP `SndbufErrors` moved; else nothing.
- conntrack `drop`: `conntrack_table_full` if the table was at 90 % of its limit or an entry was evicted, else `conntrack_insert_failed`.

What the ledger leaves out on purpose: `rx_dropped` of every device (it contains frames that nobody wanted and what softnet dropped), Udp
`InErrors` (the sum of counters that are here), the counters of devices that repeat a lower one (bond, VLAN, macvlan), and estimates (`path_loss`).
";

/// The whole document.
pub(crate) fn reference() -> String {
    let mut out = String::from(INTRODUCTION);
    out.push_str(
        "\n## Counters\n\n| counter | lost by | contains | contained in | note |\n|---|---|---|---|---|\n",
    );
    for entry in TABLE {
        // Writing to a `String` cannot fail.
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {} |",
            entry.counter.kernel(),
            lost_by(entry.meaning),
            names(TABLE.iter().filter(|inner| contains(entry, inner))),
            names(TABLE.iter().filter(|outer| contains(outer, entry))),
            note(entry.condition)
        );
    }
    drivers(&mut out);
    unbooked(&mut out);
    out
}

fn contains(outer: &Entry, inner: &Entry) -> bool {
    outer.draws.is_some_and(|pool| inner.feeds.contains(&pool))
}

fn lost_by(meaning: Meaning) -> String {
    let causes: Vec<String> = meaning.causes().into_iter().map(link).collect();
    match &*causes {
        [] => "*nothing*".to_owned(),
        causes => causes.join(" or "),
    }
}

fn link(cause: Cause) -> String {
    format!("[{cause}](runbook/{cause}.md)")
}

fn note(condition: &str) -> &str {
    if condition == "always" { "" } else { condition }
}

fn names<'e>(entries: impl Iterator<Item = &'e Entry>) -> String {
    let names: Vec<String> = entries.map(|entry| entry.counter.kernel()).collect();
    names.join("; ")
}

/// Statistics of drivers, which differ from driver to driver.
fn drivers(out: &mut String) {
    out.push_str(
        "\n## Statistics of drivers\n\nFrom the reviewed table `crates/droplens-model/src/driver_table.toml`. They are subtracted from the link statistics that \
         count the same packets, except from `rx_dropped`, which is not in the ledger.\n\n| driver | statistic | lost by | contained in |\n|---|---|---|---|\n",
    );
    let table = DriverTable::get();
    for driver in table.drivers() {
        for (entry, cause) in table.losses(driver) {
            let _ = writeln!(
                out,
                "| {driver} | `{}`{} | {} | {} |",
                entry.pattern,
                unit(entry.unit),
                link(cause),
                entry.within.join(", ")
            );
        }
    }
}

/// Packets are not worth a word.
const fn unit(unit: Unit) -> &'static str {
    match unit {
        Unit::Packets => "",
        Unit::Events => " (events)",
    }
}

/// Causes that lose packets without any counter that tells how many.
fn unbooked(out: &mut String) {
    let table = DriverTable::get();
    let drivers = table.drivers();
    let by_drivers = drivers.iter().flat_map(|driver| table.losses(driver));
    let booked: BTreeSet<Cause> = TABLE
        .iter()
        .flat_map(|entry| entry.meaning.causes())
        .chain(by_drivers.map(|(_, cause)| cause))
        .collect();
    let counted = |cause: &&Cause| {
        cause.is_loss() && !matches!(cause.domain(), Domain::Path | Domain::Service)
    };
    let missing = Cause::ALL.iter().filter(counted);
    let missing: Vec<String> = missing
        .filter(|cause| !booked.contains(cause))
        .map(|cause| link(*cause))
        .collect();
    let _ = write!(
        out,
        "\n## Causes without an account\n\nNo counter tells how many packets these cost, so their `droplens_drops_total` is 0 or absent; each has a finding, or is blind \
         until its source is read: {}.\n",
        missing.join(", ")
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(counter: &str) -> String {
        let reference = reference();
        let start = format!("| {counter} |");
        let mut rows = reference.lines().filter(|line| line.starts_with(&start));
        let row = rows.next().unwrap_or_else(|| panic!("no {counter}"));
        assert_eq!(rows.next(), None, "{counter} twice");
        row.to_owned()
    }

    #[test]
    fn both_sides_of_an_overlap_are_told() {
        let cells = row("TcpExt ListenDrops");
        assert!(cells.contains("| TcpExt ListenOverflows |  |"), "{cells}");
        let cells = row("TcpExt ListenOverflows");
        assert!(cells.contains("|  | TcpExt ListenDrops |"), "{cells}");
    }

    #[test]
    fn every_counter_has_a_row_of_its_own_and_none_breaks_the_table() {
        for entry in TABLE {
            assert_eq!(row(&entry.counter.kernel()).matches('|').count(), 6);
        }
    }

    #[test]
    fn a_flap_has_no_account() {
        let reference = reference();
        let end = reference.lines().last().unwrap();
        assert!(
            end.contains("link_flap") && !end.contains("link_down"),
            "{end}"
        );
    }
}
