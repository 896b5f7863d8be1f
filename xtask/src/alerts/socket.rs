//! Alerts about sockets and the applications behind them.

use droplens_model::Cause;

use super::declaration::{Alert, bound};
use super::kinds::{found, lost, ticket};
use super::proof::Shape::Level;
use super::proof::{cases, input};

pub(super) fn alerts() -> Vec<Alert> {
    vec![
        lost(
            "UdpReceiveBufferFull",
            Cause::UdpReceiveBufferFull,
            1.0,
            ("UDP receive buffers are full", "2"),
            "One application is too slow for what it gets.",
        ),
        lost(
            "UdpSendBufferFull",
            Cause::UdpSendBufferFull,
            10.0,
            ("UDP send buffers are full", "20"),
            "One application sends faster than the host can.",
        ),
        lost(
            "UdpMemoryLimit",
            Cause::UdpMemoryLimit,
            0.1,
            ("the memory of all UDP sockets is used up", "0.2"),
            "Every UDP service of the host loses datagrams, mostly because one does not read.",
        )
        .hold("5m"),
        lost(
            "TcpAcceptQueueFull",
            Cause::TcpAcceptQueueFull,
            0.1,
            ("a listener does not accept fast enough", "0.2"),
            "One service is overloaded; its clients try again after a second.",
        ),
        lost(
            "TcpSynQueueFull",
            Cause::TcpSynQueueFull,
            1.0,
            ("a listener has too many half-open connections", "2"),
            "A flood of SYN segments, or clients whose answers are lost.",
        ),
        sockets(
            "TcpHalfOpenMany",
            Cause::TcpSynQueueFull,
            "syn_recv",
            500.0,
            ("half-open connections", "1k"),
            "It precedes TcpSynQueueFull.",
        )
        .remark(),
        lost(
            "TcpReceiveQueueFull",
            Cause::TcpReceiveQueueFull,
            1.0,
            ("received segments have no room", "2"),
            "One application does not read, or memory is short.",
        ),
        lost(
            "TcpBacklogDrop",
            Cause::TcpBacklogDrop,
            1.0,
            ("segments arrive faster than a busy socket takes them", "2"),
            "One connection slows down.",
        ),
        found(
            "TcpMemoryPressure",
            Cause::TcpMemoryPressure,
            "TCP is short of memory",
            "All connections of the host slow down; the next step is lost segments.",
        ),
        sockets(
            "TcpCloseWaitMany",
            Cause::CloseWaitLeak,
            "close_wait",
            100.0,
            ("connections that the application does not close", "200"),
            "A leak: it ends with no descriptor left, some day.",
        ),
        lost(
            "TcpTimeWaitOverflow",
            Cause::TimeWaitOverflow,
            1.0,
            ("there are too many connections in TIME-WAIT", "2"),
            "Late segments may disturb new connections; rare, and no outage.",
        ),
        time_wait().remark(),
        ports(),
    ]
}

/// Sockets in one state.
fn sockets(
    name: &'static str,
    cause: Cause,
    state: &str,
    most: f64,
    (what, told): (&str, &'static str),
    why: &'static str,
) -> Alert {
    let series = |family| format!("droplens_tcp_sockets{{family=\"{family}\",state=\"{state}\"}}");
    Alert {
        bounds: vec![bound("sockets", most, format!("{most} sockets"))],
        summary: format!("Many {what} on {{{{ $labels.instance }}}}."),
        description: format!(
            "{{{{ $labels.instance }}}} has {{{{ $value | humanize }}}} {what} ({state})."
        ),
        ..ticket(
            name,
            cause,
            why,
            format!(
                "sum without (family, state) (droplens_tcp_sockets{{state=\"{state}\"}}) > $sockets"
            ),
            cases(
                told,
                ["ipv4", "ipv6"]
                    .map(|family| input(series(family), Level(most), Level(most / 2.0), Level(0.0)))
                    .into(),
            ),
        )
    }
    .hold("15m")
}

fn time_wait() -> Alert {
    Alert {
        bounds: vec![bound("sockets", 10_000.0, "10 000 sockets")],
        summary: "Many connections of {{ $labels.instance }} are in TIME-WAIT.".to_owned(),
        description: "{{ $labels.instance }} has {{ $value | humanize }} connections in TIME-WAIT."
            .to_owned(),
        ..ticket(
            "TcpTimeWaitMany",
            Cause::TimeWaitOverflow,
            "Connections that are made for each request: slow, not lost.",
            "droplens_sockstat_tcp_time_wait > $sockets",
            cases(
                "12k",
                vec![input(
                    "droplens_sockstat_tcp_time_wait",
                    Level(12_000.0),
                    Level(10_000.0),
                    Level(0.0),
                )],
            ),
        )
    }
    .hold("15m")
}

fn ports() -> Alert {
    Alert {
        bounds: vec![bound("ratio", 0.8, "80 % of the range")],
        summary: "{{ $labels.instance }} runs out of local ports.".to_owned(),
        description: "{{ $value | humanizePercentage }} of the ephemeral ports of {{ $labels.instance }} are in use towards one destination; without any, connections to it fail.".to_owned(),
        ..ticket(
            "EphemeralPortsNearlyExhausted",
            Cause::EphemeralPortsExhausted,
            "Connections to one destination will fail; others will not.",
            "droplens_ephemeral_ports_used_by_busiest_destination\n  / (droplens_ephemeral_ports_limit > 0)\n> $ratio",
            cases(
                "90%",
                vec![
                    input(
                        "droplens_ephemeral_ports_used_by_busiest_destination",
                        Level(9_000.0),
                        Level(7_900.0),
                        Level(1.0),
                    ),
                    input(
                        "droplens_ephemeral_ports_limit",
                        Level(10_000.0),
                        Level(10_000.0),
                        Level(0.0),
                    ),
                ],
            ),
        )
    }
    .hold("5m")
}
