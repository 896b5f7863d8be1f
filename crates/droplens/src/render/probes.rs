//! What each probe found.

use droplens_model::sample::probes::{LossPattern, TargetState};
use droplens_model::{Grade, ProbeReport, Report};

use super::figures;
use super::page::Page;
use super::table::{Column, Table};
use super::text::{Ink, Text};
use super::words;

/// A certificate that is left fewer days than this is shown as one to look at.
const DAYS: f64 = 21.0;

pub(super) fn print(report: &Report, page: &mut Page) {
    if report.probes.is_empty() {
        return;
    }
    page.heading("Probes");
    let columns = [
        Column::words("target"),
        Column::words("address").spare(4),
        Column::words("kind").spare(3),
        Column::numbers("sent").spare(2),
        Column::numbers("lost"),
        Column::words("(95 %)").spare(1),
        Column::numbers("median").spare(5),
        Column::numbers("p99").spare(6),
    ];
    let mut table = Table::new(2, &columns, "");
    for probe in &report.probes {
        table.row(
            [
                Text::new(Ink::Strong, &probe.target),
                address(probe),
                Text::plain(probe.kind.id()),
                Text::plain(&figures::count(probe.sent)),
                lost(probe),
                interval(probe),
                milliseconds(probe.round_trip_median),
                milliseconds(probe.round_trip_p99),
            ],
            notes(probe),
        );
    }
    table.print(page);
    if report.probes_left_out > 0 {
        let text = format!("and {} more", figures::count(report.probes_left_out));
        page.paragraph(2, 2, &Text::new(Ink::Dim, &text));
    }
}

/// The address, unless the target is called so.
fn address(probe: &ProbeReport) -> Text {
    let address = probe.address.map(|address| address.to_string());
    let own = address.filter(|address| **address != *probe.target);
    Text::plain(&own.unwrap_or_default())
}

/// The share that was lost; a dash where no probe can tell.
fn lost(probe: &ProbeReport) -> Text {
    match probe.loss.ratio() {
        Some(ratio) => Text::new(words::of_grade(Grade::of(ratio)), &figures::percent(ratio)),
        None => Text::new(Ink::Dim, "-"),
    }
}

/// What the share may really be.
fn interval(probe: &ProbeReport) -> Text {
    if probe.loss.of == 0 {
        return Text::default();
    }
    let (low, high) = probe.loss_interval;
    let text = format!("{} to {}", figures::percent(low), figures::percent(high));
    Text::new(Ink::Dim, &text)
}

fn milliseconds(seconds: Option<f64>) -> Text {
    let text = seconds.map(figures::round_trip);
    Text::plain(&text.unwrap_or_default())
}

/// Everything that is not the same for all probes.
fn notes(probe: &ProbeReport) -> Text {
    let mut notes = Text::default();
    let mut note = |ink: Ink, text: &str| {
        if !notes.is_empty() {
            notes.push(Ink::Plain, ", ");
        }
        notes.push(ink, text);
    };
    match probe.state {
        TargetState::Resolved => {}
        TargetState::Unresolved => note(Ink::Warning, "does not resolve"),
        TargetState::Silent => note(Ink::Dim, "never answered: no loss"),
    }
    match probe.pattern {
        LossPattern::Unknown => {}
        LossPattern::Random => note(Ink::Plain, "lost at random"),
        LossPattern::Burst { mean_packets } => note(
            Ink::Plain,
            &format!("lost in bursts of {mean_packets:.1} probes"),
        ),
        LossPattern::Periodic { period } => {
            let every = figures::duration(period.as_secs_f64());
            note(Ink::Plain, &format!("lost every {every}"));
        }
    }
    if let Some(failure) = &probe.last_failure {
        let failed = figures::count(probe.failed);
        let text = match failure.message.as_str() {
            "" => format!("{failed} failed: {}", failure.reason),
            message => format!("{failed} failed, lately {}: {message}", failure.reason),
        };
        note(Ink::Bad, &text);
    }
    if let Some(days) = probe.certificate_days {
        let ink = if days < DAYS { Ink::Bad } else { Ink::Plain };
        let text = if days < 0.0 {
            "certificate expired".to_owned()
        } else {
            format!("certificate for {days:.0} d")
        };
        note(ink, &text);
    }
    if let Some(bytes) = probe.pmtu_bytes {
        note(Ink::Plain, &format!("path MTU {bytes}"));
    }
    if let Some(route) = &probe.route {
        let text = match route.gateway {
            Some(gateway) => format!("by {} and {gateway}", route.device),
            None => format!("by {}", route.device),
        };
        note(Ink::Dim, &text);
    }
    if probe.route_changes > 0 {
        let text = figures::counted(probe.route_changes, "change");
        note(Ink::Warning, &format!("{text} of route"));
    }
    if probe.identifier_healed > 0 {
        note(
            Ink::Warning,
            "another ICMP identifier is answered: stale NAT or connection tracking on the path",
        );
    }
    notes
}
