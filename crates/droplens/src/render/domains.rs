//! The packet path: every domain in packet order, and where on it the packets are lost.

use droplens_model::{Domain, DomainReport, Report, Status};

use super::page::Page;
use super::style::Style;
use super::table::{Column, Table};
use super::text::{Ink, Text};
use super::{figures, words};

/// Columns of a bar for all the losses.
const BAR: usize = 20;

/// Terminals narrower than this have no room for bars.
const WIDE: usize = 70;

/// Longest reason shown in the table; the whole of it is told below, among the blind spots.
const REASON: usize = 60;

pub(super) fn print(report: &Report, page: &mut Page) {
    let style = page.style();
    let lost: u64 = (report.domains.iter())
        .filter(|row| in_ledger(row.domain))
        .fold(0, |sum, row| sum.saturating_add(row.packets));
    let columns = [
        Column::words("domain"),
        Column::words("status"),
        Column::numbers("packets"),
        Column::numbers("rate").spare(1),
        Column::numbers("share").spare(2),
    ];
    page.blank();
    let mut table = Table::new(0, &columns, "");
    for row in &report.domains {
        let name = match row.status {
            Status::Loss | Status::Pressure => Ink::Strong,
            Status::Clean | Status::Blind => Ink::Plain,
        };
        let [packets, rate, share] = numbers(row, report.seconds, lost);
        table.row(
            [
                Text::new(name, row.domain.id()),
                words::marked(row.status, style),
                packets,
                rate,
                share,
            ],
            note(row, lost, style),
        );
    }
    table.print(page);
}

/// Whether its packets are counted: losses on the path are estimates, and what services refuse
/// are no packets.
const fn in_ledger(domain: Domain) -> bool {
    !matches!(domain, Domain::Path | Domain::Service)
}

fn share(row: &DomainReport, lost: u64) -> Option<f64> {
    let counts = in_ledger(row.domain) && row.packets > 0 && lost > 0;
    counts.then(|| row.packets as f64 / lost as f64)
}

/// Packets, rate and share; a dash instead of packets if nobody can tell them.
fn numbers(row: &DomainReport, seconds: f64, lost: u64) -> [Text; 3] {
    if row.packets == 0 {
        let unknown = row.status == Status::Blind || row.domain == Domain::Service;
        let zero = Text::new(Ink::Dim, if unknown { "-" } else { "0" });
        return [zero, Text::default(), Text::default()];
    }
    let about = if in_ledger(row.domain) { "" } else { "~" };
    let packets = format!("{about}{}", figures::count(row.packets));
    let rate = (seconds > 0.0).then(|| figures::rate(row.packets as f64 / seconds));
    let share = share(row, lost).map(figures::percent);
    [
        Text::new(Ink::Strong, &packets),
        Text::plain(&rate.unwrap_or_default()),
        Text::plain(&share.unwrap_or_default()),
    ]
}

/// The share as a bar, and what could not be looked at.
fn note(row: &DomainReport, lost: u64, style: Style) -> Text {
    let mut note = Text::default();
    if let Some(share) = share(row, lost).filter(|_| style.width >= WIDE) {
        note.push(words::of_status(row.status), &bar(share, style));
    }
    let text = match (row.status, row.blind_causes.len(), &row.why) {
        (Status::Blind, _, Some(why)) => shortened(why, style),
        (Status::Blind, _, None) => "nothing could be looked at".to_owned(),
        (_, 0, _) => return note,
        (_, causes, _) => format!("{} not seen", figures::counted(causes as u64, "cause")),
    };
    if !note.is_empty() {
        note.push(Ink::Plain, "  ");
    }
    note.and(Ink::Dim, &text)
}

/// A share of [`BAR`] columns, and never nothing.
fn bar(share: f64, style: Style) -> String {
    let full = if style.unicode { "█" } else { "#" };
    let columns = (1..=BAR).take_while(|column| *column as f64 <= share * BAR as f64 + 0.5);
    full.repeat(columns.count().max(1))
}

/// The beginning of a reason, if it is a long one.
fn shortened(reason: &str, style: Style) -> String {
    let mut lines = Text::plain(reason).lines(REASON, REASON).into_iter();
    let first = lines.next().unwrap_or_default();
    let first: String = first.pieces().map(|(_, piece)| piece).collect();
    let more = if style.unicode { "…" } else { "..." };
    match lines.next() {
        None => first,
        Some(_) => format!("{}{more}", first.trim_end_matches([',', ';', ':', '.'])),
    }
}
