//! Alerts about connection tracking.

use droplens_model::Cause;

use super::declaration::{Alert, bound};
use super::kinds::{lost, ticket};
use super::proof::Shape::Level;
use super::proof::{cases, input};

pub(super) fn alerts() -> Vec<Alert> {
    vec![
        lost(
            "ConntrackTableFull",
            Cause::ConntrackTableFull,
            0.1,
            ("the connection tracking table is full", "0.2"),
            "New connections fail, whichever service they are for.",
        )
        .hold("1m")
        .keep("10m")
        .page(),
        near_full(),
        lost(
            "ConntrackInsertFailed",
            Cause::ConntrackInsertFailed,
            1.0,
            ("connections clash in the tracking table", "2"),
            "Races of DNS queries from one socket make some of it routine on Kubernetes.",
        ),
    ]
}

fn near_full() -> Alert {
    let alert = ticket(
        "ConntrackNearFull",
        Cause::ConntrackNearFull,
        "The next burst of connections fills it, and then every new one fails. A limit of 0 means none.",
        "droplens_conntrack_entries / (droplens_conntrack_entries_limit > 0) > $ratio",
        cases(
            "85%",
            vec![
                input(
                    "droplens_conntrack_entries",
                    Level(85_000.0),
                    Level(79_000.0),
                    Level(85_000.0),
                ),
                input(
                    "droplens_conntrack_entries_limit",
                    Level(100_000.0),
                    Level(100_000.0),
                    Level(0.0),
                ),
            ],
        ),
    );
    Alert {
        bounds: vec![bound("ratio", 0.8, "80 % of the table")],
        summary: "The connection tracking table of {{ $labels.instance }} is nearly full.".to_owned(),
        description: "{{ $value | humanizePercentage }} of the connection tracking table of {{ $labels.instance }} are in use; when it is full, new connections fail.".to_owned(),
        ..alert
    }
    .hold("5m")
    .keep("5m")
    .page()
}
