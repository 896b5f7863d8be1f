//! TCP.

use droplens_model::sample::limits::Limit;
use droplens_model::sample::pressure::{Pressure, Stall};
use droplens_model::sample::sockets::Listener;
use droplens_model::{Cause, Finding, Place, Severity, Snapshot, Source};

use crate::counters as c;
use crate::draft::Draft;
use crate::view::View;

/// The listener that most probably dropped: the one whose sockets dropped most, else one that is
/// full.
fn culprit<'a>(view: &View<'a>) -> Option<&'a Listener> {
    let listeners = &view.now().sockets.ok()?.listeners;
    let drops = view.delta.listeners();
    let worst = drops
        .iter()
        .filter(|port| port.port != 0)
        .max_by_key(|port| port.drops);
    let by_drops = worst.and_then(|worst| {
        let mut same = listeners.iter();
        same.find(|listener| listener.port == worst.port && listener.family == worst.family)
    });
    by_drops.or_else(|| listeners.iter().find(|listener| is_full(listener)))
}

/// A queue takes one more than its limit.
const fn is_full(listener: &Listener) -> bool {
    listener.fullest.0 > listener.fullest.1
}

fn at_listener(
    view: &View<'_>,
    cause: Cause,
    finish: impl Fn(Draft<'_>, Option<&Listener>) -> Finding,
) -> Vec<Finding> {
    let losses = view.losses(cause).into_iter();
    losses
        .map(|draft| {
            let listener = culprit(view);
            let draft = match listener {
                Some(listener) => draft.at(Place::Port {
                    family: listener.family,
                    port: listener.port,
                }),
                None => draft,
            };
            finish(draft, listener)
        })
        .collect()
}

pub(super) fn accept_queue_full(view: &View<'_>) -> Vec<Finding> {
    let limit = view
        .now()
        .limits
        .ok()
        .and_then(|limits| limits.get(Limit::Somaxconn));
    at_listener(view, Cause::TcpAcceptQueueFull, |draft, listener| {
        draft
            .severity(Severity::Critical)
            .what("accept queue full")
            .protocols(&[c::TCP_LISTEN_OVERFLOWS, c::TCP_LISTEN_DROPS])
            .gauge(Source::Sockets, "accept queue", listener.map(|listener| listener.fullest.0 as f64), "idiag_rqueue")
            .gauge(Source::Sockets, "its limit", listener.map(|listener| listener.fullest.1 as f64), "idiag_wqueue")
            .gauge(Source::Limits, "somaxconn", limit.map(|limit| limit as f64), "net.core.somaxconn")
            .ruled_out(&[Cause::TcpSynQueueFull])
            .next("The application does not accept fast enough: see what it does (CPU, locks, open files); raise its listen backlog and net.core.somaxconn for bursts.")
    })
}

pub(super) fn syn_queue_full(view: &View<'_>) -> Vec<Finding> {
    let limits = view.now().limits.ok();
    let limit = |limit| {
        limits
            .and_then(|limits| limits.get(limit))
            .map(|limit| limit as f64)
    };
    at_listener(view, Cause::TcpSynQueueFull, |draft, _| {
        draft
            .what("queue of half-open connections full")
            .protocols(&[c::TCP_LISTEN_DROPS, c::TCP_LISTEN_OVERFLOWS, c::TCP_COOKIES])
            .gauge(Source::Limits, "tcp_max_syn_backlog", limit(Limit::TcpMaxSynBacklog), "net.ipv4.tcp_max_syn_backlog")
            .gauge(Source::Limits, "tcp_syncookies", limit(Limit::TcpSyncookies), "net.ipv4.tcp_syncookies")
            .ruled_out(&[Cause::TcpAcceptQueueFull])
            .next("Switch SYN cookies on (net.ipv4.tcp_syncookies=1), raise net.ipv4.tcp_max_syn_backlog and the listen backlog; many peers at once may be a SYN flood.")
    })
}

pub(super) fn receive_queue_full(view: &View<'_>) -> Vec<Finding> {
    let losses = view.losses(Cause::TcpReceiveQueueFull).into_iter();
    losses
        .map(|draft| {
            draft
                .what("TCP receive buffers full")
                .protocols(&[c::TCP_RCVQ_DROP, c::TCP_OFO_DROP, c::TCP_RCV_PRUNED, c::TCP_ZERO_WINDOW_DROP])
                .next("An application reads too slowly or buffers are small: `ss -tinm` shows whose receive queue is full; see net.ipv4.tcp_rmem.")
        })
        .collect()
}

pub(super) fn backlog_drop(view: &View<'_>) -> Vec<Finding> {
    let losses = view.losses(Cause::TcpBacklogDrop).into_iter();
    losses
        .map(|draft| {
            draft
                .what("socket backlog full")
                .protocol(c::TCP_BACKLOG_DROP)
                .next("Segments came while the application held its socket: larger receive buffers (net.ipv4.tcp_rmem) and shorter system calls help.")
        })
        .collect()
}

pub(super) fn memory_pressure(view: &View<'_>) -> Vec<Finding> {
    let entered = view.moved(c::TCP_MEMORY_PRESSURES);
    let aborted = view.moved(c::TCP_ABORT_ON_MEMORY);
    if entered == 0 && aborted == 0 {
        return Vec::new();
    }
    let pages = view
        .now()
        .sockstat
        .ok()
        .and_then(|sockstat| sockstat.get("TCP", "mem"));
    vec![
        Draft::pressure(view, Cause::TcpMemoryPressure, Place::Host)
            .severity(if aborted > 0 {
                Severity::Critical
            } else {
                Severity::Warning
            })
            .summary("TCP is short of memory")
            .protocols(&[c::TCP_MEMORY_PRESSURES, c::TCP_ABORT_ON_MEMORY])
            .gauge(
                Source::Sockstat,
                "pages in use",
                pages.map(|pages| pages as f64),
                "sockstat TCP mem",
            )
            .next("Find the sockets that hold it (`ss -tanm`), then raise net.ipv4.tcp_mem."),
    ]
}

/// Windows that closed and did not open again: an application does not read.
pub(super) fn zero_window(view: &View<'_>) -> Vec<Finding> {
    let closed = view.moved(c::TCP_TO_ZERO_WINDOW);
    let opened = view.moved(c::TCP_FROM_ZERO_WINDOW);
    let probing = view
        .now()
        .sockets
        .ok()
        .map(|sockets| sockets.zero_window_probing.v4 + sockets.zero_window_probing.v6);
    // Healthy bulk transfers close their window for an instant now and then; an application that
    // does not read leaves it closed.
    let stuck = closed > opened;
    let often = view.rate(closed) >= view.thresholds.zero_windows_per_second;
    let own = stuck || (often && closed > opened.saturating_mul(2));
    let peer = view.moved(c::TCP_WIN_PROBE) > 0 && probing.unwrap_or(0) > 0;
    if !own && !peer {
        return Vec::new();
    }
    let (summary, next) = if own {
        (
            "an application does not read: its window is closed",
            "Find it (`ss -tnp` with a large Recv-Q) and what it waits for: CPU, disk, a lock, a stopped process.",
        )
    } else {
        (
            "a peer does not read: its window is closed",
            "The application at the other end does not keep up: `ss -tino` shows the peers in timer:(persist).",
        )
    };
    vec![
        Draft::pressure(view, Cause::ZeroWindow, Place::Host)
            .summary(summary)
            .protocols(&[
                c::TCP_TO_ZERO_WINDOW,
                c::TCP_FROM_ZERO_WINDOW,
                c::TCP_WIN_PROBE,
            ])
            .gauge(
                Source::Sockets,
                "sockets probing a closed window",
                probing.map(|probing| probing as f64),
                "idiag_timer 4",
            )
            // A reader that waits for its disk does not read its socket.
            .gauge(
                Source::Pressure,
                "share of time in which tasks waited for I/O",
                waiting(view, |pressure| pressure.io),
                "/proc/pressure/io some",
            )
            .gauge(
                Source::Pressure,
                "share of time in which tasks waited for a CPU",
                waiting(view, |pressure| pressure.cpu),
                "/proc/pressure/cpu some",
            )
            .ruled_out(&[Cause::PathLoss])
            .next(next),
    ]
}

/// The share of the window in which at least one task waited for a resource.
fn waiting(view: &View<'_>, resource: fn(&Pressure) -> Option<Stall>) -> Option<f64> {
    let some = |snapshot: &Snapshot| resource(snapshot.pressure.ok()?)?.some;
    let (from, to) = (some(view.delta.from)?, some(view.delta.to)?);
    let span = view.delta.span(Source::Pressure)?.as_secs_f64();
    (span > 0.0).then(|| (to.saturating_sub(from).as_secs_f64() / span).min(1.0))
}

pub(super) fn resets(view: &View<'_>) -> Vec<Finding> {
    let (sent, received) = (view.moved(c::TCP_OUT_RSTS), view.moved(c::TCP_ESTAB_RESETS));
    let limit = view.thresholds.resets_per_second;
    if view.rate(sent) < limit && view.rate(received) < limit {
        return Vec::new();
    }
    // A port scan, or churn of short connections, makes resets too: established ones matter.
    let severity = if view.rate(received) >= limit {
        Severity::Warning
    } else {
        Severity::Info
    };
    vec![
        Draft::pressure(view, Cause::TcpResets, Place::Host)
            .severity(severity)
            .summary("many connections are reset")
            .protocols(&[c::TCP_OUT_RSTS, c::TCP_ESTAB_RESETS, c::TCP_ATTEMPT_FAILS])
            .next("Capture them (`tcpdump 'tcp[tcpflags] & tcp-rst != 0'`): a closed port, an application that gives up, or a middlebox's idle timeout."),
    ]
}
