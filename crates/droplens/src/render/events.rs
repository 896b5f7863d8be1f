//! Bursts: when, how long, how many.

use droplens_model::{Event, Report, Timestamp};

use super::figures;
use super::page::Page;
use super::table::{Column, Table};
use super::text::{Ink, Text};

/// How many are shown.
const NEWEST: usize = 10;

pub(super) fn print(report: &Report, page: &mut Page) {
    if report.events.is_empty() {
        return;
    }
    page.heading("Bursts (newest first, UTC)");
    let columns = [
        Column::words("began"),
        Column::numbers("lasted"),
        Column::numbers("packets"),
        Column::numbers("peak").spare(1),
    ];
    let mut table = Table::new(2, &columns, "cause");
    for event in report.events.iter().rev().take(NEWEST) {
        table.row(cells(event, report.start), what(event));
    }
    table.print(page);
    let older = report.events.len().saturating_sub(NEWEST);
    if older > 0 {
        let older = format!("and {} before", figures::count(older as u64));
        page.line(2, &Text::new(Ink::Dim, &older));
    }
}

fn cells(event: &Event, start: Timestamp) -> [Text; 4] {
    [
        Text::plain(&figures::clock(event.start, start)),
        Text::plain(&figures::duration(event.seconds)),
        Text::new(Ink::Strong, &figures::count(event.packets)),
        Text::plain(&figures::rate(event.peak_rate)),
    ]
}

fn what(event: &Event) -> Text {
    let what = Text::plain(&format!("{}, {}", event.cause, event.place));
    if event.ongoing {
        what.and(Ink::Bad, ", going on")
    } else {
        what
    }
}
